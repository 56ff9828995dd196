"""What is expected of a case: computed once on the reference, kept in memory and on disk."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from nnspec._low_precision import limits
from nnspec.reference import Analysis, Expected, analyse, crosscheck
from nnspec_conformance.cache import opened
from nnspec_conformance.case import Case, seed_of
from nnspec_conformance.vectors._shipped import shipped

__all__ = ["analysis", "is_wide_enough", "kept", "unfounded"]

_T = TypeVar("_T")


def is_wide_enough(dtype: str) -> bool:
    """Whether this platform's longdouble can judge a dtype."""
    return bool(np.finfo(np.longdouble).eps < limits(dtype).eps / 100)


def unfounded(case: Case, dtype: str, seed: int) -> str | None:
    """Why there is no reference of a case to trust; None where there is one."""
    found = None if is_wide_enough(dtype) else shipped(case, dtype, seed)
    return f"longdouble is no wider than {dtype} on this platform, {found}" if isinstance(found, str) else None


@functools.lru_cache(maxsize=64)
def analysis(case: Case, dtype: str, seed: int) -> Analysis:
    """The reference of a case and its units; the same object for every backend in this process.

    Raises:
        SuiteError: the reference disagrees with itself.
    """
    found = None if is_wide_enough(dtype) else shipped(case, dtype, seed)
    if isinstance(found, Analysis):
        return found
    key = f"{case.id}/{case.digest(dtype, seed)}/{'+'.join(case.differentiated)}/{dtype}/{seed}"
    return kept(key, lambda: _analyse(case, dtype, seed), Analysis, Expected)


def _analyse(case: Case, dtype: str, seed: int) -> Analysis:
    inputs = case.arrays(dtype, seed)
    names = case.differentiated
    found = analyse(case.run, inputs, dtype=dtype, differentiate=names, seed=seed_of(case.id, "noise", seed))
    # the definition has one derivative in every dtype, and in cases derived from others
    if names and not case.sharp and case.derivation is None and dtype == case.dtypes[0]:
        crosscheck(case.run, inputs, found, seed=seed_of(case.id, "direction", seed))
    return found


def kept(key: str, compute: Callable[[], _T], *types: type) -> _T:
    """What `compute` returns, from the cache where it is there.

    Args:
        key: everything it depends on besides the texts of the specification and the suite, and the platform.
        compute: returns dataclasses of `types`, lists, dicts, arrays, numbers and strings.
        types: the dataclasses in it.
    """
    cache = opened()
    if cache is None:
        return compute()
    found = cache.get(key)
    if found is not None:
        return _unpacked(found, {t.__name__: t for t in types})  # type: ignore[no-any-return]
    made = compute()
    cache.put(key, _packed(made))
    return made


# -- as bytes: the structure in one line of JSON, then the arrays --------------------------------------------


def _packed(tree: Any) -> bytes:
    arrays: list[bytes] = []

    def told(x: Any) -> Any:
        if isinstance(x, np.ndarray):
            arrays.append(np.ascontiguousarray(x).tobytes())
            return {"dtype": str(x.dtype), "shape": x.shape}
        if dataclasses.is_dataclass(x):
            return {"class": type(x).__name__, "fields": {f.name: told(getattr(x, f.name)) for f in _fields(x)}}
        if isinstance(x, dict):
            return {"dict": {name: told(value) for name, value in x.items()}}
        if isinstance(x, (list, tuple)):
            return [told(value) for value in x]
        return x

    return json.dumps(told(tree)).encode() + b"\n" + b"".join(arrays)


def _fields(x: Any) -> Sequence[Any]:
    return dataclasses.fields(x)


def _unpacked(payload: bytes, types: dict[str, type]) -> Any:
    """What was packed; its arrays cannot be written to."""
    head, _, body = payload.partition(b"\n")
    at = 0

    def made(x: Any) -> Any:
        nonlocal at
        if isinstance(x, list):
            return [made(value) for value in x]
        if not isinstance(x, dict):
            return x
        if "dtype" in x:
            dtype, shape = np.dtype(x["dtype"]), tuple(x["shape"])
            array = np.ndarray(shape, dtype, buffer=body, offset=at).copy()  # aligned
            array.flags.writeable = False
            at += array.nbytes
            return array
        if "dict" in x:
            return {name: made(value) for name, value in x["dict"].items()}
        return types[x["class"]](**{name: made(value) for name, value in x["fields"].items()})

    return made(json.loads(head))
