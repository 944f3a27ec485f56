// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>
#include <nlohmann/json.hpp>

class QCheckBox;
class QComboBox;
class QLabel;
class QLineEdit;
class QPushButton;
class QSpinBox;
class QVBoxLayout;

namespace safequant::workbench {

class SetupModel;

/// What both models are asked after quantizing, and who judges: everything of a spec's "evaluation" that has a choice.
class EvaluationDialog : public QDialog {
    Q_OBJECT

public:
    explicit EvaluationDialog(SetupModel* model, QWidget* parent = nullptr);

    /// Begins with what the spec says now.
    void prepare();

private:
    QWidget* makePrompts();
    QWidget* makeJudges();
    QWidget* makeTasks();
    QWidget* makeAttack();
    void refresh();
    void accept() override;
    /// Numbers of a comma-separated line in [low, high]; empty and a message when one is not.
    nlohmann::json numbersOf(const QLineEdit* line, double low, double high, bool whole) const;
    nlohmann::json evaluation(QString& problem) const;

    SetupModel* m_model;
    QCheckBox* m_evaluate;
    QWidget* m_choices;
    QSpinBox *m_malicious, *m_benign, *m_hardBenign, *m_newTokens, *m_perplexityTokens, *m_samples;
    QLabel *m_maliciousOf, *m_benignOf, *m_hardBenignOf, *m_judgeText, *m_attackText, *m_problem;
    QComboBox *m_judge, *m_secondJudge;
    QVBoxLayout* m_taskList;
    QList<QCheckBox*> m_tasks;
    QLineEdit *m_temperatures, *m_topKs, *m_topPs;
    QPushButton* m_use;
};

/// "100 malicious, 50 benign, 50 hard benign; refusal-22; banking-intents": what a spec evaluates, in a line.
QString evaluationInWords(const nlohmann::json& spec);

}  // namespace safequant::workbench
