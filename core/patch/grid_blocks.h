// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/model/decoder.h"
#include "core/patch/grid_weight.h"
#include "core/patch/patch_options.h"
#include "core/patch/patcher.h"
#include "core/quantize/coded_block.h"
#include "core/training/training_blocks.h"

namespace safequant {

/// The quantized blocks of a model with a low-rank change of every quantized linear, which counts where the linear's mask is 1 and lets codes
/// alone move: W = round((latent + M o (alpha / rank) B A) / scale) on the quantizer's own scales and zero points (Q-resafe, arXiv 2506.20251,
/// equations 4 to 7, with the gaps closed as GridWeight says). With B = 0 it is the quantized model. On the processor.
class GridBlocks final : public TrainingBlocks {
public:
    /// One quantized linear and what changes it.
    struct Module {
        std::string name;  ///< "model.layers.3.self_attn.q_proj".
        int block = 0;
        LinearRole role = LinearRole::Query;
        GridWeight grid;
        at::Tensor mask;   ///< uint8 `[out, in]`; undefined: everywhere.
        at::Tensor a, b;   ///< `[rank, in]` and `[out, rank]`, leaves.
    };

    /// `scaled` as GridWeight takes it.
    GridBlocks(DecoderConfig config, PatchFactors factors, std::uint64_t seed, bool scaled)
        : m_config(std::move(config)), m_factors(factors), m_seed(seed), m_scaled(scaled) {}
    /// Adds the next block: as it was before and as it is quantized. A starts uniform in +-1 / sqrt(in), seeded
    /// by each linear's name, and B at zero.
    void add(const BlockWeights& original, CodedBlock quantized);

    TensorBlock block(std::size_t index) override;
    /// Adds the gradient of the factors; with a visitor only calls that.
    void learned(std::size_t index, const TensorBlock& used) override;

    /// Takes the gradient of every quantized weight in the place of the factors: `weight` has it.
    using Visitor = std::function<void(Module& module, const at::Tensor& weight)>;
    void setVisitor(Visitor visitor) { m_visitor = std::move(visitor); }

    std::vector<Module>& modules() { return m_modules; }
    const std::vector<Module>& modules() const { return m_modules; }
    /// Modules of one block.
    std::span<Module> modulesOf(std::size_t block);
    /// Both factors of every module, in order.
    std::vector<at::Tensor> parameters() const;
    std::size_t blockCount() const { return m_blocks.size(); }

    /// The block as it is now, on its grids. `original`: as in `add`, for errors.
    PatchedBlock patched(std::size_t index, const BlockWeights& original) const;
    OpenCodes openCodes(std::size_t index) const;

private:
    struct Block {
        CodedBlock quantized;  // What has a module is empty.
        TensorBlock tensors;   // The same.
        std::size_t firstModule = 0, modules = 0;
        std::array<at::Tensor, kLinearsPerBlock> passes;  // Of the weights given last.
    };

    float factor() const { return static_cast<float>(m_factors.alpha / m_factors.rank); }
    at::Tensor change(const Module& module) const;

    DecoderConfig m_config;
    PatchFactors m_factors;
    std::uint64_t m_seed = 0;
    bool m_scaled = false;
    std::vector<Block> m_blocks;
    std::vector<Module> m_modules;
    Visitor m_visitor;
};

}  // namespace safequant
