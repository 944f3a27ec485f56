// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/prompttablemodel.h"

#include <QFont>
#include <cmath>
#include <limits>

#include "widgets/contentshield.h"
#include "widgets/format.h"
#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

constexpr float kNoScore = std::numeric_limits<float>::quiet_NaN();

/// A length that depends on the row's number alone, so that it tells nothing of the text.
double barLength(int row) {
    const auto mixed = (quint32(row) + 1U) * 2654435761U;
    return 0.45 + 0.4 * double(mixed >> 16U) / 65535.0;
}

/// Order of labels in a sorted column: malicious, hard benign, benign.
int labelRank(const std::string& label) { return label == "malicious" ? 0 : label == "hard_benign" ? 1 : 2; }

}  // namespace

PromptTableModel::PromptTableModel(QObject* parent)
    : QAbstractTableModel(parent), m_baseName(tr("base")), m_quantizedName(tr("quant.")) {}

void PromptTableModel::setPrompts(std::shared_ptr<const std::vector<protocol::PromptItem>> prompts) {
    beginResetModel();
    m_prompts = std::move(prompts);
    const std::size_t count = m_prompts != nullptr ? m_prompts->size() : 0;
    m_baseScores.assign(count, kNoScore);
    m_quantizedScores.assign(count, kNoScore);
    m_baseOutcomes.assign(count, {});
    m_quantizedOutcomes.assign(count, {});
    endResetModel();
}

void PromptTableModel::setContentShield(ContentShield* shield) {
    const auto refresh = [this] {
        if (rowCount() > 0) {
            emit dataChanged(index(0, PromptColumn), index(rowCount() - 1, PromptColumn));
        }
    };
    if (m_shield != nullptr) {
        m_shield->disconnect(this);
    }
    m_shield = shield;
    if (shield != nullptr) {
        connect(shield, &ContentShield::changed, this, refresh);
    }
    refresh();
}

void PromptTableModel::setModelNames(const QString& base, const QString& quantized) {
    m_baseName = base;
    m_quantizedName = quantized;
    emit headerDataChanged(Qt::Horizontal, BaseScoreColumn, QuantizedOutcomeColumn);
}

void PromptTableModel::setScores(const protocol::ProjectionResult& projection) {
    std::fill(m_baseScores.begin(), m_baseScores.end(), kNoScore);
    std::fill(m_quantizedScores.begin(), m_quantizedScores.end(), kNoScore);
    for (std::size_t row = 0; row < projection.prompts.size(); ++row) {
        const auto prompt = std::size_t(projection.prompts[row]);
        if (prompt >= m_baseScores.size()) {
            continue;
        }
        if (row < projection.logitsBase.size()) {
            m_baseScores[prompt] = projection.logitsBase[row];
        }
        if (row < projection.logitsQuantized.size()) {
            m_quantizedScores[prompt] = projection.logitsQuantized[row];
        }
    }
    if (rowCount() > 0) {
        emit dataChanged(index(0, BaseScoreColumn), index(rowCount() - 1, QuantizedScoreColumn));
    }
}

void PromptTableModel::clearScores() { setScores({}); }

void PromptTableModel::setTransferred(bool transferred) {
    m_transferred = transferred;
    emit headerDataChanged(Qt::Horizontal, QuantizedScoreColumn, QuantizedScoreColumn);
}

void PromptTableModel::storeAnswer(const protocol::AnswerItem& answer) {
    const auto prompt = std::size_t(answer.prompt);
    if (answer.prompt >= 0 && prompt < m_baseOutcomes.size()) {
        (answer.model == "quantized" ? m_quantizedOutcomes : m_baseOutcomes)[prompt] = QString::fromStdString(answer.outcome);
    }
}

void PromptTableModel::setAnswer(const protocol::AnswerItem& answer) {
    storeAnswer(answer);
    if (answer.prompt >= 0 && answer.prompt < rowCount()) {
        const int column = answer.model == "quantized" ? QuantizedOutcomeColumn : BaseOutcomeColumn;
        emit dataChanged(index(answer.prompt, column), index(answer.prompt, column));
    }
}

void PromptTableModel::setAnswers(const std::vector<protocol::AnswerItem>& answers) {
    for (const protocol::AnswerItem& answer : answers) {
        storeAnswer(answer);
    }
    if (rowCount() > 0) {
        emit dataChanged(index(0, BaseOutcomeColumn), index(rowCount() - 1, QuantizedOutcomeColumn));
    }
}

void PromptTableModel::clearAnswers() {
    std::fill(m_baseOutcomes.begin(), m_baseOutcomes.end(), QString());
    std::fill(m_quantizedOutcomes.begin(), m_quantizedOutcomes.end(), QString());
    setAnswers({});
}

