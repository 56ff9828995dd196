"""Metrics that need the values themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nnspec.metrics._base import Metric
from nnspec.operation import Array
from nnspec.ops import _metric_checks as checks

__all__ = ["Mean", "RocAuc"]


@dataclass
class RocAuc(Metric):
    """Area under the ROC curve, as `roc_auc`, exact: it keeps every score, and sorts them once.

    Args:
        backend: whose arrays the batches are.

    Example:
        >>> from nnspec.metrics import RocAuc
        >>> metric = RocAuc(B)
        >>> metric.update(B.asarray([0.1, 0.4]), B.asarray([0, 0]))
        >>> metric.update(B.asarray([0.4, 0.8]), B.asarray([1, 1]))
        >>> metric.compute()
        0.875
    """

    def reset(self) -> None:
        self._positive: list[NDArray[Any]] = []
        self._negative: list[NDArray[Any]] = []

    def update(self, scores: Array, target: Array) -> None:
        """Keep a batch; arrays and errors as for `roc_auc`."""
        checks.roc_auc(self.backend, scores, target)
        host, positive = self.backend.to_numpy(scores), self.backend.to_numpy(target) == 1
        self._positive.append(host[positive])
        self._negative.append(host[~positive])

    def compute(self) -> float:
        positive, negative = (
            np.concatenate([np.zeros(0), *parts]).astype(np.float64) for parts in (self._positive, self._negative)
        )
        pairs = positive.size * negative.size
        below = np.sort(negative[~np.isnan(negative)])
        at = positive[~np.isnan(positive)]
        # below a score lie those left of it, and half of those equal to it
        doubled = np.searchsorted(below, at, "left").sum() + np.searchsorted(below, at, "right").sum()
        return int(doubled) / (2 * pairs) if pairs else 0.0

    def _add(self, other: Self) -> None:
        self._positive += other._positive
        self._negative += other._negative


@dataclass
class Mean(Metric):
    """Weighted mean, as `mean`, summed in float64.

    Args:
        backend: whose arrays the batches are.

    Example:
        >>> from nnspec.metrics import Mean
        >>> metric = Mean(B)
        >>> metric.update(B.asarray([1.0]), B.asarray([3.0]))
        >>> metric.update(B.asarray([4.0]))
        >>> metric.compute()
        1.75
    """

    def reset(self) -> None:
        self._sum, self._weight = 0.0, 0.0

    def update(self, values: Array, weight: Array | None = None) -> None:
        """Count a batch; arrays and errors as for `mean`."""
        checks.mean(self.backend, values, weight)
        host = self.backend.to_numpy(values).astype(np.float64)
        weights = np.ones(host.shape) if weight is None else self.backend.to_numpy(weight).astype(np.float64)
        self._sum += float(np.sum(np.where(weights == 0, 0.0, host) * weights))
        self._weight += float(np.sum(weights))

    def compute(self) -> float:
        return self._sum / self._weight if self._weight else 0.0

    def _add(self, other: Self) -> None:
        self._sum += other._sum
        self._weight += other._weight
