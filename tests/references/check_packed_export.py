# SPDX-License-Identifier: GPL-3.0-or-later
"""Dequantizes an export in GPTQ or AWQ format with numpy alone and compares it with a compressed-tensors export of the same grid.

Usage: check_packed_export.py FOLDER COMPRESSED_TENSORS_FOLDER

Both folders are exports of one plan (weights alone). The second is unpacked by the rules that check_export.py holds against the
compressed-tensors library, so equal weights here are the weights that library computes. Neither format has a client that runs
without a graphics card. Run it with a Python that has numpy and safetensors. Prints one JSON line; exit status 1 when a weight
differs in any bit or a file lacks what loaders ask for.
"""
import json
import pathlib
import sys

import numpy as np
from safetensors import safe_open

AWQ_NIBBLES = [0, 4, 1, 5, 2, 6, 3, 7]  # Place in its word of each of eight consecutive outputs (AutoAWQ, gemm.py).


def read_tensors(folder):
    tensors = {}
    for file in sorted(pathlib.Path(folder).glob("*.safetensors")):
        with safe_open(file, framework="np") as handle:
            for name in handle.keys():
                if handle.get_slice(name).get_dtype() != "BF16":
                    tensors[name] = handle.get_tensor(name)
    return tensors


def spread(words, bits, order):
    """Numbers of `bits` bits, along the last axis: number k of a word is at place order[k]."""
    shifts = np.array(order, np.uint32) * bits
    numbers = (words.view(np.uint32)[..., None] >> shifts) & ((1 << bits) - 1)
    return numbers.reshape(*words.shape[:-1], -1).astype(np.int64)


def gptq(config, tensors, name):
    bits = config["bits"]
    order = range(32 // bits)
    codes = spread(np.ascontiguousarray(tensors[name + ".qweight"].T), bits, order)  # [out, in]
    zeros = spread(tensors[name + ".qzeros"], bits, order).T  # [out, groups]
    if config.get("checkpoint_format", "gptq") == "gptq":
        zeros = (zeros + 1) & ((1 << bits) - 1)
    group = tensors[name + ".g_idx"]
    size = codes.shape[1] if config["group_size"] < 0 else config["group_size"]
    assert (group == np.arange(codes.shape[1]) // size).all(), name + ".g_idx"
    scales = tensors[name + ".scales"].T.astype(np.float32)
    return (codes - zeros[:, group]).astype(np.float32) * scales[:, group]


def awq(config, tensors, name):
    codes = spread(tensors[name + ".qweight"], 4, AWQ_NIBBLES)  # [in, out]
    zeros = spread(tensors[name + ".qzeros"], 4, AWQ_NIBBLES)
    size = codes.shape[0] // zeros.shape[0]
    assert config["version"].lower() == "gemm" and size == (config["group_size"] if config["group_size"] > 0 else codes.shape[0])
    scales = tensors[name + ".scales"].astype(np.float32)
    return ((codes - np.repeat(zeros, size, axis=0)).astype(np.float32) * np.repeat(scales, size, axis=0)).T


def compressed(tensors, name, bits):
    def unpack(words, count):
        return spread(words, bits, range(32 // bits))[:, :count] - (1 << (bits - 1))

    rows, cols = tensors[name + ".weight_shape"].tolist()
    scale = tensors[name + ".weight_scale"]
    codes = unpack(tensors[name + ".weight_packed"], cols)
    size = cols // scale.shape[1]
    zeros = 0
    if name + ".weight_zero_point" in tensors:
        zeros = np.repeat(unpack(np.ascontiguousarray(tensors[name + ".weight_zero_point"].T), rows).T, size, axis=1)
    return (codes - zeros).astype(np.float32) * np.repeat(scale, size, axis=1)


def main():
    folder, other = map(pathlib.Path, sys.argv[1:3])
    config = json.loads((folder / "config.json").read_text())["quantization_config"]
    method = config["quant_method"]
    problems = []
    if method == "gptq" and json.loads((folder / "quantize_config.json").read_text())["bits"] != config["bits"]:
        problems.append("quantize_config.json says otherwise than config.json")
    tensors, reference = read_tensors(folder), read_tensors(other)
    names = sorted(name.removesuffix(".qweight") for name in tensors if name.endswith(".qweight"))
    if names != sorted(name.removesuffix(".weight_packed") for name in reference if name.endswith(".weight_packed")):
        problems.append("the two folders quantize other linears")
    weights = 0
    for name in names:
        ours = (gptq if method == "gptq" else awq)(config, tensors, name)
        theirs = compressed(reference, name, config["bits"])
        weights += ours.size
        if ours.shape != theirs.shape or not (ours == theirs).all():
            problems.append(name + " differs")
    print(json.dumps({"folder": folder.name, "method": method, "bits": config["bits"], "group_size": config["group_size"],
                      "checkpoint_format": config.get("checkpoint_format"), "linears": len(names), "weights": weights,
                      "problems": problems}))
    return 1 if problems or not names else 0


if __name__ == "__main__":
    sys.exit(main())
