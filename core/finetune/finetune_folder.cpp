// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/finetune/finetune_folder.h"

#include <chrono>
#include <exception>
#include <filesystem>
#include <new>
#include <unordered_map>

#include "core/base/files.h"
#include "core/base/hash.h"
#include "core/checkpoint/hub_cache.h"
#include "core/checkpoint/replaced_checkpoint.h"
#include "core/exporting/export_model.h"
#include "core/exporting/target_folder.h"
#include "core/finetune/chat_file.h"
#include "core/finetune/finetuning.h"
#include "core/finetune/training_data.h"
#include "core/run/event_log.h"
#include "core/run/manifest.h"
#include "core/run/run_lock.h"
#include "core/run/run_spec.h"
#include "core/run/timed_folder.h"
#include "core/tensor/tensor_conversion.h"
#include "safequant_version.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kManifestFormat = "safequant-finetune-manifest";

void makeAbsolute(std::string& path) {
    if (!path.empty() && !path.starts_with("builtin:")) path = fs::absolute(path).lexically_normal().string();
}

FinetuneSpec completed(FinetuneSpec spec) {
    spec.checkpoint = absoluteModelPath(spec.checkpoint);
    for (std::string& adapter : spec.adapters) adapter = absoluteModelPath(adapter);
    if (!spec.initialAdapter.empty()) spec.initialAdapter = absoluteModelPath(spec.initialAdapter);
    for (TrainingSource& source : spec.data) {
        makeAbsolute(source.file.path);
        for (PromptFile& file : source.prompts.files) makeAbsolute(file.path);
    }
    if (spec.name.empty()) spec.name = fs::path(spec.checkpoint).stem().string() + " fine-tuned";
    return spec;
}

std::string hashOf(const std::vector<TrainingSample>& samples) {
    Sha256 hash;
    for (const TrainingSample& sample : samples) {
        hash.update(std::as_bytes(std::span(sample.tokens)));
        hash.update(std::as_bytes(std::span(sample.targets)));
        hash.update("\n");
    }
    return hash.hex();
}

/// Work on one fine-tuning by this process.
class Execution {
public:
    Execution(std::string folder, JsonLines events, const FinetuneListener& listener, std::stop_token stop)
        : m_folder(std::move(folder)), m_events(std::move(events)), m_listener(listener), m_stop(std::move(stop)) {}

    Expected<void> run() {
        Expected<void> done;
        try {
            done = work();
        } catch (const std::bad_alloc&) {
            done = fail(ErrorKind::OutOfMemory, "Memory ran out. Choose a smaller batch or less graph_memory_gib; the fine-tuning goes on "
                                                "from its last kept state when it is resumed.");
        } catch (const std::exception& error) {
            done = fail(ErrorKind::Failed, error.what());
        }
        json event{{"type", "finished"}, {"status", done ? "finished" : done.error().kind == ErrorKind::Cancelled ? "stopped" : "failed"}};
        if (!done) event["message"] = done.error().describe();
        m_manifest["status"] = event["status"];
        const auto saved = saveManifest();
        const auto told = tell(std::move(event));
        if (!done) return done;
        return saved ? told : saved;
    }

private:
    Expected<void> work() {
        const auto spec = readFinetuneSpec(m_folder + "/spec.json");
        if (!spec) return fail(spec.error());
        auto checkpoint = openModel(spec->checkpoint, spec->adapters);
        if (!checkpoint) return fail(checkpoint.error());
        const auto format = ChatFormat::create((*checkpoint)->tokenizerSource(), spec->systemPrompt);
        if (!format) return fail(format.error());
        const auto hash = (*checkpoint)->contentHash(Progress{m_stop, {}});
        if (!hash) return fail(hash.error());

        const auto chats = conversations(*spec, *checkpoint, *format);
        if (!chats) return fail(chats.error());
        auto samples = encode(*spec, (*checkpoint)->config(), *format, *chats);
        if (!samples) return fail(samples.error());
        const json fingerprints{{"program version", SAFEQUANT_VERSION},
                                {"spec", sha256Hex(finetuneSpecToJson(*spec).dump())},
                                {"checkpoint", *hash},
                                {"conversations", hashOf(*samples)}};
        if (auto begun = begin(*spec, **checkpoint, fingerprints, samples->size()); !begun) return begun;

        auto training = Finetuning::create(*spec, *checkpoint, std::move(*samples), Progress{m_stop, {}});
        if (!training) return fail(training.error());
        if (fs::exists(statePath())) {
            if (auto restored = training->restore(statePath()); !restored) return restored;
            if (auto told = tell({{"type", "resumed"}, {"step", training->done()}}); !told) return told;
        }
        if (auto trained = train(*spec, *training); !trained) return trained;
        return finish(*spec, *training, *checkpoint, *format->tokenizer);
    }

    std::string statePath() const { return m_folder + "/state.safetensors"; }

