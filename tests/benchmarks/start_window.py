#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time from the start of the workbench's process to its first painted window, on an X display (DISPLAY, or xvfb-run in front).

    xvfb-run -a tests/benchmarks/start_window.py build/release/app/workbench/safequant-workbench build/release/app/cli/safequant [STARTS]

The display is asked every 2 ms whether a window of the process is viewable and has been drawn in more than one colour. The first start
warms the disk and does not count. The baseline is what the window promises: one second. Needs Python's standard library and libX11.
"""
import ctypes
import ctypes.util
import json
import os
import subprocess
import sys
import tempfile
import time

PROMISE = 1000.0
LIMIT = 30.0
VIEWABLE = 2
ALL_PLANES = ctypes.c_ulong(-1)
Z_PIXMAP = 2
STEP = 37  # Every so many pixels are looked at.


class Attributes(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_int), ("width", ctypes.c_int), ("height", ctypes.c_int), ("border_width", ctypes.c_int),
                ("depth", ctypes.c_int), ("visual", ctypes.c_void_p), ("root", ctypes.c_ulong), ("class_", ctypes.c_int),
                ("bit_gravity", ctypes.c_int), ("win_gravity", ctypes.c_int), ("backing_store", ctypes.c_int),
                ("backing_planes", ctypes.c_ulong), ("backing_pixel", ctypes.c_ulong), ("save_under", ctypes.c_int),
                ("colormap", ctypes.c_ulong), ("map_installed", ctypes.c_int), ("map_state", ctypes.c_int),
                ("all_event_masks", ctypes.c_long), ("your_event_mask", ctypes.c_long), ("do_not_propagate_mask", ctypes.c_long),
                ("override_redirect", ctypes.c_int), ("screen", ctypes.c_void_p)]


class Display:
    def __init__(self):
        self.x = ctypes.CDLL(ctypes.util.find_library("X11"))
        for name, result in (("XOpenDisplay", ctypes.c_void_p), ("XDefaultRootWindow", ctypes.c_ulong), ("XGetImage", ctypes.c_void_p),
                             ("XGetPixel", ctypes.c_ulong)):
            getattr(self.x, name).restype = result
        self.handler = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda display, error: 0)
        self.x.XSetErrorHandler(self.handler)
        self.display = ctypes.c_void_p(self.x.XOpenDisplay(None))
        if not self.display:
            sys.exit("There is no X display: put xvfb-run -a in front.")
        self.root = ctypes.c_ulong(self.x.XDefaultRootWindow(self.display))

    def painted(self):
        root, parent, children, count = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.POINTER(ctypes.c_ulong)(), ctypes.c_uint()
        self.x.XQueryTree(self.display, self.root, ctypes.byref(root), ctypes.byref(parent), ctypes.byref(children), ctypes.byref(count))
        windows = [children[index] for index in range(count.value)]
        if children:
            self.x.XFree(children)
        return any(self.drawn(ctypes.c_ulong(window)) for window in windows)

    def drawn(self, window):
        about = Attributes()
        if not self.x.XGetWindowAttributes(self.display, window, ctypes.byref(about)) or about.map_state != VIEWABLE or about.width < 200:
            return False
        # A row through the window's upper third: text and cards stand there.
        image = ctypes.c_void_p(self.x.XGetImage(self.display, window, 0, about.height // 3, about.width, 1, ALL_PLANES, Z_PIXMAP))
        if not image:
            return False
        colours = {self.x.XGetPixel(image, x, 0) for x in range(0, about.width, STEP)}
        self.x.XDestroyImage(image)
        return len(colours) > 1


def start(display, workbench, engine, folder):
    environment = dict(os.environ, QT_QPA_PLATFORM="xcb", XDG_CONFIG_HOME=folder, XDG_DATA_HOME=folder)
    begin = time.monotonic()
    process = subprocess.Popen([workbench, "--engine", engine, "--workspace", folder], env=environment, stderr=subprocess.DEVNULL)
    try:
        while not display.painted():
            if process.poll() is not None or time.monotonic() - begin > LIMIT:
                sys.exit("The window did not appear.")
            time.sleep(0.002)
        return 1000.0 * (time.monotonic() - begin)
    finally:
        process.kill()
        process.wait()
        while display.painted():
            time.sleep(0.01)


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    display = Display()
    with tempfile.TemporaryDirectory() as folder:
        times = [start(display, sys.argv[1], sys.argv[2], folder) for _ in range(1 + int(sys.argv[3] if len(sys.argv) == 4 else 10))][1:]
    times.sort()
    for name, value in (("median", times[len(times) // 2]), ("longest", times[-1])):
        print(json.dumps({"name": f"workbench: start to first painted window, {name} of {len(times)}", "ours": round(value, 1),
                          "baseline": PROMISE, "ratio": round(value / PROMISE, 3), "unit": "ms"}))


if __name__ == "__main__":
    main()
