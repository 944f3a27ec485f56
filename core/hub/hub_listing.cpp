// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/hub/hub_listing.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/nearest_name.h"
#include "core/checkpoint/gguf_parts.h"
#include "core/checkpoint/json_file.h"
#include "core/checkpoint/model_file_names.h"

namespace safequant {
namespace {

using nlohmann::json;

bool isHex(std::string_view text, std::size_t length) {
    return text.size() == length && text.find_first_not_of("0123456789abcdef") == text.npos;
}

bool atRoot(const std::string& name) { return name.find('/') == name.npos; }

/// A text, or a list's first; empty when it is neither.
std::string textOf(const json& object, const char* field) {
    const auto found = object.is_object() ? object.find(field) : object.end();
    if (!object.is_object() || found == object.end()) return {};
    if (found->is_string()) return found->get<std::string>();
    return found->is_array() && !found->empty() && found->front().is_string() ? found->front().get<std::string>() : std::string();
}

std::string licenseOf(const json& model) {
    const json card = model.value("cardData", json::object());
    std::string license = textOf(card, "license");
    if (const std::string name = textOf(card, "license_name"); license == "other" && !name.empty()) license = name;
    if (license.empty() && model.contains("tags") && model["tags"].is_array())
        for (const json& tag : model["tags"])
            if (tag.is_string() && tag.get<std::string>().starts_with("license:")) license = tag.get<std::string>().substr(8);
    return license;
}

std::string gatedOf(const json& model) {
    const auto gated = model.find("gated");
    if (gated == model.end() || gated->is_null()) return {};
    if (gated->is_string()) return gated->get<std::string>();
    return gated->is_boolean() && gated->get<bool>() ? "manual" : "";
}

Expected<protocol::HubFile> readFile(const json& entry, const std::string& url) {
    protocol::HubFile file;
    file.name = textOf(entry, "rfilename");
    if (!isRepositoryPath(file.name))
        return fail(ErrorKind::BadInput, "The Hub lists a file whose name leads elsewhere, \"" + file.name + "\".", url);
    const json lfs = entry.value("lfs", json());
    const json& place = lfs.is_object() ? lfs : entry;
    file.hash = textOf(place, lfs.is_object() ? "sha256" : "blobId");
    const auto size = place.find("size");
    if (!isBlobHash(file.hash) || size == place.end() || !size->is_number_unsigned())
        return fail(ErrorKind::BadInput, "The Hub's answer lacks size or hash of \"" + file.name + "\".", url);
    file.bytes = size->get<std::uint64_t>();
    return file;
}

Expected<std::vector<std::string>> shardsOf(const std::string& index, const HubListing& listing) {
    const auto parsed = parseStrictJson(index, kWeightsIndexName);
    if (!parsed) return fail(parsed.error());
    const auto map = parsed->is_object() ? parsed->find("weight_map") : parsed->end();
    if (!parsed->is_object() || map == parsed->end() || !map->is_object() || map->empty())
        return fail(ErrorKind::BadInput, "Field \"weight_map\" must map tensors to files.", kWeightsIndexName);
    std::set<std::string> shards;
    for (const auto& [tensor, file] : map->items()) {
        const std::string name = file.is_string() ? file.get<std::string>() : std::string();
        if (!shards.contains(name) && (!atRoot(name) || listing.find(name) == nullptr))
            return fail(ErrorKind::NotFound, "The repository is incomplete: it has no file \"" + name + "\", where \"" + tensor + "\" should lie.",
                        kWeightsIndexName);
        shards.insert(name);
    }
    return std::vector<std::string>(shards.begin(), shards.end());
}

Expected<std::vector<std::string>> ggufParts(const HubListing& listing, const std::string& chosen) {
    std::vector<std::string> known;
    for (const protocol::HubGguf& gguf : ggufsOf(listing)) known.push_back(gguf.file);
    const auto part = GgufPartName::parse(chosen);
    const std::string first = part ? part->pathOf(1) : chosen;
    if (std::find(known.begin(), known.end(), first) == known.end())
        return fail(ErrorKind::NotFound, known.empty() ? "The repository has no GGUF files." :
                                         "The repository has no GGUF file of this name" + didYouMean(chosen, known), chosen);
    if (!part) return std::vector<std::string>{chosen};
    std::vector<std::string> parts;
    for (int i = 1; i <= part->count; ++i) {
        parts.push_back(part->pathOf(i));
        if (listing.find(parts.back()) == nullptr)
            return fail(ErrorKind::NotFound, "The repository is incomplete: it has no file \"" + parts.back() + "\".", chosen);
    }
    return parts;
}

/// Names of the weights of a Hugging Face folder, with the index of split ones; the same choice as its reader makes.
Expected<std::vector<std::string>> folderWeights(const HubListing& listing,
                                                 const std::function<Expected<std::string>(const protocol::HubFile&)>& readIndex) {
    if (const auto* index = listing.find(kWeightsIndexName)) {
        const auto text = readIndex(*index);
        if (!text) return fail(text.error());
        auto shards = shardsOf(*text, listing);
        if (shards) shards->insert(shards->begin(), kWeightsIndexName);
        return shards;
    }
    if (listing.find(kWeightsName) != nullptr) return std::vector<std::string>{kWeightsName};
    std::vector<std::string> found;
    for (const auto& file : listing.files)
        if (atRoot(file.name) && file.name.ends_with(".safetensors")) found.push_back(file.name);
    if (found.size() > 1)
        return fail(ErrorKind::Unsupported, "The repository has several safetensors files, but no " + std::string(kWeightsIndexName) +
                                                " that says what lies where.");
    return found;
}

}  // namespace

bool isRepositoryPath(const std::string& name) {
    if (name.empty() || name.front() == '/') return false;
    for (std::size_t begin = 0; begin <= name.size();) {
        const std::size_t end = std::min(name.find('/', begin), name.size());
        const std::string part = name.substr(begin, end - begin);
        if (part.empty() || part == "." || part == "..") return false;
        begin = end + 1;
    }
    return std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < ' ' || c == '\\' || c == 127; });
}

