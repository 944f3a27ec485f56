// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/icons.h"

#include <QFile>
#include <QHash>
#include <QIconEngine>
#include <QPainter>
#include <QPixmapCache>
#include <QSvgRenderer>

#include "widgets/resources.h"
#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

const char* fileName(Icon which) {
    switch (which) {
        case Icon::Setup: return "setup";
        case Icon::Layers: return "layers";
        case Icon::Learning: return "learning";
        case Icon::Answers: return "answers";
        case Icon::Analysis: return "analysis";
        case Icon::Compare: return "compare";
        case Icon::Assessment: return "assessment";
        case Icon::Report: return "report";
        case Icon::Play: return "play";
        case Icon::Pause: return "pause";
        case Icon::Stop: return "stop";
        case Icon::Resume: return "resume";
        case Icon::Export: return "export";
        case Icon::Open: return "open";
        case Icon::Folder: return "folder";
        case Icon::Model: return "model";
        case Icon::Document: return "document";
        case Icon::Shield: return "shield";
        case Icon::ShieldOff: return "shield-off";
        case Icon::Sun: return "sun";
        case Icon::Moon: return "moon";
        case Icon::Search: return "search";
        case Icon::Filter: return "filter";
        case Icon::Copy: return "copy";
        case Icon::Log: return "log";
        case Icon::Warning: return "warning";
        case Icon::Info: return "info";
        case Icon::Check: return "check";
        case Icon::Cross: return "cross";
        case Icon::ChevronDown: return "chevron-down";
        case Icon::ChevronRight: return "chevron-right";
        case Icon::ChevronUp: return "chevron-up";
        case Icon::ZoomReset: return "zoom-reset";
        case Icon::Float: return "float";
        case Icon::Keyboard: return "keyboard";
        case Icon::Undo: return "undo";
        case Icon::Redo: return "redo";
        case Icon::Settings: return "settings";
        case Icon::ToolPoint: return "tool-point";
        case Icon::ToolBox: return "tool-box";
        case Icon::ToolLasso: return "tool-lasso";
        case Icon::ToolPolygon: return "tool-polygon";
        case Icon::ToolPan: return "tool-pan";
    }
    return "info";
}

QByteArray source(Icon which) {
    initializeWidgetResources();
    static QHash<int, QByteArray> sources;
    QByteArray& bytes = sources[int(which)];
    if (bytes.isEmpty()) {
        QFile file(QStringLiteral(":/safequant/icons/%1.svg").arg(QLatin1String(fileName(which))));
        if (file.open(QIODevice::ReadOnly)) {
            bytes = file.readAll();
        }
    }
    return bytes;
}

QColor toneColor(IconTone tone) {
    const ThemeColors& colors = Theme::current();
    switch (tone) {
        case IconTone::Muted: return colors.muted;
        case IconTone::Text: return colors.text;
        case IconTone::Accent: return colors.accent;
        case IconTone::OnAccent: return colors.onAccent;
        case IconTone::Warning: return colors.warning;
        case IconTone::Bad: return colors.bad;
        case IconTone::Good: return colors.good;
    }
    return colors.text;
}

/// Renders in the palette's colours at the moment of painting, so that icons follow the theme by themselves.
class LineIconEngine : public QIconEngine {
public:
    LineIconEngine(Icon which, IconTone tone) : m_which(which), m_tone(tone) {}

    void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State state) override {
        const qreal ratio = painter->device() != nullptr ? painter->device()->devicePixelRatioF() : 1.0;
        const int size = std::min(rect.width(), rect.height());
        const QRect target(rect.x() + (rect.width() - size) / 2, rect.y() + (rect.height() - size) / 2, size, size);
        painter->drawPixmap(target, iconPixmap(m_which, color(mode, state), size, ratio));
    }

    QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override {
        return iconPixmap(m_which, color(mode, state), std::min(size.width(), size.height()), 1.0);
    }

    QPixmap scaledPixmap(const QSize& size, QIcon::Mode mode, QIcon::State state, qreal scale) override {
        // `size` is in device pixels here.
        return iconPixmap(m_which, color(mode, state), int(std::min(size.width(), size.height()) / scale), scale);
    }

    QIconEngine* clone() const override { return new LineIconEngine(m_which, m_tone); }

private:
    QColor color(QIcon::Mode mode, QIcon::State state) const {
        if (mode == QIcon::Disabled) {
            return Theme::current().faint;
        }
        return state == QIcon::On ? Theme::current().accent : toneColor(m_tone);
    }

    Icon m_which;
    IconTone m_tone;
};

}  // namespace

QIcon icon(Icon which, IconTone tone) { return QIcon(new LineIconEngine(which, tone)); }

QPixmap iconPixmap(Icon which, const QColor& color, int size, qreal devicePixelRatio) {
    const QString key = QStringLiteral("safequant-icon-%1-%2-%3-%4")
                            .arg(int(which))
                            .arg(color.rgba(), 8, 16, QLatin1Char('0'))
                            .arg(size)
                            .arg(devicePixelRatio);
    QPixmap pixmap;
    if (QPixmapCache::find(key, &pixmap)) {
        return pixmap;
    }
    pixmap = QPixmap(QSize(size, size) * devicePixelRatio);
    pixmap.fill(Qt::transparent);
    QPainter painter(&pixmap);
    QSvgRenderer renderer(source(which).replace("currentColor", color.name().toLatin1()));
    renderer.render(&painter);
    painter.end();
    pixmap.setDevicePixelRatio(devicePixelRatio);
    QPixmapCache::insert(key, pixmap);
    return pixmap;
}

}  // namespace safequant::widgets
