# SPDX-License-Identifier: MIT
"""Drawing within limits: of memory."""
import os
import re
import unittest

from unmist import Tensors, WithRun, main, start

MIB = 1 << 20
BESIDE = 30  # MiB that docs/config.md says the program takes itself


def peak(process):
    """The most memory, in MiB, that a program which ended well had."""
    log = process.stdout.read().decode() + process.stderr.read().decode()
    process.stdout.close()
    process.stderr.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss / 1024, log


class Memory(WithRun):
    SETTINGS = ["data.image_size=64", "train.steps=0", "train.checkpoint_every=0", "train.sample_every=0"]
    CHOSEN = ["sample.count=40", "sample.steps=1", "-o", "x.safetensors"]

    def draw(self, *more):
        used, log = peak(start("sample", self.model, "-v", *self.CHOSEN, *more, cwd=self.dir))
        found = re.search(r"(\d+) images? at a time: ([\d.]+) MiB beside ([\d.]+) MiB", log)
        self.assertTrue(found, log)
        return int(found[1]), float(found[2]) + float(found[3]), used

    @unittest.skipIf("ASAN_OPTIONS" in os.environ, "the sanitizer takes memory of its own")
    def test_a_batch_is_chosen_that_stays_within_the_limit(self):
        before = 0
        for limit in (6, 16, 40):
            batch, said, used = self.draw(f"sample.memory={limit}MiB")
            self.assertLessEqual(said, limit + 0.1)
            self.assertLess(used, limit + BESIDE)
            self.assertGreater(batch, before)
            before = batch
        self.assertEqual(self.draw("sample.memory=1GiB")[0], 40)

    def test_a_batch_that_is_given_is_the_largest(self):
        self.assertEqual(self.draw("sample.memory=1GiB", "sample.batch=7")[0], 7)
        self.assertLess(self.draw("sample.memory=6MiB", "sample.batch=39")[0], 39)

    def test_images_do_not_depend_on_the_limit(self):
        seen = set()
        for more in ([], ["sample.memory=6MiB"], ["sample.memory=16MiB"]):
            self.succeeds("sample", self.model, *self.CHOSEN, *more)
            seen.add(Tensors(self.path("x.safetensors"))["images"])
        self.assertEqual(len(seen), 1)

    def test_what_not_even_one_image_fits_in_is_told_before(self):
        self.write("x.ini", "[sample]\n\nmemory = 1MiB\n")
        for more in (["sample.memory=1MiB"], ["x.ini"]):
            r = self.run_here("sample", self.model, *more, *self.CHOSEN)
            self.assertEqual(r.status, 2)
            least = re.search(r"sample.memory = 1.0 MiB is too little: .* \(at least (\d+)MiB\)", r.err)
            self.assertTrue(least, r.err)
        self.assertIn("x.ini:3: ", r.err)
        self.assertEqual(self.draw(f"sample.memory={least[1]}MiB")[0], 1)
        self.fails(2, "too little", "sample", self.model, f"sample.memory={int(least[1]) - 1}MiB", *self.CHOSEN)


if __name__ == "__main__":
    main()
