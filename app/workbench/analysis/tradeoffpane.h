// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/workbench/analysis/analysispane.h"
#include "core/engine/protocol/results_messages.h"

class QComboBox;
class QLabel;
class QPushButton;

namespace safequant::widgets {
class XyPlot;
}

namespace safequant::workbench {

/// The finished runs of the workspace on two measures, and which of them no other run beats on both.
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
        double bytes = -1.0;  ///< -1: not known.
    };
    void take(std::vector<protocol::RunResults> results);
    void show();
    /// The point of an item, and the item of a point, as they are drawn: two series, each in the order of the points.
    int pointOf(int item) const;
    int itemOf(int point) const;
    void choose(int item);
    void showChoice();

    QComboBox *m_xAxis, *m_yAxis;
    widgets::XyPlot* m_plot;
    QLabel *m_name, *m_text;
    QPushButton *m_open, *m_results;
    std::vector<Point> m_points;
    int m_choice = -1;  ///< Of the points.
    EngineClient::RequestId m_request{};
};

}  // namespace safequant::workbench
