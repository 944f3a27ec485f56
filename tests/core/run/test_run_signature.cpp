// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTemporaryDir>
#include <QtTest>
#include <cmath>

#include "core/activations/store.h"
#include "core/run/block_results.h"
#include "core/run/coded_blocks.h"
#include "core/run/manifest.h"
#include "core/run/run_folder.h"
#include "core/run/run_inputs.h"
#include "core/run/run_signature.h"
#include "core/run/signature_reference.h"
#include "core/signature/signature_check.h"
#include "tiny_run.h"

using namespace safequant;
using nlohmann::json;

/// Runs that know an aligned model by its signature alone.
class TestRunSignature : public QObject {
    Q_OBJECT

    tiny::Workspaces m_places;
    AlignmentSignature m_signature, m_tuned;
    std::string m_byWeights, m_bySignature;

    std::string file(const QString& name) const { return m_places.path(name).toStdString(); }

    AlignmentSignature signatureOf(const QString& model) const {
        const auto checkpoint = *openModel((m_places.inputs() + "/" + model).toStdString(), {});
        const auto format = *ChatFormat::create(checkpoint->tokenizerSource());
        const auto prompts = *loadPromptSet({(m_places.inputs() + "/prompts.jsonl").toStdString()});
        auto made = makeSignature(checkpoint, format, prompts);
        if (!made) throw std::runtime_error(made.error().describe());
        return std::move(*made);
    }

    json spec(const json& aligned, const std::string& objective = "signature") const {
        auto spec = tiny::learnedSpecJson(m_places.inputs());
        // Every prompt that the signature was made of, so that both ways take their means over the same ones.
        spec["calibration"]["malicious"] = 24;
        spec["aligned"] = aligned;
        spec["quantization"]["learning"]["objective"] = objective;
        return spec;
    }
    json bySignature() const { return {{"signature", file("aligned.h5")}}; }
    json byWeights() const { return {{"checkpoint", (m_places.inputs() + "/tiny-aligned").toStdString()}}; }

    static RunInputs opened(const json& spec) {
        auto read = runSpecFromJson(spec, "test");
        if (!read) throw std::runtime_error(read.error().describe());
        auto inputs = openInputs(*read, false);
        if (!inputs) throw std::runtime_error(inputs.error().describe());
        return std::move(*inputs);
    }
    /// The message of a spec that cannot be read, or of inputs that cannot be opened.
    static QString problemOf(const json& spec) {
        const auto read = runSpecFromJson(spec, "test");
        if (!read) return QString::fromStdString(read.error().describe());
        const auto inputs = openInputs(*read, false);
        return inputs ? QString() : QString::fromStdString(inputs.error().describe());
    }
    std::string finished(const json& spec) {
        const std::string folder = tiny::makeRun(m_places.next(), spec);
        tiny::finishRun(folder);
        return folder;
    }
    /// Share of the codes of all blocks that differ between two runs.
    double differing(const std::string& a, const std::string& b) const {
        const RunInputs inputs = opened(json::parse(tiny::readAll(a + "/spec.json")));
        double different = 0.0, codes = 0.0;
        for (int block = 0; block < inputs.checkpoint->config().blocks; ++block) {
            const auto plan = planOfBlock(inputs.plan, block);
            const auto ours = readCodedBlock(a, inputs.checkpoint->config(), plan, block), theirs = readCodedBlock(b, inputs.checkpoint->config(), plan, block);
            if (!ours || !theirs) throw std::runtime_error("blocks are missing");
            for (std::size_t i = 0; i < kLinearsPerBlock; ++i)
                for (std::size_t c = 0; c < ours->linears[i].codes.size(); ++c) {
                    different += ours->linears[i].codes[c] != theirs->linears[i].codes[c] ? 1.0 : 0.0;
                    ++codes;
                }
        }
        return different / codes;
    }

private slots:
    void initTestCase() {
        m_places.prepare();
        m_signature = signatureOf("tiny-aligned");
        m_tuned = signatureOf("tiny-llama");
        QVERIFY(writeSignature(file("aligned.h5"), m_signature).has_value());
        m_byWeights = finished(spec(byWeights()));
        m_bySignature = finished(spec(bySignature()));
    }

