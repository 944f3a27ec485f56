// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace safequant::protocol {

/// A file of a repository on the Hugging Face Hub that a model needs.
struct HubFile {
    std::string name;  ///< In the repository; may lie in a folder of it.
    std::string hash;  ///< SHA-256 of large files (64 hex digits), else Git's SHA-1 of a blob (40); its name in the cache.
    std::uint64_t bytes = 0;
    std::uint64_t presentBytes = 0;  ///< Of it in the cache, whole or from a download that was stopped.
};

/// A model that is one GGUF file of a repository, or one split into parts.
struct HubGguf {
    std::string file;  ///< Its first part.
    std::uint64_t bytes = 0;
    int parts = 1;
};

/// `hub/plan` {name: "org/name" or "org/name@revision", file: a GGUF file of it, or absent} -> HubPlan: what downloading a model would fetch.
/// Asks the Hub, and writes nothing.
struct HubPlan {
    std::string repository, revision, commit;
    std::string file;     ///< The GGUF file that was chosen; empty: a Hugging Face folder.
    std::string host;     ///< Who is asked, "huggingface.co".
    std::string page;     ///< Address of the model's page.
    std::string license;  ///< "apache-2.0"; empty: none is named.
    std::string gated;    ///< Who grants access to the files: "auto" (accepting the licence does) or "manual" (the owner); empty: open to all.
    bool hasToken = false;
    std::string cache;    ///< The folder it goes to.
    std::vector<HubFile> files;
    std::vector<HubGguf> ggufs;  ///< All of the repository. When `files` is empty one of them must be chosen.
    std::uint64_t bytes = 0, presentBytes = 0, availableBytes = 0;  ///< Of all files; of them in the cache; free on the disk.

    std::uint64_t missingBytes() const { return bytes - presentBytes; }
    bool fits() const { return missingBytes() <= availableBytes; }
};

/// `hub/download` {plan} -> started, then `hub/progress` {repository, progress} and at the end `hub/finished` {repository, result | error};
/// `hub/cancel` {repository} stops it and keeps what came.
struct HubProgress {
    std::string file;  ///< At work now.
    std::uint64_t doneBytes = 0, totalBytes = 0;  ///< Of all files, with what the cache had.
    double bytesPerSecond = 0.0;  ///< Over the last seconds; 0: not known yet.
    double secondsLeft = -1.0;    ///< -1: not known yet.
    std::string note;  ///< What it waits for, a sentence; empty while bytes come.
};
struct HubOutcome {
    std::string path;  ///< The snapshot's folder, or the GGUF file chosen.
    std::uint64_t receivedBytes = 0;  ///< Over the network.
};

nlohmann::json toJson(const HubFile&);
void fromJson(const nlohmann::json&, HubFile&);
nlohmann::json toJson(const HubGguf&);
void fromJson(const nlohmann::json&, HubGguf&);
nlohmann::json toJson(const HubPlan&);
void fromJson(const nlohmann::json&, HubPlan&);
nlohmann::json toJson(const HubProgress&);
void fromJson(const nlohmann::json&, HubProgress&);
nlohmann::json toJson(const HubOutcome&);
void fromJson(const nlohmann::json&, HubOutcome&);

}  // namespace safequant::protocol
