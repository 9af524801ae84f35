# SPDX-License-Identifier: MIT
"""Bits per dimension of a shipped model on held-out images, and what is refused."""
import csv
import math
import os
import signal

from unmist import SOURCE, Case, finish, flat_png, interrupt, main, start

MODEL = os.path.join(SOURCE, "models", "digits")
DIGITS = os.path.join(SOURCE, "data", "digits")
ASK = ["evaluate", MODEL, "--likelihood", f"data.path={DIGITS}", "evaluate.count=2", "evaluate.integrator=heun",
       "evaluate.steps=6", "evaluate.timesteps=5"]


class Likelihood(Case):
    def test_json_holds_both_and_the_csv_the_terms(self):
        j = self.succeeds(*ASK, "-o", "new/terms.csv", "--json").json()
        self.assertEqual((j["images"], j["held_out"], j["shape"], j["weights"]), (2, 200, [28, 28, 1], "ema"))
        self.assertEqual((j["flow"]["integrator"], j["flow"]["model_calls"], j["flow"]["probes"]), ("heun", 12, 1))
        bound = j["bound"]
        parts = sum(bound[k]["bits_per_dim"] for k in ("L_T", "between", "L_0"))
        self.assertAlmostEqual(bound["total"]["bits_per_dim"], parts, 6)
        self.assertEqual(sum(t["images"] for t in bound["terms"]), 2 * 6)
        self.assertTrue(0 < j["flow"]["bits_per_dim"] < 8 and 0 < parts < 8)
        with open(self.path("new", "terms.csv")) as f:
            rows = list(csv.DictReader(f))
        self.assertEqual([int(r["t"]) for r in rows], [t["t"] for t in bound["terms"]])
        for r, t in zip(rows, bound["terms"]):
            self.assertTrue(math.isclose(float(r["bits_per_dim"]), t["bits_per_dim"], rel_tol=1e-6))
        between = sum(float(r["bits_per_dim"]) * int(r["images"]) for r in rows if r["t"] != "0") * 999 / (2 * 5)
        self.assertTrue(math.isclose(between, bound["between"]["bits_per_dim"], rel_tol=1e-6))

    def test_images_do_not_depend_on_the_batch_but_on_the_seed(self):
        first = self.succeeds(*ASK, "--json").out
        self.assertEqual(self.succeeds(*ASK, "--json", "evaluate.batch=1").out, first)
        other = self.succeeds(*ASK, "--json", "evaluate.seed=1").json()
        for kind in ("flow", "bound"):
            self.assertNotEqual(other[kind], self.succeeds(*ASK, "--json").json()[kind])

    def test_probes_and_kinds_count(self):
        def flow(*more):
            return self.succeeds(*ASK, "evaluate.likelihood=flow", "--json", *more).json()
        one, three = flow(), flow("--probes", "3")
        self.assertNotIn("bound", one)
        self.assertEqual(three["flow"]["probes"], 3)
        seen = {j["flow"]["bits_per_dim"] for j in (one, three, flow("evaluate.divergence=gaussian"),
                                                    flow("evaluate.integrator=rk4"))}
        self.assertEqual(len(seen), 4)
        loose = flow("evaluate.integrator=adaptive", "evaluate.rtol=0.1", "evaluate.atol=0.1")["flow"]["model_calls"]
        close = flow("evaluate.integrator=adaptive", "evaluate.rtol=0.1", "evaluate.atol=0.01")["flow"]["model_calls"]
        self.assertLess(loose, close)

    def test_the_text_says_how_it_was_measured(self):
        out = self.succeeds(*ASK, "evaluate.seed=7").out
        for words in ("ema weights", "2 of 200 held-out images", DIGITS, "seed 7", "heun, 6 steps", "1 probe",
                      "variational bound", "variance fixed_small; 6 of 1000 timesteps", "L_T", "L_0"):
            self.assertIn(words, out)
        large = self.succeeds(*ASK, "evaluate.likelihood=bound", "sample.variance_type=fixed_large").out
        self.assertIn("variance fixed_large", large)
        self.assertNotIn("probability flow", large)

    def test_figures_stand_in_a_column_and_one_image_has_no_standard_error(self):
        def figures(count):
            out = self.succeeds(*ASK, f"evaluate.count={count}").out.splitlines()
            return [x for x in out if x.startswith(("probability", "variational", "  L_"))]
        for lines, error in ((figures(2), True), (figures(1), False)):
            self.assertEqual(len(lines), 5)
            self.assertEqual({x.index(".", 20) for x in lines}, {23}, lines)
            self.assertEqual([" +- " in x for x in lines], [error] * 5)
        one = self.succeeds(*ASK, "evaluate.count=1", "--json").json()
        for e in (one["flow"], *(one["bound"][k] for k in ("total", "L_T", "between", "L_0"))):
            self.assertIsNone(e["standard_error"])

    def test_every_timestep_on_request(self):
        every = ["evaluate.likelihood=bound", "evaluate.count=1", "evaluate.timesteps=0"]
        j = self.succeeds(*ASK, *every, "--json").json()
        self.assertEqual([t["t"] for t in j["bound"]["terms"]], list(range(1000)))
        self.assertNotIn("flow", j)


