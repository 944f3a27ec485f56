// SPDX-License-Identifier: GPL-3.0-or-later
#include <signal.h>

#include <QCryptographicHash>
#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include "core/base/files.h"
#include "core/engine/protocol/analysis_messages.h"
#include "core/engine/protocol/file_messages.h"
#include "core/engine/protocol/messages.h"
#include "core/engine/protocol/prompt_messages.h"
#include "core/engine/protocol/results_messages.h"
#include "core/engine/protocol/whatif_messages.h"
#include "core/run/manifest.h"
#include "core/run/run_lock.h"
#include "engine_client.h"
#include "tests/support/tiny_model.h"

using namespace safequant;
using nlohmann::json;

class TestEngine : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    std::string m_model, m_prompts, m_workspace;

    json spec(int blocksModel = 0) const { return tinyEngineSpec(blocksModel == 0 ? m_model : m_model + "-large", m_prompts); }

private slots:
    void initTestCase() {
        m_model = m_folder.filePath("model").toStdString();
        m_prompts = m_folder.filePath("prompts.jsonl").toStdString();
        m_workspace = m_folder.filePath("workspace").toStdString();
        writeEngineInputs(m_model, m_prompts);
    }

    void introducesItself() {
        Client client;
        const auto answer = client.call("initialize", {{"client", "test"}, {"protocol_version", protocol::kProtocolVersion}});
        const auto info = protocol::parseMessage<protocol::EngineIntroduction>(answer.at("result"));
        QVERIFY(info.has_value());
        QCOMPARE(info->pid, client.process().processId());
        QVERIFY(info->threads > 0 && info->memoryBytes > 0);
        QVERIFY(!info->host.empty() && info->home.starts_with('/') && info->cacheFolder.starts_with('/') && info->workspace.ends_with("/workspace"));
        QCOMPARE(info->methods.front().id, std::string("rtn"));
        QVERIFY(std::any_of(info->methods.begin(), info->methods.end(), [](const auto& method) { return method.id == "q-realign" && method.realigns; }));
    }

    void listsFolders() {
        QTemporaryDir folder;
        QDir(folder.path()).mkpath("b folder");
        QDir(folder.path()).mkpath(".hidden");
        for (const char* name : {"a.gguf", "C.GGUF", "notes.txt", ".dot.gguf"}) {
            QFile file(folder.filePath(name));
            QVERIFY(file.open(QIODevice::WriteOnly) && file.write("12345") == 5);
        }
        QVERIFY(QFile::link(folder.filePath("b folder"), folder.filePath("z link")) && QFile::link("/no/such/thing", folder.filePath("dead.gguf")));
        Client client;
        const auto names = [&](const json& params) {
            QStringList list;
            const auto listing = protocol::parseMessage<protocol::FolderListing>(client.call("files/list", params).at("result"));
            for (const auto& entry : listing->entries) list.append(QString::fromStdString(entry.name) + (entry.folder ? "/" : ""));
            return list;
        };
        const std::string path = folder.path().toStdString();
        QCOMPARE(names({{"folder", path}}), (QStringList{"b folder/", "z link/", "C.GGUF", "a.gguf", "notes.txt"}));
        QCOMPARE(names({{"folder", path}, {"endings", {".gguf"}}}), (QStringList{"b folder/", "z link/", "C.GGUF", "a.gguf"}));
        QCOMPARE(names({{"folder", path}, {"endings", {".gguf"}}, {"hidden", true}}), (QStringList{".hidden/", "b folder/", "z link/", ".dot.gguf", "C.GGUF", "a.gguf"}));
        const auto listing = protocol::parseMessage<protocol::FolderListing>(client.call("files/list", {{"folder", path + "/b folder/.."}}).at("result"));
        QCOMPARE(listing->folder, path);
        QCOMPARE(listing->parent, QFileInfo(folder.path()).path().toStdString());
        QCOMPARE(listing->entries[2].bytes, std::uint64_t{5});
        QVERIFY(std::abs(listing->entries[2].modified - static_cast<double>(QDateTime::currentSecsSinceEpoch())) < 60.0);
        const auto home = protocol::parseMessage<protocol::FolderListing>(client.call("files/list", {{"folder", "~"}}).at("result"));
        QCOMPARE(home->folder, QDir::cleanPath(qEnvironmentVariable("HOME")).toStdString());
        const auto root = protocol::parseMessage<protocol::FolderListing>(client.call("files/list", {{"folder", "/"}}).at("result"));
        QVERIFY(root->folder == "/" && root->parent.empty() && !root->entries.empty());
        const auto kind = [&](const json& params) { return client.call("files/list", params).at("error").at("data").at("kind").get<std::string>(); };
        QCOMPARE(kind({{"folder", path + "/nowhere"}}), std::string("not_found"));
        QCOMPARE(kind({{"folder", path + "/a.gguf"}}), std::string("bad_input"));
        QCOMPARE(kind({{"folder", 7}}), std::string("bad_input"));
        QCOMPARE(kind({{"folder", path}, {"endings", ".gguf"}}), std::string("bad_input"));
    }

    void takesFilesInPieces() {
        const QByteArray content = QByteArray("prompt\n").repeated(1000);
        const std::string digest = QCryptographicHash::hash(content, QCryptographicHash::Sha256).toHex().toStdString();
        const std::string workspace = m_folder.filePath("uploaded").toStdString();
        const auto params = [&](std::int64_t offset, const QByteArray& piece) {
            return json{{"workspace", workspace}, {"name", "mine.txt"}, {"sha256", digest}, {"bytes", content.size()}, {"offset", offset},
                        {"data", piece.toBase64().toStdString()}};
        };
        const auto state = [](const json& answer) { return *protocol::parseMessage<protocol::UploadState>(answer.at("result")); };
        const auto kind = [](const json& answer) { return answer.at("error").at("data").at("kind").get<std::string>(); };
        {
            Client client;
            QCOMPARE(state(client.call("files/upload", params(0, {}))).received, std::uint64_t{0});
            QCOMPARE(state(client.call("files/upload", params(0, content.left(3000)))).received, std::uint64_t{3000});
            QCOMPARE(kind(client.call("files/upload", params(2000, content.mid(2000, 10)))), std::string("bad_input"));
            QCOMPARE(kind(client.call("files/upload", params(3000, content))), std::string("bad_input"));
        }
        // Another engine goes on where the connection broke off.
        Client client;
        QCOMPARE(state(client.call("files/upload", params(0, {}))).received, std::uint64_t{3000});
        const auto done = state(client.call("files/upload", params(3000, content.mid(3000))));
        QCOMPARE(done.path, workspace + "/uploads/" + digest.substr(0, 12) + "/mine.txt");
        QFile file(QString::fromStdString(done.path));
        QVERIFY(file.open(QIODevice::ReadOnly));
        QCOMPARE(file.readAll(), content);
        QCOMPARE(QDir(QFileInfo(file).path()).entryList(QDir::Files), QStringList{"mine.txt"});
        QCOMPARE(state(client.call("files/upload", params(0, {}))).path, done.path);

        auto other = params(0, QByteArray(content.size(), 'x'));
        other["name"] = "other.txt";
        QCOMPARE(kind(client.call("files/upload", other)), std::string("mismatch"));
        QVERIFY(!QFile::exists(QString::fromStdString(workspace + "/uploads/" + digest.substr(0, 12) + "/other.txt")));
        other["data"] = "";
        QCOMPARE(state(client.call("files/upload", other)).received, std::uint64_t{0});
        for (const char* name : {"", ".", "..", "../out.txt", "a/b.txt", "line\nbreak"}) {
            other["name"] = name;
            QCOMPARE(kind(client.call("files/upload", other)), std::string("bad_input"));
        }
        other["name"] = "other.txt";
        for (const auto& [field, value] : {std::pair<const char*, json>("sha256", "../../../../etc"), std::pair<const char*, json>("bytes", std::uint64_t{1} << 40),
                                           std::pair<const char*, json>("data", "no base 64")}) {
            auto wrong = other;
            wrong[field] = value;
            QVERIFY2(client.call("files/upload", wrong).contains("error"), field);
        }
    }

    void refusesAnotherVersion() {
        Client client;
        const auto answer = client.call("initialize", {{"client", "test"}, {"protocol_version", 999}});
        QCOMPARE(answer.at("error").at("code").get<int>(), -32001);
        QVERIFY(answer.at("error").at("message").get<std::string>().find("999") != std::string::npos);
    }

    void faultyRequestsAreErrorsAndServiceGoesOn() {
        Client client;
        QCOMPARE(client.call("no/such", json::object()).at("error").at("code").get<int>(), -32601);
        QCOMPARE(client.call("checkpoint/open", json::array()).at("error").at("code").get<int>(), -32602);
        QVERIFY(client.call("checkpoint/open", {{"path", 7}}).contains("error"));
        const auto missing = client.call("checkpoint/open", {{"path", "/no/such/model"}});
        QCOMPARE(missing.at("error").at("data").at("kind").get<std::string>(), std::string("not_found"));
        QVERIFY(client.call("run/open", {{"folder", "/no/such/run"}}).contains("error"));
        QVERIFY(client.call("run/cancel", {{"folder", "/no/such/run"}}).contains("error"));
        QVERIFY(client.call("run/start", {{"spec", {{"chekpoint", "x"}}}, {"workspace", m_workspace}}).contains("error"));
        QVERIFY(client.call("checkpoint/open", {{"path", m_model}}).contains("result"));
    }

    void brokenFramingEndsTheServiceWithAnError() {
        Client client;
        client.sendRaw("Content-Length: none\r\n\r\n{}");
        const auto answer = client.receive(10000);
        QCOMPARE(answer.at("error").at("code").get<int>(), -32700);
        QVERIFY(client.process().waitForFinished(10000));
        QCOMPARE(client.process().exitCode(), 3);
    }

    void previewsTheCalibrationSample() {
        Client client;
        const auto ask = [&](double fraction) {
            return client.call("prompts/sample", {{"files", {m_prompts}}, {"seed", 3}, {"mix", {{"malicious_fraction", fraction}}}});
        };
        const auto half = protocol::parseMessage<protocol::CalibrationPreview>(ask(0.5).at("result"));
        QCOMPARE(half->malicious, half->benign);
        const auto quarter = protocol::parseMessage<protocol::CalibrationPreview>(ask(0.25).at("result"));
        QCOMPARE(quarter->malicious * 3, quarter->benign);
    }

    void reportsOnPrompts() {
        Client client;
        const auto answer = client.call("prompts/report", {{"files", {m_prompts}}, {"seed", 3}, {"checkpoint", m_model}, {"max_new_tokens", 4}});
        QVERIFY2(answer.contains("result"), answer.dump().c_str());
        const auto report = protocol::parseMessage<protocol::PromptReport>(answer.at("result"));
        QVERIFY(report.has_value());
        QVERIFY(report->usable);
        QCOMPARE(report->prompts, std::uint64_t{108});
        QCOMPARE(report->lengths[0].tokens.count, std::uint64_t{48});
        QVERIFY(report->context > 0);
        const auto broken = client.call("prompts/report", {{"files", {{{"file", "/no/such.csv"}, {"label", "benign"}}}}});
        QVERIFY(broken.contains("result"));
        QVERIFY(!broken.at("result").at("usable").get<bool>());
        QVERIFY(client.call("prompts/report", {{"files", {{{"file", "x"}, {"label", "evil"}}}}}).contains("error"));
        QVERIFY(client.call("prompts/report", {{"files", json::array()}}).contains("error"));
        const auto preview = client.call("prompts/preview", {{"file", m_prompts}});
        QCOMPARE(preview.at("result").at("rows").size(), std::size_t{20});
        QVERIFY(client.call("prompts/preview", {{"file", 7}}).contains("error"));
        for (int again = 0; again < 2; ++again) {
            const auto tokens = protocol::parseMessage<protocol::PromptReading>(
                client.call("prompts/tokens", {{"checkpoint", m_model}, {"text", "A prompt"}}).at("result"));
            QVERIFY(tokens && tokens->first < tokens->end && tokens->end <= static_cast<int>(tokens->tokens.size()));
        }
        QVERIFY(client.call("prompts/tokens", {{"checkpoint", "/no/such.gguf"}, {"text", "A prompt"}}).contains("error"));
        QVERIFY(client.call("prompts/validate", {{"files", {{{"file", m_prompts}, {"label", "benign"}}}}, {"split", {{"again", true}}}}).contains("result"));
    }

