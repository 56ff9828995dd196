"""Optimizers that know of matrices: Adafactor keeps rows and columns of the second moment, Muon steps orthogonally."""

from __future__ import annotations

import math
from typing import Any

import optree

from nnspec.operation import Array, Family, operation
from nnspec.ops._common import norm, root
from nnspec.ops.optimizers import _matrix_checks as own
from nnspec.ops.optimizers._steps import State, decays, fresh, moments_of, moved, next_step, stepped

__all__ = ["Matrix"]

#: of the polynomial a x + b x^3 + c x^5 that Muon applies to singular values
_A, _B, _C = 3.4445, -4.7750, 2.0315
_MUON_EPS = 1e-7
#: the largest relative step of Adafactor
_LARGEST = 1e-2


class Matrix(Family):
    """Adafactor and Muon."""

    @operation(since="1.0", check=own.adafactor_init, exact=True, low="master")
    def adafactor_init(self, params: Any, *, beta1: float = 0.0) -> State:
        """State of Adafactor: "step", "row_avg_sq", "col_avg_sq", and "exp_avg" where beta1 > 0.

        Args:
            params: a pytree of floating arrays.
            beta1: as in `adafactor_update`.

        Returns:
            `{"step": int32 of rank 0, "row_avg_sq": ..., "col_avg_sq": ...}`, both trees structured like `params`:
            of a parameter `(rows, *columns)` they hold `(rows,)` and `(*columns)`; of a vector or a number
            the first holds one element an element and the second nothing, `(0,)`. With `"exp_avg"` like
            `params` where beta1 > 0; all 0.

        Raises:
            DTypeError: a leaf of `params` is no floating array.
            ArgumentError: `params` holds no array, or `beta1` is outside [0, 1).

        Requires:
            [ADAFACTOR_INIT-1] Everything is 0; the step is an int32 array of rank 0; exp_avg is there exactly
                where beta1 > 0.
            [ADAFACTOR_INIT-2] A parameter of two or more axes has one number a row and one a column, in place
                of one an element.

        Source:
            As for `adafactor_update`.

        Example:
            >>> state = B.adafactor_init({"w": B.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])})
            >>> sorted(state), tuple(state["row_avg_sq"]["w"].shape), tuple(state["col_avg_sq"]["w"].shape)
            (['col_avg_sq', 'row_avg_sq', 'step'], (2,), (3,))
        """
        state = fresh(self, params, ("exp_avg",) if beta1 > 0 else ())
        for entry, shape in (("row_avg_sq", own.row_shape), ("col_avg_sq", own.col_shape)):
            state[entry] = optree.tree_map(
                lambda p, shape=shape: self.xp.zeros(shape(p), dtype=p.dtype, **self.placement(p)), params
            )
        return state

    @operation(since="1.0", check=own.adafactor_update, low="master")
    def adafactor_update(
        self,
        params: Any,
        grads: Any,
        state: State,
        *,
        lr: float | Array | None = None,
        eps1: float = 1e-30,
        eps2: float = 1e-3,
        clip_threshold: float = 1.0,
        decay_rate: float = 0.8,
        beta1: float = 0.0,
        weight_decay: float = 0.0,
        decay_mask: Any = None,
    ) -> tuple[Any, State]:
        """Adafactor: `p = p - rho_t (max(eps2, RMS(p)) u / max(1, RMS(u) / clip_threshold) + weight_decay p)`.

        `u = g / sqrt(V)` with `V = R C / mean(R)`, `R = b_t R + (1 - b_t) mean over columns of (g^2 + eps1)` and
        `C = b_t C + (1 - b_t) mean over rows of (g^2 + eps1)`; of a vector or a number
        `V = b_t V + (1 - b_t) (g^2 + eps1)`. `1 - b_t = t^-decay_rate`, and `rho_t` is lr, or where that is None
        `min(0.01, t^-1/2)`. g is the gradient, t the number of this update, 1 at first, RMS the root of the mean
        square of an array. With beta1 > 0 the clipped u is replaced by `m = beta1 m + (1 - beta1) u`.

        Args:
            params: a pytree of floating arrays; one `(rows, *columns)` of two or more axes counts as a matrix
                with a row for each index of its first axis.
            grads: like `params`.
            state: from `adafactor_init` with the same beta1, or the last update.
            lr: relative step size rho_t, >= 0, a number or a floating array of rank 0; None is that of the paper.
            eps1: added to every squared gradient before the means, > 0.
            eps2: least scale of the step, for parameters whose RMS is smaller, > 0.
            clip_threshold: largest RMS of u, > 0.
            decay_rate: exponent of the share that a new squared gradient has, in (0, 1].
            beta1: decay of the first moment, in [0, 1); 0 keeps none.
            weight_decay: decoupled decay, >= 0, multiplied by rho_t.
            decay_mask: a pytree of Python bools in the structure of `params`, False where nothing decays;
                None lets everything decay.

        Returns:
            New parameters and new state, structured like the old ones.

        Raises:
            DTypeError: a leaf is no floating array, or not of its parameter's dtype.
            ShapeError: a leaf has not its parameter's shape.
            ArgumentError: structures differ, `state` has other entries, a number is out of its range, or
                `decay_mask` holds something else than bools.

        Requires:
            [ADAFACTOR_UPDATE-1] Of a matrix V is the product of the means of rows and of columns over the mean
                of all; it underflows nowhere, not even where whole rows and columns have no gradient.
            [ADAFACTOR_UPDATE-2] Of a vector or a number V is the average itself.
            [ADAFACTOR_UPDATE-3] A new squared gradient has the share t^-decay_rate, 1 at the first update.
            [ADAFACTOR_UPDATE-4] eps1 is added to the squared gradient before the means.
            [ADAFACTOR_UPDATE-5] u is scaled down to an RMS of clip_threshold, array by array, and never up.
            [ADAFACTOR_UPDATE-6] The step is scaled by the RMS of the parameters before it, at least by eps2.
            [ADAFACTOR_UPDATE-7] Without lr the relative step size is 0.01 up to t = 10^4 and t^-1/2 after.
            [ADAFACTOR_UPDATE-8] The first moment is of the clipped u, without bias correction; step sizes are
                not accumulated in it.
            [ADAFACTOR_UPDATE-9] The decay is rho_t weight_decay p with p before the step; leaves whose mask is
                False do not decay.
            [ADAFACTOR_UPDATE-10] The step counter grows by 1.

        Differs:
            torch clamps the mean of R and V in place of adding eps1, to the roundoff of the dtype unless told
            otherwise, and its step size is min(lr, t^-1/2); with an lr Transformers scales by RMS(p) only when
            told to. torch, Transformers and Keras factor the last two axes of more, optax and the authors' code
            the two longest. optax, Transformers and the authors' code accumulate the scaled step in the first
            moment.

        Source:
            Shazeer and Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", 2018, algorithms
            4 (matrices), 5 (vectors) and 6: eps1 = 1e-30, eps2 = 1e-3, the threshold d = 1, the decay
            1 - t^-0.8 and the step min(1e-2, t^-1/2). R and C are means where the paper has sums, which is the
            same V.

        Example:
            >>> w = {"w": B.asarray([[1.0, 1.0], [1.0, 1.0]])}
            >>> grads = {"w": B.asarray([[1.0, 2.0], [2.0, 4.0]])}
            >>> new, state = B.adafactor_update(w, grads, B.adafactor_init(w))
            >>> [round(x, 6) for x in B.to_numpy(new["w"])[0].tolist()]
            [0.99, 0.99]
        """
        step = next_step(self, state["step"])

        def update(p: Array, g: Array, row: Array, col: Array, *rest: Any) -> tuple[Array, ...]:
            *moment, decay = rest
            time = self.asarray(step, dtype=str(p.dtype).removeprefix("torch."))
            direction, row, col = _by_factors(self, g, row, col, eps1, _share(self, time, decay_rate))
            size = _rms(self, direction)
            direction = direction / self.xp.where(size <= clip_threshold, 1.0, size / clip_threshold)
            if moment:
                direction = beta1 * moment[0] + (1 - beta1) * direction
                moment = [direction]
            scale = _rms(self, p)
            direction = self.xp.where(scale <= eps2, eps2, scale) * direction
            return (moved(self, p, direction, _relative(self, time) if lr is None else lr, decay), row, col, *moment)

        moments = moments_of(state, own.adafactor_entries(beta1))
        return stepped(update, params, grads, step, moments, decays(params, weight_decay, decay_mask))

    @operation(since="1.0", check=own.muon_init, exact=True, low="master")
    def muon_init(self, params: Any) -> State:
        """State of Muon: "step" and "momentum".

        Args:
            params: a pytree of floating arrays of two or more axes.

        Returns:
            `{"step": int32 of rank 0, "momentum": like params}`; all 0.

        Raises:
            DTypeError: a leaf of `params` is no floating array.
            ShapeError: a leaf of `params` has fewer than two axes.
            ArgumentError: `params` holds no array.

        Requires:
            [MUON_INIT-1] Everything is 0; the step is an int32 array of rank 0.
            [MUON_INIT-2] A parameter of fewer than two axes is refused; the message says what to do with it.

        Source:
            As for `muon_update`.

        Example:
            >>> sorted(B.muon_init({"w": B.asarray([[1.0]])}))
            ['momentum', 'step']
        """
        return fresh(self, params, own.MUON)

    @operation(since="1.0", check=own.muon_update, low="master")
    def muon_update(
        self,
        params: Any,
        grads: Any,
        state: State,
        *,
        lr: float | Array = 0.02,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_steps: int = 5,
        weight_decay: float = 0.0,
        decay_mask: Any = None,
    ) -> tuple[Any, State]:
        """Muon: `v = momentum v + g`, `p = p - lr (sqrt(max(1, rows / columns)) NS(d) + weight_decay p)`.

        d is `g + momentum v` with Nesterov and v without, g the gradient. NS makes all singular values nearly 1:
        `X = d / (|d| + 1e-7)`, |.| the Euclidean norm, and then `ns_steps` times
        `X = 3.4445 X - 4.7750 (X X^T) X + 2.0315 (X X^T)^2 X`. The 1e-7 is the only eps there is; it matters where
        the gradients vanish.

        Args:
            params: a pytree of floating arrays of two or more axes; one `(rows, *columns)` is taken as a matrix
                with a row for each index of its first axis.
            grads: like `params`.
            state: from `muon_init`, or the last update.
            lr: learning rate, >= 0, a number or a floating array of rank 0.
            momentum: in [0, 1).
            nesterov: whether to look ahead.
            ns_steps: steps of the Newton-Schulz iteration, >= 1.
            weight_decay: decoupled decay, >= 0.
            decay_mask: a pytree of Python bools in the structure of `params`, False where nothing decays;
                None lets everything decay.

        Returns:
            New parameters and new state, structured like the old ones.

        Raises:
            DTypeError: a leaf is no floating array, or not of its parameter's dtype.
            ShapeError: a leaf has not its parameter's shape, or fewer than two axes.
            ArgumentError: structures differ, `state` has other entries, a number is out of its range, or
                `decay_mask` holds something else than bools.

        Requires:
            [MUON_UPDATE-1] The direction is the polynomial's of the matrix over its norm, ns_steps times.
            [MUON_UPDATE-2] Nesterov orthogonalizes g + momentum v with the new v, otherwise v; the learning
                rate is not accumulated in v.
            [MUON_UPDATE-3] A matrix of more rows than columns has steps larger by the root of their ratio.
            [MUON_UPDATE-4] More than two axes are flattened to the first and all others.
            [MUON_UPDATE-5] Where there is no gradient yet the step is 0, not NaN.
            [MUON_UPDATE-6] The decay is lr weight_decay p with p before the step; leaves whose mask is False
                do not decay.
            [MUON_UPDATE-7] The step counter grows by 1.

        Differs:
            The author's code and torch iterate in bfloat16, at three digits; torch takes the larger of |d| and
            1e-7, has lr 1e-3 and weight_decay 0.1, and refuses more than two axes, of which the author's code
            takes the ratio of the last two. optax corrects the start of the momentum, which changes Nesterov's
            mixture, and takes kernels (in, out), so that wide ones have the larger steps. Moonshot's variant
            scales by 0.2 sqrt(max(rows, columns)).

        Source:
            Jordan et al., "Muon: An Optimizer for Hidden Layers in Neural Networks", 2024
            (kellerjordan.github.io/posts/muon): the algorithm, NewtonSchulz5 with its coefficients
            (a, b, c) = (3.4445, -4.7750, 2.0315) and eps 1e-7; the factor sqrt(max(1, rows / columns)) is
            that of the author's implementation.

        Example:
            >>> w = {"w": B.asarray([[1.0, 0.0], [0.0, 1.0]])}
            >>> new, _ = B.muon_update(w, {"w": B.asarray([[3.0, 0.0], [0.0, 0.0]])}, B.muon_init(w), lr=0.5)
            >>> [round(x, 3) for x in B.to_numpy(new["w"])[0].tolist()]
            [0.652, 0.0]
        """

        def update(p: Array, g: Array, v: Array, decay: float) -> tuple[Array, ...]:
            v = momentum * v + g
            rows, columns = p.shape[0], math.prod(p.shape[1:])
            matrix = self.xp.reshape(g + momentum * v if nesterov else v, (rows, columns))
            direction = self.xp.reshape(_orthogonalized(self, matrix, ns_steps), tuple(p.shape))
            if rows > columns > 0:
                direction = math.sqrt(rows / columns) * direction
            return moved(self, p, direction, lr, decay), v

        each = decays(params, weight_decay, decay_mask)
        return stepped(update, params, grads, next_step(self, state["step"]), moments_of(state, own.MUON), each)


