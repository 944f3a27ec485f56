// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/mapped_checkpoint.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace safequant {
namespace {

Expected<void> checkShape(const StoredTensor& tensor, const std::vector<std::int64_t>& shape) {
    if (tensor.info.shape == shape) return {};
    return fail(ErrorKind::BadInput, "Tensor \"" + tensor.info.name + "\" has shape " + shapeText(tensor.info.shape) +
                                         ", but the configuration says " + shapeText(shape) + ".", tensor.info.file);
}

/// Replaces tensors that hold several linears by views of their rows, under the linears' own names.
Expected<void> splitFused(const std::vector<DecoderTensor>& tensors, std::unordered_map<std::string, StoredTensor>& stored) {
    std::unordered_map<std::string, std::shared_ptr<const TensorSource>> shared;
    for (const DecoderTensor& tensor : tensors) {
        if (tensor.storedName == tensor.name) continue;
        const auto found = stored.find(tensor.storedName);
        if (found == stored.end()) continue;
        StoredTensor& whole = found->second;
        std::vector<std::int64_t> shape = tensor.shape;
        shape.front() = tensor.storedRows;
        if (auto checked = checkShape(whole, shape); !checked) return checked;
        if (whole.source != nullptr) shared[tensor.storedName] = std::move(whole.source);
        StoredTensor part{whole.info, nullptr};
        part.info.name = tensor.name;
        part.info.shape = tensor.shape;
        part.info.bytes = whole.info.bytes / static_cast<std::uint64_t>(tensor.storedRows) * static_cast<std::uint64_t>(tensor.shape.front());
        if (const auto source = shared.find(tensor.storedName); source != shared.end())
            part.source = makeRowRangeSource(source->second, tensor.firstRow);
        stored.emplace(tensor.name, std::move(part));
    }
    for (const DecoderTensor& tensor : tensors)
        if (tensor.storedName != tensor.name) stored.erase(tensor.storedName);
    return {};
}

/// Weights that are no numbers would spoil every result without a word.
Expected<void> checkFinite(const TensorInfo& info, std::int64_t firstRow, std::span<const float> values) {
    constexpr std::uint32_t kExponent = 0x7F800000U;
    std::uint32_t largest = 0;
    for (const float value : values) largest = std::max(largest, std::bit_cast<std::uint32_t>(value) & kExponent);
    if (largest != kExponent) return {};
    const auto first = std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
    const std::int64_t at = first - values.begin();
    return fail(ErrorKind::BadInput, "Tensor \"" + info.name + "\" (" + info.storedType + ") is not a finite number at row " +
                                         std::to_string(firstRow + at / info.shape.back()) + ", column " +
                                         std::to_string(at % info.shape.back()) + ": its values, scales or indices are damaged. Fetch "
                                         "the model again.", info.file);
}

}  // namespace

Expected<std::shared_ptr<const Checkpoint>> MappedCheckpoint::create(CheckpointContent content,
                                                                     std::unordered_map<std::string, StoredTensor> stored) {
    std::shared_ptr<MappedCheckpoint> checkpoint(new MappedCheckpoint(std::move(content)));
    const CheckpointContent& known = checkpoint->m_content;
    const std::vector<DecoderTensor> tensors = decoderTensors(known.config);
    if (auto split = splitFused(tensors, stored); !split) return fail(split.error());
    for (const DecoderTensor& expected : tensors) {
        const auto found = stored.find(expected.name);
        if (found == stored.end()) {
            std::vector<std::int64_t> shape = expected.shape;
            shape.front() = expected.storedRows;
            return fail(ErrorKind::BadInput, "Tensor \"" + expected.storedName + "\" of shape " + shapeText(shape) +
                                                 " is missing: the files do not hold the model that their configuration describes.",
                        known.path);
        }
        StoredTensor& tensor = found->second;
        if (auto checked = checkShape(tensor, expected.shape); !checked) return fail(checked.error());
        checkpoint->m_index.emplace(expected.name, checkpoint->m_tensors.size());
        checkpoint->m_tensors.push_back(std::move(tensor.info));
        checkpoint->m_sources.push_back(std::move(tensor.source));
        stored.erase(found);
    }
    std::vector<std::string> left;
    for (const auto& [name, tensor] : stored)
        if (name.starts_with("model.layers.")) left.push_back(name);
    if (!left.empty())
        return fail(ErrorKind::Unsupported, "Tensor \"" + *std::min_element(left.begin(), left.end()) +
                                                "\" is not part of a model of type \"" + known.config.modelType +
                                                "\" with this configuration; ignoring it would compute something else.", known.path);
    std::sort(checkpoint->m_content.files.begin(), checkpoint->m_content.files.end());
    return checkpoint;
}

