// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/coded_blocks.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "core/base/files.h"
#include "core/checkpoint/decoder_tensors.h"
#include "core/checkpoint/safetensors.h"
#include "core/exporting/safetensors_writer.h"
#include "core/quantize/quantize_block.h"

namespace safequant {
namespace {

/// The norms of a block with their names, those that are there.
template <typename Block>
auto normsOf(const DecoderConfig& config, Block& weights, int block) {
    using Vector = std::remove_reference_t<decltype((weights.inputNorm))>;
    std::vector<std::pair<std::string, Vector*>> norms = {
        {normName(config, TensorKind::InputNorm, block), &weights.inputNorm},
        {normName(config, TensorKind::PreFeedForwardNorm, block), &weights.preFeedForwardNorm}};
    if (config.postNorms) {
        norms.emplace_back(normName(config, TensorKind::AttentionOutputNorm, block), &weights.attentionOutputNorm);
        norms.emplace_back(normName(config, TensorKind::FeedForwardOutputNorm, block), &weights.feedForwardOutputNorm);
    }
    if (config.qkNorm) {
        norms.emplace_back(normName(config, TensorKind::QueryNorm, block), &weights.queryNorm);
        norms.emplace_back(normName(config, TensorKind::KeyNorm, block), &weights.keyNorm);
    }
    return norms;
}

/// A tensor to write and its bytes.
struct Piece {
    TensorToWrite tensor;
    std::span<const std::byte> bytes;
};

template <typename T>
Piece piece(std::string name, const char* type, std::vector<std::int64_t> shape, std::span<const T> values) {
    return {{std::move(name), type, std::move(shape)}, std::as_bytes(values)};
}

std::string errorsName(const std::string& linear) { return linear + ".errors"; }

/// Errors of weights and outputs of one linear.
using StoredErrors = std::array<float, 2>;

std::vector<StoredErrors> storedErrors(const CodedBlock& block) {
    std::vector<StoredErrors> errors;
    for (const LinearReport& report : block.reports)
        errors.push_back({static_cast<float>(report.weightError), static_cast<float>(report.outputError)});
    return errors;
}

std::vector<Piece> piecesOf(const DecoderConfig& config, const CodedBlock& block, const std::vector<StoredErrors>& errors) {
    std::vector<Piece> pieces;
    const int index = block.weights.index;
    for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
        const std::string name = linearName(index, static_cast<LinearRole>(i));
        const LinearWeights& linear = block.weights.linears[i];
        const QuantizedLinear& coded = block.linears[i];
        const std::int64_t rows = static_cast<std::int64_t>(linear.weight.rows()), cols = static_cast<std::int64_t>(linear.weight.cols());
        if (!coded.onGrid()) {
            pieces.push_back(piece(name + ".values", "F32", {rows, cols}, std::span<const float>(coded.values)));
            pieces.push_back(piece(name + ".bits", "F32", {1}, std::span<const float>(&coded.valueBits, 1)));
        } else if (coded.codes.empty()) {
            pieces.push_back(piece(name + ".weight", "F32", {rows, cols}, linear.weight.span()));
        } else {
            pieces.push_back(piece(name + ".codes", "I8", {rows, cols}, std::span<const std::int8_t>(coded.codes)));
            pieces.push_back(piece(name + ".scales", "F32", {rows, coded.groups()}, std::span<const float>(coded.scales)));
            if (!coded.zeros.empty())
                pieces.push_back(piece(name + ".zeros", "I8", {rows, coded.groups()}, std::span<const std::int8_t>(coded.zeros)));
            if (!coded.groupOf.empty()) pieces.push_back(piece(name + ".g_idx", "I32", {cols}, std::span<const std::int32_t>(coded.groupOf)));
        }
        if (!linear.bias.empty()) pieces.push_back(piece(name + ".bias", "F32", {rows}, std::span<const float>(linear.bias)));
        if (!errors.empty() && !(coded.onGrid() && coded.codes.empty()))
            pieces.push_back(piece(errorsName(name), "F32", {2}, std::span<const float>(errors[i])));
    }
    for (const auto& [name, norm] : normsOf(config, block.weights, index))
        pieces.push_back(piece(name, "F32", {static_cast<std::int64_t>(norm->size())}, std::span<const float>(*norm)));
    return pieces;
}

/// Looks tensors of one file up and copies them.
class CodedFile {
public:
    explicit CodedFile(std::shared_ptr<const SafetensorsFile> file) : m_file(std::move(file)) {}

    const std::string& path() const { return m_file->path(); }

    const SafetensorsTensor* find(const std::string& name) const {
        for (const SafetensorsTensor& tensor : m_file->tensors())
            if (tensor.name == name) return &tensor;
        return nullptr;
    }

