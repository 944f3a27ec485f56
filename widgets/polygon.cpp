// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/polygon.h"

#include <array>
#include <cmath>
#include <limits>

namespace safequant::widgets {

namespace {

/// A sum of doubles kept without error: components that do not overlap, the smallest first.
class ExactSum {
public:
    void addProduct(double a, double b) {
        const double product = a * b;
        add(std::fma(a, b, -product));
        add(product);
    }

    /// The largest component has the sign of the whole.
    double sign() const {
        for (std::size_t at = m_count; at > 0; --at) {
            if (m_parts[at - 1] != 0.0) {
                return m_parts[at - 1];
            }
        }
        return 0.0;
    }

private:
    void add(double value) {
        for (std::size_t at = 0; at < m_count; ++at) {
            const double sum = value + m_parts[at];
            const double other = sum - value;
            m_parts[at] = (value - (sum - other)) + (m_parts[at] - other);
            value = sum;
        }
        m_parts[m_count++] = value;
    }

    std::array<double, 12> m_parts{};
    std::size_t m_count = 0;
};

}  // namespace

double orientation(const QPointF& a, const QPointF& b, const QPointF& point) {
    const double left = (a.x() - point.x()) * (b.y() - point.y());
    const double right = (a.y() - point.y()) * (b.x() - point.x());
    const double difference = left - right;
    constexpr double kHalfUlp = std::numeric_limits<double>::epsilon() / 2.0;
    if (std::abs(difference) > (3.0 + 16.0 * kHalfUlp) * kHalfUlp * (std::abs(left) + std::abs(right))) {
        return difference;
    }
    ExactSum sum;
    sum.addProduct(a.x(), b.y());
    sum.addProduct(-a.x(), point.y());
    sum.addProduct(-point.x(), b.y());
    sum.addProduct(-a.y(), b.x());
    sum.addProduct(a.y(), point.x());
    sum.addProduct(point.y(), b.x());
    return sum.sign();
}

bool crossesRay(const QPointF& a, const QPointF& b, const QPointF& point) {
    if ((a.y() > point.y()) == (b.y() > point.y())) {
        return false;
    }
    return a.y() > point.y() ? orientation(b, a, point) > 0.0 : orientation(a, b, point) > 0.0;
}

bool polygonContains(const std::vector<QPointF>& corners, const QPointF& point) {
    if (corners.size() < 3) {
        return false;
    }
    bool inside = false;
    QPointF previous = corners.back();
    for (const QPointF& corner : corners) {
        inside ^= crossesRay(previous, corner, point);
        previous = corner;
    }
    return inside;
}

}  // namespace safequant::widgets
