// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/analysis/inputsmeasurement.h"

namespace safequant::workbench {

namespace {
/// Tokens that pass through the model: enough for channels that are large on some tokens alone, few enough for a minute.
constexpr int kTokens = 2048;
}  // namespace

InputsMeasurement::InputsMeasurement(EngineClient* client, QObject* parent) : QObject(parent), m_client(client) {
    connect(m_client, &EngineClient::blockInputs, this, [this](const Inputs& inputs) {
        if (inputs->ticket != m_ticket || state(m_model) != State::Running) return;
        m_kept[m_model].blocks[inputs->block] = inputs;
        emit changed();
    });
    connect(m_client, &EngineClient::inputsFinished, this, &InputsMeasurement::end);
    connect(m_client, &EngineClient::died, this, [this](const QString& reason) { end(m_ticket, reason); });
}

void InputsMeasurement::setFolder(const QString& folder) {
    if (folder == m_folder) return;
    stop();
    m_kept.clear();
    m_problem.clear();
    m_folder = folder;
    emit changed();
}

void InputsMeasurement::start(const std::string& model) {
    stop();
    m_model = model;
    m_problem.clear();
    m_kept[model] = {State::Running, {}};
    const qint64 ticket = ++m_ticket;
    m_client->request<Nothing>(QStringLiteral("analysis/inputs"),
                               {{"folder", m_folder.toStdString()}, {"model", model}, {"tokens", kTokens}, {"ticket", ticket}}, this,
                               [this, ticket](Expected<Nothing> begun) {
                                   if (!begun) end(ticket, QString::fromStdString(begun.error().message));
                               });
    emit changed();
}

void InputsMeasurement::stop() {
    if (state(m_model) != State::Running) return;
    m_kept[m_model].state = State::Stopped;
    m_client->request<Nothing>(QStringLiteral("analysis/cancel-inputs"), {{"ticket", m_ticket}}, this, [](const Expected<Nothing>&) {});
    emit changed();
}

void InputsMeasurement::end(qint64 ticket, const QString& problem) {
    if (ticket != m_ticket || state(m_model) != State::Running) return;
    m_kept[m_model].state = problem.isEmpty() ? State::Done : State::Failed;
    m_problem = problem;
    emit changed();
}

InputsMeasurement::State InputsMeasurement::state(const std::string& model) const {
    const auto kept = m_kept.find(model);
    return kept == m_kept.end() ? State::None : kept->second.state;
}

InputsMeasurement::Inputs InputsMeasurement::inputs(const std::string& model, int block) const {
    const auto kept = m_kept.find(model);
    if (kept == m_kept.end()) return nullptr;
    const auto found = kept->second.blocks.find(block);
    return found == kept->second.blocks.end() ? nullptr : found->second;
}

int InputsMeasurement::reached(const std::string& model) const {
    const auto kept = m_kept.find(model);
    return kept == m_kept.end() || kept->second.blocks.empty() ? -1 : kept->second.blocks.rbegin()->first;
}

}  // namespace safequant::workbench
