// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/codebook_search.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>

#include "core/model/parallel.h"

namespace safequant {
namespace {

constexpr std::size_t kColumns = kCodebookColumns;
constexpr std::size_t kMostBeams = 64;
constexpr std::size_t kChunk = 16;

using Four = float __attribute__((vector_size(16)));
using FourInts = int __attribute__((vector_size(16)));

Four loadFour(const float* values) {
    Four part;
    std::memcpy(&part, values, sizeof part);
    return part;
}

Four allFour(float value) { return Four{value, value, value, value}; }

/// Whether any of the four is set.
bool anyOf(FourInts conditions) {
    std::uint64_t halves[2];
    std::memcpy(halves, &conditions, sizeof halves);
    return (halves[0] | halves[1]) != 0;
}

void transpose(const float* table, float* columns) {
    for (std::size_t k = 0; k < kCodebookEntries; ++k)
        for (std::size_t j = 0; j < kColumns; ++j) columns[j * kCodebookEntries + k] = table[k * kColumns + j];
}

/// out = base + factor * point . entry, of every entry.
void addProducts(const float* columns, const float* point, float factor, const float* base, float* out) {
    Four weights[kColumns];
    for (std::size_t j = 0; j < kColumns; ++j) weights[j] = allFour(factor * point[j]);
    for (std::size_t k = 0; k < kCodebookEntries; k += 8) {
        Four first = loadFour(base + k), second = loadFour(base + k + 4);
        for (std::size_t j = 0; j < kColumns; ++j) {
            const float* const column = columns + j * kCodebookEntries + k;
            first += weights[j] * loadFour(column);
            second += weights[j] * loadFour(column + 4);
        }
        std::memcpy(out + k, &first, sizeof first);
        std::memcpy(out + k + 4, &second, sizeof second);
    }
}

/// Codes chosen so far and what they cost.
struct CodeChoice {
    float cost = 0.0F;
    std::array<std::uint8_t, kMostCodebooks> codes{};
};

/// The cheapest choices, in order.
class CodeBeam {
public:
    explicit CodeBeam(std::size_t width) : m_width(width) {}

    std::size_t size() const { return m_size; }
    void clear() { m_size = 0; }
    const CodeChoice& operator[](std::size_t i) const { return m_choices[i]; }
    /// Offers `from` with each entry of a codebook behind it, at its cost and the sum of the entry's terms.
    void offer(const CodeChoice& from, std::size_t codebook, const float* const* terms) {
        const Four before = allFour(from.cost);
        for (std::size_t first = 0; first < kCodebookEntries; first += kChunk) {
            Four costs[kChunk / 4];
            FourInts below{};
            const Four line = allFour(worst());
            for (std::size_t i = 0; i < kChunk / 4; ++i) {
                costs[i] = before;
                for (std::size_t t = 0; t <= codebook; ++t) costs[i] += loadFour(terms[t] + first + 4 * i);
                below |= costs[i] < line;
            }
            if (!anyOf(below)) continue;
            float values[kChunk];
            std::memcpy(values, costs, sizeof values);
            for (std::size_t k = 0; k < kChunk; ++k)
                if (values[k] < worst()) insert(from, codebook, first + k, values[k]);
        }
    }

private:
    float worst() const { return m_size < m_width ? std::numeric_limits<float>::infinity() : m_choices[m_size - 1].cost; }
    void insert(const CodeChoice& from, std::size_t codebook, std::size_t code, float cost) {
        if (m_size < m_width) ++m_size;
        std::size_t at = m_size - 1;
        for (; at > 0 && m_choices[at - 1].cost > cost; --at) m_choices[at] = m_choices[at - 1];
        m_choices[at] = from;
        m_choices[at].cost = cost;
        m_choices[at].codes[codebook] = static_cast<std::uint8_t>(code);
    }

