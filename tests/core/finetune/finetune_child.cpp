// SPDX-License-Identifier: GPL-3.0-or-later
// Runs one fine-tuning folder to its end: the process that test_finetuning kills.
#include <cstdio>

#include "core/finetune/finetune_folder.h"

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    const auto done = safequant::executeFinetuning(argv[1], {}, {});
    if (done) return 0;
    std::fprintf(stderr, "%s\n", done.error().describe().c_str());
    return 1;
}
