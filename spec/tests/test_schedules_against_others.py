"""Schedules by their definitions: against torch's schedulers, the textbook's formulas in mpmath, and brute force."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import torch

import nnspec

B: Any = nnspec.get_backend("numpy", dtype="float64")
scheduler: Any = torch.optim.lr_scheduler
STEPS = 120
T = B.asarray(np.arange(STEPS))


def torch_rates(make: Callable[[Any], Any], lr: float, steps: int = STEPS) -> list[float]:
    """The learning rate of every update of a torch optimizer under a scheduler."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    following, rates = make(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        following.step()
    return rates


def agree(ours: Any, theirs: list[float], rtol: float = 1e-12) -> None:
    np.testing.assert_allclose(B.to_numpy(ours), theirs, rtol=rtol, atol=1e-17)


@pytest.mark.parametrize(("size", "gamma"), [(1, 0.9), (7, 0.1), (200, 0.5)])
def test_step_schedule(size: int, gamma: float) -> None:
    theirs = torch_rates(lambda o: scheduler.StepLR(o, size, gamma), 0.3)
    agree(B.step_schedule(T, lr=0.3, step_size=size, gamma=gamma), theirs)


@pytest.mark.parametrize("milestones", [(1,), (3, 4, 90), ()])
def test_multi_step_schedule(milestones: tuple[int, ...]) -> None:
    theirs = torch_rates(lambda o: scheduler.MultiStepLR(o, milestones, 0.3), 0.7)
    agree(B.multi_step_schedule(T, lr=0.7, milestones=milestones, gamma=0.3), theirs)


@pytest.mark.parametrize("gamma", [0.5, 0.999, 1.01])
def test_exponential_schedule(gamma: float) -> None:
    agree(B.exponential_schedule(T, lr=0.3, gamma=gamma), torch_rates(lambda o: scheduler.ExponentialLR(o, gamma), 0.3))


@pytest.mark.parametrize("power", [1.0, 0.5, 3.0])
def test_polynomial_schedule(power: float) -> None:
    theirs = torch_rates(lambda o: scheduler.PolynomialLR(o, total_iters=90, power=power), 0.3)
    agree(B.polynomial_schedule(T, lr=0.3, total_steps=90, power=power), theirs)


@pytest.mark.parametrize(("lr", "end"), [(0.3, 0.02), (1e-6, 0.5)])
def test_polynomial_schedule_to_another_rate(lr: float, end: float) -> None:
    ours = B.to_numpy(B.polynomial_schedule(T, lr=lr, total_steps=90, end_lr=end, power=1.7))
    for t in range(STEPS):
        left = mpmath.mpf(90 - min(t, 90)) / 90
        wanted = mpmath.mpf(end) + (mpmath.mpf(lr) - mpmath.mpf(end)) * left ** mpmath.mpf(1.7)
        assert ours[t] == pytest.approx(float(wanted), rel=1e-14)


@pytest.mark.parametrize("total", [1, 7, 90])
def test_cosine_schedule(total: int) -> None:
    """Torch's own closed form up to the end, where it would rise again."""
    theirs = torch_rates(lambda o: scheduler.CosineAnnealingLR(o, total, eta_min=0.02), 0.3, total + 1)
    ours = B.to_numpy(B.cosine_schedule(T, lr=0.3, total_steps=total, min_lr=0.02))
    np.testing.assert_allclose(ours[: total + 1], theirs, rtol=1e-12)
    assert set(ours[total:]) == {0.02}
    assert ours[0] == 0.3


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_cosine_schedule_with_restarts(factor: int) -> None:
    theirs = torch_rates(lambda o: scheduler.CosineAnnealingWarmRestarts(o, 9, factor, eta_min=0.02), 0.3)
    agree(B.cosine_schedule(T, lr=0.3, total_steps=9, min_lr=0.02, restart_factor=factor), theirs)


def test_cosine_schedule_has_no_cancellation_near_its_end() -> None:
    total = 1_000_000
    for t in (1, total - 1000, total - 1):
        wanted = mpmath.sin(mpmath.pi * (total - t) / (2 * mpmath.mpf(total))) ** 2
        assert float(B.cosine_schedule(t, lr=1.0, total_steps=total)) == pytest.approx(float(wanted), rel=1e-14)


@pytest.mark.parametrize("factor", [2, 5, 100])
def test_restarts_up_to_the_last_step(factor: int) -> None:
    """Against cycles laid one after another; the last may be longer than steps can count."""
    start, length = 0, 3
    while start < 2**31:
        firsts = [start, start + 1, min(start + length, 2**31) - 1]
        ours = B.to_numpy(B.cosine_schedule(B.asarray(firsts), lr=1.0, total_steps=3, restart_factor=factor))
        wanted = [math.sin(math.pi * (length - (t - start)) / length / 2) ** 2 for t in firsts]
        np.testing.assert_allclose(ours, wanted, rtol=1e-13)
        start, length = start + length, length * factor


