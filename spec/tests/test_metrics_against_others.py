"""Metrics of whole arrays, and of batches, against scikit-learn."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as theirs

import nnspec
from nnspec import metrics
from nnspec.errors import ArgumentError

B: Any = nnspec.get_backend("numpy", dtype="float64")
CLASSES = 5
AVERAGES = ("macro", "micro", "weighted", "none")


def draw(count: int = 200, seed: int = 0) -> tuple[Any, Any, Any]:
    """Scores of five classes, two of them rare; the true classes; and scores of class 1 of two, with ties."""
    generator = np.random.default_rng(seed)
    target = generator.choice(CLASSES, count, p=[0.5, 0.3, 0.17, 0.03, 0.0])
    scores = generator.normal(size=(count, CLASSES)) + 1.5 * np.eye(CLASSES)[target]
    binary = np.round(generator.uniform(size=count), 1)
    return scores, target, binary


def batches(*arrays: Any) -> Iterator[tuple[Any, ...]]:
    """Pieces of uneven size, one of them empty."""
    ends = [0, 1, 1, 60, 61, len(arrays[0])]
    for start, stop in itertools.pairwise(ends):
        yield tuple(B.asarray(a[start:stop]) for a in arrays)


def streamed(metric: Any, *arrays: Any) -> Any:
    """The metric of all batches: added up by one object, and by two that are merged."""
    half = type(metric)(**{f: getattr(metric, f) for f in metric.__dataclass_fields__ if not f.startswith("_")})
    for i, batch in enumerate(batches(*arrays)):
        (metric if i % 2 else half).update(*batch)
    metric.merge(half)
    merged = metric.compute()
    metric.reset()
    for batch in batches(*arrays):
        metric.update(*batch)
    np.testing.assert_allclose(metric.compute(), merged, rtol=1e-14)
    return merged


def agree(wanted: Any, *found: Any) -> None:
    for each in found:
        np.testing.assert_allclose(np.asarray(each), wanted, rtol=1e-13, atol=1e-15)


def test_accuracy() -> None:
    scores, target, binary = draw()
    said = scores.argmax(-1)
    wanted = theirs.accuracy_score(target, said)
    for predicted in (scores, said):
        agree(
            wanted,
            B.accuracy(B.asarray(predicted), B.asarray(target)),
            streamed(metrics.Accuracy(B), predicted, target),
        )
    two = target % 2
    for threshold in (0.5, 0.3):
        agree(
            theirs.accuracy_score(two, binary > threshold),
            B.accuracy(B.asarray(binary), B.asarray(two), threshold=threshold),
            streamed(metrics.Accuracy(B, threshold=threshold), binary, two),
        )


@pytest.mark.parametrize("k", [1, 2, 4])
def test_top_k_accuracy(k: int) -> None:
    scores, target, _ = draw()
    wanted = theirs.top_k_accuracy_score(target, scores, k=k, labels=range(CLASSES))
    agree(
        wanted,
        B.top_k_accuracy(B.asarray(scores), B.asarray(target), k=k),
        streamed(metrics.TopKAccuracy(B, k=k), scores, target),
    )


def test_confusion_matrix() -> None:
    scores, target, _ = draw()
    wanted = theirs.confusion_matrix(target, scores.argmax(-1), labels=range(CLASSES))
    agree(
        wanted,
        B.confusion_matrix(B.asarray(scores), B.asarray(target), num_classes=CLASSES),
        streamed(metrics.ConfusionMatrix(B, num_classes=CLASSES), scores, target),
    )


RATES: dict[str, tuple[Any, Any]] = {
    "precision": (theirs.precision_score, metrics.Precision),
    "recall": (theirs.recall_score, metrics.Recall),
    "f1": (theirs.f1_score, metrics.F1),
}


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("name", RATES)
def test_rates(name: str, average: str) -> None:
    judge, make = RATES[name]
    scores, target, _ = draw()
    scores[:, 2] = -9  # a class that is never predicted; class 4 is never true
    kind = None if average == "none" else average
    wanted = judge(target, scores.argmax(-1), labels=range(CLASSES), average=kind, zero_division=0)
    options = {"num_classes": CLASSES, "average": average}
    agree(
        wanted,
        getattr(B, name)(B.asarray(scores), B.asarray(target), **options),
        streamed(make(B, **options), scores, target),
    )


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("threshold", [0.5, 0.8, 2.0])
def test_binary_rates(name: str, threshold: float) -> None:
    judge, make = RATES[name]
    _, target, binary = draw()
    two = target % 2
    agree(
        judge(two, binary > threshold, zero_division=0),
        getattr(B, name)(B.asarray(binary), B.asarray(two), threshold=threshold),
        streamed(make(B, threshold=threshold), binary, two),
    )


@pytest.mark.parametrize("seed", range(5))
def test_roc_auc(seed: int) -> None:
    scores, target, binary = draw(seed=seed)
    two = target % 2
    for given in (binary, scores[:, 0], -binary):
        agree(
            theirs.roc_auc_score(two, given),
            B.roc_auc(B.asarray(given), B.asarray(two)),
            streamed(metrics.RocAuc(B), given, two),
        )


def test_roc_auc_of_specials() -> None:
    """What scikit-learn refuses: one class alone, NaN, infinities."""
    one = B.asarray([1, 1, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        agree(
            0.0, B.roc_auc(B.asarray([0.1, 0.2, 0.3]), one), streamed(metrics.RocAuc(B), np.ones(61), np.ones(61, int))
        )
    given = np.resize([np.nan, 1.0, 0.5, -np.inf, 2.0, np.inf, 0.5], 70)
    two = np.resize([1, 0, 1, 1, 0], 70)
    agree(B.roc_auc(B.asarray(given), B.asarray(two)), streamed(metrics.RocAuc(B), given, two))


def test_mean() -> None:
    values, _, weight = draw()
    agree(
        np.average(values[:, 0], weights=weight),
        B.mean(B.asarray(values[:, 0]), B.asarray(weight)),
        streamed(metrics.Mean(B), values[:, 0], weight),
    )
    agree(np.mean(values), B.mean(B.asarray(values)), streamed(metrics.Mean(B), values))


@pytest.mark.parametrize(
    "metric",
    [
        metrics.Accuracy(B),
        metrics.TopKAccuracy(B),
        metrics.Precision(B),
        metrics.Recall(B, num_classes=3, average="micro"),
        metrics.F1(B, num_classes=3, average="weighted"),
        metrics.RocAuc(B),
        metrics.Mean(B),
    ],
    ids=lambda metric: type(metric).__name__,
)
def test_nothing_counts_as_0(metric: Any) -> None:
    assert metric.compute() == 0.0


def test_metrics_of_another_kind_are_not_merged() -> None:
    with pytest.raises(ArgumentError, match="other: expected"):
        metrics.Accuracy(B).merge(metrics.Mean(B))
    with pytest.raises(ArgumentError, match="other: expected"):
        metrics.Precision(B).merge(metrics.Precision(B, threshold=0.25))


@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
def test_every_backend_streams(name: str) -> None:
    """Float32 arrays of each backend, and Python numbers as results."""
    backend: Any = nnspec.get_backend(name)
    scores, target, binary = draw()
    two = target % 2
    for metric, arrays in (
        (metrics.Accuracy(backend), (scores, target)),
        (metrics.TopKAccuracy(backend, k=2), (scores, target)),
        (metrics.F1(backend, num_classes=CLASSES, average="macro"), (scores, target)),
        (metrics.RocAuc(backend), (binary, two)),
        (metrics.Mean(backend), (binary,)),
    ):
        metric.update(*map(backend.asarray, arrays))
        assert isinstance(metric.compute(), float)
        operation = {
            "Accuracy": "accuracy",
            "TopKAccuracy": "top_k_accuracy",
            "F1": "f1",
            "RocAuc": "roc_auc",
            "Mean": "mean",
        }[type(metric).__name__]
        options = {f: getattr(metric, f) for f in metric.__dataclass_fields__ if f != "backend" and f[0] != "_"}
        whole = getattr(backend, operation)(*map(backend.asarray, arrays), **options)
        assert metric.compute() == pytest.approx(float(whole), rel=1e-6)
