// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/layers/layerspage.h"

#include <QStackedWidget>
#include <QVBoxLayout>
#include <limits>

#include "app/workbench/frame/dockarea.h"
#include "app/workbench/layers/driftbar.h"
#include "app/workbench/layers/layerside.h"
#include "app/workbench/layers/overlaybar.h"
#include "app/workbench/layers/whatifpanel.h"
#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/blockscrubber.h"
#include "widgets/embeddingbar.h"
#include "widgets/emptystate.h"
#include "widgets/layerchart.h"
#include "widgets/projectionview.h"

namespace safequant::workbench {

using widgets::LayerChart;
using Phase = RunController::Phase;

LayersPage::LayersPage(Session* session, QWidget* parent) : QWidget(parent), m_session(session) {
    setAttribute(Qt::WA_StyledBackground);
    setProperty("surface", "panel");
    m_kind = m_session->settings()->text(Setting::ProjectionKind);
    m_chart = new LayerChart;
    m_chart->setObjectName(QStringLiteral("layerChart"));
    m_chart->setModelNames(tr("base"), tr("quantized"));
    m_scrubber = new widgets::BlockScrubber;
    m_scrubber->setObjectName(QStringLiteral("scrubber"));
    m_projection = new widgets::ProjectionView;
    m_projection->setObjectName(QStringLiteral("projection"));
    m_projection->setModelNames(tr("Base"), tr("Quantized"));
    m_projection->setSelectionModel(m_session->selection());
    m_projection->setContentShield(m_session->shield());
    m_projection->setOutcomes(m_session->prompts());
    m_projection->setKind(m_kind);
    m_projection->setOverlaid(m_session->settings()->flag(Setting::ProjectionOverlaid));
    m_overlay = new OverlayBar(m_session);
    m_chart->addTool(m_overlay->button());
    m_drift = new DriftBar(m_session);
    m_chart->addTool(m_drift->button());

    m_panes = new DockArea;
    m_panes->setObjectName(QStringLiteral("layerPanes"));
    const auto addPlot = [this](const QString& key, const QString& title, std::initializer_list<QWidget*> inner, QWidget* tall) {
        QWidget* area = makeSurface("panel");
        auto* layout = new QVBoxLayout(area);
        setSpacing(layout, 12, 8, 12, 6, 0);
        for (QWidget* widget : inner) layout->addWidget(widget);
        layout->setStretchFactor(tall, 1);
        m_panes->addPane(key, title, area);
    };
    addPlot(kChart, tr("Layer chart"), {m_chart, m_drift, m_scrubber}, m_chart);
    addPlot(kProjection, tr("Projection"), {m_overlay, m_projection}, m_projection);
    m_side = new LayerSide(m_session, m_panes);
    m_panes->placeAtFirst([this] { placeBeside({usualSide()}); });
    m_empty = new widgets::EmptyState;
    m_empty->setIcon(widgets::Icon::Layers);
    m_stack = new QStackedWidget;
    m_stack->addWidget(m_empty);
    m_stack->addWidget(m_panes);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 0);
    layout->addWidget(m_stack);

