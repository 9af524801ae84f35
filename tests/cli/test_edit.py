# SPDX-License-Identifier: MIT
"""Edits: what each keeps of the images that it is given, how results lie, and what is refused."""
import os

from unmist import Png, Tensors, WithRun, flat_png, idx_folder, main, noise, png_bytes

IMAGE = 64  # numbers of an image of the tiny model
STEPS = "sample.steps=4"


def numbers(pixels):
    return [2 * p / 255 - 1 for p in pixels]


def near(a, b, tolerance=1e-5):
    return len(a) == len(b) and max(abs(x - y) for x, y in zip(a, b)) <= tolerance


class WithPictures(WithRun):
    def setUp(self):
        super().setUp()
        self.pixels = [noise(IMAGE, seed) for seed in (1, 2, 3)]
        for i, p in enumerate(self.pixels):
            self.write(f"{i}.png", png_bytes(8, 8, 1, p))
        self.left = [255 if x < 4 else 0 for _ in range(8) for x in range(8)]
        self.write("mask.png", png_bytes(8, 8, 1, bytes(self.left)))

    def edit(self, *words):
        return self.succeeds("edit", self.model, *words, STEPS)

    def images(self, *words):
        """The images that an edit gives, each as numbers."""
        self.edit(*words, "-o", "out.safetensors")
        t = Tensors(self.path("out.safetensors"))
        self.assertEqual(t.shape["images"][1:], [1, 8, 8])
        return [t["images"][IMAGE * i:IMAGE * (i + 1)] for i in range(t.shape["images"][0])]


