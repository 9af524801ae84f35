#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draw from one model with diffusers' schedulers and with unmist from the same seed, and compare.

    interop_pipelines.py UNMIST [--seed N]

With sample.rng = torch the random numbers are those of PyTorch's CPU generator, drawn when diffusers draws them,
so the images agree: at most 2 of 255 apart. Every scheduler draws from a small random model, the two pipelines for
a bare U-Net from models/digits too. Needs torch, diffusers, safetensors and scipy; ./check --interop runs it.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import diffusers
import torch
from diffusers import DDIMPipeline, DDPMPipeline, UNet2DModel
from safetensors.torch import load_file

DIGITS = Path(__file__).resolve().parent.parent / "models" / "digits"
COUNT, LIMIT = 3, 2.0

# name, diffusers' class, its configuration beside the model's, arguments of step, unmist's settings. 20 steps.
CASES = [
    ("ddpm", "DDPMScheduler", {}, {}, []),
    ("ddim", "DDIMScheduler", {}, {}, []),
    ("ddim", "DDIMScheduler", {}, dict(eta=0.5), ["sample.eta=0.5"]),
    ("dpmpp", "DPMSolverMultistepScheduler", {}, {}, []),
    ("dpmpp", "DPMSolverMultistepScheduler", dict(algorithm_type="sde-dpmsolver++", use_karras_sigmas=True), {},
     ["sample.algorithm_type=sde-dpmsolver++", "sample.use_karras_sigmas=true"]),
    ("dpmpp_single", "DPMSolverSinglestepScheduler", {}, {}, []),
    ("unipc", "UniPCMultistepScheduler", {}, {}, []),
    ("deis", "DEISMultistepScheduler", {}, {}, []),
    ("euler", "EulerDiscreteScheduler", {}, {}, []),
    ("euler_ancestral", "EulerAncestralDiscreteScheduler", {}, {}, []),
    ("heun", "HeunDiscreteScheduler", {}, {}, []),
    ("kdpm2", "KDPM2DiscreteScheduler", {}, {}, []),
    ("lms", "LMSDiscreteScheduler", {}, {}, []),
    ("pndm", "PNDMScheduler", {}, {}, []),
]

# The same for a class-conditional model: arguments of the mix of both answers, unmist's settings.
GUIDED = [
    ("ddpm", "DDPMScheduler", dict(w=3), ["sample.guidance=3"]),
    ("dpmpp", "DPMSolverMultistepScheduler", dict(w=3, phi=0.7), ["sample.guidance=3", "sample.guidance_rescale=0.7"]),
    ("euler_ancestral", "EulerAncestralDiscreteScheduler", dict(w=0), ["sample.guidance=0"]),
]
CLASSES = 4

# The same for a model that says its variance too: diffusers' configuration, unmist's settings (which default to it).
LEARNED = [
    ("ddpm", "DDPMScheduler", dict(variance_type="learned_range"), []),
    ("ddpm", "DDPMScheduler", dict(variance_type="learned_range", timestep_spacing="linspace"),
     ["sample.timestep_spacing=linspace"]),
]

PIPELINES = {"DDPMScheduler": DDPMPipeline, "DDIMScheduler": DDIMPipeline}

FACTS = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "prediction_type")


def random_model(folder, seed, prediction="v_prediction", classes=None, variance="fixed_small"):
    """A pipeline of a small network that nobody trained. It predicts v: read as noise, what it says would be divided
    by sqrt(alpha_bar), down to 1/158, and diffusers in float32 then strays from itself in float64 by more than 2."""
    torch.manual_seed(seed)
    out = 6 if variance == "learned_range" else 3
    unet = UNet2DModel(sample_size=16, in_channels=3, out_channels=out, block_out_channels=(16, 32), layers_per_block=1,
                       down_block_types=("DownBlock2D", "AttnDownBlock2D"),
                       up_block_types=("AttnUpBlock2D", "UpBlock2D"), norm_num_groups=8,
                       num_class_embeds=classes)
    scheduler = diffusers.DDPMScheduler(prediction_type=prediction, variance_type=variance)
    DDPMPipeline(unet, scheduler).save_pretrained(folder)
    return folder


def guided_model(folder, seed):
    """Its last class stands for none, which diffusers has no word for."""
    path = Path(random_model(folder, seed, classes=CLASSES + 1)) / "unet" / "config.json"
    path.write_text(json.dumps(dict(json.loads(path.read_text()), _null_class=True)))
    return folder


