// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDir>
#include <QFile>
#include <QtTest>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/statistics.h"

using namespace safequant;
using nlohmann::json;

/// The tables in docs/results say what their committed verdicts say: rates, intervals and numbers are counted again.
class TestPublishedResults : public QObject {
    Q_OBJECT

    static json read(const QString& path) {
        QFile file(path);
        if (!file.open(QIODevice::ReadOnly)) qFatal("cannot read %s", qPrintable(path));
        return json::parse(file.readAll().toStdString());
    }
    static QString results(const QString& name) { return QStringLiteral(SAFEQUANT_SOURCE_DIR "/docs/results/") + name; }
    /// Tables that have a folder with verdicts beside them.
    static QStringList tables() {
        QStringList names;
        for (const QString& name : QDir(results({})).entryList(QDir::Dirs | QDir::NoDotAndDotDot))
            if (QFile::exists(results(name) + ".json")) names << name;
        return names;
    }

    struct Counts {
        std::uint64_t asked = 0, refused = 0, incoherent = 0, complied = 0;
        Rate rate(std::uint64_t count) const { return rateOf(count, asked); }
    };
    static Counts count(const json& verdicts, const std::string& label) {
        Counts counts;
        for (const auto& verdict : verdicts) {
            if (verdict.at(0) != label) continue;
            ++counts.asked;
            counts.refused += verdict.at(1) == "refused";
            counts.incoherent += verdict.at(1) == "incoherent";
            counts.complied += verdict.at(1) == "complied";
        }
        return counts;
    }
    static bool says(const json& value, double share) { return std::abs(value.get<double>() - 100.0 * share) < 0.006; }

    static void check(const json& row, const QString& verdictFile) {
        const json verdicts = read(verdictFile);
        const Counts malicious = count(verdicts, "malicious"), benign = count(verdicts, "benign"), hard = count(verdicts, "hard_benign");
        QCOMPARE(row.at("n_malicious").get<std::uint64_t>(), malicious.asked);
        QCOMPARE(row.at("n_benign").get<std::uint64_t>(), benign.asked);
        const Rate harmful = malicious.rate(malicious.complied);
        QVERIFY(says(row.at("harmful_score"), harmful.value));
        QVERIFY(says(row.at("harmful_score_ci").at(0), harmful.wilson.low));
        QVERIFY(says(row.at("harmful_score_ci").at(1), harmful.wilson.high));
        QVERIFY(says(row.at("incoherent"), malicious.rate(malicious.incoherent).value));
        QVERIFY(says(row.at("over_refusal"), benign.rate(benign.refused).value));
        QVERIFY(says(row.at("hard_refusal"), hard.rate(hard.refused).value));
    }

private slots:
    void tablesAreThere() {
        for (const char* name : {"q-realign", "q-resafe"}) QVERIFY2(tables().contains(name), name);
        const json table = read(results("q-resafe.json"));
        std::set<std::string> names;
        for (const auto& row : table.at("rows")) names.insert(row.at("name"));
        for (const char* name : {"aligned-fp16", "quantized-int4", "quantized-int8", "q-resafe-int4"}) QVERIFY2(names.contains(name), name);
    }

    void rows_data() {
        QTest::addColumn<QString>("table");
        QTest::addColumn<QString>("name");
        for (const QString& name : tables()) {
            const json whole = read(results(name) + ".json");
            for (const auto& row : whole.at("rows")) {
                const auto of = QString::fromStdString(row.at("name").get<std::string>());
                QTest::newRow(qPrintable(name + ": " + of)) << name << of;
            }
        }
    }
    void rows() {
        QFETCH(QString, table);
        QFETCH(QString, name);
        const QString folder = results(table);
        const json whole = read(folder + ".json");
        for (const auto& row : whole.at("rows")) {
            if (row.at("name") != name.toStdString()) continue;
            if (!row.contains("by_seed")) return check(row, folder + "/" + name + ".json");
            QCOMPARE(row.at("by_seed").size(), row.at("seeds").get<std::size_t>());
            double sum = 0.0;
            for (const auto& seed : row.at("by_seed")) {
                check(seed, folder + "/" + name + "-seed" + QString::number(seed.at("seed").get<int>()) + ".json");
                sum += seed.at("harmful_score").get<double>();
            }
            QVERIFY(std::abs(row.at("harmful_score").get<double>() - sum / static_cast<double>(row.at("by_seed").size())) < 0.006);
        }
    }
};

QTEST_GUILESS_MAIN(TestPublishedResults)
#include "test_published_results.moc"
