"""The JAX backend, on whatever devices JAX has."""

from nnspec_backends.jax.backend import JaxBackend, X64Warning

__all__ = ["JaxBackend", "X64Warning"]
