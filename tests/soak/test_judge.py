# SPDX-License-Identifier: MIT
"""The judge of a long life sees what is left behind, and lets pass what settles."""
import unittest

from soak import judge


def life(resident=lambda t: 10000, held=lambda t: 80, descriptors=lambda t: 3):
    """a line each 10 s for half an hour"""
    return [(t, t / 2, resident(t), held(t), descriptors(t)) for t in range(0, 1801, 10)]


class Judge(unittest.TestCase):
    def complaint(self, of, lines):
        found = list(judge(lines, 60))
        self.assertEqual(len(found), 1, found)
        self.assertIn(of, found[0])

    def test_a_steady_process_and_one_that_settles_in_the_first_minute_pass(self):
        self.assertEqual(list(judge(life(), 60)), [])
        self.assertEqual(list(judge(life(resident=lambda t: 10000 + 100 * min(t, 50)), 60)), [])
        self.assertEqual(list(judge(life(resident=lambda t: 10000 + 900 * (t % 20 > 0)), 60)), [])

    def test_one_descriptor_left_open_is_seen(self):
        self.complaint("descriptors", life(descriptors=lambda t: 4 if t > 1700 else 3))

    def test_a_few_bytes_left_in_each_round_are_seen(self):
        self.complaint("malloc", life(held=lambda t: 80 + t // 60))

    def test_memory_that_grows_slowly_is_seen(self):
        self.complaint("resident memory", life(resident=lambda t: 10000 + t))

    def test_a_process_without_lines_does_not_pass(self):
        self.complaint("tell nothing", life()[:5])


if __name__ == "__main__":
    unittest.main()