class Inpaint(WithPictures):
    def test_known_pixels_stay_and_white_ones_are_drawn(self):
        for more in ([], ["sample.sampler=ddpm"], ["sample.sampler=ddim", "sample.eta=1"],
                     ["edit.jump_length=1", "edit.resamples=3"], ["edit.resamples=1"], ["sample.rng=torch"]):
            with self.subTest(more=more):
                out, = self.images("inpaint", "0.png", "--mask", "mask.png", *more)
                for x, white, given in zip(out, self.left, numbers(self.pixels[0])):
                    self.assertEqual(abs(x - given) < 1e-6, not white, (x, given))

    def test_settings_of_the_jumps_count(self):
        words = ["inpaint", "0.png", "--mask", "mask.png"]
        seen = {tuple(self.images(*words, f"edit.jump_length={j}", f"edit.resamples={r}")[0])
                for j, r in ((1, 1), (1, 2), (2, 2), (1, 3))}
        self.assertEqual(len(seen), 4)
        self.assertEqual(self.images(*words, "edit.resamples=1"), self.images(*words, "edit.jump_length=4"))

    def test_several_images_and_several_of_each(self):
        out = self.images("inpaint", "0.png", "1.png", "--mask", "mask.png", "sample.count=3")
        self.assertEqual(len(out), 6)
        self.assertEqual(len(set(out)), 6)
        for i, x in enumerate(out):
            self.assertTrue(near(x[4:8], numbers(self.pixels[i // 3])[4:8]))
        self.assertEqual(self.images("inpaint", "0.png", "1.png", "--mask", "mask.png", "sample.count=3",
                                     "sample.batch=1"), out)


class FromImage(WithPictures):
    def test_it_says_the_steps_that_are_walked(self):
        for words, steps in ((["from-image", "--strength=0.5"], "2 steps"), (["from-image", "--strength=0"], "0 steps"),
                             (["from-image", "--strength=0.5", "sample.sampler=heun"], "2 steps"),
                             (["inpaint", "--mask", "mask.png", "edit.resamples=2", "edit.jump_length=2"], "6 steps"),
                             (["invert"], "4 steps")):
            self.assertIn(f", {steps}, ", self.edit(words[0], "0.png", *words[1:]).out)

    def test_strength_0_is_the_image_and_1_what_sampling_draws(self):
        out = self.images("from-image", "0.png", "1.png", "--strength", "0")
        for x, p in zip(out, self.pixels):
            self.assertTrue(near(x, numbers(p)))
        for sampler in ("ddim", "ddpm"):
            out = self.images("from-image", "0.png", "--strength=1", f"sample.sampler={sampler}", "sample.count=2")
            self.succeeds("sample", self.model, STEPS, f"sample.sampler={sampler}", "sample.count=2", "-o",
                          "drawn.safetensors")
            self.assertEqual(list(out[0] + out[1]), list(Tensors(self.path("drawn.safetensors"))["images"]))

    def test_more_strength_leaves_less_of_the_image(self):
        def distance(strength):
            out = self.images("from-image", "0.png", "--strength", strength)[0]
            return sum(abs(a - b) for a, b in zip(out, numbers(self.pixels[0])))
        self.assertLess(distance("0.25"), distance("1"))
        self.assertEqual(self.images("from-image", "0.png"), self.images("from-image", "0.png", "edit.strength=0.5"))


class Interpolate(WithPictures):
    def test_ends_are_what_the_seeds_draw(self):
        for path in ([], ["--linear"]):
            out = self.images("interpolate", "--seeds", "3,5", "--frames", "4", *path)
            self.assertEqual(len(out), 4)
            for seed, x in ((3, out[0]), (5, out[3])):
                self.succeeds("sample", self.model, STEPS, f"sample.seed={seed}", "sample.count=1", "-o",
                              "x.safetensors")
                self.assertEqual(x, Tensors(self.path("x.safetensors"))["images"])
        self.assertNotEqual(self.images("interpolate", "--seeds", "3,5"), self.images("interpolate", "--seeds", "3,5",
                                                                                      "--linear"))

    def test_a_strip_leads_from_each_image_to_the_next(self):
        back = self.images("invert", "0.png", "1.png", "2.png")[1::2]
        out = self.images("interpolate", "0.png", "1.png", "2.png", "--frames", "3")
        self.assertEqual(len(out), 6)
        for frame, image in ((0, 0), (2, 1), (3, 1), (5, 2)):
            self.assertTrue(near(out[frame], back[image]))
        self.edit("interpolate", "0.png", "1.png", "2.png", "--frames", "3", "-o", "film.png")
        film = Png(self.read("film.png"))
        self.assertEqual((film.width, film.height), (3 * 10 + 2, 2 * 10 + 2))


class Invert(WithPictures):
    def error(self, *more):
        r = self.edit("invert", "0.png", "1.png", "-o", "pairs.safetensors", *more)
        self.assertRegex(r.out, r"\Amean absolute error \d\.\d{5} \(black to white is 2\)\n4 images of 8 x 8 by ddim")
        t = Tensors(self.path("pairs.safetensors"))["images"]
        pairs = [t[IMAGE * i:IMAGE * (i + 1)] for i in range(4)]
        for given, p in zip(pairs[::2], self.pixels):
            self.assertTrue(near(given, numbers(p)))
        told = float(r.out.split()[3])
        found = sum(abs(a - b) for i in (0, 2) for a, b in zip(pairs[i], pairs[i + 1])) / (2 * IMAGE)
        self.assertAlmostEqual(told, found, delta=1e-5)
        return told

    def test_pairs_and_their_error_which_corrections_make_small(self):
        plain = self.error("sample.steps=20")
        self.assertLess(self.error("sample.steps=20", "edit.corrections=8"), plain)

    def test_what_draws_noise_does_not_lead_back(self):
        for sampler in ("ddpm", "strided"):
            self.fails(2, "draws noise on its way", "edit", self.model, "invert", "0.png", f"sample.sampler={sampler}")
        self.fails(2, "chooses its steps as it goes", "edit", self.model, "invert", "0.png",
                   "sample.sampler=ode_adaptive")


class Inputs(WithPictures):
    def test_data_sets_and_pictures_of_other_kinds_are_fitted(self):
        idx_folder(self.path("set"), count=12, size=(16, 16))
        self.write("color.png", flat_png(31, 17, 200, 100, 50))
        out = self.images("from-image", "set", "color.png", "0.png", "--strength", "0", "data.limit=5")
        self.assertEqual(len(out), 7)
        gray = 2 * (0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255 - 1
        self.assertTrue(near(out[5], [gray] * IMAGE, 1e-4))
        self.assertTrue(near(out[6], numbers(self.pixels[0])))

    def test_a_picture_tells_how_it_came_about(self):
        self.edit("inpaint", "0.png", "--mask", "mask.png", "edit.resamples=2", "-o", "new.png")
        texts = Png(self.read("new.png")).texts
        self.assertEqual(texts["unmist.command"], f"unmist edit '{self.model}' inpaint 0.png --mask mask.png "
                                                  f"edit.resamples=2 -o new.png {STEPS}")
        self.assertIn("[edit]\n", texts["unmist.settings"])
        self.assertIn("resamples = 2\n", texts["unmist.settings"])
        self.assertEqual((Png(self.read("new.png")).width, Png(self.read("new.png")).height), (8, 8))
        self.edit("from-image", "0.png", "1.png", "-o", "folder")
        self.assertEqual(sorted(os.listdir(self.path("folder"))), ["000000.png", "000001.png"])

    def test_wrong_wishes_are_told_and_nothing_is_written(self):
        self.write("dark.png", flat_png(8, 8, 3))
        self.write("cut.png", self.read("0.png")[:40])
        os.mkdir(self.path("folder.png"))
        for status, said, words in (
                (2, "1 argument is missing", []),
                (2, "no edit 'inpiant' (did you mean inpaint?)", ["inpiant", "0.png"]),
                (2, "inpaint, from-image, interpolate, invert", ["zzz", "0.png"]),
                (2, "inpaint wants --mask", ["inpaint", "0.png"]),
                (2, "inpaint wants an image", ["inpaint", "--mask", "mask.png"]),
                (2, "--mask belongs to inpaint", ["invert", "0.png", "--mask", "mask.png"]),
                (2, "--strength belongs to from-image", ["invert", "0.png", "--strength", "1"]),
                (2, "images or --seeds, not both", ["interpolate", "0.png", "--seeds", "1,2"]),
                (2, "two whole numbers", ["interpolate", "--seeds", "1"]),
                (2, "two whole numbers", ["interpolate", "--seeds", "1,-2"]),
                (2, "1 image to interpolate between", ["interpolate", "0.png"]),
                (2, "edit.strength = 2 is out of range", ["from-image", "0.png", "--strength", "2"]),
                (2, "edit.frames = 1 is out of range", ["interpolate", "--seeds", "1,2", "--frames", "1"]),
                (2, "dark.png has no white", ["inpaint", "0.png", "--mask", "dark.png"]),
                (2, "sample.trajectory = 1", ["from-image", "0.png", "sample.trajectory=1"]),
                (2, "sample.budget = 5s", ["from-image", "0.png", "sample.budget=5s"]),
                (2, "knows no classes", ["invert", "0.png", "sample.classes=1"]),
                (2, "larger than 16384", ["from-image", "0.png", "sample.count=9000000"]),
                (2, "files of this kind are not written", ["invert", "0.png", "-o", "x.jpg"]),
                (1, "is a folder", ["invert", "0.png", "-o", "folder.png"]),
                (3, "none.png", ["invert", "none.png"]),
                (3, "cut.png", ["invert", "cut.png"]),
                (3, "cut.png", ["inpaint", "0.png", "--mask", "cut.png"]),
                (3, "nowhere", ["invert", "nowhere"])):
            with self.subTest(words=words):
                out = ["-o", "x.png"] if "-o" not in words else []
                self.fails(status, said, "edit", self.model, *words, *out)

    def test_help_shows_each_edit(self):
        out = self.succeeds("edit", "--help").out
        for word in ("inpaint", "from-image", "interpolate", "invert", "--mask MASK.png", "unmist edit models/digits"):
            self.assertIn(word, out)


class Classes(WithPictures):
    SETTINGS = ["model.class_conditional=true", "train.sample_every=0", "train.validate_every=0", "train.lr=0.01",
                "train.steps=4"]

    def test_images_are_of_the_class_that_is_said_or_their_data_set_s(self):
        self.fails(2, "say what the images show", "edit", self.model, "from-image", "0.png", "-o", "x.png")
        one, two = (self.images("from-image", "0.png", "1.png", f"sample.classes={c}") for c in ("0", "0,2"))
        self.assertEqual([a == b for a, b in zip(one, two)], [True, False])
        idx_folder(self.path("set"), count=3)
        self.assertEqual(self.images("from-image", "set"), self.images("from-image", "set", "sample.classes=0,1,2"))
        idx_folder(self.path("more"), count=5, classes=5)
        self.fails(2, "is of class 3", "edit", self.model, "from-image", "more", "-o", "x.png")


if __name__ == "__main__":
    main()
