// SPDX-License-Identifier: GPL-3.0-or-later
// Slices of prompts: their file, undo across the window, the panel as a user drives it, and what is written for others.
#include <QAction>
#include <QFile>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPushButton>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>
#include <nlohmann/json.hpp>

#include "app/workbench/appsettings.h"
#include "app/workbench/layers/promptexport.h"
#include "app/workbench/layers/slicefile.h"
#include "app/workbench/layers/slicespanel.h"
#include "app/workbench/session.h"
#include "app/workbench/undohistory.h"
#include "widgets/promptfiltermodel.h"
#include "widgets/slicetablemodel.h"
#include "widgets/theme.h"

using namespace safequant;
using namespace safequant::workbench;

namespace {

constexpr const char* kSecret = "SECRETWORD of a malicious prompt";

std::vector<protocol::PromptItem> somePrompts() {
    std::vector<protocol::PromptItem> prompts;
    for (int i = 0; i < 12; ++i) {
        protocol::PromptItem item;
        item.id = "p" + std::to_string(i);
        item.label = i % 3 == 0 ? "malicious" : i % 3 == 1 ? "benign" : "hard_benign";
        item.text = i % 3 == 0 ? kSecret : "Write \"a, b\"\nand " + std::to_string(i);
        item.split = i % 2 == 0 ? "evaluation" : "calibration";
        prompts.push_back(item);
    }
    return prompts;
}

/// Base: everything refused below 6, complied from there; quantized: the malicious ones comply.
std::vector<protocol::AnswerItem> someAnswers(const std::vector<protocol::PromptItem>& prompts) {
    std::vector<protocol::AnswerItem> answers;
    for (int i = 0; i < int(prompts.size()); ++i) {
        for (const char* model : {"base", "quantized"}) {
            protocol::AnswerItem answer;
            answer.prompt = i;
            answer.label = prompts[std::size_t(i)].label;
            answer.model = model;
            const bool base = answer.model == "base";
            answer.outcome = base ? (i < 6 ? "refused" : "complied") : answer.label == "malicious" ? "complied" : "refused";
            answers.push_back(answer);
        }
    }
    return answers;
}

protocol::RunState someRun(const QString& folder) {
    protocol::RunState state;
    state.summary.folder = folder.toStdString();
    state.summary.name = "a run";
    state.summary.created = "2026-11-27T10:00:00Z";
    state.summary.status = "finished";
    state.prompts = somePrompts();
    state.answers = someAnswers(state.prompts);
    return state;
}

class ScriptedDialogs : public Dialogs {
public:
    QString chooseExportFile(QWidget*, const QString&, const QString& suggestion) override {
        suggested = suggestion;
        return path;
    }
    QString path, suggested;
};

QByteArray contentOf(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

void writeFile(const QString& path, const QByteArray& content) {
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    QCOMPARE(file.write(content), content.size());
}

/// A command that counts.
class Step : public QUndoCommand {
public:
    Step(QStringList* log, const QString& name) : QUndoCommand(name), m_log(log) {}
    void undo() override { m_log->removeOne(text()); }
    void redo() override { m_log->append(text()); }

private:
    QStringList* m_log;
};

}  // namespace

class TestSlices : public QObject {
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    std::unique_ptr<AppSettings> m_settings;
    ScriptedDialogs* m_dialogs = nullptr;

    std::unique_ptr<Session> makeSession(const QString& workspace) {
        auto dialogs = std::make_unique<ScriptedDialogs>();
        m_dialogs = dialogs.get();
        auto session = std::make_unique<Session>(QStringLiteral("/nowhere/safequant"), workspace, m_settings.get(), std::move(dialogs));
        session->store()->replace(someRun(workspace + QStringLiteral("/runs/one")));
        return session;
    }
    static QStringList namesOf(Session* session) {
        QStringList names;
        for (const auto& slice : session->slices()->slices()) names << slice.name;
        return names;
    }

private slots:
    void initTestCase() {
        QLocale::setDefault(QLocale::c());
        QVERIFY(m_folder.isValid());
        m_settings = std::make_unique<AppSettings>(m_folder.filePath(QStringLiteral("settings.ini")));
        widgets::applyTheme(*qApp, widgets::Theme::Mode::Light);
    }

