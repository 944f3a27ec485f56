// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/rotated_checkpoint.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/checkpoint/decoder_tensors.h"

namespace safequant {
namespace {

constexpr const char* kEmbedding = "model.embed_tokens.weight";
/// Columns taken together where only rows are rotated: a cache line of floats.
constexpr std::int64_t kTileColumns = 16;
constexpr std::int64_t kParallelRotation = 1 << 14;

/// What becomes of a tensor W `[rows, columns]`: left^T W diag(gains) right, in bands of left's rows and tiles of right's columns. A
/// bias is one row.
struct TensorRotation {
    const Rotation* left = nullptr;
    const Rotation* right = nullptr;
    std::string gains;         ///< Norm whose gains are multiplied into the columns; empty: none.
    bool constantGain = false; ///< A norm whose gains have moved.

    bool changes() const { return left != nullptr || right != nullptr || constantGain; }
};

/// One piece of a tensor in float64.
class Tile {
public:
    Tile(const TensorRotation& rotation, std::int64_t columns)
        : m_rotation(rotation),
          m_columns(columns),
          m_height(rotation.left != nullptr ? rotation.left->size() : 1),
          m_width(rotation.right != nullptr ? rotation.right->size() : std::min(columns, kTileColumns)),
          m_values(static_cast<std::size_t>(m_height * m_width)),
          m_column(static_cast<std::size_t>(m_height)) {}

    std::int64_t across() const { return (m_columns + m_width - 1) / m_width; }
    std::int64_t height() const { return m_height; }

    /// Rotates tile `index` of the tensor in place. `gains` has one number a column, or none.
    void rotate(std::int64_t index, const std::vector<float>& gains, float* tensor) {
        const std::int64_t first = index % across() * m_width;
        const auto width = static_cast<std::size_t>(std::min(m_width, m_columns - first));
        float* const corner = tensor + index / across() * m_height * m_columns + first;
        for (std::int64_t row = 0; row < m_height; ++row) {
            double* target = m_values.data() + row * m_width;
            for (std::size_t c = 0; c < width; ++c) {
                target[c] = static_cast<double>(corner[row * m_columns + static_cast<std::int64_t>(c)]);
                if (!gains.empty()) target[c] *= static_cast<double>(gains[static_cast<std::size_t>(first) + c]);
            }
            if (m_rotation.right != nullptr) m_rotation.right->apply(target);
        }
        if (m_rotation.left != nullptr)
            for (std::size_t c = 0; c < width; ++c) rotateColumn(m_values.data() + c);
        for (std::int64_t row = 0; row < m_height; ++row)
            std::transform(m_values.data() + row * m_width, m_values.data() + row * m_width + width, corner + row * m_columns,
                           [](double value) { return static_cast<float>(value); });
    }

private:
    void rotateColumn(double* top) {
        for (std::size_t row = 0; row < m_column.size(); ++row) m_column[row] = top[row * static_cast<std::size_t>(m_width)];
        m_rotation.left->apply(m_column.data());
        for (std::size_t row = 0; row < m_column.size(); ++row) top[row * static_cast<std::size_t>(m_width)] = m_column[row];
    }

    const TensorRotation& m_rotation;
    std::int64_t m_columns, m_height, m_width;
    std::vector<double> m_values, m_column;
};

class RotatedCheckpoint : public Checkpoint {
public:
    RotatedCheckpoint(std::shared_ptr<const Checkpoint> base, const RotationOptions& options)
        : m_base(std::move(base)), m_options(options), m_config(m_base->config()) {
        if (options.residual) {
            m_residual = residualRotation(m_config.hiddenSize, options);
            m_config.tiedEmbeddings = false;
        }
        for (int block = 0; options.heads && block < m_config.blocks; ++block)
            m_heads.emplace_back(m_config.headDim, options.seed, "rotation, value heads of block " + std::to_string(block));
        for (const DecoderTensor& tensor : decoderTensors(m_config)) add(tensor);
    }

    const std::string& path() const override { return m_base->path(); }
    const std::string& format() const override { return m_base->format(); }
    const DecoderConfig& config() const override { return m_config; }
    const TokenizerSource& tokenizerSource() const override { return m_base->tokenizerSource(); }
    const std::vector<TensorInfo>& tensors() const override { return m_tensors; }
    std::vector<std::string> files() const override { return m_base->files(); }
    nlohmann::json configJson() const override {
        auto json = m_base->configJson();
        json["tie_word_embeddings"] = m_config.tiedEmbeddings;
        return json;
    }
    nlohmann::json metadata() const override {
        auto metadata = m_base->metadata();
        metadata["rotation"] = {{"residual", m_options.residual}, {"heads", m_options.heads}, {"seed", m_options.seed}};
        return metadata;
    }
    const TensorInfo* find(const std::string& name) const override {
        const auto found = m_index.find(name);
        return found != m_index.end() ? &m_tensors[found->second] : nullptr;
    }

    Expected<void> read(const std::string& name, std::span<float> out) const override {
        const auto found = m_index.find(name);
        if (found == m_index.end()) return m_base->read(name, out);
        if (auto done = m_base->read(sourceOf(name), out); !done) return done;
        const TensorRotation& rotation = m_rotations[found->second];
        const auto& shape = m_tensors[found->second].shape;
        if (rotation.constantGain) {
            std::ranges::fill(out, m_config.normAddsOne ? 0.0F : 1.0F);
            return {};
        }
        return rotate(rotation, shape.size() == 2 ? shape[0] : 1, shape.back(), out.data());
    }

