"""The losses by their definitions, against mpmath, SciPy, PyTorch and loops."""

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
import scipy.special
import scipy.stats
import torch

from nnspec import tape
from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec.ops.activations import Activations
from nnspec.ops.losses import Losses

INF, NAN = math.inf, math.nan
REDUCTIONS = ("mean", "sum", "none")
native: Any = torch.nn.functional


class Definitions(Activations, Losses):
    """The definitions of these families on the arrays of one namespace, and nothing else."""

    def __init__(self, xp: Any, stop_gradient: Callable[[Any], Any] = lambda x: x) -> None:
        self.xp = xp
        self._stop = stop_gradient

    def is_floating(self, x: Any) -> bool:
        return hasattr(x, "dtype") and x.dtype in (self.xp.float32, self.xp.float64)

    def is_integer(self, x: Any) -> bool:
        return hasattr(x, "dtype") and x.dtype in (self.xp.int32, self.xp.int64)

    def is_concrete(self, x: Any) -> bool:
        return not isinstance(x, jax.core.Tracer)

    def to_numpy(self, x: Any) -> Any:
        return np.asarray(x.detach() if isinstance(x, torch.Tensor) else x)

    def stop_gradient(self, x: Any) -> Any:
        return self._stop(x)


B: Any = Definitions(array_api_compat.torch, lambda x: x.detach())


def tensor(values: Any, *, grad: bool = False) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=grad)


def draw(*shape: int, seed: int = 0, scale: float = 3.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(shape, generator=generator, dtype=torch.float64)).requires_grad_()


def share(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).requires_grad_()


