// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDir>
#include <QFile>
#include <QtTest>
#include <cmath>

#include "core/activations/store.h"
#include "core/base/files.h"
#include "core/run/event_log.h"
#include "core/run/manifest.h"
#include "core/run/run_folder.h"
#include "core/run/run_lock.h"
#include "tiny_run.h"

using namespace safequant;
using nlohmann::json;

namespace {

void append(const std::string& path, const QByteArray& bytes) {
    QFile file(QString::fromStdString(path));
    QVERIFY(file.open(QIODevice::Append));
    file.write(bytes);
}

void replaceAll(const std::string& path, const QByteArray& bytes) {
    QFile file(QString::fromStdString(path));
    QVERIFY(file.open(QIODevice::WriteOnly | QIODevice::Truncate));
    file.write(bytes);
}

std::vector<protocol::RunEvent> eventsOf(const std::string& folder) {
    std::vector<protocol::RunEvent> events;
    const auto lines = readJsonLines(folder + "/events.jsonl");
    for (const auto& line : *lines) events.push_back(*protocol::parseMessage<protocol::RunEvent>(line));
    return events;
}

}  // namespace

class TestRunPipeline : public QObject {
    Q_OBJECT

    tiny::Workspaces m_places;
    std::string m_whole;  ///< An unbroken, finished run with every stage.
    json m_hashes;

    /// Runs until the given number of events of a type have come, then asks for a stop.
    void runUntil(const std::string& folder, const std::string& type, int count) {
        std::stop_source stop;
        int seen = 0;
        (void)executeRun(
            folder,
            [&](const protocol::RunEvent& event) {
                if (event.type == type && ++seen == count) stop.request_stop();
            },
            stop.get_token());
    }
    void compare(const std::string& folder) {
        const auto hashes = resultHashes(folder);
        QVERIFY(hashes.has_value());
        QCOMPARE(QString::fromStdString(hashes->dump(1)), QString::fromStdString(m_hashes.dump(1)));
    }

private slots:
    void initTestCase() {
        m_places.prepare();
        const auto place = m_places.next();
        m_whole = tiny::makeRun(place, m_places.spec());
        tiny::finishRun(m_whole);
        m_hashes = *resultHashes(m_whole);
    }