    /// The conversations of data.jsonl, which is made first when it is not there.
    Expected<std::vector<TrainingChat>> conversations(const FinetuneSpec& spec, const std::shared_ptr<const Checkpoint>& checkpoint,
                                                      const ChatFormat& format) {
        const std::string path = m_folder + "/data.jsonl";
        ChatFile file;
        file.path = path;
        if (fs::exists(path)) return readChatFile(file);
        Expected<void> told;
        const Progress progress{m_stop, [&](std::uint64_t done, std::uint64_t total) {
                                    if (told) told = tell({{"type", "answers"}, {"done", done}, {"of", total}});
                                }};
        const auto chats = gatherTrainingChats(spec, checkpoint, format, progress);
        if (!chats) return chats;
        if (!told) return fail(told.error());
        std::string lines;
        for (const TrainingChat& chat : *chats) lines += JsonLines::lineOf(chatToJson(chat));
        if (auto written = writeFileAtomically(path, lines); !written) return fail(written.error());
        return readChatFile(file);
    }

    Expected<std::vector<TrainingSample>> encode(const FinetuneSpec& spec, const DecoderConfig& config, const ChatFormat& format,
                                                 const std::vector<TrainingChat>& chats) {
        const auto limit = static_cast<std::size_t>(std::min(spec.training.maxTokens, config.context()));
        std::vector<TrainingSample> samples;
        for (const TrainingChat& chat : chats) {
            auto sample = encodeChat(format, config, chat);
            if (!sample) return fail(sample.error());
            if (sample->tokens.size() <= limit) samples.push_back(std::move(*sample));
        }
        if (samples.empty())
            return fail(ErrorKind::BadInput, "Every conversation is longer than " + std::to_string(limit) + " tokens; raise max_tokens.");
        if (const auto longer = chats.size() - samples.size(); longer > 0)
            if (auto told = note(std::to_string(longer) + " of " + std::to_string(chats.size()) + " conversations are longer than " +
                                 std::to_string(limit) + " tokens and left out.");
                !told)
                return fail(told.error());
        return samples;
    }

    Expected<void> begin(const FinetuneSpec& spec, const Checkpoint& checkpoint, const json& fingerprints, std::size_t samples) {
        if (const auto text = readTextFile(m_folder + "/manifest.json"); text) m_manifest = json::parse(*text, nullptr, false);
        if (m_manifest.is_object() && m_manifest.contains("fingerprints")) {
            std::string list;
            for (const std::string& difference : fingerprintDifferences(m_manifest["fingerprints"], fingerprints))
                list += (list.empty() ? "" : ", ") + difference;
            if (!list.empty())
                return fail(ErrorKind::Mismatch, "The fine-tuning cannot go on, because what it was begun with has changed: " + list +
                                                     ". Put it back as it was, or start a new one.", m_folder);
        } else {
            m_manifest = {{"format", kManifestFormat}, {"format_version", 1}, {"created", utcNow()}};
        }
        m_manifest["name"] = spec.name;
        m_manifest["status"] = "running";
        m_manifest["fingerprints"] = fingerprints;
        m_manifest["model"] = checkpoint.config().name;
        m_manifest["samples"] = samples;
        m_manifest["device"] = {{"name", spec.device}, {"cpu_features", cpuFeatures()}, {"threads", threadCount()}};
        return saveManifest();
    }

    Expected<void> train(const FinetuneSpec& spec, Finetuning& training) {
        using Clock = std::chrono::steady_clock;
        const auto begun = Clock::now();
        const int first = training.done();
        while (training.done() < training.steps()) {
            const auto step = training.step(m_stop);
            if (!step && step.error().kind == ErrorKind::Cancelled && training.done() > 0)
                if (auto saved = training.save(statePath()); !saved) return saved;
            if (!step) return fail(step.error());
            const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
            const double left = seconds / (step->step - first) * (training.steps() - step->step);
            const auto told = tell({{"type", "step"}, {"step", step->step}, {"of", training.steps()}, {"loss", step->loss},
                                    {"learning_rate", step->learningRate}, {"gradient_norm", step->gradientNorm},
                                    {"targets", step->targets}, {"rows", step->rows}, {"seconds", seconds}, {"seconds_left", left}});
            if (!told) return told;
            // The event first: a step whose state is kept is not done again after a kill, and would have told of itself nowhere.
            if (step->step % spec.saveEvery == 0 && step->step < training.steps())
                if (auto saved = training.save(statePath()); !saved) return saved;
        }
        return {};
    }

    Expected<void> finish(const FinetuneSpec& spec, const Finetuning& training, const std::shared_ptr<const Checkpoint>& checkpoint, const Tokenizer& tokenizer) {
        if (auto left = spec.full ? leaveModel(spec, training, checkpoint, tokenizer) : leaveAdapter(spec, training); !left) return left;
        std::error_code code;
        fs::remove(statePath(), code);
        return {};
    }

