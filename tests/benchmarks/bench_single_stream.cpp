// SPDX-License-Identifier: GPL-3.0-or-later
// One answer at a time from a GGUF file: tokens a second and memory of a model computed by the codes that the file stores, against the same in float32 and,
// with --python, against llama.cpp on the same file. bench_single_stream [--python PATH] [--model GGUF] [--prompts FILE] [--rounds N]
#include <algorithm>

#include "core/model/generation.h"
#include "tests/benchmarks/benchmark_prompts.h"

using namespace safequant;
using namespace safequant::benchmarks;

namespace {

constexpr int kTokens = 64;

struct Stream {
    double rate = 0.0;    // Tokens a second behind the first.
    double memory = 0.0;  // MB.
    std::vector<std::int32_t> answer;
};

Stream streamOf(const std::shared_ptr<const Checkpoint>& checkpoint, const BlockSource& blocks, const std::vector<std::int32_t>& prompt, int rounds) {
    const auto model = orThrow(LanguageModel::load(checkpoint, blocks));
    resetPeakMemory();
    Stream stream;
    const auto seconds = [&](int tokens) {
        DecodingOptions decoding;
        decoding.maxNewTokens = tokens;
        const double start = now();
        stream.answer = orThrow(model->generate({prompt}, decoding)).front().tokens;
        return now() - start;
    };
    for (int round = 0; round < rounds + 1; ++round) {
        const double first = seconds(1);
        const double all = seconds(kTokens);
        stream.rate = std::max(stream.rate, static_cast<double>(stream.answer.size() - 1) / (all - first));
    }
    stream.memory = peakMemory();
    return stream;
}

nlohmann::json llamaOf(const Options& options, const std::vector<std::int32_t>& prompt) {
    std::string tokens;
    for (const std::int32_t token : prompt) tokens += std::to_string(token) + " ";
    return runPeer(options, "peer_llama.py", "--tokens \"" + tokens + "\" --new-tokens " + std::to_string(kTokens) +
                                                 " --rounds " + options["rounds"]);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const Options options(argc, argv);
        const auto checkpoint = orThrow(openCheckpoint(options["model"]));
        const auto prompt = encodedPrompts(options, *checkpoint, PromptLabel::Benign, 1).at(0);
        const int rounds = std::stoi(options["rounds"]);
        const Stream codes = streamOf(checkpoint, storedBlocks(checkpoint), prompt, rounds), floats = streamOf(checkpoint, checkpointBlocks(checkpoint), prompt, rounds);
        printResult("single_stream_codes_over_floats", codes.rate, floats.rate, "tokens/s", codes.rate / floats.rate);
        printResult("single_stream_memory", codes.memory, floats.memory, "MB", floats.memory / codes.memory);
        printResult("single_stream_equal_answers", codes.answer == floats.answer ? 1.0 : 0.0, 1.0, "answers", codes.answer == floats.answer ? 1.0 : 0.0);
        if (options["python"].empty()) return 0;
        const auto llama = llamaOf(options, prompt);
        const double rate = llama["tokens"].get<double>() / llama["seconds"].get<double>();
        printResult("single_stream_codes_over_llama_cpp", codes.rate, rate, "tokens/s", codes.rate / rate);
        printResult("single_stream_memory_beside_llama_cpp", codes.memory, llama["peak_mb"].get<double>(), "MB", llama["peak_mb"].get<double>() / codes.memory);
    } catch (const std::exception& error) {
        std::cerr << "bench_single_stream: " << error.what() << std::endl;
        return 1;
    }
    return 0;
}
