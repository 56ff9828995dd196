"""The NumPy backend's recorded plans: equal to what they repeat, made anew when they have to be, and nobody's else."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import optree
import pytest

from nnspec.errors import ArgumentError
from nnspec_backends.numpy import NumpyBackend
from nnspec_backends.numpy._plan import Compiled, Traced

B = NumpyBackend()
#: calls until a plan is made: one as it is, two that are recorded
CALLS = 3


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NNSPEC_NUMPY_PLAN", raising=False)


def drawn(*shape: int, seed: int = 0, dtype: str = "float32") -> Any:
    return np.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


def copied(tree: Any) -> Any:
    return optree.tree_map(lambda x: x.copy() if isinstance(x, np.ndarray) else x, tree)


def assert_equal(got: Any, wanted: Any) -> None:
    assert optree.tree_structure(got) == optree.tree_structure(wanted)
    for a, b in zip(optree.tree_leaves(got), optree.tree_leaves(wanted), strict=True):
        assert type(a) is type(b)
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


def compiled(function: Callable[..., Any], **options: Any) -> Any:
    made = B.compile(function, **options)
    assert isinstance(made, Compiled)
    return made


def planned(function: Any, *args: Any) -> Any:
    """The compiled function after as many calls as a plan takes."""
    for _ in range(CALLS):
        function(*args)
    assert function.plans == 1, function.refusals
    return function


# -- models ----------------------------------------------------------------------------------------------------


def dense(sizes: tuple[int, ...], *, norm: bool = False) -> list[dict[str, Any]]:
    params = []
    for i, (n, m) in enumerate(itertools.pairwise(sizes)):
        p = {"weight": drawn(m, n, seed=i) / np.float32(n**0.5), "bias": drawn(m, seed=i + 50)}
        if norm and i < len(sizes) - 2:
            p |= {"scale": np.ones(m, "float32"), "shift": np.zeros(m, "float32")}
        params.append(p)
    return params


def mlp(params: Any, running: Any, x: Any, key: Any) -> Any:
    after = []
    for i, p in enumerate(params[:-1]):
        x = B.linear(x, p["weight"], p["bias"])
        if "scale" in p:
            x, *new = B.batch_norm(x, *running[i], p["scale"], p["shift"], training=True)
            after.append(new)
        x = B.relu(x)
        if key is not None:
            x = B.dropout(x, rate=0.2, key=key, site=i)
    return B.linear(x, params[-1]["weight"], params[-1]["bias"]), after


def cnn(params: Any, running: Any, x: Any, key: Any) -> Any:
    for p in params[:-1]:
        x = B.max_pool(B.relu(B.conv(x, p["weight"], p["bias"], padding=1)), kernel_size=2)
    return B.linear(B.flatten(x), params[-1]["weight"], params[-1]["bias"]), running


def images() -> list[dict[str, Any]]:
    shapes: list[tuple[int, ...]] = [(4, 1, 3, 3), (9, 4, 3, 3), (3, 9 * 4)]
    return [{"weight": drawn(*s, seed=i) / 4, "bias": drawn(s[0], seed=i + 9)} for i, s in enumerate(shapes)]


Model = tuple[Callable[..., Any], list[Any], tuple[int, ...], bool]
MODELS: dict[str, Model] = {
    "tiny": (mlp, dense((2, 16, 3)), (8, 2), False),
    "wide": (mlp, dense((70, 40, 130, 3)), (33, 70), False),
    "norm and dropout": (mlp, dense((70, 40, 60, 3), norm=True), (33, 70), True),
    "images": (cnn, images(), (5, 1, 8, 8), False),
}
UPDATES: dict[str, dict[str, Any]] = {
    "adam": {"lr": 0.01},
    "adamw": {"lr": 0.01, "weight_decay": 0.3},
    "rmsprop": {"lr": 0.01, "momentum": 0.5, "centered": True},
    "sgd": {"lr": 0.01, "momentum": 0.9, "nesterov": True},
    "adagrad": {"lr": 0.01},
}


def training(logits: Any, optimizer: str, *, drops: bool) -> Callable[..., Any]:
    def loss_of(params: Any, running: Any, x: Any, y: Any, key: Any) -> Any:
        out, running = logits(params, running, x, key)
        return B.cross_entropy(out, y), running

    def step(params: Any, state: Any, running: Any, x: Any, y: Any) -> Any:
        key = B.fold_in(B.key(3), state["step"]) if drops else None
        (loss, running), grads = B.value_and_grad(loss_of, has_aux=True)(params, running, x, y, key)
        params, state = getattr(B, f"{optimizer}_update")(params, grads, state, **UPDATES[optimizer])
        return params, state, running, loss

    return step


def started(optimizer: str, params: Any) -> Any:
    taken = {key: UPDATES[optimizer][key] for key in ("momentum", "centered") if key in UPDATES[optimizer]}
    return getattr(B, f"{optimizer}_init")(params, **taken)


def batches(shape: tuple[int, ...], count: int) -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(7)
    return [(drawn(*shape, seed=100 + i), rng.integers(0, 3, shape[0])) for i in range(count)]


@pytest.mark.parametrize("donate", [(0, 1, 2), (), (0,)], ids=str)
@pytest.mark.parametrize("optimizer", list(UPDATES))
@pytest.mark.parametrize("model", list(MODELS))
def test_a_plan_does_what_it_recorded(model: str, optimizer: str, donate: tuple[int, ...]) -> None:
    logits, params, shape, drops = MODELS[model]
    step = training(logits, optimizer, drops=drops)
    fast = compiled(step, donate=donate)
    running = [(np.zeros_like(p["bias"]), np.ones_like(p["bias"])) for p in params if "scale" in p]
    wanted = [copied(params), started(optimizer, params), copied(running)]
    got = copied(wanted)
    for x, y in batches(shape, 8):
        *wanted, loss = step(*wanted, x, y)
        *got, value = fast(*got, x, y)
        assert_equal([*got, value], [*wanted, loss])
    assert fast.plans == 1, fast.refusals


@pytest.mark.parametrize("block", [7, 64])
def test_blocks_are_those_of_the_step(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr("nnspec_backends.numpy.optimizers._BLOCK", block)
    test_a_plan_does_what_it_recorded("wide", "adam", (0, 1, 2))


# -- when a plan holds -----------------------------------------------------------------------------------------


def doubled(x: Any, factor: Any = 2.0) -> Any:
    return B.xp.sum(x * factor) + B.xp.exp(x)


@pytest.mark.parametrize(
    "other", [drawn(4, seed=1), drawn(3, 1, seed=1), drawn(3, dtype="float64"), np.arange(3), drawn(6)[::2]], ids=str
)
def test_other_shapes_dtypes_and_layouts_are_computed_as_they_are(other: Any) -> None:
    fast = planned(compiled(doubled), drawn(3))
    for _ in range(2 * CALLS):
        assert_equal(fast(other), doubled(other))
        assert_equal(fast(drawn(3, seed=5)), doubled(drawn(3, seed=5)))


def test_other_numbers_and_structures_are_computed_as_they_are() -> None:
    def total(tree: Any, factor: Any) -> Any:
        return B.xp.sum(tree["a"] * factor) + sum(B.xp.sum(x) for x in tree.get("b", []))

    fast, a = compiled(total), drawn(3)
    for _ in range(2 * CALLS):
        for tree in ({"a": a}, {"a": a, "b": [a]}, {"a": a, "b": [a, a]}):
            for factor in (2.0, 3.0, 2, True, 0.0, -0.0, np.float32(2), np.float32(5), np.float64(2)):
                assert_equal(fast(tree, factor), total(tree, factor))


def test_what_is_not_an_array_is_told_apart_though_it_is_equal() -> None:
    def signed(x: Any, zero: float) -> Any:
        return x * zero

    fast = planned(compiled(signed), drawn(3), 0.0)
    assert np.signbit(fast(np.ones(3, "float32"), -0.0)).all()


def test_what_a_function_closes_over_is_looked_at() -> None:
    factor = 2.0

    def scaled(x: Any) -> Any:
        return B.xp.exp(x) * factor

    fast = planned(compiled(scaled), drawn(3))
    for factor in (3.0, 4.0):
        for _ in range(2 * CALLS):
            np.testing.assert_array_equal(fast(drawn(3)), np.exp(drawn(3)) * np.float32(factor))


def test_a_state_that_changes_at_every_call_is_never_frozen() -> None:
    calls: list[int] = []
    rng = np.random.default_rng(0)

    def counted(x: Any) -> Any:
        calls.append(0)
        return B.xp.exp(x) * float(len(calls))

    def noisy(x: Any) -> Any:
        return B.xp.exp(x) + rng.normal(size=3).astype("float32")

    fast = compiled(counted)
    for _ in range(2 * CALLS):
        before = len(calls)
        assert fast(np.zeros(2, "float32"))[0] == len(calls) > before
    assert fast.refusals == ["two runs did not do the same"]
    fast = compiled(noisy)
    seen = [fast(np.zeros(3, "float32")) for _ in range(3 * CALLS)]
    assert len({x.tobytes() for x in seen}) == len(seen)


# -- what cannot be planned ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * float(B.xp.sum(x)),
        lambda x: x * B.to_numpy(x),
        lambda x: x + int(B.xp.sum(x) > 0),
        lambda x: x[np.asarray(x) > 0],
        lambda x: np.unique(x),
        lambda x: x * x.tolist()[0],
        lambda x: np.asarray([float(v) for v in x]),
        lambda x: np.frompyfunc(abs, 1, 1)(x).astype("float32"),
        lambda x: np.histogram(x)[0],
    ],
)
def test_what_looks_at_values_runs_as_it_is(function: Callable[[Any], Any]) -> None:
    fast = compiled(function)
    for seed in range(3 * CALLS):
        x = drawn(5, seed=seed)
        assert_equal(fast(x), function(x))
    assert fast.plans == 0
    assert fast.refusals


def test_a_refusal_that_the_function_catches_counts() -> None:
    def careful(x: Any) -> Any:
        try:
            return x * float(x[0])
        except TypeError:
            return x * 0

    fast = compiled(careful)
    for seed in range(3 * CALLS):
        assert_equal(fast(drawn(2, seed=seed)), careful(drawn(2, seed=seed)))


def test_an_argument_that_is_written_to_is_the_callers() -> None:
    def adding(x: Any) -> Any:
        x += 1
        return x * 2

    fast, x = compiled(adding), np.zeros(3, "float32")
    for i in range(1, 3 * CALLS):
        assert_equal(fast(x), np.full(3, 2 * i, "float32"))
        assert_equal(x, np.full(3, i, "float32"))


@pytest.mark.parametrize(
    "branch",
    [
        lambda x: x if x[0] > 0 else -x,
        lambda x: x if B.xp.all(x > 0) else -x,
        lambda x: B.value_and_grad(lambda v: B.xp.sum(v) if B.xp.sum(v) > 0 else -B.xp.sum(v))(x),
        lambda x: max(x[0], x[1]) * x,
    ],
)
def test_a_branch_on_a_value_is_an_error(branch: Callable[[Any], Any]) -> None:
    fast = compiled(branch)
    fast(drawn(3))
    for _ in range(2):
        with pytest.raises(ArgumentError, match="does not depend on the values of arrays"):
            fast(drawn(3))


def test_errors_of_the_function_are_its_own() -> None:
    fails = True

    def sometimes(x: Any) -> Any:
        if fails:
            raise KeyError("in the function")
        return B.xp.exp(x)

    fast = compiled(sometimes)
    for _ in range(2 * CALLS):
        with pytest.raises(KeyError, match="in the function"):
            fast(drawn(3))
    fails = False
    for seed in range(2 * CALLS):
        assert_equal(fast(drawn(3, seed=seed)), np.exp(drawn(3, seed=seed)))


def test_a_label_out_of_range_is_an_error_in_a_plan_too() -> None:
    fast = planned(compiled(lambda x, y: B.cross_entropy(x, y)), drawn(4, 3), np.array([0, 1, 2, 0]))
    for label in (3, -1):
        with pytest.raises(ArgumentError, match=f"class indices in \\[0, 2\\], got {label}"):
            fast(drawn(4, 3), np.array([0, 1, label, 0]))
    assert_equal(fast(drawn(4, 3), np.zeros(4, int)), B.cross_entropy(drawn(4, 3), np.zeros(4, int)))


# -- whose memory is whose -------------------------------------------------------------------------------------


def test_results_stay_what_they_were() -> None:
    fast = planned(compiled(lambda x: (B.xp.exp(x), x * 2, B.xp.sum(x), x, B.xp.reshape(x, (2, 2)))), drawn(4))
    given = [drawn(4, seed=i) for i in range(4)]
    results = [fast(x) for x in given]
    for x, (power, twice, total, same, square) in zip(given, results, strict=True):
        assert_equal([power, twice, total, square], [np.exp(x), x * 2, np.add.reduce(x), x.reshape(2, 2)])
        assert same is x
    results[0][0][...] = 7  # the caller's, as of any function
    assert_equal(fast(given[0])[0], np.exp(given[0]))


def moving(params: Any, state: Any, x: Any) -> Any:
    value, grads = B.value_and_grad(lambda p: B.mean_squared_error(B.linear(x, p["w"], p["b"]), x))(params)
    return *B.adam_update(params, grads, state, lr=0.1), value


def begun(seed: int = 0) -> tuple[Any, Any]:
    params = {"w": drawn(5, 5, seed=seed), "b": drawn(5, seed=seed + 1)}
    return params, B.adam_init(params)


def test_what_was_donated_lives_where_it_was() -> None:
    fast, x = compiled(moving, donate=(0, 1)), drawn(7, 5)
    params, state = begun()
    for _ in range(CALLS + 1):
        params, state, _ = fast(params, state, x)
    homes = [leaf.ctypes.data for leaf in optree.tree_leaves((params, state))]
    for _ in range(3):
        params, state, _ = fast(params, state, x)
        assert [leaf.ctypes.data for leaf in optree.tree_leaves((params, state))] == homes


def test_two_models_do_not_share_the_buffers_of_one_plan() -> None:
    fast, x = compiled(moving, donate=(0, 1)), drawn(7, 5)
    wanted = [begun(seed) for seed in range(6)]
    got = copied(wanted)
    for _ in range(CALLS + 3):
        for i in range(len(wanted)):
            *wanted[i], _ = moving(*wanted[i], x)
            *got[i], _ = fast(*got[i], x)
        assert_equal(got, [list(pair) for pair in wanted])


def test_values_from_elsewhere_do_not_spoil_what_is_still_held() -> None:
    fast, x = compiled(moving, donate=(0, 1)), drawn(7, 5)
    params, state = begun()
    for _ in range(CALLS + 1):
        params, state, _ = fast(params, state, x)
    row, held, kept = params["w"][2], params["b"], copied(params)
    again = fast(*copied((params, state)), x)
    assert_equal([row, held], [kept["w"][2], kept["b"]])
    changed = optree.tree_map(lambda p: p * np.float32(0.5), params)
    assert_equal(list(fast(copied(changed), copied(state), x)), list(moving(changed, state, x)))
    assert_equal([row, held], [kept["w"][2], kept["b"]])
    swapped = {"w": params["w"].T.copy(), "b": params["w"][0].copy()}
    del params, held, row
    assert_equal(list(fast(copied(swapped), copied(state), x)), list(moving(swapped, state, x)))
    assert again is not None


def test_parameters_that_are_changed_between_steps_are_taken_as_they_are() -> None:
    fast, x = compiled(moving, donate=(0, 1)), drawn(7, 5)
    wanted = begun()
    got = copied(wanted)
    for i in range(2 * CALLS):
        *wanted, _ = moving(*wanted, x)
        *got, _ = fast(*got, x)
        assert_equal(got, wanted)
        for pair in (wanted, got):
            if i % 2:
                pair[0] = optree.tree_map(lambda p: p * np.float32(0.9), pair[0])
            else:
                pair[0]["w"] *= np.float32(0.5)


def test_arguments_may_share_memory() -> None:
    fast = compiled(moving, donate=(0, 1))
    params, state = begun()
    for _ in range(2 * CALLS):
        x = params["w"]  # what is donated is read as the batch, too
        wanted = moving(copied(params), copied(state), x.copy())
        params, state, value = fast(params, state, x)
        assert_equal([params, state, value], list(wanted))


def test_buffers_that_change_places() -> None:
    fast = compiled(lambda a, b: (b, a, a + b), donate=(0, 1))
    a, b = drawn(3), drawn(3, seed=1)
    for _ in range(3 * CALLS):
        wanted = (b.copy(), a.copy(), a + b)
        a, b, total = fast(a, b)
        assert_equal((a, b, total), wanted)


def test_a_recorded_array_that_is_kept_is_of_no_use() -> None:
    kept: list[Any] = []

    def keeping(x: Any) -> Any:
        kept.append(x)
        return B.xp.exp(x)

    planned(compiled(keeping), drawn(3))
    traced = [x for x in kept if isinstance(x, Traced)]
    assert traced
    with pytest.raises(TypeError, match="after the call that it was made in"):
        traced[0] + 1


# -- calls within and beside one another -----------------------------------------------------------------------


def test_a_compiled_function_in_another() -> None:
    inner = compiled(lambda x: B.xp.exp(x) * 2)
    fast = compiled(lambda x: inner(x) + inner(-x))
    for seed in range(3 * CALLS):
        x = drawn(3, seed=seed)
        assert_equal(fast(x), np.exp(x) * 2 + np.exp(-x) * 2)
    assert fast.plans == 1
    _, gradient = B.value_and_grad(lambda v: B.xp.sum(inner(v)))(drawn(3))
    np.testing.assert_array_equal(gradient, np.exp(drawn(3)) * 2)


def test_a_function_that_calls_its_compiled_self() -> None:
    def power(x: Any, n: int) -> Any:
        return x if n == 0 else fast(x * x, n - 1)

    fast = compiled(power)
    for seed in range(2 * CALLS):
        assert_equal(fast(drawn(3, seed=seed), 2), power(drawn(3, seed=seed), 2))


def test_threads_do_not_share_buffers() -> None:
    size = 20_000
    fast = planned(compiled(lambda x: B.xp.sqrt(B.xp.exp(x) + 1) * x), drawn(size))
    wrong: list[int] = []

    def many(seed: int) -> None:
        x = drawn(size, seed=seed)
        expected = np.sqrt(np.exp(x) + 1) * x
        wrong.extend(i for i in range(100) if not np.array_equal(fast(x), expected))

    threads = [threading.Thread(target=many, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_plan_that_failed_halfway_is_as_good_as_before() -> None:
    fast = planned(compiled(lambda x: B.xp.log(B.xp.exp(x) - 1)), np.ones(3, "float32"))
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        fast(np.full(3, 1e3, "float32"))
    assert_equal(fast(np.ones(3, "float32")), np.log(np.exp(np.ones(3, "float32")) - 1))


def test_what_was_returned_may_be_an_argument_twice() -> None:
    """Once to be used up, and once to be read: the latter is copied at every call."""

    def distilling(params: Any, teacher: Any, x: Any, y: Any) -> Any:
        def loss(p: Any) -> Any:
            return B.mean_squared_error(x @ p["w"] + y, x @ teacher["w"])

        value, grads = B.value_and_grad(loss)(params)
        return B.sgd_update(params, grads, B.sgd_init(params), lr=0.1)[0], value

    fast, x = compiled(distilling, donate=(0,)), drawn(3, 3)
    params = {"w": drawn(3, 3, seed=1)}
    for i in range(4 * CALLS):
        other = x if i % 2 else drawn(3, 3, seed=i)
        wanted = distilling(copied(params), copied(params), other, x)
        params, value = fast(params, params, other, x)
        assert_equal((params, value), wanted)


def test_containers_are_the_callers() -> None:
    """What a step returned may be changed, added to and emptied; a later step sees what it is given."""
    fast, x = compiled(moving, donate=(0, 1)), drawn(7, 5)
    params, state = begun()
    for i in range(4 * CALLS):
        wanted = moving(copied(params), copied(state), x)
        old = params
        params, state, value = fast(params, state, x)
        assert_equal([params, state, value], list(wanted))
        old.clear()
        if i == 2 * CALLS:
            params["w"] = params["w"].copy() * 2
        if i == 3 * CALLS:
            state["exp_avg"], state["exp_avg_sq"] = state["exp_avg_sq"], optree.tree_map(np.abs, state["exp_avg"])


# -- what a plan leaves out, shares and wraps ------------------------------------------------------------------


@pytest.mark.parametrize("size", [5, 3000])
def test_masks_are_those_of_the_call(size: int) -> None:
    def masked(x: Any) -> Any:
        kept = B.xp.where(x > 0, x, 0.0)
        return kept, B.xp.where(x > 0, 0.0, x), B.xp.where(x > 1, x, kept + 1), B.xp.where(x > 0, 1.0, 2.0)

    fast = planned(compiled(masked), drawn(size))
    for seed in range(3):
        x = drawn(size, seed=seed)
        x[:3] = np.nan, np.inf, -np.inf
        assert_equal(fast(x), masked(x))


def test_an_old_value_may_be_read_after_the_update() -> None:
    def moved(params: Any, state: Any, g: Any) -> Any:
        new, state = B.adam_update(params, {"w": g}, state, lr=0.1)
        return new, state, new["w"] - params["w"]

    fast = compiled(moved)
    wanted = [{"w": drawn(6)}, B.adam_init({"w": drawn(6)})]
    got = copied(wanted)
    for seed in range(3 * CALLS):
        *wanted, distance = moved(*wanted, drawn(6, seed=seed))
        *got, value = fast(*got, drawn(6, seed=seed))
        assert_equal([*got, value], [*wanted, distance])
    assert fast.plans == 1


WINDOWS: dict[str, Callable[..., Any]] = {
    "conv": lambda x, w: B.conv(x, w, padding=2, stride=2),
    "grouped conv": lambda x, w: B.conv(x, w[:, :3], groups=2, padding=1),
    "conv_transpose": lambda x, w: B.conv_transpose(x, B.xp.permute_dims(w, (1, 0, 2, 3)), padding=1, stride=2),
    "max_pool": lambda x, w: B.max_pool(x, kernel_size=3, stride=2, padding=1),
    "overlapping max_pool": lambda x, w: B.max_pool(x, kernel_size=3, stride=2),
    "avg_pool": lambda x, w: B.avg_pool(x, kernel_size=2, padding=1),
}


@pytest.mark.parametrize("name", list(WINDOWS))
def test_images_keep_their_border(name: str) -> None:
    def pulled(x: Any, w: Any) -> Any:
        value, pull = B.vjp(lambda v, u: WINDOWS[name](v, u) + 0 * B.xp.sum(u), x, w)
        return value, pull(value * value)

    weight, fast = drawn(2, 6, 3, 3, seed=4), compiled(pulled)
    for seed in range(2 * CALLS):
        x = B.relu(drawn(3, 6, 5, 6, seed=seed))
        assert_equal(fast(x, weight), pulled(x, weight))
    assert fast.plans == 1, fast.refusals


def test_warnings_are_silenced_where_they_were() -> None:
    def logarithm(x: Any) -> Any:
        with np.errstate(divide="ignore"):
            quiet = B.xp.log(x)
        return quiet, x / x

    fast = planned(compiled(logarithm), np.ones(3, "float32"))
    with np.errstate(invalid="ignore"):
        assert_equal(fast(np.zeros(3, "float32")), logarithm(np.zeros(3, "float32")))
    with pytest.warns(RuntimeWarning, match="invalid value"):
        fast(np.zeros(3, "float32"))


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    for mode, plans in (("never", 0), ("always", 1)):
        monkeypatch.setenv("NNSPEC_NUMPY_PLAN", mode)
        fast = compiled(doubled)
        assert_equal(fast(drawn(3)), doubled(drawn(3)))
        assert fast.plans == plans
