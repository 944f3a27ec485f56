// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exporting/tensor_files.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>

#include "core/base/files.h"
#include "core/exporting/bit_packing.h"
#include "core/exporting/export_files.h"
#include "core/exporting/float_bits.h"
#include "core/exporting/transposed_packing.h"

namespace safequant {
namespace {

float roundedToBfloat(float value) { return std::bit_cast<float>(static_cast<std::uint32_t>(nearestBfloat16Bits(value)) << 16); }

Expected<QuantizedLinear> askFor(const QuantizedSource& quantized, const ExportedPart& part);

/// Copies tensors, and writes quantized linears as the values they stand for.
Expected<void> writeDense(const Checkpoint& checkpoint, const ExportedTensor& tensor, const QuantizedSource& quantized, SafetensorsWriter& writer) {
    const TensorToWrite& target = tensor.written.front();
    std::vector<std::uint16_t> shortened;
    const PieceSink write = [&](std::span<const float> piece) -> Expected<void> {
        if (target.type == "F32") return writer.append(target.name, piece);
        shortened.resize(piece.size());
        std::transform(piece.begin(), piece.end(), shortened.begin(), target.type == "BF16" ? nearestBfloat16Bits : halfBits);
        return writer.append(target.name, std::span<const std::uint16_t>(shortened));
    };
    for (const ExportedPart& part : tensor.parts) {
        if (part.plan == nullptr) {
            if (auto written = readPieces(checkpoint, *part.source, write); !written) return written;
            continue;
        }
        const auto linear = askFor(quantized, part);
        if (!linear) return fail(linear.error());
        const Matrix values = linear->dequantize();
        if (auto written = write(values.span()); !written) return written;
    }
    return {};
}

/// Asks for a quantized linear and checks that it is what the plan says.
Expected<QuantizedLinear> askFor(const QuantizedSource& quantized, const ExportedPart& part) {
    const LinearPlan& plan = *part.plan;
    auto linear = quantized(plan);
    if (!linear) return linear;
    const std::vector<std::int64_t> shape = {linear->rows, linear->cols};
    if (!(linear->scheme == plan.actual) || shape != part.source->shape)
        return fail(ErrorKind::Mismatch, "Was quantized as " + linear->scheme.describe() + ", " + std::to_string(linear->rows) +
                                             " x " + std::to_string(linear->cols) + "; the plan says " + plan.actual.describe() +
                                             ". Quantize anew.", plan.name);
    return linear;
}

/// The linear as files hold it: parts of a fused one rows behind rows, each with its scales and zero points.
Expected<QuantizedLinear> askForWhole(const QuantizedSource& quantized, const ExportedTensor& tensor) {
    auto whole = askFor(quantized, tensor.parts.front());
    if (!whole) return whole;
    for (std::size_t i = 1; i < tensor.parts.size(); ++i) {
        const auto part = askFor(quantized, tensor.parts[i]);
        if (!part) return part;
        if (part->groupOf != whole->groupOf)
            return fail(ErrorKind::Unsupported, "Has another order of groups than the linear it is stored with. Export what was quantized with "
                                                "another column order.", tensor.parts[i].plan->name);
        whole->rows += part->rows;
        whole->codes.insert(whole->codes.end(), part->codes.begin(), part->codes.end());
        whole->scales.insert(whole->scales.end(), part->scales.begin(), part->scales.end());
        whole->zeros.insert(whole->zeros.end(), part->zeros.begin(), part->zeros.end());
    }
    return whole;
}

Expected<void> writeScales(const std::vector<float>& scales, const ExportedTensor& tensor, SafetensorsWriter& writer) {
    const std::string name = tensor.linear + ".weight_scale";
    const auto written = std::find_if(tensor.written.begin(), tensor.written.end(), [&](const auto& t) { return t.name == name; });
    if (written->type == "F32") return writer.append(name, std::span<const float>(scales));
    std::vector<std::uint16_t> shortened(scales.size());
    std::transform(scales.begin(), scales.end(), shortened.begin(), bfloat16Bits);
    return writer.append(name, std::span<const std::uint16_t>(shortened));
}

Expected<void> writeTransposed(const QuantizedLinear& linear, const std::string& name, const FolderLayout& layout,
                               SafetensorsWriter& writer) {
    if (!scalesAreHalf(linear))
        return fail(ErrorKind::Unsupported, "A scale of this grid is outside the range of half precision, in which this format stores "
                                            "scales. Choose smaller groups, or export as compressed-tensors.", name);
    const bool gptq = layout.format == ExportFormat::Gptq;
    const TransposedTensors packed = gptq ? packGptq(linear, layout.storesZeroMinusOne) : packAwq(linear);
    const auto put = [&]<typename T>(const char* suffix, const std::vector<T>& values) {
        return writer.append(name + suffix, std::span<const T>(values));
    };
    if (auto done = put(".qweight", packed.weights); !done) return done;
    if (auto done = put(".qzeros", packed.zeros); !done) return done;
    if (auto done = put(".scales", packed.scales); !done) return done;
    return gptq ? put(".g_idx", packed.groups) : Expected<void>();
}

Expected<void> writeQuantized(const QuantizedLinear& linear, const ExportedTensor& tensor, const FolderLayout& layout,
                              SafetensorsWriter& writer) {
    if (layout.format != ExportFormat::CompressedTensors) return writeTransposed(linear, tensor.linear, layout, writer);
    const auto rows = static_cast<std::size_t>(linear.rows), cols = static_cast<std::size_t>(linear.cols);
    const auto groups = static_cast<std::size_t>(linear.groups());
    const int bits = linear.scheme.weightBits;
    const bool packed = storageFormat(linear.scheme) == std::string_view("pack-quantized");
    const std::string& name = tensor.linear;
    const std::span<const std::int8_t> codes(linear.codes), zeros(linear.zeros);

    if (packed) {
        const std::vector<std::uint32_t> words = packRows(codes, rows, cols, bits);
        if (auto done = writer.append(name + ".weight_packed", std::span<const std::uint32_t>(words)); !done) return done;
        const std::int64_t shape[2] = {linear.rows, linear.cols};
        if (auto done = writer.append(name + ".weight_shape", std::span<const std::int64_t>(shape)); !done) return done;
    } else if (auto done = writer.append(name + ".weight", codes); !done) {
        return done;
    }
    if (auto done = writeScales(linear.scales, tensor, writer); !done) return done;
    if (!linear.groupOf.empty())
        if (auto done = writer.append(name + ".weight_g_idx", std::span<const std::int32_t>(linear.groupOf)); !done) return done;
    if (linear.scheme.symmetric) return {};
    if (!packed) return writer.append(name + ".weight_zero_point", zeros);
    const std::vector<std::uint32_t> words = packColumns(zeros, rows, groups, bits);
    return writer.append(name + ".weight_zero_point", std::span<const std::uint32_t>(words));
}

std::uint64_t bytesOf(const ExportedTensor& tensor) {
    std::uint64_t bytes = 0;
    for (const TensorToWrite& written : tensor.written) bytes += written.bytes();
    return bytes;
}

std::string shardName(std::size_t index, std::size_t count) {
    if (count == 1) return "model.safetensors";
    char name[64];
    std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", index + 1, count);
    return name;
}

/// Cuts the tensors into shards: [first, last) of each.
std::vector<std::pair<std::size_t, std::size_t>> shardsOf(const std::vector<ExportedTensor>& tensors, std::uint64_t limit) {
    std::vector<std::pair<std::size_t, std::size_t>> shards;
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        const std::uint64_t own = bytesOf(tensors[i]);
        if (shards.empty() || bytes + own > limit) {
            shards.emplace_back(i, i);
            bytes = 0;
        }
        bytes += own;
        shards.back().second = i + 1;
    }
    return shards;
}

Expected<void> compareDense(const Checkpoint& checkpoint, const Checkpoint& reloaded, const TensorInfo& tensor, bool shortened,
                            const std::string& folder) {
    const TensorInfo* other = reloaded.find(tensor.name);
    if (other == nullptr || other->shape != tensor.shape) return readBackDiffers(tensor.name, folder);
    const auto cols = tensor.shape.size() == 2 ? static_cast<std::size_t>(tensor.shape[1]) : std::size_t{1};
    std::int64_t row = 0;
    std::vector<float> values;
    return readPieces(checkpoint, tensor, [&](std::span<const float> piece) -> Expected<void> {
        values.resize(piece.size());
        const auto rows = static_cast<std::int64_t>(piece.size() / cols);
        auto read = tensor.shape.size() == 2 ? reloaded.readRows(tensor.name, row, rows, values)
                                             : reloaded.read(tensor.name, values);
        if (!read) return read;
        row += rows;
        const auto meant = [&](float value) { return shortened ? roundedToBfloat(value) : value; };
        for (std::size_t i = 0; i < piece.size(); ++i)
            if (std::bit_cast<std::uint32_t>(values[i]) != std::bit_cast<std::uint32_t>(meant(piece[i]))) return readBackDiffers(tensor.name, folder);
        return {};
    });
}

}  // namespace

