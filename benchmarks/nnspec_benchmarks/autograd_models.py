"""HIPS autograd: NumPy code differentiated by recording it, and Adam over one flat vector as its users write it.

There is no CNN: autograd has no convolution layer, and its scipy.signal.convolve is no contestant.
"""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import value_and_grad
from autograd.misc import flatten

from nnspec_benchmarks.models import LR, Model, Setup, endless

__all__ = ["AutogradTrainer"]

_EPS, _BETA1, _BETA2, _ADAM_EPS = 1e-5, 0.9, 0.999, 1e-8


def _normalized(p: Any, x: Any) -> Any:
    mean = anp.mean(x, axis=0)
    var = anp.mean((x - mean) ** 2, axis=0)
    return (x - mean) / anp.sqrt(var + np.float32(_EPS)) * p["scale"] + p["shift"]


class AutogradTrainer:
    """Reported beside the numpy backend, and bound by nothing."""

    def __init__(self, given: Setup) -> None:
        model = given.model
        if model.image:
            raise NotImplementedError("autograd has no convolution layer")
        self.rng = np.random.default_rng(0)
        self.flat, unflatten = flatten(_params(given, model))
        self.m, self.v = np.zeros_like(self.flat), np.zeros_like(self.flat)
        self.t = 0
        self.batches = endless(given.batches)
        self.value: Any = None

        def loss(flat: Any, x: Any, y: Any, masks: Any) -> Any:
            *hidden, last = unflatten(flat)
            for i, p in enumerate(hidden):
                x = anp.dot(x, p["w"]) + p["b"]
                if model.norm:
                    x = _normalized(p, x)
                x = anp.maximum(x, np.float32(0))
                if masks:
                    x = x * masks[i]
            logits = anp.dot(x, last["w"]) + last["b"]
            shifted = logits - anp.max(logits, axis=1, keepdims=True)
            total = anp.log(anp.sum(anp.exp(shifted), axis=1))
            return anp.mean(total - shifted[np.arange(len(y)), y])

        self.value_and_grad = value_and_grad(loss)
        self.model = model

    def _masks(self) -> list[Any]:
        model = self.model
        if not model.rate:
            return []
        shapes = [(model.batch, n) for n in model.sizes[1:-1]]
        keep = np.float32(1 - model.rate)
        return [(self.rng.random(shape, dtype=np.float32) < keep) / keep for shape in shapes]

    def step(self) -> None:
        x, y = next(self.batches)
        self.value, g = self.value_and_grad(self.flat, x, y, self._masks())
        self.t += 1
        self.m = _BETA1 * self.m + (1 - _BETA1) * g
        self.v = _BETA2 * self.v + (1 - _BETA2) * g**2
        m, v = self.m / (1 - _BETA1**self.t), self.v / (1 - _BETA2**self.t)
        self.flat = self.flat - LR * m / (np.sqrt(v) + _ADAM_EPS)

    def wait(self) -> None:
        """Nothing to wait for."""

    def loss(self) -> float:
        return float(self.value)


def _params(given: Setup, model: Model) -> list[dict[str, Any]]:
    params = []
    for i in range(model.layers):
        p = {"w": given.weights[f"{i}.weight"].T.copy(), "b": given.weights[f"{i}.bias"]}
        if model.norm and i < model.layers - 1:
            p |= {"scale": np.ones(p["b"].size, np.float32), "shift": np.zeros(p["b"].size, np.float32)}
        params.append(p)
    return params
