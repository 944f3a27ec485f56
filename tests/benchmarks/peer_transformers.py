# SPDX-License-Identifier: GPL-3.0-or-later
"""The peer of bench_capture, bench_generation and bench_integers: the same work by transformers (float32, sdpa attention, inference mode, prompts
sorted by length, warmed up, every batch size given is tried and the fastest counts). Prints one JSON line.

Usage: peer_transformers.py capture|generate --model GGUF --prompts FILE.jsonl [--label LABEL] [--count N] [--new-tokens N] [--threads N]
"""
import argparse
import json
import os
import re
import time
import warnings
import zlib

warnings.filterwarnings("ignore")
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def reset_peak():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def peak_megabytes():
    with open("/proc/self/status") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read()).group(1)) / 1024


def chat(tokenizer, prompt):
    # A base model has no template: the begin token and the text, as ours.
    if not tokenizer.chat_template:
        return (tokenizer.bos_token or "") + prompt
    return tokenizer.apply_chat_template([{"role": "user", "content": prompt}], add_generation_prompt=True, tokenize=False)


def capture(model, tokenizer, texts, batch):
    order = sorted(range(len(texts)), key=lambda i: len(tokenizer(texts[i], add_special_tokens=False).input_ids))
    blocks = model.config.num_hidden_layers
    out = torch.zeros(len(texts), blocks, model.config.hidden_size)
    for first in range(0, len(order), batch):
        rows = order[first:first + batch]
        inputs = tokenizer([texts[i] for i in rows], return_tensors="pt", padding=True, add_special_tokens=False)
        result = model.model(**inputs, output_hidden_states=True, use_cache=False)
        last = inputs.attention_mask.sum(1) - 1
        for block in range(blocks):
            out[rows, block] = result.hidden_states[block + 1][torch.arange(len(rows)), last]
    return out


def generate(model, tokenizer, texts, batch, new_tokens):
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    answers = [None] * len(texts)
    for first in range(0, len(order), batch):
        rows = order[first:first + batch]
        inputs = tokenizer([texts[i] for i in rows], return_tensors="pt", padding=True, add_special_tokens=False)
        result = model.generate(**inputs, max_new_tokens=new_tokens, do_sample=False, pad_token_id=tokenizer.pad_token_id)
        for i, ids in zip(rows, result[:, inputs.input_ids.shape[1]:].tolist()):
            end = model.generation_config.eos_token_id
            ends = end if isinstance(end, list) else [end]
            stop = next((k for k, token in enumerate(ids) if token in ends), len(ids))
            answers[i] = ids[:stop]
    return answers


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=["capture", "generate"])
    parser.add_argument("--model", required=True)
    parser.add_argument("--prompts", required=True)
    parser.add_argument("--label", default="malicious")
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    folder, name = os.path.split(os.path.abspath(options.model))
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32, attn_implementation="sdpa").eval()
    with open(options.prompts, encoding="utf-8") as file:
        prompts = [json.loads(line) for line in file]
    prompts = [p for p in prompts if p["split"] == "evaluation"]
    best = None
    if options.work == "capture":
        tokenizer.padding_side = "right"
        texts = [chat(tokenizer, p["prompt"]) for p in prompts if p["label"] in ("malicious", "benign")]
        capture(model, tokenizer, texts[:32], 32)
        for batch in (16, 32):
            reset_peak()
            start = time.perf_counter()
            capture(model, tokenizer, texts, batch)
            result = {"seconds": time.perf_counter() - start, "peak_mb": peak_megabytes(), "batch": batch, "prompts": len(texts)}
            best = result if best is None or result["seconds"] < best["seconds"] else best
    else:
        tokenizer.padding_side = "left"
        texts = [chat(tokenizer, p["prompt"]) for p in prompts if p["label"] == options.label][:options.count]
        generate(model, tokenizer, texts[:8], 8, 4)
        reset_peak()
        start = time.perf_counter()
        answers = generate(model, tokenizer, texts, 32, options.new_tokens)
        best = {"seconds": time.perf_counter() - start, "peak_mb": peak_megabytes(), "batch": 32, "prompts": len(texts),
                "tokens": sum(map(len, answers)), "checksums": [zlib.crc32(json.dumps(a).encode()) for a in answers]}
    print(json.dumps(best))


main()
