// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QCommandLineParser>
#include <QDir>
#include <QFileInfo>
#include <QTextStream>

#include "app/workbench/appsettings.h"
#include "app/workbench/mainwindow.h"
#include "app/workbench/setup/runspec.h"
#include "core/base/model_path.h"
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

QString absoluteName(const QString& model) { return QString::fromStdString(absoluteModelPath(model.toStdString())); }

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
    parser.addOptions({model, adapter, run, example, start, workspace, engine});
    parser.addPositionalArgument(QStringLiteral("path"), QStringLiteral("A model or a run folder to open."),
                                 QStringLiteral("[path]"));
    parser.process(application);
    if (parser.positionalArguments().size() > 1) return complain(kUsageError, QStringLiteral("one path at most"));
    for (const auto& option : {start, adapter})
        if (parser.isSet(option) && !parser.isSet(model))
            return complain(kUsageError, QStringLiteral("--%1 needs --model").arg(option.names().first()));

    MainWindowOptions options;
    options.engineProgram = parser.value(engine);
    if (parser.isSet(workspace)) options.workspace = QDir::current().absoluteFilePath(parser.value(workspace));
    AppSettings settings;
    MainWindow window(options, &settings);
    if (parser.isSet(run)) {
        auto spec = readSpecFile(QFileInfo(parser.value(run)).absoluteFilePath());
        if (!spec) return complain(kBadInput, QString::fromStdString(spec.error().describe()));
        window.startRun(*spec);
    } else if (parser.isSet(example)) {
        window.startExample();
    } else if (parser.isSet(model)) {
        const QString checkpoint = absoluteName(parser.value(model));
        QStringList adapters;
        for (const QString& name : parser.values(adapter)) adapters.append(absoluteName(name));
        if (parser.isSet(start)) {
            window.startRun(defaultRunSpec(checkpoint, adapters));
        } else {
            window.openModel(checkpoint, adapters);
        }
    } else if (!parser.positionalArguments().isEmpty()) {
        window.openPath(absoluteName(parser.positionalArguments().first()));
    }
    window.offerTour();
    window.show();
    return QApplication::exec();
}
