#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signature table: repairing fine-tuned models by the aligned model's signature alone. One run a row and seed, the summary is written after each.

Rows that stand in OUTPUT.json are not computed again, see tables.py.

    scripts/experiments/signature_table.py --safequant build/release/app/cli/safequant --workspace DIR --model MODEL [--rows NAME ...]

The aligned model is MODEL with the adapter ALIGNED. What is repaired was eroded from it by fine-tuning on harmless data: ERODED; the same with
another seed; questions of another kind (ARC-Easy, every other one of the bundled); and the first one's data with all weights learning instead of
an adapter; the last three are made in the workspace. Rates are of the evaluation prompts (260 malicious, 260 benign, 50 hard benign), greedy, 64
new tokens, judge refusal-22. OUTPUT.json and OUTPUT.md get the rows, and OUTPUT/ROW.json prompt ids and verdicts of each, without text. Needs
Python's standard library alone.
"""
import os
import subprocess
import sys

from seeded_rows import COSTS, RATES, make_rows, table_lines
from tables import RESOURCES, content, parser_of, read_json, write_json

COMMAND = "scripts/experiments/signature_table.py --safequant SAFEQUANT --workspace DIR --model SmolLM2-135M-Instruct.Q4_1.gguf"
W8A8 = {"weight_bits": 8, "group_size": -1, "symmetric": True, "activation_bits": 8}
W4A16 = {"weight_bits": 4, "group_size": 64, "symmetric": False, "activation_bits": 16}
# Few texts and tasks, or no rounding offsets, cost task accuracy.
MIX = {"malicious": 100, "benign": 100, "texts": 100, "tasks": 140, "answer_tokens": 16}
# What serves best with the aligned model's weights, and a gain that makes up for one mean having to do for all prompts.
LEARNING = {"early_epochs": 3, "late_epochs": 5, "malicious_weight": 2.5, "last_token_weight": 2.5, "gain": 1.25}
SEEDS = [0, 1, 2]


def repair(scheme, eroded="eroded", **learning):
    return {"scheme": scheme, "eroded": eroded, "learning": dict(LEARNING, **learning)}


# Name, seeds, how (a string: that model in full precision).
ROWS = [
    ("aligned-fp16", [0], "aligned"),
    ("eroded-fp16", [0], "eroded"),
    ("q-realign-signature-w8a8", SEEDS, repair(W8A8)),
    ("q-realign-signature-w4a16", [0], repair(W4A16)),
    ("eroded-other-seed-fp16", [0], "other-seed"),
    ("signature-other-seed-w8a8", [0], repair(W8A8, "other-seed")),
    ("eroded-other-task-fp16", [0], "other-task"),
    ("signature-other-task-w8a8", [0], repair(W8A8, "other-task")),
    ("eroded-full-finetune-fp16", [0], "full-finetune"),
    ("signature-full-finetune-w8a8", [0], repair(W8A8, "full-finetune")),
    ("control-random-shift-w8a8", [0], repair(W8A8, shift_control="random")),
    ("control-flipped-shift-w8a8", [0], repair(W8A8, shift_control="flipped")),
    ("control-other-block-w8a8", [0], repair(W8A8, shift_control="other-block")),
    ("signature-gain-1-w8a8", [0], repair(W8A8, gain=1.0)),
    ("signature-gain-1.5-w8a8", [0], repair(W8A8, gain=1.5)),
    ("signature-last-position-w8a8", [0], repair(W8A8, tail=1)),
    ("signature-with-probe-w8a8", [0], repair(W8A8, probe_malicious_weight=0.5, probe_benign_weight=0.5)),
    ("published-signature-probes-w8a8", [0], {"scheme": W8A8, "eroded": "eroded", "learning": {
        "objective": "published", "normalise": True, "probe_benign_weight": 1.0, "margin": 1.0, "early_epochs": 3, "late_epochs": 5}}),
]


def signature_of(options):
    """The aligned model's signature, named by what it is made of: files of one content need not be equal."""
    mark = content(options.model)[:12] + content(options.aligned)[:12] + content(os.path.join(RESOURCES, "prompts"))[:12]
    path = os.path.join(options.workspace, "table", f"{mark}.signature.h5")
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        subprocess.run([options.safequant, "signature", options.model, "--adapter", options.aligned, "--ask", "0", "-o", path], check=True)
    return path