const TensorInfo* MappedCheckpoint::find(const std::string& name) const {
    const auto found = m_index.find(name);
    return found != m_index.end() ? &m_tensors[found->second] : nullptr;
}

Expected<std::size_t> MappedCheckpoint::readable(const std::string& name) const {
    const auto found = m_index.find(name);
    if (found == m_index.end()) return fail(ErrorKind::NotFound, "The model has no tensor \"" + name + "\".", path());
    const TensorInfo& info = m_tensors[found->second];
    if (m_sources[found->second] == nullptr)
        return fail(ErrorKind::Unsupported, "Tensor \"" + name + "\" is stored as " + info.storedType +
                                                ", which cannot be read. Convert the model to F16, BF16, Q8_0 or Q4_K.", info.file);
    return found->second;
}

Expected<void> MappedCheckpoint::read(const std::string& name, std::span<float> out) const {
    const auto index = readable(name);
    if (!index) return fail(index.error());
    const auto& shape = m_tensors[*index].shape;
    const std::int64_t rows = shape.size() == 2 ? shape[0] : 1;
    const std::int64_t elements = rows * shape.back();
    if (out.size() != static_cast<std::size_t>(elements))
        return fail(ErrorKind::BadInput, "Tensor \"" + name + "\" has " + std::to_string(elements) + " elements, but room for " +
                                             std::to_string(out.size()) + " was given.", path());
    m_sources[*index]->readRows(0, rows, out.data());
    return checkFinite(m_tensors[*index], 0, out);
}

Expected<void> MappedCheckpoint::readRows(const std::string& name, std::int64_t firstRow, std::int64_t rows,
                                          std::span<float> out) const {
    const auto index = readable(name);
    if (!index) return fail(index.error());
    const auto& shape = m_tensors[*index].shape;
    if (shape.size() != 2)
        return fail(ErrorKind::BadInput, "Tensor \"" + name + "\" has shape " + shapeText(shape) + ", not rows and columns.", path());
    if (firstRow < 0 || rows < 0 || firstRow > shape[0] || rows > shape[0] - firstRow)
        return fail(ErrorKind::BadInput, "Rows " + std::to_string(firstRow) + " to " + std::to_string(firstRow) + " + " +
                                             std::to_string(rows) + " were asked of tensor \"" + name + "\", which has " +
                                             std::to_string(shape[0]) + ".", path());
    if (out.size() != static_cast<std::size_t>(rows * shape[1]))
        return fail(ErrorKind::BadInput, std::to_string(rows) + " rows of tensor \"" + name + "\" have " +
                                             std::to_string(rows * shape[1]) + " elements, but room for " +
                                             std::to_string(out.size()) + " was given.", path());
    m_sources[*index]->readRows(firstRow, rows, out.data());
    return checkFinite(m_tensors[*index], firstRow, out);
}

Expected<std::optional<IntegerWeight>> MappedCheckpoint::readIntegers(const std::string& name) const {
    const auto index = readable(name);
    if (!index) return fail(index.error());
    const TensorInfo& info = m_tensors[*index];
    const StorageType* type = storageTypeNamed(info.storedType);
    if (type == nullptr || type->codes == nullptr || info.shape.size() != 2) return std::optional<IntegerWeight>();
    IntegerWeight weight;
    weight.rows = static_cast<std::size_t>(info.shape[0]);
    weight.cols = static_cast<std::size_t>(info.shape[1]);
    weight.bits = type->codeBits;
    weight.groupSize = type->codesPerScale;
    weight.codes.resize(weight.rows * weight.cols);
    weight.scales.resize(weight.rows * weight.groups());
    if (!m_sources[*index]->readCodes(weight.codes.data(), weight.scales.data())) return std::optional<IntegerWeight>();
    // Every code is a row's value at most 128 times its scale.
    for (std::size_t i = 0; i < weight.scales.size(); ++i)
        if (!std::isfinite(weight.scales[i] * 128.0F))
            return fail(ErrorKind::BadInput, "Tensor \"" + name + "\" (" + info.storedType + ") has a scale in row " + std::to_string(i / weight.groups()) +
                                                 " that is not a finite number: the file is damaged. Fetch the model again.", info.file);
    return std::optional(std::move(weight));
}

}  // namespace safequant
