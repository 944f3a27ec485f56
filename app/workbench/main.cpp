// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QCommandLineParser>
#include <QDir>
#include <QFileInfo>
#include <QTextStream>
#include <optional>

#include "app/workbench/appsettings.h"
#include "app/workbench/engine/enginelist.h"
#include "app/workbench/engine/enginepaths.h"
#include "app/workbench/mainwindow.h"
#include "app/workbench/session.h"
#include "app/workbench/setup/runspec.h"
#include "safequant_version.h"

using namespace safequant;
using namespace safequant::workbench;

namespace {

constexpr int kUsageError = 2;
constexpr int kBadInput = 3;

int complain(int code, const QString& message) {
    QTextStream(stderr) << QStringLiteral("safequant-workbench: ") << message << Qt::endl;
    return code;
}

}  // namespace

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    QApplication::setApplicationName(QStringLiteral("safequant-workbench"));
    QApplication::setApplicationDisplayName(QStringLiteral("SafeQuant Workbench"));
    QApplication::setApplicationVersion(QStringLiteral(SAFEQUANT_VERSION));
    QApplication::setDesktopFileName(QStringLiteral("safequant-workbench"));

    QCommandLineParser parser;
    parser.setApplicationDescription(
        QStringLiteral("See where a language model tells harmful from harmless prompts, and what quantizing does to it."));
    parser.addHelpOption();
    parser.addVersionOption();
    const QCommandLineOption model(QStringLiteral("model"), QStringLiteral("Open this GGUF file, Hugging Face folder, or org/name in its local cache."),
                                   QStringLiteral("MODEL"));
    const QCommandLineOption adapter(QStringLiteral("adapter"),
                                     QStringLiteral("With --model: merge this PEFT LoRA adapter folder into it; repeatable, merged in this order."),
                                     QStringLiteral("PATH"));
    const QCommandLineOption run(QStringLiteral("run"), QStringLiteral("Start the run that this JSON file describes."),
                                 QStringLiteral("SPEC"));
    const QCommandLineOption example(QStringLiteral("example"), QStringLiteral("Start the example: SmolLM2 with eroded refusals, repaired while it is quantized."));
    const QCommandLineOption start(QStringLiteral("start"), QStringLiteral("With --model: start the default run at once."));
    const QCommandLineOption workspace(QStringLiteral("workspace"),
                                       QStringLiteral("Keep runs here (default: ~/.local/share/safequant/workspace)."),
                                       QStringLiteral("DIR"));
    const QCommandLineOption engine(QStringLiteral("engine"), QStringLiteral("Use this safequant program as the engine."),
                                    QStringLiteral("PROGRAM"));
    const QCommandLineOption engineHost(QStringLiteral("engine-host"),
                                        QStringLiteral("Use the engine of another machine, which ssh reaches as HOST; all paths are of that machine then."),
                                        QStringLiteral("HOST"));
    parser.addOptions({model, adapter, run, example, start, workspace, engine, engineHost});
    parser.addPositionalArgument(QStringLiteral("path"), QStringLiteral("A model or a run folder to open."),
                                 QStringLiteral("[path]"));
    parser.process(application);
    if (parser.positionalArguments().size() > 1) return complain(kUsageError, QStringLiteral("one path at most"));
    for (const auto& option : {start, adapter})
        if (parser.isSet(option) && !parser.isSet(model))
            return complain(kUsageError, QStringLiteral("--%1 needs --model").arg(option.names().first()));

    if (parser.isSet(engine) && parser.isSet(engineHost)) return complain(kUsageError, QStringLiteral("either --engine or --engine-host"));

    AppSettings settings;
    MainWindowOptions options;
    if (parser.isSet(engineHost)) {
        EngineList engines(&settings);
        const std::size_t known = engines.find(parser.value(engineHost));
        options.engine = known < engines.engines().size() ? engines.engines()[known] : sshEngine(parser.value(engineHost));
        if (const QString problem = options.engine->problem(); !problem.isEmpty()) return complain(kUsageError, problem);
    } else if (parser.isSet(engine)) {
        options.engine = localEngine(parser.value(engine));
    }
    const bool remote = (options.engine ? *options.engine : EngineList(&settings).chosen()).remote();
    if (parser.isSet(workspace)) options.workspace = remote ? parser.value(workspace) : QDir::current().absoluteFilePath(parser.value(workspace));
    std::optional<nlohmann::json> spec;
    if (parser.isSet(run)) {
        const QString file = QFileInfo(parser.value(run)).absoluteFilePath();
        auto read = remote ? parseSpecFile(file) : readSpecFile(file);
        if (!read) return complain(kBadInput, QString::fromStdString(read.error().describe()));
        spec = std::move(*read);
    }
    MainWindow window(options, &settings);
    window.whenThere([&window, &parser, &model, &adapter, &example, &start, spec] {
        const EngineClient& client = *window.session()->client();
        if (spec) {
            nlohmann::json mine = *spec;
            if (client.remote()) {
                changePaths(
                    mine, [&](const std::string& name) { return modelPathOnEngine(client, QString::fromStdString(name)).toStdString(); },
                    [&](const std::string& name) { return pathOnEngine(client, QString::fromStdString(name)).toStdString(); });
            }
            window.startRun(mine);
        } else if (parser.isSet(example)) {
            window.startExample();
        } else if (parser.isSet(model)) {
            const QString checkpoint = modelPathOnEngine(client, parser.value(model));
            QStringList adapters;
            for (const QString& name : parser.values(adapter)) adapters.append(modelPathOnEngine(client, name));
            if (parser.isSet(start)) {
                window.startRun(defaultRunSpec(checkpoint, adapters));
            } else {
                window.openModel(checkpoint, adapters);
            }
        } else if (!parser.positionalArguments().isEmpty()) {
            window.openPath(modelPathOnEngine(client, parser.positionalArguments().first()));
        }
    });
    window.offerTour();
    window.show();
    return QApplication::exec();
}
