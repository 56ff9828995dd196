"""`NumpyBackend`: what it owes besides the kernels of its families."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np

from nnspec import Backend
from nnspec._low_precision import LOW, is_floating_dtype
from nnspec.backend import PROFILES, Flat, _check_donate
from nnspec.errors import DeviceUnavailableError, DTypeError
from nnspec.operation import Array
from nnspec.tape import Tensor, cast, namespace, pullback, raw
from nnspec_backends.numpy._plan import Compiled, Traced, plan_mode
from nnspec_backends.numpy.activations import NumpyActivations
from nnspec_backends.numpy.attention import NumpyAttention
from nnspec_backends.numpy.convolution import NumpyConvolution
from nnspec_backends.numpy.embedding import NumpyEmbedding
from nnspec_backends.numpy.linear import NumpyLinear
from nnspec_backends.numpy.losses import NumpyLosses
from nnspec_backends.numpy.normalization import NumpyNormalization
from nnspec_backends.numpy.optimizers import NumpyOptimizers
from nnspec_backends.numpy.pooling import NumpyPooling
from nnspec_backends.numpy.random import NumpyRandom
from nnspec_backends.numpy.recurrent import NumpyRecurrent
from nnspec_backends.numpy.shape import NumpyShape
from nnspec_backends.numpy.special import erf

__all__ = ["NumpyBackend"]

_LOW = frozenset({np.dtype("float16"), np.dtype(ml_dtypes.bfloat16)})
_FLOATING = frozenset({np.dtype("float32"), np.dtype("float64"), *_LOW})
_NAMES = frozenset({"float32", "float64", *LOW, "bool", *(f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64))})


class NumpyBackend(
    NumpyActivations,
    NumpyLinear,
    NumpyConvolution,
    NumpyPooling,
    NumpyLosses,
    NumpyNormalization,
    NumpyEmbedding,
    NumpyAttention,
    NumpyRecurrent,
    NumpyOptimizers,
    NumpyRandom,
    NumpyShape,
    Backend,
):
    """NumPy arrays on the host; under differentiation they are recorded on nnspec's tape."""

    name = "numpy"
    xp = namespace
    dtypes = ("float32", "float64", *LOW)
    profiles = frozenset(PROFILES)
    low_dtypes = _LOW
    array_types = frozenset({np.ndarray, Tensor})

    @classmethod
    def devices(cls) -> tuple[str, ...]:
        return ("cpu",)

    @classmethod
    def versions(cls) -> dict[str, str]:
        import scipy

        return {"numpy": np.__version__, "scipy": scipy.__version__}

    def resolve_device(self, device: str | None) -> str:
        if device not in (None, "cpu"):
            raise DeviceUnavailableError(f"device: the numpy backend has cpu, got {device!r}")
        return "cpu"

    def asarray(self, x: Any, *, dtype: str | None = None) -> Array:
        if isinstance(x, Traced):
            return x if dtype is None or x.dtype == dtype else x.astype(dtype)
        if isinstance(x, Tensor):
            return x if dtype is None or x.dtype == dtype else cast(x, dtype=np.dtype(dtype))
        if dtype is None:
            made = np.asarray(x)
            dtype = self.dtype if is_floating_dtype(made.dtype) else str(made.dtype)
        if dtype not in _NAMES:
            raise DTypeError(
                f"dtype: the numpy backend offers {', '.join(self.dtypes)}, integers and bool, got {dtype!r}"
            )
        with np.errstate(over="ignore"):  # beyond the range of float16 is infinite there
            return np.array(x, dtype)

    def to_numpy(self, x: Array) -> Any:
        return np.array(raw(x))

    def is_floating(self, x: Array) -> bool:
        return isinstance(x, (np.ndarray, Tensor, np.generic, Traced)) and x.dtype in _FLOATING

    def is_integer(self, x: Array) -> bool:
        return isinstance(x, (np.ndarray, np.generic, Traced)) and x.dtype.kind in "iu"

    def is_concrete(self, x: Array) -> bool:
        return not isinstance(raw(x), Traced)

    def widened(self, x: Array) -> Array:
        return cast(x, dtype=np.dtype("float32"))

    def rounded(self, x: Array, low: Any) -> Array:
        return cast(x, dtype=low)

    def erf(self, x: Array) -> Array:
        return erf(x)

    def stop_gradient(self, x: Array) -> Array:
        return raw(x)

    def compile(
        self, function: Callable[..., Any], *, donate: Sequence[int] = (), fuse: bool = False
    ) -> Callable[..., Any]:
        """`Backend.compile`: a recorded plan over arrays that are kept.

        The first call with given structures, shapes, dtypes and Python values runs the function as it is, the next
        two record it, and later ones repeat what was recorded. What Python does besides (values of attributes and
        globals, printing) is that of the recording. Donated arrays are updated in buffers of the plan, which the
        results are: given back, they are not copied.

        A function that looks at values (`to_numpy`, `float`, functions of NumPy that are not known to the recording)
        runs as it is at every call; optimizers then write into the donated arrays, and what the function is given of
        one is spoilt when its buffer is overwritten: a later look at the old value fails.

        Raises:
            ArgumentError: a recorded call branches on the value of an array.
        """
        _check_donate(donate)
        return Compiled(function, donate)

    @property
    def judged_compiled(self) -> bool:
        """Where plans are made at the first call, the plans of derivatives are judged too."""
        return plan_mode() == "always"

    def flat_vjp(self, function: Callable[[Flat], Flat], leaves: Flat) -> tuple[Flat, Callable[[Flat], Flat]]:
        recorded = [Tensor(x if isinstance(x, Traced) else np.asarray(x)) for x in map(raw, leaves)]
        outputs = function(list(recorded))
        pull = pullback(outputs, recorded)

        def pulled(cotangents: Flat) -> Flat:
            return [_of_rank_0(g) if g.ndim == 0 else g for g in pull(cotangents)]

        return [raw(o) for o in outputs], pulled


def _of_rank_0(x: Any) -> Any:
    """An array in the place of a scalar, or of an array that may be somebody's."""
    return x.reshape(()) if isinstance(x, Traced) else np.array(x)
