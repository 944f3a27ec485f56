// SPDX-License-Identifier: GPL-3.0-or-later
// The prompts dialog as a user drives it: a real engine, real files, clicks.
#include <QAction>
#include <QCheckBox>
#include <QClipboard>
#include <QComboBox>
#include <QFile>
#include <QLabel>
#include <QPushButton>
#include <QSpinBox>
#include <QTableWidget>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>
#include <QTreeWidget>

#include "app/workbench/appsettings.h"
#include "app/workbench/session.h"
#include "app/workbench/setup/promptsdialog.h"
#include "widgets/balancebar.h"
#include "widgets/segmentedcontrol.h"
#include "widgets/theme.h"
#include "windowparts.h"

using namespace safequant;
using namespace safequant::workbench;

namespace {

constexpr int kShort = 20'000;

class ScriptedDialogs : public Dialogs {
public:
    QStringList choosePromptFiles(QWidget*, const QString&) override { return files; }
    QStringList files;
};

}  // namespace

class TestPromptsDialog : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    std::unique_ptr<AppSettings> m_settings;
    ScriptedDialogs* m_dialogs = nullptr;
    std::unique_ptr<Session> m_session;
    std::unique_ptr<PromptsDialog> m_dialog;

    template <typename T>
    T* find(const char* name) { return named<T>(m_dialog.get(), name); }
    void click(const char* name) { QTest::mouseClick(find<QPushButton>(name), Qt::LeftButton); }
    QString put(const QString& name, const QByteArray& content) {
        QFile file(m_folder.filePath(name));
        if (!file.open(QIODevice::WriteOnly)) qFatal("cannot write");
        file.write(content);
        return file.fileName();
    }
    void add(const QStringList& files) {
        m_dialogs->files = files;
        click("addPromptFiles");
    }
    /// Chooses as a user does: the item is made current and the choice announced.
    void choose(const char* name, const QString& text) {
        auto* choice = find<QComboBox>(name);
        const int index = choice->findText(text);
        QVERIFY2(index >= 0, qPrintable(text));
        choice->setFocus();
        choice->setCurrentIndex(index);
        emit choice->activated(index);
    }
    QString status() { return find<QLabel>("promptStatus")->text(); }
    QStringList findings() {
        QStringList texts;
        auto* tree = find<QTreeWidget>("findings");
        for (int i = 0; i < tree->topLevelItemCount(); ++i) texts.append(tree->topLevelItem(i)->text(0));
        return texts;
    }
    /// Of the preview: the line, what the prompt is taken as, then the columns of the file.
    QString cell(int row, int column) {
        auto* table = find<QTableWidget>("promptPreview");
        return table->item(row, column) ? table->item(row, column)->text() : QString();
    }
    /// Chooses a row of the preview and what its prompt is taken as.
    void takeAs(int row, const char* label) {
        auto* table = find<QTableWidget>("promptPreview");
        QTest::mouseClick(table->viewport(), Qt::LeftButton, {}, table->visualItemRect(table->item(row, 1)).center());
        find<QAction>(qPrintable(QStringLiteral("takeAs:%1").arg(QLatin1String(label))))->trigger();
    }

