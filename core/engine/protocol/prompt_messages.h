// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/statistics.h"

/// Messages about prompts before a run. Files in these requests, and in `prompts/validate` and `prompts/sample` of messages.h, are
/// paths or objects as in a run spec, and an optional `split` is that of a run spec. Broken files are an error of the latter two.
namespace safequant::protocol {

/// What a file of prompts is and what was read from it.
struct PromptFileInfo {
    std::string path, sha256;
    std::string format, title, benchmark;  ///< "csv", "CSV with commas", "AdvBench"; empty when the file cannot be used.
    std::string delimiter;                 ///< Of CSV.
    std::vector<std::string> columns;
    std::vector<std::string> skipped;      ///< Columns with completions, which are never read.
    nlohmann::json map = nlohmann::json::object();          ///< {"prompt": "goal", ...} as used.
    nlohmann::json labelValues = nlohmann::json::object();  ///< {"unsafe": "malicious", ...} as used.
    std::string label;                     ///< Given for the whole file; empty: none.
    std::string suggestedLabel, suggestedBecause;
    std::uint64_t prompts = 0, problems = 0;
    std::uint64_t corrected = 0, leftOut = 0;       ///< Prompts with another label than the file's, prompts that are not taken.
    std::uint64_t withSystem = 0, withEarlier = 0;  ///< Conversations with a system message, with earlier turns.
};

/// Something to know about a set, tied to a line where there is one (0: none).
struct PromptFinding {
    std::string level;  ///< "error": a run refuses the set. "warning": numbers need care. "fact".
    std::string kind;   ///< "line", "duplicate", "near_duplicate", "overlap", "balance", "style", "length", "truncation", "source".
    std::string file;
    int line = 0;
    std::string message;
};

struct PromptClassCount {
    std::string label;
    std::uint64_t calibration = 0, evaluation = 0;
};

/// Lengths of prompts.
struct LengthSummary {
    std::uint64_t count = 0;
    double mean = 0.0, median = 0.0, p95 = 0.0;
    std::uint64_t shortest = 0, longest = 0;
};
struct PromptClassLength {
    std::string label;
    LengthSummary words;
    LengthSummary tokens;  ///< Under the model's template; count 0 without a model.
};

/// What one property of the text tells of the label: its mean in each class and the area under the ROC curve for malicious
/// against ordinary benign prompts (0.5: nothing, 0 or 1: everything).
struct StyleFeature {
    std::string name;  ///< "ends with a question mark", "words", ...
    double malicious = 0.0, benign = 0.0, auc = 0.5;
};
/// A word and in how many prompts it stands.
struct WordWeight {
    std::string word;
    double logOdds = 0.0;  ///< Of malicious, Laplace 1, natural logarithm.
    std::uint64_t malicious = 0, benign = 0;
};
/// How well style alone tells the classes: multinomial naive Bayes on words, cross-validated by near-duplicate clusters.
struct StyleReport {
    int folds = 0;       ///< 0: a class is too small to say.
    Rate accuracy;       ///< Of held-out malicious and ordinary benign prompts.
    double auc = 0.5;
    double majority = 0.0;  ///< Accuracy of always saying the larger class.
    Rate hardBenign;     ///< Hard benign prompts on the benign side.
    std::vector<StyleFeature> features;      ///< By |auc - 0.5|, descending.
    std::vector<WordWeight> malicious, benign;  ///< The words that give most away.
};

struct PromptSourceInfo {
    std::string source;
    std::uint64_t malicious = 0, benign = 0, hardBenign = 0;
    double meanWords = 0.0, questions = 0.0;  ///< Words a prompt; share that ends with a question mark.
    Rate wordsRight;  ///< Held-out malicious and ordinary benign prompts of it that words alone place rightly.
};

/// `prompts/report` {files, seed, split, checkpoint, system_prompt, max_new_tokens} -> PromptReport, all but `files` optional. Broken
/// files are findings, not errors of the request.
struct PromptReport {
    std::vector<PromptFileInfo> files;
    bool usable = false;  ///< No finding is an error.
    std::uint64_t errors = 0, warnings = 0;  ///< All of them; `findings` holds the first of many.
    std::vector<PromptFinding> findings;     ///< Errors, then warnings, then facts.
    std::string hash;
    std::vector<PromptClassCount> classes;
    std::uint64_t prompts = 0, clusters = 0, largestCluster = 0;
    std::uint64_t duplicates = 0;        ///< Prompts whose text stood before.
    std::uint64_t nearDuplicates = 0;    ///< Further prompts that share a cluster with an earlier one.
    std::uint64_t overlapClusters = 0, overlapPrompts = 0;  ///< Clusters on both sides of the split, and prompts in them.
    std::vector<PromptClassLength> lengths;
    std::uint64_t context = 0, truncated = 0;  ///< Tokens that fit; prompts that do not, with the answer asked for.
    StyleReport style;
    std::vector<PromptSourceInfo> sources;
};

/// `prompts/preview` {file, rows, from, line} -> PromptPreview: records of one file, without columns that hold completions. All but `file`
/// optional: so many (20; at most 1,000) from a byte and from a line on.
struct PromptPreview {
    PromptFileInfo file;
    std::vector<std::string> columns;
    struct Row {
        int line = 0;
        std::uint64_t begin = 0;  ///< Byte of the record, for `from`: a line may hold many.
        std::string id;     ///< Of the prompt in a run, by which a correction names it; empty where the record cannot be read.
        std::string label;  ///< As a run takes it. Empty: not known.
        bool leftOut = false;
        std::vector<std::string> cells;  ///< In the order of `columns`, cut to 200 characters.
        std::string prompt;      ///< The whole of what a model is asked; empty where the record cannot be read.
    };
    std::vector<Row> rows;
    bool more = false;    ///< Records follow.
    std::string problem;  ///< Why the file cannot be used as it is; empty when it can.
};

/// One token as a model is given it.
struct TokenInfo {
    int id = 0;
    std::string text;  ///< What it adds to the text before it.
    bool special = false;
};

/// `prompts/tokens` {checkpoint, system_prompt, text} -> PromptReading: how the model is given a user's prompt.
struct PromptReading {
    bool hasTemplate = false;
    int first = 0, end = 0;  ///< Tokens of the prompt itself; those around them are the template's.
    std::vector<TokenInfo> tokens;
};

#define SAFEQUANT_MESSAGE(Type)          \
    nlohmann::json toJson(const Type&);  \
    void fromJson(const nlohmann::json&, Type&)

SAFEQUANT_MESSAGE(PromptFileInfo);
SAFEQUANT_MESSAGE(PromptFinding);
SAFEQUANT_MESSAGE(PromptClassCount);
SAFEQUANT_MESSAGE(LengthSummary);
SAFEQUANT_MESSAGE(PromptClassLength);
SAFEQUANT_MESSAGE(StyleFeature);
SAFEQUANT_MESSAGE(WordWeight);
SAFEQUANT_MESSAGE(StyleReport);
SAFEQUANT_MESSAGE(PromptSourceInfo);
SAFEQUANT_MESSAGE(PromptReport);
SAFEQUANT_MESSAGE(PromptPreview::Row);
SAFEQUANT_MESSAGE(PromptPreview);
SAFEQUANT_MESSAGE(TokenInfo);
SAFEQUANT_MESSAGE(PromptReading);
#undef SAFEQUANT_MESSAGE

}  // namespace safequant::protocol
