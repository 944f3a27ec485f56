// SPDX-License-Identifier: GPL-3.0-or-later
#include <QComboBox>
#include <QFile>
#include <QLabel>
#include <QTemporaryDir>
#include <QToolButton>
#include <QUndoStack>
#include <QtTest>

#include "app/workbench/appsettings.h"
#include "app/workbench/dialogs.h"
#include "app/workbench/layers/layerspage.h"
#include "app/workbench/run/runcontroller.h"
#include "app/workbench/run/runstore.h"
#include "app/workbench/setup/runspec.h"
#include "app/workbench/setup/setupmodel.h"
#include "core/signature/alignment_signature.h"
#include "tiny_run.h"
#include "widgets/driftstrip.h"
#include "windowparts.h"

using namespace safequant;
using namespace safequant::workbench;
using nlohmann::json;

namespace {

constexpr int kShort = 20'000, kLong = 120'000;

class SignatureDialogs : public Dialogs {
public:
    QString file;
    QString chooseSignatureFile(QWidget*, const QString&) override { return file; }
};

}  // namespace

/// What the window knows of the aligned model: its signature in the place of its weights.
class TestReference : public QObject {
    Q_OBJECT

    tiny::Workspaces m_places;
    QTemporaryDir m_folder;
    QString m_signature;
    std::unique_ptr<AppSettings> m_settings;
    std::unique_ptr<MainWindow> m_window;
    SignatureDialogs* m_dialogs = nullptr;

    template <typename T>
    T* find(const char* name) { return named<T>(m_window.get(), name); }
    SetupModel* setup() { return m_window->session()->setup(); }
    json aligned() { return setup()->spec().value("aligned", json()); }

private slots:
    void initTestCase() {
        m_places.prepare();
        const std::string inputs = m_places.inputs().toStdString();
        const auto model = *openModel(inputs + "/tiny-aligned", {});
        const auto made = makeSignature(model, *ChatFormat::create(model->tokenizerSource()), *loadPromptSet({inputs + "/prompts.jsonl"}));
        QVERIFY(made.has_value());
        m_signature = m_places.path(QStringLiteral("aligned.signature.h5"));
        QVERIFY(writeSignature(m_signature.toStdString(), *made).has_value());

        m_settings = std::make_unique<AppSettings>(m_folder.filePath(QStringLiteral("settings.ini")));
        auto options = engineOptions(m_places.next());
        options.dialogs = scripted(m_dialogs);
        m_dialogs->file = m_signature;
        m_window = readyWindow(std::move(options), m_settings.get());
        json spec = tiny::learnedSpecJson(m_places.inputs());
        m_window->openPath(QString::fromStdString(spec["checkpoint"].get<std::string>()));
        spec.erase("aligned");
        spec["quantization"]["learning"]["objective"] = "dual-stream";
        spec["stages"] = {"capture", "quantize"};
        setup()->setSpec(spec);
        m_window->setPage(Page::Setup);
    }

    void cleanupTestCase() { m_window.reset(); }

    void whatIsMissingIsSaid() {
        QTRY_VERIFY_WITH_TIMEOUT(find<QLabel>("referenceMissing")->isVisible(), kShort);
        QVERIFY(find<QWidget>("alignedAdapters")->isVisible() && find<QPushButton>("chooseSignature")->isVisible());
        QTRY_VERIFY_WITH_TIMEOUT(!setup()->obstacle().isEmpty(), kShort);
    }

    void aSignatureIsChosen() {
        QTest::mouseClick(find<QPushButton>("chooseSignature"), Qt::LeftButton);
        QCOMPARE(QString::fromStdString(aligned().dump()), QStringLiteral("{\"signature\":\"%1\"}").arg(m_signature));
        // The objective is the one that a signature serves, and what else was set stays.
        const json learning = setup()->spec()["quantization"]["learning"];
        QVERIFY(!learning.contains("objective") && learning["late_epochs"] == 2);
        QVERIFY(!find<QLabel>("referenceMissing")->isVisible() && find<QLabel>("referenceText")->isVisible());
        QVERIFY(!find<QWidget>("alignedAdapters")->isVisible() && !find<QPushButton>("chooseSignature")->isVisible());
        QCOMPARE(find<QLabel>("signatureName")->toolTip(), m_signature);
        QTRY_VERIFY_WITH_TIMEOUT(setup()->obstacle().isEmpty() && setup()->plan().known(), kShort);
    }

