# SPDX-License-Identifier: MIT
"""What bench is given, what it says, and that it stops."""
import os
import shutil
import signal
import time

from unmist import SOURCE, Case, WithRun, finish, interrupt, main, start

GOLDEN = os.path.join(SOURCE, "tests", "golden", "unet")
QUICK = ["reps=2", "batch=2", "run.threads=1"]
TINY = ["model.channels=8,16", "model.groups=4", "model.layers=1", "model.attention=none", "data.image_size=8"]
KEYS = {"bench", "model", "parameters", "image", "cpu", "isa", "precision", "threads", "batch", "reps",
        "median_seconds", "min_seconds", "max_seconds", "images_per_second", "peak_rss_mib", "tape_mib", "shares",
        "optimizer_share", "rest_share"}


class Models(WithRun):
    def check(self, facts, kind):
        self.assertEqual(set(facts), KEYS)
        self.assertEqual((facts["bench"], facts["precision"], facts["threads"]), (kind, "f32", 1))
        self.assertTrue(0 < facts["min_seconds"] <= facts["median_seconds"] <= facts["max_seconds"])
        self.assertAlmostEqual(facts["images_per_second"] * facts["median_seconds"] / facts["batch"], 1, places=3)
        self.assertTrue(0 < facts["tape_mib"] < facts["peak_rss_mib"] < 2000)
        parts = sum(s["total"] for s in facts["shares"]) + facts["optimizer_share"] + facts["rest_share"]
        self.assertAlmostEqual(parts, 1, places=3)
        self.assertIn("conv2d", [s["operation"] for s in facts["shares"]])
        for s in facts["shares"]:
            self.assertAlmostEqual(s["forward"] + s["recompute"] + s["vjp"], s["total"], places=4)

    def test_every_kind_of_model_is_timed(self):
        lone = self.path("lone")
        os.mkdir(lone)
        shutil.copy(os.path.join(self.model, "model", "unet", "config.json"), lone)
        checkpoint = os.path.join(self.model, "checkpoints", "step-0000006")
        for model in (self.model, checkpoint, os.path.join(self.model, "model", "unet"), lone, lone + "/config.json"):
            for kind in ("train", "sample"):
                with self.subTest(model=model, kind=kind):
                    facts = self.succeeds("bench", kind, model, *QUICK, "--json").json()
                    self.check(facts, kind)
                    self.assertEqual((facts["model"], facts["image"], facts["batch"], facts["reps"]),
                                     (model, [8, 8, 1], 2, 2))

    def test_the_settings_make_a_model_where_none_is_named(self):
        facts = self.succeeds("bench", "train", *TINY, *QUICK, "--json").json()
        self.check(facts, "train")
        self.assertEqual((facts["model"], facts["image"]), ("", [8, 8, 3]))

    def test_a_model_call_has_no_backward_and_no_optimiser(self):
        train = self.succeeds("bench", "train", self.model, *QUICK, "--json").json()
        sample = self.succeeds("bench", "sample", self.model, *QUICK, "--json").json()
        self.assertTrue(all(s["vjp"] == 0 for s in sample["shares"]))
        self.assertEqual(sample["optimizer_share"], 0)
        self.assertTrue(any(s["vjp"] > 0 for s in train["shares"]))
        self.assertGreater(train["optimizer_share"], 0)
        self.assertLess(sample["tape_mib"], train["tape_mib"])

    def test_settings_count(self):
        again = self.succeeds("bench", "train", self.model, *QUICK, "train.recompute=true", "--json").json()
        self.assertTrue(any(s["recompute"] > 0 for s in again["shares"]))
        portable = self.succeeds("bench", "sample", self.model, "sample.batch=3", "reps=1", "run.isa=portable",
                                 "data.image_size=16x8", "--json").json()
        self.assertEqual((portable["isa"], portable["batch"], portable["image"]), ("portable", 3, [16, 8, 1]))

    def test_text_says_what_json_says(self):
        text = self.succeeds("bench", "train", self.model, *QUICK).out
        for said in (r"images of 8 x 8 x 1\n", r"a training step of 2 images: .* in 2\), .* images/s\n",
                     r"MiB resident at most", r"\nconv2d +\d", r"\noptimizer +\d", r"\nthe rest +\d"):
            self.assertRegex(text, said)
        self.assertIn("a model call of 2 images", self.succeeds("bench", "sample", self.model, *QUICK).out)
        self.assertEqual(self.succeeds("bench", "sample", self.model, *QUICK, "-q").out, "")

    def test_nothing_is_written(self):
        self.succeeds("bench", "train", self.model, *QUICK)
        self.assertEqual(os.listdir(self.dir), [])

    def test_a_model_is_its_own_description(self):
        self.fails(2, "model.channels does nothing beside the model", "bench", "train", self.model,
                   "model.channels=8,8")

    def test_a_class_conditional_model_is_shown_classes(self):
        for kind in ("train", "sample"):
            self.succeeds("bench", kind, os.path.join(GOLDEN, "class_cond"), *QUICK)


