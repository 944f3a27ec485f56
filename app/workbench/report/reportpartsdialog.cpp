// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/report/reportpartsdialog.h"

#include <QClipboard>
#include <QFileInfo>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QListWidget>
#include <QMimeData>
#include <QStackedWidget>
#include <QTableView>

#include "app/workbench/report/svgview.h"
#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "core/base/base64.h"
#include "core/base/csv.h"
#include "core/base/files.h"
#include "widgets/figuretable.h"

namespace safequant::workbench {

namespace {

constexpr int kListWidth = 280;
constexpr int kRowHeight = 25;
/// Pictures are copied and saved at twice the size they have on a page.
constexpr double kPictureScale = 2.0;

widgets::FigureTable tableOf(const QByteArray& csv) {
    widgets::FigureTable table;
    const auto records = csvRecords({csv.constData(), static_cast<std::size_t>(csv.size())});
    for (std::size_t row = 0; row < records.size(); ++row) {
        QVariantList cells;
        for (const std::string& field : records[row]) {
            const QString text = QString::fromStdString(field);
            if (row == 0) table.columns.append(text);
            bool number = false;
            const double value = text.toDouble(&number);
            cells.append(number ? QVariant(value) : QVariant(text));
        }
        if (row > 0) table.rows.append(std::move(cells));
    }
    return table;
}

}  // namespace

ReportPartsDialog::ReportPartsDialog(Session* session, QWidget* parent) : QDialog(parent), m_session(session) {
    setWindowTitle(tr("Figures and tables of the report"));
    setObjectName(QStringLiteral("reportParts"));
    m_list = new QListWidget;
    m_list->setObjectName(QStringLiteral("reportPartList"));
    m_list->setAccessibleName(tr("Figures and tables"));
    m_list->setFixedWidth(kListWidth);
    m_list->setFrameShape(QFrame::NoFrame);
    m_list->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_waiting = makeParagraph({}, nullptr, "muted");
    m_waiting->setAlignment(Qt::AlignCenter);
    m_figure = new SvgView;
    m_figure->setObjectName(QStringLiteral("reportFigure"));
    m_numbers = new widgets::FigureTableModel(this);
    m_table = new QTableView;
    dressTable(m_table, QStringLiteral("reportTable"), tr("Table of the report"));
    m_table->setModel(m_numbers);
    m_stack = new QStackedWidget;
    for (QWidget* widget : std::initializer_list<QWidget*>{m_waiting, m_figure, m_table}) m_stack->addWidget(widget);
    m_said = makeLabel({}, "secondary", "muted");
    m_said->setObjectName(QStringLiteral("reportPartSaid"));
    m_said->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_copy = new QPushButton(tr("Copy"));
    m_copy->setObjectName(QStringLiteral("copyReportPart"));
    m_save = new QPushButton(tr("Save ..."));
    m_save->setObjectName(QStringLiteral("saveReportPart"));
    m_save->setProperty("primary", true);
    auto* close = new QPushButton(tr("Close"));
    auto* body = new QHBoxLayout;
    body->setSpacing(12);
    body->addWidget(m_list);
    body->addWidget(m_stack, 1);
    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(8);
    buttons->addWidget(m_said, 1);
    buttons->addWidget(close);
    buttons->addWidget(m_copy);
    buttons->addWidget(m_save);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 14, 14, 14, 14, 12);
    layout->addLayout(body, 1);
    layout->addLayout(buttons);
    resize(1000, 560);
    connect(m_list, &QListWidget::currentRowChanged, this, &ReportPartsDialog::showPart);
    connect(m_copy, &QPushButton::clicked, this, &ReportPartsDialog::copy);
    connect(m_save, &QPushButton::clicked, this, &ReportPartsDialog::save);
    connect(close, &QPushButton::clicked, this, &QDialog::reject);
}

void ReportPartsDialog::prepare(const nlohmann::json& parameters) {
    m_parts.clear();
    m_list->clear();
    m_said->clear();
    m_waiting->setText(tr("The report is being made ..."));
    showPart(-1);
    m_session->client()->drop(m_request);
    m_request = m_session->client()->request<protocol::ReportBundle>(
        QStringLiteral("report/files"), parameters, this, [this](Expected<protocol::ReportBundle> bundle) { take(std::move(bundle)); });
}

