// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <QTest>

#include "samples.h"
#include "widgets/contentshield.h"
#include "widgets/format.h"
#include "widgets/lineartablemodel.h"
#include "widgets/painting.h"
#include "widgets/promptfiltermodel.h"
#include "widgets/prompttablemodel.h"
#include "widgets/recentrunsmodel.h"
#include "widgets/selectionmodel.h"
#include "widgets/slicetablemodel.h"
#include "widgets/worddiff.h"

using namespace safequant;
using namespace safequant::widgets;

class TestModels : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() { QLocale::setDefault(QLocale::c()); }
    void promptTableObeysTheContract();
    void hiddenTextLeavesByNoRole();
    void barLengthSaysNothingOfTheText();
    void filterLine_data();
    void filterLine();
    void filterCannotFindHiddenText();
    void filterKeepsOnlyThesePrompts();
    void filterByOutcomes();
    void linearTableObeysTheContract();
    void linearOverrides();
    void recentRunsObeyTheContract();
    void selectionEmitsOnce();
    void selectionIsAddedToAndTakenFrom();
    void slicesCombine();
    void sliceTableObeysTheContract();
    void shieldShowsOnePromptOnce();
    void wordsThatDiffer();
    void labelsDoNotOverlap();
    void numbersAsPeopleReadThem();
};

void TestModels::promptTableObeysTheContract() {
    PromptTableModel model;
    ContentShield shield;
    const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.setContentShield(&shield);
    const auto prompts = samples::prompts(20, 20, 10);
    model.setPrompts(prompts);
    QCOMPARE(model.rowCount(), 50);
    const auto projection = samples::projection(*prompts, 3, "probe", true);
    QSignalSpy changed(&model, &QAbstractItemModel::dataChanged);
    model.setScores(projection);
    model.setAnswers(samples::answers(*prompts));
    shield.showAll();
    QCOMPARE(changed.count(), 3);
    const int prompt = projection.prompts.front();
    const QModelIndex score = model.index(prompt, PromptTableModel::QuantizedScoreColumn);
    QCOMPARE(score.data(PromptTableModel::ScoreRole).toFloat(), projection.logitsQuantized.front());
    QCOMPARE(score.data().toString(), formatScore(double(projection.logitsQuantized.front())));
    const int unscored = prompt + 1;
    QVERIFY(!model.index(unscored, PromptTableModel::BaseScoreColumn).data(PromptTableModel::ScoreRole).isValid());
    model.setPrompts(samples::prompts(1, 1, 0));
    QCOMPARE(model.rowCount(), 2);
    QCOMPARE(model.outcome("base", 0), QString());
}

void TestModels::hiddenTextLeavesByNoRole() {
    PromptTableModel model;
    ContentShield shield;
    model.setContentShield(&shield);
    model.setPrompts(samples::prompts(30, 10, 5));
    PromptFilterModel filter;
    filter.setSourceModel(&model);
    const auto leaks = [&] {
        int found = 0;
        for (int row = 0; row < filter.rowCount(); ++row) {
            for (int column = 0; column < filter.columnCount(); ++column) {
                for (int role = 0; role < Qt::UserRole + 32; ++role) {
                    found += filter.index(row, column).data(role).toString().contains("SECRETWORD") ? 1 : 0;
                }
            }
        }
        return found;
    };
    QCOMPARE(leaks(), 0);
    int malicious = 0;
    while (model.index(malicious, 0).data(PromptTableModel::LabelRole) != QVariant("malicious")) {
        ++malicious;
    }
    shield.showOnce(malicious);
    QVERIFY(leaks() > 0);
    shield.followCurrent(malicious + 1);
    QCOMPARE(leaks(), 0);
    shield.showAll();
    QVERIFY(leaks() >= 30);
    PromptTableModel unshielded;
    unshielded.setPrompts(samples::prompts(3, 0, 0));
    QCOMPARE(unshielded.index(0, PromptTableModel::PromptColumn).data().toString(), QString());
}

