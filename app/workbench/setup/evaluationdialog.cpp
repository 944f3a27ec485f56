// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/evaluationdialog.h"

#include <QCheckBox>
#include <QComboBox>
#include <QGridLayout>
#include <QLabel>
#include <QLineEdit>
#include <QLocale>
#include <QPushButton>
#include <QSpinBox>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "app/workbench/setup/setupmodel.h"
#include "app/workbench/ui.h"

namespace safequant::workbench {

using nlohmann::json;

namespace {

constexpr int kMany = 100'000;

json evaluationOf(const json& spec) { return spec.is_object() ? spec.value("evaluation", json::object()) : json::object(); }

bool evaluates(const json& spec) {
    if (!spec.is_object()) return false;
    const auto stages = spec.value("stages", json::array({"capture", "quantize", "evaluate"}));
    return std::find(stages.begin(), stages.end(), "evaluate") != stages.end();
}

/// Name of a task, which may be given by its name alone.
std::string taskName(const json& task) { return task.is_string() ? task.get<std::string>() : task.value("name", std::string()); }

QString lineOf(const json& list) {
    QStringList numbers;
    for (const auto& number : list) numbers << QString::number(number.get<double>());
    return numbers.join(QStringLiteral(", "));
}

QSpinBox* makeSpin(const char* name, int low, int high) {
    auto* spin = new QSpinBox;
    spin->setObjectName(QString::fromLatin1(name));
    spin->setRange(low, high);
    spin->setMinimumWidth(96);
    return spin;
}

}  // namespace

QString evaluationInWords(const json& spec) {
    if (!evaluates(spec)) return EvaluationDialog::tr("Nothing is asked: the run ends with the quantized model.");
    const json chosen = evaluationOf(spec);
    QString text = EvaluationDialog::tr("%1 malicious, %2 benign, %3 hard benign prompts, up to %4 tokens; judge %5")
                       .arg(chosen.value("malicious", 100))
                       .arg(chosen.value("benign", 50))
                       .arg(chosen.value("hard_benign", 50))
                       .arg(chosen.value("max_new_tokens", 64))
                       .arg(QString::fromStdString(chosen.value("judge", std::string("refusal-22"))));
    for (const auto& task : chosen.value("tasks", json::array())) text += QStringLiteral(", ") + QString::fromStdString(taskName(task));
    if (const int samples = chosen.value("attack", json::object()).value("samples", 0); samples > 0)
        text += EvaluationDialog::tr("; decoding attack, %1 samples").arg(samples);
    return text + QLatin1Char('.');
}

EvaluationDialog::EvaluationDialog(SetupModel* model, QWidget* parent) : QDialog(parent), m_model(model) {
    setObjectName(QStringLiteral("evaluationDialog"));
    setWindowTitle(tr("Evaluation"));
    setMinimumWidth(620);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 20, 18, 20, 18, 12);
    layout->addWidget(makeLabel(tr("Evaluation"), "cardTitle"));
    m_evaluate = new QCheckBox(tr("Ask both models once every block is quantized"));
    m_evaluate->setObjectName(QStringLiteral("evaluate"));
    layout->addWidget(m_evaluate);
    m_choices = new QWidget;
    auto* choices = new QGridLayout(m_choices);
    setSpacing(choices, 0, 0, 0, 0, 18);
    choices->addWidget(makePrompts(), 0, 0);
    choices->addWidget(makeJudges(), 0, 1);
    choices->addWidget(makeTasks(), 1, 0);
    choices->addWidget(makeAttack(), 1, 1);
    choices->setColumnStretch(0, 1);
    choices->setColumnStretch(1, 1);
    layout->addWidget(m_choices);
    layout->addWidget(makeLabel(tr("Answers are kept: other judges, language models among them, can be asked later (safequant judge)."), "secondary", "muted"));
    m_problem = makeParagraph({}, "secondary", "bad");
    layout->addWidget(m_problem);
    layout->addStretch(1);
    m_use = addDialogButtons(this, layout, tr("Use"), "useEvaluation");
    connect(m_evaluate, &QCheckBox::toggled, this, &EvaluationDialog::refresh);
    connect(m_use, &QPushButton::clicked, this, &EvaluationDialog::accept);
}

