"""The NumPy optimizer steps by blocks: equal to the definition to the bit, in place in what was donated only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optree
import pytest

from nnspec_backends.numpy import NumpyBackend, optimizers

B = NumpyBackend()
MASK = {"bias": False, "empty": True, "scalar": True, "weight": True}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("sgd", {}),
    ("sgd", {"momentum": 0.9, "l2": 0.1}),
    ("sgd", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "decay_mask": MASK}),
    ("rmsprop", {}),
    ("rmsprop", {"momentum": 0.9, "l2": 0.1, "weight_decay": 0.1}),
    ("rmsprop", {"momentum": 0.9, "centered": True, "alpha": 0.3, "weight_decay": 0.1, "decay_mask": MASK}),
    ("adam", {}),
    ("adam", {"beta1": 0.0, "l2": 0.1}),
    ("adamw", {"beta2": 0.5, "weight_decay": 0.3}),
    ("adamw", {"weight_decay": 0.3, "decay_mask": MASK}),
]
NAMES = ("sgd", "rmsprop", "adam", "adamw")
IDS = [f"{name}-{'-'.join(options) or 'default'}" for name, options in VARIANTS]


def drawn(*shape: int, seed: int = 0, dtype: str = "float32") -> Any:
    return np.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


def tree(seed: int, dtype: str = "float32") -> dict[str, Any]:
    shapes: dict[str, tuple[int, ...]] = {"weight": (7, 5), "bias": (9,), "scalar": (), "empty": (0, 3)}
    return {name: drawn(*shape, seed=seed + i, dtype=dtype) for i, (name, shape) in enumerate(shapes.items())}


def started(name: str, params: Any, options: dict[str, Any]) -> Any:
    taken = {key: options[key] for key in ("momentum", "centered") if key in options}
    return getattr(B, f"{name}_init")(params, **taken)


def defined(name: str, options: dict[str, Any]) -> Callable[..., Any]:
    """The update by its definition."""
    return lambda *args, **more: B.operations()[f"{name}_update"].definition(B, *args, **options, **more)


def native(name: str, options: dict[str, Any]) -> Callable[..., Any]:
    return lambda *args, **more: getattr(B, f"{name}_update")(*args, **options, **more)


def leaves(*trees: Any) -> list[Any]:
    return optree.tree_leaves(list(trees))


def addresses(*trees: Any) -> list[int]:
    return [leaf.ctypes.data for leaf in leaves(*trees) if leaf.size]


def copied(*trees: Any) -> Any:
    return optree.tree_map(np.copy, list(trees))


def assert_equal(got: Any, wanted: Any) -> None:
    assert optree.tree_structure(got) == optree.tree_structure(wanted)
    for a, b in zip(leaves(got), leaves(wanted), strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype
        assert np.shape(a) == np.shape(b)


# -- by blocks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [1, 8, 35, 16384])
@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=IDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blocks_make_up_the_definition(
    monkeypatch: pytest.MonkeyPatch, dtype: str, name: str, options: dict[str, Any], block: int
) -> None:
    monkeypatch.setattr(optimizers, "_BLOCK", block)
    params = tree(0, dtype)
    expected = params, started(name, params, options)
    got, inside = expected, copied(*expected)
    donating = B.compile(native(name, options), donate=(0, 2))
    for t in range(3):
        grads = optree.tree_map(lambda g, t=t: g * np.asarray(10.0 ** (-4 * t), g.dtype), tree(10 * t + 5, dtype))
        grads["bias"][:3] = 0.0
        rate: Any = 0.3 if t else np.asarray(0.3, "float32")
        expected = defined(name, options)(expected[0], grads, expected[1], lr=rate)
        got = native(name, options)(got[0], grads, got[1], lr=rate)
        assert_equal(got, expected)
        inside = donating(inside[0], grads, inside[1], lr=rate)
        assert_equal(inside, expected)
    assert all(type(leaf) is np.ndarray for leaf in leaves(*inside))


@pytest.mark.parametrize("name", NAMES)
def test_special_values_are_those_of_the_definition(name: str) -> None:
    special = np.array([np.nan, np.inf, -np.inf, -0.0, 1e-45, 3e38, -1e-30], "float32")
    params, grads = [special[::-1].copy()], [special]
    state = started(name, params, {})
    if "square_avg" in state:
        state["square_avg"] = [np.array([-1.0, 0.0, np.nan, -0.0, -1e-30, 1.0, np.inf], "float32")]
    with np.errstate(all="ignore"):
        wanted = defined(name, {})(params, grads, state)
        assert_equal(native(name, {})(params, grads, state), wanted)
        assert_equal(B.compile(native(name, {}), donate=(0, 2))(params, grads, state), wanted)


@pytest.mark.parametrize("name", NAMES)
def test_layouts_and_dtypes_may_be_mixed(name: str) -> None:
    grid = drawn(8, 6)
    params = [grid.T, grid[::2, ::-1], drawn(3, dtype="float64"), np.float32(2.0)]
    grads = [
        drawn(6, 8, seed=1),
        np.broadcast_to(np.float32(0.5), (4, 6)),
        drawn(3, seed=2, dtype="float64"),
        grid[0, 0],
    ]
    state = started(name, params, {})
    wanted = defined(name, {})(params, grads, state)
    assert_equal(native(name, {})(params, grads, state), wanted)
    assert_equal(B.compile(native(name, {}), donate=(0, 2))(params, grads, state), wanted)


@pytest.mark.parametrize("name", NAMES)
def test_an_update_is_differentiated_by_its_definition(name: str) -> None:
    params, grads = {"w": drawn(3)}, {"w": drawn(3, seed=1)}
    state = started(name, params, {})

    def after(update: Callable[..., Any]) -> Callable[..., Any]:
        return lambda p, g, lr: B.xp.sum(update(p, g, state, lr=lr)[0]["w"])

    rate = np.asarray(0.1, "float32")
    got = B.value_and_grad(after(native(name, {})), argnums=(0, 1, 2))(params, grads, rate)
    assert_equal(got, B.value_and_grad(after(defined(name, {})), argnums=(0, 1, 2))(params, grads, rate))


# -- in place --------------------------------------------------------------------------------------------------


def train(name: str, options: dict[str, Any]) -> Callable[..., Any]:
    def step(params: Any, state: Any, x: Any) -> Any:
        def loss(p: Any) -> Any:
            return B.mean_squared_error(B.linear(x, p["weight"], p["bias"]), x)

        value, grads = B.value_and_grad(loss)(params)
        return *native(name, options)(params, grads, state), value

    return step


def network() -> dict[str, Any]:
    return {"weight": drawn(5, 5), "bias": drawn(5, seed=1)}


@pytest.mark.parametrize("block", [3, 16384])
@pytest.mark.parametrize(
    ("name", "options"), [(n, {k: v for k, v in o.items() if k != "decay_mask"}) for n, o in VARIANTS], ids=IDS
)
def test_donation_changes_nothing_but_the_buffers(
    monkeypatch: pytest.MonkeyPatch, name: str, options: dict[str, Any], block: int
) -> None:
    monkeypatch.setattr(optimizers, "_BLOCK", block)
    monkeypatch.setenv("NNSPEC_NUMPY_PLAN", "never")  # a plan has buffers of its own
    x, params = drawn(7, 5, seed=2), network()
    expected = [params, started(name, params, options)]
    compiled = B.compile(train(name, options), donate=(0, 1))
    params, state = copied(*expected)
    moments = {key: entry for key, entry in state.items() if key != "step"}
    before = addresses(params, moments)
    for _ in range(3):
        *expected, value = train(name, options)(*expected, x)
        params, state, got = compiled(params, state, x)
        assert_equal([params, state, got], [*expected, value])
        assert addresses(params, {key: state[key] for key in moments}) == before, "not in place"
    assert_equal(x, drawn(7, 5, seed=2))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_written_into_what_is_not_donated(name: str) -> None:
    options = {"momentum": 0.5} if name in ("sgd", "rmsprop") else {}
    params, x = network(), drawn(7, 5, seed=2)
    state = started(name, params, options)
    before = copied(params, state, x)
    native(name, options)(params, network(), state)
    assert_equal([params, state, x], before)
    for donate in ((), (2,), (1,), (0,), (5,)):
        given = [params, state, x]
        wanted = train(name, options)(*given)
        used = copied(*given)
        assert_equal(B.compile(train(name, options), donate=donate)(*used), wanted)
        for i, (after, then) in enumerate(zip(used, before, strict=True)):
            if i not in donate:
                assert_equal(after, then)


def test_memory_that_is_not_donated_too_is_left_alone() -> None:
    """A batch, a keyword argument and a read-only array that lie in the buffers of donated parameters."""
    flat = drawn(40)
    params = {"weight": flat[:25].reshape(5, 5), "bias": flat[25:30]}
    x = flat[5:40].reshape(7, 5)
    step = train("sgd", {})
    wanted = step(*copied(params, {"step": np.array(0, "int32")}, x))
    before = flat.copy()
    assert_equal(B.compile(step, donate=(0, 1))(params, {"step": np.array(0, "int32")}, x), wanted)
    assert_equal(flat, before)

    def keyword(params: Any, state: Any, *, grads: Any) -> Any:
        return B.sgd_update(params, grads, state)

    own = [drawn(4)]
    B.compile(keyword, donate=(0,))(own, B.sgd_init(own), grads=[own[0][::-1]])
    assert_equal(own, [drawn(4)])
    fixed = [drawn(4)]
    fixed[0].flags.writeable = False
    B.compile(lambda p, g: B.sgd_update(p, g, B.sgd_init(p)), donate=(0,))(fixed, [drawn(4, seed=1)])
    assert_equal(fixed, [drawn(4)])


def test_parameters_that_lie_beside_one_another_in_one_buffer() -> None:
    flat = drawn(30)
    params = {"weight": flat[:25].reshape(5, 5), "bias": flat[25:]}
    x, state = drawn(7, 5, seed=2), {"step": np.array(0, "int32")}
    wanted = train("sgd", {})(*copied(params, state, x))
    new, *_ = B.compile(train("sgd", {}), donate=(0, 1))(params, state, x)
    assert_equal(new, wanted[0])
    assert np.shares_memory(new["weight"], flat)
    assert_equal(flat, np.concatenate([wanted[0]["weight"].ravel(), wanted[0]["bias"]]))


def test_tied_overlapping_and_identical_arrays_are_copied() -> None:
    update = B.compile(lambda p, g, s: B.adam_update(p, g, s), donate=(0, 2))
    shared = drawn(6)
    for tied in ([shared, shared], [shared, shared.reshape(2, 3)], [shared[:4], shared[2:]], [shared[::2], shared]):
        grads = [drawn(*p.shape, seed=3) for p in tied]
        before = shared.copy()
        wanted = B.adam_update(tied, grads, B.adam_init(tied))
        assert_equal(update(tied, grads, B.adam_init(tied)), wanted)
        assert_equal(shared, before)
    own = [drawn(6)]
    wanted = B.adam_update(own, own, B.adam_init(own))
    assert_equal(update(own, own, B.adam_init(own)), wanted)
    # gradients that the step itself makes of the parameters
    for grads_of in (lambda p: p, lambda p: [p[0][::-1]]):
        inside = B.compile(lambda p, s, grads_of=grads_of: B.adam_update(p, grads_of(p), s), donate=(0, 1))
        own = [drawn(6)]
        wanted = B.adam_update(own, grads_of(own), B.adam_init(own))
        assert_equal(inside(copied(*own), B.adam_init(own)), wanted)
    # a moment that is the parameter
    state = {**B.adam_init(own), "exp_avg": own}
    wanted = B.adam_update(own, [drawn(6, seed=1)], copied(state)[0])
    assert_equal(update(own, [drawn(6, seed=1)], state), wanted)


def test_the_old_value_cannot_be_mistaken_for_the_new_one() -> None:
    def late(params: Any, state: Any) -> Any:
        new, state = B.adam_update(params, {"w": np.ones((3, 3), "float32")}, state)
        return new["w"] - params["w"]

    params = {"w": drawn(3, 3)}
    with pytest.raises(TypeError, match="subtract"):
        B.compile(late, donate=(0, 1))(params, B.adam_init(params))

    def twice(params: Any, state: Any) -> Any:
        B.adam_update(params, {"w": np.ones((3, 3), "float32")}, state)
        return B.adam_update(params, {"w": np.ones((3, 3), "float32")}, state)

    with pytest.raises(TypeError, match="expected a floating array"):
        B.compile(twice, donate=(0, 1))(params, B.adam_init(params))


def test_donation_ends_with_the_call() -> None:
    params, kept = [drawn(3)], []

    def fails(p: Any) -> Any:
        kept.append(p)
        raise KeyError("in the step")

    with pytest.raises(KeyError):
        B.compile(fails, donate=(0,))(params)
    for given in (params, kept[0]):
        B.adam_update(given, [drawn(3, seed=1)], B.adam_init(given))
        assert_equal(given, [drawn(3)])


def test_a_donated_array_that_no_update_takes_stays() -> None:
    params, extra = [drawn(3)], [drawn(2, seed=1)]
    step = B.compile(lambda p, s, e: (*B.sgd_update(p, [e[0][:1] * p[0]], s), e), donate=(0, 1, 2))
    _, _, after = step(params, B.sgd_init(params), extra)
    assert_equal(after, [drawn(2, seed=1)])
