"""Lion, LAMB, Adafactor, Muon and what goes around optimizers: against the papers' algorithms, typed out, and torch.

The algorithms are written here element by element or matrix by matrix in float64 or wider, in the papers' own
form: sums where the definitions have means, powers where they have exponentials.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from nnspec import Backend, get_backend

Floats = NDArray[Any]
STEPS = 50
SHAPES: dict[str, tuple[int, ...]] = {
    "matrix": (3, 4),
    "tall": (5, 2),
    "tensor": (2, 3, 2),
    "vector": (4,),
    "number": (),
}
MATRICES = {name: shape for name, shape in SHAPES.items() if len(shape) >= 2}


@pytest.fixture(scope="module")
def backend() -> Backend:
    return get_backend("numpy", dtype="float64")


def drawn(seed: int, shapes: dict[str, tuple[int, ...]] = SHAPES) -> dict[str, Floats]:
    generator = np.random.default_rng(seed)
    return {name: np.asarray(generator.standard_normal(shape)) for name, shape in shapes.items()}


def gradient(t: int, shapes: dict[str, tuple[int, ...]]) -> dict[str, Floats]:
    """Of quickly changing size, tiny ones among them; one element of each is always 0."""
    grads = drawn(100 + t, shapes)
    for g in grads.values():
        g *= 10.0 ** -(3 * (t % 4))
        if g.ndim:
            g.reshape(-1)[0] = 0.0
    return grads


def rate(t: int) -> float:
    return 0.1 / (1 + t // 5)


#: of (p, g, memory, t from 1, lr); the memory is a dictionary it writes into
Rule = Callable[[Floats, Floats, dict[str, Any], int, float], Floats]


def follow(
    backend: Any,
    name: str,
    rule: Rule,
    shapes: dict[str, tuple[int, ...]] = SHAPES,
    *,
    given_lr: bool = True,
    start: dict[str, Any] | None = None,
    tolerance: float = 1e-12,
    **options: Any,
) -> None:
    """The definition and the paper take the same steps, leaf by leaf."""
    params: Any = drawn(0, shapes)
    theirs = {leaf: p.astype(np.longdouble) for leaf, p in params.items()}
    memory: dict[str, dict[str, Any]] = {leaf: {} for leaf in shapes}
    state = getattr(backend, f"{name}_init")(params, **(start or {}))
    for t in range(STEPS):
        grads = gradient(t, shapes)
        lr = {"lr": rate(t)} if given_lr else {}
        params, state = getattr(backend, f"{name}_update")(params, grads, state, **lr, **options)
        for leaf, g in grads.items():
            theirs[leaf] = rule(theirs[leaf], g.astype(np.longdouble), memory[leaf], t + 1, rate(t))
        for leaf in shapes:
            np.testing.assert_allclose(params[leaf], theirs[leaf].astype(float), rtol=tolerance, atol=1e-13)
    assert int(state["step"]) == STEPS


# -- Lion --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("beta1", "beta2"), [(0.9, 0.99), (0.3, 0.6)])
@pytest.mark.parametrize("weight_decay", [0.0, 0.2])
def test_lion_is_algorithm_2(backend: Backend, beta1: float, beta2: float, weight_decay: float) -> None:
    def rule(p: Floats, g: Floats, memory: dict[str, Any], t: int, lr: float) -> Floats:
        m = memory.get("m", 0 * g)
        c = beta1 * m + (1 - beta1) * g
        memory["m"] = beta2 * m + (1 - beta2) * g
        return p - lr * (np.sign(c) + weight_decay * p)

    follow(backend, "lion", rule, beta1=beta1, beta2=beta2, weight_decay=weight_decay)


# -- LAMB --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("beta1", "beta2", "eps"), [(0.9, 0.999, 1e-6), (0.5, 0.8, 0.1)])
@pytest.mark.parametrize("weight_decay", [0.0, 0.2])
def test_lamb_is_algorithm_2(backend: Backend, beta1: float, beta2: float, eps: float, weight_decay: float) -> None:
    def rule(p: Floats, g: Floats, memory: dict[str, Any], t: int, lr: float) -> Floats:
        m = memory["m"] = beta1 * memory.get("m", 0 * g) + (1 - beta1) * g
        v = memory["v"] = beta2 * memory.get("v", 0 * g) + (1 - beta2) * g**2
        r = m / (1 - np.longdouble(beta1) ** t) / (np.sqrt(v / (1 - np.longdouble(beta2) ** t)) + eps)
        direction = r + weight_decay * p
        phi, size = math.sqrt((p**2).sum()), math.sqrt((direction**2).sum())
        return p - lr * (phi / size if phi > 0 and size > 0 else 1.0) * direction

    follow(backend, "lamb", rule, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay)


def test_lamb_scales_arrays_without_decay_too(backend: Backend) -> None:
    p, g = drawn(1), drawn(2)
    mask = {name: name != "matrix" for name in SHAPES}
    masked, _ = backend.lamb_update(p, g, backend.lamb_init(p), weight_decay=0.3, decay_mask=mask)
    free, _ = backend.lamb_update(p, g, backend.lamb_init(p), weight_decay=0.0)
    decayed, _ = backend.lamb_update(p, g, backend.lamb_init(p), weight_decay=0.3)
    for name in SHAPES:
        assert np.array_equal(masked[name], (free if name == "matrix" else decayed)[name])


def test_lamb_steps_are_the_norm_of_the_parameters_times_lr(backend: Backend) -> None:
    p, g = drawn(1), drawn(2)
    new, _ = backend.lamb_update(p, g, backend.lamb_init(p), lr=0.1)
    for name in SHAPES:
        assert math.isclose(np.linalg.norm(new[name] - p[name]), 0.1 * np.linalg.norm(p[name]), rel_tol=1e-12)


# -- Adafactor ---------------------------------------------------------------------------------------------


def adafactor(
    eps1: float, eps2: float, threshold: float, decay_rate: float, beta1: float, weight_decay: float, relative: bool
) -> Rule:
    """Algorithms 4 and 5 with the hyper-parameters of algorithm 6, in sums, as the paper has them."""

    def rms(x: Floats) -> Any:
        return np.sqrt((x**2).sum() / x.size)

    def rule(p: Floats, g: Floats, memory: dict[str, Any], t: int, lr: float) -> Floats:
        rho = min(1e-2, 1 / math.sqrt(t)) if relative else lr
        alpha = max(eps2, rms(p)) * rho
        beta2 = 1 - np.longdouble(t) ** np.longdouble(-decay_rate)
        square = g**2 + eps1
        if g.ndim >= 2:
            square = square.reshape(g.shape[0], -1)
            n, m = square.shape
            r = memory["r"] = beta2 * memory.get("r", np.zeros((n, 1))) + (1 - beta2) * (square @ np.ones((m, 1)))
            c = memory["c"] = beta2 * memory.get("c", np.zeros((1, m))) + (1 - beta2) * (np.ones((1, n)) @ square)
            v = (r @ c / (np.ones((1, n)) @ r)).reshape(g.shape)
        else:
            v = memory["v"] = beta2 * memory.get("v", 0 * g) + (1 - beta2) * square
        u = g / np.sqrt(v)
        u = u / max(1.0, rms(u) / threshold)
        if beta1 > 0:
            u = memory["u"] = beta1 * memory.get("u", 0 * g) + (1 - beta1) * u
        return p - alpha * u - rho * weight_decay * p

    return rule


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"decay_rate": 0.3, "clip_threshold": 0.2},
        {"eps1": 0.1, "eps2": 0.5, "clip_threshold": 3.0},
        {"beta1": 0.7, "weight_decay": 0.2},
    ],
)
def test_adafactor_is_algorithms_4_to_6(backend: Backend, options: dict[str, Any], relative: bool) -> None:
    every = {
        "eps1": 1e-30,
        "eps2": 1e-3,
        "clip_threshold": 1.0,
        "decay_rate": 0.8,
        "beta1": 0.0,
        "weight_decay": 0.0,
        **options,
    }
    rule = adafactor(
        every["eps1"],
        every["eps2"],
        every["clip_threshold"],
        every["decay_rate"],
        every["beta1"],
        every["weight_decay"],
        relative,
    )
    start = {"beta1": every["beta1"]}
    # t^-0.8 by logarithm and exponential: some units in 50 steps
    follow(backend, "adafactor", rule, given_lr=not relative, start=start, tolerance=1e-11, **options)


def test_adafactor_is_torchs_where_no_eps_shows(backend: Backend) -> None:
    """torch takes min(lr, t^-1/2), factors matrices alike, and clamps by eps1 in place of adding it."""
    shapes = {"matrix": (3, 4), "vector": (4,)}
    params: Any = drawn(3, shapes)
    leaves = [torch.tensor(params[name], requires_grad=True) for name in shapes]
    optimizer = torch.optim.Adafactor(leaves, beta2_decay=-0.7, eps=(1e-100, 0.4), d=1.1, weight_decay=0.2)
    state = backend.adafactor_init(params)
    for t in range(STEPS):
        lr = min(rate(t), (t + 1) ** -0.5)
        grads = {name: g * 4.0 ** (t % 3) for name, g in drawn(200 + t, shapes).items()}  # some are clipped
        for group in optimizer.param_groups:
            group["lr"] = lr
        for leaf, name in zip(leaves, shapes, strict=True):
            leaf.grad = torch.tensor(grads[name])
        # torch scales by the RMS before the decay, as the definition does
        optimizer.step()
        params, state = backend.adafactor_update(
            params,
            grads,
            state,
            lr=lr,
            eps1=1e-100,
            eps2=0.4,
            clip_threshold=1.1,
            decay_rate=0.7,
            weight_decay=0.2,
        )
    for leaf, name in zip(leaves, shapes, strict=True):
        np.testing.assert_allclose(params[name], leaf.detach().numpy(), rtol=1e-11)


def test_adafactor_memory_is_rows_and_columns(backend: Backend) -> None:
    params = drawn(0)
    _, state = backend.adafactor_update(params, drawn(1), backend.adafactor_init(params))
    shapes = {name: (state["row_avg_sq"][name].shape, state["col_avg_sq"][name].shape) for name in SHAPES}
    assert shapes == {
        "matrix": ((3,), (4,)),
        "tall": ((5,), (2,)),
        "tensor": ((2,), (3, 2)),
        "vector": ((4,), (0,)),
        "number": ((), (0,)),
    }


def test_adafactor_survives_dead_rows_in_float32() -> None:
    backend = get_backend("numpy")
    g = np.zeros((3, 4), np.float32)
    g[1, 2] = 1e-3
    params = {"w": np.ones((3, 4), np.float32)}
    state = backend.adafactor_init(params)
    for _ in range(5):
        params, state = backend.adafactor_update(params, {"w": g}, state)
    moved = params["w"] != 1.0
    assert np.array_equal(moved, g != 0)
    assert np.isfinite(params["w"]).all()


# -- Muon --------------------------------------------------------------------------------------------------


def newton_schulz(d: Floats, steps: int) -> Floats:
    """By the singular values: the polynomial moves them and nothing else."""
    u, s, vt = np.linalg.svd(d.astype(float), full_matrices=False)
    s = s.astype(np.longdouble) / (np.sqrt((d**2).sum()) + np.longdouble("1e-7"))
    for _ in range(steps):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return np.asarray((u * s.astype(float)) @ vt)


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.95, True), (0.6, False), (0.0, True)])
@pytest.mark.parametrize(("ns_steps", "weight_decay"), [(5, 0.0), (2, 0.2)])
def test_muon_is_the_algorithm(
    backend: Backend, momentum: float, nesterov: bool, ns_steps: int, weight_decay: float
) -> None:
    def rule(p: Floats, g: Floats, memory: dict[str, Any], t: int, lr: float) -> Floats:
        b = memory["b"] = momentum * memory.get("b", 0 * g) + g
        d = (g + momentum * b if nesterov else b).reshape(g.shape[0], -1)
        o = math.sqrt(max(1.0, d.shape[0] / d.shape[1])) * newton_schulz(d, ns_steps)
        return p - lr * weight_decay * p - lr * o.reshape(g.shape)

    # the decomposition is good to some units of the largest singular value
    follow(
        backend,
        "muon",
        rule,
        MATRICES,
        tolerance=1e-10,
        momentum=momentum,
        nesterov=nesterov,
        ns_steps=ns_steps,
        weight_decay=weight_decay,
    )


@pytest.mark.parametrize("nesterov", [False, True])
def test_muon_is_torchs_up_to_bfloat16(backend: Backend, nesterov: bool) -> None:
    shapes = {"wide": (4, 6), "tall": (7, 3)}
    params: Any = drawn(3, shapes)
    leaves = [torch.tensor(params[name], requires_grad=True) for name in shapes]
    optimizer = torch.optim.Muon(leaves, lr=0.02, momentum=0.8, nesterov=nesterov, weight_decay=0.1)
    state = backend.muon_init(params)
    for t in range(3):
        grads = drawn(200 + t, shapes)
        for leaf, name in zip(leaves, shapes, strict=True):
            leaf.grad = torch.tensor(grads[name])
        optimizer.step()
        params, state = backend.muon_update(
            params, grads, state, lr=0.02, momentum=0.8, nesterov=nesterov, weight_decay=0.1
        )
    for leaf, name in zip(leaves, shapes, strict=True):
        np.testing.assert_allclose(params[name], leaf.detach().numpy(), atol=3 * 0.02 * 0.03)


def test_muon_steps_are_nearly_orthogonal(backend: Backend) -> None:
    params = {"wide": np.zeros((8, 20)), "tall": np.zeros((20, 8))}
    grads = drawn(5, {"wide": (8, 20), "tall": (20, 8)})
    new, _ = backend.muon_update(params, grads, backend.muon_init(params), lr=1.0)
    for name, factor in (("wide", 1.0), ("tall", math.sqrt(20 / 8))):
        values = np.linalg.svd(new[name], compute_uv=False) / factor
        assert values.min() > 0.6
        assert values.max() < 1.3


# -- lookahead, averages, accumulation -----------------------------------------------------------------------


@pytest.mark.parametrize(("alpha", "period"), [(0.5, 6), (0.3, 4), (1.0, 1)])
def test_lookahead_is_algorithm_1(backend: Backend, alpha: float, period: int) -> None:
    params: Any = drawn(0)
    state, inner = backend.lookahead_init(params), backend.sgd_init(params, momentum=0.9)
    slow = {name: p.copy() for name, p in params.items()}
    fast = {name: p.copy() for name, p in params.items()}
    velocity = {name: 0 * p for name, p in params.items()}
    for t in range(STEPS):
        grads = gradient(t, SHAPES)
        params, inner = backend.sgd_update(params, grads, inner, lr=rate(t), momentum=0.9)
        params, state = backend.lookahead_update(params, state, alpha=alpha, sync_period=period)
        for name, g in grads.items():
            velocity[name] = 0.9 * velocity[name] + g
            fast[name] = fast[name] - rate(t) * velocity[name]
            if (t + 1) % period == 0:
                slow[name] = (1 - alpha) * slow[name] + alpha * fast[name]
                fast[name] = slow[name].copy()
            np.testing.assert_allclose(params[name], fast[name], rtol=1e-12, atol=1e-14)
            np.testing.assert_allclose(state["slow"][name], slow[name], rtol=1e-12, atol=1e-14)


def test_ema_is_torchs(backend: Backend) -> None:
    params: Any = drawn(0)
    state = backend.ema_init(params)
    average = [torch.tensor(p) for p in params.values()]
    move = torch.optim.swa_utils.get_ema_multi_avg_fn(0.9)
    for t in range(STEPS):
        params = drawn(300 + t)
        state = backend.ema_update(state, params, decay=0.9)
        move(average, [torch.tensor(p) for p in params.values()], t)
    for name, wanted in zip(SHAPES, average, strict=True):
        np.testing.assert_allclose(state["average"][name], wanted.numpy(), rtol=1e-13)


def test_ema_forgets_as_a_geometric_series(backend: Backend) -> None:
    state = backend.ema_init({"w": np.array([1.0])})
    for _ in range(20):
        state = backend.ema_update(state, {"w": np.array([0.0])}, decay=0.75)
    assert math.isclose(state["average"]["w"][0], 0.75**20, rel_tol=1e-13)


def test_ema_in_float32_stays_where_the_parameters_stand_still() -> None:
    backend = get_backend("numpy")
    value = {"w": np.array([0.1, 1 / 3, -7.7], np.float32)}
    state = backend.ema_init(value)
    for _ in range(1000):
        state = backend.ema_update(state, value)
    assert np.array_equal(state["average"]["w"], value["w"])


def test_batches_accumulate_to_the_whole(backend: Backend) -> None:
    """The gradient of a mean loss over all samples, from batches of very different sizes."""
    x, y = np.random.default_rng(1).standard_normal((2, 17, 3))
    w = {"w": np.ones((3, 3))}

    def gradient_of(rows: slice) -> Any:
        def loss(params: Any) -> Any:
            error = backend.xp.matmul(backend.asarray(x[rows]), params["w"]) - backend.asarray(y[rows])
            return backend.xp.sum(error * error) / float(len(x[rows]))

        return backend.value_and_grad(loss)(w)[1]

    state = backend.accumulation_init(w)
    for rows in (slice(0, 1), slice(1, 1), slice(1, 12), slice(12, 17)):
        count = len(x[rows])
        grads = gradient_of(rows) if count else {"w": np.full((3, 3), np.nan)}
        state = backend.accumulation_update(state, grads, count=np.array(count, np.int32) if count % 2 else count)
    np.testing.assert_allclose(backend.accumulation_mean(state)["w"], gradient_of(slice(0, 17))["w"], rtol=1e-13)


# -- compiled ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lion", "lamb", "adafactor", "muon"])
def test_an_update_is_traced_once_for_all_steps_and_rates(name: str) -> None:
    backend = get_backend("jax")
    host = drawn(0, MATRICES)
    params: Any = {leaf: backend.asarray(p) for leaf, p in host.items()}
    grads: Any = {leaf: backend.asarray(p) for leaf, p in drawn(1, MATRICES).items()}
    traces = []

    def step(p: Any, g: Any, s: Any, lr: Any) -> Any:
        traces.append(1)
        return getattr(backend, f"{name}_update")(p, g, s, lr=lr)

    compiled, state = backend.compile(step), getattr(backend, f"{name}_init")(params)
    for t in range(3):
        params, state = compiled(params, grads, state, backend.asarray(rate(7 * t)))
    assert len(traces) == 1
    assert int(state["step"]) == 3


def test_lookahead_and_averages_are_traced_once() -> None:
    backend = get_backend("jax")
    params: Any = {"w": backend.asarray([1.0, 2.0])}
    traces = []

    def step(p: Any, slow: Any, average: Any) -> Any:
        traces.append(1)
        moved, slow = backend.lookahead_update({"w": p["w"] + 1.0}, slow, sync_period=2)
        return moved, slow, backend.ema_update(average, moved, decay=0.5)

    compiled = backend.compile(step)
    slow, average = backend.lookahead_init(params), backend.ema_init(params)
    for _ in range(4):
        params, slow, average = compiled(params, slow, average)
    assert len(traces) == 1
    assert backend.to_numpy(params["w"]).tolist() == [3.0, 4.0]
