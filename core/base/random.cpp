// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/random.h"

#include <bit>
#include <cmath>
#include <numbers>
#include <stdexcept>

namespace safequant {

RandomStream::RandomStream(std::uint64_t seed, std::string_view name) {
    std::uint64_t mix = 0xcbf29ce484222325ULL;
    for (const char c : name) mix = (mix ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    mix ^= seed;
    for (auto& word : m_state) {
        mix += 0x9e3779b97f4a7c15ULL;
        std::uint64_t z = mix;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        word = z ^ (z >> 31);
    }
}

std::uint64_t RandomStream::next() {
    const std::uint64_t result = std::rotl(m_state[1] * 5, 7) * 9;
    const std::uint64_t t = m_state[1] << 17;
    m_state[2] ^= m_state[0];
    m_state[3] ^= m_state[1];
    m_state[1] ^= m_state[2];
    m_state[0] ^= m_state[3];
    m_state[2] ^= t;
    m_state[3] = std::rotl(m_state[3], 45);
    return result;
}

std::uint64_t RandomStream::below(std::uint64_t bound) {
    if (bound == 0) throw std::invalid_argument("[RandomStream::below] got bound 0, need a positive bound");
    std::uint64_t value = next();
    // What is rejected lies below the bound: the division that says where is hardly ever needed.
    if (value < bound)
        for (const std::uint64_t reject = (0 - bound) % bound; value < reject;) value = next();
    return value % bound;
}

double RandomStream::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

double RandomStream::normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

}  // namespace safequant
