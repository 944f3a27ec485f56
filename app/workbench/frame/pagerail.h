// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QButtonGroup;

namespace safequant::workbench {

/// The pages in the order of the work.
enum class Page { Setup, Layers, Learning, Answers, Analysis, Results, Assessment, Report, Log };
inline constexpr int kPages = 9;

/// "setup", "layers", ...: as kept in the settings.
QString pageKey(Page page);
Page pageFromKey(const QString& key);
QString pageTitle(Page page);

/// The rail at the left. Up and Down move between its buttons.
class PageRail : public QWidget {
    Q_OBJECT

public:
    explicit PageRail(QWidget* parent = nullptr);
    void setPage(Page page);

signals:
    void pageChosen(safequant::workbench::Page page);

private:
    QButtonGroup* m_group;
};

}  // namespace safequant::workbench
