// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/selectiontoolbar.h"

#include <QButtonGroup>
#include <QHBoxLayout>
#include <QShortcut>
#include <QToolButton>

#include "widgets/elidedlabel.h"
#include "widgets/icons.h"

namespace safequant::widgets {

SelectionToolBar::SelectionToolBar(QWidget* parent)
    : QWidget(parent), m_buttons(new QButtonGroup(this)), m_text(new ElidedLabel), m_layout(new QHBoxLayout(this)) {
    setAccessibleName(tr("Selection tools"));
    m_layout->setContentsMargins(0, 0, 0, 0);
    m_layout->setSpacing(2);
    const QString how = tr("Ctrl adds, Alt or Ctrl+Shift takes away.");
    const struct {
        SelectionTool tool;
        Icon icon;
        Qt::Key key;
        QString name, does;
    } tools[] = {
        {SelectionTool::Point, Icon::ToolPoint, Qt::Key_P, tr("Point"), tr("Click points. %1").arg(how)},
        {SelectionTool::Box, Icon::ToolBox, Qt::Key_B, tr("Box"), tr("Drag a box around points, or click one. %1").arg(how)},
        {SelectionTool::Lasso, Icon::ToolLasso, Qt::Key_L, tr("Lasso"), tr("Draw around points, or click one. %1").arg(how)},
        {SelectionTool::Polygon, Icon::ToolPolygon, Qt::Key_G, tr("Polygon"),
         tr("Click corners around points; double click or Enter closes, Backspace takes the last corner back. %1").arg(how)},
        {SelectionTool::Pan, Icon::ToolPan, Qt::Key_H, tr("Pan"), tr("Drag the axes. Shift and drag does so with any tool.")},
    };
    for (const auto& entry : tools) {
        auto* button = new QToolButton;
        button->setCheckable(true);
        button->setChecked(entry.tool == m_tool);
        button->setIcon(icon(entry.icon, IconTone::Muted));
        button->setIconSize({16, 16});
        button->setAutoRaise(true);
        button->setObjectName(QStringLiteral("tool%1").arg(int(entry.tool)));
        button->setAccessibleName(entry.name);
        button->setAccessibleDescription(entry.does);
        button->setToolTip(tr("<b>%1</b> (%2)<br>%3").arg(entry.name, QKeySequence(entry.key).toString(QKeySequence::NativeText), entry.does));
        m_buttons->addButton(button, int(entry.tool));
        m_layout->addWidget(button);
        auto* shortcut = new QShortcut(QKeySequence(entry.key), parent);
        shortcut->setContext(Qt::WidgetWithChildrenShortcut);
        connect(shortcut, &QShortcut::activated, button, &QToolButton::click);
    }
    m_text->setProperty("textRole", QStringLiteral("secondary"));
    m_text->setProperty("tone", QStringLiteral("muted"));
    m_text->setObjectName(QStringLiteral("selectionCount"));
    m_layout->addSpacing(8);
    m_layout->addWidget(m_text, 1);
    connect(m_buttons, &QButtonGroup::idClicked, this, [this](int id) {
        m_tool = SelectionTool(id);
        emit toolChosen(m_tool);
    });
}

void SelectionToolBar::setTool(SelectionTool tool) {
    m_tool = tool;
    m_buttons->button(int(tool))->setChecked(true);
}

void SelectionToolBar::setSelectionText(const QString& text) {
    m_text->setText(text);
    m_text->setAccessibleName(text);
}

QString SelectionToolBar::selectionText() const { return m_text->text(); }

void SelectionToolBar::addAtEnd(QWidget* widget) { m_layout->addWidget(widget); }

}  // namespace safequant::widgets
