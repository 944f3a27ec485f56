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

/// How often each model was right in the tasks that a run has finished, base before quantized. Errors: bad_input, io.
Expected<std::vector<protocol::TaskRate>> taskRates(const std::string& folder);

}  // namespace safequant
