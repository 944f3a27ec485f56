// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

#include "core/checkpoint/gguf.h"

namespace safequant {

/// Reads metadata keys that share a prefix ("llama.") and keeps the first error, so that a caller checks once at the end. A key
/// that is absent takes the fallback; without a fallback it is an error.
class GgufKeys {
public:
    GgufKeys(const GgufFile& file, std::string prefix) : m_file(file), m_prefix(std::move(prefix)) {}

    bool has(const std::string& key) const { return m_file.has(m_prefix + key); }
    /// A number from 0 to 2^31 - 1.
    int integer(const std::string& key, std::optional<int> fallback = {});
    double real(const std::string& key, std::optional<double> fallback = {});
    bool boolean(const std::string& key, bool fallback);
    std::string text(const std::string& key, const std::string& fallback);
    bool hasTensor(const std::string& name) const;

    const GgufFile& file() const { return m_file; }
    const std::optional<Error>& error() const { return m_error; }
    /// "Metadata "llama.expert_count" asks for mixture-of-experts blocks, which this program lacks."
    tl::unexpected<Error> unsupported(const std::string& key, const std::string& what) const;

private:
    void note(const Error& error) {
        if (!m_error) m_error = error;
    }

    const GgufFile& m_file;
    std::string m_prefix;
    std::optional<Error> m_error;
};

}  // namespace safequant
