// SPDX-License-Identifier: GPL-3.0-or-later
#include "realrun.h"

#include <QCoreApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QMainWindow>
#include <QTabBar>
#include <map>

#include "app/workbench/setup/runspec.h"
#include "core/base/files.h"

namespace safequant::workbench {

void wait(int milliseconds) {
    QElapsedTimer timer;
    timer.start();
    while (timer.elapsed() < milliseconds) QCoreApplication::processEvents(QEventLoop::AllEvents, 20);
}

std::pair<QTabBar*, int> paneTab(QWidget* window, const QString& title) {
    const auto bars = window->findChild<QMainWindow*>(QStringLiteral("layerPanes"))->findChildren<QTabBar*>(Qt::FindDirectChildrenOnly);
    for (QTabBar* bar : bars)
        for (int tab = 0; tab < bar->count(); ++tab)
            if (bar->tabText(tab) == title) return {bar, tab};
    return {nullptr, -1};
}

QString enginePath() { return QStringLiteral(SAFEQUANT_BINARY_DIR "/app/cli/safequant"); }

QString modelPath() { return QString::fromStdString(cacheFolder() + "/models/SmolLM2-135M-Instruct.Q4_1.gguf"); }

QString writePrompts(const QString& folder, int perClass) {
    QFile bundled(QStringLiteral(SAFEQUANT_SOURCE_DIR "/resources/prompts/default.jsonl"));
    const QString path = QDir(folder).filePath(QStringLiteral("prompts.jsonl"));
    QFile chosen(path);
    if (!bundled.open(QIODevice::ReadOnly) || !chosen.open(QIODevice::WriteOnly)) return {};
    std::map<std::string, int> counts;
    while (!bundled.atEnd()) {
        const QByteArray line = bundled.readLine();
        const auto prompt = nlohmann::json::parse(line.toStdString(), nullptr, false);
        if (prompt.is_discarded()) continue;
        if (++counts[prompt.value("label", "") + prompt.value("split", "")] <= perClass) chosen.write(line);
    }
    return path;
}

nlohmann::json smallRunSpec(const QString& file, int answers, int tokens) {
    nlohmann::json spec = defaultRunSpec(modelPath());
    spec["prompts"] = {file.toStdString()};
    spec["probe"] = {{"folds", 3}, {"path_length", 12}};
    spec["evaluation"] = {{"malicious", answers},       {"benign", answers},          {"hard_benign", answers},
                          {"max_new_tokens", tokens},   {"perplexity_tokens", 256},   {"perplexity_window", 128}};
    return spec;
}

}  // namespace safequant::workbench
