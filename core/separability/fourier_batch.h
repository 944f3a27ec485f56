// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <vector>

namespace safequant {

/// Signals a batch of transforms works on at once; element i of all of them lies side by side.
inline constexpr std::size_t kFourierLanes = 16;

/// Complex Fourier transforms of length n of 16 signals at once (mixed-radix Stockham: 4, 2, 3, 5), float32.
class FourierBatch {
public:
    /// Throws std::invalid_argument unless n is a product of 2, 3 and 5.
    explicit FourierBatch(std::size_t n);

    std::size_t length() const { return m_length; }
    /// Transforms in place: `re` and `im` are `[n][16]`, and so is the scratch space. exp(-2 pi i jk / n), without
    /// scaling. With re and im swapped it is the inverse.
    void transform(float* re, float* im, float* scratchRe, float* scratchIm) const;

    struct Stage {
        std::size_t radix, length, stride;
    };

private:
    std::size_t m_length;
    std::vector<Stage> m_stages;
    std::vector<float> m_cosines, m_sines;  // exp(-2 pi i j / n).
};

}  // namespace safequant
