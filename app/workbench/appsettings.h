// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSettings>
#include <QString>
#include <QVariant>

namespace safequant::workbench {

/// Everything the window remembers between two starts.
enum class Setting {
    Geometry,
    WindowState,
    Page,
    Theme,
    ReducedMotion,
    SetupVisible,
    LayersArrangement,
    Layouts,
    AnswersSplitter,
    BitsSplitter,
    ProjectionKind,
    ProjectionOverlaid,
    ProbeTransferred,
    ShowHardBenign,
    LastModelFolder,
    LastRunFolder,
    LastPromptFolder,
    LastExportFolder,
    LastFigureFolder,
    LastSpecFolder,
    LastAssessmentFolder,
    AnalysisView,
    OpenRunOnStart,
    RecentCommands,
    TourSeen,
    Engines,
    Engine,
    Shortcuts,
};

/// Settings as one table of key, type and default. A stored value of another type counts as absent.
class AppSettings {
public:
    AppSettings();
    /// Keeps them in this INI file instead of the user's configuration.
    explicit AppSettings(const QString& file);

    QVariant get(Setting setting) const;
    QString text(Setting setting) const { return get(setting).toString(); }
    /// What is kept apart for one engine, such as folders of its machine; empty when nothing is. An empty engine has the setting itself.
    QString textOf(Setting setting, const QString& engine) const;
    void setTextOf(Setting setting, const QString& engine, const QString& text);
    bool flag(Setting setting) const { return get(setting).toBool(); }
    QByteArray bytes(Setting setting) const { return get(setting).toByteArray(); }
    void set(Setting setting, const QVariant& value);

private:
    QSettings m_settings;
};

}  // namespace safequant::workbench
