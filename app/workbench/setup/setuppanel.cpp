// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/setuppanel.h"

#include <QFileInfo>
#include <QLocale>
#include <QScrollArea>
#include <QSignalBlocker>
#include <QSlider>
#include <QVBoxLayout>
#include <algorithm>
#include <array>
#include <cmath>

#include "app/workbench/setup/adapterlist.h"
#include "app/workbench/setup/evaluationdialog.h"
#include "app/workbench/setup/methodpane.h"
#include "app/workbench/setup/patchchoice.h"
#include "app/workbench/setup/modelfacts.h"
#include "app/workbench/setup/schemecontrols.h"
#include "app/workbench/setup/setupmodel.h"
#include "app/workbench/ui.h"
#include "widgets/elidedlabel.h"
#include "widgets/format.h"
#include "widgets/labelshape.h"

namespace safequant::workbench {

namespace {

constexpr int kPanelWidth = 252;

}  // namespace

SetupPanel::SetupPanel(SetupModel* model, Dialogs* dialogs, QWidget* parent)
    : QWidget(parent), m_model(model), m_dialogs(dialogs) {
    setAttribute(Qt::WA_StyledBackground);
    setProperty("surface", "panel");
    setProperty("edge", "right");
    setAccessibleName(tr("Setup"));
    auto* inside = new QWidget;
    inside->setProperty("surface", "panel");
    inside->setAttribute(Qt::WA_StyledBackground);
    auto* sections = new QVBoxLayout(inside);
    setSpacing(sections, 0, 0, 0, 0, 0);
    sections->addWidget(makeModelSection());
    sections->addWidget(makePromptSection());
    sections->addWidget(makeQuantizationSection());
    sections->addWidget(makePatchSection());
    sections->addWidget(makeEvaluationSection());
    sections->addStretch(1);
    auto* scroll = new QScrollArea;
    scroll->setAccessibleName(tr("Setup"));
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setWidgetResizable(true);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setWidget(inside);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 1, 0, 0);
    layout->addWidget(scroll, 1);
    layout->addWidget(makeFooter());
    setFixedWidth(kPanelWidth);

    connect(m_model, &SetupModel::specChanged, this, &SetupPanel::refreshSpec);
    connect(m_model, &SetupModel::checkpointChanged, this, &SetupPanel::refreshModel);
    connect(m_model, &SetupModel::promptsChanged, this, &SetupPanel::refreshPrompts);
    connect(m_model, &SetupModel::sampleChanged, this, &SetupPanel::refreshSample);
    connect(m_model, &SetupModel::planChanged, this, &SetupPanel::refreshPlan);
    refreshSpec();
    refreshModel();
    refreshPrompts();
    refreshSample();
    refreshPlan();
}

QSize SetupPanel::sizeHint() const { return {kPanelWidth, 600}; }

QPushButton* SetupPanel::addHead(QVBoxLayout* layout, const QString& heading, const QString& link, const char* name, const QString& means) {
    auto* head = new QHBoxLayout;
    head->addWidget(makeLabel(heading, "heading"), 1);
    QPushButton* button = makeLink(link);
    button->setObjectName(QString::fromLatin1(name));
    button->setAccessibleName(means);
    head->addWidget(button);
    layout->addLayout(head);
    return button;
}

QWidget* SetupPanel::makeModelSection() {
    QWidget* section = makeSurface("panel", "bottom");
    auto* layout = new QVBoxLayout(section);
    setSpacing(layout, 14, 12, 14, 13, 3);
    QPushButton* change = addHead(layout, tr("Model"), tr("Change ..."), "changeModel", tr("Choose another model"));
    connect(change, &QPushButton::clicked, this, &SetupPanel::chooseModelRequested);
    layout->addSpacing(3);
    m_modelName = new widgets::ElidedLabel;
    m_modelName->setElideMode(Qt::ElideMiddle);
    layout->addWidget(m_modelName);
    m_modelFacts = makeParagraph({}, "secondary", "muted");
    layout->addWidget(m_modelFacts);
    m_familyFacts = new widgets::ElidedLabel;
    m_familyFacts->setProperty("textRole", "secondary");
    m_familyFacts->setProperty("tone", "muted");
    m_familyFacts->setObjectName(QStringLiteral("familyFacts"));
    layout->addWidget(m_familyFacts);
    m_modelNotices = makeParagraph({}, "secondary", "warning");
    layout->addWidget(m_modelNotices);
    m_modelError = makeParagraph({}, "secondary", "bad");
    layout->addWidget(m_modelError);
    m_adapters = new AdapterList(m_dialogs, tr("LoRA adapters"), tr("Merge a LoRA adapter into the model"));
    connect(m_adapters, &AdapterList::adaptersEdited, m_model, &SetupModel::setAdapters);
    layout->addWidget(m_adapters);
    return section;
}

