// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/run/runstore.h"

#include <algorithm>

namespace safequant::workbench {

namespace {

constexpr int kFlushInterval = 33;

RunStore::Changes changesOf(const protocol::RunEvent& event) {
    if (event.type == "stage") return RunStore::Stages;
    if (event.type == "block") return RunStore::Blocks;
    if (event.type == "learning") return RunStore::Learning;
    if (event.type == "patch") return RunStore::Patch;
    if (event.type == "control") return RunStore::Control;
    if (event.type == "answer") return RunStore::Answers;
    if (event.type == "metrics") return RunStore::Metrics;
    if (event.type == "note") return RunStore::Notes;
    if (event.type == "log") return RunStore::Log;
    return RunStore::Status | RunStore::Stages;
}

}  // namespace

RunStore::RunStore(QObject* parent) : QObject(parent) {
    m_timer.setSingleShot(true);
    m_timer.setInterval(kFlushInterval);
    connect(&m_timer, &QTimer::timeout, this, &RunStore::flush);
}

QString RunStore::folder() const { return QString::fromStdString(m_state.summary.folder); }

int RunStore::blockCount() const {
    for (const auto& stage : m_state.stages) {
        if (stage.unit == "blocks" && stage.total > 0) return static_cast<int>(stage.total);
    }
    int last = -1;
    for (const auto& block : m_state.blocks) last = std::max(last, block.block);
    return last + 1;
}

std::set<int> RunStore::blocksOf(const std::string& model) const {
    std::set<int> blocks;
    for (const auto& block : m_state.blocks) {
        if (block.model == model) blocks.insert(block.block);
    }
    return blocks;
}

int RunStore::newestBlock(const std::string& model) const {
    int newest = -1;
    for (const auto& block : m_state.blocks) {
        if (block.model == model) newest = std::max(newest, block.block);
    }
    return newest;
}

const protocol::BlockSeparability* RunStore::block(const std::string& model, int block) const {
    const auto found = std::find_if(m_state.blocks.begin(), m_state.blocks.end(),
                                    [&](const auto& item) { return item.block == block && item.model == model; });
    return found == m_state.blocks.end() ? nullptr : &*found;
}

const protocol::StageProgress* RunStore::stage(const std::string& name) const {
    const auto found =
        std::find_if(m_state.stages.begin(), m_state.stages.end(), [&](const auto& item) { return item.stage == name; });
    return found == m_state.stages.end() ? nullptr : &*found;
}

const protocol::ModelMetrics* RunStore::metricsOf(const std::string& model) const {
    const auto found =
        std::find_if(m_state.metrics.begin(), m_state.metrics.end(), [&](const auto& item) { return item.model == model; });
    return found == m_state.metrics.end() ? nullptr : &*found;
}

void RunStore::replace(protocol::RunState state) {
    m_state = std::move(state);
    m_hasRun = true;
    m_timer.stop();
    m_changes = {};
    emit changed(Replaced);
}

void RunStore::clear() {
    m_state = {};
    m_hasRun = false;
    m_timer.stop();
    m_changes = {};
    emit changed(Replaced);
}

bool RunStore::apply(const protocol::RunEvent& event) {
    if (!m_hasRun || event.sequence <= m_state.sequence) return true;
    if (event.sequence > m_state.sequence + 1) return false;
    protocol::applyEvent(m_state, event);
    m_state.sequence = event.sequence;
    touch(changesOf(event));
    return true;
}

void RunStore::setStatus(const std::string& status, const std::string& detail, bool resumable) {
    if (!m_hasRun) return;
    m_state.summary.status = status;
    m_state.summary.detail = detail;
    m_state.summary.resumable = resumable;
    touch(Status);
}

void RunStore::touch(Changes changes) {
    m_changes |= changes;
    if (!m_timer.isActive()) m_timer.start();
}

void RunStore::flush() { emit changed(std::exchange(m_changes, {})); }

}  // namespace safequant::workbench
