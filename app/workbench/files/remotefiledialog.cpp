// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/files/remotefiledialog.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDateTime>
#include <QDir>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLineEdit>
#include <QLocale>
#include <QScreen>
#include <QTableWidget>
#include <QToolButton>
#include <QVBoxLayout>

#include "app/workbench/engine/enginepaths.h"
#include "app/workbench/files/fileupload.h"
#include "app/workbench/ui.h"
#include "widgets/format.h"
#include "widgets/icons.h"

namespace safequant::workbench {

namespace {

constexpr int kFolderRole = Qt::UserRole + 1;
enum Column { NameColumn, SizeColumn, TimeColumn, kColumns };

QString joined(const std::string& folder, const QString& name) { return QDir(QString::fromStdString(folder)).filePath(name); }

}  // namespace

RemoteFileDialog::RemoteFileDialog(EngineClient* client, What what, const QString& title, const Filter& filter, LocalFiles localFiles, QWidget* parent)
    : QDialog(parent), m_client(client), m_what(what), m_localFiles(std::move(localFiles)) {
    setObjectName(QStringLiteral("remoteFileDialog"));
    setWindowTitle(title);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 20, 18, 20, 18, 12);
    auto* head = new QHBoxLayout;
    head->setSpacing(12);
    head->addWidget(makeLabel(title, "cardTitle"));
    head->addStretch(1);
    for (const auto& [name, place, object] : {std::tuple(tr("Home"), QString::fromStdString(client->info().home), "remoteHome"),
                                              std::tuple(tr("Workspace"), client->workspacePath(), "remoteWorkspace"),
                                              std::tuple(tr("Models"), QString::fromStdString(client->info().cacheFolder + "/models"), "remoteModels")}) {
        QPushButton* link = makeLink(name);
        link->setObjectName(QString::fromLatin1(object));
        link->setAutoDefault(false);
        link->setToolTip(place);
        connect(link, &QPushButton::clicked, this, [this, folder = place] { list(folder); });
        head->addWidget(link);
    }
    layout->addLayout(head);
    layout->addWidget(makeParagraph(tr("Files on %1, where the engine is.").arg(client->address().title()), nullptr, "muted"));
    layout->addLayout(makePathRow());
    makeTable();
    layout->addWidget(m_table, 1);
    layout->addLayout(makeBottom(filter));
    m_ok = addDialogButtons(this, layout, what == What::Folder ? tr("Choose this folder") : tr("Choose"), "chooseRemote");
    m_ok->setAutoDefault(false);
    m_ok->setDefault(false);
    connect(m_ok, &QPushButton::clicked, this, &RemoteFileDialog::accept);
    resize(QSize(720, 520).boundedTo(screen() ? screen()->availableSize() : QSize(720, 520)));
    connect(m_client, &EngineClient::stateChanged, this, [this](EngineClient::State state) {
        if (state == EngineClient::State::Ready) list(folder(), true);
    });
    refresh();
}

QLayout* RemoteFileDialog::makePathRow() {
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    m_up = new QToolButton;
    m_up->setObjectName(QStringLiteral("remoteUp"));
    m_up->setIcon(widgets::icon(widgets::Icon::ChevronUp));
    m_up->setAccessibleName(tr("To the folder above"));
    m_up->setToolTip(tr("To the folder above (Alt+Up)"));
    m_up->setShortcut(Qt::ALT | Qt::Key_Up);
    row->addWidget(m_up);
    m_path = new QLineEdit;
    m_path->setObjectName(QStringLiteral("remotePath"));
    m_path->setAccessibleName(tr("Path on the engine's machine"));
    m_path->installEventFilter(this);
    row->addWidget(m_path, 1);
    connect(m_up, &QToolButton::clicked, this, &RemoteFileDialog::goUp);
    return row;
}

void RemoteFileDialog::makeTable() {
    m_table = new QTableWidget(0, kColumns);
    dressTable(m_table, QStringLiteral("remoteFiles"), tr("Files and folders"));
    m_table->setFrameShape(QFrame::StyledPanel);
    m_table->setHorizontalHeaderLabels({tr("Name"), tr("Size"), tr("Changed")});
    m_table->setSelectionMode(m_what == What::Files ? QAbstractItemView::ExtendedSelection : QAbstractItemView::SingleSelection);
    m_table->horizontalHeader()->setSectionResizeMode(NameColumn, QHeaderView::Stretch);
    m_table->horizontalHeader()->setSectionResizeMode(SizeColumn, QHeaderView::ResizeToContents);
    m_table->horizontalHeader()->setSectionResizeMode(TimeColumn, QHeaderView::ResizeToContents);
    m_table->installEventFilter(this);
    connect(m_table, &QTableWidget::cellDoubleClicked, this, &RemoteFileDialog::enter);
    connect(m_table, &QTableWidget::itemSelectionChanged, this, &RemoteFileDialog::refresh);
}

