#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""analyze.py BUILD [--only gcc|tidy|cppcheck] [--words WORD...] - hold the sources to three static analysers.

gcc -fanalyzer, clang-tidy with the checks of .clang-tidy, and cppcheck; what is compiled several times, as kernels are,
once for each instruction set, is analysed as the first, the portable one. BUILD has compile_commands.json. WORDs: only
sources whose path holds one. Exit
status 1 where an analyser has something to say; what it is wrong about is named in the source or in
tools/cppcheck.supp, with the reason."""
import argparse
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

# -O2: the analyser follows what the optimiser has inlined. Warnings of the build itself are not asked for again.
GCC = ["gcc", "-fanalyzer", "-O2", "-c", "-o", "/dev/null"]
CPPCHECK = ["cppcheck", "-q", "--error-exitcode=1", "--enable=warning,performance,portability", "--inline-suppr",
            "--std=c11", "--library=posix", "--suppressions-list=tools/cppcheck.supp", "-Iinclude", "-Isrc",
            "-D_GNU_SOURCE", "-D__linux__", "-DUM_TIERS_X86", "-DUM_TIER=portable", "--template=gcc"]


def compilations(build, words):
    """source: the first of its compilations"""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        lines = json.load(f)
    found = {}
    for line in lines:
        path = os.path.relpath(os.path.join(line["directory"], line["file"]))
        if path.startswith("src/") and (not words or any(word in path for word in words)):
            found.setdefault(path, {**line, "directory": os.path.abspath(line["directory"])})
    return found


# What gcc alone knows.
OF_GCC = re.compile(r" -fno-tree-\S+")


def write_database(folder, lines):
    """What clang-tidy reads: it analyses a source as often as the database has it."""
    with open(os.path.join(folder, "compile_commands.json"), "w", encoding="utf-8") as f:
        json.dump([{**line, "command": OF_GCC.sub("", line["command"])} for line in lines], f)


def ask(command):
    done = subprocess.run(command, capture_output=True, text=True)
    said = done.stdout + done.stderr
    return said if done.returncode != 0 or ": warning: " in said or ": error: " in said else ""


def of_gcc(_, path, line):
    flags = [a for a in shlex.split(line["command"]) if re.match(r"-([DIUfm]|std)", a)]
    return ask([*GCC, *(f"-I{os.path.join(line['directory'], a[2:])}" if a.startswith("-I") else a for a in flags),
                "-Wanalyzer-too-complex", path])


def of_tidy(folder, path, _):
    return ask(["clang-tidy", "--quiet", "--config-file=.clang-tidy", "--warnings-as-errors=*", "-p", folder, path])


def of_cppcheck(_, path, __):
    return ask([*CPPCHECK, path])


ANALYSERS = {"gcc": of_gcc, "tidy": of_tidy, "cppcheck": of_cppcheck}

# Freed twice, read through NULL, and read past its end: each analyser must see one of them.
PLANTED = """
#include <stdlib.h>
int f(int n)
{
    int a[4] = { 1, 2, 3, 4 }, *p = n ? malloc(4) : NULL;
    if (!n) *p = 1;
    free(p);
    free(p);
    return a[4];
}
"""


def prove(only):
    """The analysers that do not see what is planted: what they say of the sources is worth nothing."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "planted.c")
        with open(path, "w", encoding="utf-8") as f:
            f.write(PLANTED)
        line = {"directory": folder, "file": path, "command": f"cc -c {path}"}
        write_database(folder, [line])
        for name, analyser in ANALYSERS.items():
            if only in (None, name) and not analyser(folder, path, line):
                yield f"{name} does not see what is wrong with a planted source"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--words", nargs="*", default=[])
    parser.add_argument("--only", choices=("gcc", "tidy", "cppcheck"))
    args = parser.parse_args()
    found = compilations(args.build, args.words)
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        write_database(folder, found.values())
        said = list(pool.map(lambda job: ANALYSERS[job[0]](folder, *job[1:]),
                             [(name, path, line) for name in ANALYSERS if args.only in (None, name)
                              for path, line in found.items()]))
    complaints = [*prove(args.only), *(text for text in said if text)]
    print(*complaints, sep="\n")
    print(f"{len(found)} sources analysed, {len(complaints)} complaints")
    return 1 if complaints or not found else 0


if __name__ == "__main__":
    sys.exit(main())
