"""The definitions at extended precision, their derivatives, and the rounding model."""

from nnspec.reference.analysis import (
    Analysis,
    Expected,
    Margin,
    Program,
    SuiteError,
    analyse,
    cotangents,
    crosscheck,
    margin,
)
from nnspec.reference.ensemble import Condition, Ensemble, Model
from nnspec.reference.oracle import Reference

__all__ = [
    "Analysis",
    "Condition",
    "Ensemble",
    "Expected",
    "Margin",
    "Model",
    "Program",
    "Reference",
    "SuiteError",
    "analyse",
    "cotangents",
    "crosscheck",
    "margin",
]