def guided(unet, w, phi=0.0):
    """The network as diffusers' pipelines guide it: a doubled batch, and the rescaling of Lin et al."""
    def answer(x, t):
        labels = [i % CLASSES for i in range(COUNT)] + [CLASSES] * COUNT
        c, u = unet(torch.cat([x, x]), t, torch.tensor(labels)).sample.chunk(2)
        mixed = u + w * (c - u)
        if phi:
            mixed = mixed * (phi * c.std((1, 2, 3), keepdim=True) / mixed.std((1, 2, 3), keepdim=True) + 1 - phi)
        return mixed
    return answer


def drawn(config, answer, scheduler, seed, options, count=COUNT, dtype=torch.float32):
    """diffusers' loop, as its pipelines write it; in float64 too where no noise is drawn on the way."""
    generator = torch.Generator().manual_seed(seed)
    size = config.sample_size
    x = torch.randn(count, config.in_channels, size, size, generator=generator).to(dtype) * scheduler.init_noise_sigma
    accepted = scheduler.step.__code__.co_varnames[:scheduler.step.__code__.co_argcount]
    if "generator" in accepted:
        options = dict(options, generator=generator)
    for t in scheduler.timesteps:
        with torch.no_grad():
            said = answer(scheduler.scale_model_input(x, t), t)
        x = scheduler.step(said, t, x, **options).prev_sample
    return x.float()


def theirs(model, class_name, config, options, seed, guidance=None):
    pipe = DDPMPipeline.from_pretrained(model)
    facts = {key: pipe.scheduler.config[key] for key in FACTS}
    scheduler = getattr(diffusers, class_name)(**facts, **config)
    scheduler.set_timesteps(20)
    answer = guided(pipe.unet, **guidance) if guidance else lambda x, t: pipe.unet(x, t).sample
    return drawn(pipe.unet.config, answer, scheduler, seed, options)


def by_pipeline(model, class_name, options, seed):
    """What the pipelines for a bare U-Net give; the loop above must be theirs."""
    pipe = PIPELINES[class_name].from_pretrained(model)
    pipe.set_progress_bar_config(disable=True)
    images = pipe(batch_size=COUNT, generator=torch.Generator().manual_seed(seed), output_type="np",
                  num_inference_steps=20, **options).images
    return torch.from_numpy(images).permute(0, 3, 1, 2) * 2 - 1


def ours(unmist, model, seed, settings, folder):
    out = Path(folder) / "images.safetensors"
    subprocess.run([unmist, "sample", model, "-q", "-o", out, "sample.rng=torch", f"sample.seed={seed}",
                    "sample.steps=20", f"sample.count={COUNT}", f"sample.batch={COUNT}", *settings], check=True)
    return load_file(out)["images"]


def in_bytes(x):
    return (x / 2 + 0.5).clamp(0, 1) * 255


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("unmist", type=Path)
    arguments.add_argument("--seed", type=int, default=7)
    options = arguments.parse_args()
    failed = 0

    def report(name, a, b):
        nonlocal failed
        apart = (in_bytes(a) - in_bytes(b)).abs().max().item()
        failed += not apart <= LIMIT
        print(f"{name}: seed {options.seed}, {apart:.4f} of 255 apart{'' if apart <= LIMIT else ' (too far)'}")

    def draw(model, name, settings):
        return ours(options.unmist.resolve(), model, options.seed, [f"sample.sampler={name}", *settings], folder)

    with tempfile.TemporaryDirectory() as folder:
        model = random_model(Path(folder) / "model", options.seed)
        of_noise = random_model(Path(folder) / "of-noise", options.seed, "epsilon")
        for name, class_name, config, step, settings in CASES:
            said = " ".join([name, *settings])
            # diffusers' PNDM mixes the v of several timesteps and then reads the mix as one of the present timestep
            asked = of_noise if name == "pndm" else model
            report(said, theirs(asked, class_name, config, step, options.seed), draw(asked, name, settings))
            if class_name in PIPELINES:
                report(f"{said}, models/digits by pipeline", by_pipeline(DIGITS, class_name, step, options.seed),
                       draw(DIGITS, name, settings))
        for_classes = guided_model(Path(folder) / "for-classes", options.seed)
        for name, class_name, guidance, settings in GUIDED:
            report(" ".join([name, *settings]), theirs(for_classes, class_name, {}, {}, options.seed, guidance),
                   draw(for_classes, name, settings))
        learned = random_model(Path(folder) / "learned", options.seed, variance="learned_range")
        for name, class_name, config, settings in LEARNED:
            report(" ".join([name, "learned_range", *settings]), theirs(learned, class_name, config, {}, options.seed),
                   draw(learned, name, settings))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
