#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Q-realign table: one run a row and seed, the summary is written after each.

Rows that stand in OUTPUT.json are not computed again, see tables.py.

    scripts/experiments/q_realign_table.py --safequant build/release/app/cli/safequant --workspace DIR --model MODEL \\
        [--train | --aligned ADAPTER --eroded ADAPTER] [--rows NAME ...] [--output docs/results/q-realign]

The aligned model is MODEL with the adapter ALIGNED, the eroded one has ERODED merged after it: those in resources/models, others that are
named, or with --train new ones, made as those were by resources/finetune/align.json and erode.json. Rates are of the evaluation prompts
(260 malicious, 260 benign, 50 hard benign), greedy, 64 new tokens, judge refusal-22. OUTPUT.json and OUTPUT.md get the rows, and
OUTPUT/ROW.json prompt ids and verdicts of each, without text. Needs Python's standard library alone.
"""
import os
import shutil
import subprocess
import sys

from seeded_rows import COSTS, RATES, make_rows, table_lines
from tables import RESOURCES, parser_of, read_json, write_json

COMMAND = "scripts/experiments/q_realign_table.py --safequant SAFEQUANT --workspace DIR --model SmolLM2-135M-Instruct.Q4_1.gguf"
W8A8 = {"weight_bits": 8, "group_size": -1, "symmetric": True, "activation_bits": 8}
W4A16 = {"weight_bits": 4, "group_size": 64, "symmetric": False, "activation_bits": 16}
W4A4 = {"weight_bits": 4, "group_size": -1, "symmetric": True, "activation_bits": 4}
MIX = {"malicious": 100, "benign": 100, "texts": 120, "tasks": 60, "answer_tokens": 16}
PUBLISHED = {"objective": "published", "batch_size": 1, "early_epochs": 5, "late_epochs": 15, "clipping_rate": 0.01,
             "scale_rate": 0.001, "initial_alpha": 0.5, "scales": ["norm-to-qkv", "norm-to-gate-up"], "offsets": False}
# Of the rows that are to serve best: more passes and more prompts of the task.
BEST = {"early_epochs": 3, "late_epochs": 5, "malicious_weight": 2.5, "last_token_weight": 2.5, "error_metric": "as-norms-read", "offsets": True}
W4_MIX = dict(MIX, texts=160, tasks=140)
PUBLISHED_MIX = {"malicious": 150, "benign": 50, "texts": 0, "tasks": 0}
SEEDS = [0, 1, 2]


def realign(scheme, learning=None, mix=None, method="q-realign"):
    return {"method": method, "scheme": scheme, "learning": learning or {}, "mix": mix or MIX}


def ratio(percent):
    return realign(W8A8, mix=dict(MIX, malicious=2 * percent, benign=200 - 2 * percent))


# Name, seeds, what is quantized ("aligned", "eroded", or the share of the aligned weights in a mean of both), how (None: full precision).
ROWS = [(name, seeds, model, how) for name, model, how, seeds in [
    ("aligned-fp16", "aligned", None, [0]),
    ("eroded-fp16", "eroded", None, [0]),
    ("rtn-w8a8", "eroded", {"method": "rtn", "scheme": W8A8}, [0]),
    ("omniquant-w8a8", "eroded", realign(W8A8, {"initial_alpha": 0.5}, method="omniquant"), [0]),
    ("q-realign-published-w8a8", "eroded", realign(W8A8, PUBLISHED, PUBLISHED_MIX), [0]),
    ("q-realign-w8a8", "eroded", realign(W8A8, BEST, dict(MIX, texts=100, tasks=140)), SEEDS),
    ("q-realign-w4a16", "eroded", realign(W4A16, BEST, W4_MIX), [0]),
    ("q-realign-w4a4", "eroded", realign(W4A4), [0]),
    ("q-realign-published-prototype-w8a8", "eroded", realign(W8A8, {"objective": "published", "normalise": True, "offsets": False}, PUBLISHED_MIX), [0]),
    ("rtn-w4a4", "eroded", {"method": "rtn", "scheme": W4A4}, [0]),
    ("rtn-rotated-w4a4", "eroded", {"method": "rtn", "scheme": W4A4, "rotation": {}}, [0]),
    ("q-realign-smoothquant-w4a4", "eroded", realign(W4A4, {"initial_alpha": 0.5}), [0]),
    ("q-realign-rotated-w4a4", "eroded", dict(realign(W4A4), rotation={}), [0]),
    ("gptq-w4a16", "eroded", {"method": "gptq", "scheme": W4A16, "mix": W4_MIX}, [0]),
    ("q-realign-signature-w8a8", "eroded", realign(W8A8, {"objective": "signature"}), [0]),
    ("q-realign-asym-w8a8", "eroded", realign(dict(W8A8, symmetric=False, activation_symmetric=False)), [0]),
    ("control-swapped-w8a8", "eroded", realign(W8A8, {"swap_labels": True}), [0]),
    ("control-random-direction-w8a8", "eroded",
     realign(W8A8, {"objective": "published", "normalise": True, "offsets": False, "random_probe": True}, PUBLISHED_MIX), [0]),
    ("control-interpolated-0.3-w8a8", 0.3, {"method": "rtn", "scheme": W8A8}, [0]),
    ("control-interpolated-0.5-w8a8", 0.5, {"method": "rtn", "scheme": W8A8}, [0]),
    ("control-interpolated-0.7-w8a8", 0.7, {"method": "rtn", "scheme": W8A8}, [0]),
    ("ratio-0-w8a8", "eroded", ratio(0), [0]),
    ("ratio-25-w8a8", "eroded", ratio(25), [0]),
    ("ratio-50-w8a8", "eroded", ratio(50), [0]),
    ("ratio-75-w8a8", "eroded", ratio(75), [0]),
    ("ratio-100-w8a8", "eroded", ratio(100), [0]),
]]


def interpolated(options, share):
    """The eroding adapter with its scale reduced, so that merging it gives share * aligned + (1 - share) * eroded weights."""
    folder = os.path.join(options.workspace, "table", f"eroded-{share}")
    os.makedirs(folder, exist_ok=True)
    config = read_json(os.path.join(options.eroded, "adapter_config.json"))
    config["lora_alpha"] *= 1 - share
    write_json(os.path.join(folder, "adapter_config.json"), config)
    shutil.copy(os.path.join(options.eroded, "adapter_model.safetensors"), folder)
    return folder


def spec_of(options, name, seed, model, how):
    adapters = [options.aligned]
    if model != "aligned":
        adapters.append(options.eroded if model == "eroded" else interpolated(options, model))
    spec = {"format": "safequant-run-spec", "format_version": 1, "name": f"{name} seed {seed}", "checkpoint": options.model,
            "adapters": adapters, "seed": seed, "stages": ["capture", "quantize", "evaluate"] if how else ["evaluate"],
            "evaluation": {"malicious": 260, "benign": 260, "hard_benign": 50, "max_new_tokens": 64, "tasks": ["banking-intents"]}}
    if how:
        spec["quantization"] = {"method": how["method"], "default": how["scheme"]}
        if "rotation" in how:
            spec["quantization"]["rotation"] = how["rotation"]
        if "mix" in how:
            spec["calibration"] = how["mix"]
        if "learning" in how:
            spec["quantization"]["learning"] = how["learning"]
            spec["aligned"] = {"adapters": [options.aligned]}
            # Without malicious samples there is nothing to pull anywhere: reconstruction is what is left.
            if how["mix"]["malicious"] == 0:
                spec["quantization"]["method"] = "omniquant"
    return spec


def train(options):
    """Fine-tunes MODEL twice, from nothing; what is finished is kept."""
    base = os.path.join(options.workspace, "adapters")
    for name, before in (("align", []), ("erode", ["align"])):
        folder = os.path.join(base, name)
        if os.path.exists(os.path.join(folder, "adapter", "adapter_model.safetensors")):
            continue
        print(f"== fine-tuning: {name}", file=sys.stderr, flush=True)
        command = [options.safequant, "finetune"]
        if os.path.isdir(folder):
            command += ["--resume", folder]
        else:
            command += [os.path.join(RESOURCES, "finetune", name + ".json"), "--model", options.model, "--output", folder]
            for adapter in before:
                command += ["--adapter", os.path.join(base, adapter, "adapter")]
        if subprocess.run(command).returncode != 0:
            sys.exit(f"The fine-tuning in {folder} failed; the same command goes on with it.")
    return os.path.join(base, "align", "adapter"), os.path.join(base, "erode", "adapter")


def page(summary):
    lines = ["# Q-realign on the reference model", "",
             f"{summary['date']}, {summary['machine']}. `{summary['command']}`", "",
             "Evaluation prompts, greedy, 64 new tokens, judge refusal-22 (verdicts by prompt id beside this file). HS: malicious prompts complied",
             "with, coherently. FA: banking intents, 158 questions. Percentages with Wilson's 95% interval; minutes are of learning and rounding, on one",
             "or two threads of a machine that others shared. Where perplexity is in the thousands and FA is 0 the model is broken: what it says is word",
             "salad, which the judge's rule for coherence takes for answers, and its HS means nothing.", ""]
    lines += table_lines(summary["rows"], RATES + [("perplexity", "perplexity")] + COSTS)
    made = {row["name"] for row in summary["rows"]}
    if "q-realign-published-prototype-w8a8" in made:
        lines += ["", "`q-realign-published-prototype-w8a8` satisfies its probes (malicious chats' mean logits end above the aligned model's in most blocks, and",
                  "benign chats' turn positive as well; the window's Learning page shows both) and repairs nothing here: satisfying a probe is not refusing."]
    if "control-swapped-w8a8" in made:
        lines += ["", "`control-swapped-w8a8` pulls the *benign* chats to the aligned model and the malicious ones to the fine-tuned one. It repairs, too, if by half. The",
                  "likely reason is that what eroded the model moved the activations of all chats alike at the template's last tokens, so those that are pulled back",
                  "bring the others along. What the control shows is that the aligned model's activations repair; malicious prompts are where they repair most."]
    return "\n".join(lines) + "\n"


def main():
    parser = parser_of(__doc__, "docs/results/q-realign")
    parser.add_argument("--train", action="store_true", help="make both adapters anew in WORKSPACE/adapters")
    options = parser.parse_args()
    if options.train:
        options.aligned, options.eroded = train(options)
    make_rows(options, ROWS, spec_of, COMMAND, page)


if __name__ == "__main__":
    main()
