// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/frame/termsdialog.h"

#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QVBoxLayout>

#include "app/workbench/ui.h"

namespace safequant::workbench {

namespace {
constexpr int kWidth = 720;
constexpr int kHeight = 460;
constexpr int kListWidth = 230;
}  // namespace

TermsDialog::TermsDialog(QWidget* parent)
    : QDialog(parent), m_terms(widgets::glossary()), m_filter(new QLineEdit), m_list(new QListWidget), m_text(makeParagraph({})) {
    setObjectName(QStringLiteral("termsDialog"));
    setWindowTitle(tr("Terms"));
    resize(kWidth, kHeight);
    m_filter->setObjectName(QStringLiteral("termsFilter"));
    m_filter->setPlaceholderText(tr("Find a term"));
    m_filter->setAccessibleName(tr("Find a term"));
    m_filter->setClearButtonEnabled(true);
    m_list->setObjectName(QStringLiteral("termsList"));
    m_list->setAccessibleName(tr("Terms"));
    m_list->setFixedWidth(kListWidth);
    m_text->setObjectName(QStringLiteral("termsText"));
    m_text->setTextFormat(Qt::RichText);
    m_text->setAlignment(Qt::AlignTop | Qt::AlignLeft);
    m_text->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    m_text->setAccessibleName(tr("What the chosen term means"));
    auto* layout = new QHBoxLayout(this);
    setSpacing(layout, 16, 16, 20, 16, 20);
    auto* left = new QVBoxLayout;
    left->setSpacing(8);
    left->addWidget(m_filter);
    left->addWidget(m_list, 1);
    layout->addLayout(left);
    layout->addWidget(m_text, 1);
    connect(m_filter, &QLineEdit::textChanged, this, &TermsDialog::filter);
    connect(m_list, &QListWidget::currentRowChanged, this, &TermsDialog::showRow);
    filter({});
}

void TermsDialog::filter(const QString& typed) {
    m_list->clear();
    m_shown.clear();
    for (std::size_t i = 0; i < m_terms.size(); ++i) {
        if (!m_terms[i].name.contains(typed, Qt::CaseInsensitive) && !m_terms[i].meaning.contains(typed, Qt::CaseInsensitive)) continue;
        m_shown.push_back(i);
        m_list->addItem(m_terms[i].name);
    }
    m_list->setCurrentRow(m_shown.empty() ? -1 : 0);
    if (m_shown.empty()) m_text->setText(tr("No term has these words."));
}

void TermsDialog::showRow(int row) {
    if (row < 0 || row >= static_cast<int>(m_shown.size())) return;
    const widgets::Term& term = m_terms[m_shown[static_cast<std::size_t>(row)]];
    QString text = QStringLiteral("<h3>%1</h3><p>%2</p>").arg(term.name.toHtmlEscaped(), term.meaning.toHtmlEscaped());
    if (!term.formula.isEmpty()) text += QStringLiteral("<p><i>%1</i></p>").arg(term.formula.toHtmlEscaped());
    m_text->setText(text + QStringLiteral("<p>%1</p>").arg(tr("Source: %1").arg(term.source).toHtmlEscaped()));
}

void TermsDialog::choose(const QString& key) {
    m_filter->clear();
    for (std::size_t i = 0; i < m_shown.size(); ++i)
        if (m_terms[m_shown[i]].key == key) m_list->setCurrentRow(static_cast<int>(i));
}

}  // namespace safequant::workbench
