#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Fuzzes the readers of files from outside, with AddressSanitizer and UndefinedBehaviorSanitizer.
# Usage: scripts/fuzz.sh SECONDS [TARGET...]   (targets: tests/fuzz/targets.h; all by default, two at a time)
# Needs clang-14, libclang-rt-14-dev and libomp-14-dev. Found inputs stay in build/fuzz/found; a table of edges covered ends the run.
set -euo pipefail
seconds=${1:?usage: scripts/fuzz.sh SECONDS [TARGET...]}; shift
cd "$(dirname "$0")/.."
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(gguf huggingface adapter tokenizer template prompts runspec protocol runfolder)

[ -f build/fuzz/build.ninja ] || cmake --preset fuzz >/dev/null
cmake --build build/fuzz --target "${targets[@]/#/fuzz_}" >&2
mkdir -p build/fuzz/found build/fuzz/logs

fuzz() {
  local name=$1 corpus=build/fuzz/corpus/$1
  mkdir -p "$corpus"
  OMP_NUM_THREADS=1 build/fuzz/tests/fuzz/fuzz_"$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=3000 -max_len=65536 \
    -use_value_profile=1 -print_final_stats=1 -artifact_prefix="build/fuzz/found/$name-" "$corpus" "tests/fuzz/seeds/$name" \
    >"build/fuzz/logs/$name.log" 2>&1
}
export -f fuzz; export seconds
status=0
printf '%s\n' "${targets[@]}" | xargs -P 2 -I{} bash -c 'fuzz {}' || status=1

printf '%-12s %10s %8s %8s %9s  %s\n' target inputs edges of share result
for name in "${targets[@]}"; do
  log=build/fuzz/logs/$name.log
  total=$(sed -nE 's/.*Loaded 1 modules +\(([0-9]+) inline.*/\1/p' "$log" | head -1)
  edges=$(grep -oE 'cov: [0-9]+' "$log" | tail -1 | cut -d' ' -f2 || true)
  inputs=$(sed -nE 's/^stat::number_of_executed_units: +//p' "$log")
  result=clean; grep -qE '^(==.*ERROR|SUMMARY)' "$log" && result="FAILED, see $log"
  printf '%-12s %10s %8s %8s %8s%%  %s\n' "$name" "${inputs:-?}" "${edges:-?}" "${total:-?}" \
    "$(awk -v a="${edges:-0}" -v b="${total:-1}" 'BEGIN {printf "%.1f", 100 * a / b}')" "$result"
done
exit "$status"
