// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QWidget>
#include <nlohmann/json.hpp>
#include <string>

#include "app/workbench/engine/engineclient.h"
#include "core/engine/protocol/prompt_messages.h"

class QLabel;

namespace safequant::widgets {
class TokenView;
}

namespace safequant::workbench {

/// A prompt as a run's model is given it: the template around it, token by token. Asks the engine while it is in sight.
class TokensPane : public QWidget {
    Q_OBJECT

public:
    explicit TokensPane(EngineClient* client, QWidget* parent = nullptr);

    /// The model and the system prompt of a run spec read `text`; `hidden`: the text itself stays out of sight.
    void setPrompt(const nlohmann::json& spec, const QString& text, bool hidden);
    /// Shows a sentence instead.
    void setNothing(const QString& why);

protected:
    void showEvent(QShowEvent* event) override;

private:
    void ask();
    void refresh();

    EngineClient* m_client;
    EngineClient::RequestId m_request = 0;
    QString m_checkpoint, m_text, m_nothing;
    std::string m_systemPrompt;
    bool m_hidden = false;
    bool m_read = false;  ///< `m_reading` is of this prompt.
    protocol::PromptReading m_reading;
    QLabel* m_summary;
    widgets::TokenView* m_view;
};

}  // namespace safequant::workbench
