// SPDX-License-Identifier: GPL-3.0-or-later
// libtorch's headers come first: Qt's word "slots" is a name in them.
#include "core/patch/score_choice.h"

#include <QTemporaryDir>
#include <QtTest>
#include <algorithm>
#include <bit>
#include <numeric>

#include "core/base/random.h"
#include "core/exporting/float_bits.h"
#include "core/patch/kept_block.h"
#include "core/patch/moved_scales.h"
#include "patch_reference.h"
#include "tests/support/or_throw.h"

using namespace safequant;
using testing::orThrow;

namespace {

std::uint64_t chosenOf(const WeightBits& bits) {
    return std::accumulate(bits.begin(), bits.end(), std::uint64_t{0},
                           [](std::uint64_t sum, std::uint64_t word) { return sum + static_cast<std::uint64_t>(std::popcount(word)); });
}

float bfloat16(float value) { return std::bit_cast<float>(static_cast<std::uint32_t>(nearestBfloat16Bits(value)) << 16); }

}  // namespace

class TestCriticalWeights : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    std::shared_ptr<const Checkpoint> m_model;
    nlohmann::json m_reference;
    std::vector<LinearPlan> m_plan;
    std::vector<ScoredSample> m_samples;

    PatchOptions options(PatchMask mask, double share, bool global = false) const {
        PatchOptions options;
        options.mask = mask;
        options.share = share;
        options.global = global;
        options.generalWeight = m_reference["beta"];
        return options;
    }
    WeightChoice chosen(const PatchOptions& options) const { return orThrow(chooseCriticalWeights(m_model, m_plan, m_samples, options)); }

