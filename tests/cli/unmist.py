# SPDX-License-Identifier: MIT
"""What the tests of the command line share: running the program, and the files that it reads and writes, made and
read here by hand, so that the program's own readers and writers have a witness that is not themselves."""
import functools
import gzip
import hashlib
import json
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest
import zlib

SOURCE = os.environ.get("UM_SOURCE_ROOT", os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..")))
BUILD = os.environ.get("UM_BUILD_ROOT", os.path.join(SOURCE, "build"))
PROGRAM = os.path.join(BUILD, "src", "cli", "unmist")
EMULATOR = os.environ.get("UM_EMULATOR", "").splitlines()  # where it is built for another processor
DIGITS = os.path.join(SOURCE, "configs", "digits.ini")

# The smallest training that has every part of a large one; tiny_config writes it beside its images.
TINY_INI = """[run]
threads = 1
[data]
path = images
validation = 0.1
[model]
channels = 8,16
groups = 4
layers = 1
attention = none
[train]
steps = 6
batch = 4
warmup = 2
validate_every = 3
sample_every = 3
sample_count = 4
checkpoint_every = 2
keep = 2
[sample]
steps = 2
"""


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def json(self):
        return json.loads(self.out)


def environment(**more):
    return dict(os.environ, OMP_WAIT_POLICY="passive", LC_ALL="C.UTF-8", **more)


def start(*args, cwd=None, stdout=subprocess.PIPE, preexec=None, emulator=EMULATOR):
    """The program at work, for tests that interrupt it."""
    return subprocess.Popen([*emulator, PROGRAM, *map(str, args)], cwd=cwd, env=environment(), stdin=subprocess.DEVNULL,
                            stdout=stdout, stderr=subprocess.PIPE, preexec_fn=preexec)


def finish(process, timeout=240):
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Result(process.returncode, (out or b"").decode(errors="replace"), err.decode(errors="replace"))


def run(*args, **how):
    """Run the program to its end."""
    return finish(start(*args, **how))


def slurp(path):
    with open(path, "rb") as f:
        return f.read()


def snapshot(folder):
    """Every name below a folder with a digest of what it holds."""
    seen = {}
    for at, folders, files in os.walk(folder):
        for name in folders:
            seen[os.path.relpath(os.path.join(at, name), folder)] = "folder"
        for name in files:
            path = os.path.join(at, name)
            seen[os.path.relpath(path, folder)] = (f"link to {os.readlink(path)}" if os.path.islink(path)
                                                   else hashlib.sha256(slurp(path)).hexdigest())
    return seen


class Case(unittest.TestCase):
    """A test with a folder of its own, in which the program runs."""
    maxDiff = 2000

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="unmist cli ")
        self.addCleanup(shutil.rmtree, self.dir, True)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def run_here(self, *args, **how):
        return run(*args, **{"cwd": self.dir, **how})

    def succeeds(self, *args, **how):
        """It ends well and has nothing to complain about."""
        r = self.run_here(*args, **how)
        self.assertEqual((r.status, r.err), (0, ""), f"{args}\n{r.out}")
        return r

    def fails(self, status, fragments, *args, **how):
        """It ends with this status, one error of at most six lines that holds these words, nothing else said, and
        every file as it was."""
        before = snapshot(self.dir)
        r = self.run_here(*args, **how)
        self.assertEqual(r.status, status, f"{args}\n{r.out}\n{r.err}")
        self.assertTrue(r.err.startswith("unmist: "), f"{args}: {r.err}")
        self.assertLessEqual(r.err.count("\n"), 6, r.err)
        self.assertTrue(r.err.endswith("\n"), r.err)
        for fragment in [fragments] if isinstance(fragments, str) else fragments:
            self.assertIn(fragment, r.err, f"{args}")
        self.assertEqual(r.out, "", f"{args}")
        self.assertEqual(snapshot(self.dir), before, f"{args}: a file changed\n{r.err}")
        return r

    def write(self, name, data):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data.encode() if isinstance(data, str) else data)
        return path

    def read(self, *names):
        return slurp(self.path(*names))


# ------------------------------------------------------------------------------------------------ PNG

def png_bytes(width, height, channels, pixels, depth=8):
    """8- or 16-bit gray, gray + alpha, RGB or RGBA; pixels row by row."""
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    line = width * channels * depth // 8
    rows = b"".join(b"\0" + bytes(pixels[y * line:(y + 1) * line]) for y in range(height))

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def flat_png(width, height, *color):
    """A picture of one colour."""
    return png_bytes(width, height, len(color), bytes(color) * (width * height))


