// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/realign/calibration_rows.h"

#include <algorithm>
#include <stdexcept>

namespace safequant {

CalibrationRows::CalibrationRows(const DecoderConfig& config, std::vector<LearningSample> samples) : m_samples(std::move(samples)) {
    std::vector<std::vector<std::int32_t>> chats, texts;
    std::vector<bool> isText;
    for (const LearningSample& sample : m_samples) {
        if (sample.tokens.empty()) throw std::invalid_argument("[CalibrationRows] got sample " + sample.id + " without tokens, need one");
        isText.push_back(sample.kind == SampleKind::Text);
        (isText.back() ? texts : chats).push_back(sample.tokens);
    }
    const std::size_t textGroup = chats.empty() ? 0 : 1;
    std::size_t next[2] = {0, 0};
    for (const bool text : isText) m_places.push_back({text ? textGroup : 0, next[text ? 1 : 0]++});
    if (!chats.empty()) m_groups.push_back(packSequences(chats, chats.size() > 1 && mayShare(config, chats)));
    if (!texts.empty()) m_groups.push_back(packSequences(texts, false));
}

std::size_t CalibrationRows::rows() const {
    std::size_t rows = 0;
    for (const PackedSequences& group : m_groups) rows += group.rows();
    return rows;
}

CalibrationBatch CalibrationRows::batch(std::span<const std::size_t> samples) const {
    CalibrationBatch batch;
    batch.samples.assign(samples.begin(), samples.end());
    std::vector<std::ptrdiff_t> prefixes(m_groups.size(), -1);  // Sequence of the layout that is a group's prefix.
    for (const std::size_t sample : samples) {
        const Place place = m_places.at(sample);
        const PackedSequences& group = m_groups[place.group];
        const std::int32_t first = group.offsets[place.sequence], rows = group.offsets[place.sequence + 1] - first;
        std::ptrdiff_t& prefix = prefixes[place.group];
        if (group.prefixLength > 0 && prefix < 0) {
            prefix = static_cast<std::ptrdiff_t>(batch.layout.add(group.prefixLength));
            batch.pieces.push_back({place.group, 0, group.prefixLength});
        }
        const std::size_t sequence =
            prefix < 0 ? batch.layout.add(rows) : batch.layout.addAfter(static_cast<std::size_t>(prefix), rows);
        batch.pieces.push_back({place.group, first, rows});
        const SequenceRows& laid = batch.layout.sequences[sequence];
        std::vector<std::int32_t> own;
        for (std::int32_t position = 0; position < laid.keys(); ++position) own.push_back(laid.rowAt(position));
        batch.lastRows.push_back(own.back());
        batch.sampleRows.push_back(std::move(own));
    }
    return batch;
}

std::pair<std::size_t, std::int32_t> CalibrationRows::rowFromEnd(std::size_t sample, std::int32_t fromEnd) const {
    const Place place = m_places.at(sample);
    const PackedSequences& group = m_groups[place.group];
    const std::int32_t row = group.lastRow(place.sequence) - fromEnd;
    const std::int32_t first = group.offsets[place.sequence];
    return {place.group, row >= first ? row : std::max(0, group.prefixLength - (first - row))};
}

std::tuple<std::size_t, std::int32_t, std::int32_t> CalibrationRows::ownRows(std::size_t sample) const {
    const Place place = m_places.at(sample);
    const auto& offsets = m_groups[place.group].offsets;
    return {place.group, offsets[place.sequence], offsets[place.sequence + 1]};
}

at::Tensor CalibrationRows::gather(const CalibrationStream& stream, const CalibrationBatch& batch, const at::Device& device) {
    const std::size_t width = stream.front().cols();
    at::Tensor rows = at::empty({batch.layout.rows, static_cast<std::int64_t>(width)}, at::kFloat);
    float* out = rows.data_ptr<float>();
    for (const CalibrationBatch::Piece& piece : batch.pieces) {
        const std::size_t count = static_cast<std::size_t>(piece.rows) * width;
        std::copy_n(stream[piece.group].row(static_cast<std::size_t>(piece.first)), count, out);
        out += count;
    }
    return rows.to(device);
}

Expected<CalibrationStream> CalibrationRows::embed(const Checkpoint& checkpoint) const {
    CalibrationStream stream;
    for (const PackedSequences& group : m_groups) {
        auto embedded = embedTokens(checkpoint, group.tokens);
        if (!embedded) return fail(embedded.error());
        stream.push_back(std::move(*embedded));
    }
    return stream;
}

bool CalibrationRows::advance(const DecoderConfig& config, const BlockWeights& weights, CalibrationStream& stream,
                              const std::stop_token& stop) const {
    for (std::size_t group = 0; group < m_groups.size(); ++group)
        if (!forwardBlock(config, weights, m_groups[group], stream[group], stop)) return false;
    return true;
}

CalibrationStream cloneStream(const CalibrationStream& stream) {
    CalibrationStream copy;
    for (const Matrix& matrix : stream) copy.push_back(matrix.clone());
    return copy;
}

}  // namespace safequant
