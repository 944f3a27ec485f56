// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStringList>
#include <QWidget>

class QVBoxLayout;

namespace safequant::workbench {

class Dialogs;

/// The LoRA adapters that are merged into the model, in their order, each with a way to take it away.
class AdapterList : public QWidget {
    Q_OBJECT

public:
    explicit AdapterList(Dialogs* dialogs, QWidget* parent = nullptr);

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
