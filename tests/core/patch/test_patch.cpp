// SPDX-License-Identifier: GPL-3.0-or-later
// libtorch's headers come first: Qt's word "slots" is a name in them.
#include "core/patch/patch_training.h"

#include <QTemporaryDir>
#include <QtTest>
#include <algorithm>
#include <cmath>
#include <map>

#include "core/base/random.h"
#include "core/model/block_runner.h"
#include "core/patch/safe_score.h"
#include "core/tensor/tensor_conversion.h"
#include "tests/support/or_throw.h"
#include "tests/support/tiny_model.h"

using namespace safequant;
using testing::orThrow;

namespace {

TrainingSample sampleOf(std::vector<std::int32_t> tokens, std::size_t prompt) {
    TrainingSample sample;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) sample.targets.push_back(i + 1 >= prompt ? tokens[i + 1] : -1);
    sample.tokens.assign(tokens.begin(), tokens.end() - 1);
    return sample;
}

/// Three prompts with two answers each; two of them count as malicious, and the second may have its chosen answer alone.
std::vector<PreferencePair> somePairs(bool alone = false) {
    std::vector<PreferencePair> pairs{{"a", true, sampleOf({1, 5, 6, 7, 20, 21, 22, 2}, 4), sampleOf({1, 5, 6, 7, 90, 91, 2}, 4)},
            {"b", true, sampleOf({1, 5, 9, 8, 7, 20, 21, 2}, 5), sampleOf({1, 5, 9, 8, 7, 60, 2}, 5)},
            {"c", false, sampleOf({1, 5, 4, 40, 41, 2}, 3), sampleOf({1, 5, 4, 70, 71, 72, 2}, 3)}};
    if (alone) pairs[1].rejected = {};
    return pairs;
}

at::Tensor dequantized(const QuantizedLinear& linear) { return tensorOf(linear.dequantize(), at::kCPU); }

/// The weight as autograd composes it: straight through rounding, stopped beyond the ends.
at::Tensor composed(const GridWeight& grid, const at::Tensor& delta, const at::Tensor& mask) {
    const QuantizedLinear& start = grid.start();
    const std::int64_t groups = start.groups(), size = start.cols / groups;
    const auto expanded = [&](const at::Tensor& values) { return values.view({start.rows, groups, 1}).expand({start.rows, groups, size}).reshape({start.rows, start.cols}); };
    const at::Tensor scales = expanded(tensorOf(start.scales, at::kCPU));
    std::vector<float> zeroValues(start.scales.size(), 0.0F);
    for (std::size_t i = 0; i < start.zeros.size(); ++i) zeroValues[i] = static_cast<float>(start.zeros[i]);
    const at::Tensor zeros = expanded(tensorOf(zeroValues, at::kCPU));
    const double lowest = -static_cast<double>(1 << (start.scheme.weightBits - 1));
    const at::Tensor position = (grid.latent() + (mask.defined() ? delta * mask : delta)) / scales + zeros;
    const at::Tensor rounded = position + (position.round() - position).detach();
    return (rounded.clamp(lowest, -lowest - 1.0) - zeros) * scales;
}

double largestDifference(const at::Tensor& a, const at::Tensor& b) { return at::max(at::abs(a - b)).item<double>(); }

}  // namespace

