// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/appsettings.h"

#include <QMetaType>
#include <QUrl>
#include <array>

namespace safequant::workbench {

namespace {

struct Row {
    Setting setting;
    const char* key;
    QMetaType::Type type;
    const char* fallback;
};

constexpr std::array kTable{
    Row{Setting::Geometry, "window/geometry", QMetaType::QByteArray, ""},
    Row{Setting::WindowState, "window/state", QMetaType::QByteArray, ""},
    Row{Setting::Page, "window/page", QMetaType::QString, "layers"},
    Row{Setting::Theme, "window/theme", QMetaType::QString, "system"},
    Row{Setting::ReducedMotion, "window/reduced_motion", QMetaType::Bool, "false"},
    Row{Setting::SetupVisible, "window/setup_visible", QMetaType::Bool, "true"},
    Row{Setting::LayersArrangement, "layers/panes", QMetaType::QByteArray, ""},
    Row{Setting::Layouts, "layers/layouts", QMetaType::QString, "{}"},
    Row{Setting::AnswersSplitter, "answers/columns", QMetaType::QByteArray, ""},
    Row{Setting::BitsSplitter, "bits/rows", QMetaType::QByteArray, ""},
    Row{Setting::ProjectionKind, "layers/projection", QMetaType::QString, "probe"},
    Row{Setting::ProjectionOverlaid, "layers/overlaid", QMetaType::Bool, "false"},
    Row{Setting::ProbeTransferred, "layers/transferred", QMetaType::Bool, "true"},
    Row{Setting::ShowHardBenign, "layers/hard_benign", QMetaType::Bool, "false"},
    Row{Setting::LastModelFolder, "folders/model", QMetaType::QString, ""},
    Row{Setting::LastRunFolder, "folders/run", QMetaType::QString, ""},
    Row{Setting::LastPromptFolder, "folders/prompts", QMetaType::QString, ""},
    Row{Setting::LastExportFolder, "folders/export", QMetaType::QString, ""},
    Row{Setting::LastFigureFolder, "folders/figure", QMetaType::QString, ""},
    Row{Setting::LastSpecFolder, "folders/spec", QMetaType::QString, ""},
    Row{Setting::LastAssessmentFolder, "folders/assessment", QMetaType::QString, ""},
    Row{Setting::AnalysisView, "analysis/view", QMetaType::QString, "probes"},
    Row{Setting::OpenRunOnStart, "run/reopen", QMetaType::QString, ""},
    Row{Setting::RecentCommands, "window/recent_commands", QMetaType::QString, ""},
    Row{Setting::TourSeen, "window/tour_seen", QMetaType::Bool, "false"},
    Row{Setting::Engines, "engines/list", QMetaType::QString, "[]"},
    Row{Setting::Engine, "engines/chosen", QMetaType::QString, ""},
    Row{Setting::Shortcuts, "window/shortcuts", QMetaType::QString, "{}"},
};

const Row& rowOf(Setting setting) { return kTable.at(static_cast<std::size_t>(setting)); }

QString keyOf(Setting setting, const QString& engine) {
    return QStringLiteral("of_engine/%1/%2").arg(QString::fromLatin1(QUrl::toPercentEncoding(engine)), QString::fromLatin1(rowOf(setting).key));
}

constexpr bool tableInOrder() {
    for (std::size_t i = 0; i < kTable.size(); ++i) {
        if (static_cast<std::size_t>(kTable[i].setting) != i) return false;
    }
    return true;
}
static_assert(tableInOrder(), "rows stand in the order of the enumeration");

}  // namespace

AppSettings::AppSettings()
    : m_settings(QSettings::IniFormat, QSettings::UserScope, QStringLiteral("safequant"), QStringLiteral("workbench")) {}

AppSettings::AppSettings(const QString& file) : m_settings(file, QSettings::IniFormat) {}

QVariant AppSettings::get(Setting setting) const {
    const Row& row = rowOf(setting);
    const QMetaType type(row.type);
    QVariant value = m_settings.value(QString::fromLatin1(row.key));
    if (!value.isValid() || !value.convert(type)) {
        value = QString::fromLatin1(row.fallback);
        value.convert(type);
    }
    return value;
}

QString AppSettings::textOf(Setting setting, const QString& engine) const {
    return engine.isEmpty() ? text(setting) : m_settings.value(keyOf(setting, engine)).toString();
}

void AppSettings::setTextOf(Setting setting, const QString& engine, const QString& text) {
    if (engine.isEmpty()) return set(setting, text);
    m_settings.setValue(keyOf(setting, engine), text);
}

void AppSettings::set(Setting setting, const QVariant& value) {
    m_settings.setValue(QString::fromLatin1(rowOf(setting).key), value);
}

}  // namespace safequant::workbench
