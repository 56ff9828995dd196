"""The five models, the weights they all start from, and the batches they all see. Imports no framework."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

__all__ = ["LR", "MODELS", "Batches", "Model", "Setup", "Trainer", "Weights", "batches", "endless", "setup", "weights"]

#: learning rate of Adam, everywhere
LR = 1e-3
#: how many batches a contestant goes round
_BATCHES = 4
_SEED = 20

#: "0.weight": array, in the order of the layers; dense (out, in), convolution (out, in, 3, 3)
Weights = dict[str, np.ndarray[Any, np.dtype[np.float32]]]
Batches = Sequence[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]


@dataclass(frozen=True)
class Model:
    """What is trained: ReLU between layers, cross-entropy on top, Adam, float32."""

    name: str
    batch: int
    #: features of each dense layer, the input's first; of "CNN" the channels of each image
    sizes: tuple[int, ...]
    #: dropout after each hidden layer's ReLU
    rate: float = 0.0
    #: whether each hidden layer has batch normalization, before its ReLU
    norm: bool = False
    #: side of the square images; 0 for dense models
    image: int = 0
    #: of the output
    classes: int = 0

    @property
    def layers(self) -> int:
        """How many linear or convolutional layers there are."""
        return len(self.sizes) if self.image else len(self.sizes) - 1

    @property
    def flat(self) -> int:
        """Features before the last layer of a convolutional model: each layer before it halves the image."""
        side = self.image >> (len(self.sizes) - 1)
        return side * side * self.sizes[-1]

    def without_dropout(self) -> Model:
        """The model whose losses can be compared: no two contestants draw the same masks."""
        return replace(self, rate=0.0)


MODELS = {
    model.name: model
    for model in (
        Model("tiny", 32, (2, 16, 2), classes=2),
        Model("mid", 64, (784, 256, 256, 10), classes=10),
        Model("mid+", 64, (784, 256, 256, 10), classes=10, rate=0.2, norm=True),
        Model("large", 256, (1024, 1024, 1024, 1024, 1024), classes=1024),
        # 3 x 3 convolutions with a border of 1, each followed by ReLU and maxima of 2 x 2
        Model("CNN", 32, (1, 16, 32), image=28, classes=10),
    )
}


@dataclass(frozen=True)
class Setup:
    """What every contestant of a model is given."""

    model: Model
    weights: Weights
    batches: Batches
    device: str | None = None


class Trainer(Protocol):
    """One contestant: a model in training."""

    def step(self) -> None:
        """Train on the next batch."""

    def wait(self) -> None:
        """Return when everything issued is done."""

    def loss(self) -> float:
        """That of the last step, before its update."""


def setup(model: Model, device: str | None = None, moved: int = 0) -> Setup:
    """The same for whoever asks; `moved`, if not 0, is a way of moving the weights by one rounding unit."""
    drawn = weights(model)
    return Setup(model, _moved(drawn, moved) if moved else drawn, batches(model), device)


def _moved(drawn: Weights, way: int) -> Weights:
    """Every number to the next one of float32, up or down by chance; the zeros of biases stay."""
    rng, far = np.random.default_rng(way), np.float32(np.inf)
    toward = {name: np.where(rng.random(x.shape) < 0.5, -far, far) for name, x in drawn.items()}
    return {name: np.where(x == 0, x, np.nextafter(x, toward[name])) for name, x in drawn.items()}


def weights(model: Model) -> Weights:
    """He's uniform for weights, 0 for biases, by nnspec's portable initializers: the same on every backend."""
    return {name: x.copy() for name, x in _drawn(model).items()}


@functools.lru_cache(maxsize=1)
def _drawn(model: Model) -> Weights:
    import nnspec

    B = nnspec.get_backend("numpy")
    shapes = _shapes(model)
    drawn: Weights = {}
    for i, (shape, key) in enumerate(zip(shapes, B.split(B.key(_SEED), len(shapes)), strict=True)):
        drawn[f"{i}.weight"] = B.to_numpy(B.init_he_uniform(key, shape, dtype="float32"))
        drawn[f"{i}.bias"] = np.zeros(shape[0], np.float32)
    return drawn


def _shapes(model: Model) -> list[tuple[int, ...]]:
    pairs = itertools.pairwise(model.sizes)
    if not model.image:
        return [(out, given) for given, out in pairs]
    return [*((out, given, 3, 3) for given, out in pairs), (model.classes, model.flat)]


def batches(model: Model) -> Batches:
    """Normal inputs and labels that depend on them, so that there is something to learn."""
    rng = np.random.default_rng(_SEED)
    shape = (model.sizes[0], model.image, model.image) if model.image else (model.sizes[0],)
    made = []
    for _ in range(_BATCHES):
        x = rng.standard_normal((model.batch, *shape), dtype=np.float32)
        y = np.abs(x.reshape(model.batch, -1)[:, :2].sum(axis=1) * model.classes).astype(np.int64) % model.classes
        made.append((x, y))
    return made


def endless(pairs: Sequence[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
    """Batch after batch, round and round."""
    return itertools.cycle(pairs)
