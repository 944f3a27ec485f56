// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/dialogs.h"

#include <QCoreApplication>
#include <QFileDialog>
#include <QFileInfo>
#include <QInputDialog>
#include <QMessageBox>
#include <QPushButton>

#include "app/workbench/engine/engineclient.h"
#include "app/workbench/files/remotefiledialog.h"

namespace safequant::workbench {

namespace {

QString tr(const char* text) { return QCoreApplication::translate("Dialogs", text); }

}  // namespace

Dialogs::~Dialogs() = default;

void Dialogs::setClient(EngineClient* client) { m_client = client; }

bool Dialogs::remote() const {
    const EngineClient* client = m_client;
    return client && client->remote();
}

QString Dialogs::chooseModelFile(QWidget* parent, const QString& folder) {
    if (remote()) return RemoteFileDialog::chooseFile(m_client, parent, tr("Open a model"), folder, {tr("Models (GGUF)"), {".gguf"}});
    return QFileDialog::getOpenFileName(parent, tr("Open a model"), folder, tr("Models (*.gguf);;All files (*)"));
}

QString Dialogs::chooseAssessmentFile(QWidget* parent, const QString& folder) {
    const QString title = tr("Choose an assessment");
    if (remote()) return RemoteFileDialog::chooseFile(m_client, parent, title, folder, {tr("Assessments (JSON)"), {".json"}});
    return QFileDialog::getOpenFileName(parent, title, folder, tr("Assessments (*.json);;All files (*)"));
}

QString Dialogs::chooseFolder(QWidget* parent, const QString& title, const QString& folder) {
    return remote() ? RemoteFileDialog::chooseFolder(m_client, parent, title, folder) : chooseLocalFolder(parent, title, folder);
}

QStringList Dialogs::choosePromptFiles(QWidget* parent, const QString& folder) {
    if (!remote()) return chooseLocalPromptFiles(parent, folder);
    return RemoteFileDialog::chooseFiles(m_client, parent, tr("Add prompts"), folder,
                                         {tr("Prompts"), {".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".txt"}},
                                         [this](QWidget* asker) { return chooseLocalPromptFiles(asker, {}); });
}

QString Dialogs::choosePairsFile(QWidget* parent, const QString& folder) {
    if (remote()) return RemoteFileDialog::chooseFile(m_client, parent, tr("Choose pairs of answers"), folder, {tr("Pairs"), {".jsonl", ".ndjson"}});
    return QFileDialog::getOpenFileName(parent, tr("Choose pairs of answers"), folder, tr("Pairs (*.jsonl *.ndjson);;All files (*)"));
}

QString Dialogs::chooseSignatureFile(QWidget* parent, const QString& folder) {
    const QString title = tr("Choose an aligned model's signature");
    if (remote()) return RemoteFileDialog::chooseFile(m_client, parent, title, folder, {tr("Signatures (HDF5)"), {".h5", ".hdf5"}});
    return QFileDialog::getOpenFileName(parent, title, folder, tr("Signatures (*.h5 *.hdf5);;All files (*)"));
}

QString Dialogs::chooseLocalFolder(QWidget* parent, const QString& title, const QString& folder) {
    return QFileDialog::getExistingDirectory(parent, title, folder);
}

QStringList Dialogs::chooseLocalPromptFiles(QWidget* parent, const QString& folder) {
    return QFileDialog::getOpenFileNames(parent, tr("Add prompts"), folder, tr("Prompts (*.csv *.tsv *.json *.jsonl *.ndjson *.txt);;All files (*)"));
}

QString Dialogs::chooseSaveFile(QWidget* parent, const QString& title, const QString& path, const QString& filter) {
    return QFileDialog::getSaveFileName(parent, title, path, filter);
}

QString Dialogs::chooseExportFile(QWidget* parent, const QString& title, const QString& suggestion) {
    const QString csv = tr("CSV (*.csv)");
    QString filter;
    const QString path = QFileDialog::getSaveFileName(parent, title, suggestion, tr("JSON Lines (*.jsonl);;%1").arg(csv), &filter);
    if (path.isEmpty() || !QFileInfo(path).suffix().isEmpty()) return path;
    return path + (filter == csv ? QStringLiteral(".csv") : QStringLiteral(".jsonl"));
}

QString Dialogs::askName(QWidget* parent, const QString& title, const QString& label) {
    return QInputDialog::getText(parent, title, label).trimmed();
}

Dialogs::CloseAnswer Dialogs::askClose(QWidget* parent, const QString& runName) {
    QMessageBox box(parent);
    box.setIcon(QMessageBox::NoIcon);
    box.setWindowTitle(tr("A run is going on"));
    box.setText(tr("%1 is still running.").arg(runName));
    box.setInformativeText(tr("It can go on without this window. Stopped, it keeps every finished block and can be resumed."));
    QPushButton* keep = box.addButton(tr("Keep running"), QMessageBox::AcceptRole);
    QPushButton* stop = box.addButton(tr("Stop after block"), QMessageBox::DestructiveRole);
    QPushButton* cancel = box.addButton(tr("Cancel"), QMessageBox::RejectRole);
    box.setDefaultButton(keep);
    box.setEscapeButton(cancel);
    box.exec();
    if (box.clickedButton() == keep) return CloseAnswer::KeepRunning;
    return box.clickedButton() == stop ? CloseAnswer::Stop : CloseAnswer::Cancel;
}

}  // namespace safequant::workbench
