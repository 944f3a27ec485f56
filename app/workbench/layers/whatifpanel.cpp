// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/layers/whatifpanel.h"

#include <QCheckBox>
#include <QComboBox>
#include <QGridLayout>
#include <QLocale>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QStandardItemModel>
#include <QVBoxLayout>

#include "app/workbench/session.h"
#include "app/workbench/setup/schemecontrols.h"
#include "app/workbench/ui.h"
#include "core/base/json_path.h"
#include "widgets/format.h"
#include "widgets/lineartablemodel.h"
#include "widgets/lineartableview.h"

namespace safequant::workbench {

using LinearColumns = widgets::LinearTableModel;

namespace {

/// Arrow keys in a control ask once they rest.
constexpr int kRest = 40;
constexpr int kLinearsHeight = 196;

}  // namespace

WhatIfPanel::WhatIfPanel(Session* session, QWidget* parent) : QWidget(parent), m_session(session), m_whatIfs(session->client()) {
    auto* inside = new QWidget;
    inside->setProperty("surface", "panel");
    inside->setAttribute(Qt::WA_StyledBackground);
    auto* content = new QVBoxLayout(inside);
    setSpacing(content, 14, 2, 14, 12, 8);
    m_method = new QComboBox;
    m_method->setObjectName(QStringLiteral("whatIfMethod"));
    m_method->setAccessibleName(tr("Method to try"));
    connect(m_method, &QComboBox::activated, this, [this] { ask(); });
    content->addWidget(m_method);
    m_scheme = new SchemeControls(QStringLiteral("whatIf-"));
    connect(m_scheme, &SchemeControls::edited, this, [this] {
        m_chosen = true;
        ask();
    });
    content->addWidget(m_scheme);
    m_status = makeParagraph({}, "secondary", "muted");
    m_status->setObjectName(QStringLiteral("whatIfStatus"));
    content->addWidget(m_status);
    m_progress = new QProgressBar;
    m_progress->setAccessibleName(tr("Blocks of the base model computed"));
    m_progress->setTextVisible(false);
    m_progress->setFixedHeight(4);
    content->addWidget(m_progress);
    m_results = makeResults();
    content->addWidget(m_results);
    content->addStretch(1);
    auto* scroll = new QScrollArea;
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setFocusPolicy(Qt::NoFocus);
    scroll->setWidgetResizable(true);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setWidget(inside);

    QWidget* foot = makeSurface("panel", "top");
    auto* buttons = new QHBoxLayout(foot);
    setSpacing(buttons, 14, 10, 14, 10, 8);
    m_useBlock = new QPushButton(tr("Use for this block"));
    m_useBlock->setObjectName(QStringLiteral("whatIfUseBlock"));
    m_useBlock->setToolTip(tr("Writes a rule for this block into the setup of the next run"));
    connect(m_useBlock, &QPushButton::clicked, this, &WhatIfPanel::useForBlock);
    m_useAll = new QPushButton(tr("Use for all"));
    m_useAll->setObjectName(QStringLiteral("whatIfUseAll"));
    m_useAll->setToolTip(tr("Gives every linear of the next run this scheme and takes all rules away"));
    connect(m_useAll, &QPushButton::clicked, this, &WhatIfPanel::useForAll);
    buttons->addWidget(m_useBlock, 1);
    buttons->addWidget(m_useAll, 1);

    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 0);
    layout->addWidget(scroll, 1);
    layout->addWidget(foot);

    m_later.setSingleShot(true);
    m_later.setInterval(kRest);
    connect(&m_later, &QTimer::timeout, this, [this] {
        if (m_block < 0 || !isVisible()) return;
        const QString method = m_method->currentData().toString();
        nlohmann::json quantization{{"method", method.toStdString()}, {"default", schemeToJson(m_scheme->scheme())}};
        const auto& spec = m_session->setup()->spec();
        const auto& options = jsonAt(spec, {"quantization", "options"});
        if (methodOf(spec) == method && !options.is_null()) quantization["options"] = options;
        m_whatIfs.ask(m_session->store()->folder(), m_block, quantization);
    });
    connect(&m_whatIfs, &WhatIfs::changed, this, &WhatIfPanel::refresh);
    connect(m_session->setup(), &SetupModel::methodsChanged, this, &WhatIfPanel::refreshMethods);
    for (auto signal : {&SetupModel::specChanged, &SetupModel::checkpointChanged})
        connect(m_session->setup(), signal, this, &WhatIfPanel::refreshScheme);
    refreshMethods();
    refreshScheme();
    refresh();
}