QLayout* RemoteFileDialog::makeBottom(const Filter& filter) {
    auto* row = new QHBoxLayout;
    row->setSpacing(12);
    m_filter = new QComboBox;
    m_filter->setObjectName(QStringLiteral("remoteFilter"));
    m_filter->setAccessibleName(tr("Which files to show"));
    QStringList endings;
    for (const std::string& ending : filter.endings) endings.append(QString::fromStdString(ending));
    if (!endings.isEmpty()) m_filter->addItem(filter.title, endings);
    m_filter->addItem(tr("All files"), QStringList());
    m_filter->setVisible(m_what != What::Folder);
    row->addWidget(m_filter);
    m_hidden = new QCheckBox(tr("Hidden ones"));
    m_hidden->setObjectName(QStringLiteral("remoteHidden"));
    m_hidden->setToolTip(tr("Also files and folders whose name begins with a dot"));
    row->addWidget(m_hidden);
    m_status = makeParagraph({}, "secondary", "muted");
    m_status->setObjectName(QStringLiteral("remoteStatus"));
    row->addWidget(m_status, 1);
    m_copy = makeLink(tr("Copy from this machine ..."));
    m_copy->setObjectName(QStringLiteral("copyFromHere"));
    m_copy->setAutoDefault(false);
    m_copy->setToolTip(tr("Copies files of this machine to the engine's, into the workspace there, and takes them"));
    m_copy->setVisible(static_cast<bool>(m_localFiles));
    row->addWidget(m_copy);
    connect(m_filter, &QComboBox::activated, this, [this] { list(folder()); });
    connect(m_hidden, &QCheckBox::toggled, this, [this] { list(folder()); });
    connect(m_copy, &QPushButton::clicked, this, &RemoteFileDialog::copyFromHere);
    return row;
}

void RemoteFileDialog::setFolder(const QString& folder) { list(folder, true); }

void RemoteFileDialog::list(const QString& folder, bool orHome) {
    m_client->drop(m_request);
    say(tr("Reading ..."), "muted");
    nlohmann::json params{{"folder", folder.toStdString()}, {"hidden", m_hidden->isChecked()}};
    const QStringList endings = m_filter->currentData().toStringList();
    for (const QString& ending : endings) params["endings"].push_back(ending.toStdString());
    m_request = m_client->request<protocol::FolderListing>(QStringLiteral("files/list"), std::move(params), this,
                                                           [this, orHome](const Expected<protocol::FolderListing>& listing) {
                                                               if (!listing && listing.error().kind != ErrorKind::Failed && orHome) return list({});
                                                               showListing(listing);
                                                           });
}

void RemoteFileDialog::showListing(const Expected<protocol::FolderListing>& listing) {
    if (!listing) return say(asSentence(QString::fromStdString(listing.error().describe())), "bad");
    const QString before = folder();
    m_listing = *listing;
    m_path->setText(folder());
    m_table->clearContents();
    m_table->setRowCount(static_cast<int>(m_listing.entries.size()));
    int current = 0;
    for (int row = 0; row < m_table->rowCount(); ++row) {
        const auto& entry = m_listing.entries[static_cast<std::size_t>(row)];
        const QString name = QString::fromStdString(entry.name);
        auto* title = new QTableWidgetItem(widgets::icon(entry.folder ? widgets::Icon::Folder : widgets::Icon::Document, widgets::IconTone::Muted), name);
        title->setData(kFolderRole, entry.folder);
        title->setData(Qt::AccessibleTextRole, entry.folder ? tr("Folder %1").arg(name) : name);
        m_table->setItem(row, NameColumn, title);
        auto* size = new QTableWidgetItem(entry.folder ? QString() : widgets::formatBytes(entry.bytes));
        size->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
        m_table->setItem(row, SizeColumn, size);
        m_table->setItem(row, TimeColumn, new QTableWidgetItem(QLocale().toString(QDateTime::fromSecsSinceEpoch(static_cast<qint64>(entry.modified)),
                                                                                  QLocale::ShortFormat)));
        // Where one came from when going up.
        if (before == joined(m_listing.folder, name)) current = row;
    }
    if (m_table->rowCount() > 0) m_table->setCurrentCell(current, NameColumn);
    if (m_what == What::Folder) m_table->clearSelection();
    say(m_listing.more               ? tr("The first %1 are shown.").arg(QLocale().toString(static_cast<qulonglong>(m_listing.entries.size())))
        : m_table->rowCount() == 0 ? tr("Nothing of this kind is here.")
                                   : QString(),
        "muted");
    m_up->setEnabled(!m_listing.parent.empty());
    refresh();
}

bool RemoteFileDialog::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        const bool enterKey = key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter;
        if (watched == m_path && enterKey) {
            takeTyped();
            return true;
        }
        if (watched == m_table && enterKey) {
            if (m_what == What::Folder || m_table->selectionModel()->selectedRows().size() <= 1) {
                enter(m_table->currentRow());
            } else {
                accept();
            }
            return true;
        }
        if (watched == m_table && key->key() == Qt::Key_Backspace) {
            goUp();
            return true;
        }
        if (key->key() == Qt::Key_F5) {
            list(folder());
            return true;
        }
    }
    return QDialog::eventFilter(watched, event);
}

