"""The entry point of the shipped backends: says where they are, and imports no framework."""

from __future__ import annotations

from nnspec.plugins import BackendEntry, hookimpl

__all__ = ["nnspec_backends"]


@hookimpl
def nnspec_backends() -> dict[str, BackendEntry]:
    """The NumPy, PyTorch and JAX backends by name."""
    return {
        "numpy": BackendEntry("nnspec_backends.numpy:NumpyBackend", ("numpy",), "pip install nnspec"),
        "torch": BackendEntry(
            "nnspec_backends.torch:TorchBackend",
            ("torch", "array_api_compat"),
            "pip install 'nnspec[torch]'",
        ),
        "jax": BackendEntry("nnspec_backends.jax:JaxBackend", ("jax",), "pip install 'nnspec[jax]'"),
    }