    void aWholeRunLeavesEverything() {
        const auto state = readRunState(m_whole);
        QVERIFY2(state.has_value(), state ? "" : state.error().describe().c_str());
        QCOMPARE(state->summary.status, std::string("finished"));
        QVERIFY(!state->summary.resumable);
        QCOMPARE(state->summary.scheme, std::string("W4A16 g16 asymmetric"));
        QCOMPARE(state->blocks.size(), std::size_t{8});
        QCOMPARE(state->metrics.size(), std::size_t{2});
        QCOMPARE(state->answers.size(), std::size_t{36});
        QCOMPARE(state->prompts.size(), std::size_t{112});
        QVERIFY(state->control.has_value());
        QCOMPARE(state->stages.size(), std::size_t{4});
        for (const auto& stage : state->stages) {
            QCOMPARE(stage.done, stage.total);
            QVERIFY(stage.total > 0);
            QCOMPARE(stage.secondsLeft, 0.0);
        }
        for (const auto& block : state->blocks) {
            QCOMPARE(block.refitted.accuracy.total, std::uint64_t{48});
            QCOMPARE(block.refitted.hardBenign.total, std::uint64_t{8});
            if (block.model == "base") {
                QVERIFY(!block.transferred && block.linears.empty());
                QCOMPARE(block.streamRelativeError, -1.0);
            } else {
                QVERIFY(block.transferred && block.transferredWithHard);
                QVERIFY(block.streamRelativeError > 0.001 && block.streamRelativeError < 1.0);
                QCOMPARE(block.linears.size(), std::size_t{7});
                for (const auto& linear : block.linears)
                    QVERIFY(linear.relativeError > 0.001 && linear.relativeError < 0.2);
            }
        }
        for (const auto& metrics : state->metrics) {
            QCOMPARE(metrics.harmfulScore.total, std::uint64_t{8});
            QCOMPARE(metrics.refusedBenign.total, std::uint64_t{6});
            QCOMPARE(metrics.refusedHardBenign.total, std::uint64_t{4});
            QCOMPARE(metrics.perplexityTokens, std::uint64_t{4 * 63});
            QVERIFY(metrics.perplexity > 1.0 && std::isfinite(metrics.perplexity));
            QVERIFY(metrics.tokensPerSecond > 0.0);
        }
        QVERIFY(state->metrics[0].perplexity != state->metrics[1].perplexity);
        const auto notes = QString::fromStdString(json(state->notes).dump());
        QVERIFY(notes.contains("Words alone"));
        QVERIFY(notes.contains("uses no calibration data"));
        QVERIFY(notes.contains("refuses almost nothing"));

        const auto answers = readAnswers(m_whole, {});
        QVERIFY(answers.has_value());
        QCOMPARE(answers->size(), std::size_t{36});
        const auto one = readAnswers(m_whole, {(*answers)[3].prompt});
        QCOMPARE(one->size(), std::size_t{2});
        QCOMPARE((*one)[0].text, (*answers)[3].text);
        QVERIFY(!(*one)[0].outcome.empty() && !(*one)[0].secondOutcome.empty());

        for (const auto* name :
             {"results.h5", "generations.jsonl", "perplexity.json", "summary.json", "blocks/base-003.h5",
              "blocks/quantized-000.h5", "export/config.json", "export/model.safetensors"})
            QVERIFY2(m_hashes.contains(name), name);
        QVERIFY(!QFile::exists(QString::fromStdString(m_whole + "/stream.bin")));
        QVERIFY(tiny::readAll(m_whole + "/summary.md").find("| 3 | ") != std::string::npos);
        const auto whole = readArrayFile(m_whole + "/results.h5");
        QVERIFY(whole.has_value());
        const auto part = readArrayFile(m_whole + "/blocks/quantized-002.h5");
        QVERIFY(whole->arrays.at("quantized/002/activations").values == part->arrays.at("activations").values);
        QCOMPARE(whole->texts.at("quantized/002/summary"), part->texts.at("summary"));
    }

    void eventsAreNumberedWithoutGaps() {
        const auto events = eventsOf(m_whole);
        QVERIFY(events.size() > 20);
        for (std::size_t i = 0; i < events.size(); ++i) QCOMPARE(events[i].sequence, static_cast<std::uint64_t>(i + 1));
        QCOMPARE(events.front().type, std::string("started"));
        QCOMPARE(events.back().type, std::string("finished"));
        for (const auto& event : events)
            if (event.answer) QVERIFY(event.answer->text.empty());
    }

    void projectionsShareAxes() {
        for (const auto* kind : {"probe", "lda", "pca"}) {
            const auto projection = readProjection(m_whole, 2, kind);
            QVERIFY2(projection.has_value(), projection ? "" : projection.error().describe().c_str());
            QCOMPARE(projection->prompts.size(), std::size_t{56});
            QCOMPARE(projection->base.shape, (std::vector<std::int64_t>{56, 2}));
            QCOMPARE(projection->quantized.shape, (std::vector<std::int64_t>{56, 2}));
            QCOMPARE(projection->logitsBase.size(), std::size_t{56});
            QCOMPARE(projection->logitsQuantized.size(), std::size_t{56});
            QCOMPARE(std::isnan(projection->boundary), std::string(kind) == "pca");
            double difference = 0.0, spread = 0.0;
            for (std::size_t i = 0; i < 112; ++i) {
                difference +=
                    std::abs(static_cast<double>(projection->base.values[i] - projection->quantized.values[i]));
                spread += std::abs(static_cast<double>(projection->base.values[i]));
            }
            QVERIFY2(difference > 0.0 && difference < spread,
                     "the quantized model's points must lie near the base model's");
        }
        const auto state = readRunState(m_whole);
        const auto projection = readProjection(m_whole, 0, "probe");
        for (const int prompt : projection->prompts)
            QCOMPARE(state->prompts[static_cast<std::size_t>(prompt)].split, std::string("evaluation"));
        QCOMPARE(readProjection(m_whole, 9, "pca").error().kind, ErrorKind::NotFound);
        QCOMPARE(readProjection(m_whole, -1, "pca").error().kind, ErrorKind::NotFound);
        QCOMPARE(readProjection(m_whole, 0, "umap").error().kind, ErrorKind::BadInput);
    }

