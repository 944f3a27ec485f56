// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/learning/learnagain.h"

#include <QRegularExpression>
#include <utility>

#include "app/workbench/session.h"
#include "app/workbench/setup/methodsettingsdialog.h"
#include "app/workbench/setup/runspec.h"

namespace safequant::workbench {

LearnAgain::LearnAgain(Session* session, QWidget* window) : QObject(window), m_session(session), m_window(window) {
    connect(m_session->run(), &RunController::phaseChanged, this, [this] {
        const RunController::Phase phase = m_session->run()->phase();
        if (!m_waiting || m_session->run()->active() || phase == RunController::Phase::Opening) return;
        const nlohmann::json spec = *std::exchange(m_waiting, std::nullopt);
        // Another run was opened while this one stopped.
        if (m_session->store()->folder() != m_folder) return;
        m_session->run()->start(spec);
    });
}

LearnAgain::~LearnAgain() = default;

int LearnAgain::learnedBlocks(Session* session) {
    const auto& state = session->store()->state();
    if (state.learning.empty() || !state.spec.is_object() || !patchOf(state.spec).isEmpty()) return -1;
    int learned = 0;
    for (const protocol::LearnedBlock& block : state.learning)
        if (block.finished && block.block == learned) ++learned;
    return learned;
}

void LearnAgain::ask(int block) {
    if (block < 0 || block > learnedBlocks(m_session)) return;
    m_block = block;
    m_folder = m_session->store()->folder();
    delete m_dialog;
    m_setup = std::make_unique<SetupModel>(m_session->client());
    m_setup->setSpec(m_session->store()->state().spec);
    m_dialog = new MethodSettingsDialog(m_setup.get(), m_session->dialogs(), m_window);
    m_dialog->setObjectName(QStringLiteral("learnAgainDialog"));
    m_dialog->setPurpose(block > 0 ? tr("Learn again from block %1").arg(block) : tr("Learn all blocks again"), tr("Learn"));
    connect(m_dialog, &QDialog::accepted, this, &LearnAgain::start);
    m_dialog->prepare();
    m_dialog->open();
}

nlohmann::json LearnAgain::specToRun() const {
    nlohmann::json spec = m_setup->spec();
    static const QRegularExpression kEarlier(QStringLiteral(" again from \\d+$"));
    const QString name = QString::fromStdString(spec.value("name", "")).remove(kEarlier);
    spec["name"] = tr("%1 again from %2").arg(name).arg(m_block).toStdString();
    // What was exported stays the first run's.
    spec.erase("export");
    if (m_block > 0) spec["quantization"]["continues"] = {{"run", m_folder.toStdString()}, {"blocks", m_block}};
    else spec["quantization"].erase("continues");
    return spec;
}

void LearnAgain::start() {
    const nlohmann::json spec = specToRun();
    if (m_session->run()->active()) {
        m_waiting = spec;
        m_session->run()->stopAfterBlock();
        return;
    }
    m_session->run()->start(spec);
}

}  // namespace safequant::workbench
