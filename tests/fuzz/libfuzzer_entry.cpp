// SPDX-License-Identifier: GPL-3.0-or-later
// What libFuzzer calls; SAFEQUANT_FUZZ_TARGET is the name of a function in targets.h.
#include <cstdint>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    safequant::fuzzing::SAFEQUANT_FUZZ_TARGET({reinterpret_cast<const std::byte*>(data), size});
    return 0;
}
