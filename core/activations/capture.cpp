// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/activations/capture.h"

#include <algorithm>
#include <new>
#include <stdexcept>

namespace safequant {

Expected<ActivationStream> openStream(const Checkpoint& checkpoint, const ChatFormat& format, const std::vector<std::string>& prompts,
                                      const std::vector<std::string>& ids) {
    if (prompts.size() != ids.size())
        throw std::invalid_argument("[openStream] got " + std::to_string(prompts.size()) + " prompts and " + std::to_string(ids.size()) +
                                    " ids, need as many of both");
    const int context = checkpoint.config().context();
    std::vector<std::vector<std::int32_t>> sequences;
    sequences.reserve(prompts.size());
    for (std::size_t i = 0; i < prompts.size(); ++i) {
        const std::string where = "prompt " + ids[i];
        auto tokens = format.encodePrompt(prompts[i]);
        if (!tokens) {
            Error error = tokens.error();
            error.context = error.context.empty() ? where : where + ": " + error.context;
            return fail(std::move(error));
        }
        if (tokens->empty()) return fail(ErrorKind::BadInput, "It has no tokens once the chat template is applied.", where);
        if (context > 0 && tokens->size() > static_cast<std::size_t>(context))
            return fail(ErrorKind::BadInput, "It has " + std::to_string(tokens->size()) + " tokens, but the model's context holds " +
                                                 std::to_string(context) + "; shorten it or leave it out.", where);
        sequences.push_back(std::move(*tokens));
    }
    try {
        ActivationStream stream;
        stream.sequences = packSequences(sequences, mayShare(checkpoint.config(), sequences));
        auto hidden = embedTokens(checkpoint, stream.sequences.tokens);
        if (!hidden) return fail(hidden.error());
        stream.hidden = std::move(*hidden);
        return stream;
    } catch (const std::bad_alloc&) {
        return fail(ErrorKind::OutOfMemory, "Not enough memory for the activations of " + std::to_string(prompts.size()) + " prompts.");
    }
}

Expected<Matrix> advance(ActivationStream& stream, const DecoderConfig& config, const BlockWeights& weights, const std::stop_token& stop,
                         const ComputeDevice& device) {
    try {
        if (!device.forwardBlock(config, weights, stream.sequences, stream.hidden, stop)) return fail(cancelledError());
        ++stream.blocksDone;
        Matrix last(stream.sequences.sequences(), stream.hidden.cols());
        for (std::size_t i = 0; i < last.rows(); ++i)
            std::ranges::copy(stream.hidden.rowSpan(static_cast<std::size_t>(stream.sequences.lastRow(i))), last.row(i));
        return last;
    } catch (const std::bad_alloc&) {
        return fail(ErrorKind::OutOfMemory, "Not enough memory to run a block over " + std::to_string(stream.sequences.rows()) + " tokens.");
    }
}

}  // namespace safequant
