// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <c10/core/Device.h>
#include <c10/core/Stream.h>

#include <functional>
#include <optional>

namespace safequant {

/// Copies to and from a device beside its computation. On the processor everything happens in order, and copies at once.
class CopyStream {
public:
    explicit CopyStream(const c10::Device& device);

    /// Starts copies that wait for what has been asked of the computation so far. What they read and write must live until they are
    /// waited for.
    void afterComputation(const std::function<void()>& copies);
    /// What is asked of the computation from here on waits for the copies started so far.
    void beforeComputation();
    /// Waits for the copies started so far.
    void wait();

private:
    c10::Device m_device;
    std::optional<c10::Stream> m_stream;  // None on the processor.
};

}  // namespace safequant