void TestModels::barLengthSaysNothingOfTheText() {
    auto some = std::vector<protocol::PromptItem>(4);
    auto others = some;
    for (std::size_t row = 0; row < some.size(); ++row) {
        some[row].label = others[row].label = "malicious";
        some[row].text = std::string(10, 'a');
        others[row].text = std::string(400, 'b');
    }
    PromptTableModel first;
    PromptTableModel second;
    first.setPrompts(std::make_shared<std::vector<protocol::PromptItem>>(some));
    second.setPrompts(std::make_shared<std::vector<protocol::PromptItem>>(others));
    for (int row = 0; row < 4; ++row) {
        const double length = first.index(row, 1).data(PromptTableModel::BarLengthRole).toDouble();
        QCOMPARE(length, second.index(row, 1).data(PromptTableModel::BarLengthRole).toDouble());
        QVERIFY(length > 0.0 && length <= 1.0);
    }
}

void TestModels::filterLine_data() {
    QTest::addColumn<QString>("line");
    QTest::addColumn<QList<int>>("rows");
    QTest::newRow("empty") << "" << QList<int>{0, 1, 2, 3};
    QTest::newRow("word, any case") << "SQL" << QList<int>{1};
    QTest::newRow("two words") << "the process" << QList<int>{2};
    QTest::newRow("label") << "benign" << QList<int>{1, 3};
    QTest::newRow("hard label") << "hard" << QList<int>{2};
    QTest::newRow("two labels") << "hard malicious" << QList<int>{0, 2};
    QTest::newRow("score above") << "score>1" << QList<int>{0, 2};
    QTest::newRow("base score below") << "base<-1,5" << QList<int>{1};
    QTest::newRow("quant. score") << "quant>2" << QList<int>{2};
    QTest::newRow("outcome") << "refused" << QList<int>{0};
    QTest::newRow("base outcome") << "base:complied" << QList<int>{0};
    QTest::newRow("outcome of the other model") << "base:refused" << QList<int>{};
    QTest::newRow("outcomes of both models") << "base:complied quant:refused" << QList<int>{0};
    QTest::newRow("all together") << "hard score>0 process" << QList<int>{2};
    QTest::newRow("nothing") << "zebra" << QList<int>{};
}

namespace {

void fillFour(PromptTableModel& model) {
    auto prompts = std::make_shared<std::vector<protocol::PromptItem>>(4);
    const char* labels[] = {"malicious", "benign", "hard_benign", "benign"};
    const char* texts[] = {"zebra stands for a malicious prompt", "Write an sql query", "End the process that hangs", "Sing"};
    for (std::size_t row = 0; row < 4; ++row) {
        (*prompts)[row].label = labels[row];
        (*prompts)[row].text = texts[row];
    }
    model.setPrompts(prompts);
    protocol::ProjectionResult scores;
    scores.prompts = {0, 1, 2};
    scores.logitsBase = {3.0F, -2.0F, 0.5F};
    scores.logitsQuantized = {1.5F, -1.0F, 2.5F};
    model.setScores(scores);
    protocol::AnswerItem answer;
    answer.prompt = 0;
    answer.model = "base";
    answer.outcome = "complied";
    model.setAnswer(answer);
    answer.model = "quantized";
    answer.outcome = "refused";
    model.setAnswer(answer);
}

QList<int> rowsOf(const PromptFilterModel& filter) {
    QList<int> rows;
    for (int row = 0; row < filter.rowCount(); ++row) {
        rows << filter.index(row, 0).data(PromptTableModel::PromptRole).toInt();
    }
    return rows;
}

}  // namespace

void TestModels::filterLine() {
    QFETCH(QString, line);
    QFETCH(QList<int>, rows);
    PromptTableModel model;
    ContentShield shield;
    model.setContentShield(&shield);
    fillFour(model);
    PromptFilterModel filter;
    const QAbstractItemModelTester tester(&filter, QAbstractItemModelTester::FailureReportingMode::QtTest);
    filter.setSourceModel(&model);
    filter.setFilterLine(line);
    QCOMPARE(rowsOf(filter), rows);
    QCOMPARE(filter.prompts(), rows);
}

