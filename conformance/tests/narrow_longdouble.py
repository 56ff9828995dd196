"""NumPy's backend where longdouble is no wider than float64: importing this module makes the suite believe so."""

from __future__ import annotations

from nnspec_backends.numpy import NumpyBackend
from nnspec_conformance import references

references.is_wide_enough = lambda dtype: dtype != "float64"


class Narrow(NumpyBackend):
    pass