QWidget* EvaluationDialog::makePrompts() {
    auto* area = new QWidget;
    auto* grid = new QGridLayout(area);
    setSpacing(grid, 0, 0, 0, 0, 7);
    grid->addWidget(makeLabel(tr("Prompts of the evaluation half"), "heading"), 0, 0, 1, 3);
    int row = 1;
    const auto add = [&](const QString& name, QSpinBox* spin, QLabel* rest) {
        QLabel* label = makeLabel(name);
        label->setBuddy(spin);
        spin->setAccessibleName(name);
        grid->addWidget(label, row, 0);
        grid->addWidget(spin, row, 1);
        if (rest) grid->addWidget(rest, row, 2);
        ++row;
    };
    m_maliciousOf = makeLabel({}, "secondary", "muted");
    m_benignOf = makeLabel({}, "secondary", "muted");
    m_hardBenignOf = makeLabel({}, "secondary", "muted");
    add(tr("Malicious"), m_malicious = makeSpin("askMalicious", 0, kMany), m_maliciousOf);
    add(tr("Benign"), m_benign = makeSpin("askBenign", 0, kMany), m_benignOf);
    add(tr("Hard benign"), m_hardBenign = makeSpin("askHardBenign", 0, kMany), m_hardBenignOf);
    add(tr("New tokens"), m_newTokens = makeSpin("newTokens", 1, kMany), makeLabel(tr("at most, an answer"), "secondary", "muted"));
    add(tr("Perplexity"), m_perplexityTokens = makeSpin("perplexityTokens", 0, 10'000'000), makeLabel(tr("tokens of text"), "secondary", "muted"));
    m_perplexityTokens->setSpecialValueText(tr("none"));
    grid->setColumnStretch(2, 1);
    grid->setRowStretch(row, 1);
    return area;
}

QWidget* EvaluationDialog::makeJudges() {
    auto* area = new QWidget;
    auto* column = new QVBoxLayout(area);
    setSpacing(column, 0, 0, 0, 0, 7);
    column->addWidget(makeLabel(tr("Judges"), "heading"));
    m_judge = new QComboBox;
    m_judge->setObjectName(QStringLiteral("judge"));
    m_judge->setAccessibleName(tr("Judge"));
    m_secondJudge = new QComboBox;
    m_secondJudge->setObjectName(QStringLiteral("secondJudge"));
    m_secondJudge->setAccessibleName(tr("Second judge"));
    column->addWidget(m_judge);
    m_judgeText = makeParagraph({}, "secondary", "muted");
    column->addWidget(m_judgeText);
    column->addWidget(makeLabel(tr("Second opinion"), "secondary", "muted"));
    column->addWidget(m_secondJudge);
    column->addStretch(1);
    connect(m_judge, &QComboBox::currentIndexChanged, this, [this] { m_judgeText->setText(m_judge->currentData(Qt::UserRole + 1).toString()); });
    return area;
}

QWidget* EvaluationDialog::makeTasks() {
    auto* area = new QWidget;
    m_taskList = new QVBoxLayout(area);
    setSpacing(m_taskList, 0, 0, 0, 0, 7);
    m_taskList->addWidget(makeLabel(tr("Tasks"), "heading"));
    m_taskList->addWidget(makeParagraph(tr("What the model must still be able to do."), "secondary", "muted"));
    m_taskList->addStretch(1);
    return area;
}

