// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStringList>
#include <QWidget>

class QVBoxLayout;

namespace safequant::workbench {

class Dialogs;

/// LoRA adapters that are merged into a model, in their order, each with a way to take it away.
class AdapterList : public QWidget {
    Q_OBJECT

public:
    /// `purpose` says for what an adapter is added, to those who cannot see where the list stands.
    AdapterList(Dialogs* dialogs, const QString& title, const QString& purpose, QWidget* parent = nullptr);

    void setAdapters(const QStringList& folders);

signals:
    /// The user added or took away one.
    void adaptersEdited(const QStringList& folders);

private:
    void addFolder();

    Dialogs* m_dialogs;
    QStringList m_folders;
    QVBoxLayout* m_rows;
};

}  // namespace safequant::workbench
