"""Compiled functions on PyTorch: what is replayed does what the function does, or the function itself is run."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

import optree
import pytest

import nnspec

torch = pytest.importorskip("torch")

from nnspec_backends._plans import CHANGES, SIGNATURES  # noqa: E402
from nnspec_backends.torch._plan import Compiled, _replay  # noqa: E402
from nnspec_backends.torch._plan._compiled import _RUNS  # noqa: E402

B = nnspec.get_backend("torch")
MANY = _RUNS + 3


@pytest.fixture(autouse=True)
def _plans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NNSPEC_TORCH_PLAN", raising=False)


def normal(*shape: int, seed: int = 0) -> Any:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def cloned(tree: Any) -> Any:
    return optree.tree_map(lambda x: x.clone() if isinstance(x, torch.Tensor) else x, tree)


def assert_equal(got: Any, wanted: Any) -> None:
    assert optree.tree_structure(got) == optree.tree_structure(wanted)
    for a, b in zip(optree.tree_leaves(got), optree.tree_leaves(wanted), strict=True):
        if isinstance(b, torch.Tensor):
            assert a.dtype == b.dtype
            assert torch.equal(a, b)
        else:
            assert a == b


# -- models ----------------------------------------------------------------------------------------------


def dense(p: Any, x: Any, key: Any, step: Any) -> Any:
    y = B.linear(x, p["weight"], p["bias"])
    return B.dropout(B.gelu(y), rate=0.3, key=B.fold_in(key, step), site=1)


def image(p: Any, x: Any, key: Any, step: Any) -> Any:
    y = B.conv(x.reshape(-1, 1, 2, 3), p["kernel"], padding=1)
    y = B.batch_norm(B.relu(y), torch.zeros(2), torch.ones(2), training=True)[0]
    return B.linear(B.flatten(B.max_pool(y, kernel_size=2, stride=1)), p["weight"], p["bias"])


MODELS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "dense": (dense, {"weight": normal(4, 6), "bias": normal(4, seed=1)}),
    "image": (image, {"kernel": normal(2, 1, 3, 3), "weight": normal(4, 4, seed=2), "bias": normal(4, seed=3)}),
}
OPTIMIZERS = ("adam", "adamw", "sgd", "adagrad", "lion", "rmsprop")


def step_of(model: str, optimizer: str) -> Callable[..., Any]:
    apply = MODELS[model][0]

    def step(params: Any, state: Any, x: Any, y: Any, key: Any) -> Any:
        def loss(p: Any) -> Any:
            return B.cross_entropy(apply(p, x, key, state["step"]), y)

        value, grads = B.value_and_grad(loss)(params)
        return *getattr(B, f"{optimizer}_update")(params, grads, state), value

    return step


def batches() -> Iterator[tuple[Any, Any]]:
    for seed in range(MANY):
        yield normal(5, 6, seed=10 + seed), torch.arange(5).roll(seed) % 4


@pytest.mark.parametrize("donate", [(0, 1), (), (0,)], ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model", list(MODELS))
def test_a_plan_does_what_the_function_does(model: str, optimizer: str, donate: tuple[int, ...]) -> None:
    step, params = step_of(model, optimizer), MODELS[model][1]
    expected: Any = (params, getattr(B, f"{optimizer}_init")(params))
    compiled, got, key = B.compile(step, donate=donate), cloned(expected), B.key(3)
    for x, y in batches():
        *expected, value = step(*expected, x, y, key)
        *got, mine = compiled(*got, x, y, key)
        assert_equal(got, expected)
        assert_equal(mine, value)
    assert isinstance(compiled, Compiled)
    assert (compiled.plans, compiled.refusals) == (1, [])


@pytest.mark.skipif(shutil.which("g++") is None, reason="fuse=True needs a C++ compiler")
@pytest.mark.parametrize("model", list(MODELS))
def test_fused_kernels_do_what_the_function_does(model: str) -> None:
    step, params = step_of(model, "adam"), MODELS[model][1]
    expected: Any = (params, B.adam_init(params))
    compiled, got, key = B.compile(step, donate=(0, 1), fuse=True), cloned(expected), B.key(3)
    for x, y in list(batches())[:3]:
        *expected, value = step(*expected, x, y, key)
        *got, mine = compiled(*got, x, y, key)
        torch.testing.assert_close(mine, value)
        torch.testing.assert_close(got[0], expected[0], rtol=1e-4, atol=1e-5)
    with pytest.raises(nnspec.UnsupportedOperationError, match="cannot trace this function"):  # not a slow path
        B.compile(lambda x: x if x.sum() > 0 else -x, fuse=True)(torch.ones(2))
    with pytest.raises(nnspec.UnsupportedOperationError, match="got a tensor with requires_grad"):
        B.compile(B.relu, fuse=True)(torch.ones(2, requires_grad=True))


@pytest.mark.skipif(shutil.which("g++") is None, reason="fuse=True needs a C++ compiler")
def test_numbers_that_keep_changing_are_noticed() -> None:
    compiled = B.compile(lambda x, n: x * n, fuse=True)
    for n in (1.0, 2.0):
        assert compiled(torch.ones(2), n).tolist() == [n, n]
    for i in range(SIGNATURES - 2):  # as if they had been compiled
        compiled._entries.of(i)  # type: ignore[attr-defined]
    with pytest.raises(nnspec.UnsupportedOperationError, match="arrays of rank 0"):
        compiled(torch.ones(2), 77.0)


# -- what makes another call another computation -----------------------------------------------------------


def warm(compiled: Callable[..., Any], *args: Any) -> None:
    for _ in range(MANY):
        compiled(*cloned(args))
    assert compiled.plans == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "other",
    [normal(3, 2), normal(2, 3).double(), normal(3, 2).T, normal(2, 3).int(), normal(2, 3, 1)],
    ids=["shape", "dtype", "strides", "integers", "rank"],
)
def test_other_shapes_dtypes_and_layouts_are_computed_as_they_are(other: Any) -> None:
    def function(x: Any) -> Any:
        return (x * 2).reshape(-1) + x.shape[0]

    compiled = B.compile(function)
    warm(compiled, normal(2, 3))
    assert_equal(compiled(other), function(other))


def test_what_is_not_an_array_is_told_apart_though_it_is_equal() -> None:
    compiled = B.compile(lambda x, n: x / n)
    warm(compiled, torch.ones(2), 1)
    assert compiled(torch.ones(2), 2).tolist() == [0.5, 0.5]
    assert compiled(torch.ones(2), 1).tolist() == [1.0, 1.0]
    warm(compiled_zero := B.compile(lambda x, n: x / n), torch.ones(2), 0.0)
    assert compiled_zero(torch.ones(2), -0.0).tolist() == [-float("inf")] * 2


def test_what_a_function_closes_over_is_looked_at() -> None:
    factor = 2.0

    def function(x: Any) -> Any:
        return x * factor

    compiled = B.compile(function)
    warm(compiled, torch.ones(2))
    for factor in (3.0, 4.0):
        for _ in range(MANY):
            assert compiled(torch.ones(2)).tolist() == [factor] * 2
    for factor in range(CHANGES + 2):
        assert compiled(torch.ones(2)).tolist() == [factor] * 2
    assert compiled(torch.ones(2)).tolist() == [factor] * 2


def test_a_state_that_changes_at_every_call_is_never_frozen() -> None:
    calls = [0]

    def counts(x: Any) -> Any:
        calls[0] += 1
        return x * calls[0]

    compiled = B.compile(counts)
    got = [int(compiled(torch.ones(1))) for _ in range(MANY)]
    assert got == sorted(set(got))
    assert compiled.refusals == ["two runs did not do the same"]  # type: ignore[attr-defined]


def test_random_numbers_of_torch_are_drawn_anew() -> None:
    compiled = B.compile(lambda x: x + torch.rand(4))
    warm(compiled, torch.zeros(4))
    assert not torch.equal(compiled(torch.zeros(4)), compiled(torch.zeros(4)))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * float(x.sum()),
        lambda x: x if x.sum() > 0 else -x,
        lambda x: torch.as_tensor(B.to_numpy(x)),
        lambda x: x[x > 0],
        lambda x: torch.from_numpy(x.numpy() * 2),
    ],
    ids=["float", "branch", "to_numpy", "mask", "numpy"],
)
def test_what_looks_at_values_runs_as_it_is(function: Callable[[Any], Any]) -> None:
    compiled = B.compile(function)
    for seed in range(MANY):
        x = normal(4, seed=seed)
        assert_equal(compiled(x), function(x))
    assert len(compiled.refusals) == 1  # type: ignore[attr-defined]


def test_gradients_outside_flow_as_through_the_function() -> None:
    weight = normal(3).requires_grad_()
    compiled = B.compile(lambda x: (x * weight).sum())
    for _ in range(MANY):
        assert torch.autograd.grad(compiled(torch.ones(3)), weight)[0].tolist() == [1.0] * 3
    compiled = B.compile(lambda x: (x * x).sum())
    warm(compiled, torch.ones(3))
    x = torch.ones(3, requires_grad=True)
    assert torch.autograd.grad(compiled(x), x)[0].tolist() == [2.0] * 3
    assert torch.func.grad(compiled)(torch.ones(3)).tolist() == [2.0] * 3


def test_under_autocast_the_function_runs_as_it_is() -> None:
    compiled = B.compile(lambda x: x @ x)
    warm(compiled, torch.ones(2, 2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert compiled(torch.ones(2, 2)).dtype == torch.bfloat16


# -- memory ------------------------------------------------------------------------------------------------


def updated(params: Any, state: Any, x: Any) -> Any:
    value, grads = B.value_and_grad(lambda p: B.mean_squared_error(x @ p["w"], x))(params)
    return *B.adam_update(params, grads, state), value


def started() -> tuple[Any, Any]:
    params = {"w": normal(3, 3)}
    return params, B.adam_init(params)


def test_donated_arrays_are_updated_where_they_are_and_let_go() -> None:
    compiled, x = B.compile(updated, donate=(0, 1)), normal(5, 3, seed=2)
    params, state = started()
    for _ in range(MANY):
        old, address = params["w"], params["w"].data_ptr()
        params, state, _ = compiled(params, state, x)
        assert params["w"].data_ptr() == address
        assert old.numel() == 0
    assert compiled.plans == 1  # type: ignore[attr-defined]


def test_donated_arrays_from_elsewhere_are_taken_as_they_are() -> None:
    compiled, x = B.compile(updated, donate=(0, 1)), normal(5, 3, seed=2)
    params, state = started()
    for i in range(2 * MANY):
        if i % 3 == 2:
            params = {"w": params["w"] * 0.5}
        expected = updated(cloned(params), cloned(state), x)
        params, state, value = compiled(params, state, x)
        assert_equal((params, state, value), expected)


def test_two_models_may_use_one_plan_in_turn() -> None:
    compiled, x = B.compile(updated, donate=(0, 1)), normal(5, 3, seed=2)
    models = [started(), ({"w": normal(3, 3, seed=9)}, B.adam_init({"w": normal(3, 3)}))]
    for _ in range(MANY):
        for i, (params, state) in enumerate(models):
            expected = updated(cloned(params), cloned(state), x)
            *models[i], value = compiled(params, state, x)
            assert_equal((*models[i], value), expected)


def test_arrays_that_share_memory_are_not_updated_in_place() -> None:
    compiled = B.compile(lambda p, s, g: B.adam_update(p, g, s), donate=(0, 1))

    def given(alias: str) -> Any:
        p = [normal(4), normal(4, seed=1)]
        grads = [torch.ones(4), torch.ones(4)]
        state = B.adam_init(p)
        if alias == "tied":
            p[1] = p[0].view(4)
        if alias == "gradient":
            grads[0] = p[1].view(4)
        return p, state, grads

    for _ in range(MANY):
        compiled(*given("none"))
    assert compiled.plans == 1  # type: ignore[attr-defined]
    kept = compiled(*given("none"))
    for alias in ("tied", "gradient", "none"):
        p, s, g = given(alias)
        expected = B.adam_update(p, g, s)
        assert_equal(compiled(*given(alias)), expected)
    p, s = kept
    grads = [p[1].view(4), torch.ones(4)]  # a gradient inside what the plan itself returned
    expected = B.adam_update(cloned(p), cloned(grads), cloned(s))
    assert_equal(compiled(p, s, grads), expected)


def test_an_old_value_that_is_looked_at_later_is_copied() -> None:
    def late(params: Any, state: Any, x: Any) -> Any:
        new, after, value = updated(params, state, x)
        return new, after, value, new["w"] - params["w"]

    compiled, x = B.compile(late, donate=(0, 1)), normal(5, 3, seed=2)
    for _ in range(_RUNS):  # as it is, the old value is gone when it is looked at
        with pytest.raises(RuntimeError, match="size"):
            compiled(*started(), x)
    expected = late(*started(), x)
    assert_equal(compiled(*started(), x), expected)


def test_what_a_call_makes_belongs_to_it() -> None:
    kept = torch.zeros(2)
    compiled = B.compile(lambda x: (x + 1, B.asarray([1.0, 2.0]), kept))
    warm(compiled, torch.ones(2))
    _, made, given = compiled(torch.ones(2))
    assert given is kept
    made += 5
    assert compiled(torch.ones(2))[1].tolist() == [1.0, 2.0]


def test_writing_to_a_constant_does_not_add_up() -> None:
    def function(x: Any) -> Any:
        total = B.asarray([1.0, 2.0])
        total += x
        return total * 2

    compiled = B.compile(function)
    for _ in range(MANY):
        assert compiled(torch.ones(2)).tolist() == [4.0, 6.0]
    assert compiled.plans == 1  # type: ignore[attr-defined]


def test_writing_to_an_argument_reaches_the_caller() -> None:
    def function(x: Any) -> Any:
        x += 1
        return x * 2

    compiled, x = B.compile(function), torch.zeros(2)
    for i in range(1, MANY):
        assert compiled(x).tolist() == [2.0 * i] * 2
        assert x.tolist() == [float(i)] * 2


# -- graphs of kernels, as on CUDA ------------------------------------------------------------------------------


def captured_by_hand(kernels: Any, arrays: list[Any]) -> tuple[Callable[[], None], list[Any]]:
    """What a CUDA graph does: results in the same memory at every launch. Capturing itself changes nothing."""
    before = cloned(arrays)
    results = kernels(*arrays)
    for x, value in zip(arrays, before, strict=True):
        x.copy_(value)

    def launch() -> None:
        for x, value in zip(results, kernels(*arrays), strict=True):
            if x is not value:
                x.copy_(value)

    return launch, results


@pytest.fixture
def _capturing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans on the CPU take the way of those on a device."""
    made = _replay.Plan.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        self._on_host, self._capture = False, captured_by_hand

    monkeypatch.setattr(_replay.Plan, "__init__", init)


