// SPDX-License-Identifier: GPL-3.0-or-later
// A prompt as a model reads it, in a view.
#include <QHelpEvent>
#include <QTest>
#include <QToolTip>

#include "widgets/theme.h"
#include "widgets/tokenview.h"

using namespace safequant;
using widgets::TokenView;

namespace {

protocol::PromptReading reading() {
    protocol::PromptReading reading;
    reading.hasTemplate = true;
    reading.first = 2;
    reading.end = 4;
    reading.tokens = {{1, "<|im_start|>", true}, {4093, "user\n", false}, {10, "Secret", false}, {11, " words", false}, {2, "<|im_end|>", true}};
    return reading;
}

}  // namespace

class TestTokens : public QObject {
    Q_OBJECT

private slots:
    void initTestCase() { widgets::applyTheme(*qApp); }

    void tokensStandInTheirOrder() {
        TokenView view;
        view.setReading(reading(), false);
        QCOMPARE(view.toPlainText(), QStringLiteral("<|im_start|>user\u21B5\nSecret words<|im_end|>"));
        QCOMPARE(TokenView::summary(reading()), QStringLiteral("5 tokens: 2 of the prompt, 3 of the template, 2 of those special"));
    }

    void hiddenTextIsNowhere() {
        TokenView view;
        view.setReading(reading(), true);
        QVERIFY(!view.toPlainText().contains(QStringLiteral("Secret")) && !view.toPlainText().contains(QStringLiteral("words")));
        QVERIFY(view.toPlainText().contains(QStringLiteral("<|im_end|>")));
        // The bar says nothing of the text's length.
        auto longer = reading();
        longer.tokens.insert(longer.tokens.begin() + 3, 40, {12, " more", false});
        longer.end += 40;
        const QString before = view.toPlainText();
        view.setReading(longer, true);
        QCOMPARE(view.toPlainText(), before);
    }

    void thePointerTellsATokensId() {
        TokenView view;
        view.resize(600, 100);
        view.show();
        view.setReading(reading(), false);
        QTextCursor cursor(view.document());
        cursor.movePosition(QTextCursor::Start);
        cursor.movePosition(QTextCursor::NextCharacter, QTextCursor::MoveAnchor, 3);
        const QPoint at = view.cursorRect(cursor).center();
        QHelpEvent help(QEvent::ToolTip, at, view.viewport()->mapToGlobal(at));
        QCoreApplication::sendEvent(view.viewport(), &help);
        QTRY_VERIFY(QToolTip::text().contains(QStringLiteral("Token 1 of 5, id 1")));
    }

    void aThemeKeepsWhatIsShown() {
        TokenView view;
        view.setReading(reading(), false);
        const QString before = view.toPlainText();
        widgets::Theme::instance().setMode(widgets::Theme::Mode::Dark);
        QCOMPARE(view.toPlainText(), before);
        view.setNothing(QStringLiteral("Nothing."));
        widgets::Theme::instance().setMode(widgets::Theme::Mode::Light);
        QCOMPARE(view.toPlainText(), QStringLiteral("Nothing."));
    }
};

QTEST_MAIN(TestTokens)
#include "test_tokens.moc"
