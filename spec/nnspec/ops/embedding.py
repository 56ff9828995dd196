"""Embeddings: rows of a table by index, and the position of each row of a sequence."""

from __future__ import annotations

import math
from typing import Any

from nnspec import _validate as check
from nnspec._low_precision import LOW
from nnspec.errors import ArgumentError, ShapeError
from nnspec.operation import Array, Family, operation
from nnspec.ops._positions import sinusoids

__all__ = ["Embedding"]

_BASE = 10000.0


def _embedding(self: Family, indices: Array, weight: Array, *, padding_index: int | None = None) -> None:
    check.integer(self, "indices", indices)
    check.floating(self, "weight", weight)
    check.shape("weight", weight, ("num", "dim"))
    rows = weight.shape[0]
    if padding_index is not None and not (type(padding_index) is int and 0 <= padding_index < rows):
        raise ArgumentError(f"padding_index: expected None or an integer in [0, {rows}), got {padding_index!r}")
    check.values_within(self, "indices", indices, 0, rows - 1, what="rows of weight")


def _sinusoidal_positions(
    self: Family, length: int, dim: int, *, base: float = _BASE, dtype: str | None = None
) -> None:
    check.count("length", length)
    check.count("dim", dim, low=2)
    if dim % 2:
        raise ArgumentError(f"dim: expected an even integer, a sine and a cosine a frequency, got {dim!r}")
    check.number("base", base, low=0, low_open=True)
    if dtype is not None:
        check.choice("dtype", dtype, ("float32", "float64", *LOW))


def _rotary_positions(
    self: Family, x: Array, table: Array | None = None, *, base: float = _BASE, interleaved: bool = True
) -> None:
    check.floating(self, "x", x)
    check.rank("x", x, 2)
    if x.shape[-1] % 2 or x.shape[-1] == 0:
        raise ShapeError(f"x: expected a last axis of even size, pairs to rotate, got shape {tuple(x.shape)}")
    check.number("base", base, low=0, low_open=True)
    check.flag("interleaved", interleaved)
    if table is not None:
        check.same_dtype(self, "table", table, "x", x)
        _fits(table, x)
        if base != _BASE:
            raise ArgumentError(f"base: expected the default beside a table, which has a base of its own, got {base!r}")


def _fits(table: Array, x: Array) -> None:
    """The last axes agree, and the others broadcast to those of x."""
    check.rank("table", table, 2, x.ndim)
    ours, theirs = tuple(table.shape), tuple(x.shape[x.ndim - table.ndim :])
    if ours[-1] != theirs[-1] or any(n not in (1, m) for n, m in zip(ours, theirs, strict=True)):
        raise ShapeError(f"table: expected shape {theirs} (that of x) or 1 in leading axes, got {ours}")


