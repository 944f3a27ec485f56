// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/ui.h"

#include <QCoreApplication>
#include <QHeaderView>
#include <QLocale>
#include <QTableView>
#include <QVariant>

#include "widgets/theme.h"

namespace safequant::workbench {

namespace {

constexpr int kTableRow = 25;

}  // namespace

QLabel* makeLabel(const QString& text, const char* role, const char* tone, QWidget* parent) {
    auto* label = new QLabel(text, parent);
    label->setTextFormat(Qt::PlainText);
    if (role) label->setProperty("textRole", role);
    if (tone) label->setProperty("tone", tone);
    return label;
}

QLabel* makeParagraph(const QString& text, const char* role, const char* tone, QWidget* parent) {
    QLabel* label = makeLabel(text, role, tone, parent);
    label->setWordWrap(true);
    QSizePolicy policy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    policy.setHeightForWidth(true);
    label->setSizePolicy(policy);
    return label;
}

QPushButton* addDialogButtons(QDialog* dialog, QVBoxLayout* layout, const QString& text, const char* name) {
    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(8);
    buttons->addStretch(1);
    auto* cancel = new QPushButton(QCoreApplication::translate("Dialog", "Cancel"));
    cancel->setAutoDefault(false);
    QObject::connect(cancel, &QPushButton::clicked, dialog, &QDialog::reject);
    auto* primary = new QPushButton(text);
    primary->setObjectName(QString::fromLatin1(name));
    primary->setProperty("primary", true);
    primary->setDefault(true);
    buttons->addWidget(cancel);
    buttons->addWidget(primary);
    layout->addLayout(buttons);
    return primary;
}

QPushButton* makeLink(const QString& text, QWidget* parent) {
    auto* button = new QPushButton(text, parent);
    button->setProperty("link", true);
    button->setCursor(Qt::PointingHandCursor);
    return button;
}

QWidget* makeSurface(const char* surface, const char* edge, QWidget* parent) {
    auto* widget = new QWidget(parent);
    widget->setAttribute(Qt::WA_StyledBackground);
    widget->setProperty("surface", surface);
    if (edge) widget->setProperty("edge", edge);
    return widget;
}

void setSpacing(QLayout* layout, int left, int top, int right, int bottom, int spacing) {
    layout->setContentsMargins(left, top, right, bottom);
    layout->setSpacing(spacing);
}

void setTone(QLabel* label, const char* tone) {
    if (label->property("tone").toByteArray() == tone) return;
    label->setProperty("tone", tone);
    widgets::restyle(label);
}

void addRow(QVBoxLayout* layout, const QString& name, QWidget* control) {
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    QLabel* label = makeLabel(name);
    label->setBuddy(control);
    control->setAccessibleName(name);
    row->addWidget(label, 1);
    row->addWidget(control);
    layout->addLayout(row);
}

QWidget* makeTitled(QWidget* figure, const QString& title, const QString& text, QWidget* control) {
    QWidget* area = makeSurface("panel");
    auto* layout = new QVBoxLayout(area);
    setSpacing(layout, 0, 0, 0, 0, 2);
    auto* head = new QHBoxLayout;
    setSpacing(head, 12, 10, 12, 2, 8);
    head->addWidget(makeLabel(title, "heading"));
    QLabel* explained = makeLabel(text, "secondary", "muted");
    explained->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    head->addWidget(explained, 1);
    if (control != nullptr) head->addWidget(control);
    layout->addLayout(head);
    layout->addWidget(figure, 1);
    return area;
}

void dressTable(QTableView* table, const QString& objectName, const QString& accessibleName) {
    table->setObjectName(objectName);
    table->setAccessibleName(accessibleName);
    table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    table->setSelectionBehavior(QAbstractItemView::SelectRows);
    table->setShowGrid(false);
    table->setWordWrap(false);
    table->setTabKeyNavigation(false);
    table->setFrameShape(QFrame::NoFrame);
    table->setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
    table->verticalHeader()->hide();
    table->verticalHeader()->setDefaultSectionSize(kTableRow);
    table->horizontalHeader()->setDefaultAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    table->horizontalHeader()->setHighlightSections(false);
}

QString counted(qint64 count, const QString& one, const QString& many) {
    return QLocale().toString(count) + QLatin1Char(' ') + (count == 1 ? one : many);
}

QString asSentence(const QString& text) {
    QString sentence = text.trimmed();
    if (sentence.isEmpty()) return sentence;
    if (!sentence.startsWith(QLatin1Char('/'))) sentence[0] = sentence[0].toUpper();
    if (!sentence.endsWith(QLatin1Char('.'))) sentence += QLatin1Char('.');
    return sentence;
}

}  // namespace safequant::workbench
