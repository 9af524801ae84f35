# SPDX-License-Identifier: MIT
"""hygiene.py RULE ROOT - prove on made-up files that the rule can fail and can pass, then hold the tree to it.

A rule is a function that yields a complaint for each place that breaks it; the table beside it has trees that must
bring complaints and trees that must not. CC and CXX name the compilers (headers alone)."""
import os
import shlex
import sys

import architecture
import coverage
import headers
import text
from tree import Tree, real_tree

RULES = {**architecture.RULES, **text.RULES, **coverage.RULES, **headers.RULES}


def prove(name, cc, cxx):
    """The rule tells the bad from the good."""
    check, bad, good = RULES[name]
    for files in bad:
        if not list(check(Tree(files, None, cc, cxx))):
            yield f"self-test: {name} does not see what is wrong with {files}"
    for files in good:
        for complaint in check(Tree(files, None, cc, cxx)):
            yield f"self-test: {name} complains of a good file: {complaint}"


def main(name, root):
    cc, cxx = shlex.split(os.environ.get("CC", "cc")), shlex.split(os.environ.get("CXX", ""))
    tree = real_tree(root, cc, cxx)
    complaints = [*prove(name, cc, cxx), *RULES[name][0](tree)]
    for complaint in complaints:
        print(complaint)
    if name == "size":
        print("above the limits that we would like:", *text.size_report(tree), sep="\n  ")
    return 1 if complaints else 0


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in RULES:
        sys.exit(f"usage: hygiene.py RULE ROOT, with RULE one of {', '.join(RULES)}")
    sys.exit(main(*sys.argv[1:]))
