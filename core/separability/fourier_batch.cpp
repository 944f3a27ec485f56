// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/separability/fourier_batch.h"

#include <cmath>
#include <cstring>
#include <numbers>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/base/cpu.h"

namespace safequant {
namespace {

// One element of all signals: a register with AVX-512, two or four with less. The bodies are written once and inlined
// into functions compiled for one instruction set each.
using Lanes = float __attribute__((vector_size(64)));
static_assert(sizeof(Lanes) == kFourierLanes * sizeof(float));

#define SAFEQUANT_INLINE __attribute__((always_inline)) inline

struct Complex {
    Lanes re, im;
};

struct StageInput {
    const float* re;
    const float* im;
    float* outRe;
    float* outIm;
    const float* cosines;
    const float* sines;
    std::size_t whole;  // Length of the whole transform: the table's.
};

SAFEQUANT_INLINE void load(Complex& z, const StageInput& input, std::size_t element) {
    std::memcpy(&z.re, input.re + element * kFourierLanes, sizeof(Lanes));
    std::memcpy(&z.im, input.im + element * kFourierLanes, sizeof(Lanes));
}

SAFEQUANT_INLINE void storeTurned(const Complex& z, float cosine, float sine, const StageInput& input,
                                  std::size_t element) {
    const Lanes re = z.re * cosine - z.im * sine;
    const Lanes im = z.re * sine + z.im * cosine;
    std::memcpy(input.outRe + element * kFourierLanes, &re, sizeof(Lanes));
    std::memcpy(input.outIm + element * kFourierLanes, &im, sizeof(Lanes));
}

template <std::size_t Radix>
SAFEQUANT_INLINE void butterfly(Complex (&z)[Radix]);

template <>
SAFEQUANT_INLINE void butterfly<2>(Complex (&z)[2]) {
    const Complex a = z[0];
    z[0] = {a.re + z[1].re, a.im + z[1].im};
    z[1] = {a.re - z[1].re, a.im - z[1].im};
}

template <>
SAFEQUANT_INLINE void butterfly<3>(Complex (&z)[3]) {
    constexpr float kSine = 0.866025403784438647F;
    const Complex sum{z[1].re + z[2].re, z[1].im + z[2].im};
    const Complex across{(z[1].re - z[2].re) * kSine, (z[1].im - z[2].im) * kSine};
    const Complex middle{z[0].re - sum.re * 0.5F, z[0].im - sum.im * 0.5F};
    z[0] = {z[0].re + sum.re, z[0].im + sum.im};
    z[1] = {middle.re + across.im, middle.im - across.re};
    z[2] = {middle.re - across.im, middle.im + across.re};
}

template <>
SAFEQUANT_INLINE void butterfly<4>(Complex (&z)[4]) {
    const Complex a{z[0].re + z[2].re, z[0].im + z[2].im};
    const Complex b{z[0].re - z[2].re, z[0].im - z[2].im};
    const Complex c{z[1].re + z[3].re, z[1].im + z[3].im};
    const Complex d{z[1].re - z[3].re, z[1].im - z[3].im};
    z[0] = {a.re + c.re, a.im + c.im};
    z[1] = {b.re + d.im, b.im - d.re};
    z[2] = {a.re - c.re, a.im - c.im};
    z[3] = {b.re - d.im, b.im + d.re};
}

template <>
SAFEQUANT_INLINE void butterfly<5>(Complex (&z)[5]) {
    constexpr float kCos1 = 0.309016994374947424F, kSin1 = 0.951056516295153572F;
    constexpr float kCos2 = -0.809016994374947424F, kSin2 = 0.587785252292473129F;
    const Complex a{z[1].re + z[4].re, z[1].im + z[4].im};
    const Complex b{z[2].re + z[3].re, z[2].im + z[3].im};
    const Complex c{z[1].re - z[4].re, z[1].im - z[4].im};
    const Complex d{z[2].re - z[3].re, z[2].im - z[3].im};
    const Complex e{z[0].re + a.re * kCos1 + b.re * kCos2, z[0].im + a.im * kCos1 + b.im * kCos2};
    const Complex f{z[0].re + a.re * kCos2 + b.re * kCos1, z[0].im + a.im * kCos2 + b.im * kCos1};
    const Complex g{c.re * kSin1 + d.re * kSin2, c.im * kSin1 + d.im * kSin2};
    const Complex h{c.re * kSin2 - d.re * kSin1, c.im * kSin2 - d.im * kSin1};
    z[0] = {z[0].re + a.re + b.re, z[0].im + a.im + b.im};
    z[1] = {e.re + g.im, e.im - g.re};
    z[2] = {f.re + h.im, f.im - h.re};
    z[3] = {f.re - h.im, f.im + h.re};
    z[4] = {e.re - g.im, e.im + g.re};
}

template <std::size_t Radix>
SAFEQUANT_INLINE void stage(const StageInput& input, std::size_t length, std::size_t stride) {
    const std::size_t part = length / Radix;
    const std::size_t turn = input.whole / length;
    for (std::size_t p = 0; p < part; ++p)
        for (std::size_t q = 0; q < stride; ++q) {
            Complex z[Radix];
            for (std::size_t k = 0; k < Radix; ++k) load(z[k], input, q + stride * (p + part * k));
            butterfly<Radix>(z);
            for (std::size_t k = 0; k < Radix; ++k) {
                const std::size_t angle = p * k * turn;
                storeTurned(z[k], input.cosines[angle], input.sines[angle], input, q + stride * (Radix * p + k));
            }
        }
}

SAFEQUANT_INLINE void anyStage(const StageInput& input, const FourierBatch::Stage& s) {
    switch (s.radix) {
        case 2:
            return stage<2>(input, s.length, s.stride);
        case 3:
            return stage<3>(input, s.length, s.stride);
        case 4:
            return stage<4>(input, s.length, s.stride);
        default:
            return stage<5>(input, s.length, s.stride);
    }
}

using RunStage = void (*)(const StageInput& input, const FourierBatch::Stage& s);

void runPlain(const StageInput& input, const FourierBatch::Stage& s) {
    anyStage(input, s);
}
#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) void runAvx2(const StageInput& input, const FourierBatch::Stage& s) {
    anyStage(input, s);
}
__attribute__((target("avx512f,avx512vl,avx512dq"))) void runAvx512(const StageInput& input,
                                                                    const FourierBatch::Stage& s) {
    anyStage(input, s);
}
#endif
#undef SAFEQUANT_INLINE

RunStage best() {
#if defined(__x86_64__)
    if (cpuHasAvx512()) return &runAvx512;
    if (cpuHasAvx2()) return &runAvx2;
#endif
    return &runPlain;
}

}  // namespace

