// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/promptcard.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>
#include <cmath>
#include <limits>

#include "widgets/contentshield.h"
#include "widgets/format.h"
#include "widgets/labelshape.h"
#include "widgets/outcomebadge.h"
#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

constexpr double kNotScored = std::numeric_limits<double>::quiet_NaN();

QLabel* secondary(const QString& tone) {
    auto* label = new QLabel;
    label->setProperty("textRole", QStringLiteral("secondary"));
    if (!tone.isEmpty()) {
        label->setProperty("tone", tone);
    }
    label->setWordWrap(true);
    label->setTextFormat(Qt::PlainText);
    return label;
}

}  // namespace

PromptCard::PromptCard(QWidget* parent)
    : QWidget(parent),
      m_baseName(tr("Base")),
      m_quantizedName(tr("Quantized")),
      m_baseScore(kNotScored),
      m_quantizedScore(kNotScored),
      m_heading(new QLabel(tr("Selected"))),
      m_shape(new LabelShape(QString())),
      m_kind(secondary({})),
      m_textRow(new QHBoxLayout),
      m_text(secondary({})),
      m_show(new QPushButton(tr("Show once"))),
      m_scores(secondary(QStringLiteral("muted"))),
      m_outcomes(secondary({})),
      m_footnote(secondary(QStringLiteral("muted"))) {
    setProperty("surface", QStringLiteral("panel"));
    setAttribute(Qt::WA_StyledBackground);
    m_heading->setProperty("textRole", QStringLiteral("heading"));
    m_show->setProperty("link", true);
    m_show->setAccessibleName(tr("Show the hidden text once"));
    m_outcomes->setTextFormat(Qt::RichText);
    connect(m_show, &QPushButton::clicked, this, [this] {
        if (m_shield != nullptr) {
            m_shield->showOnce(m_index);
        }
    });
    auto* kindRow = new QHBoxLayout;
    kindRow->setSpacing(5);
    kindRow->addWidget(m_shape, 0, Qt::AlignTop);
    kindRow->addWidget(m_kind, 1);
    m_textRow->setSpacing(4);
    m_textRow->addWidget(m_text);
    m_textRow->addWidget(m_show, 0, Qt::AlignTop);
    m_textRow->addStretch(0);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(14, 10, 14, 12);
    layout->setSpacing(6);
    layout->addWidget(m_heading);
    layout->addLayout(kindRow);
    layout->addLayout(m_textRow);
    layout->addWidget(m_scores);
    layout->addWidget(m_outcomes);
    layout->addWidget(m_footnote);
    refresh();
}

void PromptCard::setContentShield(ContentShield* shield) {
    if (m_shield != nullptr) {
        m_shield->disconnect(this);
    }
    m_shield = shield;
    if (shield != nullptr) {
        connect(shield, &ContentShield::changed, this, &PromptCard::refresh);
    }
    refresh();
}

void PromptCard::setModelNames(const QString& base, const QString& quantized) {
    m_baseName = base;
    m_quantizedName = quantized;
    refresh();
}

void PromptCard::setPrompt(int index, const protocol::PromptItem& prompt) {
    m_index = index;
    m_prompt = prompt;
    m_baseOutcome.clear();
    m_quantizedOutcome.clear();
    m_baseScore = m_quantizedScore = kNotScored;
    refresh();
}

void PromptCard::setOutcomes(const QString& base, const QString& quantized) {
    m_baseOutcome = base;
    m_quantizedOutcome = quantized;
    refresh();
}

void PromptCard::setScores(double base, double quantized) {
    m_baseScore = base;
    m_quantizedScore = quantized;
    refresh();
}

void PromptCard::setFootnote(const QString& text) {
    m_footnote->setText(text);
    refresh();
}

void PromptCard::setSelectedCount(int count) {
    m_count = count;
    refresh();
}

void PromptCard::refresh() {
    m_heading->setText(m_count > 1 ? tr("Last of %n selected", "", m_count) : tr("Selected"));
    const bool present = m_index >= 0;
    const QString label = QString::fromStdString(m_prompt.label);
    const bool allowed = !present || (m_shield != nullptr ? m_shield->allows(label, m_index) : label != QLatin1String("malicious"));
    m_shape->setVisible(present);
    m_shape->setLabel(label);
    QStringList parts;
    if (present) {
        parts << labelText(label) << QString::fromStdString(m_prompt.source);
        parts.removeAll(QString());
        if (m_prompt.cluster >= 0) {
            parts << tr("cluster %1").arg(m_prompt.cluster);
        }
    }
    m_kind->setVisible(present);
    m_kind->setText(parts.join(QStringLiteral(" · ")));
    if (!present) {
        m_text->setText(tr("Click a point or a row to see its prompt."));
    } else {
        m_text->setText(allowed ? QString::fromStdString(m_prompt.text) : tr("Text hidden."));
    }
    m_text->setForegroundRole(present && allowed ? QPalette::WindowText : QPalette::PlaceholderText);
    // "Show once" stands right after the short note, while text takes the whole width.
    m_text->setWordWrap(allowed);
    m_textRow->setStretch(0, allowed ? 1 : 0);
    m_textRow->setStretch(2, allowed ? 0 : 1);
    m_show->setVisible(present && !allowed && m_shield != nullptr);
    const bool scored = present && (std::isfinite(m_baseScore) || std::isfinite(m_quantizedScore));
    m_scores->setVisible(scored);
    if (scored) {
        m_scores->setText(std::isfinite(m_quantizedScore)
                              ? tr("Probe score %1 → %2").arg(formatScore(m_baseScore), formatScore(m_quantizedScore))
                              : tr("Probe score %1").arg(formatScore(m_baseScore)));
    }
    const auto verdict = [&](const QString& name, const QString& outcome) {
        return QStringLiteral("%1: <span style=\"color:%2;font-weight:600\">%3</span>")
            .arg(name.toHtmlEscaped(), OutcomeBadge::color(outcome, label).name(), outcomeText(outcome, label).toHtmlEscaped());
    };
    QStringList verdicts;
    if (!m_baseOutcome.isEmpty()) {
        verdicts << verdict(m_baseName, m_baseOutcome);
    }
    if (!m_quantizedOutcome.isEmpty()) {
        verdicts << verdict(m_quantizedName, m_quantizedOutcome);
    }
    m_outcomes->setVisible(present && !verdicts.isEmpty());
    m_outcomes->setText(verdicts.join(QStringLiteral(" → ")));
    m_footnote->setVisible(present && !m_footnote->text().isEmpty());
}

void PromptCard::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange) {
        refresh();
    }
    QWidget::changeEvent(event);
}

}  // namespace safequant::widgets
