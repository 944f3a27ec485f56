// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/checkpoint/decoder_config.h"
#include "core/training/low_rank_options.h"
#include "core/tensor/tensor_block.h"

namespace safequant {

/// A low-rank change of chosen linears in every block (Hu et al., LoRA, 2021), whose factors learn.
class LowRankAdapter {
public:
    /// Error: unsupported for targets that the model's files hold fused with others, where PEFT has no adapter for one alone.
    static Expected<void> checkTargets(const DecoderConfig& config, const LowRankOptions& options);
    /// A starts uniform in +-1 / sqrt(in) (PEFT's start), seeded by each module's name, and B at zero, so that nothing is changed yet.
    static LowRankAdapter create(const DecoderConfig& config, const LowRankOptions& options, std::uint64_t seed, const at::Device& device);

    /// One factor pair, both leaves that require a gradient.
    struct Module {
        std::string name;  ///< "model.layers.3.self_attn.q_proj".
        LinearRole role = LinearRole::Query;
        int block = 0;
        LowRankChange change;
    };
    const std::vector<Module>& modules() const { return m_modules; }
    /// Both factors of every module, in order.
    std::vector<at::Tensor> parameters() const;

    /// Factors in the place of the present ones, from a PEFT adapter of the same shape. Errors: not_found; mismatch naming what the
    /// adapter has otherwise.
    Expected<void> load(const std::string& folder);
    /// Writes adapter_config.json and adapter_model.safetensors ("F32" or "BF16") as PEFT loads them into an existing folder.
    /// `baseName` is kept for readers. Errors: io.
    Expected<void> save(const std::string& folder, const std::string& baseName, const std::string& type) const;

private:
    LowRankOptions m_options;
    std::vector<Module> m_modules;
};

}  // namespace safequant
