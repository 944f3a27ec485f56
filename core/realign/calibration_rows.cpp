// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/realign/calibration_rows.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace safequant {
namespace {

std::vector<std::int32_t> rowsOf(const SequenceRows& sequence) {
    std::vector<std::int32_t> rows(static_cast<std::size_t>(sequence.rows));
    std::iota(rows.begin(), rows.end(), sequence.first);
    return rows;
}

}  // namespace

CalibrationBatch CalibrationRows::batch(std::span<const std::size_t> samples) const {
    CalibrationBatch batch;
    batch.samples.assign(samples.begin(), samples.end());
    std::vector<std::ptrdiff_t> prefixes(groups().size(), -1);  // Sequence of the layout that is a group's prefix.
    for (const std::size_t sample : samples) {
        const Place& at = place(sample);
        const PackedSequences& group = groups()[at.group];
        const std::int32_t first = group.offsets[at.sequence], rows = group.offsets[at.sequence + 1] - first;
        std::ptrdiff_t& prefix = prefixes[at.group];
        if (group.prefixLength > 0 && prefix < 0) {
            prefix = static_cast<std::ptrdiff_t>(batch.layout.add(group.prefixLength));
            batch.pieces.push_back({at.group, 0, group.prefixLength});
            batch.prefixRows.push_back(rowsOf(batch.layout.sequences[static_cast<std::size_t>(prefix)]));
        }
        const std::size_t sequence =
            prefix < 0 ? batch.layout.add(rows) : batch.layout.addAfter(static_cast<std::size_t>(prefix), rows);
        batch.pieces.push_back({at.group, first, rows});
        const SequenceRows& laid = batch.layout.sequences[sequence];
        batch.sampleRows.push_back(rowsOf(laid));
        // An answer's tokens never belong to the shared prefix, the prompt's last one may.
        const std::int32_t last = laid.keys() - 1 - this->samples()[sample].answerTokens;
        batch.lastRows.push_back(laid.rowAt(last));
    }
    return batch;
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

}  // namespace safequant
