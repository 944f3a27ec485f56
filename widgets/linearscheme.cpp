// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/linearscheme.h"

namespace safequant::widgets {

QString LinearScheme::describe() const {
    const QString bits = QStringLiteral("W%1A%2").arg(weightBits).arg(activationBits);
    if (weightBits >= 16) {
        return bits;
    }
    const QString group = groupSize > 0 ? QStringLiteral("g%1").arg(groupSize) : QStringLiteral("per channel");
    const QString activations = activationBits < 16 && !activationSymmetric ? QStringLiteral(", asymmetric activations") : QString();
    return QStringLiteral("%1 %2 %3%4").arg(bits, group, symmetric ? QStringLiteral("symmetric") : QStringLiteral("asymmetric"), activations);
}

}  // namespace safequant::widgets
