// SPDX-License-Identifier: GPL-3.0-or-later
// Fills every widget with plausible data and writes pictures: gallery FOLDER [--show]. Shows all widgets without a model.
#include <QApplication>
#include <QCheckBox>
#include <QComboBox>
#include <QDir>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QMouseEvent>
#include <QPushButton>
#include <QScreen>
#include <QSlider>
#include <QTableView>
#include <QTest>
#include <QToolButton>
#include <QVBoxLayout>
#include <QHeaderView>
#include <cmath>
#include <functional>

#include "samples.h"
#include "widgets/answerview.h"
#include "widgets/blockscrubber.h"
#include "widgets/contentshield.h"
#include "widgets/emptystate.h"
#include "widgets/icons.h"
#include "widgets/infobanner.h"
#include "widgets/labelshape.h"
#include "widgets/layerchart.h"
#include "widgets/lineartablemodel.h"
#include "widgets/lineartableview.h"
#include "widgets/logview.h"
#include "widgets/metricstrip.h"
#include "widgets/embeddingbar.h"
#include "widgets/projectionpane.h"
#include "widgets/projectionview.h"
#include "widgets/promptcard.h"
#include "widgets/promptfiltermodel.h"
#include "widgets/prompttablemodel.h"
#include "widgets/prompttableview.h"
#include "widgets/recentrunsmodel.h"
#include "widgets/runprogressstrip.h"
#include "widgets/segmentedcontrol.h"
#include "widgets/selectionmodel.h"
#include "widgets/shieldbutton.h"
#include "widgets/theme.h"

using namespace safequant;
using namespace safequant::widgets;

