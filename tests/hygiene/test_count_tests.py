# SPDX-License-Identifier: MIT
"""tools/count_tests.py counts claims, not programs, and fails where something failed or nothing ran."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

SCRIPT = os.path.join(os.path.dirname(__file__), "..", "..", "tools", "count_tests.py")
CASES = [  # result, what it printed, the line, exit status
    ("OK", "[  PASSED  ] 5 test(s).\n", "5 passed, 0 failed, 0 skipped", 0),
    ("OK", "[  PASSED  ] 2 test(s).\n[  PASSED  ] 3 test(s).\n", "5 passed, 0 failed, 0 skipped", 0),
    ("OK", "[  PASSED  ] 4 test(s).\n[  SKIPPED ] 1 test(s), listed below:\n", "4 passed, 0 failed, 1 skipped", 0),
    ("OK", "....\n-----\nRan 4 tests in 0.123s\n\nOK\n", "4 passed, 0 failed, 0 skipped", 0),
    ("OK", "Ran 4 tests in 1s\n\nOK (skipped=1)\n", "3 passed, 0 failed, 1 skipped", 0),
    ("FAIL", "Ran 4 tests in 1s\n\nFAILED (failures=1, errors=1)\n", "2 passed, 2 failed, 0 skipped", 1),
    ("FAIL", "Ran 1 test in 1.5s\n\nFAILED (failures=3)\n", "0 passed, 1 failed, 0 skipped", 1),
    ("OK", "no program of cmocka", "1 passed, 0 failed, 0 skipped", 0),
    ("FAIL", "[  PASSED  ] 4 test(s).\n[  FAILED  ] 2 test(s), listed below:\n", "4 passed, 2 failed, 0 skipped", 1),
    ("FAIL", "crashed before it said anything", "0 passed, 1 failed, 0 skipped", 1),
    ("TIMEOUT", "[  PASSED  ] 4 test(s).\n", "4 passed, 1 failed, 0 skipped", 1),
    ("SKIP", "", "0 passed, 0 failed, 1 skipped", 1),
]


def tiers(*names, command=("tests/test_gemm",)):
    return {"result": "OK", "stdout": "".join(f"           tier {n}\n" for n in names), "command": command}


def run(entries, *options):
    with tempfile.NamedTemporaryFile("w") as log:
        log.write("".join(json.dumps(e) + "\n" for e in entries))
        log.flush()
        done = subprocess.run([sys.executable, SCRIPT, log.name, *options], capture_output=True, text=True)
        return done.stdout.splitlines(), done.returncode


class Counts(unittest.TestCase):
    def test_line_and_status_follow_the_log(self):
        for result, printed, line, status in CASES:
            with self.subTest(printed=printed, result=result):
                self.assertEqual(run([{"result": result, "stdout": printed}]), ([line], status))

    def test_tiers_are_told_once_and_where_they_ran(self):
        emulated = ("/usr/bin/qemu-aarch64", "-L", "root", "tests/test_gemm")
        entries = [tiers("portable", "avx2"), tiers("portable"), tiers("portable", "neon", command=emulated)]
        self.assertEqual(run(entries), (["tiers tested: portable avx2 | portable neon (qemu-aarch64)",
                                         "3 passed, 0 failed, 0 skipped"], 0))

    def test_what_was_left_out_is_told_and_counts_as_skipped(self):
        self.assertEqual(run([tiers()], "--skipped", "a (why)"),
                         (["skipped: a (why)", "1 passed, 0 failed, 1 skipped"], 0))

    def test_a_missing_log_is_a_failure(self):
        self.assertEqual(run([tiers()], "nowhere.json"), (["1 passed, 1 failed, 0 skipped"], 1))


if __name__ == "__main__":
    unittest.main()