class TestPatch : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    std::shared_ptr<const Checkpoint> m_model;

    std::vector<LinearPlan> planOf(const QuantizationScheme& scheme) const { return orThrow(planSchemes(m_model->config(), scheme, {})); }

    std::shared_ptr<GridBlocks> blocksOf(const QuantizationScheme& scheme, const PatchFactors& factors = {4, 8.0}) const {
        const auto plan = planOf(scheme);
        auto blocks = std::make_shared<GridBlocks>(m_model->config(), factors, 7, false);
        for (int block = 0; block < m_model->config().blocks; ++block) {
            const auto weights = orThrow(loadBlock(*m_model, block));
            blocks->add(weights, roundedBlock(orThrow(loadBlock(*m_model, block)), planOfBlock(plan, block)));
        }
        return blocks;
    }

    static PatchOptions options() {
        PatchOptions options;
        options.factors = {4, 8.0};
        options.steps = 12;
        options.batch = 3;
        options.warmupSteps = 2;
        options.learningRate = 2e-2;
        options.share = 0.5;
        return options;
    }

    PatchTraining trainingOf(std::shared_ptr<GridBlocks> blocks, const PatchOptions& options, bool alone = false) const {
        return orThrow(PatchTraining::create(m_model, std::move(blocks), somePairs(alone), options));
    }

    static void shake(GridBlocks& blocks, double size) {
        at::manual_seed(11);
        for (auto& module : blocks.modules()) module.b.detach().copy_(at::randn(module.b.sizes()) * size);
    }

    /// log p of a sample's targets, by autograd through the quantized weights that `factors` (A and B of each module) make.
    at::Tensor composedLikelihood(const GridBlocks& blocks, const std::vector<at::Tensor>& factors, const TrainingSample& sample) const {
        const DecoderConfig& config = m_model->config();
        RowLayout layout;
        layout.add(static_cast<std::int32_t>(sample.tokens.size()));
        const auto angles = layoutAngles(config, layout, at::kCPU);
        at::Tensor hidden = tensorOf(orThrow(embedTokens(*m_model, sample.tokens)), at::kCPU);
        std::size_t index = 0;
        for (int block = 0; block < config.blocks; ++block) {
            TensorBlock tensors = tensorBlock(config, orThrow(loadBlock(*m_model, block)), at::kCPU);
            for (; index < blocks.modules().size() && blocks.modules()[index].block == block; ++index) {
                const auto& module = blocks.modules()[index];
                tensors[module.role].weight = composed(module.grid, at::mm(factors[2 * index + 1], factors[2 * index]) * 2.0, {});
            }
            hidden = forwardTensorBlock(config, tensors, layout, angles, hidden);
        }
        const OutputHead head = orThrow(loadOutputHead(*m_model));
        const at::Tensor normed = rmsNorm(hidden, tensorOf(normGains(config, head.norm), at::kCPU), config.normEpsilon);
        const at::Tensor likelihoods = at::log_softmax(at::mm(normed, tensorOf(head.weight, at::kCPU).t()), 1);
        at::Tensor sum = at::zeros({});
        for (std::size_t row = 0; row < sample.targets.size(); ++row)
            if (sample.targets[row] >= 0) sum = sum + likelihoods[static_cast<std::int64_t>(row)][sample.targets[row]];
        return sum;
    }

