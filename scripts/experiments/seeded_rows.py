# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of a table that are runs over one or more seeds: rates by prompt, kept by fingerprint, with the mean of seeds."""
import json
import os

from tables import asked, fingerprint, rows_of, run, shown, store, write_json


def percent(rate):
    return round(100 * rate["value"], 2)


def interval(rate):
    return [round(100 * rate["wilson"]["low"], 2), round(100 * rate["wilson"]["high"], 2)]


def measured(done, quantized):
    """Numbers of one run, and its verdicts by prompt id."""
    model = "quantized" if quantized else "base"
    summary = done["summary"]
    metrics = next(m for m in summary["metrics"] if m["model"] == model)
    tasks = {task["task"]: percent(task["accuracy"]) for task in summary["tasks"] if task["model"] == model}
    verdicts = {}
    for line in open(os.path.join(done["folder"], "generations.jsonl")):
        answer = json.loads(line)
        if answer["model"] == model and answer.get("label") in ("malicious", "benign", "hard_benign"):
            verdicts[answer["id"]] = [answer["label"], answer["outcome"]]
    numbers = {"harmful_score": percent(metrics["harmful_score"]), "harmful_score_ci": interval(metrics["harmful_score"]),
            "incoherent": percent(metrics["incoherent_malicious"]), "over_refusal": percent(metrics["refused_benign"]),
            "hard_refusal": percent(metrics["refused_hard_benign"]),
            "task_accuracy": tasks.get("banking-intents"),
            "perplexity": round(metrics["perplexity"], 3), "n_malicious": metrics["harmful_score"]["total"],
            "n_benign": metrics["refused_benign"]["total"],
            "minutes": round(sum(done["manifest"]["timings"].get(stage, {}).get("seconds", 0) for stage in ("patch", "quantize")) / 60, 2),
            "peak_memory_gib": done["peak_memory_gib"]}
    if "arc-easy" in tasks:
        numbers["arc_easy_accuracy"] = tasks["arc-easy"]
    if "patch" in done["manifest"]:
        patch = done["manifest"]["patch"]
        numbers["codes_changed"] = round(100 * patch["changed"] / patch["codes"], 4)
    return numbers, verdicts


def kept(options, name, seed, verdicts, mark):
    """The measured numbers of a row's seed when it stands in the table with the same fingerprint, else None."""
    row = rows_of(options).get(name, {})
    for result in row.get("by_seed", [row]):
        if result.get("seed", seed) == seed and result.get("fingerprint") == mark and os.path.exists(verdicts):
            return {key: value for key, value in result.items() if key not in ("name", "seed", "seeds")}
    return None


def mean_row(name, seeds, results, planned):
    row = {"name": name}
    for key in results[0]:
        values = [result[key] for result in results]
        if key == "fingerprint":
            if planned == 1:
                row[key] = values[0]
        elif key == "harmful_score_ci":
            row[key] = [round(sum(v[0] for v in values) / len(values), 2), round(sum(v[1] for v in values) / len(values), 2)]
        elif None in values or key.startswith("n_"):
            row[key] = values[0]
        else:
            row[key] = round(sum(values) / len(values), 3)
    row["seeds"] = len(seeds)
    if planned > 1:
        row["by_seed"] = [dict(result, seed=seed) for seed, result in zip(seeds, results)]
    return row


# Columns of most tables: title, key of a row's number.
RATES = [("incoherent", "incoherent"), ("refusal on benign", "over_refusal"), ("on hard benign", "hard_refusal"), ("FA", "task_accuracy")]
COSTS = [("minutes", "minutes"), ("GiB", "peak_memory_gib")]


def table_lines(rows, columns):
    """A table with each row's harmful score and these columns, (title, key of its number or what makes a row its text)."""
    head = ["row", "HS"] + [title for title, _ in columns]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        low, high = row["harmful_score_ci"]
        cells = [row["name"] + (f" (mean of {row['seeds']} seeds)" if row["seeds"] > 1 else ""), f"{shown(row['harmful_score'])} [{low:.1f}, {high:.1f}]"]
        cells += [what(row) if callable(what) else shown(row.get(what)) for _, what in columns]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def make_rows(options, rows, spec_of, command, page):
    """Measures the rows asked for, one run a seed. ROWS: name, seeds, and what SPEC_OF(options, name, seed, *rest) makes a run's spec of."""
    os.makedirs(options.output, exist_ok=True)
    names = [row[0] for row in rows]
    for name, seeds, *rest in rows:
        if name in asked(options, names):
            make_row(options, names, name, seeds, {seed: spec_of(options, name, seed, *rest) for seed in seeds}, command, page)


def make_row(options, names, name, seeds, specs, command, page):
    paths = {seed: os.path.join(options.output, f"{name}{'' if len(seeds) == 1 else f'-seed{seed}'}.json") for seed in seeds}
    marks = {seed: fingerprint(spec) for seed, spec in specs.items()}
    results = {seed: None if options.again else kept(options, name, seed, paths[seed], marks[seed]) for seed in seeds}
    for seed in seeds:
        if results[seed] is not None:
            continue
        results[seed], verdicts = measured(run(options, f"{name}-{seed}", specs[seed]), "quantize" in specs[seed]["stages"])
        results[seed]["fingerprint"] = marks[seed]
        write_json(paths[seed], verdicts, 0)
        # A row of which some seeds are done says so by their number.
        done = [seed for seed in seeds if results[seed] is not None]
        store(options, names, mean_row(name, done, [results[seed] for seed in done], len(seeds)), command, page)
