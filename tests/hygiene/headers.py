# SPDX-License-Identifier: MIT
"""What others include or copy compiles: each header on its own, each program in the documentation."""
import concurrent.futures
import os
import re
import subprocess
import tempfile


def compile_alone(job):
    path, command = job
    done = subprocess.run(command, capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if "error" in line or "warning" in line]
    return path, done.returncode, said[0] if said else done.stderr.strip()


def jobs(tree, root):
    common = ["-D_GNU_SOURCE", "-DUM_TIER=portable", "-Wall", "-Wextra", "-Wno-unknown-pragmas",
              "-Wno-unused", "-Werror", "-fsyntax-only", "-I" + os.path.join(root, "include"),
              "-I" + os.path.join(root, "src"), "-I" + os.path.join(root, "tests")]
    for path in tree.paths(r"(src|include|tests)/.*\.h"):
        full = os.path.join(root, path)
        gnu = path.startswith("tests/")  # cmocka's header needs no more, but says less under c11
        yield path, [*tree.cc, "-std=gnu11" if gnu else "-std=c11", *common, "-x", "c", full]
        if path.startswith("include/") and tree.cxx:
            yield path + " (C++17)", [*tree.cxx, "-std=c++17", *common, "-Wpedantic", "-x", "c++", full]


def compile_all(tree, root):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, code, said in pool.map(compile_alone, jobs(tree, root)):
            if code != 0:
                yield f"{path}: does not compile alone: {said}"


def headers(tree):
    """src/ and tests/ as C11, include/ as C++17 as well."""
    if tree.root:
        yield from compile_all(tree, tree.root)
        return
    with tempfile.TemporaryDirectory() as root:
        for path, text in tree.files.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "wb") as f:
                f.write(text)
        yield from compile_all(tree, root)


def linkage(tree):
    """A public function is exported, and C++ finds it under its own name."""
    for path in tree.paths(r"include/unmist/.*\.h"):
        text = tree.text(path)
        if 'extern "C" {' not in text:
            yield f'{path}: no extern "C" around its declarations'
        for found in re.finditer(r"^(?!typedef|UM_API )\w[\w *]*?\b(um_\w+)\(", text, re.M):
            yield f"{path}: {found[1]} is not UM_API"


def examples(tree):
    """Programs in the documentation, which include unmist.h, compile."""
    root = tree.root or os.path.join(os.path.dirname(__file__), "..", "..")
    for path in tree.paths(r"(README|docs/.*)\.md"):
        for n, code in enumerate(re.findall(r"^```c\n(.*?)^```$", tree.text(path), re.M | re.S), 1):
            if "#include <unmist.h>" not in code:
                continue
            command = [*tree.cc, "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c",
                       "-I" + os.path.join(root, "include"), "-"]
            done = subprocess.run(command, input=code, capture_output=True, text=True)
            if done.returncode != 0:
                yield f"{path}: its example {n} does not compile:\n{done.stderr}"


RULES = {
    "examples": (examples, [{"README.md": "```c\n#include <unmist.h>\nint a = b;\n```\n"}],
                 [{"README.md": "```c\n#include <unmist.h>\num_ctx *a;\n```\n```c\nx\n```\n"}]),
    "headers": (headers, [{"src/base/a.h": "size_t a(void);\n"}, {"include/unmist/a.h": "int a(int *new)\n"}],
                [{"src/base/a.h": "#include <stddef.h>\nsize_t a(void);\n", "include/unmist/a.h": "int a(void);\n"}]),
    "linkage": (linkage, [{"include/unmist/a.h": "UM_API int um_a(void);\n"},
                          {"include/unmist/a.h": 'extern "C" {\nconst char *um_a(void);\n}\n'}],
                [{"include/unmist/a.h": 'extern "C" {\ntypedef int um_f(int);\nUM_API int um_a(void);\n}\n'}]),
}
