// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/run/preference_pairs.h"
#include "core/run/session.h"

namespace safequant {

/// Learns the codes of the run's patch and writes its blocks; the quantizer's own lie in the folder `unpatched`. Steps stand in
/// patch/steps.jsonl. Errors: those of Patcher and of blocks; failed when no code changed.
Expected<void> learnPatch(Session& session, const std::string& unpatched, const std::vector<AnswerPair>& pairs);

/// Leaves the critical weights of the run's model in 16 bits, the others as the blocks in `unpatched` have them, and writes its blocks.
/// Errors: those of chooseCriticalWeights and of blocks.
Expected<void> keepPatch(Session& session, const std::string& unpatched, const std::vector<AnswerPair>& pairs);

/// What the two keep in the run folder to go on from after a stop.
std::string patchStatePath(const std::string& folder);
std::string patchReferencePath(const std::string& folder);
std::string patchChoicePath(const std::string& folder);

/// Four digits.
std::string patchNumber(double value);

}  // namespace safequant