def _mean(backend: Family, x: Array, axes: tuple[int, ...]) -> Array:
    return backend.xp.sum(x, axis=axes) / float(max(math.prod(x.shape[i] for i in axes), 1))


def _rms(backend: Family, x: Array) -> Array:
    """The root of the mean square, of rank 0."""
    return root(backend, _mean(backend, x * x, tuple(range(x.ndim))))


def _share(backend: Family, time: Array, decay_rate: float) -> tuple[Array, Array]:
    """`1 - t^-decay_rate` and `t^-decay_rate`: of the old average and of the new value."""
    exponent = -decay_rate * backend.xp.log(time)
    return -backend.xp.expm1(exponent), backend.xp.exp(exponent)


def _relative(backend: Family, time: Array) -> Array:
    """`min(0.01, t^-1/2)`."""
    falling = 1.0 / backend.xp.sqrt(time)
    return backend.xp.where(falling >= _LARGEST, _LARGEST, falling)


def _by_factors(
    backend: Family, g: Array, row: Array, col: Array, eps1: float, share: tuple[Array, Array]
) -> tuple[Array, Array, Array]:
    """`g / sqrt(V)`, and the new averages of rows and columns."""
    old, new = share
    square = g * g + eps1
    if g.ndim < 2:
        row = old * row + new * square
        return g / root(backend, row), row, backend.xp.zeros_like(col)
    row = old * row + new * _mean(backend, square, tuple(range(1, g.ndim)))
    col = old * col + new * _mean(backend, square, (0,))
    relative = backend.xp.reshape(row / _mean(backend, row, (0,)), (g.shape[0], *(1,) * (g.ndim - 1)))
    # one root after the other: the product of a row and a column without gradients would underflow
    return g / root(backend, relative) / root(backend, backend.xp.expand_dims(col, axis=0)), row, col


def _orthogonalized(backend: Family, matrix: Array, steps: int) -> Array:
    """Newton-Schulz steps towards the nearest matrix of orthonormal rows or columns, whichever are fewer."""
    xp = backend.xp
    tall = matrix.shape[0] > matrix.shape[1]
    x = xp.permute_dims(matrix, (1, 0)) if tall else matrix
    x = x / (norm(backend, [x]) + _MUON_EPS)
    for _ in range(steps):
        gram = xp.matmul(x, xp.permute_dims(x, (1, 0)))
        x = _A * x + xp.matmul(_B * gram + _C * xp.matmul(gram, gram), x)
    return xp.permute_dims(x, (1, 0)) if tall else x
