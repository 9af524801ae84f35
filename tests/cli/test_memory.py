# SPDX-License-Identifier: MIT
"""What work is said to need, what it takes, and what is refused. With UM_LONG=1 the large models of
docs/reliability.md are measured too (a few minutes, 2 GiB), and with -v all figures are shown."""
import os
import re
import resource
import sys
import unittest

from unmist import DIGITS, SOURCE, Case, idx_bytes, main, start

MIB = 1 << 20
SMALL = os.path.join(SOURCE, "configs", "cifar10-small.ini")
LARGE = os.path.join(SOURCE, "configs", "cifar10-ddpm.ini")
PICTURES = "data.path=" + os.path.join(SOURCE, "data", "cifar10-sample")
DRAWN = os.path.join(SOURCE, "models", "digits")
CLASSES = os.path.join(SOURCE, "models", "digits-classes")
CLASSIFIER = os.path.join(SOURCE, "models", "digits-classifier")

BRIEF = ["train.steps=1", "train.validate_every=0", "train.checkpoint_every=0", "run.threads=2"]
TRAIN = [*BRIEF, "train.sample_every=0", "--out", "run"]
PASS = ["run.threads=2", "sample.steps=1"]

TO_THE_MIB = unittest.skipIf("ASAN_OPTIONS" in os.environ, "the sanitizer takes memory of its own")

AT_ONCE = ["train.batch=24", "train.accumulate=1"]
QUICK = [
    ("train digits, batch 24 at once", ["train", DIGITS, *TRAIN, *AT_ONCE]),
    ("the same with recompute", ["train", DIGITS, *TRAIN, *AT_ONCE, "train.recompute=true"]),
    ("train digits, batch 16, with a grid of 200", [
        "train", DIGITS, *BRIEF, "--out", "run", "train.sample_every=1", "train.sample_count=200",
        "sample.batch=200", "sample.steps=1"]),
    ("sample digits, 500 at once, frames kept", [
        "sample", DRAWN, *PASS, "sample.count=500", "sample.batch=500", "sample.trajectory=1",
        "-o", "x.safetensors"]),
    ("sample digits-classes, 300 at once, guided", [
        "sample", CLASSES, *PASS, "sample.guidance=2", "sample.count=300", "sample.batch=300", "-o", "x.png"]),
    ("sample digits, 50 at once, steered by a classifier", [
        "sample", DRAWN, *PASS, "sample.count=50", "sample.batch=50", "sample.classifier=" + CLASSIFIER,
        "-o", "x.png"]),
]

LONG = [
    ("sample digits, 500 at once by pndm", ["sample", DRAWN, *PASS, "sample.sampler=pndm", "sample.count=500",
                                "sample.batch=500", "-o", "x.safetensors"]),
    ("sample digits-classes, 300 at once, guided in passes", [
        "sample", CLASSES, *PASS, "sample.guidance=2", "sample.guidance_batching=passes", "sample.count=300",
        "sample.batch=300", "-o", "x.png"]),
    ("train digits, batch 128 at once", ["train", DIGITS, *TRAIN, "train.batch=128", "train.accumulate=1"]),
    ("sample digits, 2000 at once", ["sample", DRAWN, *PASS, "sample.count=2000", "sample.batch=2000", "-o", "x.png"]),
    ("train cifar10-small, batch 64", ["train", SMALL, PICTURES, *TRAIN]),
    ("train cifar10-small, batch 64 at once", ["train", SMALL, PICTURES, *TRAIN, "train.accumulate=1"]),
    ("train cifar10-ddpm, batch 8 at once", ["train", LARGE, PICTURES, *TRAIN, "train.batch=8",
                                             "train.accumulate=1"]),
    ("the same with recompute", ["train", LARGE, PICTURES, *TRAIN, "train.batch=8", "train.accumulate=1",
                                 "train.recompute=true"]),
    ("train cifar10-ddpm, batch 32", ["train", LARGE, PICTURES, *TRAIN, "train.batch=32"]),
]


def measured(case, *args):
    """Status, what was said to be needed in all and what was the most resident, both in MiB, and the log."""
    process = start(*args, "-v", cwd=case.dir)
    log = (process.stdout.read() + process.stderr.read()).decode()
    process.stdout.close()
    process.stderr.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    said = re.search(r"(?:training|sampling) needs [\d.]+ MiB \(.*\), ([\d.]+) MiB with", log)
    return process.returncode, float(said[1]) if said else 0, usage.ru_maxrss / 1024, log


