// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/layers/overlaybar.h"

#include <QDir>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QMenu>
#include <QToolButton>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/elidedlabel.h"
#include "widgets/format.h"
#include "widgets/icons.h"
#include "widgets/segmentedcontrol.h"

namespace safequant::workbench {

namespace {

constexpr int kMaxRuns = 20;
constexpr int kNameLength = 28;

}  // namespace

OverlayBar::OverlayBar(Session* session, QWidget* parent)
    : QWidget(parent), m_session(session), m_button(new QToolButton), m_menu(new QMenu(m_button)), m_text(new widgets::ElidedLabel),
      m_panes(new widgets::SegmentedControl) {
    m_button->setObjectName(QStringLiteral("compareWith"));
    m_button->setAccessibleName(tr("Lay another run over this one"));
    m_button->setToolTip(tr("Lay another run over this one: its accuracy in the chart, its points beside this run's"));
    m_button->setIcon(widgets::icon(widgets::Icon::Compare, widgets::IconTone::Muted));
    m_button->setPopupMode(QToolButton::InstantPopup);
    m_button->setMenu(m_menu);
    m_button->setAutoRaise(true);
    m_text->setObjectName(QStringLiteral("overlayText"));
    m_text->setProperty("textRole", "secondary");
    m_panes->setObjectName(QStringLiteral("overlayPanes"));
    m_panes->setAccessibleName(tr("What the two panes show"));
    m_panes->addSegment(tr("This run"), QStringLiteral("own"), tr("Base and quantized model of this run"));
    m_panes->addSegment(tr("Both runs"), QStringLiteral("both"), tr("This run's model beside the other run's, on this run's axes"));
    m_panes->setCurrentIndex(1);
    auto* close = new QToolButton;
    close->setObjectName(QStringLiteral("overlayClose"));
    close->setIcon(widgets::icon(widgets::Icon::Cross, widgets::IconTone::Muted));
    close->setAccessibleName(tr("Take the other run away"));
    close->setToolTip(close->accessibleName());
    close->setAutoRaise(true);
    auto* layout = new QHBoxLayout(this);
    setSpacing(layout, 12, 4, 8, 2, 8);
    layout->addWidget(m_text, 1);
    layout->addWidget(m_panes);
    layout->addWidget(close);
    connect(close, &QToolButton::clicked, this, [this] { m_session->overlay()->choose({}); });
    connect(m_panes, &widgets::SegmentedControl::activated, this, [this] {
        refresh();
        emit panesChanged();
    });
    connect(m_menu, &QMenu::aboutToShow, this, &OverlayBar::fillMenu);
    connect(m_session->overlay(), &OverlayStore::changed, this, &OverlayBar::refresh);
    refresh();
}

bool OverlayBar::otherInPanes() const {
    return !m_session->overlay()->overlay().blocks.empty() && m_panes->currentValue().toString() == QLatin1String("both");
}

QString OverlayBar::name() const {
    const auto& overlay = m_session->overlay()->overlay();
    QString name = QString::fromStdString(overlay.name);
    if (name.isEmpty()) name = QFileInfo(m_session->overlay()->folder()).fileName();
    return name.size() > kNameLength ? name.left(kNameLength - 1) + QChar(0x2026) : name;
}

void OverlayBar::setBlock(int block, bool transferred) {
    m_block = block;
    m_transferred = transferred;
    refresh();
}

void OverlayBar::fillMenu() {
    m_menu->clear();
    QAction* waiting = m_menu->addAction(tr("Reading the runs ..."));
    waiting->setEnabled(false);
    m_session->client()->request<std::vector<protocol::RunSummary>>(
        QStringLiteral("run/list"), {{"workspace", m_session->run()->workspace().toStdString()}}, this,
        [this](Expected<std::vector<protocol::RunSummary>> runs) {
            m_menu->clear();
            int shown = 0;
            if (runs) {
                for (const auto& run : *runs) {
                    const QString folder = QString::fromStdString(run.folder);
                    if (folder == m_session->store()->folder() || ++shown > kMaxRuns) continue;
                    QAction* action = m_menu->addAction(tr("%1, %2, %3").arg(QString::fromStdString(run.name).replace(QLatin1Char('&'), QLatin1String("&&")),
                                                                             QString::fromStdString(run.scheme),
                                                                             widgets::formatAge(QString::fromStdString(run.created))));
                    action->setCheckable(true);
                    action->setChecked(folder == m_session->overlay()->folder());
                    connect(action, &QAction::triggered, this, [this, folder] { m_session->overlay()->choose(folder); });
                }
            }
            if (shown == 0) m_menu->addAction(tr("This workspace has no other run"))->setEnabled(false);
            m_menu->addSeparator();
            connect(m_menu->addAction(tr("Another folder ...")), &QAction::triggered, this, &OverlayBar::chooseFolder);
            if (m_session->overlay()->chosen()) {
                connect(m_menu->addAction(tr("Take it away")), &QAction::triggered, this, [this] { m_session->overlay()->choose({}); });
            }
        });
}

void OverlayBar::chooseFolder() {
    const QString folder =
        m_session->dialogs()->chooseFolder(window(), tr("Compare with a run"), QDir(m_session->client()->workspacePath()).filePath(QStringLiteral("runs")));
    if (!folder.isEmpty()) m_session->overlay()->choose(folder);
}

void OverlayBar::refresh() {
    OverlayStore* store = m_session->overlay();
    setVisible(store->chosen());
    if (!store->chosen()) return;
    m_panes->setEnabled(!store->overlay().blocks.empty());
    if (!store->problem().isEmpty()) {
        m_text->setText(tr("%1 cannot be laid over this run. %2").arg(name(), asSentence(store->problem())));
        return;
    }
    if (store->overlay().blocks.empty()) {
        m_text->setText(tr("Reading %1 ...").arg(name()));
        return;
    }
    const auto* block = store->block(m_block);
    if (!block) {
        m_text->setText(tr("%1 has no block %2 yet.").arg(name()).arg(m_block));
        return;
    }
    const auto& difference = m_transferred ? block->transferredDifference : block->refittedDifference;
    m_text->setText(tr("%1 points, p = %2: %3 less this run, block %4")
                        .arg(widgets::formatPoints(difference.value, difference.interval), QLocale().toString(difference.p, 'g', 2), name())
                        .arg(m_block));
    const auto modelText = [](const std::string& model) { return model == "base" ? tr("base model") : tr("quantized model"); };
    m_text->setToolTip(tr("Accuracy (%1) of the other run's %2 less that of this run's %3, in percentage points with its 95% interval (bootstrap over "
                          "near-duplicate clusters), on the %4 evaluation prompts that both have. p: McNemar's exact test of this block alone. %5 "
                          "prompts are right here alone, %6 there alone.")
                           .arg(m_transferred ? tr("transferred") : tr("refitted"), modelText(store->overlay().model), modelText(block->against))
                           .arg(store->overlay().prompts)
                           .arg(difference.onlyHere)
                           .arg(difference.onlyThere));
}

}  // namespace safequant::workbench
