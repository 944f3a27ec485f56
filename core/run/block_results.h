// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/activations/store.h"
#include "core/base/error.h"
#include "core/engine/protocol/messages.h"
#include "core/quantize/quantize_block.h"
#include "core/run/run_inputs.h"
#include "core/separability/probe.h"
#include "core/separability/projection.h"

namespace safequant {

/// What one finished block leaves: the content of its file, and the summary that goes out as an event.
struct BlockOutcome {
    ArrayFile file;
    protocol::BlockSeparability summary;
};

/// Probes and axes of a block of the base model, which its quantized counterpart is measured with.
struct BaseInstruments {
    Probe ordinary;  ///< Malicious against ordinary benign.
    Probe withHard;  ///< Malicious against ordinary and hard benign.
    std::array<ProjectionAxes, 3> axes;
};

/// Name, among axes and coordinates of a quantized block, of those of the quantized model's own probe.
inline constexpr const char* kRefittedProjection = "refitted";

/// Fits both probes and the three projections on the calibration rows of `activations` `[layout.prompts, hidden]` and
/// scores the evaluation rows.
BlockOutcome measureBaseBlock(const RunInputs& inputs, int block, const Matrix& activations);

/// Refits both probes on the quantized model's activations, applies the base model's probes and axes and its own probe's axes to them,
/// and compares with the base model's activations. Errors: bad_input when the base block's file lacks
/// something; cancelled.
Expected<BlockOutcome> measureQuantizedBlock(const RunInputs& inputs, int block, const Matrix& activations,
                                             const ArrayFile& base, std::vector<protocol::LinearInfo> linears,
                                             const std::stop_token& stop = {});

/// What a probe says of the evaluation prompts, by their activations `[layout.evaluationRows, hidden]`.
protocol::ProbeSummary scoreEvaluation(const RunInputs& inputs, const Probe& probe, const Matrix& activations);

/// ||h - h_base|| / ||h_base|| over all rows. The shapes must agree.
double relativeDistance(const Matrix& activations, const Matrix& base);

Expected<BaseInstruments> readInstruments(const ArrayFile& base);
/// A probe of a block's file: "probe" or "probe_with_hard". Error: bad_input.
Expected<Probe> readProbe(const ArrayFile& file, const std::string& name);
/// Axes of a block's file: "probe", "lda", "pca" or kRefittedProjection. Error: bad_input.
Expected<ProjectionAxes> readAxes(const ArrayFile& file, const std::string& kind);
/// Rows `[n, features]` on axes, `[n, 2]`, moved by `shift` along the first.
protocol::FloatArray pointsOn(const ProjectionAxes& axes, const Matrix& x, float shift = 0.0F);
protocol::ProbeSummary probeSummary(const ProbeScores& scores, const Probe& probe);

/// "FOLDER/blocks/base-003.h5".
std::string blockPath(const std::string& folder, const std::string& model, int block);
/// Whether a block of a model ("base" or "quantized") has its results.
bool blockFinished(const std::string& folder, const std::string& model, int block);
/// How many leading blocks of a model have theirs.
int finishedBlockCount(const std::string& folder, const std::string& model);
/// Summary kept in a block's file; empty when the file is missing or damaged.
std::optional<protocol::BlockSeparability> readBlockSummary(const std::string& folder, const std::string& model,
                                                            int block);

/// One linear as messages tell it, before and after it was quantized.
protocol::LinearInfo linearInfo(const LinearPlan& plan, const DecoderConfig& config);
protocol::LinearInfo linearInfo(const LinearOutcome& outcome, const DecoderConfig& config);

}  // namespace safequant
