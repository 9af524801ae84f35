#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compare_torch.py - unmist beside PyTorch on the same model, batch and threads, in turns.

Prints a row for each goal: both figures, their ratio, the goal, and whether it is met. A figure is the median
over rounds (PyTorch, unmist, PyTorch, unmist, ...) of the median step of each round. PyTorch runs diffusers'
UNet2DModel, contiguous and channels_last, AdamW fused and foreach: the best of them counts. Its training step is
forward, mse_loss, backward, clip_grad_norm_, step, zero_grad(set_to_none); ours is the trainer's own, without a
moving average, which PyTorch's has not either.

Needs torch, diffusers and numpy in some Python: ./check --interop makes build-interop, or
    python3 -m venv build-interop && build-interop/bin/python -m pip install torch diffusers numpy"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile

import models
import unmist_runs
from unmist_runs import ROOT, Failed

HERE = os.path.dirname(os.path.abspath(__file__))
INSTALL = "python3 -m venv build-interop && build-interop/bin/python -m pip install torch diffusers numpy"
BATCH = {"ddpm-cifar10-32": 8, "64,128,128": 16, "digits": 64}


# ---- the two sides ----

def python_with_torch(given):
    """A Python that has PyTorch and diffusers."""
    for python in [given] if given else [sys.executable, os.path.join(ROOT, "build-interop", "bin", "python")]:
        test = "import importlib.util as u; assert u.find_spec('torch') and u.find_spec('diffusers')"
        try:
            if subprocess.run([python, "-c", test], capture_output=True, check=False).returncode == 0:
                return python
        except OSError:
            pass
    raise Failed(f"no Python with torch and diffusers here (--python PATH, or {INSTALL})")


class Torch:
    """The worker (torch_worker.py), alive for one row."""

    def __init__(self, run):
        env = dict(os.environ, OMP_NUM_THREADS=str(run.threads), MKL_NUM_THREADS=str(run.threads))
        self.process = subprocess.Popen([run.python(), os.path.join(HERE, "torch_worker.py")], env=env, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        run.versions = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"PyTorch's worker ended with status {self.process.wait()}")
        return json.loads(line)

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class Run:
    """What all rows share."""

    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.rounds, self.threads = arguments.rounds, arguments.threads
        self.program = unmist_runs.find(arguments.unmist)
        self.versions, self._python = {}, None

    def python(self):
        self._python = self._python or python_with_torch(self.arguments.python)
        return self._python

    def config(self, model):
        return models.write(self.folder, model)

    def unmist(self, kind, *words, threads=None):
        return unmist_runs.bench(self.program, kind, *words, f"run.threads={threads or self.threads}")


def figure(value):
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


# ---- rows: each gives a dictionary with unmist, other (PyTorch), ratio, note ----

def check_parameters(model, ours, theirs):
    wanted = models.MODELS[model][1]
    if not ours == theirs == wanted:
        raise Failed(f"{model}: {ours} parameters here, {theirs} in PyTorch, {wanted} expected")


def speed(run, model, kind, precision):
    """Images per second of both, in turns."""
    batch, config = BATCH[model], run.config(model)
    with Torch(run) as torch:
        opened = torch.ask(do="open", config=config, batch=batch, kind=kind, precision=precision, threads=run.threads)
        reps = max(2, min(20, math.ceil(1 / min(opened["first"].values()))))
        theirs, ours = {mode: [] for mode in opened["kept"]}, []
        for _ in range(run.rounds):
            for mode, seconds in torch.ask(do="run", reps=reps)["seconds"].items():
                theirs[mode].append(statistics.median(seconds))
            result = run.unmist("train" if kind == "train" else "sample", config, f"batch={batch}", f"reps={reps}",
                                *([f"precision={precision}"] if precision != "f32" else []))
            check_parameters(model, result["parameters"], opened["parameters"])
            ours.append(result["median_seconds"])
    mode = min(theirs, key=lambda m: statistics.median(theirs[m]))
    us, them = statistics.median(ours), statistics.median(theirs[mode])
    return {"unit": "images/s", "unmist": batch / us, "other": batch / them, "ratio": them / us, "note": mode,
            "seconds": {"unmist": ours, "pytorch": theirs}, "isa": result["isa"]}


