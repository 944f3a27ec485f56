// SPDX-License-Identifier: GPL-3.0-or-later
// Points and accuracies by either probe, and one run laid over another.
#include <QDir>
#include <QFile>
#include <QtTest>
#include <cmath>

#include "core/activations/store.h"
#include "core/run/block_results.h"
#include "core/run/placed_prompts.h"
#include "core/run/prompt_table.h"
#include "core/run/run_folder.h"
#include "core/run/run_overlay.h"
#include "tiny_run.h"

using namespace safequant;

class TestRunOverlay : public QObject {
    Q_OBJECT

private:
    tiny::Workspaces m_places;
    std::string m_whole;

private slots:
    void initTestCase() {
        m_places.prepare();
        const auto place = m_places.next();
        m_whole = tiny::makeRun(place, m_places.spec());
        tiny::finishRun(m_whole);
    }

    void refittedProjectionsAreOfTheModelsOwnProbe() {
        for (int block = 0; block < 3; ++block) {
            const auto transferred = readProjection(m_whole, block, "probe");
            const auto refitted = readProjection(m_whole, block, "probe", "refitted");
            QVERIFY2(refitted.has_value(), refitted ? "" : refitted.error().describe().c_str());
            QCOMPARE(refitted->probe, std::string("refitted"));
            QCOMPARE(transferred->probe, std::string("transferred"));
            QVERIFY(refitted->base.values == transferred->base.values && refitted->logitsBase == transferred->logitsBase);
            QVERIFY(refitted->logitsQuantized != transferred->logitsQuantized);
            const auto file = readArrayFile(blockPath(m_whole, "quantized", block));
            const auto& weights = file->arrays.at("probe/weights").values;
            double length = 0.0;
            for (const float weight : weights) length += static_cast<double>(weight) * static_cast<double>(weight);
            length = std::sqrt(length);
            QVERIFY(length > 0.0);
            // A log-odds is the distance from the boundary times the length of the weights.
            for (std::size_t i = 0; i < refitted->prompts.size(); ++i) {
                const double distance = static_cast<double>(refitted->quantized.values[2 * i]) - refitted->boundary;
                const double logit = static_cast<double>(refitted->logitsQuantized[i]);
                QVERIFY2(std::abs(distance * length - logit) < 1e-3 * (1.0 + std::abs(logit)),
                         qPrintable(QStringLiteral("block %1 row %2: %3 and %4").arg(block).arg(i).arg(distance * length).arg(logit)));
            }
            const auto pca = readProjection(m_whole, block, "pca", "refitted");
            QVERIFY(pca->quantized.values == readProjection(m_whole, block, "pca")->quantized.values);
            QVERIFY(pca->logitsQuantized == refitted->logitsQuantized);
        }
        QCOMPARE(readProjection(m_whole, 0, "pca", "other").error().kind, ErrorKind::BadInput);
    }

    /// A run laid over itself differs in nothing; over another one the numbers are those of that run, and of a count by hand.
    void overlaysAreMeasuredOnSharedPrompts() {
        const auto itself = overlayRun(m_whole, {m_whole, ""});
        QVERIFY2(itself.has_value(), itself ? "" : itself.error().describe().c_str());
        QCOMPARE(itself->model, std::string("quantized"));
        QCOMPARE(itself->prompts, std::uint64_t{56});
        QCOMPARE(itself->blocks.size(), std::size_t{4});
        const auto state = readRunState(m_whole);
        for (const auto& item : itself->blocks) {
            QCOMPARE(item.against, std::string("quantized"));
            QCOMPARE(item.refittedDifference.value, 0.0);
            QCOMPARE(item.transferredDifference.p, 1.0);
            const auto same = std::find_if(state->blocks.begin(), state->blocks.end(),
                                           [&](const auto& each) { return each.model == "quantized" && each.block == item.block; });
            QCOMPARE(item.refitted.accuracy.count, same->refitted.accuracy.count);
            QCOMPARE(item.transferred.accuracy.count, same->transferred->accuracy.count);
            QVERIFY(std::abs(item.transferred.auc - same->transferred->auc) < 1e-9);
            QCOMPARE(item.refitted.nonZeros, same->refitted.nonZeros);
        }
        const auto base = overlayRun(m_whole, {m_whole, "base"});
        QVERIFY(base.has_value());
        for (const auto& item : base->blocks) {
            const auto projection = readProjection(m_whole, item.block, "probe");
            int onlyQuantized = 0, onlyBase = 0, ordinary = 0;
            for (std::size_t i = 0; i < projection->prompts.size(); ++i) {
                const auto& label = state->prompts[static_cast<std::size_t>(projection->prompts[i])].label;
                if (label == "hard_benign") continue;
                ++ordinary;
                const bool quantizedRight = (projection->logitsQuantized[i] > 0.0F) == (label == "malicious");
                const bool baseRight = (projection->logitsBase[i] > 0.0F) == (label == "malicious");
                onlyQuantized += quantizedRight && !baseRight ? 1 : 0;
                onlyBase += baseRight && !quantizedRight ? 1 : 0;
            }
            QCOMPARE(item.transferredDifference.onlyHere, static_cast<std::uint64_t>(onlyQuantized));
            QCOMPARE(item.transferredDifference.onlyThere, static_cast<std::uint64_t>(onlyBase));
            QVERIFY(std::abs(item.transferredDifference.value - static_cast<double>(onlyBase - onlyQuantized) / ordinary) < 1e-12);
        }
        for (const auto* probe : {"transferred", "refitted"})
            for (const auto* kind : {"probe", "lda", "pca"}) {
                const auto kept = readProjection(m_whole, 1, kind, probe);
                const auto laid = overlayProjection(m_whole, {m_whole, "quantized"}, 1, kind, probe);
                QVERIFY2(laid.has_value(), laid ? "" : laid.error().describe().c_str());
                QVERIFY(laid->prompts == kept->prompts && laid->base.values == laid->quantized.values);
                for (std::size_t i = 0; i < kept->quantized.values.size(); ++i)
                    QVERIFY(std::abs(laid->quantized.values[i] - kept->quantized.values[i]) < 1e-4F);
                for (std::size_t i = 0; i < kept->prompts.size(); ++i)
                    QVERIFY(std::abs(laid->logitsQuantized[i] - kept->logitsQuantized[i]) < 1e-4F);
            }
    }

