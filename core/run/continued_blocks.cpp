// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/continued_blocks.h"

#include <filesystem>
#include <map>
#include <system_error>

#include "core/run/coded_blocks.h"
#include "core/run/linked_file.h"
#include "core/run/run_folder.h"
#include "core/run/run_spec.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

Error mismatch(const ContinuedBlocks& continued, const std::string& what) {
    return {ErrorKind::Mismatch, "Its blocks cannot be taken over, because " + what + ". Leave \"continues\" out to make all blocks anew.", continued.run};
}

/// Linears of the taken blocks are quantized there as they would be here.
Expected<void> checkSchemes(const RunInputs& inputs, const Manifest& there) {
    std::map<std::string, std::string> schemes;
    for (const auto& linear : there.json().value("linears", nlohmann::json::array())) schemes[linear.value("name", "")] = linear.value("actual", "");
    const ContinuedBlocks& continued = inputs.spec.continues;
    for (int block = 0; block < continued.blocks; ++block)
        for (const LinearPlan& linear : planOfBlock(inputs.plan, block))
            if (schemes[linear.name] != linear.actual.describe())
                return fail(mismatch(continued, linear.name + " is " + schemes[linear.name] + " there and " + linear.actual.describe() + " here"));
    return {};
}

Expected<void> checkFits(const RunInputs& inputs, const Manifest& there) {
    const ContinuedBlocks& continued = inputs.spec.continues;
    const int blocks = inputs.checkpoint->config().blocks;
    if (continued.blocks > blocks)
        return fail(ErrorKind::BadInput, "It takes over " + std::to_string(continued.blocks) + " blocks, and the model has " + std::to_string(blocks) + ".",
                    "quantization.continues.blocks");
    if (there.json().value(nlohmann::json::json_pointer("/checkpoint/content_hash"), std::string()) != inputs.checkpointHash)
        return fail(mismatch(continued, "it quantizes another model than " + inputs.checkpoint->path()));
    const auto spec = readRunSpec(continued.run + "/spec.json");
    if (!spec) return fail(spec.error());
    const auto rotationOf = [](const RunSpec& of) { return runSpecToJson(of)["quantization"].value("rotation", nlohmann::json()); };
    if (rotationOf(*spec) != rotationOf(inputs.spec)) return fail(mismatch(continued, "its weights are rotated otherwise"));
    return checkSchemes(inputs, there);
}

}  // namespace

Expected<void> takeContinuedBlocks(Session& session) {
    const RunInputs& inputs = session.inputs();
    const ContinuedBlocks& continued = inputs.spec.continues;
    int first = 0;
    while (first < continued.blocks && hasCodedBlock(session.folder(), first)) ++first;
    if (first == continued.blocks) return {};
    const auto there = Manifest::read(continued.run);
    if (!there) return fail(there.error());
    if (auto fits = checkFits(inputs, *there); !fits) return fits;
    for (int block = first; block < continued.blocks; ++block)
        if (!hasCodedBlock(continued.run, block))
            return fail(ErrorKind::NotFound, "Block " + std::to_string(block) + " is not made there yet; take over fewer blocks.", continued.run);
    std::error_code code;
    fs::create_directories(session.folder() + "/blocks", code);
    const auto past = readRunState(continued.run);
    if (!past) return fail(past.error());
    for (int block = first; block < continued.blocks; ++block) {
        if (auto taken = linkFile(codedBlockPath(continued.run, block), codedBlockPath(session.folder(), block)); !taken) return taken;
        for (const protocol::LearnedBlock& learned : past->learning)
            if (learned.block == block && learned.finished)
                if (auto told = session.tellLearning(learned); !told) return told;
    }
    const std::string blocks = continued.blocks == 1 ? "Block 0 is" : "Blocks 0 to " + std::to_string(continued.blocks - 1) + " are";
    session.manifest().json()["reused"]["quantized blocks"] = fs::path(continued.run).filename().string();
    if (auto saved = session.manifest().save(); !saved) return saved;
    return session.note(blocks + " taken over from the run " + fs::path(continued.run).filename().string() +
                        ", as its own settings made them; this run's settings made the others.");
}

}  // namespace safequant