    void equalSpecsGiveEqualBytes() {
        const auto place = m_places.next();
        const auto folder = tiny::makeRun(place, m_places.spec());
        tiny::finishRun(folder);
        compare(folder);
        auto other = m_places.spec();
        other["seed"] = 6;
        other.erase("export");
        const auto different = tiny::makeRun(m_places.next(), other);
        tiny::finishRun(different);
        QVERIFY((*resultHashes(different))["results.h5"] != m_hashes["results.h5"]);
    }

    void aFinishedRunIsLeftAlone() {
        const auto before = tiny::readAll(m_whole + "/events.jsonl");
        tiny::finishRun(m_whole);
        QCOMPARE(tiny::readAll(m_whole + "/events.jsonl"), before);
    }

    void stoppingAndResuming_data() {
        QTest::addColumn<QString>("type");
        QTest::addColumn<int>("count");
        QTest::newRow("before anything") << "started" << 1;
        QTest::newRow("in capture") << "block" << 2;
        QTest::newRow("at the end of capture") << "block" << 4;
        QTest::newRow("in quantize") << "block" << 6;
        QTest::newRow("at the end of quantize") << "block" << 8;
        QTest::newRow("in the base model's answers") << "answer" << 5;
        QTest::newRow("in the quantized model's answers") << "answer" << 25;
        QTest::newRow("after all metrics") << "metrics" << 2;
    }
    void stoppingAndResuming() {
        QFETCH(QString, type);
        QFETCH(int, count);
        const auto place = m_places.next();
        const auto folder = tiny::makeRun(place, m_places.spec());
        std::stop_source stop;
        int seen = 0;
        const auto stopped = executeRun(
            folder,
            [&](const protocol::RunEvent& event) {
                if (event.type == type.toStdString() && ++seen == count) stop.request_stop();
            },
            stop.get_token());
        QVERIFY(!stopped.has_value());
        QCOMPARE(stopped.error().kind, ErrorKind::Cancelled);
        const auto state = readRunState(folder);
        QVERIFY(state.has_value());
        QCOMPARE(state->summary.status, std::string("stopped"));
        QVERIFY(state->summary.resumable);
        const auto blocks = state->blocks.size();
        const auto answers = state->answers.size();
        if (type == "block") QCOMPARE(blocks, static_cast<std::size_t>(count));

        std::size_t newBlocks = 0, newAnswers = 0;
        const auto done = executeRun(folder,
                                     [&](const protocol::RunEvent& event) {
                                         newBlocks += event.type == "block" ? 1 : 0;
                                         newAnswers += event.type == "answer" ? 1 : 0;
                                     },
                                     {});
        QVERIFY2(done.has_value(), done ? "" : done.error().describe().c_str());
        QCOMPARE(newBlocks, 8 - blocks);
        QCOMPARE(newAnswers, 36 - answers);
        compare(folder);
        const auto events = eventsOf(folder);
        for (std::size_t i = 0; i < events.size(); ++i) QCOMPARE(events[i].sequence, static_cast<std::uint64_t>(i + 1));
    }

