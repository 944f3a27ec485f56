// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/model/decoder.h"
#include "core/model/parallel.h"

namespace safequant {

/// Calls body(begin, end) for consecutive panels of [first, last), shared out among the threads in multiples of `tilePanels`; each goes over
/// `rows` rows of `in` inputs.
template <typename Body>
void overPanels(std::size_t first, std::size_t last, std::size_t rows, std::size_t in, std::size_t tilePanels, const Body& body) {
    /// Rows times inputs times panels that a task should at least have to be worth handing out.
    constexpr std::size_t kTaskWork = 8192;
    const std::size_t groups = (last - first + tilePanels - 1) / tilePanels;
    // Several tasks a thread, so that a thread that loses its core does not hold up the others.
    const std::size_t smallest = kTaskWork / (rows * in * tilePanels) + 1;
    const std::size_t groupsPerTask = std::max(smallest, groups / (static_cast<std::size_t>(threadCount()) * 8));
    parallelFor(static_cast<std::int64_t>((groups + groupsPerTask - 1) / groupsPerTask), [&](std::int64_t task, std::size_t) {
        const std::size_t begin = first + static_cast<std::size_t>(task) * groupsPerTask * tilePanels;
        body(begin, std::min(begin + groupsPerTask * tilePanels, last));
    });
}

}  // namespace safequant
