"""The tape against central differences in float64, and its plumbing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nnspec.tape import Tensor, kernel, primitive, pullback
from nnspec.tape import namespace as xp

RNG = np.random.default_rng(7)
X = RNG.standard_normal((3, 4))
Y = RNG.standard_normal((3, 4))
POSITIVE = abs(X) + 0.5

FUNCTIONS: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "add": (lambda a, b: a + b, [X, Y]),
    "add-broadcast": (lambda a, b: a + b, [X, Y[0]]),
    "add-number": (lambda a: 2.0 + a, [X]),
    "subtract": (lambda a, b: a - b, [X, Y[:, :1]]),
    "number-minus": (lambda a: 1.5 - a, [X]),
    "multiply": (lambda a, b: a * b, [X, Y]),
    "divide": (lambda a, b: a / b, [X, POSITIVE]),
    "number-over": (lambda a: 2.0 / a, [POSITIVE]),
    "negative": (lambda a: -a, [X]),
    "power": (lambda a: a**3, [X]),
    "exp": (xp.exp, [X]),
    "expm1": (xp.expm1, [X]),
    "log": (xp.log, [POSITIVE]),
    "log1p": (xp.log1p, [POSITIVE]),
    "sqrt": (xp.sqrt, [POSITIVE]),
    "tanh": (xp.tanh, [X * 3]),
    "sin": (xp.sin, [X]),
    "cos": (xp.cos, [X]),
    "abs": (xp.abs, [X]),
    "maximum": (xp.maximum, [X, Y]),
    "minimum": (xp.minimum, [X, Y]),
    "where": (lambda a, b: xp.where(X > 0, a, b), [X, Y[0]]),
    "sum": (xp.sum, [X]),
    "sum-axis": (lambda a: xp.sum(a, axis=1), [X]),
    "sum-axes-kept": (lambda a: xp.sum(a, axis=(0, -1), keepdims=True), [X]),
    "max": (lambda a: xp.max(a, axis=0), [X]),
    "min": (lambda a: xp.min(a, axis=-1, keepdims=True), [X]),
    "matmul": (xp.matmul, [X, Y.T.copy()]),
    "matmul-batched": (xp.matmul, [RNG.standard_normal((2, 3, 4)), RNG.standard_normal((4, 5))]),
    "matmul-vector": (xp.matmul, [X, Y[0]]),
    "vector-matmul": (xp.matmul, [X[:, 0], Y]),
    "dot": (xp.matmul, [X[0], Y[0]]),
    "reshape": (lambda a: xp.reshape(a, (2, -1)), [X]),
    "permute_dims": (lambda a: xp.permute_dims(a, (1, 0)), [X]),
    "broadcast_to": (lambda a: xp.broadcast_to(a, (5, 3, 4)), [X]),
    "flip": (lambda a: xp.flip(a, axis=1), [X]),
    "expand_dims": (lambda a: xp.expand_dims(a, axis=-2), [X]),
    "squeeze": (lambda a: xp.squeeze(a[:, :1], axis=1), [X]),
    "getitem": (lambda a: a[1:, ::-2], [X]),
    "getitem-ellipsis": (lambda a: a[..., 0], [X]),
    "take": (lambda a: xp.take(a, np.array([2, 0, 2, 2, 1]), axis=0), [X]),
    "take-last": (lambda a: xp.take(a, np.array([3, 3, 0], np.uint8), axis=-1), [X]),
    "take-nothing": (lambda a: xp.take(a, np.array([], np.int32), axis=1), [X]),
    "concat": (lambda a, b: xp.concat([a, b, a], axis=-1), [X, Y]),
    "stack": (lambda a, b: xp.stack([a, b], axis=1), [X, Y]),
    "reuse": (lambda a: a * a + a, [X]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivative_is_that_of_central_differences(name: str) -> None:
    function, arrays = FUNCTIONS[name]
    leaves = [Tensor(a) for a in arrays]
    out = function(*leaves)
    weights = RNG.standard_normal(out.shape)
    for i, g in enumerate(pullback([out], leaves)([weights])):
        assert g.shape == arrays[i].shape
        direction = RNG.standard_normal(arrays[i].shape)

        def along(t: float, i: int = i, direction: Any = direction) -> float:
            moved = [a + t * direction if j == i else a for j, a in enumerate(arrays)]
            return float(np.sum(function(*moved) * weights))

        numeric = (along(1e-5) - along(-1e-5)) / 2e-5
        assert np.sum(g * direction) == pytest.approx(numeric, rel=1e-7, abs=1e-8)


def test_plain_arrays_pass_through_unrecorded() -> None:
    assert isinstance(xp.exp(X), np.ndarray)
    assert isinstance(xp.where(X > 0, X, 0.0), np.ndarray)


def test_ties_share_the_gradient_of_a_maximum() -> None:
    x = Tensor(np.array([2.0, 2.0, 1.0]))
    np.testing.assert_array_equal(pullback([m := xp.max(x)], [x])([np.float64(1)])[0], [0.5, 0.5, 0.0])
    assert float(m) == 2.0
    a, b = Tensor(np.array([1.0, 3.0])), Tensor(np.array([1.0, 2.0]))
    ga, gb = pullback([xp.maximum(a, b)], [a, b])([np.ones(2)])
    np.testing.assert_array_equal(ga, [0.5, 1.0])
    np.testing.assert_array_equal(gb, [0.5, 0.0])


def test_derivative_of_abs_at_zero_is_zero() -> None:
    x = Tensor(np.array([0.0, -0.0]))
    np.testing.assert_array_equal(pullback([xp.abs(x)], [x])([np.ones(2)])[0], [0.0, 0.0])


def test_tanh_derivative_survives_the_tail_where_the_output_rounds_to_one() -> None:
    x = Tensor(np.array([20.0]))
    (g,) = pullback([xp.tanh(x)], [x])([np.ones(1)])
    assert g[0] == pytest.approx(4 * np.exp(-40.0), rel=1e-12)


def test_unused_leaf_gets_zeros_of_its_own_dtype() -> None:
    used, unused = Tensor(np.ones(2, np.float32)), Tensor(np.ones((2, 3), np.float32))
    g = pullback([used * 2.0], [used, unused])([np.ones(2, np.float32)])[1]
    np.testing.assert_array_equal(g, np.zeros((2, 3), np.float32))
    assert g.dtype == np.float32


def test_several_outputs_accumulate() -> None:
    x = Tensor(np.array([3.0]))
    (g,) = pullback([x * x, x + 1.0], [x])([np.array([1.0]), np.array([10.0])])
    np.testing.assert_array_equal(g, [16.0])


def test_stop_gradient_cuts() -> None:
    x = Tensor(np.array([3.0]))
    np.testing.assert_array_equal(pullback([x * xp.stop_gradient(x)], [x])([np.ones(1)])[0], [3.0])


def test_float32_stays_float32_beside_python_numbers() -> None:
    x = Tensor(np.ones(3, np.float32))
    y = 0.1 * xp.exp(x / 3.0) - 2.0
    assert y.dtype == np.float32
    assert pullback([y], [x])([np.ones(3, np.float32)])[0].dtype == np.float32


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda x: x[np.array([0, 1])], "integers, slices"),
        (lambda x: x**0.5, "positive integer exponent"),
        (lambda x: xp.astype(x, np.float32), "stays float64"),
    ],
)
def test_what_has_no_derivative_here_is_refused(act: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        act(Tensor(X))


def test_kernel_computes_only_the_gradients_needed() -> None:
    asked: list[tuple[bool, ...]] = []

    def backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
        asked.append(needed)
        return [g * saved[1], g * saved[0]]

    product = kernel(lambda a, b: (a * b, (a, b)), backward)
    x = Tensor(X)
    (g,) = pullback([product(x, Y)], [x])([np.ones_like(X)])
    np.testing.assert_array_equal(g, Y)
    assert asked == [(True, False)]
    assert isinstance(product(X, Y), np.ndarray)


def test_argument_without_vjp_receives_nothing() -> None:
    scaled = primitive(lambda a, b: a * b, lambda g, out, a, b: g * b, None)
    a, b = Tensor(X), Tensor(Y)
    ga, gb = pullback([scaled(a, b)], [a, b])([np.ones_like(X)])
    np.testing.assert_array_equal(ga, Y)
    np.testing.assert_array_equal(gb, np.zeros_like(Y))
