#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Merges adapters into a GGUF model with PEFT and compares every weight with what `safequant quantize --bits 16` exports.

usage: check_adapters.py MODEL.gguf EXPORT ADAPTER [ADAPTER ...]     (torch, transformers, peft, gguf)
EXPORT is the folder that `safequant quantize MODEL.gguf --adapter ADAPTER ... --bits 16 -o EXPORT` wrote.
Prints the largest difference relative to the largest value of its tensor; fails above 1e-6.
"""
import pathlib
import sys

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


def main():
    model_path, export, adapters = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
    model = AutoModelForCausalLM.from_pretrained(model_path.parent, gguf_file=model_path.name, dtype=torch.float32)
    for adapter in adapters:
        model = PeftModel.from_pretrained(model, adapter).merge_and_unload()
    wanted = model.state_dict()
    worst, count = (0.0, ""), 0
    for file in sorted(export.glob("*.safetensors")):
        for name, value in load_file(file).items():
            difference = ((value.float() - wanted[name]).abs().max() / wanted[name].abs().max()).item()
            worst, count = max(worst, (difference, name)), count + 1
    print(f"{count} tensors, largest relative difference {worst[0]:.3g} ({worst[1]})")
    sys.exit(worst[0] > 1e-6)


main()