QWidget* SetupPanel::makePromptSection() {
    QWidget* section = makeSurface("panel", "bottom");
    auto* layout = new QVBoxLayout(section);
    setSpacing(layout, 14, 12, 14, 13, 4);
    auto* head = new QHBoxLayout;
    head->addWidget(makeLabel(tr("Prompts"), "heading"), 1);
    head->addWidget(makeLabel(tr("calibration half"), "secondary", "muted"));
    layout->addLayout(head);
    for (std::size_t i = 0; i < widgets::kLabels.size(); ++i) {
        const QString label = QString::fromLatin1(widgets::kLabels[i]);
        auto* row = new QHBoxLayout;
        row->setSpacing(6);
        row->addWidget(new widgets::LabelShape(label));
        row->addWidget(makeLabel(widgets::labelText(label)), 1);
        m_counts[i] = makeLabel({}, nullptr);
        row->addWidget(m_counts[i]);
        layout->addLayout(row);
    }
    auto* source = new QHBoxLayout;
    source->setSpacing(8);
    m_promptSource = new widgets::ElidedLabel;
    m_promptSource->setProperty("textRole", "secondary");
    m_promptSource->setProperty("tone", "muted");
    source->addWidget(m_promptSource, 1);
    m_resetPrompts = makeLink(tr("Reset"));
    m_resetPrompts->setAccessibleName(tr("Use the bundled prompts alone"));
    connect(m_resetPrompts, &QPushButton::clicked, this,
            [this] { m_model->setPrompts(nlohmann::json::array({"builtin:default"}), splitOf(nullptr)); });
    source->addWidget(m_resetPrompts);
    QPushButton* change = makeLink(tr("Change ..."));
    change->setObjectName(QStringLiteral("changePrompts"));
    change->setAccessibleName(tr("Choose and check prompts"));
    connect(change, &QPushButton::clicked, this, &SetupPanel::promptsRequested);
    source->addWidget(change);
    layout->addLayout(source);
    m_promptNotices = makeParagraph({}, "secondary", "warning");
    layout->addWidget(m_promptNotices);
    layout->addSpacing(6);
    auto* fraction = new QHBoxLayout;
    m_fractionName = makeLabel(tr("Malicious fraction"));
    fraction->addWidget(m_fractionName, 1);
    m_fractionValue = makeLabel({}, "value");
    fraction->addWidget(m_fractionValue);
    layout->addLayout(fraction);
    m_fraction = new QSlider(Qt::Horizontal);
    m_fraction->setObjectName(QStringLiteral("maliciousFraction"));
    m_fraction->setAccessibleName(tr("Malicious fraction in percent"));
    m_fraction->setRange(0, 100);
    m_fraction->setSingleStep(1);
    m_fraction->setPageStep(10);
    m_fractionName->setBuddy(m_fraction);
    connect(m_fraction, &QSlider::valueChanged, this, [this](int value) {
        m_fractionValue->setText(widgets::formatPercent(value / 100.0));
        if (!m_refreshing) m_model->setMaliciousFraction(value / 100.0);
    });
    layout->addWidget(m_fraction);
    m_sampleText = makeParagraph({}, "secondary", "muted");
    m_sampleText->setObjectName(QStringLiteral("sampleText"));
    layout->addWidget(m_sampleText);
    return section;
}

QWidget* SetupPanel::makeQuantizationSection() {
    QWidget* section = makeSurface("panel");
    auto* layout = new QVBoxLayout(section);
    setSpacing(layout, 14, 12, 14, 12, 8);
    m_methodSettings = addHead(layout, tr("Quantization"), tr("Settings ..."), "methodSettings", tr("Settings of the method"));
    connect(m_methodSettings, &QPushButton::clicked, this, &SetupPanel::methodSettingsRequested);
    layout->addWidget(new MethodPane(m_model, m_dialogs));

    m_scheme = new SchemeControls({});
    connect(m_scheme, &SchemeControls::edited, m_model,
            [this](const LinearScheme& scheme, const QString& what) { m_model->setDefaultScheme(scheme, what); });
    layout->addWidget(m_scheme);

    m_rules = makeLink({});
    m_rules->setObjectName(QStringLiteral("rulesLink"));
    connect(m_rules, &QPushButton::clicked, this, &SetupPanel::rulesRequested);
    addRow(layout, tr("Rules per layer"), m_rules);
    return section;
}

