// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/bitseditor.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QLocale>
#include <QPushButton>
#include <QVBoxLayout>
#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "app/workbench/run/runstore.h"
#include "app/workbench/setup/setupmodel.h"
#include "app/workbench/ui.h"
#include "core/base/grid_bits.h"
#include "widgets/elidedlabel.h"
#include "widgets/bitschart.h"
#include "widgets/format.h"
#include "widgets/segmentedcontrol.h"

namespace safequant::workbench {

namespace {

/// Edits of one drag undo as one: their ids begin here.
constexpr int kFirstMergeId = 1000;
constexpr double kMegabyte = 1e6;
enum Unit { MeanBits, ExportSize };

QStringList namesOf(const protocol::CheckpointInfo& checkpoint) {
    QStringList names;
    for (const auto& name : checkpoint.linears) names << QString::fromStdString(name);
    return names;
}

/// Columns of a linear's groups, as far as the window can tell; the engine's plan knows where the group asked for does not fit.
double groupColumns(const LinearScheme& scheme, int columns, const protocol::LinearInfo* planned) {
    if (scheme.groupSize <= 0 || scheme.groupSize >= columns) return columns;
    if (columns % scheme.groupSize == 0) return scheme.groupSize;
    return planned && planned->actualGroup > 0 ? planned->actualGroup : columns;
}

}  // namespace

BitsEditor::BitsEditor(SetupModel* model, RunStore* store, EngineClient* client, QWidget* parent)
    : QWidget(parent), m_model(model), m_store(store), m_budget(client) {
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 14, 12, 14, 10, 8);
    layout->addLayout(makeHead());
    m_chart = new widgets::BitsChart;
    m_chart->setObjectName(QStringLiteral("bitsChart"));
    connect(m_chart, &widgets::BitsChart::bitsEdited, this, [this](const QStringList& linears, int bits, int gesture) {
        editLinears(linears, bits, kFirstMergeId + gesture, tr("Set bits of %1").arg(counted(linears.size(), tr("linear"), tr("linears"))));
    });
    connect(m_chart, &widgets::BitsChart::selectionChanged, this, &BitsEditor::refreshSelection);
    layout->addWidget(m_chart, 1);
    auto* edit = new QHBoxLayout;
    edit->setSpacing(8);
    m_selected = makeLabel({}, "secondary", "muted");
    edit->addWidget(m_selected, 1);
    m_bits = new widgets::SegmentedControl;
    m_bits->setObjectName(QStringLiteral("barBits"));
    m_bits->setAccessibleName(tr("Weight bits of the selected bars"));
    for (int bits = 2; bits <= 8; ++bits) m_bits->addSegment(QString::number(bits), bits);
    m_bits->addSegment(tr("keep 16"), 16, tr("Leave the selected linears as they are"));
    connect(m_bits, &widgets::SegmentedControl::valueActivated, this, [this](const QVariant& value) {
        const QStringList linears = m_chart->selectedLinears();
        editLinears(linears, value.toInt(), -1, tr("Set bits of %1").arg(counted(linears.size(), tr("linear"), tr("linears"))));
    });
    edit->addWidget(m_bits);
    layout->addLayout(edit);
    layout->addLayout(makeBudgetRow());
    m_outcome = makeParagraph({}, "secondary", "muted");
    m_outcome->setObjectName(QStringLiteral("budgetOutcome"));
    layout->addWidget(m_outcome);

    for (auto signal : {&SetupModel::specChanged, &SetupModel::planChanged, &SetupModel::checkpointChanged})
        connect(m_model, signal, this, &BitsEditor::refresh);
    connect(m_store, &RunStore::changed, this, [this](RunStore::Changes changes) {
        if (changes & (RunStore::Replaced | RunStore::Status)) refreshBudget();
    });
    connect(&m_budget, &BitBudget::changed, this, [this] {
        refresh();
        if (!m_solving || m_budget.measuring()) return;
        m_solving = false;
        if (m_budget.fits(m_model->spec())) solve();
    });
    connect(&m_budget, &BitBudget::solved, this, &BitsEditor::applySolution);
    connect(&m_budget, &BitBudget::failed, this, [this](const QString& problem) {
        m_outcome->setText(asSentence(problem));
        setTone(m_outcome, "bad");
    });
    refresh();
    refreshSelection();
}

bool BitsEditor::keepsFused() const { return m_fused->isChecked(); }

