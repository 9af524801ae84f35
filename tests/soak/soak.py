#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""soak.py SECONDS [--seed N] - work for a long time, and see that nothing is left behind.

Two things at once, each with random small settings from the seed that is printed: one process that trains, resumes,
draws, edits and measures round after round through the library (soak.c), and the program, run anew for each of the
same commands. The process must keep as many descriptors as in its first line, must have back every byte that malloc
gave out, and its resident memory may not grow after the first minute (or the first third, where that is less); every
run of the program must end with status 0. UM_BUILD_ROOT: where both are built."""
import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "cli"))
from unmist import BUILD, PROGRAM, idx_folder, png_bytes  # noqa: E402

PROCESS = os.path.join(BUILD, "tests", "soak", "soak")
# Without a cache for each thread malloc tells exactly what it has given out.
ENVIRONMENT = dict(os.environ, OMP_WAIT_POLICY="passive", GLIBC_TUNABLES="glibc.malloc.tcache_count=0")

# A training of moments, and what makes edits and measures as short.
SMALL = ["data.path=../data", "data.validation=0.2", "model.groups=2", "model.layers=1", "model.head_dim=4",
         "train.steps=4", "train.warmup=1", "train.ema_decay=0.9", "train.checkpoint_every=2", "train.sample_count=1",
         "sample.steps=3"]
JUMPS = ["edit.jump_length=1", "edit.resamples=2"]
QUICK = ["evaluate.count=2", "evaluate.integrator=heun", "evaluate.steps=2", "evaluate.timesteps=3"]

# What malloc has given out may change by what the OpenMP runtime keeps for a team; resident memory by pages that the
# allocator keeps or gives back: by a part of it, or at least so much.
HELD_KIB, RESIDENT_KIB, RESIDENT_PART = 16, 1024, 0.05


def make_images(folder):
    """a data set with labels, and a mask: the left half is drawn anew"""
    idx_folder(os.path.join(folder, "data"), count=24)
    with open(os.path.join(folder, "mask.png"), "wb") as f:
        f.write(png_bytes(8, 8, 1, bytes(255 if x < 4 else 0 for _ in range(8) for x in range(8))))


class Commands:
    """The program, run for one thing after another on one model, then on another model."""

    def __init__(self, folder, rng):
        self.folder, self.rng, self.runs, self.models, self.failures = folder, rng, 0, 0, []
        os.makedirs(folder)
        with open(os.path.join(folder, "soak.ini"), "w", encoding="utf-8") as f:
            f.write("[run]\n")
        self.labels = []
        text = self.run("sample", "--samplers").stdout
        self.samplers = [line.split()[0] for line in text.splitlines() if line[2:3].strip()]

    def run(self, *words):
        done = subprocess.run([PROGRAM, *words], cwd=self.folder, env=ENVIRONMENT, capture_output=True, text=True)
        self.runs += 1
        if done.returncode != 0:
            self.failures.append(f"status {done.returncode}: unmist {' '.join(words)}\n{done.stderr}")
        return done

    def train(self, *words):
        return self.run("train", "soak.ini", "--out", "run", *words)

    def edit(self, mode, *words):
        return self.run("edit", "run", mode, *words, *self.labels, "sample.steps=4", "-o", "edited.png")

    def settings(self):
        """random ones of a training, all on one command line"""
        conditional = self.rng.random() < 0.5
        self.labels = ["sample.classes=1"] if conditional else []
        chosen = [f"{key}={self.rng.choice(values)}" for key, values in (
            ("run.threads", (1, 2)), ("run.seed", range(1000)), ("model.channels", ("8", "8,8", "4,8,8")),
            ("model.attention", ("none", "4")), ("train.batch", (1, 3)), ("train.precision", ("f32", "bf16")),
            ("diffusion.timesteps", (30, 1000)),
            ("diffusion.prediction_type", ("epsilon", "v_prediction", "sample")))]
        return [*chosen, f"model.class_conditional={str(conditional).lower()}", *SMALL]

    def steps(self):
        """one run of the program, or a few, at each turn, for ever"""
        while True:
            settings = self.settings()
            yield self.train(*settings)
            yield self.train("--resume", *settings)
            for name in self.samplers:
                yield self.run("sample", "run", f"sample.sampler={name}", "sample.count=2", "sample.steps=3",
                               "sample.rtol=0.5", "sample.atol=0.5", f"sample.seed={self.rng.randrange(1000)}",
                               "-o", self.rng.choice(("x.png", "x.safetensors", "singles")))
            yield self.run("sample", "run", "sample.count=1", "sample.steps=2", "-o", "one.png")
            yield self.edit("inpaint", "one.png", "--mask", "../mask.png", "sample.sampler=ddpm", *JUMPS)
            yield self.edit("from-image", "one.png")
            yield self.edit("interpolate", "--seeds", "1,2", "--frames", "3", "sample.sampler=ddim")
            yield self.edit("invert", "one.png", "sample.sampler=ddim")
            yield self.run("evaluate", "run", "--likelihood", "data.path=../data", *SMALL, *QUICK)
            shutil.rmtree(os.path.join(self.folder, "run"))
            self.models += 1


def judge(lines, first):
    """What is wrong with the life of the process; its lines after `first` seconds count."""
    settled = [line for line in lines if line[0] >= first]
    if len(settled) < 2:
        yield f"{len(settled)} lines after {first:.0f} s tell nothing"
        return
    if {line[4] for line in lines} != {lines[0][4]}:
        yield f"descriptors: {sorted({line[4] for line in lines})}, not always as many"
    held = settled[-1][3] - settled[0][3]
    if held > HELD_KIB:
        yield f"malloc has given out {held} KiB more than at {settled[0][0]:.0f} s"
    grown = slope(settled) * (settled[-1][0] - settled[0][0])
    if grown > max(RESIDENT_KIB, RESIDENT_PART * settled[0][2]):
        yield f"resident memory grows: {grown:.0f} KiB on the line of least squares"


def slope(lines):
    """KiB of resident memory a second, by least squares"""
    t, y = [line[0] for line in lines], [line[2] for line in lines]
    mean_t, mean_y = sum(t) / len(t), sum(y) / len(y)
    spread = sum((a - mean_t) ** 2 for a in t)
    return sum((a - mean_t) * (b - mean_y) for a, b in zip(t, y)) / spread if spread else 0


def work(folder, seconds, seed):
    """(lines of the process, its status and words, the commands)"""
    rng = random.Random(seed)
    make_images(folder)
    every = min(10, seconds / 20)
    commands = Commands(os.path.join(folder, "commands"), rng)
    with open(os.path.join(folder, "lines"), "w+", encoding="utf-8") as out, \
            subprocess.Popen([PROCESS, folder, str(seed), str(seconds), str(every)], env=ENVIRONMENT, stdout=out,
                             stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + seconds
        for _ in commands.steps():
            if commands.failures or process.poll() is not None or time.monotonic() > end:
                break
        if commands.failures:
            process.kill()
        words = process.communicate()[1]
        out.seek(0)
        lines = [tuple(map(float, line.split(","))) for line in out]
    return lines, process.returncode, words, commands


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", type=float)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    args = parser.parse_args()
    print("seed", args.seed, flush=True)
    folder = tempfile.mkdtemp(prefix="unmist-soak-")
    try:
        lines, status, words, commands = work(folder, args.seconds, args.seed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    complaints = list(commands.failures)
    if not complaints and status != 0:
        complaints.append(f"the process ended with status {status}: {words}")
    if not complaints:
        complaints += judge(lines, min(60, args.seconds / 3))
    print(" seconds  rounds  resident KiB  held KiB  descriptors")
    for line in lines if len(lines) < 40 else lines[::len(lines) // 30] + lines[-1:]:
        print("{:8.0f} {:7.0f} {:13.0f} {:9.0f} {:12.0f}".format(*line))
    print(f"{commands.runs} runs of the program on {commands.models + 1} models, {len(commands.failures)} failed")
    print(*complaints, sep="\n")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
