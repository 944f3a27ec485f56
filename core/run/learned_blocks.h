// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <memory>

#include "core/realign/realigner.h"
#include "core/run/session.h"

namespace safequant {

/// Learns the blocks of a run one after the other, tells how each goes, and leaves each in the run's folder.
class LearnedBlocks {
public:
    explicit LearnedBlocks(Session& session) : m_session(session) {}

    /// Makes sure that the block's file is there. Blocks found finished are passed through, so that the streams are where they
    /// would be had this session learned them. Errors: cancelled, those of Realigner, samples and files.
    Expected<void> require(int block);

private:
    Expected<void> open();
    /// The probe of the aligned model's next block, where the objective uses one: malicious against all benign calibration samples.
    Expected<BlockProbe> objectiveProbe();
    Expected<void> learn(int block);
    /// What probes of the aligned stream say of all three, behind the block last learned; nothing where a class is missing.
    Expected<void> judgeStreams(protocol::LearnedBlock& told) const;

    Session& m_session;
    std::unique_ptr<Realigner> m_realigner;
    std::vector<bool> m_malicious;  ///< Of the realigner's chats.
    std::vector<int> m_clusters;    ///< Near-duplicate clusters of the same.
};

}  // namespace safequant