    connect(m_empty, &widgets::EmptyState::actionTriggered, this, [this] {
        if (m_session->run()->resumable()) {
            emit resumeRequested();
        } else if (m_session->setup()->obstacle().isEmpty()) {
            emit quantizeRequested();
        } else {
            emit chooseModelRequested();
        }
    });
    connect(m_chart, &LayerChart::blockChosen, this, &LayersPage::setBlock);
    connect(m_chart, &LayerChart::probeChanged, this, &LayersPage::setProbe);
    connect(m_scrubber, &widgets::BlockScrubber::blockChosen, this, &LayersPage::setBlock);
    connect(m_drift, &DriftBar::blockChosen, this, &LayersPage::setBlock);
    connect(m_scrubber, &widgets::BlockScrubber::followRequested, this, [this] { follow(true); });
    connect(m_scrubber, &widgets::BlockScrubber::stayRequested, this, [this] { follow(false); });
    connect(m_chart, &LayerChart::hardBenignShownChanged, this,
            [this](bool shown) { m_session->settings()->set(Setting::ShowHardBenign, shown); });
    connect(m_projection, &widgets::ProjectionView::kindChosen, this, &LayersPage::setKind);
    connect(m_projection, &widgets::ProjectionView::overlaidChosen, this,
            [this](bool overlaid) { m_session->settings()->set(Setting::ProjectionOverlaid, overlaid); });
    connect(m_session->slices(), &SliceStore::changed, this, [this] { m_projection->setSlices(m_session->slices()->slices()); });
    connect(m_session, &Session::promptsReplaced, this,
            [this] { m_projection->setPrompts(m_session->promptItems()); });
    connect(m_session->projections(), &ProjectionCache::ready, this, [this](int block, const QString& kind) {
        if (block == m_block && (kind == m_kind || widgets::ProjectionView::isEmbedding(m_kind))) refreshProjection();
    });
    connect(m_session->embeddings(), &Embeddings::changed, this, [this] {
        if (widgets::ProjectionView::isEmbedding(m_kind)) refreshProjection();
    });
    connect(m_session->placed(), &PlacedPrompts::changed, this, &LayersPage::refreshGuests);
    connect(m_session->overlay(), &OverlayStore::changed, this, &LayersPage::refreshOverlay);
    connect(m_overlay, &OverlayBar::panesChanged, this, &LayersPage::refreshProjection);
    widgets::EmbeddingBar* bar = m_projection->embeddingBar();
    connect(bar, &widgets::EmbeddingBar::stopRequested, m_session->embeddings(), &Embeddings::stop);
    connect(bar, &widgets::EmbeddingBar::againRequested, m_session->embeddings(), &Embeddings::again);
    connect(bar, &widgets::EmbeddingBar::settingsChanged, this, [this](const protocol::EmbeddingSettings& settings) {
        m_embeddingSettings[QString::fromStdString(settings.kind)] = settings;
        refreshProjection();
    });
    connect(m_side->whatIf(), &WhatIfPanel::shownChanged, this, &LayersPage::refreshProjection);
    connect(m_session->store(), &RunStore::changed, this, &LayersPage::handleStore);
    connect(m_session->run(), &RunController::phaseChanged, this, &LayersPage::refreshState);
    connect(m_session->run(), &RunController::phaseChanged, this, &LayersPage::refreshScrubber);
    for (auto signal : {&SetupModel::checkpointChanged, &SetupModel::promptsChanged, &SetupModel::specChanged}) {
        connect(m_session->setup(), signal, this, &LayersPage::refreshState);
    }
    connect(m_session->setup(), &SetupModel::planChanged, this, &LayersPage::refreshPlan);
    setProbe(m_session->settings()->flag(Setting::ProbeTransferred) ? LayerChart::Probe::Transferred : LayerChart::Probe::Refitted);
    m_chart->setHardBenignShown(m_session->settings()->flag(Setting::ShowHardBenign));
    refreshState();
}

void LayersPage::focusFilter() { m_side->focusFilter(); }

void LayersPage::focusTry() { m_side->focusTry(); }

void LayersPage::exportSelection() { m_side->exportSelection(); }

void LayersPage::saveLayout() {
    if (m_panes->wasShown()) m_session->settings()->set(Setting::LayersArrangement, m_panes->arrangement());
}

void LayersPage::restoreLayout() { m_panes->setArrangement(m_session->settings()->bytes(Setting::LayersArrangement)); }

void LayersPage::setReducedMotion(bool reduced) {
    m_reducedMotion = reduced;
    m_panes->setAnimated(!reduced);
    refreshProjection();
}

void LayersPage::setBlock(int block) {
    m_following = false;
    if (block != m_block) {
        m_block = block;
        m_chart->setCurrentBlock(block);
        refreshProjection();
        refreshPlan();
        refreshAccuracies();
    }
    refreshScrubber();
}

void LayersPage::follow(bool following) {
    m_following = following;
    followNewest();
    refreshProjection();
    refreshPlan();
    refreshAccuracies();
    refreshScrubber();
}

void LayersPage::refreshScrubber() {
    m_scrubber->setBlocks(m_session->store()->blockCount(), m_session->store()->blocksOf("base"));
    m_scrubber->setCurrent(m_block);
    m_scrubber->setFollowing(m_session->run()->active(), m_following);
}

void LayersPage::setKind(const QString& kind) {
    if (kind == m_kind) return;
    m_kind = kind;
    m_session->settings()->set(Setting::ProjectionKind, kind);
    m_projection->setKind(kind);
    refreshProjection();
}