class Refused(Case):
    def test_what_does_not_fit(self):
        self.write("p/a.png", flat_png(28, 28, 9, 9, 8))
        self.write("p/b.png", flat_png(28, 28, 9, 9, 9))
        self.write("small/a.png", flat_png(12, 12, 9))
        self.write("small/b.png", flat_png(12, 12, 8))
        model = ["evaluate", MODEL, "--likelihood"]
        self.fails(2, "--likelihood", "evaluate", MODEL)
        self.fails(2, "data.path is not set", *model)
        self.fails(3, "nowhere", *model, "data.path=nowhere")
        self.fails(2, "images of 3 channels, the model of 1", *model, "data.path=p", "data.validation=0.5")
        self.fails(2, "data.image_size = 28x28", *model, "data.path=small", "data.validation=0.5")
        self.fails(2, "no image is held out", *model, f"data.path={DIGITS}", "data.validation=0")
        self.fails(2, "evaluate.probes = 0", *model, f"data.path={DIGITS}", "--probes", "0")

    def test_terms_that_are_not_computed_cannot_be_written(self):
        self.fails(2, "no terms to write", *ASK, "evaluate.likelihood=flow", "-o", "terms.csv")

    def test_a_place_that_takes_no_file_is_told_before_the_work(self):
        self.write("file", "hello")
        self.fails(1, "Not a directory", *ASK, "evaluate.count=0", "evaluate.steps=100000", "-o", "file/terms.csv")

    def test_a_signal_stops_it(self):
        p = start(*ASK, "evaluate.count=0", "evaluate.steps=100000", cwd=self.dir)
        try:
            p.wait(timeout=1)
        except Exception:  # it is at work
            pass
        interrupt(p, signal.SIGINT)
        self.assertEqual(finish(p).status, 130)


class Classes(Case):
    BY_CLASS = os.path.join(SOURCE, "models", "digits-classes")
    JUDGE = os.path.join(SOURCE, "models", "digits-classifier")
    ASK = ["evaluate", BY_CLASS, "--classes", f"evaluate.classifier={JUDGE}", "sample.sampler=dpmpp", "sample.steps=10",
           "sample.guidance=3", "sample.count=20"]

    def test_what_was_asked_for_is_seen(self):
        j = self.succeeds(*self.ASK, "--json").json()
        self.assertEqual([sum(row) for row in j["asked_taken"]], [2] * 10)
        self.assertEqual(j["right"], sum(j["asked_taken"][k][k] for k in range(10)))
        self.assertGreaterEqual(j["right"], 18)
        self.assertTrue(0.8 < j["mean_probability"] <= 1)
        self.assertIn(f"{j['right']} of 20 images show", self.succeeds(*self.ASK).out)

    def test_without_a_class_it_is_chance(self):
        j = self.succeeds(*self.ASK, "sample.guidance=0", "--json").json()
        self.assertLess(j["right"], 10)

    def test_what_cannot_be_judged_is_refused(self):
        judged = f"evaluate.classifier={self.JUDGE}"
        for status, said, words in (
                (2, "evaluate.classifier is empty", ["evaluate", self.BY_CLASS, "--classes"]),
                (2, "the model knows no classes", ["evaluate", MODEL, "--classes", judged]),
                (3, "nowhere", ["evaluate", self.BY_CLASS, "--classes", "evaluate.classifier=nowhere"]),
                (2, "the model predicts images",
                 ["evaluate", self.BY_CLASS, "--classes", f"evaluate.classifier={MODEL}"]),
                (2, "one of --likelihood, --classes", ["evaluate", MODEL]),
                (2, "says nothing beside --classes", [*self.ASK, "-o", "x.csv"])):
            with self.subTest(words=words):
                self.fails(status, said, *words)


if __name__ == "__main__":
    main()