QLayout* BitsEditor::makeHead() {
    auto* head = new QHBoxLayout;
    head->setSpacing(8);
    head->addWidget(makeLabel(tr("Bits by block"), "heading"));
    m_size = new widgets::ElidedLabel;
    m_size->setProperty("textRole", "secondary");
    m_size->setProperty("tone", "muted");
    m_size->setObjectName(QStringLiteral("bitsSize"));
    head->addWidget(m_size, 1);
    m_fused = new QCheckBox(tr("Keep q, k, v and gate, up together"));
    m_fused->setObjectName(QStringLiteral("keepFused"));
    m_fused->setToolTip(tr("Runtimes run them as one product, which has one grid: with different bits they do not load the export"));
    m_fused->setChecked(true);
    connect(m_fused, &QCheckBox::toggled, this, [this](bool on) { m_chart->setFused(on); });
    head->addWidget(m_fused);
    m_presets = new QComboBox;
    m_presets->setObjectName(QStringLiteral("bitsPresets"));
    m_presets->setAccessibleName(tr("Presets"));
    for (const QString& name : {tr("Presets"), tr("All as the panel says"), tr("Down projections at 8 bits"), tr("Attention at 8 bits"),
                                tr("First and last block at 8 bits")})
        m_presets->addItem(name);
    connect(m_presets, &QComboBox::activated, this, [this](int index) {
        applyPreset(index);
        m_presets->setCurrentIndex(0);
    });
    head->addWidget(m_presets);
    return head;
}

QLayout* BitsEditor::makeBudgetRow() {
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    row->addWidget(makeLabel(tr("Budget"), "heading"));
    m_target = new QDoubleSpinBox;
    m_target->setObjectName(QStringLiteral("budgetTarget"));
    m_target->setAccessibleName(tr("Budget"));
    m_target->setRange(0.01, 1e7);
    m_target->setDecimals(2);
    m_target->setSingleStep(0.25);
    m_target->setValue(4.5);
    row->addWidget(m_target);
    m_unit = new QComboBox;
    m_unit->setObjectName(QStringLiteral("budgetUnit"));
    m_unit->setAccessibleName(tr("What the budget counts"));
    m_unit->addItem(tr("bits a weight"), MeanBits);
    m_unit->addItem(tr("MB of export"), ExportSize);
    connect(m_unit, &QComboBox::activated, this, [this] {
        const Size size = sizeNow();
        const bool bits = m_unit->currentData().toInt() == MeanBits;
        m_target->setValue(bits ? size.bits / std::max(1.0, size.weights) : static_cast<double>(size.exportBytes) / kMegabyte);
        m_target->setSingleStep(bits ? 0.25 : 1.0);
    });
    row->addWidget(m_unit);
    row->addWidget(makeLabel(tr("by"), "secondary", "muted"));
    m_measure = new QComboBox;
    m_measure->setObjectName(QStringLiteral("budgetMeasure"));
    m_measure->setAccessibleName(tr("What linears are judged by"));
    m_measure->addItem(tr("errors of weights"), QStringLiteral("weights"));
    m_measure->addItem(tr("errors of outputs in the open run"), QStringLiteral("outputs"));
    row->addWidget(m_measure);
    m_solve = new QPushButton(tr("Solve"));
    m_solve->setObjectName(QStringLiteral("budgetSolve"));
    connect(m_solve, &QPushButton::clicked, this, [this] {
        if (m_budget.measuring()) return m_budget.cancel();
        const QString measure = m_measure->currentData().toString();
        const bool same = m_budget.fits(m_model->spec()) && QString::fromStdString(m_budget.sensitivities()->measure) == measure;
        if (same) return solve();
        m_solving = true;
        m_budget.measure(m_model->spec(), measure, m_store->folder());
    });
    row->addWidget(m_solve);
    row->addStretch(1);
    return row;
}

BitsEditor::Size BitsEditor::sizeNow() const {
    Size size;
    const auto& checkpoint = m_model->checkpoint().value;
    const QStringList names = namesOf(checkpoint);
    const auto schemes = schemesOf(m_model->spec(), names);
    const auto& plan = m_model->plan().value;
    const bool planned = plan.linears.size() == schemes.size();
    double plannedBits = 0.0;
    for (std::size_t i = 0; i < schemes.size(); ++i) {
        const double weights = static_cast<double>(checkpoint.linearRows[i]) * checkpoint.linearCols[i];
        size.weights += weights;
        size.bits += weights * gridBitsPerWeight(schemes[i].weightBits, schemes[i].symmetric,
                                                 groupColumns(schemes[i], checkpoint.linearCols[i], planned ? &plan.linears[i] : nullptr));
        if (planned) plannedBits += weights * plan.linears[i].bitsPerWeight;
    }
    if (planned) size.exportBytes = static_cast<quint64>(std::max(0.0, static_cast<double>(plan.estimate.exportBytes) + (size.bits - plannedBits) / 8.0));
    return size;
}