Expected<void> writeTensorFiles(const Checkpoint& checkpoint, const std::vector<ExportedTensor>& tensors,
                                const QuantizedSource& quantized, const FolderLayout& layout, const std::string& folder,
                                std::uint64_t shardBytes, const Progress& progress, std::uint64_t total) {
    const auto shards = shardsOf(tensors, shardBytes);
    nlohmann::json index = {{"metadata", {{"total_size", 0}}}, {"weight_map", nlohmann::json::object()}};
    std::uint64_t bytes = 0;
    for (std::size_t s = 0; s < shards.size(); ++s) {
        const std::string file = shardName(s, shards.size());
        std::vector<TensorToWrite> announced;
        for (std::size_t i = shards[s].first; i < shards[s].second; ++i) {
            bytes += bytesOf(tensors[i]);
            for (const TensorToWrite& written : tensors[i].written) {
                announced.push_back(written);
                index["weight_map"][written.name] = file;
            }
        }
        SafetensorsWriter writer;
        if (auto opened = writer.open(folder + "/" + file, announced); !opened) return opened;
        for (std::size_t i = shards[s].first; i < shards[s].second; ++i) {
            if (progress.stopRequested()) return fail(cancelledError());
            progress(i, total);
            if (tensors[i].linear.empty()) {
                if (auto written = writeDense(checkpoint, tensors[i], quantized, writer); !written) return written;
                continue;
            }
            const auto linear = askForWhole(quantized, tensors[i]);
            if (!linear) return fail(linear.error());
            if (auto written = writeQuantized(*linear, tensors[i], layout, writer); !written) return written;
        }
        if (auto finished = writer.finish(); !finished) return finished;
    }
    if (shards.size() < 2) return {};
    index["metadata"]["total_size"] = bytes;
    return writeFileAtomically(folder + "/model.safetensors.index.json", index.dump(2) + "\n");
}

