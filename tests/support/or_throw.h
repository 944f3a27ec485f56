// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <utility>

#include "core/base/error.h"

namespace safequant::testing {

/// The value, or std::runtime_error with the error's text.
template <typename T>
T orThrow(Expected<T> result) {
    if (!result) throw std::runtime_error(result.error().describe());
    return std::move(*result);
}

inline void orThrow(const Expected<void>& result) {
    if (!result) throw std::runtime_error(result.error().describe());
}

/// The main of a helper program that takes three arguments: runs `work` with them and tells what it throws. Exit codes: 0 done,
/// 1 failed, 2 wrong arguments, which prints `usage` ("NAME A B C").
template <typename Work>
int toolMain(int argc, char** argv, const char* usage, const Work& work) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: %s\n", usage);
        return 2;
    }
    try {
        work(argv[1], argv[2], argv[3]);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
        return 1;
    }
}

}  // namespace safequant::testing
