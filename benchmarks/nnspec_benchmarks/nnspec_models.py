"""The same models written once over an nnspec Backend: value_and_grad and adam_update, compiled, buffers donated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nnspec import Backend
from nnspec_benchmarks.models import LR, Model, Setup, endless

__all__ = ["NnspecTrainer"]

_SEED = 0


def _mlp(backend: Backend, model: Model) -> Callable[..., tuple[Any, Any]]:
    B = backend

    def logits(params: Any, running: Any, x: Any, key: Any) -> tuple[Any, Any]:
        after = []
        for i, p in enumerate(params[:-1]):
            x = B.linear(x, p["weight"], p["bias"])
            if model.norm:
                mean, var = running[i]
                x, mean, var = B.batch_norm(x, mean, var, p["scale"], p["shift"], training=True)
                after.append((mean, var))
            x = B.relu(x)
            if model.rate:
                x = B.dropout(x, rate=model.rate, key=key, site=i)
        return B.linear(x, params[-1]["weight"], params[-1]["bias"]), after

    return logits


def _cnn(backend: Backend, model: Model) -> Callable[..., tuple[Any, Any]]:
    B = backend

    def logits(params: Any, running: Any, x: Any, key: Any) -> tuple[Any, Any]:
        for p in params[:-1]:
            x = B.max_pool(B.relu(B.conv(x, p["weight"], p["bias"], padding=1)), kernel_size=2)
        return B.linear(B.flatten(x), params[-1]["weight"], params[-1]["bias"]), running

    return logits


def plain_step(backend: Backend, model: Model) -> Callable[..., Any]:
    """(params, state, x, y) -> (params, state, loss)"""
    B = backend
    logits = (_cnn if model.image else _mlp)(B, model)

    def loss_of(params: Any, x: Any, y: Any) -> Any:
        return B.cross_entropy(logits(params, (), x, None)[0], y)

    def step(params: Any, state: Any, x: Any, y: Any) -> Any:
        loss, grads = B.value_and_grad(loss_of)(params, x, y)
        params, state = B.adam_update(params, grads, state, lr=LR)
        return params, state, loss

    return step


def step_with_state(backend: Backend, model: Model) -> Callable[..., Any]:
    """(params, state, running, x, y) -> (params, state, running, loss), for batch normalization and dropout"""
    B = backend
    logits = _mlp(B, model)
    run_key = B.key(_SEED)

    def loss_of(params: Any, running: Any, x: Any, y: Any, key: Any) -> tuple[Any, Any]:
        out, running = logits(params, running, x, key)
        return B.cross_entropy(out, y), running

    def step(params: Any, state: Any, running: Any, x: Any, y: Any) -> Any:
        key = B.fold_in(run_key, state["step"]) if model.rate else run_key
        (loss, running), grads = B.value_and_grad(loss_of, has_aux=True)(params, running, x, y, key)
        params, state = B.adam_update(params, grads, state, lr=LR)
        return params, state, running, loss

    return step


class NnspecTrainer:
    """Ours: what every hand-written contestant is compared with."""

    def __init__(self, given: Setup, backend: Backend, *, fuse: bool = False) -> None:
        B, model = backend, given.model
        self.backend = B
        self.on_cuda = B.name == "torch" and B.device.startswith("cuda")
        self.params = _params(B, given)
        self.optimizer = B.adam_init(self.params)
        self.batches = endless([(B.asarray(x), B.asarray(y)) for x, y in given.batches])
        self.value: Any = None
        if model.norm:
            self.running = [(B.asarray(np.zeros(n)), B.asarray(np.ones(n))) for n in model.sizes[1:-1]]
            self._compiled = B.compile(step_with_state(B, model), donate=(0, 1, 2), fuse=fuse)
            self.step = self._step_with_state
        else:
            self._compiled = B.compile(plain_step(B, model), donate=(0, 1), fuse=fuse)
            self.step = self._plain_step

    def _plain_step(self) -> None:
        x, y = next(self.batches)
        self.params, self.optimizer, self.value = self._compiled(self.params, self.optimizer, x, y)

    def _step_with_state(self) -> None:
        x, y = next(self.batches)
        self.params, self.optimizer, self.running, self.value = self._compiled(
            self.params, self.optimizer, self.running, x, y
        )

    def wait(self) -> None:
        ready = getattr(self.value, "block_until_ready", None)
        # JAX: Backend.synchronize goes through all live arrays, which the hand-written loop need not do
        self.backend.synchronize() if ready is None else ready()

    def loss(self) -> float:
        return float(self.backend.to_numpy(self.value))


def _params(backend: Backend, given: Setup) -> list[dict[str, Any]]:
    B, model, params = backend, given.model, []
    for i in range(model.layers):
        p = {part: B.asarray(given.weights[f"{i}.{part}"]) for part in ("weight", "bias")}
        if model.norm and i < model.layers - 1:
            size = p["bias"].shape[0]
            p |= {"scale": B.asarray(np.ones(size)), "shift": B.asarray(np.zeros(size))}
        params.append(p)
    return params
