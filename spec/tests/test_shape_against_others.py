"""Padding, resampling, columns and one-hot codes by their definitions, against NumPy, SciPy, torch and JAX."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from typing import Any, ClassVar

import array_api_compat.torch
import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
import torch

from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec.ops.shape import Shape


class Definitions(Shape):
    """The definitions on the arrays of one namespace, and nothing else."""

    dtypes: ClassVar[tuple[str, ...]] = ("float32", "float64")
    dtype = "float32"

    def __init__(self, xp: Any) -> None:
        self.xp = xp

    def is_floating(self, x: Any) -> bool:
        return hasattr(x, "dtype") and x.dtype in (self.xp.float32, self.xp.float64)

    def is_integer(self, x: Any) -> bool:
        return hasattr(x, "dtype") and "int" in str(x.dtype)

    def is_concrete(self, x: Any) -> bool:
        return not isinstance(x, jax.core.Tracer)

    def to_numpy(self, x: Any) -> Any:
        return np.asarray(x)

    def asarray(self, x: Any, *, dtype: str | None = None) -> Any:
        return self.xp.asarray(x, dtype=getattr(self.xp, dtype or self.dtype))


native: Any = torch.nn.functional
T: Any = Definitions(array_api_compat.torch)


def tensor(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)


def agree(ours: torch.Tensor, theirs: torch.Tensor, leaf: torch.Tensor, tolerance: float = 1e-12) -> None:
    """Equal values and equal gradients under one random cotangent."""
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)
    cotangent = tensor(*theirs.shape, seed=99).detach()
    (got,), (wanted,) = (torch.autograd.grad(y, leaf, cotangent) for y in (ours, theirs))
    torch.testing.assert_close(got, wanted, rtol=tolerance, atol=tolerance)


# -- pad -------------------------------------------------------------------------------------------------

NUMPY_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
PADDINGS: tuple[Any, ...] = (
    ((1, 2),),
    ((0, 3), (2, 0)),
    ((1, 2), (0, 0), (3, 1)),
    ((1, 0), (2, 1), (3, 2), (0, 3)),
    (2, 1),
)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("mode", NUMPY_MODES)
def test_pad_is_that_of_numpy(mode: str, padding: Any) -> None:
    x = tensor(2, 3, 4, 5)
    if mode == "reflect" and len(padding) == 4:
        x = tensor(2, 3, 4, 5).repeat(2, 1, 1, 1)
    pairs = [(e, e) if isinstance(e, int) else e for e in padding]
    options = {"constant_values": 0.5} if mode == "constant" else {}
    wanted = np.pad(x.detach().numpy(), [(0, 0)] * (4 - len(pairs)) + pairs, NUMPY_MODES[mode], **options)
    ours = T.pad(x, padding=padding, mode=mode, value=0.5 if mode == "constant" else 0.0)
    np.testing.assert_array_equal(ours.detach().numpy(), wanted)


@pytest.mark.parametrize("mode", NUMPY_MODES)
def test_the_gradient_of_pad_is_that_of_torch(mode: str) -> None:
    x = tensor(2, 3, 4, 5)
    ours = T.pad(x, padding=((2, 1), (0, 3)), mode=mode)
    agree(ours, native.pad(x, [0, 3, 2, 1], mode=mode), x)


@pytest.mark.parametrize(
    ("mode", "sides"), [("reflect", (2, 2)), ("circular", (3, 3)), ("replicate", (7, 0)), ("constant", (9, 9))]
)
def test_pad_goes_as_far_as_the_mode_has_entries(mode: str, sides: tuple[int, int]) -> None:
    x = np.array([1.0, 2.0, 3.0])
    ours = T.pad(torch.asarray(x), padding=(sides,), mode=mode)
    np.testing.assert_array_equal(ours, np.pad(x, sides, NUMPY_MODES[mode]))


def test_an_integer_pads_the_spatial_axes() -> None:
    x = tensor(2, 3, 4, 5)
    agree(T.pad(x, padding=2), native.pad(x, [2, 2, 2, 2]), x)
    assert T.pad(x, padding=0) is x


# -- upsample --------------------------------------------------------------------------------------------

RATIOS = [(1, 4), (2, 5), (3, 2), (3, 3), (4, 2), (4, 12), (5, 1), (6, 9), (7, 5), (10, 3), (14, 21), (33, 64)]


@pytest.mark.parametrize(("size", "count"), RATIOS)
def test_nearest_reads_the_entry_next_to_the_place(size: int, count: int) -> None:
    """By fractions from the definition's words: the nearest entry, the higher of two."""
    places = [Fraction(2 * i + 1, 2) * size / count - Fraction(1, 2) for i in range(count)]
    wanted = [max(range(size), key=lambda j, p=p: (-abs(j - p), j)) for p in places]
    x = torch.arange(float(size)).reshape(1, 1, size)
    assert T.upsample(x, size=count).flatten().tolist() == wanted


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_nearest_is_nearest_exact_of_torch(axes: int) -> None:
    x = tensor(2, 3, *(4, 7, 3)[:axes])
    for target in itertools.product((2, 9), (5, 14), (4,)):
        agree(
            T.upsample(x, size=target[:axes]),
            native.interpolate(x, target[:axes], mode="nearest-exact"),
            x,
        )


