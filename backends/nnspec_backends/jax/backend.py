"""`JaxBackend`: what it owes besides the functions of its families."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import jaxlib.version
import numpy as np
import optree

from nnspec._low_precision import LOW
from nnspec.backend import PROFILES, Backend, Flat, _check_donate
from nnspec.errors import ArgumentError, DeviceUnavailableError
from nnspec.operation import Array
from nnspec_backends._host import checked_dtype, fresh_host_array
from nnspec_backends.jax._namespace import namespace
from nnspec_backends.jax.activations import JaxActivations
from nnspec_backends.jax.convolution import JaxConvolution
from nnspec_backends.jax.linear import JaxLinear
from nnspec_backends.jax.losses import JaxLosses
from nnspec_backends.jax.pooling import JaxPooling
from nnspec_backends.jax.random import JaxRandom
from nnspec_backends.jax.recurrent import JaxRecurrent
from nnspec_backends.jax.shape import JaxShape

__all__ = ["JaxBackend", "X64Warning"]

_LOW = frozenset({np.dtype(jnp.float16), np.dtype(jnp.bfloat16)})
_FLOATING = frozenset({np.dtype("float32"), np.dtype("float64"), *_LOW})
#: JAX's name of a platform -> nnspec's
_PLATFORMS = {"gpu": "cuda", "rocm": "cuda"}
#: settings of the whole process that change what is computed, or how
_SETTINGS = (
    "jax_enable_x64",
    "jax_default_matmul_precision",
    "jax_default_device",
    "jax_numpy_dtype_promotion",
    "jax_numpy_rank_promotion",
    "jax_default_prng_impl",
    "jax_threefry_partitionable",
    "jax_disable_jit",
    "jax_debug_nans",
    "jax_debug_infs",
    "jax_check_tracer_leaks",
)


class X64Warning(UserWarning):
    """float64 was asked for, so 64-bit types are on from now on in this whole process."""


def _name(device: jax.Device) -> str:
    platform = _PLATFORMS.get(device.platform, device.platform)
    return platform if platform == "cpu" and device.id == 0 else f"{platform}:{device.id}"


def _devices() -> dict[str, jax.Device]:
    """Every device by name, those of JAX's default platform first."""
    found = list(jax.devices())
    if found[0].platform != "cpu":
        found += jax.devices("cpu")
    return {_name(device): device for device in found}


