// SPDX-License-Identifier: GPL-3.0-or-later
// Last-token outputs of every block for the evaluation prompts of the default set (malicious and benign), against transformers:
// throughput and peak memory. bench_capture --python PATH [--model GGUF] [--prompts FILE] [--rounds N]
#include <algorithm>

#include "core/activations/capture.h"
#include "core/prompts/prompt_set.h"
#include "tests/benchmarks/benchmark_support.h"

using namespace safequant;
using namespace safequant::benchmarks;

namespace {

struct Measured {
    double seconds = 0.0;
    double peak = 0.0;
};

Measured captureAll(const Options& options, const std::vector<std::string>& texts, const std::vector<std::string>& ids) {
    resetPeakMemory();
    const double start = now();
    const auto checkpoint = orThrow(openCheckpoint(options["model"]));
    const ChatFormat format = orThrow(ChatFormat::create(checkpoint->tokenizerSource()));
    ActivationStream stream = orThrow(openStream(*checkpoint, format, texts, ids));
    std::vector<Matrix> last;
    for (int block = 0; block < checkpoint->config().blocks; ++block)
        last.push_back(orThrow(advance(stream, checkpoint->config(), orThrow(loadBlock(*checkpoint, block)))));
    return {now() - start, peakMemory()};
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const Options options(argc, argv);
        const PromptSet set = orThrow(loadPromptSet({options["prompts"]}));
        std::vector<std::string> texts;
        std::vector<std::string> ids;
        for (const Prompt& prompt : set.prompts)
            if (prompt.split == PromptSplit::Evaluation && prompt.label != PromptLabel::HardBenign) {
                texts.push_back(prompt.text);
                ids.push_back(prompt.id);
            }
        Measured ours{1e9, 0.0};
        double peerSeconds = 1e9;
        double peerPeak = 0.0;
        for (int round = 0; round < std::stoi(options["rounds"]); ++round) {
            const Measured measured = captureAll(options, texts, ids);
            ours = {std::min(ours.seconds, measured.seconds), std::max(ours.peak, measured.peak)};
            if (options["python"].empty()) continue;
            const auto peer = runTransformers(options, "capture");
            if (peer["prompts"] != texts.size()) throw std::runtime_error("the peer took other prompts");
            peerSeconds = std::min(peerSeconds, peer["seconds"].get<double>());
            peerPeak = std::max(peerPeak, peer["peak_mb"].get<double>());
        }
        const auto count = static_cast<double>(texts.size());
        printResult("capture_throughput", count / ours.seconds, count / peerSeconds, "prompts/s", peerSeconds / ours.seconds);
        printResult("capture_peak_memory", ours.peak, peerPeak, "MB", peerPeak / ours.peak);
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "bench_capture: " << error.what() << "\n";
        return 1;
    }
}
