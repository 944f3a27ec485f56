// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/engine/protocol/results_messages.h"

namespace safequant {

/// What the runs of a workspace measured, newest first. Runs that have not finished, measured nothing, or whose files cannot be read
/// are left out.
std::vector<protocol::RunResults> listRunResults(const std::string& workspace);

}  // namespace safequant
