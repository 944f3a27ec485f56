// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/run/driftcheck.h"

namespace safequant::workbench {

DriftCheck::DriftCheck(EngineClient* client, RunStore* store, QObject* parent) : QObject(parent), m_store(store), m_work(client, QStringLiteral("signature/cancel"), this) {
    connect(m_store, &RunStore::changed, this, [this] {
        if (m_store->folder() == m_folder) return;
        m_folder = m_store->folder();
        clear();
    });
    connect(client, &EngineClient::signatureProgress, this, [this](qint64 ticket, quint64 done, quint64 total) {
        if (m_work.advance(ticket, done, total)) emit changed();
    });
}

const protocol::SignatureReport* DriftCheck::report(const std::string& model) const {
    const auto& wanted = model == "base" ? m_base : m_quantized;
    return wanted ? &*wanted : nullptr;
}

bool DriftCheck::quantized() const {
    const int blocks = m_store->blockCount();
    return blocks > 0 && m_store->newestBlock("quantized") == blocks - 1;
}

void DriftCheck::check(const QString& file) {
    clear();
    m_file = file;
    ask("base");
}

void DriftCheck::ask(const std::string& model) {
    m_work.start<protocol::SignatureReport>(
        QStringLiteral("signature/check"), {{"folder", m_folder.toStdString()}, {"file", m_file.toStdString()}, {"model", model}},
        [this, model](Expected<protocol::SignatureReport> report) {
            if (!report) m_problem = QString::fromStdString(report.error().describe());
            else (model == "base" ? m_base : m_quantized) = std::move(*report);
            if (m_problem.isEmpty() && model == "base" && quantized()) return ask("quantized");
            emit changed();
        });
    emit changed();
}

void DriftCheck::stop() {
    if (m_work.stop()) emit changed();
}

void DriftCheck::clear() {
    stop();
    m_file.clear();
    m_problem.clear();
    m_base.reset();
    m_quantized.reset();
    emit changed();
}

}  // namespace safequant::workbench
