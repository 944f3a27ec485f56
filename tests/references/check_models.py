# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares real models with transformers in float32: outputs of every block for every token, and logits.

Usage: check_models.py DUMP_OUTPUTS MODEL.gguf...

DUMP_OUTPUTS is build/test/tests/core/model/dump_outputs. The peer gets the same weights: transformers dequantizes the GGUF file.
One sequence is longer than any window. Prints a table in Markdown.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

PROMPTS = [
    "What is the capital of France?",
    "Write a haiku about autumn leaves.",
    "def fibonacci(n):\n    \"\"\"Returns the n-th number.\"\"\"\n",
    "Der Zug nach Hamburg fährt um 9:40 Uhr ab. 東京は日本の首都です。",
    "List three uses for a paperclip: 1.",
    " ".join(f"Line {i}: the quick brown fox jumps over the lazy dog {i * 7 % 13} times." for i in range(40)),
]


@torch.no_grad()
def reference(model, tokens):
    outputs = []
    hooks = [layer.register_forward_hook(lambda _, __, out: outputs.append(out[0] if isinstance(out, tuple) else out))
             for layer in model.model.layers]
    logits = model(torch.tensor([tokens]), use_cache=False, logits_to_keep=1).logits[0, -1]
    for hook in hooks:
        hook.remove()
    return torch.stack([o.reshape(len(tokens), -1) for o in outputs]).numpy(), logits.numpy()


def relative(a, b):
    return float(np.linalg.norm(a.astype(np.float64) - b) / np.linalg.norm(b.astype(np.float64)))


def check(dump, path):
    folder, name = os.path.split(os.path.abspath(path))
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32, attn_implementation="eager").eval()
    sequences = [tokenizer(text).input_ids for text in PROMPTS]
    with tempfile.TemporaryDirectory() as work:
        tokens, out = os.path.join(work, "tokens.json"), os.path.join(work, "out.bin")
        with open(tokens, "w") as file:
            json.dump(sequences, file)
        subprocess.run([dump, path, tokens, out], check=True)
        ours = np.fromfile(out, dtype=np.float32)
    blocks, hidden = model.config.num_hidden_layers, model.config.hidden_size
    rows = sum(len(s) for s in sequences)
    streams = ours[: blocks * rows * hidden].reshape(blocks, rows, hidden)
    logits = ours[blocks * rows * hidden:].reshape(len(sequences), -1)
    first, worst_block, worst_token, worst_logits, same = 0, 0.0, 0.0, 0.0, 0
    for i, sequence in enumerate(sequences):
        theirs, their_logits = reference(model, sequence)
        mine = streams[:, first:first + len(sequence)]
        first += len(sequence)
        for block in range(blocks):
            worst_block = max(worst_block, relative(mine[block], theirs[block]))
            difference = np.linalg.norm(mine[block] - theirs[block], axis=1) / np.linalg.norm(theirs[block], axis=1)
            worst_token = max(worst_token, float(difference.max()))
        worst_logits = max(worst_logits, relative(logits[i], their_logits))
        same += int(np.argmax(logits[i]) == np.argmax(their_logits))
    print(f"| {name} | {blocks} blocks, {len(sequences)} sequences, up to {max(map(len, sequences))} tokens | {worst_block:.1e} | "
          f"{worst_token:.1e} | {worst_logits:.1e} | {same} of {len(sequences)} |", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(2)
    print("| model | compared | blocks | worst token of a block | logits | same next token |\n|---|---|---|---|---|---|")
    for model_path in sys.argv[2:]:
        check(sys.argv[1], model_path)
