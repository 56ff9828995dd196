"""Recorded plans: what a compiled function computed, as calls over arrays that are kept (DESIGN 3)."""

from nnspec_backends.numpy._plan._compiled import Compiled, plan_mode
from nnspec_backends.numpy._plan._functions import word_of
from nnspec_backends.numpy._plan._recorder import (
    Recorder,
    Traced,
    UnplannableError,
    of_arrays,
    of_arrays_into,
    recorder_of,
)

__all__ = [
    "Compiled",
    "Recorder",
    "Traced",
    "UnplannableError",
    "of_arrays",
    "of_arrays_into",
    "plan_mode",
    "recorder_of",
    "word_of",
]
