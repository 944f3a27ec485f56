// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/learned_checkpoint.h"

#include <unordered_map>
#include <utility>

#include "core/checkpoint/replaced_checkpoint.h"
#include "core/checkpoint/safetensors.h"
#include "core/run/coded_blocks.h"

namespace safequant {

Expected<std::shared_ptr<const Checkpoint>> openLearnedCheckpoint(std::shared_ptr<const Checkpoint> base, const std::string& folder) {
    std::unordered_map<std::string, ReplacedTensor> changes;
    for (int block = 0; block < base->config().blocks; ++block) {
        if (!hasCodedBlock(folder, block))
            return fail(ErrorKind::NotFound, "Block " + std::to_string(block) + " is not made yet: let the run finish its stage \"quantize\".",
                        folder);
        const auto file = SafetensorsFile::open(codedBlockPath(folder, block));
        if (!file) return fail(file.error());
        for (const SafetensorsTensor& tensor : (*file)->tensors())
            if (tensor.type == "F32") changes[tensor.name] = {(*file)->file()->bytes().subspan(tensor.offset, tensor.bytes), *file, (*file)->path()};
    }
    return replaceTensors(std::move(base), std::move(changes));
}

}  // namespace safequant
