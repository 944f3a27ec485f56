#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a whole realignment takes: every block of the eroded reference model at W8A8, learned from 100 malicious and 100 benign prompts in 2 epochs
(blocks 0 to 15) and 4 (the others), beside the same epochs of the loop written with PyTorch on padded batches.

    scripts/experiments/realign_time.py --safequant BIN --workspace DIR --model MODEL [--bench build/test/tests/benchmarks/bench_realign --python PYTHON]

Prints JSON lines as the benchmark programs do. PyTorch's time is that of one epoch of one block (bench_realign) times the epochs of all blocks: the
passes between blocks are not in it, and are in ours. Needs Python's standard library alone; PYTHON one that has PyTorch.
"""
import argparse
import json
import os
import subprocess

from tables import RESOURCES, read_json, write_json


def spec_of(options):
    models = [os.path.join(RESOURCES, "models", name) for name in ("smollm2-aligned", "smollm2-eroded")]
    return {"format": "safequant-run-spec", "format_version": 1, "name": "realignment, timed", "checkpoint": options.model, "adapters": models,
            "aligned": {"adapters": models[:1]}, "calibration": {"malicious": 100, "benign": 100, "texts": 0, "tasks": 0}, "stages": ["quantize"],
            "quantization": {"method": "q-realign", "default": {"weight_bits": 8, "group_size": -1, "symmetric": True, "activation_bits": 8},
                             "learning": {"early_epochs": 2, "late_epochs": 4, "offsets": False}}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("safequant", "workspace", "model"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--bench", help="bench_realign of the same build")
    parser.add_argument("--python", help="a Python with PyTorch")
    options = parser.parse_args()
    os.makedirs(options.workspace, exist_ok=True)
    path = os.path.join(options.workspace, "realign-time.json")
    write_json(path, spec_of(options))
    done = subprocess.run([options.safequant, "run", path, "--workspace", options.workspace], check=True, stdout=subprocess.PIPE, text=True)
    folder = done.stdout.strip().splitlines()[-1]
    manifest = read_json(os.path.join(folder, "manifest.json"))
    whole = manifest["timings"]["quantize"]["seconds"]
    blocks = {}
    for line in open(os.path.join(folder, "events.jsonl")):
        event = json.loads(line)
        if event["type"] == "learning" and event["learning"]["finished"]:
            blocks[event["learning"]["block"]] = event["learning"]
    epochs = sum(len(block["epochs"]) for block in blocks.values())
    print(json.dumps({"name": "realign_learning_alone", "ours": round(sum(block["seconds"] for block in blocks.values()), 1), "unit": "s", "blocks": len(blocks), "epochs": epochs, "device": manifest["device"]}))
    if not (options.bench and options.python):
        print(json.dumps({"name": "realign_whole", "ours": round(whole, 1), "unit": "s"}))
        return
    bench = subprocess.run([options.bench, "--python", options.python, "--model", options.model, "--epochs", "2"], check=True, stdout=subprocess.PIPE, text=True)
    for line in bench.stdout.splitlines():
        result = json.loads(line)
        if result["unit"] == "s/epoch of a block":
            torch = result["baseline"] * epochs
            print(json.dumps({"name": "realign_whole", "ours": round(whole, 1), "baseline": round(torch, 1), "ratio": round(torch / whole, 2), "unit": "s"}))


if __name__ == "__main__":
    main()
