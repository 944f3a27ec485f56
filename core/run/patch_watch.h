// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "core/patch/patcher.h"
#include "core/run/patch_probing.h"
#include "core/run/session.h"

namespace safequant {

/// Tells a run's events how its patch goes while it is learned: every step, which codes may change, and every kPatchLookEvery steps how many
/// have changed and what the base model's probes say of the model as it stands. Session and patcher must outlive it.
class PatchWatch {
public:
    PatchWatch(Session& session, Patcher& patcher) : m_session(session), m_inputs(session.inputs()), m_patcher(patcher) {}

    /// Opens the probes, and looks before the first step; a look that a kill came before is made up for. Errors: those of PatchProbing and
    /// of blocks.
    Expected<void> lookBefore();
    /// `seconds`: that the step took.
    Expected<void> tellStep(const PatchStep& step, double seconds);
    /// Tells how the model stands. Errors: as above.
    Expected<void> look();

private:
    std::vector<protocol::PatchedLinear> linears() const;

    Session& m_session;
    const RunInputs& m_inputs;
    Patcher& m_patcher;
    std::optional<PatchProbing> m_probing;
};

}  // namespace safequant
