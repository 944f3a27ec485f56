// SPDX-License-Identifier: GPL-3.0-or-later
// libtorch's headers come first: Qt's word "slots" is a name in them.
#include "core/patch/alignment_training.h"

#include <QTemporaryDir>
#include <QtTest>
#include <map>

#include "core/tensor/tensor_conversion.h"
#include "patch_reference.h"
#include "tests/support/or_throw.h"

using namespace safequant;
using testing::orThrow;

namespace {

double furthest(const at::Tensor& a, const at::Tensor& b) { return at::max(at::abs(a - b)).item<double>(); }

}  // namespace

class TestAlignment : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    std::shared_ptr<const Checkpoint> m_full, m_pretrained;
    nlohmann::json m_reference;

    std::shared_ptr<GridBlocks> quantized() const {
        const auto plan = orThrow(planSchemes(m_full->config(), {4, -1, false, 16}, {}));
        auto blocks = std::make_shared<GridBlocks>(m_full->config(), PatchFactors{4, 8.0}, 7, false);
        for (int block = 0; block < m_full->config().blocks; ++block)
            blocks->add(orThrow(loadBlock(*m_full, block)), roundedBlock(orThrow(loadBlock(*m_full, block)), planOfBlock(plan, block)));
        return blocks;
    }

    std::vector<AlignmentSample> samples() const {
        std::vector<AlignmentSample> samples;
        for (const auto& sample : m_reference["aligned"])
            samples.push_back({"s" + std::to_string(samples.size()), samples.empty(), testing::sampleOf(sample)});
        return samples;
    }

    static PatchOptions options() {
        PatchOptions options;
        options.mask = PatchMask::All;
        options.factors = {4, 8.0};
        options.steps = 20;
        options.batch = 3;
        options.warmupSteps = 1;
        options.clipNorm = 0.0;
        options.learningRate = 1e-2;
        options.graphMemoryGib = 0.0;
        return options;
    }

    AlignmentTeachers teachers() const { return {m_full, nullptr, m_pretrained}; }
    AlignmentTraining trainingOf(std::shared_ptr<GridBlocks> blocks, const PatchOptions& options, const Progress& progress = {},
                                 const std::string& reference = {}) const {
        return orThrow(AlignmentTraining::create(std::move(blocks), samples(), teachers(), options, progress, reference));
    }

    /// A step, and the gradients of the weights in the place of the factors'.
    PatchStep weightGradients(const PatchOptions& options, std::map<std::string, at::Tensor>& gradients) const {
        const auto blocks = quantized();
        AlignmentTraining training = trainingOf(blocks, options);
        blocks->setVisitor([&](GridBlocks::Module& module, const at::Tensor& weight) { gradients[module.name] = weight.grad().clone(); });
        return orThrow(training.step());
    }

    void compareGradients(const std::map<std::string, at::Tensor>& gradients, const nlohmann::json& expected) const {
        for (const auto& [name, values] : expected["gradients"].items()) {
            const at::Tensor& got = gradients.at(name);
            const at::Tensor wanted = tensorOf(values.get<std::vector<float>>(), at::kCPU).view(got.sizes());
            const double scale = at::max(at::abs(wanted)).item<double>();
            // Float32 against double.
            QVERIFY2(furthest(got, wanted) < 1e-4 * scale,
                     qPrintable(QString("%1: %2 of %3").arg(name.c_str()).arg(furthest(got, wanted)).arg(scale)));
        }
    }

