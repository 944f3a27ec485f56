// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDir>
#include <QtTest>
#include <cmath>
#include <numeric>

#include "core/activations/store.h"
#include "core/base/files.h"
#include "core/checkpoint/checkpoint.h"
#include "core/quantize/round_to_nearest.h"
#include "core/run/block_results.h"
#include "core/run/linear_analysis.h"
#include "core/run/probe_analysis.h"
#include "core/run/prompt_table.h"
#include "core/run/run_folder.h"
#include "tiny_run.h"

using namespace safequant;
using nlohmann::json;
using tiny::finishRun;

namespace {

constexpr int kBlocks = 4;

/// The text of an error; empty when there is none.
template <typename T>
std::string errorOf(const Expected<T>& result) {
    return result ? std::string() : result.error().describe();
}

/// What enters the linears of the first block, computed row by row in double precision from the checkpoint's tensors.
class FirstBlock {
public:
    explicit FirstBlock(const Checkpoint& checkpoint) : m_checkpoint(checkpoint), m_config(checkpoint.config()) {}

    using Rows = std::vector<std::vector<double>>;
    struct Inputs {
        Rows query, output, gate, down;
    };

    Inputs operator()(const std::vector<std::int32_t>& tokens) const {
        const auto count = tokens.size();
        const auto headDim = static_cast<std::size_t>(m_config.headDim);
        const auto embedding = matrix("model.embed_tokens.weight");
        Rows hidden;
        for (const auto token : tokens) hidden.push_back(rowOf(embedding, static_cast<std::size_t>(token)));
        Inputs inputs;
        inputs.query = normed(hidden, "input_layernorm");
        auto q = product(inputs.query, "self_attn.q_proj"), k = product(inputs.query, "self_attn.k_proj");
        const auto v = product(inputs.query, "self_attn.v_proj");
        for (std::size_t t = 0; t < count; ++t) {
            rotate(q[t], t);
            rotate(k[t], t);
        }
        const std::size_t group = static_cast<std::size_t>(m_config.heads / m_config.kvHeads);
        inputs.output.assign(count, std::vector<double>(q[0].size(), 0.0));
        for (std::size_t t = 0; t < count; ++t)
            for (std::size_t head = 0; head < static_cast<std::size_t>(m_config.heads); ++head) {
                const std::size_t own = head * headDim, shared = head / group * headDim;
                std::vector<double> scores(t + 1, 0.0);
                for (std::size_t s = 0; s <= t; ++s) {
                    for (std::size_t d = 0; d < headDim; ++d) scores[s] += q[t][own + d] * k[s][shared + d];
                    scores[s] /= std::sqrt(static_cast<double>(headDim));
                }
                const double highest = *std::max_element(scores.begin(), scores.end());
                double sum = 0.0;
                for (double& score : scores) sum += score = std::exp(score - highest);
                for (std::size_t s = 0; s <= t; ++s)
                    for (std::size_t d = 0; d < headDim; ++d) inputs.output[t][own + d] += scores[s] / sum * v[s][shared + d];
            }
        const auto attended = product(inputs.output, "self_attn.o_proj");
        for (std::size_t t = 0; t < count; ++t)
            for (std::size_t i = 0; i < hidden[t].size(); ++i) hidden[t][i] += attended[t][i];
        inputs.gate = normed(hidden, "post_attention_layernorm");
        inputs.down = product(inputs.gate, "mlp.gate_proj");
        const auto up = product(inputs.gate, "mlp.up_proj");
        for (std::size_t t = 0; t < count; ++t)
            for (std::size_t i = 0; i < up[t].size(); ++i) inputs.down[t][i] *= up[t][i] / (1.0 + std::exp(-inputs.down[t][i]));
        return inputs;
    }

private:
    Matrix matrix(const std::string& name) const { return std::move(*m_checkpoint.readMatrix(name)); }
    static std::vector<double> rowOf(const Matrix& m, std::size_t row) { return {m.row(row), m.row(row) + m.cols()}; }
    Rows product(const Rows& x, const std::string& name) const {
        const auto weight = matrix("model.layers.0." + name + ".weight");
        Rows y(x.size(), std::vector<double>(weight.rows(), 0.0));
        for (std::size_t t = 0; t < x.size(); ++t)
            for (std::size_t r = 0; r < weight.rows(); ++r)
                for (std::size_t c = 0; c < weight.cols(); ++c) y[t][r] += static_cast<double>(weight(r, c)) * x[t][c];
        return y;
    }
    Rows normed(Rows x, const std::string& name) const {
        std::vector<float> gains(x[0].size());
        if (!m_checkpoint.read("model.layers.0." + name + ".weight", gains)) throw std::runtime_error("no norm");
        for (auto& row : x) {
            double square = 0.0;
            for (const double value : row) square += value * value;
            const double scale = 1.0 / std::sqrt(square / static_cast<double>(row.size()) + static_cast<double>(m_config.normEpsilon));
            for (std::size_t i = 0; i < row.size(); ++i) row[i] *= scale * static_cast<double>(gains[i]);
        }
        return x;
    }
    void rotate(std::vector<double>& heads, std::size_t position) const {
        const auto headDim = static_cast<std::size_t>(m_config.headDim);
        for (std::size_t head = 0; head < heads.size(); head += headDim)
            for (std::size_t i = 0; i < headDim / 2; ++i) {
                const double angle = static_cast<double>(position) * std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(headDim));
                const double a = heads[head + i], b = heads[head + i + headDim / 2];
                heads[head + i] = a * std::cos(angle) - b * std::sin(angle);
                heads[head + i + headDim / 2] = a * std::sin(angle) + b * std::cos(angle);
            }
    }

