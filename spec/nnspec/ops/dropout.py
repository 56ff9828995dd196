"""Dropout, with a mask drawn from a key by this specification's own generator, or one handed in."""

from __future__ import annotations

import math
from collections.abc import Callable

from nnspec import _validate as check
from nnspec.operation import Array, Family, operation
from nnspec.ops._dropout_checks import sampled

__all__ = ["Dropout"]


#: what a dropped element is before the affine map: the lower limit of SELU, -lambda alpha
_ALPHA = -1.7580993408473766


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
    sampled(self, tuple(x.shape), "(that of x)", rate, key, mask, site, training)


def _spatial_dropout(
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
    check.rank("x", x, 2)
    sampled(self, tuple(x.shape[:2]), "(the first two axes of x)", rate, key, mask, site, training)


def _alpha_dropout(
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
    sampled(self, tuple(x.shape), "(that of x)", rate, key, mask, site, training, below_one=True)


def _drop_path(
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
    check.rank("x", x, 1)
    sampled(self, tuple(x.shape[:1]), "(the first axis of x)", rate, key, mask, site, training)


class Dropout(Family):
    """Dropout of elements, channels and samples. The result has the shape and dtype of `x`."""

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
        return self._inverted(x, x.ndim, rate, key, mask, site, training)

    @operation(since="1.0", check=_spatial_dropout)
    def spatial_dropout(
        self,
        x: Array,
        *,
        rate: float = 0.5,
        key: Array | None = None,
        mask: Array | None = None,
        site: int = 0,
        training: bool = True,
    ) -> Array:
        """Dropout of whole channels: `f(x)_nc = x_nc / (1 - rate)` where the mask is True at (n, c), else 0.

        Args:
            x: `(batch, channels, *spatial)`, floating.
            rate: probability that a channel of a sample is dropped, in [0, 1].
            key: `(2,)`, int32: draws the mask `dropout_mask(key, (batch, channels), rate=rate, site=site)`.
            mask: `(batch, channels)`, boolean, True where a channel is kept; in place of `key`.
            site: number of this layer in the model, so that one key serves all its layers.
            training: whether to drop at all.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is not floating, `mask` not boolean, or `key` not int32.
            ShapeError: `x` has fewer than two axes, `mask` is not `(batch, channels)`, or `key` is not `(2,)`.
            ArgumentError: `rate` is outside [0, 1], `site` outside [0, 2^32), or in training with `rate > 0`
                neither or both of `key` and `mask` are given.

        Requires:
            [SPATIAL_DROPOUT-1] A channel of a sample is kept or dropped as a whole, each by its own entry of
                the mask.
            [SPATIAL_DROPOUT-2] Kept channels are multiplied by 1 / (1 - rate), their derivative too.
            [SPATIAL_DROPOUT-3] Dropped channels are 0 with derivative 0, even where x is infinite or NaN.
            [SPATIAL_DROPOUT-4] With a rate of 1 all is 0, never NaN, whatever the mask.
            [SPATIAL_DROPOUT-5] Without training, or with a rate of 0, the result is x.
            [SPATIAL_DROPOUT-6] With a key the mask is dropout_mask(key, (batch, channels), rate=rate,
                site=site), to the bit.

        Differs:
            Keras has the channels last by default. torch.nn.functional.dropout1d to dropout3d also take a
            single sample without its batch axis.

        Source:
            Tompson et al., "Efficient Object Localization Using Convolutional Networks", 2015, sec. 3.2.

        Example:
            >>> x = B.asarray([[[1.0, 2.0], [3.0, 4.0]]])
            >>> B.to_numpy(B.spatial_dropout(x, rate=0.5, mask=B.asarray([[False, True]]))).tolist()
            [[[0.0, 0.0], [6.0, 8.0]]]
        """
        return self._inverted(x, 2, rate, key, mask, site, training)

    @operation(since="1.0", check=_alpha_dropout)
    def alpha_dropout(
        self,
        x: Array,
        *,
        rate: float = 0.5,
        key: Array | None = None,
        mask: Array | None = None,
        site: int = 0,
        training: bool = True,
    ) -> Array:
        """Dropout that keeps mean 0 and variance 1: `f(x) = a x + b` where the mask is True, else `a alpha' + b`.

        With q = 1 - rate: `alpha' = -1.7580993408473766`, the lower limit of SELU,
        `a = (q + alpha'^2 q (1 - q))^(-1/2)` and `b = -a (1 - q) alpha'`.

        Args:
            x: `(...)`, floating.
            rate: probability that an element is dropped, in [0, 1).
            key: `(2,)`, int32: draws the mask `dropout_mask(key, x.shape, rate=rate, site=site)`.
            mask: booleans of the shape of `x`, True where an element is kept; in place of `key`.
            site: number of this layer in the model, so that one key serves all its layers.
            training: whether to drop at all.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is not floating, `mask` not boolean, or `key` not int32.
            ShapeError: `mask` has not the shape of `x`, or `key` is not `(2,)`.
            ArgumentError: `rate` is outside [0, 1), `site` outside [0, 2^32), or in training with `rate > 0`
                neither or both of `key` and `mask` are given.

        Requires:
            [ALPHA_DROPOUT-1] Kept elements become a x + b with derivative a.
            [ALPHA_DROPOUT-2] Dropped elements become a alpha' + b with derivative 0, even where x is infinite
                or NaN.
            [ALPHA_DROPOUT-3] Many inputs of mean 0 and variance 1 keep that mean and that variance.
            [ALPHA_DROPOUT-4] Without training, or with a rate of 0, the result is x.
            [ALPHA_DROPOUT-5] With a key the mask is dropout_mask(key, x.shape, rate=rate, site=site), to the
                bit.
            [ALPHA_DROPOUT-6] A rate of 1, for which a is infinite, is an error.

        Differs:
            torch.nn.functional.alpha_dropout with p = 1 returns zeros.

        Source:
            Klambauer et al., "Self-Normalizing Neural Networks", 2017, sec. "New Dropout Technique".

        Example:
            >>> y = B.alpha_dropout(B.asarray([1.0, 1.0]), rate=0.5, mask=B.asarray([True, False]))
            >>> B.to_numpy(y).astype(float).round(4).tolist()
            [1.6656, -0.7792]
        """
        if not training or rate == 0:
            return x
        kept = 1.0 - rate
        a = 1.0 / math.sqrt(kept + _ALPHA * _ALPHA * kept * rate)
        b = -a * rate * _ALPHA
        return self.xp.where(self._kept(x, x.ndim, rate, key, mask, site), a * x + b, a * _ALPHA + b)

    @operation(since="1.0", check=_drop_path)
    def drop_path(
        self,
        x: Array,
        *,
        rate: float = 0.5,
        key: Array | None = None,
        mask: Array | None = None,
        site: int = 0,
        training: bool = True,
    ) -> Array:
        """Stochastic depth: `f(x)_n = x_n / (1 - rate)` for each sample n where the mask is True, else 0.

        Meant for the residual branch of a block, as `skip + drop_path(branch)`.

        Args:
            x: `(batch, ...)`, floating.
            rate: probability that a sample is dropped, in [0, 1].
            key: `(2,)`, int32: draws the mask `dropout_mask(key, (batch,), rate=rate, site=site)`.
            mask: `(batch,)`, boolean, True where a sample is kept; in place of `key`.
            site: number of this layer in the model, so that one key serves all its layers.
            training: whether to drop at all.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is not floating, `mask` not boolean, or `key` not int32.
            ShapeError: `x` has no axis, `mask` is not `(batch,)`, or `key` is not `(2,)`.
            ArgumentError: `rate` is outside [0, 1], `site` outside [0, 2^32), or in training with `rate > 0`
                neither or both of `key` and `mask` are given.

        Requires:
            [DROP_PATH-1] A sample is kept or dropped as a whole, each by its own entry of the mask.
            [DROP_PATH-2] Kept samples are multiplied by 1 / (1 - rate), their derivative too.
            [DROP_PATH-3] Dropped samples are 0 with derivative 0, even where x is infinite or NaN.
            [DROP_PATH-4] With a rate of 1 all is 0, never NaN, whatever the mask.
            [DROP_PATH-5] Without training, or with a rate of 0, the result is x.
            [DROP_PATH-6] With a key the mask is dropout_mask(key, (batch,), rate=rate, site=site), to the bit.

        Differs:
            Huang et al. scale by 1 - rate when testing instead; torchvision and timm scale in training, as
            here.

        Source:
            Huang et al., "Deep Networks with Stochastic Depth", 2016; Larsson et al., "FractalNet", 2017.

        Example:
            >>> x = B.asarray([[1.0, 2.0], [3.0, 4.0]])
            >>> B.to_numpy(B.drop_path(x, rate=0.5, mask=B.asarray([False, True]))).tolist()
            [[0.0, 0.0], [6.0, 8.0]]
        """
        return self._inverted(x, 1, rate, key, mask, site, training)

    def _inverted(
        self,
        x: Array,
        axes: int,
        rate: float,
        key: Array | None,
        mask: Array | None,
        site: int,
        training: bool,
    ) -> Array:
        """Inverted dropout by a mask over the first `axes` axes of `x`; a select, so that inf and NaN go too."""
        if not training or rate == 0:
            return x
        kept = self.xp.where(self._kept(x, axes, rate, key, mask, site), x, 0.0)
        return kept if rate == 1 else kept * (1.0 / (1.0 - rate))

    def _kept(self, x: Array, axes: int, rate: float, key: Array | None, mask: Array | None, site: int) -> Array:
        """The mask over the first `axes` axes of `x`, with axes of size 1 for the others."""
        shape = tuple(x.shape[:axes])
        if rate == 1:
            keep = self.xp.zeros(shape, dtype=self.xp.bool, **self.placement(x))
        else:
            keep = self.dropout_mask(key, shape, rate=rate, site=site) if mask is None else mask
        return keep if axes == x.ndim else self.xp.reshape(keep, shape + (1,) * (x.ndim - axes))
