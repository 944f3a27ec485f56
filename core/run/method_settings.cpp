// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/method_settings.h"

#include <algorithm>
#include <string>

#include "core/base/json_path.h"
#include "core/quantize/method.h"
#include "core/run/run_spec.h"

namespace safequant {
namespace {

using nlohmann::json;
using protocol::MethodSetting;

const std::string kOptions = "quantization.options.", kLearning = "quantization.learning.", kTuning = "quantization.tuning.",
                  kPatch = "quantization.patch.", kCalibration = "calibration.";

MethodSetting whole(std::string path, std::string title, double low, double high, std::string help, std::string unit = {}) {
    return {std::move(path), {}, std::move(title), std::move(help), "whole", low, high, std::move(unit), {}, {}, {}};
}
MethodSetting number(std::string path, std::string title, double low, double high, std::string help, std::string unit = {}) {
    return {std::move(path), {}, std::move(title), std::move(help), "number", low, high, std::move(unit), {}, {}, {}};
}
MethodSetting truth(std::string path, std::string title, std::string help) {
    return {std::move(path), {}, std::move(title), std::move(help), "truth", 0.0, 1.0, {}, {}, {}, {}};
}
MethodSetting oneOf(std::string path, std::string title, std::vector<MethodSetting::Choice> choices, std::string help) {
    return {std::move(path), {}, std::move(title), std::move(help), "choice", 0.0, 0.0, {}, std::move(choices), {}, {}};
}
MethodSetting someOf(std::string path, std::string title, std::vector<MethodSetting::Choice> choices, std::string help) {
    return {std::move(path), {}, std::move(title), std::move(help), "set", 0.0, 0.0, {}, std::move(choices), {}, {}};
}
MethodSetting file(std::string path, std::string title, std::string help) {
    return {std::move(path), {}, std::move(title), std::move(help), "file", 0.0, 0.0, {}, {}, {}, {}};
}

/// Settings under their headings, in order.
class SettingList {
public:
    void add(const std::string& group, std::vector<MethodSetting> settings) {
        for (MethodSetting& setting : settings) {
            setting.group = group;
            m_all.push_back(std::move(setting));
        }
    }
    std::vector<MethodSetting> take() { return std::move(m_all); }

private:
    std::vector<MethodSetting> m_all;
};

MethodSetting alpha() {
    return number(kOptions + "alpha", "Share of activations", 0.0, 1.0,
                  "Scales are max|x|^a / max|w|^(1 - a): at 1 all difficulty moves from activations to weights, at 0 none does.");
}

void addObjective(SettingList& list) {
    list.add("Objective", {
        oneOf(kLearning + "objective", "Malicious prompts are pulled to",
              {{"the aligned model (dual-stream)", "dual-stream"},
               {"its mean shift (signature)", "signature"},
               {"its probe's verdict (published)", "published"},
               {"nothing (reconstruction)", "reconstruction"}},
              "Benign prompts, texts and tasks are always pulled to the model that is quantized. Sets all weights below."),
        oneOf(kLearning + "error_metric", "Errors are measured",
              {{"as later norms read them", "as-norms-read"}, {"as plain mean squares", "mean-square"}},
              "Plain mean squares are made up of a few outlier channels and tokens."),
        number(kLearning + "benign_weight", "Benign weight", 0.0, 1000.0, "Of benign prompts, texts and tasks."),
        number(kLearning + "malicious_weight", "Malicious weight", 0.0, 1000.0, "Of all tokens of malicious prompts."),
        number(kLearning + "last_token_weight", "Last token weight", 0.0, 1000.0,
               "Of a malicious prompt's last token once more: where the answer begins."),
        number(kLearning + "probe_malicious_weight", "Probe, malicious", 0.0, 1000.0,
               "Of softplus(margin - logit): malicious prompts are to look malicious to the aligned model's probe."),
        number(kLearning + "probe_benign_weight", "Probe, benign", 0.0, 1000.0,
               "Of softplus(margin + logit): without it the published objective pushes everything to the malicious side."),
        number(kLearning + "margin", "Probe margin", 0.0, 100.0, "Logit from which on a prompt counts as told apart well enough."),
        number(kLearning + "gain", "Signature gain", 0.0, 10.0, "Factor of the mean shift: more repairs more and refuses more that is harmless."),
        whole(kLearning + "tail", "Signature positions", 0, 100, "Last tokens of a prompt that are moved. 0: all that the template fixes."),
        number(kLearning + "guardrail", "Guardrail", 0.0, 100.0,
               "Halves the malicious weights after an epoch whose benign error is more than so many times that of rounding. 0: none."),
        whole(kLearning + "first_block", "First block", 0, 1000, "Blocks before it learn reconstruction alone."),
        whole(kLearning + "last_block", "Last block", -1, 1000, "Blocks behind it learn reconstruction alone. -1: to the end."),
    });
}

void addLearning(SettingList& list) {
    list.add("What is learned", {
        truth(kLearning + "clipping", "Clipping", "Each group's range shrinks to what serves best."),
        someOf(kLearning + "scales", "Scales between layers",
               {{"norm to q, k, v", "norm-to-qkv"},
                {"norm to gate, up", "norm-to-gate-up"},
                {"v to output", "value-to-output"},
                {"up to down", "up-to-down"}},
               "Factors that change nothing in full precision and move outliers out of the way."),
        truth(kLearning + "offsets", "Rounding offsets", "Whether each weight is rounded up or down is learned: worth it at few bits."),
        number(kLearning + "clipping_rate", "Clipping rate", 1e-6, 1.0, "Learning rate."),
        number(kLearning + "scale_rate", "Scale rate", 1e-6, 1.0, "Learning rate, of the scales' logarithms."),
        number(kLearning + "offset_rate", "Offset rate", 1e-6, 1.0, "Learning rate, in steps of the grid."),
        number(kLearning + "initial_alpha", "Scales begin at", 0.0, 1.0,
               "Exponent of SmoothQuant's scales that learning begins with. 0: begins with none."),
    });
    list.add("Schedule", {
        whole(kLearning + "early_epochs", "Epochs, first half", 0, 1000, "Passes over the samples in each block of the model's first half."),
        whole(kLearning + "late_epochs", "Epochs, second half", 0, 1000, "The same in its second half."),
        whole(kLearning + "batch_size", "Batch size", 1, 1000, "Samples a step."),
    });
}

void addTuning(SettingList& list, const std::string& id) {
    if (id == "llm-qat")
        list.add("Text of its own", {
            whole(kTuning + "generated", "Sequences", 0, 100'000, "That the full-precision model makes up, each from a random token."),
            whole(kTuning + "sequence_tokens", "Tokens a sequence", 8, 10'000, "At most."),
        });
    if (id == "qlora")
        list.add("Base and adapter", {
            truth(kTuning + "double_quantization", "Double quantization", "Scales of the base's blocks are quantized, too: 4.13 bits a weight instead of 4.5."),
            whole(kTuning + "rank", "Rank", 1, 1024, "Of the adapter's change of each linear."),
            number(kTuning + "alpha", "Alpha", 1e-3, 10'000.0, "The change is multiplied by alpha / rank."),
        });
    list.add("Tuning", {
        whole(kTuning + "steps", "Steps", 1, 100'000, "Of the optimizer (AdamW)."),
        whole(kTuning + "batch", "Batch", 1, 1000, "Samples a step."),
        number(kTuning + "learning_rate", "Learning rate", 1e-6, 1.0, "Rises over the warm-up, then falls along half a cosine."),
        whole(kTuning + "warmup_steps", "Warm-up steps", 0, 100'000, "Over which the rate rises."),
        number(kTuning + "weight_decay", "Weight decay", 0.0, 10.0, "Decoupled from the gradient."),
        number(kTuning + "clip_norm", "Gradient clipping", 0.0, 1000.0, "Largest norm of a step's gradient. 0: no limit."),
        number(kTuning + "graph_memory_gib", "Memory for activations, GiB", 0.0, 100.0, "What it holds is not computed twice; results are the same."),
    });
    list.add("Prompts", {
        whole(kCalibration + "malicious", "Malicious prompts", 0, 100'000, "Of the calibration half; answers only where they are refusals."),
        whole(kCalibration + "benign", "Benign prompts", 0, 100'000, "Of the calibration half, hard ones among them, with the model's own answers."),
        whole(kCalibration + "tasks", "Task prompts", 0, 100'000, "Of what the model was fine-tuned for, with its own answers."),
        whole(kTuning + "answer_tokens", "Answer tokens", 1, 4096, "Of an answer at most."),
        whole(kCalibration + "identity_shift", "Identity-shifting prompts", 0, 100'000,
              "Benign prompts that first ask the model to obey without question: what such calibration does to safety."),
    });
}

void addCalibration(SettingList& list) {
    list.add("Calibration mix", {
        whole(kCalibration + "malicious", "Malicious prompts", 0, 100'000, "Of the calibration half."),
        whole(kCalibration + "benign", "Benign prompts", 0, 100'000, "Of the calibration half, hard ones among them."),
        whole(kCalibration + "texts", "Passages of text", 0, 100'000, "Without them learned rounding forgets ordinary language."),
        whole(kCalibration + "text_tokens", "Tokens a passage", 1, 100'000, "Length of each."),
        whole(kCalibration + "tasks", "Task prompts", 0, 100'000, "Of what the model was fine-tuned for."),
        whole(kCalibration + "answer_tokens", "Answer tokens", 0, 10'000,
              "Of a greedy answer behind every prompt; behind malicious ones the aligned model's refusals alone. 0: prompts alone."),
        whole(kCalibration + "identity_shift", "Identity-shifting prompts", 0, 100'000,
              "Benign prompts that first ask the model to obey without question: what such calibration does to safety."),
    });
}

std::vector<MethodSetting> settingsOf(const QuantizationMethod& method, const std::string& id) {
    SettingList list;
    if (id == "gptq")
        list.add("GPTQ", {
            oneOf(kOptions + "order", "Column order",
                  {{"by falling energy of inputs", "static"}, {"by falling energy, groups too", "group"}, {"as they stand", "none"}},
                  "Columns that matter most are rounded first; groups stay those of neighbours, or follow the order, which AWQ and GGUF cannot store."),
            number(kOptions + "damping", "Damping", 1e-6, 1.0, "Share of the Hessian's mean diagonal added to it."),
            whole(kOptions + "block_columns", "Columns a block", 1, 4096, "Between two updates of the columns behind."),
            oneOf(kOptions + "clip_search", "Range search", {{"none", "none"}, {"least error", "mse"}}, "Shrinks groups' ranges before rounding."),
            truth(kOptions + "smoothing", "SmoothQuant first", "Moves outliers of activations into weights before rounding."),
            alpha(),
        });
    if (id == "smoothquant") list.add("SmoothQuant", {alpha()});
    if (id == "awq")
        list.add("AWQ", {
            whole(kOptions + "steps", "Exponents tried", 1, 100, "Between 0 and 1, for the scales of each layer's inputs."),
            truth(kOptions + "weight_scales", "Scales look at weights, too", "Not at activations alone."),
            truth(kOptions + "clipping", "Range search", "Shrinks groups' ranges after scaling."),
        });
    if (id == "nf4") list.add("NF4", {truth(kOptions + "double_quantization", "Double quantization", "Scales in 8 bits: 4.13 bits a weight instead of 4.5.")});
    if (id == "aqlm")
        list.add("AQLM", {
            whole(kOptions + "rounds", "Rounds", 1, 100, "Of codebooks, codes and scales in turn; ends when a round gains less than a thousandth."),
            whole(kOptions + "beam", "Beam", 1, 64, "Combinations of codes kept while eight weights' codes are searched."),
            number(kOptions + "damping", "Damping", 0.0, 1.0, "Share of the Hessian's mean diagonal added to it."),
        });
    if (id == "q-realign") addObjective(list);
    if (method.learned()) addLearning(list);
    if (method.tunes)
        addTuning(list, id);
    else if (method.keepsBlocks())
        addCalibration(list);
    list.add("Before quantizing", {
        oneOf("quantization.rotation", "Rotation",
              {{"none", nullptr},
               {"residual stream and value heads", json::object()},
               {"residual stream", {{"residual", true}, {"heads", false}}},
               {"value heads", {{"residual", false}, {"heads", true}}}},
              "Hadamard matrices multiplied into the weights spread outliers over all channels: for few bits of activations. Not for Gemma 2 and 3."),
    });
    return list.take();
}

void addPatchAnswers(SettingList& list, const PatchSpec& patch) {
    const bool pairs = patch.kind == PatchKind::Pairs;
    list.add(pairs ? "Pairs of answers" : "Answers", {
        file(kPatch + "pairs", pairs ? "Ready pairs" : "Ready answers",
             std::string("A file of JSON Lines with \"prompt\"") + (pairs ? ", \"chosen\" and \"rejected\"" : " and \"chosen\"") +
                 ", and \"label\" \"benign\" where the prompt is. With it no model is asked, and the next four settings mean nothing."),
        whole(kPatch + "malicious", "Malicious prompts", 0, 100'000,
              std::string("Of the calibration half. ") +
                  (pairs ? "Chosen is the answer before quantization, or the aligned model's where one is named; rejected is the quantized model's."
                         : "The answer is that before quantization, or the aligned model's where one is named.")),
        whole(kPatch + "benign", "Benign prompts", 0, 100'000,
              patch.kind == PatchKind::Keep ? "Their answers tell what weights are worth to all the rest."
                                            : "They keep the patched model from refusing what is harmless, and from losing its language."),
        whole(kPatch + "hard_benign", "Hard benign prompts", 0, 100'000, "Harmless prompts that look harmful, which a patch refuses first."),
        whole(kPatch + "answer_tokens", "Answer length", 1, 4096, "Of an answer at most; a refusal shows in its first tokens.", "tokens"),
    });
}

void addPatchTexts(SettingList& list, const std::string& what) {
    list.add("Passages of text", {
        whole(kPatch + "texts", "Passages", 0, 100'000, what),
        whole(kPatch + "text_tokens", "Tokens a passage", 2, 100'000, "Length of each.", "tokens"),
        whole(kPatch + "text_from", "From token", 0, 1'000'000'000, "Of the text, so that nothing is read that the evaluation reads."),
    });
}

void addPatchScope(SettingList& list, const PatchSpec& patch) {
    list.add(patch.kind == PatchKind::Keep ? "What is kept in 16 bits" : "What may change", {
        oneOf(kPatch + "scope", "Share is of", {{"every linear", "linear"}, {"the whole model", "model"}},
              patch.kind == PatchKind::Keep ? "Of the whole model, more is kept of linears that matter more."
                                            : "Of the whole model, linears that matter more are opened further than others."),
        whole(kPatch + "scored_pairs", "Answers scored", 1, 100'000, "Answers to malicious prompts that scores are means over, and of others as many, at most."),
    });
}

void addPatchSteps(SettingList& list, const PatchSpec& patch) {
    const bool pairs = patch.kind == PatchKind::Pairs;
    list.add("Learning", {
        whole(kPatch + "steps", "Steps", 1, 100'000, "Each over one batch. More repair more and refuse more that is harmless: watch both."),
        whole(kPatch + "batch", "Batch size", 1, 1024, pairs ? "Pairs a step." : "Prompts and passages a step.", pairs ? "pairs" : "samples"),
        number(kPatch + "learning_rate", "Learning rate", 1e-6, 1.0, "The highest, of AdamW; it falls along half a cosine."),
        whole(kPatch + "warmup_steps", "Warm-up", 0, 100'000, "Over which the rate rises from 0.", "steps"),
        number(kPatch + "clip_norm", "Gradient limit", 0.0, 1000.0, "Largest norm of a step's gradient. 0: no limit."),
        whole(kPatch + "rank", "Rank", 1, 4096, "Of the change that is added to each linear before it is rounded on its own grid."),
        number(kPatch + "alpha", "Alpha", 1e-6, 100'000.0, "The change is multiplied by alpha / rank."),
        number(kPatch + "graph_memory_gib", "Memory for activations", 0.0, 1024.0, "More of it spares running blocks again in the backward pass.", "GiB"),
    });
}

std::vector<MethodSetting> settingsOfPairs(const PatchSpec& patch) {
    SettingList list;
    addPatchAnswers(list, patch);
    list.add("Loss", {
        number(kPatch + "preference_weight", "Preference weight", 0.0, 1000.0,
               "Of -log sigmoid(beta margin): chosen answers are to gain more than rejected ones (direct preference optimization). 0: left out."),
        number(kPatch + "beta", "Beta", 1e-6, 100.0, "How soon a margin is wide enough: the larger, the sooner a pair has no more to teach.", "per nat"),
        number(kPatch + "chosen_weight", "Chosen answers' weight", 0.0, 1000.0,
               "Of their mean cross entropy. Preferences alone may lower both answers and leave the model without either. 0: left out."),
        oneOf(kPatch + "both_refuse", "Where both refuse", {{"the refusal is learned", "keep"}, {"the prompt is left out", "skip"}},
              "Malicious prompts that the quantized model refuses as well: their chosen answers keep other pairs from taking refusals away. Without weight of "
              "chosen answers they are left out."),
    });
    list.add("What may change", {
        oneOf(kPatch + "mask", "Weights",
              {{"the critical ones (SafeScore)", "safe-score"}, {"as many at random (control)", "random"}, {"all", "all"}},
              "SafeScore is the mean of |weight x gradient| over chosen answers to malicious prompts. Compare it with the random choice before believing it."),
        number(kPatch + "share", "Share of weights", 1e-6, 1.0, "That may change; the paper's tau. 1: all of them."),
    });
    addPatchScope(list, patch);
    list.add("What may change", {
        whole(kPatch + "identify_every", "Scored again every", 0, 100'000, "Steps after which scores are taken anew. 0: once, before the first step.", "steps"),
    });
    addPatchSteps(list, patch);
    return list.take();
}

std::vector<MethodSetting> settingsOfKeeping(const PatchSpec& patch) {
    SettingList list;
    list.add("What is kept in 16 bits", {
        oneOf(kPatch + "mask", "Weights",
              {{"the critical ones (SafeScore)", "safe-score"},
               {"those critical to refusing alone (protection score)", "protection-score"},
               {"as many at random (control)", "random"}},
              "SafeScore is the mean of |weight x gradient| over refusals; the protection score is the mean squared gradient over refusals beyond that over "
              "other answers and texts. Compare either with the random choice before believing it."),
        number(kPatch + "share", "Share of weights", 1e-6, 1.0, "Each takes 16 bits, and a place in the list of those kept. 1: nothing is quantized."),
    });
    addPatchScope(list, patch);
    list.add("What is kept in 16 bits", {
        number(kPatch + "beta", "General weight", 0.0, 1000.0,
               "Of the mean squared gradient over other answers and texts, which the protection score takes off. 0: nothing is taken off."),
    });
    addPatchAnswers(list, patch);
    addPatchTexts(list, "Ordinary language whose weights the protection score takes off; no other choice reads them.");
    return list.take();
}

std::vector<MethodSetting> settingsOfAlignment(const PatchSpec& patch) {
    SettingList list;
    if (patch.contrasts())
        list.add("Loss", {
            number(kPatch + "lambda", "Contrast", 0.0, 100.0,
                   "Weight of the distance from the pretrained model, which is to grow. 0: no pretrained model is needed. It is the checkpoint "
                   "without its adapters, or what a spec file names."),
            number(kPatch + "limit", "Limit of the contrast", 1e-6, 1000.0,
                   "Times the distance at the start beyond which growing brings no more: it has no bound of its own."),
        });
    list.add("Loss", {
        whole(kPatch + "top_k", "Tokens compared", 0, 100'000, "The likeliest of each teacher, so many. 0: the whole vocabulary.", "tokens"),
        oneOf(kPatch + "softmax", "Probabilities are of", {{"the whole vocabulary", "whole"}, {"the tokens compared alone", "top"}},
              "It makes a difference only where some tokens are left out."),
    });
    list.add("What may change", {
        oneOf(kPatch + "mask", "Weights", {{"all", "all"}, {"a share at random (control)", "random"}}, "The paper lets all of them change."),
        number(kPatch + "share", "Share of weights", 1e-6, 1.0, "Of those drawn at random. 1: all of them."),
    });
    addPatchSteps(list, patch);
    addPatchAnswers(list, patch);
    addPatchTexts(list, "Ordinary language on which the model is to stay what it was.");
    return list.take();
}

std::vector<MethodSetting> settingsOfPatch(const PatchSpec& patch) {
    switch (patch.kind) {
        case PatchKind::Keep:
            return settingsOfKeeping(patch);
        case PatchKind::Align:
            return settingsOfAlignment(patch);
        case PatchKind::Pairs:
            break;
    }
    return settingsOfPairs(patch);
}

/// A field of a spec; null when it is absent.
json valueAt(const json& spec, const std::string& path) {
    const auto pointer = jsonPointerTo(path);
    return spec.contains(pointer) ? spec.at(pointer) : json();
}

void erase(json& spec, const std::string& path) {
    const auto pointer = jsonPointerTo(path);
    if (spec.contains(pointer)) spec.at(pointer.parent_pointer()).erase(pointer.back());
}

/// The spec as it will be once what is still to be chosen is there: settings can be looked at before.
json completed(json spec) {
    if (!spec.is_object()) return spec;
    if (spec.value("checkpoint", std::string()).empty()) spec["checkpoint"] = "model";
    json& aligned = spec["aligned"];
    if (!aligned.is_object()) aligned = json::object();
    if (aligned.value("checkpoint", std::string()).empty() && aligned.value("adapters", json::array()).empty()) aligned["adapters"] = {"aligned"};
    const auto patch = json::json_pointer("/quantization/patch");
    if (spec.contains(patch) && spec[patch].is_object() && spec[patch].value("method", json()) == json("aaq") && !spec[patch].contains("pretrained"))
        spec[patch]["pretrained"] = {{"checkpoint", "pretrained"}};
    return spec;
}

/// A rotation is one of the choices but for its seed.
json choiceOf(const RotationOptions& rotation, const std::vector<MethodSetting::Choice>& choices) {
    const auto found = std::find_if(choices.begin(), choices.end(), [&](const MethodSetting::Choice& choice) {
        return choice.value.is_object() && choice.value.value("residual", true) == rotation.residual &&
               choice.value.value("heads", true) == rotation.heads;
    });
    return found != choices.end() ? found->value : json();
}

/// Settings with what a spec gives and what it would give without each.
Expected<std::vector<MethodSetting>> withValues(std::vector<MethodSetting> settings, const json& spec, const RunSpec& read) {
    const json given = runSpecToJson(read);
    for (MethodSetting& setting : settings) {
        json without = spec;
        erase(without, setting.path);
        const auto standard = runSpecFromJson(without, "spec");
        if (!standard) return fail(standard.error());
        setting.value = valueAt(given, setting.path);
        setting.standard = valueAt(runSpecToJson(*standard), setting.path);
        if (read.rotation && setting.path == "quantization.rotation") setting.value = choiceOf(*read.rotation, setting.choices);
    }
    return settings;
}

}  // namespace

Expected<std::vector<MethodSetting>> methodSettings(const json& asked) {
    const json spec = completed(asked);
    const auto read = runSpecFromJson(spec, "spec");
    if (!read) return fail(read.error());
    const auto method = findQuantizationMethod(read->method);
    if (!method) return fail(method.error());
    return withValues(settingsOf(**method, read->method), spec, *read);
}

Expected<std::vector<MethodSetting>> patchSettings(const json& asked) {
    const json spec = completed(asked);
    const auto read = runSpecFromJson(spec, "spec");
    if (!read) return fail(read.error());
    if (!read->patch) return fail(ErrorKind::BadInput, "The run patches nothing: choose a patch first.", "quantization.patch");
    return withValues(settingsOfPatch(*read->patch), spec, *read);
}

}  // namespace safequant
