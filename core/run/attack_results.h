// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/evaluate/attack.h"
#include "core/run/answer_file.h"
#include "core/run/base_reuse.h"
#include "core/run/session.h"

namespace safequant {

/// The attack on one model under one setting: attack/MODEL-SETTING.json in the run folder.
struct AttackResult {
    std::string model, judge;
    int judgeVersion = 1;
    AttackSetting setting;
    int samples = 0, newTokens = 0;
    bool stopWhenDecided = false;  ///< Answers end where their verdict was decided: their texts are not whole.
    AttackSummary summary;
    std::vector<AttackAnswer> answers;
};

/// Those a run has finished, in the order of the grid, base before quantized. Errors: bad_input, io.
Expected<std::vector<AttackResult>> readAttackResults(const std::string& folder);

/// The base model's results of a session's attack.
std::vector<BaseFile> baseAttackFiles(const Session& session);
/// Whether settings of a model are still to be done.
bool attackMissing(const Session& session, const std::string& model);
/// Attacks a model on the malicious prompts that were asked, one file a setting; those that stand there are kept. `own` are the
/// run's own answers by the same model.
Expected<void> runAttack(Session& session, const std::string& model, LanguageModel& language, const std::vector<protocol::AnswerItem>& own);

}  // namespace safequant
