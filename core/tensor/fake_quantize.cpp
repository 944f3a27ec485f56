// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tensor/fake_quantize.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <stdexcept>
#include <string>

#include "core/tensor/fake_quantize_kernels.h"

namespace safequant {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Ranges of rows whose column sums are kept apart: a fixed number, so that threads do not change the order of addition.
constexpr std::int64_t kPartialSums = 16;

void checkShape(const char* name, const at::Tensor& tensor, at::IntArrayRef need) {
    if (tensor.defined() && tensor.sizes() != need)
        throw std::invalid_argument("[fakeQuantizeWeight] got " + std::string(name) + " of another shape than the weight and its groups need");
}

void checkTerms(const at::Tensor& weight, const WeightTerms& terms, const WeightGrid& grid) {
    if (weight.dim() != 2 || grid.bits < 2 || grid.bits > 8 || (grid.group > 0 && weight.size(1) % grid.group != 0))
        throw std::invalid_argument("[fakeQuantizeWeight] got " + std::to_string(grid.bits) + " bits in groups of " +
                                    std::to_string(grid.group) + ", need 2 to 8 and a divisor of the columns");
    const std::int64_t out = weight.size(0), in = weight.size(1);
    checkShape("inputScale", terms.inputScale, {in});
    checkShape("outputScale", terms.outputScale, {out});
    checkShape("upper", terms.upper, {out, grid.groups(in)});
    checkShape("lower", terms.lower, {out, grid.groups(in)});
    checkShape("offsets", terms.offsets, {out, in});
}

at::Tensor contiguous(const at::Tensor& tensor) { return tensor.defined() ? tensor.contiguous() : tensor; }

/// Functions of autograd take no undefined tensors: an empty one stands for them.
at::Tensor orEmpty(const at::Tensor& tensor, const at::Tensor& weight) {
    return tensor.defined() ? tensor : at::empty({0}, weight.options());
}
at::Tensor orUndefined(const at::Tensor& tensor) { return tensor.numel() > 0 ? tensor : at::Tensor(); }

const float* dataOf(const at::Tensor& tensor) { return tensor.defined() ? tensor.data_ptr<float>() : nullptr; }

float* rowOf(const at::Tensor& tensor, std::int64_t row) {
    return tensor.defined() ? tensor.data_ptr<float>() + row * (tensor.numel() / tensor.size(0)) : nullptr;
}

/// A weight and its terms, row by row.
struct Rows {
    at::Tensor weight;
    WeightTerms terms;
    WeightGrid grid;

    WeightRow row(std::int64_t r) const {
        WeightRow row;
        row.weights = rowOf(weight, r);
        row.inputScale = dataOf(terms.inputScale);
        row.outputScale = terms.outputScale.defined() ? *rowOf(terms.outputScale, r) : 1.0F;
        row.upper = rowOf(terms.upper, r);
        row.lower = rowOf(terms.lower, r);
        row.offsets = rowOf(terms.offsets, r);
        row.cols = static_cast<int>(weight.size(1));
        row.group = grid.group > 0 ? grid.group : row.cols;
        row.bits = grid.bits;
        row.symmetric = grid.symmetric;
        return row;
    }
};

Rows contiguousRows(const at::Tensor& weight, const WeightTerms& terms, const WeightGrid& grid) {
    return {weight.contiguous(),
            {contiguous(terms.inputScale), contiguous(terms.outputScale), contiguous(terms.upper), contiguous(terms.lower),
             contiguous(terms.offsets)},
            grid};
}

class FakeQuantizeWeight : public torch::autograd::Function<FakeQuantizeWeight> {
public:
    static at::Tensor forward(AutogradContext* context, at::Tensor weight, at::Tensor inputScale, at::Tensor outputScale, at::Tensor upper,
                              at::Tensor lower, at::Tensor offsets, std::int64_t bits, std::int64_t group, bool symmetric) {
        const WeightTerms terms{orUndefined(inputScale), orUndefined(outputScale), orUndefined(upper), orUndefined(lower),
                                orUndefined(offsets)};
        const Rows rows = contiguousRows(weight, terms, {static_cast<int>(bits), static_cast<int>(group), symmetric});
        at::Tensor result = at::empty_like(rows.weight);
        const std::int64_t cols = weight.size(1);
        at::parallel_for(0, weight.size(0), 1 + 32768 / cols, [&](std::int64_t first, std::int64_t last) {
            std::vector<float> scratch(static_cast<std::size_t>(cols));
            for (std::int64_t r = first; r < last; ++r)
                fakeQuantizeKernels().weightForward(rows.row(r), scratch.data(), rowOf(result, r));
        });
        context->save_for_backward({rows.weight, rows.terms.inputScale, rows.terms.outputScale, rows.terms.upper, rows.terms.lower,
                                    rows.terms.offsets});
        context->saved_data["bits"] = bits;
        context->saved_data["group"] = group;
        context->saved_data["symmetric"] = symmetric;
        return result;
    }

