"""Optimizers, clipping, regularizers and dropout by their definitions: against torch, or by hand."""

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
import optree
import pytest
import torch

from nnspec import tape
from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec.ops.dropout import Dropout
from nnspec.ops.optimizers import Optimizers
from nnspec.ops.random import Random
from nnspec.ops.regularizers import Regularizers

INF, NAN = math.inf, math.nan
STEPS = 50


class Definitions(Optimizers, Regularizers, Dropout, Random):
    """The definitions of these families on the arrays of one namespace, and nothing else."""

    def __init__(self, xp: Any, stop_gradient: Callable[[Any], Any] = lambda x: x) -> None:
        self.xp = xp
        self._stop = stop_gradient

    def is_floating(self, x: Any) -> bool:
        return hasattr(x, "dtype") and x.dtype in (self.xp.float32, self.xp.float64)

    def is_integer(self, x: Any) -> bool:
        return hasattr(x, "dtype") and x.dtype in (self.xp.int32, self.xp.int64)

    def asarray(self, x: Any, *, dtype: str | None = None) -> Any:
        return self.xp.asarray(np.asarray(x), dtype=None if dtype is None else getattr(self.xp, dtype))

    def stop_gradient(self, x: Any) -> Any:
        return self._stop(x)


B: Any = Definitions(array_api_compat.torch, lambda x: x.detach())


def tensor(values: Any, *, grad: bool = False) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=grad)


def draw(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradient(t: int) -> dict[str, torch.Tensor]:
    """Gradients of quickly changing size, tiny ones among them; one element is always 0."""
    scale = 10.0 ** -(3 * (t % 4))
    weight = scale * draw(3, 4, seed=t)
    weight[0, 0] = 0.0
    return {"weight": weight, "bias": draw(4, seed=1000 + t)}


def rate(t: int) -> float:
    return 0.1 / (1 + t // 5)


def follow(
    make: Callable[[list[torch.Tensor]], torch.optim.Optimizer],
    init: Callable[[Any], Any],
    update: Callable[..., Any],
    *,
    traced_rate: bool = False,
    rtol: float = 1e-12,
) -> None:
    """Both take the same steps."""
    params: Any = {"weight": draw(3, 4, seed=-1), "bias": draw(4, seed=-2)}
    theirs = [params[name].clone().requires_grad_() for name in ("weight", "bias")]
    optimizer, state = make(theirs), init(params)
    for t in range(STEPS):
        grads = gradient(t)
        for group in optimizer.param_groups:
            group["lr"] = rate(t)
        for leaf, name in zip(theirs, ("weight", "bias"), strict=True):
            leaf.grad = grads[name].clone()
        optimizer.step()
        params, state = update(params, grads, state, lr=tensor(rate(t)) if traced_rate else rate(t))
    for leaf, name in zip(theirs, ("weight", "bias"), strict=True):
        torch.testing.assert_close(params[name], leaf.detach(), rtol=rtol, atol=rtol / 10)
    assert state["step"].dtype == torch.int32
    assert int(state["step"]) == STEPS


# -- optimizers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("traced_rate", [False, True])
@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_sgd(momentum: float, nesterov: bool, l2: float, traced_rate: bool) -> None:
    follow(
        lambda p: torch.optim.SGD(p, momentum=momentum, nesterov=nesterov, weight_decay=2 * l2),
        lambda p: B.sgd_init(p, momentum=momentum),
        lambda *a, lr: B.sgd_update(*a, lr=lr, momentum=momentum, nesterov=nesterov, l2=l2),
        traced_rate=traced_rate,
    )


@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("eps", [1e-8, 0.1])
def test_rmsprop(eps: float, centered: bool, momentum: float, l2: float) -> None:
    options: Any = {"alpha": 0.8, "eps": eps, "momentum": momentum, "centered": centered}
    follow(
        lambda p: torch.optim.RMSprop(p, weight_decay=2 * l2, **options),
        lambda p: B.rmsprop_init(p, momentum=momentum, centered=centered),
        lambda *a, lr: B.rmsprop_update(*a, lr=lr, l2=l2, **options),
    )


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.3, 0.5), (0.0, 0.9)])
@pytest.mark.parametrize("eps", [1e-8, 0.1])
@pytest.mark.parametrize("l2", [0.0, 0.01])
def test_adam(betas: tuple[float, float], eps: float, l2: float) -> None:
    follow(
        lambda p: torch.optim.Adam(p, betas=betas, eps=eps, weight_decay=2 * l2),
        B.adam_init,
        lambda *a, lr: B.adam_update(*a, lr=lr, beta1=betas[0], beta2=betas[1], eps=eps, l2=l2),
    )