void TestModels::filterKeepsOnlyThesePrompts() {
    PromptTableModel model;
    fillFour(model);
    PromptFilterModel filter;
    const QAbstractItemModelTester tester(&filter, QAbstractItemModelTester::FailureReportingMode::QtTest);
    filter.setSourceModel(&model);
    filter.setOnly(QSet<int>{1, 3});
    QCOMPARE(rowsOf(filter), (QList<int>{1, 3}));
    filter.setOnly(QSet<int>{});
    QCOMPARE(filter.rowCount(), 0);
    filter.setOnly(std::nullopt);
    QCOMPARE(filter.rowCount(), 4);
}

void TestModels::filterCannotFindHiddenText() {
    PromptTableModel model;
    ContentShield shield;
    model.setContentShield(&shield);
    fillFour(model);
    PromptFilterModel filter;
    filter.setSourceModel(&model);
    filter.setFilterLine("zebra");
    QCOMPARE(filter.rowCount(), 0);
    shield.showAll();
    QCOMPARE(rowsOf(filter), QList<int>{0});
}

void TestModels::filterByOutcomes() {
    PromptTableModel model;
    fillFour(model);
    PromptFilterModel filter;
    filter.setSourceModel(&model);
    filter.setOutcomes({"complied"}, {"refused"});
    QCOMPARE(rowsOf(filter), QList<int>{0});
    filter.setOutcomes({"refused"}, {});
    QCOMPARE(filter.rowCount(), 0);
    filter.setOutcomes({}, {});
    filter.setScoredOnly(true);
    QCOMPARE(rowsOf(filter), (QList<int>{0, 1, 2}));
    filter.setAnsweredOnly(true);
    QCOMPARE(rowsOf(filter), QList<int>{0});
}

void TestModels::linearTableObeysTheContract() {
    LinearTableModel model;
    const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.setLinears(samples::linears(0, false));
    model.updateLinears(samples::linears(0, true));
    QCOMPARE(model.rowCount(), 7);
    QVERIFY(model.index(0, LinearTableModel::ReasonColumn).data().toString().contains("fused"));
    model.setLinears(samples::linears(1, true));
    QVERIFY(model.index(2, 0).data(LinearTableModel::DifferentRole).toBool());
    QVERIFY(!model.anyOutputError());
    auto measured = samples::linears(1, true);
    measured[3].outputError = 0.0125;
    model.updateLinears(measured);
    QVERIFY(model.anyOutputError());
    QCOMPARE(model.index(3, LinearTableModel::OutputErrorColumn).data().toString(), QString("1.25%"));
    QCOMPARE(model.index(0, LinearTableModel::OutputErrorColumn).data().toString(), QString());
    QCOMPARE(model.index(0, LinearTableModel::ActualColumn).data().toString(), QString("W8A16 g64 asymmetric"));
    QCOMPARE(model.index(0, LinearTableModel::RequestedColumn).data().toString(), QString("W4A16 g64 asymmetric"));
}

void TestModels::linearOverrides() {
    LinearTableModel model;
    model.setLinears(samples::linears(1, false));
    QSignalSpy changed(&model, &LinearTableModel::overridesChanged);
    LinearScheme eight;
    eight.weightBits = 8;
    model.setOverride({1, 4}, eight);
    QCOMPARE(changed.count(), 1);
    QCOMPARE(model.overrides().size(), 2);
    QCOMPARE(model.schemeOf(4).weightBits, 8);
    QCOMPARE(model.schemeOf(0).weightBits, 4);
    const QModelIndex cell = model.index(0, LinearTableModel::RequestedColumn);
    QVERIFY(model.setData(cell, 3, Qt::EditRole));
    QVERIFY(!model.setData(cell, 9, Qt::EditRole));
    QVERIFY(!model.setData(cell, 1, Qt::EditRole));
    QCOMPARE(model.schemeOf(0).weightBits, 3);
    model.clearOverride({0, 1});
    QCOMPARE(model.overrides().keys(), QStringList{"model.layers.1.mlp.gate_proj"});
    model.setEditable(false);
    QVERIFY(!model.setData(cell, 3, Qt::EditRole));
    QVERIFY(!model.flags(cell).testFlag(Qt::ItemIsEditable));
    model.setLinears(samples::linears(2, false));
    QVERIFY(model.overrides().isEmpty());
}