bool isBlobHash(const std::string& hash) { return isHex(hash, 40) || isHex(hash, 64); }

Expected<HubListing> HubListing::parse(const std::string& text, const std::string& url) {
    const auto parsed = parseStrictJson(text, url);
    if (!parsed) return fail(parsed.error());
    const json& model = *parsed;
    HubListing listing;
    listing.commit = textOf(model, "sha");
    if (!isHex(listing.commit, 40)) return fail(ErrorKind::BadInput, "The answer names no commit; this is no Hub that Hugging Face's programs speak to.", url);
    listing.license = licenseOf(model);
    listing.gated = gatedOf(model);
    for (const json& entry : model.value("siblings", json::array())) {
        auto file = readFile(entry, url);
        if (!file) return fail(file.error());
        listing.files.push_back(std::move(*file));
    }
    return listing;
}

const protocol::HubFile* HubListing::find(const std::string& name) const {
    const auto found = std::find_if(files.begin(), files.end(), [&](const protocol::HubFile& file) { return file.name == name; });
    return found != files.end() ? &*found : nullptr;
}

std::vector<protocol::HubGguf> ggufsOf(const HubListing& listing) {
    std::map<std::string, protocol::HubGguf> models;
    for (const auto& file : listing.files) {
        const std::string base = file.name.substr(file.name.rfind('/') + 1);
        // The image part of multimodal models, of no use alone.
        if (!file.name.ends_with(".gguf") || base.starts_with("mmproj")) continue;
        const auto part = GgufPartName::parse(file.name);
        protocol::HubGguf& model = models[part ? part->pathOf(1) : file.name];
        model.file = part ? part->pathOf(1) : file.name;
        model.bytes += file.bytes;
        if (part) model.parts = part->count;
    }
    std::vector<protocol::HubGguf> list;
    for (auto& [name, model] : models) list.push_back(std::move(model));
    return list;
}

Expected<std::vector<std::string>> neededFiles(const HubListing& listing, const std::string& gguf,
                                               const std::function<Expected<std::string>(const protocol::HubFile&)>& readIndex) {
    if (!gguf.empty()) return ggufParts(listing, gguf);
    if (listing.find(kConfigName) == nullptr && listing.find(kAdapterConfigName) != nullptr && listing.find(kAdapterWeightsName) != nullptr)
        return std::vector<std::string>{kAdapterConfigName, kAdapterWeightsName};
    auto weights = folderWeights(listing, readIndex);
    if (!weights) return fail(weights.error());
    if (!weights->empty() && listing.find(kConfigName) != nullptr) {
        std::vector<std::string> names;
        for (const auto& file : listing.files) names.push_back(file.name);
        auto files = neededSideFiles(names);
        files.insert(files.end(), weights->begin(), weights->end());
        return files;
    }
    const auto ggufs = ggufsOf(listing);
    if (ggufs.size() == 1) return ggufParts(listing, ggufs.front().file);
    if (ggufs.size() > 1) return std::vector<std::string>();
    if (!weights->empty())
        return fail(ErrorKind::Unsupported, "The repository has safetensors but no config.json: it is no language model in Hugging Face's format.");
    for (const auto& file : listing.files)
        for (const char* ending : {".bin", ".pt", ".pth", ".ckpt"})
            if (file.name.ends_with(ending))
                return fail(ErrorKind::Unsupported, "The repository has weights in PyTorch's pickle format only (" + file.name +
                                                        "), which can run any code when it is read, so it is not downloaded. Look for a copy "
                                                        "in safetensors, or a revision (--revision) that has one.");
    return fail(ErrorKind::NotFound, "The repository has no weights that can be read: neither safetensors nor GGUF.");
}

}  // namespace safequant
