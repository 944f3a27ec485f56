// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QMetaType>
#include <QString>

namespace safequant::widgets {

/// The grid of one linear as the table edits it; the same fields as the run spec's scheme.
struct LinearScheme {
    int weightBits = 4;       ///< 2 to 8, or 16: left alone.
    int groupSize = 64;       ///< -1: per channel.
    bool symmetric = false;
    int activationBits = 16;  ///< 16, 8, 6 or 4.
    bool activationSymmetric = true;

    bool operator==(const LinearScheme&) const = default;
    /// "W4A16 g64 asymmetric": as the engine describes it.
    QString describe() const;
};

}  // namespace safequant::widgets

Q_DECLARE_METATYPE(safequant::widgets::LinearScheme)
