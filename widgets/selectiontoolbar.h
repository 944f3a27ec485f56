// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QButtonGroup;
class QHBoxLayout;

namespace safequant::widgets {

class ElidedLabel;

/// What a pointer does to points: picks one, draws a shape around some, or moves the axes.
enum class SelectionTool { Point, Box, Lasso, Polygon, Pan };

/// The tools of a projection, and beside them in words what is selected. The letter in each tool's tip chooses it while the focus is
/// anywhere in the parent.
class SelectionToolBar : public QWidget {
    Q_OBJECT
public:
    explicit SelectionToolBar(QWidget* parent);

    SelectionTool tool() const { return m_tool; }
    void setTool(SelectionTool tool);
    void setSelectionText(const QString& text);
    QString selectionText() const;
    /// Puts a widget at the right end.
    void addAtEnd(QWidget* widget);

signals:
    void toolChosen(safequant::widgets::SelectionTool tool);

private:
    SelectionTool m_tool = SelectionTool::Box;
    QButtonGroup* m_buttons;
    ElidedLabel* m_text;
    QHBoxLayout* m_layout;
};

}  // namespace safequant::widgets
