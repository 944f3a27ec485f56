#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Perplexity of the eroded reference model by quantizer and grid, on one calibration budget; rows that stand in OUTPUT.json are kept.

    scripts/experiments/quantizers_table.py --safequant build/release/app/cli/safequant --workspace DIR --model MODEL [--rows NAME ...]

Methods that look at activations see 128 passages of 256 tokens of ordinary text. Perplexity is of the first 4,096 tokens of the bundled
text, of which calibration has another part, in windows of 512. Needs Python's standard library alone.
"""
from tables import asked, fingerprint, parser_of, rows_of, run, shown, store

COMMAND = "scripts/experiments/quantizers_table.py --safequant SAFEQUANT --workspace DIR --model SmolLM2-135M-Instruct.Q4_1.gguf"
TEXTS = {"malicious": 0, "benign": 0, "tasks": 0, "texts": 128, "text_tokens": 256}
GRIDS = {"w4-g64": {"weight_bits": 4, "group_size": 64, "symmetric": False, "activation_bits": 16},
         "w8a8": {"weight_bits": 8, "group_size": -1, "symmetric": True, "activation_bits": 8},
         "w8a8-asymmetric-activations": {"weight_bits": 8, "group_size": -1, "symmetric": True, "activation_bits": 8, "activation_symmetric": False},
         "w8a8-asymmetric": {"weight_bits": 8, "group_size": -1, "symmetric": False, "activation_bits": 8, "activation_symmetric": False},
         "w4a4": {"weight_bits": 4, "group_size": -1, "symmetric": True, "activation_bits": 4}}
ROTATED = {"rotation": {}}
# Grid, name of the row in it, what the spec says of the method.
ROWS = [("fp16", "fp16", None)] + [(grid, f"{name}-{grid}", how) for grid, name, how in [
    ("w4-g64", "rtn", {"method": "rtn"}),
    ("w4-g64", "smoothquant", {"method": "smoothquant"}),
    ("w4-g64", "gptq", {"method": "gptq"}),
    ("w4-g64", "gptq-group-order", {"method": "gptq", "options": {"order": "group"}}),
    ("w4-g64", "gptq-no-order", {"method": "gptq", "options": {"order": "none"}}),
    ("w4-g64", "awq", {"method": "awq"}),
    ("w4-g64", "omniquant", {"method": "omniquant"}),
    ("w4-g64", "autoround", {"method": "autoround"}),
    ("w8a8", "rtn", {"method": "rtn"}),
    ("w8a8", "smoothquant", {"method": "smoothquant"}),
    ("w8a8", "omniquant", {"method": "omniquant", "learning": {"initial_alpha": 0.5}}),
    ("w8a8-asymmetric-activations", "rtn", {"method": "rtn"}),
    ("w8a8-asymmetric-activations", "smoothquant", {"method": "smoothquant"}),
    ("w8a8-asymmetric-activations", "omniquant", {"method": "omniquant", "learning": {"initial_alpha": 0.5}}),
    ("w8a8-asymmetric", "rtn", {"method": "rtn"}),
    ("w4a4", "rtn", {"method": "rtn"}),
    ("w4a4", "smoothquant", {"method": "smoothquant"}),
    ("w4a4", "rtn-rotated", {"method": "rtn"} | ROTATED),
    ("w4a4", "gptq-rotated", {"method": "gptq"} | ROTATED),
    ("w4a4", "omniquant", {"method": "omniquant", "learning": {"initial_alpha": 0.5}}),
]]


def spec_of(options, grid, name, how):
    spec = {"format": "safequant-run-spec", "format_version": 1, "name": name, "checkpoint": options.model,
            "adapters": [options.aligned, options.eroded], "seed": 0, "stages": ["capture", "quantize", "evaluate"] if how else ["evaluate"],
            "evaluation": {"malicious": 0, "benign": 0, "hard_benign": 0, "perplexity_tokens": 4096}}
    if how:
        spec["quantization"] = how | {"default": GRIDS[grid]}
        if how["method"] != "rtn":
            spec["calibration"] = TEXTS
    return spec


def page(summary):
    lines = ["# Quantizers by perplexity", "",
             f"{summary['date']}, {summary['machine']}. `{summary['command']}`", "",
             "The eroded reference model (`builtin:smollm2-aligned` and `builtin:smollm2-eroded` merged into SmolLM2-135M-Instruct); perplexity on the",
             "first 4,096 tokens of the bundled text in windows of 512. Methods that look at activations see 128 passages of 256 tokens of another part",
             "of it. Minutes are wall-clock of calibrating and rounding, on a machine that did other work beside; grids: weights of 4 bits in groups of 64, asymmetric (W4); 8 bits for both, symmetric, one",
             "scale a row and a token (W8A8; also with zero points for tokens, and for both); 4 bits for both (W4A4). Errors of single linears against other",
             "implementations: `tests/references/check_quantizers.py` and `check_autoround.py`.", "",
             "| grid | method | perplexity | over full precision | minutes | GiB |", "|---|---|---|---|---|---|"]
    full = next((row["perplexity"] for row in summary["rows"] if row["name"] == "fp16"), None)
    for row in summary["rows"]:
        over = f"{100 * (row['perplexity'] / full - 1):+.1f}%" if full else "–"
        lines.append(f"| {row['grid']} | {row['method']} | {row['perplexity']:.2f} | {over} | {shown(row['minutes'])} | {row['peak_memory_gib']} |")
    return "\n".join(lines) + "\n"


def main():
    options = parser_of(__doc__, "docs/results/quantizers").parse_args()
    known = [row[1] for row in ROWS]
    names = asked(options, known)
    for grid, name, how in ROWS:
        spec = spec_of(options, grid, name, how)
        mark = fingerprint(spec)
        if name not in names or (not options.again and rows_of(options).get(name, {}).get("fingerprint") == mark):
            continue
        done = run(options, "quantizer-" + name, spec)
        metrics = next(m for m in done["summary"]["metrics"] if m["model"] == ("quantized" if how else "base"))
        store(options, known,
              {"name": name, "grid": grid, "method": name[: -len(grid) - 1] if how else "not quantized", "perplexity": round(metrics["perplexity"], 3),
               "minutes": round(done["manifest"]["timings"].get("quantize", {}).get("seconds", 0) / 60, 2), "peak_memory_gib": done["peak_memory_gib"],
               "fingerprint": mark}, COMMAND, page)


if __name__ == "__main__":
    main()
