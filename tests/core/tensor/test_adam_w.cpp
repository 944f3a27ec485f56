// SPDX-License-Identifier: GPL-3.0-or-later
// libtorch's headers come first: Qt's word "slots" is a name in them.
#include "core/tensor/adam_w.h"
#include "core/tensor/tensor_conversion.h"

#include <QtTest>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace safequant;

namespace {

nlohmann::json reference() {
    std::ifstream file(SAFEQUANT_TEST_DATA "/tensor/adam_w.json");
    return nlohmann::json::parse(file);
}

at::Tensor tensorFrom(const nlohmann::json& values, at::IntArrayRef shape) {
    const auto floats = values.get<std::vector<float>>();
    return tensorOf(floats, at::kCPU).view(shape).clone();
}

const std::vector<std::int64_t> kShapes[] = {{4, 3}, {6}};

std::vector<at::Tensor> startOf(const nlohmann::json& data) {
    std::vector<at::Tensor> parameters;
    for (std::size_t i = 0; i < 2; ++i) parameters.push_back(tensorFrom(data["start"][i], kShapes[i]).requires_grad_());
    return parameters;
}

AdamW optimizerOf(const std::vector<at::Tensor>& parameters) {
    return AdamW({{{parameters[0]}, 0.05, 0.1}, {{parameters[1]}, 0.01, 0.0}}, {0.9, 0.98, 1e-7});
}

void giveGradients(const nlohmann::json& step, const std::vector<at::Tensor>& parameters) {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        const nlohmann::json& gradient = step["gradients"][i];
        parameters[i].mutable_grad() = gradient.empty() ? at::Tensor() : tensorFrom(gradient, kShapes[i]);
    }
}

double difference(const at::Tensor& ours, const nlohmann::json& theirs) {
    const auto values = valuesOf(ours);
    double worst = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i)
        worst = std::max(worst, std::abs(static_cast<double>(values[i]) - theirs[i].get<double>()));
    return worst;
}

}  // namespace

class TestAdamW : public QObject {
    Q_OBJECT

private slots:
    /// tests/references/make_adam_w.py: two groups, a schedule, clipping, a step without one parameter's gradient.
    void agreesWithTorch() {
        const auto data = reference();
        const auto parameters = startOf(data);
        AdamW optimizer = optimizerOf(parameters);
        for (const auto& step : data["steps"]) {
            giveGradients(step, parameters);
            const double norm = clipGradients(parameters, data["clip"].get<double>());
            QVERIFY(std::abs(norm - step["norm"].get<double>()) < 1e-5 * norm);
            optimizer.step(step["factor"].get<double>());
            for (std::size_t i = 0; i < 2; ++i) QVERIFY(difference(parameters[i], step["parameters"][i]) < 1e-6);
        }
        QCOMPARE(optimizer.steps(), (std::vector<std::int64_t>{5, 4}));
    }

    void goesOnFromAKeptState() {
        const auto data = reference();
        const auto whole = startOf(data), parts = startOf(data);
        AdamW uninterrupted = optimizerOf(whole), before = optimizerOf(parts);
        const auto step = [&](std::size_t index, AdamW& optimizer, const std::vector<at::Tensor>& parameters) {
            giveGradients(data["steps"][index], parameters);
            optimizer.step();
        };
        for (std::size_t i = 0; i < 5; ++i) step(i, uninterrupted, whole);
        for (std::size_t i = 0; i < 2; ++i) step(i, before, parts);
        AdamW after = optimizerOf(parts);
        after.restore(before.steps(), before.firstMoments(), before.secondMoments());
        for (std::size_t i = 2; i < 5; ++i) step(i, after, parts);
        for (std::size_t i = 0; i < 2; ++i) QVERIFY(at::equal(whole[i], parts[i]));
    }

    void allocatesNothingAfterTheFirstStep() {
        const auto parameters = startOf(reference());
        AdamW optimizer = optimizerOf(parameters);
        const at::Tensor sum = parameters[0].square().sum() + parameters[1].sum();
        sum.backward();
        const void* const gradient = parameters[0].grad().data_ptr();
        const void* const moment = optimizer.firstMoments()[0].data_ptr();
        optimizer.step();
        optimizer.clearGradients();
        QCOMPARE(parameters[0].grad().abs().max().item<float>(), 0.0F);
        (parameters[0].square().sum() + parameters[1].sum()).backward();
        optimizer.step();
        QVERIFY(parameters[0].grad().data_ptr() == gradient);
        QVERIFY(optimizer.firstMoments()[0].data_ptr() == moment);
    }

    void leavesSmallGradientsAlone() {
        const auto parameters = startOf(reference());
        parameters[0].mutable_grad() = at::full({4, 3}, 0.1F);
        const double norm = clipGradients(parameters, 1.0);
        QVERIFY(std::abs(norm - 0.1 * std::sqrt(12.0)) < 1e-6);
        QVERIFY(at::equal(parameters[0].grad(), at::full({4, 3}, 0.1F)));
        clipGradients(parameters, 0.0);
        QVERIFY(at::equal(parameters[0].grad(), at::full({4, 3}, 0.1F)));
    }

    void refusesWhatCannotLearn() {
        const at::Tensor leaf = at::zeros({2}).requires_grad_();
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, AdamW({{{at::zeros({2})}, 0.1, 0.0}}));
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, AdamW({{{leaf * 2}, 0.1, 0.0}}));
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, AdamW({{{leaf}, 0.0, 0.0}}));
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, AdamW({{{leaf}, 0.1, -1.0}}));
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, AdamW({{{leaf}, 0.1, 0.0}}, {1.0, 0.9, 1e-8}));
        AdamW optimizer({{{leaf}, 0.1, 0.0}});
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, optimizer.restore({}, {}, {}));
    }
};

QTEST_GUILESS_MAIN(TestAdamW)
#include "test_adam_w.moc"
