# SPDX-License-Identifier: MIT
"""On a terminal there is a bar; off it, or on request, there is none."""
import os
import pty
import subprocess

from unmist import PROGRAM, WithRun, environment, main


def at_terminal(*args, cwd):
    """What the program writes to a terminal that is its stderr, its stdout, and its status."""
    ours, theirs = pty.openpty()
    p = subprocess.Popen([PROGRAM, *args], cwd=cwd, env=environment(), stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            block = os.read(ours, 4096)
        except OSError:  # how Linux says that the other side is closed
            block = b""
        if not block:
            break
        seen += block
    out = p.communicate(timeout=120)[0]
    os.close(ours)
    return seen.decode(), out.decode(), p.returncode


class Bar(WithRun):
    def test_training_shows_loss_speed_and_time_left(self):
        seen, out, status = at_terminal("train", self.config, "--out", "run", cwd=self.dir)
        self.assertEqual(status, 0, seen)
        self.assertRegex(seen, r"\rtraining \[[#.]{28}\] \d+/6 +loss \d\.\d{4}.* images/s  \d+s left")
        self.assertIn("[" + "#" * 28 + "] 6/6", seen)
        self.assertTrue(seen.endswith("\r\x1b[K"), repr(seen[-40:]))
        self.assertNotIn("\x1b", out)

    def test_sampling_shows_steps_and_batches(self):
        seen, out, status = at_terminal("sample", self.model, "sample.count=4", "sample.batch=2", "sample.steps=5",
                                        cwd=self.dir)
        self.assertEqual(status, 0, seen)
        self.assertRegex(seen, r"\rsampling \[#{28}\] 5/5 +batch 2 of 2")
        self.assertIn("samples.png", out)

    def test_quiet_shows_nothing(self):
        seen, out, status = at_terminal("sample", self.model, "sample.count=1", "sample.steps=2", "-q", cwd=self.dir)
        self.assertEqual((seen, out, status), ("", "", 0))

    def test_an_error_stands_on_a_line_of_its_own(self):
        seen, _, status = at_terminal("sample", "nowhere", cwd=self.dir)
        self.assertEqual((seen, status), ("\r\x1b[Kunmist: nowhere: no such folder\r\n", 3))


if __name__ == "__main__":
    main()
