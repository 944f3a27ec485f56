// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/terminal_progress.h"

#include <unistd.h>

#include <cmath>
#include <cstdarg>
#include <cstdio>

namespace safequant::cli {
namespace {

constexpr auto kPlainInterval = std::chrono::seconds(5);

[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...) {
    char buffer[256];
    std::va_list values;
    va_start(values, pattern);
    std::vsnprintf(buffer, sizeof buffer, pattern, values);
    va_end(values);
    return buffer;
}

}  // namespace

std::string durationText(double seconds) {
    const auto whole = static_cast<long>(std::lround(std::max(0.0, seconds)));
    if (whole < 60) return std::to_string(whole) + " s";
    if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
    return std::to_string(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
}

std::string sizeText(std::uint64_t bytes) {
    const auto value = static_cast<double>(bytes);
    if (bytes < 1'000'000) return format("%.0f kB", value / 1e3);
    if (bytes < 1'000'000'000) return format("%.0f MB", value / 1e6);
    return format("%.1f GB", value / 1e9);
}

std::string rateText(const Rate& rate) {
    return format("%.1f%% [%.1f, %.1f] of %llu", 100 * rate.value, 100 * rate.wilson.low, 100 * rate.wilson.high,
                  static_cast<unsigned long long>(rate.total));
}

TerminalProgress::TerminalProgress(const std::string& mode)
    : m_json(mode == "json"), m_quiet(mode == "none"), m_terminal(::isatty(STDERR_FILENO) == 1) {}

TerminalProgress::~TerminalProgress() {
    if (m_lineOpen) std::fputc('\n', stderr);
}

void TerminalProgress::line(const std::string& text, bool keep) {
    if (m_terminal) {
        std::fprintf(stderr, "\r\033[K%s", text.c_str());
        if (keep) std::fputc('\n', stderr);
        m_lineOpen = !keep;
    } else {
        std::fprintf(stderr, "%s\n", text.c_str());
    }
    std::fflush(stderr);
}

void TerminalProgress::showStage(const protocol::StageProgress& stage) {
    const auto now = std::chrono::steady_clock::now();
    const bool complete = stage.total > 0 && stage.done == stage.total;
    const bool changed = stage.stage != m_stage;
    if (!m_terminal && !complete && !changed && now - m_lastPlain < kPlainInterval) return;
    m_lastPlain = now;
    m_stage = stage.stage;
    std::string text = format("%-9s %4llu of %llu %s", stage.stage.c_str(), static_cast<unsigned long long>(stage.done),
                              static_cast<unsigned long long>(stage.total), stage.unit.c_str());
    if (stage.runSecondsLeft >= 0 && !complete) text += ", about " + durationText(stage.runSecondsLeft) + " left";
    line(text, complete);
}

void TerminalProgress::show(const protocol::RunEvent& event) {
    const std::scoped_lock lock(m_mutex);
    if (m_quiet) return;
    if (m_json) {
        std::fprintf(stderr, "%s\n", protocol::toJson(event).dump().c_str());
        return;
    }
    if (event.stage) showStage(*event.stage);
    if (event.block) {
        const auto& block = *event.block;
        const auto& probe = block.transferred ? *block.transferred : block.refitted;
        line(format("  block %3d %-9s SLR accuracy %5.1f%% [%.1f, %.1f]  AUC %.3f  hard benign right %5.1f%%", block.block,
                    block.model.c_str(), 100 * probe.accuracy.value, 100 * probe.accuracy.wilson.low,
                    100 * probe.accuracy.wilson.high, probe.auc, 100 * probe.hardBenign.value) +
                 (block.transferred ? "  (base model's probe)" : ""),
             true);
    }
    if (event.control)
        line("  words alone (" + event.control->method + "): accuracy " + rateText(event.control->accuracy) +
                 ", hard benign right " + rateText(event.control->hardBenign),
             true);
    if (event.metrics) {
        const auto& m = *event.metrics;
        line("  " + m.model + ": harmful score " + rateText(m.harmfulScore) + ", refused on benign " + rateText(m.refusedBenign) +
                 ", on hard benign " + rateText(m.refusedHardBenign) + format(", perplexity %.2f", m.perplexity),
             true);
    }
    if (event.type == "note") line("note: " + event.message, true);
    if (event.type == "log") line((event.level == "info" ? "" : event.level + ": ") + event.message, true);
}

void TerminalProgress::showTraining(const nlohmann::json& event) {
    const std::scoped_lock lock(m_mutex);
    if (m_quiet) return;
    if (m_json) {
        std::fprintf(stderr, "%s\n", event.dump().c_str());
        return;
    }
    const std::string type = event["type"];
    if (type == "note") line("note: " + event["message"].get<std::string>(), true);
    if (type == "resumed") line(format("resumed after step %d", event["step"].get<int>()), true);
    if (type != "step" && type != "answers") return;
    const bool step = type == "step";
    const int done = event[step ? "step" : "done"], total = event["of"];
    const auto now = std::chrono::steady_clock::now();
    if (!m_terminal && done < total && now - m_lastPlain < kPlainInterval) return;
    m_lastPlain = now;
    std::string text = format("%-9s %4d of %d", type.c_str(), done, total);
    if (step)
        text += format(", loss %.4f, rate %.2e, ", event["loss"].get<double>(), event["learning_rate"].get<double>()) +
                (done < total ? "about " + durationText(event["seconds_left"]) + " left" : durationText(event["seconds"]));
    line(text, done == total);
}

void TerminalProgress::showDownload(const protocol::HubProgress& download) {
    const std::scoped_lock lock(m_mutex);
    if (m_quiet) return;
    if (m_json) {
        std::fprintf(stderr, "%s\n", protocol::toJson(download).dump().c_str());
        return;
    }
    const auto now = std::chrono::steady_clock::now();
    const bool complete = download.doneBytes == download.totalBytes;
    const std::string stage = complete ? "complete" : download.note.empty() ? download.file : download.note;
    if (complete && stage == m_stage) return;
    if (!m_terminal && stage == m_stage && now - m_lastPlain < kPlainInterval) return;
    m_lastPlain = now;
    m_stage = stage;
    std::string text = format("download  %s of %s", sizeText(download.doneBytes).c_str(), sizeText(download.totalBytes).c_str());
    if (!complete && !download.note.empty()) text += ", " + download.note;
    else if (!complete) {
        if (download.bytesPerSecond > 0.0)
            text += ", " + sizeText(static_cast<std::uint64_t>(download.bytesPerSecond)) + "/s, about " + durationText(download.secondsLeft) + " left";
        text += "  " + download.file;
    }
    line(text, complete);
}

Progress TerminalProgress::task(const std::string& title, const std::string& unit, std::stop_token stop) {
    Progress progress;
    progress.stop = std::move(stop);
    progress.report = [this, title, unit](std::uint64_t done, std::uint64_t total) {
        protocol::RunEvent event;
        event.type = "stage";
        event.stage = protocol::StageProgress{};
        event.stage->stage = title;
        event.stage->unit = unit;
        event.stage->done = done;
        event.stage->total = total;
        show(event);
    };
    return progress;
}

}  // namespace safequant::cli