    /// The whole model as a Hugging Face folder.
    Expected<void> leaveModel(const FinetuneSpec& spec, const Finetuning& training, const std::shared_ptr<const Checkpoint>& checkpoint, const Tokenizer& tokenizer) {
        std::unordered_map<std::string, ReplacedTensor> changes;
        for (const NamedTensor& weight : training.weights()) {
            auto values = std::make_shared<Matrix>(matrixOf(weight.tensor.detach()));
            const auto bytes = std::as_bytes(std::span<const float>(values->span()));
            changes[weight.name + ".weight"] = {bytes, std::move(values), {}};
        }
        const auto tuned = replaceTensors(checkpoint, std::move(changes));
        if (!tuned) return fail(tuned.error());
        const auto plan = planSchemes(checkpoint->config(), QuantizationScheme{16}, {});
        if (!plan) return fail(plan.error());
        const std::string folder = m_folder + "/model";
        std::error_code code;
        fs::remove_all(folder, code);
        ExportOptions options;
        options.format = spec.adapterType == "BF16" ? ExportFormat::Bf16 : ExportFormat::CompressedTensors;
        const json provenance{{"program version", SAFEQUANT_VERSION}, {"fine-tuning", finetuneSpecToJson(spec)}, {"fingerprints", m_manifest["fingerprints"]}};
        const auto none = [](const LinearPlan& linear) -> Expected<QuantizedLinear> { return fail(ErrorKind::Failed, "\"" + linear.name + "\" is not quantized."); };
        const auto written = exportModel(**tuned, tokenizer, *plan, none, provenance, folder, Progress{m_stop, {}}, options);
        if (!written) return fail(written.error());
        json hashes = json::object();
        for (const auto& [name, hash] : written->sha256) hashes["model/" + name] = hash;
        m_manifest["results"] = hashes;
        return {};
    }

    Expected<void> leaveAdapter(const FinetuneSpec& spec, const Finetuning& training) {
        const std::string adapter = m_folder + "/adapter";
        std::error_code code;
        fs::remove_all(adapter, code);
        const std::uint64_t room = std::uint64_t{1} << 20;
        auto target = TargetFolder::create(adapter, room);
        if (!target) return fail(target.error());
        if (auto saved = training.adapter().save(target->path(), m_manifest["model"].get<std::string>(), spec.adapterType); !saved)
            return saved;
        if (auto published = target->publish(); !published) return published;
        json hashes = json::object();
        for (const char* name : {"adapter_config.json", "adapter_model.safetensors"}) {
            const auto hash = sha256File(adapter + "/" + name);
            if (!hash) return fail(hash.error());
            hashes[name] = *hash;
        }
        m_manifest["results"] = hashes;
        return {};
    }

    Expected<void> note(const std::string& text) { return tell({{"type", "note"}, {"message", text}}); }

    Expected<void> tell(json event) {
        event["time"] = secondsNow();
        if (auto written = m_events.append(event); !written) return written;
        if (m_listener) m_listener(event);
        return {};
    }

    Expected<void> saveManifest() {
        if (!m_manifest.is_object()) return {};
        m_manifest["updated"] = utcNow();
        return writeFileAtomically(m_folder + "/manifest.json", m_manifest.dump(2) + "\n");
    }

    std::string m_folder;
    JsonLines m_events;
    const FinetuneListener& m_listener;
    std::stop_token m_stop;
    json m_manifest;
};

}  // namespace

Expected<std::string> createFinetuneFolder(const std::string& folder, const std::string& workspace, const FinetuneSpec& spec) {
    const FinetuneSpec whole = completed(spec);
    std::string made = folder;
    if (folder.empty()) {
        auto timed = makeTimedFolder((fs::absolute(workspace).lexically_normal() / "finetunes").string(), whole.name);
        if (!timed) return timed;
        made = std::move(*timed);
    } else {
        made = fs::absolute(folder).lexically_normal().string();
        std::error_code code;
        fs::create_directories(made, code);
        if (code) return fail(ErrorKind::Io, "The folder cannot be made: " + code.message() + ".", made);
        if (!fs::is_empty(made, code)) return fail(ErrorKind::BadInput, "The folder is not empty; name a new one, or resume it.", made);
    }
    if (auto written = writeFileAtomically(made + "/spec.json", finetuneSpecToJson(whole).dump(2) + "\n"); !written)
        return fail(written.error());
    return made;
}

Expected<void> executeFinetuning(const std::string& folder, const FinetuneListener& listener, const std::stop_token& stop) {
    const auto lock = RunLock::acquire(folder);
    if (!lock) return fail(lock.error());
    if (const auto text = readTextFile(folder + "/manifest.json"); text) {
        const json manifest = json::parse(*text, nullptr, false);
        if (manifest.is_object() && manifest.value("status", "") == "finished") return {};
    }
    std::vector<json> past;
    auto events = JsonLines::open(folder + "/events.jsonl", past);
    if (!events) return fail(events.error());
    return Execution(folder, std::move(*events), listener, stop).run();
}

}  // namespace safequant
