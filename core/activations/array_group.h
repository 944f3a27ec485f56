// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/activations/store.h"

namespace safequant {

/// What stands under a group of a result file ("probe"), by its whole names, without reading the rest. Errors: not_found when there is no
/// such group, else those of readArrayFile.
Expected<ArrayFile> readArrayGroup(const std::string& path, const std::string& group);

}  // namespace safequant
