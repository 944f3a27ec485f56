// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/findingsmodel.h"

#include <algorithm>

namespace safequant::widgets {

namespace {

/// What a finding says between its cell and its kind, which stand for themselves.
QString changeOf(const protocol::AssessmentFinding& finding, const QString& title) {
    QString text = QString::fromStdString(finding.text);
    const QString head = title + QStringLiteral(": "), tail = QStringLiteral(": ") + QString::fromStdString(finding.kind);
    if (text.startsWith(head)) text.remove(0, head.size());
    if (text.endsWith(tail)) text.chop(tail.size());
    if (!text.isEmpty()) text[0] = text[0].toUpper();
    return text;
}

}  // namespace

FindingsModel::FindingsModel(QObject* parent) : QAbstractListModel(parent) {}

void FindingsModel::setState(const protocol::AssessmentState& state) {
    std::vector<Row> rows;
    for (const protocol::AssessmentFinding& finding : state.findings) {
        if (finding.cell < 0 || finding.cell >= int(state.cells.size())) continue;
        const QString title = QString::fromStdString(cellTitle(state.cells[std::size_t(finding.cell)]));
        rows.push_back({QString::fromStdString(finding.kind), title, changeOf(finding, title), QString::fromStdString(finding.evidence), finding.cell});
    }
    // An assessment that goes on says the same again and again; the choice and the place in the list stay.
    if (rows == m_rows) return;
    beginResetModel();
    m_rows = std::move(rows);
    endResetModel();
}

int FindingsModel::rowOf(int cell) const {
    const auto found = std::find_if(m_rows.begin(), m_rows.end(), [cell](const Row& row) { return row.cell == cell; });
    return found == m_rows.end() ? -1 : int(found - m_rows.begin());
}

QString FindingsModel::kindText(const QString& kind) {
    if (kind == QLatin1String("hidden danger")) return tr("hidden danger");
    if (kind == QLatin1String("danger")) return tr("danger");
    if (kind == QLatin1String("broken")) return tr("broken");
    if (kind == QLatin1String("over-refusal")) return tr("over-refusal");
    if (kind == QLatin1String("safer")) return tr("safer");
    return tr("no change");
}

int FindingsModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : int(m_rows.size()); }

QVariant FindingsModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
    const Row& row = m_rows[std::size_t(index.row())];
    switch (role) {
        case Qt::DisplayRole: return tr("%1: %2. %3").arg(row.title, kindText(row.kind), row.change);
        case Qt::AccessibleDescriptionRole:
        case EvidenceRole: return row.evidence;
        case Qt::ToolTipRole: return QStringLiteral("%1\n%2").arg(row.change, row.evidence).toHtmlEscaped().replace(QLatin1Char('\n'), QStringLiteral("<br>"));
        case KindRole: return row.kind;
        case TitleRole: return row.title;
        case ChangeRole: return row.change;
        case CellRole: return row.cell;
        default: return {};
    }
}

}  // namespace safequant::widgets
