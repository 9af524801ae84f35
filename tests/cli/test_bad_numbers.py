# SPDX-License-Identifier: MIT
"""Numbers that go bad: what is told, what follows, and that no model of such numbers is drawn from or written."""
import os
import shutil

from unmist import WithRun, main, set_tensor


class BadNumbers(WithRun):
    """A trained model is copied, and one tensor of the copy set to one value."""
    def spoilt(self, name, value):
        folder = self.path("spoilt")
        shutil.copytree(os.path.join(self.model, "model"), folder)
        set_tensor(folder, name, value)
        return folder

    def train(self, *more):
        return self.run_here("train", self.config, "--out", "run",
                             "train.sample_every=0", "train.validate_every=0", *more)

    def test_a_model_that_is_not_finite_is_refused_by_its_tensor(self):
        model = self.spoilt("conv_out.bias", float("nan"))
        told = "tensor 'conv_out.bias': value 0 is not a number"
        self.fails(3, told, "sample", model, "-o", "x.png")
        self.fails(3, told, "export", model, "out", "--dtype", "f32")

    def test_an_export_does_not_make_infinities(self):
        model = self.spoilt("conv_out.bias", 7e4)
        self.fails(1, "tensor 'conv_out.bias' holds 70000, which is not finite as F16", "export", model, "out",
                   "--dtype", "f16")
        self.succeeds("export", model, "out", "--dtype", "bf16")

    def test_a_stop_names_operation_step_seed_and_images_and_comes_to_it_again(self):
        init = "train.init=" + self.spoilt("conv_out.weight", 3e38)
        told = ("unmist: step 1 (seed 0, images 0 to 3 of the run): conv_out: conv2d: the value of the output is not "
                "finite")
        for more in ([], ["--resume"], ["--resume", "--check-nan"]):
            r = self.train(init, *more)
            self.assertEqual(r.status, 1, r.err)
            self.assertTrue(r.err.startswith(told), r.err)
            self.assertEqual(r.err.count("\n"), 1, r.err)
            self.assertEqual(os.listdir(self.path("run", "checkpoints")), ["step-0000000"])
            self.assertNotIn("model", os.listdir(self.path("run")))

    def test_what_does_not_get_better_ends_at_the_limit(self):
        init = "train.init=" + self.spoilt("conv_out.weight", 3e38)
        for policy, told in (("skip", "its update is skipped (2 in a row, 2 in all)"),
                             ("rollback", "back to the checkpoint of step 0")):
            with self.subTest(policy=policy):
                r = self.train(init, f"train.on_nan={policy}", "train.on_nan_limit=2")
                self.assertEqual((r.status, r.err.count("\n")), (1, 3), r.err)
                self.assertIn(told, r.err.splitlines()[1])
                self.assertIn("(train.on_nan_limit)", r.err.splitlines()[2])
                self.assertNotIn("model", os.listdir(self.path("run")))
                shutil.rmtree(self.path("run"))

    def test_spikes_are_skipped_and_the_run_says_how_often(self):
        r = self.train("train.steps=150", "train.checkpoint_every=0", "train.spike_zscore=1", "train.on_nan=skip",
                       "train.lr=1e-6")
        self.assertEqual(r.status, 0, r.err)
        skipped = r.err.count("above its running mean")
        self.assertGreater(skipped, 0)
        self.assertEqual(r.err.count("\n"), skipped, r.err)
        self.assertIn(f"numbers went bad: {skipped} update{'' if skipped == 1 else 's'} skipped, 0 returns", r.out)
        rows = self.read("run", "log.csv").decode().splitlines()[1:]
        self.assertEqual(sum(row.split(",")[4] == "0" for row in rows[2:-1]), skipped)


if __name__ == "__main__":
    main()
