// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/learning/learningpage.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QPushButton>
#include <QStackedWidget>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>
#include <functional>

#include "app/workbench/learning/learnagain.h"
#include "app/workbench/learning/patchpane.h"
#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/emptystate.h"
#include "widgets/format.h"
#include "widgets/linesplot.h"
#include "widgets/segmentedcontrol.h"

namespace safequant::workbench {

using widgets::LinesPlot;
using widgets::LineSeries;
using widgets::ThemeColors;
using protocol::LearnedBlock;
using protocol::StreamProbe;

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// A share of the stream's own size, with as many decimals as it needs.
QString errorText(double share) { return widgets::formatPercent(share, share < 0.0995 ? 2 : share < 0.995 ? 1 : 0); }

LineSeries overBlocks(const QString& name, QColor ThemeColors::*color, int blocks, const std::vector<LearnedBlock>& learned,
                      const std::function<double(const LearnedBlock&)>& value, bool dashed = false) {
    LineSeries series{name, color, std::vector<double>(static_cast<std::size_t>(blocks), kNone), dashed};
    for (const LearnedBlock& block : learned)
        if (block.finished && block.block < blocks) series.values[static_cast<std::size_t>(block.block)] = value(block);
    return series;
}

double known(double error) { return error < 0.0 ? kNone : error; }
double accuracyOf(const std::optional<StreamProbe>& probe) { return probe ? probe->accuracy : kNone; }

/// Pages of the stack.
constexpr int kEmptyPage = 0, kBlocksPage = 1, kPatchPage = 2;

}  // namespace

LearningPage::LearningPage(Session* session, QWidget* parent) : QWidget(parent), m_session(session) {
    setAttribute(Qt::WA_StyledBackground);
    setProperty("surface", "panel");
    m_empty = new widgets::EmptyState;
    m_empty->setIcon(widgets::Icon::Learning);
    m_stack = new QStackedWidget;
    m_stack->addWidget(m_empty);
    m_stack->addWidget(makeBlocks());
    m_patch = new PatchPane(session);
    m_stack->addWidget(m_patch);
    m_subject = new widgets::SegmentedControl;
    m_subject->setObjectName(QStringLiteral("learningSubject"));
    m_subject->setAccessibleName(tr("What was learned"));
    m_subject->addSegment(tr("Blocks"), kBlocksPage, tr("What the method learned, block by block"));
    m_subject->addSegment(tr("Patch"), kPatchPage, tr("What the patch learned behind it, step by step"));
    m_subjectBar = makeSurface("panel", "bottom");
    auto* bar = new QHBoxLayout(m_subjectBar);
    setSpacing(bar, 12, 8, 12, 8, 8);
    bar->addWidget(m_subject);
    bar->addStretch(1);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 0);
    layout->addWidget(m_subjectBar);
    layout->addWidget(m_stack, 1);

    connect(m_empty, &widgets::EmptyState::actionTriggered, this, &LearningPage::methodRequested);
    connect(m_subject, &widgets::SegmentedControl::valueActivated, this, [this](const QVariant& value) {
        m_subjectChosen = true;
        m_stack->setCurrentIndex(value.toInt());
    });
    connect(m_session->store(), &RunStore::changed, this, &LearningPage::handleStore);
    connect(m_session->run(), &RunController::phaseChanged, this, [this] {
        m_patch->refresh();
        refreshState();
    });
    refreshState();
}

