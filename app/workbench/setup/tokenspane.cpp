// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/tokenspane.h"

#include <QVBoxLayout>

#include "app/workbench/setup/runspec.h"
#include "app/workbench/ui.h"
#include "widgets/tokenview.h"

namespace safequant::workbench {

TokensPane::TokensPane(EngineClient* client, QWidget* parent)
    : QWidget(parent), m_client(client), m_summary(makeParagraph({}, "secondary", "muted")), m_view(new widgets::TokenView) {
    m_summary->setObjectName(QStringLiteral("tokenSummary"));
    m_view->setObjectName(QStringLiteral("tokens"));
    m_view->setAccessibleName(tr("The prompt as the model reads it"));
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 12, 0, 12, 10, 8);
    layout->addWidget(m_summary);
    layout->addWidget(m_view, 1);
}

void TokensPane::setPrompt(const nlohmann::json& spec, const QString& text, bool hidden) {
    const QString checkpoint = checkpointOf(spec);
    const std::string systemPrompt = systemPromptOf(spec);
    if (checkpoint.isEmpty()) return setNothing(tr("Choose a model to see its prompts as it reads them."));
    const bool same = m_nothing.isEmpty() && checkpoint == m_checkpoint && systemPrompt == m_systemPrompt && text == m_text;
    m_hidden = hidden;
    if (!same) {
        m_checkpoint = checkpoint;
        m_systemPrompt = systemPrompt;
        m_text = text;
        m_nothing.clear();
        m_read = false;
    }
    if (m_read) refresh();
    else if (isVisible()) ask();
}

void TokensPane::setNothing(const QString& why) {
    m_client->drop(m_request);
    m_nothing = why;
    m_read = false;
    m_summary->clear();
    m_summary->hide();
    m_view->setNothing(why);
}

void TokensPane::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    if (!m_read && m_nothing.isEmpty() && !m_checkpoint.isEmpty()) ask();
}

void TokensPane::ask() {
    m_client->drop(m_request);
    m_request = m_client->request<protocol::PromptReading>(
        QStringLiteral("prompts/tokens"),
        {{"checkpoint", m_checkpoint.toStdString()}, {"system_prompt", m_systemPrompt}, {"text", m_text.toStdString()}}, this,
        [this](Expected<protocol::PromptReading> reading) {
            if (!reading) return setNothing(asSentence(QString::fromStdString(reading.error().describe())));
            m_reading = std::move(*reading);
            m_read = true;
            refresh();
        });
}

void TokensPane::refresh() {
    m_summary->setText(widgets::TokenView::summary(m_reading) + QLatin1Char('.'));
    m_summary->show();
    m_view->setReading(m_reading, m_hidden);
}

}  // namespace safequant::workbench
