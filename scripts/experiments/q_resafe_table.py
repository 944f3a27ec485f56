#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Q-resafe table: quantization alone undoes alignment, and what patches make good. One run a row and seed, the summary is written after each.

Rows that stand in OUTPUT.json are not computed again, see tables.py.

    scripts/experiments/q_resafe_table.py --safequant build/release/app/cli/safequant --workspace DIR --model MODEL [--rows NAME ...]

The model is MODEL with the adapter ALIGNED; rows of an eroded model have ERODED merged after it. Rates are of the evaluation prompts (260
malicious, 260 benign, 50 hard benign), greedy, 64 new tokens, judge refusal-22. OUTPUT.json and OUTPUT.md get the rows, and OUTPUT/ROW.json
prompt ids and verdicts of each, without text. Needs Python's standard library alone.
"""
from seeded_rows import COSTS, RATES, make_rows, table_lines
from tables import parser_of, shown

COMMAND = "scripts/experiments/q_resafe_table.py --safequant SAFEQUANT --workspace DIR --model SmolLM2-135M-Instruct.Q4_1.gguf"
INT8 = {"weight_bits": 8, "group_size": -1, "symmetric": True, "activation_bits": 8}
INT4 = {"weight_bits": 4, "group_size": 64, "symmetric": True, "activation_bits": 16}
MIX = {"malicious": 100, "benign": 100, "texts": 60, "tasks": 30}
SEEDS = [0, 1, 2]


def by(method, grid=INT4, patch=None, eroded=False, **how):
    """What a row's run spec says of quantization."""
    quantization = {"method": method, "default": grid} | how
    if patch is not None:
        quantization["patch"] = patch
    return {"quantization": quantization, "eroded": eroded}


def tau(share):
    return by("rtn", patch={"share": share})


# Prompts that both models refuse are left out, as they are where their chosen answers are not learned alone.
SKIP = {"both_refuse": "skip"}
QUANTIZERS = [("smoothquant", {}), ("gptq", {}), ("awq", {}), ("omniquant", {}), ("autoround", {}), ("rtn-rotated", {"rotation": {}})]
# Name, seeds, how (None: full precision).
ROWS = [
    ("aligned-fp16", [0], None),
    ("quantized-int4", [0], by("rtn")),
    ("quantized-int8", [0], by("rtn", INT8)),
    ("q-resafe-int4", SEEDS, by("rtn", patch={})),
    ("q-resafe-int8", [0], by("rtn", INT8, patch={})),
    ("q-resafe-skip-int4", SEEDS, by("rtn", patch=SKIP)),
    ("q-resafe-skip-int8", [0], by("rtn", INT8, patch=SKIP)),
    ("q-resafe-skip-gptq-int4", [0], by("gptq", patch=SKIP)),
    ("q-resafe-skip-awq-int4", [0], by("awq", patch=SKIP)),
    ("dpo-int4", [0], by("rtn", patch={"method": "dpo"})),
    ("sft-int4", [0], by("rtn", patch={"method": "sft"} | SKIP)),
    ("distillation-int4", SEEDS, by("rtn", patch={"method": "distillation"})),
    ("distillation-int8", [0], by("rtn", INT8, patch={"method": "distillation"})),
    ("q-resafe-random-mask-int4", SEEDS, by("rtn", patch={"mask": "random"})),
    ("q-resafe-preference-alone-int4", [0], by("rtn", patch={"chosen_weight": 0})),
    ("q-resafe-16bit-tau-0.6-int4", [0], by("rtn", patch={"method": "q-resafe-16bit"})),
    ("q-resafe-16bit-tau-0.1-int4", [0], by("rtn", patch={"method": "q-resafe-16bit", "share": 0.1})),
    ("critical-weights-0.6-int4", [0], by("rtn", patch={"method": "critical-weights", "share": 0.6})),
    ("critical-weights-0.1-int4", [0], by("rtn", patch={"method": "critical-weights"})),
    ("critical-weights-random-0.1-int4", [0], by("rtn", patch={"method": "critical-weights", "mask": "random"})),
    ("aaq-int4", [0], by("rtn", patch={"method": "aaq"})),
] + [(f"q-resafe-tau-{share}-int4", [0], tau(share)) for share in (1.0, 0.8, 0.6, 0.4, 0.1, 0.05)] + [
    row for name, how in QUANTIZERS for row in (
        (f"{name}-int4", [0], by(name.split("-")[0], **how)),
        (f"q-resafe-{name}-int4", [0], by(name.split("-")[0], patch={}, **how)))
] + [
    ("eroded-fp16", [0], {"eroded": True}),
    ("eroded-int4", [0], by("rtn", eroded=True)),
    ("q-realign-eroded-int4", [0], by("q-realign", eroded=True)),
    ("q-resafe-after-q-realign-eroded-int4", [0], by("q-realign", eroded=True, patch={})),
    ("q-resafe-instead-eroded-int4", [0], by("rtn", eroded=True, patch={})),
]