void LayersPage::setProbe(LayerChart::Probe probe) {
    const bool transferred = probe == LayerChart::Probe::Transferred;
    m_session->settings()->set(Setting::ProbeTransferred, transferred);
    m_session->projections()->setProbe(transferred ? QStringLiteral("transferred") : QStringLiteral("refitted"));
    m_session->prompts()->setTransferred(transferred);
    m_chart->setProbe(probe);
    refreshProjection();
    refreshAccuracies();
}

void LayersPage::handleStore(RunStore::Changes changes) {
    if (changes & RunStore::Replaced) m_projection->setPrompts(m_session->promptItems());
    if (changes & RunStore::Replaced && m_session->store()->folder() != m_folder) {
        m_folder = m_session->store()->folder();
        m_chart->clear();
        m_block = -1;
        m_following = true;
        m_projection->clear();
        m_side->setProjection(nullptr);
    }
    if (changes & (RunStore::Replaced | RunStore::Blocks | RunStore::Control)) refreshChart();
    if (changes & (RunStore::Replaced | RunStore::Stages | RunStore::Status)) refreshStage();
    if (changes & (RunStore::Replaced | RunStore::Blocks)) {
        followNewest();
        refreshPlan();
        refreshAccuracies();
        // The cache asks again by itself when the block in view got its quantized half.
        refreshProjection();
    }
    refreshScrubber();
    refreshState();
}

void LayersPage::refreshOverlay() {
    m_chart->setOverlay(m_overlay->name(), m_session->overlay()->overlay());
    refreshProjection();
    refreshAccuracies();
}

void LayersPage::refreshGuests() {
    // Embeddings and another run's points have no place for them.
    if (widgets::ProjectionView::isEmbedding(m_kind) || overlaid()) return m_projection->setGuests({});
    std::vector<widgets::GuestPoint> guests;
    const bool refitted = m_chart->probe() == LayerChart::Probe::Refitted;
    const auto pointOf = [&](const protocol::PlacedBlock* block) -> std::optional<QPointF> {
        if (!block) return std::nullopt;
        const protocol::FloatArray& points = m_kind == QLatin1String("lda")                    ? block->lda
                                             : m_kind == QLatin1String("pca")                  ? block->pca
                                             : refitted && !block->refitted.values.empty() ? block->refitted
                                                                                               : block->probe;
        if (points.values.size() < 2) return std::nullopt;
        return QPointF(static_cast<double>(points.values[0]), static_cast<double>(points.values[1]));
    };
    for (const auto& item : m_session->placed()->items())
        guests.push_back({QString::number(guests.size() + 1), pointOf(item.block("base", m_block)), pointOf(item.block("quantized", m_block))});
    m_projection->setGuests(std::move(guests));
}

bool LayersPage::overlaid() const { return m_overlay->otherInPanes() && !widgets::ProjectionView::isEmbedding(m_kind); }

void LayersPage::refreshChart() {
    const RunStore* store = m_session->store();
    m_chart->setBlockCount(store->blockCount());
    m_chart->setBlocks(store->state().blocks);
    m_chart->setOverlay(m_overlay->name(), m_session->overlay()->overlay());
    m_chart->setWordControl(store->state().control);
    m_chart->setCurrentBlock(m_block);
}

void LayersPage::refreshStage() {
    QString stage;
    if (m_session->run()->active()) {
        for (const auto& item : m_session->store()->state().stages) {
            if (item.unit == "blocks" && item.done < item.total) {
                stage = QString::fromStdString(item.stage);
                break;
            }
        }
    }
    m_chart->setRunningStage(stage);
    m_chart->setEmptyText(m_session->run()->active() ? tr("The first block appears in a few seconds.")
                                                     : tr("This run has no finished block yet."));
    m_chart->setBlockCount(m_session->store()->blockCount());
}

