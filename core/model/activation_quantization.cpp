// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/activation_quantization.h"

#include <stdexcept>
#include <string>

#include "core/model/parallel.h"
#include "core/model/simd_kernels.h"

namespace safequant {

void quantizeActivationRows(float* data, std::size_t stride, std::size_t rows, std::size_t cols, const ActivationScheme& scheme) {
    if (scheme.bits >= 16) return;
    if (scheme.bits < 2 || scheme.bits > 8)
        throw std::invalid_argument("[quantizeActivationRows] got " + std::to_string(scheme.bits) + " bits, need 2 to 8, or 16");
    if (scheme.keptFrom > 0.0F && scheme.bits != 8)
        throw std::invalid_argument("[quantizeActivationRows] got outliers beside " + std::to_string(scheme.bits) + " bits, need 8");
    const SimdKernels& kernels = simdKernels();
    parallelRows(rows, kRowGrain / (cols + 1) + 1, [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r) {
            if (scheme.keptFrom > 0.0F) kernels.fakeQuantizeOrdinary(data + r * stride, cols, scheme.keptFrom);
            else kernels.fakeQuantize(data + r * stride, cols, scheme.bits, scheme.symmetric);
        }
    });
}

}  // namespace safequant
