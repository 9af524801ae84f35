# SPDX-License-Identifier: MIT
"""The network alone, held against what PyTorch computed (tests/golden/unet), and inputs that do not fit."""
import json
import os
import struct

from unmist import SOURCE, Case, Tensors, main, safetensors_bytes

GOLDEN = os.path.join(SOURCE, "tests", "golden", "unet")
NAMES = sorted(n for n in os.listdir(GOLDEN) if os.path.isfile(os.path.join(GOLDEN, n, "io.safetensors")))


def largest(values):
    return max(map(abs, values))


def apart(a, b):
    return max(abs(x - y) for x, y in zip(a, b))


class Golden(Case):
    def test_outputs_and_gradients_are_pytorch_s(self):
        self.assertGreaterEqual(len(NAMES), 6)
        for name in NAMES:
            with self.subTest(name=name):
                file = os.path.join(GOLDEN, name, "io.safetensors")
                self.succeeds("forward", os.path.join(GOLDEN, name), file, f"{name}.safetensors", "--grad")
                wanted, got = Tensors(file), Tensors(self.path(f"{name}.safetensors"))
                self.assertEqual(got.shape["output"], wanted.shape["output"])
                self.assertLessEqual(apart(got["output"], wanted["output"]), 1e-4 * largest(wanted["output"]))
                self.assertEqual(got.shape["loss"], wanted.shape["loss"])
                self.assertLessEqual(apart(got["loss"], wanted["loss"]), 1e-4 * largest(wanted["loss"]))
                self.compare_gradients(wanted, got)

    def compare_gradients(self, wanted, got):
        names = [n for n in wanted.shape if n.startswith("grad")]
        self.assertEqual(sorted(n for n in got.shape if n.startswith("grad")), sorted(names))
        whole = max(largest(wanted[n]) for n in names if n != "grad_sample")
        for n in names:
            self.assertEqual(got.shape[n], wanted.shape[n], n)
            own = largest(wanted[n])  # below 1e-5 of the net's largest it is rounding noise
            self.assertLessEqual(apart(got[n], wanted[n]), 1e-3 * own if own >= 1e-5 * whole else 1e-7 * whole, n)

    def test_without_grad_there_is_the_output_alone_and_it_is_the_same(self):
        name = NAMES[0]
        for i, more in enumerate(([], ["--grad"], ["run.threads=1"], ["run.threads=3"], ["-q"])):
            r = self.succeeds("forward", os.path.join(GOLDEN, name), os.path.join(GOLDEN, name, "io.safetensors"),
                              f"new folder/{i}.safetensors", *more)
            self.assertEqual(r.out, "" if more == ["-q"] else f"new folder/{i}.safetensors\n")
        results = [Tensors(self.path("new folder", f"{i}.safetensors")) for i in range(5)]
        self.assertEqual(list(results[0].shape), ["output"])
        for r in results[1:]:
            self.assertEqual(r["output"], results[0]["output"])

    def test_kernels_agree(self):
        name = "ddpm_like"
        file = os.path.join(GOLDEN, name, "io.safetensors")
        for isa in ("scalar", "portable"):
            self.succeeds("forward", os.path.join(GOLDEN, name), file, "x.safetensors", f"run.isa={isa}")
            wanted = Tensors(file)["output"]
            self.assertLessEqual(apart(Tensors(self.path("x.safetensors"))["output"], wanted), 1e-4 * largest(wanted))