FourierBatch::FourierBatch(std::size_t n) : m_length(n), m_cosines(n), m_sines(n) {
    std::size_t length = n;
    std::size_t stride = 1;
    for (const std::size_t radix : {std::size_t{4}, std::size_t{2}, std::size_t{3}, std::size_t{5}})
        while (length > 0 && length % radix == 0) {
            m_stages.push_back({radix, length, stride});
            length /= radix;
            stride *= radix;
        }
    if (length != 1)
        throw std::invalid_argument("[FourierBatch] got length " + std::to_string(n) +
                                    ", need a product of 2, 3 and 5");
    for (std::size_t j = 0; j < n; ++j) {
        const double angle = -2.0 * std::numbers::pi * static_cast<double>(j) / static_cast<double>(n);
        m_cosines[j] = static_cast<float>(std::cos(angle));
        m_sines[j] = static_cast<float>(std::sin(angle));
    }
}

void FourierBatch::transform(float* re, float* im, float* scratchRe, float* scratchIm) const {
    static const RunStage run = best();
    StageInput input{re, im, scratchRe, scratchIm, m_cosines.data(), m_sines.data(), m_length};
    for (const Stage& s : m_stages) {
        run(input, s);
        float* const filledRe = input.outRe;
        float* const filledIm = input.outIm;
        input.outRe = filledRe == re ? scratchRe : re;
        input.outIm = filledIm == im ? scratchIm : im;
        input.re = filledRe;
        input.im = filledIm;
    }
    if (input.re == re) return;
    std::memcpy(re, scratchRe, m_length * kFourierLanes * sizeof(float));
    std::memcpy(im, scratchIm, m_length * kFourierLanes * sizeof(float));
}

}  // namespace safequant
