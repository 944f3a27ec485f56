// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "core/engine/protocol/messages.h"
#include "core/run/run_spec.h"

namespace safequant {

/// Numbers of a run for other programs: metrics, the control, one entry a block, notes. Without timings, so that equal
/// specs give equal bytes.
nlohmann::json summaryJson(const protocol::RunState& state, const RunSpec& spec);
/// The same for people, as Markdown.
std::string summaryMarkdown(const protocol::RunState& state, const RunSpec& spec);

/// "12.3" and "12.3% [5.4, 23.0] (3 of 24)" as the Markdown writes them; the latter "none asked" of 0.
std::string fixedText(double value, int digits);
std::string percentText(const Rate& rate);

}  // namespace safequant