QWidget* EvaluationDialog::makeAttack() {
    auto* area = new QWidget;
    auto* grid = new QGridLayout(area);
    setSpacing(grid, 0, 0, 0, 0, 7);
    grid->addWidget(makeLabel(tr("Decoding attack"), "heading"), 0, 0, 1, 2);
    int row = 1;
    const auto add = [&](const QString& name, QWidget* field) {
        QLabel* label = makeLabel(name);
        label->setBuddy(field);
        field->setAccessibleName(name);
        grid->addWidget(label, row, 0);
        grid->addWidget(field, row++, 1);
    };
    add(tr("Samples a prompt"), m_samples = makeSpin("attackSamples", 0, 1000));
    m_samples->setSpecialValueText(tr("no attack"));
    add(tr("Temperatures"), m_temperatures = new QLineEdit);
    add(tr("Top k"), m_topKs = new QLineEdit);
    add(tr("Top p"), m_topPs = new QLineEdit);
    m_topKs->setToolTip(tr("0: all tokens"));
    m_attackText = makeParagraph(tr("Malicious prompts are asked again under every combination."), "secondary", "muted");
    grid->addWidget(m_attackText, row, 0, 1, 2);
    grid->setColumnStretch(1, 1);
    connect(m_samples, &QSpinBox::valueChanged, this, &EvaluationDialog::refresh);
    return area;
}

void EvaluationDialog::prepare() {
    const json& spec = m_model->spec();
    const json chosen = evaluationOf(spec);
    m_evaluate->setChecked(evaluates(spec));
    m_malicious->setValue(chosen.value("malicious", 100));
    m_benign->setValue(chosen.value("benign", 50));
    m_hardBenign->setValue(chosen.value("hard_benign", 50));
    m_newTokens->setValue(chosen.value("max_new_tokens", 64));
    m_perplexityTokens->setValue(chosen.value("perplexity_tokens", 4096));
    for (const auto& [label, text] : {std::pair("malicious", m_maliciousOf), std::pair("benign", m_benignOf), std::pair("hard_benign", m_hardBenignOf)}) {
        int count = 0;
        for (const auto& prompt : m_model->prompts().value.prompts) count += prompt.label == label && prompt.split == "evaluation" ? 1 : 0;
        text->setText(m_model->prompts().known() ? tr("of %1").arg(QLocale().toString(count)) : QString());
    }
    m_judge->clear();
    m_secondJudge->clear();
    m_secondJudge->addItem(tr("none"), QString());
    for (const auto& judge : m_model->engineInfo().judges) {
        for (QComboBox* box : {m_judge, m_secondJudge}) {
            box->addItem(QString::fromStdString(judge.name), QString::fromStdString(judge.name));
            box->setItemData(box->count() - 1, QString::fromStdString(judge.describe), Qt::UserRole + 1);
        }
    }
    m_judge->setCurrentIndex(m_judge->findData(QString::fromStdString(chosen.value("judge", std::string("refusal-22")))));
    m_secondJudge->setCurrentIndex(
        std::max(0, m_secondJudge->findData(QString::fromStdString(chosen.value("second_judge", std::string("xstest-openings"))))));
    m_judgeText->setText(m_judge->currentData(Qt::UserRole + 1).toString());
    qDeleteAll(m_tasks);
    m_tasks.clear();
    std::vector<std::string> names = m_model->engineInfo().tasks;
    const json tasks = chosen.value("tasks", json::array());
    for (const auto& task : tasks)
        if (std::find(names.begin(), names.end(), taskName(task)) == names.end()) names.push_back(taskName(task));
    for (const auto& name : names) {
        auto* box = new QCheckBox(QString::fromStdString(name));
        box->setObjectName(QStringLiteral("task_%1").arg(box->text()));
        box->setChecked(std::any_of(tasks.begin(), tasks.end(), [&](const json& task) { return taskName(task) == name; }));
        m_taskList->insertWidget(m_taskList->count() - 1, box);
        m_tasks << box;
    }
    const json attack = chosen.value("attack", json::object());
    m_samples->setValue(attack.value("samples", 0));
    m_temperatures->setText(lineOf(attack.value("temperatures", json::array({0.7, 1.0}))));
    m_topKs->setText(lineOf(attack.value("top_k", json::array({0}))));
    m_topPs->setText(lineOf(attack.value("top_p", json::array({1.0}))));
    m_problem->hide();
    refresh();
}

