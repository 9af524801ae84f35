# SPDX-License-Identifier: MIT
"""The files that a rule looks at: the real ones, or a few made up to prove that the rule can fail."""
import os
import re
import subprocess


class Tree:
    """Paths relative to the root, with their bytes."""

    def __init__(self, files, root=None, cc=None, cxx=None):
        self.files = {p: t.encode() if isinstance(t, str) else t for p, t in files.items()}
        self.root, self.cc, self.cxx = root, cc, cxx

    def __contains__(self, path):
        return path in self.files

    def text(self, path):
        return self.files[path].decode("utf-8", errors="replace")

    def lines(self, path):
        return self.text(path).split("\n")

    def paths(self, *patterns):
        """Sorted paths that match one of the regular expressions, whole."""
        wanted = re.compile("|".join(f"(?:{p})" for p in patterns))
        return sorted(p for p in self.files if wanted.fullmatch(p))


def real_tree(root, cc, cxx):
    """What git tracks or would track; every file where the tree is no checkout."""
    listing = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                             capture_output=True)
    if listing.returncode == 0:
        names = [n for n in listing.stdout.decode().split("\0") if n]
    else:
        names = [os.path.relpath(os.path.join(at, n), root) for at, dirs, found in os.walk(root)
                 for n in found if not re.match(r"\./(build|runs|\.git)", "./" + os.path.relpath(at, root) + "/")]
    files = {}
    for name in names:
        path = os.path.join(root, name)
        if os.path.isfile(path) and not os.path.islink(path):
            with open(path, "rb") as f:
                files[name] = f.read()
    return Tree(files, root, cc, cxx)


TOKENS = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code_of(text, strings=False):
    """C without comments and, unless asked for, without what stands in its strings. Line numbers stay."""
    def blank(match):
        found = match.group()
        if found[0] == "/":
            return " " + "\n" * found.count("\n")
        return found if strings or "#include" in text[text.rfind("\n", 0, match.start()) + 1:match.start()] \
            else found[0] * 2
    return TOKENS.sub(blank, text)


def matches(text, pattern, flags=0):
    """(line number, match) of every place where the pattern is found."""
    for m in re.finditer(pattern, text, flags):
        yield text.count("\n", 0, m.start()) + 1, m


C_SOURCE = r"(src|include|tests|bench|labs|tools)/.*\.[ch]"
SCRIPT = r"(.*/)?[^/.]+\.(py|sh)|check|try|\.ci/run|tools/[^/.]+"
