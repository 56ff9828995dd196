"""What holds for every backend alike: natives agree with the definitions, errors have the same words.

JAX has float64 only where 64-bit types are on for the process; `test_jax_backend` runs this file once more so.
"""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec import Backend
from nnspec._windows import require_taps_inside, resolve

NAMES = [
    info.name for info in nnspec.list_backends() if info.unavailable is None and info.name in ("numpy", "torch", "jax")
]
INF, NAN = math.inf, math.nan


def jax_has_float64() -> bool:
    import jax

    return bool(jax.numpy.asarray(np.float64(0)).dtype == np.float64)


def widest(name: str) -> str:
    return "float32" if name == "jax" and not jax_has_float64() else "float64"


BACKENDS: dict[str, Backend] = {name: nnspec.get_backend(name, dtype=widest(name)) for name in NAMES}


@pytest.fixture(params=NAMES)
def B(request: pytest.FixtureRequest) -> Backend:  # noqa: N802
    return BACKENDS[request.param]


# -- natives against definitions -------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    operation: str
    arrays: list[Any]
    options: dict[str, Any] = field(default_factory=dict)
    #: whether compiling it costs JAX so much that a few of its kind must do
    many: bool = False


def drawn(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


POINTS = np.array([-1e4, -100, -30, -6, -3, -2.5, -1, -1e-3, -0.0, 0.0, 1e-3, 0.5, 1, 2, 6, 20, 21, 35, 100, 1e4])
HOLED = np.array([[0.5, -INF, 2.0], [-INF, -INF, 1.0], [3.0, 3.0, 3.0], [1e4, -1e4, 0.0]])


def activations() -> Iterator[Case]:
    for name in ("identity", "relu", "silu", "sigmoid", "tanh", "heaviside"):
        yield Case(name, [POINTS])
    for name in ("relu6", "hard_sigmoid", "hard_swish", "selu", "mish", "softsign", "log_sigmoid", "squareplus", "glu"):
        yield Case(name, [POINTS])
    for name, alpha in itertools.product(("elu", "celu"), (1.0, 0.3)):
        yield Case(name, [POINTS], {"alpha": alpha})
    for name, lambd in itertools.product(("softshrink", "hardshrink"), (0.5, 2.5)):
        yield Case(name, [POINTS], {"lambd": lambd})
    yield Case("threshold", [POINTS], {"threshold": 0.5, "value": -3.0})
    for slope in (0.01, 0.0, 1.5, -0.5):
        yield Case("leaky_relu", [POINTS], {"negative_slope": slope})
    for axis, weight in itertools.product((0, 1, 2, -1, -2), (3, 1)):
        yield Case("prelu", [np.trunc(drawn(3, 3, 3)), drawn(weight, seed=1)], {"axis": axis})
    yield Case("prelu", [POINTS, drawn(20, seed=1)], {"axis": 0})
    yield Case("prelu", [POINTS, drawn(1, seed=1)], {"axis": 0})
    for approximate in ("none", "tanh"):
        yield Case("gelu", [POINTS], {"approximate": approximate})
    for low, high in ((-1.0, 1.0), (0.0, 6.0), (-2.5, 0.5)):
        yield Case("hard_tanh", [POINTS], {"min_value": low, "max_value": high})
    for beta in (1.0, 0.3, 4.0):
        yield Case("softplus", [POINTS], {"beta": beta})
    for name, axis in itertools.product(("softmax", "log_softmax"), (0, 1, 2, -2)):
        yield Case(name, [drawn(3, 4, 2) * 30], {"axis": axis})
    for name in ("softmax", "log_softmax"):
        yield Case(name, [HOLED])


def products() -> Iterator[Case]:
    for leading in ((), (0,), (4,), (2, 3)):
        yield Case("linear", [drawn(*leading, 5), drawn(3, 5, seed=1), drawn(3, seed=2)])
        yield Case("linear", [drawn(*leading, 5), drawn(5, 5, seed=1)])
    sizes, kernels = (7, 6, 5), (3, 2, 2)
    strides, dilations = (1, (2, 1, 3)), (1, (2, 3, 1))
    paddings: tuple[Any, ...] = (0, (1, 0, 2), ((0, 2), (3, 1), (1, 0)), "same")
    for axes, stride, dilation, padding, groups in itertools.product((1, 2, 3), strides, dilations, paddings, (1, 2)):
        options = {
            name: value[:axes] if isinstance(value, tuple) else value
            for name, value in (("stride", stride), ("dilation", dilation), ("padding", padding))
        }
        weight = drawn(6, 4 // groups, *kernels[:axes], seed=1)
        few = axes == 2 and (stride == 1) == (dilation == 1) and padding not in (0, (1, 0))
        yield Case(
            "conv",
            [drawn(2, 4, *sizes[:axes]), weight, drawn(6, seed=2)],
            {**options, "groups": groups},
            many=not few,
        )
    yield Case("conv", [drawn(0, 4, 5, 5), drawn(6, 4, 3, 3, seed=1), drawn(6, seed=2)])
    yield Case("conv", [drawn(2, 3, 5), drawn(6, 1, 2, seed=1)], {"groups": 3})


POOL_PADDINGS: tuple[Any, ...] = (0, 1, ((0, 1), (1, 0), (0, 1)), ((1, 2), (0, 2), (2, 1)), ((2, 0),) * 3, 2, "same")


def fits(size: tuple[int, ...], options: dict[str, Any], counted: bool = False) -> bool:
    """Whether there is a window, and each has something to pool."""
    try:
        windows = resolve(size, options["kernel_size"], **{k: v for k, v in options.items() if k != "kernel_size"})
        if not counted:
            require_taps_inside(windows)
    except nnspec.ShapeError:
        return False
    return True


def pools() -> Iterator[Case]:
    strides = (None, (2, 3, 1))
    for axes, kernel, stride, padding in itertools.product((1, 2, 3), (2, (3, 2, 4)), strides, POOL_PADDINGS):
        chosen = {
            name: value[:axes] if isinstance(value, tuple) else value
            for name, value in (("kernel_size", kernel), ("stride", stride), ("padding", padding))
        }
        size = (5, 6, 4)[:axes]
        tied = np.round(drawn(2, 2, *size))
        for dilation in (1, 2, 3):
            if fits(size, {**chosen, "dilation": dilation}):
                yield Case("max_pool", [tied], {**chosen, "dilation": dilation}, many=True)
        if fits(size, chosen):
            yield Case("max_pool", [np.where(tied > 0, tied, -INF)], chosen, many=True)
        for counted in (False, True):
            if fits(size, chosen, counted):
                yield Case("avg_pool", [tied], {**chosen, "count_include_pad": counted}, many=True)
    yield Case("max_pool", [drawn(0, 2, 4, 4)], {"kernel_size": 2})
    yield Case("avg_pool", [drawn(0, 2, 4, 4)], {"kernel_size": 2})


def norms() -> Iterator[Case]:
    shapes = (
        ((6, 3), 1),
        ((1, 3), 1),
        ((4, 3, 5), 1),
        ((4, 5, 3), -1),
        ((3, 2), 0),
        ((3,), 0),
        ((0, 3), 1),
        ((2, 3, 2, 2), 1),
    )
    for (shape, axis), training, affine in itertools.product(shapes, (True, False), (0, 1, 2)):
        x = drawn(*shape) + 5
        running = [drawn(3, seed=1), np.abs(drawn(3, seed=2))]
        options = {"training": training, "decay": 0.3, "eps": 0.1, "axis": axis}
        yield Case("batch_norm", [x, *running, *(drawn(3, seed=3 + i) for i in range(affine))], options)
    groups: list[Any] = [-1, 0, 1, (1, 2), (2, 1), (0, 2), (0, 1, 2), (-1, -2)]
    for axis in groups:
        axes = sorted(a % 3 for a in (axis if isinstance(axis, tuple) else (axis,)))
        normalized = [(3, 4, 5)[a] for a in axes]
        for affine in (0, 1, 2):
            arrays = [drawn(3, 4, 5) + 7, *(drawn(*normalized, seed=1 + i) for i in range(affine))]
            yield Case("layer_norm", arrays, {"axis": axis, "eps": 0.1})
    yield Case("layer_norm", [drawn(4, 1) * 1e4, drawn(1), drawn(1, seed=1)])
    yield Case("layer_norm", [drawn(0, 4)])


def regressions() -> Iterator[Case]:
    prediction, target = np.round(drawn(4, 3)), np.round(drawn(4, 3, seed=1))
    names = ("mean_absolute_error", "mean_squared_error", "mean_squared_logarithmic_error")
    for name, reduction, weighted in itertools.product(names, ("mean", "sum", "none"), (False, True)):
        options: dict[str, Any] = {"reduction": reduction}
        if weighted:
            options["sample_weight"] = np.abs(np.round(drawn(4, 3, seed=2)))
        arrays = [np.abs(prediction), np.abs(target)] if "log" in name else [prediction, target]
        yield Case(name, arrays, options)
    for reduction, weight in itertools.product(("mean", "none"), (None, np.array([0.5, 2.0, 3.0]))):
        options = {"reduction": reduction} if weight is None else {"reduction": reduction, "pos_weight": weight}
        yield Case("binary_cross_entropy_with_logits", [drawn(4, 3) * 20, (drawn(4, 3, seed=1) > 0) * 1.0], options)


CLASS_WEIGHT = np.array([0.5, 0.0, 2.0])


def classifications() -> Iterator[Case]:
    labels = np.array([0, 2, 1, 2, 0])
    logits = drawn(5, 3) * 4
    absent = logits.copy()
    absent[1], absent[2] = (NAN, INF, 0.0), (-INF, NAN, 1.0)  # of label 2 and of label 1
    for reduction, smoothing, weight in itertools.product(
        ("mean", "sum", "none"), (0.0, 0.1, 1.0), (None, CLASS_WEIGHT)
    ):
        options: dict[str, Any] = {"reduction": reduction, "label_smoothing": smoothing}
        if weight is not None:
            options["weight"] = weight
        yield Case("cross_entropy", [logits, labels], options)
        yield Case("cross_entropy", [logits, labels], {**options, "ignore_index": 2})
        yield Case("cross_entropy", [logits[0], labels[0]], options)
        yield Case(
            "cross_entropy", [np.moveaxis(drawn(2, 5, 3), 2, 1), np.stack([labels, labels])], {**options, "axis": 1}
        )
    for operation, reduction in itertools.product(("cross_entropy", "nll"), ("mean", "sum", "none")):
        common = {"reduction": reduction}
        yield Case(operation, [logits, labels], {**common, "sample_weight": np.array([1.0, 0.0, 2.0, 0.5, 1.0])})
        yield Case(operation, [absent[[0, 1, 3]], labels[[0, 1, 3]]], {**common, "ignore_index": 2})
        yield Case(operation, [absent[[0, 2]], labels[[0, 2]]], {**common, "weight": CLASS_WEIGHT})
        yield Case(operation, [absent[[2]], labels[[2]]], {**common, "weight": CLASS_WEIGHT})
        yield Case(operation, [absent[[1]], labels[[1]]], {**common, "ignore_index": 2})
        yield Case(operation, [logits, labels], {**common, "weight": CLASS_WEIGHT, "ignore_index": 0})
        yield Case(operation, [logits, labels.astype(np.int8)], {**common, "ignore_index": -1})
        yield Case(operation, [np.moveaxis(drawn(2, 5, 3), 2, 0), np.stack([labels, labels])], {**common, "axis": 0})
        yield Case(operation, [HOLED[:3], np.array([0, 2, 1])], common)
    for reduction in ("sum", "none"):
        yield Case("cross_entropy", [drawn(0, 3), labels[:0]], {"reduction": reduction})
        yield Case("nll", [drawn(0, 3), labels[:0]], {"reduction": reduction})


def bits() -> Iterator[Case]:
    key = np.array([3, -7], np.int32)
    for shape in ((), (0,), (1,), (7,), (4, 9), (3000,)):
        yield Case("random_bits", [key], {"shape": shape})
        yield Case("random_uniform", [key], {"shape": shape, "dtype": "float32"})
        for site, rate in ((0, 0.5), (2**32 - 1, 0.0), (3, 1.0), (1, 0.3)):
            yield Case("dropout_mask", [key], {"shape": shape, "rate": rate, "site": site})
    yield Case("random_uniform", [key], {"shape": (5,)})
    yield Case("split", [key], {"num": 5})
    counters = np.array([[0, 1, -1], [5, 2**31 - 1, -(2**31)]], np.int32)
    yield Case("threefry", [key, counters, counters[::-1]])


CASES = [*activations(), *products(), *pools(), *norms(), *regressions(), *classifications(), *bits()]


def native_cases() -> Iterator[Any]:
    for name in NAMES:
        for number, case in enumerate(CASES):
            if BACKENDS[name].implementation(case.operation) == "native" and not (case.many and name == "jax"):
                yield pytest.param(name, case, id=f"{name}-{case.operation}-{number}")


def on(backend: Backend, x: Any) -> Any:
    return (
        backend.asarray(x, dtype=str(x.dtype) if x.dtype.kind == "i" else None)
        if isinstance(x, np.ndarray)
        else (backend.asarray(x, dtype="int32") if isinstance(x, np.integer) else x)
    )


def on_with_gaps(backend: Backend, x: Any) -> Any:
    """As `on`, in every other place of a larger buffer."""
    array = on(backend, x)
    if not hasattr(array, "shape"):
        return array
    return backend.xp.stack([array, backend.xp.zeros_like(array)], axis=-1)[..., 0]


def outcome(
    backend: Backend, function: Callable[..., Any], case: Case, on: Callable[[Backend, Any], Any] = on
) -> tuple[list[Any], list[Any]]:
    """Values, and gradients of every floating array under a random cotangent, on the host."""
    arrays = [on(backend, x) for x in case.arrays]
    options = {name: on(backend, x) for name, x in case.options.items()}
    places = [i for i, x in enumerate(arrays) if backend.is_floating(x)]

    def of_floating(*values: Any) -> list[Any]:
        full = list(arrays)
        for i, value in zip(places, values, strict=True):
            full[i] = value
        result = function(*full, **options)
        return list(result) if isinstance(result, tuple) else [result]

    def all_of_it(*values: Any) -> tuple[list[Any], Any]:
        if not values:
            return of_floating(), []
        outputs, pull = backend.vjp(of_floating, *values)
        return outputs, pull([on(backend, drawn(*y.shape, seed=50 + i)) for i, y in enumerate(outputs)])

    run = backend.compile(all_of_it) if backend.traced else all_of_it  # one compilation, not one a primitive
    outputs, grads = run(*(arrays[i] for i in places))
    return [backend.to_numpy(y) for y in outputs], [backend.to_numpy(g) for g in grads]


@pytest.mark.parametrize(("name", "case"), list(native_cases()))
def test_a_native_operation_agrees_with_its_definition(name: str, case: Case) -> None:
    backend = BACKENDS[name]
    definition = backend.operations()[case.operation].definition
    expected = outcome(backend, lambda *a, **k: definition(backend, *a, **k), case)
    native = getattr(backend, case.operation)
    rtol = 3e-5 if widest(name) == "float32" else 1e-11
    assert_close(outcome(backend, native, case), expected, rtol)
    if not backend.traced:  # a traced array has no layout
        assert_close(outcome(backend, native, case, on_with_gaps), expected, rtol)


def assert_close(got: tuple[list[Any], list[Any]], expected: tuple[list[Any], list[Any]], rtol: float) -> None:
    for mine, other in zip(itertools.chain(*got), itertools.chain(*expected), strict=True):
        assert mine.dtype == other.dtype
        if not np.issubdtype(mine.dtype, np.floating):
            np.testing.assert_array_equal(mine, other)
            continue
        finite = other[np.isfinite(other)]
        scale = float(np.abs(finite).max()) if finite.size else 1.0
        np.testing.assert_allclose(mine, other, rtol=rtol, atol=rtol * min(scale, 1.0))


# -- the same errors -------------------------------------------------------------------------------------


def ones(backend: Backend, *shape: int) -> Any:
    return backend.asarray(np.ones(shape))


WRONG: dict[str, tuple[type[Exception], Callable[[Backend], Any]]] = {
    "no-array": (nnspec.DTypeError, lambda b: b.relu([1.0])),
    "integer-array": (nnspec.DTypeError, lambda b: b.relu(b.asarray([1, 2]))),
    "shape": (nnspec.ShapeError, lambda b: b.linear(ones(b, 2, 3), ones(b, 4, 5))),
    "bias": (nnspec.ShapeError, lambda b: b.linear(ones(b, 2, 3), ones(b, 4, 3), ones(b, 3))),
    "axis": (nnspec.ArgumentError, lambda b: b.softmax(ones(b, 2, 3), axis=2)),
    "number": (nnspec.ArgumentError, lambda b: b.softplus(ones(b, 2), beta=0)),
    "choice": (nnspec.ArgumentError, lambda b: b.gelu(ones(b, 2), approximate="fast")),
    "label": (nnspec.ArgumentError, lambda b: b.cross_entropy(ones(b, 2, 3), b.asarray([0, 3]))),
    "kernel": (nnspec.ShapeError, lambda b: b.conv(ones(b, 1, 1, 2), ones(b, 1, 1, 3))),
    "window": (nnspec.ShapeError, lambda b: b.max_pool(ones(b, 1, 1, 2), kernel_size=2, padding=2)),
    "state": (nnspec.ArgumentError, lambda b: b.adam_update([ones(b, 2)], [ones(b, 2)], {})),
    "gradient-shape": (
        nnspec.ShapeError,
        lambda b: b.sgd_update([ones(b, 2)], [ones(b, 3)], b.sgd_init([ones(b, 2)])),
    ),
    "not-scalar": (nnspec.ShapeError, lambda b: b.value_and_grad(lambda x: x * 2.0)(ones(b, 3))),
    "integer-leaf": (
        nnspec.DTypeError,
        lambda b: b.value_and_grad(lambda p: b.xp.sum(p["w"]))({"w": b.asarray([1])}),
    ),
    "argnums": (nnspec.ArgumentError, lambda b: b.value_and_grad(b.xp.sum, argnums=1)(ones(b, 3))),
    "cotangents": (nnspec.ArgumentError, lambda b: b.vjp(lambda x: [x], ones(b, 2))[1](ones(b, 2))),
    "donate": (nnspec.ArgumentError, lambda b: b.compile(lambda x: x, donate=(-1,))),
    "key": (nnspec.ShapeError, lambda b: b.split(b.asarray(np.zeros(3, np.int32), dtype="int32"))),
}


def words(backend: Backend, kind: type[Exception], call: Callable[[Backend], Any]) -> str:
    """The message, up to what names the backend's own type of array."""
    with pytest.raises(kind) as caught:
        call(backend)
    assert caught.type is kind
    return str(caught.value).split(", got ")[0]


@pytest.mark.parametrize("wrong", WRONG)
def test_errors_have_the_same_class_and_words_everywhere(wrong: str) -> None:
    messages = {words(backend, *WRONG[wrong]) for backend in BACKENDS.values()}
    assert len(messages) == 1, messages


def test_an_unknown_device_is_named_with_those_there_are(B: Backend) -> None:  # noqa: N803
    with pytest.raises(nnspec.DeviceUnavailableError, match=r"has cpu.*got 'cuda:77'"):
        nnspec.get_backend(B.name, device="cuda:77")


def test_dtypes_not_offered_are_refused(B: Backend) -> None:  # noqa: N803
    with pytest.raises(nnspec.DTypeError, match="complex64"):
        nnspec.get_backend(B.name, dtype="complex64")
    with pytest.raises(nnspec.DTypeError, match="complex64"):
        B.asarray([1.0], dtype="complex64")


# -- the same derivatives --------------------------------------------------------------------------------


def test_a_gradient_has_the_structure_of_its_argument(B: Backend) -> None:  # noqa: N803
    params = {"dense": {"w": ones(B, 2), "b": ones(B, 3)}, "unused": [ones(B, 2, 2)]}
    value, gradient = B.value_and_grad(lambda p: B.xp.sum(p["dense"]["w"] * 3.0) + B.xp.sum(p["dense"]["b"]))(params)
    assert float(value) == 9.0
    assert B.to_numpy(gradient["dense"]["w"]).tolist() == [3.0, 3.0]
    assert B.to_numpy(gradient["dense"]["b"]).tolist() == [1.0, 1.0, 1.0]
    assert B.to_numpy(gradient["unused"][0]).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_several_arguments_and_auxiliary_results(B: Backend) -> None:  # noqa: N803
    def function(a: Any, b: Any, c: Any) -> Any:
        return B.xp.sum(a * b * c), {"product": a * b, "name": "kept", "number": 2.5}

    a, b, c = (B.asarray(v) for v in ([1.0, 2.0], [3.0, 4.0], [5.0, 6.0]))
    (value, aux), gradient = B.value_and_grad(function, argnums=(2, 0), has_aux=True)(a, b, c)
    assert float(value) == 63.0
    assert B.to_numpy(aux["product"]).tolist() == [3.0, 8.0]
    assert (aux["name"], aux["number"]) == ("kept", 2.5)
    assert [B.to_numpy(g).tolist() for g in gradient] == [[3.0, 8.0], [15.0, 24.0]]


def test_a_constant_function_has_gradient_0(B: Backend) -> None:  # noqa: N803
    value, gradient = B.value_and_grad(lambda x: B.stop_gradient(B.xp.sum(x)))(ones(B, 3))
    assert float(value) == 3.0
    assert B.to_numpy(gradient).tolist() == [0.0, 0.0, 0.0]


def test_a_pullback_can_be_used_twice(B: Backend) -> None:  # noqa: N803
    outputs, pull = B.vjp(lambda x, y: (x * y, x + y), ones(B, 2), 2.0 * ones(B, 2))
    assert [B.to_numpy(o).tolist() for o in outputs] == [[2.0, 2.0], [3.0, 3.0]]
    for scale in (1.0, 10.0):
        gx, gy = pull((scale * ones(B, 2), 0.0 * ones(B, 2)))
        assert B.to_numpy(gx).tolist() == [2.0 * scale] * 2
        assert B.to_numpy(gy).tolist() == [scale] * 2


# -- arrays in and out -----------------------------------------------------------------------------------


def test_numpy_data_are_copied_in_and_out(B: Backend) -> None:  # noqa: N803
    for size in (3, 1 << 16):
        for dtype in ("float32", widest(B.name)):
            host = np.ones(size, dtype)
            array = B.asarray(host, dtype=dtype)
            host[:] = 7.0
            assert B.to_numpy(array).max() == 1.0
            out = B.to_numpy(array)
            out[:] = 9.0
            assert B.to_numpy(array).max() == 1.0


@pytest.mark.parametrize(
    "data", [2.0, [[1.0, 2.0]], np.array([1.5], np.float16), np.float64(3.0), np.arange(6.0)[::-2]], ids=repr
)
def test_floating_data_take_the_default_dtype(B: Backend, data: Any) -> None:  # noqa: N803
    array = B.asarray(data)
    assert B.is_floating(array)
    assert not B.is_integer(array)
    assert str(B.to_numpy(array).dtype) == B.dtype
    np.testing.assert_array_equal(B.to_numpy(array), np.asarray(data, B.dtype))
    assert B.to_numpy(B.asarray(array, dtype="float32")).dtype == np.float32


@pytest.mark.parametrize("data", [3, [1, -2], np.array([1, 2], np.uint8), np.array([300], np.uint16)], ids=repr)
def test_integers_keep_their_kind(B: Backend, data: Any) -> None:  # noqa: N803
    array = B.asarray(data)
    assert B.is_integer(array)
    assert not B.is_floating(array)
    np.testing.assert_array_equal(B.to_numpy(array), np.asarray(data))
    assert B.to_numpy(B.asarray([True, False])).dtype == bool


@pytest.mark.parametrize("name", NAMES)
def test_the_plugin_describes_the_class(name: str) -> None:
    """`nnspec backends` prints the description and imports nothing to compare."""
    cls = type(BACKENDS[name])
    (said,) = (info.entry.description for info in nnspec.list_backends() if info.name == name)
    assert said is not None
    assert said.dtypes == cls.dtypes
    assert said.profiles == cls.profiles
    assert said.traced == cls.traced
    versions = said.versions()
    assert versions is not None
    # the CUDA version is that of a build, which has no distribution
    assert list(versions) == [package for package in cls.versions() if package != "cuda"]
    assert all(cls.versions()[package].startswith(version) for package, version in versions.items())
    assert set(said.devices) <= set(cls.devices())
    assert set(said.devices) == set(cls.devices()) or not said.all_devices


IMPORTS = """
import sys, nnspec
assert not {"torch", "jax"} & set(sys.modules), "a framework is imported before it is asked for"
nnspec.list_backends()
assert not {"torch", "jax"} & set(sys.modules), "listing imports a framework"
nnspec.get_backend(%r)
print(" ".join(sorted({"torch", "jax"} & set(sys.modules))))
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_backend_imports_no_framework_but_its_own(name: str) -> None:
    found = subprocess.run([sys.executable, "-c", IMPORTS % name], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert found.stdout.split() == [name] * (name != "numpy")
