// SPDX-License-Identifier: GPL-3.0-or-later
// What the projection says in words and numbers.
#include <QLocale>
#include <QStringList>
#include <algorithm>
#include <cmath>

#include "widgets/cloudmoves.h"
#include "widgets/contentshield.h"
#include "widgets/format.h"
#include "widgets/projectionpane.h"
#include "widgets/projectionview.h"
#include "widgets/prompttablemodel.h"
#include "widgets/selectiontoolbar.h"

namespace safequant::widgets {

namespace {

QString hintOf(SelectionTool tool) {
    switch (tool) {
        case SelectionTool::Point: return ProjectionView::tr("Click points to select them.");
        case SelectionTool::Box: return ProjectionView::tr("Drag a box around points to select them.");
        case SelectionTool::Lasso: return ProjectionView::tr("Draw around points to select them.");
        case SelectionTool::Polygon: return ProjectionView::tr("Click corners around points; a double click closes.");
        case SelectionTool::Pan: return ProjectionView::tr("Drag the axes.");
    }
    return {};
}

/// "+0.31" with so many decimals.
QString signedText(double value, int decimals) {
    return (value < 0.0 ? QString(QChar(0x2212)) : QStringLiteral("+")) + QLocale().toString(std::abs(value), 'f', decimals);
}

}  // namespace

QString ProjectionView::movementText() const { return textOf(moves()); }

QString ProjectionView::textOf(const std::vector<CloudMove>& moves) {
    const auto across = [](const CloudMove& move) { return move.to.x() - move.from.x(); };
    double largest = 1e-6;
    bool aligned = false;
    for (const CloudMove& move : moves) {
        largest = std::max(largest, std::abs(across(move)));
        aligned = aligned || move.aligned.has_value();
    }
    // Three figures of the largest, and as many decimals for the others.
    const int decimals = std::clamp(2 - int(std::floor(std::log10(largest))), 0, 8);
    QStringList parts;
    for (const CloudMove& move : moves) {
        parts << tr("%1 %2").arg(labelText(move.label).toLower(), signedText(across(move), decimals));
    }
    if (parts.isEmpty()) {
        return {};
    }
    const QString text = tr("Mean move across: %1").arg(parts.join(QStringLiteral(", ")));
    return aligned ? tr("%1; diamonds: aligned model").arg(text) : text;
}

HoverCard ProjectionView::cardOf(int prompt) const {
    HoverCard card;
    if (m_prompts == nullptr || prompt < 0 || std::size_t(prompt) >= m_prompts->size()) {
        return card;
    }
    const protocol::PromptItem& item = (*m_prompts)[std::size_t(prompt)];
    const QString label = QString::fromStdString(item.label);
    const QString split = item.split == "calibration" ? tr("calibration") : item.split == "evaluation" ? tr("evaluation") : QString();
    card.heading = split.isEmpty() ? labelText(label) : tr("%1 · %2").arg(labelText(label), split);
    card.shapeLabel = label;
    const bool allowed = label != QLatin1String("malicious") || (m_shield != nullptr && m_shield->allows(label, prompt));
    card.hiddenParagraph = !allowed;
    if (allowed) {
        card.paragraph = QString::fromStdString(item.text);
    }
    const int row = std::size_t(prompt) < m_rowOfPrompt.size() ? m_rowOfPrompt[std::size_t(prompt)] : -1;
    const auto scoreOf = [row](const std::vector<float>& scores) {
        return row >= 0 && std::size_t(row) < scores.size() ? double(scores[std::size_t(row)]) : std::nan("");
    };
    const double scores[] = {scoreOf(m_projection.logitsBase), scoreOf(m_projection.logitsQuantized)};
    const QString outcomes[] = {m_outcomes != nullptr ? m_outcomes->outcome(QStringLiteral("base"), prompt) : QString(),
                                m_outcomes != nullptr ? m_outcomes->outcome(QStringLiteral("quantized"), prompt) : QString()};
    const bool second = std::isfinite(scores[1]) || !outcomes[1].isEmpty();
    const auto add = [&card, second](const QString& name, const QString& base, const QString& quantized) {
        card.rows.push_back({name, base, second ? quantized : QString(), {}, {}});
    };
    const bool scored = std::isfinite(scores[0]) || std::isfinite(scores[1]);
    if (second) {
        add(QString(), m_baseName.toLower(), m_quantizedName.toLower());
    }
    if (scored) {
        const auto says = [](double score) { return !std::isfinite(score) ? QString() : score > 0.0 ? tr("malicious") : tr("benign"); };
        const auto number = [](double score) { return std::isfinite(score) ? formatScore(score) : QString(); };
        add(tr("probe score"), number(scores[0]), number(scores[1]));
        add(tr("probe says"), says(scores[0]), says(scores[1]));
    }
    if (!outcomes[0].isEmpty() || !outcomes[1].isEmpty()) {
        add(tr("outcome"), outcomeText(outcomes[0], label), outcomeText(outcomes[1], label));
    }
    return card;
}

void ProjectionView::refreshSelectionText() {
    const PointScene& scene = firstPane()->scene();
    std::optional<LabelCounts> counts;
    for (const ProjectionPane* pane : panes()) {
        if (const auto pending = pane->pendingCounts()) {
            counts = pending;
        }
    }
    const LabelCounts shown = counts.value_or(scene.selectedCounts());
    if (!counts && shown.total() == 0) {
        m_tools->setSelectionText(scene.empty() ? QString() : hintOf(m_tools->tool()));
        return;
    }
    const QString all = tr("%1 of %2 selected").arg(QLocale().toString(shown.total()), QLocale().toString(qulonglong(scene.rows())));
    m_tools->setSelectionText(shown.total() > 0 ? tr("%1: %2").arg(all, shown.text()) : all);
}

QString ProjectionView::tableText() const {
    QStringList lines{QStringLiteral("id\tlabel\tbase 1\tbase 2\tbase score\tquantized 1\tquantized 2\tquantized score\tprompt")};
    const auto numbers = [](const protocol::FloatArray& points, const std::vector<float>& scores, std::size_t row) {
        QStringList cells;
        const bool present = 2 * row + 1 < points.values.size();
        cells << (present ? QString::number(double(points.values[2 * row]), 'g', 6) : QString())
              << (present ? QString::number(double(points.values[2 * row + 1]), 'g', 6) : QString())
              << (row < scores.size() ? QString::number(double(scores[row]), 'f', 3) : QString());
        return cells;
    };
    for (std::size_t row = 0; row < m_projection.prompts.size(); ++row) {
        const int index = m_projection.prompts[row];
        if (m_prompts == nullptr || index < 0 || std::size_t(index) >= m_prompts->size()) {
            continue;
        }
        const protocol::PromptItem& prompt = (*m_prompts)[std::size_t(index)];
        const QString label = QString::fromStdString(prompt.label);
        const bool allowed = m_shield != nullptr ? m_shield->allows(label, index) : label != QLatin1String("malicious");
        QStringList cells{QString::fromStdString(prompt.id), label};
        cells << numbers(m_projection.base, m_projection.logitsBase, row) << numbers(m_projection.quantized, m_projection.logitsQuantized, row)
              << (allowed ? QString::fromStdString(prompt.text).simplified() : tr("(hidden)"));
        lines << cells.join(QLatin1Char('\t'));
    }
    const auto place = [](const std::optional<QPointF>& at) {
        return at ? QStringLiteral("%1\t%2\t").arg(at->x(), 0, 'g', 6).arg(at->y(), 0, 'g', 6) : QStringLiteral("\t\t");
    };
    for (const GuestPoint& guest : m_guests) {
        lines << tr("own %1").arg(guest.mark) + QStringLiteral("\t\t") + place(guest.base) + QLatin1Char('\t') + place(guest.quantized) + QLatin1Char('\t');
    }
    return lines.join(QLatin1Char('\n'));
}

}  // namespace safequant::widgets
