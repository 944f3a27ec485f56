#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes tests/data/patch/patch.json: scores of critical weights and AAQ's loss by torch's autograd, from the formulas.

usage: make_patch.py     (torch alone; values made with 1.13, in double precision)

The model is tests/data/model/families/llama.json; the pretrained one of AAQ is the same with another epsilon of its norms, the quantized one is
rounded to 4 bits with a scale and a zero point a row.
"""
import json
import math
import pathlib
import struct

import torch

DATA = pathlib.Path(__file__).parent.parent / "data"
ROLES = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]
SCORED = ["model.layers.0.self_attn.v_proj", "model.layers.2.self_attn.q_proj", "model.layers.3.mlp.down_proj"]
GRADIENTS = ["model.layers.1.mlp.down_proj", "model.layers.3.self_attn.k_proj"]
# Ids and where the answer begins.
REFUSALS = [([1, 5, 17, 3, 31, 9, 27, 30, 2], 5), ([1, 12, 20, 8, 21, 33, 4, 2], 4), ([1, 7, 28, 24, 21, 27, 25, 6, 13, 2], 6)]
GENERAL = [([1, 39, 25, 16, 7, 28, 2], 3), ([11, 14, 18, 22, 26, 35, 36, 38], 1)]
ALIGNED = [([1, 5, 17, 3, 31, 9, 27, 30], 1), ([1, 12, 20, 8, 21, 33, 4], 2), ([1, 39, 25, 16, 7, 28], 1)]


def tensors(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    read = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        values = torch.frombuffer(bytearray(data[8 + size + begin:8 + size + end]), dtype=torch.float16)
        read[name] = values.reshape(entry["shape"]).double()
    return read


def norm(x, gain, epsilon):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + epsilon) * gain


def logits(weights, config, tokens, epsilon):
    heads, kv, dim = config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]
    length = len(tokens)
    angles = torch.arange(length).double()[:, None] / config["rope_parameters"]["rope_theta"] ** (torch.arange(0, dim, 2).double() / dim)
    cosine, sine = torch.cos(angles), torch.sin(angles)

    def rotate(x):
        a, b = x[..., :dim // 2], x[..., dim // 2:]
        return torch.cat([a * cosine - b * sine, b * cosine + a * sine], -1)

    def linear(x, name):
        return x @ weights[name + ".weight"].T + weights[name + ".bias"]

    hidden = weights["model.embed_tokens.weight"][tokens]
    for block in range(config["num_hidden_layers"]):
        at = f"model.layers.{block}."
        x = norm(hidden, weights[at + "input_layernorm.weight"], epsilon)
        q, k, v = (linear(x, at + f"self_attn.{name}_proj").reshape(length, -1, dim).transpose(0, 1) for name in "qkv")
        q, k = rotate(q), rotate(k)
        k, v = (t.repeat_interleave(heads // kv, 0) for t in (k, v))
        scores = q @ k.transpose(1, 2) / math.sqrt(dim)
        scores = scores.masked_fill(torch.triu(torch.ones(length, length), 1).bool(), -math.inf)
        attended = (torch.softmax(scores, -1) @ v).transpose(0, 1).reshape(length, -1)
        hidden = hidden + linear(attended, at + "self_attn.o_proj")
        x = norm(hidden, weights[at + "post_attention_layernorm.weight"], epsilon)
        gate = linear(x, at + "mlp.gate_proj")
        hidden = hidden + linear(gate * torch.sigmoid(gate) * linear(x, at + "mlp.up_proj"), at + "mlp.down_proj")
    return norm(hidden, weights["model.norm.weight"], epsilon) @ weights["lm_head.weight"].T


def names(config):
    return [f"model.layers.{block}.{role}" for block in range(config["num_hidden_layers"]) for role in ROLES]


def learning(weights, config):
    """A copy whose linears want a gradient."""
    return {name: (value.clone().requires_grad_() if name.removesuffix(".weight") in names(config) else value) for name, value in weights.items()}


def answer_loss(weights, config, sample):
    """-log p of an answer, and its tokens."""
    tokens, begin = sample
    likelihood = torch.log_softmax(logits(weights, config, tokens[:-1], config["rms_norm_eps"]), -1)
    places = range(begin - 1, len(tokens) - 1)
    return -sum(likelihood[i, tokens[i + 1]] for i in places), len(places)


def scores(weights, config, beta):
    safe = {name: 0.0 for name in SCORED}
    protection = {name: 0.0 for name in SCORED}
    for samples, factor, refusal in ((REFUSALS, 1.0 / len(REFUSALS), True), (GENERAL, -beta / len(GENERAL), False)):
        for sample in samples:
            learned = learning(weights, config)
            loss, count = answer_loss(learned, config, sample)
            loss.backward()
            for name in SCORED:
                weight = learned[name + ".weight"]
                if refusal:
                    safe[name] = safe[name] + factor * (weight * weight.grad).abs().detach()
                protection[name] = protection[name] + factor * (weight.grad / count) ** 2
    return safe, protection


def rounded(weight):
    """4 bits, a scale and a zero point a row; in float32, as it is stored."""
    w = weight.float()
    low, high = w.amin(1, keepdim=True).clamp(max=0.0), w.amax(1, keepdim=True).clamp(min=0.0)
    scale = ((high - low) / 15.0).bfloat16().float()
    zero = torch.clamp(torch.round(-8.0 - low / scale), -8, 7)
    return ((torch.clamp(torch.round(w / scale + zero), -8, 7) - zero) * scale).double()


def divergence(student, teacher, top, whole):
    p, q = torch.log_softmax(teacher, -1), torch.log_softmax(student, -1)
    if top:
        places = torch.topk(teacher, top, -1).indices
        if whole:
            p, q = p.gather(-1, places), q.gather(-1, places)
        else:
            p, q = torch.log_softmax(teacher.gather(-1, places), -1), torch.log_softmax(student.gather(-1, places), -1)
    return (p.exp() * (p - q)).sum(-1)


def alignment(weights, config, contrast, top, whole, with_second=True):
    quantized = dict(weights)
    for name in names(config):
        quantized[name + ".weight"] = rounded(weights[name + ".weight"])
    learned = learning(quantized, config)
    towards, away = [], []
    for tokens, begin in ALIGNED:
        student = logits(learned, config, tokens[:-1], config["rms_norm_eps"])[begin - 1:]
        with torch.no_grad():
            full = logits(weights, config, tokens[:-1], config["rms_norm_eps"])[begin - 1:]
            pretrained = logits(weights, config, tokens[:-1], 0.5)[begin - 1:]
        towards.append(divergence(student, full, top, whole))
        away.append(divergence(student, pretrained, top, whole))
    towards, away = torch.cat(towards).mean(), torch.cat(away).mean()
    (towards - contrast * away if with_second else towards).backward()
    return {"lambda": contrast, "top_k": top, "whole": whole, "aligned": towards.item(), "pretrained": away.item(),
            "gradients": {name: numbers(learned[name + ".weight"].grad) for name in GRADIENTS}}


def numbers(tensor):
    return [float(f"{value:.6g}") for value in tensor.flatten().tolist()]


def main():
    config = json.loads((DATA / "model/families/llama.json").read_text())["config"]
    weights = tensors(DATA / "model/families/llama.safetensors")
    beta = 0.5
    safe, protection = scores(weights, config, beta)
    out = {
        "refusals": REFUSALS, "general": GENERAL, "aligned": ALIGNED, "beta": beta,
        "safe_score": {name: numbers(value) for name, value in safe.items()},
        "protection_score": {name: numbers(value) for name, value in protection.items()},
        "alignment": [alignment(weights, config, 0.1, 0, True), alignment(weights, config, 0.3, 7, True), alignment(weights, config, 0.3, 7, False)],
        "limited": alignment(weights, config, 0.1, 0, True, with_second=False),
    }
    path = DATA / "patch/patch.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(out) + "\n")


main()
