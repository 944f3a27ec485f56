// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/error.h"
#include "core/report/report.h"

namespace safequant {

/// The report as an A4 document (PDF) with an outline, text that can be searched and copied, and figures as vectors. Tables go on over
/// pages with their heads; their rows and figures stay whole. The same report gives the same bytes. Errors: failed.
Expected<std::string> reportPdf(const Report& report);

}  // namespace safequant