private slots:
    void initTestCase() {
        m_reference = testing::patchReference();
        m_model = testing::referenceModel(m_folder.path().toStdString());
        m_plan = orThrow(planSchemes(m_model->config(), {4, -1, false, 16}, {}));
        for (const auto& sample : m_reference["refusals"]) m_samples.push_back({testing::sampleOf(sample), true});
        for (const auto& sample : m_reference["general"]) m_samples.push_back({testing::sampleOf(sample), false});
    }

    /// No weight left out scores more, by torch, than one that is chosen; and there are exactly as many as asked for.
    void scoresAreTheReferences_data() {
        QTest::addColumn<int>("mask");
        QTest::addColumn<QString>("field");
        QTest::addColumn<double>("share");
        for (const double share : {0.02, 0.1, 0.33, 0.6, 0.9}) {
            QTest::addRow("safe %g", share) << int(PatchMask::SafeScore) << "safe_score" << share;
            QTest::addRow("protection %g", share) << int(PatchMask::Protection) << "protection_score" << share;
        }
    }

    void scoresAreTheReferences() {
        QFETCH(int, mask);
        QFETCH(QString, field);
        QFETCH(double, share);
        const WeightChoice choice = chosen(options(PatchMask(mask), share));
        QCOMPARE(choice.size(), m_plan.size());
        for (const auto& [name, values] : m_reference[field.toStdString()].items()) {
            const auto scores = values.get<std::vector<float>>();
            const WeightBits& bits = choice.at(name);
            QCOMPARE(chosenOf(bits), static_cast<std::uint64_t>(std::llround(share * static_cast<double>(scores.size()))));
            float least = 1e30F, largest = -1e30F, scale = 0.0F;
            for (std::size_t i = 0; i < scores.size(); ++i) {
                if (hasBit(bits, i))
                    least = std::min(least, scores[i]);
                else
                    largest = std::max(largest, scores[i]);
                scale = std::max(scale, std::abs(scores[i]));
            }
            // Float32 against double: neighbours in rank may change places within 1e-4 of themselves, or 1e-7 of the largest.
            QVERIFY2(least > largest - 1e-4F * std::abs(largest) - 1e-7F * scale,
                     qPrintable(QString("%1: %2 %3").arg(name.c_str()).arg(least).arg(largest)));
        }
    }

    void oneThresholdForTheModel() {
        for (const PatchMask mask : {PatchMask::SafeScore, PatchMask::Protection}) {
            const WeightChoice choice = chosen(options(mask, 0.25, true));
            std::uint64_t count = 0, all = 0;
            for (const LinearPlan& linear : m_plan) {
                const auto [out, in] = linearShape(m_model->config(), linear.role);
                all += static_cast<std::uint64_t>(out) * static_cast<std::uint64_t>(in);
                count += chosenOf(choice.at(linear.name));
            }
            QCOMPARE(count, static_cast<std::uint64_t>(std::llround(0.25 * static_cast<double>(all))));
            float least = 1e30F, largest = -1e30F;
            bool shares = false;
            for (const auto& [name, values] : m_reference[mask == PatchMask::SafeScore ? "safe_score" : "protection_score"].items()) {
                const auto scores = values.get<std::vector<float>>();
                for (std::size_t i = 0; i < scores.size(); ++i) {
                    if (hasBit(choice.at(name), i))
                        least = std::min(least, scores[i]);
                    else
                        largest = std::max(largest, scores[i]);
                }
                shares =
                    shares || std::abs(static_cast<double>(chosenOf(choice.at(name))) / static_cast<double>(scores.size()) - 0.25) > 0.05;
            }
            QVERIFY2(least > largest * (1.0F - 1e-4F), qPrintable(QString("%1 %2").arg(least).arg(largest)));
            QVERIFY(shares);
        }
    }

    /// The exact choice of many linears together is that of sorting them all, with ties and scores on both sides of 0.
    void sharedChoiceIsSorting() {
        RandomStream random(3, "scores");
        std::vector<at::Tensor> linears;
        std::vector<std::tuple<float, std::size_t, std::int64_t>> order;
        for (std::size_t linear = 0; linear < 3; ++linear) {
            at::Tensor scores = at::empty({20, 50});
            for (std::int64_t i = 0; i < 1000; ++i) {
                // Few values, so that many are the same.
                const float value = static_cast<float>(random.below(40)) * 0.001F - 0.02F;
                scores.data_ptr<float>()[i] = value;
                order.emplace_back(-value, linear, i);
            }
            linears.push_back(scores);
        }
        std::sort(order.begin(), order.end());
        for (const double share : {0.001, 0.37, 0.5, 1.0}) {
            SharedChoice choice;
            for (const auto& scores : linears) choice.count(scores);
            choice.setShare(share);
            std::vector<at::Tensor> masks;
            for (std::size_t linear = 0; linear < 3; ++linear) masks.push_back(choice.choose(linear, linears[linear]));
            for (const auto& place : choice.rest()) masks[place.linear].data_ptr<std::uint8_t>()[place.index] = 1;
            std::vector<at::Tensor> expected(3);
            for (auto& mask : expected) mask = at::zeros({20, 50}, at::kByte);
            for (std::int64_t i = 0; i < std::llround(share * 3000.0); ++i) {
                const auto& [score, linear, index] = order[static_cast<std::size_t>(i)];
                expected[linear].data_ptr<std::uint8_t>()[index] = 1;
            }
            for (std::size_t linear = 0; linear < 3; ++linear) QVERIFY(at::equal(masks[linear], expected[linear]));
        }
        const at::Tensor mask = largestScores(linears[0], 400);
        QCOMPARE(mask.sum().item<std::int64_t>(), std::int64_t{400});
        QVERIFY(at::min(linears[0].masked_select(mask.to(at::kBool))).item<float>() >=
                at::max(linears[0].masked_select(mask.eq(0))).item<float>());
    }

    void randomIsExactAndByTheSeed() {
        const WeightChoice once = chosen(options(PatchMask::Random, 0.3)), again = chosen(options(PatchMask::Random, 0.3));
        QVERIFY(once == again);
        PatchOptions other = options(PatchMask::Random, 0.3);
        other.seed = 1;
        QVERIFY(chosen(other) != once);
        QVERIFY(chosen(options(PatchMask::SafeScore, 0.3)) != once);
        for (const LinearPlan& linear : m_plan) {
            const auto [out, in] = linearShape(m_model->config(), linear.role);
            QCOMPARE(chosenOf(once.at(linear.name)), static_cast<std::uint64_t>(std::llround(0.3 * out * in)));
        }
        QVERIFY(once.at(m_plan[0].name) != once.at(m_plan[7].name));
    }

    void choiceComesBackFromItsFile() {
        const WeightChoice choice = chosen(options(PatchMask::Random, 0.3));
        const auto path = m_folder.filePath("choice.safetensors").toStdString();
        orThrow(writeWeightChoice(path, choice));
        QVERIFY(orThrow(readWeightChoice(path, m_model->config(), m_plan)) == choice);
        WeightChoice fewer = choice;
        fewer.erase(fewer.begin());
        orThrow(writeWeightChoice(path, fewer));
        QCOMPARE(readWeightChoice(path, m_model->config(), m_plan).error().kind, ErrorKind::Mismatch);
    }

    void keptAreTheWeightsAndOthersTheQuantizers_data() {
        QTest::addColumn<int>("group");
        QTest::addColumn<double>("share");
        for (const int group : {-1, 4})
            for (const double share : {0.1, 0.6, 1.0}) QTest::addRow("group %d, share %g", group, share) << group << share;
    }

    void keptAreTheWeightsAndOthersTheQuantizers() {
        QFETCH(int, group);
        QFETCH(double, share);
        const auto plan = orThrow(planSchemes(m_model->config(), {4, group, false, 8}, {{"0\\.mlp\\.up_proj", {16, -1, false, 16}}}));
        PatchOptions some = options(PatchMask::Random, share);
        const WeightChoice choice = orThrow(chooseCriticalWeights(m_model, plan, {}, some));
        const BlockWeights original = orThrow(loadBlock(*m_model, 0));
        const CodedBlock rounded = roundedBlock(orThrow(loadBlock(*m_model, 0)), planOfBlock(plan, 0));
        const KeptBlock made =
            keepWeights(m_model->config(), original, roundedBlock(orThrow(loadBlock(*m_model, 0)), planOfBlock(plan, 0)), choice, false);
        for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
            const QuantizedLinear& linear = made.block.linears[i];
            if (!plan[i].quantized()) {
                QVERIFY(linear.onGrid() && linear.codes.empty() && choice.count(plan[i].name) == 0);
                continue;
            }
            QVERIFY(!linear.onGrid());
            const Matrix grid = rounded.linears[i].dequantize();
            const WeightBits& bits = choice.at(plan[i].name);
            QCOMPARE(made.kept[i], chosenOf(bits));
            for (std::size_t w = 0; w < grid.size(); ++w) {
                const float expected = hasBit(bits, w) ? bfloat16(original.linears[i].weight.data()[w]) : grid.data()[w];
                QVERIFY(linear.values[w] == expected);
                QVERIFY(made.block.weights.linears[i].weight.data()[w] == expected);
            }
            QCOMPARE(made.block.weights.linears[i].input.bits, 8);
        }
    }

    /// By hand: 64 x 64 weights in groups of 16 with 4 bits, scales of 16 bits and zero points of 4: 4 + 20 / 16 bits without a patch.
    void bitsAreCounted() {
        RandomStream random(9, "bits");
        Matrix weight(64, 64);
        for (float& value : weight.span()) value = static_cast<float>(random.normal());
        const QuantizedLinear linear = roundToNearest(weight, {4, 16, false, 16});
        QCOMPARE(keptBits(linear, 0), 5.25);
        QCOMPARE(keptBits(linear, 4096), 16.0);
        // A bit a weight is less than 12 bits for each of 1024 places.
        QCOMPARE(keptBits(linear, 1024), 0.75 * 4.0 + 0.25 * 16.0 + 1.25 + 1.0);
        // Of 64 it is more.
        QCOMPARE(keptBits(linear, 64), (4032.0 * 4.0 + 64.0 * 16.0 + 64.0 * 12.0) / 4096.0 + 1.25);
    }

    /// Scales that a quantizer moved: what it divided out of norms is known, the rest is found.
    void movedScalesAreFound() {
        const DecoderConfig& config = m_model->config();
        const BlockWeights original = orThrow(loadBlock(*m_model, 1));
        BlockWeights moved = orThrow(loadBlock(*m_model, 1));
        RandomStream random(5, "moved");
        const auto scales = [&](std::size_t count) {
            std::vector<float> values;
            for (std::size_t i = 0; i < count; ++i) values.push_back(static_cast<float>(std::exp(0.4 * random.normal())));
            return values;
        };
        std::array<MovedScales, kLinearsPerBlock> expected;
        const auto of = [&](LinearRole role) -> MovedScales& { return expected[static_cast<std::size_t>(role)]; };
        const auto hidden = static_cast<std::size_t>(config.hiddenSize), headDim = static_cast<std::size_t>(config.headDim);
        const auto attention = scales(hidden), forward = scales(hidden), values = scales(static_cast<std::size_t>(config.kvWidth())),
                   up = scales(static_cast<std::size_t>(config.intermediateSize));
        for (std::size_t c = 0; c < hidden; ++c) moved.inputNorm[c] /= attention[c];
        for (std::size_t c = 0; c < hidden; ++c) moved.preFeedForwardNorm[c] /= forward[c];
        for (const LinearRole role : {LinearRole::Query, LinearRole::Key, LinearRole::Value}) of(role).columns = attention;
        for (const LinearRole role : {LinearRole::Gate, LinearRole::Up}) of(role).columns = forward;
        of(LinearRole::Value).rows = values;
        of(LinearRole::Up).rows = up;
        const std::size_t repeats = static_cast<std::size_t>(config.heads / config.kvHeads);
        for (std::size_t c = 0; c < original[LinearRole::Output].weight.cols(); ++c)
            of(LinearRole::Output).columns.push_back(1.0F / values[c / headDim / repeats * headDim + c % headDim]);
        for (const float scale : up) of(LinearRole::Down).columns.push_back(1.0F / scale);
        for (std::size_t i = 0; i < kLinearsPerBlock; ++i)
            moved.linears[i].weight =
                roundToNearest(scaledWeight(original.linears[i].weight, expected[i]), {8, -1, false, 16}).dequantize();
        const auto found = movedScales(config, original, moved);
        for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
            const bool known = expected[i].rows.empty() && i != static_cast<std::size_t>(LinearRole::Output) &&
                               i != static_cast<std::size_t>(LinearRole::Down);
            const Matrix wanted = scaledWeight(original.linears[i].weight, expected[i]),
                         got = scaledWeight(original.linears[i].weight, found[i]);
            // Rows of 16 rounded to 8 bits tell their scale to about a percent.
            QVERIFY2(testing::relativeError(got.span(), wanted.span()) < (known ? 1e-6 : 0.01),
                     qPrintable(QString("%1: %2").arg(i).arg(testing::relativeError(got.span(), wanted.span()))));
        }
        // What nothing was moved in stays as it is, though rounding alone fits no scale of exactly 1.
        BlockWeights still = orThrow(loadBlock(*m_model, 1));
        for (auto& linear : still.linears) linear.weight = roundToNearest(linear.weight, {8, -1, false, 16}).dequantize();
        for (const MovedScales& scale : movedScales(config, original, still)) {
            QVERIFY(scale.rows.empty());
            for (const float column : scale.columns) QCOMPARE(column, 1.0F);
        }
    }

    void refusesWhatItCannotScore() {
        const std::vector<ScoredSample> refusals(m_samples.begin(), m_samples.begin() + 3), general(m_samples.begin() + 3, m_samples.end());
        const auto with = [&](const std::vector<ScoredSample>& samples, const PatchOptions& some) {
            return chooseCriticalWeights(m_model, m_plan, samples, some);
        };
        QCOMPARE(with(general, options(PatchMask::SafeScore, 0.5)).error().kind, ErrorKind::BadInput);
        QCOMPARE(with(refusals, options(PatchMask::Protection, 0.5)).error().kind, ErrorKind::BadInput);
        PatchOptions alone = options(PatchMask::Protection, 0.5);
        alone.generalWeight = 0.0;
        QVERIFY(with(refusals, alone).has_value());
        std::stop_source stop;
        stop.request_stop();
        const auto stopped =
            chooseCriticalWeights(m_model, m_plan, m_samples, options(PatchMask::SafeScore, 0.5), Progress{stop.get_token(), {}});
        QCOMPARE(stopped.error().kind, ErrorKind::Cancelled);
    }
};

QTEST_GUILESS_MAIN(TestCriticalWeights)
#include "test_critical_weights.moc"
