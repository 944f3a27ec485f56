// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/model/decoder.h"
#include "core/patch/patch_options.h"
#include "core/quantize/coded_block.h"

namespace safequant {

/// A block as a patch leaves it. Counts are of each linear, in the order of LinearRole; 0 of those without codes.
struct PatchedBlock {
    CodedBlock block;
    std::array<std::uint64_t, kLinearsPerBlock> open{};     ///< Codes that might change.
    std::array<std::uint64_t, kLinearsPerBlock> changed{};  ///< Codes that differ from the quantizer's.
};

/// Codes of a block's linears, in the order of LinearRole, and how many of them may change as it is now.
struct OpenCodes {
    std::array<std::uint64_t, kLinearsPerBlock> codes{}, open{};
};

/// Patches a quantized model by preference pairs (Q-resafe, arXiv 2506.20251, algorithm 1) or by AAQ's loss (arXiv 2511.07842), codes
/// alone. Equal inputs and threads give equal bits, in one go or resumed. Memory: each weight once in float32 with its code and its mask,
/// and one block's gradients.
class Patcher {
public:
    /// `scaled`: the quantizer moved scales between layers before it coded, see GridWeight.
    static std::unique_ptr<Patcher> create(std::shared_ptr<const Checkpoint> checkpoint, const PatchOptions& options, bool scaled);
    virtual ~Patcher() = default;

    /// Adds the next block: as it was before and as it is quantized.
    virtual void add(const BlockWeights& original, CodedBlock quantized) = 0;
    /// Takes the log-probabilities of all answers by the quantized model, whose blocks are all there, or reads them from the file
    /// `reference` if it is there and writes it otherwise (empty: no file). Progress counts pairs. Errors: bad_input without pairs, or
    /// without malicious ones where scores need them; those of TrainingModel; io; mismatch when the file is of other pairs.
    virtual Expected<void> begin(std::vector<PreferencePair> pairs, const std::string& reference, const Progress& progress = {}) = 0;
    /// Begins a contrastive alignment instead: the file holds what the teachers say. The checkpoint is `teachers.full`. Progress counts
    /// blocks of a teacher. Errors: bad_input without samples or a teacher; as above.
    virtual Expected<void> begin(std::vector<AlignmentSample> samples, const AlignmentTeachers& teachers, const std::string& reference,
                                 const Progress& progress = {}) = 0;

    virtual int done() const = 0;  ///< Steps.
    /// One step. Errors: cancelled (nothing has changed then), failed when the loss is not finite.
    virtual Expected<PatchStep> step(const std::stop_token& stop = {}) = 0;
    /// The block as it is now. `original`: as in `add`, for errors.
    virtual PatchedBlock patched(int block, const BlockWeights& original) const = 0;

    /// Until the first step has found what may change, all of them may.
    virtual OpenCodes openCodes(int block) const = 0;

    /// Factors, moments, masks and steps done, in one file. Errors: io.
    virtual Expected<void> save(const std::string& path) const = 0;
    /// Goes on from such a file, behind `begin`. Errors: those of reading; mismatch when it is another patch's.
    virtual Expected<void> restore(const std::string& path) = 0;
};

}  // namespace safequant