QString PromptTableModel::outcome(const QString& model, int prompt) const {
    const auto& outcomes = model == QLatin1String("quantized") ? m_quantizedOutcomes : m_baseOutcomes;
    return prompt >= 0 && std::size_t(prompt) < outcomes.size() ? outcomes[std::size_t(prompt)] : QString();
}

int PromptTableModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() || m_prompts == nullptr ? 0 : int(m_prompts->size());
}

int PromptTableModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : int(ColumnCount); }

bool PromptTableModel::hidden(int row) const {
    const QString label = QString::fromStdString((*m_prompts)[std::size_t(row)].label);
    if (m_shield == nullptr) {
        return label == QLatin1String("malicious");
    }
    return !m_shield->allows(label, row);
}

QVariant PromptTableModel::display(int row, int column) const {
    const auto index = std::size_t(row);
    const protocol::PromptItem& prompt = (*m_prompts)[index];
    const QString label = QString::fromStdString(prompt.label);
    switch (column) {
        case PromptColumn: return hidden(row) ? QString() : QString::fromStdString(prompt.text).simplified();
        case BaseScoreColumn: return formatScore(double(m_baseScores[index]));
        case QuantizedScoreColumn: return formatScore(double(m_quantizedScores[index]));
        case BaseOutcomeColumn: return outcomeText(m_baseOutcomes[index], label);
        case QuantizedOutcomeColumn: return outcomeText(m_quantizedOutcomes[index], label);
        default: return {};
    }
}

QString PromptTableModel::spokenText(int row) const {
    const protocol::PromptItem& prompt = (*m_prompts)[std::size_t(row)];
    return hidden(row) ? tr("Malicious prompt, text hidden") : QString::fromStdString(prompt.text).simplified();
}

QVariant PromptTableModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) {
        return {};
    }
    const int row = index.row();
    const int column = index.column();
    const auto at = std::size_t(row);
    const protocol::PromptItem& prompt = (*m_prompts)[at];
    const bool scoreColumn = column == BaseScoreColumn || column == QuantizedScoreColumn;
    const float score = column == QuantizedScoreColumn ? m_quantizedScores[at] : m_baseScores[at];
    switch (role) {
        case Qt::DisplayRole: return display(row, column);
        case Qt::ToolTipRole:
            if (column == LabelColumn) {
                return labelText(QString::fromStdString(prompt.label));
            }
            return column == PromptColumn ? spokenText(row).toHtmlEscaped() : QVariant();
        case Qt::AccessibleTextRole:
            if (column == LabelColumn) {
                return labelText(QString::fromStdString(prompt.label));
            }
            return column == PromptColumn ? QVariant(spokenText(row)) : display(row, column);
        case Qt::TextAlignmentRole:
            return scoreColumn ? QVariant(Qt::AlignRight | Qt::AlignVCenter) : QVariant(Qt::AlignLeft | Qt::AlignVCenter);
        case PromptRole: return row;
        case LabelRole: return QString::fromStdString(prompt.label);
        case HiddenRole: return hidden(row);
        case BarLengthRole: return barLength(row);
        case SplitRole: return QString::fromStdString(prompt.split);
        case ScoreRole: return scoreColumn && std::isfinite(score) ? QVariant(double(score)) : QVariant();
        case OutcomeRole:
            if (column == BaseOutcomeColumn) {
                return m_baseOutcomes[at];
            }
            return column == QuantizedOutcomeColumn ? QVariant(m_quantizedOutcomes[at]) : QVariant();
        case SearchRole: return hidden(row) ? QString() : QString::fromStdString(prompt.text);
        case SortRole:
            if (column == LabelColumn) {
                return labelRank(prompt.label);
            }
            if (scoreColumn) {
                return std::isfinite(score) ? double(score) : std::numeric_limits<double>::lowest();
            }
            return column == PromptColumn && hidden(row) ? QVariant(QString(QChar(0xffff))) : display(row, column);
        default: return {};
    }
}

QVariant PromptTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= ColumnCount) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        const bool score = section == BaseScoreColumn || section == QuantizedScoreColumn;
        return QVariant((score ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    }
    if (role == Qt::ToolTipRole) {
        switch (section) {
            case BaseScoreColumn: return tr("Probe score of the base model: log-odds of malicious");
            case QuantizedScoreColumn:
                return m_transferred ? tr("Transferred: the base model's probe on the quantized model, log-odds of malicious")
                                     : tr("Refitted: the quantized model's own probe, log-odds of malicious");
            default: return {};
        }
    }
    if (role == Qt::AccessibleTextRole && section == LabelColumn) {
        return tr("Label");
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    switch (section) {
        case PromptColumn: return tr("Prompt");
        case BaseScoreColumn:
        case BaseOutcomeColumn: return m_baseName;
        case QuantizedScoreColumn:
        case QuantizedOutcomeColumn: return m_quantizedName;
        default: return QString();
    }
}

}  // namespace safequant::widgets