    void filesComeBackAsTheyWere() {
        const auto prompts = somePrompts();
        const QString file = m_folder.filePath(QStringLiteral("made/slices.json"));
        QVERIFY(readSlices(file, prompts)->empty());
        widgets::PromptSlice first, second;
        first.name = QString::fromUtf8("Nähe \"1\"");
        first.mark = 4;
        first.shown = false;
        first.madeFrom = QStringLiteral("selection");
        first.prompts = {1, 4, 7};
        second.name = QStringLiteral("Rest");
        second.prompts = {0};
        second.absent = QStringList{QStringLiteral("gone")};
        QVERIFY(writeSlices(file, "a run", {first, second}, prompts));
        QVERIFY(!QFile::exists(file + QStringLiteral(".part")));
        const auto read = readSlices(file, prompts);
        QVERIFY(read.has_value());
        QCOMPARE(read->size(), std::size_t(2));
        QVERIFY(read->at(0) == first);
        QVERIFY(read->at(1) == second);
        // Ids hold on when a run has its prompts in another order.
        auto turned = prompts;
        std::reverse(turned.begin(), turned.end());
        QCOMPARE(readSlices(file, turned)->at(0).prompts, (QList<int>{4, 7, 10}));
    }

    void brokenFilesAreSaid_data() {
        QTest::addColumn<QByteArray>("content");
        QTest::addColumn<QString>("said");
        const QByteArray head = R"({"format": "safequant-slices", "format_version": 1, "slices": )";
        QTest::newRow("cut off") << head << "not a JSON object";
        QTest::newRow("a list") << QByteArray("[]") << "not a JSON object";
        QTest::newRow("another format") << QByteArray(R"({"format": "safequant-run-spec", "format_version": 1})") << "safequant-slices";
        QTest::newRow("no version") << QByteArray(R"({"format": "safequant-slices", "slices": []})") << "format_version";
        QTest::newRow("a later version") << QByteArray(R"({"format": "safequant-slices", "format_version": 2, "slices": []})") << "later version";
        QTest::newRow("no list") << head + "{}}" << "\"slices\" must be a list";
        QTest::newRow("no object") << head + "[3]}" << "slices[0] must be an object";
        QTest::newRow("no name") << head + R"([{"name": "", "prompts": []}]})" << "slices[0] needs a \"name\"";
        QTest::newRow("a mark too many") << head + R"([{"name": "a", "mark": 6, "prompts": []}]})" << "slices[0].mark";
        QTest::newRow("a mark of words") << head + R"([{"name": "a", "mark": "red", "prompts": []}]})" << "slices[0].mark";
        QTest::newRow("half shown") << head + R"([{"name": "a", "shown": 1, "prompts": []}]})" << "slices[0].shown";
        QTest::newRow("no prompts") << head + R"([{"name": "a"}]})" << "slices[0].prompts";
        QTest::newRow("numbers") << head + R"([{"name": "a", "prompts": []}, {"name": "b", "prompts": [1]}]})" << "slices[1].prompts";
    }

    void brokenFilesAreSaid() {
        QFETCH(QByteArray, content);
        QFETCH(QString, said);
        const QString file = m_folder.filePath(QStringLiteral("broken.json"));
        writeFile(file, content);
        const auto read = readSlices(file, somePrompts());
        QVERIFY(!read.has_value());
        const QString text = QString::fromStdString(read.error().describe());
        QVERIFY2(text.contains(said) && text.contains(file), qPrintable(text));
        // It is not written over.
        SliceStore store;
        store.open(file, "a run", std::make_shared<const std::vector<protocol::PromptItem>>(somePrompts()));
        QVERIFY(!store.usable());
        QVERIFY(store.problem().contains(said));
        QCOMPARE(store.add(QStringLiteral("x"), {}, {1}), -1);
        store.close();
        QCOMPARE(contentOf(file), content);
    }

