// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/prompts/prompt_label.h"

namespace safequant {

const char* promptLabelName(PromptLabel label) {
    switch (label) {
        case PromptLabel::Malicious: return "malicious";
        case PromptLabel::HardBenign: return "hard_benign";
        case PromptLabel::Benign: break;
    }
    return "benign";
}

const char* promptSplitName(PromptSplit split) { return split == PromptSplit::Evaluation ? "evaluation" : "calibration"; }

std::optional<PromptLabel> promptLabelOf(std::string_view name) {
    for (const auto label : kPromptLabels)
        if (name == promptLabelName(label)) return label;
    return std::nullopt;
}

std::optional<PromptSplit> promptSplitOf(std::string_view name) {
    for (const auto split : {PromptSplit::Calibration, PromptSplit::Evaluation})
        if (name == promptSplitName(split)) return split;
    return std::nullopt;
}

}  // namespace safequant
