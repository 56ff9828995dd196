"""The training run of the suite: scikit-learn's handwritten digits, an MLP, the same seeds on every backend."""

from __future__ import annotations

import functools
import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec import Backend
from nnspec.errors import MissingExtraError
from nnspec.reference import Model, Reference
from nnspec_conformance.references import kept

__all__ = [
    "BATCH",
    "COMPARED",
    "EPOCHS",
    "Data",
    "Expectation",
    "History",
    "data",
    "expectation",
    "train",
]

HIDDEN, RATE, LR, BATCH, EPOCHS = 128, 0.2, 1e-3, 64, 60
#: losses compared with the reference's ensemble; later ones drift apart, as rounding feeds on itself
COMPARED = 20


@dataclass(frozen=True)
class Data:
    """Images as rows of 64 grey values in [0, 1]."""

    train_x: NDArray[np.float32]
    train_y: NDArray[np.int32]
    test_x: NDArray[np.float32]
    test_y: NDArray[np.int32]


def _table() -> NDArray[np.float64]:
    """A row an image, the label last: scikit-learn's file, read without importing scikit-learn, which takes 2 s."""
    found = importlib.util.find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError("training needs scikit-learn's digits; run: pip install 'nnspec[conformance]'")
    return np.loadtxt(Path(found.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz", delimiter=",")


@functools.cache
def data() -> Data:
    """1,797 real images, 1,437 to train and 360 to test, stratified by the portable generator's key 0."""
    table = _table()
    x, y = (table[:, :-1] / 16).astype(np.float32), table[:, -1].astype(np.int32)
    reference = Reference()
    rank = np.asarray(reference.random_bits(reference.key(0), (len(y),)))
    test = np.zeros(len(y), bool)
    for label, count in _allotment(y, 360).items():
        members = np.flatnonzero(y == label)
        test[members[np.argsort(rank[members], kind="stable")][:count]] = True
    return Data(x[~test], y[~test], x[test], y[test])


def _allotment(labels: NDArray[np.int32], total: int) -> dict[int, int]:
    """How many of each label go to a part of `total`: in proportion, remainders to the largest."""
    found, counts = np.unique(labels, return_counts=True)
    shares = counts * total / counts.sum()
    given = np.floor(shares).astype(int)
    given[np.argsort(given - shares, kind="stable")[: total - given.sum()]] += 1
    return dict(zip(found.tolist(), given.tolist(), strict=True))


# -- the model, written once over a backend --------------------------------------------------------------


def initial(backend: Backend, seed: int) -> dict[str, Any]:
    """Weights, identical to the bit on every backend."""
    first, second = (backend.fold_in(backend.key(seed), i) for i in (1, 2))
    return {
        "hidden": {
            "weight": backend.init_xavier_uniform(first, (HIDDEN, 64), dtype="float32"),
            "bias": backend.init_zeros((HIDDEN,), dtype="float32"),
        },
        "output": {
            "weight": backend.init_xavier_uniform(second, (10, HIDDEN), dtype="float32"),
            "bias": backend.init_zeros((10,), dtype="float32"),
        },
    }


def logits(backend: Backend, params: Any, x: Any, key: Any = None) -> Any:
    """64-128-10, ReLU; dropout where a key is given."""
    hidden = backend.relu(backend.linear(x, **params["hidden"]))
    if key is not None:
        hidden = backend.dropout(hidden, rate=RATE, key=key)
    return backend.linear(hidden, **params["output"])


def make_step(backend: Backend) -> Any:
    """One step of Adam on one batch: (params, state, x, y, key) -> (params, state, loss)."""

    def loss(params: Any, x: Any, y: Any, key: Any) -> Any:
        return backend.cross_entropy(logits(backend, params, x, key), y)

    def step(params: Any, state: Any, x: Any, y: Any, key: Any) -> Any:
        value, grads = backend.value_and_grad(loss)(params, x, y, backend.fold_in(key, state["step"]))
        params, state = backend.adam_update(params, grads, state, lr=LR)
        return params, state, value

    return step


@functools.lru_cache(maxsize=1)
def compiled_step(backend: Backend) -> Any:
    """One compilation for all seeds; parameters and state are donated."""
    return backend.compile(make_step(backend), donate=(0, 1))


def batches(backend: Backend, seed: int, epoch: int) -> NDArray[np.intp]:
    """Rows of the training set, a batch a row, shuffled by the portable generator; the remainder sits out."""
    key = backend.fold_in(backend.fold_in(backend.key(seed), 3), epoch)
    words = backend.to_numpy(backend.random_bits(key, (len(data().train_y),)))
    order = np.argsort(words, kind="stable")
    count = len(order) // BATCH
    return order[: count * BATCH].reshape(count, BATCH)


def mask_key(backend: Backend, seed: int) -> Any:
    """The key of a run's dropout masks; each step folds its number in."""
    return backend.fold_in(backend.key(seed), 4)


@dataclass(frozen=True)
class History:
    """What a training run leaves."""

    #: before training, without dropout, over the training set
    initial_loss: float
    #: of the first steps
    first_losses: list[float]
    #: mean over each epoch
    epoch_losses: list[float]
    #: after the last epoch, without dropout
    accuracy: float


def train(backend: Backend, seed: int, epochs: int = EPOCHS) -> History:
    """Train on a backend."""
    digits = data()
    params = initial(backend, seed)
    state = backend.adam_init(params)
    initial_loss = _evaluate(backend, params, digits)[0]
    step = compiled_step(backend)
    key = mask_key(backend, seed)
    first: list[float] = []
    means: list[float] = []
    for epoch in range(epochs):
        losses = []
        for rows in batches(backend, seed, epoch):
            x = backend.asarray(digits.train_x[rows], dtype="float32")
            y = backend.asarray(digits.train_y[rows])
            params, state, value = step(params, state, x, y, key)
            losses.append(value)
        host = [float(backend.to_numpy(v)) for v in losses]
        first += host[: COMPARED - len(first)]
        means.append(math.fsum(host) / len(host))
    return History(initial_loss, first, means, _evaluate(backend, params, digits)[1])


def _evaluate(backend: Backend, params: Any, digits: Data) -> tuple[float, float]:
    """Training loss and test accuracy without dropout."""
    x, y = backend.asarray(digits.train_x, dtype="float32"), backend.asarray(digits.train_y)
    loss = float(backend.to_numpy(backend.cross_entropy(logits(backend, params, x), y)))
    scores = backend.to_numpy(logits(backend, params, backend.asarray(digits.test_x, dtype="float32")))
    return loss, float(np.mean(np.argmax(scores, axis=1) == digits.test_y))


# -- what is expected of it ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Expectation:
    """The first losses in float64 and the size of float32's rounding in each."""

    losses: NDArray[np.float64]
    units: NDArray[np.float64]


@functools.cache
def expectation(seed: int) -> Expectation:
    """The run's first steps on the reference, K = 8 deviations in float64, float32's roundoff."""
    return kept(f"training/digits/{seed}", lambda: _expectation(seed), Expectation)


def _expectation(seed: int) -> Expectation:
    model = Model("float32", members=8, extended=np.float64, seed=seed)
    reference = Reference(model)
    digits = data()
    params: Any = _tree_map(model.input, initial(Reference(), seed))
    state = reference.adam_init(params)
    step, key = make_step(reference), mask_key(reference, seed)
    losses, units = [], []
    with np.errstate(all="ignore"):
        for rows in batches(reference, seed, 0)[:COMPARED]:
            x = model.exact(digits.train_x[rows])
            params, state, value = step(params, state, x, digits.train_y[rows], key)
            losses.append(float(value.value))
            units.append(float(np.hypot(value.spread(), model.roundoff * abs(float(value.value)))))
    return Expectation(np.array(losses), np.array(units))


def _tree_map(function: Any, tree: dict[str, Any]) -> dict[str, Any]:
    return {k: _tree_map(function, v) if isinstance(v, dict) else function(v) for k, v in tree.items()}


def identical(backend: Backend, seeds: Sequence[int]) -> str | None:
    """Whether initial weights, batches and the first masks equal the reference's to the bit; else what differs."""
    reference = Reference()
    for seed in seeds:
        ours, theirs = initial(backend, seed), initial(reference, seed)
        for layer in theirs:
            for name, wanted in theirs[layer].items():
                if not np.array_equal(backend.to_numpy(ours[layer][name]), wanted.astype(np.float32)):
                    return f"seed {seed}: initial {layer} {name} differs"
        if not np.array_equal(batches(backend, seed, 0), batches(reference, seed, 0)):
            return f"seed {seed}: the first epoch's batches differ"
        for step in range(3):
            masks = [
                b.to_numpy(b.dropout_mask(b.fold_in(mask_key(b, seed), step), (BATCH, HIDDEN), rate=RATE))
                for b in (backend, reference)
            ]
            if not np.array_equal(*masks):
                return f"seed {seed}: the mask of step {step} differs"
    return None