    void everyChangeIsUndone() {
        SliceStore store;
        store.open(m_folder.filePath(QStringLiteral("undone.json")), "a run", std::make_shared<const std::vector<protocol::PromptItem>>(somePrompts()));
        std::vector<std::vector<widgets::PromptSlice>> states{store.slices()};
        const auto step = [&](auto&& change) {
            change();
            QVERIFY(store.slices() != states.back());
            states.push_back(store.slices());
        };
        step([&] { store.add(QStringLiteral("a"), QStringLiteral("selection"), {3, 1, 2}); });
        step([&] { store.add(QStringLiteral("a"), QStringLiteral("selection"), {5}); });
        QCOMPARE(store.slices()[1].name, QStringLiteral("a 2"));
        QVERIFY(store.slices()[0].mark != store.slices()[1].mark);
        step([&] { store.rename(0, QStringLiteral("b")); });
        step([&] { store.setMark(1, 5); });
        step([&] { store.setShown(1, false); });
        step([&] { store.remove({0, 1}); });
        store.rename(0, QStringLiteral("nothing there"));
        QCOMPARE(store.undoStack()->count(), int(states.size()) - 1);
        for (std::size_t at = states.size() - 1; at > 0; --at) {
            store.undoStack()->undo();
            QVERIFY(store.slices() == states[at - 1]);
        }
        for (std::size_t at = 1; at < states.size(); ++at) {
            store.undoStack()->redo();
            QVERIFY(store.slices() == states[at]);
        }
        QCOMPARE(store.complement(0), QList<int>());
    }

    void undoActsOnWhatWasChangedLast() {
        QUndoStack one, other;
        UndoHistory history;
        history.add(&one);
        history.add(&other);
        QStringList log;
        QVERIFY(!history.canUndo() && !history.canRedo());
        one.push(new Step(&log, QStringLiteral("a")));
        other.push(new Step(&log, QStringLiteral("b")));
        one.push(new Step(&log, QStringLiteral("c")));
        QCOMPARE(history.undoText(), QStringLiteral("c"));
        history.undo();
        QCOMPARE(history.undoText(), QStringLiteral("b"));
        history.undo();
        history.undo();
        QVERIFY(!history.canUndo());
        QVERIFY(log.isEmpty());
        for (const auto& name : {QStringLiteral("a"), QStringLiteral("b"), QStringLiteral("c")}) {
            QCOMPARE(history.redoText(), name);
            history.redo();
        }
        QCOMPARE(log, (QStringList{QStringLiteral("a"), QStringLiteral("b"), QStringLiteral("c")}));
        history.undo();
        history.undo();
        // A change ends the redo of all, not of its own stack alone.
        one.push(new Step(&log, QStringLiteral("d")));
        QVERIFY(!history.canRedo());
        QVERIFY(other.canRedo());
        QCOMPARE(history.undoText(), QStringLiteral("d"));
        one.clear();
        QVERIFY(!history.canUndo());
        other.push(new Step(&log, QStringLiteral("e")));
        QCOMPARE(history.undoText(), QStringLiteral("e"));
    }