    void tornAndDamagedFilesAreMended() {
        const auto place = m_places.next();
        const auto folder = tiny::makeRun(place, m_places.spec());
        runUntil(folder, "answer", 22);
        append(folder + "/events.jsonl", "{\"sequence\":4711,\"type\":\"blo");
        append(folder + "/generations.jsonl", "{\"model\":\"quantized\",\"prompt\":1,\"te");
        replaceAll(folder + "/blocks/quantized-003.h5", "\211HDF\r\n\032\n torn");
        replaceAll(folder + "/blocks/quantized-003.h5.part", "left over");
        replaceAll(folder + "/stream.bin", "{\"format\":\"safequant-stream-1\"}\nhalf");
        const auto state = readRunState(folder);
        QVERIFY(state.has_value());
        tiny::finishRun(folder);
        compare(folder);
    }

    void aDamagedStreamIsComputedAnew() {
        const auto place = m_places.next();
        const auto folder = tiny::makeRun(place, m_places.spec());
        runUntil(folder, "block", 7);
        auto bytes = tiny::readAll(folder + "/stream.bin");
        bytes[bytes.size() - 5] = static_cast<char>(bytes[bytes.size() - 5] ^ 1);
        replaceAll(folder + "/stream.bin", QByteArray::fromStdString(bytes));
        tiny::finishRun(folder);
        compare(folder);
    }

    void changedInputsAreRefused_data() {
        QTest::addColumn<QString>("file");
        QTest::addColumn<QString>("named");
        QTest::newRow("checkpoint") << "tiny-llama/model.safetensors"
                                    << "checkpoint";
        QTest::newRow("prompts") << "prompts.jsonl"
                                 << "prompts";
        QTest::newRow("tokenizer") << "tiny-llama/tokenizer_config.json"
                                   << "chat template";
        QTest::newRow("text") << "text.txt"
                              << "perplexity text";
        QTest::newRow("spec") << ""
                              << "spec";
    }
    void changedInputsAreRefused() {
        QFETCH(QString, file);
        QFETCH(QString, named);
        const QString inputs = m_places.path("inputs-" + named);
        tiny::writeInputs(inputs);
        const auto folder = tiny::makeRun(m_places.next(), tiny::specJson(inputs));
        std::stop_source stop;
        (void)executeRun(
            folder,
            [&](const protocol::RunEvent& event) {
                if (event.type == "block") stop.request_stop();
            },
            stop.get_token());
        const auto path = file.isEmpty() ? folder + "/spec.json" : (inputs + "/" + file).toStdString();
        auto bytes = QByteArray::fromStdString(tiny::readAll(path));
        if (named == "checkpoint")
            bytes[bytes.size() - 3] = static_cast<char>(bytes[bytes.size() - 3] ^ 1);
        else if (named == "prompts")
            bytes.replace("Kindly ", "Please ");
        else if (named == "chat template")
            bytes.replace("assistant", "helper");
        else if (named == "perplexity text")
            bytes.replace("bread", "stone");
        else
            bytes.replace("\"seed\": 5", "\"seed\": 6");
        replaceAll(path, bytes);
        const auto refused = executeRun(folder, {}, {});
        QVERIFY(!refused.has_value());
        QCOMPARE(refused.error().kind, ErrorKind::Mismatch);
        QVERIFY2(refused.error().message.find(named.toStdString() + " (was ") != std::string::npos,
                 refused.error().message.c_str());
        const auto state = readRunState(folder);
        QCOMPARE(state->summary.status, std::string("failed"));
        QVERIFY(state->summary.resumable);
        QVERIFY(state->summary.detail.find(named.toStdString()) != std::string::npos);
        QCOMPARE(eventsOf(folder).back().error->kind, ErrorKind::Mismatch);
    }