class JaxBackend(
    JaxActivations, JaxLinear, JaxLosses, JaxConvolution, JaxPooling, JaxRandom, JaxRecurrent, JaxShape, Backend
):
    """JAX arrays; `compile` is jax.jit, which is where this backend is fast.

    Asking for float64 switches 64-bit types on for the process (`jax_enable_x64`), with an `X64Warning`;
    otherwise `jax.config` stays as it is.
    """

    # Attention runs by its definition. jax.nn.dot_product_attention takes the softmax of float64 in float32 (1e9
    # roundoffs off), a query without keys gets the mean of the values, NaN of padding leaks; and it keeps the scores
    # too, at no gain (forward and backward at 8 heads of 1024 x 1024 x 64, with a mask: 334 ms of CPU time for 273).

    name = "jax"
    xp = namespace
    traced = True
    dtypes = ("float32", "float64", *LOW)
    profiles = frozenset(PROFILES)
    low_dtypes = _LOW

    def __init__(self, *, device: str | None = None, dtype: str | None = None) -> None:
        super().__init__(device=device, dtype=dtype)
        self._where = _devices()[self.device]
        self._is_usual = self._where == jax.devices()[0]
        if self.dtype == "float64":
            _enable_x64()

    @classmethod
    def devices(cls) -> tuple[str, ...]:
        return tuple(_devices())

    @classmethod
    def versions(cls) -> dict[str, str]:
        return {"jax": jax.__version__, "jaxlib": jaxlib.version.__version__, "numpy": np.__version__}

    @classmethod
    def cache_environment(cls, folder: Path) -> dict[str, str]:
        return {
            "JAX_COMPILATION_CACHE_DIR": str(folder),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }

    def resolve_device(self, device: str | None) -> str:
        there = self.devices()
        if device is None:
            return there[0]
        wanted = device if device in there else f"{device}:0"
        if wanted not in there:
            raise DeviceUnavailableError(f"device: the jax backend has {', '.join(there)}, got {device!r}")
        return wanted

    def asarray(self, x: Any, *, dtype: str | None = None) -> Array:
        if dtype is not None and checked_dtype(self.name, self.dtypes, dtype) == "float64":
            _enable_x64()
        if isinstance(x, jax.Array):
            return self._placed(x, dtype)
        host = fresh_host_array(x, dtype=dtype, default=self.dtype)
        if host.dtype == np.int64 and not _x64():
            host = _narrowed(host)
        return jax.device_put(host, self._target)  # the copy is ours alone; jnp.array would compile for every shape

    def _placed(self, x: Array, dtype: str | None) -> Array:
        if dtype is None and jnp.issubdtype(x.dtype, jnp.floating):
            dtype = self.dtype
        if dtype == "int64" and not _x64():
            dtype = "int32"
        x = x if dtype is None else x.astype(dtype)
        return x if isinstance(x, jax.core.Tracer) else jax.device_put(x, self._target)

    @property
    def _target(self) -> Any:
        """None on JAX's default device: arrays stay free to move, and a step need not compile again for its results."""
        moved = jax.config.jax_default_device  # type: ignore[attr-defined]
        return None if self._is_usual and moved is None else self._where

    def placement(self, x: Array) -> dict[str, Any]:
        if self._target is None or isinstance(x, jax.core.Tracer):
            return {}
        return {"device": self._where}

    def to_numpy(self, x: Array) -> Any:
        return np.array(x)

    def is_floating(self, x: Array) -> bool:
        return isinstance(x, jax.Array) and x.dtype in _FLOATING

    def is_integer(self, x: Array) -> bool:
        return isinstance(x, jax.Array) and x.dtype.kind in "iu"

    def is_concrete(self, x: Array) -> bool:
        return not isinstance(x, jax.core.Tracer) and self._where.platform == "cpu"

    def erf(self, x: Array) -> Array:
        return jax.lax.erf(x)

    def stop_gradient(self, x: Array) -> Array:
        return jax.lax.stop_gradient(x)

    def flat_vjp(self, function: Callable[[Flat], Flat], leaves: Flat) -> tuple[Flat, Callable[[Flat], Flat]]:
        outputs, pull = jax.vjp(function, list(leaves))
        return outputs, lambda cotangents: pull(list(cotangents))[0]

    def flat_value_and_grad(
        self, function: Callable[[Flat], tuple[Array, Any]], leaves: Flat
    ) -> tuple[Array, Any, Flat]:
        kept: list[Any] = []

        def with_arrays(values: Flat) -> tuple[Array, Flat]:
            value, aux = function(values)
            parts, tree = optree.tree_flatten(aux)
            # JAX carries the arrays out; whatever else there is need not be known to it
            arrays = [part for part in parts if isinstance(part, jax.Array)]
            kept[:] = [parts, tree]
            return value, arrays

        (value, arrays), grads = jax.value_and_grad(with_arrays, has_aux=True)(list(leaves))
        parts, tree = kept
        carried = iter(arrays)
        aux = [next(carried) if isinstance(part, jax.Array) else part for part in parts]
        return value, optree.tree_unflatten(tree, aux), grads

    def compile(
        self, function: Callable[..., Any], *, donate: Sequence[int] = (), fuse: bool = False
    ) -> Callable[..., Any]:
        """`Backend.compile` by jax.jit: always whole, so `fuse` changes nothing."""
        _check_donate(donate)
        return jax.jit(function, donate_argnums=tuple(donate))

    def synchronize(self) -> None:
        jax.effects_barrier()  # type: ignore[no-untyped-call]
        for array in jax.live_arrays():  # type: ignore[no-untyped-call]
            if not array.is_deleted():
                array.block_until_ready()

    def process_state(self) -> dict[str, Any]:
        return {name: getattr(jax.config, name) for name in _SETTINGS}

    def restore_process_state(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            jax.config.update(name, value)  # type: ignore[no-untyped-call]


def _x64() -> bool:
    """Whether 64-bit types are on."""
    return bool(jax.config.read("jax_enable_x64"))  # type: ignore[no-untyped-call]


def _enable_x64() -> None:
    if _x64():
        return
    jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]
    warnings.warn(
        "float64 was asked for: 64-bit types of JAX are on from now on in this process (jax_enable_x64)",
        X64Warning,
        stacklevel=3,
    )


def _narrowed(host: Any) -> Any:
    """int32, which is what JAX has without 64-bit types; values that do not fit are an error."""
    limits = np.iinfo(np.int32)
    if host.size and (host.min() < limits.min or host.max() > limits.max):
        raise ArgumentError(
            f"x: expected integers of 32 bits, as JAX has without float64, got {host.min()} to {host.max()}"
        )
    return host.astype(np.int32)
