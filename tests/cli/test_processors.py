# SPDX-License-Identifier: MIT
"""Processors that this machine is not, under qemu: an x86-64 build starts and draws on the first x86-64 of all, and a
program built for another processor draws there what its definitions say."""
import os
import platform
import shutil
import unittest

from unmist import EMULATOR, SOURCE, Case, Tensors, main

MODEL = os.path.join(SOURCE, "models", "digits")
SANITIZER = os.environ.get("UM_SANITIZER", "none")
OLDEST = ["qemu-x86_64", "-cpu", "qemu64"]  # SSE3, no AVX


class Processors(Case):
    def kernels(self, emulator):
        return self.succeeds("info", "--json", emulator=emulator).json()["kernels"].split()

    def draw(self, isa, emulator):
        """the numbers of one image after one step"""
        self.succeeds("sample", MODEL, "sample.sampler=ddim", "sample.steps=1", "sample.count=1", f"run.isa={isa}",
                      "-o", "x.safetensors", emulator=emulator)
        return Tensors(self.path("x.safetensors"))["images"]

    def near(self, a, b):
        self.assertEqual(len(a), len(b))
        self.assertLessEqual(max(abs(x - y) for x, y in zip(a, b)), 1e-4 * max(map(abs, a)))

    @unittest.skipIf(SANITIZER != "none", "qemu has no room for a sanitizer's shadow of the memory")
    @unittest.skipUnless(EMULATOR or platform.machine() == "x86_64", "no qemu serves this machine's older relatives")
    @unittest.skipUnless(EMULATOR or shutil.which(OLDEST[0]), "needs qemu-user")
    def test_the_emulated_processor_draws_the_same(self):
        if EMULATOR:
            kernels = self.kernels(EMULATOR)
            first = self.draw("scalar", EMULATOR)
        else:
            kernels = self.kernels(OLDEST)
            self.assertEqual(kernels, ["scalar", "portable"])
            first = self.draw("portable", [])
        for isa in kernels[1:]:
            self.near(first, self.draw(isa, EMULATOR or OLDEST))


if __name__ == "__main__":
    main()
