// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>

#include "core/base/csv.h"

using namespace safequant;
using Records = std::vector<std::vector<std::string>>;

class TestCsv : public QObject {
    Q_OBJECT

private slots:
    void fieldsComeBack() {
        const Records records{{"a", "b,c", "say \"x\"", ""}, {"two\nlines", " edges ", "1.5", "\xC3\xA9"}};
        std::string text;
        for (const auto& record : records)
            for (std::size_t i = 0; i < record.size(); ++i) text += csvField(record[i]) + (i + 1 < record.size() ? "," : "\r\n");
        QVERIFY(csvRecords(text) == records);
    }

    void formulasAreDisarmed() {
        for (const std::string text : {"=1+1", "+1 apple", "-cmd", "@x"}) QCOMPARE(csvRecords(csvField(text)).at(0).at(0), "'" + text);
    }

    void whatIsNoCsvEndsSomewhere() {
        QVERIFY(csvRecords("").empty());
        QVERIFY((csvRecords("a,\"b\nc") == Records{{"a", "b\nc"}}));
        QVERIFY((csvRecords("a\n\nb") == Records{{"a"}, {""}, {"b"}}));
        QVERIFY((csvRecords("a,") == Records{{"a", ""}}));
    }
};

QTEST_GUILESS_MAIN(TestCsv)
#include "test_csv.moc"
