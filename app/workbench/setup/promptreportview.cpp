// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/promptreportview.h"

#include <QFileInfo>
#include <QHeaderView>
#include <QLabel>
#include <QLocale>
#include <QTreeWidget>
#include <QVBoxLayout>
#include <algorithm>

#include "app/workbench/ui.h"
#include "widgets/balancebar.h"
#include "widgets/format.h"
#include "widgets/icons.h"
#include "widgets/segmentedcontrol.h"
#include "widgets/theme.h"

namespace safequant::workbench {

namespace {

constexpr int kFileRole = Qt::UserRole + 1, kLineRole = Qt::UserRole + 2;
constexpr const char* kLevels[] = {"error", "warning", "fact"};
constexpr const char* kNumberNames[] = {QT_TRANSLATE_NOOP("PromptReportView", "Prompts"), QT_TRANSLATE_NOOP("PromptReportView", "Near-duplicate clusters"),
                                        QT_TRANSLATE_NOOP("PromptReportView", "On both sides"), QT_TRANSLATE_NOOP("PromptReportView", "Words alone tell")};

widgets::Icon iconOf(const std::string& level) {
    return level == "error" ? widgets::Icon::Cross : level == "warning" ? widgets::Icon::Warning : widgets::Icon::Info;
}

widgets::IconTone toneOf(const std::string& level) {
    return level == "error" ? widgets::IconTone::Bad : level == "warning" ? widgets::IconTone::Warning : widgets::IconTone::Muted;
}

QString placeOf(const protocol::PromptFinding& finding) {
    const QString name = QFileInfo(QString::fromStdString(finding.file)).fileName();
    return finding.line > 0 ? QStringLiteral("%1:%2").arg(name).arg(finding.line) : name;
}

/// "prompts.csv:3 has no label." A file's name keeps its case.
QString sentenceOf(const protocol::PromptFinding& finding) {
    const QString place = placeOf(finding);
    const QString message = asSentence(QString::fromStdString(finding.message));
    if (place.isEmpty() || message.isEmpty()) return message;
    if (finding.line == 0) return place + QLatin1String(": ") + message;
    return place + QLatin1Char(' ') + message.left(1).toLower() + message.mid(1);
}

std::uint64_t shownOf(const protocol::PromptReport& report, const char* level) {
    return static_cast<std::uint64_t>(
        std::count_if(report.findings.begin(), report.findings.end(), [&](const auto& finding) { return finding.level == level; }));
}

}  // namespace

PromptReportView::PromptReportView(QWidget* parent) : QWidget(parent) {
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 12);
    m_balance = new widgets::BalanceBar;
    m_balance->setObjectName(QStringLiteral("classBalance"));
    layout->addWidget(m_balance);
    auto* numbers = new QHBoxLayout;
    numbers->setSpacing(16);
    for (std::size_t i = 0; i < std::size(m_numbers); ++i) {
        auto* column = new QVBoxLayout;
        column->setSpacing(1);
        m_numbers[i] = makeLabel(QStringLiteral("–"), "cardTitle");
        m_numbers[i]->setObjectName(QStringLiteral("promptNumber%1").arg(i));
        column->addWidget(m_numbers[i]);
        column->addWidget(makeLabel(tr(kNumberNames[i]), "small", "muted"));
        numbers->addLayout(column, 1);
    }
    layout->addLayout(numbers);
    m_filter = new widgets::SegmentedControl;
    m_filter->setObjectName(QStringLiteral("findingFilter"));
    m_filter->setAccessibleName(tr("Findings to show"));
    connect(m_filter, &widgets::SegmentedControl::activated, this, &PromptReportView::refreshFindings);
    auto* row = new QHBoxLayout;
    row->addWidget(makeLabel(tr("Findings"), "heading"), 1);
    row->addWidget(m_filter);
    layout->addLayout(row);
    m_findings = new QTreeWidget;
    m_findings->setObjectName(QStringLiteral("findings"));
    m_findings->setAccessibleName(tr("Findings"));
    m_findings->setHeaderHidden(true);
    m_findings->setRootIsDecorated(false);
    m_findings->setUniformRowHeights(true);
    m_findings->setColumnCount(1);
    m_findings->setIconSize({16, 16});
    m_findings->setSelectionMode(QAbstractItemView::ExtendedSelection);
    m_findings->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_findings->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    layout->addWidget(m_findings, 1);
    m_whole = makeParagraph({});
    m_whole->setObjectName(QStringLiteral("wholeFinding"));
    m_whole->setTextInteractionFlags(Qt::TextSelectableByMouse);
    layout->addWidget(m_whole);
    connect(m_findings, &QTreeWidget::currentItemChanged, this, [this](const QTreeWidgetItem* item) { m_whole->setText(item != nullptr ? item->text(0) : QString()); });
    connect(m_findings, &QTreeWidget::itemActivated, this, [this](const QTreeWidgetItem* item) {
        if (const int line = item->data(0, kLineRole).toInt(); line > 0) emit placeChosen(item->data(0, kFileRole).toString(), line);
    });
    setReport({});
}