    /// The file repairs as the weights do when these give their mean shift alone.
    void aSignatureStandsForTheWeights() {
        const std::string without = finished(spec(byWeights(), "reconstruction"));
        const double same = differing(m_byWeights, m_bySignature), other = differing(m_byWeights, without);
        // Means in the file have 11 significant bits.
        QVERIFY2(same < 0.04 && other > 5.0 * same && other > 0.01, qPrintable(QString("%1 and %2").arg(same).arg(other)));
        const auto state = readRunState(m_bySignature);
        QVERIFY(state.has_value());
        for (const protocol::LearnedBlock& block : state->learning) {
            QVERIFY(block.finished && block.maliciousBefore > 0.0 && block.maliciousError > 0.0);
            QVERIFY(!block.aligned && block.fineTuned && block.quantized);
        }
        QVERIFY(Manifest::read(m_bySignature)->json()["fingerprints"].contains("aligned checkpoint"));
        // All positions that the template fixes, unless a spec asks for fewer.
        QCOMPARE(readRunSpec(m_bySignature + "/spec.json")->learning.learning.objective.tail, 0);
    }

    /// A projection tells where the aligned model's prompts are on its axes, as long as the signature is what the run learned from.
    void projectionsHaveTheAlignedModelsMeans() {
        constexpr int kBlock = 2;
        const auto base = readArrayFile(blockPath(m_bySignature, "base", kBlock));
        QVERIFY(base.has_value());
        const auto hidden = static_cast<std::size_t>(m_signature.hidden);
        for (const char* kind : {"probe", "lda", "pca"}) {
            const auto projection = readProjection(m_bySignature, kBlock, kind, "transferred");
            QVERIFY(projection.has_value());
            QCOMPARE(projection->aligned.values.size(), std::size_t{4});
            const auto axes = readAxes(*base, kind);
            QVERIFY(axes.has_value());
            const auto malicious = m_signature.ofBlock(m_signature.maliciousMeans, kBlock).last(hidden);
            const auto benign = m_signature.ofBlock(m_signature.benignMeans, kBlock).last(hidden);
            for (std::size_t row = 0; row < 2; ++row)
                for (std::size_t axis = 0; axis < 2; ++axis) {
                    const auto& direction = axis == 0 ? axes->axis1 : axes->axis2;
                    double place = 0.0;
                    for (std::size_t i = 0; i < hidden; ++i) place += static_cast<double>((row == 0 ? malicious : benign)[i] - axes->centre[i]) * static_cast<double>(direction[i]);
                    QVERIFY(std::abs(place - static_cast<double>(projection->aligned.values[2 * row + axis])) < 1e-4 * (1.0 + std::abs(place)));
                }
        }
        QVERIFY(readProjection(m_byWeights, kBlock, "probe", "transferred")->aligned.values.empty());
        QVERIFY(writeSignature(file("aligned.h5"), m_tuned).has_value());
        const auto changed = readProjection(m_bySignature, kBlock, "probe", "transferred");
        QVERIFY(writeSignature(file("aligned.h5"), m_signature).has_value());
        QVERIFY(changed.has_value() && changed->aligned.values.empty());
        QCOMPARE(readProjection(m_bySignature, kBlock, "probe", "transferred")->aligned.values.size(), std::size_t{4});
    }