private slots:
    void initTestCase() {
        m_reference = testing::patchReference();
        m_full = testing::referenceModel(m_folder.path().toStdString() + "/full");
        m_pretrained = testing::referenceModel(m_folder.path().toStdString() + "/pretrained", 0.5);
    }

    void lossAndGradientAreTheReferences() {
        for (const auto& expected : m_reference["alignment"]) {
            PatchOptions some = options();
            some.alignment = {expected["lambda"], expected["top_k"], expected["whole"], 3.0};
            std::map<std::string, at::Tensor> gradients;
            const PatchStep step = weightGradients(some, gradients);
            QVERIFY2(std::abs(step.aligned - expected["aligned"].get<double>()) < 1e-5, qPrintable(QString::number(step.aligned)));
            QVERIFY2(std::abs(step.pretrained - expected["pretrained"].get<double>()) < 1e-5, qPrintable(QString::number(step.pretrained)));
            QVERIFY(std::abs(step.loss - (step.aligned - some.alignment.contrast * step.pretrained)) < 1e-9);
            QVERIFY(!step.limited);
            compareGradients(gradients, expected);
        }
    }

    /// Beyond its limit the second term is a constant.
    void secondTermIsLimited() {
        PatchOptions some = options();
        some.alignment.limit = 0.5;
        std::map<std::string, at::Tensor> gradients;
        const PatchStep step = weightGradients(some, gradients);
        QVERIFY(step.limited);
        QVERIFY(std::abs(step.loss - (step.aligned - 0.1 * 0.5 * step.pretrained)) < 1e-6);
        compareGradients(gradients, m_reference["limited"]);
        // Without a contrast nothing is compared with the pretrained model, and none is needed.
        some.alignment.contrast = 0.0;
        const auto alone = AlignmentTraining::create(quantized(), samples(), {m_full, nullptr, nullptr}, some);
        QVERIFY(alone.has_value());
    }

    /// The factors get the weights' gradients by the chain rule; at the start those of A are 0, for B is.
    void factorsFollowTheWeights() {
        const auto blocks = quantized();
        AlignmentTraining training = trainingOf(blocks, options());
        std::map<std::string, at::Tensor> gradients;
        weightGradients(options(), gradients);
        const PatchStep step = orThrow(training.step());
        double squares = 0.0;
        for (const auto& module : blocks->modules()) {
            // A has not moved, and no latent weight starts beyond the ends of its grid.
            const at::Tensor expected = 2.0 * at::mm(gradients.at(module.name), module.a.detach().t());
            const double scale = at::max(at::abs(expected)).item<double>();
            QVERIFY(furthest(module.b.grad(), expected) < 1e-4 * scale);
            QVERIFY(at::equal(module.a.grad(), at::zeros_like(module.a)));
            squares += module.b.grad().square().sum().item<double>();
        }
        QVERIFY(std::abs(step.gradientNorm - std::sqrt(squares)) < 1e-4 * step.gradientNorm);
    }

    /// Towards the full-precision model, away from the other, and with codes alone.
    void learns() {
        const auto blocks = quantized();
        PatchOptions some = options();
        some.alignment.contrast = 0.05;
        AlignmentTraining training = trainingOf(blocks, some);
        const PatchStep first = orThrow(training.step());
        PatchStep last = first;
        while (training.done() < training.steps()) last = orThrow(training.step());
        QVERIFY2(last.aligned < 0.7 * first.aligned, qPrintable(QString("%1 to %2").arg(first.aligned).arg(last.aligned)));
        std::uint64_t changed = 0;
        for (std::size_t i = 0; i < blocks->blockCount(); ++i) {
            const auto patched = blocks->patched(i, orThrow(loadBlock(*m_full, static_cast<int>(i))));
            for (const auto& module : blocks->modulesOf(i)) {
                changed += patched.changed[static_cast<std::size_t>(module.role)];
                QVERIFY(patched.block.linears[static_cast<std::size_t>(module.role)].scales == module.grid.start().scales);
            }
        }
        QVERIFY(changed > 0);
    }

    /// An aligned model of its own teaches malicious samples alone.
    void teachersShareTheSamples() {
        const auto firstLoss = [&](const AlignmentTeachers& teachers) {
            auto training = orThrow(AlignmentTraining::create(quantized(), samples(), teachers, options()));
            return orThrow(training.step());
        };
        const PatchStep one = firstLoss(teachers()), two = firstLoss({m_full, m_full, m_pretrained}),
                        other = firstLoss({m_full, m_pretrained, m_pretrained});
        QVERIFY(std::abs(two.aligned - one.aligned) < 1e-6);
        QVERIFY(other.aligned > 1.2 * one.aligned);
        const auto reference = m_folder.filePath("two.safetensors").toStdString();
        for (int time = 0; time < 2; ++time) {
            auto training =
                orThrow(AlignmentTraining::create(quantized(), samples(), {m_full, m_pretrained, m_pretrained}, options(), {}, reference));
            QCOMPARE(orThrow(training.step()).loss, other.loss);
        }
    }

    void resumedIsTheSameAndAsksNoTeacherAgain() {
        const auto reference = m_folder.filePath("reference.safetensors").toStdString(),
                   state = m_folder.filePath("state.safetensors").toStdString();
        PatchOptions some = options();
        some.mask = PatchMask::Random;
        some.share = 0.5;
        some.steps = 6;
        some.batch = 2;
        const auto whole = quantized();
        AlignmentTraining unbroken = trainingOf(whole, some);
        while (unbroken.done() < unbroken.steps()) orThrow(unbroken.step());
        std::shared_ptr<GridBlocks> parts;
        for (int part = 0; part < 3; ++part) {
            parts = quantized();
            int asked = 0;
            AlignmentTraining training = trainingOf(parts, some, Progress{{}, [&](std::uint64_t, std::uint64_t) { ++asked; }}, reference);
            QCOMPARE(asked > 0, part == 0);
            if (part > 0) orThrow(training.restore(state));
            orThrow(training.step());
            orThrow(training.step());
            orThrow(training.save(state));
        }
        for (std::size_t i = 0; i < whole->parameters().size(); ++i) QVERIFY(at::equal(whole->parameters()[i], parts->parameters()[i]));
        auto fewer = samples();
        fewer.pop_back();
        const auto mismatch = AlignmentTraining::create(quantized(), fewer, teachers(), some, {}, reference);
        QVERIFY(!mismatch && mismatch.error().kind == ErrorKind::Mismatch);
    }

    void refusesWhatTeachesNothing() {
        QCOMPARE(AlignmentTraining::create(quantized(), {}, teachers(), options()).error().kind, ErrorKind::BadInput);
        QCOMPARE(AlignmentTraining::create(quantized(), samples(), {m_full, nullptr, nullptr}, options()).error().kind,
                 ErrorKind::BadInput);
        PatchOptions scored = options();
        scored.mask = PatchMask::SafeScore;
        QCOMPARE(AlignmentTraining::create(quantized(), samples(), teachers(), scored).error().kind, ErrorKind::BadInput);
    }
};

QTEST_GUILESS_MAIN(TestAlignment)
#include "test_alignment.moc"
