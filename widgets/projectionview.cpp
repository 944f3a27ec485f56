// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/projectionview.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QStringList>
#include <QVBoxLayout>
#include <cmath>

#include "widgets/contentshield.h"
#include "widgets/elidedlabel.h"
#include "widgets/embeddingbar.h"
#include "widgets/format.h"
#include "widgets/projectionpane.h"
#include "widgets/segmentedcontrol.h"
#include "widgets/selectionmodel.h"

namespace safequant::widgets {

namespace {

ProjectionPoints pointsOf(const protocol::FloatArray& array, const std::vector<int>& prompts, const std::vector<float>& scores) {
    ProjectionPoints points;
    const std::size_t rows = std::min(array.values.size() / 2, prompts.size());
    points.positions.reserve(rows);
    for (std::size_t row = 0; row < rows; ++row) {
        points.positions.emplace_back(double(array.values[2 * row]), double(array.values[2 * row + 1]));
    }
    points.prompts.assign(prompts.begin(), prompts.begin() + std::ptrdiff_t(rows));
    points.scores = scores;
    return points;
}

QRectF boundsOf(const std::vector<QPointF>& positions, QRectF bounds) {
    for (const QPointF& position : positions) {
        if (bounds.isNull()) {
            bounds = QRectF(position, QSizeF(1e-9, 1e-9));
        }
        bounds.setLeft(std::min(bounds.left(), position.x()));
        bounds.setRight(std::max(bounds.right(), position.x()));
        bounds.setTop(std::min(bounds.top(), position.y()));
        bounds.setBottom(std::max(bounds.bottom(), position.y()));
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
      m_base(new ProjectionPane(QStringLiteral("base"))),
      m_quantized(new ProjectionPane(QStringLiteral("quantized"))),
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
    auto* panes = new QHBoxLayout;
    panes->setContentsMargins(12, 0, 12, 4);
    panes->setSpacing(16);
    panes->addWidget(m_base, 1);
    panes->addWidget(m_quantized, 1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addLayout(header);
    layout->addLayout(panes, 1);
    auto* foot = new QHBoxLayout;
    foot->setContentsMargins(12, 0, 12, 4);
    foot->addWidget(m_embedding);
    layout->addLayout(foot);
    m_embedding->hide();
    setFocusProxy(m_base);

    for (ProjectionPane* pane : {m_base, m_quantized}) {
        connect(pane, &ProjectionPane::rangeChanged, this, [this](const QRectF& range) {
            m_base->setRange(range);
            m_quantized->setRange(range);
        });
        connect(pane, &ProjectionPane::resetRequested, this, &ProjectionView::resetZoom);
        connect(pane, &ProjectionPane::promptActivated, this, &ProjectionView::promptActivated);
    }
    connect(m_kinds, &SegmentedControl::valueActivated, this, [this](const QVariant& kind) { emit kindChosen(kind.toString()); });
    setSelectionModel(nullptr);
    setAccuracies({}, {});
    clear(tr("No block chosen yet."));
}

void ProjectionView::setPrompts(std::shared_ptr<const std::vector<protocol::PromptItem>> prompts) {
    m_prompts = std::move(prompts);
    m_base->setPrompts(m_prompts);
    m_quantized->setPrompts(m_prompts);
}

void ProjectionView::setSelectionModel(SelectionModel* selection) {
    m_selection = selection != nullptr ? selection : m_ownSelection;
    m_base->setSelectionModel(m_selection);
    m_quantized->setSelectionModel(m_selection);
}

SelectionModel* ProjectionView::selectionModel() const { return m_selection; }

void ProjectionView::setContentShield(ContentShield* shield) {
    m_shield = shield;
    m_base->setContentShield(shield);
    m_quantized->setContentShield(shield);
}

void ProjectionView::setModelNames(const QString& base, const QString& quantized) {
    m_baseName = base;
    m_quantizedName = quantized;
    m_base->setTitle(m_baseName, m_baseAccuracy);
    m_quantized->setTitle(m_quantizedName, m_quantizedAccuracy);
}

void ProjectionView::setProjection(const protocol::ProjectionResult& projection) {
    const bool sameAxes = projection.block == m_block && projection.kind == m_projection.kind && !m_home.isNull();
    m_block = projection.block;
    m_projection = projection;
    m_base->setPoints(pointsOf(projection.base, projection.prompts, projection.logitsBase));
    m_quantized->setPoints(pointsOf(projection.quantized, projection.prompts, projection.logitsQuantized));
    const bool hasBoundary = std::isfinite(projection.boundary);
    const bool embedded = isEmbedding(QString::fromStdString(projection.kind));
    const QString left = embedded ? QString() : hasBoundary ? tr("benign side") : tr("component 1, %1 of variance").arg(formatPercent(projection.explained1));
    const QString right = embedded ? QString() : hasBoundary ? tr("malicious side") : tr("up: component 2, %1").arg(formatPercent(projection.explained2));
    for (ProjectionPane* pane : {m_base, m_quantized}) {
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
    m_home = {};
    for (ProjectionPane* pane : {m_base, m_quantized}) {
        pane->setPoints({});
    }
    m_base->setEmptyText(text);
    m_quantized->setEmptyText(m_waitingText);
    setBusy(false);
    refreshHeader();
}

void ProjectionView::fitRange(bool keep) {
    QRectF bounds = boundsOf(m_quantized->points().positions, boundsOf(m_base->points().positions, {}));
    if (bounds.isNull()) {
        return;
    }
    if (std::isfinite(m_projection.boundary)) {
        bounds.setLeft(std::min(bounds.left(), m_projection.boundary));
        bounds.setRight(std::max(bounds.right(), m_projection.boundary));
    }
    const bool embedded = isEmbedding(QString::fromStdString(m_projection.kind));
    if (keep && !embedded && m_home.contains(bounds)) {
        return;
    }
    const bool zoomed = keep && m_base->range() != m_home;
    const double marginX = std::max(bounds.width() * 0.06, 1e-6);
    const double marginY = std::max(bounds.height() * 0.08, 1e-6);
    bounds.adjust(-marginX, -marginY, marginX, marginY);
    if (embedded) {
        // Neither direction means anything: both have one scale, and the picture follows the points as they move.
        const double ratio = double(m_base->width()) / std::max(m_base->height(), 1);
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
        m_base->setRange(m_home);
        m_quantized->setRange(m_home);
    }
}

void ProjectionView::setAccuracies(const std::optional<Rate>& base, const std::optional<Rate>& quantized) {
    m_baseAccuracy = base;
    m_quantizedAccuracy = quantized;
    m_base->setTitle(m_baseName, base);
    m_quantized->setTitle(m_quantizedName, quantized);
}

void ProjectionView::setWaitingText(const QString& text) {
    m_waitingText = text;
    m_quantized->setEmptyText(text);
}

void ProjectionView::setBusy(bool busy) {
    m_base->setBusy(busy);
    m_quantized->setBusy(busy);
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

QString ProjectionView::tableText() const {
    QStringList lines{QStringLiteral("id\tlabel\tbase 1\tbase 2\tbase score\tquantized 1\tquantized 2\tquantized score\tprompt")};
    const auto numbers = [](const ProjectionPoints& points, std::size_t row) {
        QStringList cells;
        const bool present = row < points.positions.size();
        cells << (present ? QString::number(points.positions[row].x(), 'g', 6) : QString())
              << (present ? QString::number(points.positions[row].y(), 'g', 6) : QString())
              << (row < points.scores.size() ? QString::number(double(points.scores[row]), 'f', 3) : QString());
        return cells;
    };
    for (std::size_t row = 0; row < m_projection.prompts.size(); ++row) {
        const int index = m_projection.prompts[row];
        if (m_prompts == nullptr || index < 0 || std::size_t(index) >= m_prompts->size()) {
            continue;
        }
        const protocol::PromptItem& prompt = (*m_prompts)[std::size_t(index)];
        const QString label = QString::fromStdString(prompt.label);
        const bool allowed = m_shield != nullptr ? m_shield->allows(label, index) : label != QLatin1String("malicious");
        QStringList cells{QString::fromStdString(prompt.id), label};
        cells << numbers(m_base->points(), row) << numbers(m_quantized->points(), row)
              << (allowed ? QString::fromStdString(prompt.text).simplified() : tr("(hidden)"));
        lines << cells.join(QLatin1Char('\t'));
    }
    return lines.join(QLatin1Char('\n'));
}

QPointF ProjectionView::pointPosition(const QString& model, int prompt) const {
    const ProjectionPane* pane = model == QLatin1String("quantized") ? m_quantized : m_base;
    const QPointF position = pane->positionOf(prompt);
    return position.isNull() ? position : QPointF(pane->mapTo(this, position.toPoint()));
}

void ProjectionView::refreshHeader() {
    m_title->setText(m_block >= 0 ? tr("Block %1").arg(m_block) : tr("Projection"));
    const std::size_t count = m_projection.prompts.size();
    const bool refitted = m_projection.probe == "refitted";
    QString of;
    if (isEmbedding(QString::fromStdString(m_projection.kind))) {
        of = m_projection.quantized.values.empty() ? tr("n = %1, embedding of base alone") : tr("n = %1, joint embedding of base and quantized");
    } else if (refitted && m_projection.kind == "probe") {
        of = tr("last token, n = %1, each model on its own probe's axis");
    } else {
        of = refitted ? tr("last token, n = %1, axes of the base model, each model's own probe")
                      : tr("last token, n = %1, axes and probe of the base model");
    }
    m_subtitle->setText(count > 0 ? of.arg(QLocale().toString(qulonglong(count))) : QString());
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