    /// Shifts are the signature's means less the model's own, which its own signature holds too.
    void shiftsAreDifferencesOfMeans() {
        const RunInputs inputs = opened(spec(bySignature()));
        RealignObjective objective = RealignObjective::signature(1.0);
        for (const int tail : {m_signature.tail, 2}) {
            objective.tail = tail;
            const auto shifts = signatureShifts(inputs, objective);
            QVERIFY(shifts && shifts->size() == 4);
            for (int block = 0; block < 4; ++block) {
                const auto aligned = m_signature.ofBlock(m_signature.maliciousMeans, block), own = m_tuned.ofBlock(m_tuned.maliciousMeans, block);
                const Matrix& shift = (*shifts)[static_cast<std::size_t>(block)];
                QCOMPARE(shift.rows(), static_cast<std::size_t>(tail));
                const std::size_t skipped = aligned.size() - shift.size();
                for (std::size_t i = 0; i < shift.size(); ++i) {
                    const float expected = aligned[skipped + i] - own[skipped + i];
                    QVERIFY(std::abs(shift.data()[i] - expected) <= 2e-3F * (std::abs(own[skipped + i]) + 1e-3F));
                }
            }
        }
    }

    void controlsAreAsLong() {
        auto controlled = spec(bySignature());
        RealignObjective objective = RealignObjective::signature(1.0);
        objective.tail = 3;
        const auto shiftsOf = [&](const char* control) {
            controlled["quantization"]["learning"]["shift_control"] = control;
            return *signatureShifts(opened(controlled), objective);
        };
        const auto real = shiftsOf("none"), random = shiftsOf("random"), flipped = shiftsOf("flipped"), other = shiftsOf("other-block");
        const auto product = [](std::span<const float> a, std::span<const float> b) {
            double sum = 0.0;
            for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
            return sum;
        };
        for (std::size_t block = 0; block < real.size(); ++block)
            for (std::size_t place = 0; place < 3; ++place) {
                const auto row = real[block].rowSpan(place);
                const double length = product(row, row);
                QVERIFY(length > 0.0);
                QVERIFY(std::abs(product(random[block].rowSpan(place), random[block].rowSpan(place)) - length) < 1e-4 * length);
                QVERIFY(std::abs(product(row, random[block].rowSpan(place))) < 0.9 * length);
                QCOMPARE(product(row, flipped[block].rowSpan(place)), -length);
                QVERIFY(std::ranges::equal(other[block].rowSpan(place), real[(block + 2) % real.size()].rowSpan(place)));
            }
    }

    /// In a rotated run the shift is that of the base's stream, rotated.
    void shiftsAreRotated() {
        auto rotated = spec(bySignature());
        rotated["quantization"]["rotation"] = json::object();
        RealignObjective objective = RealignObjective::signature(1.0);
        objective.tail = m_signature.tail;
        const RunInputs inputs = opened(rotated);
        auto shifts = *signatureShifts(inputs, objective);
        const auto plain = *signatureShifts(opened(spec(bySignature())), objective);
        inputs.residualRotation->applyInverse(shifts[2].data(), shifts[2].rows());
        for (std::size_t i = 0; i < plain[2].size(); ++i) QVERIFY(std::abs(shifts[2].data()[i] - plain[2].data()[i]) < 1e-4F);
    }

    /// The published objective takes its probes from the signature.
    void probesServeThePublishedObjective() {
        auto published = spec(bySignature(), "published");
        published["quantization"]["learning"]["probe_benign_weight"] = 1.0;
        const auto state = readRunState(finished(published));
        QVERIFY(state.has_value());
        for (const protocol::LearnedBlock& block : state->learning) QVERIFY(block.epochs.back().probe > 0.0);
        const Probe probe = signatureProbe(m_signature, 3);
        QCOMPARE(probe.weights.size(), static_cast<std::size_t>(m_signature.hidden));
        QCOMPARE(probe.weights.front(), m_signature.probeWeights[3 * probe.weights.size()]);
    }

    void q_realignTakesTheSignaturesObjective() {
        auto standard = spec(bySignature());
        standard["quantization"].erase("learning");
        QCOMPARE(opened(standard).spec.learning.objective, std::string("signature"));
    }