    static variable_list backward(AutogradContext* context, variable_list outputs) {
        const auto saved = context->get_saved_variables();
        const Rows rows{saved[0],
                        {saved[1], saved[2], saved[3], saved[4], saved[5]},
                        {static_cast<int>(context->saved_data["bits"].toInt()), static_cast<int>(context->saved_data["group"].toInt()),
                         context->saved_data["symmetric"].toBool()}};
        const at::Tensor output = outputs[0].contiguous();
        variable_list result(9);
        for (std::size_t i = 0; i < saved.size(); ++i)
            if (saved[i].defined() && context->needs_input_grad(i)) result[i] = at::empty_like(saved[i]);
        const std::int64_t out = saved[0].size(0), cols = saved[0].size(1);
        at::Tensor columnSums;
        if (result[1].defined()) columnSums = at::zeros({kPartialSums, cols}, saved[0].options());
        at::parallel_for(0, kPartialSums, 1, [&](std::int64_t firstPart, std::int64_t lastPart) {
            std::vector<float> scratch(2 * static_cast<std::size_t>(cols));
            for (std::int64_t part = firstPart; part < lastPart; ++part)
                for (std::int64_t r = out * part / kPartialSums; r < out * (part + 1) / kPartialSums; ++r)
                    fakeQuantizeKernels().weightBackward(
                        rows.row(r), {rowOf(output, r), rowOf(result[0], r), rowOf(columnSums, part), rowOf(result[2], r),
                                      rowOf(result[3], r), rowOf(result[4], r), rowOf(result[5], r), scratch.data()});
        });
        if (columnSums.defined()) result[1] = columnSums.sum(0);
        return result;
    }
};

class FakeQuantizeActivations : public torch::autograd::Function<FakeQuantizeActivations> {
public:
    static at::Tensor forward(AutogradContext* context, at::Tensor x, std::int64_t bits, bool symmetric) {
        x = x.contiguous();
        at::Tensor result = at::empty_like(x);
        const auto n = static_cast<int>(x.size(1));
        at::parallel_for(0, x.size(0), 1 + 32768 / n, [&](std::int64_t first, std::int64_t last) {
            for (std::int64_t r = first; r < last; ++r)
                fakeQuantizeKernels().activationForward(rowOf(x, r), n, static_cast<int>(bits), symmetric, rowOf(result, r));
        });
        context->save_for_backward({x});
        context->saved_data["bits"] = bits;
        context->saved_data["symmetric"] = symmetric;
        return result;
    }

    static variable_list backward(AutogradContext* context, variable_list outputs) {
        const at::Tensor x = context->get_saved_variables()[0];
        const at::Tensor output = outputs[0].contiguous();
        const auto bits = static_cast<int>(context->saved_data["bits"].toInt());
        const bool symmetric = context->saved_data["symmetric"].toBool();
        at::Tensor result = at::empty_like(x);
        const auto n = static_cast<int>(x.size(1));
        at::parallel_for(0, x.size(0), 1 + 16384 / n, [&](std::int64_t first, std::int64_t last) {
            for (std::int64_t r = first; r < last; ++r)
                fakeQuantizeKernels().activationBackward(rowOf(x, r), rowOf(output, r), n, bits, symmetric, rowOf(result, r));
        });
        return {result, {}, {}};
    }
};

}  // namespace

at::Tensor fakeQuantizeWeight(const at::Tensor& weight, const WeightTerms& terms, const WeightGrid& grid) {
    checkTerms(weight, terms, grid);
    if (!weight.is_cpu()) return composeFakeQuantizeWeight(weight, terms, grid);
    const auto term = [&](const at::Tensor& tensor) { return orEmpty(tensor, weight); };
    return FakeQuantizeWeight::apply(weight, term(terms.inputScale), term(terms.outputScale), term(terms.upper), term(terms.lower),
                                     term(terms.offsets), static_cast<std::int64_t>(grid.bits), static_cast<std::int64_t>(grid.group), grid.symmetric);
}

WeightCodes weightCodes(const at::Tensor& weight, const WeightTerms& terms, const WeightGrid& grid) {
    checkTerms(weight, terms, grid);
    const auto host = [](const at::Tensor& tensor) { return tensor.defined() ? tensor.detach().to(at::kCPU) : tensor; };
    const Rows rows = contiguousRows(
        host(weight), {host(terms.inputScale), host(terms.outputScale), host(terms.upper), host(terms.lower), host(terms.offsets)}, grid);
    const std::int64_t out = weight.size(0), cols = weight.size(1), groups = grid.groups(cols);
    WeightCodes codes;
    codes.codes.resize(static_cast<std::size_t>(out * cols));
    codes.scales.resize(static_cast<std::size_t>(out * groups));
    if (!grid.symmetric) codes.zeros.resize(codes.scales.size());
    at::parallel_for(0, out, 1 + 32768 / cols, [&](std::int64_t first, std::int64_t last) {
        std::vector<float> scratch(static_cast<std::size_t>(cols));
        for (std::int64_t r = first; r < last; ++r)
            fakeQuantizeKernels().weightCodes(rows.row(r), scratch.data(),
                                              {codes.codes.data() + r * cols, codes.scales.data() + r * groups,
                                               codes.zeros.empty() ? nullptr : codes.zeros.data() + r * groups});
    });
    return codes;
}

at::Tensor fakeQuantizeActivations(const at::Tensor& x, const ActivationScheme& scheme) {
    if (scheme.bits >= 16) return x;
    if (scheme.bits < 2 || scheme.bits > 8 || x.dim() != 2)
        throw std::invalid_argument("[fakeQuantizeActivations] got " + std::to_string(scheme.bits) + " bits for " +
                                    std::to_string(x.dim()) + " dimensions, need 2 to 8 or 16, and 2");
    if (!x.is_cpu() || scheme.keptFrom > 0.0F) return composeFakeQuantizeActivations(x, scheme);
    return FakeQuantizeActivations::apply(x, static_cast<std::int64_t>(scheme.bits), scheme.symmetric);
}

}  // namespace safequant