    const Checkpoint& m_checkpoint;
    const DecoderConfig& m_config;
};

}  // namespace

/// What is looked up or computed of a finished run, against what the run itself reports and independent sums.
class TestRunAnalysis : public QObject {
    Q_OBJECT

    tiny::Workspaces m_places;
    std::string m_run;
    protocol::RunState m_state;

    const protocol::BlockSeparability& block(const std::string& model, int index) const {
        return *std::find_if(m_state.blocks.begin(), m_state.blocks.end(),
                             [&](const auto& each) { return each.model == model && each.block == index; });
    }

private slots:
    void initTestCase() {
        m_places.prepare();
        m_run = tiny::makeRun(m_places.next(), m_places.spec());
        finishRun(m_run);
        m_state = *readRunState(m_run);
    }

    void probeWeightsExplainTheGap() {
        for (const char* model : {"base", "quantized"}) {
            const auto found = readProbeWeights(m_run, model, 2);
            QVERIFY2(found.has_value(), errorOf(found).c_str());
            QCOMPARE(static_cast<int>(found->weights.size()), block(model, 2).refitted.nonZeros);
            QCOMPARE(found->hidden, 32);
            QVERIFY(found->malicious > 0 && found->malicious == found->benign);
            QVERIFY(std::is_sorted(found->weights.begin(), found->weights.end(),
                                   [](const auto& a, const auto& b) { return std::fabs(a.weight) > std::fabs(b.weight); }));
            // Weights times differences of means are the difference of mean scores, here from the file's arrays.
            const auto path = blockPath(m_run, model, 2);
            const auto weights = readArray(path, "probe/weights"), x = readArray(path, "activations");
            const auto table = readPromptTable(m_run);
            double sums[2] = {0.0, 0.0}, counts[2] = {0.0, 0.0};
            for (std::size_t row = 0; row < table->captured.size(); ++row) {
                const auto& prompt = table->prompts[static_cast<std::size_t>(table->captured[row])];
                if (prompt.split != "calibration" || prompt.label == "hard_benign") continue;
                double score = 0.0;
                for (std::size_t i = 0; i < 32; ++i)
                    score += static_cast<double>(weights->values[i]) * static_cast<double>(x->values[row * 32 + i]);
                sums[prompt.label == "malicious"] += score;
                counts[prompt.label == "malicious"] += 1.0;
            }
            double gap = 0.0;
            for (const auto& weight : found->weights) gap += weight.weight * weight.meanDifference;
            QVERIFY(std::fabs(gap - (sums[1] / counts[1] - sums[0] / counts[0])) < 1e-5);
        }
    }

