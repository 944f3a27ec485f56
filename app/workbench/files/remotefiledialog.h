// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>
#include <QStringList>
#include <functional>

#include "app/workbench/engine/engineclient.h"
#include "core/engine/protocol/file_messages.h"

class QCheckBox;
class QComboBox;
class QLabel;
class QLineEdit;
class QPushButton;
class QTableWidget;
class QToolButton;

namespace safequant::workbench {

class FileUpload;

/// Chooses files or a folder of the machine where the engine is, as the engine lists them. Nothing waits for an answer: what was asked
/// last is shown when it comes.
class RemoteFileDialog : public QDialog {
    Q_OBJECT

public:
    enum class What { File, Files, Folder };
    /// A kind of file by the endings of its names.
    struct Filter {
        QString title;
        std::vector<std::string> endings;
    };
    /// Asks for files of this machine.
    using LocalFiles = std::function<QStringList(QWidget* parent)>;

    RemoteFileDialog(EngineClient* client, What what, const QString& title, const Filter& filter, LocalFiles localFiles, QWidget* parent = nullptr);

    /// Begins in a folder; one that is not there gives way to the home.
    void setFolder(const QString& folder);
    QString folder() const { return m_listing.folder.empty() ? QString() : QString::fromStdString(m_listing.folder); }
    QStringList chosen() const { return m_chosen; }

    static QString chooseFile(EngineClient* client, QWidget* parent, const QString& title, const QString& folder, const Filter& filter);
    static QStringList chooseFiles(EngineClient* client, QWidget* parent, const QString& title, const QString& folder, const Filter& filter,
                                   const LocalFiles& localFiles);
    static QString chooseFolder(EngineClient* client, QWidget* parent, const QString& title, const QString& folder);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    QLayout* makePathRow();
    void makeTable();
    QLayout* makeBottom(const Filter& filter);
    void list(const QString& folder, bool orHome = false);
    void showListing(const Expected<protocol::FolderListing>& listing);
    void enter(int row);
    void goUp();
    /// The path line: a folder is opened, a file chosen.
    void takeTyped();
    void accept() override;
    void copyFromHere();
    void uploadNext();
    void refresh();
    void say(const QString& text, const char* tone);
    /// Rows of the table that are selected and of the kind that is asked for.
    QStringList selectedNames() const;

    EngineClient* m_client;
    What m_what;
    LocalFiles m_localFiles;
    protocol::FolderListing m_listing;
    QStringList m_chosen;
    QStringList m_toCopy, m_copied;
    EngineClient::RequestId m_request = 0;
    FileUpload* m_upload = nullptr;
    QLineEdit* m_path;
    QToolButton* m_up;
    QTableWidget* m_table;
    QComboBox* m_filter;
    QCheckBox* m_hidden;
    QLabel* m_status;
    QPushButton* m_copy;
    QPushButton* m_ok;
};

}  // namespace safequant::workbench
