# SPDX-License-Identifier: MIT
"""Training: what a run folder holds, going on with one, and being interrupted."""
import configparser
import csv
import json
import os
import re
import shlex
import signal
import time

from unmist import (DIGITS, Case, Png, Tensors, WithRun, finish, interrupt, main, run, slurp, snapshot, start,
                    tiny_config)

WEIGHTS = ("unet", "diffusion_pytorch_model.safetensors")


def rows_of(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


class RunFolder(WithRun):
    def inside(self, *names):
        return os.path.join(self.model, *names)

    def test_it_holds_what_the_design_lists_and_nothing_half_written(self):
        self.assertEqual(sorted(os.listdir(self.model)),
                         ["checkpoints", "config.ini", "log.csv", "model", "samples"])
        self.assertEqual(sorted(os.listdir(self.inside("checkpoints"))), ["step-0000004", "step-0000006"])
        self.assertEqual(sorted(os.listdir(self.inside("samples"))), ["step-0000003.png", "step-0000006.png"])
        hidden = [n for n in snapshot(self.model) if os.path.basename(n).startswith(".")]
        self.assertEqual(hidden, [])

    def test_a_checkpoint_is_a_pipeline_folder_with_its_training_state(self):
        for folder, state in (("model", []), ("checkpoints/step-0000006",
                                              ["training_state.json", "training_state.safetensors"])):
            with self.subTest(folder=folder):
                self.assertEqual(sorted(os.listdir(self.inside(folder))),
                                 sorted(["model_index.json", "scheduler", "unet"] + state))
                index = json.loads(slurp(self.inside(folder, "model_index.json")))
                self.assertEqual(index["_class_name"], "DDPMPipeline")
                self.assertEqual(index["unet"], ["diffusers", "UNet2DModel"])
                self.assertEqual(index["scheduler"], ["diffusers", "DDPMScheduler"])
                unet = json.loads(slurp(self.inside(folder, "unet", "config.json")))
                self.assertEqual((unet["_class_name"], unet["block_out_channels"], unet["sample_size"]),
                                 ("UNet2DModel", [8, 16], 8))
                scheduler = json.loads(slurp(self.inside(folder, "scheduler", "scheduler_config.json")))
                self.assertEqual((scheduler["num_train_timesteps"], scheduler["beta_schedule"],
                                  scheduler["prediction_type"]), (1000, "linear", "epsilon"))
                weights = Tensors(self.inside(folder, *WEIGHTS))
                self.assertEqual(weights.shape["conv_in.weight"], [8, 1, 3, 3])
                self.assertEqual(weights.shape["time_embedding.linear_1.weight"], [32, 8])

    def test_the_model_is_the_last_checkpoint_s_average(self):
        self.assertEqual(Tensors(self.inside("model", *WEIGHTS)).values,
                         Tensors(self.inside("checkpoints", "step-0000006", *WEIGHTS)).values)

    def test_the_log_has_a_line_for_each_step(self):
        rows = rows_of(self.inside("log.csv"))
        self.assertEqual(list(rows[0])[:7],
                         ["step", "images", "loss", "grad_norm", "lr", "images_per_second", "seconds"])
        self.assertEqual([(int(r["step"]), int(r["images"])) for r in rows], [(i, 4 * i) for i in range(1, 7)])
        for r in rows:
            self.assertTrue(0 < float(r["loss"]) < 10 and float(r["grad_norm"]) > 0, r)
            self.assertEqual(bool(r["validation"]), int(r["step"]) % 3 == 0, r)
        self.assertEqual(sorted(rows, key=lambda r: float(r["seconds"])), rows)

    def test_config_ini_holds_every_setting_and_trains_the_same_model_again(self):
        settings = configparser.ConfigParser(interpolation=None)
        settings.read(self.inside("config.ini"))
        listed = run("config").out
        section, wanted = None, []
        for line in listed.splitlines():
            if line.startswith("["):
                section = line[1:line.index("]")]
            elif re.match(r"  \w+ =", line):
                wanted.append((section, line.split()[0]))
        self.assertEqual([(s, k) for s in settings.sections() for k in settings[s]], wanted)
        self.assertEqual(settings["train"]["batch"], "4")
        self.succeeds("train", self.inside("config.ini"), "--out", "again")
        self.assertEqual(self.read("again", "model", *WEIGHTS), slurp(self.inside("model", *WEIGHTS)))

    def test_sample_grids_are_pictures_with_their_step(self):
        grid = Png(slurp(self.inside("samples", "step-0000003.png")))
        self.assertEqual((grid.width, grid.height, grid.channels), (22, 22, 1))  # 2 x 2 of 8 x 8, gaps of 2
        self.assertEqual(grid.texts["unmist.step"], "3")
        self.assertEqual(grid.texts["unmist.model"], self.model)

    def test_more_than_memory_holds_is_told_with_what_to_lower(self):
        r = self.fails(1, "training needs", "train", self.config, "--out", "run", "train.batch=65536",
                       "train.accumulate=1", "data.image_size=64")
        self.assertRegex(r.err, r"\Aunmist: training needs \d{6,}\.\d MiB .*leaves .*train\.accumulate.*\n\Z")

    def test_a_sample_grid_says_how_to_draw_it_again(self):
        grid = Png(slurp(self.inside("samples", "step-0000006.png")))
        self.write("again.ini", grid.texts["unmist.settings"])
        self.succeeds("sample", self.inside("checkpoints", "step-0000006"), "again.ini", "-o", "again.png")
        self.assertEqual(Png(self.read("again.png")).rows, grid.rows)

    def test_the_seed_alone_decides_not_the_threads(self):
        self.succeeds("train", self.config, "--out", "three", "run.threads=3", "train.log_every=2")
        self.succeeds("train", self.config, "--out", "other", "run.seed=1")
        first = slurp(self.inside("model", *WEIGHTS))
        self.assertEqual(self.read("three", "model", *WEIGHTS), first)
        self.assertNotEqual(self.read("other", "model", *WEIGHTS), first)

    def test_in_bf16_the_seed_alone_decides_too_and_resume_keeps_the_precision(self):
        chosen = ["train.precision=bf16", "train.log_every=1"]
        self.succeeds("train", self.config, "--out", "bf16", *chosen)
        self.succeeds("train", self.config, "--out", "three", *chosen, "run.threads=3")
        coarse = self.read("bf16", "model", *WEIGHTS)
        self.assertEqual(self.read("three", "model", *WEIGHTS), coarse)
        self.assertNotEqual(coarse, slurp(self.inside("model", *WEIGHTS)))
        for row, exact in zip(rows_of(self.path("bf16", "log.csv")), rows_of(self.inside("log.csv"))):
            self.assertLess(abs(float(row["loss"]) / float(exact["loss"]) - 1), 0.02)
        weights, exact = Tensors(self.path("bf16", "model", *WEIGHTS)), Tensors(self.inside("model", *WEIGHTS))
        self.assertEqual(weights.shape, exact.shape)
        self.fails(2, ["train.precision = f32", "bf16"], "train", self.config, "--out", "bf16", "--resume",
                   "train.precision=f32")
        self.fails(2, ["train.precision = f16", "f32, bf16"], "train", self.config, "--out", "x",
                   "train.precision=f16")

    def test_what_is_said_names_the_run_its_data_and_its_seed(self):
        for words in (self.model, "36 images of 8 x 8 x 1, 4 held out", "seed 0", "6 steps, 24 images", "model: "):
            self.assertIn(words, self.trained.out)

    def test_a_finished_run_is_left_as_it_is(self):
        before = snapshot(self.model)
        self.succeeds("train", self.config, "--out", self.model, "--resume")
        self.fails(2, ["holds a run already", "--resume"], "train", self.config, "--out", self.model)
        self.fails(2, ["train.lr = 0.5", "0.0002"], "train", self.config, "--out", self.model, "--resume",
                   "train.lr=0.5")
        self.assertEqual(snapshot(self.model), before)

    def test_a_run_fine_tunes_another(self):
        for start_from in (self.model, self.inside("checkpoints", "step-0000004"), self.inside("model", "unet")):
            with self.subTest(start_from=start_from):
                self.succeeds("train", self.config, "--out", "fine", f"train.init={start_from}", "train.steps=0",
                              "train.checkpoint_every=0")
                source = start_from if start_from.endswith("unet") else os.path.join(
                    self.inside("model") if start_from == self.model else start_from, "unet")
                self.assertEqual(Tensors(self.path("fine", "model", *WEIGHTS)).values,
                                 Tensors(os.path.join(source, WEIGHTS[1])).values)
                os.rename(self.path("fine"), self.path("fine of " + os.path.basename(start_from)))

    def test_fine_tuning_takes_the_size_of_its_images_and_the_network_of_its_model(self):
        start_from = f"train.init={self.model}"
        self.succeeds("train", self.config, "--out", "fine", start_from, "train.steps=1", "data.image_size=16x12")
        self.assertEqual(self.succeeds("info", "fine", "--json").json()["image"], [16, 12, 1])
        self.fails(2, "model.channels does nothing beside train.init", "train", self.config, "--out", "other",
                   start_from, "model.channels=8,8")

    def test_a_network_s_config_json_stands_for_the_model_settings(self):
        config = f"model.config={self.inside('model', 'unet', 'config.json')}"
        self.succeeds("train", self.config, config, "--out", "same")
        self.assertEqual(self.read("same", "model", *WEIGHTS), slurp(self.inside("model", *WEIGHTS)))
        self.fails(2, "model.channels does nothing beside model.config", "train", self.config, "--out", "other",
                   config, "model.channels=8,8")


class Resume(Case):
    def setUp(self):
        super().setUp()
        self.config = tiny_config(self.dir)
        self.more = ["train.steps=150", "train.sample_every=0", "train.validate_every=50"]

    def wait_for_steps(self, folder, steps):
        path, until = self.path(folder, "log.csv"), time.monotonic() + 120
        while time.monotonic() < until:
            if os.path.exists(path) and self.read(folder, "log.csv").count(b"\n") > steps:
                return
            time.sleep(0.005)
        self.fail("no steps")

    def test_an_interrupted_run_ends_in_the_same_bytes(self):
        self.succeeds("train", self.config, *self.more, "--out", "whole")
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(number=number):
                out = f"it's cut by {status}"
                p = start("train", self.config, *self.more, "--out", out, cwd=self.dir)
                self.wait_for_steps(out, 3)
                interrupt(p, number)
                r = finish(p)
                self.assertEqual(r.status, status, r.err)
                lines = r.err.splitlines()
                self.assertEqual(lines[0], "unmist: stopped on request")
                self.assertTrue(lines[1].startswith("go on with: unmist train "), r.err)
                self.assertEqual(len(lines), 2)
                at = int(rows_of(self.path(out, "log.csv"))[-1]["step"])
                self.assertLess(at, 150)
                self.assertIn(f"step-{at:07d}", os.listdir(self.path(out, "checkpoints")))
                self.succeeds(*shlex.split(lines[1][len("go on with: unmist "):]))
                self.assertEqual(self.read(out, "model", *WEIGHTS), self.read("whole", "model", *WEIGHTS))
                whole, cut = (rows_of(self.path(f, "log.csv")) for f in ("whole", out))
                for a, b in zip(whole, cut):
                    for timed in ("seconds", "images_per_second"):
                        del a[timed], b[timed]
                self.assertEqual(whole, cut)

    def test_a_killed_run_goes_on_from_its_newest_checkpoint(self):
        p = start("train", self.config, *self.more, "--out", "run", cwd=self.dir)
        self.wait_for_steps("run", 4)
        p.kill()
        finish(p)
        self.succeeds("train", self.config, *self.more, "--out", "run", "--resume", "run.threads=2")
        steps = [int(r["step"]) for r in rows_of(self.path("run", "log.csv"))]
        self.assertEqual(steps, list(range(1, 151)))

    def test_what_is_learnt_may_not_change_but_what_is_shown_may(self):
        self.succeeds("train", self.config, "--out", "run", "train.max_time=1s", "train.steps=1000000")
        for setting, key in (("train.lr=0.001", "train.lr"), ("train.batch=8", "train.batch"),
                             ("model.channels=8,8", "model.channels"), ("run.seed=2", "run.seed"),
                             ("diffusion.schedule=cosine", "diffusion.schedule"), ("train.steps=7", "train.steps")):
            with self.subTest(setting=setting):
                self.fails(2, f"unmist: {key} = ", "train", self.config, "--out", "run", "--resume",
                           "train.steps=1000000", setting)
        r = self.succeeds("train", self.config, "--out", "run", "--resume", "train.steps=1000000",
                          "train.max_time=1s", "run.threads=2", "train.log_every=10", "sample.sampler=ddpm",
                          "train.keep=1")
        self.assertIn("go on with: unmist train", r.out)
        self.assertEqual(len(os.listdir(self.path("run", "checkpoints"))), 1)

    def test_resume_begins_where_there_is_nothing_to_go_on_with(self):
        os.mkdir(self.path("empty"))
        os.mkdir(self.path("notes"))
        self.write("notes/my notes.txt", "hello")
        for out in ("missing", "empty", "notes"):
            with self.subTest(out=out):
                self.succeeds("train", self.config, "--out", out, "--resume", "train.sample_every=0")
                self.assertIn("model", os.listdir(self.path(out)))
        self.assertEqual(self.read("notes", "my notes.txt"), b"hello")

    def test_two_trainings_at_once_are_refused(self):
        p = start("train", self.config, "--out", "run", "train.steps=1000000", "train.checkpoint_every=0",
                  cwd=self.dir)
        try:
            self.wait_for_steps("run", 1)
            for more in ([], ["--resume"]):
                r = self.run_here("train", self.config, "--out", "run", "train.steps=1000000", *more)
                self.assertEqual((r.status, r.out), (1, ""))
                self.assertIn("another training is at work in this folder", r.err)
        finally:
            p.kill()
            finish(p)
        self.succeeds("train", self.config, "--out", "run")


class Places(Case):
    def test_small_overrides_work_on_the_embedded_digits(self):
        r = self.succeeds("train", DIGITS, "model.channels=16,32", "model.layers=1", "model.groups=8",
                          "train.steps=30", "train.batch=8", "train.sample_every=0", "train.validate_every=0",
                          "train.checkpoint_every=0")
        self.assertIn("sample: unmist sample runs/digits -o samples.png", r.out)
        self.assertEqual(sorted(os.listdir(self.path("runs", "digits"))), ["config.ini", "log.csv", "model"])
        losses = [float(row["loss"]) for row in rows_of(self.path("runs", "digits", "log.csv"))]
        self.assertEqual(len(losses), 30)
        self.assertLess(sum(losses[-5:]), sum(losses[:5]))

    def test_run_name_and_out_make_the_folder_and_the_hint_can_be_pasted(self):
        tiny_config(self.dir)
        r = self.succeeds("train", "tiny.ini", "run.out=my runs", "run.name=no 1", "train.steps=1")
        hint = re.search(r"^sample: unmist (.*)$", r.out, re.M).group(1)
        self.succeeds(*shlex.split(hint), "sample.count=1", "sample.steps=1")
        self.assertTrue(os.path.isfile(self.path("samples.png")))

    def test_paths_in_a_file_are_relative_to_it_and_on_the_line_to_the_folder(self):
        os.mkdir(self.path("a place"))
        tiny_config(self.path("a place"))
        self.succeeds("train", "a place/tiny.ini", "--out", "one/", "train.steps=1")
        os.rename(self.path("a place", "images"), self.path("moved"))
        self.fails(3, "images", "train", "a place/tiny.ini", "--out", "two", "train.steps=1")
        self.succeeds("train", "a place/tiny.ini", "--out", "two", "train.steps=1", "data.path=moved/")

    def test_quiet_says_nothing(self):
        tiny_config(self.dir)
        self.assertEqual(self.succeeds("train", "tiny.ini", "-q", "--out", "run").out, "")


class Kinds(Case):
    """Every kind of training takes a few steps and can be drawn from."""
    CASES = [
        ["model.class_conditional=true"],
        ["diffusion.prediction_type=v_prediction", "diffusion.schedule=cosine"],
        ["diffusion.prediction_type=sample", "diffusion.schedule=sigmoid", "diffusion.loss=huber"],
        ["diffusion.schedule=scaled_linear", "diffusion.timesteps=50", "diffusion.loss=l1"],
        ["train.optimizer=adam", "train.lr_schedule=linear", "train.accumulate=2", "train.ema_decay=0"],
        ["model.attention=8", "model.head_dim=0", "model.dropout=0.1", "train.recompute=true", "data.flip=true"],
        ["model.time_scale_shift=scale_shift", "model.downsample_type=resnet", "model.upsample_type=resnet"],
        ["data.image_size=6x10", "model.channels=8,8"],
        ["data.pad=2", "train.warmup=100", "train.clip_norm=0", "train.log_every=0", "train.checkpoint_every=0"],
        ["data.limit=1"],
        ["diffusion.timesteps=3", "sample.steps=0"],
        ["data.validation=0", "train.batch=1", "train.lr_schedule=constant"],
        ["sample.sampler=ddpm", "sample.eta=0.5", "train.keep=0"],
    ]

    def test_each_trains_and_draws(self):
        tiny_config(self.dir)
        for i, more in enumerate(self.CASES):
            with self.subTest(more=more):
                self.succeeds("train", "tiny.ini", "--out", f"run {i}", "train.steps=3", *more)
                self.succeeds("sample", f"run {i}", "sample.count=2", "sample.steps=2", "-o", f"{i}.png")
                self.assertGreater(Png(self.read(f"{i}.png")).width, 8)


if __name__ == "__main__":
    main()
