// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>
#include <random>

#include "core/quantize/quantize_block.h"
#include "core/realign/realigner.h"
#include "tests/core/model/model_fixtures.h"

using namespace safequant;
using namespace safequant::testing;

class TestRealigner : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    std::shared_ptr<const Checkpoint> m_tuned, m_aligned;

    RealignSetup setup(const RealignObjective& objective) const {
        RealignSetup setup;
        setup.checkpoint = m_tuned;
        setup.aligned = m_aligned;
        setup.plan = *planSchemes(m_tuned->config(), {8, -1, true, 8}, {});
        std::mt19937 random(5);
        std::uniform_int_distribution<std::int32_t> token(0, m_tuned->config().vocabulary - 1);
        for (int i = 0; i < 12; ++i) {
            LearningSample sample{std::to_string(i), i % 2 == 0 ? SampleKind::Malicious : SampleKind::Benign, {7, 8, 9}};
            // The last token tells the kinds apart, so that they can be treated differently.
            for (int k = 0; k < 6; ++k) sample.tokens.push_back(token(random));
            sample.tokens.push_back(i % 2 == 0 ? 11 : 12);
            setup.samples.push_back(std::move(sample));
        }
        setup.learning.objective = objective;
        setup.learning.epochs = setup.earlyEpochs = 12;
        setup.learning.batchSize = 4;
        return setup;
    }
    static std::unique_ptr<Realigner> create(RealignSetup setup) {
        auto created = Realigner::create(std::move(setup));
        if (!created) throw std::runtime_error(created.error().describe());
        return std::move(*created);
    }

