// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/run_inputs.h"

#include <algorithm>

#include "core/base/files.h"
#include "core/base/hash.h"
#include "core/base/random.h"
#include "core/quantize/method.h"
#include "core/run/learning_samples.h"
#include "core/text/tokenizer_difference.h"

namespace safequant {
namespace {

int labelCode(PromptLabel label) {
    switch (label) {
        case PromptLabel::Malicious:
            return 1;
        case PromptLabel::Benign:
            return 0;
        case PromptLabel::HardBenign:
            break;
    }
    return 2;
}

Expected<void> checkEnough(const RunInputs& inputs) {
    const auto check = [&](std::size_t have, const char* kind) -> Expected<void> {
        if (have >= static_cast<std::size_t>(inputs.spec.probeFolds)) return {};
        return fail(ErrorKind::BadInput,
                    "The calibration sample has " + std::to_string(have) + " " + kind + " prompts, fewer than the " +
                        std::to_string(inputs.spec.probeFolds) +
                        " folds of the probe's cross-validation. Raise mix.total, or lower probe.folds.",
                    "mix");
    };
    if (auto enough = check(inputs.sample.malicious.size(), "malicious"); !enough) return enough;
    if (auto enough = check(inputs.sample.benign.size(), "benign"); !enough) return enough;
    if (inputs.prompts.indices(PromptLabel::Malicious, PromptSplit::Evaluation).empty() ||
        inputs.prompts.indices(PromptLabel::Benign, PromptSplit::Evaluation).empty())
        return fail(ErrorKind::BadInput, "The prompt set needs malicious and benign prompts in its evaluation split.",
                    inputs.prompts.name);
    return {};
}

Error overlapError(const PromptSet& set) {
    const auto& first = set.overlaps.front();
    const auto count = set.overlaps.size();
    return {ErrorKind::BadInput,
            std::to_string(count) + (count == 1 ? " near-duplicate cluster has" : " near-duplicate clusters have") +
                " prompts in both calibration and evaluation (first: \"" + set.prompts[first.calibration].id + "\" and \"" +
                set.prompts[first.evaluation].id +
                "\"): what is learnt from one is measured on the other. Let the prompts be dealt out again by clusters (split.again), "
                "or allow it (split.allow_overlap).",
            set.name};
}

Expected<void> openPrompts(RunInputs& inputs) {
    const auto files = resolvePromptFiles(inputs.spec.prompts);
    if (!files) return fail(files.error());
    auto prompts = loadPromptSet(*files, inputs.spec.split);
    if (!prompts) return fail(prompts.error());
    if (!prompts->overlaps.empty() && !inputs.spec.allowOverlap) return fail(overlapError(*prompts));
    inputs.prompts = std::move(*prompts);
    return {};
}

/// The aligned model, for methods that learn towards it.
Expected<void> openAligned(RunInputs& inputs) {
    const auto method = findQuantizationMethod(inputs.spec.method);
    if (!method) return fail(method.error());
    if ((!(*method)->learned() && !inputs.spec.patch) || !inputs.spec.hasStage("quantize") || !inputs.spec.aligned.given()) return {};
    const AlignedModel& aligned = inputs.spec.aligned;
    auto checkpoint = openModel(aligned.checkpoint.empty() ? inputs.spec.checkpoint : aligned.checkpoint, aligned.adapters);
    if (!checkpoint) return fail(checkpoint.error());
    inputs.aligned = std::move(*checkpoint);
    if (!inputs.spec.rotation) return {};
    auto rotated = rotateCheckpoint(inputs.aligned, *inputs.spec.rotation);
    if (!rotated) return fail(rotated.error());
    inputs.aligned = std::move(*rotated);
    return {};
}

/// What stands for it, once there are prompts.
Expected<void> openSignature(RunInputs& inputs) {
    const RunSpec& spec = inputs.spec;
    if (spec.signature.empty() || !spec.hasStage("quantize")) return {};
    auto signature = readSignature(spec.signature);
    if (!signature) return fail(signature.error());
    if (auto fits = fittingPrompts(*signature, *inputs.base, inputs.format, inputs.prompts, spec.signature); !fits) return fail(fits.error());
    if (spec.learning.learning.objective.tail > signature->tail)
        return fail(ErrorKind::BadInput, "It moves " + std::to_string(spec.learning.learning.objective.tail) + " positions, and the signature has " +
                                             std::to_string(signature->tail) + "; ask for no more, or for 0: all of them.", "quantization.learning.tail");
    inputs.signature = std::make_shared<const AlignmentSignature>(std::move(*signature));
    return {};
}

/// AAQ compares distributions token by token: both models must mean the same by every id.
Expected<void> checkVocabulary(const RunInputs& inputs, const std::string& where) {
    const DecoderConfig &ours = inputs.checkpoint->config(), &theirs = inputs.pretrained->config();
    if (ours.vocabulary != theirs.vocabulary)
        return fail(ErrorKind::Mismatch,
                    "The pretrained model has " + std::to_string(theirs.vocabulary) + " tokens and the run's has " +
                        std::to_string(ours.vocabulary) +
                        ": their distributions cannot be compared. Name the model that the run's was made from.",
                    where);
    const auto differences = compareTokenizers(inputs.checkpoint->tokenizerSource(), inputs.pretrained->tokenizerSource());
    if (!differences) return fail(differences.error());
    for (const TokenizerDifference& difference : *differences)
        if (difference.aspect == "vocabulary")
            return fail(ErrorKind::Mismatch,
                        "The pretrained model's vocabulary is not the run's: " + difference.detail +
                            " Name the model that the run's was made from.",
                        where);
    return {};
}

/// What a contrastive alignment keeps away from.
Expected<void> openPretrained(RunInputs& inputs) {
    const RunSpec& spec = inputs.spec;
    if (!spec.hasStage("patch") || spec.patch->kind != PatchKind::Align || spec.patch->options.alignment.contrast == 0.0) return {};
    const AlignedModel& pretrained = spec.patch->pretrained;
    auto checkpoint = openModel(pretrained.checkpoint.empty() ? spec.checkpoint : pretrained.checkpoint, pretrained.adapters);
    if (!checkpoint) return fail(checkpoint.error());
    inputs.pretrained = std::move(*checkpoint);
    return checkVocabulary(inputs, "quantization.patch.pretrained");
}

Expected<void> openBase(RunInputs& inputs) {
    auto base = openModel(inputs.spec.checkpoint, inputs.spec.adapters);
    if (!base) return fail(base.error());
    inputs.base = inputs.checkpoint = std::move(*base);
    if (!inputs.spec.rotation) return {};
    auto rotated = rotateCheckpoint(inputs.base, *inputs.spec.rotation);
    if (!rotated) return fail(rotated.error());
    inputs.checkpoint = std::move(*rotated);
    if (inputs.spec.rotation->residual) inputs.residualRotation = residualRotation(inputs.base->config().hiddenSize, *inputs.spec.rotation);
    return {};
}

Expected<RunTask> openTask(const TaskChoice& choice, std::uint64_t seed) {
    RunTask task{choice, {}, {}};
    const auto path = resolveResource(choice.file);
    if (!path) return fail(path.error());
    auto hash = sha256File(*path);
    if (!hash) return fail(hash.error());
    task.hash = std::move(*hash);
    auto items = readTaskItems(*path, *findTaskKind(choice.kind));
    if (!items) return fail(items.error());
    task.items = chooseTaskItems(std::move(*items), choice.limit, seed);
    return task;
}

}  // namespace

CaptureLayout makeLayout(const PromptSet& prompts, const CalibrationSample& sample) {
    enum Use : unsigned { kFit = 1, kFitHard = 2, kEvaluation = 4 };
    std::vector<unsigned> use(prompts.prompts.size(), 0);
    for (const auto index : sample.malicious) use[index] |= kFit;
    for (const auto index : sample.benign) use[index] |= kFit;
    for (const auto index : sample.hardBenign) use[index] |= kFitHard;
    for (std::size_t i = 0; i < use.size(); ++i)
        if (prompts.prompts[i].split == PromptSplit::Evaluation) use[i] |= kEvaluation;

    CaptureLayout layout;
    for (std::size_t i = 0; i < use.size(); ++i) {
        if (use[i] == 0) continue;
        const auto row = layout.prompts.size();
        const auto& prompt = prompts.prompts[i];
        layout.prompts.push_back(i);
        layout.label.push_back(labelCode(prompt.label));
        layout.positive.push_back(prompt.label == PromptLabel::Malicious);
        layout.cluster.push_back(prompt.cluster);
        if ((use[i] & kFit) != 0) layout.fitRows.push_back(row);
        if ((use[i] & (kFit | kFitHard)) != 0) layout.fitRowsWithHard.push_back(row);
        if ((use[i] & kEvaluation) != 0) layout.evaluationRows.push_back(row);
    }
    return layout;
}

std::vector<std::size_t> chooseAsked(const PromptSet& prompts, const RunSpec& spec) {
    std::vector<std::size_t> chosen;
    const auto choose = [&](PromptLabel label, int count) {
        auto candidates = prompts.indices(label, PromptSplit::Evaluation);
        RandomStream random(spec.seed, std::string("evaluation prompts, ") + promptLabelName(label));
        random.shuffle(candidates);
        candidates.resize(std::min(candidates.size(), static_cast<std::size_t>(count)));
        chosen.insert(chosen.end(), candidates.begin(), candidates.end());
    };
    choose(PromptLabel::Malicious, spec.evaluateMalicious);
    choose(PromptLabel::Benign, spec.evaluateBenign);
    choose(PromptLabel::HardBenign, spec.evaluateHardBenign);
    std::sort(chosen.begin(), chosen.end());
    return chosen;
}

std::vector<std::string> RunInputs::evaluatedModels() const {
    std::vector<std::string> models{"base"};
    if (spec.hasStage("quantize")) models.emplace_back("quantized");
    return models;
}

Expected<RunInputs> openInputs(const RunSpec& spec, bool hashing, const Progress& progress) {
    RunInputs inputs;
    inputs.spec = spec;
    if (auto opened = openBase(inputs); !opened) return fail(opened.error());
    const auto method = findQuantizationMethod(spec.method);
    if (!method) return fail(method.error());
    auto plan = planSchemes(inputs.checkpoint->config(), spec.scheme, spec.rules, formatOf(**method, spec.options));
    if (!plan) return fail(plan.error());
    inputs.plan = std::move(*plan);
    if (spec.method == "gptq" && spec.options.gptq.order == ColumnOrder::Group) orderGroups(inputs.plan);
    if (spec.hasStage("export"))
        if (const auto problem = formatProblem(spec.exporting.format, inputs.checkpoint->config(), inputs.plan); !problem.empty())
            return fail(ErrorKind::Unsupported, problem, "export.format");

    if (auto opened = openAligned(inputs); !opened) return fail(opened.error());
    if (auto opened = openPretrained(inputs); !opened) return fail(opened.error());

    if (inputs.usesPrompts()) {
        auto format = ChatFormat::create(inputs.checkpoint->tokenizerSource(), spec.systemPrompt);
        if (!format) return fail(format.error());
        inputs.format = std::move(*format);
        if (auto opened = openPrompts(inputs); !opened) return fail(opened.error());
        if (auto opened = openSignature(inputs); !opened) return fail(opened.error());
    } else {
        auto tokenizer = Tokenizer::create(inputs.checkpoint->tokenizerSource());
        if (!tokenizer) return fail(tokenizer.error());
        inputs.format.tokenizer = std::move(*tokenizer);
    }

    if (spec.hasStage("capture")) {
        CalibrationMix mix;
        mix.maliciousFraction = spec.maliciousFraction;
        mix.total = spec.mixTotal;
        mix.seed = spec.seed;
        auto sample = sampleCalibration(inputs.prompts, mix);
        if (!sample) return fail(sample.error());
        inputs.sample = std::move(*sample);
        if (auto enough = checkEnough(inputs); !enough) return fail(enough.error());
        inputs.layout = makeLayout(inputs.prompts, inputs.sample);
    }
    if (spec.hasStage("evaluate")) {
        inputs.asked = chooseAsked(inputs.prompts, spec);
        if (!spec.perplexityText.empty() && spec.perplexityTokens > 0) {
            const auto path = resolveResource(spec.perplexityText);
            if (!path) return fail(path.error());
            auto text = readTextFile(*path);
            if (!text) return fail(text.error());
            inputs.perplexityText = std::move(*text);
        }
        for (const auto& choice : spec.tasks) {
            auto task = openTask(choice, spec.seed);
            if (!task) return fail(task.error());
            inputs.tasks.push_back(std::move(*task));
        }
    }
    if (hashing) {
        auto hash = inputs.checkpoint->contentHash(progress);
        if (!hash) return fail(hash.error());
        inputs.checkpointHash = std::move(*hash);
        if (inputs.aligned != nullptr) {
            auto aligned = inputs.aligned->contentHash(progress);
            if (!aligned) return fail(aligned.error());
            inputs.alignedHash = std::move(*aligned);
        }
        if (inputs.signature != nullptr) {
            auto signature = sha256File(spec.signature);
            if (!signature) return fail(signature.error());
            inputs.alignedHash = std::move(*signature);
        }
        if (inputs.pretrained != nullptr) {
            auto pretrained = inputs.pretrained->contentHash(progress);
            if (!pretrained) return fail(pretrained.error());
            inputs.pretrainedHash = std::move(*pretrained);
        }
        auto files = learningFilesHash(spec);
        if (!files) return fail(files.error());
        inputs.learningHash = std::move(*files);
    }
    return inputs;
}

}  // namespace safequant
