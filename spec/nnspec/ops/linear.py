"""The affine map, the building block of dense layers, and the bilinear map of two inputs."""

from __future__ import annotations

from nnspec import _validate as check
from nnspec.operation import Array, Family, operation

__all__ = ["Linear"]


def _linear(self: Family, x: Array, weight: Array, bias: Array | None = None) -> None:
    check.floating(self, "x", x)
    check.rank("x", x, 1)
    check.same_dtype(self, "weight", weight, "x", x)
    check.shape("weight", weight, ("out", x.shape[-1]), "(the last axis of x)")
    if bias is not None:
        check.same_dtype(self, "bias", bias, "x", x)
        check.shape("bias", bias, (weight.shape[0],), "(the first axis of weight)")


def _bilinear(self: Family, x1: Array, x2: Array, weight: Array, bias: Array | None = None) -> None:
    check.floating(self, "x1", x1)
    check.rank("x1", x1, 1)
    check.same_dtype(self, "x2", x2, "x1", x1)
    check.shape("x2", x2, (*x1.shape[:-1], "in2"), "(the leading axes of x1)")
    check.same_dtype(self, "weight", weight, "x1", x1)
    check.shape("weight", weight, ("out", x1.shape[-1], x2.shape[-1]), "(the last axes of x1 and x2)")
    if bias is not None:
        check.same_dtype(self, "bias", bias, "x1", x1)
        check.shape("bias", bias, (weight.shape[0],), "(the first axis of weight)")


class Linear(Family):
    """Affine and bilinear maps of the last axis."""

    @operation(since="1.0", check=_linear)
    def linear(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        """Affine map of the last axis: `y = x W^T + b`, that is `y_o = sum_i W_oi x_i + b_o`.

        Args:
            x: `(..., in)`, floating; any number of leading axes, also none.
            weight: `(out, in)`, of the dtype of `x`.
            bias: `(out,)`, of the dtype of `x`, or None for no bias.

        Returns:
            `(..., out)`, of the dtype of `x`.

        Raises:
            DTypeError: an argument is no floating array of this backend, or the dtypes differ.
            ShapeError: `x` has no axis, or `weight` or `bias` does not fit.

        Requires:
            [LINEAR-1] weight has shape (out, in), so y = x W^T, also where weight is square.
            [LINEAR-2] The last axis is contracted, whatever the number of leading axes, none included.
            [LINEAR-3] The bias, where given, is added once to every output.
            [LINEAR-4] Products and sums of float32 are those of IEEE float32 or better, not TF32 or bfloat16.
            [LINEAR-5] An empty leading axis gives an empty result and zero gradients of weight and bias.

        Differs:
            Keras and Flax store `(in, out)`. JAX on TPU multiplies in bfloat16 by default.

        Source:
            Rosenblatt, "The Perceptron", 1958.

        Example:
            >>> weight = B.asarray([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
            >>> B.to_numpy(B.linear(B.asarray([1.0, -1.0]), weight, B.asarray([0.0, 0.5, 1.0]))).tolist()
            [-1.0, -0.5, 0.0]
        """
        y = self.xp.matmul(x, self.xp.permute_dims(weight, (1, 0)))
        return y if bias is None else self.add_bias(y, bias, terms=x.shape[-1])

    @operation(since="1.0", check=_bilinear)
    def bilinear(self, x1: Array, x2: Array, weight: Array, bias: Array | None = None) -> Array:
        """Bilinear map of two last axes: `y_o = x1^T W_o x2 + b_o = sum_ij x1_i W_oij x2_j + b_o`.

        Args:
            x1: `(..., in1)`, floating; any number of leading axes, also none.
            x2: `(..., in2)`, of the dtype of `x1`, with the same leading axes.
            weight: `(out, in1, in2)`, of the dtype of `x1`.
            bias: `(out,)`, of the dtype of `x1`, or None for no bias.

        Returns:
            `(..., out)`, of the dtype of `x1`.

        Raises:
            DTypeError: an argument is no floating array of this backend, or the dtypes differ.
            ShapeError: `x1` has no axis, the leading axes differ, or `weight` or `bias` does not fit.

        Requires:
            [BILINEAR-1] weight has shape (out, in1, in2): x1 meets its second axis and x2 its third, also where
                they are of one size.
            [BILINEAR-2] The last axes are contracted, row by row of the common leading axes, none included.
            [BILINEAR-3] The bias, where given, is added once to every output.
            [BILINEAR-4] Products and sums of float32 are those of IEEE float32 or better, not TF32 or bfloat16.
            [BILINEAR-5] An empty leading axis gives an empty result and zero gradients of weight and bias.

        Source:
            Tenenbaum and Freeman, "Separating Style and Content with Bilinear Models", 2000.

        Example:
            >>> weight = B.asarray([[[1.0, 0.0], [0.0, 2.0]], [[0.0, 1.0], [-1.0, 0.0]]])
            >>> y = B.bilinear(B.asarray([1.0, 2.0]), B.asarray([3.0, 4.0]), weight, B.asarray([0.5, 0.0]))
            >>> B.to_numpy(y).tolist()
            [19.5, -2.0]
        """
        xp = self.xp
        out, size1, size2 = weight.shape
        leading = tuple(x1.shape[:-1])
        inner = self.linear(x2, xp.reshape(weight, (out * size1, size2)))  # W_o x2, a view of weight
        y = xp.sum(xp.reshape(inner, (*leading, out, size1)) * xp.expand_dims(x1, axis=-2), axis=-1)
        return y if bias is None else self.add_bias(y, bias, terms=size1)
