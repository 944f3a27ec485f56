// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QProcess>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/engine/protocol/assessment_messages.h"
#include "core/engine/protocol/messages.h"
#include "tests/support/tiny_model.h"

namespace safequant {

using nlohmann::json;

/// A client of the real engine process.
class Client {
public:
    Client() { m_process.start(SAFEQUANT_PROGRAM, {"serve"}); }
    ~Client() {
        m_process.closeWriteChannel();
        if (!m_process.waitForFinished(10000)) m_process.kill(), m_process.waitForFinished();
    }

    void sendRaw(const QByteArray& bytes) {
        m_process.write(bytes);
        m_process.waitForBytesWritten();
    }
    int send(const std::string& method, const json& params) {
        sendRaw(QByteArray::fromStdString(
            protocol::frameMessage({{"jsonrpc", "2.0"}, {"id", ++m_lastId}, {"method", method}, {"params", params}})));
        return m_lastId;
    }
    /// The answer to a request; notifications that come before it are kept.
    json call(const std::string& method, const json& params, int timeout = 60000) {
        const int id = send(method, params);
        QElapsedTimer clock;
        clock.start();
        while (clock.elapsed() < timeout) {
            const json message = receive(200);
            if (message.is_null()) continue;
            if (message.contains("id") && message["id"] == id) return message;
            notifications.push_back(message);
        }
        return nullptr;
    }
    /// The next message, null when none comes in time.
    json receive(int timeout) {
        QElapsedTimer clock;
        clock.start();
        while (true) {
            auto next = m_reader.next();
            if (next && *next) return **next;
            if (clock.elapsed() >= timeout) return nullptr;
            m_process.waitForReadyRead(20);
            const auto bytes = m_process.readAllStandardOutput();
            m_reader.feed(std::string_view(bytes.constData(), static_cast<std::size_t>(bytes.size())));
        }
    }
    /// A notification that came before, else the next message; null when none comes soon.
    json next() {
        if (notifications.empty()) return receive(200);
        json message = notifications.front();
        notifications.erase(notifications.begin());
        return message;
    }
    /// Events of a run until the one that ends it.
    std::vector<protocol::RunEvent> eventsUntilEnd(int timeout = 120000) {
        std::vector<protocol::RunEvent> events;
        QElapsedTimer clock;
        clock.start();
        while (clock.elapsed() < timeout) {
            const json message = next();
            if (message.is_null() || message.value("method", "") != "run/event") continue;
            auto event = protocol::parseMessage<protocol::RunEvent>(message["params"]["event"]);
            if (!event) continue;
            events.push_back(*event);
            if (event->type == "finished") return events;
        }
        return events;
    }
    /// States of an assessment until one that `wanted` holds for; empty when none comes.
    std::vector<protocol::AssessmentState> assessmentUntil(const std::function<bool(const protocol::AssessmentState&)>& wanted, int timeout = 120000) {
        std::vector<protocol::AssessmentState> states;
        QElapsedTimer clock;
        clock.start();
        while (clock.elapsed() < timeout) {
            const json message = next();
            if (message.is_null() || message.value("method", "") != "assessment/changed") continue;
            const auto state = protocol::parseMessage<protocol::AssessmentState>(message["params"]);
            if (!state) continue;
            states.push_back(*state);
            if (wanted(*state)) return states;
        }
        return {};
    }
    /// The params of the notification that ends a ticket; those of the other method before it are kept.
    json ticketEnd(const std::string& finished, int ticket, const std::string& method, std::vector<json>& before, int timeout = 60000) {
        QElapsedTimer clock;
        clock.start();
        while (clock.elapsed() < timeout) {
            const json message = next();
            if (message.is_null() || !message.contains("params") || message["params"].value("ticket", 0) != ticket) continue;
            if (message.value("method", "") == method) before.push_back(message["params"]);
            if (message.value("method", "") == finished) return message["params"];
        }
        return nullptr;
    }
    /// The params of the notification that ends an embedding; frames before it are counted.
    json embeddingEnd(int ticket, int& frames) {
        std::vector<json> seen;
        json end = ticketEnd("projection/finished", ticket, "projection/frame", seen);
        frames += static_cast<int>(seen.size());
        return end;
    }
    QProcess& process() { return m_process; }

    std::vector<json> notifications;

private:
    QProcess m_process;
    protocol::FrameReader m_reader;
    int m_lastId = 0;
};

/// A tiny model, a larger one beside it ("MODEL-large"), whose runs take a while, and prompts.
inline void writeEngineInputs(const std::string& model, const std::string& prompts) {
    testing::writeTinyModel(model);
    testing::TinyModelOptions large;
    large.hidden = 256;
    large.intermediate = 768;
    large.blocks = 24;
    testing::writeTinyModel(model + "-large", large);
    testing::writeTinyPrompts(prompts, 24);
}

/// A short run on them.
inline json tinyEngineSpec(const std::string& model, const std::string& prompts) {
    return {{"format", "safequant-run-spec"}, {"format_version", 1}, {"name", "engine test"},
            {"checkpoint", model}, {"prompts", {prompts}},
            {"quantization", {{"default", {{"weight_bits", 4}, {"group_size", 32}}}}},
            {"evaluation", {{"malicious", 3}, {"benign", 2}, {"hard_benign", 1}, {"max_new_tokens", 4}, {"perplexity_tokens", 256}}}};
}

}  // namespace safequant
