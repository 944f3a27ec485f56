// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <c10/core/Device.h>

#include <string>

#include "core/base/error.h"

namespace safequant {

/// The device of tensors by "cpu" (or "torch:cpu", see openDevice), "cuda" (the first) or "cuda:N". Errors: bad_input for another word, unsupported when this build or this
/// machine has no such device.
Expected<at::Device> parseDevice(const std::string& name);

/// For manifests: "cpu", or the card with its index, e.g. "cuda:0".
std::string deviceName(const at::Device& device);

/// Gives libtorch and oneDNN as many threads as `threadCount()` says. Called once before tensors are worked on.
void prepareTensorThreads();

}  // namespace safequant
