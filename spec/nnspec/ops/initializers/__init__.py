"""Initializers: drawn once, on the host, by the generator of this specification, then handed to the backend.

So one key gives the same parameters, to the bit, on every backend and device. Weights have their output units
along axis 0, the inputs of a group along axis 1, and their receptive field along the rest; a fan is the
number of connections into (fan_in) or out of (fan_out) a unit, and at least 1.
"""

from __future__ import annotations

from nnspec.ops.initializers._constants import Constants
from nnspec.ops.initializers._distributions import Distributions
from nnspec.ops.initializers._fans import VarianceScaling
from nnspec.ops.initializers._matrices import Matrices

__all__ = ["Initializers"]


class Initializers(Constants, Distributions, VarianceScaling, Matrices):
    """Initial parameters. Every result has the shape asked for; a `dtype` of None is the backend's."""
