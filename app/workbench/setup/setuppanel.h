// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QLabel;
class QPushButton;
class QSlider;
class QVBoxLayout;

namespace safequant::widgets {
class ElidedLabel;
}

namespace safequant::workbench {

class AdapterList;
class Dialogs;
class SchemeControls;
class SetupModel;

/// What to quantize, with which prompts and to how many bits, with what it will cost, and the button that does it.
class SetupPanel : public QWidget {
    Q_OBJECT

public:
    SetupPanel(SetupModel* model, Dialogs* dialogs, QWidget* parent = nullptr);

    /// While a run goes on the button waits; everything else can be edited for the next one.
    void setRunning(bool running);
    QSize sizeHint() const override;

signals:
    void quantizeRequested();
    void chooseModelRequested();
    /// The user asks for the rules of single layers.
    void rulesRequested();
    /// The user asks for the files of prompts and what is in them.
    void promptsRequested();
    /// The user asks for what both models are asked afterwards.
    void evaluationRequested();
    /// The user asks for what the method can be told.
    void methodSettingsRequested();
    /// The user asks for what the patch can be told.
    void patchSettingsRequested();

private:
    QWidget* makeModelSection();
    QWidget* makePromptSection();
    QWidget* makeQuantizationSection();
    QWidget* makePatchSection();
    QWidget* makeEvaluationSection();
    QWidget* makeFooter();
    /// A section's heading with a link at its right, which is returned; `means` is what the link says to those who cannot see.
    QPushButton* addHead(QVBoxLayout* layout, const QString& heading, const QString& link, const char* name, const QString& means);
    void refreshSpec();
    void refreshModel();
    void refreshPrompts();
    void refreshSample();
    void refreshPlan();
    void refreshButton();

    SetupModel* m_model;
    Dialogs* m_dialogs;
    bool m_running = false;
    bool m_refreshing = false;
    widgets::ElidedLabel* m_modelName;
    QLabel* m_modelFacts;
    widgets::ElidedLabel* m_familyFacts;
    QLabel* m_modelNotices;
    QLabel* m_modelError;
    AdapterList* m_adapters;
    QLabel* m_counts[3];
    QLabel* m_promptSource;
    QLabel* m_promptNotices;
    QPushButton* m_resetPrompts;
    QSlider* m_fraction;
    QLabel* m_fractionValue;
    QLabel* m_sampleText;
    QLabel* m_fractionName;
    SchemeControls* m_scheme;
    QPushButton* m_methodSettings;
    QPushButton* m_patchSettings;
    QPushButton* m_rules;
    QLabel* m_evaluation;
    QPushButton* m_changeEvaluation;
    QLabel* m_estimate;
    QLabel* m_warning;
    QPushButton* m_quantize;
};

}  // namespace safequant::workbench
