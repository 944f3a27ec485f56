// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <QPointer>
#include <memory>
#include <vector>

#include "core/engine/protocol/messages.h"

namespace safequant::widgets {

class ContentShield;

/// Prompts of a run with scores at the chosen block and outcomes. Row = prompt index. Malicious text never leaves the model by any
/// role while the shield hides it: views draw a bar instead.
class PromptTableModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { LabelColumn, PromptColumn, BaseScoreColumn, QuantizedScoreColumn, BaseOutcomeColumn, QuantizedOutcomeColumn, ColumnCount };
    enum Role {
        PromptRole = Qt::UserRole,  ///< Prompt index, int.
        LabelRole,                  ///< "malicious" | "benign" | "hard_benign".
        HiddenRole,                 ///< bool: the text is hidden, draw a bar.
        BarLengthRole,              ///< double 0 to 1, of the bar; says nothing about the text.
        SortRole,                   ///< What to sort by.
        OutcomeRole,                ///< "refused" | "incoherent" | "complied" or empty.
        SplitRole,                  ///< "calibration" | "evaluation".
        ScoreRole,                  ///< double, NaN when there is none.
        SearchRole,                 ///< Text that a filter may look at: never hidden text.
    };

    explicit PromptTableModel(QObject* parent = nullptr);

    void setPrompts(std::shared_ptr<const std::vector<protocol::PromptItem>> prompts);
    std::shared_ptr<const std::vector<protocol::PromptItem>> prompts() const { return m_prompts; }
    void setContentShield(ContentShield* shield);
    /// Column heads, e.g. "base", "quant.".
    void setModelNames(const QString& base, const QString& quantized);
    /// Scores at the projection's block, both models.
    void setScores(const protocol::ProjectionResult& projection);
    void clearScores();
    /// Which probe the quantized model's scores are of; the head of their column says so.
    void setTransferred(bool transferred);
    bool transferred() const { return m_transferred; }
    /// Outcome of one answer (model "base" or "quantized").
    void setAnswer(const protocol::AnswerItem& answer);
    void setAnswers(const std::vector<protocol::AnswerItem>& answers);
    void clearAnswers();
    QString outcome(const QString& model, int prompt) const;

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    QVariant display(int row, int column) const;
    QString spokenText(int row) const;
    bool hidden(int row) const;
    void storeAnswer(const protocol::AnswerItem& answer);

    std::shared_ptr<const std::vector<protocol::PromptItem>> m_prompts;
    QPointer<ContentShield> m_shield;
    std::vector<float> m_baseScores, m_quantizedScores;
    std::vector<QString> m_baseOutcomes, m_quantizedOutcomes;
    QString m_baseName, m_quantizedName;
    bool m_transferred = true;
};

}  // namespace safequant::widgets