void TestModels::recentRunsObeyTheContract() {
    RecentRunsModel model;
    const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.setRuns({{"/a", "old", "m", "", "2026-01-01T00:00:00Z", "finished", "", false},
                   {"/b", "new", "m", "", "2026-02-01T00:00:00Z", "stopped", "block 3 of 30", true}});
    QCOMPARE(model.index(0, 0).data().toString(), QString("new"));
    QVERIFY(model.index(0, RecentRunsModel::StatusColumn).data().toString().startsWith("stopped, resumable"));
    model.updateRun({"/c", "newest", "m", "", "2026-03-01T00:00:00Z", "running", "", false});
    QCOMPARE(model.rowCount(), 3);
    QCOMPARE(model.index(0, 0).data().toString(), QString("newest"));
    model.updateRun({"/a", "old", "m", "", "2026-01-01T00:00:00Z", "failed", "disk full", false});
    QCOMPARE(model.rowCount(), 3);
    QCOMPARE(model.index(2, RecentRunsModel::DetailColumn).data().toString(), QString("disk full"));
}

void TestModels::selectionEmitsOnce() {
    SelectionModel selection;
    QSignalSpy moved(&selection, &SelectionModel::selectionChanged);
    QSignalSpy current(&selection, &SelectionModel::currentChanged);
    selection.select(5);
    selection.select(5);
    QCOMPARE(moved.count(), 1);
    QCOMPARE(current.count(), 1);
    selection.toggle(2);
    QCOMPARE(selection.selected(), (QList<int>{2, 5}));
    QCOMPARE(selection.current(), 2);
    selection.toggle(2);
    QCOMPARE(selection.current(), 5);
    selection.setSelection({9, 3, 3}, 9);
    QCOMPARE(selection.selected(), (QList<int>{3, 9}));
    QCOMPARE(selection.current(), 9);
    QCOMPARE(moved.count(), 4);
    selection.select(-1);
    QVERIFY(selection.isEmpty());
    QCOMPARE(selection.current(), -1);
}

void TestModels::selectionIsAddedToAndTakenFrom() {
    SelectionModel selection;
    selection.apply(SelectionMode::Replace, {4, 1, 7});
    QCOMPARE(selection.current(), 4);
    selection.apply(SelectionMode::Add, {2, 7});
    QCOMPARE(selection.selected(), (QList<int>{1, 2, 4, 7}));
    selection.apply(SelectionMode::Subtract, {7, 3, 1});
    QCOMPARE(selection.selected(), (QList<int>{2, 4}));
    QCOMPARE(selection.current(), 4);
    selection.subtract({4});
    QCOMPARE(selection.current(), 2);
    selection.subtract({2});
    QVERIFY(selection.isEmpty());
    QCOMPARE(selection.current(), -1);
}

void TestModels::slicesCombine() {
    const QList<int> first{1, 3, 5, 9}, second{3, 4, 9, 12};
    QCOMPARE(slicesBoth(first, second), (QList<int>{3, 9}));
    QCOMPARE(slicesAny(first, second), (QList<int>{1, 3, 4, 5, 9, 12}));
    QCOMPARE(slicesMinus(first, second), (QList<int>{1, 5}));
    QCOMPARE(slicesMinus(second, first), (QList<int>{4, 12}));
}

void TestModels::sliceTableObeysTheContract() {
    SliceTableModel model;
    const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    PromptSlice first, second;
    first.name = "near";
    first.prompts = {1, 2, 3};
    second.name = "flipped";
    second.mark = 2;
    second.shown = false;
    model.setSlices({first, second});
    QCOMPARE(model.rowCount(), 2);
    QCOMPARE(model.index(0, SliceTableModel::CountColumn).data().toString(), QString("3"));
    QCOMPARE(model.index(1, SliceTableModel::NameColumn).data(Qt::CheckStateRole).toInt(), int(Qt::Unchecked));
    QVERIFY(model.index(1, SliceTableModel::NameColumn).data(Qt::AccessibleTextRole).toString().contains(sliceShapeText(2)));
    QSignalSpy renamed(&model, &SliceTableModel::renameRequested);
    QSignalSpy shown(&model, &SliceTableModel::shownRequested);
    QVERIFY(!model.setData(model.index(0, 0), "  ", Qt::EditRole));
    QVERIFY(model.setData(model.index(0, 0), "close", Qt::EditRole));
    QVERIFY(model.setData(model.index(1, 0), Qt::Checked, Qt::CheckStateRole));
    QCOMPARE(renamed.count(), 1);
    QCOMPARE(shown.last(), (QVariantList{1, true}));
    // It changes nothing by itself.
    QCOMPARE(model.index(0, 0).data().toString(), QString("near"));
}

