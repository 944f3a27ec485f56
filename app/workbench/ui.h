// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLabel>
#include <QDialog>
#include <QLayout>
#include <QPushButton>
#include <QVBoxLayout>

class QTableView;

namespace safequant::workbench {

/// A label with a text role and a tone of the style sheet (see widgets/theme.h).
QLabel* makeLabel(const QString& text, const char* role = nullptr, const char* tone = nullptr, QWidget* parent = nullptr);
/// The same, wrapping over several lines.
QLabel* makeParagraph(const QString& text, const char* role = nullptr, const char* tone = nullptr, QWidget* parent = nullptr);
/// A row with "Cancel", which rejects the dialog, and the primary button, which is returned.
QPushButton* addDialogButtons(QDialog* dialog, QVBoxLayout* layout, const QString& text, const char* name);
QPushButton* makeLink(const QString& text, QWidget* parent = nullptr);
/// A widget with a property of the style sheet, e.g. makeSurface("panel", "right").
QWidget* makeSurface(const char* surface, const char* edge = nullptr, QWidget* parent = nullptr);
/// Margins left, top, right, bottom and spacing in one line.
void setSpacing(QLayout* layout, int left, int top, int right, int bottom, int spacing);
/// Changes a label's tone after it was shown.
void setTone(QLabel* label, const char* tone);
/// A row of a form: the control's name, which assistive technology reads too, and the control.
void addRow(QVBoxLayout* layout, const QString& name, QWidget* control);
/// A figure under its heading, what it shows, and a control at the right.
QWidget* makeTitled(QWidget* figure, const QString& title, const QString& text, QWidget* control = nullptr);
/// The look of every list of rows: whole rows, no grid, no frame, no numbers; Tab leads out of it.
void dressTable(QTableView* table, const QString& objectName, const QString& accessibleName);
/// "1 block", "30 blocks": a count with the word that fits it, in the user's locale.
QString counted(qint64 count, const QString& one, const QString& many);
/// One sentence with its first letter in upper case and a full stop, from an engine's message.
QString asSentence(const QString& text);

}  // namespace safequant::workbench
