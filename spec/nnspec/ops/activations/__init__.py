"""Activations: elementwise nonlinearities, gated units, maxout and the softmax pair."""

from __future__ import annotations

from nnspec.ops.activations._gates import Gates
from nnspec.ops.activations._piecewise_linear import PiecewiseLinear
from nnspec.ops.activations._sigmoids import Sigmoids
from nnspec.ops.activations._smooth_rectifiers import SmoothRectifiers
from nnspec.ops.activations._softmax import Softmax

__all__ = ["Activations"]


class Activations(PiecewiseLinear, SmoothRectifiers, Sigmoids, Gates, Softmax):
    """Every activation. Results have the dtype of `x`, and its shape unless an operation says otherwise."""