@pytest.mark.parametrize("traced_rate", [False, True])
@pytest.mark.parametrize("weight_decay", [0.0, 0.2])
def test_adamw(weight_decay: float, traced_rate: bool) -> None:
    follow(
        lambda p: torch.optim.AdamW(p, weight_decay=weight_decay),
        B.adamw_init,
        lambda *a, lr: B.adamw_update(*a, lr=lr, weight_decay=weight_decay),
        traced_rate=traced_rate,
    )


def test_adamw_mask() -> None:
    follow(
        lambda p: torch.optim.AdamW([{"params": p[:1], "weight_decay": 0.2}, {"params": p[1:], "weight_decay": 0.0}]),
        B.adamw_init,
        lambda *a, lr: B.adamw_update(*a, lr=lr, weight_decay=0.2, decay_mask={"weight": True, "bias": False}),
    )


@pytest.mark.parametrize("traced_rate", [False, True])
@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize(("initial", "eps"), [(0.0, 1e-10), (0.1, 0.01)])
def test_adagrad(initial: float, eps: float, l2: float, traced_rate: bool) -> None:
    follow(
        lambda p: torch.optim.Adagrad(p, initial_accumulator_value=initial, eps=eps, weight_decay=2 * l2),
        lambda p: B.adagrad_init(p, initial_accumulator=initial),
        lambda *a, lr: B.adagrad_update(*a, lr=lr, eps=eps, l2=l2),
        traced_rate=traced_rate,
    )


@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize(("rho", "eps"), [(0.9, 1e-6), (0.0, 1e-2), (0.5, 1e-9)])
def test_adadelta(rho: float, eps: float, l2: float) -> None:
    follow(
        lambda p: torch.optim.Adadelta(p, rho=rho, eps=eps, weight_decay=2 * l2),
        B.adadelta_init,
        lambda *a, lr: B.adadelta_update(*a, lr=lr, rho=rho, eps=eps, l2=l2),
    )


@pytest.mark.parametrize("etas", [(0.5, 1.2), (0.1, 3.0)])
@pytest.mark.parametrize("limits", [(1e-6, 50.0), (0.01, 0.2), (0.0, 0.05)])
def test_rprop(etas: tuple[float, float], limits: tuple[float, float]) -> None:
    options = {"eta_minus": etas[0], "eta_plus": etas[1], "min_step": limits[0], "max_step": limits[1]}
    follow(
        lambda p: torch.optim.Rprop(p, lr=rate(0), etas=etas, step_sizes=limits),
        lambda p: B.rprop_init(p, initial_step=rate(0)),
        lambda *a, lr: B.rprop_update(*a, **options),
    )


@pytest.mark.parametrize("eps", [1e-8, 0.1])
@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.8, 0.95), (0.0, 0.9), (0.9, 0.5)])
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("adamax", torch.optim.Adamax),
        ("radam", torch.optim.RAdam),
        ("amsgrad", lambda p, **options: torch.optim.Adam(p, amsgrad=True, **options)),
    ],
)
def test_variants_of_adam(name: str, make: Any, betas: tuple[float, float], l2: float, eps: float) -> None:
    update = getattr(B, f"{name}_update")
    follow(
        lambda p: make(p, betas=betas, eps=eps, weight_decay=2 * l2),
        getattr(B, f"{name}_init"),
        lambda *a, lr: update(*a, lr=lr, beta1=betas[0], beta2=betas[1], eps=eps, l2=l2),
    )


