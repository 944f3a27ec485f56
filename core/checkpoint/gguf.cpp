// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/gguf.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <variant>

#include "core/checkpoint/gguf_parser.h"

namespace safequant {
namespace {

constexpr std::uint64_t kShownItems = 16;

using Scalar = std::variant<std::int64_t, std::uint64_t, double, bool, std::string>;

/// Walks over the items of a value whose bounds were checked.
class ItemReader {
public:
    ItemReader(std::span<const std::byte> bytes, const GgufValue& value)
        : m_data(bytes.data() + value.offset), m_type(value.type) {}

    Scalar next() {
        switch (m_type) {
            case GgufType::U8: return std::uint64_t{take<std::uint8_t>()};
            case GgufType::I8: return std::int64_t{take<std::int8_t>()};
            case GgufType::U16: return std::uint64_t{take<std::uint16_t>()};
            case GgufType::I16: return std::int64_t{take<std::int16_t>()};
            case GgufType::U32: return std::uint64_t{take<std::uint32_t>()};
            case GgufType::I32: return std::int64_t{take<std::int32_t>()};
            case GgufType::U64: return take<std::uint64_t>();
            case GgufType::I64: return take<std::int64_t>();
            case GgufType::F32: return static_cast<double>(take<float>());
            case GgufType::F64: return take<double>();
            case GgufType::Bool: return take<std::uint8_t>() != 0;
            case GgufType::String: return takeString();
            case GgufType::Array: break;
        }
        return std::string();
    }
    std::string takeString() {
        const auto length = take<std::uint64_t>();
        std::string text(reinterpret_cast<const char*>(m_data), length);
        m_data += length;
        return text;
    }

private:
    template <typename T>
    T take() {
        T value{};
        std::memcpy(&value, m_data, sizeof(T));
        m_data += sizeof(T);
        return value;
    }

