# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes tests/data/quantize/awq.json: AWQ's scales, clipping and codes of the layer in gptq.json, in float64 from the inputs themselves.

Usage: make_awq.py GPTQ.json OUTPUT.json      (needs numpy; run after make_gptq.py)

Scale and clip search are those of AutoAWQ's quantizer with the layer's own output as loss; grids are those of make_gptq.py.
"""
import json
import sys

import numpy as np

from make_gptq import code, group_grid, rounded


def quantized(weights, bits, width, symmetric, of=rounded):
    result = np.zeros_like(weights)
    for r in range(weights.shape[0]):
        for first in range(0, weights.shape[1], width):
            group = weights[r, first:first + width]
            result[r, first:first + width] = of(group, group_grid(group, bits, symmetric, False))
    return result


def best_scales(weights, inputs, bits, width, symmetric, weight_scales, steps=20):
    grouped = np.abs(weights).reshape(len(weights), -1, width)
    share = (grouped / (grouped.max(-1, keepdims=True) + 1e-6)).reshape(weights.shape).mean(0)
    magnitude = np.abs(inputs).mean(0)
    target = inputs @ weights.T
    best = None
    for step in range(steps):
        ratio = step / steps
        scales = magnitude ** ratio / ((share ** (1 - ratio) + 1e-4) if weight_scales else 1.0)
        scales = np.maximum(scales, 1e-4)
        scales = (scales / np.sqrt(scales.max() * scales.min())).astype(np.float32).astype(np.float64)
        candidate = quantized(weights * scales, bits, width, symmetric) / scales
        loss = np.square(inputs @ candidate.T - target).mean()
        if best is None or loss < best[0]:
            best = (loss, step, scales)
    return best


def clipped(weights, inputs, bits, width, symmetric):
    result = weights.copy()
    for r in range(weights.shape[0]):
        for first in range(0, weights.shape[1], width):
            group, x = weights[r, first:first + width], inputs[:, first:first + width]
            largest, best = np.abs(group).max(), None
            for i in range(10):
                limit = largest * (1 - i / 20)
                limited = np.clip(group, -limit, limit)
                error = np.square(x @ (rounded(limited, group_grid(limited, bits, symmetric, False)) - group)).sum()
                if best is None or error < best[0]:
                    best = (error, limited)
            result[r, first:first + width] = best[1]
    return result


def main():
    with open(sys.argv[1]) as file:
        layer = json.load(file)
    weights = np.array(layer["weights"], np.float32).astype(np.float64).reshape(layer["rows"], layer["columns"])
    inputs = np.array(layer["inputs"], np.float32).astype(np.float64).reshape(layer["samples"], layer["columns"])
    cases = []
    for bits, group, symmetric, weight_scales, clipping in [(4, 16, False, True, True), (3, 12, True, True, True), (3, -1, False, False, True),
                                                            (4, 24, True, True, False), (2, 16, False, False, False)]:
        width = layer["columns"] if group < 0 else group
        _, step, scales = best_scales(weights, inputs, bits, width, symmetric, weight_scales)
        final = (weights * scales).astype(np.float32).astype(np.float64)
        if clipping:
            final = clipped(final, inputs / scales, bits, width, symmetric)
        energy = np.square(inputs @ weights.T).sum()
        error = np.square((inputs / scales) @ (quantized(final, bits, width, symmetric) - weights * scales).T).sum()
        cases.append({"bits": bits, "group": group, "symmetric": symmetric, "weight_scales": weight_scales, "clipping": clipping, "step": step,
                      "scales": scales.tolist(), "codes": quantized(final, bits, width, symmetric, code).astype(int).flatten().tolist(),
                      "output_error": float(np.sqrt(error / energy))})
    with open(sys.argv[2], "w") as file:
        json.dump({"cases": cases}, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
