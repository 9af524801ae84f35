# SPDX-License-Identifier: MIT
"""models.py - the networks that are compared, as UNet2DModel configurations."""
import json
import os

COMMON = {
    "_class_name": "UNet2DModel", "sample_size": 32, "in_channels": 3, "out_channels": 3, "center_input_sample": False,
    "time_embedding_type": "positional", "freq_shift": 0, "flip_sin_to_cos": True, "layers_per_block": 2,
    "mid_block_scale_factor": 1, "downsample_padding": 1, "act_fn": "silu", "attention_head_dim": 8,
    "norm_num_groups": 32, "norm_eps": 1e-5, "dropout": 0.0,
}


def blocks(attention):
    """Block types from the largest images down and up again; true: with attention."""
    return {"down_block_types": ["AttnDownBlock2D" if a else "DownBlock2D" for a in attention],
            "up_block_types": ["AttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attention)]}


MODELS = {  # configuration, parameters as PyTorch counts them
    "ddpm-cifar10-32": ({
        **COMMON, **blocks([False, True, False, False]), "block_out_channels": [128, 256, 256, 256], "freq_shift": 1,
        "flip_sin_to_cos": False, "downsample_padding": 0, "attention_head_dim": None, "norm_eps": 1e-6,
    }, 35746307),
    "64,128,128": ({
        **COMMON, **blocks([False, True, False]), "block_out_channels": [64, 128, 128],
    }, 6472195),
    "digits": ({
        **COMMON, **blocks([False, False, True]), "block_out_channels": [32, 64, 64], "in_channels": 1,
        "out_channels": 1, "layers_per_block": 1, "norm_num_groups": 8,
    }, 1112801),
}


def write(folder, name):
    """The model's config.json, in a folder of its own; gives its path."""
    path = os.path.join(folder, name, "config.json")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(MODELS[name][0], f, indent=2)
    return path
