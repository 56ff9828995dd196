"""Metrics that are ratios of counts, which add up over batches exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from nnspec.metrics._base import Metric
from nnspec.operation import Array
from nnspec.ops import _counts as counts
from nnspec.ops import _metric_checks as checks
from nnspec.tape import namespace

__all__ = ["F1", "Accuracy", "ConfusionMatrix", "Precision", "Recall", "TopKAccuracy"]


@dataclass
class _Share(Metric):
    """How many of all samples are correct."""

    def reset(self) -> None:
        self._correct, self._all = 0, 0

    def _count(self, correct: Array, target: Array) -> None:
        self._correct += int(self.backend.to_numpy(correct))
        self._all += math.prod(target.shape)

    def compute(self) -> float:
        return self._correct / max(self._all, 1)

    def _add(self, other: Self) -> None:
        self._correct += other._correct
        self._all += other._all


@dataclass
class Accuracy(_Share):
    """Share of correct classes, as `accuracy`.

    Args:
        backend: whose arrays the batches are.
        threshold: a score of class 1 of two above it stands for that class.

    Example:
        >>> from nnspec.metrics import Accuracy
        >>> metric = Accuracy(B)
        >>> metric.update(B.asarray([1, 0]), B.asarray([1, 1]))
        >>> metric.update(B.asarray([2]), B.asarray([2]))
        >>> round(metric.compute(), 6)
        0.666667
    """

    threshold: float = 0.5

    def update(self, predicted: Array, target: Array) -> None:
        """Count a batch; arrays and errors as for `accuracy`."""
        checks.accuracy(self.backend, predicted, target, threshold=self.threshold)
        self._count(counts.correct(self.backend, predicted, target, self.threshold), target)


@dataclass
class TopKAccuracy(_Share):
    """Share of samples whose true class is among the k best scored, as `top_k_accuracy`.

    Args:
        backend: whose arrays the batches are.
        k: how many of the best count.

    Example:
        >>> from nnspec.metrics import TopKAccuracy
        >>> metric = TopKAccuracy(B, k=2)
        >>> metric.update(B.asarray([[0.1, 0.6, 0.3], [0.4, 0.1, 0.5]]), B.asarray([2, 1]))
        >>> metric.compute()
        0.5
    """

    k: int = 5

    def update(self, scores: Array, target: Array) -> None:
        """Count a batch; arrays and errors as for `top_k_accuracy`."""
        checks.top_k(self.backend, scores, target, k=self.k)
        self._count(counts.correct_in_top(self.backend, scores, target, self.k), target)


@dataclass
class _Matrix(Metric):
    """How often each class was taken for each, in int64."""

    num_classes: int = 2
    threshold: float = 0.5

    def reset(self) -> None:
        self._matrix: NDArray[np.int64] = np.zeros((self.num_classes, self.num_classes), np.int64)

    def update(self, predicted: Array, target: Array) -> None:
        """Count a batch; arrays and errors as for `confusion_matrix`."""
        matrix = self.backend.confusion_matrix(
            predicted, target, num_classes=self.num_classes, threshold=self.threshold
        )
        self._matrix += self.backend.to_numpy(matrix)

    def _add(self, other: Self) -> None:
        self._matrix += other._matrix


@dataclass
class ConfusionMatrix(_Matrix):
    """How often each class was taken for each, as `confusion_matrix`; the counts are int64.

    Args:
        backend: whose arrays the batches are.
        num_classes: how many classes there are.
        threshold: a score of class 1 of two above it stands for that class.

    Example:
        >>> from nnspec.metrics import ConfusionMatrix
        >>> metric = ConfusionMatrix(B)
        >>> metric.update(B.asarray([1, 1, 0]), B.asarray([1, 0, 0]))
        >>> metric.compute().tolist()
        [[1, 1], [0, 1]]
    """

    def compute(self) -> NDArray[np.int64]:
        return self._matrix.copy()


@dataclass
class _Rate(_Matrix):
    """A ratio of counts of a confusion matrix."""

    average: str = "binary"
    _kind: ClassVar[str]

    def __post_init__(self) -> None:
        nothing = self.backend.asarray(np.zeros(0, np.int32))
        checks.rate(
            self.backend,
            nothing,
            nothing,
            num_classes=self.num_classes,
            average=self.average,
            threshold=self.threshold,
        )
        super().__post_init__()

    def compute(self) -> Any:
        found = counts.averaged(namespace, np.float64, self._matrix, self._kind, self.average)
        return found if self.average == "none" else float(found)


@dataclass
class Precision(_Rate):
    """How many of those called a class are of it, as `precision`.

    Args:
        backend: whose arrays the batches are.
        num_classes: how many classes there are.
        threshold: a score of class 1 of two above it stands for that class.
        average: "binary", "macro", "micro", "weighted" or "none".

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.metrics import Precision
        >>> metric = Precision(B)
        >>> metric.update(B.asarray([1, 1, 0]), B.asarray([1, 0, 1]))
        >>> metric.compute()
        0.5
    """

    _kind = "precision"


@dataclass
class Recall(_Rate):
    """How many of a class are called so, as `recall`.

    Args:
        backend: whose arrays the batches are.
        num_classes: how many classes there are.
        threshold: a score of class 1 of two above it stands for that class.
        average: "binary", "macro", "micro", "weighted" or "none".

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.metrics import Recall
        >>> metric = Recall(B)
        >>> metric.update(B.asarray([1, 1, 0]), B.asarray([1, 0, 0]))
        >>> metric.compute()
        1.0
    """

    _kind = "recall"


@dataclass
class F1(_Rate):
    """Harmonic mean of precision and recall, as `f1`.

    Args:
        backend: whose arrays the batches are.
        num_classes: how many classes there are.
        threshold: a score of class 1 of two above it stands for that class.
        average: "binary", "macro", "micro", "weighted" or "none".

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.metrics import F1
        >>> metric = F1(B)
        >>> metric.update(B.asarray([1, 1, 0]), B.asarray([1, 0, 1]))
        >>> metric.compute()
        0.5
    """

    _kind = "f1"
