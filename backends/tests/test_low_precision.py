"""float16 and bfloat16, on every backend alike: one widening, one rounding, and what stays in float32."""

# ruff: noqa: N803

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ml_dtypes  # noqa: F401 - makes NumPy know bfloat16
import numpy as np
import optree
import pytest

import nnspec
from nnspec import Backend, optim
from nnspec.errors import ArgumentError, DTypeError

NAMES = ("numpy", "torch", "jax")
LOW = ("float16", "bfloat16")
WIDE: dict[str, Backend] = {name: nnspec.get_backend(name) for name in NAMES}
BACKENDS: dict[tuple[str, str], Backend] = {
    (name, dtype): nnspec.get_backend(name, dtype=dtype) for name in NAMES for dtype in LOW
}


@pytest.fixture(params=BACKENDS, ids="-".join)
def B(request: pytest.FixtureRequest) -> Backend:  # noqa: N802
    return BACKENDS[request.param]


def finite(dtype: str) -> Any:
    """Every finite number of the dtype."""
    every = np.arange(1 << 16, dtype=np.uint16).view(dtype)
    return every[np.isfinite(every.astype(np.float32))]


def name_of(backend: Backend, x: Any) -> str:
    return str(backend.to_numpy(x).dtype)


def grid(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


# -- arrays ------------------------------------------------------------------------------------------------------


def test_every_number_comes_back_to_the_bit(B: Backend) -> None:
    every = np.arange(1 << 16, dtype=np.uint16).view(B.dtype)
    back = B.to_numpy(B.asarray(every, dtype=B.dtype))
    assert back.dtype == every.dtype
    numbers = ~np.isnan(every.astype(np.float32))
    assert back.view(np.uint16)[numbers].tolist() == every.view(np.uint16)[numbers].tolist()
    assert np.isnan(back.astype(np.float32))[~numbers].all()


def test_arrays_are_made_in_the_dtype_of_the_backend(B: Backend) -> None:
    x = B.asarray([0.1, 1 / 3, 70000.0])
    with np.errstate(over="ignore"):
        expected = np.array([0.1, 1 / 3, 70000.0], np.float32).astype(B.dtype)
    assert np.array_equal(B.to_numpy(x), expected)
    assert B.is_floating(x)
    assert name_of(B, B.asarray(x, dtype="float32")) == "float32"
    assert name_of(B, B.asarray(WIDE[B.name].asarray([0.5]))) == B.dtype
    assert name_of(B, B.asarray([1, 2])) == name_of(WIDE[B.name], WIDE[B.name].asarray([1, 2]))


def test_the_other_dtypes_are_offered_too(B: Backend) -> None:
    for dtype in (*LOW, "float32"):
        assert name_of(B, B.asarray([1.5], dtype=dtype)) == dtype


# -- one widening, one rounding ------------------------------------------------------------------------------------

NESTED: dict[str, Callable[[Any, Any], Any]] = {
    "mish": lambda b, x: b.mish(x),
    "tanhshrink": lambda b, x: b.tanhshrink(x),
    "swiglu": lambda b, x: b.swiglu(b.xp.stack([x, x], axis=-1)),
}


@pytest.mark.parametrize("operation", NESTED)
def test_an_operation_of_operations_rounds_once(B: Backend, operation: str) -> None:
    wide, run = WIDE[B.name], NESTED[operation]
    x = finite(B.dtype)
    with np.errstate(all="ignore"):
        got = B.to_numpy(run(B, B.asarray(x)))
        expected = wide.to_numpy(run(wide, wide.asarray(x.astype(np.float32)))).astype(B.dtype)
    assert np.array_equal(got.astype(np.float32), expected.astype(np.float32), equal_nan=True)


def test_rounding_in_between_would_have_been_seen(B: Backend) -> None:
    x = finite(B.dtype)
    x = x[abs(x.astype(np.float32)) < 8]
    once = B.to_numpy(B.tanhshrink(B.asarray(x))).astype(np.float64)
    rounded = B.to_numpy(B.tanh(B.asarray(x))).astype(np.float64)
    twice = (x.astype(np.float64) - rounded).astype(B.dtype).astype(np.float64)
    true = x.astype(np.float64) - np.tanh(x.astype(np.float64))
    large = abs(true) > 1e-2
    assert np.mean((once != twice)[large]) > 0.1
    spacing = np.spacing(abs(true[large]).astype(B.dtype)).astype(np.float64)
    assert np.max(abs(once - true)[large] / spacing) < 0.51
    assert np.max(abs(twice - true)[large] / spacing) > 1


def test_sums_are_float32(B: Backend) -> None:
    """4096 ones and a half: in bfloat16 the sum stops at 256, in float16 at 2048."""
    ones = B.asarray(np.ones((1, 4096)))
    assert float(B.to_numpy(B.linear(ones, ones))[0, 0]) == 4096.0
    assert float(B.to_numpy(B.global_avg_pool(B.asarray(np.ones((1, 1, 4096)))))[0, 0]) == 1.0
    scores = B.to_numpy(B.softmax(B.asarray(np.zeros(4096))))
    assert (scores.astype(np.float64) == 2.0**-12).all()


def test_what_would_overflow_in_float16_inside_does_not(B: Backend) -> None:
    x = B.asarray([300.0, -400.0, 500.0, 350.0])
    y = B.to_numpy(B.layer_norm(x)).astype(np.float64)
    host = np.array([300.0, -400.0, 500.0, 350.0])
    np.testing.assert_allclose(y, (host - host.mean()) / host.std(), rtol=0.01)
    assert np.isfinite(float(B.to_numpy(B.mean_squared_error(x, B.asarray(np.zeros(4)), reduction="mean")))) == (
        B.dtype == "bfloat16"  # the result itself is beyond float16
    )


# -- gradients -----------------------------------------------------------------------------------------------------


def loss(backend: Backend, x: Any, labels: Any) -> Callable[[Any], Any]:
    def of(params: Any) -> Any:
        hidden = backend.gelu(backend.linear(x, params["w"], params["b"]))
        return backend.cross_entropy(backend.linear(hidden, params["v"]), labels)

    return of


def test_gradients_are_of_the_dtype_of_what_they_belong_to(B: Backend) -> None:
    x, labels = B.asarray(grid(0, 6, 5)), B.asarray([0, 1, 2, 0, 1, 2])
    params = {name: B.asarray(grid(i, *shape)) for i, (name, shape) in enumerate(SHAPES.items())}
    value, gradient = B.value_and_grad(loss(B, x, labels))(params)
    assert name_of(B, value) == B.dtype
    wide = WIDE[B.name]
    single = optree.tree_map(lambda p: wide.asarray(B.to_numpy(p).astype(np.float32)), params)
    expected = wide.value_and_grad(loss(wide, wide.asarray(B.to_numpy(x).astype(np.float32)), labels))(single)[1]
    eps = 2.0**-8 if B.dtype == "bfloat16" else 2.0**-11
    for name, g in gradient.items():
        assert name_of(B, g) == B.dtype
        true = wide.to_numpy(expected[name]).astype(np.float64)
        assert np.max(abs(B.to_numpy(g).astype(np.float64) - true)) < 8 * eps * np.max(abs(true))


SHAPES = {"w": (4, 5), "b": (4,), "v": (3, 4)}


def test_a_gradient_of_many_terms_adds_up_in_float32(B: Backend) -> None:
    """That of a bias over 4096 rows, each 1, and that of a row of a table looked up 4096 times."""
    zero = B.asarray(np.zeros((4096, 1)))

    def biased(params: Any) -> Any:
        return B.linear(zero, B.asarray(np.zeros((1, 1))), params)

    ones = B.asarray(np.ones((4096, 1)))
    assert B.to_numpy(B.vjp(biased, B.asarray([0.0]))[1](ones)[0]).tolist() == [4096.0]
    indices = B.asarray(np.zeros(4096, np.int32))
    table = B.asarray(np.zeros((2, 1)))
    pulled = B.vjp(lambda t: B.embedding(indices, t), table)[1](ones)[0]
    assert B.to_numpy(pulled).tolist() == [[4096.0], [0.0]]


# -- dtypes that do not go together --------------------------------------------------------------------------------

CALLS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "linear": lambda b, low, wide: b.linear(low((2, 3)), wide((4, 3))),
    "linear the other way": lambda b, low, wide: b.linear(wide((2, 3)), low((4, 3))),
    "bias": lambda b, low, wide: b.linear(low((2, 3)), low((4, 3)), wide((4,))),
    "conv": lambda b, low, wide: b.conv(low((1, 2, 5)), wide((3, 2, 3))),
    "layer_norm": lambda b, low, wide: b.layer_norm(low((2, 3)), wide((3,))),
    "attention": lambda b, low, wide: b.scaled_dot_product_attention(
        low((1, 1, 2, 4)), wide((1, 1, 2, 4)), low((1, 1, 2, 4))
    ),
    "loss": lambda b, low, wide: b.mean_squared_error(low((3,)), wide((3,))),
    "running statistics": lambda b, low, wide: b.batch_norm(low((2, 3)), low((3,)), wide((3,)), training=True),
    "running variance": lambda b, low, wide: b.batch_norm(low((2, 3)), wide((3,)), low((3,)), training=True),
}


