// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/checkpoint/gguf_types.h"

namespace safequant {

/// Types of GGUF metadata values, by their number in the file.
enum class GgufType : std::uint32_t {
    U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64
};

/// Where a metadata value lies; its bounds were checked when the file was opened.
struct GgufValue {
    GgufType type = GgufType::U8;     ///< Of the items when `isArray`.
    bool isArray = false;
    std::uint64_t count = 1;          ///< Items of an array.
    std::uint64_t offset = 0;         ///< Of the value, or of the first item, from the start of the file.
};

/// A tensor as the file declares it.
struct GgufTensor {
    std::string name;                  ///< llama.cpp's name, e.g. "blk.0.attn_q.weight".
    std::vector<std::int64_t> shape;   ///< ggml's order: the contiguous dimension first.
    const StorageType* type = nullptr;
    std::shared_ptr<const MappedFile> file;
    std::uint64_t offset = 0;          ///< From the start of the file.
    std::uint64_t bytes = 0;
};

struct GgufPartName;

/// The structure of a GGUF file, version 2 or 3, little-endian (ggml's docs/gguf.md), or of one split into parts: metadata and
/// layout are the first part's, tensors those of all. Nothing but the metadata is read.
class GgufFile {
public:
    /// Maps and checks a file; of a split model any part names all. Errors: not_found (also of a part), io; bad_input naming the
    /// field and its byte offset, or the part that does not fit the others; unsupported (version 1, big-endian, unknown tensor
    /// types).
    static Expected<std::shared_ptr<const GgufFile>> open(const std::string& path);

    const std::string& path() const { return m_file->path(); }
    const std::vector<std::string>& paths() const { return m_paths; }  ///< Of all parts, in order.
    std::uint32_t version() const { return m_version; }
    std::uint64_t alignment() const { return m_alignment; }
    /// Where the metadata ends and the tensors' data begins, from the start of the file.
    std::uint64_t metadataEnd() const { return m_metadataEnd; }
    std::uint64_t dataBegin() const { return m_dataBegin; }
    const std::map<std::string, GgufValue>& metadata() const { return m_metadata; }
    const std::vector<GgufTensor>& tensors() const { return m_tensors; }

    bool has(const std::string& key) const { return m_metadata.contains(key); }
    /// A metadata value. Errors: bad_input, naming the key, when it is absent, of another type or out of range.
    Expected<std::int64_t> integer(const std::string& key) const;
    Expected<double> real(const std::string& key) const;
    Expected<bool> boolean(const std::string& key) const;
    Expected<std::string> text(const std::string& key) const;
    Expected<std::vector<std::string>> texts(const std::string& key) const;
    Expected<std::vector<std::int32_t>> integers(const std::string& key) const;
    Expected<std::vector<float>> reals(const std::string& key) const;
    /// A value for display: long arrays are only described.
    nlohmann::json display(const std::string& key) const;

private:
    friend class GgufParser;
    explicit GgufFile(std::shared_ptr<const MappedFile> file) : m_file(std::move(file)), m_paths{m_file->path()} {}
    static Expected<std::shared_ptr<const GgufFile>> openOne(const std::string& path);
    static Expected<std::shared_ptr<const GgufFile>> join(const GgufPartName& name);
    Expected<GgufValue> value(const std::string& key, bool array) const;

    std::shared_ptr<const MappedFile> m_file;
    std::vector<std::string> m_paths;
    std::uint32_t m_version = 0;
    std::uint64_t m_alignment = 32;
    std::uint64_t m_metadataEnd = 0;
    std::uint64_t m_dataBegin = 0;
    std::map<std::string, GgufValue> m_metadata;
    std::vector<GgufTensor> m_tensors;
};

}  // namespace safequant