void LayersPage::refreshPlan() {
    const auto& plan = m_session->setup()->plan();
    const bool same = sameQuantization(m_session->setup()->spec(), m_session->store()->state().spec);
    if (plan.known() && same) m_chart->setPlan(plan.value.linears);
    if (m_block < 0) {
        m_side->setLinears(-1, {});
        return;
    }
    if (const auto* block = m_session->store()->block("quantized", m_block); block && !block->linears.empty()) {
        m_side->setLinears(m_block, block->linears);
        return;
    }
    std::vector<protocol::LinearInfo> linears;
    if (plan.known() && same) {
        for (const auto& linear : plan.value.linears) {
            if (linear.block == m_block) linears.push_back(linear);
        }
    }
    m_side->setLinears(m_block, linears);
}

void LayersPage::followNewest() {
    if (!m_following) return;
    int newest = m_session->store()->newestBlock("quantized");
    if (newest < 0) newest = m_session->store()->newestBlock("base");
    if (newest == m_block) return;
    m_block = newest;
    m_chart->setCurrentBlock(newest);
}

void LayersPage::refreshProjection() {
    m_side->whatIf()->setBlock(m_block);
    if (m_block < 0) {
        m_session->embeddings()->hide();
        m_projection->embeddingBar()->setIdle();
        m_projection->clear(m_session->run()->active() ? tr("Waiting for the first block.") : QString());
        m_side->setProjection(nullptr);
        return;
    }
    m_scrubber->setWaiting(false);
    if (widgets::ProjectionView::isEmbedding(m_kind)) return refreshEmbedding();
    m_session->embeddings()->hide();
    const bool both = overlaid();
    // Another run's points would leave their room on the axes behind.
    if (both != m_bothRuns) m_projection->clear();
    m_bothRuns = both;
    const QString probe = m_chart->probe() == LayerChart::Probe::Transferred ? QStringLiteral("transferred") : QStringLiteral("refitted");
    const auto projection =
        both ? m_session->overlay()->projection(m_block, m_kind, probe) : m_session->projections()->get(m_block, m_kind);
    if (!projection) {
        const QString problem =
            both ? m_session->overlay()->projectionProblem() : m_session->projections()->problem(m_block, m_kind);
        if (!problem.isEmpty()) {
            m_projection->setBusy(false);
            m_projection->clear(asSentence(problem));
        } else {
            m_projection->setBusy(true);
        }
        m_scrubber->setWaiting(problem.isEmpty());
        return;
    }
    showProjection(*projection);
}

void LayersPage::showProjection(const protocol::ProjectionResult& projection) {
    m_projection->setBusy(false);
    m_scrubber->setWaiting(false);
    const auto* quantize = m_session->store()->stage("quantize");
    m_projection->setWaitingText(quantize ? tr("Not quantized yet.") : tr("This run does not quantize."));
    m_projection->setProjection(overlaid() ? projection : withWhatIf(projection));
    refreshGuests();
    // Table and card have the columns of this run, whatever stands in the panes.
    const auto own = overlaid() ? m_session->projections()->get(m_block, m_kind) : nullptr;
    m_side->setProjection(overlaid() ? own.get() : &projection);
    refreshAccuracies();
}

protocol::ProjectionResult LayersPage::withWhatIf(protocol::ProjectionResult projection) const {
    const protocol::WhatIfResult* tried = m_side->whatIf()->shown();
    if (!tried || tried->block != projection.block || widgets::ProjectionView::isEmbedding(QString::fromStdString(projection.kind))) return projection;
    projection.quantized = projection.kind == "probe" ? tried->probe : projection.kind == "lda" ? tried->lda : tried->pca;
    projection.logitsQuantized = tried->logits;
    projection.probe = "transferred";
    return projection;
}

