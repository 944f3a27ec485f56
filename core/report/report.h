// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/statistics.h"

namespace safequant {

/// A number as it is shown: `digits` behind the point; NaN shows as a dash, what would round to nothing as "< 0.0001".
struct Measured {
    double value = 0.0;
    int digits = 1;
    bool percent = false;  ///< Of a share: 0.25 shows as 25.0%.
    bool sign = false;     ///< Shows a plus.
    std::optional<Interval> interval = {};  ///< 95%, in the unit of the value.
};

/// What a table holds in one place.
using ReportCell = std::variant<std::string, Measured, Rate>;

/// "12.3%", "12.3% [5.4, 23.0]"; of a rate "12.3% [5.4, 23.0] 3/24", or "none asked".
std::string cellText(const ReportCell& cell);

struct ReportTable {
    std::string id, title;                ///< `id` names its file.
    std::string note;                     ///< Below it.
    std::vector<std::string> columns;
    std::vector<std::vector<ReportCell>> rows;
    std::size_t shownRows = 0;            ///< On a page; 0: all. Files hold all in any case.
};

/// What a series, a mark or a finding stands for; says its colour, and its shape or dashes, everywhere.
enum class FigureRole { Base, Quantized, Aligned, Words, Malicious, Benign, HardBenign };

/// Curves over whole numbers, with bands where intervals are known.
struct LineFigure {
    struct Point {
        double x = 0.0, y = 0.0;
        std::optional<Interval> interval = {};
    };
    struct Series {
        std::string name;
        FigureRole role = FigureRole::Base;
        bool dashed = false;
        std::vector<Point> points;
    };
    std::string xTitle, yTitle;
    double low = 0.0, high = 1.0;         ///< Of the vertical axis.
    bool percent = true;
    std::vector<Series> series;
    std::optional<double> chance = {};    ///< A line across: what guessing gives.
};

/// Clouds of points on shared axes, one panel beside the other.
struct ScatterFigure {
    struct Point {
        double x = 0.0, y = 0.0;
        FigureRole label = FigureRole::Benign;
    };
    struct Panel {
        std::string title;
        std::vector<Point> points;
    };
    std::string xTitle, yTitle;
    std::vector<Panel> panels;
    std::optional<double> boundary = {};  ///< Where the probe changes its mind, on the horizontal axis.
};

/// Rates with intervals, a row for each measure.
struct IntervalFigure {
    struct Mark {
        FigureRole role = FigureRole::Base;
        std::string name;
        Rate rate;
    };
    struct Row {
        std::string name;
        std::vector<Mark> marks;
    };
    std::vector<Row> rows;
};

/// Runs on two measures, of both of which less is better.
struct TradeOffFigure {
    struct Point {
        std::string name;
        FigureRole role = FigureRole::Base;
        double x = 0.0, y = 0.0;
        std::optional<Interval> xInterval = {}, yInterval = {};
    };
    std::string xTitle, yTitle;
    bool xPercent = false, yPercent = true;
    std::vector<Point> points;
};

struct ReportFigure {
    std::string id, title;                ///< `id` names its file.
    std::string caption;                  ///< What it shows, for those who do not see it, too.
    std::variant<LineFigure, ScatterFigure, IntervalFigure, TradeOffFigure> drawing;
};

/// A sentence of the verdict.
struct ReportFinding {
    enum class Kind { Better, Worse, Same, Unclear };
    Kind kind = Kind::Unclear;
    std::string text;
    std::string evidence = {};            ///< The numbers it rests on.
};

struct ReportSection {
    std::string id, title;
    std::vector<std::string> paragraphs;
    std::vector<std::string> points;      ///< A list behind the paragraphs.
    std::vector<ReportFigure> figures;
    std::vector<ReportTable> tables;
    bool signOff = false;                 ///< Ends with lines to sign on.
};

/// What is told of a run, before it is laid out as a page, tables or JSON: all of them show these numbers.
struct Report {
    std::string title, subtitle;
    std::string created;                  ///< "2026-01-31T12:30:00Z", when the run ended.
    std::string program;                  ///< Name and version.
    std::vector<ReportFinding> verdict;
    std::vector<ReportSection> sections;
    nlohmann::json manifest;              ///< Of the run, as it is.
};

/// "2026-01-31 12:30 UTC" of "2026-01-31T12:30:00Z"; any other text as it is.
std::string timeText(const std::string& time);

nlohmann::json toJson(const Report& report);

}  // namespace safequant