class Embedding(Family):
    """Tables of vectors, learned or of positions."""

    #: floating dtype of results where none is asked for
    dtype: str

    @operation(since="1.0", check=_embedding, exact=True)
    def embedding(self, indices: Array, weight: Array, *, padding_index: int | None = None) -> Array:
        """Rows of a table: `y_n = weight[indices_n]`.

        Args:
            indices: `(...)`, integers of any width in [0, num).
            weight: `(num, dim)`, floating.
            padding_index: the row that stands for absent entries and is not trained, in [0, num), or None.

        Returns:
            `(..., dim)`, of the dtype of `weight`.

        Raises:
            DTypeError: `indices` is no integer array, or `weight` no floating one.
            ShapeError: `weight` is not `(num, dim)`.
            ArgumentError: an index is negative or not below num (where looking at the values costs nothing; in
                compiled code and on accelerators the result is undefined then), or `padding_index` is.

        Requires:
            [EMBEDDING-1] The result is the stored rows, to the bit, in the order of indices of any shape.
            [EMBEDDING-2] The gradient of a row is the sum of the cotangents of all its uses, 0 where it has none.
            [EMBEDDING-3] The padding row is returned as it is stored, and its gradient is exactly 0.
            [EMBEDDING-4] An index outside [0, num), a negative one too, is an error.
            [EMBEDDING-5] Integers of every width are accepted as indices.

        Differs:
            torch takes int32 and int64 indices only, and a negative padding_idx counts from the end; it may
            renormalise rows in place (max_norm), which no operation here does. JAX wraps negative indices and
            gives NaN beyond the table. Keras mask_zero makes a mask and leaves the gradient alone.

        Source:
            Bengio et al., "A Neural Probabilistic Language Model", 2003.

        Example:
            >>> weight = B.asarray([[0.0, 0.0], [1.0, 2.0], [3.0, 4.0]])
            >>> B.to_numpy(B.embedding(B.asarray([2, 1, 2]), weight)).tolist()
            [[3.0, 4.0], [1.0, 2.0], [3.0, 4.0]]
        """
        xp = self.xp
        shape = tuple(indices.shape)
        flat = xp.astype(xp.reshape(indices, (math.prod(shape),)), xp.int32)
        rows = xp.take(weight, flat, axis=0)
        if padding_index is not None:
            padding = xp.expand_dims(flat == padding_index, axis=-1)
            rows = xp.where(padding, self.stop_gradient(rows), rows)
        return xp.reshape(rows, (*shape, weight.shape[1]))

    @operation(since="1.0", check=_sinusoidal_positions, exact=True)
    def sinusoidal_positions(self, length: int, dim: int, *, base: float = _BASE, dtype: str | None = None) -> Array:
        """Table of positions: `y_(p, 2i) = sin(p base^(-2i/dim))` and `y_(p, 2i+1) = cos(p base^(-2i/dim))`.

        Computed on the host in float64 and rounded once, so it is the same to the bit on every backend.

        Args:
            length: number of positions p = 0, 1, ..., >= 0.
            dim: even number of columns, a sine and a cosine a frequency, >= 2.
            base: ratio of the longest to the shortest wavelength, if dim were infinite; > 0.
            dtype: "float32" or "float64"; None is the backend's.

        Returns:
            `(length, dim)`, of `dtype`.

        Raises:
            ArgumentError: `length` is no integer >= 0, `dim` no even integer >= 2, `base` no number > 0, or
                `dtype` another.

        Requires:
            [SINUSOIDAL_POSITIONS-1] Sines stand in the even columns and cosines in the odd ones, from position 0.
            [SINUSOIDAL_POSITIONS-2] Columns 2i and 2i + 1 have the frequency base^(-2i/dim).
            [SINUSOIDAL_POSITIONS-3] Angles are those of float64 also in a float32 table, at large positions too.

        Differs:
            tensor2tensor and much code after it put all sines first and then all cosines, and divide by
            dim / 2 - 1 in place of dim / 2.

        Source:
            Vaswani et al., "Attention Is All You Need", 2017, sec. 3.5.

        Example:
            >>> B.to_numpy(B.sinusoidal_positions(2, 4, base=4)).astype(float).round(3).tolist()
            [[0.0, 1.0, 0.0, 1.0], [0.841, 0.54, 0.479, 0.878]]
        """
        chosen = self.dtype if dtype is None else dtype
        return self.asarray(sinusoids(length, dim, base, chosen), dtype=chosen)

    @operation(since="1.0", check=_rotary_positions)
    def rotary_positions(
        self, x: Array, table: Array | None = None, *, base: float = _BASE, interleaved: bool = True
    ) -> Array:
        """Rotary position embedding: each pair (a, b) becomes `(a cos t - b sin t, a sin t + b cos t)`.

        Pair i of position p has the angle `t = p base^(-2i/dim)`. Without `table` the positions are 0, 1, ...
        along the axis `length`. Other positions, known when the code runs or not, are rows of
        `sinusoidal_positions`, chosen by slicing or by `embedding(positions, table)`.

        Args:
            x: `(..., length, dim)`, floating, dim even: queries or keys.
            table: sines and cosines of the angles in turns, as `sinusoidal_positions` makes them: `(length, dim)`,
                or with leading axes that broadcast to those of `x`; of the dtype of `x`. None is
                `sinusoidal_positions(length, dim, base=base)`.
            base: of the frequencies, > 0; a table has its own.
            interleaved: whether the pairs are the columns (2i, 2i + 1), as in the paper, or (i, i + dim / 2).

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is not floating, or `table` not of its dtype.
            ShapeError: `x` has fewer than two axes or an odd last one, or `table` does not fit.
            ArgumentError: `base` is no number > 0 or given beside a table, or `interleaved` is no bool.

        Requires:
            [ROTARY_POSITIONS-1] Pair i of position p is turned by the angle p base^(-2i/dim), from its first
                entry towards its second.
            [ROTARY_POSITIONS-2] The pairs are the columns (2i, 2i + 1), or with interleaved=False (i, i + dim / 2).
            [ROTARY_POSITIONS-3] The norm of every pair is preserved.
            [ROTARY_POSITIONS-4] Dot products of turned vectors depend on the difference of their positions alone.
            [ROTARY_POSITIONS-5] The angles are those of float64, rounded as sine and cosine, at large positions
                too.
            [ROTARY_POSITIONS-6] A table replaces the positions 0, 1, ..., row by row, and is differentiable.

        Differs:
            GPT-NeoX, Llama in Hugging Face's layout and Keras pair (i, i + dim / 2). Code that computes angles in
            float32 is off by p roundoffs at position p, that in bfloat16 is useless beyond a few hundred.

        Source:
            Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021, sec. 3.4.2.

        Example:
            >>> x = B.asarray([[1.0, 0.0], [1.0, 0.0]])
            >>> B.to_numpy(B.rotary_positions(x)).astype(float).round(4).tolist()
            [[1.0, 0.0], [0.5403, 0.8415]]
        """
        xp = self.xp
        dim = x.shape[-1]
        if table is None:
            table = self.sinusoidal_positions(x.shape[-2], dim, base=base, dtype=_dtype_name(self, x))
        angles = xp.reshape(table, (*table.shape[:-1], dim // 2, 2))
        sin, cos = angles[..., 0], angles[..., 1]
        if interleaved:
            pairs = xp.reshape(x, (*x.shape[:-1], dim // 2, 2))
            a, b = pairs[..., 0], pairs[..., 1]
            return xp.reshape(xp.stack((a * cos - b * sin, a * sin + b * cos), axis=-1), tuple(x.shape))
        a, b = x[..., : dim // 2], x[..., dim // 2 :]
        return xp.concat((a * cos - b * sin, a * sin + b * cos), axis=-1)


def _dtype_name(self: Any, x: Array) -> str:
    """The dtype of `x`, where it is not the extended one of the reference: that draws as the backend it judges."""
    names = {self.xp.float32: "float32", self.xp.float64: "float64"}
    return next((name for dtype, name in names.items() if x.dtype == dtype), self.dtype)