class Png:
    """A picture read back: its size, its pixels as bytes row by row, its texts."""

    def __init__(self, data):
        assert data[:8] == b"\x89PNG\r\n\x1a\n", "no PNG"
        self.texts, packed, at = {}, b"", 8
        while at < len(data):
            size, name = struct.unpack(">I4s", data[at:at + 8])
            body = data[at + 8:at + 8 + size]
            assert zlib.crc32(name + body) == struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0]
            self._take(name, body)
            packed += body if name == b"IDAT" else b""
            at += 12 + size
        assert name == b"IEND", "cut"
        self.packed = packed

    def _take(self, name, body):
        if name == b"IHDR":
            self.width, self.height, self.depth, kind = struct.unpack(">IIBB", body[:10])
            self.channels = {0: 1, 2: 3, 4: 2, 6: 4}[kind]
        elif name == b"tEXt":
            key, value = body.split(b"\0", 1)
            self.texts[key.decode("latin-1")] = value.decode("latin-1")
        elif name == b"zTXt":
            key, value = body.split(b"\0", 1)
            self.texts[key.decode("latin-1")] = zlib.decompress(value[1:]).decode("latin-1")
        elif name == b"iTXt":
            key, rest = body.split(b"\0", 1)
            value = rest[2:].split(b"\0", 2)[2]
            self.texts[key.decode("latin-1")] = (zlib.decompress(value) if rest[0] else value).decode()

    @functools.cached_property
    def rows(self):
        raw = zlib.decompress(self.packed)
        step = self.channels * self.depth // 8
        line = self.width * step
        before, out = bytes(line), []
        for y in range(self.height):
            kind, row = raw[y * (line + 1)], bytearray(raw[y * (line + 1) + 1:(y + 1) * (line + 1)])
            for i in range(line):
                left, up = (row[i - step] if i >= step else 0), before[i]
                corner = before[i - step] if i >= step else 0
                row[i] = (row[i] + [0, left, up, (left + up) // 2, paeth(left, up, corner)][kind]) & 255
            before = bytes(row)
            out.append(before)
        return out

    def tile(self, x, y, w, h):
        step = self.channels * self.depth // 8
        return [row[x * step:(x + w) * step] for row in self.rows[y:y + h]]


def paeth(left, up, corner):
    p = left + up - corner
    return min((left, up, corner), key=lambda v: abs(p - v))


# ------------------------------------------------------------------------------------------------ numbers

def safetensors_bytes(tensors, metadata=None):
    """{name: (shape, floats)} as F32."""
    header, body = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, (shape, values) in tensors.items():
        data = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


class Tensors:
    """A safetensors file: shape[name], [name] -> numbers, metadata."""
    CODES = {"F32": "f", "F64": "d", "I64": "q", "I32": "i"}

    def __init__(self, path):
        with open(path, "rb") as f:
            data = f.read()
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:8 + size])
        self.metadata = header.pop("__metadata__", {})
        self.shape, self.values = {}, {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            body, code = data[8 + size + begin:8 + size + end], self.CODES[entry["dtype"]]
            self.shape[name] = entry["shape"]
            self.values[name] = struct.unpack(f"<{len(body) // struct.calcsize(code)}{code}", body)

    def __getitem__(self, name):
        return self.values[name]


# ------------------------------------------------------------------------------------------------ data sets

def idx_bytes(shape, data):
    return struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + bytes(data)


def noise(count, seed=1):
    """Bytes that follow no pattern, always the same ones."""
    out, block = b"", hashlib.sha256(str(seed).encode()).digest()
    while len(out) < count:
        out += block
        block = hashlib.sha256(block).digest()
    return out[:count]


def idx_folder(folder, count=12, size=(8, 8), classes=3, packed=False):
    """Images and labels as MNIST's training files."""
    os.makedirs(folder, exist_ok=True)
    pack = (lambda b: gzip.compress(b, mtime=0)) if packed else bytes
    end = ".gz" if packed else ""
    h, w = size
    with open(os.path.join(folder, "train-images-idx3-ubyte" + end), "wb") as f:
        f.write(pack(idx_bytes((count, h, w), noise(count * h * w))))
    with open(os.path.join(folder, "train-labels-idx1-ubyte" + end), "wb") as f:
        f.write(pack(idx_bytes((count,), [i % classes for i in range(count)])))
    return folder


def set_tensor(model, name, value, row=None):
    """Make all numbers of a model's tensor of floats this one, or those of one row."""
    path = os.path.join(model, "unet", "diffusion_pytorch_model.safetensors")
    data = bytearray(slurp(path))
    length = struct.unpack("<Q", data[:8])[0]
    tensor = json.loads(data[8:8 + length])[name]
    begin, end = (8 + length + offset for offset in tensor["data_offsets"])
    if row is not None:
        size = (end - begin) // tensor["shape"][0]
        begin, end = begin + row * size, begin + (row + 1) * size
    data[begin:end] = struct.pack("<f", value) * ((end - begin) // 4)
    with open(path, "wb") as f:
        f.write(data)


def cifar_records(count, coarse=False, seed=1):
    label = (lambda i: bytes([i % 20, i % 100])) if coarse else (lambda i: bytes([i % 10]))
    return b"".join(label(i) + noise(3072, seed + i) for i in range(count))


def interrupt(process, number=signal.SIGINT):
    process.send_signal(number)


def tiny_config(folder, name="tiny.ini"):
    """The smallest training's INI file and images, 8 x 8 in three classes."""
    idx_folder(os.path.join(folder, "images"), count=40)
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(TINY_INI)
    return path


class WithRun(Case):
    """Tests that look at a trained run, which they share and leave as it is."""
    SETTINGS = []

    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp(prefix="unmist cli run ")
        cls.addClassCleanup(shutil.rmtree, cls.shared, True)
        cls.config = tiny_config(cls.shared)
        cls.model = os.path.join(cls.shared, "run")
        cls.trained = run("train", cls.config, *cls.SETTINGS, "--out", cls.model)
        if cls.trained.status != 0:
            raise AssertionError(cls.trained.err)


main = unittest.main