@pytest.mark.parametrize("steps", [1, 5, 64])
def test_warmup_schedule(steps: int) -> None:
    theirs = torch_rates(lambda o: scheduler.LinearLR(o, start_factor=0.2, total_iters=steps), 0.3)
    agree(B.warmup_schedule(T, lr=0.3, warmup_steps=steps, start_lr=0.06), theirs)


@pytest.mark.parametrize("steps", [1, 5, 64])
def test_one_based_warmup_is_one_step_ahead(steps: int) -> None:
    theirs = torch_rates(lambda o: scheduler.LambdaLR(o, lambda t: min((t + 1) / steps, 1.0)), 0.3)
    agree(B.warmup_schedule(T, lr=0.3, warmup_steps=steps, one_based=True), theirs)


@pytest.mark.parametrize("anneal", ["cosine", "linear"])
@pytest.mark.parametrize(("total", "share"), [(120, 0.3), (100, 0.25), (77, 0.5), (50, 0.001), (1, 0.3)])
def test_one_cycle_schedule(total: int, share: float, anneal: str) -> None:
    theirs = torch_rates(
        lambda o: scheduler.OneCycleLR(
            o,
            0.6,
            total_steps=total + 1,  # torch steps once more than there are updates
            pct_start=share,
            anneal_strategy={"cosine": "cos"}.get(anneal, anneal),
            div_factor=20.0,
            final_div_factor=50.0,
            cycle_momentum=False,
        ),
        0.6,
        total,
    )
    ours = B.one_cycle_schedule(
        T[:total],
        max_lr=0.6,
        total_steps=total + 1,
        pct_start=share,
        div_factor=20.0,
        final_div_factor=50.0,
        anneal=anneal,
    )
    agree(ours, theirs, rtol=1e-10)


def test_the_defaults_of_one_cycle_schedule_are_those_of_torch() -> None:
    theirs = torch_rates(lambda o: scheduler.OneCycleLR(o, 0.6, 101, cycle_momentum=False), 0.6, 100)
    agree(B.one_cycle_schedule(T[:100], max_lr=0.6, total_steps=101), theirs, rtol=1e-10)


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
@pytest.mark.parametrize(("patience", "cooldown"), [(0, 0), (2, 0), (1, 3), (5, 1)])
def test_reduce_on_plateau(mode: str, threshold_mode: str, patience: int, cooldown: int) -> None:
    """Against torch where its threshold means the same: the metric is positive."""
    options = {
        "mode": mode,
        "threshold_mode": threshold_mode,
        "factor": 0.7,
        "patience": patience,
        "cooldown": cooldown,
        "threshold": 0.05,
        "min_lr": 0.01,
    }
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    theirs = scheduler.ReduceLROnPlateau(optimizer, eps=0.0, **options)
    generator, state, dropped = np.random.default_rng(patience), None, set()
    for t in range(200):
        metric = float((2.0 if mode == "max" else 5.0 / (1 + t)) + generator.uniform(0, 1))
        theirs.step(metric)
        rate, state = B.reduce_on_plateau(metric, state, lr=0.3, **options)
        assert float(rate) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-13)
        dropped.add(round(float(rate), 9))
    assert len(dropped) > 3


def test_defaults_of_reduce_on_plateau() -> None:
    """Those of torch: the rate drops to a tenth after ten bad epochs, the eleventh in a row."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    theirs, state = scheduler.ReduceLROnPlateau(optimizer), None
    for t in range(60):
        metric = 3.0 - min(t, 20) * 1e-4
        theirs.step(metric)
        rate, state = B.reduce_on_plateau(metric, state, lr=0.3)
        assert float(rate) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-13)


@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_negative_best_has_a_threshold_too(mode: str) -> None:
    """A metric that stays where it is does not improve, whatever its sign."""
    state = None
    for _ in range(3):
        rate, state = B.reduce_on_plateau(-5.0, state, lr=1.0, patience=1, factor=0.5, threshold=0.1, mode=mode)
    assert float(rate) == 0.5


@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
def test_a_schedule_drives_a_compiled_step(name: str) -> None:
    """The step counter of an optimizer's state is a step; the rate is what an update takes."""
    backend: Any = nnspec.get_backend(name)

    def step(params: Any, state: Any) -> Any:
        lr = backend.warmup_schedule(state["step"], lr=1.0, warmup_steps=4, one_based=True)
        return backend.sgd_update(params, {"w": backend.xp.ones_like(params["w"])}, state, lr=lr)

    compiled = backend.compile(step)
    params = {"w": backend.asarray([0.0])}
    state = backend.sgd_init(params)
    for _ in range(6):
        params, state = compiled(params, state)
    assert backend.to_numpy(params["w"]).tolist() == [-4.5]
