"""The entry point of the shipped backends: says where and what they are, and imports no framework."""

from __future__ import annotations

from nnspec.plugins import PROFILES, BackendDescription, BackendEntry, hookimpl

__all__ = ["nnspec_backends"]


def _description(*distributions: str, all_devices: bool = False, traced: bool = False) -> BackendDescription:
    """The three have the same dtypes and claims; a test compares them with the classes."""
    dtypes = ("float32", "float64", "float16", "bfloat16")
    return BackendDescription(distributions, dtypes, frozenset(PROFILES), all_devices=all_devices, traced=traced)


@hookimpl
def nnspec_backends() -> dict[str, BackendEntry]:
    """The NumPy, PyTorch and JAX backends by name."""
    return {
        "numpy": BackendEntry(
            "nnspec_backends.numpy:NumpyBackend",
            ("numpy",),
            "pip install nnspec",
            _description("numpy", "scipy", all_devices=True),
        ),
        "torch": BackendEntry(
            "nnspec_backends.torch:TorchBackend",
            ("torch", "array_api_compat"),
            "pip install 'nnspec[torch]'",
            _description("torch", "numpy"),
        ),
        "jax": BackendEntry(
            "nnspec_backends.jax:JaxBackend",
            ("jax",),
            "pip install 'nnspec[jax]'",
            _description("jax", "jaxlib", "numpy", traced=True),
        ),
    }
