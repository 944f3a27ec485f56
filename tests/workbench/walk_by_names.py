#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives the window as assistive technology does, over the AT-SPI bus: finds things by role and name, presses them, reads tables and
what plots say of themselves.

    dbus-run-session -- xvfb-run -a walk_by_names.py WORKBENCH ENGINE MAKE_TINY_RUN

Exits 77 where the accessibility bus cannot be had.
"""
import os
import re
import subprocess
import sys
import tempfile
import time

try:
    import gi
    gi.require_version("Atspi", "2.0")
    from gi.repository import Atspi, GLib
except (ImportError, ValueError) as error:
    print(f"skipped: {error}")
    sys.exit(77)

PATIENCE = 40.0
PLACES = ("Setup", "Layers", "Learning", "Answers", "Analysis", "Results", "Assess", "Report", "Log")


def asked(question, gone=None):
    """What the window answers; `gone` where the thing that was asked went away meanwhile."""
    try:
        return question()
    except GLib.GError:
        return gone


def walk(item, depth=0):
    """Everything that can be seen under an item, itself first."""
    if item is None or depth > 60:
        return
    yield item
    if asked(item.get_role) in (None, Atspi.Role.TABLE, Atspi.Role.TREE_TABLE, Atspi.Role.LIST):
        return
    for index in range(asked(item.get_child_count, 0)):
        yield from walk(asked(lambda: item.get_child_at_index(index)), depth + 1)


def has(item, state):
    states = asked(item.get_state_set)
    return states is not None and states.contains(state)


def shown(item):
    return has(item, Atspi.StateType.SHOWING) and has(item, Atspi.StateType.VISIBLE)


def patiently(what, found):
    """The first true answer of `found`."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        answer = found()
        if answer:
            return answer
        time.sleep(0.2)
    sys.exit(f"FAIL: {what}")


class Window:
    def __init__(self, process):
        self.process = process
        self.root = patiently("the window is on the accessibility bus", self.application)

    def application(self):
        if self.process.poll() is not None:
            sys.exit(f"FAIL: the window ended with code {self.process.returncode}")
        desktop = Atspi.get_desktop(0)
        for index in range(desktop.get_child_count()):
            child = desktop.get_child_at_index(index)
            if child is not None and child.get_process_id() == self.process.pid and child.get_child_count() > 0:
                return child
        return None

    def all(self, role=None, name=None):
        return [item for item in walk(self.root)
                if (role is None or asked(item.get_role) == role) and (name is None or asked(item.get_name) == name) and shown(item)]

    def one(self, role, name):
        return patiently(f"there is a {Atspi.role_get_name(role)} named {name!r}", lambda: next(iter(self.all(role, name)), None))

    def press(self, role, name):
        item = self.one(role, name)
        action = item.get_action_iface()
        if action is None or action.get_n_actions() == 0 or not action.do_action(0):
            sys.exit(f"FAIL: {name!r} cannot be pressed")

    def unnamed(self):
        return [asked(lambda: f"{item.get_role_name()} under {parent_names(item)}", "a thing that is gone") for item in walk(self.root)
                if shown(item) and has(item, Atspi.StateType.FOCUSABLE) and has(item, Atspi.StateType.ENABLED)
                and asked(item.get_name, "gone") == ""]


def parent_names(item):
    names = []
    while item is not None and len(names) < 6:
        names.append(item.get_name() or item.get_role_name())
        item = item.get_parent()
    return " < ".join(names)


def cells(table):
    grid = table.get_table_iface()
    rows, columns = grid.get_n_rows(), grid.get_n_columns()
    return [[(grid.get_accessible_at(row, column).get_name() or "") for column in range(columns)] for row in range(min(rows, 5))], rows


def check(window):
    for place in PLACES:
        window.press(Atspi.Role.CHECK_BOX if window.all(Atspi.Role.CHECK_BOX, place) else Atspi.Role.PUSH_BUTTON, place)
        time.sleep(0.5)
        unnamed = window.unnamed()
        if unnamed:
            sys.exit(f"FAIL: on the page {place} these take the focus and have no name:\n" + "\n".join(unnamed))
    window.press(Atspi.Role.CHECK_BOX if window.all(Atspi.Role.CHECK_BOX, "Layers") else Atspi.Role.PUSH_BUTTON, "Layers")
    chart = patiently("the chart is there by its name",
                      lambda: next((item for item in window.all(None, "Separability by block")
                                    if asked(item.get_role) != Atspi.Role.LABEL and asked(item.get_description)), None))
    if not re.search(r"[Bb]lock \d|\d+ of \d+ blocks", chart.get_description()):
        sys.exit(f"FAIL: the chart says of itself {chart.get_description()!r}")
    marked = [asked(item.get_name) for item in walk(window.root) if re.search(r"</?[a-z]+ ?/?>", asked(item.get_description, ""))]
    if marked:
        sys.exit(f"FAIL: these read out marks of rich text: {marked}")
    panes = [item for item in window.all() if asked(item.get_name, "").startswith("Projection, ")]
    if len(panes) < 2 or not all("n = " in pane.get_description() for pane in panes):
        sys.exit(f"FAIL: the projection's panes say {[pane.get_description() for pane in panes]}")
    table = window.one(Atspi.Role.TABLE, "Prompts with their scores at the chosen block")
    text, rows = cells(table)
    if rows == 0 or not all(row[0] in ("Malicious", "Benign", "Hard benign") for row in text):
        sys.exit(f"FAIL: the table of prompts reads {text}")
    if any(row[0] == "Malicious" and row[1] != "Malicious prompt, text hidden" for row in text):
        sys.exit("FAIL: malicious text is read out without having been asked for")
    print(f"chart: {chart.get_description()!r}; panes: {len(panes)}; prompts: {rows}")


def main():
    workbench, engine, maker = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run([maker, folder], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        environment = dict(os.environ, QT_QPA_PLATFORM="xcb", QT_LINUX_ACCESSIBILITY_ALWAYS_ON="1", QT_ACCESSIBILITY="1",
                           XDG_CONFIG_HOME=os.path.join(folder, "config"))
        os.makedirs(os.path.join(folder, "config", "safequant"))
        with open(os.path.join(folder, "config", "safequant", "workbench.ini"), "w") as settings:
            settings.write("[window]\ntour_seen=true\n")
        if Atspi.init() not in (0, 1):
            print("skipped: there is no accessibility bus")
            sys.exit(77)
        process = subprocess.Popen([workbench, "--engine", engine, "--workspace", folder, run], env=environment)
        try:
            check(Window(process))
        finally:
            process.kill()
            process.wait()
    print("PASS")


if __name__ == "__main__":
    main()
