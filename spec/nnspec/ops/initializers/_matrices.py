"""Initial weights that are more than independent draws: orthogonal, identical maps, sparse."""

from __future__ import annotations

import math

import numpy as np

from nnspec import _threefry
from nnspec._low_precision import working_dtype
from nnspec.operation import Array, operation
from nnspec.ops.initializers import _checks as checks
from nnspec.ops.initializers._drawing import Drawing, gaussian, reflected

__all__ = ["Matrices"]


class Matrices(Drawing):
    """Weights seen as a matrix of output units by everything else."""

    @operation(since="1.0", check=checks.orthogonal, exact=True)
    def init_orthogonal(
        self, key: Array, shape: tuple[int, ...], *, gain: float = 1.0, dtype: str | None = None
    ) -> Array:
        """`gain Q`, Q uniformly distributed among the matrices of orthonormal rows (columns, if `out` is larger).

        The weight is taken as a matrix `(out, rest)`; with n the larger of the two and m the smaller, the columns of
        `H_1 ... H_m D` make up Q, or its transpose where `rest` is larger. H_k reflects x_k, the first n - k + 1
        of row k of (m, n) normals of the key, to the k-th axis, and D holds the signs -sign(x_k1): Stewart's product,
        that is the Q of a QR factorization of normals whose R has a positive diagonal. The normals are those of
        `init_normal` in float64 whichever dtype is asked for; everything is computed in float64 and rounded once.

        It takes no BLAS and no LAPACK, so that the bits do not depend on them, and is slower for it: about
        2 n m^2 operations, about two seconds at 1024 by 1024 and 0.05 at 1024 by 64.

        Args:
            key: `(2,)`, int32, not traced.
            shape: `(out, in, ...)`.
            gain: of every orthonormal row or column, finite.
            dtype: a floating dtype of the backend, or None for its default.

        Returns:
            An array of that shape and dtype.

        Raises:
            DTypeError: `key` is not int32, or the backend offers no such dtype.
            ShapeError: `key` is not `(2,)`.
            ArgumentError: `shape` has fewer than 2 axes, `gain` is not finite, or `key` is traced.

        Requires:
            [INIT_ORTHOGONAL-1] The same bits on every backend, from the stream of the key.
            [INIT_ORTHOGONAL-2] The rows of the matrix (out, rest), or its columns where out is larger, are orthogonal
                and of norm gain, up to one rounding of each element.
            [INIT_ORTHOGONAL-3] Uniformly distributed (Haar): both signs of the determinant and of every element are
                equally likely, and every element has mean 0.

        Differs:
            Keras flattens all axes but the last, torch all but the first. torch multiplies by sign(diag R), which is 0
            where R has a 0. Values differ between LAPACK libraries there.

        Source:
            Saxe et al., "Exact Solutions to the Nonlinear Dynamics of Learning in Deep Linear Networks", 2014;
            Stewart, "The Efficient Generation of Random Orthogonal Matrices", 1980.

        Example:
            >>> w = B.to_numpy(B.init_orthogonal(B.key(0), (2, 3), gain=2.0)).astype(float)
            >>> bool(abs(w @ w.T - 4 * np.eye(2)).max() < 1e-6)
            True
        """
        out, rest = shape[0], math.prod(shape[1:])
        q = reflected(self.to_numpy(key), max(out, rest), min(out, rest))
        return self._handed(gain * (q if out >= rest else q.T).reshape(shape), dtype)

    @operation(since="1.0", check=checks.identity, exact=True)
    def init_identity(self, shape: tuple[int, ...], *, gain: float = 1.0, dtype: str | None = None) -> Array:
        """`gain` on the diagonal, 0 elsewhere: a linear layer that passes on what both its sides have room for.

        Args:
            shape: `(out, in)`.
            gain: finite.
            dtype: a floating dtype of the backend, or None for its default.

        Returns:
            An array of that shape and dtype.

        Raises:
            ArgumentError: `shape` has not 2 axes, or `gain` is not finite.
            DTypeError: the backend offers no such dtype.

        Requires:
            [INIT_IDENTITY-1] Element (i, i) is gain rounded once, for every i below the smaller size; all others are 0.
            [INIT_IDENTITY-2] A linear layer with the default weight returns the first of its inputs unchanged, and 0
                for units beyond them.

        Differs:
            torch's `eye_` has no gain.

        Source:
            Le, Jaitly and Hinton, "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units", 2015.

        Example:
            >>> B.to_numpy(B.init_identity((2, 3))).tolist()
            [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
        """
        return self._handed(np.where(np.eye(shape[0], shape[1]) == 1, gain, 0.0), dtype)

    @operation(since="1.0", check=checks.dirac, exact=True)
    def init_dirac(self, shape: tuple[int, ...], *, groups: int = 1, dtype: str | None = None) -> Array:
        """1 at the centre of the field where output i of a group meets input i of it, 0 elsewhere.

        A convolution that is padded to keep its size then returns its input, in as many channels of each group as
        both sides have. The centre of a field of k is k // 2.

        Args:
            shape: `(out, in / groups, *field)`, a field of at least one axis.
            groups: of the convolution, a divisor of `out`.
            dtype: a floating dtype of the backend, or None for its default.

        Returns:
            An array of that shape and dtype.

        Raises:
            ArgumentError: `shape` has fewer than 3 axes, or `groups` does not divide `out`.
            DTypeError: the backend offers no such dtype.

        Requires:
            [INIT_DIRAC-1] Within every group of output units, unit i has a single 1, at input i and index k // 2 of
                each axis of the field, for every i below the smaller of both numbers; all other elements are 0.
            [INIT_DIRAC-2] A convolution of odd fields padded by k // 2 returns its input unchanged.

        Differs:
            torch's `dirac_` has fields of one to three axes.

        Source:
            Zagoruyko and Komodakis, "DiracNets", 2017; torch.nn.init.dirac_.

        Example:
            >>> B.to_numpy(B.init_dirac((2, 1, 3), groups=2)).tolist()
            [[[0.0, 1.0, 0.0]], [[0.0, 1.0, 0.0]]]
        """
        weight = np.zeros(shape)
        if weight.size:
            passed = np.arange(min(shape[0] // groups, shape[1]))
            of_groups = weight.reshape(groups, -1, *shape[1:])
            for axis_size in reversed(shape[2:]):  # the centre of the field
                of_groups = of_groups[..., axis_size // 2]
            of_groups[:, passed, passed] = 1
        return self._handed(weight, dtype)

    @operation(since="1.0", check=checks.sparse, exact=True)
    def init_sparse(
        self, key: Array, shape: tuple[int, ...], *, nonzeros: int = 15, std: float = 1.0, dtype: str | None = None
    ) -> Array:
        """Martens' sparse start: each unit has `nonzeros` incoming weights, normal, and no others.

        Of the two keys that `key` splits into, the first gives every weight of the matrix `(out, rest)` a 64-bit word,
        and a unit's nonzero weights are at its smallest words, the earlier index first among equal ones. The second
        gives `(out, min(nonzeros, rest))` numbers of `init_normal`, which take those places in the order of the words.

        Args:
            key: `(2,)`, int32, not traced.
            shape: `(out, in, ...)`.
            nonzeros: incoming weights of a unit that are not 0, >= 1; all of them where there are fewer.
            std: their standard deviation, > 0.
            dtype: a floating dtype of the backend, or None for its default.

        Returns:
            An array of that shape and dtype.

        Raises:
            DTypeError: `key` is not int32, or the backend offers no such dtype.
            ShapeError: `key` is not `(2,)`.
            ArgumentError: `shape` has fewer than 2 axes, `nonzeros < 1`, `std <= 0`, or `key` is traced.

        Requires:
            [INIT_SPARSE-1] The same bits on every backend, from the streams of the keys that the key splits into.
            [INIT_SPARSE-2] Every output unit has exactly nonzeros incoming weights that are not 0, or all of them where
                there are fewer.
            [INIT_SPARSE-3] Their places are uniformly distributed, for each unit by itself.
            [INIT_SPARSE-4] Their values are normal of mean 0 and that standard deviation.

        Differs:
            torch's `sparse_` takes the share of zeros, sets it in every column (an input) of an (out, in) weight, and
            has std 0.01.

        Source:
            Martens, "Deep Learning via Hessian-free Optimization", 2010, sec. 5.

        Example:
            >>> w = B.to_numpy(B.init_sparse(B.key(0), (4, 100)))
            >>> (w != 0).sum(axis=1).tolist()
            [15, 15, 15, 15]
        """
        out, rest = shape[0], math.prod(shape[1:])
        count = min(nonzeros, rest)
        places, values = _threefry.split(self.to_numpy(key))
        words = _threefry.bits64(places, out * rest).reshape(out, rest)
        chosen = np.argsort(words, axis=1, kind="stable")[:, :count]
        weight = np.zeros((out, rest))
        u = _threefry.uniform(values, (out, count), working_dtype(dtype or self.dtype))
        np.put_along_axis(weight, chosen, gaussian(u, 0.0, std), axis=1)
        return self._handed(weight.reshape(shape), dtype)