private slots:
    void initTestCase() {
        m_settings = std::make_unique<AppSettings>(m_folder.filePath(QStringLiteral("settings.ini")));
        m_session = std::make_unique<Session>(enginePath(), m_folder.filePath(QStringLiteral("workspace")), m_settings.get(), scripted(m_dialogs));
        m_session->client()->start();
        waitForEngine(m_session->client());
        m_session->setup()->setSpec(defaultRunSpec({}));
        m_dialog = std::make_unique<PromptsDialog>(m_session.get());
    }

    void beginsWithTheBundledSet() {
        m_dialog->prepare();
        m_dialog->open();
        QTRY_VERIFY_WITH_TIMEOUT(find<QPushButton>("usePrompts")->isEnabled(), kShort);
        QCOMPARE(find<QTableWidget>("promptFiles")->rowCount(), 1);
        QCOMPARE(find<QTableWidget>("promptFiles")->item(0, 0)->text(), QStringLiteral("Bundled set"));
        QCOMPARE(find<QLabel>("promptNumber2")->text(), QStringLiteral("none"));
        QVERIFY(!find<widgets::BalanceBar>("classBalance")->accessibleDescription().isEmpty());
        QVERIFY(status().startsWith(QStringLiteral("A run takes these prompts")));
        QVERIFY(!find<QPushButton>("useSuggestedLabel")->isVisible());
    }

    void aFileWithoutLabelsWaitsForOne() {
        add({put(QStringLiteral("goals.csv"), "goal,target\n\"Fold a paper\ncrane\",SECRET\nBake rye bread,SECRET\n")});
        auto* files = find<QTableWidget>("promptFiles");
        QTRY_COMPARE_WITH_TIMEOUT(files->rowCount(), 2, kShort);
        QCOMPARE(files->currentRow(), 1);
        QTRY_VERIFY_WITH_TIMEOUT(status().contains(QStringLiteral("refuses these prompts: 1 error")), kShort);
        QVERIFY(!find<QPushButton>("usePrompts")->isEnabled());
        QTRY_VERIFY_WITH_TIMEOUT(find<QPushButton>("useSuggestedLabel")->isVisible(), kShort);
        QVERIFY(find<QLabel>("promptHint")->text().contains(QStringLiteral("Recognized as AdvBench")));
        QVERIFY(find<QLabel>("promptHint")->text().contains(QStringLiteral("Completions (target) are not read")));
        QCOMPARE(find<QComboBox>("promptLabel")->currentText(), QStringLiteral("Choose a label"));
        // Without a label a prompt may be malicious: it is hidden.
        QCOMPARE(cell(0, 2), QStringLiteral("Hidden"));
        click("useSuggestedLabel");
        QTRY_VERIFY_WITH_TIMEOUT(find<QPushButton>("usePrompts")->isEnabled(), kShort);
        QTRY_COMPARE(find<QComboBox>("promptLabel")->currentText(), QStringLiteral("Malicious, the whole file"));
        QCOMPARE(files->item(1, 1)->text(), QStringLiteral("AdvBench"));
        QCOMPARE(files->item(1, 2)->text(), QStringLiteral("2"));
    }

    void maliciousTextIsHiddenUntilAsked() {
        QTRY_COMPARE(cell(1, 2), QStringLiteral("Hidden"));
        QTest::mouseClick(find<QToolButton>("previewShield"), Qt::LeftButton);
        QTRY_COMPARE(cell(1, 2), QStringLiteral("Bake rye bread"));
        QCOMPARE(cell(0, 2), QStringLiteral("Fold a paper crane"));
        QCOMPARE(cell(0, 0), QStringLiteral("2"));
        QTest::mouseClick(find<QToolButton>("previewShield"), Qt::LeftButton);
        QTRY_COMPARE(cell(1, 2), QStringLiteral("Hidden"));
    }

    void columnsAreMapped() {
        add({put(QStringLiteral("mine.tsv"), "nr\task\tkind\n1\tWash the red bicycle\tbenign\n2\tPlant four tulips\tbenign\n3\tKnit a scarf\tnonsense\n")});
        QTRY_VERIFY_WITH_TIMEOUT(status().contains(QStringLiteral("refuses")), kShort);
        QTRY_VERIFY_WITH_TIMEOUT(find<QComboBox>("promptColumn")->findText(QStringLiteral("ask")) > 0, kShort);
        QCOMPARE(find<QComboBox>("promptFormat")->currentText(), QStringLiteral("Found: CSV with tabs"));
        choose("promptColumn", QStringLiteral("ask"));
        QTRY_COMPARE_WITH_TIMEOUT(find<QComboBox>("promptColumn")->currentText(), QStringLiteral("ask"), kShort);
        choose("promptLabel", QStringLiteral("Column kind"));
        QTRY_VERIFY_WITH_TIMEOUT(findings().first().contains(QStringLiteral("mine.tsv:4 has the unknown label \"nonsense\"")), kShort);
        QCOMPARE(find<QTableWidget>("promptFiles")->item(2, 2)->text(), QStringLiteral("1 error"));
        // Benign rows of the preview are in sight, the broken one is not.
        QTRY_COMPARE(cell(0, 3), QStringLiteral("Wash the red bicycle"));
        QCOMPARE(cell(2, 3), QStringLiteral("Hidden"));
        choose("promptLabel", QStringLiteral("Hard benign, the whole file"));
        QTRY_VERIFY_WITH_TIMEOUT(find<QPushButton>("usePrompts")->isEnabled(), kShort);
        QTRY_COMPARE(cell(2, 3), QStringLiteral("Knit a scarf"));
        choose("idColumn", QStringLiteral("nr"));
        QTRY_VERIFY_WITH_TIMEOUT(find<QPushButton>("usePrompts")->isEnabled(), kShort);
    }

    void findingsAreFilteredAndCopied() {
        auto* filter = find<widgets::SegmentedControl>("findingFilter");
        const auto all = findings().size();
        QTest::mouseClick(filter, Qt::LeftButton, {}, filter->segmentRect(2).center());
        const auto warnings = findings().size();
        QVERIFY(warnings > 0 && warnings < all);
        QTest::mouseClick(filter, Qt::LeftButton, {}, filter->segmentRect(0).center());
        QCOMPARE(findings().size(), all);
        click("copyPromptReport");
        const QString copied = QGuiApplication::clipboard()->text();
        QVERIFY(copied.contains(QStringLiteral("goals.csv: CSV with commas, AdvBench, 2 prompts")));
        QVERIFY(copied.contains(QStringLiteral("Words alone tell")));
        QVERIFY(!copied.contains(QStringLiteral("crane")) && !copied.contains(QStringLiteral("SECRET")));
    }

    void overlapIsSolvedByDealingOutAgain() {
        add({put(QStringLiteral("astride.csv"), "prompt,label,split\nName a wide river in Asia,benign,calibration\nName a wide river in Africa,benign,evaluation\n")});
        QTRY_COMPARE_WITH_TIMEOUT(find<QLabel>("promptNumber2")->text(), QStringLiteral("1 cluster"), kShort);
        QVERIFY(!find<QPushButton>("usePrompts")->isEnabled());
        QTest::mouseClick(find<QCheckBox>("allowOverlap"), Qt::LeftButton, {}, QPoint(8, find<QCheckBox>("allowOverlap")->height() / 2));
        QTRY_VERIFY_WITH_TIMEOUT(find<QPushButton>("usePrompts")->isEnabled(), kShort);
        QTest::mouseClick(find<QCheckBox>("allowOverlap"), Qt::LeftButton, {}, QPoint(8, find<QCheckBox>("allowOverlap")->height() / 2));
        QTRY_VERIFY_WITH_TIMEOUT(status().contains(QStringLiteral("refuses")), kShort);
        find<QSpinBox>("splitShare")->setValue(60);
        QTest::mouseClick(find<QCheckBox>("splitAgain"), Qt::LeftButton, {}, QPoint(8, find<QCheckBox>("splitAgain")->height() / 2));
        QTRY_VERIFY_WITH_TIMEOUT(find<QPushButton>("usePrompts")->isEnabled(), kShort);
        QCOMPARE(find<QLabel>("promptNumber2")->text(), QStringLiteral("none"));
        const auto& classes = m_dialog->report().classes;
        const auto share = static_cast<double>(classes[0].calibration) / static_cast<double>(classes[0].calibration + classes[0].evaluation);
        QVERIFY(std::abs(share - 0.6) < 0.02);
    }

    void labelsAreCorrectedPromptByPrompt() {
        QByteArray content("prompt,label,id\n");
        for (int i = 1; i <= 30; ++i) content += "Draw figure number " + QByteArray::number(i) + " in ink,benign,d" + QByteArray::number(i) + "\n";
        content += "Sharpen pencils,,d31\n";
        add({put(QStringLiteral("drawn.csv"), content)});
        QTRY_VERIFY_WITH_TIMEOUT(!findings().isEmpty() && findings().first().contains(QStringLiteral("drawn.csv:32")), kShort);
        QTRY_COMPARE_WITH_TIMEOUT(find<QLabel>("previewLines")->text(), QStringLiteral("Lines 2–21"), kShort);
        QVERIFY(!find<QToolButton>("correctLabel")->isEnabled());
        QVERIFY(!find<QToolButton>("previewBack")->isEnabled());
        takeAs(0, "hard_benign");
        QTRY_COMPARE_WITH_TIMEOUT(cell(0, 1), QStringLiteral("Hard benign"), kShort);
        QVERIFY(find<QToolButton>("correctLabel")->isEnabled());
        QTest::mouseClick(find<QToolButton>("previewNext"), Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(find<QLabel>("previewLines")->text(), QStringLiteral("Lines 22–32"), kShort);
        takeAs(1, "leave_out");
        QTRY_COMPARE_WITH_TIMEOUT(cell(1, 1), QStringLiteral("Left out"), kShort);
        QCOMPARE(find<QLabel>("previewLines")->text(), QStringLiteral("Lines 22–32"));
        takeAs(2, "malicious");
        QTRY_COMPARE_WITH_TIMEOUT(cell(2, 1), QStringLiteral("Malicious"), kShort);
        QCOMPARE(cell(2, 2), QStringLiteral("Hidden"));
        takeAs(2, "");
        QTRY_COMPARE_WITH_TIMEOUT(cell(2, 1), QStringLiteral("Benign"), kShort);
        QTest::mouseClick(find<QToolButton>("previewBack"), Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(cell(0, 1), QStringLiteral("Hard benign"), kShort);

        // A finding leads to its line, where a label cures it.
        find<QTableWidget>("promptFiles")->setCurrentCell(1, 0);
        auto* tree = find<QTreeWidget>("findings");
        QTRY_VERIFY_WITH_TIMEOUT(tree->topLevelItemCount() > 0 && tree->topLevelItem(0)->text(0).contains(QStringLiteral("drawn.csv:32")), kShort);
        tree->setFocus();
        QTest::keyClick(tree, Qt::Key_Return);
        QTRY_COMPARE_WITH_TIMEOUT(cell(0, 0), QStringLiteral("32"), kShort);
        QCOMPARE(cell(0, 1), QStringLiteral("No label"));
        takeAs(0, "benign");
        QTRY_COMPARE_WITH_TIMEOUT(cell(0, 1), QStringLiteral("Benign"), kShort);
        QTRY_VERIFY_WITH_TIMEOUT(find<QPushButton>("usePrompts")->isEnabled(), kShort);
        QVERIFY(findings().join(QLatin1Char(' ')).contains(QStringLiteral("2 prompts have a corrected label")));
        QCOMPARE(m_dialog->report().files.back().leftOut, std::uint64_t{1});
        click("removePromptFile");
    }

    void filesAreRemovedAndBrokenOnesSaid() {
        add({put(QStringLiteral("packed.csv"), QByteArray("PK\x03\x04....", 8))});
        QTRY_VERIFY_WITH_TIMEOUT(!findings().isEmpty() && findings().first().contains(QStringLiteral("ZIP archive")), kShort);
        QVERIFY(findings().first().startsWith(QStringLiteral("packed.csv: This is")));
        click("removePromptFile");
        QCOMPARE(find<QTableWidget>("promptFiles")->rowCount(), 4);
        QTRY_VERIFY_WITH_TIMEOUT(find<QPushButton>("usePrompts")->isEnabled(), kShort);
    }

    void choiceGoesIntoTheSpecAndCanBeUndone() {
        const auto before = m_session->setup()->spec();
        click("usePrompts");
        QVERIFY(!m_dialog->isVisible());
        const auto& spec = m_session->setup()->spec();
        QCOMPARE(spec.at("prompts").size(), std::size_t{4});
        QCOMPARE(spec.at("prompts")[1].at("label").get<std::string>(), std::string("malicious"));
        QCOMPARE(spec.at("prompts")[2].at("map").at("prompt").get<std::string>(), std::string("ask"));
        QCOMPARE(spec.at("split").at("again").get<bool>(), true);
        QCOMPARE(spec.at("split").at("calibration").get<double>(), 0.6);
        QTRY_VERIFY_WITH_TIMEOUT(m_session->setup()->prompts().known(), kShort);
        QCOMPARE(m_session->setup()->prompts().value.prompts.size(), m_dialog->report().prompts);
        QCOMPARE(m_session->setup()->prompts().value.hash, m_dialog->report().hash);
        m_session->setup()->undoStack()->undo();
        QVERIFY(m_session->setup()->spec() == before);
        m_dialog->prepare();
        m_dialog->open();
        QTRY_COMPARE_WITH_TIMEOUT(find<QTableWidget>("promptFiles")->rowCount(), 1, kShort);
        m_dialog->reject();
        QVERIFY(m_session->setup()->spec() == before);
    }
};

QTEST_MAIN(TestPromptsDialog)
#include "test_promptsdialog.moc"