    void panelMakesCombinesAndSelects() {
        const QString workspace = m_folder.filePath(QStringLiteral("panel"));
        auto session = makeSession(workspace);
        SlicesPanel panel(session.get());
        widgets::PromptFilterModel filter;
        filter.setSourceModel(session->prompts());
        panel.setFilter(&filter);
        panel.resize(289, 500);
        panel.show();
        const auto button = [&](const char* name) { return panel.findChild<QPushButton*>(QString::fromLatin1(name)); };
        auto* rule = panel.findChild<QLineEdit*>(QStringLiteral("sliceRule"));
        auto* view = panel.findChild<QTableView*>(QStringLiteral("slices"));
        QVERIFY(!button("sliceFromSelection")->isEnabled());
        QVERIFY(!button("sliceFromFilter")->isEnabled());

        rule->setFocus();
        QTest::keyClicks(rule, QStringLiteral("base:refused quant:complied"));
        QTest::keyClick(rule, Qt::Key_Return);
        QCOMPARE(panel.count(), 1);
        QCOMPARE(session->slices()->slices()[0].prompts, (QList<int>{0, 3}));
        session->selection()->setSelection({0, 4, 6});
        QTest::mouseClick(button("sliceFromSelection"), Qt::LeftButton);
        QCOMPARE(panel.count(), 2);
        QCOMPARE(session->slices()->slices()[1].prompts, (QList<int>{0, 4, 6}));
        filter.setFilterLine(QStringLiteral("hard"));
        QTest::mouseClick(button("sliceFromFilter"), Qt::LeftButton);
        QCOMPARE(panel.count(), 3);
        QCOMPARE(session->slices()->slices()[2].prompts, (QList<int>{2, 5, 8, 11}));
        // Hidden text is not searched: no slice, and it is said.
        QTest::keyClicks(rule, QStringLiteral("SECRETWORD"));
        QTest::keyClick(rule, Qt::Key_Return);
        QCOMPARE(panel.count(), 3);
        QVERIFY(panel.findChild<QLabel*>(QStringLiteral("sliceNote"))->text().contains(QStringLiteral("No prompt")));

        const auto choose = [&](const QList<int>& rows) {
            view->clearSelection();
            for (const int row : rows) {
                view->selectionModel()->select(view->model()->index(row, 0), QItemSelectionModel::Select | QItemSelectionModel::Rows);
            }
        };
        const auto combine = [&](int which) {
            auto* menu = panel.findChild<QMenu*>(QStringLiteral("sliceCombineMenu"));
            emit menu->aboutToShow();
            menu->actions().at(which)->trigger();
            return session->slices()->slices().back().prompts;
        };
        choose({0, 1});
        QCOMPARE(combine(0), QList<int>{0});
        choose({0, 1});
        QCOMPARE(combine(1), (QList<int>{0, 3, 4, 6}));
        choose({0, 1});
        QCOMPARE(combine(2), QList<int>{3});
        choose({0, 1});
        QCOMPARE(combine(3), (QList<int>{4, 6}));
        choose({1});
        QCOMPARE(combine(0), (QList<int>{1, 2, 3, 5, 7, 8, 9, 10, 11}));
        QCOMPARE(panel.count(), 8);

        choose({0});
        QTest::mouseClick(button("sliceSelect"), Qt::LeftButton);
        QCOMPARE(session->selection()->selected(), (QList<int>{0, 3}));
        choose({1, 2});
        QTest::mouseClick(button("sliceAdd"), Qt::LeftButton);
        QCOMPARE(session->selection()->selected(), (QList<int>{0, 2, 3, 4, 5, 6, 8, 11}));

        choose({0});
        QTest::mouseClick(button("sliceRename"), Qt::LeftButton);
        auto* editor = view->findChild<QLineEdit*>();
        QVERIFY(editor != nullptr);
        editor->selectAll();
        QTest::keyClicks(editor, QStringLiteral("flipped"));
        QTest::keyClick(editor, Qt::Key_Return);
        QTRY_COMPARE(session->slices()->slices()[0].name, QStringLiteral("flipped"));
        QTRY_VERIFY(view->findChild<QLineEdit*>() == nullptr);
        choose({0});
        panel.findChild<QMenu*>(QStringLiteral("sliceMarkMenu"))->actions().at(3)->trigger();
        QCOMPARE(session->slices()->slices()[0].mark, 3);
        view->model()->setData(view->model()->index(0, 0), Qt::Unchecked, Qt::CheckStateRole);
        QVERIFY(!session->slices()->slices()[0].shown);
        choose({3, 4, 5, 6, 7});
        view->setFocus();
        QTest::mouseClick(button("sliceDelete"), Qt::LeftButton);
        QCOMPARE(panel.count(), 3);
        session->history()->undo();
        QCOMPARE(panel.count(), 8);
        session->history()->redo();
        QCOMPARE(panel.count(), 3);

        // They are there when the run is opened again, also from where it was moved to.
        const QStringList names = namesOf(session.get());
        const auto slices = session->slices()->slices();
        QTRY_VERIFY(!QDir(workspace + QStringLiteral("/slices")).entryList({QStringLiteral("one-*.json")}).isEmpty());
        session->store()->replace(someRun(workspace + QStringLiteral("/runs/two")));
        QVERIFY(session->slices()->slices().empty());
        QVERIFY(!session->history()->canUndo());
        session->store()->replace(someRun(QStringLiteral("/elsewhere/one")));
        QCOMPARE(namesOf(session.get()), names);
        QVERIFY(session->slices()->slices() == slices);
    }

