// SPDX-License-Identifier: GPL-3.0-or-later
// libtorch's headers come first: Qt's word "slots" is a name in them.
#include "core/tuning/tuning_loop.h"

#include <QTemporaryDir>
#include <QtTest>
#include <cmath>

#include "core/model/block_runner.h"
#include "core/quantize/data_types.h"
#include "core/tensor/fake_quantize.h"
#include "core/tensor/tensor_conversion.h"
#include "core/training/adapted_blocks.h"
#include "core/tuning/latent_blocks.h"
#include "core/tuning/soft_labels.h"
#include "core/tuning/tuner.h"
#include "tests/support/or_throw.h"
#include "tests/support/tiny_model.h"

using namespace safequant;
using testing::orThrow;

namespace {

TrainingSample sampleFrom(const std::vector<std::int32_t>& tokens, std::size_t first) {
    TrainingSample sample;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) sample.targets.push_back(i + 1 >= first ? tokens[i + 1] : -1);
    sample.tokens.assign(tokens.begin(), tokens.end() - 1);
    return sample;
}

std::vector<TrainingSample> someSamples() {
    return {sampleFrom({1, 5, 6, 7, 20, 21, 22, 2}, 1), sampleFrom({90, 5, 9, 8, 7, 20}, 1), sampleFrom({1, 5, 4, 40, 41, 2, 60}, 3)};
}

/// Straight through rounding, ranges held fast.
at::Tensor straightThrough(const at::Tensor& weight, const QuantizationScheme& scheme) {
    const at::Tensor rounded = composeFakeQuantizeWeight(weight.detach(), {}, {scheme.weightBits, scheme.groupSize, scheme.symmetric});
    return (weight - weight.detach()) + rounded;
}

double furthest(const at::Tensor& a, const at::Tensor& b) { return at::max(at::abs(a - b)).item<double>(); }

}  // namespace

class TestTuning : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    std::shared_ptr<const Checkpoint> m_model;

    static TuningOptions options() {
        TuningOptions options;
        options.steps = 10;
        options.batch = 2;
        options.learningRate = 2e-3;
        options.warmupSteps = 2;
        options.seed = 3;
        options.rank = 4;
        options.alpha = 8.0;
        return options;
    }

    std::vector<LinearPlan> planOf(const QuantizationScheme& scheme, const std::vector<SchemeRule>& rules = {}) const {
        return orThrow(planSchemes(m_model->config(), scheme, rules));
    }

    template <typename Target>
    void addBlocks(Target& target, const std::vector<LinearPlan>& plan) const {
        for (int block = 0; block < m_model->config().blocks; ++block) target.add(orThrow(loadBlock(*m_model, block)), planOfBlock(plan, block));
    }

    std::unique_ptr<Tuner> begunWith(std::unique_ptr<Tuner> tuner, const std::vector<LinearPlan>& plan) const {
        addBlocks(*tuner, plan);
        if (const auto done = tuner->begin(someSamples()); !done) throw std::runtime_error(done.error().describe());
        return tuner;
    }
    std::unique_ptr<Tuner> begun(const std::vector<LinearPlan>& plan, const TuningOptions& options) const {
        return begunWith(Tuner::latentWeights(m_model, options), plan);
    }
    std::unique_ptr<Tuner> begunAdapter(const std::vector<LinearPlan>& plan, const TuningOptions& options) const {
        return begunWith(Tuner::adapterOnNormalFloats(m_model, options), plan);
    }

    /// Logits of a sample by plain operations; `block` gives each block's tensors.
    at::Tensor logits(const TrainingSample& sample, const std::function<TensorBlock(int)>& block) const {
        const DecoderConfig& config = m_model->config();
        RowLayout layout;
        layout.add(static_cast<std::int32_t>(sample.tokens.size()));
        const auto angles = layoutAngles(config, layout, at::kCPU);
        at::Tensor hidden = tensorOf(orThrow(embedTokens(*m_model, sample.tokens)), at::kCPU);
        for (int i = 0; i < config.blocks; ++i) hidden = forwardTensorBlock(config, block(i), layout, angles, hidden);
        const OutputHead head = orThrow(loadOutputHead(*m_model));
        const at::Tensor normed = rmsNorm(hidden, tensorOf(normGains(config, head.norm), at::kCPU), config.normEpsilon);
        return at::mm(normed, tensorOf(head.weight, at::kCPU).t());
    }

