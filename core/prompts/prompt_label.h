// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace safequant {

enum class PromptLabel : std::uint8_t { Malicious, Benign, HardBenign };
enum class PromptSplit : std::uint8_t { Calibration, Evaluation };

inline constexpr PromptLabel kPromptLabels[] = {PromptLabel::Malicious, PromptLabel::Benign, PromptLabel::HardBenign};

/// "malicious", "benign", "hard_benign".
const char* promptLabelName(PromptLabel label);
/// "calibration", "evaluation".
const char* promptSplitName(PromptSplit split);
/// The label or split of exactly this name.
std::optional<PromptLabel> promptLabelOf(std::string_view name);
std::optional<PromptSplit> promptSplitOf(std::string_view name);

}  // namespace safequant
