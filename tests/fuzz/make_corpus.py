#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make_corpus.py BUILD - write corpus/TARGET anew: files as the program and the tests' own writers make them, small
ones, for a search takes longer with each byte; and in regressions/TARGET those that were made by hand, of which a
reader once believed what they tell of themselves."""
import gzip
import io
import json
import os
import shutil
import struct
import sys
import tarfile
import tempfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "cli"))
os.environ["UM_BUILD_ROOT"] = os.path.abspath(sys.argv[1])
import unmist  # noqa: E402  (it looks at the environment)

TINY_UNET = {"_class_name": "UNet2DModel", "sample_size": 4, "in_channels": 1, "out_channels": 1,
             "block_out_channels": [2, 2], "down_block_types": ["DownBlock2D"] * 2, "up_block_types": ["UpBlock2D"] * 2,
             "layers_per_block": 1, "norm_num_groups": 2, "add_attention": False, "dropout": 0.1}


def parts(files):
    """Several files in one input, as fuzz.h takes them apart."""
    return b"\n".join(b"=== " + name.encode() + b"\n" + body for name, body in files.items())


def typed_tensors():
    """One tensor of each of several types, in the order that the format asks for, and an empty one."""
    header, body = {"__metadata__": {"format": "pt"}}, b""
    for name, code, shape, data in (
            ("d", "F64", [2], struct.pack("<2d", 1, -2.5)), ("i", "I64", [], struct.pack("<q", -3)),
            ("f", "F32", [1, 2], struct.pack("<2f", 0.5, 3)), ("h", "F16", [3], b"\0\x3c\0\xbc\xff\x7b"),
            ("b", "BF16", [1, 1, 1, 1], b"\x80\x3f"), ("t", "BOOL", [2], b"\0\1"), ("none", "U8", [0], b"")):
        header[name] = {"dtype": code, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def palette_png():
    """Four colours in 2 bits, interlaced, with transparency and a packed text."""
    rows = b"\0\x10\0\x20\0\x1b\0\x1b\0\xe4"  # passes of a 3 x 3 picture
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 3, 2, 3, 0, 0, 1)) +
            chunk(b"PLTE", bytes(range(12))) + chunk(b"tRNS", b"\x80\xff") +
            chunk(b"zTXt", b"note\0\0" + zlib.compress(b"hello")) + chunk(b"IDAT", zlib.compress(rows)) +
            chunk(b"IEND", b""))


def jpeg(components, progressive=False, size=(8, 8), repeats=1):
    """The mean gray: each block of 8 x 8 is a difference of 0 and an end."""
    def segment(mark, data):
        return bytes([0xff, mark]) + struct.pack(">H", len(data) + 2) + data
    ids = range(1, components + 1)
    one_code = bytes([1] + [0] * 15) + b"\0"  # the code 0 for the symbol 0
    frame = struct.pack(">BHHB", 8, *size, components) + b"".join(bytes([i, 0x11, 0]) for i in ids)
    scan = bytes([components]) + b"".join(bytes([i, 0]) for i in ids)
    out = b"\xff\xd8" + segment(0xdb, b"\0" + b"\1" * 64) + segment(0xc2 if progressive else 0xc0, frame)
    out += segment(0xc4, b"\0" + one_code) + segment(0xc4, b"\x10" + one_code)
    if progressive:
        out += segment(0xda, scan + b"\0\0\0") + b"\x1f"
        for i in [*ids] * repeats:
            out += segment(0xda, bytes([1, i, 0, 1, 63, 0])) + b"\x7f"
    else:
        out += segment(0xda, scan + b"\0\x3f\0") + b"\x03"
    return out + b"\xff\xd9"


def archive(files, mode="w"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def tiny_run(folder):
    """A run of two steps of a network with a few hundred weights."""
    def path(*names):
        return os.path.join(folder, *names)
    unmist.idx_folder(path("images"), count=12, size=(4, 4))
    with open(path("unet.json"), "w") as f:
        json.dump(TINY_UNET, f)
    with open(path("tiny.ini"), "w") as f:
        own = unmist.TINY_INI.replace("channels = 8,16\ngroups = 4\nlayers = 1\nattention = none", "config = unet.json")
        f.write(own.replace("steps = 6", "steps = 2"))
    r = unmist.run("train", path("tiny.ini"), "data.validation=0", "train.sample_every=0", "train.validate_every=0",
                   "--out", path("run"))
    if r.status:
        sys.exit(r.err)
    r = unmist.run("export", path("run", "model"), path("export"), "--dtype", "f16")
    if r.status:
        sys.exit(r.err)
    return path("run"), path("export")


def model_corpus(run, export):
    def read(*names):
        return unmist.slurp(os.path.join(*names))
    weights, config, scheduler = ("unet/diffusion_pytorch_model.safetensors", "unet/config.json",
                                  "scheduler/scheduler_config.json")
    step = os.path.join(run, "checkpoints", "step-0000002")
    state = {f"training_state.{end}": read(step, f"training_state.{end}") for end in ("json", "safetensors")}
    pipeline = {f"m/{n}": read(export, n) for n in ("model_index.json", config, scheduler, weights)}
    large = bytearray(read(run, "model", weights))  # one weight that f16 has no number for
    first = 8 + int.from_bytes(large[:8], "little")
    large[first:first + 4] = struct.pack("<f", 1e30)
    tensors = unmist.safetensors_bytes({"a": ((2,), (1, 2))}), unmist.safetensors_bytes({"b": ((1, 1), (3,))})
    index = json.dumps({"metadata": {"total_size": 12}, "weight_map": {"a": "a.safetensors", "b": "b.safetensors"}})
    return {
        "model": {"pipeline": parts(pipeline), "raw": parts({**pipeline, **{f"m/{n}": t for n, t in state.items()}}),
                  "beyond-f16": parts({**pipeline, f"m/{weights}": bytes(large)})},
        "checkpoint": {"step-2": parts({**{f"run/{n}": t for n, t in state.items()},
                                        f"run/{weights}": read(step, weights)})},
        "unet_config": {"tiny": read(export, config), "default": b"{}\n", "full": json.dumps({
            "_class_name": "UNet2DModel", "sample_size": [8, 16], "time_embedding_type": "fourier",
            "class_embed_type": "timestep", "resnet_time_scale_shift": "scale_shift", "downsample_type": "resnet",
            "norm_eps": 1e-6, "act_fn": "mish", "mid_block_type": None, "attention_head_dim": 4}).encode()},
        "scheduler": {"run": read(export, scheduler), "diffusers": b'{"_class_name": "DPMSolverMultistepScheduler", '
                      b'"lambda_min_clipped": -Infinity, "trained_betas": [0.1, 0.2], "use_karras_sigmas": false, '
                      b'"variance_type": null, "beta_start": 1e-4}\n'},
        "shards": {"two": parts({f"{os.path.basename(weights)}.index.json": index.encode(), "a.safetensors": tensors[0],
                                 "b.safetensors": tensors[1]})},
        "ini": {"run": read(run, "config.ini"), "include": parts({
            "x.ini": b'include = other.ini\n[run]\nname = "a\\x07 ; b" # why\n[data]\npath = ../x\n',
            "other.ini": b"\xef\xbb\xbf[train]\r\nlr : 1e-3\r\nsteps=5\r\n"})},
        "log": {"plain": b"\4" + read(run, "log.csv"), "more": b"\1" + read(run, "log.csv") + b"3,12,0.5,1,1,1,1"},
    }


def data_corpus():
    images, labels = unmist.idx_bytes((3, 2, 2), range(12)), unmist.idx_bytes((3,), (0, 1, 1))
    packed = [gzip.compress(b, mtime=0) for b in (images, labels)]
    train, names = unmist.cifar_records(1), b"".join(b"class %d\n" % i for i in range(10))
    flat = b"\3" + bytes(3072)
    files = {"cifar-10-batches-bin/data_batch_1.bin": flat, "cifar-10-batches-bin/batches.meta.txt": names}
    image, label = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
    return {
        "idx": {"alone": images, "channels": unmist.idx_bytes((1, 2, 2, 3), range(12)), "parts": parts(
            {image: images, label: labels, image.replace("train", "t10k"): images,
             label.replace("train", "t10k"): labels})},
        "idx_gz": {"alone": packed[0], "labels": parts({image + ".gz": packed[0], label + ".gz": packed[1]})},
        "cifar": {"ten": parts({"data_batch_1.bin": train, "test_batch.bin": flat, "batches.meta.txt": names}),
                  "hundred": parts({"train.bin": unmist.cifar_records(1, coarse=True)})},
        "cifar_tar": {"plain.tar": archive(files), "official.tar.gz": gzip.compress(archive(files), mtime=0),
                      "hundred.tar": archive({"./cifar-100-binary/train.bin": b"\1\2" + bytes(3072)})},
        "png": {"gray.png": unmist.flat_png(3, 2, 7), "rgba.png": unmist.flat_png(2, 2, 1, 2, 3, 128),
                "deep.png": unmist.png_bytes(2, 1, 2, bytes(range(8)), depth=16), "palette.png": palette_png()},
        "jpeg": {"gray.jpg": jpeg(1), "rgb.jpg": jpeg(3), "progressive.jpg": jpeg(3, progressive=True)},
        "safetensors": {"types": typed_tensors(), "empty": struct.pack("<Q", 2) + b"{}"},
        "names": {"classes": b"cat/1.png\ncat/2.PNG\ndog/x/3.png\n.hidden/4.png\ndog/note.txt",
                  "odd": b"a b\x1b[31m%s\xff.png\n-rf.png\nc\"'.png\n\xe2\x80\xae.png",
                  "parts": b"train/a/1.png\ntest/a/2.png"},
        "settings": {"some": b"train.lr=3e-4\nrun.name=x y\nmodel.channels=8,16\nsample.sampler=ddim\nno.such=1\n"
                             b"data.image_size=8x16\nrun.seed=0xff\ntrain.flip=yes"},
    }


def hostile():
    """A few bytes that ask for much memory or time."""
    whole = unmist.flat_png(3, 2, 7)
    wide = chunk(b"IHDR", struct.pack(">IIBBBBB", 8192, 8192, 16, 6, 0, 0, 1))
    bomb = gzip.compress(unmist.idx_bytes((3, 2, 2), range(12)) + bytes(1 << 22), mtime=0)
    sparse = bytearray(archive({"data_batch_1.bin": b""}))  # GNU's: one hole of 1 GiB
    size = b"%011o\0" % (1 << 30)
    sparse[156:157], sparse[257:265] = b"S", b"ustar  \0"
    sparse[386:410], sparse[483:495] = size + b"%011o\0" % 0, size
    sparse[148:156] = b" " * 8
    sparse[148:156] = b"%06o\0 " % sum(sparse[:512])
    values = b'{"' + b"[]," * (1 << 15) + b'":0}'
    return {
        "png": {"exif-of-600-MiB.png": whole[:33] + struct.pack(">I", 637534227) + b"eXIf" + whole[33:],
                "64-megapixels.png": whole[:8] + wide + whole[33:]},
        "jpeg": {"8-megapixels.jpg": jpeg(3, size=(2048, 4096)), "300-scans.jpg": jpeg(3, True, repeats=100)},
        "cifar_tar": {"hole.tar": bytes(sparse), "twice.tar.gz": gzip.compress(gzip.compress(bytes(1 << 22)), mtime=0)},
        "idx_gz": {"bomb.gz": bomb},
        "safetensors": {"values": struct.pack("<Q", len(values)) + values},
    }


def write(folder, corpus):
    for target, files in corpus.items():
        os.makedirs(os.path.join(HERE, folder, target), exist_ok=True)
        for name, data in files.items():
            with open(os.path.join(HERE, folder, target, name), "wb") as f:
                f.write(data)


def main():
    with tempfile.TemporaryDirectory() as folder:
        corpus = {**data_corpus(), **model_corpus(*tiny_run(folder))}
    shutil.rmtree(os.path.join(HERE, "corpus"), ignore_errors=True)
    write("corpus", corpus)
    write("regressions", hostile())


if __name__ == "__main__":
    main()