QWidget* SetupPanel::makePatchSection() {
    QWidget* section = makeSurface("panel", "top");
    auto* layout = new QVBoxLayout(section);
    setSpacing(layout, 14, 12, 14, 12, 8);
    m_patchSettings = addHead(layout, tr("Safety patch"), tr("Settings ..."), "patchSettings", tr("Settings of the patch"));
    connect(m_patchSettings, &QPushButton::clicked, this, &SetupPanel::patchSettingsRequested);
    layout->addWidget(new PatchChoice(m_model));
    return section;
}

QWidget* SetupPanel::makeEvaluationSection() {
    QWidget* section = makeSurface("panel", "top");
    auto* layout = new QVBoxLayout(section);
    setSpacing(layout, 14, 12, 14, 12, 4);
    m_changeEvaluation = addHead(layout, tr("Evaluation"), tr("Change ..."), "changeEvaluation", tr("Choose what both models are asked"));
    connect(m_changeEvaluation, &QPushButton::clicked, this, &SetupPanel::evaluationRequested);
    m_evaluation = makeParagraph({}, "secondary", "muted");
    m_evaluation->setObjectName(QStringLiteral("evaluationText"));
    layout->addWidget(m_evaluation);
    return section;
}

QWidget* SetupPanel::makeFooter() {
    QWidget* footer = makeSurface("panel", "top");
    auto* layout = new QVBoxLayout(footer);
    setSpacing(layout, 14, 10, 14, 12, 8);
    m_estimate = makeParagraph({}, "secondary", "muted");
    m_estimate->setObjectName(QStringLiteral("estimate"));
    layout->addWidget(m_estimate);
    m_warning = makeParagraph({}, "secondary", "warning");
    m_warning->setObjectName(QStringLiteral("planWarning"));
    layout->addWidget(m_warning);
    m_quantize = new QPushButton(tr("Quantize"));
    m_quantize->setObjectName(QStringLiteral("quantize"));
    m_quantize->setProperty("primary", true);
    connect(m_quantize, &QPushButton::clicked, this, &SetupPanel::quantizeRequested);
    layout->addWidget(m_quantize);
    return footer;
}

void SetupPanel::setRunning(bool running) {
    m_running = running;
    refreshButton();
}

void SetupPanel::refreshSpec() {
    m_refreshing = true;
    const auto& spec = m_model->spec();
    m_fraction->setValue(static_cast<int>(std::lround(maliciousFractionOf(spec) * 100)));
    m_fractionValue->setText(widgets::formatPercent(m_fraction->value() / 100.0));
    m_scheme->setScheme(defaultSchemeOf(spec), m_model->groupSizes());
    const auto rules = static_cast<int>(rulesOf(spec).size());
    m_rules->setText(rules == 0 ? tr("none") : counted(rules, tr("rule"), tr("rules")));
    const auto& methods = m_model->methods();
    const std::string id = methodOf(spec).toStdString();
    const auto method = std::find_if(methods.begin(), methods.end(), [&](const auto& each) { return each.id == id; });
    const QString means = method != methods.end() && !method->calibrated
                              ? tr("With %1 it changes only the sample that probes and axes are fitted on.").arg(QString::fromStdString(method->title))
                              : tr("Of the prompts that probes are fitted on, and of those the method learns from.");
    for (QWidget* widget : {static_cast<QWidget*>(m_fractionName), static_cast<QWidget*>(m_fraction)}) widget->setToolTip(means);
    m_evaluation->setText(evaluationInWords(spec));
    const bool any = m_model->hasSpec();
    m_adapters->setAdapters(adaptersOf(spec));
    m_adapters->setEnabled(any);
    for (QWidget* control : std::initializer_list<QWidget*>{m_fraction, m_scheme, m_rules, m_methodSettings, m_changeEvaluation}) {
        control->setEnabled(any);
    }
    m_patchSettings->setEnabled(any && !patchOf(spec).isEmpty());
    const QStringList files = promptFilesOf(spec);
    const bool bundled = files == QStringList{QStringLiteral("builtin:default")};
    QStringList names;
    for (const QString& file : files) {
        names.append(file.startsWith(QLatin1String("builtin:")) ? tr("bundled set") : QFileInfo(file).fileName());
    }
    m_promptSource->setText(names.join(QStringLiteral(", ")));
    m_resetPrompts->setVisible(!bundled);
    m_refreshing = false;
    refreshButton();
}

