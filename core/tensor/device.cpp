// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tensor/device.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/util/Exception.h>

#include <charconv>

#include "core/model/decoder.h"

namespace safequant {

Expected<at::Device> parseDevice(const std::string& name) {
    if (name == "cpu" || name == "torch:cpu") return at::Device(at::kCPU);
    int index = 0;
    bool known = name == "cuda";
    if (name.starts_with("cuda:")) {
        const char* end = name.data() + name.size();
        const auto parsed = std::from_chars(name.data() + 5, end, index);
        known = parsed.ec == std::errc() && parsed.ptr == end && index >= 0;
    }
    if (!known) return fail(ErrorKind::BadInput, "\"" + name + "\" is no device: use cpu, cuda or cuda:N (or torch:cpu, which checks the way of the cards).");
    if (!at::globalContext().hasCUDA())
        return fail(ErrorKind::Unsupported,
                    "No CUDA device can be used here: this build's libtorch has no CUDA, or the machine has no such card. Build with a "
                    "CUDA libtorch in CMAKE_PREFIX_PATH, or use cpu.");
    const at::Device device(at::kCUDA, static_cast<at::DeviceIndex>(index));
    try {
        at::empty({1}, at::TensorOptions().device(device));
    } catch (const c10::Error& error) {
        return fail(ErrorKind::Unsupported, "Device " + name + " cannot be used: " + error.what_without_backtrace());
    }
    return device;
}

std::string deviceName(const at::Device& device) { return device.str(); }

void prepareTensorThreads() {
    if (at::get_num_threads() != threadCount()) at::set_num_threads(threadCount());
}

}  // namespace safequant