@pytest.mark.parametrize("dtype", LOW)
@pytest.mark.parametrize("call", CALLS)
def test_mixed_dtypes_raise_with_the_same_words(call: str, dtype: str) -> None:
    said = set()
    for name in NAMES:
        backend = BACKENDS[name, dtype]
        with pytest.raises(DTypeError) as caught:
            CALLS[call](
                backend,
                lambda shape, b=backend: b.asarray(np.ones(shape)),
                lambda shape, b=backend: b.asarray(np.ones(shape), dtype="float32"),
            )
        said.add(str(caught.value))
    (words,) = said
    assert dtype in words
    assert "float32" in words
    assert "torch." not in words


def test_two_low_dtypes_do_not_go_together(B: Backend) -> None:
    other = next(dtype for dtype in LOW if dtype != B.dtype)
    with pytest.raises(DTypeError, match=rf"^weight: expected the dtype of x \({B.dtype}\), got {other}$"):
        B.linear(B.asarray(np.ones((2, 3))), B.asarray(np.ones((4, 3)), dtype=other))


# -- what stays in float32 -----------------------------------------------------------------------------------------


def test_running_statistics_are_float32(B: Backend) -> None:
    mean, variance = (B.asarray(np.full(3, v), dtype="float32") for v in (0.1, 0.7))
    y, *new = B.batch_norm(B.asarray(grid(0, 8, 3)), mean, variance, training=True, decay=0.999)
    assert [name_of(B, r) for r in (y, *new)] == [B.dtype, "float32", "float32"]
    assert all(0 < np.max(abs(B.to_numpy(n) - old)) < 2e-3 for n, old in zip(new, (0.1, 0.7), strict=True))


