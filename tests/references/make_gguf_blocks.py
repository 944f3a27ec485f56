#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random blocks of every readable GGUF type and what the PyPI package `gguf` dequantizes them to.

usage: make_gguf_blocks.py OUTPUT.json     (gguf, numpy)
"""
import json
import sys

import gguf
import numpy as np

TYPES = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K", "F64", "Q2_K", "Q3_K", "IQ4_NL",
         "IQ4_XS", "TQ1_0", "TQ2_0", "MXFP4"]
# Byte offsets of the half-precision scales of a block, which must be finite.
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
          "Q2_K": [80, 82], "Q3_K": [108], "IQ4_NL": [0], "IQ4_XS": [0], "TQ1_0": [52], "TQ2_0": [64], "MXFP4": []}
VALUES = 768


def main():
    rng = np.random.default_rng(20240607)
    out = {}
    for name in TYPES:
        kind = gguf.GGMLQuantizationType[name]
        per_block, size = gguf.GGML_QUANT_SIZES[kind]
        count = VALUES // per_block
        if name == "F32":
            raw = rng.standard_normal(count, dtype=np.float32).view(np.uint8).reshape(count, size)
        elif name == "F16":
            # Every kind of number: zeros, subnormals, normals, infinities.
            bits = rng.integers(0, 1 << 16, count, dtype=np.uint16)
            bits[:8] = [0, 0x8000, 1, 0x8001, 0x03FF, 0x0400, 0x7C00, 0xFC00]
            bits[np.isnan(bits.view(np.float16))] = 0x3C00
            raw = bits.view(np.uint8).reshape(count, size)
        elif name == "F64":
            numbers = rng.standard_normal(count) * 10.0 ** rng.integers(-30, 30, count)
            raw = numbers.view(np.uint8).reshape(count, size)
            values = numbers.astype(np.float32)
        elif name == "BF16":
            bits = rng.integers(0, 0x7F80, count, dtype=np.uint16) | (rng.integers(0, 2, count, dtype=np.uint16) << 15)
            raw = bits.view(np.uint8).reshape(count, size)
        else:
            raw = rng.integers(0, 256, (count, size), dtype=np.uint8)
            for at in HALVES[name]:
                scales = (rng.standard_normal(count) * 0.05).astype(np.float16)
                scales[0] = np.float16(3e-6)
                raw[:, at:at + 2] = scales.view(np.uint8).reshape(count, 2)
        if name != "F64":  # The package has no conversion for it: numpy's.
            values = gguf.dequantize(raw.reshape(1, -1), kind).astype(np.float32).reshape(-1)
        assert values.size == VALUES and not np.isnan(values).any()
        out[name] = {"blocks": raw.tobytes().hex(), "values": values.tobytes().hex()}
    with open(sys.argv[1], "w") as file:
        json.dump(out, file, indent=0)
        file.write("\n")


main()
