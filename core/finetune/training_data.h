// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <vector>

#include "core/base/progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/finetune/finetune_spec.h"
#include "core/training/training_sample.h"

namespace safequant {

/// The conversations that a spec's sources name, in order; where a source asks for the model's own answers, `checkpoint` gives them
/// greedily. Seeded choices depend on the spec's seed and the source's place alone. Progress counts own answers. Errors: those of
/// files, prompts and model; bad_input when a source gives nothing.
Expected<std::vector<TrainingChat>> gatherTrainingChats(const FinetuneSpec& spec, std::shared_ptr<const Checkpoint> checkpoint,
                                                        const ChatFormat& format, const Progress& progress = {});

}  // namespace safequant
