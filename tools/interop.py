#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""interop.py UNMIST - hold `unmist forward --grad` against PyTorch and diffusers on random UNet2DModels.

Draws configurations from a seed that is printed, so that a failure can be had again. Each model is written
as diffusers writes it; output, loss and every gradient must agree with PyTorch's as the golden tests ask:
1e-4 of the output's largest value, 1e-3 of each gradient's, and where a gradient is rounding noise (below
1e-5 of the network's largest) 1e-7 of that largest one. PyTorch computes in double: its float32 has more
rounding noise of its own than that."""
import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from diffusers import UNet2DModel
from safetensors.torch import load_file, save_file

OUTPUT, GRADIENT, NOISE, NOISE_TOLERANCE = 1e-4, 1e-3, 1e-5, 1e-7


def draw_blocks(r, levels):
    """Types of the down and up blocks, attention more likely where the images are small."""
    down = [r.random() < 0.2 + 0.4 * (i > 0) for i in range(levels)]
    up = [r.random() < 0.2 + 0.4 * (i < levels - 1) for i in range(levels)]
    return (tuple("AttnDownBlock2D" if a else "DownBlock2D" for a in down),
            tuple("AttnUpBlock2D" if a else "UpBlock2D" for a in up))


def draw_config(r):
    """A configuration that UNet2DModel accepts; every key takes each of its values in time."""
    levels = r.choice([1, 2, 2, 3, 3, 4])
    groups = r.choice([1, 2, 4, 8])
    widths = range(max(1, 8 // groups), max(2, 40 // groups) + 1)
    channels = tuple(groups * r.choice(widths) for _ in range(levels))
    down, up = draw_blocks(r, levels)
    # At least 2 x 2 pixels at the lowest level: a norm over one number has gradients of noise alone.
    step = 2 ** (levels - 1)
    size = tuple(step * r.randint(max(2, 8 // step), max(3, 20 // step)) for _ in range(2))
    head = r.choice([None, None, 4, 8, min(channels), max(1, min(channels) // 3)])
    config = dict(
        sample_size=size[0] if size[0] == size[1] else size,
        in_channels=r.randint(1, 5), out_channels=r.randint(1, 5),
        center_input_sample=r.random() < 0.2,
        time_embedding_type=r.choice(["positional", "positional", "positional", "fourier", "learned"]),
        time_embedding_dim=r.choice([None, None, 24, 50]), freq_shift=r.choice([0, 1]),
        flip_sin_to_cos=r.random() < 0.5, down_block_types=down, up_block_types=up,
        block_out_channels=channels, layers_per_block=r.choice([1, 1, 2, 3]),
        mid_block_type=r.choice(["UNetMidBlock2D"] * 5 + [None]),
        mid_block_scale_factor=r.choice([1, 1, 2 ** 0.5]), downsample_padding=r.choice([0, 1]),
        downsample_type=r.choice(["conv", "resnet"]), upsample_type=r.choice(["conv", "resnet"]),
        dropout=r.choice([0.0, 0.1]),
        act_fn=r.choice(["silu", "silu", "swish", "mish", "gelu", "relu"]),
        attention_head_dim=head if head is None or head <= min(channels) else None,
        norm_num_groups=groups, attn_norm_num_groups=r.choice([None, None, 1, groups]),
        norm_eps=r.choice([1e-5, 1e-6]), add_attention=r.random() < 0.7,
        resnet_time_scale_shift=r.choice(["default", "default", "scale_shift"]),
        class_embed_type=r.choice([None, None, None, "timestep", "identity"]),
        num_class_embeds=None, num_train_timesteps=None)
    if config["class_embed_type"] is None and r.random() < 0.4:
        config["num_class_embeds"] = r.randint(1, 12)
    if config["time_embedding_type"] == "learned":
        config["num_train_timesteps"] = 1000
    return config


def draw_inputs(config, generator):
    """Images, timesteps, labels where the model has them, and a target."""
    size = config["sample_size"]
    h, w = (size, size) if isinstance(size, int) else size
    n = 3
    inputs = dict(
        sample=torch.randn(n, config["in_channels"], h, w, generator=generator),
        timestep=torch.randint(1, 1000, (n,), generator=generator),
        target=torch.randn(n, config["out_channels"], h, w, generator=generator))
    width = config["time_embedding_dim"] or 4 * config["block_out_channels"][0]
    if config["class_embed_type"] == "identity":
        inputs["class_labels"] = torch.randn(n, width, generator=generator)
    elif config["class_embed_type"] == "timestep":
        inputs["class_labels"] = torch.randint(1, 1000, (n,), generator=generator)
    elif config["num_class_embeds"]:
        inputs["class_labels"] = torch.randint(0, config["num_class_embeds"], (n,), generator=generator)
    return inputs


def expected(model, inputs):
    """What PyTorch gives: output, loss, grad_sample and grad.NAME. A frozen parameter has no gradient."""
    sample = inputs["sample"].clone().requires_grad_()
    output = model(sample, inputs["timestep"], class_labels=inputs.get("class_labels")).sample
    loss = torch.nn.functional.mse_loss(output, inputs["target"])
    loss.backward()
    out = dict(output=output.detach(), loss=loss.detach().reshape(1), grad_sample=sample.grad)
    out.update({f"grad.{name}": torch.zeros_like(p) if p.grad is None else p.grad
                for name, p in model.named_parameters() if p.requires_grad})
    return out


def differences(theirs, ours):
    """Lines that name each tensor which is missing or off by more than is allowed."""
    top = max(float(t.abs().max()) for name, t in theirs.items() if name.startswith("grad"))
    for name, tensor in theirs.items():
        if name not in ours:
            yield f"{name} is missing"
        elif ours[name].numel() != tensor.numel():
            yield f"{name} is {list(ours[name].shape)}, not {list(tensor.shape)}"
        else:
            largest = float(tensor.abs().max())
            allowed = (OUTPUT if name in ("output", "loss") else GRADIENT) * largest
            if name.startswith("grad") and largest < NOISE * top:
                allowed = NOISE_TOLERANCE * top
            off = float((ours[name].reshape(tensor.shape).double() - tensor.double()).abs().max())
            if not off <= allowed:
                yield f"{name} is off by {off:.3g}, {allowed:.3g} allowed"


def make_model(config, seed):
    """A model with weights of no symmetry, and inputs for it."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = UNet2DModel(**config).eval()
    with torch.no_grad():
        for p in model.parameters():  # no two gains, biases or rows alike
            p.add_(0.05 * torch.randn(p.shape, generator=generator))
    return model, draw_inputs(model.config, generator)


def in_double(model, inputs):
    """The same in float64, but for the sinusoids: models are trained with those that float32 gives."""
    model.double()
    model.time_proj.float()
    model.time_proj.register_forward_hook(lambda module, args, out: out.double())
    return {name: t.double() if t.is_floating_point() else t for name, t in inputs.items()}


def compare(unmist, seed, folder):
    """One random model; gives its configuration and what is wrong with our numbers."""
    config = draw_config(random.Random(seed))
    model, inputs = make_model(config, seed)
    model.save_pretrained(folder / "model")
    save_file(inputs, str(folder / "in.safetensors"))
    done = subprocess.run([unmist, "forward", folder / "model", folder / "in.safetensors",
                           folder / "out.safetensors", "--grad"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return config, [f"exit status {done.returncode}: {done.stderr.strip()}"]
    ours = load_file(str(folder / "out.safetensors"))
    return config, list(differences(expected(model, in_double(model, inputs)), ours))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    arguments.add_argument("unmist", help="the program")
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10 ** 6))
    arguments.add_argument("--count", type=int, default=30)
    a = arguments.parse_args()
    torch.set_num_threads(2)
    print(f"interop: {a.count} random models, seed {a.seed} (--seed {a.seed} draws them again)")
    failed = 0
    for i in range(a.count):
        with tempfile.TemporaryDirectory() as folder:
            config, wrong = compare(a.unmist, a.seed + i, Path(folder))
        parameters = f"{len(config['block_out_channels'])} levels of {config['block_out_channels']}"
        print(f"interop: seed {a.seed + i}: {parameters}: {'FAILED' if wrong else 'ok'}", flush=True)
        if wrong:
            failed += 1
            print(json.dumps(config))
            print("\n".join("    " + line for line in wrong[:20]))
    print(f"interop: {a.count - failed} of {a.count} models agree")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