private slots:
    void initTestCase() {
        qputenv("SAFEQUANT_THREADS", "1");
        const auto path = m_folder.filePath("model").toStdString();
        testing::writeTinyModel(path);
        m_model = orThrow(openCheckpoint(path));
    }

    /// The published numbers of two answers, and the slopes against differences.
    void preferenceLossIsTheFormula() {
        QVERIFY(std::abs(preferenceLoss(-40, -60, -45, -50, 0.01).loss - 0.6209571) < 1e-7);
        const PreferenceLoss loss = preferenceLoss(-40, -60, -45, -50, 0.1);
        QVERIFY(std::abs(loss.loss - 0.2014133) < 1e-7);
        QCOMPARE(loss.margin, 15.0);
        constexpr double kWay = 1e-5;
        const double byChosen = (preferenceLoss(-40 + kWay, -60, -45, -50, 0.1).loss - preferenceLoss(-40 - kWay, -60, -45, -50, 0.1).loss) / (2 * kWay);
        const double byRejected = (preferenceLoss(-40, -60 + kWay, -45, -50, 0.1).loss - preferenceLoss(-40, -60 - kWay, -45, -50, 0.1).loss) / (2 * kWay);
        QVERIFY(std::abs(loss.byChosen - byChosen) < 1e-8 && std::abs(loss.byRejected - byRejected) < 1e-8);
        // Far to either side nothing overflows.
        QCOMPARE(preferenceLoss(0, -1e9, 0, 0, 1.0).loss, 0.0);
        QCOMPARE(preferenceLoss(-1e9, 0, 0, 0, 1.0).loss, 1e9);
    }

    void startsAsTheQuantizedModel_data() {
        QTest::addColumn<int>("bits");
        QTest::addColumn<int>("group");
        QTest::addColumn<bool>("symmetric");
        for (const int bits : {2, 4, 8})
            for (const int group : {-1, 16})
                for (const bool symmetric : {true, false})
                    QTest::addRow("%d bits, group %d, %s", bits, group, symmetric ? "symmetric" : "asymmetric") << bits << group << symmetric;
    }

    void startsAsTheQuantizedModel() {
        QFETCH(int, bits);
        QFETCH(int, group);
        QFETCH(bool, symmetric);
        const QuantizationScheme scheme{bits, group, symmetric, 16};
        const auto blocks = blocksOf(scheme);
        QCOMPARE(blocks->modules().size(), std::size_t{21});
        for (std::size_t i = 0; i < blocks->blockCount(); ++i) {
            const TensorBlock block = blocks->block(i);
            for (const auto& module : blocks->modulesOf(i)) QVERIFY(at::equal(block[module.role].weight, dequantized(module.grid.start())));
            const auto patched = blocks->patched(i, orThrow(loadBlock(*m_model, static_cast<int>(i))));
            for (const auto& module : blocks->modulesOf(i)) {
                const auto role = static_cast<std::size_t>(module.role);
                QCOMPARE(patched.changed[role], std::uint64_t{0});
                QVERIFY(patched.block.linears[role].codes == module.grid.start().codes);
            }
        }
        // Rounding to nearest is already as near as it gets: the latent weight is the weight, but for what lies beyond the ends.
        const auto& module = blocks->modules().front();
        const at::Tensor weight = tensorOf(orThrow(loadBlock(*m_model, 0))[module.role].weight, at::kCPU);
        const double step = at::max(tensorOf(module.grid.start().scales, at::kCPU)).item<double>();
        QVERIFY(largestDifference(module.grid.latent(), weight) < 1.05 * step);
        QVERIFY(at::median(at::abs(module.grid.latent() - weight)).item<double>() < 1e-6);
    }

    void groupsInAnOrderOfTheirOwn() {
        RandomStream random(3, "ordered");
        Matrix weight(4, 8);
        for (float& value : weight.span()) value = static_cast<float>(random.normal());
        QuantizedLinear linear = roundToNearest(weight, {4, 4, false, 16});
        linear.scheme.orderedGroups = true;
        linear.groupOf = {1, 0, 0, 1, 1, 0, 1, 0};
        const GridWeight grid(linear.dequantize(), linear);
        QVERIFY(at::equal(grid.rounded(at::zeros({4, 8}), {}), dequantized(linear)));
        QVERIFY(grid.coded(at::zeros({4, 8}), {}).codes == linear.codes);
    }

    /// Scales that a method moved between layers are found again from the codes.
    void findsMovedScales() {
        RandomStream random(4, "moved");
        Matrix weight(96, 64), moved(96, 64);
        std::vector<float> rows, cols;
        for (int r = 0; r < 96; ++r) rows.push_back(static_cast<float>(std::exp(0.5 * random.normal())));
        for (int c = 0; c < 64; ++c) cols.push_back(static_cast<float>(std::exp(0.5 * random.normal())));
        for (std::size_t r = 0; r < 96; ++r)
            for (std::size_t c = 0; c < 64; ++c) {
                weight(r, c) = static_cast<float>(random.normal());
                moved(r, c) = weight(r, c) * rows[r] * cols[c];
            }
        const QuantizedLinear linear = roundToNearest(moved, {4, 16, false, 16});
        const GridWeight grid(weight, linear, true);
        QVERIFY(at::equal(grid.rounded(at::zeros({96, 64}), {}), dequantized(linear)));
        const at::Tensor wanted = tensorOf(moved, at::kCPU);
        const double off = ((grid.latent() - wanted).norm() / wanted.norm()).item<double>();
        const double rounding = ((dequantized(linear) - wanted).norm() / wanted.norm()).item<double>();
        QVERIFY2(off < 0.35 * rounding, qPrintable(QString("%1 of %2").arg(off).arg(rounding)));
        QVERIFY(std::abs(grid.relativeError(weight, linear) - rounding) < 0.05 * rounding);
    }

    /// Forward and gradients of the factors agree with autograd on the same formula.
    void gradientsAreAutograds_data() {
        QTest::addColumn<bool>("masked");
        QTest::addColumn<double>("size");
        QTest::newRow("small") << false << 0.02;
        QTest::newRow("masked") << true << 0.02;
        QTest::newRow("beyond the ends") << false << 2.0;
    }

    void gradientsAreAutograds() {
        QFETCH(bool, masked);
        QFETCH(double, size);
        const auto blocks = blocksOf({4, 16, false, 16});
        PatchOptions some = options();
        if (masked) maskRandomWeights(*blocks, some);
        shake(*blocks, size);
        const std::size_t index = 1;
        TensorBlock block = blocks->block(index);
        at::manual_seed(5);
        std::map<LinearRole, at::Tensor> upstream;
        for (const auto& module : blocks->modulesOf(index)) {
            upstream[module.role] = at::randn(module.grid.latent().sizes());
            (block[module.role].weight * upstream[module.role]).sum().backward();
        }
        blocks->learned(index, block);
        for (const auto& module : blocks->modulesOf(index)) {
            const at::Tensor a = module.a.detach().clone().requires_grad_(), b = module.b.detach().clone().requires_grad_();
            const at::Tensor mask = module.mask.defined() ? module.mask.to(at::kFloat) : at::Tensor();
            const at::Tensor weight = composed(module.grid, at::mm(b, a) * 2.0, mask);
            QVERIFY(largestDifference(weight, block[module.role].weight) < 1e-5);
            (weight * upstream[module.role]).sum().backward();
            QVERIFY(largestDifference(a.grad(), module.a.grad()) < 1e-4 * (1.0 + at::max(at::abs(a.grad())).item<double>()));
            QVERIFY(largestDifference(b.grad(), module.b.grad()) < 1e-4 * (1.0 + at::max(at::abs(b.grad())).item<double>()));
        }
    }

    /// The whole objective and its gradient by the factors, against autograd through plain operations, sample by sample.
    void objectiveIsAutograds_data() {
        QTest::addColumn<bool>("alone");
        QTest::newRow("pairs") << false;
        QTest::newRow("one answer alone") << true;
    }

    void objectiveIsAutograds() {
        QFETCH(bool, alone);
        const auto blocks = blocksOf({4, 16, false, 16});
        auto some = options();
        some.mask = PatchMask::All;
        some.clipNorm = 0.0;
        some.chosenWeight = 0.7;
        some.beta = 0.2;
        PatchTraining training = trainingOf(blocks, some, alone);
        std::vector<at::Tensor> leaves;
        for (const auto& parameter : blocks->parameters()) leaves.push_back(parameter.detach().clone());
        const auto pairs = somePairs(alone);
        std::vector<double> chosenBefore, rejectedBefore;
        for (const auto& pair : pairs) {
            chosenBefore.push_back(composedLikelihood(*blocks, leaves, pair.chosen).item<double>());
            rejectedBefore.push_back(pair.alone() ? 0.0 : composedLikelihood(*blocks, leaves, pair.rejected).item<double>());
        }
        shake(*blocks, 0.05);
        for (std::size_t i = 0; i < leaves.size(); ++i) leaves[i].copy_(blocks->parameters()[i].detach()).requires_grad_();

        at::Tensor loss = at::zeros({});
        double margin = 0.0;
        for (std::size_t i = 0; i < pairs.size(); ++i) {
            const at::Tensor chosen = composedLikelihood(*blocks, leaves, pairs[i].chosen);
            loss = loss - 0.7 * chosen / static_cast<double>(pairs[i].chosen.learned());
            if (pairs[i].alone()) continue;
            const at::Tensor difference = (chosen - chosenBefore[i]) - (composedLikelihood(*blocks, leaves, pairs[i].rejected) - rejectedBefore[i]);
            loss = loss + at::softplus(-0.2 * difference);
            margin += difference.item<double>() / (alone ? 2.0 : 3.0);
        }
        loss = loss / 3.0;
        loss.backward();
        const PatchStep step = orThrow(training.step());
        QVERIFY2(std::abs(step.margin) > 0.05, qPrintable(QString::number(step.margin)));
        QVERIFY2(std::abs(step.margin - margin) < 1e-4, qPrintable(QString("%1 %2").arg(step.margin).arg(margin)));
        QVERIFY(std::abs(step.loss - loss.item<double>()) < 1e-5);
        double squares = 0.0;
        for (std::size_t i = 0; i < leaves.size(); ++i) {
            const at::Tensor gradient = blocks->parameters()[i].grad();
            squares += gradient.square().sum().item<double>();
            const double largest = at::max(at::abs(leaves[i].grad())).item<double>();
            QVERIFY2(largestDifference(gradient, leaves[i].grad()) < 1e-3 * (1e-3 + largest), qPrintable(QString::number(static_cast<int>(i))));
        }
        QVERIFY(std::abs(step.gradientNorm - std::sqrt(squares)) < 1e-4 * step.gradientNorm);
    }

    /// Running blocks again on the way back changes no bit. At its first step a model is its own reference.
    void recomputingChangesNothing() {
        auto some = options();
        some.mask = PatchMask::All;
        some.clipNorm = 0.0;
        std::vector<at::Tensor> expected;
        double loss = 0.0;
        for (const double gib : {1.0, 0.0, 60e-6}) {
            some.graphMemoryGib = gib;
            const auto blocks = blocksOf({4, 16, false, 16});
            shake(*blocks, 0.05);
            PatchTraining training = trainingOf(blocks, some);
            const PatchStep step = orThrow(training.step());
            QVERIFY(std::abs(step.margin) < 1e-4 && step.gradientNorm > 0.0);
            QVERIFY(std::abs(step.loss - (std::log(2.0) + step.chosenLoss)) < 1e-4);
            if (expected.empty()) {
                loss = step.loss;
                for (const auto& parameter : blocks->parameters()) expected.push_back(parameter.grad().clone());
            }
            QCOMPARE(step.loss, loss);
            for (std::size_t i = 0; i < expected.size(); ++i) QVERIFY(at::equal(expected[i], blocks->parameters()[i].grad()));
        }
    }

    /// |w * gradient| of every sample on its own, in the mean; the largest of each linear, or of the model.
    void masksAreTheLargestScores() {
        for (const bool global : {false, true}) {
            const auto blocks = blocksOf({4, 16, true, 16});
            auto model = orThrow(TrainingModel::load(m_model, blocks, at::kCPU, 0));
            const auto pairs = somePairs();
            std::vector<const TrainingSample*> samples{&pairs[0].chosen, &pairs[1].chosen};
            // Sample by sample through the ordinary way.
            std::map<std::string, at::Tensor> scores;
            for (const TrainingSample* sample : samples) {
                blocks->setVisitor([&](GridBlocks::Module& module, const at::Tensor& weight) {
                    at::Tensor& sum = scores[module.name];
                    const at::Tensor score = at::abs(weight.detach() * weight.grad());
                    sum = sum.defined() ? sum + score : score;
                });
                orThrow(model.addGradient(std::span(&sample, 1), [](auto losses) { return std::vector<double>(losses.size(), 1.0); }));
                blocks->setVisitor({});
            }
            PatchOptions some = options();
            some.share = 0.3;
            some.global = global;
            QVERIFY(maskCriticalWeights(*blocks, model, samples, some).has_value());
            std::int64_t chosen = 0, all = 0;
            double leastChosen = 1e30, largestLeft = 0.0;
            for (const auto& module : blocks->modules()) {
                const at::Tensor mask = module.mask.to(at::kBool);
                const double share = maskedShare(module);
                if (!global) {
                    QVERIFY2(std::abs(share - 0.3) < 0.01, qPrintable(QString::number(share)));
                    leastChosen = 1e30, largestLeft = 0.0;
                }
                chosen += mask.sum().item<std::int64_t>();
                all += mask.numel();
                if (mask.any().item<bool>()) leastChosen = std::min(leastChosen, at::min(scores[module.name].masked_select(mask)).item<double>());
                if (!mask.all().item<bool>()) largestLeft = std::max(largestLeft, at::max(scores[module.name].masked_select(~mask)).item<double>());
                if (!global) QVERIFY2(leastChosen > largestLeft * (1.0 - 1e-3), qPrintable(QString("%1 %2").arg(leastChosen).arg(largestLeft)));
            }
            QVERIFY(std::abs(static_cast<double>(chosen) / static_cast<double>(all) - 0.3) < 0.01);
            QVERIFY(leastChosen > largestLeft * 0.99);
        }
    }

    /// What the mask leaves out never changes; what it lets change does.
    void onlyMaskedCodesChange_data() {
        QTest::addColumn<int>("mask");
        QTest::newRow("scores") << int(PatchMask::SafeScore);
        QTest::newRow("random") << int(PatchMask::Random);
        QTest::newRow("all") << int(PatchMask::All);
    }

    void onlyMaskedCodesChange() {
        QFETCH(int, mask);
        const auto blocks = blocksOf({4, 16, false, 16});
        auto some = options();
        some.mask = PatchMask(mask);
        PatchTraining training = trainingOf(blocks, some);
        const PatchStep first = orThrow(training.step());
        PatchStep last = first;
        while (training.done() < training.steps()) last = orThrow(training.step());
        QVERIFY2(last.loss < 0.8 * first.loss, qPrintable(QString("%1 to %2").arg(first.loss).arg(last.loss)));
        QVERIFY(last.margin > 1.0 && last.preferred == 1.0);
        QCOMPARE(first.identified, some.masked());
        std::uint64_t changed = 0;
        for (std::size_t i = 0; i < blocks->blockCount(); ++i) {
            const auto patched = blocks->patched(i, orThrow(loadBlock(*m_model, static_cast<int>(i))));
            for (const auto& module : blocks->modulesOf(i)) {
                const auto role = static_cast<std::size_t>(module.role);
                changed += patched.changed[role];
                const auto& codes = patched.block.linears[role].codes;
                QVERIFY(patched.block.linears[role].scales == module.grid.start().scales);
                QVERIFY(patched.block.linears[role].zeros == module.grid.start().zeros);
                if (!module.mask.defined()) continue;
                const auto* open = module.mask.data_ptr<std::uint8_t>();
                for (std::size_t c = 0; c < codes.size(); ++c) QVERIFY(open[c] == 1 || codes[c] == module.grid.start().codes[c]);
            }
        }
        QVERIFY(changed > 0);
    }

    void resumedIsTheSame() {
        auto some = options();
        some.identifyEvery = 4;
        const auto whole = blocksOf({4, 16, false, 8});
        PatchTraining unbroken = trainingOf(whole, some);
        while (unbroken.done() < unbroken.steps()) orThrow(unbroken.step());

        const auto state = m_folder.filePath("state.safetensors").toStdString();
        std::vector<double> losses;
        std::shared_ptr<GridBlocks> parts;
        for (int part = 0; part < 3; ++part) {
            parts = blocksOf({4, 16, false, 8});
            PatchTraining training = trainingOf(parts, some);
            if (part > 0) QVERIFY(training.restore(state).has_value());
            for (int step = 0; step < (part == 0 ? 3 : part == 1 ? 4 : 5); ++step) orThrow(training.step());
            QVERIFY(training.save(state).has_value());
        }
        const auto expected = whole->parameters(), resumed = parts->parameters();
        for (std::size_t i = 0; i < expected.size(); ++i) QVERIFY(at::equal(expected[i], resumed[i]));
        for (std::size_t i = 0; i < whole->modules().size(); ++i) QVERIFY(at::equal(whole->modules()[i].mask, parts->modules()[i].mask));

        some.steps = 2;
        PatchTraining shorter = trainingOf(blocksOf({4, 16, false, 8}), some);
        QCOMPARE(shorter.restore(state).error().kind, ErrorKind::Mismatch);
    }

    /// What the quantized model said of all pairs is asked once and then read, to the last bit.
    void referenceIsKept() {
        const auto path = m_folder.filePath("reference.safetensors").toStdString();
        int asked = 0;
        const Progress counting{{}, [&](std::uint64_t, std::uint64_t) { ++asked; }};
        const auto blocks = blocksOf({4, 16, false, 16});
        PatchTraining first = orThrow(PatchTraining::create(m_model, blocks, somePairs(), options(), counting, path));
        QVERIFY(asked > 0);
        asked = 0;
        const auto changed = blocksOf({4, 16, false, 16}), again = blocksOf({4, 16, false, 16});
        shake(*changed, 0.05);
        PatchTraining read = orThrow(PatchTraining::create(m_model, again, somePairs(), options(), counting, path));
        QCOMPARE(asked, 0);
        QCOMPARE(orThrow(read.step()).loss, orThrow(first.step()).loss);
        // Another model than the file's: its margin is no longer 0.
        PatchTraining moved = orThrow(PatchTraining::create(m_model, changed, somePairs(), options(), counting, path));
        QCOMPARE(asked, 0);
        QVERIFY(std::abs(orThrow(moved.step()).margin) > 0.05);
        auto fewer = somePairs();
        fewer.pop_back();
        const auto mismatch = PatchTraining::create(m_model, blocksOf({4, 16, false, 16}), fewer, options(), {}, path);
        QVERIFY(!mismatch && mismatch.error().kind == ErrorKind::Mismatch);
    }

    void cancelledChangesNothing() {
        const auto blocks = blocksOf({4, 16, false, 16});
        PatchTraining training = trainingOf(blocks, options());
        std::stop_source source;
        source.request_stop();
        const auto stopped = training.step(source.get_token());
        QVERIFY(!stopped && stopped.error().kind == ErrorKind::Cancelled);
        QCOMPARE(training.done(), 0);
        const auto other = blocksOf({4, 16, false, 16});
        PatchTraining fresh = trainingOf(other, options());
        QCOMPARE(orThrow(training.step()).loss, orThrow(fresh.step()).loss);
    }

    void refusesWhatTeachesNothing() {
        const auto none = PatchTraining::create(m_model, blocksOf({4, 16, false, 16}), {}, options());
        QVERIFY(!none && none.error().kind == ErrorKind::BadInput);
        auto benign = somePairs();
        benign.erase(benign.begin(), benign.begin() + 2);
        const auto unscored = PatchTraining::create(m_model, blocksOf({4, 16, false, 16}), benign, options());
        QVERIFY(!unscored && unscored.error().kind == ErrorKind::BadInput);
        auto random = options();
        random.mask = PatchMask::Random;
        QVERIFY(PatchTraining::create(m_model, blocksOf({4, 16, false, 16}), benign, random).has_value());
        const auto plain = PatchTraining::create(m_model, blocksOf({16, -1, true, 16}), somePairs(), random);
        QVERIFY(!plain && plain.error().kind == ErrorKind::BadInput);
    }
};

QTEST_GUILESS_MAIN(TestPatch)
#include "test_patch.moc"
