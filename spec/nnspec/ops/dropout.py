"""Dropout, with a mask drawn from a key by this specification's own generator, or one handed in."""

from __future__ import annotations

from collections.abc import Callable

from nnspec import _validate as check
from nnspec.errors import ArgumentError
from nnspec.operation import Array, Family, operation

__all__ = ["Dropout"]


def _dropout(
    self: Family,
    x: Array,
    *,
    rate: float = 0.5,
    key: Array | None = None,
    mask: Array | None = None,
    site: int = 0,
    training: bool = True,
) -> None:
    check.floating(self, "x", x)
    check.number("rate", rate, low=0, high=1)
    check.count("site", site)
    if site >= 1 << 32:
        raise ArgumentError(f"site: expected an integer < 2**32, got {site!r}")
    check.flag("training", training)
    if key is not None:
        check.key(self, "key", key)
    if mask is not None:
        check.boolean(self, "mask", mask)
        check.shape("mask", mask, tuple(x.shape), "(that of x)")
    if training and rate > 0 and (key is None) == (mask is None):
        given = "neither" if key is None else "both"
        raise ArgumentError(f"key, mask: expected one of the two in training, got {given}")


class Dropout(Family):
    """Dropout. The result has the shape and dtype of `x`."""

    dropout_mask: Callable[..., Array]

    @operation(since="1.0", check=_dropout)
    def dropout(
        self,
        x: Array,
        *,
        rate: float = 0.5,
        key: Array | None = None,
        mask: Array | None = None,
        site: int = 0,
        training: bool = True,
    ) -> Array:
        """Inverted dropout: `f(x) = x / (1 - rate)` where the mask is True, else 0; outside training `x`.

        Args:
            x: `(...)`, floating.
            rate: probability that an element is dropped, in [0, 1].
            key: `(2,)`, int32: draws the mask `dropout_mask(key, x.shape, rate=rate, site=site)`.
            mask: booleans of the shape of `x`, True where an element is kept; in place of `key`.
            site: number of this layer in the model, so that one key serves all its layers.
            training: whether to drop at all.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is not floating, `mask` not boolean, or `key` not int32.
            ShapeError: `mask` has not the shape of `x`, or `key` is not `(2,)`.
            ArgumentError: `rate` is outside [0, 1], `site` outside [0, 2^32), or in training with `rate > 0`
                neither or both of `key` and `mask` are given.

        Requires:
            [DROPOUT-1] Kept elements are multiplied by 1 / (1 - rate), their derivative too.
            [DROPOUT-2] Dropped elements are 0 with derivative 0, even where x is infinite or NaN.
            [DROPOUT-3] With a rate of 1 all is 0, never NaN, whatever the mask.
            [DROPOUT-4] Without training, or with a rate of 0, the result is x.
            [DROPOUT-5] With a key the mask is dropout_mask(key, x.shape, rate=rate, site=site), to the bit.

        Differs:
            Every framework draws its own mask; Flax broadcasts it over batch and heads in attention.

        Source:
            Srivastava et al., "Dropout", 2014, sec. 10 (inverted scaling).

        Example:
            >>> x = B.asarray([1.0, 2.0, float("inf")])
            >>> B.to_numpy(B.dropout(x, rate=0.5, mask=B.asarray([True, True, False]))).tolist()
            [2.0, 4.0, 0.0]
        """
        xp = self.xp
        if not training or rate == 0:
            return x
        if rate == 1:
            nothing = xp.zeros(tuple(x.shape), dtype=xp.bool, **self.placement(x))
            return xp.where(nothing, x, 0.0)
        keep = self.dropout_mask(key, tuple(x.shape), rate=rate, site=site) if mask is None else mask
        return xp.where(keep, x, 0.0) * (1.0 / (1.0 - rate))
