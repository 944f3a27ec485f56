// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/error.h"
#include "core/report/report.h"

namespace safequant {

/// The loss of a fine-tuning by step: of each, and the mean of it and those before it, kLossWindow at most. A step that came twice, after a
/// kill, counts as it came last. Without steps there are no curves. Errors: io.
Expected<ReportFigure> lossFigure(const std::string& folder);
inline constexpr int kLossWindow = 10;

/// Writes it to loss.svg in the folder of the fine-tuning, once there is a step. Errors: io.
Expected<void> writeLossFigure(const std::string& folder);

}  // namespace safequant
