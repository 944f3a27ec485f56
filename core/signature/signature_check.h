// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/signature/alignment_signature.h"
#include "core/signature/tail_rows.h"

namespace safequant {

/// How far a model has moved behind one block. Intervals: 95%, bootstrap over near-duplicate clusters of prompts.
struct BlockShift {
    /// Distance of the mean over malicious prompts from the signature's, in units of the spread within a class: the root of the squared difference
    /// over the variance, each summed over the last positions and all channels.
    double malicious = 0.0;
    Interval maliciousInterval;
    double benign = 0.0;  ///< The same over benign prompts.
    Interval benignInterval;
    /// How much of the difference between malicious and benign means is left along the aligned model's own: 1 as in the signature, 0 none.
    double separation = 1.0;
    Interval separationInterval;
    Rate maliciousCalled;  ///< Malicious prompts that the signature's probe calls malicious,
    Rate benignCalled;     ///< and benign ones.
};

struct SignatureCheck {
    std::vector<BlockShift> blocks;
    double moved = 0.0;  ///< Mean of the malicious distances over blocks.
    Interval movedInterval;
    double separation = 1.0;  ///< Mean over blocks.
    Interval separationInterval;
};

/// Compares a model with a signature that fits it, without generating an answer. Progress counts blocks. Errors: those of fittingPrompts and
/// visitTails.
Expected<SignatureCheck> checkSignature(const AlignmentSignature& signature, const std::shared_ptr<const Checkpoint>& checkpoint, const ChatFormat& format,
                                        const PromptSet& set, std::uint64_t seed, const std::string& where, const Progress& progress = {},
                                        const OtherBlocks* other = nullptr);

}  // namespace safequant
