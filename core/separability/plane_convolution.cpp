// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/separability/plane_convolution.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "core/model/decoder.h"
#include "core/model/parallel.h"

namespace safequant {
namespace {

constexpr std::size_t kLanes = kFourierLanes;
/// Columns that go into one transform, and so what sides are multiples of.
constexpr std::size_t kColumns = 2 * kLanes;

bool smooth(std::size_t n) {
    for (const std::size_t factor : {2U, 3U, 5U})
        while (n % factor == 0) n /= factor;
    return n == 1;
}

/// A worker's four arrays of n elements of 16 lanes.
struct Workspace {
    float *re, *im, *scratchRe, *scratchIm;
    Workspace(Matrix& scratch, std::size_t worker, std::size_t n)
        : re(scratch.row(worker)), im(re + n * kLanes), scratchRe(im + n * kLanes), scratchIm(scratchRe + n * kLanes) {}
};

}  // namespace

std::size_t PlaneConvolution::sideFor(std::size_t nodes) {
    if (nodes > kMostNodes)
        throw std::invalid_argument("[PlaneConvolution::sideFor] got " + std::to_string(nodes) +
                                    " nodes, need at most " + std::to_string(kMostNodes));
    std::size_t side = std::max((nodes + kColumns - 1) / kColumns, std::size_t{1}) * kColumns;
    while (!smooth(side)) side += kColumns;
    return side;
}

PlaneConvolution::PlaneConvolution(std::size_t side, const std::function<double(double, double)>& kernel,
                                   const std::function<double(double)>& gain)
    : m_side(side), m_fourier(2 * side), m_scratch(static_cast<std::size_t>(threadCount()), 4 * 2 * side * kLanes) {
    const std::size_t n = 2 * side;
    Matrix whole(n, n);
    const auto offset = [&](std::size_t i) { return static_cast<double>(std::min(i, n - i)); };
    for (std::size_t r = 0; r < n; ++r)
        for (std::size_t c = 0; c < n; ++c) whole(r, c) = static_cast<float>(kernel(offset(r), offset(c)));
    forward(whole);
    const std::size_t batches = m_re.rows() / kLanes;
    m_gain.resize(batches * n * kLanes);
    std::vector<double> gains(n);
    for (std::size_t k = 0; k < n; ++k) gains[k] = gain(offset(k));
    const double scale = 1.0 / (static_cast<double>(n) * static_cast<double>(n));
    overRows(n, [&](std::size_t batch, const Workspace& space) {
        // Kernel and gains are even: what is imaginary is rounding.
        float* into = m_gain.data() + batch * n * kLanes;
        for (std::size_t k = 0; k < n; ++k)
            for (std::size_t lane = 0; lane < kLanes; ++lane) {
                const std::size_t row = std::min(batch * kLanes + lane, side);
                into[k * kLanes + lane] = static_cast<float>(static_cast<double>(space.re[k * kLanes + lane]) * scale *
                                                             gains[k] * gains[row]);
            }
    });
}

/// Transforms along the first direction all columns of a field, whose rows beyond its own are zero.
void PlaneConvolution::forward(const Matrix& field) {
    const std::size_t n = 2 * m_side;
    const std::size_t rows = (m_side + 1 + kLanes - 1) / kLanes * kLanes;
    if (m_re.rows() != rows || m_re.cols() != field.cols()) {
        m_re = Matrix::zeros(rows, field.cols());
        m_im = Matrix::zeros(rows, field.cols());
    }
    parallelFor(static_cast<std::int64_t>(field.cols() / kColumns), [&](std::int64_t task, std::size_t worker) {
        const Workspace space(m_scratch, worker, n);
        const auto first = static_cast<std::size_t>(task) * kColumns;
        for (std::size_t r = 0; r < field.rows(); ++r) {
            std::memcpy(space.re + r * kLanes, field.row(r) + first, kLanes * sizeof(float));
            std::memcpy(space.im + r * kLanes, field.row(r) + first + kLanes, kLanes * sizeof(float));
        }
        std::fill(space.re + field.rows() * kLanes, space.re + n * kLanes, 0.0F);
        std::fill(space.im + field.rows() * kLanes, space.im + n * kLanes, 0.0F);
        m_fourier.transform(space.re, space.im, space.scratchRe, space.scratchIm);
        // The spectra of two real signals that were the real and the imaginary part of one.
        for (std::size_t k = 0; k <= m_side; ++k) {
            const float* re = space.re + k * kLanes;
            const float* im = space.im + k * kLanes;
            const float* mirrorRe = space.re + (n - k) % n * kLanes;
            const float* mirrorIm = space.im + (n - k) % n * kLanes;
            float* intoRe = m_re.row(k) + first;
            float* intoIm = m_im.row(k) + first;
            for (std::size_t lane = 0; lane < kLanes; ++lane) {
                intoRe[lane] = 0.5F * (re[lane] + mirrorRe[lane]);
                intoIm[lane] = 0.5F * (im[lane] - mirrorIm[lane]);
                intoRe[kLanes + lane] = 0.5F * (im[lane] + mirrorIm[lane]);
                intoIm[kLanes + lane] = 0.5F * (mirrorRe[lane] - re[lane]);
            }
        }
    });
}

/// Transforms the rows of the spectrum along the second direction, 16 at a time, and hands them to the body.
template <typename Body>
void PlaneConvolution::overRows(std::size_t columns, const Body& body) {
    const std::size_t n = 2 * m_side;
    parallelFor(static_cast<std::int64_t>(m_re.rows() / kLanes), [&](std::int64_t task, std::size_t worker) {
        const Workspace space(m_scratch, worker, n);
        const auto batch = static_cast<std::size_t>(task);
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            const float* re = m_re.row(batch * kLanes + lane);
            const float* im = m_im.row(batch * kLanes + lane);
            for (std::size_t c = 0; c < columns; ++c) {
                space.re[c * kLanes + lane] = re[c];
                space.im[c * kLanes + lane] = im[c];
            }
        }
        std::fill(space.re + columns * kLanes, space.re + n * kLanes, 0.0F);
        std::fill(space.im + columns * kLanes, space.im + n * kLanes, 0.0F);
        m_fourier.transform(space.re, space.im, space.scratchRe, space.scratchIm);
        body(batch, space);
    });
}

