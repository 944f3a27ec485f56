// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>

#include "core/base/error.h"
#include "core/model/compute_device.h"

namespace safequant {

/// The device of a name: "cpu" is the processor with this program's own kernels, "cuda" and "cuda:N" are cards, "torch:cpu" is libtorch
/// on the processor, which goes the way of the cards and serves to check it. Errors: bad_input for another word, unsupported when this
/// build or this machine has no such device.
Expected<std::shared_ptr<const ComputeDevice>> openDevice(const std::string& name);

}  // namespace safequant
