// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/calibration_set.h"

#include <algorithm>
#include <stdexcept>

namespace safequant {

const char* sampleKindName(SampleKind kind) {
    constexpr const char* kNames[] = {"malicious", "benign", "text", "task"};
    return kNames[static_cast<std::size_t>(kind)];
}

CalibrationSet::CalibrationSet(const DecoderConfig& config, std::vector<LearningSample> samples) : m_samples(std::move(samples)) {
    std::vector<std::vector<std::int32_t>> chats, texts;
    std::vector<bool> isText;
    for (const LearningSample& sample : m_samples) {
        if (sample.answerTokens < 0 || static_cast<std::size_t>(sample.answerTokens) >= sample.tokens.size())
            throw std::invalid_argument("[CalibrationSet] got sample " + sample.id + " of " + std::to_string(sample.tokens.size()) + " tokens, " +
                                        std::to_string(sample.answerTokens) + " of them its answer; need at least one before it");
        isText.push_back(sample.kind == SampleKind::Text);
        (isText.back() ? texts : chats).push_back(sample.tokens);
    }
    const std::size_t textGroup = chats.empty() ? 0 : 1;
    std::size_t next[2] = {0, 0};
    for (const bool text : isText) m_places.push_back({text ? textGroup : 0, next[text ? 1 : 0]++});
    if (!chats.empty()) m_groups.push_back(packSequences(chats, chats.size() > 1 && mayShare(config, chats)));
    if (!texts.empty()) m_groups.push_back(packSequences(texts, false));
}

std::size_t CalibrationSet::rows() const {
    std::size_t rows = 0;
    for (const PackedSequences& group : m_groups) rows += group.rows();
    return rows;
}

std::pair<std::size_t, std::int32_t> CalibrationSet::rowFromEnd(std::size_t sample, std::int32_t fromEnd) const {
    const Place& at = place(sample);
    const PackedSequences& group = m_groups[at.group];
    const std::int32_t row = group.lastRow(at.sequence) - m_samples[sample].answerTokens - fromEnd;
    const std::int32_t first = group.offsets[at.sequence];
    return {at.group, row >= first ? row : std::max(0, group.prefixLength - (first - row))};
}

std::tuple<std::size_t, std::int32_t, std::int32_t> CalibrationSet::ownRows(std::size_t sample) const {
    const Place& at = place(sample);
    const auto& offsets = m_groups[at.group].offsets;
    return {at.group, offsets[at.sequence], offsets[at.sequence + 1]};
}

Expected<CalibrationStream> CalibrationSet::embed(const Checkpoint& checkpoint) const {
    CalibrationStream stream;
    for (const PackedSequences& group : m_groups) {
        auto embedded = embedTokens(checkpoint, group.tokens);
        if (!embedded) return fail(embedded.error());
        stream.push_back(std::move(*embedded));
    }
    return stream;
}

bool CalibrationSet::advance(const DecoderConfig& config, const BlockWeights& weights, CalibrationStream& stream,
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
