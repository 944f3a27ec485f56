// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tensor/cards.h"

#include <ATen/Context.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace safequant {
namespace {

constexpr const char* kDriverFolder = "/proc/driver/nvidia/gpus";
constexpr std::string_view kModelLine = "Model:";

std::string modelOf(const std::filesystem::path& card) {
    std::ifstream file(card / "information");
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(kModelLine)) continue;
        const auto begin = line.find_first_not_of(" \t", kModelLine.size());
        return begin == std::string::npos ? std::string() : line.substr(begin);
    }
    return {};
}

}  // namespace

std::vector<std::string> usableCards() {
    if (!at::globalContext().hasCUDA()) return {};
    std::vector<std::string> names;
    std::error_code code;
    for (std::filesystem::directory_iterator card(kDriverFolder, code), end; !code && card != end; card.increment(code))
        if (std::string name = modelOf(card->path()); !name.empty()) names.push_back(std::move(name));
    std::sort(names.begin(), names.end());
    if (names.empty()) names.emplace_back("CUDA card");
    return names;
}

}  // namespace safequant
