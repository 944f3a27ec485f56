// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <nlohmann/json.hpp>

class QLabel;
class QPushButton;

namespace safequant::widgets {
class ElidedLabel;
}

namespace safequant::workbench {

class AdapterList;
class Dialogs;
class SetupModel;

/// What a run knows of the aligned model: adapters that make it, or a file with its signature; and what can be done with that.
class ReferencePane : public QWidget {
    Q_OBJECT

public:
    ReferencePane(SetupModel* model, Dialogs* dialogs, QWidget* parent = nullptr);

    /// `realigns`: the method pulls malicious prompts to it, so that something must be named.
    void show(const nlohmann::json& spec, bool realigns);

private:
    void chooseSignature();

    SetupModel* m_model;
    Dialogs* m_dialogs;
    AdapterList* m_adapters;
    QWidget* m_signature;
    widgets::ElidedLabel* m_signatureName;
    QPushButton *m_choose, *m_remove;
    QLabel *m_head, *m_text, *m_missing;
};

}  // namespace safequant::workbench
