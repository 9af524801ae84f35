# SPDX-License-Identifier: MIT
"""What the machine and a model are made of, and every setting by name."""
import os
import re

from unmist import SOURCE, Case, Tensors, WithRun, main, slurp

GOLDEN = os.path.join(SOURCE, "tests", "golden", "unet")


class Machine(Case):
    def test_json_and_text_say_the_same(self):
        facts = self.succeeds("info", "--json").json()
        text = self.succeeds("info").out
        self.assertEqual(sorted(facts), ["cores", "cpu", "jpeg", "kernels", "version"])
        self.assertGreaterEqual(facts["cores"], 1)
        self.assertTrue(facts["kernels"].startswith("scalar portable"))
        for fact in ("version", "cpu", "kernels"):
            self.assertIn(str(facts[fact]), text)


class Model(WithRun):
    def test_json_lists_the_tensors_of_the_file(self):
        facts = self.succeeds("info", self.model, "--json").json()
        weights = Tensors(os.path.join(self.model, "model", "unet", "diffusion_pytorch_model.safetensors"))
        self.assertEqual({p["name"]: p["shape"] for p in facts["layers"]}, weights.shape)
        self.assertEqual(facts["tensors"], len(weights.shape))
        self.assertEqual(facts["parameters"], sum(len(v) for v in weights.values.values()))
        self.assertEqual((facts["image"], facts["classes"]), ([8, 8, 1], 0))
        self.assertEqual((facts["timesteps"], facts["schedule"], facts["prediction"]), (1000, "linear", "epsilon"))
        self.assertGreater(facts["multiply_adds"], 100000)

    def test_text_holds_every_name_and_the_totals(self):
        text = self.succeeds("info", self.model + "/").out
        facts = self.succeeds("info", self.model, "--json").json()
        for p in facts["layers"]:
            self.assertRegex(text, rf"(?m)^{re.escape(p['name'])} +\[{', '.join(map(str, p['shape']))}\]$")
        self.assertIn(f"{facts['tensors']} tensors, {facts['parameters']} parameters", text)
        self.assertIn("images 8 x 8, 1 channel;", text)

    def test_talk_does_not_mix_with_json(self):
        self.assertIn("parameters; ", self.succeeds("info", self.model, "-v").out)
        for words in (["info", self.model], ["info"], ["data", os.path.join(self.shared, "images")]):
            for more in (["-v", "--json"], ["--json", "-v"], ["-q", "--json"]):
                self.assertIsInstance(self.succeeds(*words, *more).json(), dict)

    def test_a_class_conditional_model_says_its_classes(self):
        self.assertEqual(self.succeeds("info", os.path.join(GOLDEN, "class_cond"), "--json").json()["classes"], 11)

    def test_wrong_models_are_refused(self):
        self.write("empty/note.txt", "hello")
        for words in ([], ["--json"]):
            self.fails(3, "no such folder", "info", "nowhere", *words)
            self.fails(3, "no model here", "info", "empty", *words)
            self.fails(2, "run.isa = foo", "info", self.model, "run.isa=foo", *words)


class Export(WithRun):
    def test_an_exported_model_draws_and_nothing_of_worth_is_replaced(self):
        for dtype, least in (("f32", 4), ("f16", 2), ("bf16", 2)):
            r = self.succeeds("export", self.model, "new/pipeline", "--dtype", dtype)
            self.assertEqual(r.out, "new/pipeline\n")
            size = len(self.read("new", "pipeline", "unet", "diffusion_pytorch_model.safetensors"))
            numbers = self.succeeds("info", "new/pipeline", "--json").json()["parameters"]
            self.assertTrue(least * numbers < size < least * numbers + 20000)
            self.succeeds("sample", "new/pipeline", "sample.steps=2", "sample.count=1", "-o", f"{dtype}.png")
        self.succeeds("export", os.path.join(GOLDEN, "odd_size"), "lone")
        self.succeeds("sample", "lone", "sample.steps=2", "sample.count=1")
        self.write("a file", "hello")
        self.write("folder/thesis.txt", "hello")
        self.fails(2, "'q8' (f32, f16, bf16)", "export", self.model, "x", "--dtype", "q8")
        self.fails(1, "is a file", "export", self.model, "a file")
        self.fails(1, "holds thesis.txt, which would be lost", "export", self.model, "folder")
        self.fails(1, "which would be lost", "export", self.model, self.model)
        self.fails(1, "which would be lost", "export", self.model,
                   os.path.join(self.model, "checkpoints", "step-0000006"))


class Settings(Case):
    def test_the_page_is_the_printed_one(self):
        page = slurp(os.path.join(SOURCE, "docs", "config.md")).decode()
        self.assertEqual(self.succeeds("config", "--markdown").out, page)

    def test_a_section_and_a_key_are_parts_of_the_whole(self):
        whole = self.succeeds("config").out
        for section in ("run", "data", "model", "diffusion", "train", "sample"):
            part = self.succeeds("config", section).out
            self.assertIn(part.strip(), whole)
            self.assertTrue(part.startswith(f"[{section}]"))
        key = self.succeeds("config", "train.lr").out
        self.assertEqual(re.findall(r"(?m)^  (\w+) = (.*)$", key), [("lr", "2e-4")])

    def test_diffusers_names_are_known(self):
        self.assertIn("  channels = ", self.succeeds("config", "model.block_out_channels").out)

    def test_wrong_names_are_suggested(self):
        self.fails(2, "did you mean [train]?", "config", "trian")
        self.fails(2, "did you mean train.steps?", "config", "train.stepz")
        self.fails(2, "there are [run]", "config", "zzzzzz")
        self.fails(2, "train.", "config", "train.")


if __name__ == "__main__":
    main()
