# SPDX-License-Identifier: MIT
"""What a data set holds: every format, its counts and figures, and the contact sheet."""
import gzip
import math
import os
import tarfile

from unmist import SOURCE, Case, Png, cifar_records, flat_png, idx_bytes, idx_folder, main, noise, png_bytes

DIGITS = os.path.join(SOURCE, "data", "digits")
CIFAR = os.path.join(SOURCE, "data", "cifar10-sample")


def mean_and_deviation(values):
    m = sum(values) / len(values)
    return m, math.sqrt(sum((v - m) ** 2 for v in values) / len(values))


class Formats(Case):
    def facts(self, path, *more):
        return self.succeeds("data", path, "--json", *more).json()

    def all_of_it(self, path, *more):
        return self.facts(path, "data.validation=0", *more)

    def test_the_digits_that_come_along(self):
        f = self.facts(DIGITS)
        self.assertEqual((f["format"], f["images"], f["validation"], f["shape"]), ("idx", 9800, 200, [28, 28, 1]))
        every = self.all_of_it(DIGITS)
        self.assertEqual([c["count"] for c in every["classes"]],
                         [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])
        with gzip.open(os.path.join(DIGITS, "t10k-images-idx3-ubyte.gz")) as packed:
            counts = [0] * 256
            for value in packed.read()[16:]:
                counts[value] += 1
        total = sum(counts)
        m = sum(v * n for v, n in enumerate(counts)) / total
        s = math.sqrt(sum((v - m) ** 2 * n for v, n in enumerate(counts)) / total)
        self.assertAlmostEqual(every["mean"][0], m / 255, 6)
        self.assertAlmostEqual(every["deviation"][0], s / 255, 6)

    def test_the_cifar_sample_that_comes_along(self):
        f = self.facts(CIFAR)
        self.assertEqual((f["format"], f["images"], f["validation"], f["shape"]), ("cifar10", 800, 100, [32, 32, 3]))
        self.assertEqual([c["name"] for c in f["classes"]][:3], ["airplane", "automobile", "bird"])
        self.assertEqual(sum(c["count"] for c in f["classes"]), 800)

    def test_idx_plain_packed_and_one_file_are_the_same(self):
        plain = self.all_of_it(idx_folder(self.path("plain")))
        self.assertEqual((plain["format"], plain["images"], plain["shape"]), ("idx", 12, [8, 8, 1]))
        self.assertEqual([c["count"] for c in plain["classes"]], [4, 4, 4])
        m, s = mean_and_deviation([v / 255 for v in noise(12 * 64)])
        self.assertAlmostEqual(plain["mean"][0], m, 6)
        self.assertAlmostEqual(plain["deviation"][0], s, 6)
        self.assertEqual(self.all_of_it(idx_folder(self.path("packed"), packed=True)), plain)
        self.assertEqual(self.all_of_it("plain/train-images-idx3-ubyte"), plain)
        self.write("t10k-images-idx3-ubyte", b"")
        self.write("plain/t10k-images-idx3-ubyte", idx_bytes((5, 8, 8), noise(320)))
        self.write("plain/t10k-labels-idx1-ubyte", idx_bytes((5,), [0, 1, 2, 0, 1]))
        self.assertEqual(self.facts("plain")["validation"], 5)

    def test_cifar_folders_and_the_archive_are_the_same(self):
        for i in range(1, 6):
            self.write(f"c/cifar-10-batches-bin/data_batch_{i}.bin", cifar_records(3, seed=10 * i))
        self.write("c/cifar-10-batches-bin/test_batch.bin", cifar_records(2, seed=90))
        folder = self.facts("c/cifar-10-batches-bin/")
        self.assertEqual((folder["format"], folder["images"], folder["validation"]), ("cifar10", 15, 2))
        with tarfile.open(self.path("cifar-10-binary.tar.gz"), "w:gz") as tar:
            tar.add(self.path("c", "cifar-10-batches-bin"), "cifar-10-batches-bin")
        archive = self.facts("cifar-10-binary.tar.gz")
        for facts in (folder, archive):
            del facts["classes"]  # the archive has no batches.meta.txt either
        self.assertEqual(archive, folder)

    def test_cifar100_has_its_fine_classes(self):
        self.write("c/train.bin", cifar_records(10, coarse=True))
        self.write("c/test.bin", cifar_records(4, coarse=True, seed=50))
        f = self.facts("c")
        self.assertEqual((f["format"], f["images"], f["validation"], len(f["classes"])), ("cifar100", 10, 4, 100))
        self.assertEqual([c["count"] for c in f["classes"]], [1] * 10 + [0] * 90)

    def test_a_folder_of_pictures_takes_its_classes_from_its_folders(self):
        for i in range(3):
            self.write(f"pets/cat/{i}.png", flat_png(6, 4, 255, 0, 51))
        self.write("pets/a dog/x.PNG", flat_png(6, 4, 0, 0, 51))
        f = self.all_of_it("pets")
        self.assertEqual((f["format"], f["images"], f["shape"]), ("folder", 4, [4, 6, 3]))
        self.assertEqual(f["classes"], [{"name": "a dog", "count": 1}, {"name": "cat", "count": 3}])
        for got, wanted in zip(f["mean"] + f["deviation"], [0.75, 0, 0.2, math.sqrt(3) / 4, 0, 0]):
            self.assertAlmostEqual(got, wanted, 6)

    def test_kinds_of_pictures(self):
        cases = [  # file, settings, mean
            (png_bytes(2, 1, 1, b"\x80\x00\x80\x00", depth=16), [], [0x80 / 255]),
            (flat_png(3, 3, 200, 0), [], [0]),  # transparent over black
            (flat_png(3, 3, 200, 0), ["data.background=255"], [1]),
            (flat_png(3, 3, 9, 9, 9, 0), ["data.background=255,0,51"], [1, 0, 0.2]),
            (flat_png(3, 3, 255, 51, 0, 255), [], [1, 0.2, 0]),
        ]
        for i, (data, more, wanted) in enumerate(cases):
            with self.subTest(i=i):
                self.write(f"{i}/x.png", data)
                got = self.all_of_it(str(i), *more)["mean"]
                self.assertEqual(len(got), len(wanted))
                for a, b in zip(got, wanted):
                    self.assertAlmostEqual(a, b, 2)

    def test_pictures_of_many_sizes_are_cropped_and_resized_on_request(self):
        self.write("p/a.png", flat_png(20, 30, 255))
        self.write("p/b.png", flat_png(64, 48, 255))
        f = self.all_of_it("p", "data.image_size=24x40")
        self.assertEqual((f["shape"], f["mean"], f["deviation"]), ([24, 40, 1], [1], [0]))
        bordered = self.all_of_it("p", "data.image_size=24x40", "data.pad=4")
        self.assertEqual(bordered["shape"], [24, 40, 1])
        self.assertAlmostEqual(bordered["mean"][0], 16 * 32 / (24 * 40), 6)
        self.fails(3, "b.png", "data", "p")

    def test_limit_and_validation_part_the_images(self):
        idx_folder(self.path("d"), count=100)
        for more, images, held in ((["data.limit=10"], 10, None), (["data.validation=0.3"], 70, 30),
                                   (["data.validation=0"], 100, 0), (["data.limit=1"], 1, 0)):
            f = self.facts("d", *more)
            self.assertEqual((f["images"], f["validation"]), (images - (held is None), held if held is not None else 1))


