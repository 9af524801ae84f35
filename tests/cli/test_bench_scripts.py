# SPDX-License-Identifier: MIT
"""The scripts of bench/ without PyTorch: their models, their rows, what they say of wrong usage."""
import json
import os
import re
import subprocess
import sys

from unmist import PROGRAM, SOURCE, Case, environment, main

BENCH = os.path.join(SOURCE, "bench")
sys.path.insert(0, BENCH)
import models  # noqa: E402 (bench/ is no package)

ONE = ["reps=1", "run.threads=1"]


class Scripts(Case):
    def script(self, name, *words):
        return subprocess.run([sys.executable, os.path.join(BENCH, name), *words], cwd=self.dir, text=True,
                              env=environment(PYTHONDONTWRITEBYTECODE="1"), capture_output=True, timeout=300)

    def test_the_models_are_those_that_pytorch_builds(self):
        for name, (_, parameters) in models.MODELS.items():
            with self.subTest(model=name):
                config = models.write(self.dir, name)
                facts = self.succeeds("bench", "sample", config, "batch=1", "data.image_size=8", *ONE, "--json").json()
                self.assertEqual(facts["parameters"], parameters)

    def test_a_row_without_pytorch_is_measured_and_judged(self):
        done = self.script("compare_torch.py", "--rows", "process", "--rounds", "1", "--threads", "1",
                           "--unmist", PROGRAM, "--json", "rows.json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"\n\| a process that draws .* s \| +\| +\| at most 0\.1 s \| (ok|short) \|")
        row, = json.loads(self.read("rows.json"))["rows"]
        self.assertEqual(row["verdict"], "ok" if row["ratio"] <= 0.1 else "short")

    def test_a_missing_pytorch_is_told_with_the_way_to_install_it(self):
        done = self.script("compare_torch.py", "--rows", "train-small", "--unmist", PROGRAM, "--python", "/nowhere")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("pip install torch diffusers numpy", done.stderr)

    def test_wrong_usage_is_told(self):
        for words, said in ((["--rows", "zzz"], "no row zzz"), (["--rounds", "0"], "at least 1"),
                            (["--rows", "process", "--unmist", "nowhere"], "no program at nowhere")):
            done = self.script("compare_torch.py", *words)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(said, done.stderr)
        done = self.script("scaling.py", "--axes", "height")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("batch, size, width, threads", done.stderr)

    def test_every_goal_has_a_row(self):
        text = self.script("compare_torch.py", "--help").stdout
        for row in ("train-big", "train-small", "forward-big", "forward-small", "bf16-train-big", "bf16-forward-small",
                    "digits-train", "digits-forward", "memory", "memory-recompute", "threads-big", "process"):
            self.assertTrue(re.search(rf"\b{row}\b", text), row)

    def test_growth_is_a_table(self):
        done = self.script("scaling.py", "--axes", "batch", "--most", "1", "--reps", "1", "--threads", "1",
                           "--unmist", PROGRAM)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"\A\| batch \| train, images/s .*\n\|---.*\n"
                                      r"\| 1 \| [\d.]+ \| \d+ \| [\d.]+ \| \d+ \|\n")


if __name__ == "__main__":
    main()