class Kernels(Case):
    def test_a_kernel_is_timed_on_every_tier(self):
        tiers = self.succeeds("info", "--json").json()["kernels"].split()
        facts = self.succeeds("bench", "kernels", "loss", *QUICK, "--json").json()
        self.assertGreater(facts["peak_gflops"], 0)
        self.assertGreater(facts["peak_gigabytes"], 0)
        self.assertEqual([k["isa"] for k in facts["kernels"]], tiers)
        for k in facts["kernels"]:
            self.assertEqual((k["kernel"], k["shape"], k["unit"]), ("loss", "32x32 3", "GB/s"))
            self.assertAlmostEqual(k["part"] * facts["peak_gigabytes"] / k["rate"], 1, places=3)
        text = self.succeeds("bench", "kernels", "peak", *QUICK, "run.isa=portable").out
        self.assertRegex(text, r"\npeak +one core +portable +2 +\d+\.\d+ +\d+\.\d GFLOP/s +\d+ %\n\Z")

    def test_products_are_timed_in_bf16_too(self):
        model = os.path.join(GOLDEN, "class_cond")
        for kind in ("train", "sample"):
            facts = self.succeeds("bench", kind, model, *QUICK, "precision=bf16", "--json").json()
            self.assertEqual(facts["precision"], "bf16")
        facts = self.succeeds("bench", "kernels", "gemm", *QUICK, "precision=bf16", "run.isa=portable", "--json").json()
        self.assertTrue(facts["kernels"])


class Usage(Case):
    CASES = [  # arguments, what the error says
        ([], "1 argument is missing"),
        (["kernel"], "no bench 'kernel' (did you mean kernels?)"),
        (["everything"], "no bench 'everything' (kernels, train, sample)"),
        (["train", "a", "b"], "'b' is one argument too many"),
        (["train", "batch="], "batch= wants B behind it"),
        (["train", "batch=0"], "train.batch = 0 is out of range"),
        (["sample", "batch=x"], "sample.batch = x is not understood"),
        (["train", "batch=" + "1" * 200], "too long"),
        (["train", "batc=2"], "'batc=2' is no setting"),
        (["train", "reps=0"], "reps=0 (a whole number from 1 to"),
        (["train", "reps=2x"], "reps=2x (a whole number from 1 to"),
        (["sample", "precision=f8"], "sample.precision = f8 is not understood"),
        (["kernels", "precision=f8"], "train.precision = f8 is not understood"),
        (["kernels", "conv2"], "no kernel 'conv2' (did you mean conv2d?)"),
        (["train", "run.isa=foo"], "run.isa = foo"),
        (["train", "train.batch=6", "train.accumulate=4"], "train.accumulate = 4 does not divide train.batch = 6"),
        (["train", "--jsn"], "did you mean --json?"),
    ]

    def test_each_is_told_with_status_2(self):
        for words, said in self.CASES:
            with self.subTest(words=words):
                self.fails(2, said, "bench", *words)

    def test_wrong_models_are_refused(self):
        self.write("empty/note.txt", "hello")
        self.write("odd/config.json", '{"_class_name": "AutoencoderKL"}')
        for kind in ("train", "sample"):
            self.fails(3, "no such folder", "bench", kind, "nowhere")
            self.fails(3, "no model here", "bench", kind, "empty")
            self.fails(3, "odd/config.json", "bench", kind, "odd")
            self.fails(3, "note.txt", "bench", kind, "empty/note.txt")

    def test_help_says_what_differs_from_training(self):
        self.assertIn("train.ema_decay=0 unless given", self.succeeds("bench", "--help").out)


class Stop(Case):
    def test_a_signal_ends_it_between_steps(self):
        for kind in ("train", "sample"):
            p = start("bench", kind, *TINY, "reps=1000000", "--json", cwd=self.dir)
            time.sleep(0.5)
            interrupt(p, signal.SIGINT)
            r = finish(p)
            self.assertEqual((r.status, r.out), (130, ""))
            self.assertEqual(r.err, "unmist: stopped on request\n")


if __name__ == "__main__":
    main()