    void undoReachesSetupAndSlices() {
        auto session = makeSession(m_folder.filePath(QStringLiteral("both")));
        session->setup()->setModel(QStringLiteral("/models/a.gguf"), {});
        session->setup()->setMethod(QStringLiteral("gptq"));
        session->slices()->add(QStringLiteral("s"), {}, {1});
        session->setup()->setMethod(QStringLiteral("awq"));
        session->history()->undo();
        QVERIFY(session->setup()->spec()["quantization"]["method"] == "gptq");
        QCOMPARE(session->slices()->slices().size(), std::size_t(1));
        session->history()->undo();
        QVERIFY(session->slices()->slices().empty());
        QVERIFY(session->setup()->spec()["quantization"]["method"] == "gptq");
        session->history()->redo();
        QCOMPARE(session->slices()->slices().size(), std::size_t(1));
    }

    void exportsKeepTheShield() {
        const QString workspace = m_folder.filePath(QStringLiteral("exports"));
        auto session = makeSession(workspace);
        protocol::ProjectionResult scores;
        scores.block = 17;
        scores.prompts = {0, 4};
        scores.logitsBase = {1.3F, -0.1F};
        scores.logitsQuantized = {0.25F, -2.5F};
        session->prompts()->setScores(scores);
        SlicesPanel panel(session.get());
        panel.setBlock(17);
        session->selection()->setSelection({0, 4, 5});
        m_dialogs->path = m_folder.filePath(QStringLiteral("out.jsonl"));
        panel.exportSelection();
        QVERIFY(m_dialogs->suggested.endsWith(QStringLiteral("selection.jsonl")));
        const QList<QByteArray> lines = contentOf(m_dialogs->path).split('\n');
        QCOMPARE(lines.size(), 4);
        const auto first = nlohmann::json::parse(lines[0].toStdString()), second = nlohmann::json::parse(lines[1].toStdString());
        const nlohmann::json expected{{"id", "p0"}, {"label", "malicious"}, {"split", "evaluation"}, {"text", nullptr}, {"block", 17}, {"probe", "transferred"},
                                        {"score_base", 1.3}, {"outcome_base", "refused"}, {"score_quantized", 0.25}, {"outcome_quantized", "complied"}};
        QVERIFY2(first == expected, first.dump().c_str());
        QVERIFY(second["text"] == somePrompts()[4].text);
        QCOMPARE(second["score_base"].get<double>(), -0.1);
        QVERIFY(nlohmann::json::parse(lines[2].toStdString())["score_base"].is_null());
        QVERIFY(lines[3].isEmpty());
        session->shield()->showAll();
        panel.exportSelection();
        QVERIFY(nlohmann::json::parse(contentOf(m_dialogs->path).split('\n')[0].toStdString())["text"] == kSecret);
        session->shield()->hide();
        session->prompts()->setTransferred(false);
        m_dialogs->path = m_folder.filePath(QStringLiteral("out.csv"));
        panel.exportSelection();
        QCOMPARE(contentOf(m_dialogs->path),
                 QByteArray("id,label,split,text,block,probe,score_base,outcome_base,score_quantized,outcome_quantized\n"
                            "p0,malicious,evaluation,,17,refitted,1.3,refused,0.25,complied\n"
                            "p4,benign,evaluation,\"Write \"\"a, b\"\"\nand 4\",17,refitted,-0.1,refused,-2.5,refused\n"
                            "p5,hard_benign,calibration,\"Write \"\"a, b\"\"\nand 5\",17,refitted,,refused,,refused\n"));
        // A place that cannot be written is said, and nothing is left there.
        m_dialogs->path = QStringLiteral("/proc/nowhere/out.csv");
        panel.exportSelection();
        const QString said = panel.findChild<QLabel*>(QStringLiteral("sliceNote"))->text();
        QVERIFY2(said.contains(QStringLiteral("/proc/nowhere")), qPrintable(said));
    }
};

QTEST_MAIN(TestSlices)
#include "test_slices.moc"
