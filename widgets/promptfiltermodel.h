// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSet>
#include <QSortFilterProxyModel>
#include <QStringList>
#include <optional>

namespace safequant::widgets {

/// Filters a PromptTableModel by a typed line, by split and by outcomes.
///
/// The line is a list of words, all of which must hold: a label word ("malicious", "benign", "hard") restricts labels, "score>2" or
/// "score<-1" (with "base" or "quant" in place of "score": that model) restricts scores, an outcome ("refused", "complied",
/// "incoherent") restricts outcomes of either model, or of one with "base:" or "quant:" before it, and anything else must occur in text
/// that is not hidden.
class PromptFilterModel : public QSortFilterProxyModel {
    Q_OBJECT
public:
    explicit PromptFilterModel(QObject* parent = nullptr);

    QString filterLine() const { return m_line; }
    /// Prompts that pass (indices), ascending.
    QList<int> prompts() const;
    /// Only prompts that have a score at the chosen block (evaluation prompts).
    void setScoredOnly(bool scored);
    /// Only prompts with an outcome.
    void setAnsweredOnly(bool answered);
    /// Outcomes wanted of each model; empty: any. Labels wanted ("malicious", ...); empty: any.
    void setOutcomes(const QStringList& base, const QStringList& quantized, const QStringList& labels = {});
    /// Only these prompts (indices); absent: any.
    void setOnly(const std::optional<QSet<int>>& prompts);

public slots:
    void setFilterLine(const QString& line);

signals:
    /// The line is another one, and what it leaves is up to date.
    void filterLineChanged();

protected:
    bool filterAcceptsRow(int row, const QModelIndex& parent) const override;

private:
    struct ScoreTest {
        bool base = true, quantized = true, greater = true;
        double limit = 0.0;
    };
    QString m_line;
    QStringList m_words;
    QStringList m_lineLabels, m_lineOutcomes, m_lineBaseOutcomes, m_lineQuantizedOutcomes;
    QList<ScoreTest> m_tests;
    bool m_scoredOnly = false, m_answeredOnly = false;
    QStringList m_baseOutcomes, m_quantizedOutcomes, m_labels;
    std::optional<QSet<int>> m_only;
};

}  // namespace safequant::widgets
