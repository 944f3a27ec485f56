// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <future>
#include <utility>

namespace safequant {

/// Makes things in order, each on a thread of its own while the one before is still worked with: what keeps a device busy while this
/// machine reads the next block. Memory: one more of them.
template <typename T>
class ReadAhead {
public:
    /// Makes things [.., count).
    ReadAhead(std::function<T(int)> make, int count) : m_make(std::move(make)), m_count(count) {}

    /// Thing `index`, and starts on the next. Rethrows what making it threw.
    T operator()(int index) {
        T made = m_pending.valid() && m_next == index ? m_pending.get() : m_make(index);
        m_next = index + 1;
        if (m_next < m_count) m_pending = std::async(std::launch::async, m_make, m_next);
        return made;
    }

private:
    std::function<T(int)> m_make;
    int m_count;
    int m_next = -1;
    std::future<T> m_pending;
};

}  // namespace safequant
