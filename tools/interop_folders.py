#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Carry models both ways between diffusers and unmist, folder by folder, and hold what arrives against what left.

    interop_folders.py UNMIST [--seed N]

Loaded: what diffusers' save_pretrained and training scripts write, in every layout, must answer as diffusers
answers, to 1e-4 of the largest value, with the scheduler that belongs to it. Written: exports, checkpoints and run
folders must load in diffusers without a word of missing or unexpected keys, tensors byte for byte as they left, every
key of both configurations the same, and both pipelines must draw the same images. Small random models, from the seed
that is printed. ./check --interop runs it.
"""
import argparse
import json
import logging
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import diffusers
import torch
from diffusers import DDIMPipeline, DDPMPipeline, UNet2DModel
from diffusers.training_utils import EMAModel
from safetensors.torch import load_file, save_file

from interop import draw_config, draw_inputs, make_model
from interop_pipelines import LIMIT, by_pipeline, in_bytes, ours, random_model

REPOSITORY = Path(__file__).resolve().parent.parent
ANSWER = 1e-4
OLDER = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


class Report:
    """A row for each folder, and what was wrong."""
    def __init__(self, unmist):
        self.unmist, self.rows, self.failed, self.answers, self.images = unmist, 0, 0, 0.0, 0.0

    def row(self, name, wrong, said=""):
        self.rows += 1
        self.failed += bool(wrong)
        print(f"interop_folders: {name}: {'FAILED: ' + '; '.join(wrong) if wrong else said or 'ok'}", flush=True)

    def run(self, *command):
        done = subprocess.run([str(c) for c in (self.unmist, *command, "run.threads=1")], capture_output=True,
                              text=True, check=False)
        return done.returncode, done.stdout, done.stderr.strip()

    def must(self, *command):
        status, out, said = self.run(*command)
        if status:
            raise RuntimeError(f"unmist {command[0]}: status {status}: {said}")
        return out


class Words(logging.Handler):
    """What diffusers says while it loads."""
    def __init__(self):
        super().__init__(logging.INFO)
        self.said = []

    def emit(self, record):
        if record.levelno >= logging.WARNING:
            self.said.append(record.getMessage())

    def __enter__(self):
        diffusers.utils.logging.set_verbosity_warning()
        diffusers.utils.logging.add_handler(self)
        return self.said

    def __exit__(self, *_):
        diffusers.utils.logging.remove_handler(self)
        diffusers.utils.logging.set_verbosity_error()


def answers_alike(report, folder, unet, scratch, *settings):
    """What is wrong with the answer of the model in the folder, beside diffusers' own."""
    inputs = draw_inputs(unet.config, torch.Generator().manual_seed(5))
    save_file(inputs, scratch / "in.safetensors")
    status, _, said = report.run("forward", folder, scratch / "in.safetensors", scratch / "out.safetensors", *settings)
    if status:
        return [f"status {status}: {said}"]
    with torch.no_grad():
        theirs = unet.float().eval()(inputs["sample"], inputs["timestep"],
                                     class_labels=inputs.get("class_labels")).sample
    off = float((load_file(scratch / "out.safetensors")["output"] - theirs).abs().max() / theirs.abs().max())
    report.answers = max(report.answers, off)
    return [] if off <= ANSWER else [f"{off:.3g} of the largest value apart"]


# --- what diffusers writes

def renamed(folder):
    """The names of attention's layers before diffusers 0.15."""
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    for now, before in OLDER.items():
        tensors = {name.replace(now, before): t for name, t in tensors.items()}
    save_file(tensors, path, metadata={"format": "pt"})


def trained(pipe, folder, steps):
    """As examples/unconditional_image_generation leaves its output folder; the average's own network."""
    ema = EMAModel(pipe.unet.parameters(), decay=0.5, model_cls=UNet2DModel, model_config=pipe.unet.config)
    for step in steps:
        with torch.no_grad():
            for p in pipe.unet.parameters():
                p.mul_(0.9)
        ema.step(pipe.unet.parameters())
        pipe.unet.save_pretrained(folder / f"checkpoint-{step}" / "unet")
        ema.save_pretrained(folder / f"checkpoint-{step}" / "unet_ema")
        (folder / f"checkpoint-{step}" / "optimizer.bin").write_bytes(b"not read")
    return UNet2DModel.from_pretrained(folder / f"checkpoint-{steps[-1]}" / "unet_ema", low_cpu_mem_usage=False)


