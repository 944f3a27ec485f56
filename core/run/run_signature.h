// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/progress.h"
#include "core/engine/protocol/signature_messages.h"

namespace safequant {

/// How far a run's model, "base" or "quantized", is from the signature in a file, without generating an answer. Progress counts blocks. Errors: those
/// of the files; bad_input for another model's name; not_found when not all blocks of the quantized one are made; those of checkSignature.
Expected<protocol::SignatureReport> checkRunSignature(const std::string& folder, const std::string& file, const std::string& model, const Progress& progress = {});

}  // namespace safequant