void RemoteFileDialog::enter(int row) {
    if (row < 0 || row >= m_table->rowCount()) return;
    const auto& entry = m_listing.entries[static_cast<std::size_t>(row)];
    if (entry.folder) return list(joined(m_listing.folder, QString::fromStdString(entry.name)));
    m_table->selectRow(row);
    accept();
}

void RemoteFileDialog::goUp() {
    if (!m_listing.parent.empty()) list(QString::fromStdString(m_listing.parent));
}

void RemoteFileDialog::takeTyped() {
    const QString typed = m_path->text().trimmed();
    const QString path = pathOnEngine(*m_client, typed.startsWith(QLatin1Char('/')) || typed.startsWith(QLatin1Char('~')) ? typed : joined(m_listing.folder, typed));
    m_client->drop(m_request);
    say(tr("Reading ..."), "muted");
    // A file of that name, or a folder to go to: the engine knows which.
    m_request = m_client->request<protocol::FolderListing>(
        QStringLiteral("files/list"), {{"folder", path.toStdString()}, {"hidden", m_hidden->isChecked()}}, this,
        [this, path](const Expected<protocol::FolderListing>& listing) {
            if (listing) return list(path);
            if (listing.error().kind != ErrorKind::BadInput || m_what == What::Folder) return showListing(listing);
            m_chosen = {path};
            QDialog::accept();
        });
}

QStringList RemoteFileDialog::selectedNames() const {
    QStringList names;
    const auto rows = m_table->selectionModel()->selectedRows(NameColumn);
    for (const QModelIndex& index : rows)
        if (index.data(kFolderRole).toBool() == (m_what == What::Folder)) names.append(index.data().toString());
    return names;
}

void RemoteFileDialog::accept() {
    if (m_what == What::Folder) {
        const QStringList names = selectedNames();
        if (m_listing.folder.empty()) return;
        m_chosen = {names.isEmpty() ? folder() : joined(m_listing.folder, names.first())};
        return QDialog::accept();
    }
    QStringList paths;
    const QStringList names = selectedNames();
    for (const QString& name : names) paths.append(joined(m_listing.folder, name));
    if (paths.isEmpty()) return enter(m_table->currentRow());
    m_chosen = paths;
    QDialog::accept();
}

void RemoteFileDialog::copyFromHere() {
    m_toCopy = m_localFiles(this);
    m_copied.clear();
    uploadNext();
}

void RemoteFileDialog::uploadNext() {
    if (m_toCopy.isEmpty()) {
        if (m_copied.isEmpty()) return refresh();
        m_chosen = m_copied;
        return QDialog::accept();
    }
    m_upload = new FileUpload(m_client, m_toCopy.takeFirst(), this);
    const QString name = QFileInfo(m_upload->file()).fileName();
    say(tr("Copying %1 ...").arg(name), "muted");
    connect(m_upload, &FileUpload::progressed, this, [this, name](quint64 done, quint64 total) {
        say(tr("Copying %1: %2 of %3").arg(name, widgets::formatBytes(done), widgets::formatBytes(total)), "muted");
    });
    const auto end = [this] {
        m_upload->deleteLater();
        m_upload = nullptr;
    };
    connect(m_upload, &FileUpload::finished, this, [this, end](const QString& path) {
        m_copied.append(path);
        end();
        uploadNext();
    });
    connect(m_upload, &FileUpload::failed, this, [this, end](const QString& message) {
        m_toCopy.clear();
        end();
        say(message, "bad");
        refresh();
    });
    m_upload->start();
    refresh();
}

void RemoteFileDialog::refresh() {
    const bool copying = m_upload != nullptr;
    const bool any = m_what == What::Folder ? !m_listing.folder.empty() : !selectedNames().isEmpty();
    m_ok->setEnabled(any && !copying);
    m_ok->setText(m_what != What::Folder ? tr("Choose") : selectedNames().isEmpty() ? tr("Choose this folder") : tr("Choose %1").arg(selectedNames().first()));
    m_copy->setEnabled(!copying);
}

void RemoteFileDialog::say(const QString& text, const char* tone) {
    m_status->setText(text);
    setTone(m_status, tone);
}

QString RemoteFileDialog::chooseFile(EngineClient* client, QWidget* parent, const QString& title, const QString& folder, const Filter& filter) {
    RemoteFileDialog dialog(client, What::File, title, filter, {}, parent);
    dialog.setFolder(folder);
    return dialog.exec() == QDialog::Accepted ? dialog.chosen().value(0) : QString();
}

QStringList RemoteFileDialog::chooseFiles(EngineClient* client, QWidget* parent, const QString& title, const QString& folder, const Filter& filter,
                                          const LocalFiles& localFiles) {
    RemoteFileDialog dialog(client, What::Files, title, filter, localFiles, parent);
    dialog.setFolder(folder);
    return dialog.exec() == QDialog::Accepted ? dialog.chosen() : QStringList();
}

QString RemoteFileDialog::chooseFolder(EngineClient* client, QWidget* parent, const QString& title, const QString& folder) {
    RemoteFileDialog dialog(client, What::Folder, title, {}, {}, parent);
    dialog.setFolder(folder);
    return dialog.exec() == QDialog::Accepted ? dialog.chosen().value(0) : QString();
}

}  // namespace safequant::workbench