@pytest.mark.usefixtures("_capturing")
def test_captured_kernels_do_what_the_function_does() -> None:
    compiled, kept = B.compile(updated, donate=(0, 1)), []
    params, state = started()
    for i in range(MANY + 8):
        x = normal(5, 3, seed=i)
        if i in (MANY, MANY + 3):  # from elsewhere, while what was handed out is still held
            kept.append((params, cloned(params)))
            params = {"w": params["w"] * 0.5}
        expected = updated(cloned(params), cloned(state), x)
        old = params["w"]
        params, state, value = compiled(params, state, x)
        assert_equal((params, state, value), expected)
        assert old.numel() == 0
        kept.append((value, cloned(value)))
    for held, was in kept:
        assert_equal(held, was)
    plan = compiled._recent.plan  # type: ignore[attr-defined]
    assert plan._captured is not None
    assert plan._captures == _replay._CAPTURES - 3


@pytest.mark.usefixtures("_capturing")
def test_kernels_that_cannot_be_captured_are_launched_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(kernels: Any, arrays: Any) -> Any:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(__name__ + ".captured_by_hand", refuses)
    compiled, x = B.compile(updated, donate=(0, 1)), normal(5, 3, seed=2)
    params, state = started()
    for _ in range(MANY):
        expected = updated(cloned(params), cloned(state), x)
        params, state, value = compiled(params, state, x)
        assert_equal((params, state, value), expected)
    assert compiled._recent.plan._captures == 0  # type: ignore[attr-defined]