private:
    /// Embeddings of a finished run: moving, the same again, cancelled, replaced, and refused with what to do.
    void embedsTogether(Client& client, const std::string& folder) {
        int ticket = 0;
        const auto embed = [&](const json& settings) {
            ++ticket;
            return client.call("projection/embed", {{"folder", folder}, {"block", 1}, {"ticket", ticket}, {"settings", settings}});
        };
        const json quick{{"kind", "tsne"}, {"perplexity", 2.0}};
        for (const auto& settings : {quick, json{{"kind", "umap"}, {"neighbours", 4}, {"min_distance", 0.2}, {"seed", 3}}}) {
            json ends[2];
            for (auto& end : ends) {
                int frames = 0;
                QVERIFY(embed(settings).contains("result"));
                end = client.embeddingEnd(ticket, frames);
                QVERIFY2(end.contains("result"), end.dump().c_str());
                QVERIFY(frames > 0);
            }
            QVERIFY(ends[0]["result"] == ends[1]["result"]);
            const auto result = protocol::parseMessage<protocol::ProjectionResult>(ends[0]["result"]);
            QCOMPARE(result->kind, settings["kind"].get<std::string>());
            QCOMPARE(result->base.shape.at(0), static_cast<std::int64_t>(result->prompts.size()));
            QCOMPARE(result->quantized.shape, result->base.shape);
            QCOMPARE(result->logitsBase.size(), result->prompts.size());
            QVERIFY(std::isnan(result->boundary));
        }
        int frames = 0;
        QVERIFY(embed(quick).contains("result"));
        QVERIFY(client.call("projection/cancel", {{"ticket", ticket}}).contains("result"));
        const auto cancelled = client.embeddingEnd(ticket, frames);
        QVERIFY2(cancelled.contains("error") || cancelled.contains("result"), cancelled.dump().c_str());
        // A cancel that overtakes its embedding.
        QVERIFY(client.call("projection/cancel", {{"ticket", ticket + 1}}).contains("result"));
        QCOMPARE(embed(quick)["error"]["data"]["kind"].get<std::string>(), std::string("cancelled"));
        for (const auto& [settings, told] : {std::pair{json{{"kind", "isomap"}}, "isomap"},
                                             {json{{"kind", "tsne"}, {"perplexity", 1e6}}, "Choose at most"},
                                             {json{{"kind", "tsne"}, {"perplexity", 0.5}}, "1 or more"},
                                             {json{{"kind", "umap"}, {"neighbours", 1}}, "2 or more"},
                                             {json{{"kind", "umap"}, {"neighbours", 100000}}, "Choose at most"},
                                             {json{{"kind", "umap"}, {"min_distance", 7}}, "0 to 1"}}) {
            QVERIFY(embed(settings).contains("result"));
            const auto end = client.embeddingEnd(ticket, frames);
            QVERIFY2(end.contains("error") && end["error"].dump().find(told) != std::string::npos, end.dump().c_str());
        }
        QVERIFY(client.call("projection/embed", {{"folder", folder}, {"block", 1}}).contains("error"));
    }

    /// What lies behind a finished run's numbers, and inputs of its linears: told block by block, cancelled, refused.
    void looksBehindTheNumbers(Client& client, const std::string& folder) {
        const auto ask = [&](const char* method, json params) {
            params["folder"] = folder;
            return client.call(method, params);
        };
        const auto weights = protocol::parseMessage<protocol::ProbeWeights>(ask("analysis/probe", {{"model", "base"}, {"block", 1}}).at("result"));
        QVERIFY(weights && weights->hidden == 64 && weights->malicious > 0);
        const auto similarity = protocol::parseMessage<protocol::ProbeSimilarity>(ask("analysis/probe-similarity", {{"model", "quantized"}}).at("result"));
        QCOMPARE(similarity->cosines.values.size(), std::size_t{9});
        const auto transfer = protocol::parseMessage<protocol::ProbeTransfer>(ask("analysis/transfer", {{"model", "quantized"}}).at("result"));
        QCOMPARE(transfer->correct.size(), std::size_t{9});
        const auto calibration = protocol::parseMessage<protocol::BlockCalibrationResult>(ask("analysis/calibration", {{"block", 1}, {"bins", 5}}).at("result"));
        QCOMPARE(calibration->probes.size(), std::size_t{3});
        const auto linear = protocol::parseMessage<protocol::LinearWeightsResult>(ask("analysis/weights", {{"linear", "model.layers.1.mlp.down_proj"}}).at("result"));
        QVERIFY(linear && linear->quantized && !linear->codes.empty());
        QVERIFY(ask("analysis/probe", {{"model", "base"}}).contains("error"));
        QVERIFY(ask("analysis/weights", {{"linear", "no.such"}}).at("error").at("message").get<std::string>().find("no.such") != std::string::npos);

        client.notifications.clear();
        const auto ended = [&](int ticket, int& blocks) -> json {
            QElapsedTimer clock;
            clock.start();
            while (clock.elapsed() < 60000) {
                const json message = client.next();
                if (message.is_null() || !message.contains("params") || message["params"].value("ticket", 0) != ticket) continue;
                if (message.value("method", "") == "analysis/block-inputs") ++blocks;
                if (message.value("method", "") == "analysis/inputs-finished") return message["params"];
            }
            return nullptr;
        };
        int blocks = 0;
        QVERIFY(ask("analysis/inputs", {{"model", "base"}, {"tokens", 300}, {"ticket", 1}}).contains("result"));
        const auto whole = ended(1, blocks);
        QVERIFY2(!whole.is_null() && !whole.contains("error"), whole.dump().c_str());
        QCOMPARE(blocks, 3);
        QVERIFY(client.call("analysis/cancel-inputs", {{"ticket", 2}}).contains("result"));
        QCOMPARE(ask("analysis/inputs", {{"model", "base"}, {"tokens", 300}, {"ticket", 2}})["error"]["data"]["kind"].get<std::string>(), std::string("cancelled"));
        QVERIFY(ask("analysis/inputs", {{"model", "base"}, {"tokens", 1}, {"ticket", 3}}).contains("result"));
        const auto refused = ended(3, blocks);
        QVERIFY2(refused.contains("error") && refused["error"].dump().find("64 to 65536") != std::string::npos, refused.dump().c_str());
    }

    /// Schemes tried on blocks of a finished run: quick and refined, replaced by a newer one, cancelled, and refused.
    void triesOut(Client& client, const std::string& folder) {
        int ticket = 0;
        std::vector<json> results;
        const auto ask = [&](int block, const json& quantization) {
            ++ticket;
            return client.call("whatif/block", {{"folder", folder}, {"block", block}, {"ticket", ticket}, {"quantization", quantization}});
        };
        const auto end = [&] {
            results.clear();
            return client.ticketEnd("whatif/finished", ticket, "whatif/result", results);
        };
        const json scheme{{"default", {{"weight_bits", 3}, {"group_size", 32}}}};
        QVERIFY(ask(2, scheme).contains("result"));
        const json done = end();
        QVERIFY2(!done.contains("error"), done.dump().c_str());
        QCOMPARE(results.size(), std::size_t{2});
        const auto quick = protocol::parseMessage<protocol::WhatIfResult>(results[0]["result"]);
        const auto refined = protocol::parseMessage<protocol::WhatIfResult>(results[1]["result"]);
        QVERIFY(quick && !quick->refined && refined && refined->refined && refined->own);
        QCOMPARE(quick->block, 2);
        QCOMPARE(quick->scheme, std::string("W3A16 g32 asymmetric"));
        QCOMPARE(quick->linears.size(), std::size_t{7});
        const auto shown = protocol::parseMessage<protocol::ProjectionResult>(
            client.call("run/projection", {{"folder", folder}, {"block", 2}, {"kind", "lda"}}).at("result"));
        QCOMPARE(quick->lda.shape, shown->base.shape);
        QCOMPARE(quick->logits.size(), shown->prompts.size());

        // The newest wins.
        const int first = client.send("whatif/block", {{"folder", folder}, {"block", 1}, {"ticket", ++ticket}, {"quantization", scheme}});
        QVERIFY(first > 0);
        QVERIFY(ask(0, scheme).contains("result"));
        QVERIFY(!end().contains("error"));
        QCOMPARE(results.back()["result"]["block"].get<int>(), 0);
        // A cancel that overtakes its question.
        QVERIFY(client.call("whatif/cancel", {{"ticket", ticket + 1}}).contains("result"));
        QCOMPARE(ask(0, scheme)["error"]["data"]["kind"].get<std::string>(), std::string("cancelled"));
        for (const auto& [block, quantization, told] : {std::tuple{9, scheme, "not captured"},
                                                        {0, json{{"method", "awq"}}, "needs a run"},
                                                        {0, json{{"default", {{"weight_bits", 12}}}}, "weight_bits"},
                                                        {0, json{{"rules", {{{"pattern", "none"}}}}}, "found in no linear"}}) {
            QVERIFY(ask(block, quantization).contains("result"));
            const json refused = end();
            QVERIFY2(refused.contains("error") && refused["error"].dump().find(told) != std::string::npos, refused.dump().c_str());
        }
        QVERIFY(client.call("whatif/block", {{"folder", folder}, {"block", 1}}).contains("error"));
    }