@pytest.mark.parametrize("eps", [1e-8, 0.1])
@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize(("betas", "momentum_decay"), [((0.9, 0.999), 0.004), ((0.0, 0.9), 0.0), ((0.8, 0.95), 0.5)])
def test_nadam(betas: tuple[float, float], momentum_decay: float, l2: float, eps: float) -> None:
    follow(
        lambda p: torch.optim.NAdam(p, betas=betas, eps=eps, weight_decay=2 * l2, momentum_decay=momentum_decay),
        B.nadam_init,
        lambda *a, lr: B.nadam_update(
            *a, lr=lr, beta1=betas[0], beta2=betas[1], eps=eps, l2=l2, momentum_decay=momentum_decay
        ),
        rtol=1e-7,  # torch keeps the product of the momenta in float32
    )


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("nadam", torch.optim.NAdam),
        ("radam", torch.optim.RAdam),
        ("amsgrad", lambda p, **options: torch.optim.AdamW(p, amsgrad=True, **options)),
    ],
)
def test_decoupled_decay_of_variants_of_adam(name: str, make: Any) -> None:
    own = {} if name == "amsgrad" else {"decoupled_weight_decay": True}
    update, mask = getattr(B, f"{name}_update"), {"weight": True, "bias": False}
    follow(
        lambda p: make([{"params": p[:1], "weight_decay": 0.2}, {"params": p[1:], "weight_decay": 0.0}], **own),
        getattr(B, f"{name}_init"),
        lambda *a, lr: update(*a, lr=lr, weight_decay=0.2, decay_mask=mask),
        rtol=1e-7 if name == "nadam" else 1e-12,
    )


