// SPDX-License-Identifier: GPL-3.0-or-later
// take_screenshots ENGINE WORKSPACE RUN_FOLDER OUT_FOLDER [PREFIX]: opens a run, during or after, and takes every page at two
// sizes, light and dark, each as OUT_FOLDER/PREFIX-PAGE-THEME[-wide].png, and the export dialog with each format.
// With SAFEQUANT_QUICK_SCREENSHOTS set it leaves out t-SNE and UMAP, which take a while.
#include <QAction>
#include <QApplication>
#include <QDialog>
#include <QDir>
#include <QFileInfo>
#include <QFrame>
#include <QLineEdit>
#include <QPushButton>
#include <QTableView>
#include <QTemporaryDir>
#include <QTextStream>
#include <QToolButton>
#include <algorithm>

#include "app/workbench/appsettings.h"
#include "app/workbench/frame/dockarea.h"
#include "app/workbench/layers/layerside.h"
#include "app/workbench/layers/layerspage.h"
#include "app/workbench/mainwindow.h"
#include "app/workbench/session.h"
#include "app/workbench/start/startpage.h"
#include "pictures.h"
#include "realrun.h"
#include "widgets/projectionview.h"
#include "widgets/promptfiltermodel.h"
#include "widgets/segmentedcontrol.h"

using namespace safequant;
using namespace safequant::workbench;

