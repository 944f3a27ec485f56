// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/run/preference_pairs.h"
#include "core/run/session.h"

namespace safequant {

/// Base results do not depend on the quantization: they are taken over from another run of the same workspace whose
/// fingerprint (checkpoint, prompts, mix, seed, device, program) is equal and whose files still have the hashes its
/// manifest gives. Each says in manifest and log what it took.

/// Links the block files of the base model that this run lacks.
Expected<void> reuseBaseBlocks(Session& session);
/// Keeps fingerprint and hashes of this run's base blocks in its manifest, for later runs.
Expected<void> keepBaseHashes(Session& session);

/// Base answers (with text) and perplexity of another run; empty when there are none.
struct ReusedAnswers {
    std::vector<protocol::AnswerItem> answers;
    nlohmann::json perplexity;  ///< As in perplexity.json; null when not measured.
};
Expected<ReusedAnswers> reuseBaseAnswers(Session& session);
/// Keeps fingerprint and hashes of this run's base answers and perplexity in its manifest.
Expected<void> keepAnswerHashes(Session& session);

/// Right answers that other runs' patches have of the same models, by prompt id: of their pairs' files, when they have the hash their manifest gives.
Expected<std::map<std::string, ChosenAnswer>> reuseChosenAnswers(Session& session);
/// Keeps fingerprint and hash of this run's pairs in its manifest; nothing when they are imported.
Expected<void> keepChosenAnswers(Session& session);

/// A result of the base model that is a file of its own: a task's, or the attack's under one setting.
struct BaseFile {
    std::string path;         ///< In the run folder.
    std::string fingerprint;  ///< Of everything it depends on.
};
/// Those of a session's spec.
std::vector<BaseFile> baseFiles(const Session& session);
/// Links those that this run lacks.
Expected<void> reuseBaseFiles(Session& session);
/// Keeps fingerprint and hash of those that are there in this run's manifest, for later runs.
Expected<void> keepBaseFiles(Session& session);

}  // namespace safequant