void LayersPage::refreshEmbedding() {
    refreshGuests();
    Embeddings* embeddings = m_session->embeddings();
    widgets::EmbeddingBar* bar = m_projection->embeddingBar();
    auto settings = m_embeddingSettings.try_emplace(m_kind, widgets::ProjectionView::defaultSettings(m_kind)).first->second;
    bar->setSettings(settings);
    const auto state = embeddings->show(m_block, settings);
    const protocol::ProjectionFrame* frame = embeddings->frame();
    switch (state) {
        case Embeddings::State::Done:
            bar->setIdle();
            // Scores are of the chosen probe; where points lie has nothing to do with it.
            if (const auto scored = m_session->projections()->get(m_block, QStringLiteral("pca"))) {
                auto result = *embeddings->result();
                result.probe = scored->probe;
                result.logitsQuantized = scored->logitsQuantized;
                return showProjection(result);
            }
            return showProjection(*embeddings->result());
        case Embeddings::State::Failed:
            bar->setIdle();
            m_projection->clear(asSentence(embeddings->problem()));
            m_projection->setKind(m_kind);
            m_side->setProjection(nullptr);
            return;
        case Embeddings::State::None: return m_projection->setBusy(true);
        case Embeddings::State::Running: bar->setProgress(frame ? frame->step : 0, frame ? frame->steps : 0); break;
        case Embeddings::State::Stopped: bar->setStopped(frame ? frame->step : 0, frame ? frame->steps : 0); break;
    }
    // Prompts and scores are those of any projection; the frame has the positions.
    const auto known = m_session->projections()->get(m_block, QStringLiteral("pca"));
    if (!frame || !known || (m_reducedMotion && state == Embeddings::State::Running)) return m_projection->setBusy(true);
    auto moving = *known;
    moving.kind = m_kind.toStdString();
    moving.base = frame->base;
    moving.quantized = frame->quantized;
    moving.boundary = std::numeric_limits<double>::quiet_NaN();
    m_projection->setProjection(moving);
}

void LayersPage::refreshAccuracies() {
    const auto* base = m_session->store()->block("base", m_block);
    const auto* quantized = m_session->store()->block("quantized", m_block);
    const bool transferred = m_chart->probe() == LayerChart::Probe::Transferred;
    m_overlay->setBlock(m_block, transferred);
    m_side->setBlock(m_block, transferred);
    std::optional<Rate> baseRate, quantizedRate;
    if (base) baseRate = base->refitted.accuracy;
    if (quantized && !transferred) {
        quantizedRate = quantized->refitted.accuracy;
    } else if (quantized && quantized->transferred) {
        quantizedRate = quantized->transferred->accuracy;
    }
    if (overlaid()) {
        const auto* other = m_session->overlay()->block(m_block);
        const bool ownBase = other && other->against == "base";
        m_projection->setModelNames(ownBase ? tr("This run, base") : tr("This run, quantized"), m_overlay->name());
        std::optional<Rate> otherRate;
        if (other) otherRate = transferred ? other->transferred.accuracy : other->refitted.accuracy;
        m_projection->setAccuracies(ownBase ? baseRate : quantizedRate, otherRate);
        return;
    }
    // Embeddings have no place for new points: they go on showing the run. What is tried stands on the base model's axes, with its probe.
    const auto* tried = widgets::ProjectionView::isEmbedding(m_kind) ? nullptr : m_side->whatIf()->shown();
    if (tried) quantizedRate = tried->transferred.accuracy;
    m_projection->setModelNames(tr("Base"), tried ? m_side->whatIf()->title() : tr("Quantized"));
    m_projection->setAccuracies(baseRate, quantizedRate);
}

void LayersPage::refreshState() {
    const Phase phase = m_session->run()->phase();
    const bool anything = m_session->store()->hasRun() &&
                          (m_session->run()->active() || !m_session->store()->state().blocks.empty());
    m_stack->setCurrentWidget(anything ? static_cast<QWidget*>(m_panes) : m_empty);
    if (anything) return;
    switch (phase) {
        case Phase::Opening:
            m_empty->setText(tr("Opening the run."));
            m_empty->setActionText({});
            break;
        case Phase::Stopped:
        case Phase::Interrupted:
            m_empty->setText(tr("This run ended before its first block was finished."));
            m_empty->setActionText(tr("Resume"), true);
            break;
        case Phase::Failed:
            m_empty->setText(asSentence(QString::fromStdString(m_session->store()->state().summary.detail)));
            m_empty->setActionText(m_session->run()->resumable() ? tr("Resume") : tr("Quantize"), true);
            break;
        default: {
            const QString obstacle = m_session->setup()->obstacle();
            m_empty->setText(obstacle.isEmpty() ? tr("Quantize to see, block by block, what it does to this model.") : obstacle);
            const bool choose = checkpointOf(m_session->setup()->spec()).isEmpty() || m_session->setup()->checkpoint().wrong();
            m_empty->setActionText(obstacle.isEmpty() ? tr("Quantize") : choose ? tr("Choose a model ...") : QString(), true);
        }
    }
}

}  // namespace safequant::workbench
