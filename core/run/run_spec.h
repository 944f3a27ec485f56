// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/checkpoint/checkpoint.h"
#include "core/exporting/export_model.h"
#include "core/model/generation.h"
#include "core/prompts/prompt_set.h"
#include "core/quantize/rotated_checkpoint.h"
#include "core/quantize/scheme.h"
#include "core/run/evaluation_spec.h"
#include "core/run/learning_spec.h"
#include "core/run/method_options.h"
#include "core/run/patch_spec.h"
#include "core/run/tuning_spec.h"

namespace safequant {

/// The first blocks of another run, in the place of a quantizer's own.
struct ContinuedBlocks {
    std::string run;  ///< Its folder; empty: none.
    int blocks = 0;   ///< So many of them, 1 at least.
};

/// Everything a run needs. JSON form (all but `checkpoint` optional):
/// {
///   "format": "safequant-run-spec", "format_version": 1,
///   "name": "SmolLM2 W4A16", "checkpoint": "PATH", "adapters": ["PATH"],
///   "prompts": ["builtin:default", {"file": "x.csv", "label": "malicious", "map": {"prompt": "goal"}}],
///   "split": {"calibration": 0.5, "stratified": true, "again": false, "allow_overlap": false}, "system_prompt": "", "seed": 0,
///   "device": "cpu",                                          see openDevice
///   "execution": "integer",                                   or "float"
///   "mix": {"malicious_fraction": 0.5, "total": 0},
///   "probe": {"folds": 5, "path_length": 50},
///   "aligned": {"checkpoint": "", "adapters": ["PATH"]},     see AlignedModel; or {"signature": "PATH"}
///   "calibration": {"malicious": 100, ...},                   see CalibrationParts
///   "quantization": {"method": "rtn", "learning": {...}, "options": {...}, "default": {"weight_bits": 4, "group_size": 64, "symmetric": false,
///                    "activation_bits": 16, "activation_symmetric": true}, "rules": [{"pattern": "regex", "weight_bits": 8, ...}],
///                    "rotation": {"residual": true, "heads": true, "seed": 0},      absent: none; seed: the run's unless given
///                    "tuning": {...},                           see TuningSpec
///                    "continues": {"run": "FOLDER", "blocks": 12},  see ContinuedBlocks
///                    "patch": {...}},                           see PatchSpec
///   "stages": ["capture", "quantize", "evaluate"],
///   "evaluation": {"malicious": 100, "benign": 50, "hard_benign": 50, "max_new_tokens": 64, "decoding": {"sample": false,
///                  "temperature": 1, "top_p": 1, "top_k": 0}, "judge": "refusal-22", "second_judge": "xstest-openings",
///                  "perplexity_text": "builtin:perplexity", "perplexity_tokens": 4096, "perplexity_window": 512,
///                  "tasks": ["banking-intents", {"name": "mine", "kind": "exact-match", "file": "PATH", "limit": 0, "max_new_tokens": 0}],
///                  "attack": {"temperatures": [0.7, 1], "top_k": [0], "top_p": [1], "samples": 5, "stop_when_decided": false}},
///   "export": {"folder": "PATH", "format": "compressed-tensors", "type": ""}     format and type as exportOptionsNamed takes them
/// }
/// An unknown field is an error that names it and the nearest known one.
struct RunSpec {
    std::string name;
    std::string checkpoint;             ///< A path, or "org/name" in the local Hugging Face cache.
    std::vector<std::string> adapters;  ///< PEFT LoRA adapters merged into it, in this order; paths or names likewise.
    std::vector<PromptFile> prompts{{.path = "builtin:default", .format = {}, .delimiter = 0, .label = {}, .map = {}, .corrections = {}}};
    PromptSplitOptions split;   ///< Its seed is the run's.
    bool allowOverlap = false;  ///< Near duplicates on both sides of the split are allowed.
    std::string systemPrompt;
    std::uint64_t seed = 0;
    std::string device = "cpu";  ///< Where blocks are computed; also where they are learned unless the learning names its own.
    /// Whether the quantized model is evaluated by its codes, where it has some and the device multiplies them, or by what they stand for.
    bool integers = true;
    double maliciousFraction = 0.5;
    int mixTotal = 0;
    int probeFolds = 5;
    int probePathLength = 50;
    AlignedModel aligned;          ///< For methods that learn from it.
    std::string signature;         ///< In its place: a file with its signature. Empty: none.
    CalibrationParts calibration;  ///< For methods that look at activations.
    std::string method = "rtn";
    LearningSpec learning;
    std::optional<RotationOptions> rotation;  ///< Multiplied into the weights before any method sees them.
    CalibrationOptions options;  ///< Of the method; see readMethodOptions.
    TuningSpec tuning;  ///< Of a method with tuning.
    ContinuedBlocks continues;
    std::optional<PatchSpec> patch;  ///< Of what the method made.
    QuantizationScheme scheme;
    std::vector<SchemeRule> rules;
    std::vector<std::string> stages{"capture", "quantize", "evaluate"};
    int evaluateMalicious = 100, evaluateBenign = 50, evaluateHardBenign = 50;  ///< Evaluation prompts asked; seeded choice.
    DecodingOptions decoding;
    std::string judge = "refusal-22", secondJudge = "xstest-openings";
    std::string perplexityText = "builtin:perplexity";
    int perplexityTokens = 4096, perplexityWindow = 512;
    std::vector<TaskChoice> tasks;
    AttackGrid attack;         ///< On the malicious prompts asked.
    std::string exportFolder;  ///< Empty: no export stage.
    ExportOptions exporting;   ///< What the export stage writes.

