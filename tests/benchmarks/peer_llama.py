# SPDX-License-Identifier: GPL-3.0-or-later
"""The peer of bench_single_stream: one greedy answer by llama.cpp (llama-cpp-python) from the same GGUF file, after a warm-up. Prints one JSON line.

Usage: peer_llama.py --model GGUF --tokens "1 2 3" [--new-tokens N] [--threads N] [--rounds N]
"""
import argparse
import json
import re
import time

from llama_cpp import Llama


def peak_megabytes():
    with open("/proc/self/status") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read()).group(1)) / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokens", required=True)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    model = Llama(options.model, n_ctx=1024, n_threads=options.threads, n_threads_batch=options.threads, verbose=False)
    prompt = [int(token) for token in options.tokens.split()]
    best = None
    for _ in range(options.rounds + 1):
        model.reset()
        model.eval(prompt)
        answer = [model.sample(temp=0.0)]
        start = time.perf_counter()
        for _ in range(options.new_tokens - 1):
            model.eval([answer[-1]])
            answer.append(model.sample(temp=0.0))
        seconds = time.perf_counter() - start
        best = seconds if best is None else min(best, seconds)
    print(json.dumps({"seconds": best, "tokens": options.new_tokens - 1, "answer": answer, "peak_mb": peak_megabytes()}))


main()