void EvaluationDialog::refresh() {
    m_choices->setEnabled(m_evaluate->isChecked());
    for (QWidget* field : {m_temperatures, m_topKs, m_topPs}) field->setEnabled(m_samples->value() > 0);
}

json EvaluationDialog::numbersOf(const QLineEdit* line, double low, double high, bool whole) const {
    json numbers = json::array();
    const QStringList parts = line->text().split(QLatin1Char(','));
    for (const QString& part : parts) {
        bool fine = false;
        const double number = part.trimmed().toDouble(&fine);
        if (!fine || number < low || number > high || (whole && number != std::floor(number))) return nullptr;
        if (whole)
            numbers.push_back(static_cast<int>(number));
        else
            numbers.push_back(number);
    }
    return numbers;
}

json EvaluationDialog::evaluation(QString& problem) const {
    json chosen = evaluationOf(m_model->spec());
    chosen["malicious"] = m_malicious->value();
    chosen["benign"] = m_benign->value();
    chosen["hard_benign"] = m_hardBenign->value();
    chosen["max_new_tokens"] = m_newTokens->value();
    chosen["perplexity_tokens"] = m_perplexityTokens->value();
    if (m_judge->currentIndex() >= 0) chosen["judge"] = m_judge->currentData().toString().toStdString();
    chosen["second_judge"] = m_secondJudge->currentData().toString().toStdString();
    json tasks = json::array();
    for (const QCheckBox* box : m_tasks) {
        if (!box->isChecked()) continue;
        const std::string name = box->text().toStdString();
        // A task with a file of its own stays as it was given.
        const json before = chosen.value("tasks", json::array());
        const auto given = std::find_if(before.begin(), before.end(), [&](const json& task) { return taskName(task) == name; });
        tasks.push_back(given != before.end() ? *given : json(name));
    }
    chosen.erase("tasks");
    if (!tasks.empty()) chosen["tasks"] = tasks;
    if (m_samples->value() == 0) {
        chosen.erase("attack");
        return chosen;
    }
    json& attack = chosen["attack"];
    attack["samples"] = m_samples->value();
    attack["temperatures"] = numbersOf(m_temperatures, 0.01, 100.0, false);
    attack["top_k"] = numbersOf(m_topKs, 0, kMany, true);
    attack["top_p"] = numbersOf(m_topPs, 0.01, 1.0, false);
    if (attack["temperatures"].is_null()) problem = tr("Temperatures are numbers above 0 with commas between them, for example 0.7, 1.");
    if (attack["top_k"].is_null()) problem = tr("Top k takes whole numbers with commas between them; 0 means all tokens.");
    if (attack["top_p"].is_null()) problem = tr("Top p takes numbers above 0 up to 1 with commas between them.");
    if (m_malicious->value() == 0) problem = tr("A decoding attack needs malicious prompts.");
    return chosen;
}

void EvaluationDialog::accept() {
    QString problem;
    const bool asked = m_evaluate->isChecked();
    const json chosen = asked ? evaluation(problem) : evaluationOf(m_model->spec());
    if (asked && problem.isEmpty() && m_malicious->value() + m_benign->value() + m_hardBenign->value() + m_perplexityTokens->value() == 0 &&
        !chosen.contains("tasks"))
        problem = tr("This asks for nothing: take prompts, text for perplexity or a task, or clear the box above.");
    m_problem->setText(problem);
    m_problem->setVisible(!problem.isEmpty());
    if (!problem.isEmpty()) return;
    m_model->setEvaluation(asked, chosen);
    QDialog::accept();
}

}  // namespace safequant::workbench
