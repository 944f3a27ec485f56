// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/engine/protocol/messages.h"

namespace safequant::protocol {

/// A number with its 95% interval.
struct MeasuredValue {
    double value = 0.0, low = 0.0, high = 0.0;
};

/// How far a model has moved behind one block, see BlockShift in core/signature/signature_check.h.
struct BlockDrift {
    MeasuredValue malicious, benign;  ///< In units of the spread within a class.
    MeasuredValue separation;         ///< What is left of the aligned model's own; 1: all.
    double maliciousCalled = 0.0, benignCalled = 0.0;  ///< Shares that the signature's probe calls malicious.
};

/// `signature/check` {folder, file, model: "base" | "quantized", ticket} -> SignatureReport: how far a run's model is from the signature in a file.
/// The quantized one needs a finished run. Tickets ascend, and a new one ends the one at work. Meanwhile notifications `signature/progress`
/// {ticket, done, total}, in blocks; `signature/cancel` {ticket} ends it with an error of kind cancelled. Nothing is written.
struct SignatureReport {
    std::string signatureOf;  ///< Name of the aligned model.
    std::string model;
    MeasuredValue moved, separation;  ///< Means over blocks.
    std::vector<BlockDrift> blocks;
    double harmfulScore = -1.0;  ///< The aligned model's own, as its signature has it; -1: it has none.
};

nlohmann::json toJson(const MeasuredValue& message);
nlohmann::json toJson(const BlockDrift& message);
nlohmann::json toJson(const SignatureReport& message);
void fromJson(const nlohmann::json& json, MeasuredValue& message);
void fromJson(const nlohmann::json& json, BlockDrift& message);
void fromJson(const nlohmann::json& json, SignatureReport& message);

}  // namespace safequant::protocol
