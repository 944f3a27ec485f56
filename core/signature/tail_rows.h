// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/matrix.h"
#include "core/base/progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/model/decoder.h"
#include "core/quantize/hadamard.h"
#include "core/text/chat_template.h"

namespace safequant {

/// How many tokens at the end of every prompt are the template's own, whatever the user wrote: those that prompts with different texts have in
/// common. 1 at least. Errors: those of template and tokenizer.
Expected<int> templateTail(const ChatFormat& format);

/// A prompt to look at.
struct TailPrompt {
    std::string id, text;
};

/// Blocks that prompts run through in the place of a checkpoint's own.
struct OtherBlocks {
    BlockSource source;
    const Rotation* rotation = nullptr;  ///< Of their stream; what is handed on is as it was before. Null: none.
};

/// Runs prompts through a model, block by block, and hands on what stands at the last `tail` positions of each behind every block, `[prompts,
/// tail * hidden]`, the first of the positions first. Memory: a block and the stream of all prompts. Progress counts blocks. Errors: those of
/// template (naming the prompt) and checkpoint; bad_input for a prompt that is shorter; cancelled.
Expected<void> visitTails(const std::shared_ptr<const Checkpoint>& checkpoint, const ChatFormat& format, const std::vector<TailPrompt>& prompts, int tail,
                          const std::function<void(int block, const Matrix& rows)>& visit, const Progress& progress = {},
                          const OtherBlocks* other = nullptr);

}  // namespace safequant
