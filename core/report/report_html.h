// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/report/report.h"

namespace safequant {

/// The report as one page that needs nothing else: figures drawn in it, light and dark as the reader's system says, paper sizes when
/// printed. It is well-formed XML, too.
std::string reportHtml(const Report& report);

}  // namespace safequant
