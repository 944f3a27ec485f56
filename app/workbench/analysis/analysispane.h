// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointer>
#include <QWidget>
#include <functional>
#include <vector>

#include "app/workbench/engine/engineclient.h"
#include "app/workbench/figuremenu.h"
#include "widgets/figuretable.h"

class QComboBox;
class QHBoxLayout;
class QLabel;
class QMenu;
class QSortFilterProxyModel;
class QStackedWidget;
class QTableView;

namespace safequant::widgets {
class EmptyState;
class Figure;
class SegmentedControl;
}

namespace safequant::workbench {

class Session;

/// What a view says of itself.
struct PaneAbout {
    QString title, explained;  ///< The heading, and what it shows in half a sentence.
    QStringList terms;         ///< Keys of its words in the glossary (widgets/glossary.h).
};

/// A view of the analysis page: a head with what it shows, its words explained, and its controls; below it the figures or, in their place,
/// their numbers as a table. Figures and numbers can be copied and saved.
class AnalysisPane : public QWidget {
    Q_OBJECT

public:
    int block() const { return m_block; }
    virtual bool showsBlock() const { return true; }
    void setBlock(int block);
    /// Asks for what is to be seen, unless it is seen already. Does nothing while the pane is hidden.
    void refresh();

signals:
    void blockChosen(int block);
    /// The one action of the empty state.
    void runRequested();

protected:
    AnalysisPane(Session* session, const PaneAbout& about, QWidget* parent);

    Session* session() { return m_session; }
    void addControl(QWidget* control);
    /// The widget that holds the figures, and the figures themselves, in order.
    void setBody(QWidget* body, const std::vector<widgets::Figure*>& figures);
    /// Numbers that are no figure's.
    void addNumbers(const QString& name, std::function<widgets::FigureTable()> table);
    /// One sentence in place of the figures; `action` opens a run.
    void showEmpty(const QString& text, bool action = false);
    /// Shows the figures, or the numbers of the chosen one, as they are now.
    void showBody();
    /// Called when the pane is visible, the engine ready and something may have changed.
    virtual void ask() = 0;
    /// Says in the pane's place that there is nothing to look into yet; true when it did. `model`: whose blocks it needs.
    bool lacksBlocks(const std::string& model);
    /// Grows with every block that is finished.
    QString revision() const;

    /// A question of which only the newest answer is wanted, asked again when its key changes.
    struct Question {
        QString key;
        EngineClient::RequestId request{};
        bool waiting = false;
    };
    /// Asks unless the same was asked; an error stands in the pane's place.
    template <typename T>
    void askOnce(Question& question, const QString& method, const nlohmann::json& params, std::function<void(const T&)> take) {
        const QString key = method + QString::fromStdString(params.dump()) + revision();
        if (key == question.key) return;
        if (question.waiting) client()->drop(question.request);
        question.key = key;
        question.waiting = true;
        question.request = client()->template request<T>(method, params, this, [this, &question, take = std::move(take)](Expected<T> answer) {
            question.waiting = false;
            if (answer) return take(*answer);
            question.key.clear();
            showEmpty(sentenceOf(answer.error()));
        });
    }

    void showEvent(QShowEvent* event) override;

private:
    EngineClient* client();
    static QString sentenceOf(const Error& error);
    void addSource(FigureSource source);
    void fillMenu();
    void say(const QString& text, const char* tone);

    Session* m_session;
    PaneAbout m_about;
    int m_block = -1;
    QHBoxLayout* m_controls;
    QComboBox* m_source;
    widgets::SegmentedControl* m_kind;
    QMenu* m_menu;
    QLabel* m_said;
    QStackedWidget* m_stack;
    widgets::EmptyState* m_empty;
    QTableView* m_table;
    widgets::FigureTableModel* m_numbers;
    QSortFilterProxyModel* m_sorted;
    std::vector<FigureSource> m_sources;
};

}  // namespace safequant::workbench
