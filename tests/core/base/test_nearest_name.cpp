// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <array>
#include <vector>

#include "core/base/json_path.h"
#include "core/base/nearest_name.h"

using namespace safequant;

class TestNearestName : public QObject {
    Q_OBJECT

private slots:
    void namesThatMayBeMeant() {
        const std::vector<std::string> known{"seed", "stages", "checkpoint"};
        QCOMPARE(nearName("sed", known), std::string("seed"));
        QCOMPARE(nearName("checkpiont", known), std::string("checkpoint"));
        QCOMPARE(nearName("zzzzzzzzzzzzzzzzzz", known), std::string());
        QCOMPARE(nearName(std::string(100'000, 's'), known), nearName(std::string(200, 's'), known));
        QCOMPARE(nearName("seed", std::vector<std::string>{}), std::string());
        QCOMPARE(didYouMean("sed", known), std::string("; did you mean \"seed\"?"));
        QCOMPARE(didYouMean("zzzzzzzzzzzzzzzzzz", known), std::string("."));
    }

    void theNearestOfAll() {
        constexpr std::array<std::string_view, 2> kKnown = {"weight_bits", "group_size"};
        QCOMPARE(nearestName("WEIGTH_BITS", kKnown), std::string_view("weight_bits"));
        QCOMPARE(unknownNameMessage("field", "groupsize", kKnown), std::string("Unknown field \"groupsize\"; did you mean \"group_size\"?"));
    }

    void pathsOfFields() {
        const nlohmann::json spec{{"evaluation", {{"decoding", {{"top_p", 0.5}}}}}};
        QCOMPARE(spec.at(jsonPointerTo("evaluation.decoding.top_p")).get<double>(), 0.5);
        QVERIFY(!spec.contains(jsonPointerTo("evaluation.top_p")));
    }
};

QTEST_GUILESS_MAIN(TestNearestName)
#include "test_nearest_name.moc"
