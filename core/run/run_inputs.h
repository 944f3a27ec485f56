// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/evaluate/task.h"
#include "core/model/compute_device.h"
#include "core/prompts/prompt_set.h"
#include "core/quantize/scheme.h"
#include "core/run/run_spec.h"
#include "core/signature/alignment_signature.h"
#include "core/text/chat_template.h"

namespace safequant {

/// Which prompts are captured and what each is for. Rows are positions in `prompts`.
struct CaptureLayout {
    std::vector<std::size_t>
        prompts;  ///< Indices into the prompt set, ascending: calibration sample and all evaluation prompts.
    std::vector<std::size_t> fitRows;          ///< Malicious and ordinary benign of the sample.
    std::vector<std::size_t> fitRowsWithHard;  ///< The same and the hard benign ones.
    std::vector<std::size_t> evaluationRows;   ///< Every evaluation prompt.
    std::vector<bool> positive;                ///< Of each row: malicious.
    std::vector<int> label;                    ///< Of each row: 1 malicious, 0 benign, 2 hard benign.
    std::vector<int> cluster;                  ///< Of each row.
};

CaptureLayout makeLayout(const PromptSet& prompts, const CalibrationSample& sample);

/// A task with its items chosen.
struct RunTask {
    TaskChoice choice;
    std::string hash;  ///< SHA-256 of the file.
    std::vector<TaskItem> items;
};

/// What a run works on, made from its spec anew in every session. Only what the stages need is loaded.
struct RunInputs {
    RunSpec spec;
    std::shared_ptr<const ComputeDevice> device = processor();
    std::shared_ptr<const Checkpoint> base;        ///< As it is stored, with its adapters: what the run calls "base".
    std::shared_ptr<const Checkpoint> checkpoint;  ///< What is quantized: `base`, rotated where the spec asks for it.
    std::shared_ptr<const Checkpoint> aligned;  ///< Null unless the spec names it and the method uses it; rotated alike.
    std::shared_ptr<const AlignmentSignature> signature;  ///< In its place, likewise; fits the model and the prompts.
    std::shared_ptr<const Checkpoint> pretrained;  ///< Null unless the patch compares with it. Not rotated: what it says is compared alone.
    std::optional<Rotation> residualRotation;   ///< A row h of the base's stream is h times it in the stream of `checkpoint`.
    std::vector<LinearPlan> plan;  ///< Of every linear.
    std::string checkpointHash;    ///< SHA-256 of the content; empty unless asked for.
    std::string alignedHash;       ///< The same of the aligned model, or of its signature's file.
    std::string pretrainedHash;    ///< And of the pretrained one.
    std::string learningHash;      ///< Of the files a learned method is calibrated on; empty for other methods.
    ChatFormat format;             ///< Tokenizer always; template where prompts are used.
    PromptSet prompts;             ///< Empty when only an export is planned.
    CalibrationSample sample;
    CaptureLayout layout;            ///< For the stage "capture".
    std::vector<std::size_t> asked;  ///< Evaluation prompts to be answered, ascending.
    std::string perplexityText;      ///< Content; empty: not measured.
    std::vector<RunTask> tasks;

    bool usesPrompts() const { return spec.hasStage("capture") || spec.hasStage("quantize") || spec.hasStage("evaluate"); }
    /// Models that the evaluation asks: "base", and "quantized" where there is one.
    std::vector<std::string> evaluatedModels() const;
};

/// Opens everything a spec names. `hashing`: also hashes the checkpoint's content (progress counts bytes).
/// Errors: those of checkpoint, template, prompts and scheme; bad_input when a class has too few prompts for the folds; unsupported
/// when the format of the planned export cannot hold the scheme.
Expected<RunInputs> openInputs(const RunSpec& spec, bool hashing, const Progress& progress = {});

/// A seeded choice of evaluation prompts of each label, ascending; nested: more prompts of a label contain the fewer.
std::vector<std::size_t> chooseAsked(const PromptSet& prompts, const RunSpec& spec);

}  // namespace safequant
