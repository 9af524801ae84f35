# SPDX-License-Identifier: MIT
"""torch_worker.py - PyTorch's side of compare_torch.py: one JSON request a line on stdin, one answer a line on
stdout. It stays alive between requests, so that rounds of PyTorch and unmist can alternate.

    {"do": "open", "config": FILE, "batch": B, "kind": "train"|"forward", "precision": "f32"|"bf16", "threads": N}
        builds the model in every mode, times a few steps of each and keeps the best and what comes near it
    {"do": "run", "reps": R}    R steps of each kept mode: seconds of each step
    {"do": "peak", ...as open, "mode": MODE, "steps": S}    S steps of one mode: the most that was resident"""
import contextlib
import json
import sys
import time

import diffusers
import torch
from diffusers import UNet2DModel

NEAR = 1.1  # a mode this much slower than the best in the first look is looked at no more


class Subject:
    """One model in one mode: memory format, and in training the implementation of AdamW."""

    def __init__(self, request, mode):
        self.kind, self.bf16 = request["kind"], request["precision"] == "bf16"
        layout, _, optimizer = mode.partition("+")
        layout = torch.channels_last if layout == "channels_last" else torch.contiguous_format
        torch.manual_seed(0)
        with open(request["config"], encoding="utf-8") as f:
            config = json.load(f)
        self.model = UNet2DModel.from_config(config).to(memory_format=layout)
        shape = request["batch"], config["in_channels"], config["sample_size"], config["sample_size"]
        self.x = torch.randn(shape).contiguous(memory_format=layout)
        self.target = torch.randn(shape).contiguous(memory_format=layout)
        self.t = torch.randint(0, 1000, (request["batch"],))
        if self.kind == "train":
            self.model.train()
            self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=2e-4, weight_decay=1e-6,
                                               fused=optimizer == "fused", foreach=optimizer == "foreach")
        else:
            self.model.eval()

    def autocast(self):
        return torch.autocast("cpu", dtype=torch.bfloat16) if self.bf16 else contextlib.nullcontext()

    def train(self):
        with self.autocast():
            y = self.model(self.x, self.t).sample
        loss = torch.nn.functional.mse_loss(y.float(), self.target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.item()

    def forward(self):
        with torch.inference_mode(), self.autocast():
            return self.model(self.x, self.t).sample

    def seconds(self, reps):
        times = []
        for _ in range(reps):
            start = time.perf_counter()
            self.train() if self.kind == "train" else self.forward()
            times.append(time.perf_counter() - start)
        return times


def modes(kind):
    layouts = ["contiguous", "channels_last"]
    return [f"{a}+{b}" for a in layouts for b in ("foreach", "fused")] if kind == "train" else layouts


def resident_mib(field):
    with open("/proc/self/status", encoding="ascii") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith(field + ":"))


class Worker:
    def __init__(self):
        self.kept = {}

    def open(self, request):
        torch.set_num_threads(request["threads"])
        first = {}
        for mode in modes(request["kind"]):
            subject = Subject(request, mode)
            subject.seconds(1)
            first[mode] = min(subject.seconds(2))
            self.kept[mode] = subject
            best = min(first.values())
            self.kept = {m: s for m, s in self.kept.items() if first[m] <= NEAR * best}
        parameters = sum(p.numel() for p in subject.model.parameters())
        return {"first": first, "kept": list(self.kept), "parameters": parameters}

    def run(self, request):
        return {"seconds": {mode: s.seconds(request["reps"]) for mode, s in self.kept.items()}}

    def peak(self, request):
        torch.set_num_threads(request["threads"])
        before = resident_mib("VmRSS")
        Subject(request, request["mode"]).seconds(request["steps"])
        return {"peak_rss_mib": resident_mib("VmHWM"), "before_mib": before}


def main():
    worker = Worker()
    print(json.dumps({"torch": torch.__version__, "diffusers": diffusers.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(getattr(worker, request["do"])(request)), flush=True)


if __name__ == "__main__":
    main()
