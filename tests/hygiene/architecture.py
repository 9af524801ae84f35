# SPDX-License-Identifier: MIT
"""Which part may know which: the floors, the walk that knows no operation, the processors' names."""
import re

from tree import code_of, matches

FLOORS = ["base", "tensor", "autograd", "nn", "diffusion", "io", "config", "train", "sample", "study", "api", "cli"]
STRANGERS = {("train", "sample"), ("sample", "train")}  # neighbours on one floor
INCLUDE = r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"'


def includes(tree, path):
    return [(line, m.group(1)) for line, m in matches(code_of(tree.text(path), strings=True), INCLUDE, re.M)]


def floors(tree):
    """A floor includes what stands before it, itself and the public headers; cli these two alone."""
    for path in tree.paths(r"src/.*\.(c|h|def)"):
        floor = path.split("/")[1]
        if floor not in FLOORS:
            yield f"{path}: src/{floor} is no floor ({', '.join(FLOORS)})"
            continue
        for line, name in includes(tree, path):
            other = name.split("/")[0]
            if name.startswith("unmist/") or name == "unmist.h":
                continue
            if other not in FLOORS:
                yield f'{path}:{line}: "{name}" (write includes as "floor/file.h")'
            elif FLOORS.index(other) > FLOORS.index(floor) or (floor, other) in STRANGERS:
                yield f"{path}:{line}: {floor} must not know {other} ({name})"
            elif floor == "cli" and other != "cli":
                yield f"{path}:{line}: what the tool can do, any program can: public headers, not {name}"


def inner_headers(tree):
    """op.h is for operations, record.h for the tape itself, a tier's headers for its objects."""
    allowed = {
        "autograd/op.h": r"src/autograd/.*|tests/autograd/.*",
        "autograd/record.h": r"src/autograd/[^/]+|tests/autograd/.*",
        "tensor/kernels/fast/vec.h": r"src/tensor/kernels/fast/.*",
        "tensor/kernels/fast/tier.h": r"src/tensor/kernels/fast/.*",
        "tensor/kernels/scalar/scalar.h": r"src/tensor/kernels/scalar/.*",
    }
    for path in tree.paths(r"(src|tests|bench)/.*\.[ch]"):
        for line, name in includes(tree, path):
            if name in allowed and not re.fullmatch(allowed[name], path):
                yield f"{path}:{line}: {name} is only for {allowed[name]}"
            if re.fullmatch(r"src/tensor/kernels/fast/.*", path) and name.split("/")[0] != "tensor" \
                    and name != "base/base.h":
                yield f"{path}:{line}: an object of one instruction set includes kernel contracts alone, not {name}"


ISA = r"\b(avx\w*|sse\d?\w*|neon|amx\w*|vnni|__m(64|128|256|512)\w?|_mm\d*_\w+|\w+intrin\.h|(?-i:UM_CPU_[A-Z]\w*))\b"


def processors(tree):
    """Only kernels/ and base/cpu know the names of instruction sets."""
    for path in tree.paths(r"(src|include)/.*\.[ch]"):
        if not re.match(r"src/tensor/kernels/|src/base/cpu\.[ch]", path):
            for line, m in matches(code_of(tree.text(path)), ISA, re.I):
                yield f"{path}:{line}: {m.group()} (instruction sets are named in kernels/ and base/cpu alone)"


OUTPUT = r"(?<![\w.>])(abort|_?exit|quick_exit|v?printf|puts|putchar|perror|system|fork)\s*\(|\bstd(out|err)\b"
MEMORY = r"(?<![\w.>])(malloc|calloc|realloc|reallocarray|aligned_alloc|posix_memalign|free|v?asprintf|strn?dup)\s*\("
MEMORY_EXCUSED = {"src/base/ctx.c": "the default allocator"}


def quiet(tree):
    """Below cli nothing prints or ends the program, and memory comes from the context."""
    for path in tree.paths(r"(src|include)/.*\.[ch]"):
        if path.startswith("src/cli/"):
            continue
        code = code_of(tree.text(path))
        for line, m in matches(code, OUTPUT):
            yield f"{path}:{line}: {m.group().rstrip('( ')} below src/cli (use um_fail, um_log)"
        if path not in MEMORY_EXCUSED:
            for line, m in matches(code, MEMORY):
                yield f"{path}:{line}: {m.group(1)} (use um_alloc, um_free, um_strdup)"


RULES = {
    "floors": (floors, [
        {"src/base/a.c": '#include "tensor/shape.h"\n'},
        {"src/train/a.c": '#include "sample/driver.h"\n'},
        {"src/sample/a.c": '#include "train/trainer.h"\n'},
        {"src/nn/a.c": '#include "unet.h"\n'},
        {"src/cellar/a.c": "\n"},
        {"src/cli/a.c": '#include "sample/driver.h"\n'},
    ], [{"src/train/a.c": '#include "unmist/status.h"\n#include "nn/unet.h"\n/* #include "cli/x.h" */\n'}]),
    "inner_headers": (inner_headers, [
        {"src/autograd/ops/a.c": '#include "autograd/record.h"\n'},
        {"src/nn/a.c": '#include "autograd/op.h"\n'},
        {"src/tensor/kernels/fast/gemm.c": '#include "base/random.h"\n'},
    ], [{"src/autograd/ops/a.c": '#include "autograd/op.h"\n'}]),
    "processors": (processors, [
        {"src/nn/a.c": "int avx2_is_here;\n"},
        {"src/base/base.h": "#include <immintrin.h>\n"},
        {"src/api/a.c": "int has = UM_CPU_AVX512;\n"},
    ], [{"src/base/cpu.c": "int avx2;\n", "src/nn/a.c": "/* avx2 */ um_cpu_name();\n"}]),
    "quiet": (quiet, [
        {"src/io/a.c": 'void f(void) { printf("x"); }\n'},
        {"src/io/a.c": "void f(void) { exit(1); }\n"},
        {"src/io/a.c": 'void f(void) { fprintf(stderr, "x"); }\n'},
        {"src/io/a.c": "void *f(void) { return malloc(1); }\n"},
        {"src/io/a.c": "void f(char *p) { free (p); }\n"},
        {"src/base/ctx.c": "void f(void) { abort(); }\n"},
    ], [{"src/io/a.c": "void f(a *p) { um_free(p); p->free(p); snprintf(b, 1, \"printf(\"); }\n",
         "src/cli/a.c": "void f(void) { exit(1); }\n"}]),
}
