# SPDX-License-Identifier: MIT
"""Files that are missing, cut, foreign or made with bad intent: one short error that names the file and what is wrong,
the right status, and everything that was there stays as it was (Case.fails looks at every file)."""
import gzip
import json
import os
import shutil
import struct

from unmist import (SOURCE, TINY_INI, Case, WithRun, cifar_records, flat_png, idx_bytes, idx_folder, main, noise,
                    slurp, snapshot)

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


class Data(Case):
    """Each is refused by `data` and by `train` alike, in the same words."""

    def refused(self, said, path, *more, status=3):
        self.write("tiny.ini", TINY_INI)
        first = self.fails(status, said, "data", path, *more)
        second = self.fails(status, said, "train", "tiny.ini", f"data.path={path}", "--out", "run", *more)
        self.assertEqual(first.err, second.err)

    def test_nothing_there(self):
        self.refused("nowhere: No such file or directory", "nowhere")
        os.mkdir(self.path("empty"))
        self.refused("unmist: empty: ", "empty")
        self.refused("unmist: empty/: ", "empty/")
        self.write("text.txt", "hello")
        self.refused("text.txt: no images of a known kind", "text.txt")
        os.symlink("nothing", self.path("link"))
        self.refused("link: No such file or directory", "link")
        self.refused("/dev/null", "/dev/null")

    def test_cut_idx_files(self):
        idx_folder(self.path("d"))
        images, labels = self.read("d", IMAGES), self.read("d", LABELS)
        for name, whole in ((IMAGES, images), (LABELS, labels)):
            for size in (0, 3, 7, 15, len(whole) - 1):
                if size < len(whole):
                    with self.subTest(name=name, size=size):
                        self.write(f"d/{name}", whole[:size])
                        self.refused(f"d/{name}: ", "d")
            self.write(f"d/{name}", whole + b"x")
            self.refused(f"d/{name}: ", "d")
            self.write(f"d/{name}", whole)

    def test_hostile_idx_headers(self):
        idx_folder(self.path("d"))
        most = 2 ** 32 - 1
        for shape in ((most, most, most), (0, 8, 8), (12, 0, 8), (2 ** 31, 1, 1), (12, 8, 2 ** 31)):
            with self.subTest(shape=shape):
                self.write(f"d/{IMAGES}", idx_bytes(shape, noise(768)))
                self.refused(f"d/{IMAGES}: ", "d")
        for head in (b"\0\0\x0d\x03", b"\0\0\x08\x04", b"\1\0\x08\x03"):  # floats, four axes, no IDX
            self.write(f"d/{IMAGES}", head + idx_bytes((12, 8, 8), noise(768))[4:])
            self.refused("d", "d")

    def test_labels_that_do_not_fit(self):
        idx_folder(self.path("d"))
        self.write(f"d/{LABELS}", idx_bytes((11,), [0] * 11))
        self.refused([f"d/{LABELS}: ", "11", "12"], "d")
        for i in range(1, 3):
            self.write(f"c/data_batch_{i}.bin", cifar_records(2))
        self.write("c/data_batch_2.bin", b"\x0a" + noise(3072))
        self.refused(["c/data_batch_2.bin: ", "10"], "c")

    def test_cut_packed_files(self):
        idx_folder(self.path("d"), packed=True)
        whole = self.read("d", IMAGES + ".gz")
        for data in (whole[:len(whole) // 2], b"\x1f\x8b", b"", whole[:100] + b"\0" * 50 + whole[150:]):
            self.write(f"d/{IMAGES}.gz", data)
            self.refused(f"d/{IMAGES}.gz: ", "d")
        self.write(f"d/{IMAGES}.gz", gzip.compress(idx_bytes((12, 8, 8), noise(768)) + bytes(50_000_000)))
        self.refused(f"d/{IMAGES}.gz: ", "d")

    def test_cut_cifar_files(self):
        whole = cifar_records(3)
        for size in (0, 1, 3072, len(whole) - 1):
            with self.subTest(size=size):
                self.write("c/data_batch_1.bin", whole[:size])
                self.refused("c/data_batch_1.bin: ", "c")

    def test_pictures_that_differ_in_size_or_channels(self):
        self.write("p/a.png", flat_png(6, 4, 1))
        self.write("p/b.png", flat_png(6, 5, 1))
        self.refused(["p/b.png: ", "5", "6", "data.image_size"], "p")
        self.write("p/b.png", flat_png(6, 4, 1, 2, 3))
        self.refused("p/b.png: ", "p")

    def test_broken_pictures(self):
        whole = flat_png(6, 4, 1, 2, 3)
        wide = whole[:16] + struct.pack(">II", 2 ** 31 - 1, 2 ** 31 - 1) + whole[24:]
        for data in (whole[:20], whole[:-20], b"", b"\x89PNG\r\n\x1a\n", whole[:45] + b"\xff" + whole[46:], wide,
                     b"GIF89a" + whole):
            with self.subTest(data=data[:50]):
                self.write("p/a.png", data)
                self.refused("p/a.png: ", "p", "data.validation=0")

    def test_names_that_a_terminal_would_obey(self):
        """Control characters never reach the screen; what is written keeps the names as they are."""
        names = [b"a\nb", b"c\x1b[31m", b"d\xc2\x9b31m", b"\xff\xfe", b"%s%n%99999d", b"q\"'`$(x)", "\u00e9".encode(),
                 b"x" * 250, b" ", b"-rf"]
        for name in names:
            folder = os.path.join(self.path("p").encode(), name)
            os.makedirs(folder)
            with open(os.path.join(folder, name[:200] + b".png"), "wb") as f:
                f.write(flat_png(2, 2, 1, 2, 3))
        out = self.succeeds("data", "p", "data.validation=0", "-v").out
        self.assertNotRegex(out, "[\x00-\x09\x0b-\x1f\x7f-\x9f]")
        for shown in ("a?b ", "c?[31m ", "?? ", "%s%n%99999d ", "q\"'`$(x) ", "\u00e9 ", "x" * 250):
            self.assertIn(shown, out)
        found = self.succeeds("data", "p", "data.validation=0", "--json").json()["classes"]
        self.assertEqual([c["name"] for c in found[1:5]], ["%s%n%99999d", "-rf", "a\nb", "c\x1b[31m"])
        for name in names:
            path = os.path.join(self.path("p").encode(), name, name[:200] + b".png")
            whole = slurp(path)
            with open(path, "wb") as f:
                f.write(b"no picture")
            r = self.fails(3, "is no PNG", "data", "p")
            self.assertNotRegex(r.err[:-1], "[\x00-\x1f\x7f-\x9f]")
            with open(path, "wb") as f:
                f.write(whole)

    def test_pipes_and_devices_do_not_hang(self):
        os.mkdir(self.path("p"))
        self.write("m/config.json", "{}")
        self.write("tiny.ini", TINY_INI)
        for name in ("p/a.png", IMAGES, "data_batch_1.bin", "m/diffusion_pytorch_model.safetensors", "x.ini", "x.json",
                     "x.ckpt"):
            os.mkfifo(self.path(name))
        os.symlink("/dev/zero", self.path("zero.png"))
        for words in (["data", "p"], ["data", IMAGES], ["data", "."], ["data", "zero.png"], ["data", "/dev/zero"],
                      ["train", "x.ini"], ["train", "tiny.ini", "model.config=x.json"], ["train", "/dev/zero"],
                      ["sample", "m", "-o", "x.png"], ["sample", "x.ckpt", "-o", "x.png"], ["sample", "/dev/zero"],
                      ["edit", "m", "from-image", "zero.png"]):
            with self.subTest(words=words):
                r = self.run_here(*words)
                self.assertIn(r.status, (2, 3), f"{r.out}\n{r.err}")
                self.assertRegex(r.err, r"\Aunmist: .*\n\Z")

    def test_settings_that_the_data_do_not_carry(self):
        idx_folder(self.path("d"))
        self.write("tiny.ini", TINY_INI)
        os.remove(self.path("d", LABELS))
        for said, more in (("the images have no classes", ["model.class_conditional=true"]),
                           ("do not pass through 5 levels", ["model.channels=8,8,8,8,8"]),
                           ("data.pad", ["data.image_size=8", "data.pad=4"])):
            self.fails(2, said, "train", "tiny.ini", "data.path=d", "--out", "run", *more)


class Model(WithRun):
    """A model folder of which one file is not what it should be."""
    SETTINGS = ["train.sample_every=0", "train.validate_every=0", "train.steps=1"]

    def setUp(self):
        super().setUp()
        self.source = os.path.join(self.model, "model")
        shutil.copytree(self.source, self.path("m"))

    def refused(self, said, status=3):
        for words in (["sample", "m", "-o", "x.png"], ["info", "m"], ["info", "m", "--json"], ["export", "m", "new"],
                      ["train", self.config, "train.init=m", "--out", "run"]):
            self.fails(status, said, *words)

    def break_file(self, name, change, said):
        whole = slurp(os.path.join(self.source, name))
        self.write(f"m/{name}", change(whole))
        self.refused(said)
        self.write(f"m/{name}", whole)

    def change_json(self, name, **keys):
        return lambda text: json.dumps({k: v for k, v in {**json.loads(text), **keys}.items() if v != "absent"})

    def test_weights(self):
        name = "unet/diffusion_pytorch_model.safetensors"

        def header(change):
            def changed(data):
                size = struct.unpack("<Q", data[:8])[0]
                head = json.loads(data[8:8 + size])
                change(head)
                text = json.dumps(head).encode()
                return struct.pack("<Q", len(text)) + text + data[8 + size:]
            return changed

        def rename(head):
            head["conv_in.other"] = head.pop("conv_in.weight")

        def transpose(head):
            head["conv_in.weight"]["shape"] = [1, 8, 3, 3]

        def far(head):
            head["conv_in.weight"]["data_offsets"] = [2 ** 62, 2 ** 62 + 288]

        for change, said in ((lambda d: d[:-1], name), (lambda d: d[:5], name), (lambda d: b"", name),
                             (lambda d: b"\xff" * 8 + d[8:], name), (lambda d: d.replace(b'"F32"', b'"I8"', 1), name),
                             (header(rename), "conv_in.weight"), (header(transpose), "conv_in.weight"),
                             (header(far), "conv_in.weight")):
            with self.subTest(said=said):
                self.break_file(name, change, said)
        os.remove(self.path("m", name))
        self.refused("m/unet")

    def test_pickles(self):
        """PyTorch's own files are refused with the reason and the way to convert, whatever their name."""
        said = ["a pickle, which can run code when it is read", "torch.load('OLD', weights_only=True)",
                "safe_serialization=True"]
        old, new = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9", b"PK\x03\x04" + bytes(60)  # torch.save, before 1.6 and since
        for name, data in (("m.ckpt", new), ("m.pt", old), ("m.pth", new), ("model.bin", old), ("renamed", new)):
            self.write(name, data)
            self.fails(3, [f"unmist: {name}: ", *said], "sample", name, "-o", "x.png")
            self.fails(3, [f"unmist: {name}: ", *said], "train", self.config, f"train.init={name}", "--out", "run")
        weights = "m/unet/diffusion_pytorch_model.safetensors"
        for data in (old, new):
            self.write(weights, data)
            self.refused([weights, *said])
        os.remove(self.path(weights))
        for end in (".bin", ".pt", ".pth", ".ckpt", ".bin.index.json"):
            name = weights.replace(".safetensors", end)
            self.write(name, new)
            self.refused([name, *said])
            os.remove(self.path(name))

    def test_a_model_of_another_shape(self):
        change = self.change_json
        for keys, said in (({"block_out_channels": [8, 32]}, "shape"), ({"layers_per_block": 2}, "no tensor"),
                           ({"in_channels": 3}, "conv_in.weight"), ({"block_out_channels": [8]}, "down_block_types")):
            with self.subTest(keys=keys):
                self.break_file("unet/config.json", change("unet/config.json", **keys), "m/unet/")

    def test_configurations(self):
        name = "unet/config.json"
        for change in (lambda t: t[:40], lambda t: b"", lambda t: b"[]", lambda t: b"{}}", lambda t: b"\0",
                       lambda t: b"[" * 100000, self.change_json(name, block_out_channels="8"),
                       self.change_json(name, block_out_channels=[]), self.change_json(name, norm_num_groups=0),
                       self.change_json(name, norm_num_groups=3), self.change_json(name, in_channels=2 ** 40),
                       self.change_json(name, layers_per_block=-1), self.change_json(name, norm_eps="x"),
                       self.change_json(name, down_block_types=["DownBlock2D", "SkipDownBlock2D"]),
                       self.change_json(name, act_fn="tanh")):
            with self.subTest(change=change(slurp(os.path.join(self.source, name)))[:200]):
                self.break_file(name, change, "m/unet/config.json:")

    def test_a_scheduler(self):
        name = "scheduler/scheduler_config.json"
        whole = slurp(os.path.join(self.source, name))
        for text in (whole[:10], b"", b"[]", self.change_json(name, beta_schedule="zigzag")(whole),
                     self.change_json(name, num_train_timesteps=-5)(whole),
                     self.change_json(name, num_train_timesteps="many")(whole),
                     self.change_json(name, prediction_type="colour")(whole),
                     self.change_json(name, trained_betas=[0.1, 0.2])(whole),
                     self.change_json(name, rescale_betas_zero_snr=True)(whole),  # beside epsilon
                     self.change_json(name, beta_start=0.5)(whole)):
            with self.subTest(text=text[:200]):
                self.write(f"m/{name}", text)
                self.fails(3, f"unmist: m/{name}:", "sample", "m", "sample.steps=2", "-o", "x.png")
                self.fails(3, f"unmist: m/{name}:", "train", self.config, *self.SETTINGS, "train.init=m",
                           "--out", "new")

    def test_a_table_of_betas_is_drawn_with_and_not_trained_with(self):
        name = "scheduler/scheduler_config.json"
        whole = slurp(os.path.join(self.source, name))
        self.write(f"m/{name}", self.change_json(name, num_train_timesteps=3, trained_betas=[0.1, 0.2, 0.3])(whole))
        self.succeeds("sample", "m", "sample.steps=2", "-o", "x.png")
        self.fails(3, f"unmist: m/{name}: trained_betas cannot be trained with (give diffusion.schedule)",
                   "train", self.config, *self.SETTINGS, "train.init=m", "--out", "new")

    def test_a_checkpoint_of_another_shape_or_cut_is_not_resumed(self):
        shutil.copytree(self.model, self.path("run"))
        shutil.rmtree(self.path("run", "model"))
        step = "run/checkpoints/step-0000001"
        arguments = ["train", self.config, *self.SETTINGS, "--out", "run", "--resume"]
        before = snapshot(self.path("run", "checkpoints"))
        state = self.read(step, "training_state.safetensors")
        for name, data in (("training_state.safetensors", state[:-9]), ("training_state.safetensors", b""),
                           ("training_state.json", b"{"), ("training_state.json", b'{"version": 99}'),
                           ("unet/diffusion_pytorch_model.safetensors", b"hello")):
            with self.subTest(name=name, data=data[:20]):
                whole = self.read(step, name)
                self.write(f"{step}/{name}", data)
                r = self.run_here(*arguments, "run.threads=2")
                self.assertEqual((r.status, r.out), (3, ""), r.err)
                self.write(f"{step}/{name}", whole)
                self.assertRegex(r.err, rf"^unmist: {step}/{name}:.*\n$")
                self.assertEqual(snapshot(self.path("run", "checkpoints")), before)
                self.assertEqual(sorted(os.listdir(self.path("run"))), ["checkpoints", "config.ini", "log.csv"])
                for kept in ("log.csv", "config.ini"):
                    self.assertEqual(self.read("run", kept), slurp(os.path.join(self.model, kept)))
        self.write("run/config.ini", self.read("run", "config.ini").replace(b"channels = 8,16", b"channels = 8,32"))
        r = self.run_here(*arguments, "model.channels=8,32")
        self.assertEqual(r.status, 3)
        self.assertRegex(r.err, rf"^unmist: {step}/.*the network has.*\n$")
        self.write("run/config.ini", self.read("run", "config.ini").replace(b"channels = 8,32", b"channels = 8,16"))
        self.succeeds(*arguments)


class Places(WithRun):
    SETTINGS = ["train.sample_every=0", "train.validate_every=0", "train.steps=1"]

    def test_run_folders_that_cannot_be(self):
        self.write("a file", "hello")
        os.mkdir(self.path("taken"))
        self.write("taken/checkpoints", "not a folder")
        for out, said in (("a file", "a file: "), ("a file/run", "a file"), ("/proc/run", "/proc/run"),
                          ("/dev/null/run", "/dev/null")):
            with self.subTest(out=out):
                self.fails(1, said, "train", self.config, *self.SETTINGS, "--out", out)
        self.assertNotEqual(self.run_here("train", self.config, *self.SETTINGS, "--out", "taken").status, 0)
        self.assertEqual(self.read("taken", "checkpoints"), b"not a folder")
        self.fails(2, "--out wants DIR", "train", self.config, "--out", "")

    def test_settings_files(self):
        self.write("loop.ini", "include = loop.ini\n")
        self.write("binary.ini", b"\x7fELF\0\0\0")
        self.write("long.ini", "[run]\nname = " + "x" * 100000 + "\n")
        os.mkdir(self.path("folder.ini"))
        for name, said in (("loop.ini", "includes itself"), ("binary.ini", "control character"), ("long.ini", "long"),
                           ("folder.ini", "folder.ini"), ("none.ini", "No such file"), ("/dev/zero", "/dev/zero")):
            with self.subTest(name=name):
                self.fails(3, [f"unmist: {name}", said], "train", name)
                self.fails(3, [f"unmist: {name}", said], "sample", self.model, name, "-o", "x.png")

    def test_a_hostile_setting_is_told_in_one_line(self):
        for setting in ("train.steps=" + "9" * 5000, "data.path=" + "x/" * 3000, "run.name=a\nb", "train.lr=\x1b[31m",
                        "run." + "k" * 5000 + "=1"):
            with self.subTest(setting=setting[:40]):
                r = self.run_here("train", self.config, setting, "--out", "run")
                self.assertIn(r.status, (2, 3), r.err)
                self.assertEqual(r.err.count("\n"), 1, r.err)
                self.assertLess(len(r.err), 2500)
                self.assertNotIn("\x1b", r.err)
                self.assertEqual(os.listdir(self.dir), [])

    def test_model_config_of_another_kind(self):
        self.write("c.json", "{}")
        self.write("d.json", json.dumps({"_class_name": "UNet2DConditionModel", "sample_size": 8}))
        for name in ("c.json", "d.json", "none.json", os.path.join(SOURCE, "README.md")):
            with self.subTest(name=name):
                r = self.run_here("train", self.config, f"model.config={name}", "--out", "run", "train.steps=0")
                if name != "c.json":  # an empty configuration is diffusers' default model
                    self.assertEqual(r.status, 3, r.err)
                    self.assertIn(name, r.err)


if __name__ == "__main__":
    main()
