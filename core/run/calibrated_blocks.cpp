// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/calibrated_blocks.h"

#include <algorithm>
#include <cstdio>

#include "core/run/coded_blocks.h"
#include "core/run/learning_samples.h"

namespace safequant {
namespace {

std::string rounded(double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.4g", value);
    return text;
}

std::string describe(const CodedBlock& block) {
    std::string text = "Block " + std::to_string(block.weights.index) + " calibrated; relative error of outputs, time:";
    for (std::size_t i = 0; i < block.reports.size(); ++i) {
        const LinearReport& report = block.reports[i];
        if (report.outputError < 0.0) continue;
        text += std::string(" ") + linearSuffix(static_cast<LinearRole>(i)) + " " + rounded(report.outputError) + ", " +
                rounded(report.seconds) + " s";
        if (report.deadColumns > 0) text += ", " + std::to_string(report.deadColumns) + " inputs never used";
        if (report.roundedToNearest) text += ", rounded to nearest because its Hessian could not be factored";
        text += ";";
    }
    text.back() = '.';
    return text;
}

}  // namespace

Expected<void> CalibratedBlocks::require(int block) {
    const RunInputs& inputs = m_session.inputs();
    const DecoderConfig& config = inputs.checkpoint->config();
    if (hasCodedBlock(m_folder, block)) return {};
    if (m_calibrator == nullptr)
        if (auto opened = open(); !opened) return opened;
    if (auto passed = passCodedBlocks(*m_calibrator, m_folder, config, inputs.plan, block, m_session.stop()); !passed) return passed;
    const auto made = m_calibrator->calibrate(m_session.stop());
    if (!made) return fail(made.error());
    if (auto written = writeCodedBlock(m_folder, config, *made); !written) return written;
    const bool warned = std::any_of(made->reports.begin(), made->reports.end(), [](const LinearReport& report) { return report.roundedToNearest; });
    return m_session.say(warned ? "warning" : "info", describe(*made));
}

Expected<void> CalibratedBlocks::open() {
    const RunInputs& inputs = m_session.inputs();
    auto samples = drawLearningSamples(inputs, m_session.stop());
    if (!samples) return fail(samples.error());
    auto calibrator = Calibrator::create({inputs.checkpoint, inputs.plan, std::move(*samples), m_method, inputs.spec.options});
    if (!calibrator) return fail(calibrator.error());
    m_calibrator = std::move(*calibrator);
    return {};
}

}  // namespace safequant
