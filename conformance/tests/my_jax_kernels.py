"""A function of JAX for `--override`, with a backward of its own."""

from __future__ import annotations

import jax


@jax.custom_vjp
def silu(x, beta):
    return x * jax.nn.sigmoid(beta * x)


def _forward(x, beta):
    return silu(x, beta), (x, beta)


def _backward(saved, g):
    x, beta = saved
    s = jax.nn.sigmoid(beta * x)
    return g * s * (1 + beta * x * (1 - s)), None


silu.defvjp(_forward, _backward)


@jax.custom_vjp
def silu_without_a_term(x, beta):
    return silu(x, beta)


silu_without_a_term.defvjp(_forward, lambda saved, g: (g * jax.nn.sigmoid(saved[1] * saved[0]), None))
