// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/workbench/analysis/analysispane.h"

class QLabel;

namespace safequant::widgets {
class BarList;
class HeatMap;
}

namespace safequant::workbench {

/// The probe of a block: its weights that are not zero, and how much it looks like the probes of other blocks.
class ProbePane : public AnalysisPane {
    Q_OBJECT

public:
    explicit ProbePane(Session* session, QWidget* parent = nullptr);

protected:
    void ask() override;

private:
    void takeWeights(const protocol::ProbeWeights& weights);
    void takeSimilarity(const protocol::ProbeSimilarity& similarity);
    void markBlock();

    widgets::SegmentedControl* m_model;
    widgets::BarList* m_weights;
    widgets::HeatMap* m_similarity;
    QLabel* m_text;
    std::vector<int> m_blocks;  ///< Of the map's rows and columns.
    Question m_weightsAsked, m_similarityAsked;
};

}  // namespace safequant::workbench
