// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/gguf_parser.h"

#include <algorithm>
#include <limits>
#include <set>

#include "core/base/utf8.h"

namespace safequant {
namespace {

constexpr std::uint64_t kMaxString = std::uint64_t{1} << 30;
constexpr std::uint64_t kMaxKey = 65535;
constexpr std::uint64_t kMaxTensorName = 64;
constexpr std::uint32_t kMaxDimensions = 4;
constexpr std::uint64_t kMaxAlignment = std::uint64_t{1} << 20;
// Smallest possible sizes: empty key + type + one byte; empty name + one dimension + type + offset.
constexpr std::uint64_t kMinValueBytes = 8 + 4 + 1;
constexpr std::uint64_t kMinTensorBytes = 8 + 4 + 8 + 4 + 8;

std::string number(std::uint64_t value) { return std::to_string(value); }

/// A name for a message: quoted, cut, and only what can be printed.
std::string inQuotes(std::string_view text) {
    std::string out = "\"";
    for (const char c : text.substr(0, 80)) out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    if (!isUtf8(out)) return "(not UTF-8)";
    return out + "\"";
}

}  // namespace

std::size_t ggufTypeSize(GgufType type) {
    switch (type) {
        case GgufType::U8:
        case GgufType::I8:
        case GgufType::Bool: return 1;
        case GgufType::U16:
        case GgufType::I16: return 2;
        case GgufType::U32:
        case GgufType::I32:
        case GgufType::F32: return 4;
        case GgufType::U64:
        case GgufType::I64:
        case GgufType::F64: return 8;
        case GgufType::String:
        case GgufType::Array: break;
    }
    return 0;
}

std::string_view ggufTypeName(GgufType type) {
    constexpr std::string_view kNames[] = {"u8",     "i8",    "u16", "i16", "u32", "i32", "f32", "bool",
                                           "string", "array", "u64", "i64", "f64"};
    return kNames[static_cast<std::size_t>(type)];
}

Expected<void> GgufParser::parse() {
    try {
        parseHeader();
        parseMetadata();
        parseTensors();
        placeTensors();
    } catch (Failure& failure) {
        return fail(std::move(failure.error));
    }
    return {};
}

void GgufParser::stop(ErrorKind kind, const std::string& message) const {
    throw Failure{Error{kind, message, m_target.path()}};
}

void GgufParser::stopAt(std::uint64_t offset, const std::string& message) const {
    stop(ErrorKind::BadInput, message + " (byte " + number(offset) + "). The file is damaged or incomplete: fetch it again.");
}

template <typename T>
T GgufParser::take(const std::string& what) {
    if (remaining() < sizeof(T))
        stopAt(m_position, "The file ends inside " + what + ": it has " + number(m_bytes.size()) + " bytes");
    T value{};
    std::memcpy(&value, m_bytes.data() + m_position, sizeof(T));
    m_position += sizeof(T);
    return value;
}

std::string_view GgufParser::takeString(const std::string& what, std::uint64_t limit) {
    const std::uint64_t begin = m_position;
    const auto length = take<std::uint64_t>("the length of " + what);
    if (length > limit || length > remaining())
        stopAt(begin, "The length of " + what + " is " + number(length) + ", more than " +
                          (length > limit ? "the " + number(limit) + " allowed" : "the rest of the file holds"));
    const std::string_view text(reinterpret_cast<const char*>(m_bytes.data() + m_position), length);
    m_position += length;
    if (!isUtf8(text)) stopAt(begin, "The text of " + what + " is not UTF-8");
    return text;
}

void GgufParser::parseHeader() {
    if (m_bytes.size() < 4 || std::memcmp(m_bytes.data(), "GGUF", 4) != 0)
        stop(ErrorKind::BadInput, "Is not a GGUF file: it does not begin with the letters GGUF.");
    m_position = 4;
    m_target.m_version = take<std::uint32_t>("the version");
    if (m_target.m_version != 0 && (m_target.m_version & 0xFFFFU) == 0)
        stop(ErrorKind::Unsupported, "Is a big-endian GGUF file; only little-endian ones can be read.");
    if (m_target.m_version < 2 || m_target.m_version > 3)
        stop(ErrorKind::Unsupported, "Has GGUF version " + number(m_target.m_version) +
                                         "; versions 2 and 3 can be read. Convert the model again with a current converter.");
    m_tensorCount = take<std::uint64_t>("the number of tensors");
    if (m_tensorCount > remaining() / kMinTensorBytes)
        stopAt(8, "The header announces " + number(m_tensorCount) + " tensors, more than the file can hold");
    m_valueCount = take<std::uint64_t>("the number of metadata values");
    if (m_valueCount > remaining() / kMinValueBytes)
        stopAt(16, "The header announces " + number(m_valueCount) + " metadata values, more than the file can hold");
}

void GgufParser::parseMetadata() {
    for (std::uint64_t i = 0; i < m_valueCount; ++i) {
        const std::uint64_t begin = m_position;
        const std::string key(takeString("metadata key " + number(i), kMaxKey));
        if (key.empty()) stopAt(begin, "Metadata key " + number(i) + " is empty");
        const GgufValue value = parseValue("metadata " + inQuotes(key));
        if (!m_target.m_metadata.emplace(key, value).second) stopAt(begin, "Metadata key " + inQuotes(key) + " appears twice");
    }
    if (m_target.has("general.alignment")) {
        const GgufValue value = m_target.m_metadata.at("general.alignment");
        const auto alignment = m_target.integer("general.alignment");
        if (!alignment || *alignment <= 0 || *alignment % 8 != 0 || static_cast<std::uint64_t>(*alignment) > kMaxAlignment)
            stopAt(value.offset, "general.alignment must be a multiple of 8 up to " + number(kMaxAlignment));
        m_target.m_alignment = static_cast<std::uint64_t>(*alignment);
    }
}

GgufValue GgufParser::parseValue(const std::string& what) {
    const auto takeType = [&](const std::string& of) {
        const std::uint64_t begin = m_position;
        const auto type = take<std::uint32_t>(of);
        if (type > static_cast<std::uint32_t>(GgufType::F64)) stopAt(begin, "The " + of + " is " + number(type) + ", which is unknown");
        return static_cast<GgufType>(type);
    };
    GgufValue value;
    value.type = takeType("type of " + what);
    value.offset = m_position;
    if (value.type == GgufType::Array) {
        value.isArray = true;
        value.type = takeType("item type of " + what);
        if (value.type == GgufType::Array) stop(ErrorKind::Unsupported, "The " + what + " is an array of arrays.");
        value.count = take<std::uint64_t>("the length of " + what);
        value.offset = m_position;
    }
    skipItems(value.type, value.count, what);
    return value;
}

void GgufParser::skipItems(GgufType type, std::uint64_t count, const std::string& what) {
    if (type == GgufType::String) {
        if (count > remaining() / 8)
            stopAt(m_position, "The " + what + " announces " + number(count) + " strings, more than the file can hold");
        for (std::uint64_t i = 0; i < count; ++i) takeString(what, kMaxString);
        return;
    }
    const std::uint64_t size = ggufTypeSize(type);
    if (count > remaining() / size)
        stopAt(m_position, "The " + what + " has " + number(count) + " values of type " + std::string(ggufTypeName(type)) +
                               ", more than the rest of the file holds");
    if (type == GgufType::Bool)
        for (std::uint64_t i = 0; i < count; ++i)
            if (std::to_integer<unsigned>(m_bytes[m_position + i]) > 1)
                stopAt(m_position + i, "The " + what + " is a truth value that is neither 0 nor 1");
    m_position += count * size;
}

void GgufParser::parseTensors() {
    std::set<std::string_view> names;
    m_target.m_tensors.reserve(m_tensorCount);
    for (std::uint64_t i = 0; i < m_tensorCount; ++i) {
        const std::uint64_t begin = m_position;
        m_target.m_tensors.push_back(parseTensor(i));
        const std::string& name = m_target.m_tensors.back().name;
        if (!names.insert(name).second) stopAt(begin, "Tensor " + inQuotes(name) + " appears twice");
    }
    m_target.m_metadataEnd = m_position;
    const std::uint64_t alignment = m_target.m_alignment;
    m_target.m_dataBegin = (m_position + alignment - 1) / alignment * alignment;
}

GgufTensor GgufParser::parseTensor(std::uint64_t index) {
    const std::uint64_t begin = m_position;
    GgufTensor tensor;
    tensor.name = takeString("the name of tensor " + number(index), kMaxTensorName);
    if (tensor.name.empty()) stopAt(begin, "The name of tensor " + number(index) + " is empty");
    const std::string what = "tensor " + inQuotes(tensor.name);
    const auto dimensions = take<std::uint32_t>("the number of dimensions of " + what);
    if (dimensions < 1 || dimensions > kMaxDimensions)
        stopAt(m_position - 4, "The " + what + " has " + number(dimensions) + " dimensions; 1 to 4 are possible");
    std::uint64_t elements = 1;
    for (std::uint32_t d = 0; d < dimensions; ++d) {
        const auto size = take<std::uint64_t>("the shape of " + what);
        if (size == 0 || size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / elements)
            stopAt(m_position - 8, "Dimension " + number(d) + " of " + what + " is " + number(size));
        elements *= size;
        tensor.shape.push_back(static_cast<std::int64_t>(size));
    }
    const auto type = take<std::uint32_t>("the type of " + what);
    tensor.type = storageTypeOf(type);
    if (tensor.type == nullptr)
        stop(ErrorKind::Unsupported, "The " + what + " has type number " + number(type) + ", which is unknown (byte " +
                                         number(m_position - 4) + "). The file is damaged or newer than this program.");
    const auto row = static_cast<std::uint64_t>(tensor.shape.front());
    if (row % tensor.type->values != 0)
        stopAt(begin, "The rows of " + what + " have " + number(row) + " values, not a multiple of the " +
                          number(tensor.type->values) + " in a block of type " + std::string(tensor.type->name));
    const std::uint64_t blocks = elements / tensor.type->values;
    if (blocks > m_bytes.size() / tensor.type->bytes)
        stopAt(begin, "The " + what + " is larger than the file");
    tensor.bytes = blocks * tensor.type->bytes;
    tensor.offset = take<std::uint64_t>("the offset of " + what);
    if (tensor.offset % m_target.m_alignment != 0)
        stopAt(m_position - 8, "The offset of " + what + " is " + number(tensor.offset) + ", not a multiple of the alignment " +
                                   number(m_target.m_alignment));
    return tensor;
}

void GgufParser::placeTensors() {
    std::vector<GgufTensor*> order;
    for (GgufTensor& tensor : m_target.m_tensors) {
        const std::string what = "tensor " + inQuotes(tensor.name);
        const std::uint64_t dataBytes = m_bytes.size() > m_target.m_dataBegin ? m_bytes.size() - m_target.m_dataBegin : 0;
        if (tensor.offset > dataBytes || tensor.bytes > dataBytes - tensor.offset)
            stop(ErrorKind::BadInput, "The " + what + " should occupy " + number(tensor.bytes) + " bytes at offset " +
                                          number(tensor.offset) + " of the data section, which has only " + number(dataBytes) +
                                          " bytes. The file is damaged or incomplete: fetch it again.");
        tensor.offset += m_target.m_dataBegin;
        tensor.file = m_target.m_file;
        order.push_back(&tensor);
    }
    std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->offset < b->offset; });
    for (std::size_t i = 1; i < order.size(); ++i)
        if (order[i]->offset < order[i - 1]->offset + order[i - 1]->bytes)
            stopAt(order[i]->offset, "Tensors " + inQuotes(order[i - 1]->name) + " and " + inQuotes(order[i]->name) + " overlap");
}

}  // namespace safequant