    void overlapIsRefusedUnlessAllowed() {
        const QString inputs = m_places.path("inputs-overlap");
        tiny::writeInputs(inputs);
        QFile prompts(inputs + "/prompts.jsonl");
        QVERIFY(prompts.open(QIODevice::Append));
        for (const char* split : {"calibration", "evaluation"})
            prompts.write(QByteArray(R"({"prompt": "Name every wide river of this old town )") + split[0] + R"(", "label": "benign", "split": ")" + split + "\"}\n");
        prompts.close();
        auto asked = tiny::specJson(inputs);
        const auto refused = executeRun(tiny::makeRun(m_places.next(), asked), {}, {});
        QVERIFY(!refused.has_value());
        QCOMPARE(refused.error().kind, ErrorKind::BadInput);
        QVERIFY2(refused.error().message.find("split.again") != std::string::npos, refused.error().message.c_str());
        const auto notesOf = [](const std::string& folder) { return readRunState(folder)->notes; };
        const auto tellsOverlap = [](const std::string& note) { return note.find("near-duplicate cluster") != std::string::npos; };
        asked["stages"] = {"capture"};
        asked["split"] = {{"allow_overlap", true}};
        const auto allowed = tiny::makeRun(m_places.next(), asked);
        tiny::finishRun(allowed);
        const auto notes = notesOf(allowed);
        QVERIFY(std::any_of(notes.begin(), notes.end(), tellsOverlap));
        asked["split"] = {{"again", true}};
        const auto again = tiny::makeRun(m_places.next(), asked);
        tiny::finishRun(again);
        const auto clean = notesOf(again);
        QVERIFY(std::none_of(clean.begin(), clean.end(), tellsOverlap));
    }

    void otherFormatsAreReadAndHashed() {
        const QString inputs = m_places.path("inputs-csv");
        tiny::writeInputs(inputs);
        QFile lines(inputs + "/prompts.jsonl");
        QVERIFY(lines.open(QIODevice::ReadOnly));
        QByteArray csv("nr;ask;kind;part\n");
        while (!lines.atEnd()) {
            const auto line = json::parse(lines.readLine().toStdString());
            csv += QByteArray::fromStdString(line["id"].get<std::string>() + ";\"" + line["prompt"].get<std::string>() + "\";" +
                                             line["label"].get<std::string>() + "!;" + line["split"].get<std::string>() + "\n");
        }
        QFile table(inputs + "/prompts.csv");
        QVERIFY(table.open(QIODevice::WriteOnly));
        table.write(csv);
        table.close();
        auto asked = tiny::specJson(inputs);
        asked["stages"] = {"capture"};
        asked["prompts"] = {{{"file", table.fileName().toStdString()},
                             {"map", {{"id", "nr"}, {"prompt", "ask"}, {"label", "kind"}, {"split", "part"}}},
                             {"label_values", {{"malicious!", "malicious"}, {"benign!", "benign"}, {"hard_benign!", "hard_benign"}}}}};
        const auto folder = tiny::makeRun(m_places.next(), asked);
        tiny::finishRun(folder);
        QCOMPARE((*resultHashes(folder))["blocks/base-000.h5"], m_hashes["blocks/base-000.h5"]);
        const auto manifest = json::parse(tiny::readAll(folder + "/manifest.json"));
        const auto& file = manifest.at("prompts").at("files").at(0);
        QCOMPARE(file.at("sha256").get<std::string>().size(), std::size_t{64});
        QCOMPARE(file.at("read").at("map").at("prompt").get<std::string>(), std::string("ask"));
    }