private slots:
    void initTestCase() {
        auto data = readJson(familyData("llama.json"));
        m_tuned = openFamily(m_folder.path().toStdString() + "/tuned", data["weights"], data["config"]);
        // The same model with weaker norms stands for the aligned one: near, and not equal.
        data["config"]["rms_norm_eps"] = 0.5;
        m_aligned = openFamily(m_folder.path().toStdString() + "/aligned", data["weights"], data["config"]);
    }

    /// Malicious samples come nearer to the aligned model, benign ones stay near the fine-tuned one.
    void dualStreamMovesMaliciousSamples() {
        const auto realigner = create(setup(RealignObjective::dualStream()));
        const auto reconstructing = create(setup(RealignObjective::reconstruction()));
        for (int block = 0; block < m_tuned->config().blocks; ++block) {
            QVERIFY(realigner->learn({}, {}).has_value());
            QVERIFY(reconstructing->learn({}, {}).has_value());
        }
        QCOMPARE(realigner->next(), m_tuned->config().blocks);
        const RealignedBlock& outcome = realigner->last();
        QVERIFY(outcome.maliciousBefore > 1e-6);
        QVERIFY2(outcome.maliciousError < 0.9 * outcome.maliciousBefore,
                 qPrintable(QString("%1 of %2").arg(outcome.maliciousError).arg(outcome.maliciousBefore)));
        QVERIFY(outcome.benignError < 0.05);
        QCOMPARE(reconstructing->last().maliciousBefore, 0.0);
    }

    /// Passing a learned block leaves the streams where learning it did.
    void passingIsLearning() {
        const auto learning = create(setup(RealignObjective::dualStream()));
        const auto first = learning->learn({}, {});
        const auto second = learning->learn({}, {});
        QVERIFY(first && second);
        const auto passing = create(setup(RealignObjective::dualStream()));
        QVERIFY(passing->pass(first->weights).has_value());
        const auto again = passing->learn({}, {});
        QVERIFY(again.has_value());
        for (std::size_t i = 0; i < kLinearsPerBlock; ++i) QVERIFY(again->linears[i].codes == second->linears[i].codes);
        QCOMPARE(passing->last().maliciousError, learning->last().maliciousError);
    }

    /// Shifts that are known beforehand stand for the aligned model they were taken from.
    void shiftsStandForTheAlignedModel() {
        RealignObjective objective = RealignObjective::signature(1.0);
        objective.tail = 1;
        const auto withWeights = create(setup(objective));
        RealignSetup known = setup(objective);
        known.aligned = nullptr;
        std::vector<CodedBlock> expected;
        for (int block = 0; block < m_tuned->config().blocks; ++block) {
            QVERIFY(withWeights->prepare().has_value());
            const Matrix aligned = withWeights->chatRows(RealignStream::Aligned), tuned = withWeights->chatRows(RealignStream::FineTuned);
            Matrix shift(1, aligned.cols());
            for (std::size_t d = 0; d < aligned.cols(); ++d) {
                double sum = 0.0;
                // Every other chat is malicious, the first one is.
                for (std::size_t i = 0; i < aligned.rows(); i += 2) sum += static_cast<double>(aligned(i, d)) - static_cast<double>(tuned(i, d));
                shift(0, d) = static_cast<float>(sum / 6.0);
            }
            known.shifts.push_back(std::move(shift));
            auto learned = withWeights->learn({}, {});
            QVERIFY(learned.has_value());
            expected.push_back(std::move(*learned));
        }
        RealignSetup few = setup(objective);
        few.aligned = nullptr;
        QVERIFY(!Realigner::create(std::move(few)).has_value());
        RealignSetup uneven = setup(objective);
        uneven.shifts.push_back(Matrix::zeros(1, 8));
        QVERIFY(!Realigner::create(std::move(uneven)).has_value());

        const auto withShifts = create(std::move(known));
        for (std::size_t block = 0; block < expected.size(); ++block) {
            const auto learned = withShifts->learn({}, {});
            QVERIFY(learned.has_value());
            for (std::size_t i = 0; i < kLinearsPerBlock; ++i) QVERIFY(learned->linears[i].codes == expected[block].linears[i].codes);
        }
    }

    void stoppedBlocksCanBeAskedAgain() {
        const auto realigner = create(setup(RealignObjective::dualStream()));
        const auto expected = create(setup(RealignObjective::dualStream()))->learn({}, {});
        std::stop_source stop;
        int steps = 0;
        const Progress progress{stop.get_token(), [&](std::uint64_t, std::uint64_t) {
                                    if (++steps == 5) stop.request_stop();
                                }};
        const auto stopped = realigner->learn({}, progress);
        QVERIFY(!stopped && stopped.error().kind == ErrorKind::Cancelled);
        const auto again = realigner->learn({}, {});
        QVERIFY(again.has_value());
        for (std::size_t i = 0; i < kLinearsPerBlock; ++i) QVERIFY(again->linears[i].codes == expected->linears[i].codes);
    }

    /// The published objective drives the probe's logit of malicious samples up.
    void publishedObjectiveDrivesTheProbe() {
        RealignSetup published = setup(RealignObjective::published());
        published.learning.epochs = published.earlyEpochs = 20;
        const auto realigner = create(std::move(published));
        QVERIFY(realigner->prepare().has_value());
        const Matrix rows = realigner->chatRows(RealignStream::Aligned);
        QCOMPARE(rows.rows(), std::size_t{12});
        BlockProbe probe;
        probe.weights.assign(rows.cols(), 0.0F);
        probe.weights[3] = 5.0F;
        std::vector<EpochLosses> epochs;
        QVERIFY(realigner->learn(probe, {}, [&](const EpochLosses& losses) { epochs.push_back(losses); }).has_value());
        QVERIFY(epochs.back().probe < epochs.front().probe);
        const auto unprovided = realigner->learn({}, {});
        QVERIFY(!unprovided && unprovided.error().kind == ErrorKind::BadInput);
    }

    /// Each epoch above the limit halves what pulls malicious samples, which then stay nearer to where they were.
    void guardrailYieldsToBenignSamples() {
        RealignSetup guarded = setup(RealignObjective::dualStream());
        guarded.learning.guardrail = 1e-9;
        const auto held = create(std::move(guarded));
        std::vector<double> shares;
        QVERIFY(held->learn({}, {}, [&](const EpochLosses& losses) { shares.push_back(losses.share); }).has_value());
        for (std::size_t i = 0; i < shares.size(); ++i) QCOMPARE(shares[i], std::pow(0.5, static_cast<double>(i)));
        const auto free = create(setup(RealignObjective::dualStream()));
        QVERIFY(free->learn({}, {}, [](const EpochLosses& losses) { QCOMPARE(losses.share, 1.0); }).has_value());
        QVERIFY(held->last().benignError < free->last().benignError);
        QVERIFY(held->last().maliciousError > free->last().maliciousError);
    }

    void refusesWhatItCannotLearnFrom() {
        RealignSetup missing = setup(RealignObjective::dualStream());
        missing.aligned = nullptr;
        QVERIFY(!Realigner::create(std::move(missing)).has_value());
        RealignSetup empty = setup(RealignObjective::reconstruction());
        empty.samples.clear();
        QVERIFY(!Realigner::create(std::move(empty)).has_value());
        RealignSetup onlyBenign = setup(RealignObjective::dualStream());
        for (LearningSample& sample : onlyBenign.samples) sample.kind = SampleKind::Benign;
        QVERIFY(!Realigner::create(std::move(onlyBenign)).has_value());
        RealignSetup elsewhere = setup(RealignObjective::reconstruction());
        elsewhere.device = "tpu";
        QVERIFY(!Realigner::create(std::move(elsewhere)).has_value());
    }
};

QTEST_GUILESS_MAIN(TestRealigner)
#include "test_realigner.moc"
