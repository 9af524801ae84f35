#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Judge drawn digits by a classifier that never saw them.

    judge_digits.py IMAGES.safetensors [--seed N]

IMAGES.safetensors is what `unmist sample models/digits sample.count=400 -o IMAGES.safetensors` writes: `images`
[N, 1, H, W] in about [-1, 1]. A small convolutional network is trained on data/digits (9,000 of the 10,000; its
accuracy on the other 1,000 is printed) and then asked about the images: mean confidence (largest class
probability), and how many fall in each class. Needs torch, numpy and safetensors.
"""
import argparse
import gzip
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from torch import nn

DIGITS = Path(__file__).resolve().parent.parent / "data" / "digits"


def read_idx(name, header):
    return np.frombuffer(gzip.decompress((DIGITS / name).read_bytes()), np.uint8, offset=header)


def padded(x, side):
    """Zero (black) border to side x side, as data.pad makes it."""
    border = (side - x.shape[-1]) // 2
    return nn.functional.pad(x, (border,) * 4, value=-1.0)


def classifier():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(4),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(1024, 10))


def train(x, y, epochs=12, batch=64):
    net = classifier()
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)
    for _ in range(epochs):
        for i in torch.randperm(len(x)).split(batch):
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(x[i]), y[i]).backward()
            optimiser.step()
    return net.eval()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("images", type=Path)
    arguments.add_argument("--seed", type=int, default=0)
    options = arguments.parse_args()
    torch.manual_seed(options.seed)

    drawn = torch.from_numpy(load_file(options.images)["images"]).clamp(-1, 1)
    digits = torch.from_numpy(read_idx("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28) / 127.5 - 1).float()
    labels = torch.from_numpy(read_idx("t10k-labels-idx1-ubyte.gz", 8).astype(np.int64))
    digits = padded(digits, drawn.shape[-1])
    order = torch.randperm(len(digits))
    held, rest = order[:1000], order[1000:]

    net = train(digits[rest], labels[rest])
    with torch.no_grad():
        accuracy = (net(digits[held]).argmax(1) == labels[held]).float().mean()
        sure = net(digits[held]).softmax(1).amax(1).mean()
        confidence, classes = torch.cat([net(x) for x in drawn.split(500)]).softmax(1).max(1)
    counts = torch.bincount(classes, minlength=10).tolist()
    print(f"classifier: {accuracy:.4f} right on 1000 held-out digits, mean confidence {sure:.4f} there")
    print(f"{len(drawn)} drawn digits: mean confidence {confidence.mean():.4f}, classes {counts}")


if __name__ == "__main__":
    main()