def layouts(pipe, at):
    """Name, the folder to open, the network that should be in it, whether its scheduler is to be found, settings."""
    pipe.save_pretrained(at / "nested")
    yield "nested", at / "nested", pipe.unet, True, []
    yield "part of a pipeline", at / "nested" / "unet", pipe.unet, True, []
    pipe.unet.save_pretrained(at / "lone")
    yield "lone network", at / "lone", pipe.unet, False, []
    pipe.unet.save_pretrained(at / "flat")
    pipe.scheduler.save_pretrained(at / "flat")
    yield "flat", at / "flat", pipe.unet, True, []
    pipe.save_pretrained(at / "older")
    renamed(at / "older")
    yield "older names of attention", at / "older", pipe.unet, True, []
    pipe.save_pretrained(at / "shards", max_shard_size="30KB")
    shards = len(list((at / "shards" / "unet").glob("*-of-*")))
    yield f"{shards} shards", at / "shards", pipe.unet, True, []
    for word, dtype in (("f16", torch.float16), ("bf16", torch.bfloat16)):
        narrow = DDPMPipeline(UNet2DModel.from_config(pipe.unet.config), pipe.scheduler)
        narrow.unet.load_state_dict(pipe.unet.state_dict())
        narrow.unet.to(dtype)
        narrow.save_pretrained(at / word)
        narrow.save_pretrained(at / f"variant-{word}", variant=word)
        narrow.save_pretrained(at / f"shards-{word}", variant=word, max_shard_size="30KB")
        yield word, at / word, narrow.unet, True, []
        yield f"variant {word}", at / f"variant-{word}", narrow.unet, True, []
        yield f"variant {word} in shards", at / f"shards-{word}", narrow.unet, True, []
    average = trained(pipe, at / "script", (2, 10))
    yield "a script's folder without a pipeline", at / "script", average, False, []
    pipe.save_pretrained(at / "script")
    yield "a script's checkpoint, its average", at / "script" / "checkpoint-10", average, True, []
    yield "a script's checkpoint, as trained", at / "script" / "checkpoint-10", pipe.unet, True, ["sample.weights=raw"]
    yield "a script's average alone", at / "script" / "checkpoint-10" / "unet_ema", average, False, []
    yield "a script's folder", at / "script", pipe.unet, True, []


def loads(report, seed, at):
    pipe = DDPMPipeline.from_pretrained(random_model(at / "model", seed), low_cpu_mem_usage=False)
    for name, folder, unet, has_scheduler, settings in layouts(pipe, at):
        wrong = answers_alike(report, folder, unet, at, *settings)
        prediction = json.loads(report.must("info", folder, "--json"))["prediction"]
        if (prediction == "v_prediction") != has_scheduler:
            wrong.append(f"predicts {prediction}")
        report.row(f"loaded, {name}", wrong)


def spoiled(at):
    """Name, folder, and what must be named, of what cannot be loaded."""
    def copy(name):
        return Path(shutil.copytree(at / "nested", at / name))
    weights = Path("unet") / "diffusion_pytorch_model.safetensors"
    tensors = load_file(at / "nested" / weights)
    for name, change in (("missing", {"conv_in.bias": None}), ("too many", {"conv_in.gain": torch.ones(3)}),
                         ("of another shape", {"conv_in.bias": torch.ones(3)}),
                         ("no number", {"conv_in.bias": torch.full((16,), torch.nan)})):
        folder = copy(f"a tensor {name}")
        save_file({k: t for k, t in {**tensors, **change}.items() if t is not None}, folder / weights)
        yield f"a tensor {name}", folder, next(iter(change))
    folder = copy("pickle")
    (folder / weights).unlink()
    torch.save(tensors, (folder / weights).with_suffix(".bin"))
    yield "a pickle", folder, "diffusion_pytorch_model.bin"
    folder = copy("variants")
    for word in ("fp16", "non_ema"):
        shutil.copy(folder / weights, folder / "unet" / f"diffusion_pytorch_model.{word}.safetensors")
    (folder / weights).unlink()
    yield "two variants", folder, "diffusion_pytorch_model.non_ema.safetensors"