void ReportPartsDialog::take(Expected<protocol::ReportBundle> bundle) {
    if (!bundle) return m_waiting->setText(asSentence(QString::fromStdString(bundle.error().describe())));
    for (const bool figures : {true, false}) {
        for (const auto& file : bundle->files) {
            const QString name = QString::fromStdString(file.name);
            const auto bytes = fromBase64(file.data);
            if (!bytes || !name.endsWith(figures ? QLatin1String(".svg") : QLatin1String(".csv"))) continue;
            m_parts.push_back({QFileInfo(name).completeBaseName(), QString::fromStdString(file.title), QByteArray::fromStdString(*bytes), figures});
            auto* item = new QListWidgetItem(figures ? m_parts.back().title : tr("Table: %1").arg(m_parts.back().title), m_list);
            item->setSizeHint({0, kRowHeight});
            item->setToolTip(item->text());
        }
    }
    if (m_parts.empty()) m_waiting->setText(tr("This report has neither figures nor tables."));
    else m_list->setCurrentRow(0);
}

const ReportPartsDialog::Part* ReportPartsDialog::current() const {
    const auto row = static_cast<std::size_t>(m_list->currentRow());
    return row < m_parts.size() ? &m_parts[row] : nullptr;
}

void ReportPartsDialog::showPart(int row) {
    const bool any = row >= 0 && static_cast<std::size_t>(row) < m_parts.size();
    m_copy->setEnabled(any);
    m_save->setEnabled(any);
    m_said->clear();
    if (!any) return m_stack->setCurrentWidget(m_waiting);
    const Part& part = m_parts[static_cast<std::size_t>(row)];
    if (part.figure) {
        m_figure->setSvg(part.bytes);
        m_figure->setAccessibleName(part.title);
        return m_stack->setCurrentWidget(m_figure);
    }
    m_numbers->setTable(tableOf(part.bytes));
    m_table->resizeColumnsToContents();
    m_stack->setCurrentWidget(m_table);
}

void ReportPartsDialog::copy() {
    const Part* part = current();
    if (!part) return;
    auto* content = new QMimeData;
    if (part->figure) {
        content->setImageData(SvgView::picture(part->bytes, kPictureScale));
        content->setData(QStringLiteral("image/svg+xml"), part->bytes);
    } else {
        content->setText(m_numbers->table().text());
        content->setData(QStringLiteral("text/csv"), part->bytes);
    }
    QGuiApplication::clipboard()->setMimeData(content);
    m_said->setText(tr("“%1” is on the clipboard.").arg(part->title));
    setTone(m_said, "muted");
}

void ReportPartsDialog::save() {
    const Part* part = current();
    if (!part) return;
    const QString path = m_session->chooseFigureFile(this, part->title, part->name, part->figure ? tr("Figures (*.svg *.pdf *.png)") : tr("Numbers (*.csv)"),
                                                     part->figure ? QStringLiteral("svg") : QStringLiteral("csv"));
    if (path.isEmpty()) return;
    const QString problem = write(*part, path);
    m_said->setText(problem.isEmpty() ? tr("Saved as %1").arg(path) : problem);
    m_said->setToolTip(m_said->text());
    setTone(m_said, problem.isEmpty() ? "muted" : "bad");
}

QString ReportPartsDialog::write(const Part& part, const QString& path) {
    const QString suffix = QFileInfo(path).suffix().toLower();
    const QString problem = tr("%1 cannot be written. Is the folder writable and the disk not full?").arg(path);
    if (part.figure && suffix == QLatin1String("pdf")) return SvgView::writePdf(part.bytes, path) ? QString() : problem;
    if (part.figure && suffix == QLatin1String("png")) return SvgView::picture(part.bytes, kPictureScale).save(path) ? QString() : problem;
    if (suffix != (part.figure ? QLatin1String("svg") : QLatin1String("csv")))
        return part.figure ? tr("Figures are saved as SVG, PDF or PNG; choose a name that ends in .svg, .pdf or .png.")
                           : tr("Tables are saved as CSV; choose a name that ends in .csv.");
    return writeFileAtomically(path.toStdString(), part.bytes.toStdString()) ? QString() : problem;
}

}  // namespace safequant::workbench
