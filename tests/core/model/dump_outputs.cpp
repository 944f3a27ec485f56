// SPDX-License-Identifier: GPL-3.0-or-later
// dump_outputs CHECKPOINT TOKENS.json OUT: runs token sequences (`[[1, 2, ...], ...]`) through a model and writes float32 numbers
// for tests/references/check_models.py: of every block the outputs of all tokens, then of every sequence the logits of its last.
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/model/decoder.h"

using namespace safequant;

namespace {

int complain(const Error& error) {
    std::fprintf(stderr, "%s\n", error.describe().c_str());
    return 1;
}

void write(std::ofstream& out, std::span<const float> values) {
    out.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size_bytes()));
}

int run(const char* path, const char* tokensPath, const char* outPath) {
    const auto model = openCheckpoint(path);
    if (!model) return complain(model.error());
    std::ifstream file(tokensPath);
    const auto sequences = nlohmann::json::parse(file).get<std::vector<std::vector<std::int32_t>>>();
    const PackedSequences packed = packSequences(sequences, false);
    auto hidden = embedTokens(**model, packed.tokens);
    if (!hidden) return complain(hidden.error());
    std::ofstream out(outPath, std::ios::binary);
    const DecoderConfig& config = (*model)->config();
    for (int block = 0; block < config.blocks; ++block) {
        const auto weights = loadBlock(**model, block);
        if (!weights) return complain(weights.error());
        forwardBlock(config, *weights, packed, *hidden);
        write(out, hidden->span());
    }
    const auto head = loadOutputHead(**model);
    if (!head) return complain(head.error());
    std::vector<std::int32_t> last;
    for (std::size_t i = 0; i < packed.sequences(); ++i) last.push_back(packed.lastRow(i));
    write(out, computeLogits(config, *head, *hidden, last).span());
    return out.good() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "Usage: dump_outputs CHECKPOINT TOKENS.json OUT\n");
        return 2;
    }
    return run(argv[1], argv[2], argv[3]);
}
