// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "core/base/statistics.h"
#include "core/quantize/method.h"
#include "core/run/session.h"

namespace safequant {
namespace {

protocol::WordControl measureWords(const RunInputs& inputs) {
    const auto scores = bagOfWordsScores(inputs.prompts, inputs.sample.malicious, inputs.sample.benign);
    std::vector<double> right, evaluated;
    std::vector<int> clusters;
    std::vector<bool> positive;
    std::uint64_t correct = 0, hardBenign = 0, hardBenignRight = 0;
    for (const auto row : inputs.layout.evaluationRows) {
        const auto index = inputs.layout.prompts[row];
        const auto& prompt = inputs.prompts.prompts[index];
        const bool calledMalicious = scores[index] > 0.0;
        if (prompt.label == PromptLabel::HardBenign) {
            ++hardBenign;
            if (!calledMalicious) ++hardBenignRight;
            continue;
        }
        const bool malicious = prompt.label == PromptLabel::Malicious;
        const bool isRight = calledMalicious == malicious;
        if (isRight) ++correct;
        right.push_back(isRight ? 1.0 : 0.0);
        evaluated.push_back(scores[index]);
        clusters.push_back(prompt.cluster);
        positive.push_back(malicious);
    }
    protocol::WordControl control;
    control.accuracy = rateOf(correct, right.size());
    control.accuracyBootstrap = clusterBootstrapMean(right, clusters, inputs.spec.seed);
    control.auc = areaUnderCurve(evaluated, positive);
    control.hardBenign = rateOf(hardBenignRight, hardBenign);
    control.method = "multinomial naive Bayes on words";
    return control;
}

std::string percent(const Rate& rate) {
    const auto tenths = (rate.count * 1000 + rate.total / 2) / std::max<std::uint64_t>(rate.total, 1);
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "%";
}

/// Linears whose stored grid (4 bits, groups of 32) the scheme repeats.
std::size_t repeatedGrids(const RunInputs& inputs) {
    std::size_t repeated = 0;
    for (const auto& linear : inputs.plan) {
        const auto* tensor = inputs.checkpoint->find(linear.name + ".weight");
        if (tensor == nullptr || linear.actual.weightBits != 4 || linear.actual.groupSize != 32) continue;
        const bool withMinimum = tensor->storedType == "Q4_1" && !linear.actual.symmetric;
        if (withMinimum || tensor->storedType == "Q4_0") ++repeated;
    }
    return repeated;
}

std::string describeRotation(const RunInputs& inputs) {
    const auto& config = inputs.checkpoint->config();
    const auto named = [](const Rotation& rotation) {
        const std::string size = std::to_string(rotation.size());
        return rotation.isHadamard() ? "a random Hadamard matrix of size " + size
                                     : "a random orthogonal matrix of size " + size + " (no Hadamard matrix of that size is known here)";
    };
    std::string text = "The model is rotated before it is quantized, which changes what rounding does to it and nothing else: ";
    if (inputs.residualRotation) text += "the residual stream by " + named(*inputs.residualRotation);
    if (inputs.residualRotation && inputs.spec.rotation->heads) text += ", ";
    if (inputs.spec.rotation->heads) text += "value heads by " + named(Rotation(config.headDim, 0, "size"));
    if (!inputs.residualRotation) return text + ".";
    return text + ". Activations of the quantized model are turned back before probes and axes see them; embeddings and head are two tensors "
                  "in its export.";
}

}  // namespace

Expected<void> tellWhatToKnow(Session& session) {
    const auto& inputs = session.inputs();
    if (!inputs.device->isProcessor())
        if (auto told = session.note("Blocks, likelihoods and answers are computed on " + inputs.device->name() +
                                     ", whose last digits differ from the processor's; embeddings, rounding, probes, projections and the "
                                     "choice of tokens are computed on the processor.");
            !told)
            return told;
    if (!inputs.prompts.overlaps.empty())
        if (auto told = session.note(std::to_string(inputs.prompts.overlaps.size()) +
                                     " near-duplicate clusters have prompts in both calibration and evaluation, as the spec allows: "
                                     "accuracies and rates on evaluation prompts are too good by an unknown amount.");
            !told)
            return told;
    if (inputs.spec.hasStage("capture")) {
        const auto control = measureWords(inputs);
        if (auto told = session.tellControl(control); !told) return told;
        if (auto told = session.note(
                "Words alone tell malicious from ordinary benign prompts in " + percent(control.accuracy) +
                " of the evaluation prompts, and put " + percent(control.hardBenign) +
                " of the hard benign ones on the benign side. A probe accuracy near this proves little by itself; "
                "look at the hard benign prompts as well.");
            !told)
            return told;
    }
    const bool quantizes = inputs.spec.hasStage("quantize") || inputs.spec.hasStage("export");
    if (!quantizes) return {};
    const auto method = findQuantizationMethod(inputs.spec.method);
    if (!method) return fail(method.error());
    if (inputs.spec.hasStage("capture") && !(*method)->calibrated)
        if (auto told = session.note(
                std::string((*method)->title) +
                " uses no calibration data: the malicious fraction changes only the sample that probes and "
                "projection axes are fitted on, not the quantized weights.");
            !told)
            return told;
    if (inputs.spec.rotation)
        if (auto told = session.note(describeRotation(inputs)); !told) return told;
    if (const auto repeated = repeatedGrids(inputs); repeated > 0)
        return session.note(
            "The checkpoint stores " + std::to_string(repeated) + " of " + std::to_string(inputs.plan.size()) +
            " linears in 4 bits with groups of 32 already, the very grid that is asked for: rounding to it again is "
            "nearly lossless and proves little. Choose groups of 64 or fewer bits.");
    return {};
}

}  // namespace safequant
