"""Inputs for embeddings and positions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec_conformance.case import REGIMES, Case, Source, cases, constant, error_case, integers, normal, values

__all__ = ["CASES"]

_NAN, _INF = math.nan, math.inf
_TABLE = normal(7, 5)
#: no row more often than twice, so that a gradient rounds once and has to be equal to the bit
_TWICE = constant([[6, 2, 0, 2], [3, 1, 5, 1], [0, 3, 4, 6]], "int32")
_TWICE_WIDE = constant([[6, 2, 0, 2], [3, 1, 5, 1], [0, 3, 4, 6]], "int64")
_SPECIAL = values(np.resize([1.5, _NAN, -0.0, _INF, -2.0, -_INF, 1e-45, 3.0], (7, 5)))

# -- embedding -------------------------------------------------------------------------------------------------


def _every_width(backend: Any, weight: Any, **indices: Any) -> Any:
    """The same rows by indices of several widths."""
    return [backend.embedding(indices[name], weight) for name in sorted(indices)]


def _padded_scaled(backend: Any, indices: Any, weight: Any, scale: Any) -> Any:
    """Cotangents that are not finite at the padding row, which its gradient may not show: 0 times them is NaN."""
    return backend.embedding(indices, weight, padding_index=2) * backend.xp.expand_dims(scale, axis=-1)


def _turned(backend: Any, indices: Any, weight: Any) -> Any:
    """A cotangent that is a view of another layout."""
    return backend.xp.permute_dims(backend.embedding(indices, weight), (2, 0, 1))


def _shared(backend: Any, first: Any, second: Any, weight: Any) -> Any:
    """One table used twice, whose gradients add up."""
    return [backend.embedding(first, weight), backend.embedding(second, weight)]


_EMBEDDING = cases(
    "embedding",
    {
        "rows": {
            "inputs": {"indices": integers(3, 4, high=7), "weight": _TABLE},
            "requires": ("EMBEDDING-1", "EMBEDDING-2"),
        },
        "special": {"inputs": {"indices": _TWICE, "weight": _SPECIAL}, "requires": ("EMBEDDING-1", "EMBEDDING-2")},
        "repeated": {
            "inputs": {"indices": constant(np.full((3, 4), 6), "int8"), "weight": _TABLE},
            "requires": ("EMBEDDING-2",),
        },
        "padding-special": {  # special, since finite differences of the values see no stopped gradient
            "inputs": {"indices": _TWICE_WIDE, "weight": _SPECIAL},
            "options": {"padding_index": 2},
            "requires": ("EMBEDDING-3", "EMBEDDING-2", "EMBEDDING-5"),
        },
        "padding-only-special": {
            "inputs": {"indices": constant(np.full((3, 4), 2), "int64"), "weight": _TABLE},
            "options": {"padding_index": 2},
            "requires": ("EMBEDDING-3",),
        },
    },
)

_EMBEDDING_FULL = cases(
    "embedding",
    {
        "widths": {
            "inputs": {  # rows that a signed byte does not reach
                "weight": normal(200, 2),
                "int8": integers(4, high=128, dtype="int8"),
                **{name: integers(4, low=128, high=200, dtype=name) for name in ("int16", "int64", "uint8")},
            },
            "requires": ("EMBEDDING-5", "EMBEDDING-1"),
            "program": _every_width,
        },
        "vector": {
            "inputs": {"indices": integers(17, high=7), "weight": _TABLE},
            "requires": ("EMBEDDING-1", "EMBEDDING-2"),
        },
        "scalar": {"inputs": {"indices": constant(4, "int64"), "weight": _TABLE}, "requires": ("EMBEDDING-1",)},
        "no-indices": {
            "inputs": {"indices": integers(0, 3, high=7), "weight": _TABLE},
            "requires": ("EMBEDDING-1", "EMBEDDING-2"),
        },
        "no-rows": {
            "inputs": {"indices": integers(0, high=1), "weight": normal(0, 5)},
            "requires": ("EMBEDDING-1",),
        },
        "one-column": {
            "inputs": {"indices": integers(2, 3, 4, high=9), "weight": normal(9, 1)},
            "requires": ("EMBEDDING-1", "EMBEDDING-2"),
        },
        "padding-zero-special": {
            "inputs": {"indices": _TWICE, "weight": _TABLE},
            "options": {"padding_index": 0},
            "requires": ("EMBEDDING-3", "EMBEDDING-2"),
        },
        "padding-last-special": {
            "inputs": {"indices": _TWICE, "weight": _TABLE},
            "options": {"padding_index": 6},
            "requires": ("EMBEDDING-3", "EMBEDDING-2"),
        },
        "padding-infinite-special": {
            "inputs": {
                "indices": constant([2, 3, 2, 5], "int32"),
                "weight": _TABLE,
                "scale": values([_INF, 1.0, _NAN, 2.0]),
            },
            "differentiate": ("weight",),
            "requires": ("EMBEDDING-3",),
            "program": _padded_scaled,
        },
        # sums of many numbers, a few rows only: a term too few, or a use overwritten by the next, shows
        "many-uses": {
            "inputs": {"indices": integers(4099, high=3), "weight": normal(5, 2)},
            "requires": ("EMBEDDING-2",),
        },
        "many-rows": {
            "inputs": {"indices": integers(65, high=1025, dtype="int64"), "weight": normal(1025, 3)},
            "requires": ("EMBEDDING-1", "EMBEDDING-2"),
        },
        "strided": {
            "inputs": {
                "indices": integers(3, 4, high=7, dtype="int64").laid_out("strided"),
                "weight": _TABLE.laid_out("transposed"),
            },
            "requires": ("EMBEDDING-1", "EMBEDDING-2"),
        },
        "turned": {
            "inputs": {"indices": integers(3, 4, high=7).laid_out("transposed"), "weight": _TABLE.laid_out("strided")},
            "requires": ("EMBEDDING-1", "EMBEDDING-2"),
            "program": _turned,
        },
        "shared": {
            "inputs": {"first": integers(5, high=7), "second": integers(4, high=7), "weight": _TABLE},
            "requires": ("EMBEDDING-2",),
            "program": _shared,
        },
    },
    level="full",
)


def _bad_embedding(
    name: str, requirement: int, error: type[NnspecError], words: str, *, padding_index: Any = None, **inputs: Source
) -> Case:
    return error_case(
        "embedding",
        name,
        (f"EMBEDDING-{requirement}",),
        lambda backend, **arrays: backend.embedding(**arrays, padding_index=padding_index),
        error,
        words,
        inputs={"indices": integers(3, high=7), "weight": _TABLE, **inputs},
    )


_EMBEDDING_ERRORS = [
    _bad_embedding(
        f"{name}-{width}",
        4,
        ArgumentError,
        f"indices: expected rows of weight in [0, 6], got {index}",
        indices=constant([[0, 1], [index, 2]], width),
    )
    for name, index, widths in (("negative", -1, ("int8", "int32", "int64")), ("beyond", 7, ("uint8", "int64")))
    for width in widths
] + [
    _bad_embedding(
        "beyond-large",
        4,
        ArgumentError,
        "indices: expected rows of weight in [0, 6], got 2147483647",
        indices=constant([2**31 - 1], "int32"),
    ),
    _bad_embedding("floating-indices", 5, DTypeError, "indices: expected an integer array", indices=normal(3)),
    _bad_embedding(
        "boolean-indices", 5, DTypeError, "indices: expected an integer array", indices=constant([True, False], "bool")
    ),
    _bad_embedding("integer-weight", 1, DTypeError, "weight: expected a floating array", weight=integers(7, 5, high=9)),
    _bad_embedding(
        "weight-rank", 1, ShapeError, "weight: expected shape (num, dim), got (7, 5, 1)", weight=normal(7, 5, 1)
    ),
    *(
        _bad_embedding(
            f"padding-{name}",
            3,
            ArgumentError,
            f"padding_index: expected None or an integer in [0, 7), got {padding!r}",
            padding_index=padding,
        )
        for name, padding in (("negative", -1), ("beyond", 7), ("bool", True), ("float", 1.0))
    ),
]

# -- sinusoidal positions --------------------------------------------------------------------------------------

_BITS = ("bits", "shapes", "repeat")


def _far(backend: Any) -> Any:
    """The last rows of a long table: an angle in float32 would be off by a hundredth."""
    return backend.sinusoidal_positions(100_003, 4)[100_000:, :]


def _in_float64(backend: Any) -> Any:
    return backend.sinusoidal_positions(5, 6, dtype="float64")


_SINUSOIDAL = [
    *cases(
        "sinusoidal_positions",
        {
            "table": {
                "options": {"length": 7, "dim": 10},
                "requires": ("SINUSOIDAL_POSITIONS-1", "SINUSOIDAL_POSITIONS-2"),
            },
            "base": {"options": {"length": 33, "dim": 6, "base": 2.5}, "requires": ("SINUSOIDAL_POSITIONS-2",)},
            "far": {"program": _far, "requires": ("SINUSOIDAL_POSITIONS-3",)},
            "float64": {"program": _in_float64, "requires": ("SINUSOIDAL_POSITIONS-2",), "dtypes": ("float64",)},
        },
        checks=_BITS,
    ),
    *cases(
        "sinusoidal_positions",
        {
            "large": {"options": {"length": 512, "dim": 64}, "requires": ("SINUSOIDAL_POSITIONS-3",)},
            "one-frequency": {"options": {"length": 17, "dim": 2}, "requires": ("SINUSOIDAL_POSITIONS-1",)},
            "one-position": {"options": {"length": 1, "dim": 6}, "requires": ("SINUSOIDAL_POSITIONS-1",)},
            "empty": {"options": {"length": 0, "dim": 6}, "requires": ("SINUSOIDAL_POSITIONS-1",)},
            "base-below-one": {
                "options": {"length": 9, "dim": 4, "base": 0.5},
                "requires": ("SINUSOIDAL_POSITIONS-2",),
            },
        },
        checks=_BITS,
        level="full",
    ),
]


def _bad_table(name: str, words: str, **options: Any) -> Case:
    return error_case(
        "sinusoidal_positions",
        name,
        ("SINUSOIDAL_POSITIONS-1",),
        lambda backend: backend.sinusoidal_positions(**{"length": 3, "dim": 4, **options}),
        ArgumentError,
        words,
    )


_SINUSOIDAL_ERRORS = [
    _bad_table("odd", "dim: expected an even integer, a sine and a cosine a frequency, got 5", dim=5),
    _bad_table("no-columns", "dim: expected an integer >= 2, got 0", dim=0),
    _bad_table("length", "length: expected an integer >= 0, got -1", length=-1),
    _bad_table("length-type", "length: expected an integer >= 0, got 3.0", length=3.0),
    _bad_table("base", "base: expected a finite number > 0, got 0.0", base=0.0),
    _bad_table("dtype", "dtype: expected one of 'float32', 'float64', 'float16', 'bfloat16', got 'a'", dtype="a"),
]

# -- rotary positions ------------------------------------------------------------------------------------------


def _squares(backend: Any, x: Any, interleaved: bool) -> Any:
    """The squared norm of every pair."""
    xp = backend.xp
    half = x.shape[-1] // 2
    shape = (*x.shape[:-1], half, 2) if interleaved else (*x.shape[:-1], 2, half)
    return xp.sum(xp.reshape(x * x, shape), axis=-1 if interleaved else -2)


def _norms(backend: Any, x: Any) -> Any:
    """What turning changes in the norm of pairs: nothing but rounding."""
    return [
        _squares(backend, backend.rotary_positions(x, interleaved=way), way) - _squares(backend, x, way)
        for way in (True, False)
    ]


def _shifted(backend: Any, query: Any, key: Any) -> Any:
    """Dot products at positions that are 5 apart, less those at the first two of them: only rounding is left."""
    xp = backend.xp
    table = backend.sinusoidal_positions(2000, query.shape[-1])

    def dot(start: int) -> Any:
        turned_query = backend.rotary_positions(query, table[start : start + 1, :])
        turned_key = backend.rotary_positions(key, table[start + 5 : start + 6, :])
        return xp.sum(turned_query * turned_key, axis=-1)

    return [dot(start) - dot(0) for start in (1, 40, 1990)]


def _far_turned(backend: Any, x: Any) -> Any:
    """Rows of a long table, for positions from 100 000 on."""
    return backend.rotary_positions(x, backend.sinusoidal_positions(100_004, 8)[100_000:, :])


def _chosen(backend: Any, x: Any, table: Any, positions: Any) -> Any:
    """Positions of their own for every sample, in arrays: the rows of a table."""
    rows = backend.embedding(positions, table)
    return backend.rotary_positions(x, backend.xp.expand_dims(rows, axis=1), interleaved=False)


_X = normal(2, 5, 8)
_ROTARY = cases(
    "rotary_positions",
    {
        "interleaved": {
            "inputs": {"x": _X},
            "requires": ("ROTARY_POSITIONS-1", "ROTARY_POSITIONS-2"),
        },
        "heads": {"inputs": {"x": normal(2, 3, 5, 4)}, "requires": ("ROTARY_POSITIONS-1",)},
        **{
            f"interleaved-{name}": {
                "inputs": {"x": normal(2, 5, 8, mean=REGIMES[name][0], std=REGIMES[name][1])},
                "requires": ("ROTARY_POSITIONS-1",),
            }
            for name in ("large-mean", "small")
        },
        "halves-long": {  # far enough out for an angle in float32 to show
            "inputs": {"x": normal(1025, 4)},
            "options": {"interleaved": False, "base": 50.0},
            "requires": ("ROTARY_POSITIONS-2", "ROTARY_POSITIONS-1", "ROTARY_POSITIONS-5"),
        },
        "table": {
            "inputs": {"x": _X, "table": normal(2, 1, 8)},
            "options": {"interleaved": False},
            "requires": ("ROTARY_POSITIONS-6",),
        },
    },
) + cases(
    "rotary_positions",
    {
        "norms": {"inputs": {"x": _X}, "requires": ("ROTARY_POSITIONS-3",), "program": _norms},
        "norms-wide": {
            "inputs": {"x": normal(2, 5, 8, std=30.0)},
            "requires": ("ROTARY_POSITIONS-3",),
            "program": _norms,
        },
        "shifted": {
            "inputs": {"query": normal(1, 8), "key": normal(1, 8)},
            "requires": ("ROTARY_POSITIONS-4",),
            "program": _shifted,
        },
    },
    checks=("values", "shapes"),
    level="full",
)

_ROTARY_FULL = cases(
    "rotary_positions",
    {
        "long": {"inputs": {"x": normal(2049, 4)}, "requires": ("ROTARY_POSITIONS-5", "ROTARY_POSITIONS-1")},
        "far": {"inputs": {"x": normal(3, 4, 8)}, "requires": ("ROTARY_POSITIONS-5",), "program": _far_turned},
        "chosen": {
            "inputs": {
                "x": normal(2, 3, 4, 6),
                "table": normal(11, 6),
                "positions": integers(2, 4, high=11),
            },
            "requires": ("ROTARY_POSITIONS-6", "ROTARY_POSITIONS-2"),
            "program": _chosen,
        },
        "matrix": {
            "inputs": {"x": normal(17, 10)},
            "options": {"base": 500_000.0},
            "requires": ("ROTARY_POSITIONS-1",),
        },
        "matrix-halves": {
            "inputs": {"x": normal(17, 10)},
            "options": {"interleaved": False},
            "requires": ("ROTARY_POSITIONS-2",),
        },
        "table-whole": {
            "inputs": {"x": _X, "table": normal(2, 5, 8)},
            "options": {"interleaved": False},
            "requires": ("ROTARY_POSITIONS-6",),
        },
        "table-constant": {
            "inputs": {"x": _X, "table": normal(5, 8).laid_out("transposed")},
            "differentiate": ("x",),
            "requires": ("ROTARY_POSITIONS-6",),
        },
        "one-pair": {"inputs": {"x": normal(3, 5, 2)}, "requires": ("ROTARY_POSITIONS-1", "ROTARY_POSITIONS-2")},
        "one-position": {"inputs": {"x": normal(3, 1, 4)}, "requires": ("ROTARY_POSITIONS-1",)},
        "empty": {"inputs": {"x": normal(2, 0, 4)}, "requires": ("ROTARY_POSITIONS-1",)},
        "empty-batch": {
            "inputs": {"x": normal(0, 3, 4)},
            "options": {"interleaved": False},
            "requires": ("ROTARY_POSITIONS-2",),
        },
        "strided": {"inputs": {"x": normal(3, 5, 6).laid_out("strided")}, "requires": ("ROTARY_POSITIONS-2",)},
        "transposed-halves": {
            "inputs": {"x": normal(3, 5, 6).laid_out("transposed")},
            "options": {"interleaved": False},
            "requires": ("ROTARY_POSITIONS-2",),
        },
    },
    level="full",
)


def _bad_rotary(
    name: str, requirement: int, error: type[NnspecError], words: str, *, more: Any = (), **inputs: Source
) -> Case:
    return error_case(
        "rotary_positions",
        name,
        (f"ROTARY_POSITIONS-{requirement}",),
        lambda backend, **arrays: backend.rotary_positions(**arrays, **dict(more)),
        error,
        words,
        inputs={"x": normal(2, 3, 4), **inputs},
    )


_ROTARY_ERRORS = [
    _bad_rotary("odd", 2, ShapeError, "x: expected a last axis of even size", x=normal(2, 3, 5)),
    _bad_rotary("no-columns", 2, ShapeError, "x: expected a last axis of even size", x=normal(2, 3, 0)),
    _bad_rotary("vector", 1, ShapeError, "x: expected at least 2 axes, got shape (4,)", x=normal(4)),
    _bad_rotary("integer-x", 1, DTypeError, "x: expected a floating array", x=integers(3, 4, high=5)),
    _bad_rotary("integer-table", 6, DTypeError, "table: expected a floating array", table=integers(3, 4, high=5)),
    _bad_rotary(
        "table-length",
        6,
        ShapeError,
        "table: expected shape (3, 4) (that of x) or 1 in leading axes, got (5, 4)",
        table=normal(5, 4),
    ),
    _bad_rotary(
        "table-columns",
        6,
        ShapeError,
        "table: expected shape (3, 4) (that of x) or 1 in leading axes, got (3, 1)",
        table=normal(3, 1),
    ),
    _bad_rotary(
        "table-rank", 6, ShapeError, "table: expected 2 to 3 axes, got shape (1, 2, 3, 4)", table=normal(1, 2, 3, 4)
    ),
    _bad_rotary(
        "base-beside-table",
        6,
        ArgumentError,
        "base: expected the default beside a table",
        more={"base": 50.0},
        table=normal(3, 4),
    ),
    _bad_rotary("base", 1, ArgumentError, "base: expected a finite number > 0, got -1.0", more={"base": -1.0}),
    _bad_rotary("interleaved", 2, ArgumentError, "interleaved: expected True or False, got 1", more={"interleaved": 1}),
]

CASES: list[Case] = [
    *_EMBEDDING,
    *_EMBEDDING_FULL,
    *_EMBEDDING_ERRORS,
    *_SINUSOIDAL,
    *_SINUSOIDAL_ERRORS,
    *_ROTARY,
    *_ROTARY_FULL,
    *_ROTARY_ERRORS,
]