@TO_THE_MIB
class Need(Case):
    def check(self, name, args):
        self.dir = os.path.join(self.dir, "x")
        os.mkdir(self.dir)
        status, said, used, log = measured(self, *args)
        self.assertEqual(status, 0, log)
        if "-v" in sys.argv:
            print(f"\n| {name} | {said:.0f} MiB | {used:.0f} MiB | {said / used:.2f} |", end="")
        self.assertLess(abs(said - used), 0.1 * used + 3, name)

    def test_what_is_said_is_what_is_taken(self):
        for name, args in QUICK + (LONG if os.environ.get("UM_LONG") else []):
            with self.subTest(name):
                self.check(name, args)


class Refusal(Case):
    TRAIN = ["train", DIGITS, *TRAIN, *AT_ONCE]
    SAMPLE = ["sample", DRAWN, *PASS, "sample.count=200", "sample.batch=200", "-o", "x.png"]

    def need(self, args):
        """MiB in all, as the program says where there is no limit."""
        status, said, _, log = measured(self, *args)
        self.assertEqual(status, 0, log)
        return said

    def test_a_training_that_does_not_fit_is_refused_before_it_begins(self):
        said = self.need(self.TRAIN)
        for name in os.listdir(self.dir):
            os.rename(self.path(name), self.path("free"))
        r = self.fails(1, ["training needs ", "activations and gradients ", "optimiser ", "run.memory leaves ",
                           "train.accumulate", "train.batch", "train.recompute", "model.channels"],
                       *self.TRAIN, f"run.memory={int(said) - 4}MiB")
        self.assertFalse(os.path.exists(self.path("run")), r.err)
        self.succeeds(*self.TRAIN, f"run.memory={int(said) + 4}MiB")

    def test_what_a_refusal_names_does_help(self):
        limit = f"run.memory={int(self.need(self.TRAIN)) - 4}MiB"
        for name in os.listdir(self.dir):
            os.rename(self.path(name), self.path("free"))
        for i, lower in enumerate(["train.accumulate=2", "train.batch=12", "train.recompute=true",
                                   "model.channels=16,16,32"]):
            self.succeeds(*self.TRAIN[:2], *BRIEF, "train.sample_every=0", *AT_ONCE,
                          limit, lower, "--out", f"run{i}")

    def test_a_grid_that_does_not_fit_beside_the_training_is_refused_too(self):
        drawn = ["train.sample_every=1", "train.sample_count=3000", "sample.batch=3000", "sample.steps=1"]
        self.fails(1, ["training needs ", "checkpoints and samples "], "train", DIGITS, *BRIEF, "--out", "run", *drawn,
                   "run.memory=150MiB")

    @TO_THE_MIB
    def test_drawing_that_does_not_fit_is_refused_before_it_begins(self):
        said = self.need(self.SAMPLE)
        os.remove(self.path("x.png"))
        self.fails(1, ["sampling needs ", "activations", "images", "run.memory leaves ", "sample.batch"],
                   *self.SAMPLE, f"run.memory={int(said) - 3}MiB")
        self.succeeds(*self.SAMPLE, f"run.memory={int(said) + 3}MiB")
        self.succeeds(*self.SAMPLE, f"run.memory={int(said) - 3}MiB", "sample.batch=100")

    def test_an_edit_is_refused_likewise(self):
        self.succeeds("sample", DRAWN, *PASS, "sample.count=4", "sample.format=single", "-o", "pictures")
        pictures = ["edit", DRAWN, "from-image", "pictures"]
        self.fails(1, ["sampling needs ", "run.memory leaves "], *pictures, "sample.count=200", "sample.batch=800",
                   "run.memory=40MiB", "-o", "y.png")

    @TO_THE_MIB
    def test_limits_of_the_process_are_heard(self):
        args = ["sample", DRAWN, "run.threads=1", "sample.steps=1", "sample.count=1000", "sample.batch=1000",
                "-o", "x.png"]

        def limited(limit, size):
            return {"preexec": lambda: resource.setrlimit(limit, (size, size))}
        for limit, name in ((resource.RLIMIT_AS, "RLIMIT_AS"), (resource.RLIMIT_DATA, "RLIMIT_DATA")):
            self.fails(1, ["sampling needs ", f"and {name} leaves "], *args, **limited(limit, 60 * MIB))
            self.succeeds(*args[:-2], "-o", f"{name}.png", **limited(limit, 1024 * MIB))

    @TO_THE_MIB
    def test_a_data_set_that_does_not_fit_is_refused(self):
        side, count = 256, 700  # 44 MiB
        self.write("images/train-images-idx3-ubyte", idx_bytes((count, side, side), bytes(count * side * side)))
        self.fails(1, "ubyte (43.8 MiB asked, run.memory leaves ", "data", "images", "run.memory=70MiB")
        self.assertEqual(self.run_here("data", "images", "run.memory=150MiB").status, 0)


if __name__ == "__main__":
    main()
