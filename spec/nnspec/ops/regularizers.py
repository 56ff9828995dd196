"""Regularizers: penalties added to a loss, and constraints applied after a step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import optree

from nnspec import _validate as check
from nnspec.operation import Array, Family, operation
from nnspec.ops._common import magnitude, only, require_arrays, require_axes, require_mask, root

__all__ = ["Regularizers"]


def _l1(self: Family, params: Any, *, l1: float = 0.01, mask: Any = None) -> None:
    require_arrays(self, "params", params, one_dtype=True)
    check.number("l1", l1, low=0)
    require_mask("mask", mask, "params", params)


def _l2(self: Family, params: Any, *, l2: float = 0.01, mask: Any = None) -> None:
    require_arrays(self, "params", params, one_dtype=True)
    check.number("l2", l2, low=0)
    require_mask("mask", mask, "params", params)


def _elastic_net(self: Family, params: Any, *, l1: float = 0.01, l2: float = 0.01, mask: Any = None) -> None:
    _l1(self, params, l1=l1, mask=mask)
    check.number("l2", l2, low=0)


def _max_norm(self: Family, weight: Array, *, max_norm: float = 2.0, order: float = 2) -> None:
    check.floating(self, "weight", weight)
    check.rank("weight", weight, 1)
    check.number("max_norm", max_norm, low=0, low_open=True)
    check.choice("order", order, (2, math.inf))


def _orthogonal(self: Family, weight: Any, *, strength: float = 0.01, mask: Any = None) -> None:
    require_arrays(self, "weight", weight, one_dtype=True)
    check.number("strength", strength, low=0)
    require_mask("mask", mask, "weight", weight)
    require_axes("weight", only(mask, weight), 2, "exempt biases by a mask")


def _activity(self: Family, x: Array, *, l1: float = 0.01, l2: float = 0.0) -> None:
    check.floating(self, "x", x)
    check.rank("x", x, 1)
    check.number("l1", l1, low=0)
    check.number("l2", l2, low=0)


def _constrained(self: Family, weight: Array) -> None:
    check.floating(self, "weight", weight)


def _unit_norm(self: Family, weight: Array) -> None:
    check.floating(self, "weight", weight)
    check.rank("weight", weight, 1)


def _total(self: Family, params: Any, mask: Any, measure: Callable[[Family, Array], Array]) -> Array:
    """The sum of `measure` over the elements of all arrays that are not exempt; 0 where there are none."""
    sums = [self.xp.sum(measure(self, leaf)) for leaf in optree.tree_leaves(only(mask, params))]
    if not sums:
        first = optree.tree_leaves(params)[0]
        return self.xp.zeros((), dtype=first.dtype, **self.placement(first))
    return sum(sums[1:], start=sums[0])


def _square(self: Family, w: Array) -> Array:
    return w * w


def _products(self: Family, weight: Array) -> Array:
    """Squares of the products of different units: rows of the weights as a matrix."""
    xp = self.xp
    units = _units(self, weight)
    products = xp.matmul(units, xp.permute_dims(units, (1, 0)))
    index = xp.arange(units.shape[0], **self.placement(weight))
    itself = xp.reshape(index, (-1, 1)) == index
    off = xp.where(itself, 0.0, products)
    return off * off


def _units(self: Family, weight: Array) -> Array:
    """The weights as a matrix: a row for every output unit."""
    return self.xp.reshape(weight, (weight.shape[0], math.prod(weight.shape[1:])))


class Regularizers(Family):
    """Penalties and constraints on parameters."""

    @operation(since="1.0", check=_l1)
    def l1_penalty(self, params: Any, *, l1: float = 0.01, mask: Any = None) -> Array:
        """Lasso: `l1 * sum |w|` over all elements of all arrays.

        Args:
            params: a pytree of floating arrays of one dtype.
            l1: the strength, >= 0.
            mask: a pytree of Python bools in the structure of `params`, False for arrays that are exempt; None
                exempts none.

        Returns:
            A scalar of rank 0 and of that dtype, to be added to the loss once a step.

        Raises:
            ArgumentError: `params` holds no array, `l1` is no finite number >= 0, or `mask` has another
                structure or holds something else than bools.
            DTypeError: a leaf is no floating array, or their dtypes differ.

        Requires:
            [L1_PENALTY-1] The sum of magnitudes over every array, times l1; not a mean.
            [L1_PENALTY-2] The derivative is l1 sign(w), 0 at 0.
            [L1_PENALTY-3] Arrays whose mask is False add nothing, and their derivative is 0; where all are
                exempt the penalty is 0.

        Differs:
            JAX's `abs` has derivative 1 at 0.

        Source:
            Tibshirani, "Regression Shrinkage and Selection via the Lasso", 1996.

        Example:
            >>> round(float(B.l1_penalty({"w": B.asarray([3.0, -1.0])}, l1=0.5)), 6)
            2.0
        """
        return l1 * _total(self, params, mask, magnitude)

    @operation(since="1.0", check=_l2)
    def l2_penalty(self, params: Any, *, l2: float = 0.01, mask: Any = None) -> Array:
        """Ridge: `l2 * sum w^2` over all elements of all arrays, without a factor 1/2.

        Args:
            params: a pytree of floating arrays of one dtype.
            l2: the strength, >= 0. The `l2` of the optimizers adds this penalty's derivative to the gradient.
            mask: a pytree of Python bools in the structure of `params`, False for arrays that are exempt; None
                exempts none.

        Returns:
            A scalar of rank 0 and of that dtype, to be added to the loss once a step.

        Raises:
            ArgumentError: `params` holds no array, `l2` is no finite number >= 0, or `mask` has another
                structure or holds something else than bools.
            DTypeError: a leaf is no floating array, or their dtypes differ.

        Requires:
            [L2_PENALTY-1] The sum of squares over every array, times l2; no factor 1/2, not a mean.
            [L2_PENALTY-2] The derivative is 2 l2 w.
            [L2_PENALTY-3] Arrays whose mask is False add nothing, and their derivative is 0; where all are
                exempt the penalty is 0.

        Differs:
            torch's coupled `weight_decay` adds `weight_decay * w` to the gradient: it is 2 l2.

        Source:
            Hoerl and Kennard, "Ridge Regression", 1970.

        Example:
            >>> float(B.l2_penalty({"w": B.asarray([3.0, -1.0])}, l2=0.5))
            5.0
        """
        return l2 * _total(self, params, mask, _square)

    @operation(since="1.0", check=_elastic_net)
    def elastic_net_penalty(self, params: Any, *, l1: float = 0.01, l2: float = 0.01, mask: Any = None) -> Array:
        """Elastic net: `l1 * sum |w| + l2 * sum w^2` over all elements of all arrays.

        Args:
            params: a pytree of floating arrays of one dtype.
            l1: strength of the magnitudes, >= 0.
            l2: strength of the squares, >= 0.
            mask: a pytree of Python bools in the structure of `params`, False for arrays that are exempt; None
                exempts none.

        Returns:
            A scalar of rank 0 and of that dtype, to be added to the loss once a step.

        Raises:
            ArgumentError: `params` holds no array, `l1` or `l2` is no finite number >= 0, or `mask` has another
                structure or holds something else than bools.
            DTypeError: a leaf is no floating array, or their dtypes differ.

        Requires:
            [ELASTIC_NET_PENALTY-1] The sum of l1_penalty and l2_penalty of the same strengths.
            [ELASTIC_NET_PENALTY-2] The derivative at 0 is 0.
            [ELASTIC_NET_PENALTY-3] Arrays whose mask is False add nothing, and their derivative is 0; where all are
                exempt the penalty is 0.

        Differs:
            scikit-learn mixes by a ratio and has a factor 1/2 on the squares.

        Source:
            Zou and Hastie, "Regularization and Variable Selection via the Elastic Net", 2005, eq. 3.

        Example:
            >>> float(B.elastic_net_penalty([B.asarray([3.0, -1.0])], l1=1.0, l2=0.5))
            9.0
        """
        return l1 * _total(self, params, mask, magnitude) + l2 * _total(self, params, mask, _square)

    @operation(since="1.0", check=_orthogonal)
    def orthogonal_penalty(self, weight: Any, *, strength: float = 0.01, mask: Any = None) -> Array:
        """`strength * sum over i != j of (w_i . w_j)^2`, w_i the incoming weights of output unit i.

        That is the sum of squares of the off-diagonal elements of `W W^T`, W the weight as a matrix `(out, rest)`;
        of several arrays, the sum of theirs.

        Args:
            weight: `(out, in, ...)`, floating, or a pytree of such arrays of one dtype.
            strength: >= 0.
            mask: a pytree of Python bools in the structure of `weight`, False for arrays that are exempt, of
                which the shape is free; None exempts none.

        Returns:
            A scalar of rank 0 and of the dtype of `weight`, to be added to the loss once a step.

        Raises:
            DTypeError: a leaf of `weight` is no floating array, or their dtypes differ.
            ShapeError: an array that is not exempt has fewer than 2 axes.
            ArgumentError: `weight` holds no array, `strength` is no finite number >= 0, or `mask` has another
                structure or holds something else than bools.

        Requires:
            [ORTHOGONAL_PENALTY-1] Every pair of different units counts twice, as (i, j) and (j, i); the units are along
                axis 0, and their norms do not count.
            [ORTHOGONAL_PENALTY-2] It is 0, and so is its derivative, where all pairs of units are orthogonal, zeros
                included.
            [ORTHOGONAL_PENALTY-3] Units of different arrays make no pair. Arrays whose mask is False add nothing, and
                their derivative is 0; where all are exempt the penalty is 0.

        Differs:
            Keras takes cosines (rows divided by their norms), half the sum, and columns by default. Others take the
            norm of W W^T - I, which also draws the norms towards 1.

        Source:
            Brock, Donahue and Simonyan, "Large Scale GAN Training for High Fidelity Natural Image Synthesis", 2019,
            eq. 3, without its mean.

        Example:
            >>> float(B.orthogonal_penalty(B.asarray([[1.0, 2.0], [3.0, 0.5]]), strength=0.5))
            16.0
        """
        return strength * _total(self, weight, mask, _products)

    @operation(since="1.0", check=_activity)
    def activity_penalty(self, x: Array, *, l1: float = 0.01, l2: float = 0.0) -> Array:
        """`(l1 * sum |x| + l2 * sum x^2) / N`: of the outputs of a layer, for a mean sample of the batch.

        Args:
            x: `(N, ...)`, floating: what a layer returned for N samples.
            l1: strength of the magnitudes, >= 0.
            l2: strength of the squares, >= 0.

        Returns:
            A scalar of rank 0 and of the dtype of `x`, to be added to a loss that is a mean over the samples.

        Raises:
            DTypeError: `x` is no floating array.
            ShapeError: `x` has no axis.
            ArgumentError: `l1` or `l2` is no finite number >= 0.

        Requires:
            [ACTIVITY_PENALTY-1] The sum over a sample's elements, and the mean over axis 0; 0 for no sample.
            [ACTIVITY_PENALTY-2] The derivative of the magnitudes at 0 is 0.

        Differs:
            TensorFlow's Keras divides by the size of the batch as well; both of its strengths are 0 by default.

        Source:
            Glorot, Bordes and Bengio, "Deep Sparse Rectifier Neural Networks", 2011, sec. 3.2.

        Example:
            >>> round(float(B.activity_penalty(B.asarray([[3.0, -1.0], [0.0, 2.0]]), l1=0.5, l2=0.1)), 6)
            2.2
        """
        samples = max(1, x.shape[0])
        penalty = (l1 / samples) * self.xp.sum(magnitude(self, x))
        return penalty + (l2 / samples) * self.xp.sum(x * x) if l2 else penalty

    @operation(since="1.0", check=_max_norm)
    def max_norm_constraint(self, weight: Array, *, max_norm: float = 2.0, order: float = 2) -> Array:
        """Largest norm: `w * min(1, max_norm / |w|)` for the incoming weights w of every output unit.

        Args:
            weight: `(out, ...)`, floating: the unit is axis 0, its norm is over all other axes.
            max_norm: the limit, > 0.
            order: 2, the Euclidean norm, scales the unit; `math.inf` clips each weight to `[-max_norm,
                max_norm]`.

        Returns:
            Same shape and dtype as `weight`.

        Raises:
            DTypeError: `weight` is no floating array.
            ShapeError: `weight` has no axis.
            ArgumentError: `max_norm` is no finite number > 0, or `order` is another.

        Requires:
            [MAX_NORM_CONSTRAINT-1] Units above the limit are scaled to it, each by itself, along axis 0.
            [MAX_NORM_CONSTRAINT-2] Units at or below the limit are unchanged to the bit, zeros included.
            [MAX_NORM_CONSTRAINT-3] With order infinity every weight beyond the limit becomes the limit of its
                sign, the others are unchanged.
            [MAX_NORM_CONSTRAINT-4] The derivative at a unit of zeros is 1; with order infinity it is 0 at and
                beyond the limit.

        Differs:
            Keras takes the norm over axis 0, and shrinks units below the limit by n / (n + 1e-7).

        Source:
            Srebro and Shraibman, "Rank, Trace-Norm and Max-Norm", 2005; Srivastava et al. 2014, sec. 5.1.

        Example:
            >>> w = B.asarray([[3.0, 4.0], [0.3, 0.4]])
            >>> B.to_numpy(B.max_norm_constraint(w, max_norm=1.0)).astype(float).round(6).tolist()
            [[0.6, 0.8], [0.3, 0.4]]
        """
        xp = self.xp
        if order == math.inf:
            return xp.where(weight <= -max_norm, -max_norm, xp.where(weight >= max_norm, max_norm, weight))
        units = _units(self, weight)
        length = root(self, xp.sum(units * units, axis=1, keepdims=True))
        scale = max_norm / xp.where(length <= max_norm, max_norm, length)  # 1 to the bit within the limit
        return xp.reshape(units * scale, tuple(weight.shape))

    @operation(since="1.0", check=_unit_norm)
    def unit_norm_constraint(self, weight: Array) -> Array:
        """Norm one: `w / |w|` for the incoming weights w of every output unit, and 0 for a unit of zeros.

        Args:
            weight: `(out, ...)`, floating: the unit is axis 0, its Euclidean norm is over all other axes.

        Returns:
            Same shape and dtype as `weight`.

        Raises:
            DTypeError: `weight` is no floating array.
            ShapeError: `weight` has no axis.

        Requires:
            [UNIT_NORM_CONSTRAINT-1] Every unit has norm 1, each by itself, along axis 0.
            [UNIT_NORM_CONSTRAINT-2] A unit of zeros stays zero, and its derivative is 0.
            [UNIT_NORM_CONSTRAINT-3] Units whose squares would overflow or vanish in the dtype have norm 1 too.

        Differs:
            Keras takes the norm over axis 0, and divides by |w| + 1e-7: small units stay below norm 1.

        Source:
            Coates and Ng, "Learning Feature Representations with K-Means", 2012, sec. 3.1.

        Example:
            >>> w = B.asarray([[3.0, 4.0], [0.0, 0.0]])
            >>> B.to_numpy(B.unit_norm_constraint(w)).astype(float).round(6).tolist()
            [[0.6, 0.8], [0.0, 0.0]]
        """
        xp = self.xp
        units = _units(self, weight)
        if 0 in units.shape:
            return weight
        # the result does not depend on the scale of a unit, so its derivative need not pass through the largest weight
        largest = self.stop_gradient(xp.max(xp.where(units < 0, -units, units), axis=1, keepdims=True))
        nothing = largest == 0
        scaled = units / xp.where(nothing, 1.0, largest)
        length = xp.sqrt(xp.where(nothing, 1.0, xp.sum(scaled * scaled, axis=1, keepdims=True)))
        return xp.reshape(xp.where(nothing, 0.0, scaled / length), tuple(weight.shape))

    @operation(since="1.0", check=_constrained, exact=True)
    def non_negative_constraint(self, weight: Array) -> Array:
        """No negative weights: each becomes `max(w, 0)`.

        Args:
            weight: any shape, floating.

        Returns:
            Same shape and dtype as `weight`.

        Raises:
            DTypeError: `weight` is no floating array.

        Requires:
            [NON_NEGATIVE_CONSTRAINT-1] Weights below 0 become 0, the others are unchanged to the bit; NaN stays NaN.
            [NON_NEGATIVE_CONSTRAINT-2] The derivative is 1 above 0, and 0 at and below it.

        Differs:
            Keras multiplies by (w >= 0): the derivative at 0 is 1, and -infinity becomes NaN.

        Source:
            The projection of Lee and Seung, "Learning the Parts of Objects by Non-negative Matrix Factorization",
            1999, onto the non-negative weights.

        Example:
            >>> B.to_numpy(B.non_negative_constraint(B.asarray([-1.0, 0.0, 2.0]))).tolist()
            [0.0, 0.0, 2.0]
        """
        return self.xp.where(weight <= 0, 0.0, weight)
