// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/prompts/prompt_file.h"
#include "core/prompts/prompt_label.h"

namespace safequant {

struct Prompt {
    std::string id;
    std::string text;
    PromptLabel label = PromptLabel::Benign;
    PromptSplit split = PromptSplit::Calibration;
    std::string category;
    std::string source;
    int cluster = -1;        ///< Near-duplicate cluster, numbered from 0 in order of first appearance.
};

/// Something worth telling about an import, tied to a line.
struct PromptNotice {
    std::string file;
    int line = 0;
    std::string message;
};

/// How prompts are dealt out to calibration and evaluation: by whole near-duplicate clusters.
struct PromptSplitOptions {
    double calibration = 0.5;  ///< Share of the calibration prompts, in (0, 1).
    bool stratified = true;    ///< The share holds for every label, as well as whole clusters allow; else for all together.
    bool again = false;        ///< Prompts with a split of their own are dealt out too.
    std::uint64_t seed = 0;
};

/// A near-duplicate cluster with prompts on both sides of the split: what is learnt from one is measured on the other.
struct PromptOverlap {
    int cluster = 0;
    std::size_t calibration = 0, evaluation = 0;            ///< The first prompt on each side.
    std::size_t calibrationCount = 0, evaluationCount = 0;  ///< Prompts on each side.
};

struct PromptSet {
    std::string name;
    std::vector<Prompt> prompts;
    std::vector<PromptNotice> notices;    ///< Same texts, clusters astride both splits, ids that were filled in.
    std::vector<PromptOverlap> overlaps;  ///< In order of first appearance.
    std::vector<std::string> fileHashes;  ///< SHA-256 of every file's content.
    std::string hash;                     ///< SHA-256 of ids, texts, labels and splits, in order.

    std::vector<std::size_t> indices(PromptLabel label, PromptSplit split) const;
};

struct PromptsRead;

/// Reads files of any format of PromptFormat. Prompts without a split are dealt out by `split`. Files are joined in order; ids
/// must be unique, and a text has one label. Everything that is broken is told in one error, each as "file:line: ...", the first
/// 20 of them: bad_input, or not_found and io for a file. Clusters are computed here.
Expected<PromptSet> loadPromptSet(const std::vector<PromptFile>& files, const PromptSplitOptions& split = {});
Expected<PromptSet> loadPromptSet(const std::vector<std::string>& files, std::uint64_t seed = 0);
/// JSON Lines from memory; `name` stands for the file in errors.
Expected<PromptSet> parsePromptSet(const std::string& content, const std::string& name, std::uint64_t seed = 0);
/// What reading left, whatever its problems: clusters, split, notices and hash. The prompts are moved out of `read`.
PromptSet arrangePrompts(PromptsRead& read, const PromptSplitOptions& split);

/// Near-duplicate clusters by single linkage: word 3-gram Jaccard > 0.35 or content-word Jaccard > 0.5.
std::vector<int> nearDuplicateClusters(const std::vector<std::string>& texts);

/// A seeded sample of calibration prompts with a given share of malicious ones.
struct CalibrationMix {
    double maliciousFraction = 0.5;   ///< malicious / (malicious + benign).
    int total = 0;                    ///< Prompts in the sample, hard benign ones not counted; 0: as many as the fraction allows.
    bool includeHardBenign = true;    ///< All calibration hard benign prompts beside them (for the second probe).
    std::uint64_t seed = 0;
};
struct CalibrationSample {
    std::vector<std::size_t> malicious, benign, hardBenign;  ///< Indices into the set, ascending.
};
/// Samples are nested: a larger total at the same fraction and seed contains the smaller. Error: bad_input when a class is
/// asked for that the set does not have.
Expected<CalibrationSample> sampleCalibration(const PromptSet& set, const CalibrationMix& mix);

/// The control that uses words alone: multinomial naive Bayes (Laplace 1) on lower-case words, fitted on the calibration
/// sample; returns for every prompt of the set the log-odds of malicious.
std::vector<double> bagOfWordsScores(const PromptSet& set, const std::vector<std::size_t>& malicious,
                                     const std::vector<std::size_t>& benign);

}  // namespace safequant
