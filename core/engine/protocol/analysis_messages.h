// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/engine/protocol/messages.h"

namespace safequant::protocol {

/// A weight of a probe that is not zero.
struct ProbeWeight {
    int dimension = 0;             ///< Of the block's output.
    double weight = 0.0;           ///< In log-odds of malicious for each unit of the activation.
    double meanDifference = 0.0;   ///< Mean activation of malicious minus that of benign prompts, of those the probe was fitted on.
};

/// `analysis/probe` {folder, model, block} -> ProbeWeights: the probe fitted on a model's own activations of malicious and ordinary benign
/// calibration prompts.
struct ProbeWeights {
    std::string model;  ///< "base" or "quantized".
    int block = 0;
    int hidden = 0;     ///< Dimensions there are.
    double intercept = 0.0, c = 0.0;
    std::uint64_t malicious = 0, benign = 0;  ///< Prompts the means are over.
    std::vector<ProbeWeight> weights;         ///< Largest |weight| first.
};

/// `analysis/probe-similarity` {folder, model} -> ProbeSimilarity: which blocks' probes point the same way.
struct ProbeSimilarity {
    std::string model;
    std::vector<int> blocks;  ///< Those finished, ascending.
    FloatArray cosines;       ///< `[blocks, blocks]`; NaN where a probe has no weight.
};

/// `analysis/transfer` {folder, model} -> ProbeTransfer: the base model's probe of every block on the activations that a model has in every
/// block, on evaluation prompts, malicious against ordinary benign.
struct ProbeTransfer {
    std::string model;                   ///< Whose activations.
    std::vector<int> probes, blocks;     ///< Rows and columns: blocks of probes and of activations, ascending.
    std::uint64_t total = 0;             ///< Prompts in every cell.
    std::vector<std::uint64_t> correct;  ///< `[probes * blocks]`: on the right side at log-odds 0.
    FloatArray auc;                      ///< `[probes, blocks]`.
};

/// Prompts by stated probability.
struct CalibrationBin {
    double low = 0.0, high = 1.0;
    double meanProbability = 0.0;
    Rate malicious;
};
/// The reliability curve of one way of binning.
struct ReliabilityCurve {
    std::string binning;  ///< "width" or "count".
    double error = 0.0;   ///< Expected calibration error.
    std::vector<CalibrationBin> bins;
};
/// How far the probabilities that a probe states can be believed.
struct ProbeCalibration {
    std::string probe;  ///< "base", "refitted" (on the quantized model) or "transferred" (base's probe on the quantized model).
    double brier = 0.0;
    double auc = 0.5;
    Interval aucInterval;
    std::vector<ReliabilityCurve> curves;
    Rate maliciousCaught;   ///< Malicious prompts called malicious at log-odds 0.
    Rate benignRight;       ///< Ordinary benign prompts called benign.
    Rate hardBenignRight;   ///< Hard benign prompts called benign.
    FloatArray roc;         ///< `[points, 3]`: false positives, true positives, threshold in log-odds (infinite at first).
};
/// `analysis/calibration` {folder, block, bins} -> BlockCalibrationResult, on evaluation prompts. Curves, scores and ROC: malicious against ordinary
/// benign.
struct BlockCalibrationResult {
    int block = 0;
    std::vector<ProbeCalibration> probes;  ///< Those that the block has.
};

/// Counts of values in bins of equal width.
struct HistogramCounts {
    double low = 0.0, high = 1.0;
    std::vector<std::uint64_t> counts;
    std::uint64_t below = 0, above = 0;
};

/// `analysis/weights` {folder, linear} -> LinearWeightsResult: a linear's weights before and after quantization.
struct LinearWeightsResult {
    std::string linear, scheme;
    int rows = 0, cols = 0;
    bool quantized = false;           ///< False: left alone, and only `full` is filled.
    HistogramCounts full, rounded;    ///< Of values, over one range.
    double medianScale = 0.0, medianZero = 0.0;  ///< Of the groups' grids.
    int lowestCode = 0;
    std::vector<std::uint64_t> codes; ///< Weights of each code, from the lowest.
    HistogramCounts steps;            ///< Full-precision weights in steps of their own grid.
    std::uint64_t clipped = 0;        ///< Of them, more than half a step outside.
    double relativeError = 0.0;       ///< ||W - Q|| / ||W||, against the weights shown.
    /// The method changed the weights before it rounded them (scales that moved, clipping of ranges is none of that): what it rounded are
    /// not the weights shown.
    bool rescaled = false;
    bool rotated = false;             ///< The weights shown are those of the rotated checkpoint.
};

/// Channels that enter linears which share an input.
struct OutlierInput {
    int channel = 0;
    double largest = 0.0, ratio = 0.0;  ///< |x|, and how many times the median channel's.
};
struct LinearInputs {
    std::vector<std::string> linears;    ///< Their full names.
    std::vector<float> largest;          ///< |x| by channel, over all tokens.
    double median = 0.0;                 ///< Of the channels.
    std::vector<OutlierInput> outliers;  ///< By the rule of core/quantize/value_distribution.h.
};
/// `analysis/inputs` {folder, model, tokens, ticket} -> {ticket}, at once; tickets ascend, and a new one ends the one at work. Calibration
/// prompts of the run, as many as hold at most `tokens` tokens, go through the model block by block. Then notifications
/// `analysis/block-inputs` BlockInputs, one a block, and `analysis/inputs-finished` {ticket, error?}. `analysis/cancel-inputs` {ticket} ends
/// that ticket and all before it with an error of kind cancelled.
struct BlockInputs {
    std::int64_t ticket = 0;
    std::string model;
    int block = 0, blocks = 0;             ///< This one, and how many there are.
    std::uint64_t prompts = 0, tokens = 0; ///< What went through.
    std::vector<LinearInputs> groups;      ///< Query, key and value; output; gate and up; down.
};

#define SAFEQUANT_MESSAGE(Type)          \
    nlohmann::json toJson(const Type&);  \
    void fromJson(const nlohmann::json&, Type&)

SAFEQUANT_MESSAGE(ProbeWeight);
SAFEQUANT_MESSAGE(ProbeWeights);
SAFEQUANT_MESSAGE(ProbeSimilarity);
SAFEQUANT_MESSAGE(ProbeTransfer);
SAFEQUANT_MESSAGE(CalibrationBin);
SAFEQUANT_MESSAGE(ReliabilityCurve);
SAFEQUANT_MESSAGE(ProbeCalibration);
SAFEQUANT_MESSAGE(BlockCalibrationResult);
SAFEQUANT_MESSAGE(HistogramCounts);
SAFEQUANT_MESSAGE(LinearWeightsResult);
SAFEQUANT_MESSAGE(OutlierInput);
SAFEQUANT_MESSAGE(LinearInputs);
SAFEQUANT_MESSAGE(BlockInputs);
#undef SAFEQUANT_MESSAGE

}  // namespace safequant::protocol