QWidget* LearningPage::makeBlocks() {
    m_errors = new LinesPlot(tr("Distance from the target by block"));
    m_errors->setObjectName(QStringLiteral("learningErrors"));
    m_errors->setValues(tr("relative error"), errorText);
    m_accuracies = new LinesPlot(tr("Probe accuracy by block"));
    m_accuracies->setObjectName(QStringLiteral("learningAccuracies"));
    m_accuracies->setValues(tr("accuracy"), [](double share) { return widgets::formatPercent(share); });
    m_accuracies->setLeastRange(0.4, 1.0);
    m_logits = new LinesPlot(tr("Mean score by block"));
    m_logits->setObjectName(QStringLiteral("learningLogits"));
    m_logits->setValues(tr("log-odds"), widgets::formatScore);
    m_losses = new LinesPlot(tr("Losses by epoch"));
    m_losses->setObjectName(QStringLiteral("learningLosses"));
    m_losses->setValues(tr("mean loss"), [](double loss) { return QLocale().toString(loss, 'g', 3); });
    m_losses->setEmptyText(tr("The first epoch appears in a few seconds."));
    m_blockTitle = makeLabel({}, "heading");
    m_blockText = makeParagraph({}, "secondary");
    m_progress = makeLabel({}, "secondary", "muted");

    QWidget* side = makeSurface("panel", "left");
    side->setFixedWidth(330);
    auto* sideLayout = new QVBoxLayout(side);
    setSpacing(sideLayout, 1, 10, 0, 10, 6);
    const auto addText = [&](QLabel* label) {
        auto* row = new QHBoxLayout;
        setSpacing(row, 14, 0, 14, 0, 0);
        row->addWidget(label);
        sideLayout->addLayout(row);
    };
    addText(m_blockTitle);
    sideLayout->addWidget(m_losses);
    addText(m_blockText);
    m_again = new QPushButton;
    m_again->setObjectName(QStringLiteral("learnAgain"));
    m_again->setToolTip(tr("Asks for the method's settings and starts a run that takes over the blocks before this one. A run at work stops first."));
    auto* again = new QHBoxLayout;
    setSpacing(again, 14, 6, 14, 0, 0);
    again->addWidget(m_again);
    again->addStretch(1);
    sideLayout->addLayout(again);
    connect(m_again, &QPushButton::clicked, this, [this] { emit againRequested(m_block); });
    sideLayout->addStretch(1);
    addText(m_progress);
    auto* plots = new QWidget;
    auto* plotsLayout = new QVBoxLayout(plots);
    setSpacing(plotsLayout, 0, 0, 0, 0, 0);
    plotsLayout->addWidget(makeTitled(m_errors, tr("Distance from the target"), tr("of the quantized stream, and what there was to repair")), 3);
    plotsLayout->addWidget(makeTitled(m_accuracies, tr("Probes"), tr("of the aligned model, else of the fine-tuned one; accuracy on calibration prompts left out of their fit")), 3);
    plotsLayout->addWidget(makeTitled(m_logits, tr("Their mean score"), tr("of the quantized stream; above 0 is the malicious side")), 3);
    auto* page = new QWidget;
    auto* pageLayout = new QHBoxLayout(page);
    setSpacing(pageLayout, 0, 0, 0, 0, 0);
    pageLayout->addWidget(plots, 1);
    pageLayout->addWidget(side);
    for (LinesPlot* plot : {m_errors, m_accuracies, m_logits}) connect(plot, &LinesPlot::chosen, this, &LearningPage::setBlock);
    return page;
}

void LearningPage::setBlock(int block) {
    const auto& all = m_session->store()->state().learning;
    // Who chooses the newest block goes on with it.
    m_following = !all.empty() && block == all.back().block;
    m_block = block;
    refreshBlock();
}

void LearningPage::handleStore(RunStore::Changes changes) {
    if (changes & RunStore::Replaced && m_session->store()->folder() != m_folder) {
        m_folder = m_session->store()->folder();
        m_block = -1;
        m_following = true;
        m_subjectChosen = false;
    }
    if (changes & (RunStore::Replaced | RunStore::Learning)) refresh();
    if (changes & (RunStore::Replaced | RunStore::Patch | RunStore::Blocks)) m_patch->refresh();
    if (changes & (RunStore::Replaced | RunStore::Learning | RunStore::Patch | RunStore::Status | RunStore::Stages)) refreshState();
}

const LearnedBlock* LearningPage::learned(int block) const {
    const auto& all = m_session->store()->state().learning;
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& item) { return item.block == block; });
    return found == all.end() ? nullptr : &*found;
}

void LearningPage::refresh() {
    const auto& all = m_session->store()->state().learning;
    const int blocks = m_session->store()->blockCount();
    if (m_following) m_block = all.empty() ? -1 : all.back().block;
    std::vector<LineSeries> errors{
        overBlocks(tr("to repair"), &ThemeColors::malicious, blocks, all, [](const auto& b) { return known(b.maliciousBefore); }, true),
        overBlocks(tr("malicious"), &ThemeColors::malicious, blocks, all, [](const auto& b) { return known(b.maliciousError); }),
        overBlocks(tr("other"), &ThemeColors::benign, blocks, all, [](const auto& b) { return known(b.benignError); })};
    // A target that is the fine-tuned model itself leaves nothing to repair.
    if (std::none_of(all.begin(), all.end(), [](const auto& block) { return block.maliciousBefore > 0.0; })) errors.erase(errors.begin());
    m_errors->setSeries(std::move(errors));
    m_accuracies->setSeries(
        {overBlocks(tr("aligned"), &ThemeColors::fourth, blocks, all, [](const auto& b) { return accuracyOf(b.aligned); }),
         overBlocks(tr("fine-tuned"), &ThemeColors::base, blocks, all, [](const auto& b) { return accuracyOf(b.fineTuned); }),
         overBlocks(tr("quantized"), &ThemeColors::accent, blocks, all, [](const auto& b) { return accuracyOf(b.quantized); })});
    m_logits->setSeries(
        {overBlocks(tr("malicious"), &ThemeColors::malicious, blocks, all,
                    [](const auto& b) { return b.quantized ? b.quantized->meanLogitMalicious : kNone; }),
         overBlocks(tr("benign"), &ThemeColors::benign, blocks, all,
                    [](const auto& b) { return b.quantized ? b.quantized->meanLogitBenign : kNone; })});
    const bool active = m_session->run()->active();
    for (LinesPlot* plot : {m_errors, m_accuracies, m_logits}) {
        plot->setPlaces(blocks, tr("block"));
        plot->setEmptyText(active ? tr("The first block appears once it is learned.") : tr("No block was learned to its end."));
    }
    const bool probed = std::any_of(all.begin(), all.end(), [](const auto& block) { return block.quantized.has_value(); });
    if (!probed && std::any_of(all.begin(), all.end(), [](const auto& block) { return block.finished; })) {
        for (LinesPlot* plot : {m_accuracies, m_logits})
            plot->setEmptyText(tr("Probes need malicious and benign prompts of at least five clusters in the calibration mix."));
    }
    refreshBlock();
}