def test_metrics_and_schedules_are_float32(B: Backend) -> None:
    scores, labels = B.asarray(grid(0, 3, 4)), B.asarray([1, 2, 3])
    assert name_of(B, B.accuracy(scores, labels)) == "float32"
    assert name_of(B, B.mean(B.asarray([0.1, 0.2]), B.asarray([1.0, 1.0]))) == "float32"
    rate = B.cosine_schedule(B.asarray(1), lr=0.1, total_steps=1000)
    assert name_of(B, rate) == "float32"
    expected = WIDE[B.name].cosine_schedule(WIDE[B.name].asarray(1), lr=0.1, total_steps=1000)
    assert float(B.to_numpy(rate)) == float(WIDE[B.name].to_numpy(expected))


@pytest.mark.parametrize("dtype", [None, *LOW])
def test_initializers_stay_within_their_bounds(B: Backend, dtype: str | None) -> None:
    made = B.init_uniform(B.key(1), (30000,), low=0.0, high=1.0, dtype=dtype)
    assert name_of(B, made) == (dtype or B.dtype)
    host = B.to_numpy(made).astype(np.float64)
    assert host.min() >= 0
    assert host.max() < 1
    bounded = B.to_numpy(B.init_truncated_normal(B.key(1), (3000,), std=1.0, low=-1 / 3, high=1 / 3, dtype=dtype))
    assert np.max(abs(bounded.astype(np.float64))) <= 1 / 3


@pytest.mark.parametrize("dtype", [None, *LOW])
def test_uniform_numbers_are_cut_off_and_never_1(B: Backend, dtype: str | None) -> None:
    made = B.random_uniform(B.key(1), (30000,), dtype=dtype)
    assert name_of(B, made) == (dtype or B.dtype)
    numpy = BACKENDS["numpy", B.dtype]
    assert np.array_equal(B.to_numpy(made), numpy.to_numpy(numpy.random_uniform(numpy.key(1), (30000,), dtype=dtype)))
    digits = 8 if (dtype or B.dtype) == "bfloat16" else 11
    single = WIDE["numpy"].to_numpy(WIDE["numpy"].random_uniform(WIDE["numpy"].key(1), (30000,)))
    assert np.array_equal(B.to_numpy(made).astype(np.float32), np.floor(single * 2.0**digits) * 2.0**-digits)


# -- optimizers ----------------------------------------------------------------------------------------------------


