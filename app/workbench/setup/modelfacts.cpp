// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/modelfacts.h"

#include <QCoreApplication>
#include <QFileInfo>
#include <QLocale>
#include <QStringList>

#include "app/workbench/ui.h"

namespace safequant::workbench {

namespace {

QString tr(const char* text) { return QCoreApplication::translate("ModelFacts", text); }

QString capitalized(const std::string& text) {
    const QString whole = QString::fromStdString(text);
    return whole.left(1).toUpper() + whole.mid(1);
}

}  // namespace

QString modelSummary(const protocol::CheckpointInfo& info) {
    return tr("%1 family · %2 · %3 M · %4 %5")
        .arg(capitalized(info.modelType), counted(info.blocks, tr("block"), tr("blocks")),
             QLocale().toString(static_cast<double>(info.parameters) / 1e6, 'f', 1),
             QString::fromStdString(info.format).contains(QLatin1String("gguf"), Qt::CaseInsensitive) ? QStringLiteral("GGUF") : tr("Hugging Face"),
             QString::fromStdString(info.storedTypes).section(QLatin1Char(','), 0, 0));
}

QStringList modelFamilyFacts(const protocol::CheckpointInfo& info) {
    const QLocale locale;
    return {tr("Vocabulary: %1, context: %2").arg(locale.toString(info.vocabulary), locale.toString(info.maxPositions)),
            tr("Attention: %1").arg(QString::fromStdString(info.attention)),
            tr("Rotary: %1").arg(QString::fromStdString(info.rotaryPositions)),
            tr("Output: %1").arg(QString::fromStdString(info.output))};
}

QStringList modelNotices(const protocol::CheckpointInfo& info) {
    QStringList lines;
    if (!info.hasChatTemplate) lines.append(tr("No chat template"));
    for (const auto& copy : info.tokenizerCopies) {
        QStringList aspects;
        for (const auto& difference : copy.differences)
            aspects.append(tr("%1 (%2)").arg(QString::fromStdString(difference.aspect), QString::fromStdString(difference.detail)));
        if (!aspects.isEmpty())
            lines.append(tr("Text is not handled as by its copy %1: %2")
                             .arg(QFileInfo(QString::fromStdString(copy.path)).fileName(), aspects.join(QStringLiteral("; "))));
    }
    return lines;
}

}  // namespace safequant::workbench
