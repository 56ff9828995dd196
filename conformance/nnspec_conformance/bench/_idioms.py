"""What someone writes in a framework for an operation: the framework's own call, where there is one.

Each takes the operation's arguments by name. What it returns is compared with what ours returns before it is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["idioms_of"]

Idioms = dict[str, Callable[..., Any]]


def idioms_of(framework: str) -> Idioms:
    """By operation; imports the framework."""
    makers: dict[str, Callable[[], Idioms]] = {"torch": _torch, "jax": _jax, "numpy": _numpy}
    return makers[framework]() if framework in makers else {}


def _unary(module: Any, names: str) -> Idioms:
    """Functions of one array that bear our names; theirs for it differ."""

    def of(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x: function(x)

    return {name: of(getattr(module, name)) for name in names.split()}


def _torch() -> Idioms:
    import torch
    import torch.nn.functional as F  # noqa: N812

    same = "gelu silu mish glu relu relu6 leaky_relu softshrink hardshrink tanhshrink softsign elu selu celu softplus"
    return {
        **_unary(F, same),
        "hard_swish": lambda x: F.hardswish(x),
        "hard_tanh": lambda x: F.hardtanh(x),
        "hard_sigmoid": lambda x: F.hardsigmoid(x),
        "log_sigmoid": lambda x: F.logsigmoid(x),
        "sigmoid": lambda x: torch.sigmoid(x),
        "tanh": lambda x: torch.tanh(x),
        "softmax": lambda x: F.softmax(x, dim=-1),
        "log_softmax": lambda x: F.log_softmax(x, dim=-1),
        "prelu": lambda x, weight: F.prelu(x, weight),
        "threshold": lambda x: F.threshold(x, 0.1, 0.0),
        "linear": lambda x, weight, bias: F.linear(x, weight, bias),
        "bilinear": lambda x1, x2, weight, bias: F.bilinear(x1, x2, weight, bias),
        "conv": lambda x, weight, bias: F.conv2d(x, weight, bias, padding=1),
        "conv_transpose": lambda x, weight, bias: F.conv_transpose2d(x, weight, bias, padding=1),
        "depthwise_conv": lambda x, weight, bias: F.conv2d(x, weight, bias, padding=1, groups=32),
        "max_pool": lambda x: F.max_pool2d(x, 2),
        "avg_pool": lambda x: F.avg_pool2d(x, 2),
        "lp_pool": lambda x: F.lp_pool2d(x, 2.0, 2),
        "adaptive_avg_pool": lambda x: F.adaptive_avg_pool2d(x, 7),
        "adaptive_max_pool": lambda x: F.adaptive_max_pool2d(x, 7),
        "global_avg_pool": lambda x: x.mean((2, 3)),
        "global_max_pool": lambda x: x.amax((2, 3)),
        "flatten": lambda x: torch.flatten(x, 1),
        "pad": lambda x: F.pad(x, (1, 1, 1, 1)),
        "upsample": lambda x: F.interpolate(x, size=(56, 56)),
        "one_hot": lambda x: F.one_hot(x, 256),
        "batch_norm": lambda x, running_mean, running_var, weight, bias: F.batch_norm(
            x, running_mean, running_var, weight, bias, training=True
        ),
        "layer_norm": lambda x, weight, bias: F.layer_norm(x, (1024,), weight, bias),
        "group_norm": lambda x, weight, bias: F.group_norm(x, 8, weight, bias),
        "instance_norm": lambda x, weight, bias: F.instance_norm(x, weight=weight, bias=bias),
        "rms_norm": lambda x, weight: F.rms_norm(x, (1024,), weight, eps=1e-5),
        "l2_normalize": lambda x: F.normalize(x, dim=-1),
        "scaled_dot_product_attention": F.scaled_dot_product_attention,
        "embedding": lambda indices, weight: F.embedding(indices, weight),
        "dropout": lambda x, key: F.dropout(x, 0.2, training=True),
        **_torch_losses(F),
    }


def _torch_losses(F: Any) -> Idioms:  # noqa: N803
    return {
        "mean_absolute_error": lambda prediction, target: F.l1_loss(prediction, target),
        "mean_squared_error": lambda prediction, target: F.mse_loss(prediction, target),
        "huber": lambda prediction, target: F.huber_loss(prediction, target),
        "smooth_l1": lambda prediction, target: F.smooth_l1_loss(prediction, target),
        "binary_cross_entropy_with_logits": lambda logits, target: F.binary_cross_entropy_with_logits(logits, target),
        "binary_cross_entropy": lambda prediction, target: F.binary_cross_entropy(prediction, target),
        "cross_entropy": lambda logits, target: F.cross_entropy(logits, target),
        "nll": lambda log_prob, target: F.nll_loss(log_prob, target),
        "poisson_nll": lambda prediction, target: F.poisson_nll_loss(prediction, target),
        "gaussian_nll": lambda prediction, target, variance: F.gaussian_nll_loss(prediction, target, variance),
        "kl_divergence": lambda log_q, p: F.kl_div(log_q, p, reduction="batchmean"),
        "triplet_margin": lambda anchor, positive, negative: F.triplet_margin_loss(anchor, positive, negative),
    }


def _jax() -> Idioms:
    import jax
    import jax.numpy as jnp
    import optax
    from jax import lax, nn

    same = "silu mish hard_swish glu relu relu6 leaky_relu hard_tanh hard_sigmoid sigmoid log_sigmoid elu selu celu"
    return {
        **_unary(nn, same),
        "gelu": lambda x: nn.gelu(x, approximate=False),
        "tanh": lambda x: jnp.tanh(x),
        "softsign": lambda x: nn.soft_sign(x),
        "softplus": lambda x: nn.softplus(x),
        "squareplus": lambda x: nn.squareplus(x),
        "softmax": lambda x: nn.softmax(x),
        "log_softmax": lambda x: nn.log_softmax(x),
        "linear": lambda x, weight, bias: x @ weight.T + bias,
        "conv": lambda x, weight, bias: (
            lax.conv_general_dilated(x, weight, (1, 1), [(1, 1), (1, 1)]) + bias[:, None, None]
        ),
        "max_pool": lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID"),
        "avg_pool": lambda x: lax.reduce_window(x, 0.0, lax.add, (1, 1, 2, 2), (1, 1, 2, 2), "VALID") / 4,
        "global_avg_pool": lambda x: jnp.mean(x, (2, 3)),
        "global_max_pool": lambda x: jnp.max(x, (2, 3)),
        "flatten": lambda x: x.reshape(x.shape[0], -1),
        "pad": lambda x: jnp.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))),
        "one_hot": lambda x: nn.one_hot(x, 256),
        "layer_norm": lambda x, weight, bias: nn.standardize(x, axis=-1, epsilon=1e-5) * weight + bias,
        "embedding": lambda indices, weight: jnp.take(weight, indices, axis=0),
        "dropout": lambda x, key: jnp.where(jax.random.bernoulli(jax.random.key(0), 0.8, x.shape), x / 0.8, 0.0),
        "mean_absolute_error": lambda prediction, target: jnp.mean(jnp.abs(prediction - target)),
        "mean_squared_error": lambda prediction, target: jnp.mean((prediction - target) ** 2),
        "huber": lambda prediction, target: optax.huber_loss(prediction, target).mean(),
        "cross_entropy": lambda logits, target: optax.softmax_cross_entropy_with_integer_labels(logits, target).mean(),
        "binary_cross_entropy_with_logits": lambda logits, target: optax.sigmoid_binary_cross_entropy(
            logits, target
        ).mean(),
    }


def _numpy() -> Idioms:
    """Forward passes: NumPy has no derivatives."""
    import numpy as np
    from scipy import special

    return {
        "relu": lambda x: np.maximum(x, 0),
        "tanh": lambda x: np.tanh(x),
        "sigmoid": lambda x: special.expit(x),
        "softmax": lambda x: special.softmax(x, axis=-1),
        "log_softmax": lambda x: special.log_softmax(x, axis=-1),
        "gelu": lambda x: x * 0.5 * (1 + special.erf(x * np.float32(0.5**0.5))),
        "silu": lambda x: x * special.expit(x),
        "softplus": lambda x: np.logaddexp(x, np.float32(0)),
        "linear": lambda x, weight, bias: x @ weight.T + bias,
        "global_avg_pool": lambda x: x.mean((2, 3)),
        "global_max_pool": lambda x: x.max((2, 3)),
        "flatten": lambda x: x.reshape(x.shape[0], -1),
        "pad": lambda x: np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))),
        "one_hot": lambda x: np.eye(256, dtype=np.float32)[x],
        "embedding": lambda indices, weight: weight[indices],
        "mean_absolute_error": lambda prediction, target: np.abs(prediction - target).mean(),
        "mean_squared_error": lambda prediction, target: ((prediction - target) ** 2).mean(),
    }
