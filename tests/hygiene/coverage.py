# SPDX-License-Identifier: MIT
"""Nothing without its test, and no test that does not run."""
import posixpath
import re

from tree import code_of, matches


def operations(tree):
    """Each operation of the tape has a proof of its gradient in a file of the same name."""
    for path in tree.paths(r"src/autograd/ops/[^/]+\.c"):
        op = posixpath.basename(path)[:-2]
        if f"tests/autograd/test_{op}.c" not in tree:
            yield f"{path}: no tests/autograd/test_{op}.c"


def kernels(tree):
    """Each line of the list of kernels is named by a test of the tensor floor."""
    listing = "src/tensor/kernels/kernels.h"
    if listing not in tree:
        yield f"{listing}: the list of kernels is not there"
        return
    body = re.search(r"#define UM_KERNELS\(MIXED, FAST, SCALAR\)((?:.*\\\n)*.*\n)", tree.text(listing))
    names = re.findall(r"\b(?:MIXED|FAST|SCALAR)\((\w+)\)", body.group(1)) if body else []
    if not names:
        yield f"{listing}: no kernels in UM_KERNELS(MIXED, FAST, SCALAR)"
    tests = "\n".join(code_of(tree.text(p), strings=True) for p in tree.paths(r"tests/tensor/.*\.[ch]"))
    for name in names:
        if not re.search(rf"\b(um_)?{name}\b", tests):
            yield f"{listing}: no test in tests/tensor names the kernel {name}"


def registered(tree):
    """Each source is built and each test is run: its name stands in a meson.build beside or above it."""
    for path in tree.paths(r"src/.*\.c", r"tests/.*/test_\w+\.c"):
        folder, name = posixpath.split(path)
        wanted = f"'{name}'"
        if path.startswith("tests/"):
            wanted = f"'{name[5:-2]}'"
        builds = []
        at = folder
        while at:
            builds.append(posixpath.join(at, "meson.build"))
            at = posixpath.dirname(at)
        relative = [f"'{posixpath.relpath(path, posixpath.dirname(b))}'" for b in builds]
        found = any(b in tree and (wanted in tree.text(b) or r in tree.text(b)) for b, r in zip(builds, relative))
        if not found:
            yield f"{path}: {wanted} stands in no meson.build"


def no_memory(tree):
    """Each public function has a row in the test of failing allocations, or is in its list of those that take none."""
    test = "tests/api/test_no_memory.c"
    if test not in tree:
        yield f"{test}: the test of failing allocations is not there"
        return
    rows = set(re.findall(r'^    \{ "(um_\w+)",', tree.text(test), re.M))
    public = set()
    for path in tree.paths(r"include/unmist/[^/]+\.h"):
        for declaration in re.findall(r"^UM_API ([^;]*);", code_of(tree.text(path)), re.M):
            public.add(re.search(r"(um_\w+)\s*\(", declaration).group(1))
    yield from (f"{test}: no row for {name}" for name in sorted(public - rows))
    yield from (f"{test}: {name} is no public function" for name in sorted(rows - public))


VACUOUS = r"\bassert_true\s*\(\s*(1|true)\s*\)|\bassert_false\s*\(\s*(0|false)\s*\)"


def claims(tree):
    """A test claims something; each of its functions is in its list."""
    for path in tree.paths(r"tests/.*/test_\w+\.c"):
        code = code_of(tree.text(path))
        for line, m in matches(code, VACUOUS):
            yield f"{path}:{line}: {m.group()} claims nothing"
        for line, m in matches(code, r"^static void (\w+)\(void \*\*\w+\)$", re.M):
            if len(re.findall(rf"\b{m.group(1)}\b", code)) < 2:
                yield f"{path}:{line}: {m.group(1)} is never run"


KERNELS_H = "#define UM_KERNELS(MIXED, FAST, SCALAR) \\\n    MIXED(gemm) \\\n    SCALAR(silu)\n\n"
RULES = {
    "operations": (operations, [{"src/autograd/ops/add.c": ""}],
                   [{"src/autograd/ops/add.c": "", "tests/autograd/test_add.c": ""}]),
    "kernels": (kernels, [
        {"src/tensor/kernels/kernels.h": KERNELS_H, "tests/tensor/test_gemm.c": "k->gemm(); /* silu */\n"},
        {"src/tensor/kernels/kernels.h": "\n"}, {},
    ], [{"src/tensor/kernels/kernels.h": KERNELS_H, "tests/tensor/test_gemm.c": "k->gemm(); um_silu();\n"}]),
    "no_memory": (no_memory, [
        {}, {"include/unmist/a.h": "UM_API int um_a(void);\n", "tests/api/test_no_memory.c": ""},
        {"include/unmist/a.h": "", "tests/api/test_no_memory.c": '    { "um_a", call },\n'},
    ], [{"include/unmist/a.h": "UM_API int um_a(void);\n/* UM_API um_b(); */\nUM_API const char *\num_c(int x);\n",
         "tests/api/test_no_memory.c": '    { "um_a", call },\n    { "um_c", "a constant" },\n'}]),
    "registered": (registered, [
        {"src/base/a.c": "", "src/base/meson.build": "files('b.c')\n"},
        {"tests/base/test_a.c": "", "tests/base/meson.build": "['b']\n"},
    ], [{"src/base/a.c": "", "src/base/meson.build": "files('a.c')\n", "src/x/k/t.c": "",
         "src/x/meson.build": "files('k/t.c')\n",
         "tests/base/test_a.c": "", "tests/base/meson.build": "['a']\n"}]),
    "claims": (claims, [
        {"tests/base/test_a.c": "assert_true(1);\n"},
        {"tests/base/test_a.c": "static void a_holds(void **state)\n{\n}\n"},
    ], [{"tests/base/test_a.c": "static void a_holds(void **state)\n{\n}\ncmocka_unit_test(a_holds),\n"}]),
}