def refusals(report, at):
    for name, folder, named in spoiled(at):
        status, _, said = report.run("info", folder)
        report.row(f"refused, {name}", [] if status == 3 and named in said else [f"status {status}: {said}"])


# --- what unmist writes

def loads_there(folder, pipelines=(DDPMPipeline, DDIMPipeline)):
    """What is wrong when diffusers loads the folder."""
    wrong = []
    with Words() as said:
        for pipeline in pipelines:
            pipeline.from_pretrained(folder, low_cpu_mem_usage=False)
        _, info = UNet2DModel.from_pretrained(folder / "unet", low_cpu_mem_usage=False, output_loading_info=True)
    wrong += [f"diffusers says: {words}" for words in said]
    return wrong + [f"{key}: {list(value)[:3]}" for key, value in info.items() if value]


def same_network(before, after, dtype):
    """Names, types and bytes of all tensors, and every key of the configuration."""
    theirs = {k: t.to(TYPES[dtype]) for k, t in load_file(before / "diffusion_pytorch_model.safetensors").items()}
    mine = load_file(after / "diffusion_pytorch_model.safetensors")
    wrong = [f"tensor {k} is not the same" for k in sorted(theirs.keys() | mine.keys())
             if k not in theirs or k not in mine or theirs[k].dtype != mine[k].dtype
             or theirs[k].shape != mine[k].shape
             or theirs[k].view(torch.uint8).tolist() != mine[k].view(torch.uint8).tolist()][:5]
    a, b = (json.loads((folder / "config.json").read_text()) for folder in (before, after))
    a["act_fn"] = {"swish": "silu"}.get(a["act_fn"], a["act_fn"])
    return wrong + [f"{k} is {b.get(k)}, was {a.get(k)}" for k in sorted(a.keys() | b.keys()) if a.get(k) != b.get(k)]


def same_images(report, folder, seed, scratch, settings=()):
    """Both pipelines, from what unmist wrote."""
    wrong = []
    for class_name, sampler, settings_too in (("DDPMScheduler", "ddpm", ()), ("DDIMScheduler", "ddim", settings)):
        mine = ours(report.unmist, folder, seed, [f"sample.sampler={sampler}", "run.threads=1", *settings_too], scratch)
        apart = float((in_bytes(by_pipeline(folder, class_name, {}, seed)) - in_bytes(mine)).abs().max())
        report.images = max(report.images, apart)
        wrong += [] if apart <= LIMIT else [f"{sampler}: {apart:.3g} of 255 apart"]
    return wrong


def exports(report, seed, at, count=12):
    """Random networks of every kind, there and back, in each type."""
    for i in range(count):
        model, _ = make_model(draw_config(random.Random(seed + i)), seed + i)
        for word, dtype in TYPES.items():
            DDPMPipeline(model.to(dtype), diffusers.DDPMScheduler()).save_pretrained(at / "before")
            report.must("export", at / "before", at / "after", "--dtype", word)
            wrong = loads_there(at / "after") + same_network(at / "before" / "unet", at / "after" / "unet", word)
            wrong += answers_alike(report, at / "after", model, at)
            report.row(f"written, export --dtype {word} of seed {seed + i}", wrong)
            shutil.rmtree(at / "before")
            shutil.rmtree(at / "after")
            model.float()


def narrowed(report, seed, at):
    """A network in f32, exported in the narrower types, is rounded as torch rounds."""
    random_model(at / "wide", seed)
    for word in TYPES:
        report.must("export", at / "wide", at / f"wide-{word}", "--dtype", word)
        report.row(f"written, f32 as {word}", loads_there(at / f"wide-{word}") +
                   same_network(at / "wide" / "unet", at / f"wide-{word}" / "unet", word) +
                   same_images(report, at / f"wide-{word}", seed, at))


