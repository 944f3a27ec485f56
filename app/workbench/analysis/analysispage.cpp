// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/analysis/analysispage.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QSignalBlocker>
#include <QSpinBox>
#include <QStackedWidget>
#include <algorithm>

#include "app/workbench/analysis/calibrationpane.h"
#include "app/workbench/analysis/linearpane.h"
#include "app/workbench/analysis/probepane.h"
#include "app/workbench/analysis/sensitivitypane.h"
#include "app/workbench/analysis/tradeoffpane.h"
#include "app/workbench/analysis/transferpane.h"
#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/segmentedcontrol.h"

namespace safequant::workbench {

AnalysisPage::AnalysisPage(Session* session, QWidget* parent) : QWidget(parent), m_session(session) {
    setAttribute(Qt::WA_StyledBackground);
    setProperty("surface", "panel");
    auto* sensitivity = new SensitivityPane(session);
    auto* tradeOff = new TradeOffPane(session);
    m_panes = {new ProbePane(session), new TransferPane(session), new CalibrationPane(session), new LinearPane(session), sensitivity, tradeOff};
    m_views = new widgets::SegmentedControl;
    m_views->setObjectName(QStringLiteral("analysisViews"));
    m_views->setAccessibleName(tr("View"));
    m_views->addSegment(tr("Probes"), QStringLiteral("probes"), tr("Weights of a block's probe, and which blocks' probes are alike"));
    m_views->addSegment(tr("Transfer"), QStringLiteral("transfer"), tr("Every block's probe on every block's activations"));
    m_views->addSegment(tr("Calibration"), QStringLiteral("calibration"), tr("Reliability, confusion and ROC of a block's probes"));
    m_views->addSegment(tr("Linears"), QStringLiteral("linears"), tr("Histograms of weights, and channels that stand out"));
    m_views->addSegment(tr("Sensitivity"), QStringLiteral("sensitivity"), tr("Errors of linears and blocks, largest first"));
    m_views->addSegment(tr("Trade-off"), QStringLiteral("trade-off"), tr("Finished runs on two measures, or on all"));
    m_blockLabel = makeLabel(tr("Block"), "secondary", "muted");
    m_blockBox = new QSpinBox;
    m_blockBox->setObjectName(QStringLiteral("analysisBlock"));
    m_blockBox->setAccessibleName(tr("Block"));
    m_blockBox->setToolTip(tr("The block that is looked into (Ctrl+[ and Ctrl+])"));
    m_blockBox->setKeyboardTracking(false);
    m_blockLabel->setBuddy(m_blockBox);
    m_losses = makeLink(tr("Losses"));
    m_losses->setObjectName(QStringLiteral("analysisLosses"));

    QWidget* bar = makeSurface("panel", "bottom");
    auto* head = new QHBoxLayout(bar);
    setSpacing(head, 14, 9, 14, 9, 10);
    head->addWidget(m_views);
    head->addSpacing(6);
    head->addWidget(m_blockLabel);
    head->addWidget(m_blockBox);
    head->addStretch(1);
    head->addWidget(m_losses);
    m_stack = new QStackedWidget;
    for (AnalysisPane* pane : m_panes) {
        m_stack->addWidget(pane);
        connect(pane, &AnalysisPane::runRequested, this, &AnalysisPage::runRequested);
        connect(pane, &AnalysisPane::blockChosen, this, [this](int block) {
            setBlock(block);
            emit blockChosen(block);
        });
    }
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 0);
    layout->addWidget(bar);
    layout->addWidget(m_stack, 1);

    connect(m_views, &widgets::SegmentedControl::activated, this, [this] {
        m_session->settings()->set(Setting::AnalysisView, m_views->currentValue());
        showView();
    });
    connect(m_blockBox, &QSpinBox::valueChanged, this, [this](int block) {
        if (block == m_block) return;
        setBlock(block);
        emit blockChosen(block);
    });
    connect(m_losses, &QPushButton::clicked, this, &AnalysisPage::learningRequested);
    connect(sensitivity, &SensitivityPane::bitsRequested, this, &AnalysisPage::bitsRequested);
    connect(tradeOff, &TradeOffPane::openRunRequested, this, &AnalysisPage::openRunRequested);
    connect(tradeOff, &TradeOffPane::resultsRequested, this, &AnalysisPage::resultsRequested);
    connect(m_session->store(), &RunStore::changed, this, &AnalysisPage::handleStore);
    connect(m_session->client(), &EngineClient::stateChanged, this, [this] { pane()->refresh(); });
    connect(m_session->run(), &RunController::phaseChanged, this, [this] {
        refreshHead();
        pane()->refresh();
    });
    setView(m_session->settings()->text(Setting::AnalysisView));
}

AnalysisPane* AnalysisPage::pane() const { return m_panes[std::size_t(std::max(0, m_stack->currentIndex()))]; }

void AnalysisPage::setView(const QString& name) {
    m_views->setCurrentValue(name);
    if (m_views->currentIndex() < 0) m_views->setCurrentIndex(0);
    showView();
}

void AnalysisPage::showView() {
    AnalysisPane* shown = m_panes[std::size_t(m_views->currentIndex())];
    shown->setBlock(m_block);
    m_stack->setCurrentWidget(shown);
    refreshHead();
}

void AnalysisPage::refreshHead() {
    const bool blocks = pane()->showsBlock() && !m_session->store()->blocksOf("base").empty();
    m_blockLabel->setVisible(blocks);
    m_blockBox->setVisible(blocks);
    const bool learned = !m_session->store()->state().learning.empty();
    m_losses->setEnabled(learned);
    m_losses->setToolTip(learned ? tr("The Learning page has the losses of every block") : tr("This run learned nothing; only methods that learn have losses"));
}

void AnalysisPage::setBlock(int block) {
    if (!m_session->store()->blocksOf("base").contains(block)) return;
    const QSignalBlocker quiet(m_blockBox);
    m_block = block;
    m_blockBox->setValue(block);
    pane()->setBlock(block);
}

void AnalysisPage::handleStore(RunStore::Changes changes) {
    const RunStore* store = m_session->store();
    if (changes & RunStore::Replaced && store->folder() != m_folder) {
        m_folder = store->folder();
        m_block = -1;
    }
    if (!(changes & (RunStore::Replaced | RunStore::Blocks | RunStore::Status | RunStore::Learning))) return;
    const auto blocks = store->blocksOf("base");
    if (!blocks.empty()) {
        const QSignalBlocker quiet(m_blockBox);
        m_blockBox->setRange(*blocks.begin(), *blocks.rbegin());
        setBlock(m_block >= 0 ? m_block : *blocks.rbegin());
    }
    refreshHead();
    pane()->refresh();
}

}  // namespace safequant::workbench
