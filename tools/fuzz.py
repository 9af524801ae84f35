#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fuzz.py BUILD [--minutes M] [--all S] [TARGET ...] - search with libFuzzer in the targets that BUILD has, and print
what each did.

--minutes gives each target so long, all of them side by side; --all divides so many seconds of this machine's
processors among them. New inputs are kept in BUILD/fuzz/TARGET/corpus, findings beside it, with the log. Limits: 2 GiB
of memory, 512 MiB at once, 10 seconds an input. Exit status 1 where something was found."""
import argparse
import concurrent.futures
import glob
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "tests", "fuzz")
LIMITS = ["-rss_limit_mb=2048", "-malloc_limit_mb=512", "-timeout=10", "-max_len=65536", "-len_control=20"]


class Search:
    """One target at work."""

    def __init__(self, build, name, seconds, scratch):
        self.name, self.seconds, self.scratch = name, seconds, scratch
        self.program = os.path.join(build, "tests", "fuzz", "fuzz_" + name)
        self.place = os.path.join(build, "fuzz", name)
        os.makedirs(os.path.join(self.place, "corpus"), exist_ok=True)

    def command(self):
        given = [os.path.join(HERE, kind, self.name) for kind in ("corpus", "regressions")]
        words = os.path.join(HERE, "dictionaries", self.name + ".dict")
        return [self.program, *LIMITS, "-seed=1", f"-max_total_time={self.seconds}", "-print_final_stats=1",
                f"-artifact_prefix={self.place}/", *([f"-dict={words}"] if os.path.exists(words) else []),
                os.path.join(self.place, "corpus"), *filter(os.path.isdir, given)]

    def run(self):
        env = dict(os.environ, OMP_NUM_THREADS="1", TMPDIR=self.scratch,
                   UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1",
                   ASAN_OPTIONS="detect_leaks=1:quarantine_size_mb=16")
        begin = time.time()
        with open(os.path.join(self.place, "log"), "wb") as log:
            process = subprocess.Popen(self.command(), stdout=log, stderr=log, env=env)
            _, status, usage = os.wait4(process.pid, 0)
        self.status, self.wall = os.waitstatus_to_exitcode(status), time.time() - begin
        process.returncode = self.status
        self.cpu = usage.ru_utime + usage.ru_stime
        return self

    def figures(self):
        """(executions, edges seen, MiB, findings)"""
        with open(os.path.join(self.place, "log"), errors="replace") as log:
            text = log.read()

        def last(pattern):
            found = re.findall(pattern, text)
            return int(found[-1]) if found else 0
        runs = last(r"stat::number_of_executed_units: (\d+)") or last(r"^#(\d+)\s")
        found = [p for k in ("crash", "leak", "oom", "timeout") for p in glob.glob(os.path.join(self.place, k + "-*"))]
        return runs, last(r" cov: (\d+) "), last(r"stat::peak_rss_mb: +(\d+)"), max(len(found), int(self.status != 0))


def targets(build):
    found = (os.path.basename(p)[5:] for p in glob.glob(os.path.join(build, "tests", "fuzz", "fuzz_*")))
    return sorted(n for n in found if "." not in n)


def report(searches):
    """The table; how many findings there were."""
    line = "{:<14} {:>12} {:>9} {:>8} {:>8} {:>6} {:>9}"
    print(line.format("target", "executions", "coverage", "seconds", "CPU s", "MiB", "findings"))
    total = [0, 0, 0, 0]
    for s in sorted(searches, key=lambda s: s.name):
        runs, edges, most, found = s.figures()
        print(line.format(s.name, runs, edges, f"{s.wall:.0f}", f"{s.cpu:.0f}", most, found))
        total = [a + b for a, b in zip(total, (runs, s.wall, s.cpu, found))]
        if found:
            print(f"  see {s.place}")
    print(line.format("all", total[0], "", f"{total[1]:.0f}", f"{total[2]:.0f}", "", total[3]))
    return total[3]


def main(words):
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--all", type=int, default=60)
    parser.add_argument("targets", nargs="*")
    args = parser.parse_args(words)
    names = args.targets or targets(args.build)
    if not names:
        sys.exit(f"{args.build}: no fuzz targets (ninja -C {args.build} fuzz)")
    processors = len(os.sched_getaffinity(0))
    beside = len(names) if args.minutes else processors
    seconds = int(60 * args.minutes) if args.minutes else max(1, args.all * processors // len(names))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    scratch = tempfile.mkdtemp(prefix="unmist-fuzz-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    try:
        searches = [Search(args.build, n, seconds, scratch) for n in names]
        with concurrent.futures.ThreadPoolExecutor(beside) as pool:
            done = list(pool.map(Search.run, searches))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return 1 if report(done) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
