#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What cannot be written: every call of a write that fails, once or from then on; files that may not grow; a disk that
is full and has room again; a folder that becomes read-only. The run says so, keeps what is good, goes on, tries again,
and ends with status 1 where the last try failed."""
import contextlib
import ctypes
import errno
import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import time
import unittest

from faults import PROGRAM, Case, Commands, finish, leftovers, slurp

LONG = ["train.steps=400", "train.checkpoint_every=50", "train.keep=1", "train.log_every=1", "train.sample_every=0",
        "train.validate_every=0"]
CLONE_NEWNS, MS_REC, MS_PRIVATE, MS_REMOUNT, MS_RDONLY, MNT_DETACH = 0x20000, 0x4000, 1 << 18, 32, 1, 2


class FailingCalls(Case):
    """One call fails, or all do from one on."""

    def each(self, numbers, fault, check):
        """check(n, the run's result) with the n-th call failing; the folder is emptied behind it."""
        self.assertTrue(numbers)
        for n in numbers:
            with self.subTest(n=n, fault=fault):
                check(n, self.train(fault=fault.format(n=n)))
            shutil.rmtree(self.run_folder, True)

    def of_the_second_checkpoint(self):
        numbers = self.numbers("/checkpoints", after="/checkpoints/step-0000002", before="/checkpoints/step-0000004")
        self.assertGreater(len(numbers), 60)
        flush = 2  # calls, after the name has been given, open and fsync the folder above
        return [n + flush for n in numbers]

    def test_a_checkpoint_of_which_a_call_fails_is_written_a_step_later(self):
        later = []

        def check(n, r):
            self.assertEqual(r.status, 0, r.err)
            self.is_whole()
            if "step-0000005: written after all" in r.err:
                later.append(n)
                self.assertIn("(training goes on; next try at step 5; the newest checkpoint is of step 2)", r.err)
                self.assertEqual([s for s in self.checkpoints() if s != 4], [2, 5, 6, 8])
            else:  # mkdir of what is there already, unlink of what is not
                self.assertEqual((r.err, self.checkpoints()), ("", [2, 4, 6, 8]))
        for error in ("EIO", "ENOSPC"):
            self.each(self.of_the_second_checkpoint(), "any:/checkpoints:{n}:{n}:" + error, check)
        self.assertGreater(len(later), 120)

    def test_where_nothing_can_be_written_any_more_the_last_good_one_stays(self):
        def check(n, r):
            self.assertEqual(r.status, 1, r.err)
            self.assertIn("run: could not be written: the last checkpoint (the newest checkpoint is of step 2)", r.err)
            self.assertEqual(self.checkpoints()[0], 2)
            self.assertEqual(self.logged(), list(range(1, 9)))
            shutil.rmtree(self.path("model"))
            self.goes_on_to_the_same_end()
        self.each(self.of_the_second_checkpoint()[::6], "any:/checkpoints:{n}:100000:EIO", check)

    def test_a_model_of_which_a_call_fails_is_written_by_a_resume(self):
        def check(n, r):
            if r.status:
                self.assertEqual(r.status, 1, r.err)
                self.assertIn("run: could not be written: the model (the newest checkpoint is of step 8)\ngo on with: ",
                              r.err)
                self.assertFalse(os.path.exists(self.path("model")))
            self.goes_on_to_the_same_end()
        self.each(self.numbers("/.model."), "any:/.model.:{n}:{n}:ENOSPC", check)
        self.each([1], "rename:run/model:{n}:{n}:EIO", check)

    def test_rows_that_could_not_be_written_come_later_in_their_order(self):
        numbers = self.numbers("run/log.csv", after="run/config.ini")
        self.assertGreater(len(numbers), 20)

        def check(n, r):
            if n < numbers[-2]:  # the last two are the last flush
                self.assertEqual(r.status, 0)
                self.is_whole()
            self.assertEqual(self.logged(), list(range(1, 9)))
            self.assertEqual(r.err.count("the rows wait until they can be written"), 1)
        self.each(numbers, "any:run/log.csv:{n}:{n}:ENOSPC", check)

    def test_rows_that_could_not_be_written_to_the_end_fail_the_run(self):
        r = self.train(fault=f"any:run/log.csv:{self.numbers('run/log.csv', after='run/config.ini')[6]}:100000:EIO")
        self.assertEqual(r.status, 1)
        self.assertEqual(r.err.count("log.csv: Input/output error"), 1)
        self.assertIn("could not be written: rows of log.csv (", r.err)
        last = "checkpoints/step-0000008/training_state.json"
        self.assertIn("8,32,", json.loads(slurp(self.path(last)))["log_rows"])
        self.is_whole("log.csv", last)
        for _ in range(2):
            r = self.train("--resume")
            self.assertEqual((r.status, r.err), (0, ""))
            self.is_whole(last)

    def test_rows_of_a_run_without_checkpoints_are_kept_by_one(self):
        off = ["train.checkpoint_every=0", "train.log_every=1"]
        r = self.train(*off, fault="write:run/log.csv:3:100000:EIO")
        self.assertEqual((r.status, self.logged()), (1, [1, 2]), r.err)
        self.assertIn("rows of log.csv (the newest checkpoint is of step 8, with these rows: --resume writes them)",
                      r.err)
        r = self.train(*off, "--resume")
        self.assertEqual((r.status, r.err), (0, ""))
        self.assertEqual(self.logged(), list(range(1, 9)))
        with open(self.path("checkpoints", "step-0000008", "training_state.json"), "w"):
            r = self.train(*off, "--resume")
        self.assertEqual((r.status, r.err.count("\n")), (0, 1), r.err)
        self.assertIn("step-0000008/training_state.json:1: ", r.err)
        self.assertIn("(rows that log.csv may lack are lost)", r.err)

    def test_rows_that_wait_are_kept_by_a_checkpoint(self):
        n = self.numbers("run/log.csv", after="run/config.ini")[4]
        r = self.train(fault=f"any:run/log.csv:{n}:100000:EIO any:/checkpoints/.step-0000004:1:1:TERM")
        self.assertEqual(r.status, 1)
        self.assertIn("could not be written: rows of log.csv (the newest checkpoint is of step 4, with these rows: "
                      "--resume writes them)\ngo on with: ", r.err)
        self.assertLess(len(self.logged()), 4)
        self.goes_on_to_the_same_end()

    def test_a_write_that_is_cut_short_is_gone_on_with(self):
        def check(n, r):
            self.assertEqual((r.status, r.err), (0, ""))
            self.is_whole()
        for fault in ("write:run/log.csv:{n}:{n}:cut", "write:/checkpoints/.step-0000004:{n}:{n}:cut"):
            self.each(range(1, 6), fault, check)

    def test_a_picture_that_cannot_be_written_is_left_out(self):
        def check(n, r):
            self.assertEqual(r.status, 0)
            self.assertIn("training goes on without this picture", r.err)
            self.is_whole("samples/step-0000004.png")
        self.each(self.numbers("/samples", before="/samples/step-0000004.png"), "any:/samples:{n}:{n}:EIO", check)
        r = self.train(fault="any:/samples/.step-0000008:1:1:EIO")
        self.assertEqual(r.status, 1)
        self.assertIn("could not be written: the last picture (", r.err)
        self.is_whole("samples/step-0000008.png")

    def test_an_older_checkpoint_that_cannot_be_removed_stays(self):
        n = 1 + sum(c[0] == "rename" and "/checkpoints/.step-0000002" in c[-1] for c in self.calls)
        r = self.train("train.keep=1", fault=f"rename:/checkpoints/.step-0000002:{n}:{n}:EROFS")
        self.assertEqual(r.status, 0)
        self.assertIn("step-0000002: Read-only file system (an older checkpoint stays)", r.err)
        self.assertEqual(self.checkpoints(), [8])

    def test_at_the_start_it_is_an_error_at_once(self):
        def check(n, r):
            if r.status == 0:  # the probe was not removed at once, but swept
                self.is_whole()
                return
            self.assertEqual((r.status, r.err.count("\n"), r.out), (1, 1, ""), r.err)
            self.assertTrue(r.err.startswith("unmist: run"), r.err)
            self.assertEqual(leftovers(self.dir), [])
        self.each(self.numbers("run/", before="run/config.ini"), "any:run/:{n}:{n}:EACCES", check)
        self.assertEqual(self.train(fault="mkdir:run:1:1:EROFS").status, 1)
        self.assertFalse(os.path.exists(self.run_folder))

    def test_a_resume_that_fails_changes_nothing(self):
        self.assertEqual(self.train("train.max_time=0.001s").status, 0)
        newest = self.path("checkpoints", sorted(os.listdir(self.path("checkpoints")))[-1])
        before = {name: slurp(self.path(name)) for name in ("config.ini", "log.csv")}
        for name in ("training_state.safetensors", "training_state.json", "unet/diffusion_pytorch_model.safetensors"):
            with self.subTest(name=name):
                good = slurp(os.path.join(newest, name))
                with open(os.path.join(newest, name), "wb") as f:
                    f.write(good[:len(good) // 2])
                r = self.train("--resume", "run.threads=2", "train.sample_every=2")
                self.assertEqual(r.status, 3, r.err)
                self.assertIn(os.path.basename(name), r.err)
                self.assertIn(f"remove run/checkpoints/{os.path.basename(newest)})", r.err)
                self.assertEqual({name: slurp(self.path(name)) for name in before}, before)
                with open(os.path.join(newest, name), "wb") as f:
                    f.write(good)
        self.goes_on_to_the_same_end()


class Outputs(Commands):
    def test_what_cannot_be_written_leaves_nothing(self):
        """Of a folder of pictures those stay that are whole."""
        for words in self.COMMANDS:
            whole, calls = self.undisturbed(words, "out/")
            failed = 0
            for n in range(1, calls + 1):
                with self.subTest(words=words, n=n):
                    r, seen = self.at_work(words, fault=f"any:out/:{n}:{n}:ENOSPC")
                    failed += r.status
                    self.assertIn((r.status, r.err.count("\n")), ((0, 0), (1, 1)), r.err)
                    self.assertEqual(seen, whole if r.status == 0 else {k: whole[k] for k in seen})
                    if r.status:
                        self.assertIn("No space left on device", r.err)
                        self.assertEqual(leftovers(os.path.join(self.dir, "out")), [])
            self.assertGreater(failed, 3)


class Order(Case):
    """What a power failure leaves is what was flushed: nothing gets its name before all that it holds is."""

    def test_all_is_flushed_before_it_gets_its_name_and_the_name_after(self):
        dirty, names, open_names, made = set(), 0, set(), set()
        for call, *paths in self.calls:
            path, to = (os.path.join(self.dir, p) for p in (paths[0], paths[-1]))
            if not to.startswith(self.dir):
                continue
            if call == "fsync":
                dirty.discard(path)
                open_names.discard(path)
            elif call == "write":
                self.assertEqual(open_names, set(), f"{path} is written before a name has been flushed")
                dirty.add(path)
            elif call == "mkdir" and path not in made:  # else it was there
                made.add(path)
                dirty |= {path, os.path.dirname(path)}
            elif call == "rename":
                within = {d for d in dirty if d == path or d.startswith(path + "/")}
                self.assertEqual(within, set(), f"renamed to {to} before it was flushed")
                if ".unmist-" not in os.path.dirname(to):
                    self.assertNotIn(os.path.dirname(os.path.dirname(to)), dirty, f"{to} would be in a lost folder")
                if os.path.basename(to).startswith("step-") and "checkpoints" in to:
                    self.assertNotIn(self.path("log.csv"), dirty, "rows up to here are not on the disk")
                names += 1
                dirty.add(os.path.dirname(to))
                open_names.add(os.path.dirname(to))
        self.assertGreater(names, 30)
        self.assertEqual({d for d in dirty if d.startswith(self.run_folder)}, set())


class Locks(Case):
    settings = LONG
    steps = 400

    def test_of_trainings_that_begin_together_one_is_let_in(self):
        for _ in range(3):
            ps = [self.begin() for _ in range(6)]
            results = [finish(p) for p in ps]
            self.assertEqual([r.status for r in results].count(0), 1, [r.err for r in results])
            for r in results:
                if r.status:  # where one came when another had gone it is told that
                    self.assertRegex(r.err, "another training is at work in this folder|holds a run already")
            self.is_whole()
            shutil.rmtree(self.run_folder)

    def test_who_is_not_let_in_leaves_a_new_folder_alone(self):
        p = self.begin(fault="mkdir:run:1:1:STOP")  # it saw no folder, and is about to make it
        os.waitpid(p.pid, os.WUNTRACED)
        os.mkdir(self.run_folder)
        lock = os.open(self.run_folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        p.send_signal(signal.SIGCONT)
        r = finish(p)
        os.close(lock)
        self.assertEqual(r.status, 1)
        self.assertIn("another training is at work in this folder", r.err)
        self.assertTrue(os.path.isdir(self.run_folder))


class Disks(Case):
    """Real faults, which come while a training of 400 steps is at work and are over when it has told of them."""
    settings = LONG
    steps = 400

    def interrupted(self, fault, repair, reason, preexec=None):
        """The next checkpoint after step 60 is to come at step 100."""
        p = self.begin(preexec=preexec, out=subprocess.DEVNULL)
        try:
            log, until = self.path("log.csv"), time.monotonic() + 60
            while not (os.path.exists(log) and slurp(log).count(b"\n") > 60):
                self.assertIsNone(p.poll())
                self.assertLess(time.monotonic(), until)
                time.sleep(0.001)
            fault(p.pid)
            told = ""
            while "/checkpoints" not in told:
                line = p.stderr.readline().decode()
                self.assertTrue(line, told)
                told += line
            self.assertIn(reason, told)
            repair(p.pid)
            r = finish(p)
        finally:
            p.kill()
            p.wait()
        self.assertEqual(r.status, 0, r.err)
        self.assertIn("written after all", r.err)
        self.is_whole()

    def test_files_that_may_not_grow(self):
        def limit(pid, size=30000):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        self.interrupted(limit, lambda pid: limit(pid, resource.RLIM_INFINITY), "File too large")
        shutil.rmtree(self.run_folder)
        r = self.train(preexec=lambda: limit(0))
        self.assertEqual(r.status, 1)
        self.assertIn("the last checkpoint, the model (there is no checkpoint yet)", r.err)
        self.assertEqual(self.logged(), list(range(1, 401)))
        self.goes_on_to_the_same_end()

    def test_a_full_disk(self):
        ballast = self.path("ballast")

        def fill(_):
            with open(ballast, "wb", buffering=0) as f:
                try:
                    while f.write(bytes(4096)):
                        pass
                except OSError:
                    pass
        with mounted(self.run_folder, "size=3m"):
            self.interrupted(fill, lambda _: os.unlink(ballast), "No space left on device")

    def test_a_disk_that_becomes_read_only(self):
        with mounted(self.run_folder, "size=16m") as remount:
            self.interrupted(lambda _: remount("ro"), lambda _: remount("rw"), "Read-only file system")

    def test_a_folder_that_becomes_read_only(self):
        def nobody():
            os.setgid(65534)
            os.setuid(65534)
        root = os.geteuid() == 0
        os.mkdir(self.run_folder)
        if root:  # whom no mode of a folder binds
            os.chmod(self.dir, 0o755)
            os.chown(self.run_folder, 65534, 65534)
            if subprocess.run(["test", "-x", PROGRAM], preexec_fn=nobody, check=False).returncode:
                self.skipTest(f"{PROGRAM} cannot be run by another than root")
        folder = self.path("checkpoints")
        self.interrupted(lambda _: os.chmod(folder, 0o555), lambda _: os.chmod(folder, 0o755), "Permission denied",
                         preexec=nobody if root else None)
        shutil.rmtree(self.run_folder)
        os.mkdir(self.run_folder, 0o555)
        r = self.train(preexec=nobody if root else None)
        self.assertEqual((r.status, r.err.count("\n"), r.out), (1, 1, ""), r.err)
        self.assertIn("Permission denied", r.err)


@contextlib.contextmanager
def mounted(folder, options):
    """A small disk of its own at the folder, in a namespace that ends with this test; gives how to mount it anew."""
    libc = ctypes.CDLL(None, use_errno=True)

    def mount(flags, data=None):
        if libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", flags, data) == 0:
            return True
        if ctypes.get_errno() == errno.EBUSY:
            return False
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def remount(how):
        while not mount(MS_REMOUNT | (MS_RDONLY if how == "ro" else 0)):
            pass  # a file is being written at the moment
    if libc.unshare(CLONE_NEWNS) != 0 or libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        raise unittest.SkipTest("no disk may be mounted here: " + os.strerror(ctypes.get_errno()))
    os.mkdir(folder)
    try:
        mount(0, options.encode())
        yield remount
    except PermissionError as why:
        raise unittest.SkipTest(f"no disk may be mounted here: {why}") from why
    finally:
        libc.umount2(os.fsencode(folder), MNT_DETACH)
        os.rmdir(folder)


if __name__ == "__main__":
    unittest.main()