@pytest.mark.parametrize(("size", "count"), RATIOS)
def test_linear_is_that_of_torch(size: int, count: int) -> None:
    x = tensor(2, 3, size)
    agree(T.upsample(x, size=count, mode="linear"), native.interpolate(x, count, mode="linear"), x)


def test_bilinear_and_trilinear_are_those_of_torch() -> None:
    for mode, sizes in (("bilinear", (4, 7)), ("trilinear", (4, 7, 3))):
        x = tensor(2, 3, *sizes)
        for target in ((9, 5, 3), (2, 14, 7)):
            there = target[: len(sizes)]
            agree(T.upsample(x, size=there, mode="linear"), native.interpolate(x, there, mode=mode), x)


@pytest.mark.parametrize(("size", "count"), RATIOS)
def test_linear_is_that_of_jax_without_smoothing(size: int, count: int) -> None:
    with jax.enable_x64(True):
        x = jnp.asarray(np.random.default_rng(0).standard_normal((1, 2, size)))
        theirs = jax.image.resize(x, (1, 2, count), "linear", antialias=False)
        ours = Definitions(jnp).upsample(x, size=count, mode="linear")
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("size", "count"), [(4, 12), (7, 5), (33, 64)])
def test_linear_is_that_of_scipy_on_a_grid_of_areas(size: int, count: int) -> None:
    x = tensor(1, 1, size).detach()
    theirs = scipy.ndimage.zoom(x[0, 0].numpy(), count / size, order=1, mode="nearest", grid_mode=True)
    ours = T.upsample(x, size=count, mode="linear")[0, 0].numpy()
    assert theirs.shape == ours.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_entries_out_of_reach_do_not_matter(mode: str) -> None:
    x = torch.zeros(1, 1, 9)
    x[..., 0] = torch.nan
    assert torch.isnan(T.upsample(x, size=12, mode=mode)).sum() <= 2


# -- unfold and fold -------------------------------------------------------------------------------------

GRID = list(itertools.product((1, (2, 3)), (1, (2, 1)), (0, (1, 2))))


@pytest.mark.parametrize(("stride", "dilation", "padding"), GRID)
def test_unfold_and_fold_are_those_of_torch(stride: Any, dilation: Any, padding: Any) -> None:
    x = tensor(2, 3, 6, 7)
    options = {"kernel_size": (2, 3), "stride": stride, "dilation": dilation, "padding": padding}
    columns = native.unfold(x, **options)
    agree(T.unfold(x, **options), columns, x)
    given = tensor(*columns.shape, seed=1)
    agree(T.fold(given, output_size=(6, 7), **options), native.fold(given, (6, 7), **options), given)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_columns_make_a_convolution_and_fold_is_the_adjoint(axes: int) -> None:
    x, weight = tensor(2, 3, *(5, 7, 6)[:axes]), tensor(4, 3, *(2, 3, 1)[:axes], seed=1)
    padding = ((1, 0), (0, 2), (1, 1))[:axes]
    options = {"stride": (2, 1, 3)[:axes], "dilation": (1, 2, 1)[:axes]}
    columns = T.unfold(x, kernel_size=weight.shape[2:], padding=padding, **options)
    wide = native.pad(x, [side for sides in reversed(padding) for side in sides])
    theirs = (native.conv1d, native.conv2d, native.conv3d)[axes - 1](wide, weight, **options)
    agree((weight.flatten(1) @ columns).reshape(theirs.shape), theirs, x)
    given = tensor(*columns.shape, seed=2).detach()
    (adjoint,) = torch.autograd.grad(columns, x, given)
    folded = T.fold(
        given, output_size=tuple(x.shape[2:]), kernel_size=tuple(weight.shape[2:]), padding=padding, **options
    )
    torch.testing.assert_close(folded, adjoint, rtol=1e-12, atol=1e-12)


