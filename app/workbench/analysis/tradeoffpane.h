// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/workbench/analysis/analysispane.h"
#include "core/engine/protocol/results_messages.h"
#include "widgets/parallelplot.h"

class QComboBox;
class QLabel;
class QPushButton;
class QStackedWidget;

namespace safequant::widgets {
class SegmentedControl;
class XyPlot;
}

namespace safequant::workbench {

/// The finished runs of the workspace: on two measures, with those that no other run beats on both, or on all, as parallel coordinates.
class TradeOffPane : public AnalysisPane {
    Q_OBJECT

public:
    explicit TradeOffPane(Session* session, QWidget* parent = nullptr);
    bool showsBlock() const override { return false; }

signals:
    void openRunRequested(const QString& folder);
    void resultsRequested(const QString& folder);

protected:
    void ask() override;

private:
    /// A model of a run.
    struct Point {
        QString name, method, folder;
        bool base = false;
        protocol::ModelMetrics metrics;
        double bytes = -1.0;    ///< -1: not known.
        double seconds = -1.0;  ///< Of quantizing; -1: not quantized.
        std::vector<protocol::TaskRate> tasks;
    };
    void take(std::vector<protocol::RunResults> results);
    void show();
    void showTwo();
    void showAll();
    /// A measure, and what every point has of it.
    struct Column {
        widgets::ParallelAxis axis;
        std::vector<double> values;
    };
    std::vector<Column> columns() const;
    bool all() const;
    widgets::HoverCard cardOf(const Point& point) const;
    /// The point of an item, and the item of a point, as they are drawn: two series, each in the order of the points.
    int pointOf(int item) const;
    int itemOf(int point) const;
    void choose(int point);
    void showChoice();

    widgets::SegmentedControl* m_kind;
    QComboBox *m_xAxis, *m_yAxis;
    QLabel* m_against;
    QStackedWidget* m_plots;
    widgets::XyPlot* m_plot;
    widgets::ParallelPlot* m_parallel;
    QLabel *m_name, *m_text;
    QPushButton *m_open, *m_results;
    std::vector<Point> m_points;
    int m_choice = -1;  ///< Of the points.
    EngineClient::RequestId m_request{};
};

}  // namespace safequant::workbench
