# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes tests/data/quantize/gptq.json: codes of GPTQ on small layers, computed in float64 one column at a time.

Usage: make_gptq.py OUTPUT.json      (needs numpy)

The algorithm is that of arXiv 2210.17323 without its blocks; grids are those of compressed-tensors with scales rounded to bfloat16, and
range search and column order are those of the reference implementation (percdamp, mse, act-order with static groups or, "group", without).
"""
import json
import sys

import numpy as np

EPSILON = float(np.finfo(np.float32).eps)


def bfloat16(value):
    bits = np.asarray(value, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def grid(low, high, bits, symmetric):
    lowest, highest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    width = max(-low, high) * 2 if symmetric else high - low
    scale = float(bfloat16(np.float32(width / (highest - lowest)))) or EPSILON
    zero = 0.0 if symmetric else float(np.rint(np.clip(lowest - low / scale, lowest, highest)))
    return scale, zero, lowest, highest


def code(weight, grid):
    scale, zero, lowest, highest = grid
    return np.rint(np.clip(weight / scale + zero, lowest, highest))


def rounded(weight, grid):
    return (code(weight, grid) - grid[1]) * grid[0]


def group_grid(weights, bits, symmetric, search):
    low, high = min(weights.min(), 0.0), max(weights.max(), 0.0)
    if not search:
        return grid(low, high, bits, symmetric)
    best = None
    for i in range(80):
        candidate = grid((1 - i / 100) * low, (1 - i / 100) * high, bits, symmetric)
        error = (np.abs(rounded(weights, candidate) - weights) ** 2.4).sum()
        if best is None or error < best[0]:
            best = (error, candidate)
    return best[1]


def gptq(weights, inputs, bits, group, symmetric, order_name, search, damping=0.01):
    rows, columns = weights.shape
    width = columns if group < 0 else group
    hessian = inputs.T @ inputs / len(inputs)
    damp = damping * hessian.diagonal().mean()
    hessian[np.diag_indices(columns)] += np.where(hessian.diagonal() == 0, 1.0, 0.0) + damp
    static = order_name == "static"
    order = np.arange(columns)
    if order_name != "none":
        order = np.argsort(-(inputs ** 2).sum(0), kind="stable")
    hessian = hessian[np.ix_(order, order)]
    factor = np.linalg.cholesky(np.linalg.inv(hessian)).T
    left = weights.copy()
    group_of = np.arange(columns) // width
    if order_name == "group":
        group_of[order] = np.arange(columns) // width
    grids = {}
    if static:
        for r in range(rows):
            for g in range(columns // width):
                grids[r, g] = group_grid(weights[r, g * width:(g + 1) * width], bits, symmetric, search)
    codes = np.zeros_like(weights)
    result = np.zeros_like(weights)
    for i, column in enumerate(order):
        for r in range(rows):
            if not static and i % width == 0:
                grids[r, group_of[column]] = group_grid(left[r, order[i:i + width]], bits, symmetric, search)
            codes[r, column] = code(left[r, column], grids[r, group_of[column]])
            result[r, column] = rounded(left[r, column], grids[r, group_of[column]])
        error = (left[:, column] - result[:, column]) / factor[i, i]
        left[:, order[i + 1:]] -= error[:, None] * factor[i, i + 1:]
    return codes, result, grids, group_of


def main():
    random = np.random.default_rng(11)
    rows, columns, samples = 6, 48, 96
    def short(values):  # What a reader of the file's decimals has in float32.
        return np.round(values, 3).astype(np.float32).astype(np.float64)

    weights = short(random.standard_normal((rows, columns)) * 0.1)
    mixing = random.standard_normal((columns, columns)) * 0.4 + np.eye(columns)
    inputs = short(random.standard_normal((samples, columns)) @ mixing * random.uniform(0.2, 3.0, columns))
    inputs[:, 5] = 0.0  # Never used.
    cases = []
    for bits, group, symmetric, order, search in [(4, 16, False, "static", False), (4, 16, False, "none", False), (3, 12, True, "static", False),
                                                  (3, 12, True, "none", True), (2, -1, False, "static", True), (8, -1, True, "none", False),
                                                  (4, 24, False, "none", True), (2, 16, False, "static", False), (4, 16, False, "group", False),
                                                  (3, 12, True, "group", True)]:
        codes, result, grids, groups = gptq(weights, inputs, bits, group, symmetric, order, search)
        energy = np.square(inputs @ weights.T).sum()
        cases.append({"bits": bits, "group": group, "symmetric": symmetric, "order": order, "search": search,
                      "groups": groups.tolist(), "codes": codes.astype(int).flatten().tolist(),
                      "scales": [grids[r, g][0] for r in range(rows) for g in range(columns // (columns if group < 0 else group))],
                      "output_error": float(np.sqrt(np.square(inputs @ (weights - result).T).sum() / energy))})
    data = {"rows": rows, "columns": columns, "samples": samples,
            "weights": np.round(weights, 3).flatten().tolist(),
            "inputs": np.round(inputs, 3).flatten().tolist(),
            "cases": cases}
    with open(sys.argv[1], "w") as file:
        json.dump(data, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
