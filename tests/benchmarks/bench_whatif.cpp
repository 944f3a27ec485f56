// SPDX-License-Identifier: GPL-3.0-or-later
// What if a block were quantized otherwise: seconds to the quick answer over schemes and blocks of a real model, half of the answers within
// p50 and 95 of 100 within p95, against reading and quantizing the block and running it whole over the same prompts.
// bench_whatif [--run FOLDER] [--blocks N] [--model GGUF] [--prompts FILE] [--rounds N]; without a run one is made, of capture alone; N
// blocks are spread evenly from the first on. SmoothQuant and GPTQ stand apart: the first of them on a block adds up its inputs.
#include <algorithm>
#include <ctime>
#include <filesystem>
#include <map>
#include <vector>

#include "core/activations/capture.h"
#include "core/quantize/quantize_block.h"
#include "core/run/block_results.h"
#include "core/run/block_stage.h"
#include "core/run/gather.h"
#include "core/run/run_folder.h"
#include "core/run/what_if.h"
#include "tests/benchmarks/benchmark_support.h"

using namespace safequant;
using namespace safequant::benchmarks;

namespace {

std::string makeRun(const Options& options) {
    const std::string workspace = std::filesystem::temp_directory_path().string() + "/safequant-bench-whatif";
    RunSpec spec;
    spec.checkpoint = options["model"];
    spec.prompts.front().path = options["prompts"];
    spec.stages = {"capture"};
    const std::string folder = orThrow(createRunFolder(workspace, spec));
    if (const auto done = executeRun(folder, {}, {}); !done) throw std::runtime_error(done.error().describe());
    return folder;
}

/// Seconds that all threads have computed: what other programs on the machine take is not in it.
double processorTime() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double percentile(std::vector<double> values, double share) {
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}

std::vector<WhatIfScheme> schemes() {
    std::vector<WhatIfScheme> all;
    for (const int bits : {2, 3, 4, 8})
        for (const int group : {32, 64, -1})
            for (const int activations : {16, 8}) all.push_back({"rtn", {bits, group, group < 0, activations}, {}, {}});
    all.push_back({"rtn", {4, 64, false, 16}, {{"down_proj$", {8, 64, false, 16}}, {"v_proj$", {6, 64, false, 8}}}, {}});
    return all;
}

/// The grids on which methods that calibrate are tried.
std::vector<WhatIfScheme> calibratedSchemes(const std::string& method) {
    std::vector<WhatIfScheme> all;
    for (const int bits : {2, 3, 4, 8})
        for (const int group : {64, -1}) all.push_back({method, {bits, group, group < 0, 16}, {}, {}});
    return all;
}

/// The evaluation prompts as a stream of their own, at the embeddings.
ActivationStream evaluationStream(const RunInputs& inputs) {
    RunInputs evaluation;
    evaluation.prompts = inputs.prompts;
    evaluation.format = inputs.format;
    evaluation.layout.prompts = gatherValues(inputs.layout.prompts, inputs.layout.evaluationRows);
    return orThrow(openCapturedStream(evaluation, *inputs.checkpoint));
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const Options options(argc, argv);
        const std::string folder = options["run"].empty() ? makeRun(options) : options["run"];
        auto whatIf = orThrow(WhatIf::open(folder));
        const RunInputs inputs = orThrow(openInputs(orThrow(readRunSpec(folder + "/spec.json")), false));
        const DecoderConfig& config = inputs.checkpoint->config();
        ActivationStream stream = evaluationStream(inputs);
        std::vector<double> ours, plain, oursProcessor, plainProcessor, ready;
        std::map<std::string, std::vector<double>> calibrated, firstCalibrated;
        const int blocks = options["blocks"].empty() ? 4 : std::stoi(options["blocks"]);
        for (int i = 0; i < blocks; ++i) {
            const int block = i * config.blocks / blocks;
            while (stream.blocksDone < block) orThrow(advance(stream, config, orThrow(loadBlock(*inputs.checkpoint, stream.blocksDone))));
            const double began = now();
            if (const auto prepared = whatIf->prepare(block); !prepared) throw std::runtime_error(prepared.error().describe());
            ready.push_back(now() - began);
            const BaseInstruments instruments = orThrow(readInstruments(orThrow(readArrayFile(blockPath(folder, "base", block)))));
            for (const char* method : {"smoothquant", "gptq"}) {
                const auto grids = calibratedSchemes(method);
                for (std::size_t k = 0; k < grids.size(); ++k) {
                    const double start = now();
                    orThrow(whatIf->tryScheme(grids[k]));
                    (k == 0 ? firstCalibrated : calibrated)[method].push_back(now() - start);
                }
            }
            for (int round = 0; round < std::stoi(options["rounds"]); ++round) {
                for (const WhatIfScheme& scheme : schemes()) {
                    double start = now(), used = processorTime();
                    const auto result = orThrow(whatIf->tryScheme(scheme));
                    ours.push_back(now() - start);
                    oursProcessor.push_back(processorTime() - used);
                    start = now();
                    used = processorTime();
                    const auto plan = orThrow(planSchemes(config, scheme.scheme, scheme.rules));
                    const QuantizedBlock quantized = quantizeBlock(orThrow(loadBlock(*inputs.checkpoint, block)), planOfBlock(plan, block));
                    ActivationStream whole{stream.sequences, stream.hidden.clone(), block};
                    const Matrix activations = orThrow(advance(whole, config, quantized.weights));
                    const auto scored = scoreEvaluation(inputs, instruments.ordinary, activations);
                    plain.push_back(now() - start);
                    plainProcessor.push_back(processorTime() - used);
                    if (scored.accuracy.count != result.transferred.accuracy.count || scored.meanLogitMalicious != result.transferred.meanLogitMalicious)
                        throw std::runtime_error("both ways must give the same");
                }
            }
        }
        const auto print = [](const std::string& name, const std::vector<double>& mine, const std::vector<double>& other, double share) {
            printResult(name, percentile(mine, share) * 1e3, percentile(other, share) * 1e3, "ms", percentile(other, share) / percentile(mine, share));
        };
        print("whatif_p50", ours, plain, 0.5);
        print("whatif_p95", ours, plain, 0.95);
        print("whatif_processor_p50", oursProcessor, plainProcessor, 0.5);
        print("whatif_processor_p95", oursProcessor, plainProcessor, 0.95);
        for (const auto& [method, seconds] : calibrated) {
            printResult("whatif_" + method + "_p50", percentile(seconds, 0.5) * 1e3, 0.0, "ms", 0.0);
            printResult("whatif_" + method + "_p95", percentile(seconds, 0.95) * 1e3, 0.0, "ms", 0.0);
            printResult("whatif_" + method + "_first_of_a_block", percentile(firstCalibrated[method], 1.0) * 1e3, 0.0, "ms", 0.0);
        }
        printResult("whatif_first_of_a_block", *std::max_element(ready.begin(), ready.end()) * 1e3, 0.0, "ms", 0.0);
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "bench_whatif: " << error.what() << "\n";
        return 1;
    }
}
