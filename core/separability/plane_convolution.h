// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "core/base/matrix.h"
#include "core/separability/fourier_batch.h"

namespace safequant {

/// Convolution of a square field with an even kernel in free space (Hockney and Eastwood: the field is transformed on a
/// grid twice as wide, so that nothing wraps around). Real fields go two columns to a transform and half of the
/// spectrum is kept.
class PlaneConvolution {
public:
    /// The smallest side at or above `nodes` that there are transforms for; throws std::invalid_argument above
    /// kMostNodes.
    static std::size_t sideFor(std::size_t nodes);
    static constexpr std::size_t kMostNodes = 2048;

    /// A field of `side` (from sideFor) nodes squared. `kernel`: its value at an offset in nodes. `gain`: factor at a
    /// frequency k of 2 * side, along each direction.
    PlaneConvolution(std::size_t side, const std::function<double(double, double)>& kernel,
                     const std::function<double(double)>& gain);

    std::size_t side() const { return m_side; }
    /// field `[side][side]` becomes its convolution.
    void apply(Matrix& field);

private:
    void forward(const Matrix& field);
    template <typename Body>
    void overRows(std::size_t columns, const Body& body);

    std::size_t m_side;
    FourierBatch m_fourier;     // Of length 2 * side.
    std::vector<float> m_gain;  // [batch][2 * side][16], of the kernel.
    Matrix m_re, m_im;          // Spectrum along the first direction: [rows, columns].
    Matrix m_scratch;           // One row a worker.
};

}  // namespace safequant
