# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes tests/data/quantize/data_types.json: what bitsandbytes makes of small weights and activations in NF4, FP4 and LLM.int8().

Usage: make_data_types.py OUTPUT.json      (needs bitsandbytes, torch and numpy; the processor is enough)

Weights come from a generator that the test has, too. Of double quantization the scales are written, as largest magnitudes of blocks: the mean
that it takes off is a float32 sum whose order is torch's. Activations are one token each: bitsandbytes keeps columns of all tokens of a batch
together.
"""
import json
import sys

import bitsandbytes.functional as F
import numpy as np
import torch


def weight(rows, cols, seed):
    """Cubes of uniform numbers, all in float32: some are large."""
    state, values = seed, []
    for _ in range(rows * cols):
        state = (state * 1664525 + 1013904223) % 2**32
        value = np.float32(state >> 8) / np.float32(16777216) - np.float32(0.5)
        values.append(value * value * value)
    return torch.from_numpy(np.array(values, np.float32).reshape(rows, cols))


def numbers(tensor):
    return [float(value) for value in tensor.float().reshape(-1)]


def blocks(rows, cols, seed, zeros=False):
    values = torch.zeros(rows, cols) if zeros else weight(rows, cols, seed)
    result = {"rows": rows, "cols": cols, "seed": seed, "zeros": zeros}
    for kind in ("nf4", "fp4"):
        packed, state = F.quantize_4bit(values, blocksize=64, quant_type=kind)
        result[kind] = numbers(F.dequantize_4bit(packed, state))
    codes, absmax, _ = F.int8_vectorwise_quant(values.half())
    result["half"], result["int8"] = numbers(values.half()), numbers(F.int8_vectorwise_dequant(codes, absmax))
    return result


def doubled(rows, cols, seed):
    _, state = F.quantize_4bit(weight(rows, cols, seed), blocksize=64, quant_type="nf4", compress_statistics=True)
    _, plain = F.quantize_4bit(weight(rows, cols, seed), blocksize=64, quant_type="nf4")
    # Its fast kernel for float32 on the processor misses the nearest code of a few values near midpoints, which the one for other types finds.
    codes, absmax = torch.ops.bitsandbytes.quantize_blockwise((plain.absmax - state.offset).double(), state.state2.code, 256)
    scales = F.dequantize_blockwise(codes, absmax=absmax, code=state.state2.code, blocksize=256) + state.offset
    return {"rows": rows, "cols": cols, "seed": seed, "scales": numbers(scales)}


def token(values):
    """One token as the products see it: int8 codes times their scale, outliers in full precision."""
    half = torch.tensor(values).half().reshape(1, -1)
    codes, absmax, _ = F.int8_vectorwise_quant(half.clone(), threshold=6.0)
    rounded = F.int8_vectorwise_dequant(codes, absmax)
    return {"input": numbers(half), "output": numbers(torch.where(half.abs() >= 6.0, half.float(), rounded))}


def main():
    plain = [20.0 * value for value in numbers(weight(1, 96, 8))]
    wild = list(plain)
    wild[7], wild[40], wild[41] = 9.5, -6.0, 5.9961
    data = {"dynamic": numbers(F.create_dynamic_map()),
            "levels": {kind: numbers(F.get_4bit_type(kind, device="cpu")) for kind in ("nf4", "fp4")},
            "weights": [blocks(4, 128, 1), blocks(5, 72, 2), blocks(3, 50, 3), blocks(2, 64, 4, True)],
            "doubled": [doubled(6, 128, 5), doubled(280, 64, 6), doubled(7, 50, 7)],
            "tokens": [token(plain), token(wild), token([0.0] * 16), token([8.0] * 16)]}
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(data, file)
        file.write("\n")


if __name__ == "__main__":
    main()
