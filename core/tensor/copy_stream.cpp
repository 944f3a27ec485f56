// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tensor/copy_stream.h"

#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace safequant {
namespace {

c10::Stream computation(const c10::Device& device) { return c10::impl::VirtualGuardImpl(device.type()).getStream(device); }

/// `later` waits for what has been asked of `earlier` so far; this machine does not.
void order(const c10::Stream& earlier, const c10::Stream& later) {
    c10::Event event(earlier.device_type());
    event.record(earlier);
    event.block(later);
}

}  // namespace

CopyStream::CopyStream(const c10::Device& device) : m_device(device) {
    if (!device.is_cpu()) m_stream = c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device);
}

void CopyStream::afterComputation(const std::function<void()>& copies) {
    if (!m_stream) return copies();
    order(computation(m_device), *m_stream);
    const c10::StreamGuard guard(*m_stream);
    copies();
}

void CopyStream::beforeComputation() {
    if (m_stream) order(*m_stream, computation(m_device));
}

void CopyStream::wait() {
    if (m_stream) m_stream->synchronize();
}

}  // namespace safequant
