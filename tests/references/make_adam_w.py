#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes tests/data/tensor/adam_w.json: steps of torch.optim.AdamW and clip_grad_norm_ on two groups of parameters.

usage: make_adam_w.py tests/data/tensor/adam_w.json     (torch; values made with 2.15)
"""
import json
import pathlib
import sys

import torch

torch.manual_seed(5)
parameters = [torch.nn.Parameter(torch.randn(4, 3)), torch.nn.Parameter(torch.randn(6))]
groups = [
    {"params": parameters[:1], "lr": 0.05, "weight_decay": 0.1},
    {"params": parameters[1:], "lr": 0.01, "weight_decay": 0.0},
]
optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-7)
factors = [0.5, 1.0, 1.0, 0.75, 0.25]
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: factors[min(step, len(factors) - 1)])
out = {"start": [p.detach().flatten().tolist() for p in parameters], "clip": 2.0, "steps": []}
for step, factor in enumerate(factors):
    gradients = [torch.randn(4, 3) * 10.0 ** -step, torch.randn(6)]
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = gradient.clone()
    if step == 3:
        parameters[1].grad = None
        gradients[1] = torch.zeros(0)
    norm = torch.nn.utils.clip_grad_norm_(parameters, out["clip"])
    optimizer.step()
    schedule.step()
    out["steps"].append({
        "factor": factor,
        "gradients": [g.flatten().tolist() for g in gradients],
        "norm": norm.item(),
        "parameters": [p.detach().flatten().tolist() for p in parameters],
    })
path = pathlib.Path(sys.argv[1])
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps(out))