    /// A prompt of the run, sent through it again as if it were a stranger's, lands where it lay.
    void placedPromptsLandWhereTheRunHasThem() {
        const auto table = readPromptTable(m_whole);
        std::vector<std::string> texts;
        for (const std::size_t row : {std::size_t{0}, std::size_t{17}, std::size_t{41}})
            texts.push_back(table->prompts[static_cast<std::size_t>(table->evaluation[row])].text);
        std::vector<std::uint64_t> steps;
        const auto placed = placePrompts(m_whole, texts, {{}, [&](std::uint64_t done, std::uint64_t total) {
                                                              steps.push_back(done);
                                                              QCOMPARE(total, std::uint64_t{8});
                                                          }});
        QVERIFY2(placed.has_value(), placed ? "" : placed.error().describe().c_str());
        QCOMPARE(steps.size(), std::size_t{8});
        QCOMPARE(placed->blocks.size(), std::size_t{8});
        QCOMPARE(placed->tokens.size(), texts.size());
        QVERIFY(placed->tokens[0] > 3);
        for (const auto& item : placed->blocks) {
            const bool base = item.model == "base";
            const auto near = [&](const protocol::FloatArray& points, const protocol::FloatArray& kept) {
                std::size_t i = 0;
                for (const std::size_t row : {std::size_t{0}, std::size_t{17}, std::size_t{41}}) {
                    for (const std::size_t axis : {std::size_t{0}, std::size_t{1}})
                        QVERIFY(std::abs(points.values[2 * i + axis] - kept.values[2 * row + axis]) < 2e-4F);
                    ++i;
                }
            };
            for (const auto& [kind, points] : {std::pair{"probe", &item.probe}, {"lda", &item.lda}, {"pca", &item.pca}}) {
                const auto kept = readProjection(m_whole, item.block, kind);
                near(*points, base ? kept->base : kept->quantized);
            }
            const auto refitted = readProjection(m_whole, item.block, "probe", "refitted");
            const auto transferred = readProjection(m_whole, item.block, "probe");
            if (!base) near(item.refitted, refitted->quantized);
            for (std::size_t i = 0; i < 3; ++i) {
                const std::size_t row = i == 0 ? 0 : i == 1 ? 17 : 41;
                const auto& keptTransferred = base ? transferred->logitsBase : transferred->logitsQuantized;
                const auto& keptRefitted = base ? refitted->logitsBase : refitted->logitsQuantized;
                QVERIFY(std::abs(item.logitsTransferred[i] - keptTransferred[row]) < 1e-3F);
                QVERIFY(std::abs(item.logitsRefitted[i] - keptRefitted[row]) < 1e-3F);
            }
        }
    }

    void placingRefusesNothingAndStops() {
        QCOMPARE(placePrompts(m_whole, {}).error().kind, ErrorKind::BadInput);
        const auto blank = placePrompts(m_whole, {"fine", " \n"});
        QCOMPARE(blank.error().kind, ErrorKind::BadInput);
        QVERIFY(blank.error().describe().find("Prompt 2") != std::string::npos);
        QCOMPARE(placePrompts("/nowhere", {"text"}).error().kind, ErrorKind::NotFound);
        std::stop_source stop;
        int blocks = 0;
        const auto stopped = placePrompts(m_whole, {"a question"}, {stop.get_token(), [&](std::uint64_t, std::uint64_t) {
                                                                        if (++blocks == 3) stop.request_stop();
                                                                    }});
        QCOMPARE(stopped.error().kind, ErrorKind::Cancelled);
        QCOMPARE(blocks, 3);
    }

    void overlaysOfOtherKindsAreRefused() {
        QCOMPARE(overlayRun(m_whole, {m_whole, "aligned"}).error().kind, ErrorKind::BadInput);
        QCOMPARE(overlayRun(m_whole, {"/nowhere", ""}).error().kind, ErrorKind::NotFound);
        QCOMPARE(overlayProjection(m_whole, {m_whole, "base"}, 9, "pca", "refitted").error().kind, ErrorKind::NotFound);
        // The same prompts under other ids have nothing in common; one id with another text is refused.
        const auto copy = m_places.path("copy");
        QVERIFY(QDir().mkpath(copy));
        const auto change = [&](const char* from, const char* to) {
            auto text = tiny::readAll(m_whole + "/prompts.json");
            const auto at = text.find(from);
            if (at != std::string::npos) text.replace(at, std::string(from).size(), to);
            QFile file(copy + "/prompts.json");
            QVERIFY(file.open(QIODevice::WriteOnly));
            file.write(text.c_str());
        };
        const auto table = readPromptTable(m_whole);
        const auto& asked = table->prompts[static_cast<std::size_t>(table->evaluation.front())];
        change(asked.text.c_str(), "another text");
        const auto refused = overlayRun(m_whole, {copy.toStdString(), "base"});
        QCOMPARE(refused.error().kind, ErrorKind::BadInput);
        QVERIFY2(refused.error().describe().find(asked.id) != std::string::npos, refused.error().describe().c_str());
    }
};

QTEST_GUILESS_MAIN(TestRunOverlay)
#include "test_run_overlay.moc"
