// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/embeddingbar.h"

#include <QDoubleSpinBox>
#include <QFrame>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QProgressBar>
#include <QPushButton>
#include <QSignalBlocker>
#include <QTimer>
#include <QToolButton>

#include "widgets/elidedlabel.h"
#include "widgets/icons.h"

namespace safequant::widgets {

namespace {

/// Typing "30" must not start an optimisation for "3".
constexpr int kSettle = 500;
constexpr int kProgressWidth = 96;
constexpr int kFieldWidth = 96;
constexpr double kMostPerplexity = 1000.0;
constexpr int kMostNeighbours = 1000;

}  // namespace

EmbeddingBar::EmbeddingBar(QWidget* parent)
    : QWidget(parent),
      m_meaning(new ElidedLabel),
      m_step(new QLabel),
      m_progress(new QProgressBar),
      m_action(new QPushButton),
      m_button(new QToolButton),
      m_popover(new QFrame(this, Qt::Popup)),
      m_settle(new QTimer(this)) {
    m_meaning->setText(tr("Only nearness counts: distances and sizes of groups mean little."));
    m_meaning->setProperty("textRole", QStringLiteral("secondary"));
    m_meaning->setProperty("tone", QStringLiteral("muted"));
    m_step->setProperty("textRole", QStringLiteral("secondary"));
    m_step->setProperty("tone", QStringLiteral("muted"));
    m_progress->setTextVisible(false);
    m_progress->setFixedSize(kProgressWidth, 4);
    m_progress->setAccessibleName(tr("Progress of the embedding"));
    m_action->setProperty("link", true);
    m_action->setObjectName(QStringLiteral("embeddingAction"));
    m_button->setIcon(icon(Icon::Settings, IconTone::Muted));
    m_button->setAutoRaise(true);
    m_button->setObjectName(QStringLiteral("embeddingSettings"));
    m_button->setToolTip(tr("Settings of this embedding"));
    m_button->setAccessibleName(m_button->toolTip());

    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(8);
    layout->addWidget(m_meaning, 1);
    layout->addWidget(m_step);
    layout->addWidget(m_progress);
    layout->addWidget(m_action);
    layout->addWidget(m_button);

    m_settle->setSingleShot(true);
    m_settle->setInterval(kSettle);
    connect(m_settle, &QTimer::timeout, this, &EmbeddingBar::takeSettings);
    connect(m_button, &QToolButton::clicked, this, &EmbeddingBar::openPopover);
    connect(m_action, &QPushButton::clicked, this, [this] {
        if (m_running) {
            emit stopRequested();
        } else {
            emit againRequested();
        }
    });
    makePopover();
    setIdle();
}

void EmbeddingBar::makePopover() {
    m_popover->setObjectName(QStringLiteral("embeddingPopover"));
    m_popover->setProperty("card", true);
    m_heading = new QLabel;
    m_heading->setProperty("textRole", QStringLiteral("heading"));
    m_perplexity = new QDoubleSpinBox;
    m_perplexity->setRange(1.0, kMostPerplexity);
    m_perplexity->setDecimals(0);
    m_perplexity->setToolTip(
        tr("How many neighbours a point is drawn to, about. Needs more than three times as many points."));
    m_neighbours = new QSpinBox;
    m_neighbours->setRange(2, kMostNeighbours);
    m_neighbours->setToolTip(tr("Neighbours of a point, itself included: few show detail, many the whole."));
    m_distance = new QDoubleSpinBox;
    m_distance->setRange(0.0, 1.0);
    m_distance->setSingleStep(0.05);
    m_distance->setToolTip(tr("How close points may lie."));
    m_seed = new QSpinBox;
    m_seed->setRange(0, 999999);
    m_seed->setToolTip(
        tr("The same seed gives the same picture. What another seed does not show again means nothing."));
    m_perplexityName = new QLabel(tr("Perplexity"));
    m_neighboursName = new QLabel(tr("Neighbours"));
    m_distanceName = new QLabel(tr("Minimum distance"));
    m_seedName = new QLabel(tr("Seed"));
    m_note = new QLabel;
    m_note->setProperty("textRole", QStringLiteral("secondary"));
    m_note->setProperty("tone", QStringLiteral("muted"));
    m_note->setWordWrap(true);
    auto* defaults = new QPushButton(tr("Defaults"));
    defaults->setProperty("link", true);

    auto* grid = new QGridLayout(m_popover);
    grid->setContentsMargins(14, 12, 14, 12);
    grid->setHorizontalSpacing(16);
    grid->setVerticalSpacing(8);
    grid->addWidget(m_heading, 0, 0);
    grid->addWidget(defaults, 0, 1, Qt::AlignRight);
    int row = 1;
    const auto add = [&](QLabel* name, QWidget* field) {
        name->setBuddy(field);
        field->setFixedWidth(kFieldWidth);
        grid->addWidget(name, row, 0);
        grid->addWidget(field, row++, 1, Qt::AlignRight);
    };
    add(m_perplexityName, m_perplexity);
    add(m_neighboursName, m_neighbours);
    add(m_distanceName, m_distance);
    add(m_seedName, m_seed);
    grid->addWidget(m_note, row, 0, 1, 2);

    for (QAbstractSpinBox* field : std::initializer_list<QAbstractSpinBox*>{m_perplexity, m_neighbours, m_distance, m_seed})
        field->setButtonSymbols(QAbstractSpinBox::NoButtons);
    for (QDoubleSpinBox* field : {m_perplexity, m_distance}) {
        connect(field, &QDoubleSpinBox::valueChanged, m_settle, qOverload<>(&QTimer::start));
    }
    for (QSpinBox* field : {m_neighbours, m_seed}) {
        connect(field, &QSpinBox::valueChanged, m_settle, qOverload<>(&QTimer::start));
    }
    connect(defaults, &QPushButton::clicked, this, [this] {
        const protocol::EmbeddingSettings fresh;
        m_perplexity->setValue(fresh.perplexity);
        m_neighbours->setValue(fresh.neighbours);
        m_distance->setValue(fresh.minDistance);
        m_seed->setValue(int(fresh.seed));
    });
}

void EmbeddingBar::openPopover() {
    showSettings();
    m_popover->adjustSize();
    const QPoint corner = m_button->mapToGlobal(QPoint(m_button->width(), -4));
    m_popover->move(corner - QPoint(m_popover->width(), m_popover->height()));
    m_popover->show();
    (m_settings.kind == "tsne" ? static_cast<QWidget*>(m_perplexity) : m_neighbours)->setFocus(Qt::PopupFocusReason);
}

void EmbeddingBar::showSettings() {
    const bool tsne = m_settings.kind == "tsne";
    const QSignalBlocker blockers[]{QSignalBlocker(m_perplexity), QSignalBlocker(m_neighbours),
                                    QSignalBlocker(m_distance), QSignalBlocker(m_seed)};
    m_perplexity->setValue(m_settings.perplexity);
    m_neighbours->setValue(m_settings.neighbours);
    m_distance->setValue(m_settings.minDistance);
    m_seed->setValue(int(m_settings.seed));
    m_heading->setText(tsne ? tr("t-SNE") : tr("UMAP"));
    for (QWidget* part : {static_cast<QWidget*>(m_perplexityName), static_cast<QWidget*>(m_perplexity)}) {
        part->setVisible(tsne);
    }
    for (QWidget* part : {static_cast<QWidget*>(m_neighboursName), static_cast<QWidget*>(m_neighbours),
                          static_cast<QWidget*>(m_distanceName), static_cast<QWidget*>(m_distance),
                          static_cast<QWidget*>(m_seedName), static_cast<QWidget*>(m_seed)}) {
        part->setVisible(!tsne);
    }
    m_note->setText(tsne ? tr("Begins at the principal components: no seed is needed.")
                         : tr("The same seed gives the same picture."));
}

void EmbeddingBar::takeSettings() {
    m_settings.perplexity = m_perplexity->value();
    m_settings.neighbours = m_neighbours->value();
    m_settings.minDistance = m_distance->value();
    m_settings.seed = std::uint64_t(m_seed->value());
    emit settingsChanged(m_settings);
}

void EmbeddingBar::setAdjustable(bool adjustable) { m_button->setVisible(adjustable); }

void EmbeddingBar::setSettings(const protocol::EmbeddingSettings& settings) {
    m_settings = settings;
    if (!m_settle->isActive()) {
        showSettings();
    }
}

void EmbeddingBar::setProgress(int step, int steps) {
    m_running = true;
    m_progress->setRange(0, steps);
    m_progress->setValue(step);
    m_progress->show();
    m_step->setText(steps > 0 ? tr("Step %1 of %2").arg(QLocale().toString(step), QLocale().toString(steps))
                              : tr("Finding neighbours"));
    m_step->show();
    m_action->setText(tr("Stop"));
    m_action->show();
}

void EmbeddingBar::setStopped(int step, int steps) {
    m_running = false;
    m_progress->hide();
    m_step->setText(steps > 0 ? tr("Stopped at step %1 of %2").arg(QLocale().toString(step), QLocale().toString(steps))
                              : tr("Stopped"));
    m_step->show();
    m_action->setText(tr("Run again"));
    m_action->show();
}

void EmbeddingBar::setIdle() {
    m_running = false;
    m_progress->hide();
    m_step->hide();
    m_action->hide();
}

}  // namespace safequant::widgets
