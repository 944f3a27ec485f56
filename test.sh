#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs what is needed, builds with assertions and runs every test. The last line is "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")"
. scripts/common.sh

# What tests alone need: a display and a bus, to meet the window as assistive technology does, and an ssh server to be another machine.
packages+=(at-spi2-core dbus gir1.2-atspi-2.0 python3-gi xauth xvfb openssh-client openssh-server)
install_packages
fetch_model >/dev/null
build test

say "Testing"
results=build/test/ctest.xml
rm -f "$results"
status=0
QT_QPA_PLATFORM=offscreen ctest --test-dir build/test --parallel 2 --output-on-failure --output-junit ctest.xml >&2 || status=$?
[ -f "$results" ] || die "ctest left no results"
python3 - "$results" <<'PY'
import sys
import xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot()
cases = suite.findall("testcase")
failed = sum(1 for case in cases if case.get("status") != "run")
print(f"{len(cases) - failed} passed, {failed} failed")
sys.exit(1 if failed or not cases else 0)
PY
exit "$status"