void PlaneConvolution::apply(Matrix& field) {
    if (field.rows() != m_side || field.cols() != m_side)
        throw std::invalid_argument("[PlaneConvolution::apply] got a field of " + std::to_string(field.rows()) +
                                    " by " + std::to_string(field.cols()) + ", need " + std::to_string(m_side) +
                                    " squared");
    const std::size_t n = 2 * m_side;
    forward(field);
    overRows(m_side, [&](std::size_t batch, const Workspace& space) {
        const float* gain = m_gain.data() + batch * n * kLanes;
        for (std::size_t i = 0; i < n * kLanes; ++i) {
            space.re[i] *= gain[i];
            space.im[i] *= gain[i];
        }
        m_fourier.transform(space.im, space.re, space.scratchIm, space.scratchRe);
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            float* re = m_re.row(batch * kLanes + lane);
            float* im = m_im.row(batch * kLanes + lane);
            for (std::size_t c = 0; c < m_side; ++c) {
                re[c] = space.re[c * kLanes + lane];
                im[c] = space.im[c * kLanes + lane];
            }
        }
    });
    parallelFor(static_cast<std::int64_t>(m_side / kColumns), [&](std::int64_t task, std::size_t worker) {
        const Workspace space(m_scratch, worker, n);
        const auto first = static_cast<std::size_t>(task) * kColumns;
        for (std::size_t k = 0; k <= m_side; ++k) {
            const float* re = m_re.row(k) + first;
            const float* im = m_im.row(k) + first;
            float* intoRe = space.re + k * kLanes;
            float* intoIm = space.im + k * kLanes;
            float* mirrorRe = space.re + (n - k) % n * kLanes;
            float* mirrorIm = space.im + (n - k) % n * kLanes;
            for (std::size_t lane = 0; lane < kLanes; ++lane) {
                mirrorRe[lane] = re[lane] + im[kLanes + lane];
                mirrorIm[lane] = re[kLanes + lane] - im[lane];
                intoRe[lane] = re[lane] - im[kLanes + lane];
                intoIm[lane] = im[lane] + re[kLanes + lane];
            }
        }
        m_fourier.transform(space.im, space.re, space.scratchIm, space.scratchRe);
        for (std::size_t r = 0; r < m_side; ++r) {
            std::memcpy(field.row(r) + first, space.re + r * kLanes, kLanes * sizeof(float));
            std::memcpy(field.row(r) + first + kLanes, space.im + r * kLanes, kLanes * sizeof(float));
        }
    });
}

}  // namespace safequant
