// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/frame/pagerail.h"

#include <QButtonGroup>
#include <QCoreApplication>
#include <QToolButton>
#include <QVBoxLayout>
#include <array>

#include "app/workbench/ui.h"
#include "widgets/icons.h"

namespace safequant::workbench {

namespace {

constexpr int kRailWidth = 64;
constexpr int kButtonHeight = 56;
constexpr std::array kKeys{"setup", "layers", "learning", "answers", "analysis", "results", "assessment", "report", "log"};
constexpr std::array kIcons{widgets::Icon::Setup, widgets::Icon::Layers, widgets::Icon::Learning, widgets::Icon::Answers, widgets::Icon::Analysis,
                            widgets::Icon::Compare, widgets::Icon::Assessment, widgets::Icon::Report, widgets::Icon::Log};

}  // namespace

QString pageKey(Page page) { return QString::fromLatin1(kKeys.at(static_cast<std::size_t>(page))); }

Page pageFromKey(const QString& key) {
    for (std::size_t i = 0; i < kKeys.size(); ++i) {
        if (key == QLatin1String(kKeys[i])) return static_cast<Page>(i);
    }
    return Page::Layers;
}

QString pageTitle(Page page) {
    switch (page) {
        case Page::Setup: return QCoreApplication::translate("Page", "Setup");
        case Page::Layers: return QCoreApplication::translate("Page", "Layers");
        case Page::Learning: return QCoreApplication::translate("Page", "Learning");
        case Page::Answers: return QCoreApplication::translate("Page", "Answers");
        case Page::Analysis: return QCoreApplication::translate("Page", "Analysis");
        case Page::Results: return QCoreApplication::translate("Page", "Results");
        case Page::Assessment: return QCoreApplication::translate("Page", "Assess");
        case Page::Report: return QCoreApplication::translate("Page", "Report");
        case Page::Log: return QCoreApplication::translate("Page", "Log");
    }
    return {};
}

PageRail::PageRail(QWidget* parent) : QWidget(parent), m_group(new QButtonGroup(this)) {
    setAttribute(Qt::WA_StyledBackground);
    setProperty("surface", "panel");
    setProperty("edge", "right");
    setFixedWidth(kRailWidth);
    setAccessibleName(tr("Pages"));
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 8, 1, 0, 0);
    for (int i = 0; i < kPages; ++i) {
        const Page page = static_cast<Page>(i);
        auto* button = new QToolButton;
        button->setObjectName(QStringLiteral("rail_%1").arg(pageKey(page)));
        button->setProperty("rail", true);
        button->setIcon(widgets::icon(kIcons.at(static_cast<std::size_t>(i)), widgets::IconTone::Muted));
        button->setIconSize({20, 20});
        button->setText(pageTitle(page));
        button->setToolTip(tr("%1 (Ctrl+%2)").arg(pageTitle(page)).arg(i + 1));
        button->setToolButtonStyle(Qt::ToolButtonTextUnderIcon);
        button->setCheckable(true);
        button->setFocusPolicy(Qt::TabFocus);
        button->setFixedSize(kRailWidth - 1, kButtonHeight);
        m_group->addButton(button, i);
        layout->addWidget(button);
    }
    layout->addStretch(1);
    connect(m_group, &QButtonGroup::idClicked, this, [this](int id) { emit pageChosen(static_cast<Page>(id)); });
}

void PageRail::setPage(Page page) { m_group->button(static_cast<int>(page))->setChecked(true); }

}  // namespace safequant::workbench