def descend(backend: Backend, optimizer: str, params: Any, grads: Any, steps: int, **options: Any) -> Any:
    state = getattr(backend, f"{optimizer}_init")(params)
    update = backend.compile(lambda p, g, s: getattr(backend, f"{optimizer}_update")(p, g, s, **options), donate=(0, 2))
    for _ in range(steps):
        params, state = update(params, grads, state)
    return params, state


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_300_steps_of_a_ten_thousandth_add_up(B: Backend, optimizer: str) -> None:
    ones = B.asarray(np.ones(3))
    params, state = descend(B, optimizer, {"w": ones}, {"w": B.asarray(np.ones(3))}, 300, lr=1e-4)
    expected = float(np.float32(0.97).astype(B.dtype))
    assert name_of(B, params["w"]) == B.dtype
    assert name_of(B, state["master"]["w"]) == "float32"
    np.testing.assert_allclose(B.to_numpy(state["master"]["w"]), 0.97, rtol=1e-4)
    assert B.to_numpy(params["w"]).astype(np.float64).tolist() == [expected] * 3


def test_states_are_float32(B: Backend) -> None:
    params = {"w": B.asarray(grid(0, 3, 2))}
    state = B.adam_init(params)
    assert sorted(state) == ["exp_avg", "exp_avg_sq", "master", "step"]
    _, state = B.adam_update(params, params, state)
    for entry in ("exp_avg", "exp_avg_sq", "master"):
        assert name_of(B, state[entry]["w"]) == "float32"
    ema = B.ema_update(B.ema_init(params), params)
    assert name_of(B, ema["average"]["w"]) == "float32"
    total = B.accumulation_update(B.accumulation_init(params), params, count=3)
    assert name_of(B, total["total"]["w"]) == name_of(B, B.accumulation_mean(total)["w"]) == "float32"


def test_a_parameter_changed_from_outside_is_taken_over(B: Backend) -> None:
    params, grads = {"w": B.asarray([1.0, -2.0, 3.0])}, {"w": B.asarray([1.0, 1.0, 1.0])}
    params, state = B.sgd_update(params, grads, B.sgd_init(params), lr=1e-4)
    params = {"w": B.non_negative_constraint(params["w"])}
    params, state = B.sgd_update(params, grads, state, lr=1e-4)
    host = B.to_numpy(state["master"]["w"]).astype(np.float64)
    np.testing.assert_allclose(host, [1 - 2e-4, -1e-4, 3 - 2e-4], atol=1e-6)
    assert B.to_numpy(params["w"]).astype(np.float64)[1] == pytest.approx(-1e-4, rel=0.01)


def test_trees_may_hold_both_dtypes(B: Backend) -> None:
    params = {"w": B.asarray(np.ones(3)), "scale": B.asarray(np.ones(3), dtype="float32")}
    grads = {"w": B.asarray(np.ones(3)), "scale": B.asarray(np.ones(3), dtype="float32")}
    state = B.sgd_init(params)
    assert state["master"]["scale"] is not params["scale"]
    params, state = descend(B, "sgd", params, grads, 300, lr=1e-4)
    assert name_of(B, params["scale"]) == "float32"
    np.testing.assert_allclose(B.to_numpy(params["scale"]), 0.97, rtol=1e-5)
    np.testing.assert_array_equal(B.to_numpy(state["master"]["scale"]), B.to_numpy(params["scale"]))


def test_donated_steps_are_those_of_plain_ones(B: Backend) -> None:
    def start() -> Any:
        return {"w": B.asarray(grid(0, 3, 2)), "b": B.asarray(grid(1, 4))}

    grads = {"w": B.asarray(grid(2, 3, 2)), "b": B.asarray(grid(3, 4))}
    params, state = start(), B.adam_init(start())
    for _ in range(5):
        params, state = B.adam_update(params, grads, state, lr=0.01)
    donated, donated_state = descend(B, "adam", start(), grads, 5, lr=0.01)
    for a, b in zip(optree.tree_leaves((params, state)), optree.tree_leaves((donated, donated_state)), strict=True):
        host, other = B.to_numpy(a).astype(np.float64), B.to_numpy(b).astype(np.float64)
        np.testing.assert_allclose(host, other, rtol=2e-6 if name_of(B, a) == "float32" else 1e-2)


def test_a_state_of_float32_parameters_is_refused(B: Backend) -> None:
    params = {"w": B.asarray([1.0])}
    wide = {"w": B.asarray([1.0], dtype="float32")}
    words = "state: expected the entry master, as _init makes it for parameters of float16 or bfloat16"
    with pytest.raises(ArgumentError, match=words):
        B.sgd_update(params, params, B.sgd_init(wide))


