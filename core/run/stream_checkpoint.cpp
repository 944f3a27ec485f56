// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/stream_checkpoint.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <nlohmann/json.hpp>

#include "core/base/hash.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStreamFormat = "safequant-stream-1";

std::string streamPath(const std::string& folder) {
    return folder + "/stream.bin";
}

std::string hashOf(const Matrix& matrix) {
    Sha256 hash;
    hash.update(std::as_bytes(matrix.span()));
    return hash.hex();
}

}  // namespace

Expected<void> saveStream(const std::string& folder, const std::string& model, const ActivationStream& stream) {
    const nlohmann::json header{{"format", kStreamFormat},
                                {"model", model},
                                {"blocks_done", stream.blocksDone},
                                {"rows", stream.hidden.rows()},
                                {"cols", stream.hidden.cols()},
                                {"sha256", hashOf(stream.hidden)}};
    const auto path = streamPath(folder);
    const auto beside = path + ".part";
    {
        std::ofstream file(beside, std::ios::binary | std::ios::trunc);
        file << header.dump() << '\n';
        file.write(reinterpret_cast<const char*>(stream.hidden.data()),
                   static_cast<std::streamsize>(stream.hidden.size() * sizeof(float)));
        file.flush();
        if (!file)
            return fail(ErrorKind::Io, "Cannot be written: " + std::generic_category().message(errno) + ".", beside);
    }
    // Not flushed to disk: after a power cut the hash tells a torn file, and the stream is computed anew from the
    // embeddings.
    std::error_code code;
    fs::rename(beside, path, code);
    if (code) return fail(ErrorKind::Io, "Cannot be put in place: " + code.message() + ".", path);
    return {};
}

bool restoreStream(const std::string& folder, const std::string& model, int blocksAtMost, ActivationStream& stream) {
    std::ifstream file(streamPath(folder), std::ios::binary);
    std::string line;
    if (!file || !std::getline(file, line)) return false;
    const auto header = nlohmann::json::parse(line, nullptr, false);
    if (!header.is_object()) return false;
    const auto equals = [&](const char* name, const nlohmann::json& value) {
        return header.contains(name) && header[name] == value;
    };
    if (!equals("format", kStreamFormat) || !equals("model", model) || !equals("rows", stream.hidden.rows()) ||
        !equals("cols", stream.hidden.cols()) || !header.contains("blocks_done") ||
        !header["blocks_done"].is_number_integer())
        return false;
    const int blocksDone = header["blocks_done"].get<int>();
    if (blocksDone < 0 || blocksDone > blocksAtMost) return false;
    Matrix hidden(stream.hidden.rows(), stream.hidden.cols());
    file.read(reinterpret_cast<char*>(hidden.data()), static_cast<std::streamsize>(hidden.size() * sizeof(float)));
    if (!file || file.peek() != std::ifstream::traits_type::eof() || !equals("sha256", hashOf(hidden))) return false;
    stream.hidden = std::move(hidden);
    stream.blocksDone = blocksDone;
    return true;
}

void removeStream(const std::string& folder) {
    std::error_code ignored;
    fs::remove(streamPath(folder), ignored);
}

}  // namespace safequant