    template <typename T>
    Expected<void> read(const std::string& name, const char* type, std::vector<std::int64_t> shape, std::span<T> out) const {
        const SafetensorsTensor* tensor = find(name);
        if (tensor == nullptr || tensor->type != type || tensor->shape != shape || tensor->bytes != out.size_bytes())
            return fail(ErrorKind::BadInput,
                        "The tensor \"" + name + "\" is missing or does not fit the run's plan; delete the file to have the block made again.",
                        m_file->path());
        std::memcpy(out.data(), m_file->file()->bytes().data() + tensor->offset, tensor->bytes);
        return {};
    }

private:
    std::shared_ptr<const SafetensorsFile> m_file;
};

Expected<QuantizedLinear> readCodes(const CodedFile& file, const LinearPlan& plan, std::pair<int, int> shape) {
    QuantizedLinear coded;
    coded.scheme = plan.actual;
    coded.rows = shape.first;
    coded.cols = shape.second;
    const std::int64_t out = shape.first, in = shape.second, groups = coded.groups();
    if (plan.actual.format != WeightFormat::Grid || file.find(plan.name + ".values") != nullptr) {
        coded.values.resize(static_cast<std::size_t>(out * in));
        if (auto read = file.read(plan.name + ".values", "F32", {out, in}, std::span(coded.values)); !read) return fail(read.error());
        if (auto read = file.read(plan.name + ".bits", "F32", {1}, std::span<float>(&coded.valueBits, 1)); !read) return fail(read.error());
        return coded;
    }
    coded.codes.resize(static_cast<std::size_t>(out * in));
    coded.scales.resize(static_cast<std::size_t>(out * groups));
    if (auto read = file.read(plan.name + ".codes", "I8", {out, in}, std::span(coded.codes)); !read) return fail(read.error());
    if (auto read = file.read(plan.name + ".scales", "F32", {out, groups}, std::span(coded.scales)); !read) return fail(read.error());
    if (!plan.actual.symmetric) {
        coded.zeros.resize(coded.scales.size());
        if (auto read = file.read(plan.name + ".zeros", "I8", {out, groups}, std::span(coded.zeros)); !read) return fail(read.error());
    }
    if (!plan.actual.orderedGroups) return coded;
    coded.groupOf.resize(static_cast<std::size_t>(in));
    if (auto read = file.read(plan.name + ".g_idx", "I32", {in}, std::span(coded.groupOf)); !read) return fail(read.error());
    const bool known = std::all_of(coded.groupOf.begin(), coded.groupOf.end(), [&](std::int32_t group) { return group >= 0 && group < groups; });
    if (!known)
        return fail(ErrorKind::BadInput, "\"" + plan.name + ".g_idx\" names a group that is not there; delete the file to have the block made again.",
                    file.path());
    return coded;
}

Expected<void> readLinear(const CodedFile& file, const LinearPlan& plan, std::pair<int, int> shape, LinearWeights& linear,
                          QuantizedLinear& coded) {
    linear.input = inputOf(plan.actual);
    coded.scheme = plan.actual;
    const auto rows = static_cast<std::size_t>(shape.first);
    if (plan.quantized()) {
        auto codes = readCodes(file, plan, shape);
        if (!codes) return fail(codes.error());
        coded = std::move(*codes);
        linear.weight = coded.dequantize();
    } else {
        linear.weight = Matrix(rows, static_cast<std::size_t>(shape.second));
        if (auto read = file.read(plan.name + ".weight", "F32", {shape.first, shape.second}, linear.weight.span()); !read) return read;
    }
    if (file.find(plan.name + ".bias") == nullptr) return {};
    linear.bias.resize(rows);
    return file.read(plan.name + ".bias", "F32", {shape.first}, std::span(linear.bias));
}

}  // namespace

std::string codedBlockPath(const std::string& folder, int block) {
    char name[64];
    std::snprintf(name, sizeof(name), "/blocks/weights-%03d.safetensors", block);
    return folder + name;
}

bool hasCodedBlock(const std::string& folder, int block) {
    std::error_code code;
    return std::filesystem::exists(codedBlockPath(folder, block), code);
}

Expected<void> writeCodedBlock(const std::string& folder, const DecoderConfig& config, const CodedBlock& block) {
    const std::vector<StoredErrors> errors = storedErrors(block);
    const std::vector<Piece> pieces = piecesOf(config, block, errors);
    return writeFileAtomically(codedBlockPath(folder, block.weights.index), [&](const std::string& path) -> Expected<void> {
        std::vector<TensorToWrite> tensors;
        for (const Piece& piece : pieces) tensors.push_back(piece.tensor);
        SafetensorsWriter writer;
        if (auto opened = writer.open(path, tensors); !opened) return opened;
        for (const Piece& piece : pieces)
            if (auto written = writer.append(piece.tensor.name, piece.bytes); !written) return written;
        return writer.finish();
    });
}

Expected<CodedBlock> readCodedBlock(const std::string& folder, const DecoderConfig& config, std::span<const LinearPlan> plan, int block) {
    auto opened = SafetensorsFile::open(codedBlockPath(folder, block));
    if (!opened) return fail(opened.error());
    const CodedFile file(std::move(*opened));
    CodedBlock coded;
    coded.weights.index = block;
    coded.linears.resize(kLinearsPerBlock);
    for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
        const auto shape = linearShape(config, static_cast<LinearRole>(i));
        if (auto read = readLinear(file, plan[i], shape, coded.weights.linears[i], coded.linears[i]); !read) return fail(read.error());
        if (file.find(errorsName(plan[i].name)) == nullptr) continue;
        StoredErrors errors{};
        if (auto read = file.read(errorsName(plan[i].name), "F32", {2}, std::span<float>(errors)); !read) return fail(read.error());
        coded.reports.resize(kLinearsPerBlock);
        coded.reports[i].weightError = static_cast<double>(errors[0]);
        coded.reports[i].outputError = static_cast<double>(errors[1]);
    }
    for (const auto& [name, norm] : normsOf(config, coded.weights, block)) {
        const SafetensorsTensor* tensor = file.find(name);
        if (tensor != nullptr) norm->resize(tensor->bytes / sizeof(float));
        if (auto read = file.read(name, "F32", {static_cast<std::int64_t>(norm->size())}, std::span(*norm)); !read) return fail(read.error());
    }
    return coded;
}

Expected<QuantizedLinear> readCodedLinear(const std::string& folder, const DecoderConfig& config, const LinearPlan& plan) {
    auto opened = SafetensorsFile::open(codedBlockPath(folder, plan.block));
    if (!opened) return fail(opened.error());
    return readCodes(CodedFile(std::move(*opened)), plan, linearShape(config, plan.role));
}

}  // namespace safequant
