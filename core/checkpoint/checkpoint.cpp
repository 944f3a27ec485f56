// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/checkpoint.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "core/base/hash.h"
#include "core/checkpoint/adapter.h"
#include "core/checkpoint/gguf_parts.h"
#include "core/checkpoint/hub_cache.h"
#include "core/checkpoint/mapped_checkpoint.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHashPiece = std::size_t{1} << 20;

bool beginsWithGguf(const fs::path& path) {
    std::array<char, 4> magic{};
    std::ifstream file(path, std::ios::binary);
    return file.read(magic.data(), magic.size()) && std::memcmp(magic.data(), "GGUF", 4) == 0;
}

Expected<std::shared_ptr<const Checkpoint>> openFolder(const std::string& path) {
    std::error_code code;
    if (fs::exists(fs::path(path) / "config.json", code)) return openHuggingFaceCheckpoint(path, {});
    if (isAdapterFolder(path))
        return fail(ErrorKind::Unsupported, "Is a LoRA adapter, not a model: open its base model and add this folder as an adapter.",
                    path);
    std::vector<std::string> models;
    for (fs::directory_iterator entry(path, code), end; !code && entry != end; entry.increment(code))
        if (entry->path().extension() == ".gguf") models.push_back(entry->path().string());
    if (code) return fail(ErrorKind::Io, "The folder cannot be listed: " + code.message() + ".", path);
    const auto part = models.empty() ? std::nullopt : GgufPartName::parse(models.front());
    const bool oneModel = models.size() == 1 || std::all_of(models.begin(), models.end(), [&](const std::string& model) {
        const auto other = GgufPartName::parse(model);
        return part && other && other->stem == part->stem && other->count == part->count;
    });
    if (oneModel && !models.empty()) return openGgufCheckpoint(models.front());
    if (models.size() > 1)
        return fail(ErrorKind::BadInput, "The folder holds " + std::to_string(models.size()) + " GGUF files; name the one to open.",
                    path);
    return fail(ErrorKind::NotFound, "The folder holds neither a config.json nor a GGUF file; give a Hugging Face model folder "
                                     "or a .gguf file.", path);
}

/// Feeds one file into the hash; `done` counts bytes over all files.
Expected<void> hashFile(const std::string& path, std::uint64_t size, Sha256& hash, std::uint64_t& done, std::uint64_t total,
                        const Progress& progress) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return fail(ErrorKind::Io, "Cannot be opened: " + std::generic_category().message(errno) + ".", path);
    std::vector<char> piece(kHashPiece);
    std::uint64_t left = size;
    while (left > 0) {
        if (progress.stopRequested()) return fail(cancelledError());
        const auto count = static_cast<std::streamsize>(std::min<std::uint64_t>(left, piece.size()));
        if (!file.read(piece.data(), count)) return fail(ErrorKind::Io, "Became shorter while it was read.", path);
        hash.update(std::string_view(piece.data(), static_cast<std::size_t>(count)));
        left -= static_cast<std::uint64_t>(count);
        done += static_cast<std::uint64_t>(count);
        progress(done, total);
    }
    return {};
}

}  // namespace

bool Checkpoint::has(const std::string& name) const { return find(name) != nullptr; }

Expected<Matrix> Checkpoint::readMatrix(const std::string& name) const {
    const TensorInfo* info = find(name);
    if (info == nullptr) return fail(ErrorKind::NotFound, "The model has no tensor \"" + name + "\".", path());
    if (info->shape.size() != 2)
        return fail(ErrorKind::BadInput, "Tensor \"" + name + "\" has " + std::to_string(info->shape.size()) +
                                             " dimensions, not 2.", path());
    Matrix matrix(static_cast<std::size_t>(info->shape[0]), static_cast<std::size_t>(info->shape[1]));
    if (auto done = read(name, matrix.span()); !done) return fail(done.error());
    return matrix;
}

Expected<std::vector<float>> Checkpoint::readVector(const std::string& name) const {
    const TensorInfo* info = find(name);
    if (info == nullptr) return fail(ErrorKind::NotFound, "The model has no tensor \"" + name + "\".", path());
    if (info->shape.size() != 1)
        return fail(ErrorKind::BadInput, "Tensor \"" + name + "\" has " + std::to_string(info->shape.size()) +
                                             " dimensions, not 1.", path());
    std::vector<float> values(static_cast<std::size_t>(info->shape[0]));
    if (auto done = read(name, values); !done) return fail(done.error());
    return values;
}

Expected<std::string> Checkpoint::contentHash(const Progress& progress) const {
    const auto paths = files();
    std::vector<std::uint64_t> sizes;
    std::uint64_t total = 0;
    for (const auto& path : paths) {
        std::error_code code;
        sizes.push_back(fs::file_size(path, code));
        if (code) return fail(ErrorKind::Io, "Cannot be read: " + code.message() + ".", path);
        total += sizes.back();
    }
    Sha256 hash;
    std::uint64_t done = 0;
    for (std::size_t i = 0; i < paths.size(); ++i) {
        hash.update(fs::path(paths[i]).filename().string() + "\n" + std::to_string(sizes[i]) + "\n");
        if (auto hashed = hashFile(paths[i], sizes[i], hash, done, total, progress); !hashed) return fail(hashed.error());
    }
    return hash.hex();
}

namespace {

/// A path, or the path of what a name in the Hugging Face cache stands for.
Expected<std::string> locate(const std::string& named) {
    const auto name = HubName::parse(named);
    return name ? findInHubCache(*name) : Expected<std::string>(named);
}

Expected<std::shared_ptr<const Checkpoint>> openBase(const std::string& path) {
    std::error_code code;
    const auto status = fs::status(path, code);
    if (!fs::exists(status)) return fail(ErrorKind::NotFound, "There is no such file or folder.", path);
    if (fs::is_directory(status)) return openFolder(path);
    const fs::path file(path);
    if (beginsWithGguf(file) || file.extension() == ".gguf") return openGgufCheckpoint(path);
    if (file.extension() == ".safetensors" || file.filename() == "config.json" ||
        file.filename() == "model.safetensors.index.json") {
        const std::string folder = file.has_parent_path() ? file.parent_path().string() : std::string(".");
        return openHuggingFaceCheckpoint(folder, file.extension() == ".safetensors" ? file.filename().string() : std::string());
    }
    return fail(ErrorKind::Unsupported, "Is neither a GGUF nor a safetensors file. Weights in other formats (.bin, .pt) must be "
                                        "converted to safetensors first.", path);
}

}  // namespace

Expected<std::shared_ptr<const Checkpoint>> openCheckpoint(const std::string& path, const std::vector<std::string>& adapters) {
    const auto place = locate(path);
    if (!place) return fail(place.error());
    auto base = openBase(*place);
    if (!base && base.error().kind == ErrorKind::NotFound && *place != path)
        base.error().hint = "`safequant download " + path + "` fetches what is missing.";
    if (!base || adapters.empty()) return base;
    std::vector<std::string> folders;
    for (const std::string& adapter : adapters) {
        auto folder = locate(adapter);
        if (!folder) return fail(folder.error());
        folders.push_back(std::move(*folder));
    }
    return adaptCheckpoint(std::move(*base), folders);
}

}  // namespace safequant