@pytest.mark.parametrize("t", [1, 2, 5, 6, 7, 30, 1000, 5000, 10**6])
@pytest.mark.parametrize("beta2", [0.7, 0.9, 0.999, 0.9999])
def test_rectification_in_float32(t: int, beta2: float) -> None:
    params = {"w": torch.zeros(1)}
    state = B.radam_init(params) | {"step": torch.tensor(t - 1, dtype=torch.int32)}
    # with beta1 = 0 and a gradient of 1 the step shows the correction and rectification of the second moment alone
    new, after = B.radam_update(params, {"w": torch.ones(1)}, state, lr=1.0, beta1=0.0, beta2=beta2, eps=1e-30)
    with mpmath.workdps(40):
        b = mpmath.mpf(beta2)
        limit = 2 / (1 - b) - 1
        length = limit - 2 * t * b**t / (1 - b**t)
        wanted = mpmath.mpf(-1)
        if length > 5:
            ratio = (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
            corrected = mpmath.mpf(float(after["exp_avg_sq"]["w"][0])) / (1 - b**t)
            wanted = -mpmath.sqrt(ratio / corrected)
    assert abs(float(new["w"][0]) / float(wanted) - 1) < 8 * 2**-24


def test_nadam_keeps_its_product_in_the_widest_dtype_of_the_parameters() -> None:
    params = {"a": torch.ones(1), "b": torch.ones(1, dtype=torch.float64)}
    state, product = B.nadam_init(params), mpmath.mpf(1)
    for t in range(1, 11):
        params, state = B.nadam_update(params, params, state)
        product *= mpmath.mpf("0.9") * (1 - mpmath.mpf("0.96") ** (mpmath.mpf("0.004") * t) / 2)
    assert state["mu_product"].dtype == torch.float64
    assert abs(float(state["mu_product"]) / float(product) - 1) < 1e-14


def test_rprop_sees_signs_of_gradients_whose_product_underflows() -> None:
    params = {"w": torch.zeros(3)}
    state = B.rprop_init(params, initial_step=1.0)
    for g in ([1e-30, 1e-30, -1e-30], [1e-25, -1e-25, 0.0], [0.0, -1e-38, -1.0]):
        params, state = B.rprop_update(params, {"w": torch.tensor(g)}, state, eta_minus=0.25, eta_plus=2.0)
    assert params["w"].tolist() == [-3.0, -0.75, 2.0]
    assert state["step_size"]["w"].tolist() == [2.0, 0.25, 1.0]


DECAYING = ["sgd", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "radam", "amsgrad"]


@pytest.mark.parametrize("name", DECAYING)
def test_decoupled_decay_is_taken_off_the_old_value(name: str) -> None:
    p, g = {"w": draw(5, seed=1), "b": draw(3, seed=3)}, {"w": draw(5, seed=2), "b": draw(3, seed=4)}
    options: Any = {"momentum": 0.5} if name in ("sgd", "rmsprop") else {}
    update = getattr(B, f"{name}_update")
    state = getattr(B, f"{name}_init")(p, **options)
    plain, left = update(p, g, state, lr=0.1, **options)
    decayed, right = update(p, g, state, lr=0.1, weight_decay=0.3, decay_mask={"w": True, "b": False}, **options)
    torch.testing.assert_close(decayed["w"], plain["w"] - 0.1 * 0.3 * p["w"], rtol=1e-14, atol=1e-15)
    assert torch.equal(decayed["b"], plain["b"])
    for one, other in zip(optree.tree_leaves(left), optree.tree_leaves(right), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", [*DECAYING, "adam"])
def test_l2_adds_the_derivative_of_the_penalty(name: str) -> None:
    p, g = {"w": draw(5, seed=1).requires_grad_()}, {"w": draw(5, seed=2)}
    init, update = getattr(B, f"{name}_init"), getattr(B, f"{name}_update")
    (slope,) = torch.autograd.grad(B.l2_penalty(p, l2=0.3), p["w"])
    with torch.no_grad():
        inside, _ = update(p, g, init(p), l2=0.3)
        outside, _ = update(p, {"w": g["w"] + slope}, init(p))
    torch.testing.assert_close(inside["w"], outside["w"], rtol=1e-14, atol=0)


def test_centered_variance_below_0_counts_as_0() -> None:
    params, state = {"w": tensor([1.0])}, B.rmsprop_init({"w": tensor([1.0])}, centered=True)
    state["square_avg"], state["grad_avg"] = {"w": tensor([1.0])}, {"w": tensor([1.1])}
    new, _ = B.rmsprop_update(params, {"w": tensor([1.0])}, state, lr=0.1, alpha=0.99, eps=0.5, centered=True)
    torch.testing.assert_close(new["w"], tensor([1.0 - 0.1 / 0.5]))


@pytest.mark.parametrize("t", [1, 2, 10, 1000, 100_000])
def test_bias_correction_in_float32(t: int) -> None:
    params = {"w": torch.zeros(1)}
    state = B.adam_init(params) | {"step": torch.tensor(t - 1, dtype=torch.int32)}
    # with beta1 = 0 and a gradient of 1 the step shows the correction of the second moment alone
    new, after = B.adam_update(params, {"w": torch.ones(1)}, state, lr=1.0, beta1=0.0, beta2=0.999, eps=1e-8)
    with mpmath.workdps(40):
        corrected = mpmath.mpf(float(after["exp_avg_sq"]["w"][0])) / (1 - mpmath.mpf("0.999") ** t)
        wanted = -1 / (mpmath.sqrt(corrected) + mpmath.mpf("1e-8"))
    assert abs(float(new["w"][0]) / float(wanted) - 1) < 8 * 2**-24


def test_a_step_does_not_touch_its_arguments() -> None:
    params, grads = {"w": draw(3, seed=1)}, {"w": draw(3, seed=2)}
    state = B.adam_init(params)
    kept = [x.clone() for x in (params["w"], grads["w"], *(state[e]["w"] for e in ("exp_avg", "exp_avg_sq")))]
    B.adam_update(params, grads, state)
    now = (params["w"], grads["w"], state["exp_avg"]["w"], state["exp_avg_sq"]["w"])
    assert all(torch.equal(a, b) for a, b in zip(kept, now, strict=True))
    assert int(state["step"]) == 0


def test_a_step_has_a_finite_derivative_at_gradient_0() -> None:
    grads = {"w": torch.zeros(2, dtype=torch.float64, requires_grad=True)}
    params = {"w": tensor([1.0, 2.0])}
    new, _ = B.adam_update(params, grads, B.adam_init(params))
    assert torch.autograd.grad(new["w"].sum(), grads["w"])[0].isfinite().all()


@pytest.mark.parametrize("xp", [tape.namespace, array_api_strict, jnp], ids=["tape", "strict", "jax"])
@pytest.mark.parametrize("name", [*DECAYING, "adam", "adamw", "rprop"])
def test_other_namespaces(name: str, xp: Any) -> None:
    options: Any = {"momentum": 0.9} if name in ("sgd", "rmsprop") else {}
    results = []
    for backend in (B, Definitions(xp)):
        convert = torch.as_tensor if backend is B else xp.asarray
        params: Any = {"w": convert(np.array([[1.0, -2.0, 0.5]], np.float32))}
        state = getattr(backend, f"{name}_init")(params, **options)
        update: Any = getattr(backend, f"{name}_update")

        def step(p: Any, g: Any, s: Any, lr: Any, update: Any = update) -> Any:
            return update(p, g, s, **options, **({} if name == "rprop" else {"lr": lr}))

        run: Any = jax.jit(step) if xp is jnp and backend is not B else step
        for t in range(5):
            grads = {"w": convert(np.array([[0.1, -1.0, 1e-6]], np.float32) * np.float32(t + 1))}
            params, state = run(params, grads, state, convert(np.float32(rate(5 * t))))
        assert state["step"].dtype == backend.xp.int32
        results.append(np.asarray(params["w"]))
    np.testing.assert_allclose(results[1], results[0], rtol=1e-6)


# -- clipping ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0.01, 100.0])
def test_clip_by_global_norm(size: float) -> None:
    grads: Any = {"a": size * draw(3, 4, seed=1), "b": [size * draw(4, seed=2)]}
    flat = torch.cat([grads["a"].reshape(-1), grads["b"][0]])
    clipped, norm, finite = B.clip_by_global_norm(grads, max_norm=2.0)
    torch.testing.assert_close(norm, flat.norm(), rtol=1e-14, atol=0)
    assert finite
    after = torch.cat([clipped["a"].reshape(-1), clipped["b"][0]])
    if size < 1:
        assert torch.equal(after, flat)
    else:
        torch.testing.assert_close(after, flat * (2.0 / flat.norm()), rtol=1e-14, atol=0)


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_a_norm_that_is_not_finite_leaves_gradients_alone(bad: float) -> None:
    grads = [tensor([bad, 30.0]), tensor([40.0])]
    (a, b), _, finite = B.clip_by_global_norm(grads)
    assert not finite
    torch.testing.assert_close(a, grads[0], rtol=0, atol=0, equal_nan=True)
    assert torch.equal(b, grads[1])
    a, b = B.clip_by_norm(grads)
    torch.testing.assert_close(a, grads[0], rtol=0, atol=0, equal_nan=True)
    assert b.tolist() == [1.0]


def test_clip_by_norm_looks_at_each_array() -> None:
    a, b, c = B.clip_by_norm([tensor([6.0, 8.0]), tensor([0.3, 0.4]), tensor([0.0, 0.0])], max_norm=5.0)
    assert (a.tolist(), b.tolist(), c.tolist()) == ([3.0, 4.0], [0.3, 0.4], [0.0, 0.0])


def test_clip_by_value() -> None:
    (clipped,) = B.clip_by_value([tensor([-3.0, -0.5, 0.5, 0.7, NAN, INF])], max_value=0.6)
    torch.testing.assert_close(clipped, tensor([-0.6, -0.5, 0.5, 0.6, NAN, 0.6]), rtol=0, atol=0, equal_nan=True)


# -- regularizers ------------------------------------------------------------------------------------------


def test_penalties() -> None:
    params = {"w": tensor([[1.0, -2.0], [0.0, 0.5]], grad=True), "b": tensor([-3.0], grad=True)}
    leaves = [params["w"], params["b"]]
    expected: list[tuple[Any, float, Callable[[torch.Tensor], torch.Tensor]]] = [
        (B.l1_penalty(params, l1=0.1), 0.65, lambda w: 0.1 * w.sign()),
        (B.l2_penalty(params, l2=0.1), 1.425, lambda w: 0.2 * w),
        (B.elastic_net_penalty(params, l1=0.2, l2=0.1), 2.725, lambda w: 0.2 * w.sign() + 0.2 * w),
    ]
    for value, wanted, slope in expected:
        assert value.shape == ()
        assert value.item() == pytest.approx(wanted, rel=1e-14)
        for got, leaf in zip(torch.autograd.grad(value, leaves), leaves, strict=True):
            torch.testing.assert_close(got, slope(leaf.detach()), rtol=1e-14, atol=0)


@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 2, 3, 2), (0, 3), (3, 0)])
def test_max_norm_is_torch_renorm_of_each_unit(shape: tuple[int, ...]) -> None:
    weight = 3 * draw(*shape, seed=5)
    ours = B.max_norm_constraint(weight, max_norm=2.0)
    assert ours.shape == weight.shape
    if 0 not in shape:  # torch divides by norm + 1e-7
        torch.testing.assert_close(
            ours, torch.renorm(weight.reshape(4, -1), 2, 0, 2.0).reshape(shape), rtol=1e-6, atol=0
        )
    norms = ours.reshape(shape[0], math.prod(shape[1:])).norm(dim=1)
    assert (norms <= 2.0 * (1 + 1e-15)).all()