def memory(run, model, recompute):
    """Peak resident MiB of a training step, each in a process of its own."""
    batch, config = 32, run.config(model)
    peaks = {}
    for mode in ("contiguous+fused", "channels_last+fused"):
        with Torch(run) as torch:
            peaks[mode] = torch.ask(do="peak", config=config, batch=batch, kind="train", precision="f32", mode=mode,
                                    steps=2, threads=run.threads)
    mode = min(peaks, key=lambda m: peaks[m]["peak_rss_mib"])
    recomputed = f"train.recompute={'true' if recompute else 'false'}"
    ours = run.unmist("train", config, f"batch={batch}", "reps=1", recomputed)
    them = peaks[mode]["peak_rss_mib"]
    return {"unit": "MiB", "unmist": ours["peak_rss_mib"], "other": them, "ratio": ours["peak_rss_mib"] / them,
            "note": f"{mode}; {peaks[mode]['before_mib']:.0f} MiB of it before the model"}


def threads(run, model, kind):
    """Images per second on one thread and on two, in turns."""
    if (os.cpu_count() or 1) < 2:
        raise Failed("not on this machine: one core")
    batch, config, seconds = BATCH[model], run.config(model), {1: [], 2: []}
    for _ in range(run.rounds):
        for n in seconds:
            seconds[n].append(run.unmist(kind, config, f"batch={batch}", "reps=2", threads=n)["median_seconds"])
    one, two = (statistics.median(seconds[n]) for n in (1, 2))
    return {"unit": "images/s", "unmist": batch / two, "one_thread": batch / one, "ratio": one / two,
            "note": f"{figure(batch / one)} images/s on one thread", "seconds": {"two": seconds[2], "one": seconds[1]}}


def whole_process(run):
    """Seconds of a process that draws one image in one step."""
    out = os.path.join(run.folder, "one.png")
    words = ["sample", os.path.join(ROOT, "models", "digits"), "sample.sampler=ddim", "sample.steps=1",
             "sample.count=1", f"run.threads={run.threads}", "-o", out]
    unmist_runs.wall_seconds(run.program, *words)
    seconds = [unmist_runs.wall_seconds(run.program, *words) for _ in range(max(5, run.rounds))]
    us = statistics.median(seconds)
    return {"unit": "s", "unmist": us, "ratio": us, "note": f"{min(seconds):.3f} to {max(seconds):.3f}"}


def bf16(run, model, kind):
    if not unmist_runs.cpu_flags() & {"avx512_bf16", "amx_bf16"}:
        raise Failed("not on this machine: no avx512_bf16, no amx_bf16")
    return speed(run, model, kind, "bf16")


# name, what, measure, goal: at least (positive) or at most (negative) this
BIG, SMALL = "ddpm-cifar10-32", "64,128,128"
ROWS = [
    ("train-big", f"f32 train step, {BIG}, batch 8", lambda r: speed(r, BIG, "train", "f32"), 2.0),
    ("train-small", f"f32 train step, {SMALL}, batch 16", lambda r: speed(r, SMALL, "train", "f32"), 2.0),
    ("forward-big", f"f32 forward, {BIG}, batch 8", lambda r: speed(r, BIG, "forward", "f32"), 2.0),
    ("forward-small", f"f32 forward, {SMALL}, batch 16", lambda r: speed(r, SMALL, "forward", "f32"), 2.0),
    ("bf16-train-big", f"bf16 train step, {BIG}, batch 8", lambda r: bf16(r, BIG, "train"), 1.5),
    ("bf16-train-small", f"bf16 train step, {SMALL}, batch 16", lambda r: bf16(r, SMALL, "train"), 1.5),
    ("bf16-forward-big", f"bf16 forward, {BIG}, batch 8", lambda r: bf16(r, BIG, "forward"), 1.5),
    ("bf16-forward-small", f"bf16 forward, {SMALL}, batch 16", lambda r: bf16(r, SMALL, "forward"), 1.5),
    ("digits-train", "f32 train step, digits, batch 64", lambda r: speed(r, "digits", "train", "f32"), 3.0),
    ("digits-forward", "f32 forward, digits, batch 64", lambda r: speed(r, "digits", "forward", "f32"), 3.0),
    ("memory", f"peak memory of a train step, {BIG}, batch 32", lambda r: memory(r, BIG, False), -0.5),
    ("memory-recompute", "the same with train.recompute", lambda r: memory(r, BIG, True), -0.25),
    ("threads-big", f"1 to 2 threads, train step, {BIG}", lambda r: threads(r, BIG, "train"), 1.85),
    ("threads-small", f"1 to 2 threads, train step, {SMALL}", lambda r: threads(r, SMALL, "train"), 1.85),
    ("process", "a process that draws one 1-step DDIM sample of models/digits", whole_process, -0.1),
]


