// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractScrollArea>
#include <QHash>
#include <QImage>
#include <QSizeF>
#include <QThread>

namespace safequant::widgets {

class PageRenderer;

/// Shows the pages of a PDF document below each other, as wide as there is room. Pages are drawn by a thread of its own, when they come
/// into sight. Ctrl and the wheel, + and - make pages larger and smaller.
class DocumentView : public QAbstractScrollArea {
    Q_OBJECT

public:
    explicit DocumentView(QWidget* parent = nullptr);
    ~DocumentView() override;

    /// False when the bytes are no PDF document; nothing is shown then. The place on the page is kept.
    bool setDocument(const QByteArray& pdf);
    int pageCount() const { return static_cast<int>(m_pages.size()); }
    double zoom() const { return m_zoom; }
    void setZoom(double zoom);
    /// Whether everything in sight is drawn.
    bool isDrawn() const;

signals:
    void drawn();

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    double pageWidth() const;
    /// Place of a page in the viewport.
    QRectF placeOf(int page) const;
    QList<int> pagesInSight() const;
    void arrange();
    void askForPages();
    void take(int page, int generation, const QImage& image);

    QList<QSizeF> m_pages;         ///< Sizes in points.
    struct Drawn {
        QImage image;
        int generation = 0;
    };
    QHash<int, Drawn> m_images;    ///< Those in sight, and a few beside them.
    QHash<int, int> m_asked;       ///< Generation in which a page was asked for last.
    QThread m_thread;
    PageRenderer* m_renderer;
    double m_zoom = 1.0;
    int m_generation = 0;          ///< Grows with the document and its size on the screen.
};

}  // namespace safequant::widgets
