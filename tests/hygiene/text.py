# SPDX-License-Identifier: MIT
"""What every text file must be: clean, short enough, finished, at home on any machine."""
import posixpath
import re

from tree import C_SOURCE, SCRIPT, code_of, matches

BINARY = r".*\.(png|gz|xz|bin|safetensors|jpg|gif|webp|pgm|ppm|f32|npy|zip|tar)|.*/data/.*|data/.*"
TEXT = r"(?!" + BINARY + r")(?!models/)(?!tests/golden/)(?!tests/fuzz/(corpus|regressions)/).*"
COLUMNS = 100
INVISIBLE = r"[\u00a0\u00ad\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufffd]"


def clean(tree):
    """No tabs, no trailing space, no carriage return, one final newline, nothing invisible."""
    for path in tree.paths(TEXT):
        text = tree.text(path)
        if text and not text.endswith("\n"):
            yield f"{path}: no newline at the end"
        if text.endswith("\n\n"):
            yield f"{path}: blank lines at the end"
        for what, pattern in (("tab", r"\t"), ("space at the end of the line", r"[ \t]+$"),
                              ("carriage return", r"\r"), ("invisible character", INVISIBLE)):
            for line, _ in matches(text, pattern, re.M):
                yield f"{path}:{line}: {what}"


def columns(tree):
    """Lines fit an ordinary window."""
    for path in tree.paths(C_SOURCE, SCRIPT, r"(.*/)?meson(\.build|_options\.txt)"):
        lines = tree.lines(path)
        wide = path.endswith((".py", "meson.build", "meson_options.txt")) or "python" in lines[0]
        limit = 120 if wide else COLUMNS
        for n, line in enumerate(lines, 1):
            if len(line) > limit:
                yield f"{path}:{n}: {len(line)} columns (at most {limit})"


UNFINISHED = "|".join([r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", r"\bX" + r"XX\b", r"\bHA" + r"CK\b",
                       r"(?i:\bst" + r"ub(s|bed)?\b)", r"(?i:\bplace" + r"holder\b)",
                       r"(?i:\bnot (yet )?imple" + r"mented\b)", r"^\s*#\s*if\s+0\b"])


def finished(tree):
    """No words that announce unfinished work, no code that is switched off."""
    for path in tree.paths(C_SOURCE, SCRIPT, r"(.*/)?meson\.build", r"src/.*\.def"):
        if re.match(r"labs/.*/(skeleton|exercise)", path):
            continue
        for line, m in matches(tree.text(path), UNFINISHED, re.M):
            yield f"{path}:{line}: {m.group().strip()}"


FILE_LINES, FUNCTION_LINES, SOFT_FILE, SOFT_FUNCTION = 500, 80, 300, 40


def functions(lines):
    """(name line, lines of the body with its braces) by the layout: braces of functions stand in column 1."""
    start = None
    for n, line in enumerate(lines, 1):
        if line == "{" or re.match(r"[A-Za-z].*\)\s*\{$", line):
            start = n
        elif line == "}" and start:
            yield start, n - start + 1
            start = None


def size(tree):
    """A file is read in one sitting, a function on one screen. Tables (.def) may be longer."""
    for path in tree.paths(C_SOURCE, SCRIPT):
        lines = tree.lines(path)
        if len(lines) - 1 > FILE_LINES:
            yield f"{path}: {len(lines) - 1} lines (at most {FILE_LINES}: one idea a file)"
        if path.endswith((".c", ".h")):
            for at, length in functions(lines):
                if length > FUNCTION_LINES:
                    yield f"{path}:{at}: a function of {length} lines (at most {FUNCTION_LINES})"


def size_report(tree):
    """Not a failure: what is above the limits that we would like."""
    for path in tree.paths(C_SOURCE):
        lines = tree.lines(path)
        if len(lines) - 1 > SOFT_FILE:
            yield f"{path}: {len(lines) - 1} lines"
        for at, length in functions(lines):
            if length > SOFT_FUNCTION:
                yield f"{path}:{at}: a function of {length} lines"


def at_home(tree):
    """No path of one machine, and nothing from outside the tree."""
    outside = r"\.\./+sha" + r"red|(?<![\w.])/wo" + r"rk/|(?<![\w.])/(home|Users)/\w|(?<![\w.])/ro" + r"ot/"
    for path in tree.paths(TEXT, r"tests/golden/.*\.(md|py|json)", r"(.*/)?data/.*\.(md|txt|ini)",
                           r"models/.*\.(ini|json|csv)"):
        for line, m in matches(tree.text(path), outside):
            yield f"{path}:{line}: {m.group()} is not part of the tree"


