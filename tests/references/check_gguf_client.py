# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a GGUF file in llama.cpp and in this program and compares what they say.

Usage: check_gguf_client.py MAKE_LOGITS MODEL.gguf [--exact]

MAKE_LOGITS is the program of that name under tests/core/exporting. Run it with a Python that has xllamacpp and numpy. Ten texts are
continued greedily by 64 tokens in both. --exact demands equal tokens, which float32 weights give. In any case, at every eighth token
of our continuation the next token's distribution in llama.cpp is compared with ours: the Kullback-Leibler divergence over
llama.cpp's TOP most likely tokens and the rest as one (a lower bound, exact to what the rest weighs), and its mean must stay under
the limit of the file's type. Prints one JSON line; exit status 1 when a check fails.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import xllamacpp

TEXTS = [
    "The capital of France is", "Once upon a time, in a small village by the sea,", "def fibonacci(n):\n    ",
    "Photosynthesis is the process by which", "The three primary colours are", "To bake bread you need",
    "In 1969, the first people to walk on the Moon", "The quick brown fox", "A prime number is a number that",
    "Dear Sir or Madam,\n\nI am writing to",
]
NEW_TOKENS, EVERY, TOP = 64, 8, 512
# llama.cpp rounds activations to 8 bits in products with quantized weights, and to half precision with F16 ones.
LIMITS = {"exact": 1e-4, "half": 1e-3, "quantized": 1e-2}


def ours(program, model):
    with tempfile.TemporaryDirectory() as folder:
        request = pathlib.Path(folder, "request.json")
        request.write_text(json.dumps({"texts": TEXTS, "new_tokens": NEW_TOKENS, "every": EVERY}))
        logits = pathlib.Path(folder, "logits.f32")
        said = json.loads(subprocess.run([program, model, request, logits], check=True, capture_output=True).stdout)
        values = np.fromfile(logits, np.float32).reshape(len(said["positions"]), -1).astype(np.float64)
    top = values.max(axis=1, keepdims=True)
    return said, values - top - np.log(np.exp(values - top).sum(axis=1, keepdims=True))


def server(model):
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_ctx = 512
    params.n_parallel = 1
    params.warmup = False
    # Its threads wait by spinning, so that two of them on a busy machine take ten times as long.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    # Keys and values as they are: llama.cpp keeps them in half precision otherwise.
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    return xllamacpp.Server(params)


def complete(client, tokens, count, top):
    answer = client.handle_completions({"prompt": tokens, "n_predict": count, "temperature": 0, "n_probs": top, "cache_prompt": True,
                                        "ignore_eos": False})
    answer = json.loads(answer) if isinstance(answer, str) else answer
    if "choices" not in answer:
        raise RuntimeError(f"llama.cpp: {answer}")
    return answer["choices"][0]["logprobs"]["content"]


def divergence(log_ours, content):
    theirs = {entry["id"]: entry["logprob"] for entry in content["top_logprobs"]}
    ids = np.fromiter(theirs.keys(), int)
    q, log_p = np.fromiter(theirs.values(), float), log_ours[ids]
    p = np.exp(log_p)
    rest_p, rest_q = max(1 - p.sum(), 1e-12), max(1 - np.exp(q).sum(), 1e-12)
    return float((p * (log_p - q)).sum() + rest_p * (np.log(rest_p) - np.log(rest_q)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("--exact", action="store_true", help="float32 weights: equal tokens")
    parser.add_argument("--half", action="store_true", help="F16 or BF16 weights")
    options = parser.parse_args()
    said, log_ours = ours(options.program, options.model)
    client = server(options.model)
    diverged, divergences = [], []
    for prompt, answer in zip(said["prompts"], said["answers"]):
        theirs = [entry["id"] for entry in complete(client, prompt, NEW_TOKENS, 1)][:len(answer)]
        first = next((i for i, (a, b) in enumerate(zip(answer, theirs)) if a != b), None)
        if first is None and len(theirs) < len(answer):
            first = len(theirs)
        diverged.append(first)
    for (text, before), row in zip(said["positions"], log_ours):
        tokens = said["prompts"][text] + said["answers"][text][:before]
        divergences.append(divergence(row, complete(client, tokens, 1, TOP)[0]))
    limit = LIMITS["exact" if options.exact else "half" if options.half else "quantized"]
    mean = float(np.mean(divergences))
    same = all(first is None for first in diverged)
    print(json.dumps({"model": pathlib.Path(options.model).name, "texts": len(TEXTS), "tokens": sum(map(len, said["answers"])),
                      "equal_texts": sum(first is None for first in diverged), "first_divergence": diverged,
                      "positions": len(divergences), "mean_kl": mean, "largest_kl": float(np.max(divergences)), "limit": limit}))
    return 0 if mean <= limit and (same or not options.exact) else 1


if __name__ == "__main__":
    sys.exit(main())
