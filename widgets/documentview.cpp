// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/documentview.h"

#include <poppler-qt6.h>

#include <QKeyEvent>
#include <QPainter>
#include <QScrollBar>
#include <QWheelEvent>
#include <algorithm>
#include <atomic>
#include <memory>

#include "widgets/theme.h"

namespace safequant::widgets {
namespace {

constexpr double kWidest = 860.0;  ///< Of a page at zoom 1, in logical pixels.
constexpr double kMargin = 20.0, kPageGap = 16.0;
constexpr double kLeastZoom = 0.5, kMostZoom = 3.0, kZoomStep = 1.15;
constexpr double kPointsPerInch = 72.0;

}  // namespace

/// Lives in the view's thread for drawing; owns the document there.
class PageRenderer : public QObject {
public:
    std::atomic<int> wanted = 0;  ///< What is older is not drawn any more.

    void open(const QByteArray& pdf) {
        m_document = Poppler::Document::loadFromData(pdf);
        if (!m_document) return;
        m_document->setRenderHint(Poppler::Document::Antialiasing);
        m_document->setRenderHint(Poppler::Document::TextAntialiasing);
    }
    /// Null when there is no such page, or nobody waits for it any more.
    QImage draw(int page, int width, int generation) const {
        if (!m_document || generation < wanted) return {};
        const std::unique_ptr<Poppler::Page> content = m_document->page(page);
        if (!content) return {};
        const double dpi = width / (content->pageSizeF().width() / kPointsPerInch);
        return content->renderToImage(dpi, dpi);
    }

private:
    std::unique_ptr<Poppler::Document> m_document;
};

DocumentView::DocumentView(QWidget* parent) : QAbstractScrollArea(parent), m_renderer(new PageRenderer) {
    setFrameShape(QFrame::NoFrame);
    setFocusPolicy(Qt::StrongFocus);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAsNeeded);
    m_renderer->moveToThread(&m_thread);
    connect(&m_thread, &QThread::finished, m_renderer, &QObject::deleteLater);
    m_thread.start(QThread::LowPriority);
    for (QScrollBar* bar : {verticalScrollBar(), horizontalScrollBar()})
        connect(bar, &QScrollBar::valueChanged, this, [this] {
            askForPages();
            viewport()->update();
        });
}

DocumentView::~DocumentView() {
    m_renderer->wanted = m_generation + 1;
    m_thread.quit();
    m_thread.wait();
}

bool DocumentView::setDocument(const QByteArray& pdf) {
    m_pages.clear();
    if (const auto document = Poppler::Document::loadFromData(pdf); document != nullptr) {
        for (int i = 0; i < document->numPages(); ++i)
            if (const auto page = document->page(i)) m_pages << page->pageSizeF();
    }
    setAccessibleDescription(tr("%n pages", nullptr, pageCount()));
    QMetaObject::invokeMethod(m_renderer, [renderer = m_renderer, pdf] { renderer->open(pdf); });
    const int place = verticalScrollBar()->value();
    arrange();
    verticalScrollBar()->setValue(place);
    return !m_pages.isEmpty();
}

void DocumentView::setZoom(double zoom) {
    zoom = std::clamp(zoom, kLeastZoom, kMostZoom);
    if (zoom == m_zoom) return;
    const QScrollBar* bar = verticalScrollBar();
    const double share = bar->maximum() > 0 ? static_cast<double>(bar->value()) / bar->maximum() : 0.0;
    m_zoom = zoom;
    arrange();
    verticalScrollBar()->setValue(static_cast<int>(share * verticalScrollBar()->maximum()));
}

bool DocumentView::isDrawn() const {
    const QList<int> pages = pagesInSight();
    return std::all_of(pages.begin(), pages.end(), [this](int page) { return m_images.value(page, {{}, -1}).generation == m_generation; });
}

double DocumentView::pageWidth() const { return m_zoom * std::min(kWidest, std::max(200.0, viewport()->width() - 2.0 * kMargin)); }

QRectF DocumentView::placeOf(int page) const {
    const double width = pageWidth();
    double y = kMargin;
    for (int i = 0; i < page; ++i) y += m_pages[i].height() * width / m_pages[i].width() + kPageGap;
    const double x = std::max(kMargin, (viewport()->width() - width) / 2.0);
    return {x - horizontalScrollBar()->value(), y - verticalScrollBar()->value(), width, m_pages[page].height() * width / m_pages[page].width()};
}

