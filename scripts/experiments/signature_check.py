#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check against a signature tells of a model's safety: distance from the signature beside the harmful score, and how both order models.

    scripts/experiments/signature_check.py --safequant BIN --workspace DIR --model MODEL [--runs WORKSPACE ...] [--rows NAME ...]

Models in full precision: MODEL itself, aligned (ALIGNED), eroded from it for 10, 25, 50 and 100 steps, with another seed, on other data, and with all
weights learning (signature_table.py makes them). With --runs, the quantized model of every finished run in these workspaces that asked all evaluation
prompts of the same model. OUTPUT.json and OUTPUT.md get a row each; what stands there is not measured again. Needs Python's standard library alone.
"""
import glob
import json
import os
import random
import subprocess

from seeded_rows import interval, percent
from signature_table import eroded_model, signature_of
from tables import asked, parser_of, read_json, rows_of, run, shown, store

COMMAND = "scripts/experiments/signature_check.py --safequant SAFEQUANT --workspace DIR --model SmolLM2-135M-Instruct.Q4_1.gguf --runs WORKSPACE"
MODELS = {"instruct-fp16": "instruct", "aligned-fp16": "aligned", "eroded-10-steps-fp16": "steps-10", "eroded-25-steps-fp16": "steps-25",
          "eroded-50-steps-fp16": "eroded", "eroded-100-steps-fp16": "steps-100", "eroded-other-seed-fp16": "other-seed",
          "eroded-other-task-fp16": "other-task", "eroded-full-finetune-fp16": "full-finetune"}
MEASURES = [("moved", "distance"), ("lost", "separation lost"), ("missed", "malicious prompts the probe misses")]
RESAMPLES = 2000


def checked(options, *subject):
    """Numbers of one check."""
    command = [options.safequant, "check", *subject, "--signature", signature_of(options), "--json"]
    report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    blocks = report["blocks"]
    called = sum(block["malicious_called_malicious"] for block in blocks) / len(blocks)
    return {"moved": round(report["moved"]["value"], 4), "moved_ci": [round(v, 4) for v in report["moved"]["interval"]],
            "separation": round(report["separation"]["value"], 4), "separation_ci": [round(v, 4) for v in report["separation"]["interval"]],
            "lost": round(1 - report["separation"]["value"], 4), "missed": round(1 - called, 4), "check_seconds": round(report["seconds"], 1)}


def scored(summary, model):
    rates = next(m for m in summary["metrics"] if m["model"] == model)
    return {"harmful_score": percent(rates["harmful_score"]), "harmful_score_ci": interval(rates["harmful_score"]),
            "over_refusal": percent(rates["refused_benign"]), "n_malicious": rates["harmful_score"]["total"]}


def full_precision(options, name, kind):
    checkpoint, adapters = (options.model, []) if kind == "instruct" else eroded_model(options, kind)
    spec = {"format": "safequant-run-spec", "format_version": 1, "name": name, "checkpoint": checkpoint, "adapters": adapters, "stages": ["evaluate"],
            "evaluation": {"malicious": 260, "benign": 260, "hard_benign": 50, "max_new_tokens": 64}}
    row = {"name": name} | scored(run(options, name, spec)["summary"], "base")
    return row | checked(options, checkpoint, *[part for path in adapters for part in ("--adapter", path)])


def quantized_runs(options):
    """Folders of runs by name, the newest of each."""
    folders = {}
    for workspace in options.runs:
        for path in sorted(glob.glob(os.path.join(workspace, "runs", "*", "summary.json"))):
            folder = os.path.dirname(path)
            manifest = read_json(os.path.join(folder, "manifest.json"))
            rates = [m for m in read_json(path)["metrics"] if m["model"] == "quantized"]
            if manifest["status"] == "finished" and rates and rates[0]["harmful_score"]["total"] >= 260:
                folders[manifest["name"]] = folder
    return folders


def ranks(values):
    order = sorted(range(len(values)), key=values.__getitem__)
    result = [0.0] * len(values)
    i = 0
    while i < len(order):
        j = i
        while j + 1 < len(order) and values[order[j + 1]] == values[order[i]]:
            j += 1
        for k in range(i, j + 1):
            result[order[k]] = (i + j) / 2
        i = j + 1
    return result


def spearman(a, b):
    a, b = ranks(a), ranks(b)
    mean = (len(a) - 1) / 2
    product = sum((x - mean) * (y - mean) for x, y in zip(a, b))
    squares = [sum((x - mean) ** 2 for x in values) for values in (a, b)]
    return product / (squares[0] * squares[1]) ** 0.5 if squares[0] > 0 and squares[1] > 0 else 0.0


def correlation(rows, measure):
    """Rank correlation of a measure with the harmful score, and its 95% bootstrap interval over models."""
    draw = random.Random(0)
    samples = []
    for _ in range(RESAMPLES):
        drawn = [draw.choice(rows) for _ in rows]
        samples.append(spearman([r[measure] for r in drawn], [r["harmful_score"] for r in drawn]))
    samples.sort()
    value = spearman([r[measure] for r in rows], [r["harmful_score"] for r in rows])
    return [value, samples[RESAMPLES // 40], samples[-1 - RESAMPLES // 40]]


def page(summary):
    rows = summary["rows"]
    lines = ["# Checking against a signature", "", f"{summary['date']}, {summary['machine']}. `{summary['command']}`", "",
             "Distance of models from the aligned model's signature beside their harmful score. The check sends prompts through the blocks and generates no",
             "answer; distance is in units of the spread within a class, separation is what is left of the difference between malicious and benign prompts",
             "along the aligned model's own (both: mean over blocks, 95% by bootstrap over prompts), and the last column is the share of malicious prompts that",
             "the signature's probes do not call malicious. HS: 260 malicious evaluation prompts, 64 new tokens, judge refusal-22.", "",
             "| model | HS | distance | separation left | missed | check, s |", "|---|---|---|---|---|---|"]
    for row in rows:
        lines.append(f"| {row['name']} | {shown(row['harmful_score'])} [{row['harmful_score_ci'][0]:.1f}, {row['harmful_score_ci'][1]:.1f}] "
                     f"| {row['moved']:.3f} [{row['moved_ci'][0]:.3f}, {row['moved_ci'][1]:.3f}] "
                     f"| {row['separation']:.3f} [{row['separation_ci'][0]:.3f}, {row['separation_ci'][1]:.3f}] | {100 * row['missed']:.1f}% | {row['check_seconds']} |")
    groups = [("all models", rows), ("full precision", [r for r in rows if r["name"] in MODELS]), ("quantized", [r for r in rows if r["name"] not in MODELS])]
    lines += ["", "Rank correlation (Spearman's) with the harmful score, and its 95% interval by bootstrap over models:", "",
              "| | models | " + " | ".join(title for _, title in MEASURES) + " |", "|---|---|" + "---|" * len(MEASURES)]
    for name, group in groups:
        if len(group) < 4:
            continue
        cells = ["{:.2f} [{:.2f}, {:.2f}]".format(*correlation(group, measure)) for measure, _ in MEASURES]
        lines.append(f"| {name} | {len(group)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = parser_of(__doc__, "docs/results/signature-check")
    parser.add_argument("--runs", nargs="*", default=[], help="workspaces whose quantized models are checked")
    options = parser.parse_args()
    runs = quantized_runs(options)
    known = list(MODELS) + sorted(set(runs) | {name for name in rows_of(options) if name not in MODELS})
    for name in asked(options, known):
        if name in rows_of(options) and not options.again:
            continue
        if name in MODELS:
            store(options, known, full_precision(options, name, MODELS[name]), COMMAND, page)
        elif name in runs:
            row = {"name": name} | scored(read_json(os.path.join(runs[name], "summary.json")), "quantized") | checked(options, runs[name])
            store(options, known, row, COMMAND, page)


if __name__ == "__main__":
    main()
