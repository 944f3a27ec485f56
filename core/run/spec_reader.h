// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/error.h"

namespace safequant {

/// Reads one JSON object of a spec. Missing fields leave their targets alone; every broken field is noted with its path
/// ("evaluation.decoding.top_p"), the first of them is the error. Asked-for names are the known ones: `finish` refuses
/// others.
class SpecReader {
public:
    /// `path` is empty for the outermost object. `where` (a file) becomes the context of errors; `kind` says in them what is read.
    SpecReader(const nlohmann::json& json, std::string path, std::string where, std::string kind = "run spec");

    /// Fields "format" and "format_version", which a spec may leave out. Errors: another format; unsupported for a newer version.
    void format(const std::string& name, int version);

    void text(const std::string& name, std::string& target);
    void truth(const std::string& name, bool& target);
    void whole(const std::string& name, int& target, int low, int high);
    void wholeUnsigned(const std::string& name, std::uint64_t& target);
    /// `lowOpen`: the bound itself is not allowed.
    void number(const std::string& name, double& target, double low, double high, bool lowOpen = false);
    void texts(const std::string& name, std::vector<std::string>& target);
    /// A field that holds the name of an enumeration's value; `names` are in its order, `what` says in errors what they name.
    template <typename Enumeration>
    void choice(const std::string& name, const std::string& what, std::span<const std::string> names, Enumeration& target) {
        target = static_cast<Enumeration>(chosen(name, what, names, static_cast<std::size_t>(target)));
    }
    /// The value of a field for a reader of its own; null when it is missing.
    const nlohmann::json* child(const std::string& name);

    /// A reader of what a field holds.
    SpecReader inside(const nlohmann::json& value, const std::string& name) const { return {value, pathOf(name), m_where, m_kind}; }

    void reject(const std::string& name, const std::string& problem);
    void adopt(const Error& error);
    /// Takes over the error of an inner reader.
    void finishInner(SpecReader& inner);
    std::string pathOf(const std::string& name) const;
    const std::string& where() const { return m_where; }
    /// The first error, or an unknown field.
    Expected<void> finish();

private:
    const nlohmann::json* find(const std::string& name);
    std::size_t chosen(const std::string& name, const std::string& what, std::span<const std::string> names, std::size_t standard);

    const nlohmann::json* m_json;
    std::string m_path;
    std::string m_where;
    std::string m_kind;
    std::vector<std::string> m_known;
    std::optional<Error> m_error;
};

/// The JSON of a spec file of at most 16 MiB. Errors: those of reading; bad_input when it is not JSON.
Expected<nlohmann::json> readSpecFile(const std::string& path, const std::string& kind);

/// A file named in a spec stands beside the spec when its path is relative.
void anchorPath(std::string& path, const std::filesystem::path& folder);
/// The same for a model or an adapter, which may also be a name in the Hugging Face cache.
void anchorModel(std::string& path, const std::filesystem::path& folder);

}  // namespace safequant
