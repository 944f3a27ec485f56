// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>

#include "core/tensor/tensor_block.h"

namespace safequant {

/// The blocks of a model that learns, as they are at the moment.
class TrainingBlocks {
public:
    virtual ~TrainingBlocks() = default;
    /// A block to compute with. What a gradient is wanted of requires one, as a leaf or as the result of leaves. Asked for again on the way
    /// back it must be the same to the bit.
    virtual TensorBlock block(std::size_t index) = 0;
    /// A gradient has come back through a block that `block` gave: the leaves made for it have theirs.
    virtual void learned(std::size_t index, const TensorBlock& used) = 0;
};

}  // namespace safequant
