#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Signals at every kind of moment: at calls all over a training (start, rows, pictures, checkpoints, the model), and at
every call of the commands that draw. The first lets the step be finished and the state be saved; a second one leaves
at once; neither leaves half of anything under its name."""
import os
import re
import shlex
import shutil
import signal
import time
import unittest

from faults import Case, Commands, finish, rows_of, slurp, start

STOPPED = "unmist: stopped on request\ngo on with: unmist "


def caught(pid, number):
    """Has the process come so far as to catch this signal?"""
    mask = re.search(r"^SigCgt:\s*(\w+)$", slurp(f"/proc/{pid}/status").decode(), re.M)[1]
    return int(mask, 16) >> (number - 1) & 1


class Training(Case):
    def moments(self, every):
        """Calls of an undisturbed run, in all its phases."""
        numbers = self.numbers("run")
        self.assertGreater(len(numbers), 200)
        return numbers[::every]

    def at_each(self, moments, fault, check):
        for n in moments:
            with self.subTest(n=n):
                check(n, self.train(fault=fault.format(n=n, later=n + 5)))
            shutil.rmtree(self.run_folder, True)

    def is_saved(self, r):
        """It has said how to go on, no step was begun that is not saved, and it ends as if nothing had been."""
        self.assertTrue(r.err.startswith(STOPPED), r.err)
        self.assertEqual(r.err.count("\n"), 2)
        rows = rows_of(slurp(self.path("log.csv")).decode())
        self.assertIn(int(rows[-1]["step"]) if rows else 0, self.checkpoints())
        again = finish(start(self.dir, *shlex.split(r.err[len(STOPPED):])))
        self.assertEqual((again.status, again.err), (0, ""))
        self.is_whole()

    def test_the_first_finishes_the_step_and_saves(self):
        for name, status in (("INT", 130), ("TERM", 143), ("HUP", 129)):
            seen = []

            def check(n, r):
                seen.append(r.status)
                if r.status == 0:  # the last step was done: so is the run
                    self.is_whole()
                else:
                    self.assertEqual(r.status, status, r.err)
                    self.is_saved(r)
            self.at_each(self.moments(23), "any:run:{n}:{n}:" + name, check)
            self.assertGreater(seen.count(status), 10)

    def test_a_second_leaves_at_once_and_loses_no_more_than_a_kill(self):
        # The second in the same call, or five calls later: while the state is being saved.
        def check(n, r):
            if r.status:
                self.assertEqual((r.status, r.err), (143, ""))
            self.goes_on_to_the_same_end()
        self.at_each(self.moments(29), "any:run:{n}:{n}:INT any:run:{n}:{n}:TERM", check)
        self.at_each(self.moments(31), "any:run:{n}:{n}:INT any:run:{later}:{later}:TERM", check)

    def test_a_terminal_that_hangs_up_twice_is_one_wish(self):
        n = self.moments(2)[40]
        r = self.train(fault=f"any:run:{n}:{n}:HUP any:run:{n + 1}:{n + 9}:HUP")
        self.assertEqual(r.status, 129)
        self.is_saved(r)
        shutil.rmtree(self.run_folder)
        r = self.train(fault=f"any:run:{n}:{n}:TERM any:run:{n + 1}:{n + 9}:HUP")  # as systemd may do
        self.assertEqual(r.status, 143)
        self.is_saved(r)

    def test_under_nohup_a_terminal_may_go(self):
        r = self.train(fault=f"any:run:{self.moments(2)[40]}:100000:HUP",
                       preexec=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        self.assertEqual((r.status, r.err), (0, ""))
        self.is_whole()

    def test_who_reads_no_more_does_not_end_a_training(self):
        gone, end = os.pipe()
        os.close(gone)
        r = finish(self.begin(out=end))
        os.close(end)
        self.assertEqual((r.status, r.err), (1, "unmist: standard output could not be written\n"))
        self.is_whole()


class Drawing(Commands):
    def test_what_is_drawn_is_there_whole_or_not_at_all(self):
        for words in self.COMMANDS:
            whole, calls = self.undisturbed(words)
            statuses = set()
            for n in range(1, calls + 1):
                for status, fault in ((130, "any:/:{n}:{n}:INT"), (143, "any:/:{n}:{n}:INT any:/:{n}:{n}:TERM")):
                    with self.subTest(words=words, fault=fault, n=n):
                        r, seen = self.at_work(words, fault=fault.format(n=n))
                        self.assertIn(r.status, (0, status), r.err)
                        statuses.add(r.status)
                        self.assertEqual(seen, whole if r.status == 0 else {k: whole[k] for k in seen})

            # An export is so short that it is not looked for a first signal.
            self.assertEqual(statuses, {0, 143} if words[0] == "export" else {0, 130, 143}, words)

    def test_a_long_drawing_stops_between_its_steps(self):
        out = os.path.join(self.dir, "out")
        os.mkdir(out)
        p = start(self.dir, "sample", "run", "sample.count=20000", "sample.batch=100", "-o", "out/x.safetensors")
        while not caught(p.pid, signal.SIGINT):
            time.sleep(0.001)
        time.sleep(0.1)
        p.send_signal(signal.SIGINT)
        r = finish(p)
        self.assertEqual((r.status, r.err, os.listdir(out)), (130, "unmist: stopped on request\n", []))


if __name__ == "__main__":
    unittest.main()
