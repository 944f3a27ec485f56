// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/base/matrix.h"
#include "core/model/decoder.h"
#include "core/model/packed_sequences.h"

namespace safequant {

/// The four parts of a calibration mix.
enum class SampleKind : std::uint8_t { Malicious, Benign, Text, Task };
/// "malicious", "benign", "text", "task".
const char* sampleKindName(SampleKind kind);

/// One sequence to calibrate on.
struct LearningSample {
    std::string id;  ///< Of its prompt, or what part of a text it is.
    SampleKind kind = SampleKind::Benign;
    std::vector<std::int32_t> tokens;  ///< Longer than the answer among them.
    std::int32_t answerTokens = 0;     ///< How many at the end are an answer to what is before.
};

/// Activations of all samples between two blocks: one matrix `[rows, hidden]` for each group of a CalibrationSet.
using CalibrationStream = std::vector<Matrix>;
/// A copy of a stream.
CalibrationStream cloneStream(const CalibrationStream& stream);

/// Calibration samples packed without padding: those of chats share the rows of their common prefix, passages of text stand alone.
class CalibrationSet {
public:
    /// Throws std::invalid_argument on a sample without a prompt.
    CalibrationSet(const DecoderConfig& config, std::vector<LearningSample> samples);

    const std::vector<LearningSample>& samples() const { return m_samples; }
    const std::vector<PackedSequences>& groups() const { return m_groups; }
    /// Rows all groups have together.
    std::size_t rows() const;

    /// Group and row of the position `fromEnd` tokens before the last of a sample's prompt, 0 being that one, behind which an answer
    /// begins; a row of the shared prefix when it reaches back that far.
    std::pair<std::size_t, std::int32_t> rowFromEnd(std::size_t sample, std::int32_t fromEnd) const;
    /// Group and rows `[first, last)` that are a sample's own, without the shared prefix.
    std::tuple<std::size_t, std::int32_t, std::int32_t> ownRows(std::size_t sample) const;

    /// The embeddings of all samples. Errors: those of the checkpoint.
    Expected<CalibrationStream> embed(const Checkpoint& checkpoint) const;
    /// Runs one block over a stream, in place. False when stopped.
    bool advance(const DecoderConfig& config, const BlockWeights& weights, CalibrationStream& stream, const std::stop_token& stop = {}) const;

protected:
    struct Place {
        std::size_t group, sequence;
    };
    const Place& place(std::size_t sample) const { return m_places.at(sample); }

private:
    std::vector<LearningSample> m_samples;
    std::vector<Place> m_places;
    std::vector<PackedSequences> m_groups;
};

}  // namespace safequant
