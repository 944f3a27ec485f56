// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtTest/QtTest>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "core/base/files.h"
#include "core/model/decoder.h"

namespace safequant::testing {

using Tokens = std::vector<std::int32_t>;

/// The real model every machine that runs the tests has in its cache.
inline std::string smolPath() { return cacheFolder() + "/models/SmolLM2-135M-Instruct.Q4_1.gguf"; }

inline std::string modelData(const std::string& name) { return std::string(SAFEQUANT_TEST_DATA) + "/model/" + name; }

/// Throws when it cannot be opened: a missing model must fail a test.
inline std::shared_ptr<const Checkpoint> openModel(const std::string& path) {
    auto opened = openCheckpoint(path);
    if (!opened) throw std::runtime_error(opened.error().describe());
    return *opened;
}

inline nlohmann::json readJson(const std::string& path) {
    std::ifstream file(path);
    return nlohmann::json::parse(file);
}

inline std::string familyData(const std::string& name) { return modelData("families/" + name); }

/// A Hugging Face folder, made inside `parent`, of a family fixture's weights and a config.json.
inline std::shared_ptr<const Checkpoint> openFamily(const std::string& parent, const std::string& weights, const nlohmann::json& config) {
    const std::string folder = parent + "/" + weights;
    std::filesystem::create_directories(folder);
    std::filesystem::copy_file(familyData(weights + ".safetensors"), folder + "/model.safetensors",
                               std::filesystem::copy_options::overwrite_existing);
    std::ofstream(folder + "/config.json") << config.dump();
    return openModel(folder);
}

/// ||a - b|| / ||b||.
inline double relativeError(std::span<const float> a, std::span<const float> b) {
    double difference = 0.0;
    double norm = 0.0;
    if (a.size() != b.size()) return INFINITY;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]);
        difference += d * d;
        norm += static_cast<double>(b[i]) * static_cast<double>(b[i]);
    }
    return std::sqrt(difference / norm);
}

/// Last-token outputs of every block, `[blocks][sequences, hidden]`, and the whole last stream.
struct BlockOutputs {
    std::vector<Matrix> last;
    Matrix hidden;
};

inline BlockOutputs runBlocks(const Checkpoint& checkpoint, const PackedSequences& sequences) {
    BlockOutputs outputs;
    auto embedded = embedTokens(checkpoint, sequences.tokens);
    if (!embedded) throw std::runtime_error(embedded.error().describe());
    outputs.hidden = std::move(*embedded);
    for (int block = 0; block < checkpoint.config().blocks; ++block) {
        const auto weights = loadBlock(checkpoint, block);
        if (!weights) throw std::runtime_error(weights.error().describe());
        if (!forwardBlock(checkpoint.config(), *weights, sequences, outputs.hidden)) throw std::runtime_error("stopped");
        Matrix last(sequences.sequences(), outputs.hidden.cols());
        for (std::size_t i = 0; i < sequences.sequences(); ++i)
            std::copy_n(outputs.hidden.row(static_cast<std::size_t>(sequences.lastRow(i))), last.cols(), last.row(i));
        outputs.last.push_back(std::move(last));
    }
    return outputs;
}

}  // namespace safequant::testing