# -- errors ------------------------------------------------------------------------------------------------


def test_a_label_out_of_range_is_the_same_error_in_a_plan() -> None:
    def step(params: Any, state: Any, x: Any, y: Any) -> Any:
        value, grads = B.value_and_grad(lambda p: B.cross_entropy(x @ p["w"], y))(params)
        return *B.adam_update(params, grads, state), value

    compiled, x = B.compile(step, donate=(0, 1)), normal(5, 3, seed=2)
    good = torch.tensor([0, 1, 2, 0, 1])
    params, state = started()
    for _ in range(MANY):
        params, state, _ = compiled(params, state, x, good)
    before = cloned((params, state))
    with pytest.raises(nnspec.ArgumentError, match="target: expected class indices"):
        compiled(params, state, x, good + 1)
    assert_equal((params, state), before)
    expected = step(before[0], before[1], x, good)
    assert_equal(compiled(params, state, x, good), expected)


def test_errors_of_the_function_are_its_own() -> None:
    def fails(x: Any) -> Any:
        raise KeyError("mine")

    compiled = B.compile(fails)
    for _ in range(MANY):
        with pytest.raises(KeyError, match="mine"):
            compiled(torch.ones(1))


# -- calls within calls ------------------------------------------------------------------------------------


def test_a_compiled_function_in_another() -> None:
    inner = B.compile(lambda x: x * 2)
    warm(inner, torch.ones(2))
    outer = B.compile(lambda x: inner(x) + 1)
    for i in range(MANY):
        assert outer(torch.full((2,), float(i))).tolist() == [2.0 * i + 1] * 2
    assert outer.plans == 1  # type: ignore[attr-defined]


def test_threads_get_their_own_results() -> None:
    compiled, x = B.compile(updated, donate=(0, 1)), normal(5, 3, seed=2)
    warm(compiled, *started(), x)
    expected = updated(*started(), x)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(50):
                assert_equal(compiled(*started(), x), expected)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNSPEC_TORCH_PLAN", "always")
    always = B.compile(lambda x: x * 2)
    assert (always(torch.ones(1)).item(), always.plans) == (2.0, 1)  # type: ignore[attr-defined]
    monkeypatch.setenv("NNSPEC_TORCH_PLAN", "never")
    never = B.compile(lambda x: x * 2)
    for _ in range(MANY):
        assert never(torch.ones(1)).item() == 2.0
    assert never.plans == 0  # type: ignore[attr-defined]
