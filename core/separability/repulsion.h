// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/base/matrix.h"
#include "core/separability/plane_convolution.h"

namespace safequant {

/// The sums of t-SNE over all pairs of points in the plane (x0, y0, x1, y1, ...), with w = 1 / (1 + |y_i - y_j|^2):
/// writes forces[i] = sum_j (y_i - y_j) w^2 and returns sum_{i != j} w.
double exactRepulsion(std::span<const float> points, std::span<float> forces);

/// The same in time that hardly grows with the number of points: points are spread over a grid by quintic B-splines,
/// the potential is one convolution (particle-mesh; Essmann et al. 1995 with the kernel of FIt-SNE, Linderman et al.
/// 2019), and forces are the spline's own gradient: within 1% of the exact ones in root mean square where points lie as
/// close as in a finished picture. Points strewn more than some 760 wide are taken pair by pair.
class MeshRepulsion {
public:
    double operator()(std::span<const float> points, std::span<float> forces);

private:
    std::unique_ptr<PlaneConvolution> m_convolution;
    Matrix m_field;
    std::vector<float> m_weights;  // [points][2][order] and of the derivatives.
    std::vector<int> m_first;      // [points][2] first node.
};

}  // namespace safequant
