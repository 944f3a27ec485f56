#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs, builds, gets the example model and opens the workbench with the example started.
set -euo pipefail
usage() {
  cat <<'TEXT'
Usage: ./run.sh [--model PATH] [--headless] [--workspace DIR]

Opens the workbench with the example started: SmolLM2-135M-Instruct, whose refusals a harmless fine-tuning has eroded, is
quantized to 8 bits by Q-realign, which restores them. Everything that is needed is installed and built first; a second call
starts in seconds.

  --model PATH      instead, the default run (4-bit weights, groups of 64) on a GGUF file or a Hugging Face folder
  --headless        no window: the same run on the terminal; leaves a run folder with plots and a summary
                    (also chosen when there is no display)
  --workspace DIR   where runs are kept (default: ~/.local/share/safequant/workspace)
TEXT
}

model= headless= workspace=
while [ $# -gt 0 ]; do
  case $1 in
    --model) [ $# -gt 1 ] || { usage >&2; exit 2; }; model=$(realpath -m -- "$2"); shift 2 ;;
    --workspace) [ $# -gt 1 ] || { usage >&2; exit 2; }; workspace=$(realpath -m -- "$2"); shift 2 ;;
    --headless) headless=1; shift ;;
    -h|--help) usage; exit 0 ;;
    *) echo "unknown option: $1" >&2; usage >&2; exit 2 ;;
  esac
done

cd "$(dirname "$0")"
. scripts/common.sh
[ -z "$model" ] || [ -e "$model" ] || die "no model at $model"
[ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || headless=1
if [ -z "$workspace" ]; then
  case "${XDG_DATA_HOME:-}" in /*) workspace=$XDG_DATA_HOME ;; *) workspace=$HOME/.local/share ;; esac
  workspace=$workspace/safequant/workspace
fi

install_packages
build release
run=--default
[ -n "$model" ] || { run=--example; model=$(fetch_model); }

if [ -n "$headless" ]; then
  exec build/release/app/cli/safequant run "$run" --model "$model" --workspace "$workspace" --plots
fi
if [ "$run" = --example ]; then
  exec build/release/app/workbench/safequant-workbench --engine "$PWD/build/release/app/cli/safequant" --workspace "$workspace" --example
fi
exec build/release/app/workbench/safequant-workbench --engine "$PWD/build/release/app/cli/safequant" --workspace "$workspace" --model "$model" --start
