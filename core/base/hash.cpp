// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/hash.h"

#include <openssl/evp.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

namespace safequant {

struct Digest::State {
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Digest::Digest(Algorithm algorithm) : m_state(std::make_unique<State>()) {
    const EVP_MD* method = algorithm == Algorithm::Sha1 ? EVP_sha1() : EVP_sha256();
    if (!m_state->context || EVP_DigestInit_ex(m_state->context.get(), method, nullptr) != 1)
        throw std::runtime_error(std::string("[Digest] the cryptography library offers no ") + EVP_MD_get0_name(method));
}

Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

void Digest::update(std::span<const std::byte> bytes) {
    EVP_DigestUpdate(m_state->context.get(), bytes.data(), bytes.size());
}

void Digest::update(std::string_view text) { EVP_DigestUpdate(m_state->context.get(), text.data(), text.size()); }

std::string Digest::hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    EVP_DigestFinal_ex(m_state->context.get(), digest.data(), &length);
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (unsigned int i = 0; i < length; ++i) {
        text += kDigits[digest[i] >> 4];
        text += kDigits[digest[i] & 15];
    }
    return text;
}

std::string sha256Hex(std::string_view text) {
    Sha256 hash;
    hash.update(text);
    return hash.hex();
}

Expected<std::string> sha256File(const std::string& path, const Progress& progress) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return fail(ErrorKind::NotFound, "The file cannot be opened for reading.", path);
    std::error_code ignored;
    const std::uint64_t total = std::filesystem::file_size(path, ignored);
    Sha256 hash;
    std::vector<char> buffer(1 << 20);
    std::uint64_t done = 0;
    while (file) {
        if (progress.stopRequested()) return fail(cancelledError());
        file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
        const auto count = static_cast<std::size_t>(file.gcount());
        hash.update(std::string_view(buffer.data(), count));
        done += count;
        progress(done, total);
    }
    if (file.bad()) return fail(ErrorKind::Io, "Reading stopped before the end of the file.", path);
    return hash.hex();
}

}  // namespace safequant
