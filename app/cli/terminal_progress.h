// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "core/base/progress.h"
#include "core/engine/protocol/hub_messages.h"
#include "core/engine/protocol/messages.h"

namespace safequant::cli {

/// Shows the events of a run on stderr: one living line on a terminal, a line now and then elsewhere, or JSON lines.
class TerminalProgress {
public:
    /// `mode` is "auto", "json" or "none".
    explicit TerminalProgress(const std::string& mode);
    ~TerminalProgress();

    void show(const protocol::RunEvent& event);
    /// An event of a fine-tuning.
    void showTraining(const nlohmann::json& event);
    /// How a download from the Hub goes.
    void showDownload(const protocol::HubProgress& download);
    /// A Progress that shows under a title.
    Progress task(const std::string& title, const std::string& unit, std::stop_token stop);

private:
    void line(const std::string& text, bool keep);
    void showStage(const protocol::StageProgress& stage);

    std::mutex m_mutex;
    bool m_json;
    bool m_quiet;
    bool m_terminal;
    bool m_lineOpen = false;
    std::string m_stage;
    std::chrono::steady_clock::time_point m_lastPlain{};
};

/// "3 min 20 s", "45 s", "2 h 5 min".
std::string durationText(double seconds);
/// "96 MB", "1.4 GB".
std::string sizeText(std::uint64_t bytes);
/// "95.2% [91.4, 97.4] of 260".
std::string rateText(const Rate& rate);

}  // namespace safequant::cli
