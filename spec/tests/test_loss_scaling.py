"""Loss scaling: the rule of torch.amp.GradScaler, and the class that skips steps by it."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import optree
import pytest
import torch

import nnspec
from nnspec import optim
from nnspec.errors import ArgumentError

NAMES = ("numpy", "torch", "jax")
INF, NAN = math.inf, math.nan


def sequence(seed: int) -> list[float]:
    """One element of a gradient a step, sometimes infinite or NaN."""
    generator = np.random.default_rng(seed)
    return [float(generator.choice([1.0, -3.0, 0.5, 1.0, 2.0, 1.0, INF, -INF, NAN])) for _ in range(60)]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize(("growth", "backoff", "interval"), [(2.0, 0.5, 3), (4.0, 0.25, 1), (1.5, 0.75, 5)])
def test_the_rule_is_that_of_torch(growth: float, backoff: float, interval: int, dtype: str) -> None:
    backend = nnspec.get_backend("numpy", dtype=dtype)
    theirs = torch.amp.GradScaler(
        "cpu", init_scale=1024.0, growth_factor=growth, backoff_factor=backoff, growth_interval=interval
    )
    theirs.scale(torch.ones(()))  # makes its state
    parameter = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    state = backend.loss_scaling_init(initial_scale=1024.0)
    for element in sequence(int(interval)):
        parameter.grad = torch.tensor([1.0, element])
        theirs.unscale_(optimizer)
        grads = [backend.asarray([1.0, element])]
        options: dict[str, Any] = {"growth_factor": growth, "backoff_factor": backoff, "growth_interval": interval}
        (unscaled,), finite, state = backend.loss_scaling_update(grads, state, min_scale=1e-30, **options)
        assert bool(finite) == math.isfinite(element)
        np.testing.assert_allclose(unscaled, parameter.grad.numpy(), rtol=2e-7)
        theirs.step(optimizer)
        theirs.update()
        assert float(state["scale"]) == pytest.approx(theirs.get_scale(), rel=1e-6)
        assert int(state["count"]) == theirs._get_growth_tracker()


def test_the_scale_stays_finite_and_above_the_least() -> None:
    backend = nnspec.get_backend("numpy")
    state = backend.loss_scaling_init(initial_scale=2.0**120)
    with np.errstate(over="ignore"):
        for _ in range(20):
            _, _, state = backend.loss_scaling_update([backend.asarray([1.0])], state, growth_interval=1)
        assert float(state["scale"]) == 2.0**127
        for _ in range(200):
            _, _, state = backend.loss_scaling_update([backend.asarray([INF])], state)
    assert float(state["scale"]) == 1.0


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", NAMES)
def test_small_gradients_keep_their_digits(name: str, dtype: str) -> None:
    backend = nnspec.get_backend(name, dtype=dtype)
    scaled = backend.asarray([0.37, 3e-3])
    (g,), _, _ = backend.loss_scaling_update([scaled], backend.loss_scaling_init())
    host = backend.to_numpy(g)
    assert host.dtype == np.float32
    assert (host == backend.to_numpy(scaled).astype(np.float32) / 2.0**15).all()


def trained(backend: Any, optimizer: Any, *, compiled: bool) -> tuple[Any, Any, list[float]]:
    """Gradients that overflow until the scale has come down to 2^29."""
    x = backend.asarray([[1e-3], [2e-3]])
    wanted = backend.asarray([[1e-5], [2e-5]], dtype="float32")

    def step(params: Any, state: Any) -> Any:
        def loss(params: Any) -> Any:
            y = backend.asarray(backend.linear(x, params["w"]), dtype="float32")
            return optimizer.scale(backend.mean_squared_error(y, wanted), state)

        value, grads = backend.value_and_grad(loss)(params)
        return value, *optimizer.update(params, grads, state)

    run = backend.compile(step, donate=(0, 1)) if compiled else step
    params = {"w": backend.asarray([[0.0]])}
    state = optimizer.init(params)
    scales = [float(state["scaling"]["scale"])]
    for _ in range(60):
        _, params, state = run(params, state)
        scales.append(float(state["scaling"]["scale"]))
    return params, state, scales


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_net_in_float16_trains(name: str, compiled: bool) -> None:
    backend = nnspec.get_backend(name, dtype="float16")
    scaler = optim.LossScaler(optim.SGD(backend, lr=1e5), initial_scale=2.0**40, growth_interval=1000)
    params, state, scales = trained(backend, scaler, compiled=compiled)
    assert float(backend.to_numpy(params["w"])[0, 0]) == pytest.approx(0.01, rel=0.02)
    skipped = sum(b < a for a, b in itertools.pairwise(scales))
    assert skipped > 0
    assert int(state["optimizer"]["step"]) == 60 - skipped
    assert scales[-1] == 2.0 ** (40 - skipped)


OPTIMIZERS = {
    "sgd": lambda b: optim.SGD(b, lr=0.1, momentum=0.9),
    "adam": lambda b: optim.Adam(b, lr=0.1, clip_global_norm=1.0),
    "lookahead": lambda b: optim.Lookahead(optim.SGD(b, lr=0.1), alpha=0.8, sync_period=2),
}


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", NAMES)
def test_a_step_that_is_not_finite_changes_nothing_but_the_scale(
    name: str, optimizer: str, traced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = nnspec.get_backend(name, dtype="float16")
    scaler = optim.LossScaler(OPTIMIZERS[optimizer](backend))
    if traced:  # as where looking at a value would force a device to wait
        monkeypatch.setattr(type(backend), "is_concrete", lambda self, x: False)
    update = backend.compile(scaler.update, donate=(0, 2))

    def start() -> Any:
        params = {"w": backend.asarray([1.0, -2.0])}
        return params, scaler.init(params)

    good, bad = {"w": backend.asarray([100.0, -300.0])}, {"w": backend.asarray([INF, 1.0])}
    params, state = update(start()[0], good, start()[1])
    kept = optree.tree_map(backend.to_numpy, (params, state["optimizer"]))
    params, state = update(params, bad, state)
    after = optree.tree_map(backend.to_numpy, (params, state["optimizer"]))
    for a, b in zip(optree.tree_leaves(kept), optree.tree_leaves(after), strict=True):
        np.testing.assert_array_equal(a, b)
    assert float(state["scaling"]["scale"]) == 2.0**14
    params, state = update(params, good, state)
    assert not np.array_equal(backend.to_numpy(params["w"]), kept[0]["w"])


def test_a_scaled_loss_is_float32() -> None:
    backend = nnspec.get_backend("numpy", dtype="float16")
    scaler = optim.LossScaler(optim.SGD(backend))
    state = scaler.init({"w": backend.asarray([1.0])})
    scaled = scaler.scale(backend.asarray(100.0), state)
    assert scaled.dtype == np.float32
    assert float(scaled) == 100 * 2.0**15


def test_bad_options_raise_where_it_is_made() -> None:
    backend = nnspec.get_backend("numpy")
    with pytest.raises(ArgumentError, match=r"^growth_factor: expected a finite number > 1, got 0\.5"):
        optim.LossScaler(optim.SGD(backend), growth_factor=0.5)
    with pytest.raises(ArgumentError, match=r"^optimizer: expected an optimizer"):
        optim.LossScaler(backend)  # type: ignore[arg-type]
