// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/tensor_file.h"

#include <c10/core/GradMode.h>

#include <cstring>

#include "core/checkpoint/decoder_tensors.h"
#include "core/checkpoint/gguf_types.h"
#include "core/exporting/float_bits.h"
#include "core/exporting/safetensors_writer.h"

namespace safequant {
namespace {

template <typename T>
std::span<const T> spanOf(const at::Tensor& tensor) {
    return {tensor.data_ptr<T>(), static_cast<std::size_t>(tensor.numel())};
}

Expected<void> appendTensor(SafetensorsWriter& writer, const std::string& name, const at::Tensor& tensor, const std::string& type) {
    const at::Tensor host = tensor.detach().to(at::kCPU).contiguous();
    if (type == "I64") return writer.append(name, spanOf<std::int64_t>(host));
    if (type == "F32") return writer.append(name, spanOf<float>(host));
    std::vector<std::uint16_t> halves;
    halves.reserve(static_cast<std::size_t>(host.numel()));
    for (const float value : spanOf<float>(host)) halves.push_back(nearestBfloat16Bits(value));
    return writer.append(name, std::span<const std::uint16_t>(halves));
}

}  // namespace

Expected<void> writeTensorFile(const std::string& path, const std::vector<NamedTensor>& tensors, const std::string& floatType) {
    std::vector<TensorToWrite> layout;
    for (const NamedTensor& named : tensors)
        layout.push_back({named.name, named.tensor.scalar_type() == at::kLong ? "I64" : floatType, named.tensor.sizes().vec()});
    return writeFileAtomically(path, [&](const std::string& beside) -> Expected<void> {
        SafetensorsWriter writer;
        if (auto opened = writer.open(beside, layout); !opened) return opened;
        for (std::size_t i = 0; i < tensors.size(); ++i)
            if (auto appended = appendTensor(writer, tensors[i].name, tensors[i].tensor, layout[i].type); !appended) return appended;
        return writer.finish();
    });
}

Expected<TensorFile> TensorFile::open(const std::string& path) {
    auto file = SafetensorsFile::open(path);
    if (!file) return fail(file.error());
    TensorFile result;
    result.m_file = std::move(*file);
    for (const SafetensorsTensor& tensor : result.m_file->tensors()) result.m_places.emplace(tensor.name, &tensor);
    return result;
}

Expected<void> TensorFile::read(const std::string& name, at::Tensor target) const {
    const auto found = m_places.find(name);
    if (found == m_places.end()) return fail(ErrorKind::Mismatch, "The file has no tensor \"" + name + "\".", m_file->path());
    const SafetensorsTensor& stored = *found->second;
    const std::vector<std::int64_t> shape = target.sizes().vec();
    if (stored.shape != shape)
        return fail(ErrorKind::Mismatch, "Tensor \"" + name + "\" has shape " + shapeText(stored.shape) + "; " + shapeText(shape) +
                                             " is needed.", m_file->path());
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(m_file->file()->bytes().data()) + stored.offset;
    const bool whole = target.scalar_type() == at::kLong;
    const StorageType* type = whole ? nullptr : storageTypeNamed(stored.type);
    if (whole ? stored.type != "I64" : type == nullptr || type->decode == nullptr)
        return fail(ErrorKind::Unsupported, "Tensor \"" + name + "\" is of type " + stored.type + ", which cannot be read here.",
                    m_file->path());
    at::Tensor host = at::empty(shape, whole ? at::kLong : at::kFloat);
    if (whole)
        std::memcpy(host.data_ptr<std::int64_t>(), bytes, static_cast<std::size_t>(stored.bytes));
    else
        type->decode(bytes, static_cast<std::size_t>(host.numel()) / type->values, host.data_ptr<float>());
    const c10::AutoGradMode noGradients(false);
    target.copy_(host);
    return {};
}

}  // namespace safequant
