// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/gguf_keys.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace safequant {

int GgufKeys::integer(const std::string& key, std::optional<int> fallback) {
    const std::string full = m_prefix + key;
    if (!m_file.has(full) && fallback) return *fallback;
    const auto value = m_file.integer(full);
    if (!value) return note(value.error()), 0;
    if (*value < 0 || *value > std::numeric_limits<int>::max())
        return note({ErrorKind::BadInput, "Metadata \"" + full + "\" is " + std::to_string(*value) + ", out of range.", m_file.path()}), 0;
    return static_cast<int>(*value);
}

double GgufKeys::real(const std::string& key, std::optional<double> fallback) {
    if (!has(key) && fallback) return *fallback;
    const auto value = m_file.real(m_prefix + key);
    if (!value) return note(value.error()), 0.0;
    return *value;
}

bool GgufKeys::boolean(const std::string& key, bool fallback) {
    if (!has(key)) return fallback;
    const auto value = m_file.boolean(m_prefix + key);
    if (!value) return note(value.error()), fallback;
    return *value;
}

std::string GgufKeys::text(const std::string& key, const std::string& fallback) {
    if (!has(key)) return fallback;
    auto value = m_file.text(m_prefix + key);
    if (!value) return note(value.error()), fallback;
    return std::move(*value);
}

bool GgufKeys::hasTensor(const std::string& name) const {
    return std::ranges::any_of(m_file.tensors(), [&](const GgufTensor& tensor) { return tensor.name == name; });
}

tl::unexpected<Error> GgufKeys::unsupported(const std::string& key, const std::string& what) const {
    return fail(ErrorKind::Unsupported, "Metadata \"" + m_prefix + key + "\" asks for " + what + ", which this program lacks.",
                m_file.path());
}

}  // namespace safequant