def judge(run, row):
    name, what, measure, goal = row
    try:
        result = measure(run)
        met = result["ratio"] >= goal if goal > 0 else result["ratio"] <= -goal
        return {"name": name, "what": what, "goal": goal, **result, "verdict": "ok" if met else "short"}
    except Failed as e:
        return {"name": name, "what": what, "goal": goal, "verdict": str(e)}


# ---- telling ----

def line(result):
    goal, unit = result["goal"], result.get("unit", "")
    wanted = f"at least {goal:g} x" if goal > 0 else f"at most {-goal:g}{' s' if unit == 's' else ' x'}"
    cells = [result["what"]]
    for side in ("unmist", "other"):
        cells.append(f"{figure(result[side])} {unit}" if result.get(side) is not None else "")
    ratio = figure(result["ratio"]) if "ratio" in result and unit != "s" else ""
    return "| " + " | ".join(cells + [ratio, wanted, result["verdict"], result.get("note", "")]) + " |"


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--rows", default="", help="some of: " + ", ".join(r[0] for r in ROWS))
    a.add_argument("--rounds", type=int, default=5, help="rounds of each row; 5")
    a.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="threads of both; all cores")
    a.add_argument("--json", metavar="FILE", help="write every figure there")
    a.add_argument("--unmist", metavar="PATH", help="the program; build/src/cli/unmist")
    a.add_argument("--python", metavar="PATH", help="a Python with torch and diffusers; this one, or build-interop's")
    arguments = a.parse_args()
    names = arguments.rows.split(",") if arguments.rows else [r[0] for r in ROWS]
    unknown = set(names) - {r[0] for r in ROWS}
    if unknown or arguments.rounds < 1 or arguments.threads < 1:
        a.error(f"no row {', '.join(sorted(unknown))}" if unknown else "rounds and threads are at least 1")
    with tempfile.TemporaryDirectory() as folder:
        try:
            run = Run(arguments, folder)
            if any(not n.startswith(("threads", "process")) for n in names):
                run.python()
        except Failed as e:
            sys.exit(f"compare_torch.py: {e}")
        machine = json.loads(unmist_runs.run(run.program, "info", "--json"))
        results = []
        print(f"{machine['cpu']}, {run.threads} threads, medians of {run.rounds} rounds\n\n"
              "| what | unmist | PyTorch | ratio | goal | | PyTorch's mode, or other notes |\n"
              "|---|---|---|---|---|---|---|")
        for row in (r for r in ROWS if r[0] in names):
            results.append(judge(run, row))
            print(line(results[-1]), flush=True)
    print("\n" + ", ".join(f"{k} {v}" for k, v in {"unmist": machine["version"], **run.versions}.items()))
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as f:
            json.dump({"machine": machine, "threads": run.threads, "rounds": run.rounds, "versions": run.versions,
                       "rows": results}, f, indent=2)


if __name__ == "__main__":
    main()