    void similarityIsThatOfTheWeights() {
        const auto found = readProbeSimilarity(m_run, "base");
        QVERIFY2(found.has_value(), errorOf(found).c_str());
        QCOMPARE(found->blocks, (std::vector<int>{0, 1, 2, 3}));
        const auto first = readArray(blockPath(m_run, "base", 1), "probe/weights")->values;
        const auto second = readArray(blockPath(m_run, "base", 3), "probe/weights")->values;
        const auto product = [](const auto& a, const auto& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); };
        const double expected = product(first, second) / std::sqrt(product(first, first) * product(second, second));
        QVERIFY(std::fabs(static_cast<double>(found->cosines.values[1 * kBlocks + 3]) - expected) < 1e-5);
        for (int i = 0; i < kBlocks; ++i) {
            const float own = found->cosines.values[static_cast<std::size_t>(i * kBlocks + i)];
            QVERIFY(std::isnan(own) || std::fabs(own - 1.0F) < 1e-6F);
        }
    }

    void transferAgreesWithTheRun() {
        for (const char* model : {"base", "quantized"}) {
            const auto found = measureProbeTransfer(m_run, model);
            QVERIFY2(found.has_value(), errorOf(found).c_str());
            QCOMPARE(found->correct.size(), std::size_t{kBlocks * kBlocks});
            for (int i = 0; i < kBlocks; ++i) {
                const auto& summary = block(model, i);
                const auto& probe = summary.transferred ? *summary.transferred : summary.refitted;
                QCOMPARE(found->total, probe.accuracy.total);
                QCOMPARE(found->correct[static_cast<std::size_t>(i * kBlocks + i)], probe.accuracy.count);
                QVERIFY(std::fabs(static_cast<double>(found->auc.values[static_cast<std::size_t>(i * kBlocks + i)]) - probe.auc) < 1e-6);
            }
            // Probe of block 0 on block 3, from the arrays.
            const auto weights = readArray(blockPath(m_run, "base", 0), "probe/weights");
            const auto fit = json::parse(readArrayFile(blockPath(m_run, "base", 0))->texts.at("probe/fit"));
            const auto x = readArray(blockPath(m_run, model, 3), "activations");
            const auto table = readPromptTable(m_run);
            std::uint64_t correct = 0;
            for (std::size_t row = 0; row < table->captured.size(); ++row) {
                const auto& prompt = table->prompts[static_cast<std::size_t>(table->captured[row])];
                if (prompt.split != "evaluation" || prompt.label == "hard_benign") continue;
                double score = fit["intercept"].get<double>();
                for (std::size_t i = 0; i < 32; ++i)
                    score += static_cast<double>(weights->values[i]) * static_cast<double>(x->values[row * 32 + i]);
                correct += (score > 0.0) == (prompt.label == "malicious") ? 1 : 0;
            }
            QCOMPARE(found->correct[3], correct);
        }
    }

    void calibrationAgreesWithTheRun() {
        const auto found = measureProbeCalibration(m_run, 1, 10);
        QVERIFY2(found.has_value(), errorOf(found).c_str());
        QCOMPARE(found->probes.size(), std::size_t{3});
        const std::pair<const char*, const protocol::ProbeSummary*> expected[] = {
            {"base", &block("base", 1).refitted}, {"refitted", &block("quantized", 1).refitted}, {"transferred", &*block("quantized", 1).transferred}};
        for (std::size_t i = 0; i < 3; ++i) {
            const auto& probe = found->probes[i];
            QCOMPARE(probe.probe, std::string(expected[i].first));
            QVERIFY(std::fabs(probe.auc - expected[i].second->auc) < 1e-9);
            QCOMPARE(probe.maliciousCaught.count + probe.benignRight.count, expected[i].second->accuracy.count);
            QCOMPARE(probe.maliciousCaught.total + probe.benignRight.total, expected[i].second->accuracy.total);
            QCOMPARE(probe.hardBenignRight.count, expected[i].second->hardBenign.count);
            for (const auto& curve : probe.curves) {
                std::uint64_t prompts = 0, malicious = 0;
                for (const auto& bin : curve.bins) {
                    prompts += bin.malicious.total;
                    malicious += bin.malicious.count;
                }
                QCOMPARE(prompts, expected[i].second->accuracy.total);
                QCOMPARE(malicious, probe.maliciousCaught.total);
            }
        }
        QCOMPARE(found->probes[0].curves[0].bins.size(), std::size_t{10});
    }

    void weightsAgreeWithTheRun() {
        const auto& linears = block("quantized", 1).linears;
        for (const auto& linear : linears) {
            const auto found = measureLinearWeights(m_run, linear.name);
            QVERIFY2(found.has_value(), errorOf(found).c_str());
            QVERIFY(found->quantized && !found->rescaled && !found->rotated);
            QVERIFY(std::fabs(found->relativeError - linear.relativeError) < 1e-9);
            const auto count = static_cast<std::uint64_t>(found->rows) * static_cast<std::uint64_t>(found->cols);
            for (const auto* counts : {&found->full.counts, &found->rounded.counts, &found->codes})
                QCOMPARE(std::accumulate(counts->begin(), counts->end(), std::uint64_t{0}), count);
            QCOMPARE(found->codes.size(), std::size_t{16});
        }
        // One bin of the full-precision histogram, counted again.
        const auto found = measureLinearWeights(m_run, linears[6].name);
        const auto checkpoint = openCheckpoint(m_places.inputs().toStdString() + "/tiny-llama");
        const auto weight = (*checkpoint)->readMatrix(linears[6].name + ".weight");
        const double width = (found->full.high - found->full.low) / static_cast<double>(found->full.counts.size());
        std::uint64_t inBin = 0;
        for (const double value : weight->span())
            if (value >= found->full.low + 100 * width && value < found->full.low + 101 * width) ++inBin;
        QCOMPARE(found->full.counts[100], inBin);
    }

    void inputsAgreeWithANaivePass() {
        std::vector<protocol::BlockInputs> told;
        const auto listen = [&](protocol::BlockInputs& inputs) { told.push_back(std::move(inputs)); };
        const auto done = measureInputs(m_run, "base", 400, {}, listen);
        QVERIFY2(done.has_value(), errorOf(done).c_str());
        QCOMPARE(told.size(), std::size_t{kBlocks});
        QVERIFY(told[0].prompts >= 2 && told[0].tokens <= 400);

        const auto checkpoint = openCheckpoint(m_places.inputs().toStdString() + "/tiny-llama");
        const auto format = ChatFormat::create((*checkpoint)->tokenizerSource());
        const FirstBlock pass(**checkpoint);
        std::vector<double> largest[4] = {std::vector<double>(32), std::vector<double>(32), std::vector<double>(32), std::vector<double>(48)};
        const auto see = [&](std::vector<double>& out, const FirstBlock::Rows& rows) {
            for (const auto& row : rows)
                for (std::size_t i = 0; i < out.size(); ++i) out[i] = std::max(out[i], std::fabs(row[i]));
        };
        // Labels in turn, in the order of the table.
        std::map<std::string, std::vector<std::string>> byLabel;
        const auto table = readPromptTable(m_run);
        for (const int prompt : table->captured) {
            const auto& item = table->prompts[static_cast<std::size_t>(prompt)];
            if (item.split == "calibration") byLabel[item.label].push_back(item.text);
        }
        const char* const labels[] = {"malicious", "benign", "hard_benign"};
        for (std::uint64_t i = 0; i < told[0].prompts; ++i) {
            const auto inputs = pass(*format->encodePrompt(byLabel.at(labels[i % 3]).at(i / 3)));
            see(largest[0], inputs.query);
            see(largest[1], inputs.output);
            see(largest[2], inputs.gate);
            see(largest[3], inputs.down);
        }
        QCOMPARE(told[0].groups.size(), std::size_t{4});
        for (std::size_t group = 0; group < 4; ++group) {
            QCOMPARE(told[0].groups[group].largest.size(), largest[group].size());
            for (std::size_t i = 0; i < largest[group].size(); ++i)
                QVERIFY(std::fabs(static_cast<double>(told[0].groups[group].largest[i]) - largest[group][i]) < 1e-4 * (1.0 + largest[group][i]));
        }
        QCOMPARE(told[0].groups[0].linears.size(), std::size_t{3});
        QCOMPARE(told[3].groups[3].linears[0], std::string("model.layers.3.mlp.down_proj"));

        // The quantized model's first inputs are the base's: nothing was rounded before them.
        const auto first = told[0].groups[0].largest;
        const auto last = told[3].groups[3].largest;
        told.clear();
        QVERIFY(measureInputs(m_run, "quantized", 400, {}, listen).has_value());
        QCOMPARE(told[0].groups[0].largest, first);
        QVERIFY(told[3].groups[3].largest != last);
    }

    void inputsStopWhenAsked() {
        std::stop_source stop;
        int blocks = 0;
        const auto done = measureInputs(m_run, "base", 400, stop.get_token(), [&](protocol::BlockInputs&) {
            ++blocks;
            stop.request_stop();
        });
        QVERIFY(!done && done.error().kind == ErrorKind::Cancelled);
        QCOMPARE(blocks, 1);
    }

    void badQuestionsAreAnsweredWithWhatWorks() {
        const auto none = [](protocol::BlockInputs&) {};
        QVERIFY(errorOf(readProbeWeights(m_run, "basis", 0)).find("\"base\"") != std::string::npos);
        QVERIFY(readProbeWeights(m_run, "base", 4).error().kind == ErrorKind::NotFound);
        QVERIFY(readProbeWeights(m_run, "base", -1).error().kind == ErrorKind::NotFound);
        QVERIFY(readProbeSimilarity("/no/such/run", "base").error().kind == ErrorKind::NotFound);
        QVERIFY(measureProbeTransfer("/no/such/run", "base").error().kind == ErrorKind::NotFound);
        QVERIFY(errorOf(measureProbeCalibration(m_run, 0, 1)).find("2 to 100") != std::string::npos);
        QVERIFY(measureProbeCalibration(m_run, 9, 10).error().kind == ErrorKind::NotFound);
        QVERIFY(measureLinearWeights(m_run, "model.layers.0.mlp.side_proj").error().kind == ErrorKind::NotFound);
        QVERIFY(errorOf(measureInputs(m_run, "base", 3, {}, none)).find("64 to 65536") != std::string::npos);
        QVERIFY(errorOf(measureInputs(m_run, "other", 400, {}, none)).find("\"quantized\"") != std::string::npos);
    }

    /// Scales that moved into the weights: said, and nothing is drawn on grids that are of other weights.
    void rescaledWeightsAreTold() {
        auto spec = tiny::learnedSpecJson(m_places.inputs());
        spec["quantization"]["method"] = "smoothquant";
        spec["quantization"].erase("learning");
        spec.erase("aligned");
        const auto run = tiny::makeRun(m_places.next(), spec);
        finishRun(run);
        const auto query = measureLinearWeights(run, "model.layers.1.self_attn.q_proj");
        QVERIFY2(query.has_value(), errorOf(query).c_str());
        QVERIFY(query->rescaled && query->steps.counts.empty());
        const auto down = measureLinearWeights(run, "model.layers.1.mlp.down_proj");
        QVERIFY2(down.has_value(), errorOf(down).c_str());
        QVERIFY(!down->rescaled && !down->steps.counts.empty());
        const auto alone = measureLinearWeights(run, "model.layers.2.mlp.up_proj");
        QVERIFY2(alone.has_value(), errorOf(alone).c_str());
        QVERIFY(!alone->quantized && alone->codes.empty());
        int blocks = 0;
        QVERIFY(measureInputs(run, "quantized", 400, {}, [&](protocol::BlockInputs&) { ++blocks; }).has_value());
        QCOMPARE(blocks, kBlocks);
    }

    /// A checkpoint that is another one now: nothing is computed from it.
    void anotherCheckpointIsRefused() {
        QTemporaryDir copy;
        tiny::writeInputs(copy.path());
        const auto run = tiny::makeRun(m_places.next(), tiny::specJson(copy.path()));
        finishRun(run);
        QFile::remove(copy.path() + "/tiny-llama/model.safetensors");
        QVERIFY(QFile::copy(copy.path() + "/tiny-aligned/model.safetensors", copy.path() + "/tiny-llama/model.safetensors"));
        const auto weights = measureLinearWeights(run, "model.layers.1.self_attn.q_proj");
        QVERIFY(!weights && weights.error().kind == ErrorKind::Mismatch);
        QVERIFY(errorOf(weights).find("Put the checkpoint back") != std::string::npos || errorOf(weights).find("not the one") != std::string::npos);
    }
};

QTEST_GUILESS_MAIN(TestRunAnalysis)
#include "test_run_analysis.moc"