class Inputs(Case):
    MODEL = os.path.join(GOLDEN, "class_cond")  # 3 channels, 16 x 16, 11 classes

    def tensors(self, **changed):
        every = {"sample": ([1, 3, 16, 16], [0.5] * 768), "timestep": ([1], [10.0]), "class_labels": ([1], [3.0]),
                 "target": ([1, 3, 16, 16], [0.0] * 768), **changed}
        return safetensors_bytes({name: t for name, t in every.items() if t})

    def test_one_timestep_serves_all_images(self):
        two = {"sample": ([2, 3, 16, 16], [0.5] * 1536), "class_labels": ([2], [3.0, 3.0])}
        self.write("one.safetensors", self.tensors(**two))
        self.write("two.safetensors", self.tensors(**two, timestep=([2], [10.0, 10.0])))
        self.write("scalar.safetensors", self.tensors(**two, timestep=([], [10.0])))
        outputs = []
        for name in ("one", "two", "scalar"):
            self.succeeds("forward", self.MODEL, f"{name}.safetensors", "x.safetensors")
            outputs.append(Tensors(self.path("x.safetensors"))["output"])
        self.assertEqual(outputs[0], outputs[1])
        self.assertEqual(outputs[0], outputs[2])
        self.assertEqual(outputs[0][:768], outputs[0][768:])

    def test_what_does_not_fit_is_named_and_nothing_is_written(self):
        good = self.tensors()
        cases = [
            (self.tensors(sample=None), "sample"),
            (self.tensors(timestep=None), "timestep"),
            (self.tensors(class_labels=None), "class_labels"),
            (self.tensors(target=None), "target"),
            (self.tensors(sample=([1, 1, 16, 16], [0.0] * 256)), "[N, 3, H, W]"),
            (self.tensors(sample=([3, 16, 16], [0.0] * 768)), "[N, 3, H, W]"),
            (self.tensors(sample=([0, 3, 16, 16], [])), "[N, 3, H, W]"),
            (self.tensors(timestep=([2], [1.0, 2.0])), "timestep"),
            (self.tensors(class_labels=([1], [11.0])), "whole numbers from 0 to 10"),
            (self.tensors(class_labels=([1], [-1.0])), "whole numbers from 0 to 10"),
            (self.tensors(class_labels=([1], [0.5])), "whole numbers from 0 to 10"),
            (self.tensors(class_labels=([1], [float("nan")])), "whole numbers from 0 to 10"),
            (self.tensors(target=([1, 3, 16, 8], [0.0] * 384)), "target should have the shape"),
            (good[:-1], "in.safetensors"), (good[:4], "in.safetensors"), (b"", "in.safetensors"),
            (b"not a safetensors file", "in.safetensors"), (struct.pack("<Q", 2 ** 62) + b"{}", "in.safetensors"),
            (good + b"\0", "in.safetensors"), (good.replace(b'"F32"', b'"F99"'), "in.safetensors"),
            (good.replace(b"{", b"[", 1), "in.safetensors"),
        ]
        for data, said in cases:
            with self.subTest(said=said, data=data[:60]):
                self.write("in.safetensors", data)
                self.fails(3, ["unmist: in.safetensors: ", said], "forward", self.MODEL, "in.safetensors",
                           "out.safetensors", "--grad")

    def test_a_size_that_the_levels_cannot_halve_is_refused(self):
        self.write("in.safetensors", self.tensors(sample=([1, 3, 15, 16], [0.5] * 720)))
        self.fails(3, ["unmist: in.safetensors: sample: ", "15 x 16"], "forward", self.MODEL, "in.safetensors",
                   "out.safetensors")

    def test_classes_for_a_model_without_are_refused(self):
        model = os.path.join(GOLDEN, "tiny_plain")
        with open(os.path.join(model, "config.json")) as f:
            config = json.load(f)
        self.assertIsNone(config["class_embed_type"])
        c, side = config["in_channels"], config["sample_size"]
        h, w = side if isinstance(side, list) else (side, side)
        sample = ([1, c, h, w], [0.5] * (c * h * w))
        self.write("in.safetensors", self.tensors(sample=sample, target=None))
        self.fails(3, ["unmist: in.safetensors: class_labels", "no classes"], "forward", model, "in.safetensors",
                   "out.safetensors")
        self.write("in.safetensors", self.tensors(sample=sample, target=None, class_labels=None))
        self.succeeds("forward", model, "in.safetensors", "out.safetensors")

    def test_places_that_are_not_there(self):
        self.write("in.safetensors", self.tensors())
        self.write("a file", "hello")
        self.fails(3, "nowhere", "forward", "nowhere", "in.safetensors", "out.safetensors")
        self.fails(3, "none.safetensors", "forward", self.MODEL, "none.safetensors", "out.safetensors")
        self.fails(1, "a file", "forward", self.MODEL, "in.safetensors", "a file/out.safetensors")
        self.fails(1, "is a folder", "forward", self.MODEL, "in.safetensors", self.dir)


if __name__ == "__main__":
    main()