QWidget* WhatIfPanel::makeResults() {
    auto* results = new QWidget;
    auto* layout = new QVBoxLayout(results);
    setSpacing(layout, 0, 0, 0, 0, 8);
    auto* grid = new QGridLayout;
    grid->setHorizontalSpacing(8);
    grid->setVerticalSpacing(4);
    grid->setColumnStretch(0, 1);
    grid->addWidget(makeLabel(tr("This block alone"), "small", "muted"), 0, 0);
    grid->addWidget(makeLabel(tr("What if"), "small", "muted"), 0, 1, Qt::AlignRight);
    m_runHead = makeLabel(tr("Run"), "small", "muted");
    grid->addWidget(m_runHead, 0, 2, Qt::AlignRight);
    const std::array<std::pair<QString, QString>, RowCount> names{
        {{tr("Bits a weight"), tr("With scales and zero points")},
         {tr("Output error"), tr("Distance of the block's output from the base model's, relative, last tokens of the evaluation prompts")},
         {tr("Base probe"), tr("Accuracy of the base model's probe on the output: does it still lie where it did?")},
         {tr("Probe refitted"), tr("Accuracy of a probe fitted anew on the output: is the information still there?")}}};
    for (std::size_t row = 0; row < RowCount; ++row) {
        QLabel* name = makeLabel(names[row].first);
        name->setToolTip(names[row].second);
        grid->addWidget(name, static_cast<int>(row) + 1, 0);
        m_values[row] = makeLabel({}, "value");
        m_values[row]->setObjectName(QStringLiteral("whatIfValue%1").arg(row));
        m_runValues[row] = makeLabel({}, nullptr, "muted");
        m_runValues[row]->setObjectName(QStringLiteral("whatIfRunValue%1").arg(row));
        grid->addWidget(m_values[row], static_cast<int>(row) + 1, 1, Qt::AlignRight);
        grid->addWidget(m_runValues[row], static_cast<int>(row) + 1, 2, Qt::AlignRight);
    }
    layout->addLayout(grid);
    m_draw = new QCheckBox(tr("Show its points in the projection"));
    m_draw->setObjectName(QStringLiteral("whatIfDraw"));
    m_draw->setToolTip(tr("Off: the quantized pane shows what the run measured"));
    m_draw->setChecked(true);
    connect(m_draw, &QCheckBox::toggled, this, &WhatIfPanel::shownChanged);
    layout->addWidget(m_draw);
    m_differences = makeParagraph({}, "secondary");
    m_differences->setObjectName(QStringLiteral("whatIfDifferences"));
    layout->addWidget(m_differences);
    m_basis = makeParagraph({}, "secondary", "muted");
    m_basis->setObjectName(QStringLiteral("whatIfBasis"));
    layout->addWidget(m_basis);
    m_linearModel = new widgets::LinearTableModel(this);
    m_linearModel->setEditable(false);
    m_linearModel->setOfOneBlock(true);
    m_linears = new widgets::LinearTableView;
    m_linears->setObjectName(QStringLiteral("whatIfLinears"));
    m_linears->setAccessibleName(tr("Linears of the block as they are tried"));
    m_linears->setLinearModel(m_linearModel);
    for (const int column : {LinearColumns::ReasonColumn, LinearColumns::BitsPerWeightColumn, LinearColumns::RequestedColumn})
        m_linears->setColumnHidden(column, true);
    m_linears->setFixedHeight(kLinearsHeight);
    layout->addWidget(m_linears);
    return results;
}

void WhatIfPanel::refreshMethods() {
    m_method->clear();
    auto* items = qobject_cast<QStandardItemModel*>(m_method->model());
    for (const auto& method : m_session->setup()->methods()) {
        m_method->addItem(QString::fromStdString(method.title), QString::fromStdString(method.id));
        if (method.quick) continue;
        QStandardItem* item = items->item(m_method->count() - 1);
        item->setText(tr("%1: needs a run").arg(item->text()));
        item->setEnabled(false);
    }
    m_method->setCurrentIndex(m_method->findData(QStringLiteral("rtn")));
}

void WhatIfPanel::refreshScheme() {
    const SetupModel* setup = m_session->setup();
    if (!setup->hasSpec()) return;
    const QString first = QStringLiteral("model.layers.%1.self_attn.q_proj").arg(std::max(m_block, 0));
    const LinearScheme scheme = m_chosen ? m_scheme->scheme() : schemesOf(setup->spec(), {first}).front();
    const bool same = scheme == m_scheme->scheme();
    m_scheme->setScheme(scheme, setup->groupSizes());
    if (!same) ask();
}

void WhatIfPanel::setBlock(int block) {
    if (block == m_block) return;
    m_block = block;
    if (block < 0) m_whatIfs.clear();
    refreshScheme();
    ask();
    refresh();
}

void WhatIfPanel::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    ask();
}

void WhatIfPanel::hideEvent(QHideEvent* event) {
    QWidget::hideEvent(event);
    m_whatIfs.clear();
}

void WhatIfPanel::ask() {
    if (isVisible() && m_block >= 0) m_later.start();
}

const protocol::WhatIfResult* WhatIfPanel::shown() const {
    return isVisible() && m_draw->isChecked() && m_whatIfs.block() == m_block ? m_whatIfs.result() : nullptr;
}

QString WhatIfPanel::title() const {
    const auto* result = shown();
    if (!result) return {};
    const QString scheme = QString::fromStdString(result->scheme);
    const QString method = triedMethod();
    return method.isEmpty() ? tr("What if: %1").arg(scheme) : tr("What if: %1, %2").arg(method, scheme);
}

