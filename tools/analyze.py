#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""analyze.py BUILD [--only gcc|tidy|cppcheck] [--words WORD...] - hold the sources to three static analysers.

gcc -fanalyzer, clang-tidy with the checks of .clang-tidy, and cppcheck; of kernels, which are compiled once for each
instruction set, the portable ones. BUILD has compile_commands.json. WORDs: only sources whose path holds one. Exit
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
            "-D_GNU_SOURCE", "-D__linux__", "-DUM_TIERS_X86", "-DUM_TIER=portable", "--template=gcc",
            f"-j{os.cpu_count()}"]


def sources(build, words):
    """source: the arguments of its first compilation, without those of input and output"""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        lines = json.load(f)
    found = {}
    for line in lines:
        path = os.path.relpath(os.path.join(line["directory"], line["file"]))
        if path.startswith("src/") and (not words or any(word in path for word in words)):
            found.setdefault(path, [a for a in shlex.split(line["command"]) if re.match(r"-([DIUfmW]|std)", a)])
    return found


def ask(command):
    done = subprocess.run(command, capture_output=True, text=True)
    said = done.stdout + done.stderr
    return said if done.returncode != 0 or ": warning: " in said or ": error: " in said else ""


def of_gcc(build, path, args):
    flags = [a for a in args if not a.startswith("-W")]
    return ask([*GCC, *(f"-I{os.path.join(build, a[2:])}" if a.startswith("-I") else a for a in flags),
                "-Wanalyzer-too-complex", path])


def of_tidy(build, path, _):
    return ask(["clang-tidy", "--quiet", "--warnings-as-errors=*", "-p", build, path])


def of_cppcheck(_, *paths):
    return ask([*CPPCHECK, *paths])


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
        with open(os.path.join(folder, "compile_commands.json"), "w", encoding="utf-8") as f:
            json.dump([{"directory": folder, "file": path, "command": f"cc -c {path}"}], f)
        for name, said in (("gcc", lambda: of_gcc(folder, path, [])), ("tidy", lambda: of_tidy(folder, path, [])),
                           ("cppcheck", lambda: of_cppcheck(folder, path))):
            if only in (None, name) and not said():
                yield f"{name} does not see what is wrong with a planted source"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--words", nargs="*", default=[])
    parser.add_argument("--only", choices=("gcc", "tidy", "cppcheck"))
    args = parser.parse_args()
    found = sources(args.build, args.words)
    jobs = [(tool, args.build, path, flags) for name, tool in (("gcc", of_gcc), ("tidy", of_tidy))
            if args.only in (None, name) for path, flags in found.items()]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        said = list(pool.map(lambda job: job[0](*job[1:]), jobs))
    if args.only in (None, "cppcheck"):
        said.append(of_cppcheck(args.build, *found))
    complaints = [*prove(args.only), *(text for text in said if text)]
    print(*complaints, sep="\n")
    print(f"{len(found)} sources analysed, {len(complaints)} complaints")
    return 1 if complaints or not found else 0


if __name__ == "__main__":
    sys.exit(main())
