// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/patch_record.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "core/checkpoint/safetensors.h"
#include "core/run/coded_blocks.h"
#include "core/run/event_log.h"
#include "core/run/preference_pairs.h"

namespace safequant {
namespace {

/// 3 of "model.layers.3.self_attn.q_proj"; 0 where a name has no number.
int blockOfLinear(const std::string& name) {
    for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
        int block = 0;
        const char* const end = name.data() + name.size();
        const auto read = std::from_chars(name.data() + dot + 1, end, block);
        if (read.ec == std::errc() && read.ptr != end && *read.ptr == '.') return block;
    }
    return 0;
}

int placeInBlock(const std::string& name) {
    static const std::array<std::string_view, kLinearsPerBlock> order{".q_proj",    ".k_proj",  ".v_proj",   ".o_proj",
                                                                      ".gate_proj", ".up_proj", ".down_proj"};
    const auto found = std::find_if(order.begin(), order.end(), [&](std::string_view end) { return name.ends_with(end); });
    return static_cast<int>(found - order.begin());
}

/// Codes of a linear by its block's file; 0 where it is not there.
std::uint64_t codesInFile(const std::string& folder, const protocol::PatchedLinear& linear) {
    const auto file = SafetensorsFile::open(codedBlockPath(folder, linear.block));
    if (!file) return 0;
    for (const SafetensorsTensor& tensor : (*file)->tensors())
        if (tensor.name == linear.name + ".codes") return tensor.bytes;
    return 0;
}

std::vector<protocol::PatchedLinear> patchedLinearsOf(const std::string& folder, const nlohmann::json& patch) {
    std::vector<protocol::PatchedLinear> linears;
    const auto entries = patch.find("linears");
    if (entries == patch.end() || !entries->is_object()) return linears;
    for (const auto& [name, entry] : entries->items()) {
        protocol::PatchedLinear linear;
        linear.name = name;
        linear.block = blockOfLinear(name);
        linear.codes = entry.value("codes", entry.value("weights", std::uint64_t{0}));
        // Manifests of older runs do not tell it by linear.
        if (linear.codes == 0) linear.codes = codesInFile(folder, linear);
        linear.mayChange = entry.value("may_change", std::uint64_t{0});
        linear.changed = entry.value("changed", std::uint64_t{0});
        linear.kept = entry.value("kept", std::uint64_t{0});
        linear.bits = entry.value("bits", 0.0);
        linears.push_back(std::move(linear));
    }
    const auto place = [](const protocol::PatchedLinear& linear) { return std::pair(linear.block, placeInBlock(linear.name)); };
    std::stable_sort(linears.begin(), linears.end(), [&](const auto& a, const auto& b) { return place(a) < place(b); });
    return linears;
}

protocol::PatchStepFigures stepOf(const nlohmann::json& line, const PatchSpec& spec) {
    protocol::PatchStepFigures step;
    step.step = line.value("step", 0);
    step.loss = line.value("loss", 0.0);
    step.margin = line.value("margin", 0.0);
    step.preferred = spec.kind == PatchKind::Pairs && spec.options.preferenceWeight > 0.0 ? line.value("preferred", -1.0) : -1.0;
    step.chosenLoss = line.value("chosen_loss", 0.0);
    step.aligned = line.value("aligned", -1.0);
    step.pretrained = spec.options.alignment.contrast > 0.0 ? line.value("pretrained", -1.0) : -1.0;
    step.limited = line.value("limited", false);
    step.learningRate = line.value("learning_rate", 0.0);
    step.gradientNorm = line.value("gradient_norm", 0.0);
    step.identified = line.value("identified", false);
    step.seconds = line.value("seconds", 0.0);
    return step;
}

}  // namespace

Expected<std::optional<protocol::PatchProgress>> readPatchRecord(const std::string& folder, const PatchSpec& spec, const Manifest& manifest) {
    protocol::PatchProgress record;
    record.method = spec.method;
    record.kind = patchKindName(spec.kind);
    record.plannedSteps = spec.kind == PatchKind::Keep ? 0 : spec.options.steps;
    const auto pairs = readAnswerPairs(folder);
    if (pairs)
        record.pairs = pairCountsByLabel(*pairs);
    else if (pairs.error().kind != ErrorKind::NotFound)
        return fail(pairs.error());
    const auto lines = readJsonLines(folder + "/patch/steps.jsonl");
    if (!lines) return fail(lines.error());
    try {
        for (const auto& line : *lines) {
            protocol::PatchProgress news;
            news.steps.push_back(stepOf(line, spec));
            if (news.steps.back().step > 0) addPatchNews(record, news);
        }
        if (const auto patch = manifest.json().find("patch"); patch != manifest.json().end() && patch->is_object()) {
            record.linears = patchedLinearsOf(folder, *patch);
            record.finished = true;
        }
    } catch (const nlohmann::json::exception& error) {
        return fail(ErrorKind::BadInput, std::string("The record of the patch cannot be read: ") + error.what() + ".", folder);
    }
    if (!pairs && record.steps.empty() && !record.finished) return std::optional<protocol::PatchProgress>();
    return std::optional(std::move(record));
}

}  // namespace safequant
