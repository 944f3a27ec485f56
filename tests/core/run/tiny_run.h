// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QTemporaryDir>
#include <nlohmann/json.hpp>
#include <string>

#include "core/run/run_spec.h"

/// A whole run small enough to be done again and again: a Llama of four narrow blocks with random weights, a byte
/// tokenizer, and prompts of random everyday words under the three labels.
namespace tiny {

/// Writes model and prompts into a folder once.
void writeInputs(const QString& folder);
/// Spec of a run on them with every stage; the export lies in `exportFolder` (empty: no export).
nlohmann::json specJson(const QString& inputs, const QString& exportFolder = {});
/// The same with a method that learns, towards a second model of the folder.
nlohmann::json learnedSpecJson(const QString& inputs, const QString& exportFolder = {});
/// Makes a run folder in a workspace; fails the program when it cannot.
std::string makeRun(const QString& workspace, const nlohmann::json& spec);
/// Runs or resumes it to its end; throws when it fails.
void finishRun(const std::string& folder);
/// A folder with the inputs, and in it one workspace after the other.
class Workspaces {
public:
    /// Writes the inputs.
    void prepare();
    QString inputs() const { return m_folder.filePath("inputs"); }
    QString path(const QString& name) const { return m_folder.filePath(name); }
    /// The next workspace.
    QString next() { return m_folder.filePath("workspace-" + QString::number(++m_count)); }
    /// Where the spec's export goes, another folder for each workspace.
    QString exportFolder() const { return m_folder.filePath("export-" + QString::number(m_count)); }
    nlohmann::json spec() const { return specJson(inputs(), exportFolder()); }

private:
    QTemporaryDir m_folder;
    int m_count = 0;
};
/// A file's text; one that cannot be read says so.
std::string readAll(const std::string& path);

}  // namespace tiny
