"""References from vectors, where this platform's longdouble is too narrow to compute them."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from nnspec import Backend
from nnspec.margins import Analysis
from nnspec_conformance.case import Case
from nnspec_conformance.vectors._store import Vectors

__all__ = ["VARIABLE", "shipped"]

#: the environment variable that names the folder
VARIABLE = "NNSPEC_VECTORS"


@functools.cache
def _opened(folder: str) -> Vectors:
    return Vectors(Path(folder))


@functools.lru_cache(maxsize=64)
def shipped(case: Case, dtype: str, seed: int) -> Analysis | str:
    """The reference of a case from the vectors that NNSPEC_VECTORS names; why there is none, as the end of a sentence.

    Raises:
        VectorsError: the folder is damaged, or something else.
    """
    folder = os.environ.get(VARIABLE)
    if not folder:
        return f"and no vectors are given ({VARIABLE}, or --vectors)"
    if seed:
        return "and vectors have the released inputs only"
    vectors = _opened(folder)
    found = vectors.cases.get(case.id)
    if found is None or dtype not in found.dtypes:
        return "and the vectors do not have the case"
    entry = found.dtypes[dtype]
    if entry.digest != case.digest(dtype, seed):
        return "and the vectors have other inputs or options of the case"
    if found.definition_digest != Backend.operations()[case.operation].digest:
        return "and the vectors were made from another text of the definition"
    if entry.error is not None or not entry.values:
        return "and the vectors have no reference of the case"
    return vectors.analysis(entry)