void PromptReportView::setReport(const protocol::PromptReport& report) {
    m_report = report;
    QList<widgets::BalanceBar::Part> parts;
    for (const auto& row : report.classes)
        parts.append({QString::fromStdString(row.label), static_cast<qint64>(row.calibration), static_cast<qint64>(row.evaluation)});
    m_balance->setParts(parts);
    const QLocale locale;
    const bool any = report.prompts > 0;
    m_numbers[0]->setText(any ? locale.toString(static_cast<qulonglong>(report.prompts)) : QStringLiteral("–"));
    m_numbers[1]->setText(any ? locale.toString(static_cast<qulonglong>(report.clusters)) : QStringLiteral("–"));
    m_numbers[1]->setToolTip(tr("The largest cluster has %1.").arg(counted(static_cast<qint64>(report.largestCluster), tr("prompt"), tr("prompts"))));
    m_numbers[2]->setText(!any ? QStringLiteral("–") : report.overlapClusters == 0 ? tr("none") : counted(static_cast<qint64>(report.overlapClusters), tr("cluster"), tr("clusters")));
    setTone(m_numbers[2], report.overlapClusters > 0 ? "bad" : "");
    m_numbers[3]->setText(report.style.folds > 0 ? widgets::formatPercent(report.style.accuracy.value) : QStringLiteral("–"));
    m_numbers[3]->setToolTip(tr("Share of held-out malicious and benign prompts that naive Bayes on words places rightly, cross-validated by clusters."));
    const int current = std::max(0, m_filter->currentIndex());
    m_filter->clear();
    m_filter->addSegment(tr("All"), QStringLiteral("all"));
    m_filter->addSegment(tr("Errors %1").arg(report.errors), QStringLiteral("error"));
    m_filter->addSegment(tr("Warnings %1").arg(report.warnings), QStringLiteral("warning"));
    m_filter->addSegment(tr("Facts %1").arg(shownOf(report, "fact")), QStringLiteral("fact"));
    m_filter->setCurrentIndex(current);
    refreshFindings();
}

void PromptReportView::refreshFindings() {
    const std::string wanted = m_filter->currentValue().toString().toStdString();
    m_findings->clear();
    QList<QTreeWidgetItem*> items;
    for (const char* level : kLevels) {
        if (wanted != "all" && wanted != level) continue;
        for (const auto& finding : m_report.findings) {
            if (finding.level != level) continue;
            auto* item = new QTreeWidgetItem({sentenceOf(finding)});
            item->setIcon(0, widgets::icon(iconOf(finding.level), toneOf(finding.level)));
            item->setToolTip(0, finding.file.empty() ? item->text(0)
                                : finding.line > 0   ? tr("%1\nDouble-click or Enter shows the line.").arg(QString::fromStdString(finding.file))
                                                     : QString::fromStdString(finding.file));
            item->setData(0, kFileRole, QString::fromStdString(finding.file));
            item->setData(0, kLineRole, finding.line);
            item->setData(0, Qt::AccessibleDescriptionRole, QString::fromLatin1(level));
            items.append(item);
        }
        const std::uint64_t all = std::string_view(level) == "error" ? m_report.errors : std::string_view(level) == "warning" ? m_report.warnings : 0;
        if (const auto shown = shownOf(m_report, level); all > shown) {
            auto* more = new QTreeWidgetItem({tr("and %1 more").arg(QLocale().toString(static_cast<qulonglong>(all - shown)))});
            more->setForeground(0, widgets::Theme::current().muted);
            items.append(more);
        }
    }
    m_findings->addTopLevelItems(items);
    if (!items.isEmpty()) m_findings->setCurrentItem(items.front());
}

QString PromptReportView::toText(const protocol::PromptReport& report) {
    QStringList lines;
    for (const auto& file : report.files) {
        QString line = QString::fromStdString(file.path);
        if (!file.title.empty()) line += QStringLiteral(": ") + QString::fromStdString(file.title);
        if (!file.benchmark.empty()) line += QStringLiteral(", ") + QString::fromStdString(file.benchmark);
        lines.append(line + QStringLiteral(", ") + counted(static_cast<qint64>(file.prompts), tr("prompt"), tr("prompts")));
    }
    for (const auto& row : report.classes)
        lines.append(tr("%1: %2 calibration, %3 evaluation").arg(QString::fromStdString(row.label)).arg(row.calibration).arg(row.evaluation));
    for (const auto& finding : report.findings)
        lines.append(QStringLiteral("%1: %2").arg(QString::fromStdString(finding.level), sentenceOf(finding)));
    lines.append(tr("SHA-256 of the set: %1").arg(QString::fromStdString(report.hash)));
    return lines.join(QLatin1Char('\n'));
}

}  // namespace safequant::workbench
