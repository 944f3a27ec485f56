// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTextEdit>

#include "core/engine/protocol/prompt_messages.h"

namespace safequant::widgets {

/// A prompt token by token, as a model is given it: special tokens in the accent colour, the template's others muted, the prompt's own
/// with their borders, and the last one, where activations are read, filled. The pointer tells a token's number, id and text.
class TokenView : public QTextEdit {
    Q_OBJECT

public:
    explicit TokenView(QWidget* parent = nullptr);

    /// `hidden`: a bar of one length stands for the prompt's own tokens.
    void setReading(const protocol::PromptReading& reading, bool hidden);
    /// Shows a sentence instead.
    void setNothing(const QString& text);
    /// What the reading is made of, in words: "41 tokens: 12 of the prompt, 29 of the template, 6 of those special".
    static QString summary(const protocol::PromptReading& reading);

protected:
    bool viewportEvent(QEvent* event) override;

private:
    void rebuild();

    protocol::PromptReading m_reading;
    bool m_hidden = false;
    QString m_nothing;
};

}  // namespace safequant::widgets
