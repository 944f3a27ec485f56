// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <vector>

#include "core/engine/protocol/messages.h"
#include "core/engine/protocol/results_messages.h"

namespace safequant::widgets {

/// Metrics side by side, one row a model: dot with its 95% interval and the value. Harmful score, refusal on benign, on hard
/// benign, accuracy in tasks, perplexity.
class MetricStrip : public QWidget {
    Q_OBJECT
public:
    explicit MetricStrip(QWidget* parent = nullptr);
    /// Metrics so far, in row order; a model without metrics yet is absent.
    void setMetrics(const std::vector<protocol::ModelMetrics>& metrics);
    /// How often the models were right in tasks, each a column.
    void setTasks(const std::vector<protocol::TaskRate>& tasks);
    void setModelNames(const QString& base, const QString& quantized);
    /// One or two sentences at the right; empty: none.
    void setSummary(const QString& text);
    /// Sentence while there are no metrics.
    void setEmptyText(const QString& text);
    /// Everything shown, as text.
    QString tableText() const;

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    struct Cell {
        bool present = false;
        double value = 0.0;
        Interval interval;
        bool hasInterval = false;
        QString text;
        QString detail;
    };
    struct Column {
        QString title, subtitle;
        double low = 0.0, high = 1.0;
        std::vector<Cell> cells;
    };
    std::vector<Column> columns() const;
    /// A column of rates, one a model; a rate of nothing is not there.
    static Column columnOf(const QString& title, const QString& subtitle, const std::vector<Rate>& rates);
    QString rowName(const protocol::ModelMetrics& metrics) const;
    QRect columnRect(int column, int count) const;

    std::vector<protocol::ModelMetrics> m_metrics;
    std::vector<protocol::TaskRate> m_tasks;
    QString m_baseName, m_quantizedName, m_summary, m_emptyText;
};

}  // namespace safequant::widgets
