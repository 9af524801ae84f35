# SPDX-License-Identifier: MIT
"""Help, versions, and what happens to those who type something else."""
import json
import os
import subprocess

from unmist import DIGITS, PROGRAM, Case, WithRun, environment, main, run

COMMANDS = ["train", "sample", "edit", "forward", "evaluate", "data", "info", "bench", "config", "export"]


class Help(Case):
    def test_every_command_explains_itself(self):
        for command in COMMANDS:
            for words in ([command, "--help"], [command, "-h"], ["help", command], [command, "x", "--help"]):
                with self.subTest(words=words):
                    r = self.succeeds(*words)
                    self.assertTrue(r.out.startswith(f"usage: unmist {command} "), r.out)
                    self.assertIn("--quiet", r.out)

    def test_the_overview_names_every_command(self):
        for words in (["--help"], ["-h"], ["help"]):
            out = self.succeeds(*words).out
            for command in COMMANDS:
                self.assertIn(f"unmist {command} ", out)

    def test_every_sampler_is_explained(self):
        choices = self.succeeds("config", "sample.sampler").out.split("one of ")[1].split()
        listed = [line.split()[0] for line in self.succeeds("sample", "--samplers").out.splitlines()
                  if not line.strip().startswith("(")]
        self.assertEqual(listed, [name.rstrip(",") for name in choices])

    def test_version_is_one_line(self):
        self.assertRegex(self.succeeds("--version").out, r"\Aunmist \d+\.\d+\.\d+\n\Z")

    def test_no_command_gets_the_overview_and_status_2(self):
        r = run()
        self.assertEqual((r.status, r.out), (2, ""))
        self.assertIn("unmist train", r.err)


class WrongUsage(Case):
    CASES = [  # arguments, what the error says
        (["trian"], "did you mean train?"),
        (["sampel", "x"], "did you mean sample?"),
        (["help", "trian"], "did you mean train?"),
        (["zzz"], ", ".join(COMMANDS)),
        ([""], "no command ''"),
        (["train"], "1 argument is missing"),
        (["forward"], "3 arguments are missing"),
        (["forward", "m", "in"], "1 argument is missing"),
        (["sample"], "1 argument is missing"),
        (["edit"], "2 arguments are missing"),
        (["data"], "1 argument is missing"),
        (["export", "m"], "1 argument is missing"),
        (["train", "a", "b"], "'b' is one argument too many"),
        (["info", "a", "b"], "'b' is one argument too many"),
        (["train", ""], "an argument is empty"),
        (["train", "a.ini", "--resum"], "did you mean --resume?"),
        (["sample", "m", "--explian"], "did you mean --explain?"),
        (["sample", "m", "--frobnicate"], "no option --frobnicate here"),
        (["sample", "m", "-o"], "--out wants PATH behind it"),
        (["sample", "m", "-o", ""], "--out wants PATH behind it"),
        (["sample", "m", "--out="], "--out wants PATH behind it"),
        (["train", "a.ini", "--resume=yes"], "--resume takes no value"),
        (["train", DIGITS, "steps=4"], "'steps=4' is no setting (section.key=value)"),
        (["train", DIGITS, "="], "'=' is no setting"),
        (["config", "train.lr=3"], "'train.lr=3' sets something"),
        (["sample", "m", "--", "-x", "-y"], "'-y' is one argument too many"),
    ]

    def test_each_is_told_with_status_2(self):
        for words, said in self.CASES:
            with self.subTest(words=words):
                self.fails(2, said, *words)

    def test_the_usage_line_follows(self):
        self.assertIn("\nusage: unmist forward MODEL IN.safetensors OUT.safetensors [--grad]\n", run("forward").err)


