// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/signature_reference.h"

#include <algorithm>
#include <cmath>

#include "core/base/random.h"
#include "core/signature/tail_rows.h"

namespace safequant {
namespace {

double lengthOf(std::span<const float> row) {
    double sum = 0.0;
    for (const float value : row) sum += static_cast<double>(value) * static_cast<double>(value);
    return std::sqrt(sum);
}

/// Another direction at every position, as long as the shift's.
void turnAtRandom(std::vector<Matrix>& shifts, std::uint64_t seed) {
    RandomStream random(seed, "shift-direction");
    for (Matrix& shift : shifts)
        for (std::size_t place = 0; place < shift.rows(); ++place) {
            const std::span<float> row = shift.rowSpan(place);
            const double wanted = lengthOf(row);
            for (float& value : row) value = static_cast<float>(random.normal());
            const double scale = wanted / lengthOf(row);
            for (float& value : row) value = static_cast<float>(static_cast<double>(value) * scale);
        }
}

void control(std::vector<Matrix>& shifts, const RunSpec& spec) {
    switch (spec.learning.shiftControl) {
        case ShiftControl::None: return;
        case ShiftControl::Random: return turnAtRandom(shifts, spec.seed);
        case ShiftControl::Flipped:
            for (Matrix& shift : shifts)
                for (float& value : shift.span()) value = -value;
            return;
        case ShiftControl::OtherBlock:
            std::rotate(shifts.begin(), shifts.begin() + static_cast<std::ptrdiff_t>(shifts.size() / 2), shifts.end());
            return;
    }
}

}  // namespace

Expected<std::vector<Matrix>> signatureShifts(const RunInputs& inputs, const RealignObjective& objective, const Progress& progress) {
    const AlignmentSignature& signature = *inputs.signature;
    const auto chosen = promptsOf(signature, inputs.prompts);
    if (!chosen) return fail(chosen.error());
    std::vector<TailPrompt> prompts;
    for (int i = 0; i < chosen->malicious; ++i) {
        const Prompt& prompt = inputs.prompts.prompts[chosen->indices[static_cast<std::size_t>(i)]];
        prompts.push_back({prompt.id, prompt.text});
    }
    const auto hidden = static_cast<std::size_t>(signature.hidden), tail = static_cast<std::size_t>(objective.tail);
    const std::size_t skipped = (static_cast<std::size_t>(signature.tail) - tail) * hidden;
    std::vector<Matrix> shifts;
    // Means are of the model as it was: after a rotation they would be of other channels.
    const auto visited = visitTails(inputs.base, inputs.format, prompts, objective.tail, [&](int block, const Matrix& rows) {
        std::vector<double> sums(rows.cols(), 0.0);
        for (std::size_t r = 0; r < rows.rows(); ++r)
            for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += static_cast<double>(rows(r, i));
        const auto aligned = signature.ofBlock(signature.maliciousMeans, block).subspan(skipped);
        Matrix shift(tail, hidden);
        for (std::size_t i = 0; i < sums.size(); ++i) shift.data()[i] = static_cast<float>(static_cast<double>(aligned[i]) - sums[i] / static_cast<double>(rows.rows()));
        shifts.push_back(std::move(shift));
    }, progress);
    if (!visited) return fail(visited.error());
    control(shifts, inputs.spec);
    if (inputs.residualRotation)
        for (Matrix& shift : shifts) inputs.residualRotation->apply(shift.data(), shift.rows());
    return shifts;
}

Probe signatureProbe(const AlignmentSignature& signature, int block) {
    const auto hidden = static_cast<std::ptrdiff_t>(signature.hidden);
    const auto first = signature.probeWeights.begin() + block * hidden;
    Probe probe;
    probe.weights.assign(first, first + hidden);
    probe.intercept = static_cast<double>(signature.probeIntercepts[static_cast<std::size_t>(block)]);
    return probe;
}

}  // namespace safequant
