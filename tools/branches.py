#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""branches.py BUILD LEAST FOLDER... - branch coverage of each folder, and of its files, by gcovr from what the tests of
BUILD have run. Exit status 1 where a folder has less than LEAST per cent.

Branches that gcc makes but no source has (unreachable ones, those of exceptions) do not count; all others do."""
import json
import subprocess
import sys

GCOVR = ["gcovr", "--root", ".", "--branches", "--exclude-unreachable-branches", "--exclude-throw-branches",
         "--json-summary", "-"]


def part(taken, of):
    return 100 * taken / of if of else 100


def main(build, least, *folders):
    found = [word for folder in folders for word in ("--filter", f"{folder}/")]
    text = subprocess.run([*GCOVR, *found, build], check=True, stdout=subprocess.PIPE, text=True).stdout
    files = json.loads(text)["files"]
    poor = 0
    for folder in folders:
        own = [(part(f["branch_covered"], f["branch_total"]), f) for f in files
                     if f["filename"].startswith(folder + "/")]
        for per_cent, f in sorted(own, key=lambda pair: pair[1]["filename"]):
            print(f"{per_cent:6.1f} %  {f['branch_covered']:5} of {f['branch_total']:5}  {f['filename']}")
        taken, of = sum(f["branch_covered"] for _, f in own), sum(f["branch_total"] for _, f in own)
        print(f"{part(taken, of):6.1f} %  {taken:5} of {of:5}  {folder}\n")
        poor += not own or part(taken, of) < float(least)
    if poor:
        print(f"{poor} of {len(folders)} folders have less than {least} % of their branches tested")
    return 1 if poor else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
