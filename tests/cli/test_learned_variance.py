# SPDX-License-Identifier: MIT
"""A model that says its variance too: trained, drawn from, measured and edited with."""
import json
import os
import shutil

from unmist import Tensors, WithRun, flat_png, main, tiny_config


class LearnedVariance(WithRun):
    SETTINGS = ["diffusion.variance=learned_range", "train.sample_every=4", "train.steps=8", "train.lr=0.01",
                "train.validate_every=0"]

    def images(self, *more, model=None):
        self.succeeds("sample", model or self.model, "sample.steps=4", "sample.count=3", "-o", "x.safetensors", *more)
        return Tensors(self.path("x.safetensors"))["images"]

    def pipeline(self):
        """A copy of the trained model that may be spoilt."""
        return shutil.copytree(os.path.join(self.model, "model"), self.path("copy"))

    def scheduler(self, folder, **keys):
        path = os.path.join(folder, "scheduler", "scheduler_config.json")
        with open(path) as f:
            said = json.load(f)
        with open(path, "w") as f:
            json.dump({k: v for k, v in dict(said, **keys).items() if v != "gone"}, f)
        return said

    def test_training_draws_its_samples_with_it(self):
        self.assertEqual(len([n for n in os.listdir(os.path.join(self.model, "samples")) if n.endswith(".png")]), 2)
        self.assertEqual(self.scheduler(self.pipeline())["variance_type"], "learned_range")

    def test_it_is_drawn_with_unless_told_otherwise(self):
        for sampler in ("ddpm", "strided"):
            chosen = [f"sample.sampler={sampler}"]
            learned = self.images(*chosen)
            self.assertEqual(self.images(*chosen, "sample.variance_type=learned_range"), learned)
            self.assertEqual(self.images(*chosen, "sample.batch=1", "run.threads=2"), learned)
            seen = {learned} | {self.images(*chosen, f"sample.variance_type={v}")
                                for v in ("fixed_small", "fixed_large", "learned")}
            self.assertEqual(len(seen), 4)
            table = self.succeeds("sample", self.model, "sample.steps=4", "--explain", *chosen).out
            self.assertEqual(table.count("learned"), 3)
        self.assertEqual(self.images("sample.sampler=ddim", "sample.eta=1"),
                         self.images("sample.sampler=ddim", "sample.eta=1", "sample.variance_type=fixed_small"))

    def test_the_network_itself_says_so_where_nobody_does(self):
        copy, chosen = self.pipeline(), ["sample.sampler=ddpm"]
        learned = self.images(*chosen)
        self.scheduler(copy, variance_type="gone")
        self.assertEqual(self.images(*chosen, model=copy), learned)
        self.scheduler(copy, variance_type="fixed_small")
        self.assertEqual(self.images(*chosen, model=copy), self.images(*chosen, "sample.variance_type=fixed_small"))

    def test_a_model_without_it_is_refused(self):
        tiny_config(self.dir)
        self.succeeds("train", "tiny.ini", "--out", "plain", "train.steps=0", "train.sample_every=0")
        chosen = ["sample.variance_type=learned_range", "sample.steps=2"]
        for sampler in ("ddpm", "strided"):
            self.fails(2, ["sample.variance_type = learned_range", "does not say its variance", "fixed_small"],
                       "sample", "plain", f"sample.sampler={sampler}", *chosen)
        self.succeeds("sample", "plain", "sample.sampler=ddim", "sample.count=1", *chosen)

    def test_its_likelihood_is_measured(self):
        def bound(*more):
            j = self.succeeds("evaluate", self.model, "--likelihood", self.config, "evaluate.count=2",
                              "data.validation=0.1", "evaluate.steps=3", "evaluate.integrator=heun", "--json",
                              *more).json()
            return j["flow"]["bits_per_dim"], j["bound"]["between"]["bits_per_dim"], j["bound"]["variance"]
        learned, small = bound(), bound("sample.variance_type=fixed_small")
        self.assertEqual((learned[2], small[2]), ("learned_range", "fixed_small"))
        self.assertEqual(learned[0], small[0])
        self.assertNotEqual(learned[1], small[1])

    def test_pixels_are_painted_in_with_it(self):
        self.write("gray.png", flat_png(8, 8, 128))
        self.write("mask.png", flat_png(8, 8, 255))
        self.succeeds("edit", self.model, "inpaint", "gray.png", "--mask", "mask.png", "-o", "x.png",
                      "sample.sampler=ddpm", "sample.steps=4")


if __name__ == "__main__":
    main()
