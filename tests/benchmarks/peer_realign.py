# SPDX-License-Identifier: GPL-3.0-or-later
"""Learns one decoder block's quantizer with PyTorch as one would write it: padded batches, fake quantization by tensor operations.

Usage: peer_realign.py REQUEST.json (written by bench_realign). Prints one JSON line: seconds an epoch, peak memory.
"""
import json
import resource
import sys
import time

import torch
import torch.nn.functional as F

request = json.load(open(sys.argv[1]))
torch.set_num_threads(request["threads"])
torch.manual_seed(0)
H, I = request["hidden"], request["intermediate"]
heads, kv_heads, d = request["heads"], request["kv_heads"], request["head_dim"]
offsets, lengths = request["offsets"], request["lengths"]
repeat, batch_size = heads // kv_heads, 10
shapes = {"q": (heads * d, H), "k": (kv_heads * d, H), "v": (kv_heads * d, H), "o": (H, heads * d), "gate": (I, H), "up": (I, H), "down": (H, I)}
W = {k: torch.randn(s) * 0.02 for k, s in shapes.items()}
longest = max(lengths)
x, target, aligned = (torch.randn(len(lengths), longest, H) for _ in range(3))
mask = torch.zeros(len(lengths), longest)
for i, n in enumerate(lengths):
    mask[i, :n] = 1
last = mask.sum(1).long() - 1
malicious = torch.arange(len(lengths)) < len(lengths) // 2
angle = torch.outer(torch.arange(longest).float(), 1 / 10000 ** (torch.arange(0, d, 2).float() / d))
cos, sin = torch.cat([angle, angle], -1).cos(), torch.cat([angle, angle], -1).sin()


def ste(v):
    return (v.round() - v).detach() + v


def quantize_weight(w, u, l, v):
    shape = w.shape
    if offsets:
        w = w.reshape(shape[0], -1, 64)
        high, low = w.amax(-1, keepdim=True) * torch.sigmoid(u), w.amin(-1, keepdim=True) * torch.sigmoid(l)
        scale = ((high - low) / 15).clamp(min=1e-5)
        zero = ste(-low / scale)
        return ((ste(w / scale + v.reshape(w.shape)) + zero).clamp(0, 15) - zero).mul(scale).reshape(shape)
    scale = (w.abs().amax(-1, keepdim=True) * torch.sigmoid(u) / 127.5).clamp(min=1e-7)
    return ste(w / scale).clamp(-128, 127) * scale


def quantize_input(v):
    if offsets:
        return v
    scale = (v.abs().amax(-1, keepdim=True) / 127.5).clamp(min=1e-7)
    return ste(v / scale).clamp(-128, 127) * scale


def norm(v, g):
    return v * torch.rsqrt(v.pow(2).mean(-1, keepdim=True) + 1e-5) * g


def rotate(v):
    a, b = v.chunk(2, -1)
    return torch.cat((-b, a), -1)


params = {}
for k, s in shapes.items():
    groups = s[1] // 64 if offsets else 1
    for t in "ul" if offsets else "u":
        params[t + k] = torch.full((s[0], groups, 1) if offsets else (s[0], 1), 4.0, requires_grad=True)
    if offsets:
        params["v" + k] = torch.zeros(s, requires_grad=True)
if not offsets:
    for k, n in (("s1", H), ("s2", H), ("so", kv_heads * d), ("sd", I)):
        params[k] = torch.zeros(n, requires_grad=True)


def block(h):
    g1 = g2 = torch.ones(H)
    w = dict(W)
    if not offsets:
        s1, s2, so, sd = (params[k].exp() for k in ("s1", "s2", "so", "sd"))
        g1, g2 = g1 / s1, g2 / s2
        w = {"q": w["q"] * s1, "k": w["k"] * s1, "v": w["v"] * s1 / so[:, None],
             "o": w["o"] * so.reshape(kv_heads, 1, d).expand(kv_heads, repeat, d).reshape(-1),
             "gate": w["gate"] * s2, "up": w["up"] * s2 / sd[:, None], "down": w["down"] * sd}
    w = {k: quantize_weight(v, params["u" + k], params.get("l" + k), params.get("v" + k)) for k, v in w.items()}
    n, t, _ = h.shape
    z = quantize_input(norm(h, g1))
    q, k, v = ((z @ w[name].T).view(n, t, count, d).transpose(1, 2) for name, count in (("q", heads), ("k", kv_heads), ("v", kv_heads)))
    q, k = q * cos[:t] + rotate(q) * sin[:t], k * cos[:t] + rotate(k) * sin[:t]
    k, v = k.repeat_interleave(repeat, 1), v.repeat_interleave(repeat, 1)
    a = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(n, t, -1)
    h = h + quantize_input(a) @ w["o"].T
    z = quantize_input(norm(h, g2))
    return h + quantize_input(F.silu(z @ w["gate"].T) * (z @ w["up"].T)) @ w["down"].T


rates = {"u": 5e-2, "l": 5e-2, "s": 5e-3, "v": 5e-3}
optimizer = torch.optim.AdamW([{"params": [v], "lr": rates[k[0]]} for k, v in params.items()], weight_decay=0)
scale = target.pow(2).mean()
start = time.perf_counter()
for _ in range(request["epochs"]):
    order = torch.randperm(len(lengths))
    for i in range(0, len(lengths), batch_size):
        b = order[i:i + batch_size]
        out = block(x[b])
        error = lambda t: ((out - t[b]) ** 2).mean(-1) / scale
        e, a = error(target), error(aligned)
        mean = lambda v: (v * mask[b]).sum(1) / mask[b].sum(1)
        loss = torch.where(malicious[b], mean(a) + a[torch.arange(len(b)), last[b]], mean(e)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for k, v in params.items():
                if k[0] == "v":
                    v.clamp_(-0.5, 0.5)
seconds = (time.perf_counter() - start) / request["epochs"]
print(json.dumps({"seconds_per_epoch": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
