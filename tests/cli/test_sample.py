# SPDX-License-Identifier: MIT
"""Drawing: what is written, in which form, and what the numbers may depend on."""
import os
import re
import shutil
import time
import unittest

from unmist import SOURCE, Case, Png, Tensors, WithRun, finish, interrupt, main, run, slurp, start, tiny_config

SAMPLERS = ["ddpm", "strided", "ddim", "euler", "euler_ancestral", "heun", "kdpm2", "lms", "pndm"]
SHORT = ["sample.steps=4", "sample.count=3"]


def digests(tensors):
    values, n = tensors["images"], tensors.shape["images"][0]
    each = len(values) // n
    return tuple(hash(values[each * i:each * (i + 1)]) for i in range(n))


def pixels_of(values):
    """The bytes of numbers that mean [-1, 1]."""
    return [min(255, max(0, round(255 * (v + 1) / 2))) for v in values]


class Outputs(WithRun):
    def draw(self, *more, **how):
        return self.succeeds("sample", self.model, *SHORT, *more, **how)

    def images(self, *more):
        """A digest of each image's numbers."""
        self.draw("-o", "numbers.safetensors", *more)
        return digests(Tensors(self.path("numbers.safetensors")))

    def test_every_sampler_writes_every_form_and_they_agree(self):
        for sampler in SAMPLERS:
            with self.subTest(sampler=sampler):
                chosen = f"sample.sampler={sampler}"
                self.assertIn(f"\n{sampler}.png\n", self.draw(chosen, "-o", f"{sampler}.png").out)
                self.draw(chosen, "-o", f"{sampler}.safetensors")
                self.draw(chosen, "-o", sampler)
                tensors = Tensors(self.path(f"{sampler}.safetensors"))
                self.assertEqual(tensors.shape, {"images": [3, 1, 8, 8]})
                grid = Png(self.read(f"{sampler}.png"))
                self.assertEqual((grid.width, grid.height, grid.channels, grid.depth), (22, 22, 1, 8))
                self.assertEqual(sorted(os.listdir(self.path(sampler))), [f"00000{i}.png" for i in range(3)])
                for i in range(3):
                    numbers = pixels_of(tensors["images"][64 * i:64 * (i + 1)])
                    single = Png(self.read(sampler, f"00000{i}.png"))
                    tile = grid.tile(2 + 10 * (i % 2), 2 + 10 * (i // 2), 8, 8)
                    self.assertEqual((single.width, single.height), (8, 8))
                    self.assertEqual(tile, single.rows)
                    self.assertLessEqual(max(abs(a - b) for a, b in zip(numbers, b"".join(tile))), 1)

    def test_samplers_and_their_settings_differ(self):
        seen = {self.images(*more) for more in (
            [], ["sample.sampler=ddpm"], ["sample.eta=1"], ["sample.eta=0.5"], ["sample.seed=1"],
            ["sample.sampler=ddpm", "sample.variance_type=fixed_large"], ["sample.clip_sample=false"],
            ["sample.timestep_spacing=trailing"], ["sample.sampler=strided", "sample.strided_rule=renoise"],
            ["sample.weights=raw"], ["sample.rng=torch"], ["sample.sampler=euler"],
            ["sample.sampler=euler", "sample.s_churn=2"], ["sample.sampler=euler", "sample.s_churn=1"],
            ["sample.sampler=euler", "sample.s_churn=2", "sample.s_noise=0.5"],
            ["sample.sampler=euler", "sample.s_churn=2", "sample.s_tmin=20"],
            ["sample.sampler=euler", "sample.s_churn=2", "sample.s_tmax=20"],
            ["sample.sampler=euler", "sample.use_karras_sigmas=true"], ["sample.sampler=euler_ancestral"],
            ["sample.sampler=heun"], ["sample.sampler=kdpm2"], ["sample.sampler=lms"],
            ["sample.sampler=lms", "sample.solver_order=2"], ["sample.sampler=pndm"],
            ["sample.sampler=pndm", "sample.skip_prk_steps=true"])}
        self.assertEqual(len(seen), 25)
        self.assertEqual(self.images("sample.sampler=ddpm", "sample.eta=0.5"), self.images("sample.sampler=ddpm"))

    def test_texts_of_a_picture_tell_how_to_draw_it_again(self):
        self.draw("sample.seed=7", "sample.eta=0.25", "-o", "it's one.png")
        first = Png(self.read("it's one.png"))
        self.assertEqual(first.texts["unmist.command"],
                         f"unmist sample '{self.model}' {' '.join(SHORT)} sample.seed=7 sample.eta=0.25 "
                         "-o 'it'\\''s one.png'")
        self.assertRegex(first.texts["Software"], r"^unmist \d")
        self.assertEqual(first.texts["unmist.model"], os.path.join(self.model, "model", "unet"))
        for line in ("seed = 7", "eta = 0.25", "sampler = ddim", "steps = 4", "count = 3", "timesteps = 1000"):
            self.assertIn(line + "\n", first.texts["unmist.settings"])
        self.write("again.ini", first.texts["unmist.settings"])
        self.succeeds("sample", self.model, "again.ini", "-o", "again.png")
        self.assertEqual(Png(self.read("again.png")).rows, first.rows)

    def test_a_fact_of_the_training_that_is_asked_otherwise_is_told_once(self):
        self.write("other.ini", "[diffusion]\n\nschedule = cosine\ntimesteps = 1000\n")
        drawn = self.images()
        for more in (["-o", "numbers.safetensors"], ["--explain"]):
            r = self.run_here("sample", self.model, "other.ini", *SHORT, "diffusion.timesteps=500", *more)
            self.assertEqual(r.status, 0)
            self.assertIn("unmist: diffusion.timesteps = 500 is overruled: the model was trained with 1000\n", r.err)
            self.assertRegex(r.err, "unmist: (.*/)?other.ini:3: diffusion.schedule = cosine is overruled: "
                                    "the model was trained with linear\n")
            self.assertEqual(r.err.count("\n"), 2, r.err)
        self.assertEqual(digests(Tensors(self.path("numbers.safetensors"))), drawn)
        r = self.run_here("sample", self.model, "diffusion.timesteps=2000", "sample.steps=1500")
        self.assertEqual((r.status, r.err.count("\n")), (2, 2), r.err)
        self.assertIn("diffusion.timesteps = 2000 is overruled: the model was trained with 1000\n", r.err)

    def test_a_model_whose_name_is_no_utf8(self):
        model = os.fsdecode(os.fsencode(self.path("m")) + b"\xe9 \n")
        shutil.copytree(self.model, model)
        self.succeeds("sample", model, *SHORT, "-o", "x.safetensors")
        self.succeeds("sample", model, *SHORT, "-o", "x.png")
        shown = os.path.join(self.path("m? \n"), "model", "unet")
        self.assertEqual(Tensors(self.path("x.safetensors")).metadata["unmist.model"], shown)
        self.assertEqual(Png(self.read("x.png")).texts["unmist.model"], shown)
        self.assertEqual(self.succeeds("info", model, "--json").json()["folder"], shown)

    def test_the_same_seed_gives_the_same_bytes(self):
        for name in ("a.png", "a.safetensors"):
            self.draw("-o", name)
            first = self.read(name)
            self.draw("-o", name)
            self.assertEqual(self.read(name), first)

    def test_an_image_depends_neither_on_batch_nor_on_threads_nor_on_count(self):
        for sampler in SAMPLERS:
            with self.subTest(sampler=sampler):
                chosen = [f"sample.sampler={sampler}", "sample.eta=1", "sample.count=5"]
                first = self.images(*chosen, "sample.batch=5")
                for more in (["sample.batch=1"], ["sample.batch=2", "run.threads=2"], ["run.threads=3"]):
                    self.assertEqual(self.images(*chosen, *more), first, more)
                self.assertEqual(self.images(*chosen, "sample.count=2"), first[:2])

    def test_images_in_bf16_are_near_and_depend_on_as_little(self):
        exact = self.path("exact.safetensors")
        self.draw("-o", exact)
        first = self.images("sample.precision=bf16", "sample.batch=3")
        values = Tensors(self.path("numbers.safetensors"))["images"]
        worst = max(abs(a - b) for a, b in zip(values, Tensors(exact)["images"]))
        self.assertTrue(0 < worst < 0.1, worst)
        for more in (["sample.batch=1"], ["sample.batch=2", "run.threads=2"], ["run.threads=3"]):
            self.assertEqual(self.images("sample.precision=bf16", *more), first, more)

    def test_torch_numbers_come_in_batches_that_continue(self):
        chosen = ["sample.rng=torch", "sample.count=4"]
        self.assertEqual(self.images(*chosen), self.images(*chosen))
        for eta in (0, 1):  # noise of later steps comes behind what the batch has drawn
            eta_one = self.images(*chosen, f"sample.eta={eta}", "sample.batch=1")
            self.assertEqual(eta_one == self.images(*chosen, f"sample.eta={eta}", "sample.batch=4"), eta == 0)
        self.assertEqual(self.images(*chosen, "sample.batch=2")[:2],
                         self.images(*chosen, "sample.batch=2", "sample.count=2"))

    def test_a_trajectory_is_a_filmstrip_of_x_over_its_predictions(self):
        r = self.draw("sample.trajectory=2", "sample.steps=8", "sample.count=2", "-o", "film.png")
        self.assertIn("film-trajectory.png", r.out)
        self.draw("sample.trajectory=2", "sample.steps=8", "sample.count=2", "-o", "film.safetensors")
        tensors = Tensors(self.path("film.safetensors"))
        frames = tensors.shape["trajectory.x_t"][0]
        self.assertEqual(tensors.shape, {"images": [2, 1, 8, 8], "trajectory.x_t": [frames, 2, 1, 8, 8],
                                         "trajectory.x0": [frames, 2, 1, 8, 8]})
        film = Png(self.read("film-trajectory.png"))
        self.assertEqual((film.width, film.height), (10 * frames + 2, 10 * 4 + 2))
        self.assertGreaterEqual(frames, 4)
        for image in range(2):
            for frame in range(frames):
                for row, name in enumerate(("trajectory.x_t", "trajectory.x0")):
                    at = 64 * (2 * frame + image)
                    tile = b"".join(film.tile(2 + 10 * frame, 2 + 10 * (2 * image + row), 8, 8))
                    wanted = pixels_of(tensors[name][at:at + 64])
                    self.assertLessEqual(max(abs(a - b) for a, b in zip(wanted, tile)), 1)
        self.draw("sample.trajectory=3", "-o", "film")
        self.assertIn("trajectory.png", os.listdir(self.path("film")))

    def test_explain_prints_the_table_and_draws_nothing(self):
        for sampler in SAMPLERS:
            out = self.draw(f"sample.sampler={sampler}", "sample.timestep_spacing=leading", "--explain").out
            rows = [line.split() for line in out.splitlines() if re.match(r" *\d+ ", line)]
            first = {}  # of the rows of each step, one for each model call
            for row in rows:
                first.setdefault(int(row[0]), float(row[1]))
            self.assertEqual(first, {0: 750, 1: 500, 2: 250, 3: 0}, out)
        self.assertEqual(os.listdir(self.dir), [])

    def test_the_steps_that_quadratic_spacing_leaves_are_counted(self):
        wanted = len({int((800 ** 0.5 * i / 899) ** 2) for i in range(900)})
        table = self.draw("sample.timestep_spacing=quadratic", "sample.steps=900", "--explain").out
        self.assertEqual(table.splitlines()[0], f"ddim: {wanted} steps through 1000 timesteps")
        self.assertEqual(len(table.splitlines()), wanted + 2)
        said = self.draw("sample.timestep_spacing=quadratic", "sample.steps=900", "sample.count=1").out
        self.assertRegex(said, rf"1 image of 8 x 8 by ddim, {wanted} steps, seed 0, in ")

    def test_any_folder_of_a_model_is_a_model(self):
        step = os.path.join(self.model, "checkpoints", "step-0000004")
        last = os.path.join(self.model, "checkpoints", "step-0000006")
        first = self.images()
        for folder, same in ((self.model + "/", True), (os.path.join(self.model, "model"), True), (last, True),
                             (os.path.join(self.model, "model", "unet"), True), (step, False), (step + "/", False)):
            self.succeeds("sample", folder, *SHORT, "-o", "x.safetensors")
            self.assertEqual(digests(Tensors(self.path("x.safetensors"))) == first, same, folder)
        r = run("sample", os.path.relpath(self.model, self.shared), *SHORT, "-o", self.path("y.safetensors"),
                cwd=self.shared)
        self.assertEqual((r.status, r.err), (0, ""))
        self.assertEqual(digests(Tensors(self.path("y.safetensors"))), first)

    def test_raw_weights_are_those_of_the_newest_checkpoint(self):
        raw = self.images("sample.weights=raw")
        self.succeeds("sample", os.path.join(self.model, "checkpoints", "step-0000006"), *SHORT,
                      "sample.weights=raw", "-o", "x.safetensors")
        self.assertEqual(digests(Tensors(self.path("x.safetensors"))), raw)
        self.fails(3, ["training_state", "sample.weights = ema"], "sample", os.path.join(self.model, "model"),
                   *SHORT, "sample.weights=raw")

    def test_folders_above_the_output_are_made(self):
        for name in ("a b/c/x.png", "d/e/x.safetensors", "f/g/h", "upper.PNG"):
            self.draw("-o", name)
            self.assertTrue(os.path.exists(self.path(name)), name)
        self.assertTrue(os.path.isfile(self.path("upper.PNG")))

    def test_other_sizes_than_the_model_s_own(self):
        self.draw("data.image_size=12x16", "-o", "x.safetensors")
        self.assertEqual(Tensors(self.path("x.safetensors")).shape["images"], [3, 1, 12, 16])

    def test_columns_and_format_lay_the_picture_out(self):
        self.draw("sample.columns=3", "-o", "row.png")
        self.assertEqual((Png(self.read("row.png")).width, Png(self.read("row.png")).height), (32, 12))
        self.draw("sample.format=grid", "-o", "no ending")
        self.assertEqual(Png(self.read("no ending")).width, 22)
        self.draw("sample.count=1", "-o", "one.png")
        self.assertEqual(Png(self.read("one.png")).width, 8)

    def test_wrong_wishes_are_told_before_anything_is_drawn(self):
        self.write("a file", "hello")
        os.mkdir(self.path("folder.png"))
        long = ["sample.sampler=ddpm", "sample.count=100000"]
        for status, said, more in (
                (1, "is a file (the name of a folder)", ["-o", "a file"]),
                (1, "is a folder (the name of a file)", ["-o", "folder.png"]),
                (1, "Not a directory", ["-o", "a file/x.png"]),
                (1, "/proc/x.png", ["-o", "/proc/x.png"]),
                (1, "/dev/full", ["-o", "/dev/full"]),
                (2, "files of this kind are not written", ["-o", "x.jpg"]),
                (2, "sample.count = 0 is out of range", ["sample.count=0"]),
                (2, "sample.batch = 0 is out of range", ["sample.batch=0"]),
                (2, "sample.steps = 1001 is above", ["sample.steps=1001"]),
                (2, "do not pass through 2 levels", ["data.image_size=9x8"]),
                (2, "knows no classes", ["sample.classes=1"]),
                (2, "in 3163 columns is larger than 16384", ["sample.count=10000000"]),
                (2, "a filmstrip of 2 images in 1000 frames", ["sample.count=2", "sample.trajectory=1",
                                                               "data.image_size=16"]),
                (2, "a filmstrip of 100000 images in 2 frames", ["sample.trajectory=999"]),
                (3, "none.ini", ["none.ini"])):
            with self.subTest(more=more):
                self.fails(status, said, "sample", self.model, *long, *more)
        for model, said in (("nowhere", "no such folder"), (self.dir, "no model here"),
                            (self.config, "a model is a folder")):
            self.fails(3, said, "sample", model)

    @unittest.skipIf("ASAN_OPTIONS" in os.environ, "the sanitizer ends programs that ask for so much")
    def test_more_images_than_memory_holds(self):
        self.fails(1, "sampling needs ", "sample", self.model, "sample.count=10000000", "data.image_size=512",
                   "-o", "x.safetensors")

    def test_ctrl_c_leaves_nothing(self):
        p = start("sample", self.model, "sample.sampler=ddpm", "sample.count=2000", "-o", "x.png", cwd=self.dir)
        time.sleep(0.5)
        interrupt(p)
        r = finish(p)
        self.assertEqual((r.status, r.err), (130, "unmist: stopped on request\n"))
        self.assertEqual(os.listdir(self.dir), [])


class FullDisk(WithRun):
    def test_a_picture_that_cannot_be_finished_leaves_the_older_one(self):
        import resource
        self.write("x.png", "older")
        limit = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)))
        before = os.listdir(self.dir)
        r = self.run_here("sample", self.model, "sample.count=100", "sample.steps=1", "-o", "x.png", preexec=limit)
        self.assertEqual(r.status, 1, r.err)
        self.assertIn("unmist: x.png: File too large", r.err)
        self.assertEqual((os.listdir(self.dir), self.read("x.png")), (before, b"older"))


