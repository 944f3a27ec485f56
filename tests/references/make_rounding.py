# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes tests/data/quantize/rounding.json: grids, codes and errors of small weights as compressed-tensors computes them.

Usage: make_rounding.py OUTPUT.json      (needs torch and compressed-tensors)

Scales come from the library, are rounded to bfloat16, and zero points and codes follow from the rounded scales.
"""
import json
import sys

import torch
from compressed_tensors.quantization import QuantizationArgs
from compressed_tensors.quantization.lifecycle.forward import dequantize, fake_quantize, quantize
from compressed_tensors.quantization.utils import calculate_qparams


def weights():
    generator = torch.Generator().manual_seed(7)
    rows = torch.randn(8, 48, generator=generator) * 0.05
    rows[1] = 0.0
    rows[2] = rows[2].abs()
    rows[3] = -rows[3].abs() - 0.01
    rows[4] *= 1e-30
    rows[5, :16] = 0.0
    rows[6] = torch.arange(48) / 16.0 - 1.5  # Ties on coarse grids.
    rows[7, 5] = 40.0
    return rows


def grid(rows, bits, group, symmetric):
    strategy = "channel" if group < 0 else "group"
    args = QuantizationArgs(num_bits=bits, type="int", symmetric=symmetric, strategy=strategy,
                            group_size=None if group < 0 else group)
    width = rows.shape[1] if group < 0 else group
    blocks = rows.unflatten(1, (-1, width))
    low, high = blocks.amin(-1), blocks.amax(-1)
    scale, _ = calculate_qparams(low, high, args)
    scale = scale.to(torch.bfloat16).to(torch.float32)
    scale = torch.where(scale == 0, torch.tensor(torch.finfo(torch.float32).eps), scale)
    lowest, highest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    zero = None
    if not symmetric:
        low = torch.minimum(low, torch.zeros_like(low))
        zero = torch.round(torch.clamp(lowest - low / scale, lowest, highest)).to(torch.int8)
    codes = quantize(rows, scale, zero, args, dtype=torch.int8)
    back = dequantize(codes, scale, zero, args)
    difference = rows.double() - back.double()
    return {
        "bits": bits, "group": group, "symmetric": symmetric,
        "scales": scale.flatten().tolist(), "zeros": [] if zero is None else zero.flatten().tolist(),
        "codes": codes.flatten().tolist(),
        "mean_squared": difference.square().mean().item(),
        "relative": (difference.norm() / rows.double().norm()).item(),
        "max_absolute": difference.abs().max().item(),
    }


def activations(rows, bits):
    args = QuantizationArgs(num_bits=bits, type="int", symmetric=True, strategy="token", dynamic=True)
    scale, zero = calculate_qparams(rows.amin(-1, keepdim=True), rows.amax(-1, keepdim=True), args)
    return {"bits": bits, "rows": fake_quantize(rows, scale, zero, args).flatten().tolist()}


def main():
    rows = weights()
    result = {
        "rows": rows.shape[0], "cols": rows.shape[1], "weights": rows.flatten().tolist(),
        "grids": [grid(rows, bits, group, symmetric)
                  for bits in range(2, 9) for group in (-1, 16, 12) for symmetric in (True, False)],
        "activations": [activations(rows, bits) for bits in (4, 6, 8)],
    }
    with open(sys.argv[1], "w") as file:
        json.dump(result, file, separators=(",", ":"))
        file.write("\n")


main()
