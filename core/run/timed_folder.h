// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/error.h"

namespace safequant {

/// Makes "<parent>/<local time>-<name as letters, digits and dashes>", with a number behind it when that is taken; parents are made
/// too. Error: io.
Expected<std::string> makeTimedFolder(const std::string& parent, const std::string& name);

}  // namespace safequant
