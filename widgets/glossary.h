// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <vector>

class QWidget;

namespace safequant::widgets {

/// What a word of the window means, how its number is computed, and where that is from.
struct Term {
    QString key;      ///< Stable name: "auc".
    QString name;     ///< As the window writes it: "Area under the curve (AUC)".
    QString meaning;  ///< One or two sentences, plain text.
    QString formula;  ///< Empty: nothing is computed.
    QString source;   ///< Paper and section, or the rule's author.
};

/// All terms, by name.
std::vector<Term> glossary();
/// A term as rich text for a tooltip: name, meaning, formula, source. Throws std::out_of_range for a key there is not.
QString termToolTip(const QString& key);
/// Makes that a widget's tooltip, and the same without marks its accessible description.
void explain(QWidget* widget, const QString& key);

}  // namespace safequant::widgets
