// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exporting/safetensors_writer.h"

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>

#include "core/base/files.h"

namespace safequant {
namespace {

constexpr std::size_t kHeaderAlignment = 8;

tl::unexpected<Error> writeFailed(const std::string& path) {
    return fail(ErrorKind::Io, "Cannot be written: " + std::generic_category().message(errno) + ".", path);
}

}  // namespace

std::uint64_t elementBytes(const std::string& type) {
    if (type == "I64") return 8;
    if (type == "F32" || type == "I32") return 4;
    if (type == "F16" || type == "BF16") return 2;
    if (type == "I8") return 1;
    throw std::invalid_argument("[elementBytes] got " + type + ", need F32, F16, BF16, I64, I32 or I8");
}

std::uint64_t TensorToWrite::bytes() const {
    std::uint64_t count = elementBytes(type);
    for (const std::int64_t size : shape) count *= static_cast<std::uint64_t>(size);
    return count;
}

Expected<void> SafetensorsWriter::open(const std::string& path, const std::vector<TensorToWrite>& tensors) {
    std::vector<const TensorToWrite*> order;
    for (const TensorToWrite& tensor : tensors) order.push_back(&tensor);
    std::stable_sort(order.begin(), order.end(), [](const TensorToWrite* a, const TensorToWrite* b) {
        return elementBytes(a->type) > elementBytes(b->type);
    });

    nlohmann::json header = {{"__metadata__", {{"format", "pt"}}}};
    std::uint64_t offset = 0;
    for (const TensorToWrite* tensor : order) {
        const std::uint64_t end = offset + tensor->bytes();
        if (header.contains(tensor->name))
            throw std::invalid_argument("[SafetensorsWriter] got " + tensor->name + " twice, need every tensor once");
        header[tensor->name] = {{"dtype", tensor->type}, {"shape", tensor->shape}, {"data_offsets", {offset, end}}};
        m_places[tensor->name] = Place{offset, end};
        offset = end;
    }
    std::string text = header.dump();
    text.resize((text.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment, ' ');
    std::string length;
    for (std::size_t i = 0; i < sizeof(std::uint64_t); ++i) length += static_cast<char>((text.size() >> (8 * i)) & 0xFF);
    for (auto& [name, place] : m_places) {
        place.next += length.size() + text.size();
        place.end += length.size() + text.size();
    }

    m_path = path;
    m_file.open(path, std::ios::binary | std::ios::trunc);
    m_file << length << text;
    if (!m_file) return writeFailed(path);
    return {};
}

Expected<void> SafetensorsWriter::append(const std::string& name, std::span<const std::byte> piece) {
    const auto it = m_places.find(name);
    if (it == m_places.end())
        throw std::invalid_argument("[SafetensorsWriter] got " + name + ", need a tensor announced at the start");
    Place& place = it->second;
    if (piece.size() > place.end - place.next)
        throw std::invalid_argument("[SafetensorsWriter] got " + std::to_string(piece.size()) + " bytes for " + name + ", need " +
                                    std::to_string(place.end - place.next) + " more");
    m_file.seekp(static_cast<std::streamoff>(place.next));
    m_file.write(reinterpret_cast<const char*>(piece.data()), static_cast<std::streamsize>(piece.size()));
    if (!m_file) return writeFailed(m_path);
    place.next += piece.size();
    return {};
}

Expected<void> SafetensorsWriter::finish() {
    for (const auto& [name, place] : m_places) {
        if (place.next != place.end)
            return fail(ErrorKind::Failed, "Tensor \"" + name + "\" is incomplete: " + std::to_string(place.end - place.next) +
                                               " bytes were never written.", m_path);
    }
    m_file.close();
    if (!m_file) return writeFailed(m_path);
    return flushToDisk(m_path);
}

}  // namespace safequant
