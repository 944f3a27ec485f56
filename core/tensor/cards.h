// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

namespace safequant {

/// Graphics cards that `--device cuda` can use here, by the names their driver gives them ("NVIDIA H100 80GB HBM3"); a card without a
/// name is "CUDA card". Empty when this build's libtorch has no CUDA. Nothing is started on them.
std::vector<std::string> usableCards();

}  // namespace safequant
