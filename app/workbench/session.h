// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <memory>
#include <optional>
#include <vector>

#include "app/workbench/answers/reviewstore.h"
#include "app/workbench/appsettings.h"
#include "app/workbench/dialogs.h"
#include "app/workbench/engine/engineclient.h"
#include "app/workbench/engine/enginelist.h"
#include "app/workbench/layers/slicestore.h"
#include "app/workbench/run/embeddings.h"
#include "app/workbench/run/overlaystore.h"
#include "app/workbench/run/driftcheck.h"
#include "app/workbench/run/placedprompts.h"
#include "app/workbench/run/projectioncache.h"
#include "app/workbench/run/runcontroller.h"
#include "app/workbench/run/runstore.h"
#include "app/workbench/setup/setupmodel.h"
#include "app/workbench/undohistory.h"
#include "widgets/contentshield.h"
#include "widgets/prompttablemodel.h"
#include "widgets/selectionmodel.h"

namespace safequant::workbench {

/// Everything behind one window that is not a widget: the engine, the open run, the run being set up, and what is selected. Pages
/// get a pointer to it and share nothing else.
class Session : public QObject {
    Q_OBJECT

public:
    Session(const EngineAddress& engine, AppSettings* settings, std::unique_ptr<Dialogs> dialogs, QObject* parent = nullptr);
    /// With a program of this machine as the engine, and a workspace.
    Session(const QString& engineProgram, const QString& workspace, AppSettings* settings, std::unique_ptr<Dialogs> dialogs,
            QObject* parent = nullptr);

    EngineClient* client() { return &m_client; }
    EngineList* engines() { return &m_engines; }
    RunStore* store() { return &m_store; }
    ProjectionCache* projections() { return &m_projections; }
    Embeddings* embeddings() { return &m_embeddings; }
    OverlayStore* overlay() { return &m_overlay; }
    PlacedPrompts* placed() { return &m_placed; }
    DriftCheck* drift() { return &m_drift; }
    ReviewStore* review() { return &m_review; }
    RunController* run() { return &m_run; }
    SetupModel* setup() { return &m_setup; }
    widgets::SelectionModel* selection() { return &m_selection; }
    widgets::ContentShield* shield() { return &m_shield; }
    widgets::PromptTableModel* prompts() { return &m_prompts; }
    SliceStore* slices() { return &m_slices; }
    /// What the menu's undo and redo act on: whatever was changed last.
    UndoHistory* history() { return &m_history; }
    AppSettings* settings() { return m_settings; }
    Dialogs* dialogs() { return m_dialogs.get(); }

    /// A folder of the engine's machine that a chooser was last in, each engine has its own; empty: none. `remember` takes a path in it.
    QString lastFolder(Setting setting) const;
    void rememberFolderOf(Setting setting, const QString& path);
    /// Asks where a figure or its numbers are to be written, on this machine; remembers the folder. `stem` is what the file is called unless
    /// the user says otherwise, `suffix` what it ends in where no ending is given. Empty: nowhere.
    QString chooseFigureFile(QWidget* parent, const QString& title, const QString& stem, const QString& filter, const QString& suffix);
    /// A path with the machine it is on: "gpu-box:/data/runs" where that is not this one.
    QString placeOf(const QString& path) const;

    /// Prompts of the open run.
    std::shared_ptr<const std::vector<protocol::PromptItem>> promptItems() const { return m_items; }
    const protocol::PromptItem* prompt(int index) const;
    /// Scheme of the open run, "W4A16 g64 asymmetric".
    QString schemeText() const;
    /// "refusal-22, greedy, 64 tokens" of the open run; empty before an evaluation.
    QString judgeText() const;

signals:
    /// The open run has other prompts than before.
    void promptsReplaced();

private:
    void takePrompts();

    AppSettings* m_settings;
    EngineList m_engines;
    std::unique_ptr<Dialogs> m_dialogs;
    EngineClient m_client;
    RunStore m_store;
    ProjectionCache m_projections;
    Embeddings m_embeddings;
    OverlayStore m_overlay;
    PlacedPrompts m_placed;
    DriftCheck m_drift;
    ReviewStore m_review;
    RunController m_run;
    SetupModel m_setup;
    widgets::SelectionModel m_selection;
    widgets::ContentShield m_shield;
    widgets::PromptTableModel m_prompts;
    SliceStore m_slices;
    UndoHistory m_history;
    std::shared_ptr<const std::vector<protocol::PromptItem>> m_items;
    QString m_promptsOf;
};

}  // namespace safequant::workbench