void TestModels::shieldShowsOnePromptOnce() {
    ContentShield shield;
    QSignalSpy changed(&shield, &ContentShield::changed);
    QVERIFY(!shield.allows("malicious", 3));
    QVERIFY(!shield.allows("a label nobody knows", 3));
    QVERIFY(shield.allows("benign", 3));
    QVERIFY(shield.allows("hard_benign", 3));
    shield.showOnce(3);
    QVERIFY(shield.allows("malicious", 3));
    QVERIFY(!shield.allows("malicious", 4));
    shield.followCurrent(3);
    QVERIFY(shield.allows("malicious", 3));
    shield.followCurrent(4);
    QVERIFY(!shield.allows("malicious", 3));
    shield.showAll();
    shield.followCurrent(5);
    QVERIFY(shield.allows("malicious", 5));
    shield.hide();
    shield.hide();
    QCOMPARE(changed.count(), 4);
}

void TestModels::wordsThatDiffer() {
    const WordDiff diff = compareWords("the quick brown fox", "the slow brown  fox jumps");
    QCOMPARE(diff.firstDiffers, (std::vector<bool>{false, true, false, false}));
    QCOMPARE(diff.secondDiffers, (std::vector<bool>{false, true, false, false, true}));
    QVERIFY(compareWords({}, {}).first.isEmpty());
    QCOMPARE(compareWords("a", "").firstDiffers, (std::vector<bool>{true}));
}

void TestModels::labelsDoNotOverlap() {
    const std::vector<double> placed = spreadLabels({50.0, 52.0, 51.0, 3.0, 98.0}, 10.0, 0.0, 100.0);
    std::vector<double> sorted = placed;
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t i = 1; i < sorted.size(); ++i) {
        QVERIFY(sorted[i] - sorted[i - 1] >= 10.0 - 1e-9);
    }
    QVERIFY(sorted.front() >= 5.0 && sorted.back() <= 95.0);
    QVERIFY(placed[0] < placed[2] && placed[2] < placed[1]);
    QCOMPARE(spreadLabels({40.0}, 10.0, 0.0, 100.0), std::vector<double>{40.0});
    QVERIFY(spreadLabels({}, 10.0, 0.0, 100.0).empty());
}

void TestModels::numbersAsPeopleReadThem() {
    QCOMPARE(formatScore(-0.04), QString("+0.0"));
    QCOMPARE(formatScore(-1.26), QString::fromUtf8("−1.3"));
    QCOMPARE(formatScore(std::numeric_limits<double>::quiet_NaN()), QString());
    QCOMPARE(formatRate(rateOf(0, 50)), QString("0% [0, 7]"));
    QCOMPARE(formatRate(rateOf(0, 0)), QString("no data"));
    QCOMPARE(formatBytes(96'400'000), QString("96 MB"));
    QCOMPARE(formatBytes(1'120'000'000), QString("1.1 GB"));
    QCOMPARE(formatTimeLeft(-1.0), QString());
    QCOMPARE(formatTimeLeft(50.2), QString("50 s left"));
    QCOMPARE(formatTimeLeft(245.0), QString("4 min left"));
    QCOMPARE(formatDuration(7800.0), QString("2 h 10 min"));
    QCOMPARE(outcomeText("complied", "benign"), QString("answered"));
    QCOMPARE(outcomeText("complied", "malicious"), QString("complied"));
}

QTEST_MAIN(TestModels)
#include "test_models.moc"