private slots:
    void followsARunToItsEnd() {
        Client client;
        const auto answer = client.call("run/start", {{"spec", spec()}, {"workspace", m_workspace}});
        QVERIFY2(answer.contains("result"), answer.dump().c_str());
        const auto folder = answer.at("result").at("folder").get<std::string>();
        const auto events = client.eventsUntilEnd();
        QVERIFY(!events.empty());
        QCOMPARE(events.back().status, std::string("finished"));
        int blocks = 0;
        std::uint64_t sequence = 0;
        for (const auto& event : events) {
            blocks += event.block ? 1 : 0;
            QCOMPARE(event.sequence, ++sequence);
        }
        QCOMPARE(blocks, 6);
        const auto state = protocol::parseMessage<protocol::RunState>(client.call("run/open", {{"folder", folder}}).at("result"));
        QCOMPARE(state->summary.status, std::string("finished"));
        QCOMPARE(state->blocks.size(), std::size_t{6});
        for (const char* kind : {"probe", "lda", "pca"}) {
            const auto shown = protocol::parseMessage<protocol::ProjectionResult>(
                client.call("run/projection", {{"folder", folder}, {"block", 1}, {"kind", kind}}).at("result"));
            QCOMPARE(shown->base.shape.at(0), static_cast<std::int64_t>(shown->prompts.size()));
            QCOMPARE(shown->quantized.shape, shown->base.shape);
        }
        embedsTogether(client, folder);
        looksBehindTheNumbers(client, folder);
        triesOut(client, folder);
        const auto answers = client.call("run/answers", {{"folder", folder}, {"prompts", {state->answers.front().prompt}}});
        QCOMPARE(answers.at("result").size(), std::size_t{2});
        QCOMPARE(client.call("run/list", {{"workspace", m_workspace}}).at("result").size(), std::size_t{1});
        const auto results = client.call("run/results", {{"workspace", m_workspace}}).at("result");
        QCOMPARE(results.size(), std::size_t{1});
        const auto measured = protocol::parseMessage<protocol::RunResults>(results[0]);
        QVERIFY(measured && measured->metrics.size() == 2 && measured->method == "Round to nearest" && measured->quantizeSeconds > 0.0);
        QVERIFY(measured->baseBytes > 0.0 && measured->quantizedBytes > 0.0);
        const auto compared = protocol::parseMessage<protocol::ComparisonTable>(client.call("run/compare", {{"folders", {folder}}}).at("result"));
        QVERIFY(compared && !compared->rows.empty());
        QVERIFY(compared->rows[0].first.ends_with(", base") && compared->rows[0].second.ends_with(", quantized"));
        QVERIFY(client.call("run/compare", {{"folders", {m_workspace}}}).contains("error"));

        const auto target = m_folder.filePath("export").toStdString();
        QVERIFY(client.call("export/preflight", {{"folder", folder}, {"target", target}}).at("result").at("possible").get<bool>());
        const json unknown{{"folder", folder}, {"target", target}, {"format", "ggfu"}};
        QVERIFY(client.call("export/preflight", unknown).at("error").at("message").get<std::string>().find("gguf") != std::string::npos);
        const json other{{"folder", folder}, {"target", target}, {"format", "gguf"}};
        const auto report = client.call("export/preflight", other).at("result");
        QVERIFY2(report.at("possible").get<bool>() && report.at("format").get<std::string>() == "gguf", report.dump().c_str());
        client.notifications.clear();
        QVERIFY(client.call("export/start", {{"folder", folder}, {"target", target}}).contains("result"));
        QElapsedTimer clock;
        clock.start();
        json finished;
        while (finished.is_null() && clock.elapsed() < 60000) {
            const json message = client.next();
            if (!message.is_null() && message.value("method", "") == "export/finished") finished = message["params"];
        }
        QVERIFY2(finished.contains("result"), finished.dump().c_str());
        QVERIFY(QFile::exists(QString::fromStdString(target) + "/config.json"));
    }

    void stopsAndResumesARun() {
        Client client;
        const auto answer = client.call("run/start", {{"spec", spec(1)}, {"workspace", m_folder.filePath("w2").toStdString()}});
        const auto folder = answer.at("result").at("folder").get<std::string>();
        QElapsedTimer clock;
        clock.start();
        bool block = false;
        while (!block && clock.elapsed() < 60000) {
            const auto message = client.receive(200);
            block = !message.is_null() && message.value("method", "") == "run/event" && message["params"]["event"].value("type", "") == "block";
        }
        QVERIFY(block);
        QVERIFY(client.call("run/cancel", {{"folder", folder}}).contains("result"));
        auto events = client.eventsUntilEnd();
        QCOMPARE(events.back().status, std::string("stopped"));
        QVERIFY(client.call("run/resume", {{"folder", folder}}).contains("result"));
        events = client.eventsUntilEnd();
        QCOMPARE(events.back().status, std::string("finished"));
    }

    /// Between the manifest's last state and the process's end lie the last event and the lock.
    void aRunThatIsEndingIsNeitherInterruptedNorResumedTooEarly() {
        Client first, client;
        const auto folder = first.call("run/start", {{"spec", spec()}, {"workspace", m_folder.filePath("w4").toStdString()}})
                                .at("result").at("folder").get<std::string>();
        QCOMPARE(first.eventsUntilEnd().back().status, std::string("finished"));
        QElapsedTimer clock;
        clock.start();
        while (runOwner(folder) && clock.elapsed() < 10000) QTest::qWait(5);
        const auto setStatus = [&](const char* status) {
            auto manifest = Manifest::read(folder).value();
            manifest.json()["status"] = status;
            QVERIFY(manifest.save().has_value());
        };
        const auto events = readTextFile(folder + "/events.jsonl").value();
        const auto last = events.rfind('\n', events.size() - 2) + 1;
        QVERIFY(writeFileAtomically(folder + "/events.jsonl", events.substr(0, last)).has_value());
        {
            const auto lock = RunLock::acquire(folder);
            QVERIFY(lock.has_value());
            setStatus("running");
            const auto state = protocol::parseMessage<protocol::RunState>(client.call("run/open", {{"folder", folder}}).at("result"));
            QCOMPARE(state->summary.status, std::string("running"));
            setStatus("finished");
            QVERIFY(client.receive(300).is_null());
            QVERIFY(writeFileAtomically(folder + "/events.jsonl", events).has_value());
        }
        const auto ended = client.eventsUntilEnd();
        QCOMPARE(ended.size(), std::size_t{1});
        QCOMPARE(ended.back().status, std::string("finished"));
        {
            const auto lock = RunLock::acquire(folder);
            setStatus("stopped");
            client.send("run/resume", {{"folder", folder}});
            QVERIFY(client.receive(300).is_null());
        }
        QCOMPARE(client.eventsUntilEnd().back().status, std::string("finished"));
    }

    void aRunOutlivesTheEngineAndIsFoundAgain() {
        std::string folder;
        {
            Client client;
            const auto answer = client.call("run/start", {{"spec", spec(1)}, {"workspace", m_folder.filePath("w3").toStdString()}});
            folder = answer.at("result").at("folder").get<std::string>();
            QElapsedTimer clock;
            clock.start();
            bool begun = false;
            while (!begun && clock.elapsed() < 60000) {
                const auto message = client.receive(200);
                begun = !message.is_null() && message.value("method", "") == "run/event";
            }
            QVERIFY(begun);
            ::kill(static_cast<pid_t>(client.process().processId()), SIGKILL);
            QVERIFY(client.process().waitForFinished(10000));
        }
        Client again;
        const auto state = protocol::parseMessage<protocol::RunState>(again.call("run/open", {{"folder", folder}}).at("result"));
        QCOMPARE(state->summary.status, std::string("running"));
        const auto events = again.eventsUntilEnd();
        QVERIFY(!events.empty());
        QCOMPARE(events.back().status, std::string("finished"));
        QCOMPARE(events.front().sequence, state->sequence + 1);
    }
};

QTEST_GUILESS_MAIN(TestEngine)
#include "test_engine.moc"