private slots:
    void initTestCase() {
        qputenv("SAFEQUANT_THREADS", "1");
        const auto path = m_folder.filePath("model").toStdString();
        testing::writeTinyModel(path);
        m_model = orThrow(openCheckpoint(path));
    }

    void usesWhatIsStored_data() {
        QTest::addColumn<int>("bits");
        QTest::addColumn<int>("group");
        QTest::addColumn<bool>("symmetric");
        for (const int bits : {2, 4, 8})
            for (const int group : {-1, 16})
                for (const bool symmetric : {true, false})
                    QTest::addRow("%d bits, group %d, %s", bits, group, symmetric ? "symmetric" : "asymmetric") << bits << group << symmetric;
    }

    /// Passes see the weights that exports will have, after the latent ones have moved as well.
    void usesWhatIsStored() {
        QFETCH(int, bits);
        QFETCH(int, group);
        QFETCH(bool, symmetric);
        LatentBlocks blocks(m_model->config());
        addBlocks(blocks, planOf({bits, group, symmetric, 16}));
        QCOMPARE(blocks.parameters().size(), std::size_t{21});
        at::manual_seed(4);
        for (const NamedTensor& latent : blocks.parameters()) latent.tensor.detach().add_(at::randn(latent.tensor.sizes()) * 0.05);
        for (std::size_t i = 0; i < blocks.blockCount(); ++i) {
            const TensorBlock used = blocks.block(i);
            const CodedBlock rounded = blocks.rounded(i);
            for (std::size_t linear = 0; linear < kLinearsPerBlock; ++linear) {
                QCOMPARE(rounded.linears[linear].scheme.weightBits, bits);
                QVERIFY(at::equal(used.linears[linear].weight, tensorOf(rounded.linears[linear].dequantize(), at::kCPU)));
                QVERIFY(at::equal(used.linears[linear].weight, tensorOf(rounded.weights.linears[linear].weight, at::kCPU)));
            }
        }
    }

    void gradientsAreAutograds_data() {
        QTest::addColumn<int>("activationBits");
        QTest::addColumn<bool>("symmetric");
        QTest::newRow("weights alone") << 16 << true;
        QTest::newRow("symmetric activations") << 8 << true;
        QTest::newRow("asymmetric") << 8 << false;
    }

    /// Cross entropy with the full-precision model's probabilities and its gradient by the latent weights, against autograd through plain
    /// operations.
    void gradientsAreAutograds() {
        QFETCH(int, activationBits);
        QFETCH(bool, symmetric);
        const QuantizationScheme scheme{4, 16, symmetric, activationBits, false, symmetric};
        const auto plan = planOf(scheme);
        auto blocks = std::make_shared<LatentBlocks>(m_model->config());
        addBlocks(*blocks, plan);
        const auto samples = someSamples();
        auto model = orThrow(TrainingModel::load(m_model, blocks, at::kCPU, 0));
        std::vector<const TrainingSample*> all;
        for (const TrainingSample& sample : samples) all.push_back(&sample);
        blocks->setFullPrecision(true);
        const at::Tensor taught = orThrow(model.headInputs(all, 2));
        blocks->setFullPrecision(false);

        std::vector<at::Tensor> leaves;
        for (const NamedTensor& latent : blocks->parameters()) leaves.push_back(latent.tensor.detach().clone().requires_grad_());
        const auto plain = [&](int index) { return tensorBlock(m_model->config(), orThrow(loadBlock(*m_model, index)), at::kCPU); };
        const auto quantized = [&](int index) {
            TensorBlock block = plain(index);
            for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
                block.linears[i].weight = straightThrough(leaves[static_cast<std::size_t>(index) * kLinearsPerBlock + i], scheme);
                block.linears[i].input = {activationBits, symmetric};
            }
            return block;
        };
        at::Tensor sum = at::zeros({});
        double entropy = 0.0;
        std::int64_t targets = 0;
        for (const TrainingSample& sample : samples) {
            const at::Tensor teacher = at::softmax(logits(sample, plain), 1), student = at::log_softmax(logits(sample, quantized), 1);
            for (std::size_t row = 0; row < sample.targets.size(); ++row) {
                if (sample.targets[row] < 0) continue;
                const at::Tensor q = teacher[static_cast<std::int64_t>(row)];
                sum = sum - (q * student[static_cast<std::int64_t>(row)]).sum();
                entropy -= (q * q.log()).sum().item<double>();
                ++targets;
            }
        }
        const double share = 1.0 / static_cast<double>(targets);
        (sum * share).backward();

        // The code of a row's largest negative input hangs on the last digit of its scale, which is another in a batch: sample by sample then.
        const std::size_t batch = activationBits < 16 ? 1 : all.size();
        TuningLoss loss;
        std::int64_t row = 0;
        for (std::size_t first = 0; first < all.size(); first += batch) {
            const HeadGradient head = [&](const HeadRows& rows) {
                at::Tensor gradient;
                const auto count = static_cast<std::int64_t>(rows.targets.size());
                const SoftLoss part = softCrossEntropy(model, rows.hidden, taught.narrow(0, row, count), &gradient);
                const SoftLoss again = softCrossEntropy(model, rows.hidden, taught.narrow(0, row, count));
                if (again.sum != part.sum || again.entropy != part.entropy) throw std::runtime_error("a gradient changes the loss");
                loss.sum += part.sum;
                loss.entropy += part.entropy;
                loss.targets += count;
                row += count;
                return gradient.mul_(share);
            };
            orThrow(model.addGradientOf({all.data() + first, batch}, head));
        }
        QCOMPARE(loss.targets, targets);
        QVERIFY2(std::abs(loss.sum - sum.item<double>()) < 1e-5 * loss.sum, qPrintable(QString("%1 %2").arg(loss.sum).arg(sum.item<double>())));
        QVERIFY(std::abs(loss.entropy - entropy) < 1e-5 * entropy && loss.entropy < loss.sum);
        for (std::size_t i = 0; i < leaves.size(); ++i) {
            const double largest = at::max(at::abs(leaves[i].grad())).item<double>();
            QVERIFY(largest > 0.0);
            QVERIFY2(furthest(leaves[i].grad(), blocks->parameters()[i].tensor.grad()) < 1e-4 * largest, blocks->parameters()[i].name.c_str());
        }
    }

    /// The model's own labels ask for nothing.
    void theTeacherNeedsNothing() {
        auto blocks = std::make_shared<LatentBlocks>(m_model->config());
        addBlocks(*blocks, planOf({4, 16, true, 8}));
        auto model = orThrow(TrainingModel::load(m_model, blocks, at::kCPU, 0));
        const auto samples = someSamples();
        const std::vector<const TrainingSample*> all{&samples[0], &samples[1], &samples[2]};
        blocks->setFullPrecision(true);
        const at::Tensor taught = orThrow(model.headInputs(all, 3));
        const SoftLoss own = softCrossEntropy(model, orThrow(model.headRows(all)).hidden, taught);
        QVERIFY(std::abs(own.sum - own.entropy) < 1e-5 * own.sum);
        blocks->setFullPrecision(false);
        const SoftLoss rounded = softCrossEntropy(model, orThrow(model.headRows(all)).hidden, taught);
        QVERIFY(rounded.sum > rounded.entropy + 1e-3);
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, (void)softCrossEntropy(model, taught.narrow(0, 0, 2), taught));
    }

    void learnsToBeTheModelAgain() {
        auto some = options();
        some.steps = 40;
        some.batch = 3;
        const auto tuner = begun(planOf({3, 16, true, 8}), some);
        const TuningStep first = orThrow(tuner->step());
        QCOMPARE(first.targets, std::int64_t{7 + 5 + 4});
        TuningStep last = first;
        while (tuner->done() < some.steps) last = orThrow(tuner->step());
        QCOMPARE(last.step, 40);
        QVERIFY2(last.divergence < 0.5 * first.divergence, qPrintable(QString("%1 was %2").arg(last.divergence).arg(first.divergence)));
        // Entropy is the teacher's, whatever has been learned.
        QVERIFY(std::abs((last.loss - last.divergence) - (first.loss - first.divergence)) < 1e-9);
    }

    /// Linears with 16 bits take no part: not a bit of them changes, and all of a block may be left alone.
    void leftAloneIsLeftAlone() {
        const auto plan = planOf({4, 16, true, 8}, {{"layers\\.0\\.", {16, 16, true, 16}}, {"layers\\.2\\.mlp\\.up", {16, 16, true, 16}}});
        for (const double gib : {0.0, 1.0}) {
            auto some = options();
            some.graphMemoryGib = gib;
            const auto tuner = begun(plan, some);
            for (int i = 0; i < 3; ++i) orThrow(tuner->step());
            for (int index = 0; index < m_model->config().blocks; ++index) {
                const BlockWeights original = orThrow(loadBlock(*m_model, index));
                const CodedBlock tuned = tuner->tuned(index);
                for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
                    const bool alone = !planOfBlock(plan, index)[i].quantized();
                    QCOMPARE(tuned.linears[i].codes.empty(), alone);
                    const at::Tensor before = tensorOf(original.linears[i].weight, at::kCPU), now = tensorOf(tuned.weights.linears[i].weight, at::kCPU);
                    QCOMPARE(at::equal(before, now), alone);
                    QCOMPARE(tuned.weights.linears[i].input.bits, alone ? 16 : 8);
                }
                QVERIFY(tuned.weights.inputNorm == original.inputNorm && tuned.weights.preFeedForwardNorm == original.preFeedForwardNorm);
            }
        }
        auto nothing = Tuner::latentWeights(m_model, options());
        addBlocks(*nothing, planOf({16, 16, true, 16}));
        const auto refused = nothing->begin(someSamples());
        QVERIFY(!refused && refused.error().message.find("nothing to tune") != std::string::npos);
        QVERIFY(!nothing->begin({}));
    }

    void recomputingChangesNothing() {
        std::vector<CodedBlock> expected;
        for (const double gib : {1.0, 0.0, 60e-6}) {
            auto some = options();
            some.graphMemoryGib = gib;
            const auto tuner = begun(planOf({4, 16, true, 8}), some);
            for (int i = 0; i < 3; ++i) orThrow(tuner->step());
            for (int block = 0; block < m_model->config().blocks; ++block) {
                CodedBlock now = tuner->tuned(block);
                if (gib == 1.0) {
                    expected.push_back(std::move(now));
                    continue;
                }
                for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
                    QVERIFY(now.linears[i].codes == expected[static_cast<std::size_t>(block)].linears[i].codes);
                    QVERIFY(now.linears[i].scales == expected[static_cast<std::size_t>(block)].linears[i].scales);
                }
            }
        }
    }

    void resumedIsUnbroken() {
        const auto plan = planOf({4, 16, true, 8});
        const auto whole = begun(plan, options());
        while (whole->done() < 10) orThrow(whole->step());
        const auto state = m_folder.filePath("state").toStdString();
        for (const int stop : {0, 4, 7}) {
            const auto tuner = begun(plan, options());
            if (stop > 0) QVERIFY(tuner->restore(state).has_value());
            const int until = stop == 0 ? 4 : stop == 4 ? 7 : 10;
            while (tuner->done() < until) orThrow(tuner->step());
            // A step that is stopped changes nothing.
            std::stop_source source;
            source.request_stop();
            const auto stopped = tuner->step(source.get_token());
            QVERIFY(!stopped && stopped.error().kind == ErrorKind::Cancelled && tuner->done() == until);
            QVERIFY(tuner->save(state).has_value());
            if (until < 10) continue;
            const auto other = m_folder.filePath("whole").toStdString();
            QVERIFY(whole->save(other).has_value());
            QFile mine(QString::fromStdString(state)), theirs(QString::fromStdString(other));
            QVERIFY(mine.open(QIODevice::ReadOnly) && theirs.open(QIODevice::ReadOnly));
            QVERIFY(mine.readAll() == theirs.readAll());
        }
        auto shorter = options();
        shorter.steps = 5;
        const auto other = begun(plan, shorter)->restore(state);
        QVERIFY(!other && other.error().kind == ErrorKind::Mismatch);
    }

    /// Before the first step the model is its base in NF4, to the bit; linears left alone are what they were.
    void adapterStartsAsItsBase() {
        const auto plan = planOf({4, -1, true, 16}, {{"layers\\.1\\.mlp\\.up", {16, 16, true, 16}}});
        for (const bool twice : {false, true}) {
            auto some = options();
            some.doubleQuantization = twice;
            const auto tuner = begunAdapter(plan, some);
            for (int index = 0; index < m_model->config().blocks; ++index) {
                const BlockWeights original = orThrow(loadBlock(*m_model, index));
                const CodedBlock tuned = tuner->tuned(index);
                for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
                    const bool alone = !planOfBlock(plan, index)[i].quantized();
                    QCOMPARE(tuned.linears[i].onGrid(), alone);
                    const at::Tensor now = tensorOf(tuned.weights.linears[i].weight, at::kCPU);
                    const DataTypeWeight base = quantizeNf4(original.linears[i].weight, twice);
                    QVERIFY(at::equal(now, alone ? tensorOf(original.linears[i].weight, at::kCPU) : tensorOf(base.values, at::kCPU)));
                    if (alone) continue;
                    const auto out = static_cast<double>(now.size(0)), in = static_cast<double>(now.size(1));
                    QVERIFY(std::abs(tuned.linears[i].bitsPerWeight() - (base.bitsPerWeight + 16.0 * 4.0 * (out + in) / (out * in))) < 1e-5);
                }
            }
        }
    }

    /// Cross entropy of answers and its gradient by the factors, against autograd through the merged weights.
    void adapterGradientsAreAutograds() {
        const auto plan = planOf({4, -1, true, 16});
        auto some = options();
        some.batch = 3;
        some.clipNorm = 0.0;
        some.warmupSteps = 0;
        const auto samples = someSamples();
        auto shared = std::make_shared<AdaptedBlocks>();
        const LowRankAdapter adapter = LowRankAdapter::create(m_model->config(), {some.rank, some.alpha}, 9, at::kCPU);
        std::vector<BlockWeights> bases;
        for (int index = 0; index < m_model->config().blocks; ++index) {
            BlockWeights base = orThrow(loadBlock(*m_model, index));
            for (LinearWeights& linear : base.linears) linear.weight = quantizeNf4(linear.weight, true).values;
            shared->add(m_model->config(), base, at::kCPU);
            bases.push_back(std::move(base));
        }
        std::vector<NamedTensor> parameters;
        at::manual_seed(2);
        for (const auto& module : adapter.modules()) {
            shared->attach(module);
            module.change.b.detach().copy_(at::randn(module.change.b.sizes()) * 0.05);
            parameters.push_back({module.name + ".lora_A", module.change.a});
            parameters.push_back({module.name + ".lora_B", module.change.b});
        }
        std::vector<at::Tensor> leaves;
        for (const NamedTensor& parameter : parameters) leaves.push_back(parameter.tensor.detach().clone().requires_grad_());
        const auto merged = [&](int index) {
            TensorBlock block = tensorBlock(m_model->config(), bases[static_cast<std::size_t>(index)], at::kCPU);
            for (std::size_t m = 0; m < adapter.modules().size(); ++m) {
                const auto& module = adapter.modules()[m];
                if (module.block == index) block[module.role].weight = block[module.role].weight + at::mm(leaves[2 * m + 1], leaves[2 * m]) * 2.0;
            }
            return block;
        };
        at::Tensor sum = at::zeros({});
        std::int64_t targets = 0;
        for (const TrainingSample& sample : samples) {
            const at::Tensor likelihoods = at::log_softmax(logits(sample, merged), 1);
            for (std::size_t row = 0; row < sample.targets.size(); ++row) {
                if (sample.targets[row] < 0) continue;
                sum = sum - likelihoods[static_cast<std::int64_t>(row)][sample.targets[row]];
                ++targets;
            }
        }
        (sum / static_cast<double>(targets)).backward();
        auto model = orThrow(TrainingModel::load(m_model, shared, at::kCPU, 0));
        TuningLoop loop(std::move(model), samples, {}, parameters, some);
        const TuningLoss loss = orThrow(loop.gradient());
        QVERIFY(std::abs(loss.sum - sum.item<double>()) < 1e-5 * loss.sum && loss.entropy == 0.0);
        for (std::size_t i = 0; i < leaves.size(); ++i) {
            const double largest = at::max(at::abs(leaves[i].grad())).item<double>();
            QVERIFY(largest > 0.0);
            QVERIFY2(furthest(leaves[i].grad(), parameters[i].tensor.grad()) < 1e-4 * largest, parameters[i].name.c_str());
        }
    }

    /// Learns; the model is base and adapter with factors of 16 bits; resumed it is the same to the bit.
    void adapterLearnsAndResumes() {
        const auto plan = planOf({4, -1, true, 16});
        auto some = options();
        some.learningRate = 2e-2;
        some.steps = 20;
        some.batch = 3;
        const auto whole = begunAdapter(plan, some), first = begunAdapter(plan, some), second = begunAdapter(plan, some);
        const double before = orThrow(whole->step()).loss;
        double after = before;
        while (whole->done() < some.steps) {
            const TuningStep step = orThrow(whole->step());
            QCOMPARE(step.divergence, step.loss);
            after = step.loss;
        }
        QVERIFY2(after < 0.7 * before, qPrintable(QString("%1 was %2").arg(after).arg(before)));
        const auto state = m_folder.filePath("adapter").toStdString();
        while (first->done() < 7) orThrow(first->step());
        QVERIFY(first->save(state).has_value());
        QVERIFY(second->restore(state).has_value());
        while (second->done() < some.steps) orThrow(second->step());
        for (int index = 0; index < m_model->config().blocks; ++index) {
            const CodedBlock a = whole->tuned(index), b = second->tuned(index);
            const BlockWeights original = orThrow(loadBlock(*m_model, index));
            for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
                QVERIFY(a.linears[i].values == b.linears[i].values);
                // What was added has the adapter's rank.
                const at::Tensor change = tensorOf(a.weights.linears[i].weight, at::kCPU) - tensorOf(quantizeNf4(original.linears[i].weight, true).values, at::kCPU);
                const at::Tensor singular = std::get<1>(at::linalg_svd(change));
                QVERIFY(singular[3].item<double>() > 1e-3 * singular[0].item<double>() && singular[4].item<double>() < 1e-4 * singular[0].item<double>());
            }
        }
        QVERIFY(!begunAdapter(planOf({4, 16, true, 16}, {{"mlp", {16, 16, true, 16}}}), some)->restore(m_folder.filePath("nowhere").toStdString()));
    }

    void samplesTakenAreThoseOfTheSteps() {
        auto some = options();
        QCOMPARE(samplesTaken(some, 3), (std::vector<std::size_t>{0, 1, 2}));
        some.steps = 2;
        const auto few = samplesTaken(some, 1000);
        QCOMPARE(few.size(), std::size_t{4});
        QVERIFY(std::is_sorted(few.begin(), few.end()));
    }
};

QTEST_GUILESS_MAIN(TestTuning)
#include "test_tuning.moc"
