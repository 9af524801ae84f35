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


class Counts(unittest.TestCase):
    def test_line_and_status_follow_the_log(self):
        for result, printed, line, status in CASES:
            with self.subTest(printed=printed, result=result), tempfile.NamedTemporaryFile("w") as log:
                json.dump({"result": result, "stdout": printed}, log)
                log.flush()
                done = subprocess.run([sys.executable, SCRIPT, log.name], capture_output=True, text=True)
                self.assertEqual((done.stdout.strip(), done.returncode), (line, status))


if __name__ == "__main__":
    unittest.main()