class Classes(WithRun):
    SETTINGS = ["model.class_conditional=true", "train.sample_every=0", "train.validate_every=0", "train.lr=0.01",
                "train.steps=4"]

    def images(self, *more):
        self.succeeds("sample", self.model, "sample.steps=2", "sample.count=6", "-o", "x.safetensors", *more)
        return digests(Tensors(self.path("x.safetensors")))

    def test_classes_are_drawn_in_turn(self):
        all_three, first, two = (self.images(*m) for m in ([], ["sample.classes=0"], ["sample.classes=2,1"]))
        self.assertEqual([a == b for a, b in zip(all_three, first)], [True, False, False] * 2)
        self.assertEqual([a == b for a, b in zip(all_three, two)], [False, True, True, False, False, False])
        self.assertEqual(all_three, self.images("sample.classes=0,1,2", "sample.batch=1"))

    def test_a_class_that_the_model_does_not_have_is_refused(self):
        self.fails(2, "the model has classes 0 to 2", "sample", self.model, "sample.classes=0,3")
        self.assertIn("3 classes", self.succeeds("info", self.model).out)


class Networks(Case):
    def test_a_network_that_takes_embeddings_for_classes_is_refused(self):
        model = os.path.join(SOURCE, "tests", "golden", "unet", "tiny_learned")
        self.fails(2, "class_embed_type = identity", "sample", model, "sample.steps=2")


