"""The activations by their definitions, against PyTorch, mpmath, published constants and loops."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import array_api_compat.torch
import array_api_strict
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import torch

from nnspec import tape
from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec.ops.activations import Activations
from nnspec.ops.activations._smooth_rectifiers import _SELU_ALPHA, _SELU_SCALE

Array = np.ndarray[Any, Any]
native: Any = torch.nn.functional
INF, NAN = math.inf, math.nan


class Definitions(Activations):
    """The definitions on the arrays of one namespace, and nothing else."""

    def __init__(self, xp: Any, stop: Callable[[Any], Any] = lambda x: x, erf: Callable[[Any], Any] | None = None):
        self.xp = xp
        self._stop = stop
        self._erf = erf

    def is_floating(self, x: Any) -> bool:
        return hasattr(x, "dtype") and x.dtype in (self.xp.float32, self.xp.float64)

    def stop_gradient(self, x: Any) -> Any:
        return self._stop(x)

    def erf(self, x: Any) -> Any:
        assert self._erf is not None
        return self._erf(x)


T: Any = Definitions(array_api_compat.torch, lambda x: x.detach(), torch.erf)
ON_TAPE: Any = Definitions(tape.namespace, tape.namespace.stop_gradient)


def tensor(*shape: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(shape, generator=generator, dtype=torch.float64)).requires_grad_()


# -- where PyTorch's convention is the same ----------------------------------------------------------------

#: operation and options -> PyTorch's function
SAME: list[tuple[str, dict[str, Any], Callable[[Any], Any]]] = [
    ("relu", {}, torch.relu),
    ("relu6", {}, native.relu6),
    ("leaky_relu", {"negative_slope": 0.3}, lambda x: native.leaky_relu(x, 0.3)),
    ("hard_tanh", {"min_value": -0.5, "max_value": 2.0}, lambda x: native.hardtanh(x, -0.5, 2.0)),
    ("hard_swish", {}, native.hardswish),
    ("softshrink", {}, native.softshrink),
    ("softshrink", {"lambd": 1.25}, lambda x: native.softshrink(x, 1.25)),
    ("hardshrink", {}, native.hardshrink),
    ("hardshrink", {"lambd": 1.25}, lambda x: native.hardshrink(x, 1.25)),
    ("threshold", {"threshold": 0.5, "value": -2.0}, lambda x: native.threshold(x, 0.5, -2.0)),
    ("elu", {}, native.elu),
    ("elu", {"alpha": 0.3}, lambda x: native.elu(x, 0.3)),
    ("selu", {}, native.selu),
    ("celu", {"alpha": 0.5}, lambda x: native.celu(x, 0.5)),
    ("sigmoid", {}, torch.sigmoid),
    ("log_sigmoid", {}, native.logsigmoid),
    ("tanh", {}, torch.tanh),
    ("tanhshrink", {}, native.tanhshrink),
    ("softsign", {}, native.softsign),
    ("gelu", {}, native.gelu),
    ("gelu", {"approximate": "tanh"}, lambda x: native.gelu(x, approximate="tanh")),
    ("silu", {}, native.silu),
    ("mish", {}, native.mish),
    ("softmax", {"axis": -2}, lambda x: torch.softmax(x, -2)),
    ("log_softmax", {"axis": -2}, lambda x: torch.log_softmax(x, -2)),
    ("glu", {}, native.glu),
    ("glu", {"axis": 0}, lambda x: native.glu(x, 0)),
    ("maxout", {"num_pieces": 2}, lambda x: x.unflatten(-1, (-1, 2)).amax(-1)),
]
KINKS = [-1.25, -0.5, -0.0, 0.0, 0.5, 1.25, 2.0, 3.0, -3.0, 6.0, -40.0, 40.0, 1.0, -1.0, 7.0, -8.0]


@pytest.mark.parametrize(("name", "options", "theirs"), SAME, ids=lambda part: part if isinstance(part, str) else "")
@pytest.mark.parametrize("inputs", ["drawn", "wide", "kinks"])
def test_values_and_gradients_are_those_of_torch(
    name: str, options: dict[str, Any], theirs: Callable[[Any], Any], inputs: str
) -> None:
    x = tensor(4, 16, seed=1, scale=20.0 if inputs == "wide" else 1.5)
    if inputs == "kinks":
        x = torch.tensor([KINKS, KINKS[::-1]], dtype=torch.float64, requires_grad=True)
    ours, wanted = getattr(T, name)(x, **options), theirs(x)
    torch.testing.assert_close(ours, wanted, rtol=1e-12, atol=1e-13)
    cotangent = tensor(*wanted.shape, seed=9).detach()
    got = torch.autograd.grad(ours, x, cotangent)[0]
    torch.testing.assert_close(got, torch.autograd.grad(wanted, x, cotangent)[0], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_swiglu_and_geglu_activate_the_first_half(axis: int) -> None:
    x = tensor(4, 6, 8)
    first, second = torch.chunk(x, 2, axis)
    torch.testing.assert_close(T.swiglu(x, axis=axis), native.silu(first) * second, rtol=1e-13, atol=0)
    for approximate in ("none", "tanh"):
        ours = T.geglu(x, axis=axis, approximate=approximate)
        theirs = native.gelu(first, approximate=approximate) * second
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-16)


def test_prelu_is_that_of_torch() -> None:
    x, weight = tensor(4, 3, 5), tensor(3, seed=1)
    ours, theirs = T.prelu(x, weight), native.prelu(x, weight)
    cotangent = tensor(4, 3, 5, seed=2).detach()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    pairs = (torch.autograd.grad(y, [x, weight], cotangent) for y in (ours, theirs))
    for mine, other in zip(*pairs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-13)


# -- against mpmath, value and derivative --------------------------------------------------------------------


def _squareplus(b: float) -> Callable[[Any], Any]:
    return lambda x: (x + mpmath.sqrt(x * x + b)) / 2


FORMULAS: dict[str, tuple[str, dict[str, float], Callable[[Any], Any]]] = {
    "squareplus": ("squareplus", {}, _squareplus(4.0)),
    "squareplus narrow": ("squareplus", {"b": 0.3}, _squareplus(0.3)),
    "squareplus wide": ("squareplus", {"b": 1e6}, _squareplus(1e6)),
    "hard_sigmoid": ("hard_sigmoid", {}, lambda x: min(max(x + 3, mpmath.mpf(0)), mpmath.mpf(6)) / 6),
    "silu beta": ("silu", {"beta": -1.7}, lambda x: x / (1 + mpmath.exp(1.7 * x))),
    "softplus": ("softplus", {"beta": 3.0}, lambda x: mpmath.log1p(mpmath.exp(3 * x)) / 3),
    "log_sigmoid": ("log_sigmoid", {}, lambda x: -mpmath.log1p(mpmath.exp(-x))),
    "mish": ("mish", {}, lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x)))),
    "celu": ("celu", {"alpha": 0.3}, lambda x: x if x > 0 else 0.3 * mpmath.expm1(x / mpmath.mpf(0.3))),
    "softsign": ("softsign", {}, lambda x: x / (1 + abs(x))),
}
#: neither 0 nor the kinks of hard_sigmoid: PyTorch and the cases have those
POINTS = [-1e4, -120.0, -30.0, -7.5, -2.999999, -1.2, -1e-3, -1e-9, 1e-9, 1e-3, 0.7, 2.5, 3.5, 25.0, 300.0, 1e4]


#: absolute, of the derivative: softsign's is a difference in the tails, celu's comes from the output in PyTorch
CANCELLING = {"softsign": 1e-14, "celu": 1e-15}


@pytest.mark.parametrize("case", FORMULAS)
def test_values_and_gradients_are_those_of_the_formula_at_60_digits(case: str) -> None:
    """Relative to each value: the tails are as accurate as the middle."""
    name, options, formula = FORMULAS[case]
    x = torch.tensor(POINTS, dtype=torch.float64, requires_grad=True)
    y = getattr(T, name)(x, **options)
    slopes = torch.autograd.grad(y.sum(), x)[0].tolist()
    with mpmath.workdps(60):
        for point, value, slope in zip(POINTS, y.tolist(), slopes, strict=True):
            at = mpmath.mpf(point)
            step = mpmath.mpf(10) ** -25 * abs(at)
            wanted = float((formula(at + step) - formula(at - step)) / (2 * step))
            assert value == pytest.approx(float(formula(at)), rel=1e-12, abs=1e-300), point
            assert slope == pytest.approx(wanted, rel=1e-12, abs=CANCELLING.get(name, 1e-300)), point


def test_the_constants_of_selu_keep_mean_0_and_variance_1_of_a_normal_variable() -> None:
    with mpmath.workdps(40):
        below = mpmath.exp(0.5) * mpmath.ncdf(-1)  # E[exp(z); z < 0]
        mean = below - mpmath.mpf(0.5)  # E[exp(z) - 1; z < 0]
        square = mpmath.exp(2) * mpmath.ncdf(-2) - 2 * below + mpmath.mpf(0.5)
        exact_alpha = -1 / (mpmath.sqrt(2 * mpmath.pi) * mean)
        alpha, scale = float(exact_alpha), float(1 / mpmath.sqrt(exact_alpha**2 * square + mpmath.mpf(0.5)))
    assert scale == _SELU_SCALE
    assert alpha == _SELU_ALPHA
    x = torch.tensor([1.0, -1e3], dtype=torch.float64)
    assert T.selu(x).tolist() == [scale, pytest.approx(-scale * alpha, rel=1e-15)]


# -- what no framework has: pinned by hand -------------------------------------------------------------------


KINK_SLOPES: list[tuple[str, dict[str, float], list[float], list[float]]] = [
    ("relu6", {}, [0.0, -0.0, 6.0, 3.0], [0.0, 0.0, 0.0, 1.0]),
    ("hard_sigmoid", {}, [-3.0, 3.0, math.nextafter(3, 0), math.nextafter(-3, 0)], [0.0, 0.0, 1 / 6, 1 / 6]),
    ("hard_swish", {}, [-3.0, 3.0, 0.0], [0.0, 1.0, 0.5]),
    ("elu", {"alpha": 0.25}, [0.0, -0.0, 1e-300], [0.25, 0.25, 1.0]),
    ("celu", {"alpha": 0.25}, [0.0, -0.0], [1.0, 1.0]),
    ("softshrink", {"lambd": 0.25}, [0.25, -0.25, math.nextafter(0.25, 1), 0.0], [0.0, 0.0, 1.0, 0.0]),
    ("hardshrink", {"lambd": 0.25}, [0.25, -0.25, math.nextafter(-0.25, -1), 0.0], [0.0, 0.0, 1.0, 0.0]),
    ("threshold", {"threshold": 0.25, "value": 9.0}, [0.25, math.nextafter(0.25, 1)], [0.0, 1.0]),
    ("softsign", {}, [0.0, -0.0], [1.0, 1.0]),
    ("log_sigmoid", {}, [0.0, -1000.0, 1000.0], [0.5, 1.0, 0.0]),
    ("squareplus", {"b": 0.3}, [0.0, -0.0, 1e200, -1e200], [0.5, 0.5, 1.0, 0.0]),
    ("mish", {}, [0.0, 1e300], [0.6, 1.0]),
    ("tanhshrink", {}, [0.0], [0.0]),
]


@pytest.mark.parametrize("on", ["torch", "tape"])
@pytest.mark.parametrize(("name", "options", "points", "slopes"), KINK_SLOPES)
def test_derivatives_at_single_points(
    name: str, options: dict[str, float], points: list[float], slopes: list[float], on: str
) -> None:
    x = np.array(points)
    if on == "torch":
        leaf = torch.tensor(x, requires_grad=True)
        got = torch.autograd.grad(getattr(T, name)(leaf, **options).sum(), leaf)[0].numpy()
    else:
        recorded = tape.Tensor(x)
        with np.errstate(all="ignore"):
            got = tape.pullback([getattr(ON_TAPE, name)(recorded, **options)], [recorded])([np.ones_like(x)])[0]
    np.testing.assert_allclose(got, slopes, rtol=1e-15, atol=0)


def test_nan_propagates_and_infinities_have_their_limits() -> None:
    x = torch.tensor([NAN, INF, -INF], dtype=torch.float64)
    limits: dict[str, tuple[dict[str, float], float, float]] = {
        "relu6": ({}, 6.0, 0.0),
        "hard_sigmoid": ({}, 1.0, 0.0),
        "threshold": ({"threshold": 0.5, "value": 2.0}, INF, 2.0),
        "softshrink": ({}, INF, -INF),
        "hardshrink": ({}, INF, -INF),
        "elu": ({"alpha": 0.5}, INF, -0.5),
        "celu": ({"alpha": 0.5}, INF, -0.5),
        "squareplus": ({}, INF, 0.0),
        "log_sigmoid": ({}, 0.0, -INF),
        "tanhshrink": ({}, INF, -INF),
    }
    for name, (options, high, low) in limits.items():
        first, *rest = getattr(T, name)(x, **options).tolist()
        assert math.isnan(first), name
        assert rest == [high, low], name
    for name in ("softsign", "mish", "hard_swish", "selu", "silu"):
        assert math.isnan(getattr(T, name)(x)[0]), name


@pytest.mark.parametrize(
    ("shape", "axis", "pieces"), [((2, 6, 5), 1, 3), ((2, 6, 5), -3, 2), ((8,), 0, 4), ((3, 4), -1, 1)]
)
def test_maxout_takes_consecutive_entries(shape: tuple[int, ...], axis: int, pieces: int) -> None:
    x = tensor(*shape).detach()
    moved = np.moveaxis(x.numpy(), axis, 0)
    units = [np.max(moved[i : i + pieces], axis=0) for i in range(0, moved.shape[0], pieces)]
    np.testing.assert_array_equal(T.maxout(x, num_pieces=pieces, axis=axis), np.moveaxis(np.stack(units), 0, axis))


@pytest.mark.parametrize("on", ["torch", "tape", "jax"])
def test_maxout_shares_the_gradient_among_the_largest(on: str) -> None:
    x, g = np.array([2.0, 2.0, 1.0, 0.0, 0.0, 0.0], np.float32), np.array([6.0, 9.0], np.float32)
    if on == "torch":
        leaf = torch.tensor(x, requires_grad=True)
        got = torch.autograd.grad(T.maxout(leaf, num_pieces=3), leaf, torch.tensor(g))[0].tolist()
    elif on == "tape":
        recorded = tape.Tensor(x)
        got = tape.pullback([ON_TAPE.maxout(recorded, num_pieces=3)], [recorded])([g])[0].tolist()
    else:
        got = jax.vjp(lambda v: Definitions(jnp).maxout(v, num_pieces=3), x)[1](jnp.asarray(g))[0].tolist()
    assert got == [3.0, 3.0, 0.0, 3.0, 3.0, 3.0]


# -- refused arguments, other namespaces ---------------------------------------------------------------------

_x = tensor(3, 4)
REFUSED: list[tuple[type[NnspecError], str, Callable[[], Any]]] = [
    (DTypeError, "x", lambda: T.mish(torch.arange(3))),
    (ArgumentError, "beta", lambda: T.silu(_x, beta=INF)),
    (ArgumentError, "alpha", lambda: T.elu(_x, alpha=-0.1)),
    (ArgumentError, "alpha", lambda: T.celu(_x, alpha=0.0)),
    (ArgumentError, "b", lambda: T.squareplus(_x, b=0.0)),
    (ArgumentError, "lambd", lambda: T.softshrink(_x, lambd=-0.1)),
    (ArgumentError, "lambd", lambda: T.hardshrink(_x, lambd=NAN)),
    (ArgumentError, "value", lambda: T.threshold(_x, threshold=0.0, value=INF)),
    (ShapeError, "x", lambda: T.glu(_x, axis=0)),
    (ShapeError, "x", lambda: T.swiglu(_x, axis=-2)),
    (ArgumentError, "axis", lambda: T.glu(tensor())),
    (ArgumentError, "approximate", lambda: T.geglu(_x, approximate="erf")),
    (ShapeError, "x", lambda: T.maxout(_x, num_pieces=3)),
    (ArgumentError, "num_pieces", lambda: T.maxout(_x, num_pieces=0)),
    (ArgumentError, "axis", lambda: T.maxout(_x, num_pieces=2, axis=2)),
]


@pytest.mark.parametrize(("error", "name", "call"), REFUSED)
def test_a_bad_argument_is_refused_by_its_name(error: type[NnspecError], name: str, call: Callable[[], Any]) -> None:
    with pytest.raises(error, match=rf"^{name}: expected .*, got "):
        call()


CALLS: dict[str, dict[str, Any]] = {
    "relu6": {},
    "hard_sigmoid": {},
    "hard_swish": {},
    "softshrink": {},
    "hardshrink": {},
    "threshold": {"threshold": 0.5, "value": 0.1},
    "maxout": {"num_pieces": 3},
    "elu": {},
    "selu": {},
    "celu": {"alpha": 0.5},
    "squareplus": {},
    "log_sigmoid": {},
    "softsign": {},
    "tanhshrink": {},
    "mish": {},
    "silu": {"beta": 2.0},
    "glu": {},
    "swiglu": {},
    "geglu": {"approximate": "tanh", "axis": 0},
}


@pytest.mark.parametrize("name", CALLS)
def test_definitions_use_only_the_standard_and_trace(name: str) -> None:
    """array_api_strict knows nothing beyond the standard; jit forbids control flow on values."""
    host = np.random.default_rng(5).standard_normal((4, 6)).astype(np.float32)
    wanted = getattr(T, name)(torch.asarray(host), **CALLS[name])
    strict = np.asarray(getattr(Definitions(array_api_strict), name)(array_api_strict.asarray(host), **CALLS[name]))
    on_jax = Definitions(jnp, jax.lax.stop_gradient)
    traced = np.asarray(jax.jit(lambda x: getattr(on_jax, name)(x, **CALLS[name]))(jnp.asarray(host)))
    assert wanted.numpy().dtype == strict.dtype == traced.dtype == np.float32
    np.testing.assert_allclose(strict, wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(traced, wanted, rtol=1e-5, atol=1e-6)