    std::size_t m_width, m_size = 0;
    std::array<CodeChoice, kMostBeams> m_choices;
};

}  // namespace

NearestEntry::NearestEntry(const float* table) : m_columns(kCodebookSize), m_self(kCodebookEntries, 0.0F) {
    transpose(table, m_columns.data());
    for (std::size_t k = 0; k < kCodebookEntries; ++k)
        for (std::size_t j = 0; j < kColumns; ++j) m_self[k] += table[k * kColumns + j] * table[k * kColumns + j];
}

std::size_t NearestEntry::find(const float* point, float& distance) const {
    float costs[kCodebookEntries];
    addProducts(m_columns.data(), point, -2.0F, m_self.data(), costs);
    std::size_t best = 0;
    for (std::size_t first = 0; first < kCodebookEntries; first += kChunk) {
        FourInts below{};
        for (std::size_t i = 0; i < kChunk; i += 4) below |= loadFour(costs + first + i) < allFour(costs[best]);
        if (!anyOf(below)) continue;
        for (std::size_t k = first; k < first + kChunk; ++k)
            if (costs[k] < costs[best]) best = k;
    }
    distance = costs[best];
    return best;
}

GroupSearch::GroupSearch(const float* tables, std::size_t codebooks, std::size_t beam)
    : m_tables(tables), m_codebooks(codebooks), m_beam(std::clamp<std::size_t>(beam, 1, kMostBeams)), m_columns(codebooks * kCodebookSize),
      m_self(codebooks), m_cross(codebooks * (codebooks - 1) / 2 * kCodebookEntries) {
    if (codebooks < 1 || codebooks > kMostCodebooks)
        throw std::invalid_argument("[GroupSearch] got " + std::to_string(codebooks) + " codebooks, need 1 to " + std::to_string(kMostCodebooks));
    for (std::size_t m = 0; m < codebooks; ++m) transpose(tables + m * kCodebookSize, m_columns.data() + m * kCodebookSize);
}

void GroupSearch::prepare(const HessianTile& hessian) {
    constexpr std::size_t kEntriesOfTask = 32;
    parallelRows(m_codebooks * kCodebookEntries, kEntriesOfTask, [&](std::size_t begin, std::size_t end) {
        for (std::size_t entry = begin; entry < end; ++entry) {
            const std::size_t m = entry / kCodebookEntries, k = entry % kCodebookEntries;
            const float* const values = m_tables + entry * kColumns;
            float product[kColumns] = {};
            for (std::size_t i = 0; i < kColumns; ++i)
                for (std::size_t j = 0; j < kColumns; ++j) product[j] += values[i] * hessian[i * kColumns + j];
            float self = 0.0F;
            for (std::size_t j = 0; j < kColumns; ++j) self += product[j] * values[j];
            m_self[m][k] = self;
            constexpr Row kNone{};
            for (std::size_t other = m + 1; other < m_codebooks; ++other)
                addProducts(m_columns.data() + other * kCodebookSize, product, 2.0F, kNone.data(),
                            m_cross[(other * (other - 1) / 2 + m) * kCodebookEntries + k].data());
        }
    });
}

bool GroupSearch::choose(const float* target, std::uint8_t* codes) const {
    Row own[kMostCodebooks];
    for (std::size_t m = 0; m < m_codebooks; ++m) addProducts(m_columns.data() + m * kCodebookSize, target, -2.0F, m_self[m].data(), own[m].data());
    CodeBeam beams[2] = {CodeBeam(m_beam), CodeBeam(m_beam)};
    const float* terms[kMostCodebooks] = {own[0].data()};
    beams[0].offer({}, 0, terms);
    for (std::size_t m = 1; m < m_codebooks; ++m) {
        const CodeBeam& before = beams[(m - 1) % 2];
        CodeBeam& next = beams[m % 2];
        next.clear();
        terms[m] = own[m].data();
        for (std::size_t b = 0; b < before.size(); ++b) {
            for (std::size_t j = 0; j < m; ++j) terms[j] = cross(j, m, before[b].codes[j]).data();
            next.offer(before[b], m, terms);
        }
    }
    const CodeBeam& beam = beams[(m_codebooks - 1) % 2];
    float now = 0.0F;
    for (std::size_t m = 0; m < m_codebooks; ++m) {
        for (std::size_t j = 0; j < m; ++j) now += cross(j, m, codes[j])[codes[m]];
        now += own[m][codes[m]];
    }
    if (beam.size() == 0 || !(beam[0].cost < now)) return false;
    std::copy_n(beam[0].codes.begin(), m_codebooks, codes);
    return true;
}

}  // namespace safequant