void SetupPanel::refreshModel() {
    const auto& fact = m_model->checkpoint();
    const QString path = checkpointOf(m_model->spec());
    m_modelName->setText(path.isEmpty() ? tr("No model chosen") : modelNameOf(path));
    m_modelName->setToolTip(path);
    m_modelError->setVisible(fact.wrong());
    m_modelError->setText(asSentence(fact.error));
    m_modelFacts->setVisible(!fact.wrong() && !path.isEmpty());
    m_familyFacts->setVisible(fact.known());
    m_modelNotices->setVisible(false);
    if (fact.known()) {
        m_modelFacts->setText(modelSummary(fact.value));
        m_familyFacts->setText(modelFamilyFacts(fact.value).join(QStringLiteral(" · ")));
        const QStringList notices = modelNotices(fact.value);
        m_modelNotices->setVisible(!notices.isEmpty());
        m_modelNotices->setText(notices.join(QLatin1Char('\n')));
    } else if (fact.loading()) {
        m_modelFacts->setText(tr("Reading ..."));
    }
    refreshSpec();
}

void SetupPanel::refreshPrompts() {
    const auto& fact = m_model->prompts();
    for (std::size_t i = 0; i < widgets::kLabels.size(); ++i) {
        int count = 0;
        for (const auto& prompt : fact.value.prompts) count += prompt.label == widgets::kLabels[i] && prompt.split == "calibration" ? 1 : 0;
        m_counts[i]->setText(fact.known() ? QLocale().toString(count) : QStringLiteral("–"));
    }
    QStringList notices;
    for (const auto& notice : fact.value.notices) notices.append(QString::fromStdString(notice));
    m_promptNotices->setVisible(fact.wrong() || (fact.known() && !notices.isEmpty()));
    m_promptNotices->setText(fact.wrong() ? fact.error : tr("%1 about these prompts").arg(counted(notices.size(), tr("notice"), tr("notices"))));
    m_promptNotices->setToolTip(notices.mid(0, 20).join(QLatin1Char('\n')));
    setTone(m_promptNotices, fact.wrong() ? "bad" : "muted");
    refreshButton();
}

void SetupPanel::refreshSample() {
    const auto& fact = m_model->sample();
    if (fact.wrong()) {
        m_sampleText->setText(asSentence(fact.error));
    } else if (fact.known()) {
        m_sampleText->setText(tr("%1 malicious, %2 benign, %3 hard benign, seed %4")
                                  .arg(fact.value.malicious)
                                  .arg(fact.value.benign)
                                  .arg(fact.value.hardBenign)
                                  .arg(seedOf(m_model->spec())));
    } else {
        m_sampleText->setText(tr("Drawing the sample ..."));
    }
    setTone(m_sampleText, fact.wrong() ? "bad" : "muted");
    refreshButton();
}

void SetupPanel::refreshPlan() {
    const auto& fact = m_model->plan();
    const auto& estimate = fact.value.estimate;
    if (fact.known()) {
        m_estimate->setText(tr("Peak %1 · about %2 · %3 file")
                                .arg(widgets::formatBytes(estimate.peakMemoryBytes), widgets::formatDuration(estimate.seconds),
                                     widgets::formatBytes(estimate.exportBytes)));
        m_estimate->setToolTip(tr("%1 to %2. Found from: %3. Needs %4 of disk, %5 are free.")
                                   .arg(widgets::formatDuration(estimate.secondsLow), widgets::formatDuration(estimate.secondsHigh),
                                        QString::fromStdString(estimate.basis), widgets::formatBytes(estimate.diskBytes),
                                        widgets::formatBytes(estimate.availableDiskBytes)));
    } else {
        m_estimate->setText(fact.loading() ? tr("Estimating time and memory ...") : QString());
    }
    QStringList warnings;
    if (fact.wrong()) warnings.append(asSentence(fact.error));
    if (fact.known()) {
        for (const auto& warning : estimate.warnings) warnings.append(asSentence(QString::fromStdString(warning)));
    }
    m_estimate->setVisible(!m_estimate->text().isEmpty());
    m_warning->setVisible(!warnings.isEmpty());
    m_warning->setText(warnings.join(QLatin1Char('\n')));
    setTone(m_warning, fact.wrong() ? "bad" : "warning");
    refreshButton();
}

void SetupPanel::refreshButton() {
    const QString obstacle = m_running ? tr("A run is going on. Stop it first, or wait until it is done.") : m_model->obstacle();
    m_quantize->setEnabled(obstacle.isEmpty());
    m_quantize->setToolTip(obstacle);
}

}  // namespace safequant::workbench
