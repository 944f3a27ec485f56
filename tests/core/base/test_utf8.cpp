// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <array>
#include <string>

#include "core/base/utf8.h"

using namespace safequant;

class TestUtf8 : public QObject {
    Q_OBJECT

private slots:
    void wellFormed_data();
    void wellFormed();
    void agreesWithQtOnEverySequence();
    void everyCodePointComesBack();
    void replacement_data();
    void replacement();
};

void TestUtf8::wellFormed_data() {
    QTest::addColumn<std::string>("text");
    QTest::addColumn<int>("illFormedAt");
    const auto row = [](const char* name, const std::string& text, int at) { QTest::newRow(name) << text << at; };
    row("empty", "", -1);
    row("ascii", "abc\n", -1);
    row("NUL", std::string(1, '\0'), -1);
    row("four bytes", "\xF0\x9F\x98\x80", -1);
    row("last code point", "\xF4\x8F\xBF\xBF", -1);
    row("beyond the last", "a\xF4\x90\x80\x80", 1);
    row("overlong", "ab\xC0\xAF", 2);
    row("overlong of three", "\xE0\x80\xAF", 0);
    row("overlong of four", "\xF0\x8F\xBF\xBF", 0);
    row("surrogate", "\xC3\xA9\xED\xA0\x80", 2);
    row("lone continuation", "a\x80", 1);
    row("cut short", "\xE2\x82", 0);
    row("latin-1", "caf\xE9 x", 3);
    row("0xFF", "\xFF", 0);
}

void TestUtf8::wellFormed() {
    QFETCH(std::string, text);
    QFETCH(int, illFormedAt);
    const std::size_t expected = illFormedAt < 0 ? std::string::npos : static_cast<std::size_t>(illFormedAt);
    QCOMPARE(illFormedUtf8At(text), expected);
    QCOMPARE(isUtf8(text), illFormedAt < 0);
}

/// Every pair of first bytes, with the bytes on both sides of every limit behind them.
void TestUtf8::agreesWithQtOnEverySequence() {
    constexpr std::array<unsigned char, 10> kEdges = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
    std::array<char, 4> bytes{};
    const auto agrees = [&](std::size_t length) {
        const std::string_view text(bytes.data(), length);
        return isUtf8(text) == QUtf8StringView(bytes.data(), static_cast<qsizetype>(length)).isValidUtf8();
    };
    for (int first = 0; first < 256; ++first) {
        bytes[0] = static_cast<char>(first);
        QVERIFY2(agrees(1), qPrintable(QString::number(first, 16)));
        for (int second = 0; second < 256; ++second) {
            bytes[1] = static_cast<char>(second);
            bool all = agrees(2);
            for (const unsigned char third : kEdges) {
                bytes[2] = static_cast<char>(third);
                all = agrees(3) && all;
                for (const unsigned char fourth : kEdges) {
                    bytes[3] = static_cast<char>(fourth);
                    all = agrees(4) && all;
                }
            }
            QVERIFY2(all, qPrintable(QString::number(first, 16) + " " + QString::number(second, 16)));
        }
    }
}

void TestUtf8::everyCodePointComesBack() {
    for (char32_t c = 0; c <= 0x10FFFF; ++c) {
        if (c >= 0xD800 && c <= 0xDFFF) continue;
        std::string text = "a";
        appendUtf8(text, c);
        std::size_t offset = 1;
        const Utf8Sequence sequence = utf8SequenceAt(text, 1);
        const bool same = nextCodePoint(text, offset) == c && offset == text.size() && sequence.wellFormed &&
                          sequence.length == text.size() - 1 && sequenceLength(text[1]) == sequence.length && isUtf8(text);
        QVERIFY2(same, qPrintable(QString::number(c, 16)));
    }
}

void TestUtf8::replacement_data() {
    QTest::addColumn<std::string>("text");
    QTest::addColumn<std::string>("expected");
    const std::string r = "\xEF\xBF\xBD";
    const auto row = [](const char* name, const std::string& text, const std::string& expected) {
        QTest::newRow(name) << text << expected;
    };
    // Unicode 15, tables 3-8 to 3-11.
    row("non-shortest forms", "\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", r + r + r + r + r + r + r + r + "A");
    row("surrogates", "\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", r + r + r + r + r + r + r + r + "A");
    row("other ill-formed sequences", "\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", r + r + r + r + r + "A" + r + r + "B");
    row("truncated sequences", "\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", r + r + r + r + "A");
    row("truncated at the end", "a\xE1\x80", "a" + r);
    row("nothing to replace", "caf\xC3\xA9", "caf\xC3\xA9");
}

void TestUtf8::replacement() {
    QFETCH(std::string, text);
    QFETCH(std::string, expected);
    QCOMPARE(QByteArray::fromStdString(replaceInvalidUtf8(text)), QByteArray::fromStdString(expected));
}

QTEST_APPLESS_MAIN(TestUtf8)
#include "test_utf8.moc"
