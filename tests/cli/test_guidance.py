# SPDX-License-Identifier: MIT
"""Drawing with guidance: what it needs of a model, and what it may change."""
from unmist import Case, Tensors, WithRun, main, tiny_config


SAME = ["sample.use_clipped_model_output=false"]  # guided or not; by itself ddim changes its rule with guidance


class Guided(WithRun):
    SETTINGS = ["model.class_conditional=true", "train.label_dropout=0.3", "train.sample_every=0",
                "train.validate_every=0", "train.lr=0.01", "train.steps=8"]

    def images(self, *more):
        self.succeeds("sample", self.model, *SAME, "sample.steps=3", "sample.count=4", "-o", "x.safetensors", *more)
        return Tensors(self.path("x.safetensors"))["images"]

    def test_one_is_the_class_alone_and_nought_no_class(self):
        plain = self.images()
        self.assertEqual(self.images("sample.guidance=1"), plain)
        nobody = self.images("sample.classes=3")  # 0 to 2 are classes, 3 stands for none
        self.assertEqual(self.images("sample.guidance=0"), nobody)
        self.assertEqual(self.images("sample.guidance=5", "sample.classes=3"), nobody)
        self.assertNotEqual(plain, nobody)

    def test_one_step_lies_on_the_line_through_both(self):
        chosen = ["sample.steps=1", "sample.clip_sample=false"]
        c, u, guided = (self.images(*chosen, f"sample.guidance={w}") for w in (1, 0, 3))
        scale = max(map(abs, c))
        for one, none, both in zip(c, u, guided):
            self.assertAlmostEqual(both, none + 3 * (one - none), delta=1e-5 * scale)

    def test_every_setting_of_guidance_does_something_but_batching(self):
        chosen = ["sample.guidance=4"]
        seen = {self.images(*chosen, *more) for more in (
            [], ["sample.guidance=2"], ["sample.guidance_start=0.5"], ["sample.guidance_end=0.5"],
            ["sample.guidance_rescale=0.7"])}
        self.assertEqual(len(seen), 5)
        first = self.images(*chosen)
        for more in (["sample.guidance_batching=passes"], ["sample.guidance_batching=doubled"], ["sample.batch=1"],
                     ["sample.batch=3", "run.threads=2"]):
            self.assertEqual(self.images(*chosen, *more), first, more)
        self.assertEqual(self.images(*chosen, "sample.guidance_start=0.9", "sample.guidance_end=0.95"), self.images())


class Unguided(Case):
    def test_a_model_without_a_null_class_is_refused(self):
        tiny_config(self.dir)
        for name, more in (("plain", []), ("classes", ["model.class_conditional=true"])):
            self.succeeds("train", "tiny.ini", "--out", name, "train.steps=0", "train.sample_every=0", *more)
            self.fails(2, ["sample.guidance = 3", "no null class", "train.label_dropout"], "sample", name,
                       "sample.guidance=3")
            self.succeeds("sample", name, "sample.guidance=1", "sample.count=1", "sample.steps=1")


class Steered(WithRun):
    SETTINGS = ["train.sample_every=0", "train.validate_every=0", "train.lr=0.01", "train.steps=4"]

    def setUp(self):
        super().setUp()
        tiny_config(self.dir)
        self.succeeds("train", "tiny.ini", "--out", "judge", "train.task=classifier", "train.lr=0.01",
                      "train.sample_every=0", "train.validate_every=0")

    def images(self, *more):
        self.succeeds("sample", self.model, *SAME, "sample.steps=3", "sample.count=3", "-o", "x.safetensors", *more)
        return Tensors(self.path("x.safetensors"))["images"]

    def test_a_classifier_steers_a_model_without_classes(self):
        judge = ["sample.classifier=judge"]
        plain = self.images()
        seen = {plain} | {self.images(*judge, *more) for more in (
            [], ["sample.classifier_scale=50"], ["sample.classes=1"])}
        self.assertEqual(len(seen), 4)
        self.assertEqual(self.images(*judge, "sample.classifier_scale=0"), plain)
        self.assertEqual(self.images(*judge, "sample.batch=1"), self.images(*judge, "sample.classes=0,1,2"))
        self.write("x.ini", "[sample]\nclassifier = judge\n")
        self.succeeds("sample", self.model, "x.ini", *SAME, "sample.steps=3", "sample.count=3", "-o", "y.safetensors")
        self.assertEqual(Tensors(self.path("y.safetensors"))["images"], self.images(*judge))

    def test_what_does_not_fit_is_told_before(self):
        sample = ["sample", self.model, "sample.steps=3"]
        self.fails(2, "sample.classes = 3: the model has classes 0 to 2", *sample, "sample.classifier=judge",
                   "sample.classes=3")
        self.fails(2, ["sample.classifier = ", "train.task = classifier"], *sample, f"sample.classifier={self.model}")
        self.fails(3, "nowhere", *sample, "sample.classifier=nowhere")
        self.fails(2, "the model is a classifier", "sample", "judge", "sample.steps=1")


if __name__ == "__main__":
    main()
