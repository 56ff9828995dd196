"""PyTorch as most people write it: nn.Module, torch.optim.Adam, zero_grad, backward, step."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nnspec_benchmarks.models import LR, Model, Setup, endless

__all__ = ["TorchTrainer"]


def _mlp(model: Model) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i, (given, out) in enumerate(zip(model.sizes[:-1], model.sizes[1:], strict=True)):
        layers.append(nn.Linear(given, out))
        if i < model.layers - 1:
            if model.norm:
                layers.append(nn.BatchNorm1d(out))
            layers.append(nn.ReLU())
            if model.rate:
                layers.append(nn.Dropout(model.rate))
    return nn.Sequential(*layers)


def _cnn(model: Model) -> nn.Sequential:
    layers: list[nn.Module] = []
    for given, out in zip(model.sizes[:-1], model.sizes[1:], strict=True):
        layers += [nn.Conv2d(given, out, kernel_size=3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(model.flat, model.classes))


class TorchTrainer:
    """The hand-written contestant of the torch backend."""

    def __init__(self, given: Setup) -> None:
        device = torch.device(given.device or "cpu")
        self.network = (_cnn if given.model.image else _mlp)(given.model)
        with torch.no_grad():
            with_weights = [m for m in self.network if isinstance(m, nn.Linear | nn.Conv2d)]
            for i, layer in enumerate(with_weights):
                layer.weight.copy_(torch.from_numpy(given.weights[f"{i}.weight"]))
                assert layer.bias is not None
                layer.bias.copy_(torch.from_numpy(given.weights[f"{i}.bias"]))
        self.network.to(device)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=LR)
        self.criterion = nn.CrossEntropyLoss()
        self.batches = endless(
            [(torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)) for x, y in given.batches]
        )
        self.device = device
        self.on_cuda = device.type == "cuda"
        self.value: Any = None

    def step(self) -> None:
        x, y = next(self.batches)
        self.optimizer.zero_grad()
        loss = self.criterion(self.network(x), y)
        loss.backward()
        self.optimizer.step()
        self.value = loss

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def loss(self) -> float:
        return float(self.value.detach())
