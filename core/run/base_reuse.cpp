// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/base_reuse.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "core/base/files.h"
#include "core/base/hash.h"
#include "core/run/answer_file.h"
#include "core/run/attack_results.h"
#include "core/run/block_results.h"
#include "core/run/linked_file.h"
#include "core/run/task_results.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

/// Other run folders of the workspace, the newest first.
std::vector<fs::path> siblings(const std::string& folder) {
    const auto own = fs::path(folder).lexically_normal();
    std::vector<fs::path> others;
    std::error_code code;
    for (fs::directory_iterator entry(own.parent_path(), code), end; !code && entry != end; entry.increment(code))
        if (entry->path().filename() != own.filename() && fs::exists(entry->path() / "manifest.json", code))
            others.push_back(entry->path());
    std::sort(others.rbegin(), others.rend());
    return others;
}

/// What another run's manifest says of a part of its base results, when the fingerprint is the one wanted.
std::optional<nlohmann::json> matchingPart(const fs::path& run, const char* part, const std::string& fingerprint) {
    const auto manifest = Manifest::read(run.string());
    if (!manifest) return std::nullopt;
    const auto base = manifest->json().find("base");
    if (base == manifest->json().end() || !base->is_object() || !base->contains(part)) return std::nullopt;
    const auto& found = (*base)[part];
    if (!found.is_object() || !found.contains("fingerprint") || found["fingerprint"] != fingerprint)
        return std::nullopt;
    return found;
}

bool hasHash(const fs::path& file, const nlohmann::json& hash) {
    const auto actual = sha256File(file.string());
    return actual && hash == *actual;
}

}  // namespace

Expected<void> reuseBaseBlocks(Session& session) {
    const int blocks = session.inputs().checkpoint->config().blocks;
    std::vector<int> missing;
    for (int block = 0; block < blocks; ++block)
        if (!fs::exists(blockPath(session.folder(), "base", block))) missing.push_back(block);
    if (missing.empty()) return {};

    const auto fingerprint = captureFingerprint(session.inputs());
    for (const auto& run : siblings(session.folder())) {
        const auto part = matchingPart(run, "capture", fingerprint);
        if (!part || !part->contains("blocks") || !(*part)["blocks"].is_object()) continue;
        const auto& hashes = (*part)["blocks"];
        const auto whole = [&](int block) {
            const auto file = fs::path(blockPath(run.string(), "base", block));
            const auto name = file.filename().string();
            return hashes.contains(name) && hasHash(file, hashes[name]);
        };
        if (!std::all_of(missing.begin(), missing.end(), whole)) continue;
        std::error_code code;
        fs::create_directories(session.folder() + "/blocks", code);
        for (const int block : missing)
            if (auto taken = linkFile(blockPath(run.string(), "base", block), blockPath(session.folder(), "base", block));
                !taken)
                return taken;
        session.manifest().json()["reused"]["base blocks"] = run.filename().string();
        if (auto saved = session.manifest().save(); !saved) return saved;
        return session.say("info", "The base model's blocks are taken over from the run " + run.filename().string() +
                                       ": same checkpoint, prompts, mix and seed.");
    }
    return {};
}

Expected<void> keepBaseHashes(Session& session) {
    nlohmann::json hashes = nlohmann::json::object();
    for (int block = 0; block < session.inputs().checkpoint->config().blocks; ++block) {
        const auto path = blockPath(session.folder(), "base", block);
        auto hash = sha256File(path);
        if (!hash) return fail(hash.error());
        hashes[fs::path(path).filename().string()] = *hash;
    }
    session.manifest().json()["base"]["capture"] = {{"fingerprint", captureFingerprint(session.inputs())},
                                                    {"blocks", hashes}};
    return session.manifest().save();
}

Expected<ReusedAnswers> reuseBaseAnswers(Session& session) {
    ReusedAnswers reused;
    const auto fingerprint = answersFingerprint(session.inputs());
    for (const auto& run : siblings(session.folder())) {
        const auto part = matchingPart(run, "answers", fingerprint);
        if (!part) continue;
        auto answers = AnswerFile::read(run.string());
        if (!answers) continue;
        std::erase_if(*answers, [](const auto& answer) { return answer.model != "base"; });
        if (!part->contains("hash") || (*part)["hash"] != AnswerFile::hashOf(*answers)) continue;
        reused.answers = std::move(*answers);
        if (part->contains("perplexity")) reused.perplexity = (*part)["perplexity"];
        session.manifest().json()["reused"]["base answers"] = run.filename().string();
        if (auto saved = session.manifest().save(); !saved) return fail(saved.error());
        if (auto said =
                session.say("info", "The base model's answers and perplexity are taken over from the run " +
                                        run.filename().string() + ": same checkpoint, prompts, seed and decoding.");
            !said)
            return fail(said.error());
        return reused;
    }
    return reused;
}

