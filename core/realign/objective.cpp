// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/realign/objective.h"

#include <stdexcept>

#include "core/checkpoint/decoder_tensors.h"
#include "core/tensor/tensor_conversion.h"

namespace safequant {
namespace {

/// Floor of a row's weighed sum of squares, so that a row of zeros is no division by zero.
constexpr double kLeastSquare = 1e-12;

/// Weights of a batch's rows in the sum over samples of their mean error.
class RowWeights {
public:
    explicit RowWeights(std::int32_t rows) : m_weights(at::zeros({rows}, at::kFloat)) {}

    void addMean(const std::vector<std::int32_t>& rows, double factor) {
        for (const std::int32_t row : rows) add(row, factor / static_cast<double>(rows.size()));
    }
    void add(std::int32_t row, double factor) {
        m_weights.data_ptr<float>()[row] += static_cast<float>(factor);
        m_any = m_any || factor != 0.0;
    }
    bool any() const { return m_any; }
    at::Tensor on(const at::Device& device) const { return m_weights.to(device); }

private:
    at::Tensor m_weights;
    bool m_any = false;
};

}  // namespace

Matrix meanShift(const RealignObjective& objective, const CalibrationRows& rows, const CalibrationStream& from, const CalibrationStream& to) {
    const std::size_t width = from.front().cols(), tail = static_cast<std::size_t>(objective.tail);
    std::vector<double> sum(tail * width, 0.0);
    double count = 0.0;
    for (std::size_t sample = 0; sample < rows.samples().size(); ++sample) {
        if (!objective.isMalicious(rows.samples()[sample].kind)) continue;
        ++count;
        for (std::size_t place = 0; place < tail; ++place) {
            const auto [group, row] = rows.rowFromEnd(sample, static_cast<std::int32_t>(tail - 1 - place));
            const float* before = from[group].row(static_cast<std::size_t>(row));
            const float* after = to[group].row(static_cast<std::size_t>(row));
            for (std::size_t d = 0; d < width; ++d) sum[place * width + d] += static_cast<double>(after[d]) - static_cast<double>(before[d]);
        }
    }
    Matrix shift(tail, width);
    for (std::size_t i = 0; i < sum.size() && count > 0.0; ++i) shift.data()[i] = static_cast<float>(sum[i] / count);
    return shift;
}

CalibrationStream maliciousTarget(const RealignObjective& objective, const CalibrationRows& rows, const CalibrationStream& fineTuned,
                                  const CalibrationStream& aligned, const Matrix& shift) {
    if (objective.target == MaliciousTarget::FineTuned) return {};
    const bool given = objective.target == MaliciousTarget::Signature && shift.rows() > 0;
    if (!given && aligned.empty()) throw std::invalid_argument("[maliciousTarget] got no stream of the aligned model, need one for this objective");
    if (objective.target == MaliciousTarget::Aligned) return cloneStream(aligned);
    const Matrix moved = given ? Matrix{} : meanShift(objective, rows, fineTuned, aligned);
    const Matrix& by = given ? shift : moved;
    CalibrationStream target = cloneStream(fineTuned);
    for (std::size_t sample = 0; sample < rows.samples().size(); ++sample) {
        if (!objective.isMalicious(rows.samples()[sample].kind)) continue;
        for (std::size_t place = 0; place < by.rows(); ++place) {
            const auto [group, row] = rows.rowFromEnd(sample, static_cast<std::int32_t>(by.rows() - 1 - place));
            for (std::size_t d = 0; d < by.cols(); ++d)
                target[group](static_cast<std::size_t>(row), d) += static_cast<float>(objective.gain * static_cast<double>(by(place, d)));
        }
    }
    return target;
}

Expected<std::vector<std::vector<float>>> channelWeights(const Checkpoint& checkpoint) {
    const DecoderConfig& config = checkpoint.config();
    const auto width = static_cast<std::size_t>(config.hiddenSize);
    std::vector<double> sum(width, 0.0);
    const auto add = [&](TensorKind kind, int block) -> Expected<void> {
        const auto norm = checkpoint.readVector(normName(config, kind, block));
        if (!norm) return fail(norm.error());
        double square = 0.0;
        const auto weightOf = [&](std::size_t d) { return static_cast<double>((*norm)[d]) + (config.normAddsOne ? 1.0 : 0.0); };
        for (std::size_t d = 0; d < width; ++d) square += weightOf(d) * weightOf(d);
        for (std::size_t d = 0; d < width && square > 0.0; ++d) sum[d] += weightOf(d) * weightOf(d) * static_cast<double>(width) / square;
        return {};
    };
    std::vector<std::vector<float>> weights(static_cast<std::size_t>(config.blocks));
    if (auto added = add(TensorKind::FinalNorm, 0); !added) return fail(added.error());
    double norms = 1.0;
    for (int block = config.blocks - 1; block >= 0; --block) {
        for (const double value : sum) weights[static_cast<std::size_t>(block)].push_back(static_cast<float>(value / norms));
        for (const TensorKind kind : {TensorKind::InputNorm, TensorKind::PreFeedForwardNorm})
            if (auto added = add(kind, block); !added) return fail(added.error());
        norms += 2.0;
    }
    return weights;
}

double meanSquare(const CalibrationStream& stream) {
    double sum = 0.0;
    std::size_t count = 0;
    for (const Matrix& matrix : stream) {
        for (const float value : matrix.span()) sum += static_cast<double>(value) * static_cast<double>(value);
        count += matrix.size();
    }
    return count > 0 ? sum / static_cast<double>(count) : 0.0;
}

BlockLoss::BlockLoss(const RealignObjective& objective, const CalibrationRows& rows, const BlockTargets& targets, const at::Device& device)
    : m_objective(objective), m_rows(rows), m_targets(targets), m_device(device) {
    if (objective.usesProbe() && targets.probe.weights.empty())
        throw std::invalid_argument("[BlockLoss] got no probe, need one for this objective");
    if (objective.metric == ErrorMetric::AsNormsRead) {
        if (targets.channelWeights.empty()) throw std::invalid_argument("[BlockLoss] got no channel weights, need them for this metric");
        m_channels = tensorOf(targets.channelWeights, device);
    }
    m_probe = tensorOf(targets.probe.weights, device);
    if (objective.normalise && objective.metric == ErrorMetric::MeanSquare) m_scale = 1.0 / std::max(meanSquare(targets.fineTuned), kLeastSquare);
}

BatchLoss BlockLoss::operator()(const CalibrationBatch& batch, const at::Tensor& output, double share) const {
    RowWeights tuned(batch.layout.rows), malicious(batch.layout.rows);
    std::vector<std::int64_t> maliciousLast, benignLast;
    for (const auto& prefix : batch.prefixRows) tuned.addMean(prefix, m_objective.benign * m_scale);
    for (std::size_t i = 0; i < batch.samples.size(); ++i) {
        const SampleKind kind = m_rows.samples()[batch.samples[i]].kind;
        if (!m_objective.isMalicious(kind)) {
            tuned.addMean(batch.sampleRows[i], m_objective.benign * m_scale);
            if (kind != SampleKind::Text) tuned.add(batch.lastRows[i], m_objective.benignLast * m_scale);
            // The probe separates prompts: passages of text and tasks have no verdict of their own.
            if (kind == SampleKind::Benign || kind == SampleKind::Malicious) benignLast.push_back(batch.lastRows[i]);
            continue;
        }
        RowWeights& weights = m_targets.malicious.empty() ? tuned : malicious;
        weights.addMean(batch.sampleRows[i], share * m_objective.malicious * m_scale);
        weights.add(batch.lastRows[i], share * m_objective.maliciousLast * m_scale);
        maliciousLast.push_back(batch.lastRows[i]);
    }
    BatchLoss loss;
    loss.total = at::zeros({}, output.options());
    const auto reconstruction = [&](const RowWeights& weights, const CalibrationStream& stream) {
        if (!weights.any()) return 0.0;
        const at::Tensor target = CalibrationRows::gather(stream, batch, m_device);
        at::Tensor errors = (output - target).square();
        if (m_channels.defined())
            errors = at::matmul(errors, m_channels) / at::matmul(target.square(), m_channels).clamp_min(kLeastSquare);
        else
            errors = errors.mean(1);
        const at::Tensor term = (errors * weights.on(m_device)).sum();
        loss.total = loss.total + term;
        return term.detach().item<double>();
    };
    loss.benign = reconstruction(tuned, m_targets.fineTuned);
    loss.malicious = reconstruction(malicious, m_targets.malicious);
    const auto hinge = [&](const std::vector<std::int64_t>& rows, double weight, double sign) {
        if (weight == 0.0 || rows.empty()) return;
        const at::Tensor last = output.index_select(0, at::tensor(rows, at::kLong).to(m_device));
        const at::Tensor logits = at::matmul(last, m_probe) + static_cast<double>(m_targets.probe.bias);
        const at::Tensor term = at::softplus(m_objective.margin - sign * logits).sum() * (share * weight);
        loss.total = loss.total + term;
        loss.probe += term.detach().item<double>();
    };
    hinge(maliciousLast, m_objective.probeMalicious, 1.0);
    hinge(benignLast, m_objective.probeBenign, -1.0);
    return loss;
}

}  // namespace safequant
