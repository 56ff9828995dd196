"""What `asarray` does on the host, alike for the frameworks: data into a fresh NumPy array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec._low_precision import is_floating_dtype
from nnspec.errors import ArgumentError, DTypeError

__all__ = ["INTEGERS", "checked_dtype", "fresh_host_array"]

INTEGERS = ("int8", "int16", "int32", "int64", "uint8")


def checked_dtype(backend: str, dtypes: tuple[str, ...], dtype: str) -> str:
    """`dtype` where the backend has it, else DTypeError with what there is."""
    if dtype not in dtypes and dtype not in INTEGERS and dtype != "bool":
        offered = ", ".join((*dtypes, *INTEGERS, "bool"))
        raise DTypeError(f"dtype: the {backend} backend offers {offered}, got {dtype!r}")
    return dtype


def fresh_host_array(x: Any, *, dtype: str | None, default: str) -> NDArray[Any]:
    """A copy of `x`: floating data in `default`, integers and booleans in their kind, or all in `dtype`."""
    try:
        found = np.asarray(x)
    except ValueError as error:
        raise ArgumentError(f"x: expected numbers in a rectangular nest, got {x!r:.80}") from error
    if dtype is None:
        if is_floating_dtype(found.dtype):
            dtype = default
        elif found.dtype.kind == "u" and found.dtype.itemsize > 1:
            dtype = "int64"  # frameworks have no arithmetic on wider unsigned integers
        else:
            dtype = found.dtype.name
    if not is_floating_dtype(found.dtype) and found.dtype.kind not in "biu":
        raise DTypeError(f"x: expected numbers or booleans, got {found.dtype}")
    if found.dtype == np.uint64 and dtype == "int64" and found.size and found.max() > np.iinfo(np.int64).max:
        raise ArgumentError(f"x: expected integers below 2**63, got {found.max()}")
    with np.errstate(over="ignore"):  # beyond the range of float16 is infinite there
        return np.array(found, dtype=dtype, order="C", copy=True)
