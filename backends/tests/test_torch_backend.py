"""The PyTorch backend beyond what all backends share: donation, transforms, precision flags."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import optree
import pytest

import nnspec

torch = pytest.importorskip("torch")

from nnspec_backends.torch._modes import ieee_products  # noqa: E402

B = nnspec.get_backend("torch")
D = nnspec.get_backend("torch", dtype="float64")


def normal(*shape: int, seed: int = 0, dtype: Any = torch.float32) -> Any:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def leaves(tree: Any) -> list[Any]:
    return optree.tree_leaves(tree)


def structure(tree: Any) -> Any:
    return optree.tree_structure(tree)


def cloned(tree: Any) -> Any:
    return optree.tree_map(torch.clone, tree)


def assert_equal(got: Any, wanted: Any) -> None:
    assert structure(got) == structure(wanted)
    for a, b in zip(leaves(got), leaves(wanted), strict=True):
        assert a.dtype == b.dtype
        assert torch.equal(a, b)


# -- optimizer kernels -----------------------------------------------------------------------------------

MASK = {"a": True, "b": [False, True]}
DECAYS: list[dict[str, Any]] = [
    {},
    {"l2": 0.2},
    {"weight_decay": 0.3},
    {"weight_decay": 0.3, "decay_mask": MASK},
    {"l2": 0.2, "weight_decay": 0.3, "decay_mask": MASK},
]
UPDATES: list[tuple[str, dict[str, Any]]] = [
    *(
        ("sgd", {"lr": 0.3, "momentum": m, "nesterov": n, **decay})
        for m, n, decay in itertools.product((0.0, 0.7), (False, True), DECAYS)
        if m or not n
    ),
    *(
        ("rmsprop", {"lr": 0.1, "alpha": 0.6, "eps": 0.1, "momentum": m, "centered": c, **decay})
        for m, c, decay in itertools.product((0.0, 0.7), (False, True), DECAYS)
    ),
    *(
        ("adam", {"lr": 0.1, "beta1": 0.8, "beta2": b2, "eps": e, "l2": l2})
        for b2, e, l2 in itertools.product((0.9, 0.999), (1e-8, 0.1), (0.0, 0.2))
    ),
    ("adam", {"lr": torch.tensor(0.25), "beta1": 0.0, "beta2": 0.0}),
    *(
        ("adamw", {"lr": 0.1, "eps": 0.1, "weight_decay": wd, "decay_mask": mask})
        for wd, mask in itertools.product((0.0, 0.3), (None, MASK))
    ),
    *(("adagrad", {"lr": 0.1, "eps": e, **decay}) for e, decay in itertools.product((1e-10, 0.1), DECAYS)),
    *(("adadelta", {"lr": 0.7, "rho": 0.6, "eps": 1e-3, **decay}) for decay in DECAYS),
    ("rprop", {"eta_minus": 0.3, "eta_plus": 1.7, "max_step": 0.02}),
    *(
        (name, {"lr": 0.1, "beta1": 0.8, "beta2": b2, "eps": e, **decay})
        for name, b2, e, decay in itertools.product(
            ("adamax", "nadam", "radam", "amsgrad"), (0.0, 0.9, 0.999), (1e-8, 0.1), DECAYS
        )
    ),
    ("nadam", {"lr": torch.tensor(0.25), "beta1": 0.0, "momentum_decay": 0.7}),
]
OPTIMIZERS = list(dict.fromkeys(name for name, _ in UPDATES))


def tree(seed: int, dtype: Any) -> Any:
    return {
        "a": normal(3, 4, seed=seed, dtype=dtype),
        "b": [normal(5, seed=seed + 1, dtype=dtype), normal(seed=seed + 2, dtype=dtype)],
    }


def initial(name: str, params: Any, options: dict[str, Any]) -> Any:
    own = {k: v for k, v in options.items() if k in ("momentum", "centered")}
    return getattr(B, f"{name}_init")(params, **own)


@pytest.mark.parametrize(("name", "options"), UPDATES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_updates_are_those_of_the_definition_in_float64(name: str, options: dict[str, Any], dtype: Any) -> None:
    definition = B.operations()[f"{name}_update"].definition
    params, exact = tree(0, dtype), tree(0, torch.float64)
    state, exact_state = initial(name, params, options), initial(name, exact, options)
    for step in range(1, 5):
        size = 1e-3 ** (step % 2)
        gradient = optree.tree_map(lambda g, size=size: g * size, tree(10 * step, torch.float32))
        widened = optree.tree_map(lambda g: g.to(torch.float64), gradient)  # the same numbers
        gradient = gradient if dtype is torch.float32 else widened
        params, state = getattr(B, f"{name}_update")(params, gradient, state, **options)
        exact, exact_state = definition(B, exact, widened, exact_state, **options)
    rtol = 1e-5 if dtype is torch.float32 else 1e-12
    got, wanted = [params, state], [exact, exact_state]
    assert structure(got) == structure(wanted)
    for a, b in zip(leaves(got), leaves(wanted), strict=True):
        torch.testing.assert_close(a.to(torch.float64), b.to(torch.float64), rtol=rtol, atol=rtol)
    assert int(state["step"]) == 4
    assert state["step"].dtype == torch.int32


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_update_leaves_its_arguments_alone(name: str) -> None:
    params, grads = tree(0, torch.float32), tree(7, torch.float32)
    options = {"momentum": 0.5} if name in ("sgd", "rmsprop") else {}
    state = initial(name, params, options)
    before = cloned([params, grads, state])
    getattr(B, f"{name}_update")(params, grads, state, **options)
    assert_equal([params, grads, state], before)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_layouts_of_parameters_and_gradients_do_not_matter(name: str) -> None:
    update = getattr(B, f"{name}_update")
    transposed, broadcast = normal(4, 3).T, torch.tensor(2.0).expand(3, 4)
    dense = [transposed.contiguous()], [broadcast.contiguous()]
    got = update([transposed], [broadcast], initial(name, [transposed], {}))
    assert_equal(got, update(*dense, initial(name, dense[0], {})))


# -- donation --------------------------------------------------------------------------------------------


def train(name: str) -> Callable[..., Any]:
    def step(params: Any, state: Any, x: Any) -> Any:
        def loss(p: Any) -> Any:
            return B.mean_squared_error(B.linear(x, p["w"], p["b"]), x)

        value, grads = B.value_and_grad(loss)(params)
        return *getattr(B, f"{name}_update")(params, grads, state), value

    return step


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "rprop"])  # by its definition
def test_donation_changes_nothing_but_the_buffers(name: str) -> None:
    params = {"w": normal(3, 3), "b": normal(3, seed=1)}
    state, x = initial(name, params, {}), normal(5, 3, seed=2)
    expected, compiled = (params, state), B.compile(train(name), donate=(0, 1))
    donated = cloned(expected)
    for _ in range(3):
        addresses = {leaf.data_ptr() for leaf in leaves(donated[0])}
        *expected, value = train(name)(*expected, x)
        *donated, got = compiled(*donated, x)
        assert_equal((donated, got), (expected, value))
        assert {leaf.data_ptr() for leaf in leaves(donated[0])} == addresses, "not in place"
    assert_equal(x, normal(5, 3, seed=2))


def test_an_argument_that_is_not_donated_keeps_its_values() -> None:
    params = {"w": normal(3, 3), "b": normal(3, seed=1)}
    state, x = B.adam_init(params), normal(5, 3, seed=2)
    before = cloned([params, state])
    step = train("adam")
    for donate in ((), (2,), (1,)):
        again = cloned(before[1])
        B.compile(step, donate=donate)(params, again, x)
        assert_equal(params, before[0])
        if 1 not in donate:
            assert_equal(again, before[1])


def test_a_donated_value_cannot_be_mistaken_for_the_new_one() -> None:
    def late(params: Any, state: Any) -> Any:
        new, state = B.adam_update(params, params_like, state)
        return new["w"] - params["w"]

    params = {"w": normal(3, 3)}
    params_like = {"w": torch.ones(3, 3)}
    with pytest.raises(RuntimeError, match="size"):
        B.compile(late, donate=(0, 1))(params, B.adam_init(params))


def test_tied_weights_and_gradients_inside_a_donated_buffer_are_copied() -> None:
    shared = normal(4)
    tied = [shared, shared.view(4)]
    grads = [torch.ones(4), torch.ones(4)]
    expected = B.adam_update(tied, grads, B.adam_init(tied))
    update = B.compile(lambda p, g, s: B.adam_update(p, g, s), donate=(0, 2))
    assert_equal(update(tied, grads, B.adam_init(tied)), expected)
    own = [normal(4)]
    expected = B.adam_update(own, own, B.adam_init(own))
    assert_equal(update(own, own, B.adam_init(own)), expected)


def test_donation_ends_with_the_call() -> None:
    params = [normal(3)]

    def fails(p: Any) -> Any:
        raise KeyError("in the step")

    with pytest.raises(KeyError):
        B.compile(fails, donate=(0,))(params)
    before = [params[0].clone()]
    B.adam_update(params, [torch.ones(3)], B.adam_init(params))
    assert_equal(params, before)


# -- transforms ------------------------------------------------------------------------------------------

WEIGHT, ROW, BIAS = normal(3, 4, seed=1), normal(4, seed=1), normal(4, seed=2)
TRANSFORMED: dict[str, Callable[..., Any]] = {
    "relu": B.relu,
    "linear": lambda x: B.linear(x, WEIGHT, BIAS[:3]),
    "layer_norm": lambda x: B.layer_norm(x, ROW, BIAS),
    "cross_entropy": lambda x: B.cross_entropy(x, torch.tensor([1, 3]), ignore_index=3),
    "batch_norm": lambda x: B.batch_norm(x, torch.zeros(4), torch.ones(4), training=True)[1],
    "max_pool": lambda x: B.max_pool(x[None], kernel_size=2, padding="same"),
    "dropout": lambda x: B.dropout(x, key=torch.tensor([1, 2], dtype=torch.int32)),
    "adam": lambda x: B.adam_update([x], [x * x], B.adam_init([x]))[0][0],
    "nadam": lambda x: B.nadam_update([x], [x * x], B.nadam_init([x]))[0][0],
    "radam": lambda x: B.radam_update([x], [x * x], B.radam_init([x]))[0][0],
}


@pytest.mark.parametrize("operation", TRANSFORMED)
def test_vmap_goes_through(operation: str) -> None:
    x, function = normal(3, 2, 4, seed=9), TRANSFORMED[operation]
    torch.testing.assert_close(torch.vmap(function)(x), torch.stack([function(row) for row in x]))


@pytest.mark.parametrize("operation", TRANSFORMED)
def test_torch_func_grad_goes_through(operation: str) -> None:
    x = normal(2, 4, seed=9)

    def summed(value: Any) -> Any:
        return (TRANSFORMED[operation](value) * 1.5).sum()

    torch.testing.assert_close(torch.func.grad(summed)(x), B.value_and_grad(summed)(x)[1])


@pytest.mark.parametrize("operation", TRANSFORMED)
def test_it_is_traced_as_one_graph(operation: str) -> None:
    torch.compiler.reset()
    x, function = normal(2, 4, seed=9), TRANSFORMED[operation]
    traced = torch.compile(lambda value: function(value), fullgraph=True, backend="eager")
    torch.testing.assert_close(traced(x), function(x))


def test_a_training_step_is_traced_as_one_graph() -> None:
    torch.compiler.reset()
    params = {"w": normal(3, 3), "b": normal(3, seed=1)}
    arguments = params, B.adam_init(params), normal(5, 3, seed=2)
    traced = torch.compile(train("adam"), fullgraph=True, backend="eager")
    got, wanted = (leaves(step(*arguments)) for step in (traced, train("adam")))
    torch.testing.assert_close(got, wanted)


def test_fuse_without_a_compiler_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(nnspec.UnsupportedOperationError, match=r"C\+\+ compiler"):
        B.compile(lambda x: x, fuse=True)


def test_values_under_a_transform_are_not_looked_at() -> None:
    seen: list[bool] = []

    def look(x: Any) -> Any:
        seen.append(B.is_concrete(x))
        return x.sum()

    look(torch.ones(2, 2))
    torch.vmap(look)(torch.ones(2, 2))
    torch.func.grad(look)(torch.ones(2, 2))
    torch.compile(look, backend="eager")(torch.ones(2, 2))
    assert seen[:3] == [True, False, False]
    assert not any(seen[3:])


# -- derivatives -----------------------------------------------------------------------------------------


def test_the_caller_s_modes_do_not_reach_in() -> None:
    x = torch.tensor([1.0, 2.0])
    with torch.no_grad():
        value, gradient = B.value_and_grad(lambda v: (v * v * v).sum())(x)
        outputs, pull = B.vjp(lambda v: v * v, x)
        assert pull(torch.ones(2))[0].tolist() == [2.0, 4.0]
        assert not torch.is_grad_enabled()
    assert gradient.tolist() == [3.0, 12.0]
    assert not any(t.requires_grad for t in (x, value, gradient, outputs))


def test_results_carry_no_graph_of_the_caller_s_leaves() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (value, aux), gradient = B.value_and_grad(lambda v: ((v * v).sum(), {"v": v * 2.0}), has_aux=True)(x)
    assert gradient.tolist() == [2.0, 4.0]
    assert not any(t.requires_grad for t in (value, aux["v"], gradient))
    assert x.grad is None


def test_a_gradient_of_a_gradient() -> None:
    def penalty(x: Any) -> Any:
        _, inner = D.value_and_grad(lambda v: (v * v * v).sum())(x)
        return (inner * inner).sum()  # sum 9 x^4

    x = D.asarray([1.0, -2.0])
    value, gradient = D.value_and_grad(penalty)(x)
    assert float(value) == 9.0 + 144.0
    assert gradient.tolist() == [36.0, -288.0]


def test_a_gradient_through_what_an_inner_function_closes_over() -> None:
    def outer(w: Any) -> Any:
        _, inner = D.value_and_grad(lambda v: (v * v * w).sum())(D.asarray([3.0]))
        return inner.sum()  # 2 * 3 * w

    assert D.value_and_grad(outer)(D.asarray([5.0]))[1].tolist() == [6.0]


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_of_channels_last_data_takes_a_weight_with_gaps(training: bool) -> None:
    x, gaps = normal(3, 5, 2, 4, dtype=torch.float64), normal(4, 2, seed=1, dtype=torch.float64)
    statistics = normal(4, seed=2, dtype=torch.float64), normal(4, seed=3, dtype=torch.float64).abs()

    def normalized(value: Any, weight: Any) -> Any:
        return D.batch_norm(value, *statistics, weight, weight, training=training, axis=3)[0]

    cotangent = normal(3, 5, 2, 4, seed=4, dtype=torch.float64)
    got, wanted = (D.vjp(normalized, x, w)[1](cotangent) for w in (gaps[:, 0], gaps[:, 0].contiguous()))
    torch.testing.assert_close(got, wanted)


# -- flags and devices -----------------------------------------------------------------------------------


def flags() -> tuple[Any, ...]:
    return (
        torch.backends.cuda.matmul.fp32_precision,
        torch.backends.cudnn.conv.fp32_precision,
        torch.backends.cudnn.allow_tf32,
        torch.get_float32_matmul_precision(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
    )


def test_using_the_backend_changes_no_flag() -> None:
    before = flags()
    B.value_and_grad(lambda w: B.conv(torch.ones(1, 1, 4), w).sum())(torch.ones(1, 1, 2))
    B.compile(B.relu, donate=(0,))(torch.ones(2))
    D.linear(D.asarray([[1.0]]), D.asarray([[1.0]]))
    assert flags() == before


def test_products_are_ieee_inside_only() -> None:
    before = flags()
    with ieee_products():
        assert torch.backends.cuda.matmul.fp32_precision == "ieee"
        assert torch.backends.cudnn.conv.fp32_precision == "ieee"
    assert flags() == before
    with pytest.raises(KeyError), ieee_products():
        raise KeyError("inside")
    assert flags() == before


def test_a_user_s_choice_of_tf32_is_back_afterwards() -> None:
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("high")
        with ieee_products():
            assert torch.backends.cuda.matmul.fp32_precision == "ieee"
        assert torch.get_float32_matmul_precision() == "high"
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    finally:
        torch.set_float32_matmul_precision(before)


def test_devices_are_those_of_torch() -> None:
    assert B.devices()[0] == B.device == "cpu"
    assert len(B.devices()) == 1 + torch.cuda.device_count()
    assert B.asarray([1.0]).device.type == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_products_on_cuda_are_ieee_whatever_the_flags() -> None:
    before = torch.get_float32_matmul_precision()
    C = nnspec.get_backend("torch", device="cuda")
    x, w = np.random.default_rng(0).normal(size=(2, 64, 1024)).astype(np.float32)
    image = x.reshape(1, 64, 32, 32)
    kernel = np.random.default_rng(1).normal(size=(64, 64, 3, 3)).astype(np.float32)
    try:
        torch.set_float32_matmul_precision("high")
        y, pull = C.vjp(C.linear, C.asarray(x), C.asarray(w))
        z, pull_conv = C.vjp(C.conv, C.asarray(image), C.asarray(kernel))
        got = [y, *pull(torch.ones_like(y)), z, *pull_conv(torch.ones_like(z))]
    finally:
        torch.set_float32_matmul_precision(before)
    exact, pull = D.vjp(D.linear, D.asarray(x), D.asarray(w))
    exact_conv, pull_conv = D.vjp(D.conv, D.asarray(image), D.asarray(kernel))
    wanted = [exact, *pull(torch.ones_like(exact)), exact_conv, *pull_conv(torch.ones_like(exact_conv))]
    for a, b in zip(got, wanted, strict=True):
        scale = float(b.abs().max())
        torch.testing.assert_close(a.cpu().double(), b, rtol=0, atol=scale * 2e-6)  # TF32: some 1e-4


def test_what_torch_compile_traced_does_not_depend_on_earlier_calls() -> None:
    """Which calls are known to be valid changes with every new shape, and must not make it trace again."""
    made = nnspec.get_backend("torch")
    x, w = torch.ones(2, 3), torch.ones(4, 3)
    traced = torch.compile(lambda x: made.relu(made.linear(x, w)), fullgraph=True, backend="eager")
    assert torch.equal(traced(x), torch.full((2, 4), 3.0))
    assert not made.decided_calls
    made.relu(torch.ones(5))
    assert made.decided_calls
    with torch.compiler.set_stance("fail_on_recompile"):
        traced(x)