    void baseResultsAreReused() {
        const auto place = m_places.next();
        const auto exported = m_places.path("reused-export");
        const auto with = [&](int bits) {
            auto changed = tiny::specJson(m_places.inputs(), exported + QString::number(bits));
            changed["quantization"]["default"]["weight_bits"] = bits;
            return changed;
        };
        tiny::finishRun(tiny::makeRun(place, with(8)));
        const auto folder = tiny::makeRun(place, with(4));
        QString log;
        std::size_t blocks = 0;
        const auto done = executeRun(folder,
                                     [&](const protocol::RunEvent& event) {
                                         if (event.type == "log") log += QString::fromStdString(event.message) + "\n";
                                         if (event.block) ++blocks;
                                     },
                                     {});
        QVERIFY2(done.has_value(), done ? "" : done.error().describe().c_str());
        QVERIFY(log.contains("blocks are taken over from the run"));
        QVERIFY(log.contains("answers and perplexity are taken over from the run"));
        QCOMPARE(blocks, std::size_t{8});
        compare(folder);
        const auto manifest = Manifest::read(folder);
        QVERIFY(manifest->json()["reused"].contains("base blocks"));
        QVERIFY(manifest->json()["reused"].contains("base answers"));

        // A damaged source is not taken; another seed does not match.
        auto bytes = QByteArray::fromStdString(tiny::readAll(folder + "/blocks/base-001.h5"));
        QDir(QString::fromStdString(folder + "/blocks")).remove("base-001.h5");
        bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
        replaceAll(folder + "/blocks/base-001.h5", bytes);
        QDir(place + "/runs")
            .rename(QDir(place + "/runs").entryList(QDir::Dirs | QDir::NoDotAndDotDot, QDir::Name).first(), "../away");
        const auto third = tiny::makeRun(place, with(5));
        tiny::finishRun(third);
        QVERIFY(!Manifest::read(third)->json()["reused"].contains("base blocks"));
        QCOMPARE((*resultHashes(third))["blocks/base-001.h5"], m_hashes["blocks/base-001.h5"]);
    }

    void aRunIsRunOnce() {
        const auto folder = tiny::makeRun(m_places.next(), m_places.spec());
        QVERIFY(!runOwner(folder));
        QCOMPARE(readRunSummary(folder)->status, std::string("stopped"));
        {
            const auto lock = RunLock::acquire(folder);
            QVERIFY(lock.has_value());
            QCOMPARE(runOwner(folder).value_or(0), ::getpid());
            QCOMPARE(readRunSummary(folder)->status, std::string("running"));
            const auto second = executeRun(folder, {}, {});
            QVERIFY(!second.has_value());
            QVERIFY(second.error().message.find(std::to_string(::getpid())) != std::string::npos);
        }
        QVERIFY(!runOwner(folder));
        QVERIFY(!QFile::exists(QString::fromStdString(folder + "/events.jsonl")));
    }

    void failuresAreKept() {
        auto broken = m_places.spec();
        broken["quantization"]["rules"] = {{{"pattern", "no_such_linear"}, {"weight_bits", 8}}};
        const auto folder = tiny::makeRun(m_places.next(), broken);
        const auto failed = executeRun(folder, {}, {});
        QVERIFY(!failed.has_value());
        QCOMPARE(failed.error().kind, ErrorKind::BadInput);
        const auto summary = readRunSummary(folder);
        QCOMPARE(summary->status, std::string("failed"));
        QVERIFY(summary->detail.find("no_such_linear") != std::string::npos);
        QVERIFY(eventsOf(folder).back().error.has_value());
        QVERIFY(Manifest::read(folder)->json().contains("error"));
    }

    void verificationFindsChanges() {
        const auto folder = tiny::makeRun(m_places.next(), tiny::specJson(m_places.inputs()));
        auto differences = verifyRun(folder, {});
        QVERIFY(differences.has_value());
        QCOMPARE(differences->size(), std::size_t{1});
        tiny::finishRun(folder);
        differences = verifyRun(folder, {});
        QVERIFY2(differences->empty(), differences->empty() ? "" : differences->front().c_str());
        append(folder + "/generations.jsonl", "{}\n");
        QFile::remove(QString::fromStdString(folder + "/blocks/base-002.h5"));
        replaceAll(folder + "/blocks/more.h5", "x");
        differences = verifyRun(folder, {});
        QCOMPARE(differences->size(), std::size_t{3});
    }

