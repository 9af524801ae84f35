# SPDX-License-Identifier: MIT
"""What the tests of faults share: a training that has every part whose state a resume must bring back, faults put
between it and the system (interpose.c), and what of two run folders must be the same to the byte."""
import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from unmist import (BUILD, PROGRAM, SOURCE, Result, environment, idx_folder, set_tensor, slurp,  # noqa: E402,F401
                    snapshot)

LIBRARY = os.path.join(BUILD, "tests", "faults", "libunmist_faults.so")
STEPS = 24

# Everything that has a state: batches in parts, dropout, classes that are left out, mirrored images, timesteps drawn
# by their losses (their history is full after some ten steps), warm-up and decay of the rate, the moving average,
# validation, pictures; and a log whose rows are means over two steps.
INI = f"""[run]
threads = 1
[data]
path = images
validation = 0.1
flip = true
[model]
channels = 8,16
groups = 4
layers = 1
attention = none
dropout = 0.1
class_conditional = true
[diffusion]
timesteps = 4
[train]
steps = {STEPS}
batch = 4
accumulate = 2
label_dropout = 0.2
timestep_sampling = loss_second_moment
lr_schedule = cosine
warmup = 5
ema_decay = 0.99
log_every = 2
validate_every = 5
sample_every = 6
sample_count = 4
checkpoint_every = 4
keep = 2
[sample]
steps = 2
"""

# Eight steps of it: a checkpoint every second step, all of which stay.
SETTINGS = ["train.steps=8", "train.checkpoint_every=2", "train.keep=0", "train.log_every=1", "train.sample_every=4",
            "train.validate_every=4"]

# What differs between runs by its nature: how long they took.
TIMED_COLUMNS = ("images_per_second", "seconds")
TIMED_KEYS = ("seconds",)


def write_config(folder):
    """train.ini and its images."""
    idx_folder(os.path.join(folder, "images"), count=40)
    with open(os.path.join(folder, "train.ini"), "w") as f:
        f.write(INI)


