// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>

#include "core/checkpoint/checkpoint.h"

namespace safequant {

/// Float32 values that take the place of a checkpoint's tensor.
struct ReplacedTensor {
    std::span<const std::byte> values;
    std::shared_ptr<const void> owner;  ///< Keeps them alive.
    std::string file;                   ///< Where they are read from; empty: memory alone.
};

/// A checkpoint with other values for some of its tensors, by name. Names that it lacks are passed over. Errors: bad_input for values of another
/// number.
Expected<std::shared_ptr<const Checkpoint>> replaceTensors(std::shared_ptr<const Checkpoint> base, std::unordered_map<std::string, ReplacedTensor> changes);

}  // namespace safequant