# -- one_hot ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int32, torch.int64])
@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (0,)])
def test_one_hot_is_that_of_torch(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    x = torch.from_numpy(np.asarray(np.random.default_rng(0).integers(0, 5, shape)))
    ours = T.one_hot(x.to(dtype), num_classes=300, dtype="float64")
    assert ours.dtype == torch.float64
    torch.testing.assert_close(ours, native.one_hot(x, 300).double(), rtol=0, atol=0)
    assert T.one_hot(x.to(dtype), num_classes=5).dtype == torch.float32


# -- arguments -------------------------------------------------------------------------------------------

_x, _columns, _labels = tensor(2, 3, 5), tensor(2, 6, 4), torch.tensor([0, 2])
REFUSED: list[tuple[type[NnspecError], str, Callable[[], Any]]] = [
    (DTypeError, "x", lambda: T.pad(_labels, padding=(1,))),
    (ArgumentError, "mode", lambda: T.pad(_x, padding=1, mode="edge")),
    (ArgumentError, "value", lambda: T.pad(_x, padding=1, value=float("nan"))),
    (ArgumentError, "value", lambda: T.pad(_x, padding=1, mode="reflect", value=1.0)),
    (ArgumentError, "padding", lambda: T.pad(_x, padding=-1)),
    (ArgumentError, "padding", lambda: T.pad(_x, padding=((1, -1),))),
    (ArgumentError, "padding", lambda: T.pad(_x, padding=(1, 1, 1, 1))),
    (ArgumentError, "padding", lambda: T.pad(_x, padding=())),
    (ArgumentError, "padding", lambda: T.pad(_x[0], padding=1)),
    (ArgumentError, "padding", lambda: T.pad(_x, padding=((0, 5),), mode="reflect")),
    (ArgumentError, "padding", lambda: T.pad(_x, padding=((6, 0),), mode="circular")),
    (ArgumentError, "padding", lambda: T.pad(_x[..., :0], padding=((1, 0),), mode="replicate")),
    (ShapeError, "x", lambda: T.upsample(tensor(3, 4), size=2)),
    (ShapeError, "x", lambda: T.upsample(tensor(2, 3, 0), size=2)),
    (ArgumentError, "size", lambda: T.upsample(_x, size=0)),
    (ArgumentError, "size", lambda: T.upsample(_x, size=(4, 4))),
    (ArgumentError, "mode", lambda: T.upsample(_x, size=4, mode="bilinear")),
    (ShapeError, "x", lambda: T.unfold(_x, kernel_size=6)),
    (ArgumentError, "kernel_size", lambda: T.unfold(_x, kernel_size=0)),
    (ArgumentError, "stride", lambda: T.unfold(_x, kernel_size=2, stride=0)),
    (ArgumentError, "output_size", lambda: T.fold(_columns, output_size=5, kernel_size=2)),
    (ArgumentError, "output_size", lambda: T.fold(_columns, output_size=(0,), kernel_size=2)),
    (ArgumentError, "output_size", lambda: T.fold(_columns, output_size=(2,) * 4, kernel_size=1)),
    (ShapeError, "output_size", lambda: T.fold(_columns, output_size=(2,), kernel_size=3)),
    (ShapeError, "x", lambda: T.fold(_columns, output_size=(6,), kernel_size=2)),
    (ShapeError, "x", lambda: T.fold(_columns[:, :5], output_size=(5,), kernel_size=2)),
    (ShapeError, "x", lambda: T.fold(_columns[0], output_size=(5,), kernel_size=2)),
    (DTypeError, "x", lambda: T.one_hot(_x, num_classes=3)),
    (DTypeError, "dtype", lambda: T.one_hot(_labels, num_classes=3, dtype="int64")),
    (ArgumentError, "num_classes", lambda: T.one_hot(_labels, num_classes=0)),
    (ArgumentError, "x", lambda: T.one_hot(_labels, num_classes=2)),
    (ArgumentError, "x", lambda: T.one_hot(_labels - 1, num_classes=3)),
]


@pytest.mark.parametrize(("error", "name", "call"), REFUSED)
def test_a_bad_argument_of_a_shape_is_refused_by_its_name(
    error: type[NnspecError], name: str, call: Callable[[], Any]
) -> None:
    with pytest.raises(error, match=rf"^{name}: expected .*, got "):
        call()


# -- other namespaces ------------------------------------------------------------------------------------

CALLS: dict[str, Callable[..., Any]] = {
    "pad": lambda d, x, _: d.pad(x, padding=((1, 2), 0), value=0.25),
    "pad reflect": lambda d, x, _: d.pad(x, padding=((1, 2), 3), mode="reflect"),
    "pad replicate": lambda d, x, _: d.pad(x, padding=((1, 2), 3), mode="replicate"),
    "pad circular": lambda d, x, _: d.pad(x, padding=((1, 2), 3), mode="circular"),
    "upsample": lambda d, x, _: d.upsample(x, size=(7, 3)),
    "upsample linear": lambda d, x, _: d.upsample(x, size=(7, 3), mode="linear"),
    "unfold": lambda d, x, _: d.unfold(x, kernel_size=(2, 3), stride=(1, 2), padding=1),
    "fold": lambda d, x, _: d.fold(x[:, :2, :, 0], output_size=(6,), kernel_size=2, dilation=2, padding=((1, 0),)),
    "one_hot": lambda d, _, i: d.one_hot(i, num_classes=4),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_shapes_use_only_the_standard_and_trace(call: Callable[..., Any]) -> None:
    """array_api_strict knows nothing beyond the standard; jit forbids control flow on values."""
    rng = np.random.default_rng(5)
    x, i = rng.standard_normal((2, 3, 5, 6)).astype(np.float32), np.array([0, 3, 1], np.int32)
    wanted = np.asarray(call(T, torch.asarray(x), torch.asarray(i)))
    strict = np.asarray(call(Definitions(array_api_strict), array_api_strict.asarray(x), array_api_strict.asarray(i)))
    on_jax = Definitions(jnp)
    traced = np.asarray(jax.jit(lambda x, i: call(on_jax, x, i))(x, i))
    assert wanted.dtype == strict.dtype == traced.dtype == np.float32
    np.testing.assert_allclose(strict, wanted, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(traced, wanted, rtol=1e-5, atol=1e-5)
