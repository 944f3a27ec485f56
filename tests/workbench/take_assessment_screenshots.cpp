// SPDX-License-Identifier: GPL-3.0-or-later
// take_assessment_screenshots ENGINE OUT_FOLDER: the assessment page with invented numbers (tests/widgets/assessmentsample.h), finished and at
// work, its dialog and its empty state, light and dark. No model is measured; only the run whose prompts are shown is a real one, of a tiny model.
#include <QApplication>
#include <QDialog>
#include <QDir>
#include <QFile>
#include <QListView>
#include <QPushButton>
#include <QTemporaryDir>
#include <QTextStream>

#include "app/workbench/appsettings.h"
#include "app/workbench/assessment/assessmentpage.h"
#include "app/workbench/assessment/assessmentstore.h"
#include "app/workbench/mainwindow.h"
#include "app/workbench/session.h"
#include "assessmentsample.h"
#include "pictures.h"
#include "realrun.h"
#include "tiny_run.h"
#include "widgets/prompttableview.h"
#include "widgets/segmentedcontrol.h"

using namespace safequant;
using namespace safequant::workbench;

namespace {

void writeText(const QString& path, const std::string& text) {
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(text.data(), qint64(text.size())) < 0) qFatal("cannot write %s", qPrintable(path));
}

/// An assessment folder that says the invented numbers; all finished cells show the prompts of one run.
QString writeAssessment(const QString& workspace, const char* name, protocol::AssessmentState state, const std::string& run) {
    const QString folder = workspace + QStringLiteral("/assessments/") + QString::fromLatin1(name);
    QDir().mkpath(folder);
    state.summary.folder = folder.toStdString();
    for (auto& cell : state.cells)
        if (cell.status == "finished") cell.folder = run;
    writeText(folder + QStringLiteral("/assessment.json"), "{}\n");
    writeText(folder + QStringLiteral("/summary.json"), protocol::toJson(state).dump(1));
    return folder;
}

}  // namespace

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    if (argc != 3) {
        QTextStream(stderr) << "take_assessment_screenshots ENGINE OUT_FOLDER\n";
        return 2;
    }
    const QString out = QString::fromLocal8Bit(argv[2]);
    tiny::Workspaces places;
    places.prepare();
    const QString workspace = places.path(QStringLiteral("pictures"));
    const std::string run = tiny::makeRun(workspace, tiny::specJson(places.inputs()));
    tiny::finishRun(run);

    AppSettings settings(places.path(QStringLiteral("settings.ini")));
    MainWindowOptions options;
    options.engineProgram = QString::fromLocal8Bit(argv[1]);
    options.workspace = workspace;
    MainWindow window(options, &settings);
    window.resize(1280, 800);
    window.show();
    wait(2500);
    window.openModel(places.inputs() + QStringLiteral("/model"), {});
    wait(1500);
    window.setPage(Page::Assessment);
    wait(1500);
    takePictures(window, nullptr, out, QStringLiteral("assessment-empty"));
    auto* page = window.findChild<AssessmentPage*>();
    const auto part = [&](const char* name) { return window.findChild<QWidget*>(QString::fromLatin1(name)); };
    window.findChild<QPushButton*>(QStringLiteral("newAssessment"))->click();
    wait(4000);
    if (auto* dialog = qobject_cast<QDialog*>(part("startAssessmentDialog"))) {
        takePictures(*dialog, out, QStringLiteral("assessment-new"));
        dialog->close();
    }

    const auto whole = samples::assessment();
    writeAssessment(workspace, "20261128-090000-smollm2", whole, run);
    page->store()->refresh();
    wait(2500);
    auto* prompts = window.findChild<widgets::PromptTableView*>(QStringLiteral("flippedPrompts"));
    if (prompts->model()->rowCount() > 0) prompts->setCurrentIndex(prompts->model()->index(0, 1));
    wait(800);
    takePictures(window, nullptr, out, QStringLiteral("assessment-matrix"));
    auto* views = window.findChild<widgets::SegmentedControl*>(QStringLiteral("assessmentViews"));
    views->setCurrentIndex(1);
    emit views->activated(1);
    wait(500);
    takePictures(window, nullptr, out, QStringLiteral("assessment-trade-off"));
    views->setCurrentIndex(0);
    emit views->activated(0);

    // One at work: the engine says what a process that holds the lock would, so the state is given to the window by itself.
    auto working = samples::assessment(13);
    const QString folder = writeAssessment(workspace, "20261128-100000-smollm2", working, run);
    for (auto& cell : working.cells)
        if (cell.status == "finished") cell.folder = run;
    page->store()->open(folder);
    wait(1500);
    working.summary.folder = folder.toStdString();
    emit window.session()->client()->assessmentChanged(std::make_shared<const protocol::AssessmentState>(working));
    wait(800);
    takePictures(window, nullptr, out, QStringLiteral("assessment-running"));
    return 0;
}
