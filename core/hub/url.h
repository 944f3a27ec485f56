// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace safequant {

/// The parts of an http or https address that say who is asked.
struct Url {
    std::string scheme, host;
    std::string port;  ///< The scheme's own when the address names none.

    /// Nothing for other schemes and for texts that are no address.
    static std::optional<Url> parse(const std::string& text);
    bool operator==(const Url&) const = default;
    /// "host", or "host:port" when the port is not the scheme's own.
    std::string shownHost() const;
};

/// One segment of a path, with every character escaped that has a meaning there.
std::string escapedSegment(std::string_view text);
/// The same of a path, whose slashes stay.
std::string escapedPath(std::string_view text);

}  // namespace safequant
