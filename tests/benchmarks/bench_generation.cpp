// SPDX-License-Identifier: GPL-3.0-or-later
// Greedy answers to 64 prompts, at most 64 tokens each, against transformers: throughput, peak memory, and how many answers are
// the same. Answers are counted, never shown. bench_generation --python PATH [--model GGUF] [--prompts FILE] [--rounds N]
#include <algorithm>

#include "core/model/generation.h"
#include "tests/benchmarks/benchmark_prompts.h"

using namespace safequant;
using namespace safequant::benchmarks;

namespace {

constexpr std::size_t kPrompts = 64;

/// zlib's CRC-32 of Python's json.dumps of the ids.
std::uint32_t checksum(const std::vector<std::int32_t>& ids) {
    std::string text = "[";
    for (std::size_t i = 0; i < ids.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(ids[i]);
    text += "]";
    std::uint32_t crc = 0xFFFFFFFFU;
    for (const char c : text) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
    }
    return ~crc;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const Options options(argc, argv);
        const auto checkpoint = orThrow(openCheckpoint(options["model"]));
        const auto prompts = encodedPrompts(options, *checkpoint, PromptLabel::Malicious, kPrompts);
        const auto model = orThrow(LanguageModel::load(checkpoint, checkpointBlocks(checkpoint)));
        DecodingOptions decoding;
        decoding.maxNewTokens = 64;

        double seconds = 1e9;
        double peak = 0.0;
        double peerSeconds = 1e9;
        double peerPeak = 0.0;
        std::size_t tokens = 0;
        std::size_t peerTokens = 0;
        std::size_t same = 0;
        for (int round = 0; round < std::stoi(options["rounds"]); ++round) {
            resetPeakMemory();
            const double start = now();
            const auto answers = orThrow(model->generate(prompts, decoding));
            seconds = std::min(seconds, now() - start);
            peak = std::max(peak, peakMemory());
            tokens = 0;
            for (const GeneratedAnswer& answer : answers) tokens += answer.tokens.size();
            if (options["python"].empty()) continue;
            const auto peer = runTransformers(options, "generate --count 64 --new-tokens 64");
            peerSeconds = std::min(peerSeconds, peer["seconds"].get<double>());
            peerPeak = std::max(peerPeak, peer["peak_mb"].get<double>());
            peerTokens = peer["tokens"].get<std::size_t>();
            same = 0;
            for (std::size_t i = 0; i < answers.size(); ++i) same += peer["checksums"][i] == checksum(answers[i].tokens) ? 1U : 0U;
        }
        const double ours = static_cast<double>(tokens) / seconds;
        const double theirs = static_cast<double>(peerTokens) / peerSeconds;
        printResult("generation_throughput", ours, theirs, "tokens/s", ours / theirs);
        printResult("generation_peak_memory", peak, peerPeak, "MB", peerPeak / peak);
        printResult("generation_equal_answers", static_cast<double>(same), static_cast<double>(kPrompts), "answers",
                    static_cast<double>(same) / static_cast<double>(kPrompts));
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "bench_generation: " << error.what() << "\n";
        return 1;
    }
}