def signs(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.where(draw(*shape, seed=seed).detach() < 0, -1.0, 1.0).double()


def gradient(value: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.autograd.grad(value.sum(), x)[0]


def agree(ours: torch.Tensor, theirs: torch.Tensor, *leaves: torch.Tensor) -> None:
    """Equal values and equal gradients under one random cotangent, to some roundoffs of float64."""
    assert ours.shape == theirs.shape
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    cotangent = draw(*theirs.shape, seed=99).detach()
    got = torch.autograd.grad(ours, leaves, cotangent)
    wanted = torch.autograd.grad(theirs, leaves, cotangent, retain_graph=True)
    for mine, other in zip(got, wanted, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-12)


# -- against PyTorch, where it has the same convention -------------------------------------------------------


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("width", [0.25, 1.0, 4.0])
@pytest.mark.parametrize("shape", [(), (50,), (3, 4, 2)])
def test_huber_and_smooth_l1(shape: tuple[int, ...], width: float, reduction: str) -> None:
    x, y = draw(*shape), draw(*shape, seed=1)
    huber = B.huber(x, y, delta=width, reduction=reduction)
    agree(huber, native.huber_loss(x, y, delta=width, reduction=reduction), x, y)
    smooth = B.smooth_l1(x, y, beta=width, reduction=reduction)
    agree(smooth, native.smooth_l1_loss(x, y, beta=width, reduction=reduction), x, y)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_binary_cross_entropy(reduction: str) -> None:
    p, y = share(5, 4), share(5, 4, seed=1)
    agree(B.binary_cross_entropy(p, y, reduction=reduction), native.binary_cross_entropy(p, y, reduction=reduction), p)
    x = draw(5, 4)
    by_logits = B.binary_cross_entropy_with_logits(x, y, reduction=reduction)
    agree(B.binary_cross_entropy(torch.sigmoid(x), y, reduction=reduction), by_logits, x, y)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_poisson_nll(reduction: str) -> None:
    x, rate, y = draw(5, 4), share(5, 4), share(5, 4, seed=1)
    theirs = native.poisson_nll_loss
    agree(
        B.poisson_nll(x, y, log_input=True, reduction=reduction),
        theirs(x, y, log_input=True, reduction=reduction),
        x,
        y,
    )
    agree(
        B.poisson_nll(rate, y, log_input=False, reduction=reduction),
        theirs(rate, y, log_input=False, eps=0.0, reduction=reduction),
        rate,
        y,
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("full", [False, True])
def test_gaussian_nll(full: bool, reduction: str) -> None:
    x, y = draw(5, 4), draw(5, 4, seed=1)
    v = (0.1 + share(5, 4, seed=2).detach()).requires_grad_()
    theirs = native.gaussian_nll_loss(x, y, v, full=full, reduction=reduction)
    agree(B.gaussian_nll(x, y, v, full=full, reduction=reduction), theirs, x, y, v)


def test_multiclass_hinge_of_two_classes() -> None:
    """With two classes torch's multi_margin_loss adds up one violation, and divides it by 2."""
    x, y = draw(20, 2), torch.arange(20) % 2
    agree(B.multiclass_hinge(x, y), 2 * native.multi_margin_loss(x, y), x)


# -- against SciPy -------------------------------------------------------------------------------------------


def test_huber_is_that_of_scipy() -> None:
    x = draw(50).detach()
    for delta in (0.3, 2.0):
        got = B.huber(x, torch.zeros_like(x), delta=delta, reduction="none")
        np.testing.assert_allclose(got.numpy(), scipy.special.huber(delta, x.numpy()), rtol=1e-13)


def test_densities_are_those_of_scipy() -> None:
    x, y, v = draw(30).detach(), draw(30, seed=1).detach(), share(30).detach() + 0.01
    got = B.gaussian_nll(x, y, v, full=True, reduction="none").numpy()
    wanted = -scipy.stats.norm.logpdf(y.numpy(), x.numpy(), np.sqrt(v.numpy()))
    np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-13)
    rate, count = 20 * share(30).detach() + 0.01, torch.arange(30).double()
    got = B.poisson_nll(rate, count, log_input=False, reduction="none").numpy()
    wanted = -scipy.stats.poisson.logpmf(count.numpy(), rate.numpy()) - scipy.special.gammaln(count.numpy() + 1)
    np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-11)


# -- against mpmath ------------------------------------------------------------------------------------------

DIFFERENCES = [0.0, 1e-12, -3e-9, 1e-5, -1e-3, 0.1, -0.5, 0.999, -1.0, 1.001, 2.0, -7.5, 40.0, -709.0, 800.0, 1e6]


def test_log_cosh_has_every_digit() -> None:
    d = tensor(DIFFERENCES, grad=True)
    got = B.log_cosh(d, torch.zeros_like(d), reduction="none")
    slope = gradient(got, d)
    with mpmath.workdps(60):
        for x, value, derivative in zip(DIFFERENCES, got.tolist(), slope.tolist(), strict=True):
            assert value == pytest.approx(float(mpmath.log(mpmath.cosh(x))), rel=1e-15, abs=0)
            assert derivative == pytest.approx(float(mpmath.tanh(x)), rel=1e-15, abs=0)


@pytest.mark.parametrize("p", [1e-300, 1e-30, 1e-9, 0.25, 0.5, 1 - 2.0**-30, 1 - 2.0**-53])
@pytest.mark.parametrize("y", [0.0, 0.125, 1.0])
def test_binary_cross_entropy_of_tails(p: float, y: float) -> None:
    x = tensor(p, grad=True)
    got = B.binary_cross_entropy(x, tensor(y))
    with mpmath.workdps(400):
        exact, target = mpmath.mpf(p), mpmath.mpf(y)
        wanted = float(-target * mpmath.log(exact) - (1 - target) * mpmath.log(1 - exact))
        slope = float(-target / exact + (1 - target) / (1 - exact))
    assert got.item() == pytest.approx(wanted, rel=4e-16, abs=0)
    assert gradient(got, x).item() == pytest.approx(slope, rel=1e-15, abs=0)


# -- by loops ------------------------------------------------------------------------------------------------


def _multiclass_hinge(scores: list[float], y: int) -> float:
    return max(s + (c != y) for c, s in enumerate(scores)) - scores[y]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_multiclass_hinge_by_a_loop(axis: int) -> None:
    x, y, weight = draw(4, 4, 4).detach(), torch.arange(16).reshape(4, 4) % 4, tensor([0.5, 2.0, 1.0, 0.25])
    rows, labels = x.movedim(axis, -1).reshape(-1, 4).tolist(), y.reshape(-1).tolist()
    each = tensor([_multiclass_hinge(s, c) for s, c in zip(rows, labels, strict=True)]).reshape(4, 4)
    torch.testing.assert_close(B.multiclass_hinge(x, y, axis=axis, reduction="none"), each)
    got = B.multiclass_hinge(x, y, axis=axis, weight=weight)
    torch.testing.assert_close(got, (weight[y] * each).sum() / weight[y].sum())


def test_hinges_by_a_loop() -> None:
    x, y = draw(30).detach(), signs(30, seed=1)
    wanted = [max(0.0, 1 - a * b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    assert B.hinge(x, y, reduction="none").tolist() == wanted
    assert B.squared_hinge(x, y, reduction="none").tolist() == [z * z for z in wanted]


def test_percentage_by_a_loop() -> None:
    x, y = draw(30).detach(), draw(30, seed=1).detach()
    wanted = [100 * (abs(a - b) / max(abs(b), 0.5)) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    got = B.mean_absolute_percentage_error(x, y, eps=0.5, reduction="none")
    np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-15)


# -- kinks, ties and edges -----------------------------------------------------------------------------------


def test_hinges_at_a_margin_of_1() -> None:
    x, y = tensor([1.0, -1.0, 0.5, -0.5], grad=True), tensor([1.0, -1.0, 1.0, -1.0])
    assert gradient(B.hinge(x, y, reduction="none"), x).tolist() == [0.0, 0.0, -1.0, 1.0]
    assert gradient(B.squared_hinge(x, y, reduction="none"), x).tolist() == [0.0, 0.0, -1.0, 1.0]


def test_ties_of_the_multiclass_hinge_are_shared() -> None:
    x = tensor([[3.0, 3.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]], grad=True)
    got = gradient(B.multiclass_hinge(x, torch.tensor([2, 0, 1]), reduction="none"), x)
    wanted = tensor([[0.5, 0.5, -1.0], [-2 / 3, 1 / 3, 1 / 3], [0.5, -1.0, 0.5]])
    torch.testing.assert_close(got, wanted)


def test_a_score_of_minus_infinity() -> None:
    x = tensor([[1.0, -INF, 1.5]], grad=True)
    value = B.multiclass_hinge(x, torch.tensor([0]))
    assert value == 1.5
    assert gradient(value, x).tolist() == [[-1.0, 0.0, 1.0]]
    assert B.multiclass_hinge(x, torch.tensor([1])) == INF


def test_certain_and_impossible_events() -> None:
    p, y = tensor([0.0, 1.0, 0.0, 1.0], grad=True), tensor([0.0, 1.0, 1.0, 0.0])
    value = B.binary_cross_entropy(p, y, reduction="none")
    assert value.tolist() == [0.0, 0.0, INF, INF]
    assert gradient(value, p).tolist() == [1.0, -1.0, -INF, INF]


def test_rates_of_0() -> None:
    rate, count = tensor([0.0, 0.0], grad=True), tensor([0.0, 2.0])
    value = B.poisson_nll(rate, count, log_input=False, reduction="none")
    assert value.tolist() == [0.0, INF]
    assert gradient(value, rate).tolist() == [1.0, -INF]
    logarithm = tensor([-INF, -INF], grad=True)
    value = B.poisson_nll(logarithm, count, log_input=True, reduction="none")
    assert value.tolist() == [0.0, INF]
    assert gradient(value, logarithm).tolist() == [0.0, -2.0]


def test_floors_have_no_derivative() -> None:
    v = tensor([0.0, 0.25, 0.5, 1.0], grad=True)
    zeros = torch.zeros(4, dtype=torch.float64)
    value = B.gaussian_nll(zeros, zeros, v, eps=0.5, reduction="none")
    assert value.tolist() == pytest.approx([math.log(0.5) / 2] * 3 + [0.0])
    assert gradient(value, v).tolist() == [0.0, 0.0, 0.0, 0.5]
    t = tensor([0.5, -0.5, 0.25, 1.0], grad=True)
    value = B.mean_absolute_percentage_error(zeros, t, eps=0.5, reduction="none")
    assert value.tolist() == [100.0, 100.0, 50.0, 100.0]
    assert gradient(value, t).tolist() == [200.0, -200.0, 200.0, 0.0]


def test_no_derivative_where_prediction_equals_target() -> None:
    x = tensor([1.0, -2.0, 0.0], grad=True)
    for loss in (B.huber, B.smooth_l1, B.log_cosh, B.mean_absolute_percentage_error):
        value = loss(x, x.detach(), reduction="none")
        assert not value.any()
        assert not gradient(value, x).any()


# -- weights, absent samples, other arrays ---------------------------------------------------------------------

LOSSES: dict[str, tuple[torch.Tensor, torch.Tensor, dict[str, Any]]] = {
    "huber": (draw(6).detach(), draw(6, seed=1).detach(), {"delta": 0.7}),
    "smooth_l1": (draw(6).detach(), draw(6, seed=1).detach(), {"beta": 0.7}),
    "log_cosh": (draw(6).detach(), draw(6, seed=1).detach(), {}),
    "mean_absolute_percentage_error": (draw(6).detach(), draw(6, seed=1).detach(), {"eps": 0.5}),
    "hinge": (draw(6).detach(), signs(6, seed=1), {}),
    "squared_hinge": (draw(6).detach(), signs(6, seed=1), {}),
    "multiclass_hinge": (draw(6, 4).detach(), torch.tensor([0, 3, 1, 2, 2, 1]), {}),
    "binary_cross_entropy": (share(6).detach(), share(6, seed=1).detach(), {}),
    "poisson_nll": (share(6).detach(), share(6, seed=1).detach(), {"log_input": False}),
    "poisson_nll of logarithms": (draw(6).detach(), share(6, seed=1).detach(), {"log_input": True}),
    "gaussian_nll": (draw(6).detach(), draw(6, seed=1).detach(), {"variance": share(6, seed=2).detach(), "eps": 0.1}),
}


def _bound(name: str, definitions: Any = B) -> tuple[Callable[..., Any], torch.Tensor, dict[str, Any]]:
    """The loss, its first argument, and the others by name; a fresh leaf each time."""
    x, target, options = LOSSES[name]
    return getattr(definitions, name.partition(" ")[0]), x.clone().requires_grad_(), {"target": target, **options}


def _from_second(options: dict[str, Any]) -> dict[str, Any]:
    return {name: x[1:] if isinstance(x, torch.Tensor) else x for name, x in options.items()}


@pytest.mark.parametrize("name", LOSSES)
def test_sample_weights(name: str) -> None:
    loss, x, options = _bound(name)
    weight = tensor([0.5, 2.0, 1.0, 0.25, 3.0, 1.5])
    each = loss(x, **options, reduction="none")
    assert each.shape == (6,)
    agree(loss(x, **options), each.mean(), x)
    agree(loss(x, **options, sample_weight=weight, reduction="none"), weight * each, x)
    agree(loss(x, **options, sample_weight=weight, reduction="sum"), (weight * each).sum(), x)
    agree(loss(x, **options, sample_weight=weight), (weight * each).sum() / weight.sum(), x)


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize("name", LOSSES)
def test_a_sample_of_weight_0_is_absent(name: str, bad: float) -> None:
    loss, x, options = _bound(name)
    weight = tensor([0.0, 2.0, 1.0, 0.25, 3.0, 1.5])
    x.detach()[0] = bad
    options = {n: y.clone() if isinstance(y, torch.Tensor) else y for n, y in options.items()}
    for y in options.values():
        if isinstance(y, torch.Tensor) and y.is_floating_point():
            y[0] = bad
    ours = loss(x, **options, sample_weight=weight)
    slope = gradient(ours, x)
    rest = x.detach()[1:].requires_grad_()
    theirs = loss(rest, **_from_second(options), sample_weight=weight[1:])
    torch.testing.assert_close(ours, theirs, rtol=1e-14, atol=0)
    torch.testing.assert_close(slope[1:], gradient(theirs, rest), rtol=1e-14, atol=0)
    assert not slope[0].any()
    assert loss(x, **options, sample_weight=weight, reduction="none")[0] == 0
    nothing = loss(x, **options, sample_weight=0 * weight)
    assert nothing == 0
    assert not gradient(nothing, x).any()


@pytest.mark.parametrize("name", LOSSES)
def test_nan_propagates(name: str) -> None:
    loss, x, options = _bound(name)
    x.detach()[2] = NAN
    assert loss(x, **options).isnan()
    assert loss(x, **options, sample_weight=torch.ones(6, dtype=torch.float64)).isnan()


@pytest.mark.parametrize("name", LOSSES)
def test_no_sample(name: str) -> None:
    loss, x, options = _bound(name)
    empty = {n: y[:0] if isinstance(y, torch.Tensor) else y for n, y in options.items()}
    assert loss(x[:0], **empty, reduction="sum") == 0
    assert loss(x[:0], **empty, reduction="none").shape == (0,)
    with pytest.raises(ArgumentError, match=r"reduction: .* got 'mean'"):
        loss(x[:0], **empty)


@pytest.mark.parametrize("xp", [tape.namespace, array_api_strict, jnp], ids=["tape", "strict", "jax"])
@pytest.mark.parametrize("name", LOSSES)
def test_other_namespaces(name: str, xp: Any) -> None:
    loss, x, options = _bound(name)
    ours = _bound(name, Definitions(xp))[0]
    options["sample_weight"] = tensor([0.0, 2.0, 1.0, 0.25, 3.0, 1.5])

    def narrow(y: Any) -> Any:
        return y.detach().float() if isinstance(y, torch.Tensor) and y.is_floating_point() else y

    given = {n: narrow(y) for n, y in options.items()}
    there = {n: xp.asarray(y.numpy()) if isinstance(y, torch.Tensor) else y for n, y in given.items()}
    for reduction in REDUCTIONS:
        wanted = loss(narrow(x), **given, reduction=reduction)
        got = ours(xp.asarray(narrow(x).numpy()), **there, reduction=reduction)
        np.testing.assert_allclose(np.asarray(got), wanted.numpy(), rtol=3e-6, atol=1e-6)


def test_ignored_rows_of_the_multiclass_hinge() -> None:
    x = tensor([[NAN, INF, 0.0], [0.5, -1.0, 2.0]], grad=True)
    value = B.multiclass_hinge(x, torch.tensor([-7, 1]), ignore_index=-7)
    assert value == 4
    assert gradient(value, x).tolist() == [[0.0, 0.0, 0.0], [0.0, -1.0, 1.0]]
    assert B.multiclass_hinge(x, torch.tensor([-7, -7]), ignore_index=-7) == 0
    skipped = B.multiclass_hinge(x, torch.tensor([0, 1]), weight=tensor([0.0, 3.0, 1.0]))
    assert skipped == 4
    assert gradient(skipped, x).tolist() == [[0.0, 0.0, 0.0], [0.0, -1.0, 1.0]]


def test_values_are_not_looked_at_in_compiled_code() -> None:
    definitions: Any = Definitions(jnp, jax.lax.stop_gradient)
    x, y = jnp.asarray([0.5, -0.25]), jnp.asarray([0.0, -1.0])
    for loss in (definitions.hinge, definitions.binary_cross_entropy):
        with pytest.raises(ArgumentError):
            loss(x, y)
        jax.jit(loss)(x, y)


# -- bad input -------------------------------------------------------------------------------------------------

_X, _Y = share(2, 3).detach(), torch.tensor([0, 2])
_BAD: list[tuple[type[NnspecError], str, Callable[[], Any]]] = [
    (ArgumentError, "delta: .*> 0, got 0", lambda: B.huber(_X, _X, delta=0)),
    (ArgumentError, "delta: .*got inf", lambda: B.huber(_X, _X, delta=INF)),
    (ArgumentError, "beta: .*> 0, got 0", lambda: B.smooth_l1(_X, _X, beta=0.0)),
    (ArgumentError, "eps: .*> 0, got 0", lambda: B.mean_absolute_percentage_error(_X, _X, eps=0.0)),
    (ArgumentError, "eps: .*> 0, got -1", lambda: B.gaussian_nll(_X, _X, _X, eps=-1)),
    (ArgumentError, "variance: .*variances.*got -1", lambda: B.gaussian_nll(_X, _X, -_X / _X)),
    (ShapeError, "variance: .*that of prediction", lambda: B.gaussian_nll(_X, _X, _X[:, 0])),
    (DTypeError, "variance: .*float64.*float32", lambda: B.gaussian_nll(_X, _X, _X.float())),
    (ArgumentError, "target: .*-1 or 1, got 0", lambda: B.hinge(_X, 0 * _X)),
    (ArgumentError, "target: .*-1 or 1, got 2", lambda: B.squared_hinge(_X, 2 * _X / _X)),
    (ArgumentError, "prediction: .*probabilities.*got 2", lambda: B.binary_cross_entropy(2 * _X / _X, _X)),
    (ArgumentError, "target: .*probabilities.*got -1", lambda: B.binary_cross_entropy(_X, -_X / _X)),
    (ArgumentError, "prediction: .*rates.*got -1", lambda: B.poisson_nll(-_X / _X, _X, log_input=False)),
    (ArgumentError, "target: .*counts.*got -1", lambda: B.poisson_nll(_X, -_X / _X, log_input=True)),
    (ArgumentError, "log_input: .*got None", lambda: B.poisson_nll(_X, _X, log_input=None)),
    (ArgumentError, r"target: .*\[0, 2\], got 3", lambda: B.multiclass_hinge(_X, _Y + 1)),
    (DTypeError, "target: .*integer", lambda: B.multiclass_hinge(_X, _X[:, 0])),
    (ShapeError, "target: .*one class index", lambda: B.multiclass_hinge(_X, _Y[:1])),
    (ShapeError, "weight: .*one a class", lambda: B.multiclass_hinge(_X, _Y, weight=_X[:, 0])),
]


@pytest.mark.parametrize(("error", "words", "call"), _BAD)
def test_bad_input(error: type[NnspecError], words: str, call: Callable[[], Any]) -> None:
    with pytest.raises(error, match=words):
        call()


def test_whether_a_rate_is_a_logarithm_has_no_default() -> None:
    with pytest.raises(TypeError, match="log_input"):
        B.poisson_nll(_X, _X)
