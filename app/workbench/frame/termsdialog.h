// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>
#include <vector>

#include "widgets/glossary.h"

class QLabel;
class QLineEdit;
class QListWidget;

namespace safequant::workbench {

/// What the window's words mean and how its numbers are computed, found by typing.
class TermsDialog : public QDialog {
    Q_OBJECT

public:
    explicit TermsDialog(QWidget* parent);

    /// Chooses a term by its key; another key changes nothing.
    void choose(const QString& key);

private:
    void filter(const QString& typed);
    void showRow(int row);

    std::vector<widgets::Term> m_terms;
    std::vector<std::size_t> m_shown;
    QLineEdit* m_filter;
    QListWidget* m_list;
    QLabel* m_text;
};

}  // namespace safequant::workbench
