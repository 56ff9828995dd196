"""Optimizers as objects: each is its operation with the options it was made with."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import numpy as np
import optree
import pytest

import nnspec
from nnspec import optim
from nnspec.errors import ArgumentError, DTypeError, NnspecError

B: Any = nnspec.get_backend("numpy")
DECAY: dict[str, Any] = {"weight_decay": 0.1, "decay_mask": optim.no_bias_or_norm}
#: every class, with options that are none of the defaults
MADE: dict[str, tuple[Any, dict[str, Any]]] = {
    "sgd": (optim.SGD, {"lr": 0.3, "momentum": 0.5, "nesterov": True, "l2": 0.1, **DECAY}),
    "rmsprop": (
        optim.RMSprop,
        {"lr": 0.3, "alpha": 0.5, "eps": 0.1, "momentum": 0.5, "centered": True, "l2": 0.1, **DECAY},
    ),
    "adagrad": (optim.Adagrad, {"lr": 0.3, "initial_accumulator": 0.5, "eps": 0.1, "l2": 0.1, **DECAY}),
    "adadelta": (optim.Adadelta, {"lr": 0.3, "rho": 0.5, "eps": 0.1, "l2": 0.1, **DECAY}),
    "rprop": (
        optim.Rprop,
        {"initial_step": 0.3, "eta_minus": 0.25, "eta_plus": 1.5, "min_step": 0.2, "max_step": 0.35},
    ),
    "adam": (optim.Adam, {"lr": 0.3, "beta1": 0.5, "beta2": 0.7, "eps": 0.1, "l2": 0.1}),
    "adamw": (optim.AdamW, {"lr": 0.3, "beta1": 0.5, "beta2": 0.7, "eps": 0.1, **DECAY}),
    "amsgrad": (optim.AMSGrad, {"lr": 0.3, "beta1": 0.5, "beta2": 0.7, "eps": 0.1, "l2": 0.1, **DECAY}),
    "adamax": (optim.Adamax, {"lr": 0.3, "beta1": 0.5, "beta2": 0.7, "eps": 0.1, "l2": 0.1, **DECAY}),
    "nadam": (
        optim.NAdam,
        {"lr": 0.3, "beta1": 0.5, "beta2": 0.7, "eps": 0.1, "momentum_decay": 0.5, "l2": 0.1, **DECAY},
    ),
    "radam": (optim.RAdam, {"lr": 0.3, "beta1": 0.5, "beta2": 0.7, "eps": 0.1, "l2": 0.1, **DECAY}),
    "lion": (optim.Lion, {"lr": 0.3, "beta1": 0.5, "beta2": 0.7, **DECAY}),
    "lamb": (optim.Lamb, {"lr": 0.3, "beta1": 0.5, "beta2": 0.7, "eps": 0.1, **DECAY}),
    "adafactor": (
        optim.Adafactor,
        {
            "lr": 0.3,
            "eps1": 0.1,
            "eps2": 0.5,
            "clip_threshold": 0.5,
            "decay_rate": 0.5,
            "beta1": 0.5,
            **DECAY,
        },
    ),
    "muon": (optim.Muon, {"lr": 0.3, "momentum": 0.5, "nesterov": False, "ns_steps": 3, **DECAY}),
}
OURS = {"backend", "clip_value", "clip_norm", "clip_global_norm", "mask", "adamw", "_others"}
PARAMS = {"w": B.asarray([[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]]), "v": B.asarray([[2.0, 1.0], [0.5, -1.0]])}
RATES = optim.ExponentialSchedule(B, lr=0.3, gamma=0.5)
INSIDE = [*MADE, "lookahead"]


def gradient(t: int, params: Any = PARAMS) -> Any:
    generator = np.random.default_rng(t)
    return optree.tree_map(lambda p: B.asarray(generator.normal(size=p.shape)), params)


def options_of(operation: str) -> dict[str, Any]:
    parameters = [
        p
        for part in ("init", "update")
        for p in inspect.signature(getattr(B, f"{operation}_{part}")).parameters.values()
    ]
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def assert_equal(got: Any, wanted: Any) -> None:
    assert optree.tree_structure(got) == optree.tree_structure(wanted)
    for a, b in zip(optree.tree_leaves(got), optree.tree_leaves(wanted), strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


def followed(optimizer: Any, steps: int = 4, params: Any = PARAMS) -> Any:
    state = optimizer.init(params)
    for t in range(steps):
        params, state = optimizer.update(params, gradient(t, params), state)
    return params, state


def made(name: str, backend: Any = B, **more: Any) -> Any:
    if name == "lookahead":
        return optim.Lookahead(made("adam", backend, **more), alpha=0.25, sync_period=2)
    make, options = MADE[name]
    return make(backend, **{**options, **more})


# -- one operation -----------------------------------------------------------------------------------------


def test_every_optimizer_has_a_class() -> None:
    around = {"lookahead", "ema", "accumulation", "loss_scaling"}
    assert set(MADE) | around == {name.removesuffix("_init") for name in B.operations() if name.endswith("_init")}


@pytest.mark.parametrize("operation", MADE)
def test_a_class_has_the_options_and_defaults_of_its_operation(operation: str) -> None:
    found = {f.name: f.default for f in dataclasses.fields(MADE[operation][0]) if f.name not in OURS}
    assert found == options_of(operation)
    assert set(MADE[operation][1]) == set(found), "an option of which no test here has another value"
    assert all(found[name] != value for name, value in MADE[operation][1].items())


@pytest.mark.parametrize("operation", [name for name in MADE if name != "muon"])
def test_an_optimizer_is_its_operation(operation: str) -> None:
    options = dict(MADE[operation][1])
    init, update = getattr(B, f"{operation}_init"), getattr(B, f"{operation}_update")
    if "decay_mask" in options:
        options["decay_mask"] = {"w": True, "v": True}
    start = {name: options[name] for name in inspect.signature(init).parameters if name in options}
    step = {name: options[name] for name in inspect.signature(update).parameters if name in options}
    params, state = PARAMS, init(PARAMS, **start)
    for t in range(4):
        params, state = update(params, gradient(t), state, **step)
    assert_equal(followed(made(operation)), (params, state))
    assert made(operation) == made(operation)


@pytest.mark.parametrize("operation", [name for name in MADE if name not in ("muon", "rprop")])
def test_a_schedule_gives_the_rate_of_the_update(operation: str) -> None:
    params, state = PARAMS, made(operation).init(PARAMS)
    for t in range(3):
        params, state = made(operation, lr=float(RATES(t))).update(params, gradient(t), state)
    got = followed(made(operation, lr=RATES), 3)
    for a, b in zip(optree.tree_leaves(got), optree.tree_leaves((params, state)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize(
    ("option", "clip"),
    [
        ("clip_value", lambda g: B.clip_by_value(g, max_value=0.25)),
        ("clip_norm", lambda g: B.clip_by_norm(g, max_norm=0.25)),
        ("clip_global_norm", lambda g: B.clip_by_global_norm(g, max_norm=0.25)[0]),
    ],
)
@pytest.mark.parametrize("operation", ["sgd", "muon"])
def test_gradients_are_clipped_before_everything_else(operation: str, option: str, clip: Any) -> None:
    params = {**PARAMS, "b": B.asarray([2.0])}
    plain, clipping = made(operation), made(operation, **{option: 0.25})
    state = plain.init(params)
    wanted = plain.update(params, clip(gradient(0, params)), state)
    assert_equal(clipping.update(params, gradient(0, params), state), wanted)
    unclipped = plain.update(params, gradient(0, params), state)
    pairs = zip(optree.tree_leaves(unclipped), optree.tree_leaves(wanted), strict=True)
    assert not all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("operation", INSIDE)
def test_a_compiled_update_with_a_schedule_is_the_eager_one(operation: str, name: str) -> None:
    backend: Any = nnspec.get_backend(name)
    more: Any = {"clip_norm": 1.0}
    if operation != "rprop":
        more["lr"] = optim.ExponentialSchedule(backend, lr=0.3, gamma=0.5)
    host = {"w": PARAMS["w"], "b": B.asarray([0.5, -0.5])}
    params = optree.tree_map(backend.asarray, host)
    optimizer = made(operation, backend, **more)
    state, eager = optimizer.init(params), (params, optimizer.init(params))
    step = backend.compile(optimizer.update, donate=(0, 2))
    params = optree.tree_map(backend.asarray, host)
    for t in range(3):
        grads = optree.tree_map(backend.asarray, gradient(t, host))
        eager = optimizer.update(eager[0], grads, eager[1])
        params, state = step(params, grads, state)
    wanted, found = optree.tree_leaves(eager), optree.tree_leaves((params, state))
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(backend.to_numpy(a), backend.to_numpy(b), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: optim.SGD(B, lr=-0.1), ArgumentError, "lr: expected a finite number >= 0"),
        (lambda: optim.SGD(B, nesterov=True), ArgumentError, "nesterov: expected False without momentum"),
        (lambda: optim.AdamW(B, beta2=1.0), ArgumentError, "beta2: expected a finite number"),
        (lambda: optim.Adagrad(B, initial_accumulator=-1.0), ArgumentError, "initial_accumulator: expected"),
        (lambda: optim.Muon(B, ns_steps=0.5), ArgumentError, "ns_steps: expected an integer"),
        (lambda: optim.Muon(B, adamw=optim.SGD(B)), ArgumentError, "adamw: expected None or an AdamW, got SGD"),
        (lambda: optim.Adafactor(B, eps1=-1.0), ArgumentError, "eps1: expected"),
        (lambda: optim.SGD(B, clip_norm=0.0), ArgumentError, "clip_norm: expected a finite number > 0, got 0.0"),
        (
            lambda: optim.SGD(B, clip_norm=1.0, clip_global_norm=2.0),
            ArgumentError,
            "clip_global_norm: expected None beside clip_norm, got 2.0",
        ),
        (lambda: optim.Lookahead(optim.SGD(B), alpha=0.0), ArgumentError, "alpha: expected"),
        (lambda: optim.Lookahead(B), ArgumentError, "optimizer: expected an optimizer of nnspec.optim, got Numpy"),
        (lambda: optim.EMA(B, decay=1.0), ArgumentError, "decay: expected"),
        (lambda: optim.AdamW(B, decay_mask={"w": True}).init(PARAMS), ArgumentError, "decay_mask: expected the struct"),
        (lambda: optim.AdamW(B, decay_mask={"w": 1, "v": True}).init(PARAMS), ArgumentError, "decay_mask: .*got 1"),
        (lambda: optim.SGD(B, lr=RATES).update(PARAMS, PARAMS, ()), ArgumentError, "state: expected what init or"),
        (lambda: optim.SGD(B).update(PARAMS, PARAMS, ()), ArgumentError, "state: expected the entries step"),
        (lambda: optim.SGD(B).init({}), ArgumentError, "params: expected a pytree of at least one array"),
        (lambda: optim.Muon(B).init({}), ArgumentError, "params: expected a pytree of at least one array"),
        (lambda: optim.Muon(B).init({"n": B.asarray([[1]])}), DTypeError, r"params\['n'\]: expected a floating"),
        (lambda: optim.Muon(B, mask={"w": True}).init(PARAMS), ArgumentError, "mask: expected the structure of params"),
        (
            lambda: optim.Muon(B).update(PARAMS, PARAMS, optim.Adam(B).init(PARAMS)),
            ArgumentError,
            "state: expected the entries muon, step, as init makes them, got exp_avg, exp_avg_sq, step",
        ),
        (
            lambda: optim.Muon(B).update(PARAMS, {}, optim.Muon(B).init(PARAMS)),
            ArgumentError,
            "grads: expected the stru",
        ),
        (lambda: optim.Lookahead(optim.SGD(B)).update(PARAMS, PARAMS, {}), ArgumentError, "lookahead, optimizer, as"),
    ],
)
def test_what_is_wrong_is_said_as_early_as_it_is_known(make: Any, error: type[NnspecError], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


# -- Muon and its AdamW ------------------------------------------------------------------------------------

MIXED = {
    "embedding": B.asarray([[0.5, 1.5], [1.0, -1.0]]),
    "layers": [{"w": PARAMS["w"], "b": B.asarray([0.5, 1.0])}],
    "scale": B.asarray(2.0),
}
ADAMW = {"lr": 0.1, "weight_decay": 0.5}


def test_muon_takes_matrices_and_adamw_the_others() -> None:
    muon = optim.Muon(B, **MADE["muon"][1], adamw=optim.AdamW(B, **ADAMW))
    params, state = followed(muon, params=MIXED)
    matrices, rest = {"e": MIXED["embedding"], "w": PARAMS["w"]}, {"b": MIXED["layers"][0]["b"], "s": MIXED["scale"]}
    options = {**MADE["muon"][1], "decay_mask": None}
    first, second = B.muon_init(matrices), B.adamw_init(rest)
    for t in range(4):
        g = gradient(t, MIXED)
        matrices, first = B.muon_update(matrices, {"e": g["embedding"], "w": g["layers"][0]["w"]}, first, **options)
        rest, second = B.adamw_update(rest, {"b": g["layers"][0]["b"], "s": g["scale"]}, second, **ADAMW)
    wanted = {"embedding": matrices["e"], "layers": [{"w": matrices["w"], "b": rest["b"]}], "scale": rest["s"]}
    assert_equal(params, wanted)
    assert int(state["step"]) == 4
    assert optree.tree_structure(state) == optree.tree_structure(muon.init(MIXED))
    assert optree.tree_leaves(state["muon"]["momentum"])[0].shape == (2, 2)
    assert state["adamw"]["exp_avg"]["embedding"] is None


def test_a_mask_sends_matrices_to_adamw_too() -> None:
    def mask(params: Any) -> Any:
        return {**optree.tree_map(lambda _: True, params), "embedding": False}

    decays = {"embedding": False, "layers": [{"w": False, "b": True}], "scale": False}
    adamw = optim.AdamW(B, **ADAMW, decay_mask=decays, clip_value=0.5)
    muon = optim.Muon(B, lr=0.3, weight_decay=0.5, decay_mask=decays, mask=mask, adamw=adamw)
    params, _ = followed(muon, params=MIXED)
    rest = {"b": MIXED["layers"][0]["b"], "e": MIXED["embedding"], "s": MIXED["scale"]}
    state, wanted = B.adamw_init(rest), {"w": PARAMS["w"]}
    moments = B.muon_init(wanted)
    for t in range(4):
        g = gradient(t, MIXED)
        grads = B.clip_by_value({"b": g["layers"][0]["b"], "e": g["embedding"], "s": g["scale"]}, max_value=0.5)
        rest, state = B.adamw_update(rest, grads, state, **ADAMW, decay_mask={"b": True, "e": False, "s": False})
        wanted, moments = B.muon_update(wanted, {"w": g["layers"][0]["w"]}, moments, lr=0.3)
    assert_equal(params, {"embedding": rest["e"], "layers": [{"w": wanted["w"], "b": rest["b"]}], "scale": rest["s"]})


def test_muon_without_matrices_and_without_others() -> None:
    assert sorted(optim.Muon(B).init(PARAMS)) == ["muon", "step"]
    bias = {"b": B.asarray([1.0])}
    assert sorted(optim.Muon(B).init(bias)) == ["adamw", "step"]
    assert_equal(followed(optim.Muon(B), params=bias)[0], followed(optim.AdamW(B), params=bias)[0])
    followed(optim.Muon(B, lr=RATES), params=PARAMS)


# -- what goes around --------------------------------------------------------------------------------------


def test_lookahead_goes_around_any_optimizer() -> None:
    inner = made("adam")
    params, state = PARAMS, inner.init(PARAMS)
    slow = B.lookahead_init(PARAMS)
    for t in range(4):
        params, state = inner.update(params, gradient(t), state)
        params, slow = B.lookahead_update(params, slow, alpha=0.25, sync_period=2)
    assert_equal(followed(made("lookahead")), (params, {"optimizer": state, "lookahead": slow}))
    twice = optim.Lookahead(made("lookahead"), sync_period=3)
    assert twice.backend is B
    followed(twice)


def test_an_average_is_its_operation() -> None:
    mask = {"w": True, "v": False}
    for averaged in (mask, lambda _: mask):
        ema = optim.EMA(B, decay=0.5, averaged=averaged)
        state, wanted = ema.init(PARAMS), B.ema_init(PARAMS)
        for t in range(3):
            state = ema.update(state, gradient(t))
            wanted = B.ema_update(wanted, gradient(t), decay=0.5, averaged=mask)
        assert_equal(state, wanted)
        np.testing.assert_array_equal(state["average"]["v"], gradient(2)["v"])


def test_accumulated_batches_are_the_whole() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 7, 3))
    batches = [(B.asarray(x[i:j]), B.asarray(y[i:j])) for i, j in ((0, 3), (3, 4), (4, 7))]
    loss = B.value_and_grad(lambda p, x, y: B.mean_squared_error(B.linear(x, p["w"]), y))
    params = {"w": B.asarray(np.random.default_rng(1).normal(size=(3, 3)))}
    accumulator = optim.GradientAccumulator(B)
    state = accumulator.init(params)
    for x_, y_ in batches:
        state = accumulator.update(state, loss(params, x_, y_)[1], count=x_.shape[0])
    np.testing.assert_allclose(
        accumulator.mean(state)["w"], loss(params, B.asarray(x), B.asarray(y))[1]["w"], rtol=1e-5
    )


def test_the_mask_goes_by_the_rank() -> None:
    params = {"norm": [B.asarray([1.0])], "kernel": B.asarray([[[1.0]]]), "none": None, "scale": B.asarray(1.0)}
    mask = optim.no_bias_or_norm(params)
    assert mask == {"norm": [False], "kernel": True, "none": None, "scale": False}
    new, _ = optim.SGD(B, lr=1.0, weight_decay=0.5, decay_mask=mask).update(
        params, optree.tree_map(B.xp.zeros_like, params), optim.SGD(B).init(params)
    )
    assert [float(new[name].sum()) for name in ("kernel", "scale")] == [0.5, 1.0]
    assert float(B.l2_penalty(params, l2=1.0, mask=mask)) == 1.0
