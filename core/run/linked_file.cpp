// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/linked_file.h"

#include <filesystem>
#include <system_error>

#include "core/base/files.h"

namespace safequant {

Expected<void> linkFile(const std::string& from, const std::string& to) {
    namespace fs = std::filesystem;
    std::error_code code;
    fs::create_hard_link(from, to, code);
    if (!code || fs::exists(to)) return {};
    return writeFileAtomically(to, [&](const std::string& beside) -> Expected<void> {
        std::error_code failed;
        fs::copy_file(from, beside, fs::copy_options::overwrite_existing, failed);
        if (failed) return fail(ErrorKind::Io, "Cannot be copied: " + failed.message() + ".", from);
        return {};
    });
}

}  // namespace safequant
