# SPDX-License-Identifier: MIT
"""What the linker and the compiler were asked for stands in the program that is installed (readelf tells)."""
import os
import re
import shutil
import subprocess
import unittest

from unmist import BUILD, Case, main

HARDENING = os.environ.get("UM_HARDENING", "").split()  # what meson.build has switched on


def readelf(*args):
    return subprocess.run(["readelf", "-W", *args], check=True, capture_output=True, text=True).stdout


@unittest.skipUnless(HARDENING, "this build is not hardened (a sanitizer, or another system)")
@unittest.skipUnless(shutil.which("readelf"), "needs readelf")
class Hardened(Case):
    def installed(self, name):
        root = self.path("root")
        if not os.path.exists(root):
            subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", root], check=True,
                           capture_output=True)
        return next(os.path.join(at, name) for at, _, names in os.walk(root) if name in names)

    def program(self, what):
        return readelf(what, self.installed("unmist"))

    def flags(self, segment):
        """R, W, E of each such program header"""
        lines = rf"^ +{segment}(?: +0x[0-9a-f]+){{5}} ([RWE ]{{3}})"
        return [found.strip() for found in re.findall(lines, self.program("-l"), re.M)]

    def test_it_lies_at_a_random_address(self):
        self.assertRegex(self.program("-h"), r"Type: +DYN")
        self.assertRegex(self.program("-d"), r"FLAGS_1.*\bPIE\b")

    def test_the_tables_of_calls_are_read_only_before_main(self):
        self.assertEqual(self.flags("GNU_RELRO"), ["R"])
        self.assertRegex(self.program("-d"), r"FLAGS_1.*\bNOW\b")

    def test_nothing_on_the_stack_is_run(self):
        self.assertEqual(self.flags("GNU_STACK"), ["RW"])

    def test_no_page_can_be_written_and_run(self):
        self.assertIn("RW", self.flags("LOAD"))
        self.assertFalse({"RWE", "WE"} & set(self.flags("LOAD")))

    def test_stacks_are_guarded(self):
        self.assertRegex(self.program("--dyn-syms"), r" __stack_chk_fail\b")

    @unittest.skipUnless("fortify" in HARDENING, "built without an optimiser")
    def test_calls_of_the_c_library_know_the_size_of_their_target(self):
        self.assertRegex(self.program("--dyn-syms"), r" __(memcpy|memmove|memset|snprintf|vsnprintf)_chk\b")

    @unittest.skipUnless("branches" in HARDENING, "no such marks on this processor")
    def test_functions_are_marked_as_targets_of_indirect_calls(self):
        """in each object: the C library's own, linked in last, need not be, and the program is marked if all are"""
        notes = readelf("-n", self.installed("libunmist.a"))
        marks = re.findall(r"x86 feature: IBT, SHSTK", notes)
        self.assertGreater(len(marks), 100)
        self.assertEqual(len(marks), notes.count("\nFile: "))


if __name__ == "__main__":
    main()
