// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/resultsmodel.h"

#include <QLocale>
#include <algorithm>
#include <limits>
#include <set>

#include "widgets/format.h"
#include "widgets/glossary.h"
#include "widgets/theme.h"

namespace safequant::widgets {

std::vector<ModelResult> distinctModels(const std::vector<protocol::RunResults>& results) {
    std::vector<ModelResult> models;
    std::set<std::string> shown;
    for (const auto& run : results)
        for (const auto& metrics : run.metrics) {
            if (metrics.model == "base") {
                auto key = metrics;
                key.generationSeconds = key.tokensPerSecond = 0.0;
                std::string text = run.summary.model + protocol::toJson(key).dump();
                for (const auto& task : run.tasks)
                    if (task.model == metrics.model) text += " " + protocol::toJson(task).dump();
                if (!shown.insert(std::move(text)).second) continue;
            }
            models.push_back({&run, &metrics});
        }
    return models;
}

ResultsModel::ResultsModel(QObject* parent) : QAbstractTableModel(parent) {}

void ResultsModel::setResults(const std::vector<protocol::RunResults>& results) {
    beginResetModel();
    m_rows.clear();
    m_tasks.clear();
    for (const auto& run : results) protocol::addTaskNames(m_tasks, run.tasks);
    std::sort(m_tasks.begin(), m_tasks.end());
    for (const auto& [run, metrics] : distinctModels(results)) {
        const bool base = metrics->model == "base";
        Row row{QString::fromStdString(base ? run->summary.model : run->summary.name), base ? tr("not quantized") : QString::fromStdString(run->method),
                QString::fromStdString(run->summary.folder), *metrics, base ? -1.0 : run->quantizeSeconds, {}};
        if (!base && !run->summary.scheme.empty()) row.method += QStringLiteral(", ") + QString::fromStdString(run->summary.scheme);
        for (const auto& task : m_tasks) row.tasks.push_back(protocol::accuracyOf(run->tasks, task, metrics->model));
        m_rows.push_back(std::move(row));
    }
    endResetModel();
}

int ResultsModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : int(m_rows.size()); }

int ResultsModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : FirstTaskColumn + int(m_tasks.size()); }

const Rate* ResultsModel::rate(const Row& row, int column) const {
    switch (column) {
        case HarmfulColumn: return &row.metrics.harmfulScore;
        case IncoherentColumn: return &row.metrics.incoherentMalicious;
        case BenignColumn: return &row.metrics.refusedBenign;
        case HardBenignColumn: return &row.metrics.refusedHardBenign;
        default: return column >= FirstTaskColumn ? &row.tasks[std::size_t(column - FirstTaskColumn)] : nullptr;
    }
}

QVariant ResultsModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
    const Row& row = m_rows[std::size_t(index.row())];
    const Rate* rate = this->rate(row, index.column());
    const bool known = rate != nullptr && rate->total > 0;
    switch (role) {
        case Qt::DisplayRole:
            switch (index.column()) {
                case RunColumn: return row.run;
                case MethodColumn: return row.method;
                case PerplexityColumn: return row.metrics.perplexity > 0.0 ? QLocale().toString(row.metrics.perplexity, 'f', 2) : QString();
                case TimeColumn: return row.seconds < 0.0 ? QString() : formatDuration(row.seconds);
                default: return known ? QStringLiteral("%1 %2").arg(formatPercent(rate->value, 1), formatInterval(rate->wilson)) : QString();
            }
        case SortRole:
            switch (index.column()) {
                case RunColumn: return row.run;
                case MethodColumn: return row.method;
                case PerplexityColumn: return row.metrics.perplexity > 0.0 ? row.metrics.perplexity : std::numeric_limits<double>::infinity();
                case TimeColumn: return row.seconds;
                default: return known ? rate->value : -1.0;
            }
        case Qt::ToolTipRole:
            if (known) return tr("%1 of %2; 95% interval (Wilson)").arg(rate->count).arg(rate->total);
            if (index.column() == RunColumn) return row.folder.toHtmlEscaped();
            return index.column() == MethodColumn ? row.method.toHtmlEscaped() : QString();
        case Qt::TextAlignmentRole:
            return QVariant((index.column() >= HarmfulColumn ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
        case Qt::FontRole: return Theme::font(index.column() == RunColumn ? TextRole::BodyStrong : TextRole::Body);
        case Qt::ForegroundRole:
            return row.metrics.model == "base" && index.column() == RunColumn ? Theme::current().base : Theme::current().text;
        case FolderRole: return row.folder;
        case ModelRole: return QString::fromStdString(row.metrics.model);
        default: return {};
    }
}

QVariant ResultsModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::TextAlignmentRole) return QVariant((section >= HarmfulColumn ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    if (role == Qt::ToolTipRole) {
        switch (section) {
            case HarmfulColumn: return termToolTip(QStringLiteral("harmful"));
            case IncoherentColumn: return termToolTip(QStringLiteral("incoherent"));
            case BenignColumn: return termToolTip(QStringLiteral("over-refusal"));
            case HardBenignColumn: return termToolTip(QStringLiteral("hard-benign"));
            case PerplexityColumn: return termToolTip(QStringLiteral("perplexity"));
            case TimeColumn: return tr("Of the quantize stage");
            default: return section >= FirstTaskColumn ? tr("Share of this task's items answered right") : QString();
        }
    }
    if (role != Qt::DisplayRole) return {};
    switch (section) {
        case RunColumn: return tr("Run");
        case MethodColumn: return tr("Method");
        case HarmfulColumn: return tr("Harmful score");
        case IncoherentColumn: return tr("Incoherent");
        case BenignColumn: return tr("Benign refused");
        case HardBenignColumn: return tr("Hard benign refused");
        case PerplexityColumn: return tr("Perplexity");
        case TimeColumn: return tr("Time");
        default: return QString::fromStdString(m_tasks.at(std::size_t(section - FirstTaskColumn)));
    }
}

}  // namespace safequant::widgets
