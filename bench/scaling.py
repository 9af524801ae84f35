#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""scaling.py - images per second against batch, image size, width and threads, by `unmist bench --json`.

Prints a Markdown table for each, as docs/performance.md has them; with --images FOLDER gnuplot, where it is there,
draws them into FOLDER/scaling-*.png. The model is that of the default [model] settings but for what grows."""
import argparse
import json
import os
import shutil
import subprocess
import sys

import unmist_runs
from unmist_runs import Failed

BATCH = 16  # where something else grows
AXES = {    # what grows: values, the words of `bench` for one of them
    "batch": ([1, 2, 4, 8, 16, 32, 64, 128], lambda v: [f"batch={v}"]),
    "size": ([16, 24, 32, 48, 64], lambda v: [f"batch={BATCH}", f"data.image_size={v}", f"model.attention={v // 2}"]),
    "width": ([32, 64, 96, 128, 192, 256], lambda v: [f"batch={BATCH}", f"model.channels={v},{2 * v},{2 * v}"]),
    "threads": (None, lambda v: [f"batch={BATCH}", f"run.threads={v}"]),
}
NAMES = {"batch": "batch", "size": "image side", "width": "channels of the first level", "threads": "threads"}


def powers(most):
    """1, 2, 4 ... and the number itself."""
    return sorted({most, *(1 << k for k in range(most.bit_length()) if 1 << k <= most)})


def measure(program, axis, value, a):
    words = AXES[axis][1](value) + [f"reps={a.reps}"]
    if axis != "threads":
        words.append(f"run.threads={a.threads}")
    row = {"value": value}
    for kind in ("train", "sample"):
        r = unmist_runs.bench(program, kind, *words)
        row[kind] = r["images_per_second"]
        row[kind + "_mib"] = r["peak_rss_mib"]
    return row


def table(axis, rows):
    print(f"| {NAMES[axis]} | train, images/s | peak MiB | forward, images/s | peak MiB |\n|---|---|---|---|---|")
    for r in rows:
        print(f"| {r['value']} | {r['train']:.4g} | {r['train_mib']:.0f} | {r['sample']:.4g} | {r['sample_mib']:.0f} |")
    print(flush=True)


def draw(folder, axis, rows):
    """One picture of both lines, on axes of powers of two."""
    data = "\n".join(f"{r['value']} {r['train']} {r['sample']}" for r in rows)
    script = (f"set terminal pngcairo size 640,400\nset output '{os.path.join(folder, f'scaling-{axis}.png')}'\n"
              f"set logscale xy 2\nset grid\nset key left top\nset xlabel '{NAMES[axis]}'\nset ylabel 'images/s'\n"
              f"$d << EOD\n{data}\nEOD\nplot $d using 1:2 with linespoints title 'train', "
              "$d using 1:3 with linespoints title 'forward'\n")
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--axes", default=",".join(AXES), help="some of: " + ", ".join(AXES))
    a.add_argument("--reps", type=int, default=3, help="timed steps of each figure; 3")
    a.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="all cores")
    a.add_argument("--most", type=int, default=0, help="leave larger values out (not of threads); 0: none")
    a.add_argument("--images", metavar="FOLDER", help="draw there, with gnuplot")
    a.add_argument("--json", metavar="FILE", help="write every figure there")
    a.add_argument("--unmist", metavar="PATH", help="the program; build/src/cli/unmist")
    a = a.parse_args()
    unknown = set(a.axes.split(",")) - set(AXES)
    if unknown or a.reps < 1 or a.threads < 1:
        sys.exit(f"scaling.py: --axes some of {', '.join(AXES)}; --reps and --threads at least 1")
    results = {}
    try:
        program = unmist_runs.find(a.unmist)
        for axis in a.axes.split(","):
            values = powers(a.threads) if axis == "threads" else [v for v in AXES[axis][0] if not 0 < a.most < v]
            results[axis] = [measure(program, axis, v, a) for v in values]
            table(axis, results[axis])
            if a.images and shutil.which("gnuplot"):
                draw(a.images, axis, results[axis])
    except Failed as e:
        sys.exit(f"scaling.py: {e}")
    if a.json:
        with open(a.json, "w", encoding="utf-8") as f:
            json.dump({"reps": a.reps, "threads": a.threads, "axes": results}, f, indent=2)


if __name__ == "__main__":
    main()
