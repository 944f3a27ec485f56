// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/assess/assessment.h"
#include "core/engine/run_process.h"

namespace safequant {

/// Runs each cell of an assessment by a process of its own, or follows the process that is at it already; `listener` hears its events.
/// `program` as startRunProcess takes it.
CellRunner cellProcesses(std::string program, RunFollower::Listener listener);

}  // namespace safequant
