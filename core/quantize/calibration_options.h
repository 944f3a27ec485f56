// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace safequant {

/// The order in which GPTQ visits columns.
enum class ColumnOrder : std::uint8_t {
    None,    ///< As they stand; a group's grid is made from the weights as they are when it is reached.
    Static,  ///< By falling energy of their inputs; groups are those of the original order, with grids of the original weights.
    Group,   ///< By falling energy; groups are of columns in that order, and grids made as for None (act-order of the reference).
};

/// GPTQ, arXiv 2210.17323.
struct GptqOptions {
    ColumnOrder order = ColumnOrder::Static;
    double damping = 0.01;    ///< Times the mean of the Hessian's diagonal, added to it.
    int blockColumns = 128;
    bool searchRange = false; ///< Shrinks ranges, see gridsOf.
};

/// SmoothQuant, arXiv 2211.10438.
struct SmoothingOptions {
    bool on = false;     ///< Before the method's own work.
    double alpha = 0.5;  ///< Scales are max|x|^alpha / max|w|^(1 - alpha).
};

/// AWQ, arXiv 2306.00978.
struct AwqOptions {
    int steps = 20;            ///< Exponents tried: step / steps.
    bool weightScales = true;  ///< Scales look at weights, too ("duo scaling"), not at activations alone.
    bool clipping = true;      ///< Searches each group's range after scaling.
};

/// NF4, arXiv 2305.14314.
struct Nf4Options {
    bool doubleQuantization = false;  ///< Scales in 8 bits.
};

/// AQLM, arXiv 2401.06118.
struct AqlmOptions {
    int rounds = 4;           ///< Turns of codebooks, codes and scales at most; ends early when a turn gains less than a thousandth.
    int beam = 8;             ///< Combinations of codes kept while a group's are searched.
    double damping = 0.01;    ///< As GptqOptions::damping: keeps few calibration rows from being fitted alone.
    std::uint64_t seed = 0;   ///< Of what the codebooks begin with; the run's.
};

/// What methods can be told; each reads its own part.
struct CalibrationOptions {
    GptqOptions gptq;
    SmoothingOptions smoothing;
    AwqOptions awq;
    Nf4Options nf4;
    AqlmOptions aqlm;
};

}  // namespace safequant
