// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/tokenview.h"

#include <QHelpEvent>
#include <QLocale>
#include <QTextCursor>
#include <QToolTip>

#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

/// Number of the token that a piece of the text belongs to, plus one.
constexpr int kTokenProperty = QTextFormat::UserProperty + 1;
constexpr int kHiddenLength = 24;

}  // namespace

TokenView::TokenView(QWidget* parent) : QTextEdit(parent) {
    setReadOnly(true);
    setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    setTabChangesFocus(true);
    setFrameShape(QFrame::NoFrame);
    setWordWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    document()->setDocumentMargin(0);
    document()->setUndoRedoEnabled(false);
    connect(&Theme::instance(), &Theme::changed, this, &TokenView::rebuild);
}

void TokenView::setReading(const protocol::PromptReading& reading, bool hidden) {
    m_reading = reading;
    m_hidden = hidden;
    m_nothing.clear();
    rebuild();
}

void TokenView::setNothing(const QString& text) {
    m_reading = {};
    m_nothing = text;
    rebuild();
}

QString TokenView::summary(const protocol::PromptReading& reading) {
    const int all = static_cast<int>(reading.tokens.size()), own = reading.end - reading.first;
    int special = 0;
    for (const auto& token : reading.tokens) special += token.special ? 1 : 0;
    const QString counts = tr("%n tokens", "", all);
    if (!reading.hasTemplate) return tr("%1; the model brings no template").arg(counts);
    return tr("%1: %2 of the prompt, %3 of the template, %4 of those special").arg(counts).arg(own).arg(all - own).arg(special);
}

void TokenView::rebuild() {
    const ThemeColors& colors = Theme::current();
    clear();
    QTextCursor cursor(document());
    if (!m_nothing.isEmpty()) {
        QTextCharFormat plain;
        plain.setForeground(colors.muted);
        cursor.insertText(m_nothing, plain);
        return;
    }
    const int count = static_cast<int>(m_reading.tokens.size());
    for (int i = 0; i < count; ++i) {
        const auto& token = m_reading.tokens[static_cast<std::size_t>(i)];
        const bool own = i >= m_reading.first && i < m_reading.end;
        QTextCharFormat format;
        format.setProperty(kTokenProperty, i + 1);
        format.setForeground(token.special ? colors.accent : own ? colors.text : colors.muted);
        if (token.special) format.setBackground(colors.accentBackground);
        else if (i % 2 == 0) format.setBackground(colors.grid);
        if (i + 1 == count) {
            format.setForeground(colors.onAccent);
            format.setBackground(colors.accent);
        }
        if (own && m_hidden) {
            if (i > m_reading.first) continue;
            format.setForeground(colors.hiddenText);
            format.setBackground(colors.hiddenText);
            cursor.insertText(QString(kHiddenLength, QChar(0x2007)), format);
            continue;
        }
        // Ends of lines are tokens too: they get a mark of their own.
        QString text = QString::fromStdString(token.text);
        text.replace(QLatin1Char('\n'), QStringLiteral("\u21B5\n"));
        text.replace(QLatin1Char('\t'), QStringLiteral("\u21E5"));
        cursor.insertText(text.isEmpty() ? QStringLiteral("\u2205") : text, format);
    }
    moveCursor(QTextCursor::Start);
}

bool TokenView::viewportEvent(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QTextEdit::viewportEvent(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    QTextCursor cursor = cursorForPosition(help->pos());
    // The format is that of the character before the cursor: look at the one under the pointer.
    if (!cursor.atBlockEnd() && cursorRect(cursor).left() <= help->pos().x()) cursor.movePosition(QTextCursor::NextCharacter);
    const int number = cursor.charFormat().intProperty(kTokenProperty);
    if (number == 0 || number > static_cast<int>(m_reading.tokens.size())) {
        QToolTip::hideText();
        return true;
    }
    const auto& token = m_reading.tokens[static_cast<std::size_t>(number - 1)];
    const bool own = number > m_reading.first && number <= m_reading.end;
    QStringList lines;
    if (own && m_hidden) {
        lines.append(tr("The prompt's own text is hidden."));
    } else {
        lines.append(tr("Token %1 of %2, id %3").arg(number).arg(m_reading.tokens.size()).arg(token.id));
        lines.append(token.special ? tr("Special, of the template") : own ? tr("Of the prompt") : tr("Of the template"));
        if (number == static_cast<int>(m_reading.tokens.size())) lines.append(tr("Activations are read here."));
    }
    QToolTip::showText(help->globalPos(), lines.join(QLatin1Char('\n')).toHtmlEscaped().replace(QLatin1Char('\n'), QStringLiteral("<br/>")), viewport());
    return true;
}

}  // namespace safequant::widgets
