// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/checkpoint/checkpoint.h"
#include "core/exporting/gguf_writer.h"
#include "core/text/tokenizer.h"

namespace safequant {

/// llama.cpp's keys for a model: "general.architecture" and "<architecture>.*". Error: unsupported, naming what no key
/// can say.
Expected<GgufMetadata> ggufModelKeys(const DecoderConfig& config);

/// A tensor of a few floats that stands for a rotary scaling.
struct RopeTensor {
    std::string name;
    std::vector<float> values;
};
/// rope_freqs.weight of llama3 scaling, rope_factors_short.weight and rope_factors_long.weight of LongRope; else none.
std::vector<RopeTensor> ggufRopeTensors(const DecoderConfig& config);

/// What two configurations compute differently, in words ("rotary positions"); empty when nothing. Names, token ids and
/// a window that the architecture "llama" has no key for do not count.
std::string configDifference(const DecoderConfig& ours, const DecoderConfig& theirs);

/// llama.cpp's keys of a tokenizer and the chat template. Error: unsupported when llama.cpp has no tokenizer that gives
/// the same ids, which is tried on texts of many kinds.
Expected<GgufMetadata> ggufTokenizerKeys(const Checkpoint& checkpoint, const Tokenizer& tokenizer);

}  // namespace safequant
