#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tiny Llama folders with quantized weights in every format that is read, with the weights they stand for: of compressed-tensors'
formats what that library makes of them, of GPTQ and AWQ the codes that were packed, dequantized in numpy.

usage: make_packed_checkpoints.py FOLDER     (torch, safetensors, compressed-tensors 0.20)
Writes FOLDER/NAME/{config.json,model.safetensors} and FOLDER/NAME_expected.safetensors.
"""
import json
import pathlib
import sys

import numpy as np
import torch
from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32
from compressed_tensors.compressors import FloatQuantizationCompressor, NVFP4PackedCompressor
from compressed_tensors.compressors.nvfp4.helpers import unpack_fp4_from_uint8
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from compressed_tensors.quantization.lifecycle.forward import dequantize
from safetensors.torch import save_file

HIDDEN, INTER, HEADS, KV, DIM, VOCAB = 32, 48, 4, 2, 8, 40
LINEARS = {
    "self_attn.q_proj": (HEADS * DIM, HIDDEN), "self_attn.k_proj": (KV * DIM, HIDDEN), "self_attn.v_proj": (KV * DIM, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HEADS * DIM), "mlp.gate_proj": (INTER, HIDDEN), "mlp.up_proj": (INTER, HIDDEN),
    "mlp.down_proj": (HIDDEN, INTER),
}
# Bits, group (-1: whole row), symmetric.
PACKED = {
    "self_attn.q_proj": (4, 16, False), "self_attn.k_proj": (4, 16, False), "self_attn.v_proj": (4, 16, False),
    "self_attn.o_proj": (8, -1, True), "mlp.gate_proj": (3, 8, False), "mlp.up_proj": (6, 32, True), "mlp.down_proj": (5, -1, False),
}


def group_config(targets, bits, group, symmetric):
    return {"targets": targets, "weights": {
        "num_bits": bits, "type": "int", "symmetric": symmetric, "strategy": "group" if group > 0 else "channel",
        "group_size": group if group > 0 else None, "dynamic": False}}


def grid(weight, bits, group, symmetric):
    rows, columns = weight.shape
    size = group if group > 0 else columns
    blocks = weight.reshape(rows, columns // size, size)
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    if symmetric:
        scale = blocks.abs().amax(-1) / ((high - low) / 2)
        zero = torch.zeros_like(scale)
    else:
        top, bottom = blocks.amax(-1).clamp(min=0), blocks.amin(-1).clamp(max=0)
        scale = (top - bottom) / (high - low)
        zero = torch.round(low - bottom / scale).clamp(low, high)
    scale = scale.to(torch.bfloat16)
    codes = torch.round(blocks / scale.float().unsqueeze(-1) + zero.unsqueeze(-1)).clamp(low, high)
    return codes.reshape(rows, columns).to(torch.int8), scale, zero.to(torch.int8)


def dense_tensors():
    shapes = {"model.embed_tokens.weight": (VOCAB, HIDDEN), "model.norm.weight": (HIDDEN,),
             "model.layers.0.input_layernorm.weight": (HIDDEN,), "model.layers.0.post_attention_layernorm.weight": (HIDDEN,)}
    stored = {tensor: torch.randn(shape).to(torch.bfloat16) for tensor, shape in shapes.items()}
    return stored, {tensor: value.float() for tensor, value in stored.items()}


def build(folder, name, plan, packed, groups, form):
    torch.manual_seed(11)
    stored, expected = dense_tensors()
    for linear, shape in LINEARS.items():
        bits, group, symmetric = plan[linear]
        prefix = f"model.layers.0.{linear}"
        codes, scale, zero = grid(torch.randn(shape), bits, group, symmetric)
        args = QuantizationArgs(num_bits=bits, symmetric=symmetric, strategy="group" if group > 0 else "channel",
                                group_size=group if group > 0 else None)
        expected[prefix + ".weight"] = dequantize(codes, scale.float(), None if symmetric else zero, args=args, dtype=torch.float32)
        stored[prefix + ".weight_scale"] = scale
        if packed:
            stored[prefix + ".weight_packed"] = pack_to_int32(codes, bits)
            stored[prefix + ".weight_shape"] = torch.tensor(shape)
            if not symmetric:
                stored[prefix + ".weight_zero_point"] = pack_to_int32(zero, bits, packed_dim=0).contiguous()
        else:
            stored[prefix + ".weight"] = codes
            if not symmetric:
                stored[prefix + ".weight_zero_point"] = zero
    write_folder(folder, name, stored, expected, compressed(groups, form))


def compressed(groups, form):
    return {"quant_method": "compressed-tensors", "format": form, "quantization_status": "compressed", "ignore": ["lm_head"],
            "config_groups": groups}


def write_folder(folder, name, stored, expected, quantization):
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN, "intermediate_size": INTER,
        "num_hidden_layers": 1, "num_attention_heads": HEADS, "num_key_value_heads": KV, "head_dim": DIM, "vocab_size": VOCAB,
        "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_parameters": {"rope_type": "default", "rope_theta": 5000.0},
        "tie_word_embeddings": True, "hidden_act": "silu", "eos_token_id": [2, 3], "dtype": "bfloat16",
        "quantization_config": quantization,
    }
    target = pathlib.Path(folder) / name
    target.mkdir(parents=True, exist_ok=True)
    (target / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    save_file({k: v.contiguous() for k, v in stored.items()}, target / "model.safetensors", metadata={"format": "pt"})
    save_file({k: v.contiguous() for k, v in expected.items()}, f"{folder}/{name}_expected.safetensors")


def build_floats(folder, name, strategies, form, bits=8):
    """8- and 4-bit floats: packed and unpacked by the library's own compressor."""
    torch.manual_seed(13)
    stored, expected = dense_tensors()
    groups = {}
    for i, (linear, shape) in enumerate(LINEARS.items()):
        prefix = f"model.layers.0.{linear}"
        options = dict(num_bits=bits, type="float", symmetric=True, **strategies[i % len(strategies)])
        scheme = QuantizationScheme(targets=[prefix], weights=QuantizationArgs(**options))
        groups[f"group_{i}"] = {"targets": [prefix], "weights": options | {"dynamic": False}}
        weight = torch.randn(shape) * 0.1
        state = {"weight": weight}
        strategy = options["strategy"]
        if strategy == "tensor_group":
            state["weight_global_scale"] = torch.tensor([448.0 * 6.0 / weight.abs().max().item()])
            peak = weight.reshape(shape[0], -1, 16).abs().amax(-1)
            state["weight_scale"] = (peak / 6.0 * state["weight_global_scale"]).to(torch.float8_e4m3fn).float()
        elif strategy == "block":
            height, width = options["block_structure"]
            padded = torch.zeros(-(-shape[0] // height) * height, -(-shape[1] // width) * width)
            padded[:shape[0], :shape[1]] = weight
            peak = padded.reshape(padded.shape[0] // height, height, -1, width).abs().amax((1, 3))
            state["weight_scale"] = peak / 448.0
        else:
            state["weight_scale"] = weight.abs().amax(1, keepdim=True) / 448.0 if strategy == "channel" else weight.abs().max().reshape(1) / 448.0
        kind = NVFP4PackedCompressor if strategy == "tensor_group" else FloatQuantizationCompressor
        packed = kind.compress(state, scheme)
        for part, value in packed.items():
            stored[f"{prefix}.{part}"] = value
        if strategy == "tensor_group":  # The library's own dequantization rounds to bfloat16.
            codes = unpack_fp4_from_uint8(packed["weight_packed"], *shape, dtype=torch.float32).reshape(shape[0], -1, 16)
            scales = packed["weight_scale"].float() / packed["weight_global_scale"]
            expected[prefix + ".weight"] = (codes * scales.unsqueeze(-1)).reshape(shape)
        else:
            expected[prefix + ".weight"] = kind.decompress(dict(packed), scheme)["weight"].float()
    write_folder(folder, name, stored, expected, compressed(groups, form))


def build_ordered(folder, name):
    """4-bit groups in activation order: the group of every column is stored."""
    torch.manual_seed(17)
    stored, expected = dense_tensors()
    for linear, shape in LINEARS.items():
        prefix = f"model.layers.0.{linear}"
        codes, scale, zero = grid(torch.randn(shape), 4, 16, False)
        order = (torch.randperm(shape[1]) // 16).to(torch.int32)
        if linear == "mlp.down_proj":
            order = torch.full_like(order, -1)  # As the library initialises it: no order.
        groups = order.long() if order[0] >= 0 else torch.arange(shape[1]) // 16
        expected[prefix + ".weight"] = (codes.float() - zero.float()[:, groups]) * scale.float()[:, groups]
        stored[prefix + ".weight_packed"] = pack_to_int32(codes, 4)
        stored[prefix + ".weight_shape"] = torch.tensor(shape)
        stored[prefix + ".weight_scale"] = scale
        stored[prefix + ".weight_zero_point"] = pack_to_int32(zero, 4, packed_dim=0)
        stored[prefix + ".weight_g_idx"] = order
    write_folder(folder, name, stored, expected, compressed({"group_0": group_config(["Linear"], 4, 16, False)}, "pack-quantized"))


def pack_words(values, bits, places):
    """The last axis in words of 32 bits; places[k] is where value k of a word stands."""
    per = 32 // bits
    values = values.astype(np.uint32).reshape(*values.shape[:-1], -1, per)
    words = np.zeros(values.shape[:-1], np.uint32)
    for k in range(per):
        words |= values[..., k] << np.uint32(bits * places[k])
    return words.view(np.int32)


def build_transposed(folder, name, method, bits, group, version, ordered):
    rng = np.random.default_rng(19)
    torch.manual_seed(19)
    stored, expected = dense_tensors()
    places = [0, 4, 1, 5, 2, 6, 3, 7] if method == "awq" else range(32 // bits)
    for linear, (outputs, inputs) in LINEARS.items():
        prefix = f"model.layers.0.{linear}"
        size = group if group > 0 else inputs
        count = inputs // size
        codes = rng.integers(0, 1 << bits, (inputs, outputs))
        zeros = rng.integers(1, 1 << bits, (count, outputs))
        scales = (rng.random((count, outputs)) * 0.1 + 0.01).astype(np.float16)
        order = np.arange(inputs) // size
        if ordered:
            order = rng.permutation(order)
        weight = scales.astype(np.float32)[order] * (codes - zeros[order]).astype(np.float32)
        expected[prefix + ".weight"] = torch.from_numpy(weight.T.copy())
        stored_zeros = zeros - 1 if version == "gptq" else zeros
        stored[prefix + ".qzeros"] = torch.from_numpy(pack_words(stored_zeros, bits, places).copy())
        stored[prefix + ".scales"] = torch.from_numpy(scales)
        if method == "awq":
            stored[prefix + ".qweight"] = torch.from_numpy(pack_words(codes, bits, places).copy())
        else:
            stored[prefix + ".qweight"] = torch.from_numpy(pack_words(codes.T, bits, places).T.copy())
            stored[prefix + ".g_idx"] = torch.from_numpy(order.astype(np.int32))
    config = {"quant_method": method, "bits": bits, "group_size": group}
    config |= {"zero_point": True, "version": "gemm"} if method == "awq" else {"desc_act": ordered, "sym": False, "checkpoint_format": version}
    write_folder(folder, name, stored, expected, config)


def main():
    groups = {
        "group_0": group_config([r"re:.*self_attn\.[qkv]_proj$"], 4, 16, False),
        "group_1": group_config(["model.layers.0.mlp.gate_proj"], 3, 8, False),
        "group_2": group_config(["model.layers.0.mlp.up_proj"], 6, 32, True),
        "group_3": group_config([r"re:.*down_proj"], 5, -1, False),
        "group_4": group_config(["Linear"], 8, -1, True),
    }
    build(sys.argv[1], "packed", PACKED, True, groups, "pack-quantized")
    integers = {linear: (8, -1, True) for linear in LINEARS}
    integers["mlp.up_proj"] = (8, 16, False)
    build(sys.argv[1], "integers", integers, False,
          {"group_0": group_config(["Linear"], 8, -1, True)}, "int-quantized")
    build_floats(sys.argv[1], "float8", [{"strategy": "channel"}, {"strategy": "tensor"}, {"strategy": "block", "block_structure": [16, 16]}],
                 "float-quantized")
    build_floats(sys.argv[1], "float4", [{"strategy": "tensor_group", "group_size": 16}], "nvfp4-pack-quantized", 4)
    build_ordered(sys.argv[1], "ordered")
    build_transposed(sys.argv[1], "gptq4", "gptq", 4, 16, "gptq", True)
    build_transposed(sys.argv[1], "gptq8", "gptq", 8, -1, "gptq_v2", False)
    build_transposed(sys.argv[1], "gptq2", "gptq", 2, 16, "gptq", False)
    build_transposed(sys.argv[1], "awq", "awq", 4, 16, "gemm", False)


main()
