// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/base/progress.h"

namespace safequant {

/// An incremental digest.
class Digest {
public:
    enum class Algorithm {
        Sha1,  ///< For the names that Git gives; not safe against forgery.
        Sha256,
    };

    explicit Digest(Algorithm algorithm);
    ~Digest();
    Digest(Digest&&) noexcept;
    Digest& operator=(Digest&&) noexcept;

    void update(std::span<const std::byte> bytes);
    void update(std::string_view text);
    /// Lower-case hex digits, 40 of SHA-1 and 64 of SHA-256; call once, last.
    std::string hex();

private:
    struct State;
    std::unique_ptr<State> m_state;
};

/// Incremental SHA-256.
class Sha256 : public Digest {
public:
    Sha256() : Digest(Algorithm::Sha256) {}
};

/// SHA-256 of a text, as 64 lower-case hex digits.
std::string sha256Hex(std::string_view text);

/// SHA-256 of a file, read in pieces; progress counts bytes. Errors: not_found, io, cancelled.
Expected<std::string> sha256File(const std::string& path, const Progress& progress = {});

}  // namespace safequant
