// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/mainwindow.h"

#include <QApplication>
#include <QClipboard>
#include <QCloseEvent>
#include <QDesktopServices>
#include <QDir>
#include <QDragEnterEvent>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QMimeData>
#include <QStackedWidget>
#include <QUrl>
#include <QVBoxLayout>
#include <algorithm>

#include "app/workbench/analysis/analysispage.h"
#include "app/workbench/answers/answerspage.h"
#include "app/workbench/assessment/assessmentpage.h"
#include "app/workbench/exporting/exportdialog.h"
#include "app/workbench/frame/actions.h"
#include "app/workbench/frame/commandpalette.h"
#include "app/workbench/frame/endnotice.h"
#include "app/workbench/frame/layoutmenu.h"
#include "app/workbench/frame/runbanner.h"
#include "app/workbench/frame/runbar.h"
#include "app/workbench/frame/statusline.h"
#include "app/workbench/frame/tour.h"
#include "app/workbench/layers/layerspage.h"
#include "app/workbench/learning/learnagain.h"
#include "app/workbench/learning/learningpage.h"
#include "app/workbench/log/logpage.h"
#include "app/workbench/report/reportpage.h"
#include "app/workbench/results/resultspage.h"
#include "app/workbench/session.h"
#include "app/workbench/setup/bitspage.h"
#include "app/workbench/setup/evaluationdialog.h"
#include "app/workbench/setup/methodsettingsdialog.h"
#include "app/workbench/setup/openmodeldialog.h"
#include "app/workbench/setup/promptsdialog.h"
#include "app/workbench/setup/setuppanel.h"
#include "app/workbench/start/startpage.h"
#include "app/workbench/ui.h"
#include "core/base/files.h"
#include "widgets/layerchart.h"
#include "widgets/projectionview.h"

