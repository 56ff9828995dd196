"""What a failure tells beyond its verdict: its inputs, its likely cause, and a script that repeats it by itself.

This module imports no reference, since `nnspec vectors check` has none.
"""

from nnspec_conformance.explain._causes import UNKNOWN, cause_of
from nnspec_conformance.explain._evidence import Evidence
from nnspec_conformance.explain._inputs import described

__all__ = ["UNKNOWN", "Evidence", "cause_of", "described"]
