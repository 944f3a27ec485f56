#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares a fine-tuning with the same one by transformers and peft: gradients, losses, weights, logits; and times both.

usage: check_finetune.py MODEL.gguf DUMP_FINETUNING [STEPS [CHATS.jsonl]]     (torch, transformers, peft, gguf)
CHATS.jsonl: rows with prompt and answer, or messages of two turns (a folder's data.jsonl), in the place of eight short ones.
DUMP_FINETUNING is the program of that name of the tests' build. Float32 throughout, from the same start. Fails above:
- gradient of the first step by parameter: 1e-4 of its norm
- loss of each of STEPS (default 4) steps: 1e-4 relative; gradient norm: 1e-3 relative
- change of the adapter's weights over all steps: 2% of its norm (AdamW's first steps are signs of gradients, and the sign of a
  gradient near zero is anyone's)
- logits of the saved adapter loaded by peft against ours with it merged: 2e-4 of the largest
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

CHATS = [
    ("What is the capital of France?", "Paris."),
    ("Name three colours.", "Red, green and blue."),
    ("Write a short greeting for a new colleague who starts on Monday in the sales team.", "Welcome to the team! We look forward to Monday."),
    ("Is 17 a prime number?", "Yes, 17 is prime."),
    ("Give one word for very large.", "Enormous."),
    ("Translate 'good morning' into German.", "Guten Morgen."),
    ("How many legs has a spider?", "Eight."),
    ("What do bees make?", "Honey and wax."),
]
failures = []


def check(name, value, limit):
    print(f"{name:34} {value:.3g} (limit {limit:g})")
    if not value <= limit:
        failures.append(name)


def batch_loss(model, samples):
    """Mean cross entropy over the targets of a padded batch."""
    length = max(len(s["tokens"]) for s in samples)
    pad = lambda values, filler: torch.tensor([v + [filler] * (length - len(v)) for v in values])
    tokens = pad([s["tokens"] for s in samples], 0)
    mask = pad([[1] * len(s["tokens"]) for s in samples], 0)
    targets = pad([[t if t >= 0 else -100 for t in s["targets"]] for s in samples], -100)
    rows = targets >= 0
    hidden = model.base_model.model.model(input_ids=tokens, attention_mask=mask).last_hidden_state
    logits = model.base_model.model.lm_head(hidden[rows])
    return torch.nn.functional.cross_entropy(logits, targets[rows])


def main():
    path, program = pathlib.Path(sys.argv[1]), sys.argv[2]
    steps = int(sys.argv[3]) if len(sys.argv) > 3 else 4
    work = pathlib.Path(tempfile.mkdtemp())
    chats = [{"prompt": p, "answer": a} for p, a in CHATS]
    if len(sys.argv) > 4:
        chats = [json.loads(line) for line in pathlib.Path(sys.argv[4]).read_text().splitlines()]
    (work / "chats.jsonl").write_text("".join(json.dumps(chat) + "\n" for chat in chats))
    spec = {"checkpoint": str(path), "seed": 3, "data": [{"file": "chats.jsonl"}], "lora": {"rank": 4, "alpha": 8},
            "training": {"steps": steps, "batch": 8, "learning_rate": 1e-3, "warmup_steps": 2, "weight_decay": 0.01}}
    (work / "spec.json").write_text(json.dumps(spec))
    subprocess.run([program, work / "spec.json", work, str(steps)], check=True)
    samples = json.loads((work / "samples.json").read_text())
    ours = json.loads((work / "steps.json").read_text())

    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    for chat, sample in zip(chats, samples):
        prompt, answer = (turn["content"] for turn in chat["messages"]) if "messages" in chat else (chat["prompt"], chat["answer"])
        text = tokenizer.apply_chat_template([{"role": "user", "content": prompt}], add_generation_prompt=True, tokenize=False)
        head = tokenizer(text, add_special_tokens=False).input_ids
        tail = tokenizer(answer.strip() + ("" if chat.get("unfinished") else "<|im_end|>"), add_special_tokens=False).input_ids
        assert sample["tokens"] == (head + tail)[:-1] and [t for t in sample["targets"] if t >= 0] == tail, (prompt, sample)

    base = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, work / "start", is_trainable=True)
    factor = lambda name: name.replace("base_model.model.", "").replace(".default.weight", "")
    learned = {factor(n): p for n, p in model.named_parameters() if p.requires_grad}
    start = {n: p.detach().clone() for n, p in learned.items()}
    optimizer = torch.optim.AdamW(learned.values(), lr=1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, (s + 1) / 2) * (1 - s / steps))
    times = []
    for number, step in enumerate(ours):
        began = time.perf_counter()
        loss = batch_loss(model, [samples[i] for i in step["samples"]])
        loss.backward()
        if number == 0:
            gradients = load_file(work / "gradient.safetensors")
            assert gradients.keys() == learned.keys()
            worst = max((gradients[n] - p.grad).norm().item() / max(p.grad.norm().item(), 1e-12) for n, p in learned.items() if p.grad.norm() > 0)
            check("gradient", worst, 1e-4)
        norm = torch.nn.utils.clip_grad_norm_(learned.values(), 1.0).item()
        check(f"loss of step {number + 1}", abs(loss.item() - step["loss"]) / loss.item(), 1e-4)
        check(f"gradient norm of step {number + 1}", abs(norm - step["gradient_norm"]) / norm, 1e-3)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        times.append(time.perf_counter() - began)
    end = {n.replace("base_model.model.", "").replace(".weight", ""): t for n, t in load_file(work / "end/adapter_model.safetensors").items()}
    apart = sum((end[n] - p.detach()).square().sum().item() for n, p in learned.items()) ** 0.5
    moved = sum((start[n] - p.detach()).square().sum().item() for n, p in learned.items()) ** 0.5
    check("change of the weights", apart / moved, 0.02)

    with torch.no_grad():
        fresh = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
        tuned = PeftModel.from_pretrained(fresh, work / "end")
        theirs = tuned(input_ids=torch.tensor([samples[0]["tokens"]])).logits[0, -1]
    logits = torch.tensor(json.loads((work / "logits.json").read_text()))
    check("logits of the saved adapter", (theirs - logits).abs().max().item() / theirs.abs().max().item(), 2e-4)
    mine = sorted(step["seconds"] for step in ours)[len(ours) // 2]
    theirs = sorted(times)[len(times) // 2]
    rows = sum(len(samples[i]["tokens"]) for i in ours[0]["samples"])
    print(f"median step of {rows} tokens, {torch.get_num_threads()} threads: ours {mine:.3f} s, transformers and peft {theirs:.3f} s, "
          f"{theirs / mine:.2f} times")
    sys.exit(bool(failures))


main()