namespace {

/// A benign prompt whose answers changed, so that the picture shows something and nothing harmful.
int promptToShow(Session* session) {
    int shown = -1;
    for (const auto& answer : session->store()->state().answers) {
        if (answer.model != "quantized" || answer.label == "malicious") continue;
        if (shown < 0 || answer.label == "hard_benign") shown = answer.prompt;
    }
    return shown;
}

}  // namespace

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    if (argc < 5) {
        QTextStream(stderr) << "take_screenshots ENGINE WORKSPACE RUN_FOLDER OUT_FOLDER [PREFIX]\n";
        return 2;
    }
    const QString run = QString::fromLocal8Bit(argv[3]);
    const QDir out(QString::fromLocal8Bit(argv[4]));
    const QString prefix = argc > 5 ? QString::fromLocal8Bit(argv[5]) + QLatin1Char('-') : QString();
    QTemporaryDir settingsFolder;
    AppSettings settings(settingsFolder.filePath(QStringLiteral("settings.ini")));
    MainWindowOptions options;
    options.engineProgram = QString::fromLocal8Bit(argv[1]);
    options.workspace = QString::fromLocal8Bit(argv[2]);
    MainWindow window(options, &settings);
    window.show();
    wait(2500);
    const auto take = [&](const QString& name) { takePictures(window, nullptr, out.path(), prefix + name); };
    take(QStringLiteral("start"));
    window.openPath(run);
    wait(4000);
    auto* layers = window.findChild<LayersPage*>();
    const int block = window.session()->store()->newestBlock("quantized");
    if (block >= 0) layers->setBlock(std::min(block, 17));
    window.session()->selection()->select(promptToShow(window.session()));
    window.setPage(Page::Layers);
    wait(2500);
    take(QStringLiteral("layers"));
    layers->projection()->setOverlaid(true);
    SliceStore* slices = window.session()->slices();
    const auto fromRule = [&](const QString& line) {
        widgets::PromptFilterModel filter;
        filter.setSourceModel(window.session()->prompts());
        filter.setFilterLine(line);
        slices->add(line, QStringLiteral("rule: ") + line, filter.prompts());
    };
    fromRule(QStringLiteral("base:complied quant:refused"));
    fromRule(QStringLiteral("hard score>2"));
    layers->panes()->showPane(LayerSide::kSlices);
    window.findChild<QTableView*>(QStringLiteral("slices"))->selectRow(0);
    take(QStringLiteral("layers-slices"));
    // The workspace keeps slices: what was made for the picture goes again.
    slices->remove({static_cast<int>(slices->slices().size()) - 2, static_cast<int>(slices->slices().size()) - 1});
    layers->panes()->showPane(LayerSide::kPrompts);
    layers->projection()->setOverlaid(false);
    // Another run of the workspace laid over this one, when there is one.
    const auto runs = window.findChild<StartPage*>()->runs();
    const auto other = std::find_if(runs.begin(), runs.end(), [&](const auto& each) {
        return QFileInfo(QString::fromStdString(each.folder)) != QFileInfo(run) && each.status == "finished" && !each.scheme.empty();
    });
    if (other != runs.end()) {
        window.session()->overlay()->choose(QString::fromStdString(other->folder));
        wait(8000);
        take(QStringLiteral("overlay"));
        window.session()->overlay()->choose({});
    }
    window.showCommands();
    window.findChild<QLineEdit*>(QStringLiteral("commandText"))->setText(QStringLiteral("ru"));
    take(QStringLiteral("commands"));
    window.findChild<QWidget*>(QStringLiteral("commandPalette"))->hide();
    window.startTour();
    for (int step = 1; step <= 4; ++step) {
        take(QStringLiteral("tour-%1").arg(step));
        window.findChild<QPushButton*>(QStringLiteral("tourNext"))->click();
    }
    window.setPage(Page::Layers);
    const bool embeddings = qEnvironmentVariableIsEmpty("SAFEQUANT_QUICK_SCREENSHOTS");
    for (const auto& kind : embeddings ? QStringList{QStringLiteral("tsne"), QStringLiteral("umap")} : QStringList{}) {
        layers->setKind(kind);
        wait(700);
        window.grab().save(out.filePath(QStringLiteral("%1layers-%2-moving.png").arg(prefix, kind)));
        wait(15000);
        take(QStringLiteral("layers-") + kind);
        if (auto* gear = window.findChild<QToolButton*>(QStringLiteral("embeddingSettings"))) {
            gear->click();
            wait(500);
            if (auto* popover = window.findChild<QFrame*>(QStringLiteral("embeddingPopover"))) {
                popover->grab().save(out.filePath(QStringLiteral("%1layers-%2-settings.png").arg(prefix, kind)));
                popover->close();
            }
        }
    }
    layers->setKind(QStringLiteral("probe"));
    layers->panes()->showPane(LayerSide::kTokens);
    wait(1500);
    take(QStringLiteral("tokens"));
    for (const char* layout : {"all", "below"}) {
        window.resize(1280, 800);
        wait(300);
        window.findChild<QAction*>(QStringLiteral("layout_") + QLatin1String(layout))->trigger();
        take(QStringLiteral("layout-") + QLatin1String(layout));
    }
    window.findChild<QAction*>(QStringLiteral("arrangePanes"))->setChecked(true);
    take(QStringLiteral("arranging"));
    window.findChild<QAction*>(QStringLiteral("arrangePanes"))->setChecked(false);
    window.findChild<QAction*>(QStringLiteral("layout_usual"))->trigger();
    layers->panes()->showPane(LayerSide::kWhatIf);
    wait(20000);
    take(QStringLiteral("whatif"));
    layers->panes()->showPane(LayerSide::kPrompts);
    window.setPage(Page::Setup);
    wait(1500);
    take(QStringLiteral("setup"));
    window.setPage(Page::Learning);
    wait(1500);
    take(QStringLiteral("learning"));
    window.setPage(Page::Answers);
    wait(1500);
    take(QStringLiteral("answers"));
    window.setPage(Page::Analysis);
    wait(4000);
    take(QStringLiteral("analysis"));
    const auto choose = [&](const char* control, int segment) {
        auto* segments = window.findChild<widgets::SegmentedControl*>(QLatin1String(control));
        segments->setCurrentIndex(segment);
        emit segments->activated(segment);
        emit segments->valueActivated(segments->currentValue());
        wait(3000);
    };
    choose("analysisViews", window.findChild<widgets::SegmentedControl*>(QStringLiteral("analysisViews"))->count() - 1);
    take(QStringLiteral("trade-off"));
    choose("tradeOffKind", 1);
    take(QStringLiteral("parallel"));
    window.setPage(Page::Results);
    wait(3000);
    take(QStringLiteral("results"));
    window.setPage(Page::Report);
    wait(3000);
    take(QStringLiteral("report"));
    window.findChild<QPushButton*>(QStringLiteral("reportPartsButton"))->click();
    wait(1500);
    auto* parts = window.findChild<QDialog*>(QStringLiteral("reportParts"));
    takePictures(window, parts, out.path(), prefix + QStringLiteral("report-parts"));
    parts->close();
    window.setPage(Page::Log);
    take(QStringLiteral("log"));
    window.setPage(Page::Setup);
    const std::pair<const char*, const char*> dialogs[] = {{"changeEvaluation", "evaluation"}, {"methodSettings", "methodSettings"}};
    for (const auto& [button, name] : dialogs) {
        window.findChild<QPushButton*>(QString::fromLatin1(button))->click();
        wait(1500);
        auto* opened = window.findChild<QDialog*>(QStringLiteral("%1Dialog").arg(QLatin1String(name)));
        takePictures(*opened, out.path(), prefix + QLatin1String(name));
        opened->close();
    }
    window.findChild<QAction*>(QStringLiteral("shortcuts"))->trigger();
    auto* shortcuts = window.findChild<QDialog*>(QStringLiteral("shortcutsDialog"));
    takePictures(*shortcuts, out.path(), prefix + QStringLiteral("shortcuts"));
    shortcuts->close();
    window.findChild<QAction*>(QStringLiteral("exportModel"))->trigger();
    auto* dialog = window.findChild<QDialog*>(QStringLiteral("exportDialog"));
    auto* formats = dialog->findChild<widgets::SegmentedControl*>(QStringLiteral("exportFormat"));
    for (int format = 0; format < formats->count(); ++format) {
        formats->setCurrentIndex(format);
        emit formats->valueActivated(formats->currentValue());
        wait(1500);
        takePictures(*dialog, out.path(), prefix + QStringLiteral("export-") + formats->currentValue().toString());
    }
    window.close();
    return 0;
}
