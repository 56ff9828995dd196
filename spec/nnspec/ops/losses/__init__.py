"""Losses: distances, margins, likelihoods, divergences, and losses of embeddings, masks and sequences.

Three rules hold for all of them. A reduction "none" gives the (weighted) loss of every sample, "sum" adds
them up, "mean" divides that sum by the sum of the weights, which is the number of samples where there are
none, and is 0 where the weights add up to 0. Shapes must agree exactly: nothing is broadcast. A sample of
weight 0 counts as absent: whatever is in it, NaN included, reaches neither value nor gradient. Weights are
constants: no derivative with respect to them is required.
"""

from __future__ import annotations

from nnspec.ops.losses._binary import Binary
from nnspec.ops.losses._classes import Classes
from nnspec.ops.losses._ctc import Ctc
from nnspec.ops.losses._densities import Densities
from nnspec.ops.losses._distances import Distances
from nnspec.ops.losses._divergences import Divergences
from nnspec.ops.losses._margins import Margins
from nnspec.ops.losses._metric import Metric
from nnspec.ops.losses._segmentation import Segmentation

__all__ = ["Losses"]


class Losses(Distances, Classes, Binary, Margins, Densities, Divergences, Metric, Segmentation, Ctc):
    """Losses. Each takes a `reduction`, "mean", "sum" or "none", and a `sample_weight`, one a sample."""
