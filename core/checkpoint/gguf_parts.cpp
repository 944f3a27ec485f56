// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/gguf_parts.h"

#include <algorithm>
#include <limits>
#include <set>
#include <string_view>

#include "core/checkpoint/gguf.h"

namespace safequant {
namespace {

constexpr std::size_t kDigits = 5;
constexpr std::string_view kOf = "-of-";
constexpr std::string_view kExtension = ".gguf";

int digitsAt(std::string_view text) {
    int value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return -1;
        value = value * 10 + (c - '0');
    }
    return value;
}

std::string fiveDigits(int value) {
    const std::string digits = std::to_string(value);
    return std::string(kDigits - std::min(kDigits, digits.size()), '0') + digits;
}

/// A count of the "split." keys. Error: bad_input naming key and file.
Expected<int> splitValue(const GgufFile& file, const std::string& key) {
    const auto value = file.integer(key);
    if (!value) return fail(value.error());
    if (*value < 0 || *value > std::numeric_limits<int>::max())
        return fail(ErrorKind::BadInput, "Metadata \"" + key + "\" is " + std::to_string(*value) + ", out of range.",
                    file.path());
    return static_cast<int>(*value);
}

tl::unexpected<Error> mixedParts(const std::string& path, const std::string& key, int value, int expected) {
    return fail(ErrorKind::BadInput,
                "Metadata \"" + key + "\" is " + std::to_string(value) + ", but " + std::to_string(expected) +
                    " fits the name of the file: parts of different models, or renamed ones. Fetch all "
                    "parts again.",
                path);
}

}  // namespace

std::optional<GgufPartName> GgufPartName::parse(const std::string& path) {
    const std::size_t tail = 1 + kDigits + kOf.size() + kDigits + kExtension.size();
    if (path.size() <= tail || !path.ends_with(kExtension)) return std::nullopt;
    const std::string_view end = std::string_view(path).substr(path.size() - tail);
    GgufPartName name;
    name.stem = path.substr(0, path.size() - tail);
    name.number = digitsAt(end.substr(1, kDigits));
    name.count = digitsAt(end.substr(1 + kDigits + kOf.size(), kDigits));
    if (end[0] != '-' || end.substr(1 + kDigits, kOf.size()) != kOf || name.number < 1 || name.count < name.number)
        return std::nullopt;
    return name;
}

std::string GgufPartName::pathOf(int other) const {
    return stem + "-" + fiveDigits(other) + std::string(kOf) + fiveDigits(count) + std::string(kExtension);
}

Expected<std::shared_ptr<const GgufFile>> GgufFile::open(const std::string& path) {
    auto single = openOne(path);
    if (!single || !(*single)->has("split.count")) return single;
    const auto count = splitValue(**single, "split.count");
    if (!count) return fail(count.error());
    if (*count <= 1) return single;
    const auto name = GgufPartName::parse(path);
    if (!name)
        return fail(ErrorKind::BadInput,
                    "Is one of the " + std::to_string(*count) +
                        " parts of a model; its name must end as in "
                        "\"-00001-of-0000N.gguf\" for the others to be found. Give it the name it had.",
                    path);
    if (*count != name->count) return mixedParts(path, "split.count", *count, name->count);
    return join(*name);
}

Expected<std::shared_ptr<const GgufFile>> GgufFile::join(const GgufPartName& name) {
    std::shared_ptr<GgufFile> whole;
    std::set<std::string> names;
    for (int number = 1; number <= name.count; ++number) {
        const std::string path = name.pathOf(number);
        auto part = openOne(path);
        if (!part && part.error().kind == ErrorKind::NotFound)
            return fail(ErrorKind::NotFound,
                        "Part " + std::to_string(number) + " of the " + std::to_string(name.count) +
                            " parts of the model is missing; put it beside the others.",
                        path);
        if (!part) return part;
        for (const auto& [key, expected] : {std::pair("split.count", name.count), std::pair("split.no", number - 1)}) {
            const auto value = splitValue(**part, key);
            if (!value) return fail(value.error());
            if (*value != expected) return mixedParts(path, key, *value, expected);
        }
        for (const GgufTensor& tensor : (*part)->m_tensors)
            if (!names.insert(tensor.name).second)
                return fail(ErrorKind::BadInput,
                            "Tensor \"" + tensor.name +
                                "\" is in an earlier part already: the parts are not of "
                                "one model. Fetch all parts again.",
                            path);
        if (whole == nullptr) {
            whole = std::shared_ptr<GgufFile>(new GgufFile(**part));
            continue;
        }
        whole->m_tensors.insert(whole->m_tensors.end(), (*part)->m_tensors.begin(), (*part)->m_tensors.end());
        whole->m_paths.push_back(path);
    }
    if (!whole->has("split.tensors.count")) return whole;
    const auto tensors = splitValue(*whole, "split.tensors.count");
    if (!tensors) return fail(tensors.error());
    if (static_cast<std::size_t>(*tensors) != names.size())
        return fail(ErrorKind::BadInput,
                    "Metadata \"split.tensors.count\" is " + std::to_string(*tensors) + ", but the parts hold " +
                        std::to_string(names.size()) + " tensors. Fetch all parts again.",
                    whole->path());
    return whole;
}

}  // namespace safequant