    Expected<void> readRows(const std::string& name, std::int64_t firstRow, std::int64_t rows, std::span<float> out) const override {
        // Checks the range, and gives the rows where no other row has a part in them.
        if (auto done = m_base->readRows(sourceOf(name), firstRow, rows, out); !done) return done;
        const std::size_t index = m_index.at(name);
        const auto& shape = m_tensors[index].shape;
        if (m_rotations[index].left == nullptr) return rotate(m_rotations[index], rows, shape[1], out.data());
        std::vector<float> whole(static_cast<std::size_t>(shape[0] * shape[1]));
        if (auto done = read(name, whole); !done) return done;
        std::copy_n(whole.begin() + firstRow * shape[1], rows * shape[1], out.begin());
        return {};
    }

    Expected<std::optional<IntegerWeight>> readIntegers(const std::string& name) const override {
        const auto found = m_index.find(name);
        if (found != m_index.end() && m_rotations[found->second].changes()) return std::optional<IntegerWeight>();
        return m_base->readIntegers(sourceOf(name));
    }

private:
    void add(const DecoderTensor& tensor) {
        const TensorInfo* stored = m_base->find(sourceOf(tensor.name));
        if (stored == nullptr) return;
        TensorInfo info = *stored;
        info.name = tensor.name;
        TensorRotation rotation = rotationOf(tensor);
        if (rotation.changes()) {
            info.storedType = "F32";
            info.bytes = sizeof(float);
            for (const std::int64_t size : info.shape) info.bytes *= static_cast<std::uint64_t>(size);
        }
        m_index.emplace(info.name, m_tensors.size());
        m_tensors.push_back(std::move(info));
        m_rotations.push_back(std::move(rotation));
    }

    TensorRotation rotationOf(const DecoderTensor& tensor) const {
        const Rotation* residual = m_residual ? &*m_residual : nullptr;
        const Rotation* heads = m_heads.empty() || tensor.block < 0 ? nullptr : &m_heads[static_cast<std::size_t>(tensor.block)];
        TensorRotation rotation;
        switch (tensor.kind) {
            case TensorKind::Embedding: rotation.right = residual; break;
            case TensorKind::Head: behindNorm(rotation, residual, TensorKind::FinalNorm, -1); break;
            case TensorKind::InputNorm:
            case TensorKind::PreFeedForwardNorm:
            case TensorKind::FinalNorm: rotation.constantGain = residual != nullptr; break;
            case TensorKind::Weight: linear(rotation, tensor, residual, heads); break;
            case TensorKind::Bias:
                if (tensor.role == LinearRole::Value) rotation.right = heads;
                if (tensor.role == LinearRole::Output || tensor.role == LinearRole::Down) rotation.right = residual;
                break;
            default: break;
        }
        return rotation;
    }

    void linear(TensorRotation& rotation, const DecoderTensor& tensor, const Rotation* residual, const Rotation* heads) const {
        switch (tensor.role) {
            case LinearRole::Output:
                rotation.left = residual;
                rotation.right = heads;
                break;
            case LinearRole::Down: rotation.left = residual; break;
            case LinearRole::Gate:
            case LinearRole::Up: behindNorm(rotation, residual, TensorKind::PreFeedForwardNorm, tensor.block); break;
            case LinearRole::Value: rotation.left = heads; [[fallthrough]];
            default: behindNorm(rotation, residual, TensorKind::InputNorm, tensor.block); break;
        }
    }

    /// For a linear that reads the residual stream through a norm.
    void behindNorm(TensorRotation& rotation, const Rotation* residual, TensorKind norm, int block) const {
        if (residual == nullptr) return;
        rotation.right = residual;
        rotation.gains = normName(m_config, norm, block);
    }

    /// Tensor of the base that a tensor is made from.
    std::string sourceOf(const std::string& name) const {
        return name == "lm_head.weight" && !m_base->has(name) ? kEmbedding : name;
    }

    Expected<void> rotate(const TensorRotation& rotation, std::int64_t rows, std::int64_t columns, float* values) const {
        if (!rotation.changes() || rows == 0) return {};
        std::vector<float> gains;
        if (!rotation.gains.empty()) {
            auto read = m_base->readVector(rotation.gains);
            if (!read) return fail(read.error());
            gains = std::move(*read);
            if (m_config.normAddsOne)
                for (float& gain : gains) gain += 1.0F;
        }
        const Tile shape(rotation, columns);
        const std::int64_t tiles = rows / shape.height() * shape.across();
#pragma omp parallel if (tiles > 1 && rows * columns >= kParallelRotation)
        {
            Tile tile(rotation, columns);
#pragma omp for schedule(static)
            for (std::int64_t i = 0; i < tiles; ++i) tile.rotate(i, gains, values);
        }
        return {};
    }

    std::shared_ptr<const Checkpoint> m_base;
    RotationOptions m_options;
    DecoderConfig m_config;
    std::optional<Rotation> m_residual;
    std::vector<Rotation> m_heads;  ///< One a block, or none.
    std::vector<TensorInfo> m_tensors;
    std::vector<TensorRotation> m_rotations;  ///< Parallel to m_tensors.
    std::unordered_map<std::string, std::size_t> m_index;
};

}  // namespace

Rotation residualRotation(int hiddenSize, const RotationOptions& options) { return {hiddenSize, options.seed, "rotation, residual stream"}; }

Expected<std::shared_ptr<const Checkpoint>> rotateCheckpoint(std::shared_ptr<const Checkpoint> base, const RotationOptions& options) {
    if (options.residual && base->config().postNorms)
        return fail(ErrorKind::Unsupported,
                    "The residual stream of a model of type \"" + base->config().modelType +
                        "\" cannot be rotated exactly: outputs of attention and feed-forward layer pass norms with gains of their own "
                        "before they are added. Rotate the value heads alone (\"residual\": false).",
                    base->path());
    return std::make_shared<RotatedCheckpoint>(std::move(base), options);
}

}  // namespace safequant