def with_faults(fault=None, trace=None, phase=None):
    """The environment of a program whose calls are looked at."""
    more = {"LD_PRELOAD": LIBRARY,  # which a sanitizer's runtime would have behind it
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
    for name, value in (("UM_FAULT", fault), ("UM_FAULT_TRACE", trace), ("UM_FAULT_PHASE", phase)):
        if value:
            more[name] = value
    return environment(**more)


def calls_of(trace):
    """The calls that were traced: [name, path, new path of a rename]."""
    return [line.split("\t") for line in slurp(trace).decode().splitlines()]


def start(folder, *args, env=None, preexec=None, out=subprocess.PIPE):
    return subprocess.Popen([PROGRAM, *map(str, args)], cwd=folder, env=env or environment(), stdin=subprocess.DEVNULL,
                            stdout=out, stderr=subprocess.PIPE, preexec_fn=preexec)


def finish(process, timeout=120):
    out, err = process.communicate(timeout=timeout)
    return Result(process.returncode, (out or b"").decode(errors="replace"), err.decode(errors="replace"))


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def untimed(name, data):
    """The bytes of a file without what differs by its nature."""
    if name == "log.csv":
        return [{k: v for k, v in row.items() if k not in TIMED_COLUMNS} for row in rows_of(data.decode())]
    if os.path.basename(name) == "training_state.json":
        return {k: v for k, v in json.loads(data).items() if k not in TIMED_KEYS}
    if name == "config.ini":  # a run may be gone on with on other threads
        return re.sub(rb"\nthreads = \d+\n", b"\nthreads = N\n", data)
    return data


def contents(run, steps=STEPS):
    """What a finished run has in common with every other of its seed: {name: bytes}. Of the checkpoints that is the
    last; which others are kept depends on where the run was cut."""
    seen = {}
    for at, _, files in os.walk(run):
        for name in files:
            path = os.path.relpath(os.path.join(at, name), run)
            if not path.startswith("checkpoints/") or path.startswith(f"checkpoints/step-{steps:07d}/"):
                seen[path] = untimed(path, slurp(os.path.join(at, name)))
    return seen


def differences(run, reference, steps=STEPS):
    """The names of the files in which a run differs from what contents() gave of another, and what is left over."""
    ours = contents(run, steps)
    found = sorted(name for name in set(ours) | set(reference) if ours.get(name) != reference.get(name))
    return found + leftovers(run)


def leftovers(run):
    """Names of what is not yet whole."""
    return sorted(os.path.join(at, name) for at, folders, files in os.walk(run) for name in folders + files
                  if ".unmist-" in name)


class Case(unittest.TestCase):
    """A training that a class of tests disturbs, and what it is when nothing does."""
    maxDiff = 2000
    settings = SETTINGS
    steps = 8

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="unmist faults ", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        cls.addClassCleanup(shutil.rmtree, cls.dir, True)
        write_config(cls.dir)
        cls.run_folder = os.path.join(cls.dir, "run")
        r = cls.train(trace=os.path.join(cls.dir, "trace"))
        if r.status != 0 or r.err:
            raise AssertionError(r.err)
        cls.calls = calls_of(os.path.join(cls.dir, "trace"))
        cls.whole = contents(cls.run_folder, cls.steps)
        shutil.rmtree(cls.run_folder)

    def tearDown(self):
        shutil.rmtree(self.run_folder, True)

    @classmethod
    def begin(cls, *more, preexec=None, out=subprocess.PIPE, **how):
        return start(cls.dir, "train", "train.ini", "--out", "run", *cls.settings, *more, env=with_faults(**how),
                     preexec=preexec, out=out)

    @classmethod
    def train(cls, *more, **how):
        return finish(cls.begin(*more, **how))

    def numbers(self, piece, after=None, before=None):
        """The calls on such paths, as a fault counts them, of an undisturbed run: those between two others, which are
        named by their last path's ending."""
        n, within, found = 0, after is None, []
        for call in self.calls:
            if piece in call[-1]:
                n += 1
                if within:
                    found.append(n)
            if after and call[-1].endswith(after):
                within = True
            if before and call[-1].endswith(before):
                break
        return found

    def path(self, *names):
        return os.path.join(self.run_folder, *names)

    def checkpoints(self):
        folder = self.path("checkpoints")
        return sorted(int(n[5:]) for n in os.listdir(folder) if n[0] != ".") if os.path.isdir(folder) else []

    def logged(self):
        return [int(row["step"]) for row in rows_of(slurp(self.path("log.csv")).decode())]

    def is_whole(self, *apart_from):
        """It is the run that nothing disturbed."""
        self.assertEqual([d for d in differences(self.run_folder, self.whole, self.steps) if d not in apart_from], [])

    def goes_on_to_the_same_end(self):
        r = self.train("--resume")
        self.assertEqual((r.status, r.err), (0, ""))
        self.is_whole()


class Commands(Case):
    """Commands that write to a place of the caller's."""
    DRAW = ["sample.count=4", "sample.steps=3", "sample.seed=1"]
    COMMANDS = [
        ["sample", "run", *DRAW, "-o", "out/x.png"],
        ["sample", "run", *DRAW, "-o", "out/x.safetensors"],
        ["sample", "run", *DRAW, "-o", "out/many"],
        ["edit", "run", "interpolate", "--seeds", "1,2", "--frames", "4", "sample.steps=3", "-o", "out/film.png"],
        ["export", "run", "out/half", "--dtype", "f16"],
        ["evaluate", "run", "--likelihood", "data.path=images", "evaluate.count=2", "-o", "out/terms.csv"],
    ]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.train().status != 0:
            raise AssertionError("no model")

    def tearDown(self):
        shutil.rmtree(os.path.join(self.dir, "out"), True)

    def at_work(self, words, **how):
        """Run it in an empty folder; gives its result and the files that then are under their own names."""
        out = os.path.join(self.dir, "out")
        shutil.rmtree(out, True)
        os.mkdir(out)
        r = finish(start(self.dir, *words, env=with_faults(**how)))
        return r, {name: digest for name, digest in snapshot(out).items() if ".unmist-" not in name}

    def undisturbed(self, words, piece="/"):
        """What it writes, and how many of its calls are on paths that hold this piece."""
        trace = os.path.join(self.dir, "trace")
        if os.path.exists(trace):
            os.remove(trace)
        r, whole = self.at_work(words, trace=trace)
        self.assertEqual(r.status, 0, r.err)
        return whole, sum(piece in call[-1] for call in calls_of(trace))
