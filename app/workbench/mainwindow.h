// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QMainWindow>
#include <cstdint>
#include <memory>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "app/workbench/dialogs.h"
#include "app/workbench/engine/engineaddress.h"
#include "app/workbench/frame/pagerail.h"

class QStackedWidget;

namespace safequant::workbench {

class Actions;
class AnalysisPage;
class AnswersPage;
class AppSettings;
class AssessmentPage;
class BitsPage;
class CommandPalette;
class EnginesDialog;
class EvaluationDialog;
class MethodSettingsDialog;
enum class SettingsOf : std::uint8_t;
class ExportDialog;
class OpenModelDialog;
class PromptsDialog;
class LayersPage;
class LayoutMenu;
class LearnAgain;
class LearningPage;
class LogPage;
class ReportPage;
class ResultsPage;
class RunBanner;
class Session;
class SetupPanel;
class StartPage;
class StatusLine;
class ShortcutsDialog;
class TermsDialog;
class Tour;
struct Command;

struct MainWindowOptions {
    std::optional<EngineAddress> engine;  ///< Empty: the one chosen in the settings.
    QString engineProgram;             ///< Not empty, and no `engine`: this program of this machine.
    QString workspace;                 ///< On the engine's machine. Empty: the engine's own, or the user's data folder.
    QString exampleModel;              ///< Empty: the default model in the cache folder of the engine's machine.
    nlohmann::json exampleSpec;        ///< Null: the example run (exampleRunSpec).
    std::unique_ptr<Dialogs> dialogs;  ///< Null: those a user answers.
};

/// The engine that the options name; else the one that the settings remember.
EngineAddress engineToBeginWith(const MainWindowOptions& options, AppSettings* settings);

/// The window: menus, rail, toolbar, pages, status line. It brings them together; what they show and do is theirs.
class MainWindow : public QMainWindow {
    Q_OBJECT

public:
    /// `settings` must outlive the window.
    MainWindow(MainWindowOptions& options, AppSettings* settings);
    ~MainWindow() override;

    Session* session() { return m_session; }
    Page page() const { return m_page; }

    /// Does something that needs the engine's machine: at once with an engine of this one, else when it has introduced itself.
    void whenThere(const std::function<void()>& work);
    /// Goes on with another engine and remembers it; an open run is closed here and goes on there.
    void useEngine(const EngineAddress& address);

    /// Opens a model for setup, or a run folder. The path is one of the engine's machine.
    void openPath(const QString& path);
    /// A path or a name on the hub, with the LoRA adapters merged into it.
    void openModel(const QString& checkpoint, const QStringList& adapters);
    /// Takes a run spec into the setup panel and starts it at once.
    void startRun(const nlohmann::json& spec);
    /// Shows the tour once a run is open, unless it was seen before.
    void offerTour() { m_tourOffered = true; }
    /// The example run; stays on the start page, which says why, when the model is not there.
    void startExample();

public slots:
    void setPage(safequant::workbench::Page page);
    void showStartPage();
    void showCommands();
    void startTour();
    /// Opens the terms at one of them (see widgets/glossary.h).
    void showTerm(const QString& key);

protected:
    void closeEvent(QCloseEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;

private:
    void makePages();
    void connectPages();
    void connectActions();
    void restore();
    void store();
    void refreshActions();
    void applyTheme(const QString& key);
    void chooseModel();
    void choosePrompts();
    void chooseEvaluation();
    void chooseMethodSettings(SettingsOf of);
    void chooseRun();
    void quantize();
    void saveSpec();
    void openRun(const QString& folder);
    void adoptSpec();
    void showWork();
    void placeSetup();
    void openFolder(const QString& folder);
    void chooseEngine();
    void refreshEngine();
    void exportModel();
    void stepBlock(int direction);
    std::vector<Command> commands();
    void showShortcuts();
    void showAbout();

    Session* m_session;
    Actions* m_actions;
    Page m_page = Page::Layers;
    nlohmann::json m_exampleSpec;
    bool m_setupWanted = true;
    bool m_tourOffered = false;
    bool m_adopting = false;  ///< The state on its way is of a run from disk.
    QStackedWidget* m_top;    ///< Start page, or the work.
    QStackedWidget* m_pages;
    StartPage* m_start;
    SetupPanel* m_setup;
    BitsPage* m_bits;
    LayersPage* m_layers;
    LearningPage* m_learning;
    LearnAgain* m_learnAgain;
    AnswersPage* m_answers;
    AnalysisPage* m_analysis;
    ResultsPage* m_results;
    AssessmentPage* m_assessment;
    ReportPage* m_report;
    LogPage* m_log;
    PageRail* m_rail;
    RunBanner* m_banner;
    StatusLine* m_status;
    LayoutMenu* m_layoutMenu;
    CommandPalette* m_palette;
    Tour* m_tour;
    ExportDialog* m_export = nullptr;
    PromptsDialog* m_prompts = nullptr;
    EvaluationDialog* m_evaluation = nullptr;
    MethodSettingsDialog* m_methodSettings = nullptr;
    OpenModelDialog* m_openModel = nullptr;
    TermsDialog* m_terms = nullptr;
    ShortcutsDialog* m_shortcuts = nullptr;
    EnginesDialog* m_engines = nullptr;
};

}  // namespace safequant::workbench
