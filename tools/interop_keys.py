#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Give each key of a model's two JSON files each kind of value, and hold unmist against diffusers.

    interop_keys.py UNMIST [--seed N]

Every key of UNet2DModel and of every scheduler class that unmist has a sampler for takes the values below, one at a
time. Where diffusers draws (or answers) with it, unmist must give the same, or refuse it and name the key: never
something else. Keys that are not in the tables, of a newer diffusers say, are failures. ./check --interop runs it.
"""
import argparse
import collections
import copy
import inspect
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import diffusers
import torch
from diffusers import UNet2DModel
from safetensors.torch import load_file, save_file

from interop import draw_inputs, in_double
from interop_pipelines import LIMIT, drawn, in_bytes, random_model

BASE = dict(sample_size=16, in_channels=3, out_channels=3, block_out_channels=[8, 16], layers_per_block=1,
            down_block_types=["DownBlock2D", "AttnDownBlock2D"], up_block_types=["AttnUpBlock2D", "UpBlock2D"],
            norm_num_groups=4)

DOWN = ["DownBlock2D", "AttnDownBlock2D", "UNetResDownBlock2D", "UNetResAttnDownBlock2D", "ResnetDownsampleBlock2D",
        "CrossAttnDownBlock2D", "SimpleCrossAttnDownBlock2D", "SkipDownBlock2D", "AttnSkipDownBlock2D",
        "DownEncoderBlock2D", "AttnDownEncoderBlock2D", "KDownBlock2D", "KCrossAttnDownBlock2D"]
UP = [name.replace("Downsample", "Upsample").replace("Down", "Up").replace("Encoder", "Decoder") for name in DOWN]

# Values of each key beside BASE; a dict is several keys at once. "?" stands for a key that nobody has.
NETWORK = {
    "sample_size": [8, [16, 8], None, 0, "16"],
    "in_channels": [1, 5, None], "out_channels": [1, 6, None],
    "center_input_sample": [True, None, 1],
    "time_embedding_type": ["fourier", "none", None, dict(time_embedding_type="learned", num_train_timesteps=1000)],
    "time_embedding_dim": [20, 0, None, -4], "freq_shift": [1, 0.5, None], "flip_sin_to_cos": [False, None, 0],
    "down_block_types": [[name, "DownBlock2D"] for name in DOWN] + [["DownBlock2D"], None],
    "up_block_types": [["UpBlock2D", name] for name in UP] + [["UpBlock2D"] * 3, None],
    "block_out_channels": [[16, 8], [8], [8, 16, 16], [6, 16], None, 8],
    "layers_per_block": [2, 0, None, [1, 2]],
    "mid_block_type": [None, "UNetMidBlock2DCrossAttn", "x"], "mid_block_scale_factor": [2, 0.5, None, 0],
    "downsample_padding": [0, 2, None], "downsample_type": ["resnet", "fir", None],
    "upsample_type": ["resnet", "fir", None], "dropout": [0.5, None, -1, 1],
    "act_fn": ["swish", "SiLU", "mish", "gelu", "relu", "tanh", None], "attention_head_dim": [4, 16, 3, 100, None, 0],
    "norm_num_groups": [2, 3, None, 0], "attn_norm_num_groups": [2, 3, None, 0], "norm_eps": [1e-3, 0, None],
    "resnet_time_scale_shift": ["scale_shift", "ada_group", "spatial", None], "add_attention": [False, None, 0],
    "class_embed_type": ["timestep", "identity", "projection", "simple_projection", None],
    "num_class_embeds": [5, 0, None, dict(num_class_embeds=5, class_embed_type="timestep")],
    "num_train_timesteps": [500, None],
    "quantization_config": [dict(quantization_config={"quant_method": "bitsandbytes"})],
    "?": [dict(cross_attention_dim=8)],
    "_name_or_path": ["a/b"], "_commit_hash": [None, "0123"], "decay": [dict(
        decay=0.999, inv_gamma=1.0, min_decay=0.0, optimization_step=3, power=0.75, update_after_step=0,
        use_ema_warmup=True)],
}

BETAS = [0.02 * math.sin((i + 1) / 1001 * math.pi / 2) + 1e-4 for i in range(1000)]
SWITCH = [True, False, None]

# The same for schedulers; a class takes the keys that it has.
SCHEDULER = {
    "num_train_timesteps": [500, 0, None], "beta_start": [5e-4, 0.0, None], "beta_end": [0.05, 1.5, None],
    "beta_schedule": ["linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid", "laplace", "exp", "cosine", None],
    "trained_betas": [BETAS, BETAS[:500], [], None, dict(trained_betas=BETAS, rescale_betas_zero_snr=True)],
    "variance_type": ["fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log", "x", None],
    "clip_sample": SWITCH, "clip_sample_range": [0.5, 2, dict(clip_sample=True, clip_sample_range=0.5), None],
    "prediction_type": ["epsilon", "sample", "v_prediction", "flow_prediction", "x", None],
    "thresholding": SWITCH, "dynamic_thresholding_ratio": [dict(thresholding=True, dynamic_thresholding_ratio=0.9)],
    "sample_max_value": [dict(thresholding=True, sample_max_value=1.5)],
    "timestep_spacing": ["leading", "linspace", "trailing", "x", None], "steps_offset": [1, 5, None],
    "rescale_betas_zero_snr": SWITCH, "set_alpha_to_one": SWITCH, "skip_prk_steps": SWITCH,
    "solver_order": [1, 2, 3, 4, 0, None],
    "algorithm_type": ["dpmsolver++", "dpmsolver", "sde-dpmsolver++", "sde-dpmsolver", "deis", "x", None],
    "solver_type": ["midpoint", "heun", "logrho", "bh1", "bh2", "x", None], "lower_order_final": SWITCH,
    "euler_at_final": SWITCH, "use_karras_sigmas": SWITCH, "use_exponential_sigmas": SWITCH,
    "use_beta_sigmas": SWITCH, "use_lu_lambdas": SWITCH,
    "use_flow_sigmas": [*SWITCH, dict(use_flow_sigmas=True, prediction_type="flow_prediction")],
    "flow_shift": [3.0, None], "final_sigmas_type": ["zero", "sigma_min", "x", None],
    "lambda_min_clipped": [-5.1, -math.inf, None], "use_dynamic_shifting": SWITCH,
    "time_shift_type": ["exponential", "linear", "x", None], "predict_x0": SWITCH,
    "disable_corrector": [[], [0], [0, 2], None], "solver_p": [None, "DDIM"], "sigma_min": [0.05, None],
    "sigma_max": [20.0, None], "shift_terminal": [0.1, None], "interpolation_type": ["linear", "log_linear", "x", None],
    "timestep_type": ["discrete", "continuous", "x", None], "_note": ["text", {"a": [1]}],
    "?": [dict(predict_epsilon=False), dict(clip_samples=True)],
}

SAMPLERS = {"DDPM": "ddpm", "DDIM": "ddim", "PNDM": "pndm", "DPMSolverMultistep": "dpmpp",
            "DPMSolverSinglestep": "dpmpp_single", "DEISMultistep": "deis", "UniPCMultistep": "unipc",
            "EulerDiscrete": "euler", "EulerAncestralDiscrete": "euler_ancestral", "HeunDiscrete": "heun",
            "KDPM2Discrete": "kdpm2", "LMSDiscrete": "lms"}
STEPS, COUNT = 10, 2

# From the cosine schedule's sigma of 20291 their float32 loses what the images differ in: in float64 it is not so.
IN_DOUBLE = ("HeunDiscrete", "KDPM2Discrete")

# Where the two differ for a reason that docs/samplers.md tells.
KNOWN = {
    ("DDIM", "timestep_spacing", "linspace"): "diffusers leaves the list of timesteps",
    ("PNDM", "timestep_spacing", "linspace"): "diffusers leaves the list of timesteps",
    ("PNDM", "prediction_type", "v_prediction"): "diffusers mixes the v of several timesteps",
    **{(name, "use_exponential_sigmas", True): "diffusers cuts timesteps to whole numbers" for name in
       ("DPMSolverMultistep", "DPMSolverSinglestep", "DEISMultistep", "UniPCMultistep")},
}


def run(*command):
    """Status, and what was said, of unmist."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr.strip()