    void methodsThatCannotUseItDropIt() {
        setup()->setMethod(QStringLiteral("gptq"));
        QVERIFY(aligned().is_null() && !find<QPushButton>("removeSignature")->isVisible());
        setup()->undoStack()->undo();
        QCOMPARE(signatureOf(setup()->spec()), m_signature);
        QTest::mouseClick(find<QPushButton>("removeSignature"), Qt::LeftButton);
        QVERIFY(aligned().is_null() && find<QLabel>("referenceMissing")->isVisible());
        setup()->undoStack()->undo();
        QTRY_VERIFY_WITH_TIMEOUT(setup()->obstacle().isEmpty() && setup()->plan().known(), kShort);
    }

    void itRuns() {
        RunController* run = m_window->session()->run();
        QTest::mouseClick(find<QPushButton>("quantize"), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(run->active(), kShort);
        QTRY_COMPARE_WITH_TIMEOUT(run->phase(), RunController::Phase::Finished, kLong);
        const auto& learning = m_window->session()->store()->state().learning;
        QCOMPARE(learning.size(), std::size_t{4});
        for (const auto& block : learning) QVERIFY(block.maliciousBefore > 0.0);
    }

    /// The finished run's models are checked against it, block by block.
    void theRunIsChecked() {
        m_window->setPage(Page::Layers);
        DriftCheck* drift = m_window->session()->drift();
        QVERIFY(!find<QLabel>("driftText")->isVisible());
        QTest::mouseClick(find<QToolButton>("checkSignature"), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(drift->report("quantized") != nullptr && !drift->working(), kLong);
        QVERIFY2(drift->problem().isEmpty(), qPrintable(drift->problem()));
        const auto& base = *drift->report("base");
        QCOMPARE(base.blocks.size(), std::size_t{4});
        QVERIFY(base.moved.value > 0.0 && base.moved.low <= base.moved.value && base.moved.value <= base.moved.high + 1e-9);
        auto* strip = find<widgets::DriftStrip>("driftStrip");
        QVERIFY(strip->isVisible());
        QCOMPARE(strip->itemCount(), 8);
        QCOMPARE(strip->table().rows.size(), 8);
        QCOMPARE(strip->table().rows[1][2].toDouble(), base.blocks[1].malicious.value);
        QVERIFY(find<QLabel>("driftText")->toolTip().contains(QStringLiteral("base moved")));
        // A cell leads to its block.
        auto* page = m_window->findChild<LayersPage*>();
        page->setBlock(0);
        strip->setFocus();
        QTest::keyClick(strip, Qt::Key_Right);
        QTest::keyClick(strip, Qt::Key_Right);
        QVERIFY(page->block() > 0);
        QTest::mouseClick(find<QToolButton>("driftClose"), Qt::LeftButton);
        QVERIFY(!strip->isVisible() && drift->file().isEmpty());

        m_dialogs->file = m_places.inputs() + QStringLiteral("/prompts.jsonl");
        QTest::mouseClick(find<QToolButton>("checkSignature"), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(!drift->working() && !drift->problem().isEmpty(), kShort);
        QVERIFY(find<QLabel>("driftText")->isVisible());
        QTest::mouseClick(find<QToolButton>("driftClose"), Qt::LeftButton);
        m_window->setPage(Page::Setup);
    }

    /// One that does not fit stops the run before any work, and says what differs.
    void oneOfAnotherModelIsRefused() {
        json spec = setup()->spec();
        spec["system_prompt"] = "You answer in verse.";
        setup()->setSpec(spec);
        QTRY_VERIFY_WITH_TIMEOUT(setup()->plan().wrong() && setup()->plan().error.contains(QStringLiteral("system prompt")), kShort);
    }

    void specsWithSignaturesMove() {
        QFile file(m_folder.filePath(QStringLiteral("run.json")));
        QVERIFY(file.open(QIODevice::WriteOnly));
        json spec = setup()->specToRun();
        spec["aligned"]["signature"] = "aligned.signature.h5";
        file.write(QByteArray::fromStdString(spec.dump()));
        file.close();
        const auto read = readSpecFile(file.fileName());
        QVERIFY(read.has_value());
        QCOMPARE(signatureOf(*read), m_folder.filePath(QStringLiteral("aligned.signature.h5")));
    }
};

QTEST_MAIN(TestReference)
#include "test_reference.moc"
