// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exporting/transposed_packing.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

#include "core/checkpoint/gguf_types.h"
#include "core/exporting/float_bits.h"

namespace safequant {
namespace {

constexpr std::array<std::size_t, 8> kAwqOrder = {0, 2, 4, 6, 1, 3, 5, 7};

struct Shape {
    std::size_t in, out, groups, perWord;
    int bits, centre;
};

Shape shapeOf(const QuantizedLinear& linear, bool alongInputs) {
    const int bits = linear.scheme.weightBits;
    const Shape shape{static_cast<std::size_t>(linear.cols),
                      static_cast<std::size_t>(linear.rows),
                      static_cast<std::size_t>(linear.groups()),
                      static_cast<std::size_t>(32 / bits),
                      bits,
                      1 << (bits - 1)};
    if (32 % bits != 0 || shape.out % shape.perWord != 0 || (alongInputs && shape.in % shape.perWord != 0))
        throw std::invalid_argument("[packTransposed] got " + std::to_string(shape.out) + " x " +
                                    std::to_string(shape.in) + " codes of " + std::to_string(bits) +
                                    " bits, need whole words of 32 bits");
    return shape;
}

std::uint32_t codeAt(const QuantizedLinear& linear, const Shape& shape, std::size_t input, std::size_t output) {
    return static_cast<std::uint32_t>(linear.codes[output * shape.in + input] + shape.centre);
}

std::uint32_t zeroAt(const QuantizedLinear& linear, const Shape& shape, std::size_t group, std::size_t output) {
    return static_cast<std::uint32_t>((linear.scheme.symmetric ? 0 : linear.zeros[output * shape.groups + group]) +
                                      shape.centre);
}

std::vector<std::uint16_t> transposedScales(const QuantizedLinear& linear, const Shape& shape) {
    std::vector<std::uint16_t> scales(shape.groups * shape.out);
    for (std::size_t group = 0; group < shape.groups; ++group)
        for (std::size_t output = 0; output < shape.out; ++output)
            scales[group * shape.out + output] = nearestHalfBits(linear.scales[output * shape.groups + group]);
    return scales;
}

}  // namespace

TransposedTensors packGptq(const QuantizedLinear& linear, bool minusOne) {
    const Shape shape = shapeOf(linear, true);
    const std::uint32_t mask = (1U << shape.bits) - 1;
    TransposedTensors packed;
    packed.scales = transposedScales(linear, shape);
    packed.weights.resize(shape.in / shape.perWord * shape.out);
    for (std::size_t output = 0; output < shape.out; ++output)
        for (std::size_t input = 0; input < shape.in; ++input)
            packed.weights[input / shape.perWord * shape.out + output] |=
                codeAt(linear, shape, input, output) << (input % shape.perWord * static_cast<std::size_t>(shape.bits));
    packed.zeros.resize(shape.groups * shape.out / shape.perWord);
    for (std::size_t group = 0; group < shape.groups; ++group)
        for (std::size_t output = 0; output < shape.out; ++output)
            packed.zeros[(group * shape.out + output) / shape.perWord] |=
                ((zeroAt(linear, shape, group, output) - (minusOne ? 1U : 0U)) & mask)
                << (output % shape.perWord * static_cast<std::size_t>(shape.bits));
    packed.groups = linear.groupOf;
    for (std::size_t input = packed.groups.size(); input < shape.in; ++input)
        packed.groups.push_back(static_cast<std::int32_t>(input * shape.groups / shape.in));
    return packed;
}

TransposedTensors packAwq(const QuantizedLinear& linear) {
    const Shape shape = shapeOf(linear, false);
    if (shape.bits != 4)
        throw std::invalid_argument("[packAwq] got codes of " + std::to_string(shape.bits) + " bits, need 4");
    const std::size_t words = shape.out / shape.perWord;
    TransposedTensors packed;
    packed.scales = transposedScales(linear, shape);
    packed.weights.resize(shape.in * words);
    packed.zeros.resize(shape.groups * words);
    for (std::size_t word = 0; word < words; ++word) {
        for (std::size_t nibble = 0; nibble < kAwqOrder.size(); ++nibble) {
            const std::size_t output = word * shape.perWord + kAwqOrder[nibble];
            for (std::size_t input = 0; input < shape.in; ++input)
                packed.weights[input * words + word] |= codeAt(linear, shape, input, output) << (4 * nibble);
            for (std::size_t group = 0; group < shape.groups; ++group)
                packed.zeros[group * words + word] |= zeroAt(linear, shape, group, output) << (4 * nibble);
        }
    }
    return packed;
}

bool hasLowestZero(const QuantizedLinear& linear) {
    const int lowest = -(1 << (linear.scheme.weightBits - 1));
    return !linear.scheme.symmetric &&
           std::find(linear.zeros.begin(), linear.zeros.end(), lowest) != linear.zeros.end();
}

bool scalesAreHalf(const QuantizedLinear& linear) {
    return std::all_of(linear.scales.begin(), linear.scales.end(),
                       [](float scale) { return halfToFloat(nearestHalfBits(scale)) == scale; });
}

}  // namespace safequant
