// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QCommandLineParser>
#include <QDir>
#include <QPixmap>
#include <QTextStream>
#include <set>

#include "core/run/block_embedding.h"
#include "core/run/run_folder.h"
#include "safequant_version.h"
#include "widgets/embeddingbar.h"
#include "widgets/layerchart.h"
#include "widgets/metricstrip.h"
#include "widgets/projectionview.h"
#include "widgets/theme.h"

namespace {

using namespace safequant;

constexpr int kExitUsage = 2;
constexpr qreal kPixelRatio = 2.0;

QTextStream& messages() {
    static QTextStream stream(stderr);
    return stream;
}

/// Draws a widget at a size in device-independent pixels and writes it as PNG.
bool save(QWidget& widget, const QSize& size, const QString& path) {
    widget.setAttribute(Qt::WA_DontShowOnScreen);
    widget.resize(size);
    widget.show();
    QCoreApplication::processEvents();
    QPixmap picture(size * kPixelRatio);
    picture.setDevicePixelRatio(kPixelRatio);
    picture.fill(widgets::Theme::current().panel);
    widget.render(&picture);
    widget.hide();
    if (picture.save(path)) return true;
    messages() << "error: " << path << " cannot be written; check the folder's permissions and free space\n";
    return false;
}

bool drawLayers(const protocol::RunState& state, int blocks, const QString& folder) {
    widgets::LayerChart chart;
    chart.setBlockCount(blocks);
    chart.setBlocks(state.blocks);
    chart.setWordControl(state.control);
    bool drawn = true;
    for (const bool transferred : {false, true}) {
        chart.setProbe(transferred ? widgets::LayerChart::Probe::Transferred : widgets::LayerChart::Probe::Refitted);
        chart.setHardBenignShown(true);
        drawn = save(chart, {1100, 420}, folder + (transferred ? "/separability-transferred.png" : "/separability-refitted.png")) && drawn;
    }
    return drawn;
}

bool drawProjections(const protocol::RunState& state, const std::string& run, const std::set<int>& blocks, const QString& kind,
                     const QString& folder) {
    widgets::ProjectionView view;
    view.setPrompts(std::make_shared<const std::vector<protocol::PromptItem>>(state.prompts));
    view.setKind(kind);
    view.embeddingBar()->setAdjustable(false);
    view.setToolsVisible(false);
    bool drawn = true;
    for (const int block : blocks) {
        const bool embedded = widgets::ProjectionView::isEmbedding(kind);
        const auto projection = embedded ? embedBlock(run, block, widgets::ProjectionView::defaultSettings(kind), {})
                                         : readProjection(run, block, kind.toStdString());
        if (!projection) {
            messages() << "error: " << QString::fromStdString(projection.error().describe()) << "\n";
            return false;
        }
        std::optional<Rate> base;
        std::optional<Rate> quantized;
        for (const auto& item : state.blocks) {
            if (item.block != block) continue;
            if (item.model == "base") base = item.refitted.accuracy;
            else if (item.transferred) quantized = item.transferred->accuracy;
        }
        view.setProjection(*projection);
        view.setAccuracies(base, quantized);
        drawn = save(view, {1100, 520}, QStringLiteral("%1/block-%2-%3.png").arg(folder).arg(block, 3, 10, QLatin1Char('0')).arg(kind)) && drawn;
    }
    return drawn;
}

int draw(const QString& run, const QString& output, const QStringList& kinds) {
    const auto state = readRunState(run.toStdString());
    if (!state) {
        messages() << "error: " << QString::fromStdString(state.error().describe()) << "\n";
        return exitCodeFor(state.error().kind);
    }
    if (!QDir().mkpath(output)) {
        messages() << "error: " << output << " cannot be made\n";
        return 1;
    }
    std::set<int> blocks;
    for (const auto& block : state->blocks) blocks.insert(block.block);
    bool drawn = true;
    if (!blocks.empty()) {
        drawn = drawLayers(*state, *blocks.rbegin() + 1, output);
        for (const auto& kind : kinds) drawn = drawProjections(*state, run.toStdString(), blocks, kind, output) && drawn;
    }
    if (!state->metrics.empty()) {
        widgets::MetricStrip strip;
        strip.setMetrics(state->metrics);
        drawn = save(strip, {1100, strip.sizeHint().height()}, output + "/answers.png") && drawn;
    }
    return drawn ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    // Pictures need no display; a platform the user chose is kept.
    if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    QApplication application(argc, argv);
    QCoreApplication::setApplicationName(QStringLiteral("safequant-plot"));
    QCoreApplication::setApplicationVersion(QStringLiteral(SAFEQUANT_VERSION));
    QCommandLineParser parser;
    parser.setApplicationDescription(QStringLiteral("Draws the plots of a run folder as PNG files; malicious prompt text never appears in them."));
    parser.addHelpOption();
    parser.addVersionOption();
    parser.addPositionalArgument(QStringLiteral("run"), QStringLiteral("Run folder"));
    parser.addOption({{QStringLiteral("o"), QStringLiteral("output")}, QStringLiteral("Folder for the pictures (default: RUN/plots)"), QStringLiteral("folder")});
    parser.addOption({QStringLiteral("kind"), QStringLiteral("Projection: probe, lda, pca, tsne or umap; repeatable (default: probe)"), QStringLiteral("kind")});
    parser.addOption({QStringLiteral("dark"), QStringLiteral("Dark theme")});
    if (!parser.parse(QCoreApplication::arguments())) {
        messages() << "error: " << parser.errorText() << "\n";
        return kExitUsage;
    }
    if (parser.isSet(QStringLiteral("help"))) parser.showHelp(0);
    if (parser.isSet(QStringLiteral("version"))) parser.showVersion();
    QStringList kinds = parser.values(QStringLiteral("kind"));
    if (kinds.isEmpty()) kinds << QStringLiteral("probe");
    for (const auto& kind : kinds) {
        if (kind != "probe" && kind != "lda" && kind != "pca" && !widgets::ProjectionView::isEmbedding(kind)) {
            messages() << "error: --kind is probe, lda, pca, tsne or umap, not " << kind << "\n";
            return kExitUsage;
        }
    }
    if (parser.positionalArguments().size() != 1) {
        messages() << "error: name one run folder\n";
        return kExitUsage;
    }
    const QString run = parser.positionalArguments().first();
    widgets::applyTheme(application, parser.isSet(QStringLiteral("dark")) ? widgets::Theme::Mode::Dark : widgets::Theme::Mode::Light);
    return draw(run, parser.isSet(QStringLiteral("output")) ? parser.value(QStringLiteral("output")) : run + QStringLiteral("/plots"), kinds);
}
