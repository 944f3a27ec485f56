// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>

#include "core/base/blas_core.h"
#include "core/base/files.h"
#include "core/model/decoder.h"
#include "tests/support/or_throw.h"

namespace safequant::benchmarks {

/// "--name value" options of a benchmark program, with defaults for the model and the prompts.
class Options {
public:
    Options(int argc, char** argv) {
        useProcessorsBlas();
        m_values["model"] = cacheFolder() + "/models/SmolLM2-135M-Instruct.Q4_1.gguf";
        m_values["prompts"] = SAFEQUANT_SOURCE_DIR "/resources/prompts/default.jsonl";
        m_values["rounds"] = "2";
        for (int i = 1; i + 1 < argc; i += 2) m_values[std::string(argv[i]).substr(2)] = argv[i + 1];
        if (argc % 2 == 0) throw std::runtime_error("options come in pairs: --python PATH --model PATH --prompts FILE --rounds N");
    }
    std::string operator[](const std::string& name) const {
        const auto it = m_values.find(name);
        return it != m_values.end() ? it->second : std::string{};
    }

private:
    std::map<std::string, std::string> m_values;
};

using testing::orThrow;

inline double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Forgets the highest resident memory so far; Linux only.
inline void resetPeakMemory() { std::ofstream("/proc/self/clear_refs") << "5"; }

/// Highest resident memory in MB since the reset.
inline double peakMemory() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024.0;
    return 0.0;
}

/// Runs a script of this folder on the model with the Python given as --python, and reads its last line.
inline nlohmann::json runPeer(const Options& options, const std::string& script, const std::string& arguments) {
    const std::string command = "\"" + options["python"] + "\" \"" SAFEQUANT_SOURCE_DIR "/tests/benchmarks/" + script + "\" " + arguments + " --model \"" +
                                options["model"] + "\" --threads " + std::to_string(threadCount()) + " 2>/dev/null";
    FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("cannot start the peer");
    std::string output;
    char buffer[4096];
    while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) output = buffer[0] == '{' ? buffer : output + buffer;
    if (::pclose(pipe) != 0) throw std::runtime_error("the peer failed; run it by hand: " + command);
    return nlohmann::json::parse(output);
}

/// The work of peer_transformers.py on the prompts.
inline nlohmann::json runTransformers(const Options& options, const std::string& work) {
    return runPeer(options, "peer_transformers.py", work + " --prompts \"" + options["prompts"] + "\"");
}

/// One result line.
inline void printResult(const std::string& name, double ours, double baseline, const std::string& unit, double ratio) {
    std::cout << nlohmann::json{{"name", name}, {"ours", ours}, {"baseline", baseline}, {"ratio", ratio}, {"unit", unit},
                                {"cpu", cpuFeatures()}, {"threads", threadCount()}}.dump()
              << std::endl;
}

}  // namespace safequant::benchmarks
