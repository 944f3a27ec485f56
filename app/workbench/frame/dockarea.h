// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QMainWindow>
#include <QTimer>
#include <functional>

class QDockWidget;

namespace safequant::workbench {

/// The panes of a page: dragged by their titles beside or upon each other, taken out as windows of their own, hidden, and all of it
/// kept. Titles stand over the panes only while they are being arranged, and over those that are out.
class DockArea : public QMainWindow {
    Q_OBJECT

public:
    explicit DockArea(QWidget* parent = nullptr);

    /// A new pane, not placed yet; `key` names it for setArrangement(). The area owns the content.
    QDockWidget* addPane(const QString& key, const QString& title, QWidget* content);
    QDockWidget* pane(const QString& key) const;
    /// What stands in it; hidden while another pane is before it.
    QWidget* content(const QString& key) const;
    /// In the order they were added.
    const QList<QDockWidget*>& panes() const { return m_panes; }
    /// Shows a pane, before others that share its place.
    void showPane(const QString& key);
    /// Takes every pane out of the area and lets `place` put some in, with addDockWidget() and its kin; the others are hidden in it.
    void rearrange(const std::function<void()>& place);

    /// How panes lie at first: placed at once, and again when the area has its size, unless an arrangement was set by then.
    void placeAtFirst(const std::function<void()>& place);

    void setArranging(bool arranging);

    /// Whether the area was ever in sight: before, an arrangement tells no sizes.
    bool wasShown() const { return m_shown; }
    /// Where every pane is, for setArrangement().
    QByteArray arrangement() const { return saveState(kVersion); }
    /// False, and nothing changes, when the bytes are no arrangement.
    bool setArrangement(const QByteArray& arrangement);

protected:
    void childEvent(QChildEvent* event) override;
    void showEvent(QShowEvent* event) override;

private:
    static constexpr int kVersion = 1;

    void refreshTitle(QDockWidget* pane);
    void refreshContents();
    void nameTabs();

    QList<QDockWidget*> m_panes;
    std::function<void()> m_atFirst;
    QTimer m_refresh;
    bool m_arranging = false;
    bool m_shown = false;
};

}  // namespace safequant::workbench