class Sheet(Case):
    def test_a_row_for_each_class(self):
        for i in range(12):
            self.write(f"p/{'ab'[i % 2]}/{i:02d}.png", flat_png(6, 4, 10 * i))
        r = self.succeeds("data", "p", "data.validation=0")
        self.assertEqual(r.out.splitlines()[-1], "contact-sheet.png")
        sheet = Png(self.read("contact-sheet.png"))
        self.assertEqual((sheet.width, sheet.height, sheet.channels), (10 * 8 + 2, 2 * 6 + 2, 1))
        for row in range(2):
            shown = [sheet.tile(2 + 8 * k, 2 + 6 * row, 6, 4) for k in range(10)]
            self.assertEqual([t[0][0] for t in shown], [10 * (2 * k + row) for k in range(6)] + [0] * 4)
            self.assertTrue(all(len(set(b"".join(t))) == 1 for t in shown))

    def test_without_classes_the_first_hundred(self):
        os.mkdir(self.path("p"))
        for i in range(120):
            self.write(f"p/{i:03d}.png", flat_png(2, 2, i, 0, 0))
        self.succeeds("data", "p", "data.validation=0", "-o", "new folder/sheet.png")
        sheet = Png(self.read("new folder", "sheet.png"))
        self.assertEqual((sheet.width, sheet.height, sheet.channels), (42, 42, 3))
        self.assertEqual(sheet.tile(2 + 4 * 9, 2 + 4 * 9, 2, 2)[0], bytes([99, 0, 0] * 2))

    def test_large_images_are_fewer(self):
        self.write("p/a/x.png", flat_png(1500, 1500, 1))
        self.write("p/b/x.png", flat_png(1500, 1500, 2))
        self.succeeds("data", "p", "data.validation=0")
        sheet = Png(self.read("contact-sheet.png"))
        self.assertEqual((sheet.width, sheet.height), (2 * 1502 + 2, 2 * 1502 + 2))

    def test_quiet_says_nothing_and_writes_it(self):
        self.assertEqual(self.succeeds("data", CIFAR, "-q").out, "")
        self.assertTrue(os.path.isfile(self.path("contact-sheet.png")))

    def test_a_class_whose_name_is_no_utf8_stands_in_the_json(self):
        for folder, value in ((b"caf\xe9", 1), (b"caf\xc3\xa9", 2)):
            name = os.fsencode(self.path("p")) + b"/" + folder
            os.makedirs(name)
            with open(name + b"/a.png", "wb") as f:
                f.write(flat_png(4, 4, value))
        classes = self.succeeds("data", "p", "data.validation=0", "--json").json()["classes"]
        self.assertEqual([c["name"] for c in classes], ["caf\u00e9", "caf?"])

    def test_settings_that_do_not_go_together_are_refused(self):
        self.fails(2, "data.background has 2 values", "data", CIFAR, "data.background=255,0")
        self.fails(2, "data.pad = 8 leaves nothing", "data", CIFAR, "data.image_size=16", "data.pad=8")

    def test_a_sheet_is_a_png_by_its_name(self):
        for name in ("sheet.jpg", "sheet", "sheet.safetensors"):
            self.fails(2, [f"unmist: {name}: a contact sheet is a PNG (NAME.png)\n"], "data", CIFAR, "-o", name)

    def test_places_that_cannot_be_written(self):
        self.write("a file", "hello")
        for out, said in (("a file/x.png", "Not a directory"), (self.dir, "is a folder"), ("/proc/x.png", "/proc")):
            self.fails(1, said, "data", CIFAR, "-o", out)


class Text(Case):
    def test_the_figures_stand_in_the_text(self):
        out = self.succeeds("data", CIFAR).out
        f = self.succeeds("data", CIFAR, "--json").json()
        self.assertIn("cifar10: 800 images of 32 x 32, 3 channels; 100 more for validation\n", out)
        self.assertIn("mean      " + " ".join(f"{v:.4f}" for v in f["mean"]), out)
        self.assertIn("deviation " + " ".join(f"{v:.4f}" for v in f["deviation"]), out)
        for i, c in enumerate(f["classes"]):
            self.assertRegex(out, rf"(?m)^ +{i} {c['name']} +{c['count']}$")


if __name__ == "__main__":
    main()
