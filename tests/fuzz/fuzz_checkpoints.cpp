// SPDX-License-Identifier: GPL-3.0-or-later
// Checkpoint readers: every byte of a tensor is decoded, the tokenizer is made, as opening a model for work does.
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "core/checkpoint/adapter.h"
#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/gguf.h"
#include "core/text/tokenizer.h"
#include "tests/fuzz/scratch_folder.h"
#include "tests/fuzz/targets.h"

namespace safequant::fuzzing {
namespace {

/// Tensors above this many values are left alone, so that an input takes milliseconds.
constexpr std::int64_t kMostValues = 1 << 20;

std::int64_t valuesOf(const std::vector<std::int64_t>& shape) {
    std::int64_t values = 1;
    for (const std::int64_t size : shape) {
        if (size <= 0 || size > kMostValues) return 0;
        values *= size;
        if (values > kMostValues) return 0;
    }
    return values;
}

bool readsWhole(const Checkpoint& checkpoint) {
    bool good = true;
    std::vector<float> values;
    for (const TensorInfo& tensor : checkpoint.tensors()) {
        const std::int64_t count = valuesOf(tensor.shape);
        if (count == 0) continue;
        values.resize(static_cast<std::size_t>(count));
        good = checkpoint.read(tensor.name, values).has_value() && good;
    }
    static_cast<void>(checkpoint.configJson());
    static_cast<void>(checkpoint.metadata());
    if (const auto tokenizer = Tokenizer::create(checkpoint.tokenizerSource()))
        static_cast<void>((*tokenizer)->encode("A small test, <s> 12345 \xF0\x9F\x98\x80.", SpecialTokens::Parse));
    return good;
}

/// The model that adapters are put on: a seed of the Hugging Face target, whose head is not its embeddings.
std::shared_ptr<const Checkpoint> adapterBase() {
    std::ifstream file(SAFEQUANT_SOURCE_DIR "/tests/fuzz/seeds/huggingface/valid-untied", std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    const ScratchFolder folder;
    folder.unpackFolder(std::as_bytes(std::span(bytes)));
    return openCheckpoint(folder.path()).value();
}

}  // namespace

bool acceptsGguf(std::span<const std::byte> input) {
    const ScratchFolder folder;
    const std::string path = folder.write("model.gguf", input);
    const auto file = GgufFile::open(path);
    if (!file) return false;
    std::vector<float> values;
    for (const GgufTensor& tensor : (*file)->tensors()) {
        const std::int64_t count = valuesOf(tensor.shape);
        if (count == 0 || tensor.type->decode == nullptr) continue;
        values.resize(static_cast<std::size_t>(count));
        tensor.type->decode(reinterpret_cast<const std::uint8_t*>(tensor.file->bytes().data() + tensor.offset),
                            static_cast<std::size_t>(count) / tensor.type->values, values.data());
    }
    for (const auto& [key, value] : (*file)->metadata()) static_cast<void>((*file)->display(key));
    if (const auto checkpoint = openCheckpoint(path)) readsWhole(**checkpoint);
    return true;
}

bool acceptsHuggingFace(std::span<const std::byte> input) {
    const ScratchFolder folder;
    folder.unpackFolder(input);
    const auto checkpoint = openCheckpoint(folder.path());
    return checkpoint && readsWhole(**checkpoint);
}

bool acceptsAdapter(std::span<const std::byte> input) {
    // Opened once: its files stay mapped when their folder is emptied for the next input.
    static const std::shared_ptr<const Checkpoint> base = adapterBase();
    const ScratchFolder folder;
    folder.unpackFolder(input);
    const auto adapted = adaptCheckpoint(base, {folder.path()});
    return adapted && readsWhole(**adapted);
}

}  // namespace safequant::fuzzing