class Scheduler(Case):
    """What a model's scheduler_config.json says, and when it counts."""

    def explain(self, *more):
        return self.succeeds("sample", "model", "--explain", "sample.steps=4", *more).out

    def test_facts_of_training_always_count_and_options_for_their_own_class(self):
        tiny_config(self.dir)
        self.succeeds("train", "tiny.ini", "--out", "run", "train.steps=0", "diffusion.timesteps=40",
                      "train.checkpoint_every=0")
        shutil.copytree(self.path("run", "model"), self.path("model"))
        asked = self.run_here("sample", "model", "--explain", "sample.steps=4", "diffusion.timesteps=500")
        self.assertEqual(asked.out, self.explain())
        self.assertIn(" 30 ", asked.out)
        self.fails(2, "sample.steps = 41 is above diffusion.timesteps = 40", "sample", "model", "sample.steps=41")
        path = self.path("model", "scheduler", "scheduler_config.json")
        text = slurp(path).decode()
        self.assertIn('"DDPMScheduler"', text)
        plain = self.explain()
        spaced = text.replace('"_class_name"', '"timestep_spacing": "trailing",\n  "_class_name"')
        self.write("model/scheduler/scheduler_config.json", spaced)
        self.assertEqual(self.explain(), plain)
        self.assertNotEqual(self.explain("sample.sampler=ddpm"), plain)
        self.write("model/scheduler/scheduler_config.json", spaced.replace("DDPMScheduler", "DDIMScheduler"))
        self.assertNotEqual(self.explain(), plain)
        self.assertEqual(self.explain("sample.timestep_spacing=leading"), plain)


if __name__ == "__main__":
    main()
