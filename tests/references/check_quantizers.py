# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares GPTQ, SmoothQuant and AWQ with straightforward implementations of our own in numpy, on a real model's activations.

Usage: check_quantizers.py PROGRAM TEXT CHECKPOINT [ADAPTER...]      (needs numpy and safetensors; some GB of memory and minutes)

PROGRAM is tests/core/quantize/dump_calibration. For every linear of the first blocks the relative error of its output on the same inputs,
||(W - Q) X|| / ||W X||, is computed in float64 from our codes and from the reference's; ours may be larger by 2% of it at most. The
program's own figure must be that of its codes within 0.1%.
"""
import subprocess
import sys
import tempfile

import numpy as np
from make_gptq import grid
from safetensors.numpy import load_file

GROUPS = {"query_key_value": ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"], "output": ["self_attn.o_proj"],
          "gate_up": ["mlp.gate_proj", "mlp.up_proj"], "down": ["mlp.down_proj"]}
HEADS, KV_HEADS, THETA = 9, 3, 100000.0  # SmolLM2-135M.
BLOCKS = 2


def grids(weights, bits, width, symmetric):
    """Scales and zero points of whole groups, `[rows, groups, 1]`."""
    grouped = weights.reshape(len(weights), -1, width)
    low, high = np.minimum(grouped.min(-1), 0), np.maximum(grouped.max(-1), 0)
    cells = [grid(a, b, bits, symmetric) for a, b in zip(low.flatten(), high.flatten())]
    return tuple(np.array([cell[k] for cell in cells]).reshape(*low.shape, 1) for k in (0, 1))


def rounded(weights, scale, zero, bits):
    codes = np.rint(np.clip(weights / scale + zero, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
    return (codes - zero) * scale


def to_nearest(weights, bits, group, symmetric):
    width = weights.shape[1] if group < 0 else group
    scale, zero = grids(weights, bits, width, symmetric)
    return rounded(weights.reshape(len(weights), -1, width), scale, zero, bits).reshape(weights.shape)


def gptq(weights, inputs, bits, group, symmetric):
    """Static groups, columns by falling energy, no blocks."""
    columns = weights.shape[1]
    width = columns if group < 0 else group
    hessian = inputs.T @ inputs / len(inputs)
    order = np.argsort(-hessian.diagonal(), kind="stable")
    hessian[np.diag_indices(columns)] += np.where(hessian.diagonal() == 0, 1.0, 0.0) + 0.01 * hessian.diagonal().mean()
    factor = np.linalg.cholesky(np.linalg.inv(hessian[np.ix_(order, order)])).T
    scale, zero = (np.repeat(part[..., 0], width, axis=1) for part in grids(weights, bits, width, symmetric))
    left, result = weights[:, order].copy(), np.zeros_like(weights)
    for i, column in enumerate(order):
        result[:, column] = rounded(left[:, i], scale[:, column], zero[:, column], bits)
        error = (left[:, i] - result[:, column]) / factor[i, i]
        left[:, i + 1:] -= np.outer(error, factor[i, i + 1:])
    return result


def smoothing(names, data, inputs):
    weights = np.max([np.abs(data[name + ".weight"]).max(0) for name in names], axis=0)
    return np.sqrt(np.maximum(np.abs(inputs).max(0), 1e-5) / np.maximum(weights, 1e-5)).clip(1e-5)


def attention(query, key, value, output, inputs, length):
    """Output of self attention over passages of equal length."""
    samples = len(inputs) // length
    dim = len(query) // HEADS
    angles = np.outer(np.arange(length), THETA ** (-np.arange(0, dim, 2) / dim))
    cosines, sines = np.cos(angles), np.sin(angles)

    def heads(weight, count, rotate):
        x = (inputs @ weight.T).reshape(samples, length, count, dim).transpose(0, 2, 1, 3)
        if not rotate:
            return x
        a, b = x[..., : dim // 2], x[..., dim // 2:]
        return np.concatenate([a * cosines - b * sines, b * cosines + a * sines], -1)

    q, k, v = heads(query, HEADS, True), heads(key, KV_HEADS, True), heads(value, KV_HEADS, False)
    mask = np.triu(np.full((length, length), -np.inf), 1)
    result = np.empty_like(q)
    for head in range(HEADS):
        shared = head // (HEADS // KV_HEADS)
        scores = q[:, head] @ k[:, shared].transpose(0, 2, 1) / np.sqrt(dim) + mask
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        result[:, head] = scores / scores.sum(-1, keepdims=True) @ v[:, shared]
    return result.transpose(0, 2, 1, 3).reshape(len(inputs), -1) @ output.T


def feed_forward(gate, up, down, inputs):
    x = inputs @ gate.T
    return (x / (1 + np.exp(-x)) * (inputs @ up.T)) @ down.T


def awq_scales(kind, names, data, inputs, length, bits, group, symmetric):
    weights = {name: data[name + ".weight"] for name in names}
    width = next(iter(weights.values())).shape[1] if group < 0 else group
    stacked = np.concatenate(list(weights.values()))
    grouped = np.abs(stacked).reshape(len(stacked), -1, width)
    share = (grouped / (grouped.max(-1, keepdims=True) + 1e-6)).reshape(stacked.shape).mean(0)
    magnitude = np.abs(inputs).mean(0)

    def output(of):
        if kind == "query_key_value":
            return attention(*(of[name] for name in names), data["self_attn.o_proj.weight"], inputs, length)
        if kind == "gate_up":
            return feed_forward(*(of[name] for name in names), data["mlp.down_proj.weight"], inputs)
        return inputs @ of[names[0]].T

    target, best = output(weights), None
    for step in range(20):
        ratio = step / 20
        scales = np.maximum(magnitude ** ratio / (share ** (1 - ratio) + 1e-4), 1e-4)
        scales /= np.sqrt(scales.max() * scales.min())
        loss = np.square(output({name: to_nearest(weight * scales, bits, group, symmetric) / scales for name, weight in weights.items()}) - target).mean()
        if best is None or loss < best[0]:
            best = (loss, scales)
    return best[1]


def awq_clipped(weights, inputs, bits, group, symmetric):
    width = weights.shape[1] if group < 0 else group
    result = weights.copy()
    for first in range(0, weights.shape[1], width):
        part, x = weights[:, first:first + width], inputs[:, first:first + width]
        gram = x.T @ x
        largest, best, least = np.abs(part).max(1, keepdims=True), part.copy(), np.full(len(part), np.inf)
        for i in range(10):
            limited = np.clip(part, -largest * (1 - i / 20), largest * (1 - i / 20))
            difference = to_nearest(limited, bits, -1, symmetric) - part
            energy = np.einsum("ri,ij,rj->r", difference, gram, difference, optimize=True)
            better = energy < least
            best[better], least[better] = limited[better], energy[better]
        result[:, first:first + width] = best
    return result


def reference(method, kind, names, data, inputs, length, bits, group, symmetric):
    """Quantized weights of a group of linears, as the inputs before any scales see them."""
    scales = np.ones(inputs.shape[1])
    if method == "smoothquant" and kind in ("query_key_value", "gate_up"):
        scales = smoothing(names, data, inputs)
    if method == "awq" and kind != "output":
        scales = awq_scales(kind, names, data, inputs, length, bits, group, symmetric)
    result = {}
    for name in names:
        weights = data[name + ".weight"] * scales
        if method == "gptq":
            quantized = gptq(weights, inputs, bits, group, symmetric)
        elif method == "awq" and name not in ("self_attn.q_proj", "self_attn.k_proj"):
            quantized = to_nearest(awq_clipped(weights, inputs / scales, bits, group, symmetric), bits, group, symmetric)
        else:
            quantized = to_nearest(weights, bits, group, symmetric)
        result[name] = quantized / scales
    return result


def ours(name, data, moved):
    scales = data[name + ".scales"]
    width = data[name + ".codes"].shape[1] // scales.shape[1]
    zeros = data.get(name + ".zeros", np.zeros_like(scales))
    return (data[name + ".codes"] - np.repeat(zeros, width, 1)) * np.repeat(scales, width, 1) / moved


def check(program, method, bits, group, symmetric, samples, length, text, model):
    worst = -1.0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, folder, method, "{}", str(bits), str(group), str(symmetric).lower(), str(BLOCKS), str(samples), str(length), text, *model],
                       check=True, stdout=subprocess.DEVNULL)
        for block in range(BLOCKS):
            data = {name: value.astype(np.float64) for name, value in load_file(f"{folder}/block-{block:03d}.safetensors").items()}
            for kind, names in GROUPS.items():
                inputs, moved = data[kind + ".input"], data[kind + ".moved"]
                quantized = reference(method, kind, names, data, inputs, length, bits, group, symmetric)
                for name in names:
                    # Scales that moved out of the rows of a linear (up, before down) are in its codes, and no part of its error.
                    weights = data[name + ".weight"]
                    rows = data["down.moved"][:, None] if name == "mlp.up_proj" else 1.0

                    def error(q):
                        return np.linalg.norm(inputs @ (q - weights).T) / np.linalg.norm(inputs @ weights.T)

                    mine, other, told = error(ours(name, data, moved) * rows), error(quantized[name]), data[name + ".errors"][1]
                    worst = max(worst, mine / other - 1)
                    line = f"{method} W{bits} g{group} block {block} {name}: ours {mine:.5f}, reference {other:.5f} ({100 * (mine / other - 1):+.2f}%)"
                    print(line, flush=True)
                    # Moving scales out of coded rows rounds the grid again: the figure told is from before.
                    assert abs(told / mine - 1) < (1e-3 if np.all(rows == 1.0) else 0.02), (line, told)
                    assert mine < 1.02 * other, line
    return worst


def main():
    program, text, *model = sys.argv[1:]
    cases = [("gptq", 4, 64, False, 128), ("gptq", 3, -1, True, 128), ("smoothquant", 8, -1, True, 128), ("smoothquant", 4, 64, False, 128),
             ("awq", 4, 64, False, 128), ("awq", 3, 64, True, 128)]
    for method, bits, group, symmetric, samples in cases:
        worst = check(program, method, bits, group, symmetric, samples, 256, text, model)
        print(f"{method} W{bits} g{group}: largest excess {100 * worst:+.2f}%", flush=True)


if __name__ == "__main__":
    main()