def test_gradients_may_be_float32(B: Backend) -> None:
    """As loss scaling leaves them."""
    params = {"w": B.asarray([1.0])}
    _, state = B.sgd_update(params, {"w": B.asarray([1e-9], dtype="float32")}, B.sgd_init(params), lr=1.0)
    assert name_of(B, state["master"]["w"]) == "float32"


MADE: dict[str, Callable[[Backend], Any]] = {
    **{
        name: lambda b, name=name: getattr(optim, name)(b, lr=5e-4)
        for name in ("SGD", "RMSprop", "Adam", "AdamW", "Lion", "Adamax", "NAdam", "AMSGrad", "Lamb", "Adafactor")
    },
    "clipped": lambda b: optim.Adam(b, lr=1e-4, clip_global_norm=1.0),
    "Muon": lambda b: optim.Muon(b, lr=5e-3, adamw=optim.AdamW(b, lr=5e-4)),
    "scheduled": lambda b: optim.Adam(b, lr=optim.CosineSchedule(b, lr=2e-4, total_steps=60)),
    "Lookahead": lambda b: optim.Lookahead(optim.SGD(b, lr=4e-4), sync_period=5),
}


@pytest.mark.parametrize("name", MADE)
def test_optimizer_objects_take_small_steps(B: Backend, name: str) -> None:
    if B.name == "jax" and name not in ("Adam", "Muon", "Lookahead"):
        pytest.skip("compiling every one of them takes long, and the operations are compiled elsewhere")
    optimizer = MADE[name](B)
    params = {"w": B.asarray(np.ones((2, 2))), "b": B.asarray(np.ones(2))}
    grads = {"w": B.asarray([[1.0, 0.25], [0.5, 1.0]]), "b": B.asarray([1.0, 1.0])}
    state = optimizer.init(params)
    update = B.compile(optimizer.update) if B.name == "jax" else optimizer.update
    for _ in range(60):
        params, state = update(params, grads, state)
    for leaf in optree.tree_leaves(params):
        host = B.to_numpy(leaf).astype(np.float64)
        assert name_of(B, leaf) == B.dtype
        assert (host != 1).all() if name == "Muon" else (host < 1).all()


def test_compiled_calls_are_eager_ones(B: Backend) -> None:
    x, w = B.asarray(grid(0, 4, 5)), B.asarray(grid(1, 3, 5))

    def run(x: Any, w: Any) -> Any:
        return B.softmax(B.linear(x, w))

    eager, compiled = B.to_numpy(run(x, w)), B.to_numpy(B.compile(run)(x, w))
    assert compiled.dtype == eager.dtype
    spacing = np.spacing(abs(eager)).astype(np.float64)
    assert (abs(compiled.astype(np.float64) - eager.astype(np.float64)) <= spacing).all()


@pytest.mark.parametrize("dtype", LOW)
def test_torch_fuses_low_precision(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one graph, though not made into C++ here, which takes a minute."""
    import torch

    backend = BACKENDS["torch", dtype]
    monkeypatch.setattr("nnspec_backends.torch.backend._has_cxx_compiler", lambda: True)
    compiler = torch.compile
    monkeypatch.setattr(torch, "compile", lambda function, **options: compiler(function, backend="eager", **options))

    def run(x: Any, w: Any) -> Any:
        return backend.gelu(backend.layer_norm(backend.linear(x, w)))

    x, w = backend.asarray(grid(0, 4, 5)), backend.asarray(grid(1, 3, 5))
    eager, fused = backend.to_numpy(run(x, w)), backend.to_numpy(backend.compile(run, fuse=True)(x, w))
    assert fused.dtype == eager.dtype
    np.testing.assert_array_equal(fused.astype(np.float64), eager.astype(np.float64))


def test_infinite_steps_are_no_trap(B: Backend) -> None:
    """A master beyond the range of float16 comes back."""
    params = {"w": B.asarray([6e4])}
    params, state = B.sgd_update(params, {"w": B.asarray([-1.0])}, B.sgd_init(params), lr=1e4)
    assert math.isinf(float(B.to_numpy(params["w"])[0])) == (B.dtype == "float16")
    params, state = B.sgd_update(params, {"w": B.asarray([1.0])}, state, lr=1e4)
    assert float(B.to_numpy(state["master"]["w"])[0]) == pytest.approx(6e4, rel=0.01)
    assert float(B.to_numpy(params["w"])[0]) == pytest.approx(6e4, rel=0.01)
