// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "core/base/error.h"
#include "core/engine/protocol/overlay_messages.h"

namespace safequant {

/// A model of another run, laid over an open one.
struct OverlaySubject {
    std::string folder;
    std::string model;  ///< "base", "quantized", or empty: quantized, or base where nothing was quantized.
};

/// Every block that both runs have, measured on the evaluation prompts they share (by id): the other model by its own probe and by the
/// open run's base probe, and how its accuracy differs from the open run's model, paired by prompt. Works while either is running.
/// Errors: not_found and bad_input of reading; bad_input when the runs share no prompts, when a shared id has another text, or when their
/// activations have different sizes.
Expected<protocol::RunOverlay> overlayRun(const std::string& folder, const OverlaySubject& other, std::uint64_t seed = 0,
                                          const std::stop_token& stop = {});

/// Points of one block of both models on the open run's base axes; with kind "probe" and the refitted probe each model's on its own, the
/// boundaries one. See `run/overlay-projection`.
Expected<protocol::ProjectionResult> overlayProjection(const std::string& folder, const OverlaySubject& other, int block,
                                                       const std::string& kind, const std::string& probe);

}  // namespace safequant