    /// "tune" is one where the method tunes what is quantized, "patch" where the spec patches it, "export" where it names a folder.
    bool hasStage(const std::string& stage) const;
    AlignedReference reference() const {
        return aligned.given() ? AlignedReference::Weights : signature.empty() ? AlignedReference::None : AlignedReference::Signature;
    }
    /// Quantized blocks are files in the run's folder, which everything after reads.
    bool keepsBlocks() const;
    /// The method trains the whole model with its quantization in place.
    bool tunes() const;
    /// The method may move scales between layers before it codes them.
    bool movesScales() const;
};

/// Makes paths of models and adapters absolute, relative to `folder` (empty: the current one); names on the hub stay.
void anchorModels(RunSpec& spec, const std::string& folder = {});
/// Makes all paths in it absolute, relative to `folder`.
void anchorRunSpec(RunSpec& spec, const std::filesystem::path& folder);

Expected<RunSpec> runSpecFromJson(const nlohmann::json& json, const std::string& where);
Expected<RunSpec> readRunSpec(const std::string& path);
nlohmann::json runSpecToJson(const RunSpec& spec);

/// Prompt files and split from their JSON form in a spec (`json` may lack either), for requests that have no whole spec. Errors as
/// those of a spec.
struct PromptSource {
    std::vector<PromptFile> files;
    PromptSplitOptions split;
    bool allowOverlap = false;
};
Expected<PromptSource> promptSourceFromJson(const nlohmann::json& json, const char* filesField, const std::string& where);
/// The same files with bundled ones by their paths. Error: not_found.
Expected<std::vector<PromptFile>> resolvePromptFiles(std::vector<PromptFile> files);

/// Path of a bundled file ("builtin:default" -> prompt set, "builtin:perplexity" -> text); other names come back as they are.
/// Looked for in $SAFEQUANT_RESOURCES, beside the program's ../share/safequant, and the build's source tree.
Expected<std::string> resolveResource(const std::string& name);
/// Opens a model with adapters, of which some may be bundled. Errors: those of resolveResource and openCheckpoint.
Expected<std::shared_ptr<const Checkpoint>> openModel(const std::string& checkpoint, std::vector<std::string> adapters);

}  // namespace safequant
