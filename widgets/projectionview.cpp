// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/projectionview.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QStringList>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "widgets/contentshield.h"
#include "widgets/elidedlabel.h"
#include "widgets/embeddingbar.h"
#include "widgets/format.h"
#include "widgets/projectionpane.h"
#include "widgets/prompttablemodel.h"
#include "widgets/segmentedcontrol.h"
#include "widgets/selectionmodel.h"
#include "widgets/selectiontoolbar.h"

namespace safequant::widgets {

namespace {

ProjectionPoints pointsOf(const protocol::FloatArray& array, const std::vector<int>& prompts) {
    ProjectionPoints points;
    const std::size_t rows = std::min(array.values.size() / 2, prompts.size());
    points.positions.reserve(rows);
    for (std::size_t row = 0; row < rows; ++row) {
        points.positions.emplace_back(double(array.values[2 * row]), double(array.values[2 * row + 1]));
    }
    points.prompts.assign(prompts.begin(), prompts.begin() + std::ptrdiff_t(rows));
    return points;
}

void include(QRectF& bounds, const QPointF& position) {
    if (bounds.isNull()) {
        bounds = QRectF(position, QSizeF(1e-9, 1e-9));
    }
    bounds.setLeft(std::min(bounds.left(), position.x()));
    bounds.setRight(std::max(bounds.right(), position.x()));
    bounds.setTop(std::min(bounds.top(), position.y()));
    bounds.setBottom(std::max(bounds.bottom(), position.y()));
}

QRectF boundsOf(const protocol::FloatArray& array, QRectF bounds) {
    for (std::size_t at = 0; at + 1 < array.values.size(); at += 2) {
        include(bounds, QPointF(double(array.values[at]), double(array.values[at + 1])));
    }
    return bounds;
}

}  // namespace

ProjectionView::ProjectionView(QWidget* parent)
    : QWidget(parent),
      m_baseName(tr("Base")),
      m_quantizedName(tr("Quantized")),
      m_title(new QLabel(tr("Projection"))),
      m_subtitle(new ElidedLabel),
      m_kinds(new SegmentedControl),
      m_embedding(new EmbeddingBar),
      m_base(new ProjectionPane),
      m_quantized(new ProjectionPane),
      m_both(new ProjectionPane),
      m_tools(new SelectionToolBar(this)),
      m_arrangement(new SegmentedControl),
      m_movement(new ElidedLabel),
      m_ownSelection(new SelectionModel(this)) {
    setProperty("surface", QStringLiteral("panel"));
    setAttribute(Qt::WA_StyledBackground);
    m_title->setProperty("textRole", QStringLiteral("heading"));
    m_subtitle->setProperty("textRole", QStringLiteral("secondary"));
    m_subtitle->setProperty("tone", QStringLiteral("muted"));
    m_kinds->setAccessibleName(tr("Axes"));
    m_kinds->addSegment(tr("Probe"), QStringLiteral("probe"), tr("Across: the probe's own axis. Up: what varies most besides it."));
    m_kinds->addSegment(tr("LDA"), QStringLiteral("lda"), tr("Across: the axis that separates the labels best."));
    m_kinds->addSegment(tr("PCA"), QStringLiteral("pca"), tr("The two directions of greatest variance, without labels."));
    m_kinds->addSegment(tr("t-SNE"), QStringLiteral("tsne"), tr("Points near each other in all dimensions are near each other here."));
    m_kinds->addSegment(tr("UMAP"), QStringLiteral("umap"), tr("Points near each other in all dimensions are near each other here."));
    m_kinds->setCurrentIndex(0);

    auto* header = new QHBoxLayout;
    header->setContentsMargins(12, 6, 12, 4);
    header->setSpacing(8);
    header->addWidget(m_title);
    header->addWidget(m_subtitle, 1);
    header->addWidget(m_kinds);
    m_arrangement->setAccessibleName(tr("Models"));
    m_arrangement->setObjectName(QStringLiteral("arrangement"));
    m_arrangement->addSegment(tr("Side by side"), false, tr("Each model in a picture of its own."));
    m_arrangement->addSegment(tr("Overlaid"), true,
                              tr("Both models in one picture: open marks are base, filled ones quantized, arrows lead from one to the other."));
    m_arrangement->setCurrentIndex(0);
    m_tools->addAtEnd(m_arrangement);
    m_tools->setContentsMargins(10, 0, 12, 2);
    auto* panes = new QHBoxLayout;
    panes->setContentsMargins(12, 0, 12, 4);
    panes->setSpacing(16);
    for (ProjectionPane* pane : this->panes()) {
        panes->addWidget(pane, 1);
    }
    m_both->hide();
    m_movement->setProperty("textRole", QStringLiteral("secondary"));
    m_movement->setProperty("tone", QStringLiteral("muted"));
    m_movement->setObjectName(QStringLiteral("movement"));
    m_movement->setContentsMargins(14, 0, 14, 6);
    m_movement->hide();
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addLayout(header);
    layout->addWidget(m_tools);
    layout->addLayout(panes, 1);
    layout->addWidget(m_movement);
    auto* foot = new QHBoxLayout;
    foot->setContentsMargins(12, 0, 12, 4);
    foot->addWidget(m_embedding);
    layout->addLayout(foot);
    m_embedding->hide();
    setFocusProxy(m_base);

    for (ProjectionPane* pane : this->panes()) {
        pane->setCardSource([this](int prompt) { return cardOf(prompt); });
        connect(pane, &ProjectionPane::rangeChanged, this, [this](const QRectF& range) {
            for (ProjectionPane* each : this->panes()) {
                each->setRange(range);
            }
        });
        connect(pane, &ProjectionPane::resetRequested, this, &ProjectionView::resetZoom);
        connect(pane, &ProjectionPane::promptActivated, this, &ProjectionView::promptActivated);
        connect(pane, &ProjectionPane::shapeChanged, this, &ProjectionView::refreshSelectionText);
        connect(pane, &ProjectionPane::drawingChanged, this, &ProjectionView::refreshHeader);
        connect(pane, &ProjectionPane::cardPinned, this, [this, pane] {
            for (ProjectionPane* other : this->panes()) {
                if (other != pane) {
                    other->pin(-1);
                }
            }
        });
    }
    connect(m_tools, &SelectionToolBar::toolChosen, this, &ProjectionView::setTool);
    connect(m_arrangement, &SegmentedControl::valueActivated, this, [this](const QVariant& overlaid) {
        setOverlaid(overlaid.toBool());
        emit overlaidChosen(m_overlaid);
    });
    connect(m_kinds, &SegmentedControl::valueActivated, this, [this](const QVariant& kind) { emit kindChosen(kind.toString()); });
    setSelectionModel(nullptr);
    setAccuracies({}, {});
    clear(tr("No block chosen yet."));
}

void ProjectionView::setPrompts(std::shared_ptr<const std::vector<protocol::PromptItem>> prompts) {
    m_prompts = std::move(prompts);
    for (ProjectionPane* pane : panes()) {
        pane->setPrompts(m_prompts);
    }
}

void ProjectionView::setSelectionModel(SelectionModel* selection) {
    if (m_selection != nullptr) {
        m_selection->disconnect(this);
    }
    m_selection = selection != nullptr ? selection : m_ownSelection;
    for (ProjectionPane* pane : panes()) {
        pane->setSelectionModel(m_selection);
    }
    // After the panes, which count.
    connect(m_selection, &SelectionModel::selectionChanged, this, &ProjectionView::refreshSelectionText);
    refreshSelectionText();
}

SelectionModel* ProjectionView::selectionModel() const { return m_selection; }

void ProjectionView::setContentShield(ContentShield* shield) {
    m_shield = shield;
    for (ProjectionPane* pane : panes()) {
        pane->setContentShield(shield);
    }
}

void ProjectionView::setOutcomes(PromptTableModel* outcomes) {
    if (m_outcomes != nullptr) {
        m_outcomes->disconnect(this);
    }
    m_outcomes = outcomes;
    if (outcomes != nullptr) {
        connect(outcomes, &PromptTableModel::dataChanged, this, [this] {
            for (ProjectionPane* pane : panes()) {
                pane->refreshCards();
            }
        });
    }
}

void ProjectionView::setSlices(const std::vector<PromptSlice>& slices) {
    for (ProjectionPane* pane : panes()) {
        pane->setSlices(slices);
    }
}

void ProjectionView::setToolsVisible(bool visible) { m_tools->setVisible(visible); }

void ProjectionView::setTool(SelectionTool tool) {
    m_tools->setTool(tool);
    for (ProjectionPane* pane : panes()) {
        pane->setTool(tool);
    }
    refreshSelectionText();
}

QString ProjectionView::selectionText() const { return m_tools->selectionText(); }

void ProjectionView::setModelNames(const QString& base, const QString& quantized) {
    m_baseName = base;
    m_quantizedName = quantized;
    refreshTitles();
}

void ProjectionView::setOverlaid(bool overlaid) {
    m_arrangement->setCurrentValue(overlaid);
    if (overlaid == m_overlaid) {
        return;
    }
    const QRectF range = firstPane()->range();
    const bool focused = m_base->hasFocus() || m_quantized->hasFocus() || m_both->hasFocus();
    m_overlaid = overlaid;
    m_base->setVisible(!overlaid);
    m_quantized->setVisible(!overlaid);
    m_both->setVisible(overlaid);
    setFocusProxy(firstPane());
    if (focused) {
        firstPane()->setFocus();
    }
    placePoints();
    for (ProjectionPane* pane : panes()) {
        pane->setRange(range);
    }
}

std::vector<CloudMove> ProjectionView::moves() const {
    return m_prompts != nullptr ? cloudMoves(m_projection, *m_prompts) : std::vector<CloudMove>();
}

void ProjectionView::setProjection(const protocol::ProjectionResult& projection) {
    const bool sameAxes = projection.block == m_block && projection.kind == m_projection.kind && !m_home.isNull();
    m_block = projection.block;
    m_projection = projection;
    const auto last = std::max_element(projection.prompts.begin(), projection.prompts.end());
    m_rowOfPrompt.assign(last == projection.prompts.end() ? 0 : std::size_t(*last) + 1, -1);
    for (std::size_t row = 0; row < projection.prompts.size(); ++row) {
        m_rowOfPrompt[std::size_t(projection.prompts[row])] = int(row);
    }
    placePoints();
    const bool hasBoundary = std::isfinite(projection.boundary);
    const bool embedded = isEmbedding(QString::fromStdString(projection.kind));
    const QString left = embedded ? QString() : hasBoundary ? tr("benign side") : tr("component 1, %1 of variance").arg(formatPercent(projection.explained1));
    const QString right = embedded ? QString() : hasBoundary ? tr("malicious side") : tr("up: component 2, %1").arg(formatPercent(projection.explained2));
    for (ProjectionPane* pane : panes()) {
        pane->setBoundary(projection.boundary);
        pane->setFootLabels(left, right);
    }
    setKind(QString::fromStdString(projection.kind));
    setBusy(false);
    fitRange(sameAxes);
    refreshHeader();
}

void ProjectionView::clear(const QString& text) {
    m_block = -1;
    m_projection = {};
    m_rowOfPrompt.clear();
    m_home = {};
    placePoints();
    m_base->setEmptyText(text);
    m_both->setEmptyText(text);
    m_quantized->setEmptyText(m_waitingText);
    setBusy(false);
    refreshHeader();
}

void ProjectionView::placePoints() {
    ProjectionPoints base = pointsOf(m_projection.base, m_projection.prompts);
    ProjectionPoints quantized = pointsOf(m_projection.quantized, m_projection.prompts);
    if (!m_overlaid) {
        m_base->setPoints(std::move(base));
        m_quantized->setPoints(std::move(quantized));
        m_both->setPoints({});
    } else {
        m_base->setPoints({});
        m_quantized->setPoints({});
        if (hasQuantized()) {
            m_both->setPoints(std::move(quantized), std::move(base.positions));
        } else {
            m_both->setPoints(std::move(base));
        }
    }
    placeGuests();
    std::vector<CloudMove> moved = moves();
    m_movement->setText(textOf(moved));
    (m_overlaid ? m_quantized : m_both)->setMoves({});
    (m_overlaid ? m_both : m_quantized)->setMoves(std::move(moved));
    m_movement->setVisible(!m_movement->text().isEmpty());
    refreshTitles();
    refreshSelectionText();
}

void ProjectionView::setGuests(std::vector<GuestPoint> guests) {
    m_guests = std::move(guests);
    placeGuests();
    fitRange(true);
}

void ProjectionView::placeGuests() {
    m_base->setGuests(guestMarks(m_guests, false));
    m_quantized->setGuests(guestMarks(m_guests, true));
    std::vector<GuestMark> both = guestMarks(m_guests, false, true);
    const std::vector<GuestMark> after = guestMarks(m_guests, true);
    both.insert(both.end(), after.begin(), after.end());
    m_both->setGuests(std::move(both));
}

void ProjectionView::fitRange(bool keep) {
    QRectF bounds = boundsOf(m_projection.quantized, boundsOf(m_projection.base, {}));
    if (bounds.isNull()) {
        return;
    }
    for (const GuestPoint& guest : m_guests) {
        for (const auto& place : {guest.base, guest.quantized}) {
            if (place) {
                include(bounds, *place);
            }
        }
    }
    bounds = boundsOf(m_projection.aligned, bounds);
    if (std::isfinite(m_projection.boundary)) {
        bounds.setLeft(std::min(bounds.left(), m_projection.boundary));
        bounds.setRight(std::max(bounds.right(), m_projection.boundary));
    }
    const bool embedded = isEmbedding(QString::fromStdString(m_projection.kind));
    if (keep && !embedded && m_home.contains(bounds)) {
        return;
    }
    const bool zoomed = keep && firstPane()->range() != m_home;
    const double marginX = std::max(bounds.width() * 0.06, 1e-6);
    const double marginY = std::max(bounds.height() * 0.08, 1e-6);
    bounds.adjust(-marginX, -marginY, marginX, marginY);
    if (embedded) {
        // Neither direction means anything: both have one scale, and the picture follows the points as they move.
        const double ratio = double(firstPane()->width()) / std::max(firstPane()->height(), 1);
        const double width = std::max(bounds.width(), bounds.height() * ratio);
        const double height = width / ratio;
        m_home = QRectF(bounds.center() - QPointF(width / 2.0, height / 2.0), QSizeF(width, height));
    } else {
        m_home = keep ? bounds.united(m_home) : bounds;
    }
    if (!zoomed) {
        resetZoom();
    }
}

void ProjectionView::resetZoom() {
    if (!m_home.isNull()) {
        for (ProjectionPane* pane : panes()) {
            pane->setRange(m_home);
        }
    }
}

void ProjectionView::setAccuracies(const std::optional<Rate>& base, const std::optional<Rate>& quantized) {
    m_baseAccuracy = base;
    m_quantizedAccuracy = quantized;
    refreshTitles();
}

void ProjectionView::refreshTitles() {
    const auto said = [](const std::optional<Rate>& accuracy) {
        return accuracy && accuracy->total > 0 ? tr("accuracy %1").arg(formatRate(*accuracy)) : QString();
    };
    m_base->setTitle(m_baseName, said(m_baseAccuracy));
    m_quantized->setTitle(m_quantizedName, said(m_quantizedAccuracy));
    if (!hasQuantized()) {
        m_both->setTitle(m_baseName, said(m_baseAccuracy));
        return;
    }
    QStringList parts{tr("open: base, filled: quantized")};
    if (m_baseAccuracy && m_quantizedAccuracy && m_baseAccuracy->total > 0 && m_quantizedAccuracy->total > 0) {
        parts << tr("accuracy %1 → %2").arg(formatRate(*m_baseAccuracy), formatRate(*m_quantizedAccuracy));
    }
    m_both->setTitle(tr("%1 → %2").arg(m_baseName, m_quantizedName), parts.join(QStringLiteral(", ")));
}

void ProjectionView::setWaitingText(const QString& text) {
    m_waitingText = text;
    m_quantized->setEmptyText(text);
}

void ProjectionView::setBusy(bool busy) {
    for (ProjectionPane* pane : panes()) {
        pane->setBusy(busy);
    }
}

QString ProjectionView::kind() const { return m_kinds->currentValue().toString(); }

void ProjectionView::setKind(const QString& kind) {
    m_kinds->setCurrentValue(kind);
    m_embedding->setVisible(isEmbedding(kind));
}

bool ProjectionView::isEmbedding(const QString& kind) { return kind == QLatin1String("tsne") || kind == QLatin1String("umap"); }

protocol::EmbeddingSettings ProjectionView::defaultSettings(const QString& kind) {
    protocol::EmbeddingSettings settings;
    settings.kind = kind.toStdString();
    return settings;
}

QPointF ProjectionView::pointPosition(const QString& model, int prompt) const {
    const bool quantized = model == QLatin1String("quantized");
    if (quantized && !hasQuantized()) {
        return {};
    }
    const ProjectionPane* pane = m_overlaid ? m_both : quantized ? m_quantized : m_base;
    const QPointF position = pane->positionOf(prompt, !quantized && pane->scene().overlaid());
    return position.isNull() ? position : QPointF(pane->mapTo(this, position.toPoint()));
}

void ProjectionView::refreshHeader() {
    m_title->setText(m_block >= 0 ? tr("Block %1").arg(m_block) : tr("Projection"));
    const std::size_t count = m_projection.prompts.size();
    if (count == 0) {
        m_subtitle->setText({});
        return;
    }
    const bool refitted = m_projection.probe == "refitted";
    QString of;
    if (isEmbedding(QString::fromStdString(m_projection.kind))) {
        of = hasQuantized() ? tr("%1, joint embedding of base and quantized") : tr("%1, embedding of base alone");
    } else if (refitted && m_projection.kind == "probe") {
        of = tr("last token, %1, each model on its own probe's axis");
    } else {
        of = refitted ? tr("last token, %1, axes of the base model, each model's own probe")
                      : tr("last token, %1, axes and probe of the base model");
    }
    const QString number = QLocale().toString(qulonglong(count));
    const bool dense = firstPane()->scene().dense() || (!m_overlaid && m_quantized->scene().dense());
    QString points = dense ? tr("%1 points, density").arg(number) : tr("n = %1").arg(number);
    if (m_overlaid && m_both->scene().overlaid() && m_both->scene().arrows() != PointScene::Arrows::All) {
        points = (m_both->scene().arrows() == PointScene::Arrows::OfSelection ? tr("%1, arrows: selection only") : tr("%1, too many for arrows"))
                     .arg(points);
    }
    m_subtitle->setText(of.arg(points));
}

void ProjectionView::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    if (isEmbedding(QString::fromStdString(m_projection.kind))) {
        fitRange(true);
    }
}

void ProjectionView::changeEvent(QEvent* event) {
    if (event->type() == QEvent::LanguageChange) {
        refreshHeader();
    }
    QWidget::changeEvent(event);
}

}  // namespace safequant::widgets