    /// A run's models are checked as checkpoints are; a rotated one in the space that it had before.
    void runsAreChecked() {
        const auto base = checkRunSignature(m_bySignature, file("aligned.h5"), "base"), quantized = checkRunSignature(m_bySignature, file("aligned.h5"), "quantized");
        QVERIFY2(base.has_value(), base ? "" : base.error().describe().c_str());
        QVERIFY2(quantized.has_value(), quantized ? "" : quantized.error().describe().c_str());
        const RunInputs inputs = opened(spec(bySignature()));
        const auto expected = checkSignature(m_signature, inputs.base, inputs.format, inputs.prompts, inputs.spec.seed, "test");
        QCOMPARE(base->moved.value, expected->moved);
        QCOMPARE(base->moved.low, expected->movedInterval.low);
        QCOMPARE(base->blocks.size(), std::size_t{4});
        QCOMPARE(base->blocks[2].separation.high, expected->blocks[2].separationInterval.high);
        QVERIFY(quantized->moved.value > 0.0 && quantized->moved.value != base->moved.value);

        json rotated = tiny::specJson(m_places.inputs());
        rotated["stages"] = {"quantize", "evaluate"};
        rotated["quantization"] = {{"method", "rtn"}, {"default", {{"weight_bits", 8}, {"group_size", -1}, {"symmetric", true}}}, {"rotation", json::object()}};
        const auto turned = checkRunSignature(finished(rotated), file("aligned.h5"), "quantized");
        QVERIFY(turned.has_value());
        QVERIFY2(std::abs(turned->moved.value - base->moved.value) < 0.05 * base->moved.value, qPrintable(QString("%1 for %2").arg(turned->moved.value).arg(base->moved.value)));

        QVERIFY(!checkRunSignature(m_bySignature, file("aligned.h5"), "third").has_value());
        const std::string begun = tiny::makeRun(m_places.next(), spec(bySignature()));
        const auto early = checkRunSignature(begun, file("aligned.h5"), "quantized");
        QVERIFY(!early && early.error().kind == ErrorKind::NotFound);
    }

    void whatDoesNotFitIsRefused() {
        QVERIFY(problemOf(spec(bySignature(), "dual-stream")).contains("needs the aligned model's weights"));
        auto both = spec(byWeights());
        both["aligned"]["signature"] = file("aligned.h5");
        QVERIFY(problemOf(both).contains("leave one of them out"));
        auto rounding = spec(bySignature());
        rounding["quantization"].erase("learning");
        rounding["quantization"]["method"] = "rtn";
        QVERIFY(problemOf(rounding).contains("block by block"));
        auto controlled = spec(byWeights());
        controlled["quantization"]["learning"]["shift_control"] = "random";
        QVERIFY(problemOf(controlled).contains("takes the place of a signature's shift"));
        auto far = spec(bySignature());
        far["quantization"]["learning"]["tail"] = m_signature.tail + 1;
        QVERIFY(problemOf(far).contains("the signature has " + QString::number(m_signature.tail)));
        QVERIFY(problemOf(spec({{"signature", file("none.h5")}})).contains("none.h5"));
        auto prompted = spec(bySignature());
        prompted["system_prompt"] = "You answer in verse.";
        QVERIFY(problemOf(prompted).contains("system prompt"));
        AlignmentSignature elsewhere = m_signature;
        elsewhere.hidden *= 2;
        for (auto* values : {&elsewhere.maliciousMeans, &elsewhere.benignMeans, &elsewhere.variances, &elsewhere.probeWeights}) values->resize(values->size() * 2);
        QVERIFY(writeSignature(file("elsewhere.h5"), elsewhere).has_value());
        QVERIFY(problemOf(spec({{"signature", file("elsewhere.h5")}})).contains("hidden size"));
    }
};

QTEST_GUILESS_MAIN(TestRunSignature)
#include "test_run_signature.moc"
