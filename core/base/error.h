// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace safequant {

/// What went wrong, in classes a caller can act on. The names are part of the protocol and of `--json` output.
enum class ErrorKind {
    BadInput,     ///< A file, a spec or a value from the user is broken.
    NotFound,     ///< A path or a name does not exist.
    Unsupported,  ///< Well formed, but this program cannot handle it.
    Mismatch,     ///< Two things that must agree do not (a fingerprint, a shape).
    Io,           ///< Reading or writing failed (permissions, disk full).
    OutOfMemory,  ///< Not enough memory, on the host or on a device.
    Cancelled,    ///< Stopped on request; not a failure.
    Failed,       ///< The work itself failed.
};

/// The name of a kind as it stands in JSON ("bad_input", "not_found", ...).
std::string_view errorKindName(ErrorKind kind);

/// Process exit code of a kind: bad_input, not_found, unsupported and mismatch 3, out_of_memory 4, cancelled 75, the rest 1.
int exitCodeFor(ErrorKind kind);

/// An error a user can act on.
struct Error {
    ErrorKind kind = ErrorKind::Failed;
    std::string message;  ///< What is wrong and what to do, one or two sentences in English.
    std::string context;  ///< Where: a path, "path:line", a tensor or a field name; may be empty.
    std::string hint = {};  ///< A sentence for a terminal: the command that mends it, in backquotes; may be empty. Windows have a button.

    /// "context: message", or the message alone; without the hint.
    std::string describe() const;
};

template <typename T>
using Expected = tl::expected<T, Error>;

/// Shorthand for `return fail(ErrorKind::BadInput, "...", path)`.
inline tl::unexpected<Error> fail(ErrorKind kind, std::string message, std::string context = {}) {
    return tl::unexpected<Error>(Error{kind, std::move(message), std::move(context)});
}

/// Hands an error on to the caller of the present function.
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace safequant
