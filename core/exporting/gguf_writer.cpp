// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exporting/gguf_writer.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "core/base/files.h"

namespace safequant {
namespace {

constexpr std::uint64_t kAlignment = 32;
constexpr std::uint32_t kVersion = 3;
// Numbers of value types in the file.
constexpr std::uint32_t kU32 = 4, kI32 = 5, kF32 = 6, kBool = 7, kString = 8, kArray = 9;

std::uint64_t aligned(std::uint64_t bytes) {
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

/// Grows a header byte by byte.
class Header {
public:
    template <typename T>
    void number(T value) {
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
        m_bytes.insert(m_bytes.end(), bytes, bytes + sizeof value);
    }
    void text(const std::string& value) {
        number(static_cast<std::uint64_t>(value.size()));
        m_bytes.insert(m_bytes.end(), value.begin(), value.end());
    }
    void operator()(std::uint32_t value) { number(kU32), number(value); }
    void operator()(float value) { number(kF32), number(value); }
    void operator()(bool value) { number(kBool), number(static_cast<std::uint8_t>(value)); }
    void operator()(const std::string& value) { number(kString), text(value); }
    void operator()(const std::vector<std::string>& values) {
        array(kString, values.size());
        for (const std::string& value : values) text(value);
    }
    void operator()(const std::vector<std::int32_t>& values) {
        array(kI32, values.size());
        for (const std::int32_t value : values) number(value);
    }
    void operator()(const std::vector<float>& values) {
        array(kF32, values.size());
        for (const float value : values) number(value);
    }
    void pad() { m_bytes.resize(aligned(m_bytes.size())); }
    void magic() { m_bytes.insert(m_bytes.end(), {'G', 'G', 'U', 'F'}); }
    const std::vector<std::uint8_t>& bytes() const { return m_bytes; }

private:
    void array(std::uint32_t type, std::size_t count) {
        number(kArray), number(type), number(static_cast<std::uint64_t>(count));
    }

    std::vector<std::uint8_t> m_bytes;
};

}  // namespace

std::uint64_t GgufTensorToWrite::bytes() const {
    std::uint64_t values = 1;
    for (const std::int64_t size : shape) values *= static_cast<std::uint64_t>(size);
    return values / type->values * type->bytes;
}

Expected<void> GgufWriter::open(const std::string& path, const GgufMetadata& metadata,
                                const std::vector<GgufTensorToWrite>& tensors) {
    m_path = path;
    m_file.open(path, std::ios::binary | std::ios::trunc);
    if (!m_file) return fail(ErrorKind::Io, "Cannot be created: " + std::generic_category().message(errno) + ".", path);
    Header header;
    header.magic();
    header.number(kVersion);
    header.number(static_cast<std::uint64_t>(tensors.size()));
    header.number(static_cast<std::uint64_t>(metadata.size()));
    for (const auto& [key, value] : metadata) {
        header.text(key);
        std::visit(header, value);
    }
    std::uint64_t offset = 0;
    for (const GgufTensorToWrite& tensor : tensors) {
        header.text(tensor.name);
        header.number(static_cast<std::uint32_t>(tensor.shape.size()));
        for (auto size = tensor.shape.rbegin(); size != tensor.shape.rend(); ++size)
            header.number(static_cast<std::uint64_t>(*size));
        header.number(tensor.type->ggmlId);
        header.number(offset);
        m_sizes.push_back(tensor.bytes());
        offset += aligned(m_sizes.back());
    }
    header.pad();
    return put(header.bytes());
}

Expected<void> GgufWriter::put(std::span<const std::uint8_t> bytes) {
    m_file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!m_file)
        return fail(ErrorKind::Io, "Cannot be written: " + std::generic_category().message(errno) + ".", m_path);
    return {};
}

Expected<void> GgufWriter::append(std::span<const std::uint8_t> piece) {
    if (m_tensor >= m_sizes.size() || m_written + piece.size() > m_sizes[m_tensor])
        throw std::invalid_argument("[GgufWriter::append] got " + std::to_string(piece.size()) +
                                    " bytes, need no more than the tensor has left");
    if (auto done = put(piece); !done) return done;
    m_written += piece.size();
    if (m_written < m_sizes[m_tensor]) return {};
    const std::vector<std::uint8_t> padding(aligned(m_written) - m_written);
    ++m_tensor;
    m_written = 0;
    return put(padding);
}

Expected<void> GgufWriter::finish() {
    if (m_tensor != m_sizes.size())
        return fail(
            ErrorKind::Failed,
            "Only " + std::to_string(m_tensor) + " of " + std::to_string(m_sizes.size()) + " tensors were written.",
            m_path);
    m_file.close();
    if (!m_file)
        return fail(ErrorKind::Io, "Cannot be written to the end: " + std::generic_category().message(errno) + ".",
                    m_path);
    return flushToDisk(m_path);
}

}  // namespace safequant
