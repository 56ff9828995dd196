"""Keras 3: a Sequential model, compile, train_on_batch. Its backend is that of KERAS_BACKEND when it is imported."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from nnspec_benchmarks.models import LR, Model, Setup, Weights, endless

__all__ = ["KerasTrainer"]


def _network(model: Model) -> Any:
    layers: list[Any] = []
    if model.image:
        layers.append(keras.Input((model.image, model.image, model.sizes[0])))
        for out in model.sizes[1:]:
            layers += [keras.layers.Conv2D(out, 3, padding="same", activation="relu"), keras.layers.MaxPooling2D(2)]
        return keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(model.classes)])
    layers.append(keras.Input((model.sizes[0],)))
    for out in model.sizes[1:-1]:
        layers.append(keras.layers.Dense(out))
        if model.norm:
            layers.append(keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5))
        layers.append(keras.layers.Activation("relu"))
        if model.rate:
            layers.append(keras.layers.Dropout(model.rate))
    return keras.Sequential([*layers, keras.layers.Dense(model.sizes[-1])])


def _kernel(weights: Weights, i: int, model: Model) -> Any:
    """In the layouts of Keras: (in, out), and channels last."""
    weight = weights[f"{i}.weight"]
    if weight.ndim == 4:
        return weight.transpose(2, 3, 1, 0)
    if model.image:
        side = model.image // 2 ** (model.layers - 1)
        return weight.reshape(-1, model.sizes[-1], side, side).transpose(2, 3, 1, 0).reshape(model.flat, -1)
    return weight.T


class KerasTrainer:
    """Reported beside the torch and jax backends, and bound by nothing."""

    def __init__(self, given: Setup) -> None:
        model = given.model
        self.network = _network(model)
        with_kernels = [layer for layer in self.network.layers if hasattr(layer, "kernel")]
        for i, layer in enumerate(with_kernels):
            layer.set_weights([_kernel(given.weights, i, model), given.weights[f"{i}.bias"]])
        self.network.compile(
            optimizer=keras.optimizers.Adam(LR, epsilon=1e-8),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        images = [(np.ascontiguousarray(np.moveaxis(x, 1, -1)) if x.ndim == 4 else x, y) for x, y in given.batches]
        self.batches = endless(images)
        self.value: Any = None

    def step(self) -> None:
        x, y = next(self.batches)
        self.value = self.network.train_on_batch(x, y)

    def wait(self) -> None:
        """train_on_batch returns numbers of the host."""

    def loss(self) -> float:
        """It reports the mean since the metrics were reset: once a step, that is the step's own."""
        value = self.value[0] if isinstance(self.value, list | tuple) else self.value
        self.network.reset_metrics()
        return float(value)