def test_max_norm_is_the_identity_up_to_the_limit() -> None:
    weight = tensor([[0.0, 0.0], [3.0, 4.0], [0.1, 0.7], [30.0, 40.0]], grad=True)
    ours = B.max_norm_constraint(weight, max_norm=5.0)
    assert torch.equal(ours[:3], weight[:3])
    torch.testing.assert_close(ours[3], tensor([3.0, 4.0]), rtol=1e-15, atol=0)
    (slope,) = torch.autograd.grad(ours[:3].sum(), weight)
    assert slope.tolist() == [[1.0, 1.0]] * 3 + [[0.0, 0.0]]


def test_max_norm_of_infinite_order_clips_weights() -> None:
    weight = tensor([[-3.0, 0.5], [2.0, -2.0]], grad=True)
    ours = B.max_norm_constraint(weight, max_norm=2.0, order=math.inf)
    assert ours.tolist() == [[-2.0, 0.5], [2.0, -2.0]]
    assert torch.autograd.grad(ours.sum(), weight)[0].tolist() == [[0.0, 1.0], [0.0, 0.0]]


# -- dropout -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.2, 0.5, 1.0])
def test_dropout_selects(rate: float) -> None:
    x = tensor([1.0, INF, NAN, -2.0], grad=True)
    y = B.dropout(x, rate=rate, mask=torch.tensor([True, False, False, True]))
    scale = 0.0 if rate == 1 else 1 / (1 - rate)
    assert y.tolist() == [scale, 0.0, 0.0, -2 * scale]
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [scale, 0.0, 0.0, scale]


