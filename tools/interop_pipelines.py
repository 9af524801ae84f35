#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draw from models/digits with diffusers' pipelines and with unmist from the same seed, and compare.

    interop_pipelines.py UNMIST [--seed N]

With sample.rng = torch the random numbers are those of PyTorch's CPU generator, drawn when diffusers draws them,
so the images agree: at most 2 of 255 apart. Needs torch, diffusers and safetensors; ./check --interop runs it.
"""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from diffusers import DDIMPipeline, DDPMPipeline
from safetensors.torch import load_file

MODEL = Path(__file__).resolve().parent.parent / "models" / "digits"
COUNT, LIMIT = 3, 2.0

CASES = [
    ("ddpm", DDPMPipeline, dict(num_inference_steps=40), ["sample.sampler=ddpm", "sample.steps=40"]),
    ("ddim", DDIMPipeline, dict(num_inference_steps=20, eta=0.0), ["sample.sampler=ddim", "sample.steps=20"]),
    ("ddim, eta 0.5", DDIMPipeline, dict(num_inference_steps=20, eta=0.5),
     ["sample.sampler=ddim", "sample.steps=20", "sample.eta=0.5"]),
]


def theirs(pipeline, seed, options):
    pipe = pipeline.from_pretrained(MODEL)
    pipe.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(seed)
    images = pipe(batch_size=COUNT, generator=generator, output_type="np", **options).images
    return torch.from_numpy(images).permute(0, 3, 1, 2) * 255


def ours(unmist, seed, settings, folder):
    out = Path(folder) / "images.safetensors"
    subprocess.run([unmist, "sample", MODEL, "-q", "-o", out, "sample.rng=torch", f"sample.seed={seed}",
                    f"sample.count={COUNT}", f"sample.batch={COUNT}", *settings], check=True)
    return (load_file(out)["images"] / 2 + 0.5).clamp(0, 1) * 255


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("unmist", type=Path)
    arguments.add_argument("--seed", type=int, default=7)
    options = arguments.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, pipeline, arguments_of_theirs, settings in CASES:
            apart = (theirs(pipeline, options.seed, arguments_of_theirs)
                     - ours(options.unmist.resolve(), options.seed, settings, folder)).abs().max().item()
            failed += apart > LIMIT
            print(f"{name}: seed {options.seed}, {apart:.4f} of 255 apart{' (too far)' if apart > LIMIT else ''}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
