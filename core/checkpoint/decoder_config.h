// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace safequant {

/// The function of the gate in a feed-forward layer, act(gate) * up.
enum class Activation : std::uint8_t {
    Silu,
    GeluTanh,  ///< GELU by its tanh formula.
    Gelu,      ///< x times the normal distribution's cumulative function.
};
/// "silu", "gelu_pytorch_tanh", "gelu": the words of config.json.
const char* activationName(Activation activation);

/// How rotary frequencies are changed to reach beyond the context a model was first trained on.
enum class RopeScalingKind : std::uint8_t { None, Linear, Dynamic, Llama3, Yarn, LongRope };
/// "default", "linear", "dynamic", "llama3", "yarn", "longrope": the words of config.json.
const char* ropeScalingName(RopeScalingKind kind);

/// Numbers of a rotary scaling; each kind has some of them (transformers' modeling_rope_utils.py).
struct RopeScaling {
    RopeScalingKind kind = RopeScalingKind::None;
    double factor = 1.0;           ///< All but None and LongRope.
    int originalPositions = 0;     ///< Llama3, Yarn, LongRope: context the model was first trained on.
    double lowFrequencyFactor = 1.0, highFrequencyFactor = 4.0;  ///< Llama3.
    double betaFast = 32.0, betaSlow = 1.0;                      ///< Yarn.
    bool truncate = true;          ///< Yarn: the ramp's ends are whole dimensions.
    double attentionFactor = 1.0;  ///< Yarn, LongRope: multiplies cosines and sines.
    std::vector<float> shortFactors, longFactors;  ///< LongRope: divisors of the frequencies, `[rotary width / 2]`.

    bool operator==(const RopeScaling&) const = default;
};

/// Rotary positions of some blocks: frequency i is theta^(-2 i / rotary width) before scaling.
struct RopeParameters {
    double theta = 10000.0;
    RopeScaling scaling;

    bool operator==(const RopeParameters&) const = default;
};

/// What tells the attention of one block from that of another.
struct BlockAttention {
    int window = 0;  ///< Position i sees positions i - window + 1 to i; 0: all up to i.
    int rope = 0;    ///< Index into DecoderConfig::ropes.

    bool operator==(const BlockAttention&) const = default;
};

/// Shape and constants of a decoder-only language model, whatever file they came from. The features are those of all families
/// together; the forward pass knows them and no family.
struct DecoderConfig {
    std::string modelType;  ///< Hugging Face `model_type` of the text model, e.g. "llama", "gemma3_text".
    std::string name;       ///< Human name of the model, e.g. "SmolLM2-135M-Instruct".
    int hiddenSize = 0;
    int intermediateSize = 0;
    int blocks = 0;
    int heads = 0;    ///< Query heads.
    int kvHeads = 0;  ///< Key and value heads; divides `heads`.
    int headDim = 0;
    int vocabulary = 0;
    int maxPositions = 0;
    float normEpsilon = 1e-5F;
    Activation activation = Activation::Silu;
    bool queryKeyValueBias = false;
    bool outputBias = false;  ///< Of o_proj.
    bool mlpBias = false;     ///< Of gate_proj, up_proj and down_proj.
    bool tiedEmbeddings = false;
    bool fusedProjections = false;  ///< Files hold query, key and value as one tensor, gate and up as another.
    bool normAddsOne = false;       ///< A norm's gain is 1 + its weight.
    bool postNorms = false;         ///< Outputs of attention and feed-forward layer are normalised before they are added.
    bool qkNorm = false;            ///< Heads of queries and keys are normalised before they are rotated.
    float embeddingScale = 1.0F;    ///< Embeddings are multiplied by it.
    float attentionScale = 0.0F;    ///< Scores are multiplied by it; 0: 1 / sqrt(headDim).
    float attentionSoftcap = 0.0F;  ///< Scores become cap * tanh(score / cap); 0: they do not.
    float logitSoftcap = 0.0F;      ///< The same for logits.
    int rotaryDim = 0;              ///< Leading dimensions of each head that rotate; 0: all.
    std::vector<RopeParameters> ropes = std::vector<RopeParameters>(1);  ///< At least one.
    std::vector<BlockAttention> attention;  ///< One a block, or empty: full attention with ropes[0] everywhere.
    std::vector<int> endTokens;             ///< Every id that ends an answer.
    int beginToken = -1;                    ///< -1: none.
    int padToken = -1;                      ///< -1: none.

    int queryWidth() const { return heads * headDim; }
    int kvWidth() const { return kvHeads * headDim; }
    int rotaryWidth() const { return rotaryDim > 0 ? rotaryDim : headDim; }
    BlockAttention blockAttention(int block) const {
        return attention.empty() ? BlockAttention{} : attention[static_cast<std::size_t>(block)];
    }
    /// Positions a sequence may have: maxPositions, or as many as a Dynamic scaling stretches them to.
    int context() const;
    /// attentionScale, or what it stands for when 0.
    float scoreScale() const;
};

/// Gives blocks the window `window` (and rope `rope`) where `sliding[block]`; the others see everything and have ropes[0].
void setWindows(DecoderConfig& config, const std::vector<bool>& sliding, int window, int rope = 0);

/// The seven linear layers of a block, in the order everything here lists them.
enum class LinearRole : std::uint8_t { Query, Key, Value, Output, Gate, Up, Down };
inline constexpr int kLinearsPerBlock = 7;

/// "self_attn.q_proj", ..., "mlp.down_proj".
const char* linearSuffix(LinearRole role);
/// "model.layers.3.self_attn.q_proj": the name rules match and exports write.
std::string linearName(int block, LinearRole role);
/// Rows (out features) and columns (in features) of a linear.
std::pair<int, int> linearShape(const DecoderConfig& config, LinearRole role);
/// Whether a linear has a bias.
bool linearHasBias(const DecoderConfig& config, LinearRole role);

}  // namespace safequant