def quietly(call):
    """The call's tensor; None where diffusers refuses or gives numbers that are none."""
    try:
        with torch.no_grad():
            given = call()
    except Exception:  # pylint: disable=broad-except  (diffusers has no class of its own for what it cannot do)
        return None
    return given if bool(torch.isfinite(given).all()) else None


class Table:
    """What came of each value."""
    def __init__(self):
        self.rows, self.count, self.worst, self.failed = {}, collections.Counter(), {}, 0

    def add(self, owner, key, value, outcome, said=""):
        self.count[outcome] += 1
        self.rows.setdefault((owner, key), []).append(f"{brief(value)}: {outcome}")
        if outcome.startswith("FAILED"):
            self.failed += 1
            print(f"    {owner}: {key} = {brief(value)}: {outcome} {said}", flush=True)

    def judge(self, owner, key, value, theirs, ours, off, limit):
        """ours: status and message. off: how far apart, called only where both have an answer."""
        status, said = ours
        names = value if isinstance(value, dict) and not key.startswith("_") else [key]
        named = any(name in said for name in [*names, "tensor '"]) and status in (2, 3)
        known = not isinstance(value, (dict, list)) and KNOWN.get((owner.removesuffix("Scheduler"), key, value))
        if theirs is None and status != 0:
            self.add(owner, key, value, "refused by both" if named else "FAILED: not named", said)
        elif theirs is None:
            self.add(owner, key, value, "unmist alone")
        elif status != 0:
            self.add(owner, key, value, "refused by name" if named else "FAILED: not named", said)
        else:
            apart = off()
            if known:
                self.add(owner, key, value, f"differs, as {known}")
                return
            self.worst[owner] = max(self.worst.get(owner, 0.0), apart)
            self.add(owner, key, value, "same" if apart <= limit else f"FAILED: {apart:.3g} apart")

    def show(self):
        for (owner, key), values in self.rows.items():
            print(f"{owner}: {key}: {', '.join(values)}")


