// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/signature/tail_rows.h"

#include <algorithm>
#include <array>

#include "core/quantize/calibration_set.h"

namespace safequant {

Expected<int> templateTail(const ChatFormat& format) {
    // Texts that end in letters, digits and marks, so that no token at the end is of the text.
    constexpr std::array kTexts{"Name a tree", "What is 7", "Why?", "Stop!", "(yes)"};
    std::vector<std::vector<std::int32_t>> all;
    for (const char* text : kTexts) {
        auto ids = format.encodePrompt(text);
        if (!ids) return fail(ids.error());
        all.push_back(std::move(*ids));
    }
    std::size_t common = 0;
    const auto same = [&](std::size_t fromEnd) {
        return std::all_of(all.begin(), all.end(), [&](const auto& ids) {
            return ids.size() > fromEnd && ids[ids.size() - 1 - fromEnd] == all.front()[all.front().size() - 1 - fromEnd];
        });
    };
    while (common < all.front().size() && same(common)) ++common;
    return static_cast<int>(std::max<std::size_t>(common, 1));
}

Expected<void> visitTails(const std::shared_ptr<const Checkpoint>& checkpoint, const ChatFormat& format, const std::vector<TailPrompt>& prompts, int tail,
                          const std::function<void(int block, const Matrix& rows)>& visit, const Progress& progress, const OtherBlocks* other) {
    const DecoderConfig& config = checkpoint->config();
    std::vector<LearningSample> samples;
    for (const TailPrompt& prompt : prompts) {
        auto ids = format.encodePrompt(prompt.text);
        if (!ids) return fail(ids.error().kind, ids.error().message, "prompt " + prompt.id);
        if (ids->size() < static_cast<std::size_t>(tail))
            return fail(ErrorKind::BadInput, "It has " + std::to_string(ids->size()) + " tokens with the template, fewer than the " + std::to_string(tail) +
                                                 " positions that are looked at.", "prompt " + prompt.id);
        samples.push_back({prompt.id, SampleKind::Benign, std::move(*ids), 0});
    }
    if (samples.empty()) return fail(ErrorKind::BadInput, "There are no prompts to look at.");
    const CalibrationSet set(config, std::move(samples));
    auto stream = set.embed(*checkpoint);
    if (!stream) return fail(stream.error());
    const auto hidden = static_cast<std::size_t>(config.hiddenSize), width = static_cast<std::size_t>(tail) * hidden;
    Matrix rows(prompts.size(), width);
    for (int block = 0; block < config.blocks; ++block) {
        const auto weights = other != nullptr ? other->source(block) : loadBlock(*checkpoint, block);
        if (!weights) return fail(weights.error());
        if (!set.advance(config, *weights, *stream, progress.stop)) return fail(cancelledError());
        for (std::size_t prompt = 0; prompt < prompts.size(); ++prompt)
            for (int position = 0; position < tail; ++position) {
                const auto [group, row] = set.rowFromEnd(prompt, tail - 1 - position);
                std::copy_n((*stream)[group].row(static_cast<std::size_t>(row)), hidden, rows.row(prompt) + static_cast<std::size_t>(position) * hidden);
            }
        if (other != nullptr && other->rotation != nullptr) other->rotation->applyInverse(rows.data(), rows.rows() * static_cast<std::size_t>(tail));
        visit(block, rows);
        progress(static_cast<std::uint64_t>(block) + 1, static_cast<std::uint64_t>(config.blocks));
    }
    return {};
}

}  // namespace safequant