QList<int> DocumentView::pagesInSight() const {
    QList<int> pages;
    for (int i = 0; i < pageCount(); ++i)
        if (placeOf(i).intersects(QRectF(viewport()->rect()))) pages << i;
    return pages;
}

void DocumentView::arrange() {
    ++m_generation;
    m_renderer->wanted = m_generation;
    const double bottom = m_pages.isEmpty() ? 0.0 : placeOf(pageCount() - 1).bottom() + verticalScrollBar()->value() + kMargin;
    verticalScrollBar()->setRange(0, std::max(0, static_cast<int>(bottom) - viewport()->height()));
    verticalScrollBar()->setPageStep(viewport()->height());
    verticalScrollBar()->setSingleStep(40);
    horizontalScrollBar()->setRange(0, std::max(0, static_cast<int>(pageWidth() + 2.0 * kMargin) - viewport()->width()));
    horizontalScrollBar()->setPageStep(viewport()->width());
    askForPages();
    viewport()->update();
}

void DocumentView::askForPages() {
    const QList<int> sight = pagesInSight();
    for (const int page : sight) {
        if (m_asked.value(page, -1) == m_generation) continue;
        m_asked[page] = m_generation;
        const int width = static_cast<int>(pageWidth() * devicePixelRatioF());
        QMetaObject::invokeMethod(m_renderer, [this, renderer = m_renderer, page, width, generation = m_generation] {
            const QImage image = renderer->draw(page, width, generation);
            QMetaObject::invokeMethod(this, [this, page, generation, image] { take(page, generation, image); });
        });
    }
    // Pages far from sight are drawn again when they come back.
    constexpr int kKept = 3;
    if (sight.isEmpty()) return;
    m_images.removeIf([&](QHash<int, Drawn>::iterator it) {
        const bool far = it.key() < sight.first() - kKept || it.key() > sight.last() + kKept;
        if (far) m_asked.remove(it.key());
        return far;
    });
}

void DocumentView::take(int page, int generation, const QImage& image) {
    if (generation != m_generation || image.isNull()) return;
    m_images[page] = {image, generation};
    viewport()->update(placeOf(page).toAlignedRect());
    if (isDrawn()) emit drawn();
}

void DocumentView::paintEvent(QPaintEvent*) {
    QPainter painter(viewport());
    painter.setRenderHint(QPainter::SmoothPixmapTransform);
    painter.fillRect(viewport()->rect(), Theme::current().window);
    for (const int page : pagesInSight()) {
        const QRectF place = placeOf(page);
        painter.fillRect(place, Qt::white);
        if (const auto image = m_images.constFind(page); image != m_images.constEnd()) painter.drawImage(place, image->image);
        painter.setPen(Theme::current().line);
        painter.drawRect(place.adjusted(-0.5, -0.5, 0.5, 0.5));
    }
    if (!hasFocus()) return;
    painter.setPen(Theme::current().accent);
    painter.drawRect(viewport()->rect().adjusted(0, 0, -1, -1));
}

void DocumentView::resizeEvent(QResizeEvent* event) {
    QAbstractScrollArea::resizeEvent(event);
    arrange();
}

void DocumentView::wheelEvent(QWheelEvent* event) {
    if (!(event->modifiers() & Qt::ControlModifier)) return QAbstractScrollArea::wheelEvent(event);
    if (event->angleDelta().y() != 0) setZoom(event->angleDelta().y() > 0 ? m_zoom * kZoomStep : m_zoom / kZoomStep);
    event->accept();
}

void DocumentView::keyPressEvent(QKeyEvent* event) {
    QScrollBar* bar = verticalScrollBar();
    switch (event->key()) {
        case Qt::Key_Plus: case Qt::Key_Equal: return setZoom(m_zoom * kZoomStep);
        case Qt::Key_Minus: return setZoom(m_zoom / kZoomStep);
        case Qt::Key_0: return setZoom(1.0);
        case Qt::Key_Home: return bar->setValue(0);
        case Qt::Key_End: return bar->setValue(bar->maximum());
        case Qt::Key_Space: return bar->triggerAction(event->modifiers() & Qt::ShiftModifier ? QScrollBar::SliderPageStepSub : QScrollBar::SliderPageStepAdd);
        default: QAbstractScrollArea::keyPressEvent(event);
    }
}

}  // namespace safequant::widgets
