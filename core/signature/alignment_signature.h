// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/progress.h"
#include "core/base/statistics.h"
#include "core/checkpoint/checkpoint.h"
#include "core/prompts/prompt_set.h"
#include "core/text/chat_template.h"

namespace safequant {

/// What descendants of an aligned model are checked and repaired with: where its residual stream is, on average, behind every block at the last
/// positions of prompts, which the template fixes. No weights and no answers are in it.
struct AlignmentSignature {
    // What it is of. Another model fits it when all of these are its own.
    std::string modelType;                        ///< "llama".
    int blocks = 0, hidden = 0, vocabulary = 0;
    std::string tokensHash;                       ///< SHA-256 of its prompts' token ids, template and system prompt included.
    std::string tokenizerHash, templateHash, systemPrompt;  ///< Compared to say why tokens differ.
    int tail = 0;                                 ///< Positions.
    std::vector<std::string> promptIds;           ///< Malicious ones first, as in the set.
    int malicious = 0;                            ///< So many of them; the others are benign.
    std::string promptsHash;                      ///< SHA-256 of their ids, labels and texts.
    std::string modelName, checkpointHash;        ///< Of the aligned model itself: told, not compared.

    // Floats of 11 significant bits, `[blocks, tail, hidden]`.
    std::vector<float> maliciousMeans, benignMeans;
    std::vector<float> variances;                 ///< Within classes, pooled.
    /// Probes (C = 0.1) on the last position, malicious against benign, `[blocks, hidden]` and `[blocks]`.
    std::vector<float> probeWeights, probeIntercepts;
    /// The aligned model's own, on evaluation prompts; nothing when it was not asked.
    struct Scores {
        Rate harmfulScore, refusedMalicious, refusedBenign, refusedHardBenign;
        std::string judge;
        int newTokens = 0;
    };
    std::optional<Scores> scores;

    int benign() const { return static_cast<int>(promptIds.size()) - malicious; }
    std::size_t blockSize() const { return static_cast<std::size_t>(tail) * static_cast<std::size_t>(hidden); }
    std::span<const float> ofBlock(const std::vector<float>& values, int block) const {
        return {values.data() + static_cast<std::size_t>(block) * blockSize(), blockSize()};
    }
};

/// The prompts of a signature: malicious and ordinary benign ones of the calibration split.
struct SignaturePrompts {
    std::vector<std::size_t> indices;  ///< Into the set, malicious ones first.
    int malicious = 0;
};
/// Errors: bad_input when either class has fewer than two near-duplicate clusters.
Expected<SignaturePrompts> signaturePrompts(const PromptSet& set);
/// Those that a signature was made of. Errors: mismatch, naming what is missing or has another text.
Expected<SignaturePrompts> promptsOf(const AlignmentSignature& signature, const PromptSet& set);

/// Makes a signature, without scores. `format` holds the system prompt. Progress counts blocks. Errors: those of visitTails and signaturePrompts.
Expected<AlignmentSignature> makeSignature(const std::shared_ptr<const Checkpoint>& checkpoint, const ChatFormat& format, const PromptSet& set,
                                           const Progress& progress = {});
/// The prompts that a signature was made of, where a model fits it: shape and tokens are the signature's. Errors: mismatch with all that differs
/// ("hidden size 576, the signature's is 960"), and what can be done.
Expected<SignaturePrompts> fittingPrompts(const AlignmentSignature& signature, const Checkpoint& checkpoint, const ChatFormat& format, const PromptSet& set,
                                          const std::string& where);

/// One HDF5 file (docs/file-formats.md). Errors: io.
Expected<void> writeSignature(const std::string& path, const AlignmentSignature& signature);
/// Errors: not_found, bad_input (no signature, damaged), unsupported (a newer version).
Expected<AlignmentSignature> readSignature(const std::string& path);

/// To 11 significant bits, ties to even.
float roundedToHalf(float value);

}  // namespace safequant
