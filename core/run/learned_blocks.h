// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/realign/realigner.h"
#include "core/run/session.h"

namespace safequant {

/// What probes of the first stream say of each stream's rows `[chats, hidden]`: every chat is judged by a probe fitted on the first
/// stream's rows of other near-duplicate clusters (five folds). Nothing when a class has fewer clusters than folds, or when stopped.
std::optional<std::vector<protocol::StreamProbe>> judgeStreams(std::span<const Matrix> streams, const std::vector<bool>& malicious,
                                                               std::span<const int> clusters, std::uint64_t seed, const std::stop_token& stop = {});

/// Learns the blocks of a run one after the other, tells how each goes, and leaves each in a folder.
class LearnedBlocks {
public:
    /// `folder`: where they go, the run's own or one inside it.
    LearnedBlocks(Session& session, std::string folder) : m_session(session), m_folder(std::move(folder)) {}

    /// Makes sure that the block's file is there. Blocks found finished are passed through, so that the streams are where they
    /// would be had this session learned them. Errors: cancelled, those of Realigner, samples and files.
    Expected<void> require(int block);

private:
    Expected<void> open();
    /// How many last positions a signature's shift moves, and the shift where a file holds it.
    Expected<void> chooseTail(RealignSetup& setup);
    /// Of the realigner's chats, in the space of the models before they were rotated.
    Matrix baseRows(RealignStream stream) const;
    /// The probe of the aligned model's next block, where the objective uses one: malicious against all benign calibration samples, or the
    /// signature's.
    Expected<BlockProbe> objectiveProbe();
    Expected<void> learn(int block);

    Session& m_session;
    std::string m_folder;
    std::unique_ptr<Realigner> m_realigner;
    std::vector<bool> m_malicious;  ///< Of the realigner's chats.
    std::vector<int> m_clusters;    ///< Near-duplicate clusters of the same.
};

}  // namespace safequant