    void plansAndEstimates() {
        const auto read = runSpecFromJson(m_places.spec(), "test");
        for (const bool timed : {false, true}) {
            const auto plan = planRun(*read, m_places.path({}).toStdString(), timed);
            QVERIFY2(plan.has_value(), plan ? "" : plan.error().describe().c_str());
            QCOMPARE(plan->linears.size(), std::size_t{28});
            // 4 bits, and a 16-bit scale and a 4-bit zero point for every 16 weights.
            QCOMPARE(plan->linears[0].bitsPerWeight, 4.0 + 20.0 / 16.0);
            QVERIFY(plan->estimate.seconds > 0.0 && plan->estimate.seconds < 60.0);
            QVERIFY(plan->estimate.secondsLow < plan->estimate.seconds &&
                    plan->estimate.seconds < plan->estimate.secondsHigh);
            QVERIFY(plan->estimate.peakMemoryBytes > 1'000'000 && plan->estimate.diskBytes > 100'000);
            QVERIFY(plan->estimate.availableMemoryBytes > 0 && plan->estimate.availableDiskBytes > 0);
            QVERIFY(plan->estimate.exportBytes > 1000);
        }
        auto greedy = *read;
        greedy.evaluateBenign = 1000;
        QCOMPARE(planRun(greedy, m_places.path({}).toStdString(), false)->estimate.warnings.size(), std::size_t{1});
        // Tasks and a decoding attack take time of their own.
        RunSpec asking = *read;
        const double before = planRun(asking, m_places.path({}).toStdString(), false)->estimate.seconds;
        asking.tasks = {*findBundledTask("gsm8k")};
        const double withTask = planRun(asking, m_places.path({}).toStdString(), false)->estimate.seconds;
        QVERIFY(withTask > before);
        asking.attack.samples = 5;
        QVERIFY(planRun(asking, m_places.path({}).toStdString(), false)->estimate.seconds > withTask);
    }

    void runsAreListedNewestFirst() {
        const auto place = m_places.next();
        QVERIFY(listRuns(place.toStdString()).empty());
        std::vector<std::string> made;
        for (int i = 0; i < 3; ++i) made.push_back(tiny::makeRun(place, tiny::specJson(m_places.inputs())));
        QVERIFY(made[0] != made[1] && made[1] != made[2]);
        QDir().mkpath(place + "/runs/not-a-run");
        const auto runs = listRuns(place.toStdString());
        QCOMPARE(runs.size(), std::size_t{3});
        QVERIFY(runs[0].folder > runs[1].folder && runs[1].folder > runs[2].folder);
        QVERIFY(made[0].find("-tiny-run") != std::string::npos);
    }

    void stagesAlone() {
        auto captureOnly = tiny::specJson(m_places.inputs());
        captureOnly["stages"] = {"capture"};
        const auto capture = tiny::makeRun(m_places.next(), captureOnly);
        tiny::finishRun(capture);
        QCOMPARE(readRunState(capture)->blocks.size(), std::size_t{4});
        QCOMPARE((*resultHashes(capture))["blocks/base-000.h5"], m_hashes["blocks/base-000.h5"]);

        auto evaluateOnly = tiny::specJson(m_places.inputs());
        evaluateOnly["stages"] = {"evaluate"};
        const auto evaluate = tiny::makeRun(m_places.next(), evaluateOnly);
        tiny::finishRun(evaluate);
        QCOMPARE(readRunState(evaluate)->metrics.size(), std::size_t{1});
        QVERIFY(!readProjection(evaluate, 0, "pca").has_value());

        const auto place = m_places.next();
        auto exportOnly = tiny::specJson(m_places.inputs(), m_places.exportFolder());
        exportOnly["stages"] = json::array();
        exportOnly["prompts"] = {"/nowhere.jsonl"};
        const auto exported = tiny::makeRun(place, exportOnly);
        tiny::finishRun(exported);
        QCOMPARE((*resultHashes(exported))["export/model.safetensors"], m_hashes["export/model.safetensors"]);
    }
};

QTEST_GUILESS_MAIN(TestRunPipeline)
#include "test_run_pipeline.moc"
