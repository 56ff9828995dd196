"""A backend in an afternoon: a namespace and a gradient transform, here JAX's; every operation by its definition.

nnspec conform tiny_backend:TinyBackend --only gelu
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import nnspec


class TinyBackend(nnspec.Backend):
    """Everything that a backend owes, and nothing that it may override."""

    name = "tiny"
    xp = jnp
    traced = True  # compile() traces whole functions
    dtypes = ("float32",)
    profiles = frozenset({"inference", "training", "reproducible"})

    @classmethod
    def devices(cls) -> tuple[str, ...]:
        return ("cpu",)

    def resolve_device(self, device: str | None) -> str:
        if device not in (None, "cpu"):
            raise nnspec.DeviceUnavailableError(f"device: the tiny backend has cpu, got {device!r}")
        return "cpu"

    def asarray(self, x: Any, *, dtype: str | None = None) -> Any:
        if dtype is None and np.asarray(x).dtype.kind == "f":
            dtype = self.dtype
        return jnp.array(x, dtype)

    def to_numpy(self, x: Any) -> Any:
        return np.array(x)

    def is_floating(self, x: Any) -> bool:
        return isinstance(x, jax.Array) and x.dtype == jnp.float32

    def is_integer(self, x: Any) -> bool:
        return isinstance(x, jax.Array) and jnp.issubdtype(x.dtype, jnp.integer)

    def is_concrete(self, x: Any) -> bool:
        return not isinstance(x, jax.core.Tracer)

    def erf(self, x: Any) -> Any:
        return jax.lax.erf(x)

    def stop_gradient(self, x: Any) -> Any:
        return jax.lax.stop_gradient(x)

    def flat_vjp(self, function: Any, leaves: list[Any]) -> Any:
        outputs, pull = jax.vjp(lambda *values: function(list(values)), *leaves)
        return outputs, lambda cotangents: list(pull(cotangents))

    def compile(self, function: Any, *, donate: Any = (), fuse: bool = False) -> Any:
        return jax.jit(function)
