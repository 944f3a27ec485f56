// SPDX-License-Identifier: GPL-3.0-or-later
// A quantized model computed by its codes against the same in float32: greedy answers to 64 prompts of at most 64 tokens, one answer alone, memory, and
// how many answers are the same. Answers are counted, never shown. bench_integers [--model GGUF] [--prompts FILE] [--rounds N] [--python PATH]
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "core/model/generation.h"
#include "core/model/integer_kernels.h"
#include "core/quantize/coded_block.h"
#include "tests/benchmarks/benchmark_prompts.h"

using namespace safequant;
using namespace safequant::benchmarks;

namespace {

constexpr std::size_t kPrompts = 64;

/// How the products of a model are computed.
enum class Products : std::uint8_t {
    Codes,
    Floats,
    NudgedFloats,  ///< Every weight is larger in its last bit: how far rounding alone moves answers.
};

/// What one process measured of one model.
struct Measured {
    double batch = 0.0, single = 0.0;  // Tokens a second.
    double memory = 0.0;               // Highest, MB.
    std::vector<std::size_t> answers;  // Hashes.
};

std::size_t hashOf(const GeneratedAnswer& answer) {
    std::string text;
    for (const std::int32_t token : answer.tokens) text += std::to_string(token) + " ";
    return std::hash<std::string>{}(text);
}

Measured measured(const Options& options, const QuantizationScheme& scheme, Products products) {
    const auto checkpoint = orThrow(openCheckpoint(options["model"]));
    const auto prompts = encodedPrompts(options, *checkpoint, PromptLabel::Benign, kPrompts);
    const auto plan = orThrow(planSchemes(checkpoint->config(), scheme, {}));
    const auto model = orThrow(LanguageModel::load(checkpoint, [&](int block) -> Expected<BlockWeights> {
        CodedBlock coded = roundedBlock(orThrow(loadBlock(*checkpoint, block)), planOfBlock(plan, block));
        for (std::size_t i = 0; i < kLinearsPerBlock && products == Products::Codes; ++i) coded.weights.linears[i].integers = integersOf(coded.linears[i]);
        for (std::size_t i = 0; i < kLinearsPerBlock && products == Products::NudgedFloats; ++i)
            for (float& weight : coded.weights.linears[i].weight.span()) weight = std::nextafter(weight, 2.0F * weight);
        return std::move(coded.weights);
    }));
    DecodingOptions decoding;
    decoding.maxNewTokens = 64;
    const auto time = [&](const std::vector<std::vector<std::int32_t>>& asked, double& rate) {
        const double start = now();
        auto answers = orThrow(model->generate(asked, decoding));
        std::size_t tokens = 0;
        for (const GeneratedAnswer& answer : answers) tokens += answer.tokens.size() + 1;
        rate = static_cast<double>(tokens) / (now() - start);
        return answers;
    };
    Measured result;
    for (const GeneratedAnswer& answer : time(prompts, result.batch)) result.answers.push_back(hashOf(answer));
    time({prompts.front()}, result.single);
    result.memory = peakMemory();
    return result;
}

/// The same in a process of its own, so that memory is that of this model alone.
Measured apart(const Options& options, const QuantizationScheme& scheme, Products products) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("there is no pipe");
    const pid_t child = ::fork();
    if (child == 0) {
        const Measured result = measured(options, scheme, products);
        const std::string text = nlohmann::json{{"batch", result.batch}, {"single", result.single}, {"memory", result.memory}, {"answers", result.answers}}.dump();
        const bool written = ::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
        ::_exit(written ? 0 : 1);
    }
    ::close(ends[1]);
    std::string text;
    std::array<char, 4096> buffer{};
    for (ssize_t count = 0; (count = ::read(ends[0], buffer.data(), buffer.size())) > 0;) text.append(buffer.data(), static_cast<std::size_t>(count));
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    const auto json = nlohmann::json::parse(text);
    return {json["batch"].get<double>(), json["single"].get<double>(), json["memory"].get<double>(), json["answers"].get<std::vector<std::size_t>>()};
}

std::size_t same(const Measured& a, const Measured& b) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < a.answers.size(); ++i) count += a.answers[i] == b.answers[i];
    return count;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const Options options(argc, argv);
        std::cout << "products of codes: " << integerKernels().name << std::endl;
        // The same prompts by transformers in float32, which knows no integers.
        double peer = 0.0;
        for (int round = 0; round < std::stoi(options["rounds"]) && !options["python"].empty(); ++round) {
            const auto result = runTransformers(options, "generate --label benign --count 64 --new-tokens 64");
            peer = std::max(peer, (result["tokens"].get<double>() + result["prompts"].get<double>()) / result["seconds"].get<double>());
        }
        for (const auto& [name, scheme] : {std::pair{"W8A8", QuantizationScheme{8, -1, true, 8}}, {"W8A16", QuantizationScheme{8, -1, true, 16}},
                                          {"W4A16 g64", QuantizationScheme{4, 64, false, 16}}}) {
            const auto best = [&, &scheme = scheme](Products products) {
                Measured result;
                for (int round = 0; round < std::stoi(options["rounds"]); ++round) {
                    Measured one = apart(options, scheme, products);
                    one.batch = std::max(one.batch, result.batch);
                    one.single = std::max(one.single, result.single);
                    result = std::move(one);
                }
                return result;
            };
            const Measured codes = best(Products::Codes), floats = best(Products::Floats);
            const Measured nudged = apart(options, scheme, Products::NudgedFloats);
            const std::string of = name;
            printResult(of + ", 64 prompts together", codes.batch, floats.batch, "tokens/s", codes.batch / floats.batch);
            if (peer > 0.0) printResult(of + ", 64 prompts together, over transformers in float32", codes.batch, peer, "tokens/s", codes.batch / peer);
            printResult(of + ", one alone", codes.single, floats.single, "tokens/s", codes.single / floats.single);
            printResult(of + ", peak memory", codes.memory, floats.memory, "MB", floats.memory / codes.memory);
            const auto count = static_cast<double>(codes.answers.size());
            printResult(of + ", answers as in floats", static_cast<double>(same(codes, floats)), count, "answers", static_cast<double>(same(codes, floats)) / count);
            printResult(of + ", the same with weights larger in their last bit", static_cast<double>(same(nudged, floats)), count, "answers",
                        static_cast<double>(same(nudged, floats)) / count);
        }
    } catch (const std::exception& error) {
        std::cerr << error.what() << std::endl;
        return 1;
    }
    return 0;
}