void BitsEditor::refresh() {
    const auto& checkpoint = m_model->checkpoint();
    const bool any = checkpoint.known() && checkpoint.value.linearRows.size() == checkpoint.value.linears.size();
    setEnabled(any);
    if (!any) {
        m_chart->setLinears({});
        m_size->clear();
        refreshBudget();
        return;
    }
    const QStringList names = namesOf(checkpoint.value);
    const auto schemes = schemesOf(m_model->spec(), names);
    const auto* measured = m_budget.fits(m_model->spec()) ? m_budget.sensitivities() : nullptr;
    std::vector<widgets::BitsChart::Linear> linears;
    for (std::size_t i = 0; i < schemes.size(); ++i) {
        const QString& name = names[static_cast<qsizetype>(i)];
        widgets::BitsChart::Linear linear{name, name.section(QLatin1Char('.'), 2, 2).toInt(), fusedItem(name), schemes[i].weightBits,
                                          static_cast<double>(checkpoint.value.linearRows[i]) * checkpoint.value.linearCols[i], -1.0};
        if (measured && linear.bits >= 16) linear.error = 0.0;
        if (measured && i < measured->linears.size()) {
            const auto at = std::find(measured->bits.begin(), measured->bits.end(), linear.bits);
            if (at != measured->bits.end()) linear.error = measured->linears[i].error[static_cast<std::size_t>(at - measured->bits.begin())];
        }
        linears.push_back(std::move(linear));
    }
    if (measured) m_chart->setErrorName(measured->measure == "weights" ? tr("weight error") : tr("output error"));
    m_chart->setLinears(std::move(linears));
    const Size size = sizeNow();
    const QLocale locale;
    QString text = tr("%1 bits a weight · linears %2")
                       .arg(locale.toString(size.bits / std::max(1.0, size.weights), 'f', 2), widgets::formatBytes(static_cast<quint64>(size.bits / 8.0)));
    if (size.exportBytes > 0) text += tr(" · export and its memory about %1").arg(widgets::formatBytes(size.exportBytes));
    m_size->setText(text);
    refreshSelection();
    refreshBudget();
}

void BitsEditor::refreshBudget() {
    const bool run = m_store->hasRun() && m_store->newestBlock("base") >= 0;
    m_measure->setItemData(1, run ? QVariant() : QVariant(tr("Open a run of this model first")), Qt::ToolTipRole);
    if (!run) m_measure->setCurrentIndex(0);
    m_measure->setEnabled(run);
    m_measure->setToolTip(run ? QString() : tr("Errors of outputs are measured on the activations of a run: open one of this model first"));
    m_solve->setText(m_budget.measuring() ? tr("Stop") : tr("Solve"));
    if (m_budget.measuring()) {
        m_outcome->setText(tr("Measuring what rounding to 2, 3, 4, 5, 6 and 8 bits does to every linear: %1 of %2 blocks.")
                               .arg(m_budget.done())
                               .arg(m_budget.total()));
        setTone(m_outcome, "muted");
    } else if (!m_budget.problem().isEmpty()) {
        m_outcome->setText(asSentence(m_budget.problem()));
        setTone(m_outcome, "bad");
    } else if (m_outcome->text().isEmpty()) {
        m_outcome->setText(tr("Gives every linear the bits that keep the sum of squared relative errors smallest within the budget."));
    }
}

void BitsEditor::refreshSelection() {
    const QStringList linears = m_chart->selectedLinears();
    const auto bars = m_chart->selectedBars();
    m_bits->setEnabled(!linears.isEmpty());
    m_selected->setText(linears.isEmpty() ? tr("Drag bars, or select them and use the arrow keys. Enter opens a block.")
                                          : tr("%1 selected, %2").arg(counted(bars.size(), tr("bar"), tr("bars")),
                                                                     counted(linears.size(), tr("linear"), tr("linears"))));
    int common = -1;
    const auto schemes = schemesOf(m_model->spec(), linears);
    if (!schemes.empty() && std::all_of(schemes.begin(), schemes.end(), [&](const auto& scheme) { return scheme.weightBits == schemes[0].weightBits; }))
        common = schemes[0].weightBits;
    m_bits->setCurrentValue(common);
}

