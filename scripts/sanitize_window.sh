#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs the tests of the window under a sanitizer: address, which finds leaks too, or thread. The engine beside it is built as ever.
# Usage: scripts/sanitize_window.sh address|thread
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:-}
case $kind in address|thread) ;; *) echo "usage: scripts/sanitize_window.sh address|thread" >&2; exit 2 ;; esac
folder=build/window-$kind
[ -f "$folder/build.ninja" ] || cmake --preset "window-$kind" >/dev/null
cmake --build "$folder" --target tests/widgets/all tests/workbench/all safequant >&2
# Libraries keep what they allocate once, and Qt's own threads are not instrumented.
printf 'leak:libfontconfig\nleak:libdbus\nleak:libGL\nleak:libEGL\n' >"$folder/leaks.txt"
printf 'race:libQt6\nrace:libdbus\nrace:libfontconfig\ncalled_from_lib:libQt6Core\n' >"$folder/races.txt"
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:detect_odr_violation=0
export LSAN_OPTIONS=suppressions=$PWD/$folder/leaks.txt:print_suppressions=0
# Programs that a test starts begin as a fork of it.
export TSAN_OPTIONS=suppressions=$PWD/$folder/races.txt:ignore_noninstrumented_modules=1:die_after_fork=0
export QT_QPA_PLATFORM=offscreen
status=0
for room in widgets workbench; do
  ctest --test-dir "$folder/tests/$room" --output-on-failure || status=$?
done
exit $status