class WrongSettings(Case):
    CASES = [  # argument, what the error says
        ("train.stepz=1", "no setting train.stepz (did you mean train.steps?)"),
        ("tarin.steps=1", "no section [tarin] (did you mean [train]?)"),
        ("train.batch_size=1", "did you mean train.batch?"),
        ("train.steps=", "train.steps = is empty"),
        ("train.steps=-1", "out of range (a whole number from 0 to"),
        ("train.steps=99999999999999999999", "out of range"),
        ("train.steps=3.5", "train.steps = 3.5 is not understood"),
        ("train.steps=ten", "train.steps = ten is not understood"),
        ("train.lr=nan", "train.lr = nan is not understood"),
        ("train.lr=2", "out of range (a number from 0 to 1)"),
        ("data.flip=perhaps", "true or false"),
        ("data.validation=1.5", "out of range"),
        ("model.channels=8,x", "model.channels"),
        ("train.max_time=soon", "train.max_time"),
        ("sample.sampler=ddimm", "one of ddpm, strided, ddim"),
        ("run.name=a/b", "run.name"),
        ("model.groups=7", "model.groups = 7"),
        ("train.accumulate=7", "train.accumulate = 7 does not divide train.batch"),
        ("diffusion.schedule=linear diffusion.beta_start=0.5", "beta_start"),
        ("sample.steps=2000", "sample.steps = 2000 is above diffusion.timesteps"),
    ]

    def test_train_names_the_setting_and_what_would_be_right(self):
        for setting, said in self.CASES:
            with self.subTest(setting=setting):
                self.fails(2, said, "train", DIGITS, *setting.split(), "--out", "run")

    def test_other_commands_check_settings_too(self):
        for words in (["data", "."], ["info"], ["sample", "m"], ["forward", "m", "i", "o"], ["export", "m", "o"]):
            with self.subTest(words=words):
                self.fails(2, "did you mean train.steps?", *words, "train.stepz=1")

    def test_a_wrong_line_of_a_file_is_named_with_its_number(self):
        cases = [
            ("[train]\nsteps = 4\nstepz = 3\n", 3, "did you mean train.steps?", 2),
            ("[train]\n\nsteps = many\n", 3, "train.steps = many is not understood", 2),
            ("[train]\nsteps = 1\nsteps = 2\n", 3, "again", 2),
            ("[trian]\n", 1, "did you mean [train]?", 2),
            ("[train\n", 1, "is not a section", 3),
            ("[train]\nsteps\n", 2, "is not a setting", 3),
            ("[train]\nsteps = 4\0\n", 2, "control character", 3),
            ("include = none.ini\n", 1, "none.ini", 3),
        ]
        for text, line, said, status in cases:
            with self.subTest(text=text):
                self.write("my run.ini", text)
                self.fails(status, [f"unmist: my run.ini:{line}: ", said], "train", "my run.ini")


class Verbose(WithRun):
    def test_it_tells_what_is_done_where_silence_was(self):
        last = os.path.join(self.model, "checkpoints", "step-0000006")
        told = self.succeeds("train", self.config, "--out", "new", "-v")
        for said in (r"images: idx, \d+ images of 8 x 8 x 1", r"MiB of activations and gradients for \d+ images",
                     r"new/samples/step-0000003\.png: written\n", r"new/checkpoints/step-0000006: written\n"):
            self.assertRegex(told.out, said)
        told = self.succeeds("sample", last, "sample.steps=2", "-v")
        self.assertRegex(told.out, r"M parameters; \w+ kernels, \d+ threads?\n")
        self.assertEqual(told.err, "")
        self.assertNotIn("kernels", self.succeeds("sample", last, "sample.steps=2").out)

    def test_json_stays_pure_and_quiet_stays_quiet(self):
        json.loads(self.succeeds("info", self.model, "--json", "-v").out)
        self.assertEqual(self.succeeds("sample", self.model, "sample.steps=2", "-q", "-v").out, "")


class StandardOutput(Case):
    def test_a_full_device_is_an_error(self):
        for words in (["--help"], ["--version"], ["info"], ["config"], ["config", "--markdown"], ["info", "--json"]):
            with self.subTest(words=words), open("/dev/full", "wb") as full:
                r = self.run_here(*words, stdout=full)
                self.assertEqual((r.status, r.err), (1, "unmist: standard output could not be written\n"))

    def test_a_closed_one_is_an_error_and_no_file_takes_its_place(self):
        r = self.run_here("info", preexec=lambda: os.close(1))
        self.assertEqual((r.status, r.err), (1, "unmist: standard output could not be written\n"))
        for closed in ((0,), (1,), (2,), (0, 1, 2)):
            with self.subTest(closed=closed):
                self.run_here("data", os.path.join(os.path.dirname(DIGITS), "..", "data", "digits"), "data.limit=20",
                              "-v", preexec=lambda c=closed: [os.close(fd) for fd in c])
                self.assertTrue(self.read("contact-sheet.png").endswith(b"IEND\xaeB`\x82"))

    def test_a_reader_that_leaves_does_no_harm(self):
        done = subprocess.run(["sh", "-c", f"'{PROGRAM}' config | head -n 1"], env=environment(), timeout=60,
                              capture_output=True)
        self.assertEqual(done.stdout, b"[run] the run as a whole\n")
        self.assertLessEqual(done.stderr.count(b"\n"), 1)


if __name__ == "__main__":
    main()