Expected<void> keepAnswerHashes(Session& session) {
    auto answers = AnswerFile::read(session.folder());
    if (!answers) return fail(answers.error());
    std::erase_if(*answers, [](const auto& answer) { return answer.model != "base"; });
    nlohmann::json part{{"fingerprint", answersFingerprint(session.inputs())}, {"hash", AnswerFile::hashOf(*answers)}};
    if (const auto text = readTextFile(session.folder() + "/perplexity.json"); text) {
        const auto json = nlohmann::json::parse(*text, nullptr, false);
        if (json.is_object() && json.contains("base")) part["perplexity"] = json["base"];
    }
    session.manifest().json()["base"]["answers"] = std::move(part);
    return session.manifest().save();
}

Expected<std::map<std::string, ChosenAnswer>> reuseChosenAnswers(Session& session) {
    std::map<std::string, ChosenAnswer> known;
    if (!session.inputs().spec.patch->pairs.empty()) return known;
    const auto fingerprint = chosenFingerprint(session.inputs());
    for (const auto& run : siblings(session.folder())) {
        const auto part = matchingPart(run, "chosen", fingerprint);
        if (!part || !part->contains("hash") || !hasHash(answerPairsPath(run.string()), (*part)["hash"])) continue;
        const auto pairs = readAnswerPairs(run.string());
        if (!pairs) continue;
        for (const AnswerPair& pair : *pairs) known.try_emplace(pair.id, ChosenAnswer{pair.chosen, pair.chosenEnded});
    }
    return known;
}

Expected<void> keepChosenAnswers(Session& session) {
    if (!session.inputs().spec.patch->pairs.empty()) return {};
    const auto hash = sha256File(answerPairsPath(session.folder()));
    if (!hash) return fail(hash.error());
    session.manifest().json()["base"]["chosen"] = {{"fingerprint", chosenFingerprint(session.inputs())}, {"hash", *hash}};
    return session.manifest().save();
}

std::vector<BaseFile> baseFiles(const Session& session) {
    std::vector<BaseFile> files = baseTaskFiles(session);
    for (BaseFile& file : baseAttackFiles(session)) files.push_back(std::move(file));
    return files;
}

Expected<void> reuseBaseFiles(Session& session) {
    for (const BaseFile& wanted : baseFiles(session)) {
        const fs::path target = fs::path(session.folder()) / wanted.path;
        if (isFile(target.string())) continue;
        for (const fs::path& run : siblings(session.folder())) {
            const auto manifest = Manifest::read(run.string());
            if (!manifest) continue;
            const nlohmann::json known = manifest->json().value(nlohmann::json::json_pointer("/base/files"), nlohmann::json::object());
            if (!known.is_object() || !known.contains(wanted.path)) continue;
            const nlohmann::json& file = known[wanted.path];
            if (!file.is_object() || file.value("fingerprint", "") != wanted.fingerprint || !hasHash(run / wanted.path, file.value("hash", ""))) continue;
            std::error_code code;
            fs::create_directories(target.parent_path(), code);
            if (auto taken = linkFile((run / wanted.path).string(), target.string()); !taken) return taken;
            session.manifest().json()["reused"][wanted.path] = run.filename().string();
            if (auto saved = session.manifest().save(); !saved) return saved;
            break;
        }
    }
    return {};
}

Expected<void> keepBaseFiles(Session& session) {
    nlohmann::json kept = nlohmann::json::object();
    for (const BaseFile& file : baseFiles(session)) {
        const auto hash = sha256File((fs::path(session.folder()) / file.path).string());
        if (hash) kept[file.path] = {{"fingerprint", file.fingerprint}, {"hash", *hash}};
    }
    if (kept.empty()) return {};
    session.manifest().json()["base"]["files"] = std::move(kept);
    return session.manifest().save();
}

}  // namespace safequant