def licence(tree):
    """Each source says its licence in its first lines."""
    for path in tree.paths(C_SOURCE, SCRIPT, r"src/.*\.def"):
        if "SPDX-License-Identifier: MIT" not in "\n".join(tree.lines(path)[:3]):
            yield f"{path}: no SPDX-License-Identifier in its first lines"


def guards(tree):
    """A header is included once, by a name that no other header has."""
    seen = {}
    for path in tree.paths(r"(src|include|tests|bench)/.*\.h"):
        code = code_of(tree.text(path)).strip()
        m = re.match(r"#ifndef (UM\w*_H|UNMIST\w*_H)\n#define (\w+)\n", code)
        if not m or m.group(1) != m.group(2) or not code.endswith("#endif"):
            yield f"{path}: no include guard #ifndef UM_..._H, #define, #endif around the whole"
        elif m.group(1) in seen:
            yield f"{path}: the guard {m.group(1)} is {seen[m.group(1)]}'s too"
        else:
            seen[m.group(1)] = path


def links(tree):
    """What a page of documentation points to is there, in the tree."""
    folders = {f for p in tree.files for f in (p.rsplit("/", k)[0] for k in range(1, p.count("/") + 1))}
    for path in tree.paths(r".*\.md"):
        for line, m in matches(tree.text(path), r"\]\(([^)#\s]+)[^)]*\)"):
            if re.match(r"[a-z]+:", m.group(1)):
                continue
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), m.group(1)))
            if target not in tree and target not in folders:
                yield f"{path}:{line}: {m.group(1)} is not there"
    for path in tree.paths(C_SOURCE, SCRIPT, r"(.*/)?meson\.build|.*\.md|.*\.def"):
        for line, m in matches(tree.text(path), r"(?<![\w./])docs/[\w/.-]+\.(md|png)"):
            if m.group() not in tree and not path.startswith("tests/hygiene/"):
                yield f"{path}:{line}: {m.group()} is not there"


RULES = {
    "clean": (clean, [
        {"src/a.c": "int a;\n\tint b;\n"}, {"src/a.c": "int a; \n"}, {"src/a.c": "int a;"}, {"README.md": "a\n\n"},
        {"src/a.c": "int a;\r\n"}, {"README.md": "a\u200bb\n"}, {"README.md": b"\xff\n"},
    ], [{"src/a.c": "int a;\n", "x.png": b"\x89\t\r", "empty": ""}]),
    "columns": (columns, [{"src/a.c": "/* " + "x" * 98 + " */\n"}], [{"src/a.c": "x" * 100 + "\n"}]),
    "finished": (finished, [
        {"src/a.c": "/* TO" + "DO later */\n"}, {"src/a.c": "#if 0\n#endif\n"}, {"check": "# a st" + "ub\n"},
    ], [{"src/a.c": "/* doubtful */\n#if 01\n#endif\n", "README.md": "TO" + "DO\n"}]),
    "size": (size, [
        {"src/a.c": "int a;\n" * 501},
        {"src/a.c": "void f(void)\n{\n" + "    g();\n" * 79 + "}\n"},
        {"src/a.c": "void f(void) {\n" + "    g();\n" * 80 + "}\n"},
    ], [{"src/a.c": "void f(void)\n{\n" + "    g();\n" * 78 + "}\n", "src/a.def": "\n" * 600}]),
    "at_home": (at_home, [
        {"README.md": "see ../sha" + "red/x\n"}, {"src/a.c": "// /wo" + "rk/x\n"},
        {"configs/a.ini": "path = /ho" + "me/me/x\n"},
    ], [{"README.md": "runs/frame" + "work/x and shared/x\n"}]),
    "licence": (licence, [{"src/a.c": "int a;\n"}, {"check": "#!/bin/sh\n"}],
                [{"src/a.c": "/* SPDX-License-Identifier: MIT\n * a.c */\n"}]),
    "links": (links, [{"docs/a.md": "see [b](b.md)\n"}, {"README.md": "![x](docs/x.png)\n"},
                      {"src/a.c": "/* docs/gone.md says why */\n"}],
              [{"docs/a.md": "[b](../b.md#part) [c](c) [d](https://d)\n", "b.md": "", "docs/c/e.md": ""}]),
    "guards": (guards, [
        {"src/a.h": "int a;\n"}, {"src/a.h": "#ifndef UM_A_H\n#define UM_B_H\n#endif\n"},
        {"src/a.h": "#ifndef UM_A_H\n#define UM_A_H\n#endif\nint b;\n"},
        {"src/a.h": "#ifndef UM_A_H\n#define UM_A_H\n#endif\n",
         "src/b.h": "#ifndef UM_A_H\n#define UM_A_H\n#endif\n"},
    ], [{"src/a.h": "/* x */\n#ifndef UM_A_H\n#define UM_A_H\nint a;\n#endif\n"}]),
}
