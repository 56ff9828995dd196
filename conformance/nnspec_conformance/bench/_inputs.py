"""What each operation is measured with: inputs of a size as models have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["GROWING", "SCALES", "WORK", "Work", "arrays_of"]

#: makes a pytree of NumPy arrays, at a size that grows with the scale
_Make = Callable[[np.random.Generator, float], Any]


@dataclass(frozen=True)
class Work:
    """One call of an operation."""

    #: argument -> what makes it
    arrays: Mapping[str, _Make]
    options: Mapping[str, Any] = field(default_factory=dict)
    #: arguments that gradients are taken of; none where there is no derivative
    wrt: tuple[str, ...] = ()
    #: multiplications and additions of the forward pass that are products of matrices; 0 for what moves memory
    flops: float = 0.0
    #: exponent with which the time of the definition grows when every growing size does
    growth: float = 1.0


def arrays_of(work: Work, scale: float = 1.0) -> dict[str, Any]:
    """The arguments, the same for whoever asks."""
    rng = np.random.default_rng(0)
    return {name: make(rng, scale) for name, make in work.arrays.items()}


def _size(count: int, scale: float) -> int:
    return max(1, round(count * scale))


def _normal(rows: int, *rest: int, fixed: bool = False) -> _Make:
    """The first axis grows, unless fixed."""
    return lambda rng, scale: rng.standard_normal((rows if fixed else _size(rows, scale), *rest), dtype=np.float32)


def _positive(rows: int, *rest: int) -> _Make:
    return lambda rng, scale: rng.uniform(0.05, 0.95, (_size(rows, scale), *rest)).astype(np.float32)


def _labels(rows: int, *rest: int, high: int) -> _Make:
    return lambda rng, scale: rng.integers(0, high, (_size(rows, scale), *rest)).astype(np.int64)


def _signs(rows: int, *rest: int) -> _Make:
    return lambda rng, scale: (2.0 * rng.integers(0, 2, (_size(rows, scale), *rest)) - 1).astype(np.float32)


def _weights(*shape: int) -> _Make:
    """Of a layer: they do not grow with the batch."""
    return lambda rng, _: (rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


def _key(_: np.random.Generator, __: float) -> Any:
    return np.array([1, 2], np.int32)


def _ones(*shape: int) -> _Make:
    return lambda _, __: np.ones(shape, np.float32)


def _one(make: _Make, argument: str = "x", **options: Any) -> Work:
    return Work({argument: make}, options, (argument,))


_ROWS, _FEATURES = 256, 4096
_WIDE = _normal(_ROWS, _FEATURES)
_PLAIN = (
    "gelu silu mish hard_swish glu swiglu geglu identity relu relu6 leaky_relu hard_tanh hard_sigmoid softshrink "
    "hardshrink sigmoid log_sigmoid tanh tanhshrink softsign elu selu celu softplus squareplus softmax log_softmax"
)


def _activations() -> dict[str, Work]:
    return {
        **{name: _one(_WIDE) for name in _PLAIN.split()},
        "prelu": Work({"x": _WIDE, "weight": _ones(_FEATURES)}, {}, ("x", "weight")),
        "maxout": _one(_WIDE, num_pieces=2),
        "threshold": _one(_WIDE, threshold=0.1, value=0.0),
        "heaviside": Work({"x": _WIDE}),
    }


def _layers() -> dict[str, Work]:
    images = _normal(32, 32, 28, 28)
    kernel, bias = _weights(64, 32, 3, 3), _weights(64)
    conv = {"x": images, "weight": kernel, "bias": bias}
    depthwise = {"x": images, "weight": _weights(32, 1, 3, 3), "bias": _weights(32)}
    per_tap = 2.0 * 32 * 28 * 28
    return {
        "linear": Work(
            {"x": _normal(256, 1024), "weight": _weights(1024, 1024), "bias": _weights(1024)},
            {},
            ("x", "weight", "bias"),
            2.0 * 256 * 1024 * 1024,
        ),
        "bilinear": Work(
            {"x1": _normal(64, 64), "x2": _normal(64, 64), "weight": _weights(32, 64, 64), "bias": _weights(32)},
            {},
            ("x1", "x2", "weight", "bias"),
            2.0 * 64 * 64 * 32 * 64,
        ),
        "conv": Work(conv, {"padding": 1}, tuple(conv), per_tap * 64 * 32 * 9),
        "conv_transpose": Work(
            {"x": images, "weight": _weights(32, 64, 3, 3), "bias": bias},
            {"padding": 1},
            tuple(conv),
            per_tap * 64 * 288,
        ),
        "depthwise_conv": Work(depthwise, {"padding": 1}, tuple(depthwise), per_tap * 32 * 9),
        "separable_conv": Work(
            {"x": images, "depthwise_weight": _weights(32, 1, 3, 3), "pointwise_weight": _weights(64, 32, 1, 1)},
            {"padding": 1},
            ("x", "depthwise_weight", "pointwise_weight"),
            per_tap * 32 * (9 + 64),
        ),
        "causal_conv": Work(
            {"x": _normal(32, 64, 512), "weight": _weights(64, 64, 3), "bias": bias},
            {},
            tuple(conv),
            2.0 * 32 * 512 * 64 * 64 * 3,
        ),
        "max_pool": _one(images, kernel_size=2),
        "avg_pool": _one(images, kernel_size=2),
        "lp_pool": _one(_positive(32, 32, 28, 28), kernel_size=2),
        "adaptive_avg_pool": _one(images, output_size=7),
        "adaptive_max_pool": _one(images, output_size=7),
        "global_avg_pool": _one(images),
        "global_max_pool": _one(images),
        "flatten": _one(images),
        "pad": _one(images, padding=((1, 1), (1, 1))),
        "upsample": _one(images, size=(56, 56)),
        "unfold": _one(images, kernel_size=3, padding=1),
        "one_hot": Work({"x": _labels(4096, high=256)}, {"num_classes": 256}),
    }


def _norms() -> dict[str, Work]:
    x, images = _normal(256, 1024), _normal(32, 64, 28, 28)
    scaled = {"weight": _ones(1024), "bias": _weights(1024)}
    of_channels = {"weight": _ones(64), "bias": _weights(64)}
    running = {"running_mean": _weights(64), "running_var": _ones(64)}
    affine = ("x", "weight", "bias")
    return {
        "batch_norm": Work({"x": images, **running, **of_channels}, {"training": True}, affine),
        "layer_norm": Work({"x": x, **scaled}, {}, affine),
        "group_norm": Work({"x": images, **of_channels}, {"groups": 8}, affine),
        "instance_norm": Work({"x": images, **of_channels}, {}, affine),
        "rms_norm": Work({"x": x, "weight": _ones(1024)}, {}, ("x", "weight")),
        "local_response_norm": _one(images, size=5),
        "weight_norm": Work({"v": _weights(1024, 1024), "g": _ones(1024)}, {}, ("v", "g")),
        "spectral_norm": Work({"weight": _weights(1024, 1024), "u": _weights(1024)}, {}, ("weight",)),
        "l2_normalize": _one(x),
    }


def _sequences() -> dict[str, Work]:
    heads, x = _normal(4, 8, 256, 64), _normal(8, 128, 256)
    projections = {f"{name}_weight": _weights(256, 256) for name in ("query", "key", "value", "output")}
    scores = 4.0 * 4 * 8 * 256 * 256 * 64
    return {
        "scaled_dot_product_attention": Work(
            {"query": heads, "key": heads, "value": heads}, {}, ("query", "key", "value"), scores
        ),
        "multi_head_attention": Work(
            {"query": x, "key": x, "value": x, "params": _dict(projections)},
            {"num_heads": 8},
            ("query", "key", "value", "params"),
            8.0 * 8 * 128 * 256 * 256 + 4.0 * 8 * 128 * 128 * 256,
        ),
        **{name: _recurrent(gates, **biases) for name, gates, biases in _CELLS},
        "embedding": Work({"indices": _labels(64, 128, high=10000), "weight": _weights(10000, 256)}, {}, ("weight",)),
        "sinusoidal_positions": Work({}, {"length": 1024, "dim": 512}),
        "rotary_positions": _one(heads),
        "dropout": Work({"x": _WIDE, "key": _key}, {"rate": 0.2}, ("x",)),
        "spatial_dropout": Work({"x": _normal(32, 64, 28, 28), "key": _key}, {"rate": 0.2}, ("x",)),
        "alpha_dropout": Work({"x": _WIDE, "key": _key}, {"rate": 0.2}, ("x",)),
        "drop_path": Work({"x": _WIDE, "key": _key}, {"rate": 0.2}, ("x",)),
    }


_CELLS: Sequence[tuple[str, int, dict[str, _Make]]] = (
    ("rnn", 1, {}),
    ("gru", 3, {"recurrent_bias": _weights(3 * 128)}),
    ("lstm", 4, {}),
)


def _recurrent(gates: int, **more: _Make) -> Work:
    """One layer of 128 over 32 steps."""
    weights = {"weight": _weights(gates * 128, 128), "recurrent_weight": _weights(gates * 128, 128)}
    layer = _dict({**weights, "bias": _weights(gates * 128), **more})
    arrays: dict[str, _Make] = {"x": _normal(32, 32, 128), "params": lambda rng, scale: [layer(rng, scale)]}
    return Work(arrays, {}, ("x", "params"), 2.0 * 32 * 32 * gates * 128 * 256)


def _dict(parts: Mapping[str, _Make]) -> _Make:
    return lambda rng, scale: {name: make(rng, scale) for name, make in parts.items()}


def _losses() -> dict[str, Work]:
    x, y = _normal(256, 1024), _normal(256, 1024)
    p, q = _positive(256, 1024), _positive(256, 1024)
    labels = _labels(256, high=1024)

    def pair(first: _Make, second: _Make, a: str = "prediction", b: str = "target", **options: Any) -> Work:
        return Work({a: first, b: second}, options, (a,))

    distances = "mean_absolute_error mean_squared_error huber smooth_l1 log_cosh mean_absolute_percentage_error"
    return {
        **{name: pair(x, y) for name in distances.split()},
        "mean_squared_logarithmic_error": pair(p, q),
        "binary_cross_entropy_with_logits": pair(x, q, "logits"),
        "binary_cross_entropy": pair(p, q),
        "focal": pair(x, q, "logits"),
        "dice": pair(p, q),
        "cross_entropy": pair(x, labels, "logits"),
        "nll": pair(x, labels, "log_prob"),
        "multiclass_hinge": pair(x, labels, "scores"),
        "hinge": pair(x, _signs(256, 1024)),
        "squared_hinge": pair(x, _signs(256, 1024)),
        "poisson_nll": pair(x, p, log_input=True),
        "gaussian_nll": Work({"prediction": x, "target": y, "variance": p}, {}, ("prediction", "variance")),
        "kl_divergence": pair(x, p, "log_q", "p"),
        "cosine_similarity": Work({"x": x, "y": y}, {}, ("x", "y")),
        "triplet_margin": Work(
            {"anchor": x, "positive": y, "negative": _normal(256, 1024)}, {}, ("anchor", "positive", "negative")
        ),
        "info_nce": Work({"query": x, "key": y}, {}, ("query", "key"), 2.0 * 256 * 256 * 1024, growth=2.0),
        "ctc": pair(_normal(16, 64, 32), lambda rng, scale: rng.integers(1, 32, (_size(16, scale), 8)), "logits"),
    }


#: the parameters of the mid model
_MID = ((256, 784), (256,), (256, 256), (256,), (10, 256), (10,))


def _tree(rng: np.random.Generator, _: float) -> list[Any]:
    return [rng.standard_normal(shape, dtype=np.float32) for shape in _MID]


def _matrices(rng: np.random.Generator, _: float) -> list[Any]:
    return [rng.standard_normal(shape, dtype=np.float32) for shape in _MID if len(shape) == 2]


#: optimizers as NAME_init and NAME_update; the state is made by the first
_OPTIMIZERS = "adam adamw adamax nadam radam amsgrad adagrad adadelta rprop sgd rmsprop adafactor lion lamb"


def _training() -> dict[str, Work]:
    step = Work({"params": _tree, "grads": _tree})
    of_tree = Work({"params": _tree}, {}, ("params",))
    matrix = _one(_weights(1024, 1024), "weight")
    return {
        **{f"{name}_update": step for name in _OPTIMIZERS.split()},
        "muon_update": Work({"params": _matrices, "grads": _matrices}, flops=5 * 2.0 * 256**2 * (784 + 2 * 256)),
        **{name: Work({"grads": _tree}) for name in ("clip_by_value", "clip_by_norm", "clip_by_global_norm")},
        **dict.fromkeys(("l1_penalty", "l2_penalty", "elastic_net_penalty"), of_tree),
        "orthogonal_penalty": Work({"weight": _weights(512, 512)}, {}, ("weight",), 2.0 * 512**3),
        "activity_penalty": _one(_WIDE),
        "max_norm_constraint": Work(matrix.arrays),
        "unit_norm_constraint": Work(matrix.arrays),
        "non_negative_constraint": Work(matrix.arrays),
    }


def _drawn() -> dict[str, Work]:
    shape = (512, 512)
    from_key = "init_uniform init_normal init_truncated_normal init_xavier_uniform init_he_normal init_lecun_uniform"
    return {
        **{name: Work({"key": _key}, {"shape": shape}) for name in from_key.split()},
        "init_orthogonal": Work({"key": _key}, {"shape": (256, 256)}),
        "random_bits": Work({"key": _key}, {"shape": shape}),
        "random_uniform": Work({"key": _key}, {"shape": shape}),
        "dropout_mask": Work({"key": _key}, {"shape": shape, "rate": 0.2}),
        "accuracy": Work({"predicted": _normal(4096, 10), "target": _labels(4096, high=10)}),
        "confusion_matrix": Work(
            {"predicted": _labels(4096, high=10), "target": _labels(4096, high=10)}, {"num_classes": 10}
        ),
        "roc_auc": Work({"scores": _normal(4096), "target": _labels(4096, high=2)}),
    }


#: operation -> what it is measured with
WORK: Mapping[str, Work] = {
    **_activations(),
    **_layers(),
    **_norms(),
    **_sequences(),
    **_losses(),
    **_training(),
    **_drawn(),
}
#: sizes of a growth, as multiples of those above
SCALES: Sequence[float] = (0.5, 1.0, 2.0, 4.0)
#: operations whose arguments are weights, which have no batch
_FIXED = ["weight_norm", "spectral_norm", "orthogonal_penalty", "l1_penalty", "l2_penalty", "elastic_net_penalty"]
#: operations whose arguments grow
GROWING = tuple(name for name, work in WORK.items() if work.wrt and name not in _FIXED)