def brief(value):
    text = json.dumps(value)
    return text if len(text) < 90 else text[:60] + " ..."


def values_of(table, keys, mine):
    """(key, value) of the table for those keys; a key without values is a failure, told at the end."""
    for key in [*keys, *mine]:
        for value in table.get(key, [KeyError]):
            yield key, value


def changed(base, key, value):
    return {**base, **(value if isinstance(value, dict) and key[0] != "_" else {key: value})}


# --- UNet2DModel

def inputs_of(config, seed):
    """For a configuration that diffusers could build."""
    given = dict(config, sample_size=config["sample_size"] or 16)
    inputs = draw_inputs(given, torch.Generator().manual_seed(seed))
    return {name: t for name, t in inputs.items() if name != "target"}


def network(unmist, seed, key, value, folder, table):
    config = changed(BASE, key, value)
    (folder / "model").mkdir()
    answer = None
    try:
        torch.manual_seed(seed)
        model = UNet2DModel.from_config(config).eval()
        inputs = inputs_of(model.config, seed)
        model.save_pretrained(folder / "model")
        answer = quietly(lambda: model(inputs["sample"], inputs["timestep"],
                                       class_labels=inputs.get("class_labels")).sample)
    except Exception:  # pylint: disable=broad-except
        model, inputs = UNet2DModel.from_config(BASE), inputs_of(UNet2DModel.from_config(BASE).config, seed)
        model.save_pretrained(folder / "model")
    (folder / "model" / "config.json").write_text(json.dumps(dict(config, _class_name="UNet2DModel")))
    save_file(inputs, folder / "in.safetensors")
    ours = run(unmist, "forward", folder / "model", folder / "in.safetensors", folder / "out.safetensors",
               "run.threads=1")

    def off():
        given = load_file(folder / "out.safetensors")["output"]
        return float((given - answer).abs().max() / answer.abs().max())
    table.judge("UNet2DModel", key, value, answer, ours, off, 1e-4)


