// SPDX-License-Identifier: GPL-3.0-or-later
// Blocks of a run learned again with other settings, as a user does it.
#include <QDialog>
#include <QPushButton>
#include <QTemporaryDir>
#include <QTest>

#include "app/workbench/appsettings.h"
#include "app/workbench/learning/learningpage.h"
#include "tiny_run.h"
#include "windowparts.h"

using namespace safequant;
using namespace safequant::workbench;
using nlohmann::json;

namespace {

constexpr int kShort = 20'000, kLong = 120'000;

}  // namespace

class TestLearnAgain : public QObject {
    Q_OBJECT

    tiny::Workspaces m_places;
    QTemporaryDir m_folder;
    std::unique_ptr<AppSettings> m_settings;
    std::unique_ptr<MainWindow> m_window;

    RunController* runs() { return m_window->session()->run(); }
    const protocol::RunState& state() { return m_window->session()->store()->state(); }
    LearningPage* page() { return m_window->findChild<LearningPage*>(); }
    QPushButton* button() { return named<QPushButton>(m_window.get(), "learnAgain"); }
    json spec() {
        json spec = tiny::learnedSpecJson(m_places.inputs());
        spec["name"] = "tiny";
        spec["stages"] = {"capture", "quantize"};
        return spec;
    }
    void start(const json& spec) {
        m_window->startRun(spec);
        QTRY_VERIFY_WITH_TIMEOUT(runs()->active(), kShort);
        m_window->setPage(Page::Learning);
    }
    void finish() { QTRY_COMPARE_WITH_TIMEOUT(runs()->phase(), RunController::Phase::Finished, kLong); }
    QDialog* dialog() { return named<QDialog>(m_window.get(), "learnAgainDialog"); }
    void openDialog() {
        QTest::mouseClick(button(), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(named<QPushButton>(dialog(), "useSettings")->isEnabled(), kShort);
    }
    void learn() { QTest::mouseClick(named<QPushButton>(dialog(), "useSettings"), Qt::LeftButton); }

private slots:
    void initTestCase() {
        m_places.prepare();
        m_settings = std::make_unique<AppSettings>(m_folder.filePath(QStringLiteral("settings.ini")));
        m_window = readyWindow(engineOptions(m_places.next()), m_settings.get());
    }
    void cleanupTestCase() { m_window.reset(); }

    void aBlockOfAFinishedRun() {
        start(spec());
        finish();
        const QString first = runs()->folder();
        page()->setBlock(2);
        QVERIFY(button()->isVisible() && button()->isEnabled());
        QVERIFY(button()->text().contains(QStringLiteral("from block 2")));
        openDialog();
        QVERIFY(dialog()->windowTitle().contains(QStringLiteral("from block 2")));
        const json setup = m_window->session()->setup()->spec();
        learn();
        QTRY_VERIFY_WITH_TIMEOUT(runs()->folder() != first, kShort);
        finish();
        const json continues = state().spec["quantization"]["continues"];
        QCOMPARE(QString::fromStdString(continues["run"].get<std::string>()), first);
        QCOMPARE(continues["blocks"].get<int>(), 2);
        QCOMPARE(QString::fromStdString(state().summary.name), QStringLiteral("tiny again from 2"));
        QCOMPARE(state().learning.size(), std::size_t{4});
        QCOMPARE(m_window->page(), Page::Learning);
        // The setup beside it is what it was.
        QVERIFY(m_window->session()->setup()->spec() == setup);

        // Once more, from the run just made: its name does not grow.
        page()->setBlock(1);
        const QString second = runs()->folder();
        openDialog();
        learn();
        QTRY_VERIFY_WITH_TIMEOUT(runs()->folder() != second, kShort);
        finish();
        QCOMPARE(QString::fromStdString(state().summary.name), QStringLiteral("tiny again from 1"));
        QCOMPARE(QString::fromStdString(state().spec["quantization"]["continues"]["run"].get<std::string>()), second);

        // A dialog that is closed starts nothing.
        openDialog();
        const QString third = runs()->folder();
        dialog()->reject();
        QTest::qWait(200);
        QCOMPARE(runs()->folder(), third);
        QCOMPARE(runs()->phase(), RunController::Phase::Finished);
    }

    /// A run opened from its folder gives the setup its settings, but not what it took over.
    void takenBlocksStayTheRunsOwn() {
        const QString folder = runs()->folder();
        runs()->close();
        m_window->openPath(folder);
        QTRY_COMPARE_WITH_TIMEOUT(runs()->phase(), RunController::Phase::Finished, kShort);
        QVERIFY(state().spec["quantization"].contains("continues"));
        QVERIFY(!m_window->session()->setup()->spec()["quantization"].contains("continues"));
    }

    /// A run at work stops, and the other one starts.
    void aRunAtWork() {
        json slow = spec();
        slow["quantization"]["learning"]["early_epochs"] = slow["quantization"]["learning"]["late_epochs"] = 60;
        start(slow);
        const QString first = runs()->folder();
        QTRY_VERIFY_WITH_TIMEOUT(!state().learning.empty() && state().learning.front().finished, kLong);
        page()->setBlock(1);
        QTRY_VERIFY_WITH_TIMEOUT(button()->isEnabled(), kShort);
        openDialog();
        QVERIFY(runs()->active());
        learn();
        QTRY_VERIFY_WITH_TIMEOUT(!runs()->folder().isEmpty() && runs()->folder() != first && runs()->active(), kLong);
        QTRY_COMPARE_WITH_TIMEOUT(state().spec["quantization"].value("continues", json::object()).value("blocks", 0), 1, kShort);
        QTRY_VERIFY_WITH_TIMEOUT(!state().learning.empty() && state().learning.front().finished, kShort);
        finish();
        QCOMPARE(state().learning.size(), std::size_t{4});
    }

    void runsThatLearnNothingHaveNoButton() {
        json rounded = spec();
        rounded.erase("aligned");
        rounded["quantization"].erase("learning");
        rounded["quantization"]["method"] = "rtn";
        start(rounded);
        finish();
        QVERIFY(!button()->isVisible());
    }
};

QTEST_MAIN(TestLearnAgain)
#include "test_learnagain.moc"
