// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/error.h"

namespace safequant {

/// Gives a file a second name, or a copy where the file system cannot link. Leaves what is there under that name. Errors: io.
Expected<void> linkFile(const std::string& from, const std::string& to);

}  // namespace safequant