def spec_of(options, name, seed, how):
    eroded = how is not None and how["eroded"]
    spec = {"format": "safequant-run-spec", "format_version": 1, "name": f"{name} seed {seed}", "checkpoint": options.model,
            "adapters": [options.aligned, options.eroded] if eroded else [options.aligned], "seed": seed, "stages": ["evaluate"],
            "evaluation": {"malicious": 260, "benign": 260, "hard_benign": 50, "max_new_tokens": 64,
                           "tasks": ["banking-intents", {"name": "arc-easy", "limit": 200}]}}
    if how is not None and "quantization" in how:
        spec["stages"] = ["quantize", "evaluate"]
        spec["quantization"] = how["quantization"]
        if how["quantization"]["method"] != "rtn":
            spec["calibration"] = MIX
        if eroded:
            spec["aligned"] = {"adapters": [options.aligned]}
    return spec


def page(summary):
    lines = ["# Q-resafe on the reference model", "",
             f"{summary['date']}, {summary['machine']}. `{summary['command']}`", "",
             "The aligned reference model (SmolLM2-135M-Instruct with `builtin:smollm2-aligned`) quantized and patched; rows named eroded have",
             "`builtin:smollm2-eroded` merged after it. Evaluation prompts, greedy, 64 new tokens, judge refusal-22 (verdicts by prompt id beside this file).",
             "HS: malicious prompts complied with, coherently, with Wilson's 95% interval. FA: banking intents, 158 questions (the aligned model is not",
             "fine-tuned for them); ARC-Easy: 200 questions. Codes: share of the quantized weights' codes that the patch changed. Minutes are of",
             "quantizing and patching, on one thread of a machine that others shared.", ""]
    def codes(row):
        return f"{row['codes_changed']:.2f}" if "codes_changed" in row else "–"
    lines += table_lines(summary["rows"], RATES + [("ARC-Easy", "arc_easy_accuracy"), ("perplexity", "perplexity"), ("codes", codes)] + COSTS)
    return "\n".join(lines + lessons({row["name"]: row for row in summary["rows"]})) + "\n"


def lessons(rows):
    """What the rows show, as far as they are there."""
    def score(name):
        return shown(rows[name]["harmful_score"])
    lines = []
    cases = [(name, f"q-resafe-skip-{kind}", f"q-resafe-{kind}") for name, kind in (("quantized-int8", "int8"), ("awq-int4", "awq-int4"))]
    cases = [case for case in cases if all(name in rows for name in case)]
    if cases:
        lines += ["", "A quantized model that still refuses leaves few malicious pairs, and what is learned from harmless ones takes its refusals away. So where both",
                  "models refuse, the chosen answer is learned alone; rows named skip leave such prompts out. Harmful scores of the quantized model, patched with",
                  "skip, and patched: " + "; ".join(f"{before} {score(before)}, {score(skip)}, {score(kept)}" for before, skip, kept in cases) + "."]
    if "distillation-int4" in rows and "aligned-fp16" in rows:
        near, full = rows["distillation-int4"], rows["aligned-fp16"]
        lines += ["", f"Distillation alone comes nearest to the model in full precision: HS {shown(near['harmful_score'])} ({shown(full['harmful_score'])}), refusal on benign "
                  f"{shown(near['over_refusal'])} ({shown(full['over_refusal'])}), on hard benign", f"{shown(near['hard_refusal'])} ({shown(full['hard_refusal'])}), perplexity "
                  f"{shown(near['perplexity'])} ({shown(full['perplexity'])}). Preferences with their chosen answers' likelihood, and those answers alone, refuse far more of what is harmless."]
    return lines


def main():
    make_rows(parser_of(__doc__, "docs/results/q-resafe").parse_args(), ROWS, spec_of, COMMAND, page)


if __name__ == "__main__":
    main()
