// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/report/svgview.h"

#include <QFileInfo>
#include <QGuiApplication>
#include <QPainter>
#include <QPdfWriter>

namespace safequant::workbench {

namespace {

constexpr int kMargin = 16;
/// SVG counts 96 units an inch, paper 72 points.
constexpr double kPointsPerUnit = 72.0 / 96.0;
constexpr int kPaperResolution = 1200;

/// Qt takes a list of font families for the name of one: it gets the window's own instead.
QByteArray withFont(QByteArray svg) {
    const QByteArray own = "font-family=\"" + QGuiApplication::font().family().toHtmlEscaped().toUtf8() + '"';
    constexpr QByteArrayView kBegin = "font-family=\"";
    for (qsizetype at = svg.indexOf(kBegin); at >= 0; at = svg.indexOf(kBegin, at + own.size())) {
        const qsizetype end = svg.indexOf('"', at + kBegin.size());
        if (end < 0) break;
        svg.replace(at, end + 1 - at, own);
    }
    return svg;
}

}  // namespace

SvgView::SvgView(QWidget* parent) : QWidget(parent) {}

void SvgView::setSvg(const QByteArray& svg) {
    m_renderer.load(withFont(svg));
    updateGeometry();
    update();
}

QSize SvgView::sizeHint() const { return m_renderer.defaultSize() + QSize(2 * kMargin, 2 * kMargin); }

void SvgView::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.fillRect(rect(), Qt::white);
    if (!m_renderer.isValid()) return;
    const QRect room = rect().adjusted(kMargin, kMargin, -kMargin, -kMargin);
    const QSize size = m_renderer.defaultSize().scaled(room.size(), Qt::KeepAspectRatio);
    m_renderer.render(&painter, QRectF(room.center() - QPoint(size.width() / 2, size.height() / 2), size));
}

QImage SvgView::picture(const QByteArray& svg, double scale) {
    QSvgRenderer renderer(withFont(svg));
    if (!renderer.isValid()) return {};
    QImage image((QSizeF(renderer.defaultSize()) * scale).toSize(), QImage::Format_ARGB32_Premultiplied);
    image.fill(Qt::white);
    QPainter painter(&image);
    renderer.render(&painter);
    return image;
}

bool SvgView::writePdf(const QByteArray& svg, const QString& path) {
    QSvgRenderer renderer(withFont(svg));
    if (!renderer.isValid()) return false;
    QPdfWriter pdf(path);
    pdf.setResolution(kPaperResolution);
    pdf.setPageSize(QPageSize(QSizeF(renderer.defaultSize()) * kPointsPerUnit, QPageSize::Point, {}, QPageSize::ExactMatch));
    pdf.setPageMargins({});
    QPainter painter;
    if (!painter.begin(&pdf)) return false;
    renderer.render(&painter);
    return painter.end() && QFileInfo(path).size() > 0;
}

}  // namespace safequant::workbench
