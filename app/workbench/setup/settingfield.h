// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>
#include <QObject>

#include "core/engine/protocol/settings_messages.h"

class QCheckBox;
class QLabel;
class QPushButton;
class QWidget;

namespace safequant::widgets {
class ElidedLabel;
}

namespace safequant::workbench {

class Dialogs;

/// The row of one setting of a method: its name, an editor for its kind, and what it is when nothing is said.
class SettingField : public QObject {
    Q_OBJECT

public:
    /// `dialogs` choose files, and outlive it.
    SettingField(const protocol::MethodSetting& setting, Dialogs* dialogs, QWidget* parent);

    const protocol::MethodSetting& setting() const { return m_setting; }
    nlohmann::json value() const;
    /// Shows what the engine says of it now.
    void show(const protocol::MethodSetting& setting);
    /// Name, editor, and the standard value where the present one is another.
    QLabel* name() const { return m_name; }
    QWidget* editor() const { return m_editor; }
    QLabel* standard() const { return m_standard; }
    /// What it does, and what it can be.
    QString help() const;

signals:
    void edited();
    /// The pointer or the focus has come to it.
    void visited();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void makeEditor(QWidget* parent);
    void makeFileEditor(QWidget* parent);
    void showFile();
    void setValue(const nlohmann::json& value);
    QString textOf(const nlohmann::json& value) const;

    protocol::MethodSetting m_setting;
    Dialogs* m_dialogs;
    QLabel* m_name;
    QWidget* m_editor = nullptr;
    QLabel* m_standard;
    QList<QCheckBox*> m_members;  ///< Of a set.
    QString m_file;               ///< Of a file, as are the next three.
    widgets::ElidedLabel* m_fileName = nullptr;
    QPushButton *m_choose = nullptr, *m_clear = nullptr;
    bool m_showing = false;
};

}  // namespace safequant::workbench
