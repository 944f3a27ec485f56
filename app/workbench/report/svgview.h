// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSvgRenderer>
#include <QWidget>

namespace safequant::workbench {

/// A picture in SVG on white paper, as large as the room allows.
class SvgView : public QWidget {
public:
    explicit SvgView(QWidget* parent = nullptr);

    void setSvg(const QByteArray& svg);
    QSize sizeHint() const override;

    /// Draws a picture on white at `scale` times its own size.
    static QImage picture(const QByteArray& svg, double scale);
    /// Writes it as PDF, the lines as lines; false when that cannot be done.
    static bool writePdf(const QByteArray& svg, const QString& path);

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QSvgRenderer m_renderer;
};

}  // namespace safequant::workbench
