"""Losses by their definitions: against torch where conventions agree, by hand where they differ."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import array_api_compat.torch
import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
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
        return hasattr(x, "dtype") and any(
            x.dtype == getattr(self.xp, name, None) for name in ("uint8", "int8", "int16", "int32", "int64")
        )

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


def agree(ours: torch.Tensor, theirs: torch.Tensor, *leaves: torch.Tensor) -> None:
    """Equal values and equal gradients under one random cotangent, to some roundoffs of float64."""
    assert ours.shape == theirs.shape
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    cotangent = draw(*theirs.shape, seed=99).detach()
    got = torch.autograd.grad(ours, leaves, cotangent)
    wanted = torch.autograd.grad(theirs, leaves, cotangent, retain_graph=True)
    for mine, other in zip(got, wanted, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-12)


# -- where torch has the same convention -------------------------------------------------------------------


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(), (5,), (3, 4, 2)])
def test_regression(shape: tuple[int, ...], reduction: str) -> None:
    x, y = draw(*shape), draw(*shape, seed=1)
    agree(B.mean_absolute_error(x, y, reduction=reduction), native.l1_loss(x, y, reduction=reduction), x, y)
    agree(B.mean_squared_error(x, y, reduction=reduction), native.mse_loss(x, y, reduction=reduction), x, y)
    x, y = share(*shape), share(*shape, seed=1)
    logarithmic = native.mse_loss(torch.log1p(x), torch.log1p(y), reduction=reduction)
    agree(B.mean_squared_logarithmic_error(x, y, reduction=reduction), logarithmic, x, y)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignore", [None, -100, 2])
def test_cross_entropy_of_indices(reduction: str, label_smoothing: float, weighted: bool, ignore: int | None) -> None:
    x = draw(6, 5)
    y = torch.tensor([0, 4, 2, 1, 1, 2 if ignore is None else ignore])
    weight = share(5, seed=3).detach() if weighted else None
    options: Any = {"weight": weight, "label_smoothing": label_smoothing, "reduction": reduction}
    ours = B.cross_entropy(x, y, ignore_index=ignore, **options)
    agree(ours, native.cross_entropy(x, y, ignore_index=-1 if ignore is None else ignore, **options), x)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_along_another_axis(reduction: str, weighted: bool) -> None:
    x, y = draw(2, 5, 3, 4), torch.arange(24).reshape(2, 3, 4) % 5
    options: Any = {"weight": share(5, seed=3).detach() if weighted else None, "reduction": reduction}
    agree(B.cross_entropy(x, y, axis=1, **options), native.cross_entropy(x, y, **options), x)
    agree(B.nll(x, y, axis=-3, **options), native.nll_loss(x, y, **options), x)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("label_smoothing", [0.0, 0.3])
def test_cross_entropy_of_probabilities(reduction: str, label_smoothing: float) -> None:
    x = draw(6, 5)
    p = torch.softmax(draw(6, 5, seed=1).detach(), -1)
    p[0] = torch.eye(5, dtype=p.dtype)[2]  # the derivative with respect to a probability of 0 is not 0
    p.requires_grad_()
    options: Any = {"label_smoothing": label_smoothing, "reduction": reduction}
    agree(B.cross_entropy(x, p, **options), native.cross_entropy(x, p, **options), x, p)


def test_cross_entropy_of_one_sample() -> None:
    x, y = draw(5), torch.tensor(3)
    agree(B.cross_entropy(x, y), native.cross_entropy(x, y), x)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("ignore", [-100, 1])
def test_nll(reduction: str, ignore: int) -> None:
    x, y, weight = draw(6, 5), torch.tensor([0, 4, 2, ignore, 1, 3]), share(5, seed=3).detach()
    options: Any = {"weight": weight, "ignore_index": ignore, "reduction": reduction}
    agree(B.nll(x, y, **options), native.nll_loss(x, y, **options), x)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("pos_weight", [None, tensor(2.5), tensor([0.5, 1.0, 2.0, 3.0])])
def test_binary_cross_entropy(reduction: str, pos_weight: torch.Tensor | None) -> None:
    x, y = draw(3, 4, scale=20.0), share(3, 4, seed=1)
    reference = native.binary_cross_entropy_with_logits
    options: Any = {"pos_weight": pos_weight, "reduction": reduction}
    agree(B.binary_cross_entropy_with_logits(x, y, **options), reference(x, y, **options), x, y)
    smooth = B.binary_cross_entropy_with_logits(x, y, label_smoothing=0.2, **options)
    agree(smooth, reference(x, 0.8 * y + 0.1, **options), x, y)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int32])
def test_labels_of_any_width(dtype: torch.dtype) -> None:
    x = draw(2, 300)  # more classes than 8 bits can number
    y = torch.tensor([3, 101])
    agree(B.cross_entropy(x, y.to(dtype)), native.cross_entropy(x, y), x)


# -- where it has not --------------------------------------------------------------------------------------


def test_class_weights_divide_probability_targets_too() -> None:
    x, y, weight = draw(4, 3), torch.tensor([0, 2, 2, 1]), tensor([0.2, 1.0, 5.0])
    one_hot = torch.eye(3, dtype=torch.float64)[y]
    agree(B.cross_entropy(x, one_hot, weight=weight), native.cross_entropy(x, y, weight=weight), x)


def test_probabilities_that_do_not_add_up_count_as_one_sample_each() -> None:
    x, p = draw(3, 4), share(3, 4, seed=1)
    agree(B.cross_entropy(x, p), -(p * torch.log_softmax(x, -1)).sum() / 3, x, p)


LOSSES: dict[str, tuple[Callable[..., torch.Tensor], torch.Tensor]] = {
    "mean_absolute_error": (B.mean_absolute_error, share(6, seed=1).detach()),
    "mean_squared_error": (B.mean_squared_error, share(6, seed=1).detach()),
    "mean_squared_logarithmic_error": (B.mean_squared_logarithmic_error, share(6, seed=1).detach()),
    "binary_cross_entropy_with_logits": (B.binary_cross_entropy_with_logits, share(6, seed=1).detach()),
    "cross_entropy": (B.cross_entropy, torch.tensor([0, 3, 1, 2, 2, 1])),
    "cross_entropy of probabilities": (B.cross_entropy, torch.softmax(draw(6, 4, seed=1).detach(), -1)),
    "nll": (B.nll, torch.tensor([0, 3, 1, 2, 2, 1])),
}


def _sample(name: str) -> torch.Tensor:
    return share(6, 4) if name.startswith(("cross_entropy", "nll")) else share(6)


@pytest.mark.parametrize("name", LOSSES)
def test_sample_weights(name: str) -> None:
    loss, target = LOSSES[name]
    x, weight = _sample(name), tensor([0.5, 2.0, 1.0, 0.25, 3.0, 1.5])
    each = loss(x, target, reduction="none")
    assert each.shape == (6,)
    agree(loss(x, target, sample_weight=weight, reduction="none"), weight * each, x)
    agree(loss(x, target, sample_weight=weight, reduction="sum"), (weight * each).sum(), x)
    agree(loss(x, target, sample_weight=weight), (weight * each).sum() / weight.sum(), x)


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize("name", LOSSES)
def test_a_sample_of_weight_0_is_absent(name: str, bad: float) -> None:
    loss, target = LOSSES[name]
    x, weight = _sample(name).detach(), tensor([0.0, 2.0, 1.0, 0.25, 3.0, 1.5])
    x[0] = bad
    x.requires_grad_()
    ours = loss(x, target, sample_weight=weight)
    (gradient,) = torch.autograd.grad(ours, x)
    rest = x.detach()[1:].requires_grad_()
    theirs = loss(rest, target[1:], sample_weight=weight[1:])
    torch.testing.assert_close(ours, theirs, rtol=1e-14, atol=0)
    torch.testing.assert_close(gradient[1:], torch.autograd.grad(theirs, rest)[0], rtol=1e-14, atol=0)
    assert not gradient[0].any()
    assert loss(x, target, sample_weight=weight, reduction="none")[0] == 0


@pytest.mark.parametrize("name", LOSSES)
def test_no_weight_at_all_is_0(name: str) -> None:
    loss, target = LOSSES[name]
    x = _sample(name)
    value = loss(x, target, sample_weight=torch.zeros(6, dtype=torch.float64))
    assert value == 0
    assert not torch.autograd.grad(value, x)[0].any()


@pytest.mark.parametrize("loss", [B.cross_entropy, B.nll])
def test_ignored_rows_do_not_leak(loss: Callable[..., torch.Tensor]) -> None:
    x = tensor([[NAN, INF, 0.0], [0.5, -1.0, 2.0]], grad=True)
    value = loss(x, torch.tensor([-7, 1]), ignore_index=-7)
    alone = x.detach()[1:].requires_grad_()
    wanted = loss(alone, torch.tensor([1]))
    assert value == wanted
    (gradient,) = torch.autograd.grad(value, x)
    assert not gradient[0].any()
    torch.testing.assert_close(gradient[1:], torch.autograd.grad(wanted, alone)[0], rtol=0, atol=0)
    nothing = loss(x, torch.tensor([-7, -7]), ignore_index=-7)
    assert nothing == 0
    assert not torch.autograd.grad(nothing, x)[0].any()


def test_a_class_of_weight_0_does_not_leak() -> None:
    x = tensor([[NAN, INF, 0.0], [0.5, -1.0, 2.0]], grad=True)
    value = B.cross_entropy(x, torch.tensor([0, 1]), weight=tensor([0.0, 2.0, 1.0]))
    torch.testing.assert_close(value, native.cross_entropy(x[1:], torch.tensor([1])), rtol=1e-14, atol=0)
    assert not torch.autograd.grad(value, x)[0][0].any()


@pytest.mark.parametrize("probabilities", [False, True])
def test_a_logit_of_minus_infinity_off_the_target(probabilities: bool) -> None:
    x = tensor([[1.0, -INF, 2.0]], grad=True)
    target = tensor([[0.25, 0.0, 0.75]]) if probabilities else torch.tensor([2])
    value = B.cross_entropy(x, target)
    (gradient,) = torch.autograd.grad(value, x)
    kept = tensor([[1.0, 2.0]], grad=True)
    wanted = native.cross_entropy(kept, tensor([[0.25, 0.75]]) if probabilities else torch.tensor([1]))
    torch.testing.assert_close(value, wanted, rtol=1e-14, atol=0)
    assert gradient[0, 1] == 0
    torch.testing.assert_close(gradient[:, ::2], torch.autograd.grad(wanted, kept)[0], rtol=1e-14, atol=1e-16)


def test_nll_looks_at_the_target_alone() -> None:
    x = tensor([[-0.5, NAN, -INF, INF]], grad=True)
    value = B.nll(x, torch.tensor([0]))
    assert value == 0.5
    assert torch.autograd.grad(value, x)[0].tolist() == [[-1.0, 0.0, 0.0, 0.0]]


def test_kinks() -> None:
    x = tensor([1.0, 2.0, -1.0], grad=True)
    loss = B.mean_absolute_error(x, tensor([1.0, 1.0, 1.0]), reduction="sum")
    assert torch.autograd.grad(loss, x)[0].tolist() == [0.0, 1.0, -1.0]
    zero = tensor([0.0, 0.0], grad=True)
    loss = B.binary_cross_entropy_with_logits(zero, tensor([0.0, 1.0]), pos_weight=tensor(3.0), reduction="sum")
    assert torch.autograd.grad(loss, zero)[0].tolist() == [0.5, -1.5]


@pytest.mark.parametrize("name", LOSSES)
def test_nan_propagates(name: str) -> None:
    loss, target = LOSSES[name]
    x = _sample(name).detach()
    x[2] = NAN
    assert loss(x, target).isnan()
    assert loss(x, target, sample_weight=torch.ones(6, dtype=torch.float64)).isnan()


@pytest.mark.parametrize("name", LOSSES)
def test_no_sample(name: str) -> None:
    loss, target = LOSSES[name]
    x, target = _sample(name)[:0], target[:0]
    assert loss(x, target, reduction="sum") == 0
    assert loss(x, target, reduction="none").shape == (0,)
    with pytest.raises(ArgumentError, match=r"reduction: .* got 'mean'"):
        loss(x, target)


# -- other arrays ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("xp", [tape.namespace, array_api_strict, jnp], ids=["tape", "strict", "jax"])
@pytest.mark.parametrize("name", LOSSES)
def test_other_namespaces(name: str, xp: Any) -> None:
    loss, target = LOSSES[name]
    ours: Any = getattr(Definitions(xp), name.partition(" ")[0])
    x, weight = _sample(name), tensor([0.0, 2.0, 1.0, 0.25, 3.0, 1.5])
    x, target, weight = (t.detach() if not t.is_floating_point() else t.detach().float() for t in (x, target, weight))
    smooth: dict[str, Any] = {"label_smoothing": 0.1} if "entropy" in name else {}
    for options in ({}, {"reduction": "sum"}, {"reduction": "none"}):
        wanted = loss(x, target, sample_weight=weight, **smooth, **options)
        got = ours(
            xp.asarray(x.numpy()),
            xp.asarray(target.numpy()),
            sample_weight=xp.asarray(weight.numpy()),
            **smooth,
            **options,
        )
        np.testing.assert_allclose(np.asarray(got), wanted.numpy(), rtol=2e-6, atol=1e-7)


def test_labels_are_not_looked_at_in_compiled_code() -> None:
    definitions: Any = Definitions(jnp, jax.lax.stop_gradient)
    x, y = jnp.asarray([[1.0, 2.0], [0.5, 0.5]]), jnp.asarray([1, -1])
    compiled = jax.jit(lambda x, y: definitions.cross_entropy(x, y, ignore_index=-1))
    assert compiled(x, y) == definitions.cross_entropy(x[:1], y[:1])


# -- bad input ---------------------------------------------------------------------------------------------

_X, _Y = share(2, 3).detach(), torch.tensor([0, 2])
_BAD: list[tuple[type[NnspecError], str, Callable[[], Any]]] = [
    (ShapeError, r"target: .*\(2, 3\).*got \(2, 1\)", lambda: B.mean_squared_error(_X, _X[:, :1])),
    (DTypeError, "target: .*float32", lambda: B.mean_absolute_error(_X, _X.float())),
    (DTypeError, "prediction: .*int64", lambda: B.mean_absolute_error(_Y, _Y)),
    (ShapeError, "sample_weight", lambda: B.mean_squared_error(_X, _X, sample_weight=_X[:, 0])),
    (ArgumentError, "sample_weight: .*got -1", lambda: B.mean_squared_error(_X, _X, sample_weight=-_X / _X)),
    (ArgumentError, "reduction: .*'avg'", lambda: B.mean_squared_error(_X, _X, reduction="avg")),
    (ArgumentError, "prediction: .*got -1", lambda: B.mean_squared_logarithmic_error(-_X / _X, _X)),
    (ArgumentError, "target: .*got -2", lambda: B.mean_squared_logarithmic_error(_X, -2 * _X / _X)),
    (ArgumentError, r"target: .*\[0, 2\], got 3", lambda: B.cross_entropy(_X, _Y + 1)),
    (ArgumentError, "target: .*got -1", lambda: B.cross_entropy(_X, _Y - 1)),
    (ArgumentError, "target: .*got -1", lambda: B.cross_entropy(_X, _Y - 1, ignore_index=1)),
    (ArgumentError, r"target: .*got 4294967298", lambda: B.nll(_X, _Y + 2**32, ignore_index=-1)),
    (ShapeError, "target", lambda: B.cross_entropy(_X, _Y[:1])),
    (ShapeError, "target", lambda: B.cross_entropy(_X, _X[:, :2])),
    (DTypeError, "target: .*float32", lambda: B.cross_entropy(_X, _X.float())),
    (DTypeError, "target: .*bool", lambda: B.cross_entropy(_X, _Y > 0)),
    (DTypeError, "target", lambda: B.nll(_X, _X)),
    (ArgumentError, "target: .*probabilities.*got 1.5", lambda: B.cross_entropy(_X, _X / _X * 1.5)),
    (
        ArgumentError,
        "target: .*probabilities.*got -1",
        lambda: B.binary_cross_entropy_with_logits(_X, -_X / _X),
    ),
    (ArgumentError, "ignore_index: .*got 0", lambda: B.cross_entropy(_X, _X, ignore_index=0)),
    (ArgumentError, "ignore_index: .*got 0.5", lambda: B.cross_entropy(_X, _Y, ignore_index=0.5)),
    (ArgumentError, "axis: .*got 2", lambda: B.cross_entropy(_X, _Y, axis=2)),
    (ArgumentError, "label_smoothing: .*got 1.5", lambda: B.cross_entropy(_X, _Y, label_smoothing=1.5)),
    (ShapeError, "weight: .*one a class", lambda: B.cross_entropy(_X, _Y, weight=_X[:, 0])),
    (ArgumentError, "weight: .*got -1", lambda: B.nll(_X, _Y, weight=tensor([1.0, -1.0, 1.0]))),
    (ShapeError, "logits: .*at least one class", lambda: B.cross_entropy(_X[:, :0], _Y)),
    (ShapeError, "logits: .*at least 1 axes", lambda: B.cross_entropy(_X[0, 0], _Y)),
    (ShapeError, "pos_weight", lambda: B.binary_cross_entropy_with_logits(_X, _X, pos_weight=_X[:, 0])),
    (
        ShapeError,
        "pos_weight",
        lambda: B.binary_cross_entropy_with_logits(_X[0, 0], _X[0, 0], pos_weight=_X[0]),
    ),
]


@pytest.mark.parametrize(("error", "words", "call"), _BAD)
def test_bad_input(error: type[NnspecError], words: str, call: Callable[[], Any]) -> None:
    with pytest.raises(error, match=words):
        call()


def test_values_of_absent_samples_are_not_judged() -> None:
    x, y, weight = tensor([-5.0, 1.0]), tensor([NAN, 2.0]), tensor([0.0, 1.0])
    value = B.mean_squared_logarithmic_error(x, y, sample_weight=weight)
    assert float(value) == pytest.approx(math.log(1.5) ** 2)
