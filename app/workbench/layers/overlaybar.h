// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QLabel;
class QMenu;
class QToolButton;

namespace safequant::widgets {
class ElidedLabel;
class SegmentedControl;
}

namespace safequant::workbench {

class Session;

/// The line that says which run is laid over this one and how its accuracy differs at the chosen block, with the choice of what the
/// projection's two panes show. Hidden while there is none.
class OverlayBar : public QWidget {
    Q_OBJECT

public:
    explicit OverlayBar(Session* session, QWidget* parent = nullptr);

    /// The button that chooses a run; stands in the chart's head.
    QToolButton* button() { return m_button; }
    /// Whether the panes show this run's model beside the other run's.
    bool otherInPanes() const;
    /// What the other run is called on this page.
    QString name() const;
    void setBlock(int block, bool transferred);

signals:
    void panesChanged();

private:
    void fillMenu();
    void chooseFolder();
    void refresh();

    Session* m_session;
    int m_block = -1;
    bool m_transferred = true;
    QToolButton* m_button;
    QMenu* m_menu;
    widgets::ElidedLabel* m_text;
    widgets::SegmentedControl* m_panes;
};

}  // namespace safequant::workbench