    const std::byte* m_data;
    GgufType m_type;
};

Expected<std::int64_t> toInteger(const Scalar& scalar) {
    if (const auto* value = std::get_if<std::int64_t>(&scalar)) return *value;
    if (const auto* value = std::get_if<std::uint64_t>(&scalar))
        if (*value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
            return static_cast<std::int64_t>(*value);
    return fail(ErrorKind::BadInput, "must be a whole number");
}

Expected<double> toReal(const Scalar& scalar) {
    if (const auto* value = std::get_if<double>(&scalar))
        if (std::isfinite(*value)) return *value;
    if (const auto* value = std::get_if<std::int64_t>(&scalar)) return static_cast<double>(*value);
    if (const auto* value = std::get_if<std::uint64_t>(&scalar)) return static_cast<double>(*value);
    return fail(ErrorKind::BadInput, "must be a finite number");
}

nlohmann::json toJson(const Scalar& scalar) {
    return std::visit([](const auto& value) { return nlohmann::json(value); }, scalar);
}

}  // namespace

Expected<std::shared_ptr<const GgufFile>> GgufFile::openOne(const std::string& path) {
    auto mapped = MappedFile::open(path);
    if (!mapped) return fail(mapped.error());
    std::shared_ptr<GgufFile> file(new GgufFile(std::move(*mapped)));
    if (auto parsed = GgufParser(*file).parse(); !parsed) return fail(parsed.error());
    return file;
}

Expected<GgufValue> GgufFile::value(const std::string& key, bool array) const {
    const auto found = m_metadata.find(key);
    if (found == m_metadata.end())
        return fail(ErrorKind::BadInput, "The metadata has no \"" + key + "\", which this model needs.", path());
    if (found->second.isArray != array)
        return fail(ErrorKind::BadInput, "Metadata \"" + key + "\" (byte " + std::to_string(found->second.offset) + ") must be " +
                                             (array ? "an array." : "a single value."), path());
    return found->second;
}

namespace {

tl::unexpected<Error> wrongValue(const GgufFile& file, const std::string& key, const GgufValue& value, const std::string& rule) {
    return fail(ErrorKind::BadInput, "Metadata \"" + key + "\" (byte " + std::to_string(value.offset) + ", type " +
                                         std::string(ggufTypeName(value.type)) + ") " + rule + ".", file.path());
}

}  // namespace

Expected<std::int64_t> GgufFile::integer(const std::string& key) const {
    const auto place = value(key, false);
    if (!place) return fail(place.error());
    auto result = toInteger(ItemReader(m_file->bytes(), *place).next());
    if (!result) return wrongValue(*this, key, *place, result.error().message);
    return result;
}

Expected<double> GgufFile::real(const std::string& key) const {
    const auto place = value(key, false);
    if (!place) return fail(place.error());
    auto result = toReal(ItemReader(m_file->bytes(), *place).next());
    if (!result) return wrongValue(*this, key, *place, result.error().message);
    return result;
}

Expected<bool> GgufFile::boolean(const std::string& key) const {
    const auto place = value(key, false);
    if (!place) return fail(place.error());
    if (place->type != GgufType::Bool) return wrongValue(*this, key, *place, "must be a truth value");
    return std::get<bool>(ItemReader(m_file->bytes(), *place).next());
}

Expected<std::string> GgufFile::text(const std::string& key) const {
    const auto place = value(key, false);
    if (!place) return fail(place.error());
    if (place->type != GgufType::String) return wrongValue(*this, key, *place, "must be a string");
    return ItemReader(m_file->bytes(), *place).takeString();
}

Expected<std::vector<std::string>> GgufFile::texts(const std::string& key) const {
    const auto place = value(key, true);
    if (!place) return fail(place.error());
    if (place->type != GgufType::String) return wrongValue(*this, key, *place, "must hold strings");
    ItemReader reader(m_file->bytes(), *place);
    std::vector<std::string> out;
    out.reserve(place->count);
    for (std::uint64_t i = 0; i < place->count; ++i) out.push_back(reader.takeString());
    return out;
}

Expected<std::vector<std::int32_t>> GgufFile::integers(const std::string& key) const {
    const auto place = value(key, true);
    if (!place) return fail(place.error());
    if (place->type == GgufType::String) return wrongValue(*this, key, *place, "must hold whole numbers");
    ItemReader reader(m_file->bytes(), *place);
    std::vector<std::int32_t> out;
    out.reserve(place->count);
    for (std::uint64_t i = 0; i < place->count; ++i) {
        const auto item = toInteger(reader.next());
        if (!item || *item < std::numeric_limits<std::int32_t>::min() || *item > std::numeric_limits<std::int32_t>::max())
            return wrongValue(*this, key, *place, "must hold whole numbers of 32 bits (item " + std::to_string(i) + ")");
        out.push_back(static_cast<std::int32_t>(*item));
    }
    return out;
}

Expected<std::vector<float>> GgufFile::reals(const std::string& key) const {
    const auto place = value(key, true);
    if (!place) return fail(place.error());
    if (place->type == GgufType::String) return wrongValue(*this, key, *place, "must hold numbers");
    ItemReader reader(m_file->bytes(), *place);
    std::vector<float> out;
    out.reserve(place->count);
    for (std::uint64_t i = 0; i < place->count; ++i) {
        const auto item = toReal(reader.next());
        if (!item) return wrongValue(*this, key, *place, "must hold finite numbers (item " + std::to_string(i) + ")");
        out.push_back(static_cast<float>(*item));
    }
    return out;
}

nlohmann::json GgufFile::display(const std::string& key) const {
    const auto found = m_metadata.find(key);
    if (found == m_metadata.end()) return nullptr;
    const GgufValue& place = found->second;
    ItemReader reader(m_file->bytes(), place);
    if (!place.isArray) return toJson(reader.next());
    if (place.count > kShownItems)
        return std::to_string(place.count) + " values of type " + std::string(ggufTypeName(place.type));
    auto items = nlohmann::json::array();
    for (std::uint64_t i = 0; i < place.count; ++i) items.push_back(toJson(reader.next()));
    return items;
}

}  // namespace safequant
