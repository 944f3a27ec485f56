// SPDX-License-Identifier: GPL-3.0-or-later
// libtorch's headers come first: Qt's word "slots" is a name in them.
#include "core/finetune/finetuning.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <QTemporaryDir>
#include <QtTest>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <set>

#include "core/base/files.h"
#include "core/base/hash.h"
#include "core/finetune/finetune_folder.h"
#include "core/model/generation.h"
#include "tests/support/tiny_model.h"
#include "tests/support/or_throw.h"

extern char** environ;

using namespace safequant;
using testing::orThrow;
using nlohmann::json;

namespace {

constexpr int kSteps = 9;

std::vector<json> eventsOf(const std::string& folder) {
    std::vector<json> events;
    std::ifstream file(folder + "/events.jsonl");
    for (std::string line; std::getline(file, line);) events.push_back(json::parse(line));
    return events;
}

/// Losses by step; a step told of twice must have the same both times.
std::map<int, double> lossesOf(const std::string& folder) {
    std::map<int, double> losses;
    for (const json& event : eventsOf(folder)) {
        if (event["type"] != "step") continue;
        const double loss = event["loss"];
        const auto [place, isNew] = losses.emplace(event["step"].get<int>(), loss);
        if (!isNew && place->second != loss) throw std::runtime_error("step " + event["step"].dump() + " has two losses");
    }
    return losses;
}

double innerProduct(const at::Tensor& a, const at::Tensor& b) { return (a.to(at::kDouble) * b.to(at::kDouble)).sum().item<double>(); }

}  // namespace

class TestFinetuning : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    std::shared_ptr<const Checkpoint> m_model;
    FinetuneSpec m_spec;

    std::string path(const std::string& name) const { return m_folder.path().toStdString() + "/" + name; }

    static TrainingSample sample(std::vector<std::int32_t> tokens, std::size_t prompt) {
        TrainingSample sample;
        for (std::size_t i = 0; i + 1 < tokens.size(); ++i) sample.targets.push_back(i + 1 >= prompt ? tokens[i + 1] : -1);
        sample.tokens.assign(tokens.begin(), tokens.end() - 1);
        return sample;
    }
    /// Two that share four ids before their first answers, and two more of other lengths.
    static std::vector<TrainingSample> samples() {
        return {sample({1, 5, 6, 7, 20, 21, 22, 2}, 5), sample({1, 5, 6, 7, 30, 31, 2}, 4), sample({1, 5, 9, 40, 2}, 3),
                sample({1, 5, 6, 7, 8, 9, 10, 11, 50, 51, 52, 2}, 8)};
    }

    FinetuneSpec spec() const {
        FinetuneSpec spec = m_spec;
        spec.lora.rank = 3;
        spec.training.batch = 4;
        spec.training.steps = kSteps;
        spec.training.learningRate = 1e-2;
        return spec;
    }

    FinetuneSpec fullSpec() const {
        FinetuneSpec full = spec();
        full.full = true;
        return full;
    }

    Finetuning training(const FinetuneSpec& spec) const { return orThrow(Finetuning::create(spec, m_model, samples())); }

    /// A training whose B is not zero, so that every gradient counts.
    Finetuning warmedUp(const FinetuneSpec& spec) const {
        Finetuning training = this->training(spec);
        at::manual_seed(3);
        for (const auto& module : training.adapter().modules()) {
            at::Tensor b = module.change.b.detach();
            b.copy_(at::randn(b.sizes()) * 0.2F);
        }
        return training;
    }

    static std::vector<at::Tensor> gradientsOf(const Finetuning& training) {
        std::vector<at::Tensor> gradients;
        for (const at::Tensor& parameter : training.adapter().parameters()) gradients.push_back(parameter.grad().clone());
        return gradients;
    }

    static double lossOf(Finetuning& training) {
        const TrainingLoss loss = orThrow(training.gradient());
        return loss.sum / static_cast<double>(loss.targets);
    }

    std::string newFolder(const std::string& name, const FinetuneSpec& spec) const {
        return orThrow(createFinetuneFolder(path(name), {}, spec));
    }

    static std::string adapterHash(const std::string& folder) { return orThrow(sha256File(folder + "/adapter/adapter_model.safetensors")); }