def networks(unmist, seed, table):
    keys = [k for k in inspect.signature(UNet2DModel.__init__).parameters if k != "self"]
    others = ["quantization_config", "?", "_name_or_path", "_commit_hash", "decay"]
    for key, value in values_of(NETWORK, keys, others):
        if value is KeyError:
            table.add("UNet2DModel", key, None, "FAILED: the table of this program lacks the key")
            continue
        with tempfile.TemporaryDirectory() as folder:
            network(unmist, seed, key, value, Path(folder), table)


# --- schedulers

def exact(unet):
    """The network in float64, but for the sinusoids (see interop.in_double)."""
    made = copy.deepcopy(unet)
    in_double(made, {})
    return made


def scheduler(case, name, key, value, folder, table):
    unmist, seed, unet, unet64 = case
    class_name = f"{name}Scheduler"
    # diffusers' PNDM mixes the v of several timesteps (docs/samplers.md).
    prediction = "epsilon" if name == "PNDM" else "v_prediction"
    config = changed({"_class_name": class_name, "prediction_type": prediction}, key, value)
    (folder / "scheduler_config.json").write_text(json.dumps(config))

    def draw():
        made = getattr(diffusers, class_name).from_config(config)
        made.set_timesteps(STEPS)
        if name not in IN_DOUBLE:
            return drawn(unet.config, lambda x, t: unet(x, t).sample, made, seed, {}, COUNT)
        made.sigmas = made.sigmas.double()
        return drawn(unet.config, lambda x, t: unet64(x, t).sample, made, seed, {}, COUNT, torch.float64)
    theirs = quietly(draw)
    ours = run(unmist, "sample", folder.parent, "-q", "-o", folder / "images.safetensors", "sample.rng=torch",
               "run.threads=1", f"sample.seed={seed}", f"sample.steps={STEPS}", f"sample.count={COUNT}",
               f"sample.batch={COUNT}",
               f"sample.sampler={SAMPLERS[name]}")

    def off():
        given = load_file(folder / "images.safetensors")["images"]
        return float((in_bytes(given) - in_bytes(theirs)).abs().max())
    table.judge(class_name, key, value, theirs, ours, off, LIMIT)


def schedulers(unmist, seed, table):
    with tempfile.TemporaryDirectory() as folder:
        model = random_model(Path(folder) / "model", seed)
        unet = UNet2DModel.from_pretrained(model / "unet").eval()
        unet64 = exact(unet)
        for name in SAMPLERS:
            made = getattr(diffusers, f"{name}Scheduler")
            keys = [k for k in inspect.signature(made.__init__).parameters if k not in ("self", "kwargs")]
            for key, value in values_of(SCHEDULER, keys, ["_note", "?"]):
                if isinstance(value, dict) and key in keys and not value.keys() <= set(keys):
                    continue  # several keys, of which this class has not all
                if value is KeyError:
                    table.add(name, key, None, "FAILED: the table of this program lacks the key")
                else:
                    scheduler((unmist, seed, unet, unet64), name, key, value, model / "scheduler", table)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("unmist", type=Path)
    arguments.add_argument("--seed", type=int, default=7)
    a = arguments.parse_args()
    diffusers.utils.logging.set_verbosity_error()
    torch.set_num_threads(1)
    table = Table()
    networks(a.unmist.resolve(), a.seed, table)
    schedulers(a.unmist.resolve(), a.seed, table)
    table.show()
    counts = ", ".join(f"{n} {outcome}" for outcome, n in sorted(table.count.items()))
    print(f"interop_keys: seed {a.seed}: {sum(table.count.values())} values: {counts}")
    print("interop_keys: " + ", ".join(f"{owner} at most {off:.2g} apart" for owner, off in table.worst.items()))
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
