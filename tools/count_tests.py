#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""count_tests.py TESTLOG.JSON... [--skipped REASON]... - print which kernel tiers were tested, and on the last line
`N passed, N failed, N skipped` for what meson test has logged.

A program of cmocka or of Python's unittest counts as the claims that it ran, any other test as one, as does a log that
is missing (failed) and a part left out for a REASON (skipped). Exit status 1 where one failed or none ran."""
import argparse
import json
import os
import re
import sys

CMOCKA = re.compile(r"^\[ +(PASSED|FAILED|SKIPPED|ERROR) +\] (?:\w+: )?(\d+) test\(s\)", re.M)
UNITTEST = re.compile(r"^Ran (\d+) tests? in [\d.]+s\n\n(?:OK|FAILED)(?: \((.*)\))?$", re.M)
TIER = re.compile(r"^ +tier (\w+)$", re.M)
PASSED, SKIPPED = {"OK", "EXPECTEDFAIL"}, {"SKIP", "IGNORED"}


def count(entry):
    """(passed, failed, skipped) of one line of the log."""
    found = {"PASSED": 0, "FAILED": 0, "SKIPPED": 0, "ERROR": 0}
    printed = entry.get("stdout", "") + "\n" + entry.get("stderr", "")
    for what, number in CMOCKA.findall(printed):
        found[what] += int(number)
    for ran, rest in UNITTEST.findall(printed):
        not_passed = {"failures": 0, "errors": 0, "skipped": 0,
                      **{k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", rest)}}
        wrong = min(int(ran), not_passed["failures"] + not_passed["errors"])  # a claim may fail in several ways
        found["FAILED"] += wrong
        found["SKIPPED"] += not_passed["skipped"]
        found["PASSED"] += int(ran) - wrong - not_passed["skipped"]
    passed, failed, skipped = found["PASSED"], found["FAILED"] + found["ERROR"], found["SKIPPED"]
    if entry["result"] in SKIPPED:
        return passed, failed, max(skipped, 1)
    if entry["result"] not in PASSED:
        return passed, max(failed, 1), skipped
    return (passed if passed or skipped else 1), failed, skipped


def entries(path):
    """The lines of one log."""
    if not os.path.exists(path):
        return [{"result": "FAIL"}]
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def note_tiers(entry, tiers):
    """tiers[emulator] gains what the test's program told, in the order of the first telling."""
    emulator = next((w for w in map(os.path.basename, entry.get("command", [])) if w.startswith("qemu-")), "")
    for name in TIER.findall(entry.get("stdout", "")):
        tiers.setdefault(emulator, {})[name] = True


def main(words):
    parser = argparse.ArgumentParser()
    parser.add_argument("logs", nargs="*")
    parser.add_argument("--skipped", action="append", default=[])
    args = parser.parse_args(words)
    totals, tiers = [0, 0, len(args.skipped)], {}
    for path in args.logs:
        for entry in entries(path):
            totals = [a + b for a, b in zip(totals, count(entry))]
            note_tiers(entry, tiers)
    for reason in args.skipped:
        print(f"skipped: {reason}")
    if tiers:
        print("tiers tested:", " | ".join(" ".join(names) + (f" ({emulator})" if emulator else "")
                                          for emulator, names in tiers.items()))
    print("{} passed, {} failed, {} skipped".format(*totals))
    return 1 if totals[1] or not totals[0] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
