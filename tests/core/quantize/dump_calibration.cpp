// SPDX-License-Identifier: GPL-3.0-or-later
// dump_calibration OUTPUT METHOD OPTIONS-JSON BITS GROUP SYMMETRIC BLOCKS SAMPLES TOKENS TEXT CHECKPOINT [ADAPTER...]
//
// Calibrates the first BLOCKS blocks on SAMPLES passages of TOKENS tokens of a text and writes OUTPUT/block-NNN.safetensors: what
// tests/references/check_quantizers.py needs to do the same. For every linear "NAME.weight" of the checkpoint, "NAME.codes", "NAME.scales",
// "NAME.zeros" and "NAME.errors" (weights, output); for every group of linears GROUP.input `[rows, columns]` as it was before scales moved
// and GROUP.moved, the scales.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "core/base/blas_core.h"
#include "core/base/files.h"
#include "core/exporting/safetensors_writer.h"
#include "core/model/packed_forward.h"
#include "core/quantize/block_calibration.h"
#include "core/quantize/calibrator.h"
#include "core/run/method_options.h"
#include "core/text/tokenizer.h"

using namespace safequant;

namespace {

constexpr std::array kGroupNames = {"query_key_value", "output", "gate_up", "down"};

const QuantizationMethod* g_method = nullptr;
std::map<InputGroup, std::vector<float>> g_moved;

/// The method itself; keeps the scales that it moves.
void calibrateAndKeep(BlockCalibration& block, InputGroup group, InputStatistics& inputs, const CalibrationOptions& options) {
    const std::vector<float> before = inputs.largest();
    g_method->calibrate(block, group, inputs, options);
    std::vector<float> moved(before.size(), 1.0F);
    for (std::size_t i = 0; i < moved.size(); ++i)
        if (before[i] > 0.0F) moved[i] = before[i] / inputs.largest()[i];
    g_moved[group] = std::move(moved);
}

template <typename T>
T required(Expected<T> value) {
    if (value) return std::move(*value);
    std::fprintf(stderr, "%s\n", value.error().describe().c_str());
    std::exit(1);
}

void required(Expected<void> value) {
    if (value) return;
    std::fprintf(stderr, "%s\n", value.error().describe().c_str());
    std::exit(1);
}

/// What enters every group of a coded block.
std::map<InputGroup, std::vector<float>> inputsOf(const DecoderConfig& config, const BlockWeights& weights, const CalibrationSet& set,
                                                  CalibrationStream& stream) {
    std::map<InputGroup, std::vector<float>> inputs;
    BlockPart part;
    part.observe = [&](LinearRole role, const float* x, std::size_t stride, std::size_t rows) {
        for (const InputGroup group : kInputGroups) {
            if (linearsOf(group).front() != role) continue;
            const auto columns = static_cast<std::size_t>(linearShape(config, role).second);
            for (std::size_t r = 0; r < rows; ++r) inputs[group].insert(inputs[group].end(), x + r * stride, x + r * stride + columns);
        }
    };
    BlockRunner runner(config);
    runner.setPart(std::move(part));
    const PackedBlock packed(config, weights);
    for (std::size_t i = 0; i < stream.size(); ++i) runPackedSequences(runner, packed, set.groups()[i], stream[i]);
    return inputs;
}

void writeBlock(const std::string& path, const BlockWeights& original, const CodedBlock& coded, std::map<InputGroup, std::vector<float>>& inputs) {
    std::vector<TensorToWrite> tensors;
    std::map<std::string, std::span<const std::byte>> values;
    const auto add = [&]<typename T>(const std::string& name, const char* type, std::vector<std::int64_t> shape, std::span<const T> span) {
        tensors.push_back({name, type, std::move(shape)});
        values[name] = std::as_bytes(span);
    };
    std::array<std::array<float, 2>, kLinearsPerBlock> errors{};
    for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
        const std::string name = linearSuffix(static_cast<LinearRole>(i));
        const QuantizedLinear& linear = coded.linears[i];
        const Matrix& weight = original.linears[i].weight;
        errors[i] = {static_cast<float>(coded.reports[i].weightError), static_cast<float>(coded.reports[i].outputError)};
        add(name + ".weight", "F32", {linear.rows, linear.cols}, weight.span());
        add(name + ".codes", "I8", {linear.rows, linear.cols}, std::span<const std::int8_t>(linear.codes));
        add(name + ".scales", "F32", {linear.rows, linear.groups()}, std::span<const float>(linear.scales));
        if (!linear.zeros.empty()) add(name + ".zeros", "I8", {linear.rows, linear.groups()}, std::span<const std::int8_t>(linear.zeros));
        add(name + ".errors", "F32", {2}, std::span<const float>(errors[i]));
    }
    for (auto& [group, x] : inputs) {
        const std::vector<float>& moved = g_moved[group];
        for (std::size_t i = 0; i < x.size(); ++i) x[i] *= moved[i % moved.size()];
        const std::string name = kGroupNames[static_cast<std::size_t>(group)];
        const auto columns = static_cast<std::int64_t>(moved.size());
        add(name + ".input", "F32", {static_cast<std::int64_t>(x.size()) / columns, columns}, std::span<const float>(x));
        add(name + ".moved", "F32", {columns}, std::span<const float>(moved));
    }
    SafetensorsWriter writer;
    required(writer.open(path, tensors));
    for (const auto& [name, bytes] : values) required(writer.append(name, bytes));
    required(writer.finish());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 12) {
        std::fprintf(stderr, "usage: %s OUTPUT METHOD OPTIONS-JSON BITS GROUP SYMMETRIC BLOCKS SAMPLES TOKENS TEXT CHECKPOINT [ADAPTER...]\n", argv[0]);
        return 2;
    }
    useProcessorsBlas();
    const std::string folder = argv[1];
    g_method = required(findQuantizationMethod(argv[2]));
    QuantizationMethod method = *g_method;
    method.calibrate = &calibrateAndKeep;
    CalibrationSetup setup;
    const nlohmann::json options{{"options", nlohmann::json::parse(argv[3])}};
    SpecReader reader(options, {}, "options");
    readMethodOptions(reader, argv[2], setup.options);
    required(reader.finish());
    setup.checkpoint = required(openCheckpoint(argv[11], std::vector<std::string>(argv + 12, argv + argc)));
    const DecoderConfig& config = setup.checkpoint->config();
    setup.plan = required(planSchemes(config, {std::atoi(argv[4]), std::atoi(argv[5]), std::string(argv[6]) == "true", 16}, {}));
    setup.method = &method;
    const auto samples = static_cast<std::size_t>(std::atoi(argv[8])), length = static_cast<std::size_t>(std::atoi(argv[9]));
    const auto tokenizer = required(Tokenizer::create(setup.checkpoint->tokenizerSource()));
    const auto tokens = tokenizer->encode(required(readTextFile(argv[10])), SpecialTokens::Text);
    for (std::size_t first = 0; first + length <= tokens.size() && setup.samples.size() < samples; first += length)
        setup.samples.push_back({std::to_string(first), SampleKind::Text,
                                 {tokens.begin() + static_cast<std::ptrdiff_t>(first), tokens.begin() + static_cast<std::ptrdiff_t>(first + length)}});
    std::printf("%zu samples of %zu tokens\n", setup.samples.size(), length);

    const CalibrationSet set(config, setup.samples);
    CalibrationStream stream = required(set.embed(*setup.checkpoint));
    const auto checkpoint = setup.checkpoint;
    const auto calibrator = required(Calibrator::create(std::move(setup)));
    for (int block = 0; block < std::atoi(argv[7]); ++block) {
        const CodedBlock coded = required(calibrator->calibrate());
        auto inputs = inputsOf(config, coded.weights, set, stream);
        char name[32];
        std::snprintf(name, sizeof(name), "/block-%03d.safetensors", block);
        writeBlock(folder + name, required(loadBlock(*checkpoint, block)), coded, inputs);
    }
    return 0;
}