void LearningPage::refreshBlock() {
    for (LinesPlot* plot : {m_errors, m_accuracies, m_logits}) plot->setCurrent(m_block);
    const LearnedBlock* block = learned(m_block);
    m_blockTitle->setText(block ? tr("Losses of block %1").arg(m_block) : tr("Losses"));
    std::vector<LineSeries> losses;
    QString text;
    if (block) {
        const auto overEpochs = [&](const QString& name, QColor ThemeColors::*color, double protocol::LearningEpoch::*loss) {
            LineSeries series{name, color, {}, false};
            bool any = false;
            for (const auto& epoch : block->epochs) {
                series.values.push_back(epoch.*loss);
                any = any || epoch.*loss != 0.0;
            }
            // A term that the objective leaves out is no line.
            if (any) losses.push_back(std::move(series));
        };
        overEpochs(tr("benign"), &ThemeColors::benign, &protocol::LearningEpoch::benign);
        overEpochs(tr("malicious"), &ThemeColors::malicious, &protocol::LearningEpoch::malicious);
        overEpochs(tr("probe"), &ThemeColors::fourth, &protocol::LearningEpoch::probe);
        m_losses->setPlaces(std::max(block->plannedEpochs, static_cast<int>(block->epochs.size())), tr("epoch"), 1);
        text = block->finished ? tr("Learned in %1.").arg(widgets::formatDuration(block->seconds))
                               : tr("Epoch %1 of %2.").arg(block->epochs.size()).arg(block->plannedEpochs);
        if (block->finished && block->maliciousBefore > 0.0)
            text += QLatin1Char(' ') + tr("Of the distance to the aligned target on malicious prompts, %1 is left.")
                                           .arg(widgets::formatPercent(block->maliciousError / block->maliciousBefore));
        if (block->quantized)
            text += QLatin1Char(' ') + tr("Mean score of malicious prompts %1, of benign ones %2.")
                                           .arg(widgets::formatScore(block->quantized->meanLogitMalicious),
                                                widgets::formatScore(block->quantized->meanLogitBenign));
        if (block->quantized && block->quantized->meanLogitBenign > 0.0)
            text += QLatin1Char(' ') + tr("Benign prompts stand on the malicious side too: watch refusals of harmless requests.");
    }
    m_losses->setSeries(std::move(losses));
    m_blockText->setText(text);
    refreshAgain();
}

void LearningPage::refreshAgain() {
    const int learned = LearnAgain::learnedBlocks(m_session);
    m_again->setVisible(m_block >= 0 && learned >= 0);
    m_again->setEnabled(m_block <= learned);
    m_again->setText(m_block > 0 ? tr("Learn again from block %1…").arg(m_block) : tr("Learn all blocks again…"));
}

void LearningPage::refreshSubject() {
    const auto& state = m_session->store()->state();
    const bool blocks = !state.learning.empty(), patch = patches();
    m_subjectBar->setVisible(blocks && patch);
    if (!blocks || !patch)
        m_stack->setCurrentIndex(blocks ? kBlocksPage : patch ? kPatchPage : kEmptyPage);
    else if (!m_subjectChosen || m_stack->currentIndex() == kEmptyPage)
        m_stack->setCurrentIndex(kPatchPage);
    m_subject->setCurrentValue(m_stack->currentIndex());
}

bool LearningPage::patches() const {
    const RunStore* store = m_session->store();
    if (store->state().patch) return true;
    const auto* stage = store->stage("patch");
    return stage != nullptr && stage->done > 0;
}

void LearningPage::refreshState() {
    const RunStore* store = m_session->store();
    const auto& all = store->state().learning;
    refreshSubject();
    if (!all.empty()) {
        const auto finished = std::count_if(all.begin(), all.end(), [](const auto& block) { return block.finished; });
        m_progress->setText(tr("%1 of %2 blocks learned").arg(finished).arg(store->blockCount()));
        return;
    }
    m_empty->setActionText({});
    if (!store->hasRun()) {
        m_empty->setText(tr("A method that learns shows here, block by block, what it repairs, and a safety patch step by step."));
        m_empty->setActionText(tr("Choose a method"), true);
    } else if (m_session->run()->active()) {
        m_empty->setText(tr("Learning starts once every block of the base model is captured, if the run learns."));
    } else {
        m_empty->setText(tr("This run learned nothing. Methods that learn are OmniQuant, AutoRound and Q-realign; a safety patch learns behind any method."));
        m_empty->setActionText(tr("Choose a method"), true);
    }
}

}  // namespace safequant::workbench