def kept_schedulers(report, seed, at):
    """A scheduler_config.json goes through an export as it is, and diffusers makes of it what it made before."""
    random_model(at / "kept", seed)
    path = Path("scheduler") / "scheduler_config.json"
    for name in ("DDPM", "DDIM", "PNDM", "DPMSolverMultistep", "DPMSolverSinglestep", "DEISMultistep",
                 "UniPCMultistep", "EulerDiscrete", "EulerAncestralDiscrete", "HeunDiscrete", "KDPM2Discrete",
                 "LMSDiscrete"):
        made = getattr(diffusers, f"{name}Scheduler")
        odd = {"disable_corrector": [1]} if name == "UniPCMultistep" else {}
        pipe = DDPMPipeline(UNet2DModel.from_pretrained(at / "kept" / "unet", low_cpu_mem_usage=False),
                            made(trained_betas=[0.01 + 1e-5 * i for i in range(1000)], **odd))
        pipe.save_pretrained(at / "kept")
        report.must("export", at / "kept", at / name)
        before, after = (json.loads((at / folder / path).read_text()) for folder in ("kept", name))
        read = [made.from_pretrained(at / folder, subfolder="scheduler").config for folder in ("kept", name)]
        wrong = loads_there(at / name)
        if before != after or dict(read[0]) != dict(read[1]):
            wrong.append(f"{path} is not what it was")
        report.row(f"written, {name}Scheduler through an export", wrong)


TRAININGS = [
    ("noise", [], True),
    ("v and the cosine schedule", ["diffusion.prediction_type=v_prediction", "diffusion.schedule=cosine"], True),
    ("the image, 300 steps, scaled betas", ["diffusion.prediction_type=sample", "diffusion.timesteps=300",
                                            "diffusion.schedule=scaled_linear"], True),
    ("v, zero terminal SNR", ["diffusion.prediction_type=v_prediction", "diffusion.rescale_betas_zero_snr=true"], True),
    ("learned variance", ["diffusion.variance=learned_range"], False),
    ("classes", ["model.class_conditional=true", "train.label_dropout=0.1"], None),
]


def runs(report, seed, at):
    """Trainings of a few steps: their checkpoints and models."""
    for name, settings, both in TRAININGS:
        out = at / "run"
        report.must("train", REPOSITORY / "configs" / "digits.ini", "-q", "--out", out, "model.channels=8,16",
                    "model.groups=4", "train.steps=4", "train.batch=8", "train.checkpoint_every=2",
                    "train.sample_every=0", "train.validate_every=0", f"run.seed={seed}", *settings)
        for folder in (out / "checkpoints" / "step-0000002", out / "model"):
            wrong = loads_there(folder)
            if both is not None:  # a network of classes is no pipeline's
                wrong += same_images(report, folder, seed, at) if both else drawn_by_ddpm(report, folder, seed, at)
            unet = UNet2DModel.from_pretrained(folder / "unet", low_cpu_mem_usage=False)
            wrong += answers_alike(report, folder, unet, at)
            report.row(f"written, {folder.relative_to(out)} of a training: {name}", wrong)
        shutil.rmtree(out)


def drawn_by_ddpm(report, folder, seed, scratch):
    """DDIM has no use for a learned variance."""
    mine = ours(report.unmist, folder, seed, ["sample.sampler=ddpm", "run.threads=1"], scratch)
    apart = float((in_bytes(by_pipeline(folder, "DDPMScheduler", {}, seed)) - in_bytes(mine)).abs().max())
    report.images = max(report.images, apart)
    return [] if apart <= LIMIT else [f"ddpm: {apart:.3g} of 255 apart"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("unmist", type=Path)
    arguments.add_argument("--seed", type=int, default=7)
    a = arguments.parse_args()
    torch.set_num_threads(1)
    diffusers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity_error()
    report = Report(a.unmist.resolve())
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        loads(report, a.seed, at)
        refusals(report, at)
        narrowed(report, a.seed, at)
        exports(report, a.seed, at)
        kept_schedulers(report, a.seed, at)
        runs(report, a.seed, at)
    print(f"interop_folders: seed {a.seed}: {report.rows} folders, {report.failed} failed; answers at most "
          f"{report.answers:.2g} of the largest value apart, images {report.images:.2g} of 255")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