def test_dropout_draws_its_mask_from_key_and_site() -> None:
    key, x = B.asarray(np.array([3, 4], np.int32)), torch.ones(50, dtype=torch.float64)
    for site in (0, 9):
        keep = B.dropout_mask(key, (50,), rate=0.25, site=site)
        assert torch.equal(B.dropout(x, rate=0.25, key=key, site=site) > 0, keep)
    assert not torch.equal(keep, B.dropout_mask(key, (50,), rate=0.25))


def test_dropout_of_nothing_is_the_identity() -> None:
    x = tensor([1.0, NAN])
    assert B.dropout(x, training=False) is x
    assert B.dropout(x, rate=0.0) is x


# -- bad input ---------------------------------------------------------------------------------------------

_P = {"a": {"w": tensor([[1.0, 2.0]])}, "b": tensor([1.0])}
_TRANSPOSED = {"a": {"w": tensor([[1.0], [2.0]])}, "b": tensor([1.0])}
_X = tensor([1.0, 2.0])


def _adam(params: Any, grads: Any, **options: Any) -> Any:
    return B.adam_update(params, grads, B.adam_init(params), **options)


_BAD: list[tuple[type[NnspecError], str, Callable[[], Any]]] = [
    (
        ShapeError,
        r"grads\['a'\]\['w'\]: .*\(1, 2\).*params\['a'\]\['w'\].*\(2, 1\)",
        lambda: _adam(_P, _TRANSPOSED),
    ),
    (ArgumentError, "grads: expected the structure of params", lambda: _adam(_P, {"b": _P["b"]})),
    (DTypeError, r"grads\['b'\]", lambda: _adam(_P, {"a": _P["a"], "b": torch.ones(1)})),
    (DTypeError, r"params\['b'\]", lambda: B.adam_init({"b": torch.tensor([1])})),
    (ArgumentError, "params: .*at least one array", lambda: B.adam_init({})),
    (
        ArgumentError,
        "state: .*step, momentum.*got step",
        lambda: B.sgd_update(_P, _P, B.sgd_init(_P), momentum=0.9),
    ),
    (ArgumentError, "state: .*got list", lambda: B.sgd_update(_P, _P, [])),
    (ShapeError, r"state\['exp_avg'\]\['b'\]", lambda: B.adam_update(_P, _P, B.adam_init(_P | {"b": _X}))),
    (DTypeError, r"state\['step'\]", lambda: B.sgd_update(_P, _P, {"step": 0})),
    (ShapeError, r"state\['step'\]", lambda: B.sgd_update(_P, _P, {"step": torch.tensor([0])})),
    (ArgumentError, "lr: .*got -0.1", lambda: _adam(_P, _P, lr=-0.1)),
    (ArgumentError, "lr: .*got nan", lambda: _adam(_P, _P, lr=NAN)),
    (ShapeError, "lr", lambda: _adam(_P, _P, lr=_X)),
    (ArgumentError, "beta2: .*got 1.0", lambda: _adam(_P, _P, beta2=1.0)),
    (ArgumentError, "eps: .*got 0", lambda: _adam(_P, _P, eps=0)),
    (ArgumentError, "nesterov", lambda: B.sgd_update(_P, _P, B.sgd_init(_P), nesterov=True)),
    (
        ArgumentError,
        "weight_decay: .*got -1",
        lambda: B.adamw_update(_P, _P, B.adamw_init(_P), weight_decay=-1),
    ),
    (ArgumentError, "decay_mask", lambda: B.adamw_update(_P, _P, B.adamw_init(_P), decay_mask={"b": True})),
    (
        ArgumentError,
        "decay_mask: .*got 1",
        lambda: B.adamw_update(_P, _P, B.adamw_init(_P), decay_mask={"a": {"w": 1}, "b": True}),
    ),
    (ArgumentError, "max_norm: .*got 0", lambda: B.clip_by_global_norm(_P, max_norm=0)),
    (DTypeError, "grads: .*float32, float64", lambda: B.clip_by_global_norm([_X, torch.ones(1)])),
    (ArgumentError, "max_value: .*got inf", lambda: B.clip_by_value(_P, max_value=INF)),
    (ArgumentError, "l1: .*got -1", lambda: B.l1_penalty(_P, l1=-1)),
    (DTypeError, "params", lambda: B.l2_penalty([_X, torch.ones(1)])),
    (ArgumentError, "order: .*got 1", lambda: B.max_norm_constraint(_X, order=1)),
    (ShapeError, "weight", lambda: B.max_norm_constraint(_X[0])),
    (ArgumentError, "key, mask: .*neither", lambda: B.dropout(_X)),
    (ArgumentError, "key, mask: .*both", lambda: B.dropout(_X, key=B.key(0), mask=_X > 0)),
    (DTypeError, "mask: .*float64", lambda: B.dropout(_X, mask=_X)),
    (ShapeError, "mask", lambda: B.dropout(_X, mask=_X[:1] > 0)),
    (ArgumentError, "rate: .*got 1.5", lambda: B.dropout(_X, rate=1.5, key=B.key(0))),
    (ArgumentError, "site: .*4294967296", lambda: B.dropout(_X, key=B.key(0), site=2**32)),
]


@pytest.mark.parametrize(("error", "words", "call"), _BAD)
def test_bad_input(error: type[NnspecError], words: str, call: Callable[[], Any]) -> None:
    with pytest.raises(error, match=words):
        call()