QString WhatIfPanel::triedMethod() const {
    const protocol::WhatIfResult* result = m_whatIfs.result();
    return !result || result->method == "rtn" ? QString() : m_method->itemText(m_method->findData(QString::fromStdString(result->method)));
}

void WhatIfPanel::refresh() {
    refreshStatus();
    refreshNumbers();
    m_useBlock->setEnabled(m_block >= 0 && m_session->setup()->hasSpec());
    m_useAll->setEnabled(m_session->setup()->hasSpec());
    emit shownChanged();
}

void WhatIfPanel::refreshStatus() {
    QString text;
    using State = WhatIfs::State;
    switch (m_whatIfs.state()) {
        case State::None: text = m_block < 0 ? tr("Choose a block to try other bits on it.") : QString(); break;
        case State::Preparing: text = tr("Computing what enters block %1, once: %2 of %3 blocks.").arg(m_block).arg(m_whatIfs.done()).arg(m_whatIfs.total()); break;
        case State::Trying:
            if (!m_whatIfs.result()) text = tr("Reading the model and the prompts of the run.");
            else if (m_method->currentData() != QLatin1String("rtn")) text = tr("%1 is calibrated on block %2.").arg(m_method->currentText()).arg(m_block);
            break;
        case State::Failed: text = asSentence(m_whatIfs.problem()); break;
        default: break;
    }
    m_status->setText(text);
    m_status->setVisible(!text.isEmpty());
    setTone(m_status, m_whatIfs.state() == State::Failed ? "bad" : "muted");
    m_progress->setVisible(m_whatIfs.state() == State::Preparing);
    m_progress->setRange(0, std::max(1, m_whatIfs.total()));
    m_progress->setValue(m_whatIfs.done());
}

void WhatIfPanel::refreshNumbers() {
    const protocol::WhatIfResult* result = m_whatIfs.block() == m_block ? m_whatIfs.result() : nullptr;
    m_results->setVisible(result != nullptr);
    if (!result) return;
    const QLocale locale;
    const auto bits = [&](double value) { return locale.toString(value, 'f', 2); };
    const bool own = result->own.has_value();
    m_runHead->setVisible(own);
    if (own) m_runHead->setToolTip(QString::fromStdString(result->own->scheme));
    m_values[Bits]->setText(bits(result->bitsPerWeight));
    m_values[BlockError]->setText(widgets::formatPercent(result->relativeError, 2));
    m_values[Transferred]->setText(widgets::formatRate(result->transferred.accuracy));
    m_values[Refitted]->setText(result->refined ? widgets::formatRate(result->refined->refitted.accuracy) : tr("fitting ..."));
    m_runValues[Bits]->setText(own ? bits(result->own->bitsPerWeight) : QString());
    m_runValues[BlockError]->setText(own ? widgets::formatPercent(result->own->relativeError, 2) : QString());
    m_runValues[Transferred]->setText(own ? widgets::formatPercent(result->own->accuracy.value) : QString());
    QStringList lines{tr("To the base model: %1 points").arg(widgets::formatPoints(result->fromBase.value, result->fromBase.interval))};
    if (own) lines << tr("To the run's %1: %2 points").arg(QString::fromStdString(result->own->scheme), widgets::formatPoints(result->own->difference.value, result->own->difference.interval));
    m_differences->setText(lines.join(QLatin1Char('\n')));
    const QString method = triedMethod();
    m_basis->setText((method.isEmpty() ? QString() : tr("%1 on the captured calibration prompts. ").arg(method)) +
                     tr("Changes of the base probe, n = %1, 95% intervals. The block's inputs are the base model's, all tokens of every prompt: errors "
                        "of quantized blocks before it are left out. First numbers in %2 ms.")
                         .arg(locale.toString(static_cast<qulonglong>(result->transferred.accuracy.total)),
                              locale.toString(1000.0 * result->seconds, 'f', 0)));
    m_linearModel->setLinears(result->linears);
    m_results->setAccessibleDescription(lines.join(QStringLiteral(" ")));
}

void WhatIfPanel::useForBlock() {
    const int block = m_block;
    const LinearScheme scheme = m_scheme->scheme();
    m_session->setup()->edit(tr("Use %1 for block %2").arg(scheme.describe()).arg(block),
                             [&](nlohmann::json& spec) { setBlockScheme(spec, block, scheme); });
}

void WhatIfPanel::useForAll() {
    const LinearScheme scheme = m_scheme->scheme();
    const QString method = m_method->currentData().toString();
    if (methodOf(m_session->setup()->spec()) != method) m_session->setup()->setMethod(method);
    m_session->setup()->edit(tr("Use %1 for all blocks").arg(scheme.describe()), [&](nlohmann::json& spec) {
        spec["quantization"]["default"] = schemeToJson(scheme);
        setRules(spec, {});
    });
}

}  // namespace safequant::workbench
