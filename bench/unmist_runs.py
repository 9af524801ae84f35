# SPDX-License-Identifier: MIT
"""unmist_runs.py - running the program and finding it; what the machine is."""
import json
import os
import re
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Failed(Exception):
    """A run that gave no figure; says why in one line."""


def find(given=None):
    """The path of the program."""
    places = [given] if given else [os.path.join(ROOT, b, "src", "cli", "unmist") for b in ("build", "build-check")]
    for path in places:
        if os.access(path, os.X_OK):
            return os.path.abspath(path)
    raise Failed(f"no program at {' or '.join(places)} (meson setup build && ninja -C build, or --unmist PATH)")


def run(program, *words):
    """Its output; Failed with what it said on stderr where it failed."""
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise Failed(said[0] if said else f"exit status {done.returncode}")
    return done.stdout


def bench(program, kind, *words):
    return json.loads(run(program, "bench", kind, *words, "--json"))


def wall_seconds(program, *words):
    """Of a whole process."""
    start = time.perf_counter()
    run(program, *words)
    return time.perf_counter() - start


def cpu_flags():
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
            found = re.search(r"^(?:flags|Features)\s*:(.*)$", f.read(), re.M)
    except OSError:
        found = None
    return set(found[1].split()) if found else set()
