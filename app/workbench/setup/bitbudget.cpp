// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/bitbudget.h"

#include "app/workbench/setup/runspec.h"

namespace safequant::workbench {

namespace {

/// What the sensitivities of a spec depend on.
nlohmann::json questionOf(const nlohmann::json& spec) {
    const LinearScheme scheme = defaultSchemeOf(spec);
    const auto quantization = spec.find("quantization");
    const bool rotated = quantization != spec.end() && quantization->is_object() && quantization->contains("rotation");
    return {{"model", checkpointQuestion(checkpointOf(spec), adaptersOf(spec))},
            {"group", scheme.groupSize},
            {"symmetric", scheme.symmetric},
            {"rotation", rotated ? (*quantization)["rotation"] : nlohmann::json()}};
}

/// The spec without rules: a budget sets every linear.
nlohmann::json withoutRules(nlohmann::json spec) {
    setRules(spec, {});
    LinearScheme scheme = defaultSchemeOf(spec);
    if (scheme.weightBits >= 16) scheme.weightBits = 8;
    spec["quantization"]["default"] = schemeToJson(scheme);
    return spec;
}

}  // namespace

BitBudget::BitBudget(EngineClient* client, QObject* parent) : QObject(parent), m_client(client) {
    connect(m_client, &EngineClient::budgetProgress, this, [this](qint64 ticket, quint64 done, quint64 total) {
        if (!m_measuring || ticket != m_ticket) return;
        m_done = int(done);
        m_total = int(total);
        emit changed();
    });
    connect(m_client, &EngineClient::budgetFinished, this,
            [this](qint64 ticket, const std::shared_ptr<const Expected<protocol::Sensitivities>>& result) { receive(ticket, *result); });
    connect(m_client, &EngineClient::died, this, [this](const QString& reason) {
        m_sensitivities.reset();
        if (m_measuring) receive(m_ticket, fail(ErrorKind::Failed, reason.toStdString()));
    });
}

void BitBudget::measure(const nlohmann::json& spec, const QString& measure, const QString& folder) {
    m_question = questionOf(spec);
    m_sensitivities.reset();
    m_problem.clear();
    m_measuring = true;
    m_done = m_total = 0;
    const qint64 ticket = ++m_ticket;
    m_client->request<Nothing>(QStringLiteral("budget/measure"),
                               {{"spec", withoutRules(spec)}, {"measure", measure.toStdString()}, {"folder", folder.toStdString()}, {"ticket", ticket}},
                               this, [this, ticket](Expected<Nothing> begun) {
                                   if (!begun) receive(ticket, fail(begun.error()));
                               });
    emit changed();
}

void BitBudget::cancel() {
    if (!m_measuring) return;
    m_client->request<Nothing>(QStringLiteral("budget/cancel"), {{"ticket", m_ticket}}, this, [](const Expected<Nothing>&) {});
    m_measuring = false;
    emit changed();
}

bool BitBudget::fits(const nlohmann::json& spec) const { return m_sensitivities && m_measured == questionOf(spec); }

void BitBudget::solve(double sizeBits, bool fused) {
    m_client->drop(m_solveRequest);
    m_solveRequest = m_client->request<protocol::BudgetSolution>(
        QStringLiteral("budget/solve"), {{"size_bits", sizeBits}, {"fused", fused}}, this, [this](Expected<protocol::BudgetSolution> solution) {
            if (solution) emit solved(*solution);
            else emit failed(QString::fromStdString(solution.error().message));
        });
}

void BitBudget::receive(qint64 ticket, const Expected<protocol::Sensitivities>& result) {
    if (!m_measuring || ticket != m_ticket) return;
    m_measuring = false;
    if (result) {
        m_sensitivities = std::make_shared<const protocol::Sensitivities>(*result);
        m_measured = m_question;
    } else {
        m_problem = QString::fromStdString(result.error().message);
    }
    emit changed();
}

}  // namespace safequant::workbench