Expected<double> compareTensorFiles(const Checkpoint& checkpoint, const std::vector<ExportedTensor>& tensors,
                                    const QuantizedSource& quantized, const FolderLayout& layout, const std::string& folder, const Progress& progress,
                                    std::uint64_t done, std::uint64_t total) {
    const bool shortened = layout.format == ExportFormat::Bf16;
    const auto reloaded = openCheckpoint(folder);
    if (!reloaded) return fail(reloaded.error());
    double largest = 0.0;
    for (const ExportedTensor& tensor : tensors) {
        if (progress.stopRequested()) return fail(cancelledError());
        progress(done++, total);
        for (const ExportedPart& part : tensor.parts) {
            const TensorInfo& source = *part.source;
            if (part.plan == nullptr) {
                if (auto compared = compareDense(checkpoint, **reloaded, source, shortened, folder); !compared) return fail(compared.error());
                continue;
            }
            const auto linear = askFor(quantized, part);
            if (!linear) return fail(linear.error());
            const auto read = (*reloaded)->readMatrix(source.name);
            if (!read) return fail(read.error());
            Matrix meant = linear->dequantize();
            if (shortened) std::ranges::transform(meant.span(), meant.data(), roundedToBfloat);
            if (read->rows() != meant.rows() || read->cols() != meant.cols()) return readBackDiffers(source.name, folder);
            for (std::size_t i = 0; i < meant.size(); ++i)
                largest = std::max(largest, std::fabs(static_cast<double>(meant.data()[i]) - static_cast<double>(read->data()[i])));
            if (std::memcmp(meant.data(), read->data(), meant.size() * sizeof(float)) != 0) return readBackDiffers(source.name, folder);
        }
    }
    progress(total, total);
    return largest;
}

}  // namespace safequant
