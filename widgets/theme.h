// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QFont>
#include <QObject>
#include <QPalette>
#include <array>

class QApplication;

namespace safequant::widgets {

/// Every colour of the program, by what it means. Plots read these; ordinary widgets get them through the QPalette and the
/// style sheet.
struct ThemeColors {
    QColor window, panel, plot;      ///< Backgrounds: of the window, of panels and fields, of plots.
    QColor line, grid;               ///< One-pixel dividers; lines inside plots.
    QColor text, muted, faint;       ///< faint is for grid labels and disabled text alone.
    QColor accent, accentBackground; ///< What is selected or running, and its tint.
    QColor onAccent;                 ///< Text on an accent surface.
    QColor malicious, benign, hardBenign;
    QColor base, fourth;             ///< The base model, and a fourth series.
    QColor good, warning, bad;       ///< Verdicts that are not labels: engine ready, a note to heed, a failure.
    QColor hiddenText;               ///< Bar that stands for text not shown.
    std::array<QColor, 6> slices;    ///< Sets of prompts that the user named: no label's colours and no model's.
    bool dark = false;
    bool highContrast = false;

    /// The colour of "malicious", "benign" or "hard_benign"; `muted` for any other.
    QColor label(const QString& name) const;
    /// The colour of "base" or "quantized"; `fourth` for any other.
    QColor model(const QString& name) const;
};

/// Text sizes of the program. All are the system font, in pixels; headings and values have weight 600.
enum class TextRole {
    Body,       ///< 13
    BodyStrong, ///< 13, 600
    Secondary,  ///< 12
    SecondaryStrong, ///< 12, 600
    Small,      ///< 11: axes and table heads
    SmallStrong,///< 11, 600
    CardTitle,  ///< 15, 600
    Hero,       ///< 26, 600
};

/// The look of the running program. One object, made by applyTheme.
///
/// The style sheet understands these dynamic properties, set before a widget is shown (call restyle() after a later change):
///  - any QWidget: "surface" = "panel" (panel background) | "window"; "edge" = any of "top" "bottom" "left" "right" (one-pixel line)
///  - QLabel: "textRole" = "heading" | "secondary" | "small" | "cardTitle" | "hero" | "value", "tone" = "muted" | "accent" | "warning" | "bad" | "good"
///  - QPushButton: "primary" = true (the one filled button of a page), "link" = true (accent text, no frame)
///  - QToolButton: "rail" = true (64 px page button of the rail: icon over text, checkable)
///  - QFrame: "card" = true (rounded, bordered panel)
class Theme : public QObject {
    Q_OBJECT
public:
    enum class Mode {
        System,        ///< Light, dark or high contrast as the system's palette is.
        Light,
        Dark,
        HighContrast,  ///< Light or dark as the system's palette is.
    };
    Q_ENUM(Mode)

    /// The theme of the program; light until applyTheme was called.
    static Theme& instance();
    /// Colours in force now.
    static const ThemeColors& current();
    /// The token tables themselves.
    static ThemeColors light();
    static ThemeColors dark();
    static ThemeColors highContrast(bool dark);
    /// A font of the program.
    static QFont font(TextRole role);
    /// WCAG 2.1 contrast ratio of two opaque colours, 1 to 21.
    static double contrast(const QColor& first, const QColor& second);
    /// `over` with opacity `alpha` (0 to 1) on `under`, opaque.
    static QColor blend(const QColor& over, const QColor& under, double alpha);

    Mode mode() const { return m_mode; }
    /// Sets palette and style sheet of the application; every widget gets a PaletteChange. Repeats are cheap.
    void setMode(Mode mode);

signals:
    /// After colours changed; the application's palette is already the new one.
    void changed();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    friend void applyTheme(QApplication& application, Mode mode);
    Theme() = default;
    void refresh();
    void readSystemPalette();

    Mode m_mode = Mode::System;
    ThemeColors m_colors = light();
    bool m_systemDark = false;
    bool m_systemHighContrast = false;
    bool m_applied = false;
    bool m_refreshing = false;
    QString m_family;
};

/// Fusion style, palette, font and style sheet; follows later changes of the system while the mode is System.
void applyTheme(QApplication& application, Theme::Mode mode = Theme::Mode::System);

/// The QPalette of a set of colours.
QPalette paletteFor(const ThemeColors& colors);

/// The style sheet of a set of colours.
QString styleSheetFor(const ThemeColors& colors);

/// Makes the style sheet look at a widget's dynamic properties again.
void restyle(QWidget* widget);

}  // namespace safequant::widgets
