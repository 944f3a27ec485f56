// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/theme.h"

#include <QApplication>
#include <QEvent>
#include <QFontDatabase>
#include <QFontInfo>
#include <QStyle>
#include <QStyleHints>
#include <QTimer>
#include <QWidget>
#include <QtGlobal>
#include <algorithm>
#include <cmath>

namespace safequant::widgets {

namespace {

QColor rgb(unsigned value) { return QColor::fromRgb(QRgb(value)); }

double luminance(const QColor& color) {
    const auto linear = [](double channel) {
        return channel <= 0.04045 ? channel / 12.92 : std::pow((channel + 0.055) / 1.055, 2.4);
    };
    return 0.2126 * linear(color.redF()) + 0.7152 * linear(color.greenF()) + 0.0722 * linear(color.blueF());
}

bool looksDark(const QPalette& palette) {
    return luminance(palette.color(QPalette::Window)) < luminance(palette.color(QPalette::WindowText));
}

bool looksHighContrast(const QPalette& palette) {
    return palette.color(QPalette::Window).rgb() == qRgb(0, 0, 0) &&
           palette.color(QPalette::WindowText).rgb() == qRgb(255, 255, 255);
}

/// DejaVu is what fontconfig falls back to when nobody chose a font.
QString chosenFamily(const QFont& systemFont) {
    const QString resolved = QFontInfo(systemFont).family();
    if (resolved.startsWith(QLatin1String("DejaVu")) && QFontDatabase::families().contains(QLatin1String("Inter"))) {
        return QStringLiteral("Inter");
    }
    return resolved;
}

}  // namespace

QColor ThemeColors::label(const QString& name) const {
    if (name == QLatin1String("malicious")) {
        return malicious;
    }
    if (name == QLatin1String("benign")) {
        return benign;
    }
    return name == QLatin1String("hard_benign") ? hardBenign : muted;
}

QColor ThemeColors::model(const QString& name) const {
    if (name == QLatin1String("base")) {
        return base;
    }
    return name == QLatin1String("quantized") ? accent : fourth;
}

ThemeColors Theme::light() {
    ThemeColors colors;
    colors.window = rgb(0xf6f7f9);
    colors.panel = colors.plot = rgb(0xffffff);
    colors.line = rgb(0xdfe3e8);
    colors.grid = rgb(0xeceff3);
    colors.text = rgb(0x1c2430);
    colors.muted = rgb(0x667085);
    colors.faint = rgb(0x98a2b3);
    colors.accent = rgb(0x6a4fd8);
    colors.accentBackground = rgb(0xefecfc);
    colors.onAccent = rgb(0xffffff);
    colors.malicious = rgb(0xc8490c);
    colors.benign = rgb(0x0a68b4);
    colors.hardBenign = rgb(0x0f8a63);
    colors.good = rgb(0x0b7552);
    colors.base = rgb(0x475467);
    colors.fourth = rgb(0x8a6d1f);
    colors.warning = rgb(0x7a5f16);
    colors.bad = rgb(0xb42318);
    colors.hiddenText = rgb(0xd5dae1);
    colors.slices = {rgb(0xa8127f), rgb(0x0b6e7f), rgb(0x7a4b1e), rgb(0x9f1239), rgb(0x4d6a00), rgb(0x34398f)};
    return colors;
}

ThemeColors Theme::dark() {
    ThemeColors colors;
    colors.window = rgb(0x15181d);
    colors.panel = colors.plot = rgb(0x1c2026);
    colors.line = rgb(0x2d333b);
    colors.grid = rgb(0x262b32);
    colors.text = rgb(0xe6e9ee);
    colors.muted = rgb(0x9aa4b2);
    colors.faint = rgb(0x6b7585);
    colors.accent = rgb(0xa594f9);
    colors.accentBackground = rgb(0x2b2745);
    colors.onAccent = rgb(0x15181d);
    colors.malicious = rgb(0xff8f5c);
    colors.benign = rgb(0x62b3f3);
    colors.hardBenign = colors.good = rgb(0x4fc9a1);
    colors.base = rgb(0xb3bdca);
    colors.fourth = colors.warning = rgb(0xd6b45a);
    colors.bad = rgb(0xf97066);
    colors.hiddenText = rgb(0x3f4854);
    colors.slices = {rgb(0xf27bd0), rgb(0x5fd0e0), rgb(0xcf9f70), rgb(0xff8095), rgb(0xb7cf4e), rgb(0x9fb0ff)};
    colors.dark = true;
    return colors;
}

ThemeColors Theme::highContrast(bool dark) {
    ThemeColors colors = dark ? Theme::dark() : light();
    const QColor ink = dark ? rgb(0xffffff) : rgb(0x000000);
    const QColor paper = dark ? rgb(0x000000) : rgb(0xffffff);
    colors.window = colors.panel = colors.plot = paper;
    colors.text = colors.muted = colors.faint = colors.base = ink;
    colors.line = colors.hiddenText = dark ? rgb(0x9aa4b2) : rgb(0x667085);
    colors.grid = dark ? rgb(0x3a414b) : rgb(0xd0d5dd);
    colors.accent = dark ? rgb(0xc9bdff) : rgb(0x4a2fc0);
    colors.accentBackground = dark ? rgb(0x2b2745) : rgb(0xe4defb);
    colors.onAccent = paper;
    if (!dark) {
        colors.malicious = rgb(0x9a3200);
        colors.benign = rgb(0x004a8a);
        colors.hardBenign = colors.good = rgb(0x006044);
        colors.fourth = colors.warning = rgb(0x5f4800);
        colors.bad = rgb(0x8f1009);
    }
    colors.highContrast = true;
    return colors;
}

Theme& Theme::instance() {
    static Theme theme;
    return theme;
}

const ThemeColors& Theme::current() { return instance().m_colors; }

QFont Theme::font(TextRole role) {
    QFont font = QApplication::font();
    const auto set = [&font](int pixels, bool strong) {
        font.setPixelSize(pixels);
        font.setWeight(strong ? QFont::DemiBold : QFont::Normal);
    };
    switch (role) {
        case TextRole::Body: set(13, false); break;
        case TextRole::BodyStrong: set(13, true); break;
        case TextRole::Secondary: set(12, false); break;
        case TextRole::SecondaryStrong: set(12, true); break;
        case TextRole::Small: set(11, false); break;
        case TextRole::SmallStrong: set(11, true); break;
        case TextRole::CardTitle: set(15, true); break;
        case TextRole::Hero: set(26, true); break;
    }
    return font;
}

double Theme::contrast(const QColor& first, const QColor& second) {
    const double a = luminance(first);
    const double b = luminance(second);
    return (std::max(a, b) + 0.05) / (std::min(a, b) + 0.05);
}

QColor Theme::blend(const QColor& over, const QColor& under, double alpha) {
    const auto mix = [alpha](int top, int bottom) { return int(std::lround(top * alpha + bottom * (1.0 - alpha))); };
    return {mix(over.red(), under.red()), mix(over.green(), under.green()), mix(over.blue(), under.blue())};
}

void Theme::setMode(Mode mode) {
    if (m_applied && mode == m_mode) {
        return;
    }
    m_mode = mode;
    refresh();
}

void Theme::readSystemPalette() {
    const QPalette palette = QApplication::palette();
    m_systemDark = looksDark(palette);
    m_systemHighContrast = looksHighContrast(palette);
#if QT_VERSION >= QT_VERSION_CHECK(6, 5, 0)
    const Qt::ColorScheme scheme = QGuiApplication::styleHints()->colorScheme();
    if (scheme != Qt::ColorScheme::Unknown) {
        m_systemDark = scheme == Qt::ColorScheme::Dark;
    }
#endif
}

void Theme::refresh() {
    switch (m_mode) {
        case Mode::System:
            m_colors = m_systemHighContrast ? highContrast(m_systemDark) : (m_systemDark ? dark() : light());
            break;
        case Mode::Light: m_colors = light(); break;
        case Mode::Dark: m_colors = dark(); break;
        case Mode::HighContrast: m_colors = highContrast(m_systemDark); break;
    }
    if (qApp == nullptr) {
        return;
    }
    m_applied = true;
    QApplication::setPalette(paletteFor(m_colors));
    qApp->setStyleSheet(styleSheetFor(m_colors));
    emit changed();
}

bool Theme::eventFilter(QObject* watched, QEvent* event) {
    // Only a change of the system's own theme sends this; setting a palette here does not.
    if (event->type() == QEvent::ThemeChange && !m_refreshing) {
        m_refreshing = true;
        QTimer::singleShot(0, this, [this] {
            QApplication::setPalette(QPalette());
            readSystemPalette();
            refresh();
            m_refreshing = false;
        });
    }
    return QObject::eventFilter(watched, event);
}

void applyTheme(QApplication& application, Theme::Mode mode) {
    Theme& theme = Theme::instance();
    QApplication::setStyle(QStringLiteral("Fusion"));
    if (!theme.m_applied) {
        theme.readSystemPalette();
        theme.m_family = chosenFamily(QApplication::font());
        application.installEventFilter(&theme);
    }
    QFont font(theme.m_family);
    font.setPixelSize(13);
    font.setStyleHint(QFont::SansSerif);
    QApplication::setFont(font);
    theme.m_mode = mode;
    theme.refresh();
}

QPalette paletteFor(const ThemeColors& colors) {
    QPalette palette;
    palette.setColor(QPalette::Window, colors.window);
    palette.setColor(QPalette::WindowText, colors.text);
    palette.setColor(QPalette::Base, colors.panel);
    palette.setColor(QPalette::AlternateBase, colors.window);
    palette.setColor(QPalette::Text, colors.text);
    palette.setColor(QPalette::PlaceholderText, colors.muted);
    palette.setColor(QPalette::Button, colors.panel);
    palette.setColor(QPalette::ButtonText, colors.text);
    palette.setColor(QPalette::BrightText, colors.bad);
    palette.setColor(QPalette::Highlight, colors.accent);
    palette.setColor(QPalette::HighlightedText, colors.onAccent);
    palette.setColor(QPalette::Link, colors.accent);
    palette.setColor(QPalette::LinkVisited, colors.accent);
    palette.setColor(QPalette::ToolTipBase, colors.panel);
    palette.setColor(QPalette::ToolTipText, colors.text);
    palette.setColor(QPalette::Light, colors.panel);
    palette.setColor(QPalette::Midlight, colors.grid);
    palette.setColor(QPalette::Mid, colors.line);
    palette.setColor(QPalette::Dark, colors.faint);
    palette.setColor(QPalette::Shadow, colors.dark ? QColor(0, 0, 0) : colors.faint);
    for (const QPalette::ColorRole role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText}) {
        palette.setColor(QPalette::Disabled, role, colors.faint);
    }
    palette.setColor(QPalette::Disabled, QPalette::Highlight, colors.line);
    palette.setColor(QPalette::Disabled, QPalette::HighlightedText, colors.muted);
    return palette;
}

void restyle(QWidget* widget) {
    widget->style()->unpolish(widget);
    widget->style()->polish(widget);
    widget->update();
}

}  // namespace safequant::widgets