void BitsEditor::editLinears(const QStringList& linears, int bits, int mergeId, const QString& name) {
    m_model->edit(
        name,
        [&](nlohmann::json& spec) {
            const auto schemes = schemesOf(spec, linears);
            NamedSchemes named = splitRules(rulesOf(spec));
            for (std::size_t i = 0; i < schemes.size(); ++i) {
                LinearScheme scheme = schemes[i];
                // What was left alone gets the panel's grid.
                if (scheme.weightBits >= 16) scheme = defaultSchemeOf(spec);
                if (bits >= 16) scheme.activationBits = 16;
                scheme.weightBits = bits;
                named.byName.insert(linears[static_cast<qsizetype>(i)], scheme);
            }
            setRules(spec, joinRules(named));
        },
        mergeId);
}

void BitsEditor::applyPreset(int index) {
    LinearScheme eight = defaultSchemeOf(m_model->spec());
    eight.weightBits = 8;
    const int last = m_chart->barCount() > 0 ? namesOf(m_model->checkpoint().value).constLast().section(QLatin1Char('.'), 2, 2).toInt() : 0;
    const std::array<QStringList, 5> patterns{{{},
                                               {},
                                               {QStringLiteral("mlp\\.down_proj$")},
                                               {QStringLiteral("self_attn\\.")},
                                               {QStringLiteral("^model\\.layers\\.(?:0|%1)\\.").arg(last)}}};
    if (index < 1 || index >= static_cast<int>(patterns.size())) return;
    m_model->edit(tr("Preset: %1").arg(m_presets->itemText(index)), [&](nlohmann::json& spec) {
        if (index == 1) setRules(spec, {});
        for (const QString& pattern : patterns[static_cast<std::size_t>(index)]) putRule(spec, {pattern, eight});
    });
}

void BitsEditor::solve() {
    const auto* measured = m_budget.sensitivities();
    double weights = 0.0;
    for (const auto& linear : measured->linears) weights += static_cast<double>(linear.weights);
    const double bits = m_unit->currentData().toInt() == MeanBits
                            ? m_target->value() * weights
                            : 8.0 * (m_target->value() * kMegabyte - static_cast<double>(measured->otherBytes));
    m_budget.solve(bits, m_fused->isChecked());
}

void BitsEditor::applySolution(const protocol::BudgetSolution& solution) {
    const auto* measured = m_budget.sensitivities();
    if (!measured || solution.bits.size() != measured->linears.size()) return;
    double weights = 0.0;
    std::map<int, double> weightsOf;
    for (std::size_t i = 0; i < solution.bits.size(); ++i) {
        weights += static_cast<double>(measured->linears[i].weights);
        weightsOf[solution.bits[i]] += static_cast<double>(measured->linears[i].weights);
    }
    const auto most = std::max_element(weightsOf.begin(), weightsOf.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    const QLocale locale;
    const QString mean = locale.toString(solution.sizeBits / weights, 'f', 2);
    m_model->edit(tr("Apply a budget of %1 bits").arg(mean), [&](nlohmann::json& spec) {
        LinearScheme scheme = defaultSchemeOf(spec);
        scheme.weightBits = most->first;
        spec["quantization"]["default"] = schemeToJson(scheme);
        NamedSchemes named;
        for (std::size_t i = 0; i < solution.bits.size(); ++i) {
            if (solution.bits[i] == most->first) continue;
            LinearScheme own = scheme;
            own.weightBits = solution.bits[i];
            named.byName.insert(QString::fromStdString(measured->linears[i].name), own);
        }
        setRules(spec, joinRules(named));
    });
    const double excess = solution.bound > 0.0 ? solution.cost / solution.bound - 1.0 : 0.0;
    m_outcome->setText(tr("%1 bits a weight. Sum of squared relative errors of %2: %3, at most %4 above the best possible.")
                           .arg(mean, measured->measure == "weights" ? tr("weights") : tr("outputs"), locale.toString(solution.cost, 'g', 4),
                                widgets::formatPercent(excess, 2)));
    setTone(m_outcome, "muted");
}

}  // namespace safequant::workbench
