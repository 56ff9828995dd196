"""Metrics over many batches: what is counted is added up, and the ratio is taken at the end."""

from nnspec.metrics._areas import Mean, RocAuc
from nnspec.metrics._base import Metric
from nnspec.metrics._counted import F1, Accuracy, ConfusionMatrix, Precision, Recall, TopKAccuracy

__all__ = [
    "F1",
    "Accuracy",
    "ConfusionMatrix",
    "Mean",
    "Metric",
    "Precision",
    "Recall",
    "RocAuc",
    "TopKAccuracy",
]
