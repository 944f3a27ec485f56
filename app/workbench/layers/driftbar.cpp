// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/layers/driftbar.h"

#include <QFileInfo>
#include <QHBoxLayout>
#include <QLocale>
#include <QToolButton>
#include <QVBoxLayout>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/driftstrip.h"
#include "widgets/elidedlabel.h"
#include "widgets/format.h"
#include "widgets/icons.h"
#include "widgets/theme.h"

namespace safequant::workbench {

namespace {

QString number(double value) { return QLocale().toString(value, 'f', 2); }

QString withInterval(const protocol::MeasuredValue& value) {
    return QStringLiteral("%1 [%2, %3]").arg(number(value.value), number(value.low), number(value.high));
}

QString percent(double share) { return widgets::formatPercent(share, 1); }

widgets::HoverCard cardOf(const protocol::BlockDrift& block, int index, const QString& model) {
    widgets::HoverCard card;
    card.heading = DriftBar::tr("Block %1, %2").arg(index).arg(model);
    card.rows = {{DriftBar::tr("malicious prompts moved"), withInterval(block.malicious), {}, {}, {}},
                 {DriftBar::tr("benign prompts moved"), withInterval(block.benign), {}, {}, {}},
                 {DriftBar::tr("separation left"), withInterval(block.separation), {}, {}, {}},
                 {DriftBar::tr("malicious called malicious"), percent(block.maliciousCalled), {}, {}, {}},
                 {DriftBar::tr("benign called malicious"), percent(block.benignCalled), {}, {}, {}}};
    return card;
}

}  // namespace

DriftBar::DriftBar(Session* session, QWidget* parent)
    : QWidget(parent), m_session(session), m_button(new QToolButton), m_close(new QToolButton), m_text(new widgets::ElidedLabel), m_strip(new widgets::DriftStrip) {
    m_button->setObjectName(QStringLiteral("checkSignature"));
    m_button->setAccessibleName(tr("Check the models against an aligned model's signature"));
    m_button->setToolTip(tr("Check against a signature: how far the models have moved from the aligned one, block by block"));
    m_button->setIcon(widgets::icon(widgets::Icon::Check, widgets::IconTone::Muted));
    m_button->setAutoRaise(true);
    m_text->setObjectName(QStringLiteral("driftText"));
    m_text->setProperty("textRole", "secondary");
    m_strip->setObjectName(QStringLiteral("driftStrip"));
    m_close->setObjectName(QStringLiteral("driftClose"));
    m_close->setAutoRaise(true);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 2, 0, 2, 2);
    auto* head = new QHBoxLayout;
    head->setContentsMargins(12, 0, 0, 0);
    head->setSpacing(8);
    head->addWidget(m_text, 1);
    head->addWidget(m_close);
    layout->addLayout(head);
    layout->addWidget(m_strip);
    connect(m_button, &QToolButton::clicked, this, &DriftBar::choose);
    connect(m_close, &QToolButton::clicked, this, [this] { m_session->drift()->working() ? m_session->drift()->stop() : m_session->drift()->clear(); });
    connect(m_strip, &widgets::DriftStrip::chosen, this, [this](int item) {
        const auto* report = m_session->drift()->report("base");
        if (report != nullptr && !report->blocks.empty()) emit blockChosen(item % int(report->blocks.size()));
    });
    connect(m_session->drift(), &DriftCheck::changed, this, &DriftBar::refresh);
    connect(m_session->store(), &RunStore::changed, this, &DriftBar::refresh);
    refresh();
}

void DriftBar::choose() {
    const QString file = m_session->dialogs()->chooseSignatureFile(this, QFileInfo(m_session->drift()->file()).absolutePath());
    if (!file.isEmpty()) m_session->drift()->check(file);
}

QString DriftBar::sentence() const {
    const DriftCheck* drift = m_session->drift();
    const auto *base = drift->report("base"), *quantized = drift->report("quantized");
    const QString name = QFileInfo(drift->file()).fileName();
    if (drift->working()) {
        const QString model = base == nullptr ? tr("base") : tr("quantized");
        if (drift->total() == 0) return tr("Checking the %1 model against %2 ...").arg(model, name);
        return tr("Checking the %1 model against %2: block %3 of %4.").arg(model, name).arg(drift->done()).arg(drift->total());
    }
    if (!drift->problem().isEmpty()) return asSentence(drift->problem());
    if (base == nullptr) return tr("The check was stopped.");
    QString text = tr("From the signature of %1").arg(QString::fromStdString(base->signatureOf));
    if (base->harmfulScore >= 0.0) text += tr(" (harmful score %1)").arg(percent(base->harmfulScore));
    text += tr(": base moved %1").arg(withInterval(base->moved));
    if (quantized != nullptr) text += tr(", quantized %1").arg(withInterval(quantized->moved));
    text += tr("; separation left %1").arg(number(base->separation.value));
    if (quantized != nullptr) text += tr(" and %1").arg(number(quantized->separation.value));
    return text + QLatin1Char('.');
}

void DriftBar::refresh() {
    const DriftCheck* drift = m_session->drift();
    m_button->setEnabled(m_session->store()->hasRun());
    setVisible(!drift->file().isEmpty());
    if (drift->file().isEmpty()) return;
    const QString text = sentence();
    m_text->setText(text);
    m_text->setToolTip(text);
    const bool failed = !drift->working() && !drift->problem().isEmpty();
    m_text->setProperty("tone", failed ? "bad" : "muted");
    widgets::restyle(m_text);
    m_close->setIcon(widgets::icon(drift->working() ? widgets::Icon::Stop : widgets::Icon::Cross, widgets::IconTone::Muted));
    m_close->setAccessibleName(drift->working() ? tr("Stop the check") : tr("Take the check away"));
    m_close->setToolTip(m_close->accessibleName());
    std::vector<widgets::DriftRow> rows;
    widgets::FigureTable table{{tr("model"), tr("block"), tr("malicious moved"), tr("low"), tr("high"), tr("benign moved"), tr("separation left"),
                                tr("malicious called malicious"), tr("benign called malicious")}, {}};
    for (const auto& [model, name] : {std::pair{"base", tr("base")}, {"quantized", tr("quant.")}}) {
        const auto* report = drift->report(model);
        if (report == nullptr) continue;
        widgets::DriftRow row{name, {}, {}};
        for (const auto& block : report->blocks) {
            const int index = int(row.moved.size());
            row.moved.push_back(block.malicious.value);
            row.cards.push_back(cardOf(block, index, name));
            table.rows.append(QVariantList{name, index, block.malicious.value, block.malicious.low, block.malicious.high, block.benign.value, block.separation.value,
                                           block.maliciousCalled, block.benignCalled});
        }
        rows.push_back(std::move(row));
    }
    m_strip->setVisible(!rows.empty());
    m_strip->setRows(std::move(rows), std::move(table));
}

}  // namespace safequant::workbench
