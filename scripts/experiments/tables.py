# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tables of experiments share: runs of the product, known by fingerprint, and the file their rows are kept in.

A row that the table has with the fingerprint of today's spec (model, adapters, prompts and texts by their SHA-256) is not computed again, in
whatever workspace it was. Settings that a spec leaves open are the program's defaults, which the fingerprint does not know: --again.
"""
import argparse
import datetime
import fcntl
import functools
import glob
import hashlib
import json
import os
import platform
import subprocess
import sys

RESOURCES = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "resources"))


def parser_of(description, output):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("safequant", "workspace", "model"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--aligned", default=os.path.join(RESOURCES, "models", "smollm2-aligned"))
    parser.add_argument("--eroded", default=os.path.join(RESOURCES, "models", "smollm2-eroded"))
    parser.add_argument("--rows", nargs="*", help="only these (default: all)")
    parser.add_argument("--again", action="store_true", help="measure rows that stand in the table, too")
    parser.add_argument("--output", default=output)
    return parser


def asked(options, known):
    """Names of the rows to make, in the table's order."""
    for name in options.rows or []:
        if name not in known:
            sys.exit(f"There is no row {name}; rows are {', '.join(known)}.")
    return [name for name in known if not options.rows or name in options.rows]


@functools.lru_cache(maxsize=None)
def content(path):
    """SHA-256 of a file, or of a folder's files by name."""
    if os.path.isdir(path):
        parts = [f"{name} {content(os.path.join(path, name))}" for name in sorted(os.listdir(path)) if not name.endswith(".md")]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def fingerprint(spec):
    """What decides a run's result, but for the program's own defaults; the same on every machine."""
    known = {key: value for key, value in spec.items() if key != "name"}
    # Capturing activations changes no answer.
    known["stages"] = (["capture"] if "quantize" in spec["stages"] else []) + [stage for stage in spec["stages"] if stage != "capture"]
    known["checkpoint"] = content(spec["checkpoint"])
    known["adapters"] = [content(path) for path in spec["adapters"]]
    if "signature" in spec.get("aligned", {}):
        known["aligned"] = {"signature": os.path.basename(spec["aligned"]["signature"])}
    elif "aligned" in spec:
        known["aligned"] = {"adapters": [content(path) for path in spec["aligned"]["adapters"]]}
    known["resources"] = [content(os.path.join(RESOURCES, name)) for name in ("prompts", "texts", "tasks")]
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def begun(options, spec, since):
    """Newest run folder of this spec that a stop or a kill left unfinished and that was made after SINCE (seconds of the epoch), or None."""
    for path in sorted(glob.glob(os.path.join(options.workspace, "runs", "*", "manifest.json")), reverse=True):
        manifest = read_json(path)
        created = datetime.datetime.fromisoformat(manifest["created"].replace("Z", "+00:00")).timestamp()
        if manifest["name"] == spec["name"] and manifest["status"] != "finished" and created >= int(since):
            return os.path.dirname(path)
    return None


def run(options, name, spec):
    """Folder of the finished run of a spec, its summary, its manifest, and its peak memory in GiB; what was begun in this workspace goes on.

    A run that goes on has the peak memory of its last part: each block needs the same."""
    folder = os.path.join(options.workspace, "table")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{name}.json")
    earlier = None
    if os.path.exists(path) and read_json(path) == spec:
        earlier = begun(options, spec, os.path.getmtime(path))
    else:
        write_json(path, spec)
    print(f"== {name}", file=sys.stderr, flush=True)
    command = [options.safequant, "run"] + (["--resume", earlier] if earlier else [path, "--workspace", options.workspace])
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{name}: the run failed with code {os.waitstatus_to_exitcode(status)}")
    run_folder = output.strip().splitlines()[-1]
    return {"folder": run_folder, "summary": read_json(os.path.join(run_folder, "summary.json")),
            "manifest": read_json(os.path.join(run_folder, "manifest.json")), "peak_memory_gib": round(usage.ru_maxrss / 2**20, 2)}


def read_json(path):
    with open(path) as file:
        return json.load(file)


def write_json(path, value, indent=1):
    with open(path, "w") as file:
        json.dump(value, file, indent=indent)


def rows_of(options):
    """Rows of the table by name."""
    path = options.output + ".json"
    return {row["name"]: row for row in read_json(path)["rows"]} if os.path.exists(path) else {}


def cpu_name():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def store(options, known, row, command, render):
    """Puts a row into the table, where others may be at work on other rows; `render` makes the page's text of the whole."""
    folder = os.open(os.path.dirname(os.path.abspath(options.output)), os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    rows = rows_of(options) | {row["name"]: row}
    summary = {"command": command, "date": datetime.date.today().isoformat(), "machine": f"{os.cpu_count()} cores, {cpu_name()}",
               "rows": [rows[name] for name in known if name in rows]}
    write_json(options.output + ".json", summary)
    with open(options.output + ".md", "w") as file:
        file.write(render(summary))
    os.close(folder)


def shown(value):
    return "–" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)
