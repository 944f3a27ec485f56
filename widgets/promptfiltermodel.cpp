// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/promptfiltermodel.h"

#include <QRegularExpression>
#include <algorithm>

#include "widgets/prompttablemodel.h"

namespace safequant::widgets {

PromptFilterModel::PromptFilterModel(QObject* parent) : QSortFilterProxyModel(parent) {
    setSortRole(PromptTableModel::SortRole);
    setSortLocaleAware(true);
    setDynamicSortFilter(true);
}

QList<int> PromptFilterModel::prompts() const {
    QList<int> found;
    for (int row = 0; row < rowCount(); ++row) {
        found << index(row, 0).data(PromptTableModel::PromptRole).toInt();
    }
    std::sort(found.begin(), found.end());
    return found;
}

void PromptFilterModel::setScoredOnly(bool scored) {
    m_scoredOnly = scored;
    invalidateFilter();
}

void PromptFilterModel::setAnsweredOnly(bool answered) {
    m_answeredOnly = answered;
    invalidateFilter();
}

void PromptFilterModel::setOutcomes(const QStringList& base, const QStringList& quantized, const QStringList& labels) {
    m_baseOutcomes = base;
    m_quantizedOutcomes = quantized;
    m_labels = labels;
    invalidateFilter();
}

void PromptFilterModel::setOnly(const std::optional<QSet<int>>& prompts) {
    if (prompts == m_only) return;
    m_only = prompts;
    invalidateFilter();
}

void PromptFilterModel::setFilterLine(const QString& line) {
    static const QRegularExpression outcome(QStringLiteral("^(?:(base|quant):)?(refused|complied|incoherent)$"));
    static const QRegularExpression scoreTest(QStringLiteral("^(score|base|quant)([<>])([-+\\x{2212}]?\\d+(?:[.,]\\d+)?)$"));
    m_line = line;
    m_words.clear();
    m_lineLabels.clear();
    m_lineOutcomes.clear();
    m_lineBaseOutcomes.clear();
    m_lineQuantizedOutcomes.clear();
    m_tests.clear();
    const QStringList parts = line.toLower().split(QLatin1Char(' '), Qt::SkipEmptyParts);
    for (const QString& part : parts) {
        const QRegularExpressionMatch match = scoreTest.match(part);
        if (match.hasMatch()) {
            ScoreTest test;
            test.base = match.captured(1) != QLatin1String("quant");
            test.quantized = match.captured(1) != QLatin1String("base");
            test.greater = match.captured(2) == QLatin1String(">");
            test.limit = match.captured(3).replace(QChar(0x2212), QLatin1Char('-')).replace(QLatin1Char(','), QLatin1Char('.')).toDouble();
            m_tests << test;
        } else if (part == QLatin1String("malicious") || part == QLatin1String("benign")) {
            m_lineLabels << part;
        } else if (part == QLatin1String("hard") || part == QLatin1String("hard_benign")) {
            m_lineLabels << QStringLiteral("hard_benign");
        } else if (const QRegularExpressionMatch named = outcome.match(part); named.hasMatch()) {
            const QString model = named.captured(1);
            (model.isEmpty() ? m_lineOutcomes : model == QLatin1String("base") ? m_lineBaseOutcomes : m_lineQuantizedOutcomes) << named.captured(2);
        } else {
            m_words << part;
        }
    }
    invalidateFilter();
    emit filterLineChanged();
}

bool PromptFilterModel::filterAcceptsRow(int row, const QModelIndex& parent) const {
    const QAbstractItemModel* model = sourceModel();
    const auto value = [&](int column, int role) { return model->index(row, column, parent).data(role); };
    if (m_only && !m_only->contains(value(PromptTableModel::LabelColumn, PromptTableModel::PromptRole).toInt())) {
        return false;
    }
    const QVariant baseScore = value(PromptTableModel::BaseScoreColumn, PromptTableModel::ScoreRole);
    const QVariant quantizedScore = value(PromptTableModel::QuantizedScoreColumn, PromptTableModel::ScoreRole);
    if (m_scoredOnly && !baseScore.isValid() && !quantizedScore.isValid()) {
        return false;
    }
    const QString label = value(PromptTableModel::LabelColumn, PromptTableModel::LabelRole).toString();
    if ((!m_lineLabels.isEmpty() && !m_lineLabels.contains(label)) || (!m_labels.isEmpty() && !m_labels.contains(label))) {
        return false;
    }
    const QString base = value(PromptTableModel::BaseOutcomeColumn, PromptTableModel::OutcomeRole).toString();
    const QString quantized = value(PromptTableModel::QuantizedOutcomeColumn, PromptTableModel::OutcomeRole).toString();
    if (m_answeredOnly && base.isEmpty() && quantized.isEmpty()) {
        return false;
    }
    if ((!m_baseOutcomes.isEmpty() && !m_baseOutcomes.contains(base)) ||
        (!m_quantizedOutcomes.isEmpty() && !m_quantizedOutcomes.contains(quantized)) ||
        (!m_lineBaseOutcomes.isEmpty() && !m_lineBaseOutcomes.contains(base)) ||
        (!m_lineQuantizedOutcomes.isEmpty() && !m_lineQuantizedOutcomes.contains(quantized)) ||
        (!m_lineOutcomes.isEmpty() && !m_lineOutcomes.contains(base) && !m_lineOutcomes.contains(quantized))) {
        return false;
    }
    for (const ScoreTest& test : m_tests) {
        const auto holds = [&test](const QVariant& score) {
            return score.isValid() && (test.greater ? score.toDouble() > test.limit : score.toDouble() < test.limit);
        };
        if (!(test.base && holds(baseScore)) && !(test.quantized && holds(quantizedScore))) {
            return false;
        }
    }
    if (m_words.isEmpty()) {
        return true;
    }
    const QString text = value(PromptTableModel::PromptColumn, PromptTableModel::SearchRole).toString();
    for (const QString& word : m_words) {
        if (!text.contains(word, Qt::CaseInsensitive)) {
            return false;
        }
    }
    return true;
}

}  // namespace safequant::widgets