private slots:
    void initTestCase() {
        // Threads cost more than they bring on products this small; the child inherits the choice.
        qputenv("SAFEQUANT_THREADS", "1");
        safequant::testing::writeTinyModel(path("model"));
        m_model = orThrow(openCheckpoint(path("model")));
        m_spec.checkpoint = path("model");
        std::ofstream data(path("chats.jsonl"));
        for (int i = 0; i < 14; ++i)
            data << json{{"prompt", "Say " + std::to_string(i)}, {"answer", std::string(1 + static_cast<std::size_t>(i % 5), 'a')}}.dump() << "\n";
        data.close();
        TrainingSource source;
        source.file.path = path("chats.jsonl");
        m_spec.data = {source};
        m_spec.adapterType = "F32";
        m_spec.saveEvery = 3;
    }

    /// The gradient along a random direction is the slope of the loss along it.
    void gradientIsTheSlope() {
        Finetuning training = warmedUp(spec());
        lossOf(training);
        const auto gradients = gradientsOf(training);
        const auto parameters = training.adapter().parameters();
        at::manual_seed(4);
        std::vector<at::Tensor> direction;
        double slope = 0.0;
        for (const at::Tensor& gradient : gradients) {
            direction.push_back(at::randn(gradient.sizes()));
            slope += innerProduct(gradient, direction.back());
        }
        const auto lossAt = [&](double way) {
            for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i].detach().add_(direction[i], way);
            const double loss = lossOf(training);
            for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i].detach().sub_(direction[i], way);
            return loss;
        };
        constexpr double kWay = 2e-4;
        const double measured = (lossAt(kWay) - lossAt(-kWay)) / (2 * kWay);
        QVERIFY2(std::abs(measured - slope) < 0.01 * std::abs(slope), qPrintable(QString("%1 and %2").arg(measured).arg(slope)));
    }

    /// Running blocks again on the way back changes no bit, however many of them do.
    void recomputingChangesNothing() {
        FinetuneSpec spec = this->spec();
        Finetuning keeps = warmedUp(spec);
        const double loss = lossOf(keeps);
        const auto expected = gradientsOf(keeps);
        for (const double gib : {0.0, 60e-6, 120e-6}) {
            spec.graphMemoryGib = gib;
            Finetuning recomputes = warmedUp(spec);
            QCOMPARE(lossOf(recomputes), loss);
            const auto gradients = gradientsOf(recomputes);
            for (std::size_t i = 0; i < gradients.size(); ++i) QVERIFY(at::equal(gradients[i], expected[i]));
        }
    }

    /// A packed batch with a shared prefix, and its samples one by one.
    void packingChangesNothing() {
        FinetuneSpec spec = this->spec();
        Finetuning packed = warmedUp(spec);
        const double loss = lossOf(packed);
        const auto expected = gradientsOf(packed);
        spec.training.batch = 1;
        spec.training.accumulate = 4;
        Finetuning single = warmedUp(spec);
        QCOMPARE(single.samplesOf(0), packed.samplesOf(0));
        QVERIFY(std::abs(lossOf(single) - loss) < 1e-5);
        const auto gradients = gradientsOf(single);
        for (std::size_t i = 0; i < gradients.size(); ++i)
            QVERIFY(at::max(at::abs(gradients[i] - expected[i])).item<double>() < 1e-5 * (1.0 + at::max(at::abs(expected[i])).item<double>()));
    }

    void countsRowsWithoutTheSharedPrefix() {
        Finetuning training = this->training(spec());
        const TrainingLoss loss = orThrow(training.gradient());
        // Two ids are common to all: 7 + 6 + 4 + 11 rows, less 3 * 2.
        QCOMPARE(loss.rows, std::int64_t{22});
        QCOMPARE(loss.targets, std::int64_t{3 + 3 + 2 + 4});
    }

    /// An adapter that has just begun changes nothing: the loss is the base model's.
    void startsAtTheBaseModel() {
        Finetuning training = this->training(spec());
        const auto language = orThrow(LanguageModel::load(m_model, checkpointBlocks(m_model)));
        double sum = 0.0;
        int count = 0;
        for (const TrainingSample& one : samples()) {
            for (std::size_t i = 0; i < one.tokens.size(); ++i) {
                if (one.targets[i] < 0) continue;
                const Matrix logits = language->lastLogits({{one.tokens.begin(), one.tokens.begin() + static_cast<std::ptrdiff_t>(i) + 1}});
                double total = 0.0;
                for (const float logit : logits.span()) total += std::exp(static_cast<double>(logit));
                sum += std::log(total) - static_cast<double>(logits(0, static_cast<std::size_t>(one.targets[i])));
                ++count;
            }
        }
        QVERIFY(std::abs(lossOf(training) - sum / count) < 1e-4);
    }

    void followsTheSchedule() {
        QCOMPARE(rateFactor(RateSchedule::Linear, 0, 4, 10), 0.25);
        QCOMPARE(rateFactor(RateSchedule::Linear, 4, 4, 10), 0.6);
        QCOMPARE(rateFactor(RateSchedule::Linear, 5, 0, 10), 0.5);
        QCOMPARE(rateFactor(RateSchedule::Constant, 9, 4, 10), 1.0);
        QVERIFY(std::abs(rateFactor(RateSchedule::Cosine, 5, 2, 10) - 0.5) < 1e-12);
        TrainingOptions options;
        options.batch = 8;
        options.epochs = 1.5;
        QCOMPARE(stepCount(options, 16), 3);
        options.steps = 7;
        QCOMPARE(stepCount(options, 16), 7);
    }

    void everyPassHasEverySampleOnce() {
        FinetuneSpec spec = this->spec();
        spec.training.batch = 3;
        Finetuning training = this->training(spec);
        std::vector<std::size_t> seen;
        for (int step = 0; step < 4; ++step)
            for (const std::size_t index : training.samplesOf(step)) seen.push_back(index);
        for (std::size_t pass = 0; pass < 3; ++pass) {
            std::vector<std::size_t> part(seen.begin() + static_cast<std::ptrdiff_t>(4 * pass), seen.begin() + static_cast<std::ptrdiff_t>(4 * pass + 4));
            std::sort(part.begin(), part.end());
            QCOMPARE(part, (std::vector<std::size_t>{0, 1, 2, 3}));
        }
    }

    void learns() {
        FinetuneSpec spec = this->spec();
        spec.training.steps = 40;
        Finetuning training = this->training(spec);
        const double before = orThrow(training.step()).loss;
        double after = before;
        while (training.done() < training.steps()) after = orThrow(training.step()).loss;
        QVERIFY2(after < 0.3 * before, qPrintable(QString("%1 to %2").arg(before).arg(after)));
    }

    /// The saved adapter, merged by the checkpoint's own reader, is the model that was trained.
    void savedAdapterIsTheTrainedModel() {
        Finetuning training = warmedUp(spec());
        const double loss = lossOf(training);
        std::filesystem::create_directories(path("saved"));
        QVERIFY(training.adapter().save(path("saved"), "tiny", "F32").has_value());
        const auto merged = orThrow(openCheckpoint(path("model"), {path("saved")}));
        Finetuning fresh = orThrow(Finetuning::create(spec(), merged, samples()));
        QVERIFY(std::abs(lossOf(fresh) - loss) < 1e-4 * loss);

        FinetuneSpec goingOn = spec();
        goingOn.initialAdapter = path("saved");
        Finetuning loaded = this->training(goingOn);
        QCOMPARE(lossOf(loaded), loss);
        goingOn.lora.alpha = 1.0;
        const auto other = Finetuning::create(goingOn, m_model, samples());
        QVERIFY(!other && other.error().kind == ErrorKind::Mismatch);
        goingOn = spec();
        goingOn.initialAdapter = path("saved");
        goingOn.lora.targets = {LinearRole::Query};
        const auto fewer = Finetuning::create(goingOn, m_model, samples());
        QVERIFY(!fewer && fewer.error().kind == ErrorKind::Mismatch);
    }

    /// Of a factor B that is zero the gradient is that of the weight, seen through A.
    void fullGradientsAreThoseOfTheWeights() {
        Finetuning adapted = training(spec());
        const double loss = lossOf(adapted);
        Finetuning full = training(fullSpec());
        QVERIFY(std::abs(lossOf(full) - loss) < 1e-6 * loss);
        QCOMPARE(full.weights().size(), adapted.adapter().modules().size());
        for (const auto& module : adapted.adapter().modules()) {
            const auto weight = std::find_if(full.weights().begin(), full.weights().end(), [&](const NamedTensor& each) { return each.name == module.name; });
            QVERIFY(weight != full.weights().end());
            const at::Tensor expected = at::matmul(weight->tensor.grad(), module.change.a.detach().t()) * module.change.scale, found = module.change.b.grad();
            QVERIFY2((found - expected).norm().item<double>() < 1e-4 * expected.norm().item<double>() + 1e-9, module.name.c_str());
        }
    }

    /// Whole, stopped and resumed it leaves one model, which is the one that was trained.
    void fullFineTuningLeavesAModel() {
        const auto modelHash = [](const std::string& folder) { return orThrow(sha256File(folder + "/model/model.safetensors")); };
        const std::string whole = newFolder("whole-full", fullSpec());
        QVERIFY(executeFinetuning(whole, {}, {}).has_value());
        QVERIFY(!std::filesystem::exists(whole + "/adapter") && !std::filesystem::exists(whole + "/state.safetensors"));
        const std::string parts = newFolder("parts-full", fullSpec());
        std::stop_source source;
        const auto stopped = executeFinetuning(parts, [&](const json& event) { if (event["type"] == "step" && event["step"] == 4) source.request_stop(); }, source.get_token());
        QVERIFY(!stopped && stopped.error().kind == ErrorKind::Cancelled);
        QVERIFY(executeFinetuning(parts, {}, {}).has_value());
        QCOMPARE(lossesOf(parts), lossesOf(whole));
        QCOMPARE(modelHash(parts), modelHash(whole));

        const auto left = orThrow(openCheckpoint(whole + "/model"));
        Finetuning byHand = training(fullSpec());
        while (byHand.done() < byHand.steps()) QVERIFY(byHand.step().has_value());
        std::size_t changed = 0;
        for (const NamedTensor& weight : byHand.weights()) {
            const at::Tensor read = at::empty(weight.tensor.sizes()), before = at::empty(weight.tensor.sizes());
            QVERIFY(left->read(weight.name + ".weight", {read.data_ptr<float>(), static_cast<std::size_t>(read.numel())}).has_value());
            QVERIFY(m_model->read(weight.name + ".weight", {before.data_ptr<float>(), static_cast<std::size_t>(before.numel())}).has_value());
            changed += at::equal(read, before) ? 0 : 1;
        }
        QCOMPARE(changed, byHand.weights().size());
        // Embeddings and norms are the checkpoint's.
        std::vector<float> norm = orThrow(left->readVector("model.norm.weight")), original = orThrow(m_model->readVector("model.norm.weight"));
        QVERIFY(norm == original);

        FinetuneSpec wrong = fullSpec();
        wrong.initialAdapter = path("saved");
        QVERIFY(!finetuneSpecFromJson(finetuneSpecToJson(wrong), "test").has_value());
        json standard = finetuneSpecToJson(fullSpec());
        standard["training"].erase("learning_rate");
        QCOMPARE(orThrow(finetuneSpecFromJson(standard, "test")).training.learningRate, 2e-5);
    }

    void roundsToTheNearestBfloat16() {
        Finetuning training = warmedUp(spec());
        std::filesystem::create_directories(path("halves"));
        QVERIFY(training.adapter().save(path("halves"), "tiny", "BF16").has_value());
        FinetuneSpec goingOn = spec();
        goingOn.initialAdapter = path("halves");
        Finetuning loaded = this->training(goingOn);
        const auto wanted = training.adapter().parameters(), read = loaded.adapter().parameters();
        for (std::size_t i = 0; i < wanted.size(); ++i)
            QVERIFY(at::equal(read[i].detach(), wanted[i].detach().to(at::kBFloat16).to(at::kFloat)));
    }

    void stoppedAndResumedIsTheSame() {
        const std::string whole = newFolder("whole", spec());
        QVERIFY(executeFinetuning(whole, {}, {}).has_value());
        QCOMPARE(lossesOf(whole).size(), std::size_t{kSteps});
        QVERIFY(!std::filesystem::exists(whole + "/state.safetensors"));

        const std::string parts = newFolder("parts", spec());
        for (const int stopAfter : {2, 3, 7}) {
            std::stop_source source;
            const auto done = executeFinetuning(
                parts, [&](const json& event) { if (event["type"] == "step" && event["step"] == stopAfter) source.request_stop(); },
                source.get_token());
            QVERIFY(!done && done.error().kind == ErrorKind::Cancelled);
        }
        QVERIFY(executeFinetuning(parts, {}, {}).has_value());
        QCOMPARE(lossesOf(parts), lossesOf(whole));
        QCOMPARE(adapterHash(parts), adapterHash(whole));
        // A finished one has nothing left to do.
        const auto events = eventsOf(parts).size();
        QVERIFY(executeFinetuning(parts, {}, {}).has_value());
        QCOMPARE(eventsOf(parts).size(), events);
    }

    void killedAndResumedIsTheSame() {
        FinetuneSpec longer = spec();
        // Far more than the last kill waits for: a quick child must not reach its end before it is killed.
        longer.training.steps = 200;
        longer.saveEvery = 7;
        const std::string whole = newFolder("unkilled", longer);
        QVERIFY(executeFinetuning(whole, {}, {}).has_value());
        const std::string killed = newFolder("killed", longer);
        int kills = 0;
        for (std::size_t wanted = 10; wanted < 50; wanted += 15) {
            std::string program = SAFEQUANT_FINETUNE_CHILD, argument = killed;
            char* arguments[] = {program.data(), argument.data(), nullptr};
            pid_t pid = 0;
            QCOMPARE(posix_spawn(&pid, program.c_str(), nullptr, nullptr, arguments, environ), 0);
            QTRY_VERIFY_WITH_TIMEOUT(lossesWritten(killed) >= wanted, 60000);
            ::kill(pid, SIGKILL);
            int status = 0;
            ::waitpid(pid, &status, 0);
            kills += WIFSIGNALED(status) ? 1 : 0;
        }
        QCOMPARE(kills, 3);
        QVERIFY(executeFinetuning(killed, {}, {}).has_value());
        QCOMPARE(lossesOf(killed), lossesOf(whole));
        QCOMPARE(adapterHash(killed), adapterHash(whole));
    }

    void refusesToGoOnWithOtherThings() {
        const std::string folder = newFolder("changed", spec());
        std::stop_source source;
        const auto stopAtOnce = [&](const json& event) { if (event["type"] == "step") source.request_stop(); };
        QVERIFY(!executeFinetuning(folder, stopAtOnce, source.get_token()));
        json changed = orThrow(readTextFile(folder + "/spec.json").map([](const std::string& text) { return json::parse(text); }));
        changed["training"]["learning_rate"] = 0.5;
        QVERIFY(writeFileAtomically(folder + "/spec.json", changed.dump()).has_value());
        const auto other = executeFinetuning(folder, {}, {});
        QVERIFY(!other && other.error().kind == ErrorKind::Mismatch && other.error().message.find("spec") != std::string::npos);
        const auto again = createFinetuneFolder(folder, {}, spec());
        QVERIFY(!again && again.error().kind == ErrorKind::BadInput);
    }

    void saysWhatIsLeftOut() {
        FinetuneSpec tight = spec();
        tight.training.steps = 1;
        tight.training.maxTokens = 28;
        const std::string folder = newFolder("tight", tight);
        QVERIFY(executeFinetuning(folder, {}, {}).has_value());
        const auto events = eventsOf(folder);
        QVERIFY(std::any_of(events.begin(), events.end(), [](const json& event) {
            return event["type"] == "note" && event["message"].get<std::string>().find("left out") != std::string::npos;
        }));
        tight.training.maxTokens = 3;
        const auto none = executeFinetuning(newFolder("tighter", tight), {}, {});
        QVERIFY(!none && none.error().kind == ErrorKind::BadInput);
    }

private:
    static std::size_t lossesWritten(const std::string& folder) {
        std::ifstream file(folder + "/events.jsonl");
        std::set<std::string> steps;
        for (std::string line; std::getline(file, line);) {
            const json event = json::parse(line, nullptr, false);
            if (event.is_object() && event["type"] == "step") steps.insert(event["step"].dump());
        }
        return steps.size();
    }
};

QTEST_GUILESS_MAIN(TestFinetuning)
#include "test_finetuning.moc"
