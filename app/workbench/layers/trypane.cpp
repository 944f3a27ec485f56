// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/layers/trypane.h"

#include <QHeaderView>
#include <QKeyEvent>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QStandardItemModel>
#include <QTableView>
#include <QVBoxLayout>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/format.h"

namespace safequant::workbench {

namespace {

enum Column { NumberColumn, TextColumn, BaseColumn, QuantizedColumn, ColumnCount };
constexpr int kTextHeight = 74;
constexpr int kScoreWidth = 52;

}  // namespace

TryPane::TryPane(Session* session, QWidget* parent)
    : QWidget(parent), m_session(session), m_text(new QPlainTextEdit), m_place(new QPushButton), m_said(makeParagraph({}, "secondary", "muted")),
      m_model(new QStandardItemModel(0, ColumnCount, this)), m_table(new QTableView), m_foot(makeParagraph({}, "secondary", "muted")) {
    m_text->setObjectName(QStringLiteral("tryText"));
    m_text->setAccessibleName(tr("A prompt of your own"));
    m_text->setPlaceholderText(tr("A prompt of your own, as a user would ask it"));
    m_text->setFixedHeight(kTextHeight);
    m_text->setTabChangesFocus(true);
    m_text->installEventFilter(this);
    m_place->setObjectName(QStringLiteral("tryPlace"));
    m_said->setObjectName(QStringLiteral("trySaid"));
    m_model->setHorizontalHeaderLabels({tr("#"), tr("Prompt"), tr("base"), tr("quant.")});
    dressTable(m_table, QStringLiteral("tryTable"), tr("Your prompts with their scores at the chosen block"));
    m_table->setModel(m_model);
    m_table->setSelectionMode(QAbstractItemView::SingleSelection);
    m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    m_table->horizontalHeader()->setSectionResizeMode(TextColumn, QHeaderView::Stretch);
    m_table->setColumnWidth(NumberColumn, 30);
    m_table->setColumnWidth(BaseColumn, kScoreWidth);
    m_table->setColumnWidth(QuantizedColumn, kScoreWidth);
    m_table->installEventFilter(this);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 0);
    auto* top = new QVBoxLayout;
    setSpacing(top, 12, 0, 12, 8, 8);
    top->addWidget(m_text);
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    row->addWidget(m_said, 1);
    row->addWidget(m_place, 0, Qt::AlignTop);
    top->addLayout(row);
    layout->addLayout(top);
    layout->addWidget(m_table, 1);
    m_foot->setContentsMargins(14, 8, 14, 10);
    layout->addWidget(m_foot);
    connect(m_text, &QPlainTextEdit::textChanged, this, &TryPane::refreshButton);
    connect(m_place, &QPushButton::clicked, this, [this] {
        if (m_session->placed()->working()) m_session->placed()->stop();
        else place();
    });
    connect(m_session->placed(), &PlacedPrompts::changed, this, &TryPane::refresh);
    refresh();
}

void TryPane::setBlock(int block, bool transferred) {
    if (block == m_block && transferred == m_transferred) return;
    m_block = block;
    m_transferred = transferred;
    refresh();
}

void TryPane::focusText() {
    m_text->setFocus(Qt::ShortcutFocusReason);
    m_text->selectAll();
}

void TryPane::place() {
    const QString text = m_text->toPlainText().trimmed();
    if (!text.isEmpty()) m_session->placed()->place(text);
}

void TryPane::refreshButton() {
    const bool working = m_session->placed()->working();
    m_place->setText(working ? tr("Stop") : tr("Place"));
    m_place->setToolTip(working ? QString() : tr("Send it through the run's models and show where it lands (Ctrl+Enter)"));
    m_place->setEnabled(working || !m_text->toPlainText().trimmed().isEmpty());
}

void TryPane::refresh() {
    const PlacedPrompts* placed = m_session->placed();
    refreshButton();
    if (placed->working()) {
        m_said->setText(placed->total() > 0 ? tr("Block %1 of %2 of both models.").arg(placed->done()).arg(placed->total()) : tr("Opening the models ..."));
    } else {
        m_said->setText(placed->problem().isEmpty() ? QString() : asSentence(placed->problem()));
    }
    setTone(m_said, placed->working() || placed->problem().isEmpty() ? "muted" : "bad");
    const auto& items = placed->items();
    m_model->setRowCount(static_cast<int>(items.size()));
    for (int row = 0; row < m_model->rowCount(); ++row) {
        const auto& item = items[static_cast<std::size_t>(row)];
        const auto score = [&](const char* model) {
            const auto* block = item.block(model, m_block);
            if (!block) return QString(QChar(0x2013));
            return widgets::formatScore(static_cast<double>((m_transferred ? block->logitsTransferred : block->logitsRefitted).at(0)));
        };
        const std::array texts{QString::number(row + 1), item.text.simplified(), score("base"), score("quantized")};
        for (int column = 0; column < ColumnCount; ++column) {
            auto* cell = new QStandardItem(texts.at(static_cast<std::size_t>(column)));
            cell->setEditable(false);
            if (column >= BaseColumn) cell->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
            if (column == TextColumn) cell->setToolTip(item.text.toHtmlEscaped());
            m_model->setItem(row, column, cell);
        }
    }
    m_foot->setText(items.empty() ? tr("What you place here lands as a numbered mark in the projection, block by block. Nothing of it is kept.")
                                  : tr("Scores at block %1, log-odds of malicious by the %2 probe. Delete takes a prompt away.")
                                        .arg(m_block)
                                        .arg(m_transferred ? tr("base model's") : tr("model's own")));
}

bool TryPane::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        const bool enter = key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter;
        if (watched == m_text && enter && key->modifiers().testFlag(Qt::ControlModifier)) {
            place();
            return true;
        }
        if (watched == m_table && key->key() == Qt::Key_Delete && m_table->currentIndex().isValid()) {
            m_session->placed()->remove(m_table->currentIndex().row());
            return true;
        }
    }
    return QWidget::eventFilter(watched, event);
}

}  // namespace safequant::workbench
