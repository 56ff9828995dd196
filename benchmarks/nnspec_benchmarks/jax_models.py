"""JAX as it is written by hand: pure functions of a list of dictionaries, jax.jit, optax.adam, donated arguments."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from nnspec_benchmarks.models import LR, Model, Setup, Weights, endless

__all__ = ["JaxTrainer"]

_EPS, _DECAY = 1e-5, 0.9


def _dense(p: Any, x: Any) -> Any:
    return x @ p["kernel"] + p["bias"]


def _normalized(p: Any, x: Any, running: Any) -> tuple[Any, Any]:
    """Batch normalization in training, and the running statistics after it."""
    mean, var = jnp.mean(x, axis=0), jnp.var(x, axis=0)
    new = {
        "mean": _DECAY * running["mean"] + (1 - _DECAY) * jax.lax.stop_gradient(mean),
        "var": _DECAY * running["var"] + (1 - _DECAY) * jax.lax.stop_gradient(var),
    }
    return (x - mean) * jax.lax.rsqrt(var + _EPS) * p["scale"] + p["shift"], new


def _mlp(model: Model) -> Callable[..., tuple[Any, Any]]:
    def logits(params: Any, running: Any, x: Any, key: Any) -> tuple[Any, Any]:
        after = []
        for i, p in enumerate(params[:-1]):
            x = _dense(p, x)
            if model.norm:
                x, new = _normalized(p, x, running[i])
                after.append(new)
            x = jax.nn.relu(x)
            if model.rate:
                keep = jax.random.bernoulli(jax.random.fold_in(key, i), 1 - model.rate, x.shape)
                x = jnp.where(keep, x / (1 - model.rate), 0.0)
        return _dense(params[-1], x), after

    return logits


def _cnn(model: Model) -> Callable[..., tuple[Any, Any]]:
    def logits(params: Any, running: Any, x: Any, key: Any) -> tuple[Any, Any]:
        for p in params[:-1]:
            x = jax.lax.conv_general_dilated(x, p["kernel"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            x = jax.nn.relu(x + p["bias"])
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        return _dense(params[-1], x.reshape(x.shape[0], -1)), running

    return logits


class JaxTrainer:
    """The hand-written contestant of the jax backend."""

    def __init__(self, given: Setup) -> None:
        model = given.model
        logits = (_cnn if model.image else _mlp)(model)
        optimizer = optax.adam(LR)

        def loss_of(params: Any, running: Any, x: Any, y: Any, key: Any) -> tuple[Any, Any]:
            out, running = logits(params, running, x, key)
            return optax.softmax_cross_entropy_with_integer_labels(out, y).mean(), running

        @functools.partial(jax.jit, donate_argnums=(0, 1, 2))
        def step(params: Any, opt_state: Any, running: Any, x: Any, y: Any, key: Any) -> Any:
            if model.rate:
                key, used = jax.random.split(key)
            else:
                used = key
            (loss, running), grads = jax.value_and_grad(loss_of, has_aux=True)(params, running, x, y, used)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            return optax.apply_updates(params, updates), opt_state, running, key, loss

        put = functools.partial(jax.device_put, device=_device(given.device))
        # device_put may keep NumPy's own buffer, and these are given away
        self.params = jax.tree.map(lambda w: put(w.copy()), _kernels(given.weights, model))
        self.opt_state = optimizer.init(self.params)
        features = model.sizes[1:-1] if model.norm else ()
        self.running = [{"mean": put(np.zeros(n, np.float32)), "var": put(np.ones(n, np.float32))} for n in features]
        self.key = put(jax.random.key(0))
        self.batches = endless([(put(_channels_last(x)), put(y.astype(np.int32))) for x, y in given.batches])
        self._step = step
        self.value: Any = None

    def step(self) -> None:
        x, y = next(self.batches)
        self.params, self.opt_state, self.running, self.key, self.value = self._step(
            self.params, self.opt_state, self.running, x, y, self.key
        )

    def wait(self) -> None:
        self.value.block_until_ready()  # all results of a program are ready together

    def loss(self) -> float:
        return float(self.value)


def _device(name: str | None) -> jax.Device | None:
    """None for JAX's own choice, so that arrays stay free to move."""
    if name is None:
        return None
    platform, _, number = name.partition(":")
    wanted = jax.devices(platform)[int(number or 0)]
    return None if wanted == jax.devices()[0] else wanted


def _channels_last(x: Any) -> Any:
    return np.ascontiguousarray(np.moveaxis(x, 1, -1)) if x.ndim == 4 else x


def _kernels(weights: Weights, model: Model) -> list[dict[str, Any]]:
    """In the layouts of JAX: (in, out), and HWIO; the last layer of a CNN sees channels last."""
    params = []
    for i in range(model.layers):
        weight = weights[f"{i}.weight"]
        if weight.ndim == 4:
            kernel = weight.transpose(2, 3, 1, 0)
        elif model.image:
            side = model.image // 2 ** (model.layers - 1)
            kernel = weight.reshape(-1, model.sizes[-1], side, side).transpose(2, 3, 1, 0).reshape(model.flat, -1)
        else:
            kernel = weight.T
        p = {"kernel": np.ascontiguousarray(kernel), "bias": weights[f"{i}.bias"]}
        if model.norm and i < model.layers - 1:
            p |= {"scale": np.ones(weight.shape[0], np.float32), "shift": np.zeros(weight.shape[0], np.float32)}
        params.append(p)
    return params
