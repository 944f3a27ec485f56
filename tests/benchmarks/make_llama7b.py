#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a Hugging Face folder of Llama-2-7B's shape with seeded random bf16 weights (13.5 GB; delete it afterwards).

usage: make_llama7b.py TOKENIZER.gguf FOLDER [--blocks N]     (numpy, gguf)
The tokenizer is a byte-level BPE vocabulary from a GGUF file, cut to its first 32,000 tokens. Matrices are normal with
standard deviation 0.02 (those that write to the residual stream 0.02 / sqrt(2 * blocks)), so that activations stay finite.
"""
import argparse
import json
import math
import pathlib
import statistics
import struct

import gguf
import numpy as np

HIDDEN, INTER, HEADS, VOCAB, SHARDS = 4096, 11008, 32, 32000, 3


def tensors(blocks):
    """Names, shapes and deviations in the order they are stored; deviation 0: ones."""
    small = 0.02 / math.sqrt(2 * blocks)
    yield "model.embed_tokens.weight", (VOCAB, HIDDEN), 0.02
    for i in range(blocks):
        prefix = f"model.layers.{i}."
        yield prefix + "input_layernorm.weight", (HIDDEN,), 0
        for name in "qkv":
            yield f"{prefix}self_attn.{name}_proj.weight", (HIDDEN, HIDDEN), 0.02
        yield prefix + "self_attn.o_proj.weight", (HIDDEN, HIDDEN), small
        yield prefix + "post_attention_layernorm.weight", (HIDDEN,), 0
        yield prefix + "mlp.gate_proj.weight", (INTER, HIDDEN), 0.02
        yield prefix + "mlp.up_proj.weight", (INTER, HIDDEN), 0.02
        yield prefix + "mlp.down_proj.weight", (HIDDEN, INTER), small
    yield "model.norm.weight", (HIDDEN,), 0
    yield "lm_head.weight", (VOCAB, HIDDEN), 0.02


def bf16(values):
    bits = np.asarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def write_weights(folder, blocks):
    normal = statistics.NormalDist()
    # Of every 16-bit number its quantile: one look-up a weight.
    quantiles = np.array([normal.inv_cdf((i + 0.5) / 65536) for i in range(65536)], np.float32)
    every = list(tensors(blocks))
    per_shard = -(-len(every) // SHARDS)
    weight_map, total = {}, 0
    for shard in range(SHARDS):
        name = f"model-{shard + 1:05d}-of-{SHARDS:05d}.safetensors"
        part = every[shard * per_shard:(shard + 1) * per_shard]
        header, at = {"__metadata__": {"format": "pt"}}, 0
        for tensor, shape, _ in part:
            size = 2 * math.prod(shape)
            header[tensor] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [at, at + size]}
            weight_map[tensor] = name
            at += size
        total += at
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with open(folder / name, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for tensor, shape, deviation in part:
                rng = np.random.default_rng([7, every.index((tensor, shape, deviation))])
                if deviation == 0:
                    file.write(bf16(np.ones(shape)).tobytes())
                    continue
                table = bf16(quantiles * np.float32(deviation))
                columns = shape[1]
                for first in range(0, shape[0], 1024):
                    rows = min(1024, shape[0] - first)
                    file.write(table[rng.integers(0, 65536, rows * columns, dtype=np.uint16)].tobytes())
        print(name, at, flush=True)
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")


def write_tokenizer(folder, source):
    reader = gguf.GGUFReader(source)
    field = lambda key: reader.fields["tokenizer." + key].contents()
    tokens, types = field("ggml.tokens")[:VOCAB], field("ggml.token_type")[:VOCAB]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    merges = [merge for merge in field("ggml.merges") if merge.replace(" ", "", 1) in vocabulary]
    special = [{"id": i, "content": tokens[i], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
                "special": True} for i, kind in enumerate(types) if kind == 3]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    (folder / "tokenizer.json").write_text(json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special, "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]},
        "post_processor": None, "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": vocabulary, "merges": merges}}))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "bos_token": tokens[field("ggml.bos_token_id")], "eos_token": tokens[field("ggml.eos_token_id")],
        "chat_template": field("chat_template")}))
    return field("ggml.eos_token_id")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tokenizer")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--blocks", type=int, default=32)
    options = parser.parse_args()
    options.folder.mkdir(parents=True)
    end = write_tokenizer(options.folder, options.tokenizer)
    (options.folder / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN, "intermediate_size": INTER,
        "num_hidden_layers": options.blocks, "num_attention_heads": HEADS, "num_key_value_heads": HEADS, "hidden_act": "silu",
        "vocab_size": VOCAB, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "tie_word_embeddings": False, "eos_token_id": end, "torch_dtype": "bfloat16"}, indent=1) + "\n")
    write_weights(options.folder, options.blocks)


main()
