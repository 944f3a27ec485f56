// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/checkpoint/decoder_config.h"

namespace safequant {

/// Shape of a low-rank adapter.
struct LowRankOptions {
    int rank = 8;          ///< 1 or more.
    double alpha = 16.0;   ///< The product B A is multiplied by alpha / rank.
    std::vector<LinearRole> targets{LinearRole::Query, LinearRole::Key, LinearRole::Value, LinearRole::Output,
                                    LinearRole::Gate,  LinearRole::Up,  LinearRole::Down};  ///< Linears of every block.
};

/// "q_proj": how PEFT names a target.
std::string targetName(LinearRole role);

}  // namespace safequant
