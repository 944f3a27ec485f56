// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/progress.h"
#include "core/engine/protocol/signature_messages.h"
#include "core/signature/signature_check.h"

namespace safequant {

/// A check as messages tell it; `model` names what was checked.
protocol::SignatureReport signatureReport(const AlignmentSignature& signature, const SignatureCheck& check, const std::string& model);

/// How far a run's model, "base" or "quantized", is from the signature in a file, without generating an answer. Progress counts blocks. Errors: those
/// of the files; bad_input for another model's name; not_found when not all blocks of the quantized one are made; those of checkSignature.
Expected<protocol::SignatureReport> checkRunSignature(const std::string& folder, const std::string& file, const std::string& model, const Progress& progress = {});

}  // namespace safequant