namespace safequant::workbench {

namespace {

constexpr int kSmallWidth = 1100;

}  // namespace

MainWindow::MainWindow(MainWindowOptions& options, AppSettings* settings) {
    setWindowTitle(QStringLiteral("SafeQuant Workbench"));
    setAcceptDrops(true);
    resize(1280, 800);
    auto dialogs = options.dialogs ? std::move(options.dialogs) : std::make_unique<Dialogs>();
    m_session = new Session(engineToBeginWith(options, settings), settings, std::move(dialogs), this);
    widgets::applyTheme(*qApp);
    m_exampleSpec = options.exampleSpec;
    m_actions = new Actions(this);
    m_actions->setChangedKeys(QJsonDocument::fromJson(settings->text(Setting::Shortcuts).toUtf8()).object().toVariantMap());
    connect(m_actions, &Actions::keysChanged, this, [this, settings] {
        const QJsonObject changed = QJsonObject::fromVariantMap(m_actions->changedKeys());
        settings->set(Setting::Shortcuts, QString::fromUtf8(QJsonDocument(changed).toJson(QJsonDocument::Compact)));
    });
    m_start = new StartPage(m_session, options.exampleModel);
    makePages();
    connectPages();
    connectActions();
    restore();
    showStartPage();
    refreshEngine();
    refreshActions();
    m_session->client()->start();
}

MainWindow::~MainWindow() {
    // Pages listen to the session until they are gone.
    delete takeCentralWidget();
}

void MainWindow::makePages() {
    m_setup = new SetupPanel(m_session->setup(), m_session->dialogs());
    m_bits = new BitsPage(m_session->setup(), m_session->store(), m_session->client());
    m_layers = new LayersPage(m_session);
    m_learning = new LearningPage(m_session);
    m_learnAgain = new LearnAgain(m_session, this);
    m_answers = new AnswersPage(m_session);
    m_analysis = new AnalysisPage(m_session);
    m_results = new ResultsPage(m_session);
    m_assessment = new AssessmentPage(m_session);
    m_report = new ReportPage(m_session);
    m_log = new LogPage(m_session);
    m_pages = new QStackedWidget;
    for (QWidget* page : std::initializer_list<QWidget*>{m_bits, m_layers, m_learning, m_answers, m_analysis, m_results, m_assessment, m_report, m_log})
        m_pages->addWidget(page);
    m_rail = new PageRail;
    m_banner = new RunBanner(m_session);
    auto* runBar = new RunBar(m_session);
    connect(runBar, &RunBar::quantizeRequested, this, &MainWindow::quantize);
    connect(runBar, &RunBar::stopRequested, m_session->run(), &RunController::stopAfterBlock);
    connect(runBar, &RunBar::resumeRequested, m_session->run(), &RunController::resume);

    auto* pageArea = new QVBoxLayout;
    setSpacing(pageArea, 0, 0, 0, 0, 0);
    pageArea->addWidget(m_banner);
    pageArea->addWidget(m_pages, 1);
    auto* body = new QHBoxLayout;
    setSpacing(body, 0, 0, 0, 0, 0);
    body->addWidget(m_rail);
    body->addWidget(m_setup);
    body->addLayout(pageArea, 1);
    auto* work = new QWidget;
    auto* workLayout = new QVBoxLayout(work);
    setSpacing(workLayout, 0, 0, 0, 0, 0);
    workLayout->addWidget(runBar);
    workLayout->addLayout(body, 1);

    m_top = new QStackedWidget;
    m_top->addWidget(m_start);
    m_top->addWidget(work);
    m_status = new StatusLine(m_session);
    auto* central = new QWidget;
    auto* layout = new QVBoxLayout(central);
    setSpacing(layout, 0, 0, 0, 0, 0);
    layout->addWidget(m_top, 1);
    layout->addWidget(m_status);
    setCentralWidget(central);
    m_palette = new CommandPalette(m_session->settings(), this);
    m_layoutMenu = new LayoutMenu(m_actions->view, m_actions->arrangePanes, m_layers->panes(), m_layers->layouts(), m_session->settings(),
                                  m_session->dialogs(), this);
    connect(m_layoutMenu, &LayoutMenu::said, m_status, &StatusLine::say);
    m_session->history()->add(m_layoutMenu->history());
    m_tour = new Tour(this);
    connect(m_tour, &Tour::ended, this, [this] { m_session->settings()->set(Setting::TourSeen, true); });
    new EndNotice(m_session, this);
}

void MainWindow::connectPages() {
    connect(m_start, &StartPage::exampleRequested, this, &MainWindow::startExample);
    connect(m_start, &StartPage::chooseModelRequested, this, &MainWindow::chooseModel);
    connect(m_start, &StartPage::chooseRunRequested, this, &MainWindow::chooseRun);
    connect(m_start, &StartPage::runChosen, this, &MainWindow::openRun);
    connect(m_start, &StartPage::enginesRequested, this, &MainWindow::chooseEngine);
    connect(m_rail, &PageRail::pageChosen, this, &MainWindow::setPage);
    connect(m_setup, &SetupPanel::quantizeRequested, this, &MainWindow::quantize);
    connect(m_setup, &SetupPanel::chooseModelRequested, this, &MainWindow::chooseModel);
    connect(m_setup, &SetupPanel::rulesRequested, this, [this] { setPage(Page::Setup); });
    connect(m_setup, &SetupPanel::promptsRequested, this, &MainWindow::choosePrompts);
    connect(m_setup, &SetupPanel::evaluationRequested, this, &MainWindow::chooseEvaluation);
    connect(m_setup, &SetupPanel::methodSettingsRequested, this, [this] { chooseMethodSettings(SettingsOf::Method); });
    connect(m_setup, &SetupPanel::patchSettingsRequested, this, [this] { chooseMethodSettings(SettingsOf::Patch); });
    connect(m_bits, &BitsPage::chooseModelRequested, this, &MainWindow::chooseModel);
    connect(m_layers, &LayersPage::quantizeRequested, this, &MainWindow::quantize);
    connect(m_layers, &LayersPage::chooseModelRequested, this, &MainWindow::chooseModel);
    connect(m_layers, &LayersPage::resumeRequested, m_session->run(), &RunController::resume);
    connect(m_learning, &LearningPage::methodRequested, this, [this] { setPage(Page::Setup); });
    connect(m_learning, &LearningPage::againRequested, m_learnAgain, &LearnAgain::ask);
    connect(m_answers, &AnswersPage::quantizeRequested, this, &MainWindow::quantize);
    connect(m_answers, &AnswersPage::resumeRequested, m_session->run(), &RunController::resume);
    connect(m_analysis, &AnalysisPage::runRequested, this, &MainWindow::chooseRun);
    connect(m_analysis, &AnalysisPage::openRunRequested, this, &MainWindow::openRun);
    connect(m_analysis, &AnalysisPage::blockChosen, m_layers, &LayersPage::setBlock);
    connect(m_analysis, &AnalysisPage::learningRequested, this, [this] { setPage(Page::Learning); });
    connect(m_analysis, &AnalysisPage::bitsRequested, this, [this] { setPage(Page::Setup); });
    connect(m_analysis, &AnalysisPage::resultsRequested, this, [this](const QString& folder) {
        m_results->selectRun(folder);
        setPage(Page::Results);
    });
    connect(m_results, &ResultsPage::openRunRequested, this, &MainWindow::openRun);
    connect(m_assessment, &AssessmentPage::openRunRequested, this, &MainWindow::openRun);
    connect(m_results, &ResultsPage::reportRequested, this, [this](const QStringList& folders) {
        m_report->showRuns(folders);
        setPage(Page::Report);
    });
    connect(m_banner, &RunBanner::resumeRequested, m_session->run(), &RunController::resume);
    connect(m_log, &LogPage::openFolderRequested, this, [this] { openFolder(m_session->store()->folder()); });
    connect(m_session->client(), &EngineClient::diagnostics, this,
            [this](const QString& line) {
                const EngineAddress& engine = m_session->client()->address();
                m_log->note(QStringLiteral("info"), engine.remote() ? tr("Engine on %1: %2").arg(engine.title(), line) : tr("Engine: %1").arg(line));
            });
    connect(m_session->client(), &EngineClient::died, this,
            [this](const QString& reason) { m_log->note(QStringLiteral("error"), reason); });
    connect(m_session->client(), &EngineClient::stateChanged, this, [this](EngineClient::State state) {
        if (state == EngineClient::State::Failed) m_log->note(QStringLiteral("error"), m_session->client()->problem());
        refreshActions();
    });
    connect(m_session->client(), &EngineClient::addressChanged, this, &MainWindow::refreshEngine);
    connect(m_session->selection(), &widgets::SelectionModel::selectionChanged, this, &MainWindow::refreshActions);
    connect(m_session->run(), &RunController::failed, this,
            [this](const QString& message) { m_log->note(QStringLiteral("error"), message); });
    connect(m_session->run(), &RunController::phaseChanged, this, [this] {
        m_setup->setRunning(m_session->run()->active() || m_session->run()->phase() == RunController::Phase::Opening);
        refreshActions();
    });
    connect(m_session->store(), &RunStore::changed, this, [this](RunStore::Changes changes) {
        if (changes & RunStore::Replaced) {
            adoptSpec();
            if (m_tourOffered && m_session->store()->hasRun() && !m_session->settings()->flag(Setting::TourSeen)) {
                m_tourOffered = false;
                startTour();
            }
        }
        if (changes & (RunStore::Replaced | RunStore::Status)) refreshActions();
    });
    for (auto signal : {&SetupModel::specChanged, &SetupModel::checkpointChanged, &SetupModel::promptsChanged,
                        &SetupModel::sampleChanged, &SetupModel::planChanged}) {
        connect(m_session->setup(), signal, this, &MainWindow::refreshActions);
    }
}

void MainWindow::connectActions() {
    const auto on = [this](QAction* action, auto&& work) { connect(action, &QAction::triggered, this, work); };
    on(m_actions->startPage, [this] { showStartPage(); });
    on(m_actions->openModel, [this] { chooseModel(); });
    on(m_actions->openRun, [this] { chooseRun(); });
    on(m_actions->exportModel, [this] { exportModel(); });
    on(m_actions->closeRun, [this] {
        m_session->run()->close();
        showStartPage();
    });
    on(m_actions->quit, [this] { close(); });
    UndoHistory* history = m_session->history();
    on(m_actions->undo, [history] { history->undo(); });
    on(m_actions->redo, [history] { history->redo(); });
    connect(history, &UndoHistory::changed, this, &MainWindow::refreshActions);
    on(m_actions->copyChart, [this] {
        QApplication::clipboard()->setText(m_layers->chart()->tableText());
        m_status->say(tr("The numbers of the chart are on the clipboard."));
    });
    on(m_actions->copyPoints, [this] {
        QApplication::clipboard()->setText(m_layers->projection()->tableText());
        m_status->say(tr("The points of the projection are on the clipboard."));
    });
    on(m_actions->exportPrompts, [this] { m_layers->exportSelection(); });
    on(m_actions->find, [this] {
        if (m_page == Page::Answers) {
            m_answers->focusFilter();
        } else {
            setPage(Page::Layers);
            m_layers->focusFilter();
        }
    });
    on(m_actions->tryPrompt, [this] {
        setPage(Page::Layers);
        m_layers->focusTry();
    });
    for (int i = 0; i < kPages; ++i) {
        on(m_actions->pages[static_cast<std::size_t>(i)], [this, i] { setPage(static_cast<Page>(i)); });
    }
    on(m_actions->setupPanel, [this](bool shown) {
        m_setupWanted = shown;
        m_session->settings()->set(Setting::SetupVisible, shown);
        placeSetup();
    });
    on(m_actions->resetZoom, [this] { m_layers->projection()->resetZoom(); });
    on(m_actions->showMalicious, [this](bool shown) {
        if (shown) {
            m_session->shield()->showAll();
        } else {
            m_session->shield()->hide();
        }
    });
    connect(m_session->shield(), &widgets::ContentShield::changed, this, [this] {
        m_actions->showMalicious->setChecked(m_session->shield()->state() == widgets::ContentShield::State::Shown);
    });
    for (QAction* theme : m_actions->themes) {
        on(theme, [this, theme] {
            const QString key = theme->data().toString();
            m_session->settings()->set(Setting::Theme, key);
            applyTheme(key);
        });
    }
    connect(m_actions->reduceMotion, &QAction::toggled, this, [this](bool reduced) {
        m_session->settings()->set(Setting::ReducedMotion, reduced);
        m_layers->setReducedMotion(reduced);
    });
    on(m_actions->quantize, [this] { quantize(); });
    connect(m_actions->stop, &QAction::triggered, m_session->run(), &RunController::stopAfterBlock);
    connect(m_actions->resume, &QAction::triggered, m_session->run(), &RunController::resume);
    on(m_actions->saveSpec, [this] { saveSpec(); });
    on(m_actions->previousBlock, [this] { stepBlock(-1); });
    on(m_actions->nextBlock, [this] { stepBlock(1); });
    on(m_actions->runFolder, [this] { openFolder(m_session->store()->folder()); });
    on(m_actions->engines, [this] { chooseEngine(); });
    on(m_actions->restartEngine, [this] { m_session->client()->restart(); });
    on(m_actions->commands, [this] { showCommands(); });
    on(m_actions->terms, [this] { showTerm(QStringLiteral("slr")); });
    on(m_actions->tour, [this] { startTour(); });
    on(m_actions->shortcuts, [this] { showShortcuts(); });
    on(m_actions->about, [this] { showAbout(); });
}

void MainWindow::restore() {
    AppSettings* settings = m_session->settings();
    restoreGeometry(settings->bytes(Setting::Geometry));
    m_setupWanted = settings->flag(Setting::SetupVisible);
    m_bits->restoreLayout(settings->bytes(Setting::BitsSplitter));
    m_layers->restoreLayout();
    m_answers->restoreLayout();
    applyTheme(settings->text(Setting::Theme));
    m_actions->reduceMotion->setChecked(settings->flag(Setting::ReducedMotion));
    setPage(pageFromKey(settings->text(Setting::Page)));
}

void MainWindow::store() {
    AppSettings* settings = m_session->settings();
    settings->set(Setting::Geometry, saveGeometry());
    settings->set(Setting::Page, pageKey(m_page));
    settings->set(Setting::BitsSplitter, m_bits->saveLayout());
    m_layers->saveLayout();
    m_answers->saveLayout();
}

void MainWindow::applyTheme(const QString& key) {
    using Mode = widgets::Theme::Mode;
    Mode mode = Mode::System;
    if (key == QLatin1String("light")) mode = Mode::Light;
    if (key == QLatin1String("dark")) mode = Mode::Dark;
    if (key == QLatin1String("contrast")) mode = Mode::HighContrast;
    widgets::Theme::instance().setMode(mode);
    for (QAction* theme : m_actions->themes) theme->setChecked(theme->data().toString() == key);
}

void MainWindow::refreshActions() {
    const RunController* run = m_session->run();
    const bool open = m_session->store()->hasRun();
    const bool working = m_top->currentIndex() == 1;
    const bool answering = run->phase() == RunController::Phase::Running;
    m_actions->exportModel->setEnabled(open && !m_session->store()->blocksOf("quantized").empty() && !run->active());
    m_actions->closeRun->setEnabled(open && !run->active());
    m_actions->quantize->setEnabled(working && !run->active() && m_session->setup()->obstacle().isEmpty());
    m_actions->saveSpec->setEnabled(working && m_session->setup()->obstacle().isEmpty());
    m_actions->stop->setEnabled(answering);
    m_actions->resume->setEnabled(run->resumable());
    m_actions->runFolder->setEnabled(open && !m_session->client()->remote());
    for (QAction* action : {m_actions->previousBlock, m_actions->nextBlock, m_actions->copyChart,
                            m_actions->copyPoints, m_actions->resetZoom}) {
        action->setEnabled(open);
    }
    const UndoHistory* undo = m_session->history();
    m_actions->undo->setEnabled(working && undo->canUndo());
    m_actions->redo->setEnabled(working && undo->canRedo());
    m_actions->undo->setText(undo->canUndo() ? tr("&Undo: %1").arg(undo->undoText()) : tr("&Undo"));
    m_actions->redo->setText(undo->canRedo() ? tr("&Redo: %1").arg(undo->redoText()) : tr("&Redo"));
    for (QAction* action : m_actions->pages) action->setEnabled(working);
    m_actions->setupPanel->setEnabled(working);
    m_actions->setupPanel->setChecked(m_setupWanted);
    m_actions->find->setEnabled(working && open);
    m_actions->tryPrompt->setEnabled(working && open);
    m_actions->exportPrompts->setEnabled(working && open && !m_session->selection()->isEmpty());
}

void MainWindow::setPage(Page page) {
    m_page = page;
    if (page == Page::Analysis) m_analysis->setBlock(m_layers->block());
    m_pages->setCurrentIndex(static_cast<int>(page));
    m_rail->setPage(page);
    m_actions->pages[static_cast<std::size_t>(page)]->setChecked(true);
    m_banner->setNotesShown(page == Page::Layers || page == Page::Answers);
    placeSetup();
}

void MainWindow::placeSetup() {
    m_setup->setVisible(m_page == Page::Setup || (m_page == Page::Layers && m_setupWanted && width() >= kSmallWidth));
}

void MainWindow::showStartPage() {
    m_top->setCurrentIndex(0);
    refreshActions();
}

void MainWindow::showWork() {
    m_top->setCurrentIndex(1);
    m_pages->currentWidget()->setFocus(Qt::OtherFocusReason);
    refreshActions();
}

void MainWindow::openModel(const QString& checkpoint, const QStringList& adapters) {
    const bool path = m_session->client()->remote() ? checkpoint.startsWith(QLatin1Char('/')) : QFileInfo::exists(checkpoint);
    if (path) m_session->rememberFolderOf(Setting::LastModelFolder, checkpoint);
    m_session->setup()->setModel(checkpoint, adapters);
    setPage(Page::Layers);
    showWork();
}

void MainWindow::startRun(const nlohmann::json& spec) {
    m_adopting = false;
    m_session->setup()->setSpec(spec);
    setPage(Page::Layers);
    showWork();
    m_session->run()->start(spec);
}

void MainWindow::startExample() {
    // Whether another machine has the model is not known before it answers: a run that lacks it says so.
    if (m_session->client()->remote() || m_start->exampleThere()) startRun(m_exampleSpec.is_null() ? exampleRunSpec(m_start->exampleModel()) : m_exampleSpec);
}

void MainWindow::saveSpec() {
    QString folder = m_session->settings()->text(Setting::LastSpecFolder);
    if (folder.isEmpty()) folder = QDir::homePath();
    const QString path = m_session->dialogs()->chooseSaveFile(this, tr("Save the spec"), QDir(folder).filePath(QStringLiteral("spec.json")), tr("Run specs (*.json)"));
    if (path.isEmpty()) return;
    m_session->settings()->set(Setting::LastSpecFolder, QFileInfo(path).absolutePath());
    if (const auto written = writeFileAtomically(path.toStdString(), m_session->setup()->spec().dump(1) + "\n"); !written)
        return m_status->say(asSentence(QString::fromStdString(written.error().describe())));
    const auto quoted = [](QString text) { return QLatin1Char('\'') + text.replace(QLatin1Char('\''), QLatin1String("'\\''")) + QLatin1Char('\''); };
    QApplication::clipboard()->setText(QStringLiteral("safequant run %1 --workspace %2").arg(quoted(path), quoted(m_session->run()->workspace())));
    m_status->say(tr("The command that runs it is on the clipboard."));
}

void MainWindow::quantize() {
    if (m_session->run()->active() || !m_session->setup()->obstacle().isEmpty()) return;
    setPage(Page::Layers);
    m_session->run()->start(m_session->setup()->specToRun());
}

void MainWindow::openRun(const QString& folder) {
    if (folder.isEmpty()) return;
    setPage(Page::Layers);
    showWork();
    m_adopting = true;
    m_session->run()->open(folder);
}

void MainWindow::adoptSpec() {
    // A run opened from disk brings its spec; one that was just started came from the panel.
    const auto& spec = m_session->store()->state().spec;
    if (!m_adopting || !m_session->store()->hasRun()) return;
    m_adopting = false;
    if (!spec.is_object()) return;
    nlohmann::json own = spec;
    // Blocks that the run took over are its own matter: another run makes all of them.
    if (own.contains("quantization")) own["quantization"].erase("continues");
    m_session->setup()->setSpec(own);
}

void MainWindow::chooseModel() {
    if (!m_openModel) {
        m_openModel = new OpenModelDialog(m_session, this);
        connect(m_openModel, &OpenModelDialog::chosen, this, &MainWindow::openModel);
    }
    m_openModel->prepare();
    m_openModel->open();
}

void MainWindow::choosePrompts() {
    if (!m_prompts) m_prompts = new PromptsDialog(m_session, this);
    m_prompts->prepare();
    m_prompts->open();
}

void MainWindow::chooseEvaluation() {
    if (!m_evaluation) m_evaluation = new EvaluationDialog(m_session->setup(), this);
    m_evaluation->prepare();
    m_evaluation->open();
}

void MainWindow::chooseMethodSettings(SettingsOf of) {
    if (!m_methodSettings) m_methodSettings = new MethodSettingsDialog(m_session->setup(), m_session->dialogs(), this);
    m_methodSettings->prepare(of);
    m_methodSettings->open();
}

void MainWindow::chooseRun() {
    const QString last = m_session->lastFolder(Setting::LastRunFolder);
    const QString folder = last.isEmpty() ? QDir(m_session->client()->workspacePath()).filePath(QStringLiteral("runs")) : last;
    const QString chosen = m_session->dialogs()->chooseFolder(this, tr("Open a run"), folder);
    if (chosen.isEmpty()) return;
    m_session->rememberFolderOf(Setting::LastRunFolder, chosen);
    openRun(chosen);
}

void MainWindow::openFolder(const QString& folder) {
    if (!folder.isEmpty() && !m_session->client()->remote()) QDesktopServices::openUrl(QUrl::fromLocalFile(folder));
}

void MainWindow::exportModel() {
    if (!m_export) {
        m_export = new ExportDialog(m_session, this);
        connect(m_export, &ExportDialog::openFolderRequested, this, &MainWindow::openFolder);
        connect(m_export, &ExportDialog::exported, this,
                [this](const QString& folder) { m_log->note(QStringLiteral("info"), tr("Exported to %1").arg(folder)); });
    }
    m_export->prepare();
    m_export->show();
    m_export->raise();
    m_export->activateWindow();
}

void MainWindow::stepBlock(int direction) {
    const auto blocks = m_session->store()->blocksOf("base");
    const bool analysing = m_page == Page::Analysis;
    const int wanted = (analysing ? m_analysis->block() : m_layers->block()) + direction;
    if (!blocks.contains(wanted)) return;
    if (analysing) m_analysis->setBlock(wanted);
    m_layers->setBlock(wanted);
}

void MainWindow::closeEvent(QCloseEvent* event) {
    if (m_session->run()->active()) {
        const auto answer =
            m_session->dialogs()->askClose(this, QString::fromStdString(m_session->store()->state().summary.name));
        if (answer == Dialogs::CloseAnswer::Cancel) {
            event->ignore();
            return;
        }
        if (answer == Dialogs::CloseAnswer::Stop) m_session->run()->stopAfterBlock();
    }
    store();
    m_session->client()->shutdown();
    event->accept();
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
    const QList<QUrl> urls = event->mimeData()->urls();
    if (urls.size() == 1 && urls.first().isLocalFile()) event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
    const QList<QUrl> urls = event->mimeData()->urls();
    if (urls.size() != 1 || !urls.first().isLocalFile()) return;
    event->acceptProposedAction();
    const QString path = urls.first().toLocalFile();
    if (m_session->client()->remote()) {
        m_status->say(tr("%1 is on this machine; the engine is on %2.").arg(QFileInfo(path).fileName(), m_session->client()->address().title()));
        return;
    }
    openPath(path);
}

}  // namespace safequant::workbench
