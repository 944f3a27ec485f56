// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/block_stage.h"

#include <filesystem>

#include "core/run/stream_checkpoint.h"

namespace safequant {
namespace {

Error inBlock(Error error, const std::string& model, int block) {
    if (error.kind != ErrorKind::Cancelled && error.context.empty())
        error.context = model + " model, block " + std::to_string(block);
    return error;
}

}  // namespace

Expected<ActivationStream> openCapturedStream(const RunInputs& inputs, const Checkpoint& checkpoint) {
    std::vector<std::string> texts, ids;
    for (const auto index : inputs.layout.prompts) {
        texts.push_back(inputs.prompts.prompts[index].text);
        ids.push_back(inputs.prompts.prompts[index].id);
    }
    return openStream(checkpoint, inputs.format, texts, ids);
}

Expected<int> BlockStage::findFinished() {
    const int blocks = m_session.inputs().checkpoint->config().blocks;
    int finished = 0;
    for (; finished < blocks; ++finished) {
        const auto summary = readBlockSummary(m_session.folder(), m_model, finished);
        if (!summary) break;
        if (auto told = m_session.tellBlock(*summary); !told) return fail(told.error());
    }
    return finished;
}

Expected<ActivationStream> BlockStage::openAt(int finished) {
    const auto& inputs = m_session.inputs();
    auto stream = openCapturedStream(inputs, m_model == "base" ? *inputs.base : *inputs.checkpoint);
    if (!stream) return stream;
    if (finished > 0) restoreStream(m_session.folder(), m_model, finished, *stream);
    return stream;
}

Expected<void> BlockStage::run(const Advance& advance, const Measure& measure) {
    const int blocks = m_session.inputs().checkpoint->config().blocks;
    std::error_code code;
    std::filesystem::create_directories(m_session.folder() + "/blocks", code);
    if (code) return fail(ErrorKind::Io, "Cannot be created: " + code.message() + ".", m_session.folder() + "/blocks");

    const auto finished = findFinished();
    if (!finished) return fail(finished.error());
    auto& schedule = m_session.schedule();
    schedule.setFound(m_stage, static_cast<std::uint64_t>(*finished));
    if (auto told = m_session.tellProgress(m_stage); !told) return told;
    if (*finished == blocks) return {};

    schedule.begin(m_stage);
    auto stream = openAt(*finished);
    if (!stream) return fail(stream.error());
    while (stream->blocksDone < blocks) {
        if (m_session.stop().stop_requested()) return fail(cancelledError());
        const int block = stream->blocksDone;
        const auto activations = advance(*stream, block);
        if (!activations) return fail(inBlock(activations.error(), m_model, block));
        // Blocks below `finished` are only passed through again, when their stream could not be kept.
        if (block < *finished) continue;
        const auto outcome = measure(block, *activations);
        if (!outcome) return fail(inBlock(outcome.error(), m_model, block));
        if (auto written = writeArrayFile(blockPath(m_session.folder(), m_model, block), outcome->file); !written)
            return fail(written.error());
        if (stream->blocksDone < blocks)
            if (auto kept = saveStream(m_session.folder(), m_model, *stream); !kept) return kept;
        schedule.advance(m_stage, static_cast<std::uint64_t>(block) + 1);
        if (auto told = m_session.tellBlock(outcome->summary); !told) return told;
        if (auto told = m_session.tellProgress(m_stage); !told) return told;
        if (auto kept = m_session.keepTiming(m_stage); !kept) return kept;
    }
    schedule.end(m_stage);
    removeStream(m_session.folder());
    return m_session.keepTiming(m_stage);
}

}  // namespace safequant
