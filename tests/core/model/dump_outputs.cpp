// SPDX-License-Identifier: GPL-3.0-or-later
// dump_outputs CHECKPOINT TOKENS.json OUT: runs token sequences (`[[1, 2, ...], ...]`) through a model and writes float32 numbers
// for tests/references/check_models.py: of every block the outputs of all tokens, then of every sequence the logits of its last.
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/model/decoder.h"
#include "tests/support/or_throw.h"

using namespace safequant;
using testing::orThrow;

namespace {

void write(std::ofstream& out, std::span<const float> values) {
    out.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size_bytes()));
}

void dump(const std::string& path, const char* tokensPath, const std::string& outPath) {
    const auto model = orThrow(openCheckpoint(path));
    std::ifstream file(tokensPath);
    const auto sequences = nlohmann::json::parse(file).get<std::vector<std::vector<std::int32_t>>>();
    const PackedSequences packed = packSequences(sequences, false);
    Matrix hidden = orThrow(embedTokens(*model, packed.tokens));
    std::ofstream out(outPath, std::ios::binary);
    const DecoderConfig& config = model->config();
    for (int block = 0; block < config.blocks; ++block) {
        forwardBlock(config, orThrow(loadBlock(*model, block)), packed, hidden);
        write(out, hidden.span());
    }
    std::vector<std::int32_t> last;
    for (std::size_t i = 0; i < packed.sequences(); ++i) last.push_back(packed.lastRow(i));
    write(out, computeLogits(config, orThrow(loadOutputHead(*model)), hidden, last).span());
    out.close();
    if (!out) throw std::runtime_error(outPath + " cannot be written");
}

}  // namespace

int main(int argc, char** argv) { return testing::toolMain(argc, argv, "dump_outputs CHECKPOINT TOKENS.json OUT", dump); }
