// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace safequant::fuzzing {

/// One reader under test: takes bytes as a file (or several, see `unpackFolder`) and says whether it accepted them. Whatever the
/// bytes are, it must return: no crash, no hang, no memory out of proportion.
struct Target {
    std::string_view name;
    bool (*accepts)(std::span<const std::byte> input);
};

bool acceptsGguf(std::span<const std::byte> input);
bool acceptsHuggingFace(std::span<const std::byte> input);
bool acceptsAdapter(std::span<const std::byte> input);
bool acceptsTokenizer(std::span<const std::byte> input);
bool acceptsTemplate(std::span<const std::byte> input);
bool acceptsPrompts(std::span<const std::byte> input);
bool acceptsRunSpec(std::span<const std::byte> input);
bool acceptsProtocol(std::span<const std::byte> input);
bool acceptsRunFolder(std::span<const std::byte> input);

inline constexpr Target kTargets[] = {
    {"gguf", acceptsGguf},         {"huggingface", acceptsHuggingFace}, {"adapter", acceptsAdapter},
    {"tokenizer", acceptsTokenizer}, {"template", acceptsTemplate},       {"prompts", acceptsPrompts},
    {"runspec", acceptsRunSpec},   {"protocol", acceptsProtocol},       {"runfolder", acceptsRunFolder},
};

}  // namespace safequant::fuzzing
