# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the cache that `safequant download` writes with the one that huggingface_hub writes, both from the tests' own Hub.

    python3 check_hub_cache.py PROGRAM

PROGRAM is the built safequant. Each downloads a model with large and small files, at a branch and at a tag. Every blob, link and ref must be
the same, huggingface_hub must find what safequant fetched without the network, and safequant what huggingface_hub fetched.

Written for: huggingface_hub 2.4.0. Prints a line a check, exits 1 when one fails.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).parent
program = pathlib.Path(sys.argv[1]).resolve()
failures = 0


def check(what, good, seen=""):
    global failures
    failures += not good
    print(("same    " if good else "DIFFERS ") + what, seen if not good else "")


def layout(home):
    """Every file of the cache with its bytes, every link with its target, without locks and what only huggingface_hub keeps."""
    hub = home / "hub"
    entries = {}
    for path in sorted(hub.rglob("*")):
        name = path.relative_to(hub)
        if name.parts[0] in (".locks", "CACHEDIR.TAG") or "trees" in name.parts:
            continue
        if path.is_symlink():
            entries[str(name)] = os.readlink(path)
        elif path.is_file():
            entries[str(name)] = path.read_bytes()
    return entries


def ours(home, *arguments):
    return subprocess.run([program, *arguments], env={**environment, "HF_HOME": str(home)}, capture_output=True, text=True)


def theirs(home, code):
    done = subprocess.run([sys.executable, "-c", "from huggingface_hub import *\n" + code], env={**environment, "HF_HOME": str(home)},
                          capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else "failed: " + done.stderr.strip().splitlines()[-1]


with tempfile.TemporaryDirectory() as scratch:
    scratch = pathlib.Path(scratch)
    model = scratch / "models/org/tiny"
    shutil.copytree(here / "../data/model/tiny_bias", model, ignore=shutil.ignore_patterns("expected.json"))
    (model / "README.md").write_text("# tiny\n")
    server = subprocess.Popen([sys.executable, here / "../core/hub/hub_server.py", scratch / "models"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True)
    port = json.loads(server.stdout.readline())["hub"]
    environment = {**os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{port}", "no_proxy": "127.0.0.1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    for name in ("HF_HUB_CACHE", "HF_TOKEN", "HF_HUB_OFFLINE"):
        environment.pop(name, None)
    first, second = scratch / "ours", scratch / "theirs"

    files = [file.name for file in model.iterdir() if file.name != "README.md"]
    for revision in ("main", "v1.0"):
        fetched = ours(first, "download", "org/tiny", "--revision", revision, "--yes")
        check(f"safequant downloads {revision}", fetched.returncode == 0, fetched.stderr)
        path = theirs(second, f"print(snapshot_download('org/tiny', revision={revision!r}, allow_patterns={files}))")
        check(f"huggingface_hub downloads {revision}", path.startswith(str(second)), path)
    a, b = layout(first), layout(second)
    for name in sorted(a.keys() | b.keys()):
        check(name, a.get(name) == b.get(name), f"{str(a.get(name))[:60]} / {str(b.get(name))[:60]}")

    for revision in ("main", "v1.0"):
        path = ours(first, "download", "org/tiny@" + revision, "--yes").stdout.strip()
        check(f"huggingface_hub finds ours at {revision}",
              theirs(first, f"print(snapshot_download('org/tiny', revision={revision!r}, local_files_only=True))") == path)
    check("huggingface_hub finds one file of ours", theirs(first, "print(hf_hub_download('org/tiny', 'config.json', local_files_only=True))").endswith("config.json"))
    scanned = theirs(first, "cache = scan_cache_dir(); print(len(cache.warnings), [(r.repo_id, len(r.revisions), r.nb_files) for r in cache.repos])")
    check("huggingface_hub's scan of ours", scanned == f"0 [('org/tiny', 1, {len(files)})]", scanned)

    inspected = ours(second, "inspect", "org/tiny", "--json")
    check("safequant opens theirs", inspected.returncode == 0, inspected.stderr)
    again = ours(second, "download", "org/tiny", "--yes", "--json")
    check("safequant fetches nothing over theirs", again.returncode == 0 and json.loads(again.stdout)["received_bytes"] == 0, again.stdout)
    server.stdin.close()
    server.wait()

sys.exit(1 if failures else 0)