namespace {

constexpr int kBlocks = 30;

struct Shared {
    SelectionModel selection;
    ContentShield shield;
    PromptTableModel table;
    std::shared_ptr<const std::vector<protocol::PromptItem>> prompts = samples::prompts(260, 260, 100);
    Shared() {
        table.setContentShield(&shield);
        table.setPrompts(prompts);
        table.setScores(samples::projection(*prompts, 17, "probe", true));
        table.setAnswers(samples::answers(*prompts));
    }
};

QWidget* surface(const char* edge) {
    auto* widget = new QWidget;
    widget->setProperty("surface", "panel");
    widget->setProperty("edge", edge);
    widget->setAttribute(Qt::WA_StyledBackground);
    return widget;
}

QLabel* label(const QString& text, const char* role, const char* tone = "") {
    auto* widget = new QLabel(text);
    widget->setProperty("textRole", role);
    widget->setProperty("tone", tone);
    return widget;
}

QWidget* toolbar(RunProgressStrip* strip) {
    auto* bar = surface("bottom");
    bar->setFixedHeight(48);
    auto* row = new QHBoxLayout(bar);
    row->setContentsMargins(12, 0, 12, 0);
    row->addWidget(label("SmolLM2-135M", "heading"));
    row->addWidget(label("› W4A16, group 64", "", "muted"));
    row->addStretch(1);
    row->addWidget(strip);
    row->addStretch(1);
    row->addWidget(label(strip->timeLeft(), "", "muted"));
    row->addWidget(new QPushButton("Stop after block"));
    return bar;
}

QWidget* rail() {
    auto* column = surface("right");
    column->setFixedWidth(65);
    auto* layout = new QVBoxLayout(column);
    layout->setContentsMargins(0, 0, 1, 0);
    layout->setSpacing(0);
    const std::pair<const char*, Icon> pages[] = {{"Setup", Icon::Setup}, {"Layers", Icon::Layers}, {"Answers", Icon::Answers},
                                                  {"Compare", Icon::Compare}, {"Report", Icon::Report}};
    for (const auto& [name, which] : pages) {
        auto* button = new QToolButton;
        button->setProperty("rail", true);
        button->setText(name);
        button->setIcon(icon(which, IconTone::Muted));
        button->setIconSize({20, 20});
        button->setToolButtonStyle(Qt::ToolButtonTextUnderIcon);
        button->setCheckable(true);
        button->setChecked(which == Icon::Layers);
        layout->addWidget(button);
    }
    layout->addStretch(1);
    return column;
}

QWidget* setupPanel() {
    auto* panel = surface("right");
    panel->setFixedWidth(252);
    auto* layout = new QVBoxLayout(panel);
    layout->setContentsMargins(14, 12, 14, 12);
    layout->addWidget(label("Prompts", "heading"));
    for (const char* name : {"malicious", "benign", "hard_benign"}) {
        auto* row = new QHBoxLayout;
        row->addWidget(new LabelShape(name));
        row->addWidget(new QLabel(name));
        row->addStretch(1);
        row->addWidget(new QLabel("260"));
        layout->addLayout(row);
    }
    auto* slider = new QSlider(Qt::Horizontal);
    slider->setValue(50);
    layout->addWidget(slider);
    layout->addWidget(label("130 malicious, 130 benign, seed 2", "secondary", "muted"));
    layout->addSpacing(12);
    layout->addWidget(label("Quantization", "heading"));
    const auto row = [layout](const char* name, QWidget* editor) {
        auto* line = new QHBoxLayout;
        line->addWidget(new QLabel(name));
        line->addStretch(1);
        line->addWidget(editor);
        layout->addLayout(line);
    };
    auto* bits = new SegmentedControl;
    for (const char* value : {"3", "4", "6", "8"}) {
        bits->addSegment(value);
    }
    bits->setCurrentIndex(1);
    row("Weights", bits);
    auto* group = new QComboBox;
    group->addItems({"32", "64", "128", "per channel"});
    group->setCurrentIndex(1);
    row("Group", group);
    row("Symmetric", new QCheckBox);
    auto* on = new QCheckBox("Hard benign prompts in the probe");
    on->setChecked(true);
    layout->addWidget(on);
    auto* link = new QPushButton("2 rules");
    link->setProperty("link", true);
    row("Rules per layer", link);
    layout->addStretch(1);
    layout->addWidget(new ShieldButton);
    auto* primary = new QPushButton("Quantize");
    primary->setProperty("primary", true);
    layout->addWidget(primary);
    return panel;
}

QWidget* layersPage(Shared& shared, bool running, LayerChart** chartOut = nullptr) {
    auto* strip = new RunProgressStrip;
    strip->setStages({{"capture", 30, 30, "blocks", 60, 0, 240}, {"quantize", running ? 20U : 30U, 30, "blocks", 90, 45, 240},
                      {"evaluate", 0, 400, "answers", 0, -1, -1}, {"export", 0, 0, "tensors", 0, -1, -1}});
    strip->setState(RunProgressStrip::State::Running);
    auto* page = new QWidget;
    auto* outer = new QVBoxLayout(page);
    outer->setContentsMargins(0, 0, 0, 0);
    outer->setSpacing(0);
    outer->addWidget(toolbar(strip));
    auto* banner = new InfoBanner;
    if (running) {
        banner->setMessage("This model was hardly trained to refuse: its harmful score is high before quantizing, so a change of it says little.",
                           InfoBanner::Level::Warning);
        banner->setClosable(true);
    }
    outer->addWidget(banner);
    auto* row = new QHBoxLayout;
    row->setSpacing(0);
    outer->addLayout(row, 1);
    row->addWidget(rail());
    row->addWidget(setupPanel());
    auto* middle = new QVBoxLayout;
    middle->setSpacing(0);
    row->addLayout(middle, 1);
    auto* chart = new LayerChart;
    chart->setBlockCount(kBlocks);
    std::vector<protocol::LinearInfo> plan;
    for (int block = 0; block < kBlocks; ++block) {
        chart->setBlock(samples::block("base", block, kBlocks));
        if (!running || block < 20) {
            chart->setBlock(samples::block("quantized", block, kBlocks));
        }
        const auto linears = samples::linears(block, false);
        plan.insert(plan.end(), linears.begin(), linears.end());
    }
    chart->setPlan(plan);
    chart->setRunningStage(running ? "quantize" : "");
    chart->setWordControl(samples::control());
    chart->setCurrentBlock(17);
    if (chartOut != nullptr) {
        *chartOut = chart;
    }
    middle->addWidget(chart, 5);
    auto* scrubber = new BlockScrubber;
    std::set<int> blocks;
    for (int block = 0; block < kBlocks; ++block) {
        blocks.insert(block);
    }
    scrubber->setBlocks(kBlocks, blocks);
    scrubber->setCurrent(17);
    scrubber->setFollowing(running, false);
    middle->addWidget(scrubber);
    auto* line = surface("top");
    line->setFixedHeight(1);
    middle->addWidget(line);
    auto* view = new ProjectionView;
    view->setPrompts(shared.prompts);
    view->setSelectionModel(&shared.selection);
    view->setContentShield(&shared.shield);
    view->setWaitingText("Block 17 is not quantized yet.");
    view->setProjection(samples::projection(*shared.prompts, 17, "probe", true));
    view->setAccuracies(rateOf(480, 520), rateOf(430, 520));
    middle->addWidget(view, 6);
    auto* side = surface("left");
    side->setFixedWidth(290);
    row->addWidget(side);
    auto* sideLayout = new QVBoxLayout(side);
    sideLayout->setContentsMargins(1, 10, 0, 0);
    sideLayout->setSpacing(6);
    auto* head = new QHBoxLayout;
    head->setContentsMargins(12, 0, 12, 0);
    head->addWidget(label("Prompts", "heading"));
    head->addStretch(1);
    head->addWidget(label("310 · 1 selected", "secondary", "muted"));
    sideLayout->addLayout(head);
    auto* filter = new QLineEdit;
    filter->setPlaceholderText("Filter: text, label, score");
    auto* filterRow = new QHBoxLayout;
    filterRow->setContentsMargins(12, 0, 12, 0);
    filterRow->addWidget(filter);
    sideLayout->addLayout(filterRow);
    auto* table = new PromptTableView;
    table->setPromptModel(&shared.table);
    table->setVisibleColumns({PromptTableModel::LabelColumn, PromptTableModel::PromptColumn, PromptTableModel::BaseScoreColumn,
                              PromptTableModel::QuantizedScoreColumn});
    table->setSelectionLink(&shared.selection);
    table->filter()->setScoredOnly(true);
    sideLayout->addWidget(table, 1);
    auto* card = new PromptCard;
    card->setContentShield(&shared.shield);
    card->setProperty("edge", "top");
    card->setPrompt(4, (*shared.prompts)[4]);
    card->setScores(-1.1, 2.7);
    card->setOutcomes("complied", "refused");
    card->setFootnote("Judge refusal-22, greedy, 64 tokens");
    sideLayout->addWidget(card);
    return page;
}

QWidget* answersPage(Shared& shared) {
    auto* page = new QWidget;
    auto* outer = new QVBoxLayout(page);
    outer->setContentsMargins(0, 0, 0, 0);
    outer->setSpacing(0);
    auto* strip = new MetricStrip;
    strip->setMetrics({samples::metrics("base", 12, 80), samples::metrics("quantized", 10, 64)});
    strip->setSummary("Quantizing changed the harmful score by −16 points; 4-bit rounding costs 3.4 of perplexity.");
    outer->addWidget(strip);
    auto* line = surface("top");
    line->setFixedHeight(1);
    outer->addWidget(line);
    auto* row = new QHBoxLayout;
    row->setSpacing(0);
    outer->addLayout(row, 1);
    auto* table = new PromptTableView;
    table->setPromptModel(&shared.table);
    table->setVisibleColumns({PromptTableModel::LabelColumn, PromptTableModel::PromptColumn, PromptTableModel::BaseOutcomeColumn,
                              PromptTableModel::QuantizedOutcomeColumn});
    table->setSelectionLink(&shared.selection);
    table->filter()->setAnsweredOnly(true);
    row->addWidget(table, 3);
    auto* side = surface("left");
    auto* sideLayout = new QVBoxLayout(side);
    sideLayout->setContentsMargins(1, 0, 0, 0);
    auto* answers = new AnswerView;
    answers->setContentShield(&shared.shield);
    int index = 0;
    while ((*shared.prompts)[std::size_t(index)].label != "hard_benign") {
        ++index;
    }
    answers->setPrompt(index, (*shared.prompts)[std::size_t(index)]);
    protocol::AnswerItem base;
    base.outcome = "complied";
    base.text = "Phishing mails often ask you to act at once, hide the true address of the sender and link to pages that look like your bank.";
    protocol::AnswerItem quantized = base;
    quantized.outcome = "refused";
    quantized.text = "I'm sorry, but I can't help with mails that ask you to act at once.";
    answers->setAnswers(base, quantized);
    sideLayout->addWidget(answers);
    row->addWidget(side, 2);
    return page;
}

QWidget* otherPage() {
    auto* page = new QWidget;
    auto* grid = new QHBoxLayout(page);
    auto* left = new QVBoxLayout;
    auto* right = new QVBoxLayout;
    grid->addLayout(left, 3);
    grid->addLayout(right, 2);
    left->addWidget(label("Quantize a language model. Keep its refusals.", "hero"));
    auto* cards = new QHBoxLayout;
    for (const char* title : {"Try the example", "Open a model", "Open a run"}) {
        auto* card = new QFrame;
        card->setProperty("card", true);
        auto* inside = new QVBoxLayout(card);
        inside->setContentsMargins(20, 20, 20, 20);
        inside->addWidget(label(title, "cardTitle"));
        auto* text = label("A small real model. One click quantizes it while you watch.", "", "muted");
        text->setWordWrap(true);
        inside->addWidget(text);
        inside->addStretch(1);
        auto* button = new QPushButton(title);
        button->setProperty("primary", inside->count() > 0 && cards->count() == 0);
        inside->addWidget(button);
        cards->addWidget(card);
    }
    left->addLayout(cards);
    auto* runs = new QTableView;
    auto* runsModel = new RecentRunsModel(runs);
    runsModel->setRuns({{"/r/1", "RTN, 4 bit", "SmolLM2-135M", "W4A16", "2026-11-22T17:00:00Z", "finished", "HS 80% → 64%", false},
                        {"/r/2", "RTN, 8 bit", "SmolLM2-135M", "W8A16", "2026-11-21T17:00:00Z", "stopped", "block 11 of 30", true},
                        {"/r/3", "RTN, 3 bit", "SmolLM2-135M", "W3A16", "2026-11-20T17:00:00Z", "failed", "disk full", false}});
    runs->setModel(runsModel);
    runs->setShowGrid(false);
    runs->setWordWrap(false);
    runs->verticalHeader()->hide();
    runs->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
    left->addWidget(runs);
    auto* linears = new LinearTableView;
    auto* model = new LinearTableModel(linears);
    std::vector<protocol::LinearInfo> all;
    for (int block = 8; block < 11; ++block) {
        const auto some = samples::linears(block, block == 9);
        all.insert(all.end(), some.begin(), some.end());
    }
    model->setLinears(all);
    LinearScheme eight;
    eight.weightBits = 8;
    model->setOverride({3, 4}, eight);
    linears->setLinearModel(model);
    linears->selectRow(1);
    left->addWidget(linears, 2);
    auto* log = new LogView;
    for (int i = 0; i < 12; ++i) {
        log->append(1.79e9 + i * 3, i == 7 ? "warning" : i == 10 ? "error" : "info",
                    i == 7 ? "Block 9: 7 linears get 8 bits" : i == 10 ? "The engine ended" : "Block " + QString::number(i) + " written");
    }
    right->addWidget(log, 1);
    auto* empty = new EmptyState;
    empty->setIcon(Icon::Layers);
    empty->setText("No run is open. Open a model and press Quantize to see its layers.");
    empty->setActionText("Open the example", true);
    right->addWidget(empty, 1);
    auto* chart = new LayerChart;
    chart->setBlockCount(30);
    chart->setEmptyText("Waiting for the first block.");
    right->addWidget(chart, 1);
    auto* iconRow = new QHBoxLayout;
    for (int which = 0; which <= int(Icon::ToolPan); ++which) {
        auto* picture = new QLabel;
        picture->setPixmap(icon(Icon(which)).pixmap(20, 20));
        iconRow->addWidget(picture);
    }
    right->addLayout(iconRow);
    return page;
}

void shoot(QWidget* page, const QSize& size, const QString& path) {
    page->resize(size);
    page->show();
    QTest::qWait(60);
    page->grab().save(path);
}

/// A projection while a lasso is drawn over it, overlaid, with slices and a pinned card, and as density.
void projections(const QString& folder, const QString& tail) {
    Shared shared;
    shared.selection.clear();
    ProjectionView view;
    view.resize(990, 440);
    view.setPrompts(shared.prompts);
    view.setSelectionModel(&shared.selection);
    view.setContentShield(&shared.shield);
    view.setOutcomes(&shared.table);
    const auto result = samples::projection(*shared.prompts, 17, "probe", true);
    view.setProjection(result);
    view.setAccuracies(rateOf(480, 520), rateOf(430, 520));
    view.show();
    QTest::qWait(50);
    const auto panes = view.findChildren<ProjectionPane*>();
    const auto at = [](QWidget* pane, QEvent::Type type, const QPointF& place, Qt::MouseButtons buttons) {
        QMouseEvent event(type, place, pane->mapToGlobal(place), type == QEvent::MouseMove ? Qt::NoButton : Qt::LeftButton, buttons, Qt::NoModifier);
        QApplication::sendEvent(pane, &event);
    };
    view.setTool(SelectionTool::Lasso);
    at(panes[0], QEvent::MouseButtonPress, {250, 90}, Qt::LeftButton);
    for (int step = 0; step < 60; ++step) {
        const double angle = step * 0.09;
        at(panes[0], QEvent::MouseMove, QPointF(250 + 70 * std::sin(angle) + 10 * std::sin(4 * angle), 170 - 80 * std::cos(angle)), Qt::LeftButton);
    }
    view.grab().save(folder + "/lasso" + tail);
    at(panes[0], QEvent::MouseButtonRelease, {240, 100}, Qt::NoButton);
    PromptSlice near, flipped;
    near.prompts = shared.selection.selected();
    flipped.mark = 2;
    flipped.prompts = QList<int>(result.prompts.begin(), result.prompts.begin() + 30);
    std::sort(flipped.prompts.begin(), flipped.prompts.end());
    view.setSlices({near, flipped});
    shared.selection.clear();
    const QPointF place = panes[1]->positionOf(result.prompts[21]);
    at(panes[1], QEvent::MouseButtonPress, place, Qt::LeftButton);
    at(panes[1], QEvent::MouseButtonRelease, place, Qt::NoButton);
    view.grab().save(folder + "/pinned" + tail);
    panes[1]->pin(-1);
    view.setSlices({});
    shared.selection.clear();
    view.setOverlaid(true);
    QTest::qWait(50);
    view.grab().save(folder + "/overlaid" + tail);
    QList<int> some;
    for (const int prompt : result.prompts) {
        if (prompt % 5 == 0) {
            some << prompt;
        }
    }
    shared.selection.setSelection(some);
    view.grab().save(folder + "/overlaid-selected" + tail);
    const auto many = samples::prompts(70000, 70000, 20000);
    view.setOverlaid(false);
    view.setPrompts(many);
    shared.selection.clear();
    view.setProjection(samples::projection(*many, 17, "probe", true));
    QTest::qWait(50);
    view.grab().save(folder + "/density" + tail);
}

}  // namespace

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    const QStringList arguments = application.arguments();
    const QString folder = arguments.value(1, QStringLiteral("gallery"));
    QDir().mkpath(folder);
    applyTheme(application, Theme::Mode::Light);
    for (const auto& [name, mode] : {std::pair{"light", Theme::Mode::Light}, {"dark", Theme::Mode::Dark}, {"contrast", Theme::Mode::HighContrast}}) {
        Theme::instance().setMode(mode);
        Shared shared;
        shared.selection.select(4);
        for (const QSize size : {QSize(1280, 800), QSize(1920, 1080)}) {
            const QString tail = QStringLiteral("-%1-%2.png").arg(QLatin1String(name)).arg(size.width());
            LayerChart* chart = nullptr;
            std::unique_ptr<QWidget> layers(layersPage(shared, true, &chart));
            shoot(layers.get(), size, folder + "/layers" + tail);
            std::unique_ptr<QWidget> answers(answersPage(shared));
            shoot(answers.get(), size, folder + "/answers" + tail);
            std::unique_ptr<QWidget> other(otherPage());
            shoot(other.get(), size, folder + "/other" + tail);
        }
        projections(folder, QStringLiteral("-%1.png").arg(QLatin1String(name)));
        LayerChart* chart = nullptr;
        std::unique_ptr<QWidget> finished(layersPage(shared, false, &chart));
        chart->setProbe(LayerChart::Probe::Transferred);
        chart->setHardBenignShown(true);
        auto* view = finished->findChild<ProjectionView*>();
        view->setProjection(samples::projection(*shared.prompts, 17, "pca", false));
        shared.selection.setSelection({0, 2, 4, 6, 8, 10, 12, 14, 40, 42, 44});
        finished->resize(1280, 800);
        finished->show();
        QTest::qWait(60);
        auto* plot = chart->focusProxy();
        QMouseEvent move(QEvent::MouseMove, QPointF(plot->width() / 2.0, plot->height() / 2.0), plot->mapToGlobal(QPointF(1, 1)),
                         Qt::NoButton, Qt::NoButton, Qt::NoModifier);
        QApplication::sendEvent(plot, &move);
        finished->grab().save(folder + QStringLiteral("/finished-%1.png").arg(QLatin1String(name)));
        view->setProjection(samples::projection(*shared.prompts, 17, "umap", true));
        view->embeddingBar()->setSettings(ProjectionView::defaultSettings(QStringLiteral("umap")));
        view->embeddingBar()->setProgress(320, 500);
        QTest::qWait(50);
        finished->grab().save(folder + QStringLiteral("/embedding-%1.png").arg(QLatin1String(name)));
    }
    return 0;
}
