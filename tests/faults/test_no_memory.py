#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every command with an allocation failing, of the program or of any library that it uses (not of the OpenMP runtime,
which ends the process itself): it ends with a status of its own and says why, leaves every file as it was, or has
done all that was asked. Some of each command's allocations, or with UM_EVERY=1 each of them."""
import os
import shutil
import subprocess
import sys
import unittest

from faults import BUILD, PROGRAM, SOURCE, environment, slurp, snapshot
from unmist import Case

LIBRARY = os.path.join(BUILD, "tests", "faults", "libunmist_short_of_memory.so")
DIGITS = os.path.join(SOURCE, "data", "digits")
PICTURES = os.path.join(SOURCE, "data", "cifar10-sample")
MODEL = os.path.join(SOURCE, "models", "digits")
TRIES = int(os.environ.get("UM_TRIES", "8"))

SMALL = ["run.threads=1", "model.channels=4,4", "model.groups=2", "model.layers=1", "model.attention=none",
         "model.mid_attention=false", "train.steps=1", "train.batch=2", "train.sample_every=1",
         "train.sample_count=1", "train.validate_every=0", "sample.steps=1"]
DRAW = ["run.threads=1", "sample.steps=1", "sample.count=2"]
COMMANDS = {
    "config": ["config", "train"],
    "info": ["info", MODEL, "--json", "run.threads=1"],
    "data": ["data", DIGITS, "-o", "out/sheet.png", "data.limit=20"],
    "pictures": ["data", PICTURES, "-o", "out/sheet.png"],
    "train": ["train", os.path.join(SOURCE, "configs", "digits.ini"), "data.limit=8", "--out", "out/run", *SMALL],
    "sample": ["sample", MODEL, *DRAW, "-o", "out/x.png"],
    "numbers": ["sample", MODEL, *DRAW, "-o", "out/x.safetensors"],
    "edit": ["edit", MODEL, "invert", DIGITS, "data.limit=2", *DRAW, "-o", "out/x.png"],
    "export": ["export", MODEL, "out/pipeline", "run.threads=1"],
    "evaluate": ["evaluate", MODEL, "--likelihood", "data.path=" + DIGITS, "data.limit=20", "data.validation=0.1",
                 "evaluate.count=1", "evaluate.likelihood=bound", "evaluate.timesteps=1", "run.threads=1"],
}

ANSWERS = ("config", "info", "data")  # that hold no times


@unittest.skipIf("ASAN_OPTIONS" in os.environ, "the sanitizer has an allocator of its own")
@unittest.skipUnless(sys.platform == "linux" and os.path.exists(LIBRARY), "needs glibc")
class EveryCommand(Case):
    def run_with(self, args, n, count=None):
        """The command in a folder that holds out/ alone."""
        shutil.rmtree(self.path("out"), True)
        os.mkdir(self.path("out"))
        more = {"UM_COUNT_FILE": count} if count else {}
        around = environment(LD_PRELOAD=LIBRARY, UM_FAIL_MALLOC=str(n), **more)
        return subprocess.run([PROGRAM, *args], cwd=self.dir, capture_output=True, timeout=120, env=around,
                              stdin=subprocess.DEVNULL)

    def check(self, args, n, done, answer):
        r = self.run_with(args, n)
        said = r.stderr.decode(errors="replace")
        left = snapshot(self.path("out"))
        if r.returncode == 0:  # a library went on without
            self.assertEqual(sorted(left), sorted(done), said)
            if args[0] in ANSWERS:
                self.assertEqual(r.stdout, answer)
            return 0
        self.assertIn(r.returncode, (1, 2, 3), said)
        self.assertTrue(said.startswith("unmist: "), said)
        hidden = [name for name in left if os.path.basename(name).startswith(".")]
        self.assertEqual(hidden, [])
        for name, digest in left.items():  # whole, where it was written before; a training counts its seconds
            self.assertIn(name, done)
            if args[0] != "train":
                self.assertEqual(digest, done[name], f"{name}: {said}")
        return r.returncode

    def test_an_allocation_that_fails_is_said_and_spoils_nothing(self):
        for name, args in COMMANDS.items():
            count = self.path("count")
            r = self.run_with(args, 0, count)
            self.assertEqual(r.returncode, 0, r.stderr)
            done = snapshot(self.path("out"))
            total, ended = int(slurp(count)), {0: 0, 1: 0, 2: 0, 3: 0}
            every = range(1, total + 1) if os.environ.get("UM_EVERY") else sorted(
                {1 + (total - 1) * i // (TRIES - 1) for i in range(TRIES)})
            for n in every:
                with self.subTest(command=name, n=n):
                    ended[self.check(args, n, done, r.stdout)] += 1
            if "-v" in sys.argv:
                print(f"\n{name}: {len(every)} of {total} allocations, ended with {ended}", end="")


if __name__ == "__main__":
    unittest.main()