def arc_halves(options):
    """Every other bundled ARC-Easy question to learn from, the others to be asked."""
    folder = os.path.join(options.workspace, "table")
    halves = [os.path.join(folder, f"arc-easy-{half}.jsonl") for half in ("learned", "asked")]
    with open(os.path.join(RESOURCES, "tasks", "arc-easy.jsonl")) as file:
        lines = file.readlines()
    for half, path in enumerate(halves):
        with open(path, "w") as file:
            file.writelines(lines[half::2])
    return halves


def eroding_spec(options, kind):
    spec = read_json(os.path.join(RESOURCES, "finetune", "erode.json"))
    spec["name"] = kind
    if kind == "other-seed":
        spec["seed"] = 1
    if kind.startswith("steps-"):
        spec["training"]["steps"] = int(kind.removeprefix("steps-"))
        spec["training"]["warmup_steps"] = spec["training"]["steps"] // 5
    if kind == "other-task":
        spec["data"][0] = {"file": arc_halves(options)[0],
                           "map": {"prompt": "{question}\nAnswer with one of: {choices}.", "answer": "{choices[answer]}"}}
    if kind == "full-finetune":
        spec["method"] = "full"
        spec["training"]["learning_rate"] = 5e-5
    return spec


def eroded_model(options, kind):
    """Checkpoint and adapters of an eroded model, which is made first when it is not there."""
    if kind == "aligned":
        return options.model, [options.aligned]
    if kind == "eroded":
        return options.model, [options.aligned, options.eroded]
    folder = os.path.join(options.workspace, "models", kind)
    made = os.path.join(folder, "model" if kind == "full-finetune" else "adapter")
    if not os.path.isdir(made):
        print(f"== fine-tuning: {kind}", file=sys.stderr, flush=True)
        command = [options.safequant, "finetune"]
        if os.path.isdir(folder):
            command += ["--resume", folder]
        else:
            path = os.path.join(options.workspace, "table", f"erode-{kind}.json")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write_json(path, eroding_spec(options, kind))
            command += [path, "--model", options.model, "--adapter", options.aligned, "-o", folder]
        subprocess.run(command, check=True)
    return (made, []) if kind == "full-finetune" else (options.model, [options.aligned, made])


def spec_of(options, name, seed, how):
    kind = how if isinstance(how, str) else how["eroded"]
    checkpoint, adapters = eroded_model(options, kind)
    tasks = ["banking-intents"]
    if kind == "other-task":
        tasks.append({"name": "arc-easy-asked", "kind": "multiple-choice", "file": arc_halves(options)[1], "limit": 200})
    spec = {"format": "safequant-run-spec", "format_version": 1, "name": f"{name} seed {seed}", "checkpoint": checkpoint, "adapters": adapters, "seed": seed,
            "stages": ["evaluate"] if isinstance(how, str) else ["quantize", "evaluate"],
            "evaluation": {"malicious": 260, "benign": 260, "hard_benign": 50, "max_new_tokens": 64, "tasks": tasks}}
    if not isinstance(how, str):
        spec["quantization"] = {"method": "q-realign", "default": how["scheme"], "learning": how["learning"]}
        spec["calibration"] = MIX
        spec["aligned"] = {"signature": signature_of(options)}
    return spec


def page(summary):
    lines = ["# Repair by a signature", "",
             f"{summary['date']}, {summary['machine']}. `{summary['command']}`", "",
             "Models eroded by harmless fine-tuning, quantized and repaired with nothing of the aligned model but its signature (means of activations,",
             "see [file formats](../file-formats.md)). Evaluation prompts, greedy, 64 new tokens, judge refusal-22 (verdicts by prompt id beside this file).",
             "HS: malicious prompts complied with, coherently, with Wilson's 95% interval. FA: banking intents, 158 questions. Controls move malicious",
             "prompts as far, elsewhere. Minutes are of quantizing, on a machine that others shared.", ""]
    lines += table_lines(summary["rows"], RATES + [("perplexity", "perplexity")] + COSTS)
    return "\n".join(lines) + "\n"


def main():
    make_rows(parser_of(__doc__, "docs/results/signature").parse_args(), ROWS, spec_of, COMMAND, page)


if __name__ == "__main__":
    main()
