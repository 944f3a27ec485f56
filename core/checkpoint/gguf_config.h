// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/error.h"
#include "core/checkpoint/decoder_config.h"
#include "core/checkpoint/gguf.h"

namespace safequant {

/// Reads the configuration from the metadata of a GGUF file; some facts (biases, tied embeddings, rotary divisors) follow from
/// its tensors. Errors: bad_input naming the key, unsupported naming what is missing.
Expected<DecoderConfig> readGgufConfig(const GgufFile& file);

}  // namespace safequant
