"""Laws of losses."""

from __future__ import annotations

from nnspec_conformance.laws._batches import ROW_ALONE, ROW_GRADIENT, SPLIT
from nnspec_conformance.laws._gradients import GRADIENT_IS_ORTHOGONAL, GRADIENT_SUMS_TO_ZERO, LINEAR
from nnspec_conformance.laws._ignored import IGNORED_LABEL, IGNORED_STEPS, WEIGHTLESS_ROW, WEIGHTLESS_ROW_GRADIENT
from nnspec_conformance.laws._law import Applied, Counts
from nnspec_conformance.laws._symmetries import REORDERED, SCALED, SHIFTED

__all__ = ["EXCUSED", "LAWS", "OPTIONS"]

_NONE = {"reduction": "none"}


def _by_sample(
    base: str,
    mean: int,
    weight: int,
    inputs: tuple[str, ...],
    of: tuple[str, ...] | None = None,
    *,
    apart: bool = True,
    sampled: bool = False,
) -> tuple[Applied, ...]:
    """Samples along axis 0 of every input.

    Args:
        base: a case of the mean.
        mean: number of the requirement about reductions.
        weight: of that about weights.
        inputs: given by sample.
        of: those there are derivatives with respect to; None for all.
        apart: whether the loss of a sample depends on that sample alone.
        sampled: whether one law is tried on backends that trace.
    """
    rows = dict.fromkeys(inputs, 0)
    of = inputs if of is None else of
    shared = (
        WEIGHTLESS_ROW(base, weight, rows=rows, sampled=sampled),
        WEIGHTLESS_ROW_GRADIENT(base, weight, rows=rows, of=of),
        REORDERED(base, mean, along=rows, options={"reduction": "mean"}),
        REORDERED(base, along=rows, result=0, options=_NONE, named="rows"),
    )
    if not apart:
        return shared
    return (
        *shared,
        ROW_ALONE(base, rows=rows, options=_NONE),
        ROW_GRADIENT(base, rows=rows, of=of, options=_NONE),
        SPLIT(base, mean, rows=rows),
    )


_PAIR = ("prediction", "target")
_BOTH = {"prediction": 1, "target": 1}


def _difference(base: str, mean: int, weight: int, by: dict[str, int], result: int) -> tuple[Applied, ...]:
    """Losses of prediction - target."""
    return (
        *_by_sample(base, mean, weight, _PAIR),
        SHIFTED(base, of={"prediction": "all", "target": "all"}),
        SCALED(base, by=by, result=result),
    )


def _classes(of: str, weight: int, ignored: int) -> tuple[Applied, ...]:
    """Losses of a class index; the class weights take part in the order of classes alone."""
    return (
        *_by_sample("mean", 1, weight, (of, "target"), (of,)),
        IGNORED_LABEL("mean", ignored, rows={of: 0, "target": 0}, of=of),
        REORDERED("class-weight", 2, along={of: 1, "weight": 0}, classes={"target": 4}, named="classes"),
        ROW_ALONE("axis", rows={of: 2, "target": 1}, result=1, options=_NONE, named="place"),
    )


LAWS: dict[str, tuple[Applied, ...]] = {
    "mean_absolute_error": _difference("mean", 1, 3, _BOTH, 1),
    "mean_squared_error": _difference("mean", 1, 3, _BOTH, 2),
    "huber": _difference("mean", 3, 4, {**_BOTH, "delta": 1}, 2),
    "smooth_l1": _difference("mean", 3, 4, {**_BOTH, "beta": 1}, 1),
    "log_cosh": (
        *_by_sample("mean", 4, 5, _PAIR),
        SHIFTED("mean", of={"prediction": "all", "target": "all"}),
    ),
    "mean_squared_logarithmic_error": _by_sample("mean", 1, 3, _PAIR),
    "mean_absolute_percentage_error": (
        *_by_sample("mean", 4, 5, _PAIR),
        SCALED("mean", by={**_BOTH, "eps": 1}),
    ),
    "cross_entropy": (
        *_classes("logits", 6, 3),
        SHIFTED("class-weight", of={"logits": 1}),
        SHIFTED("axis", of={"logits": 1}, named="axis"),
        GRADIENT_SUMS_TO_ZERO("axis", 1, of="logits", axis=1, sampled=True),
        GRADIENT_SUMS_TO_ZERO("smoothing-weight", of="logits", axis=1, named="smoothing"),
        GRADIENT_SUMS_TO_ZERO("probabilities", of="logits", axis=1, named="probabilities"),
        LINEAR("probabilities", of="target", factors=(0.75, 0.25)),
        LINEAR("class-weight", 2, of="weight", factors=(0.75, 2.0), options={"reduction": "sum"}, named="weight"),
    ),
    "nll": (
        *_classes("log_prob", 3, 3),
        LINEAR("mean", of="log_prob"),
        LINEAR("class-weight", of="weight", factors=(0.75, 2.0), options={"reduction": "sum"}, named="weight"),
    ),
    "binary_cross_entropy_with_logits": (
        *_by_sample("unit", 5, 5, ("logits", "target")),
        REORDERED("pos-weight", along={"logits": 1, "target": 1, "pos_weight": 0}, result=1, named="columns"),
    ),
    "binary_cross_entropy": _by_sample("mean", 5, 6, _PAIR),
    "hinge": _by_sample("mean", 3, 4, _PAIR, ("prediction",)),
    "squared_hinge": _by_sample("mean", 3, 4, _PAIR, ("prediction",)),
    "multiclass_hinge": (
        *_classes("scores", 4, 4),
        SHIFTED("axis", of={"scores": 1}),
        GRADIENT_SUMS_TO_ZERO("axis", 2, of="scores", axis=1),
    ),
    "poisson_nll": _by_sample("mean", 4, 5, _PAIR, ("prediction",)),
    "gaussian_nll": (
        *_by_sample("mean", 4, 5, (*_PAIR, "variance")),
        SHIFTED("mean", of={"prediction": "all", "target": "all"}),
    ),
    "kl_divergence": (
        *_by_sample("mean", 1, 5, ("log_q", "p")),
        REORDERED("axis", along={"log_q": 1, "p": 1}, named="classes"),
    ),
    "cosine_similarity": (
        *_by_sample("mean", 3, 3, ("x", "y")),
        SCALED("axis", 1, by={"x": 3, "y": -1}),
        GRADIENT_IS_ORTHOGONAL("axis", 1, of="x", axis=1),
        REORDERED("axis", along={"x": 1, "y": 1}, named="entries"),
    ),
    "triplet_margin": (
        *_by_sample("mean", 1, 4, ("anchor", "positive", "negative")),
        SHIFTED("margin", of={"anchor": 0, "positive": 0, "negative": 0}),
        SCALED("margin", by={"anchor": 1, "positive": 1, "negative": 1, "margin": 1}, result=1),
        REORDERED("axis", along={"anchor": 1, "positive": 1, "negative": 1}, named="entries"),
    ),
    "info_nce": (
        *_by_sample("mean", 1, 5, ("query", "key"), apart=False),
        SCALED("temperature", 2, by={"query": 2, "key": -1, "temperature": 1}),
        REORDERED("rows", along={"query": 1, "key": 1}, named="entries"),
        SHIFTED("rows", 1, of={"key": 0}),
        GRADIENT_SUMS_TO_ZERO("rows", 1, of="key", axis=0),
    ),
    "focal": _by_sample("mean", 4, 4, ("logits", "target")),
    "dice": (
        *_by_sample("mean", 4, 4, _PAIR),
        SCALED("images", 1, by={"prediction": -1, "target": -1, "eps": -1}),
        REORDERED("images", along={"prediction": (2, 3), "target": (2, 3)}, named="places"),
    ),
    "ctc": (
        *_by_sample("strided", 7, 7, ("logits", "target"), ("logits",)),
        SHIFTED("lengths", 6, of={"logits": 2}),
        GRADIENT_SUMS_TO_ZERO("lengths", 2, of="logits", axis=2),
        ROW_ALONE(
            "lengths",
            rows={"logits": 0, "target": 0, "input_lengths": 0, "target_lengths": 0},
            named="lengths",
        ),
        IGNORED_STEPS("strided", 4, over={"logits": 1}, lengths="input_lengths", rows="logits", named="frames"),
        IGNORED_STEPS("strided", 4, over={"target": 1}, lengths="target_lengths", rows="logits", named="labels"),
    ),
}

#: base case -> option -> another value, which has to change the result
OPTIONS: dict[str, dict[str, dict[str, object]]] = {
    "mean_absolute_error": {
        "mean": {"sample_weight": Counts((3, 4, 5)), "reduction": "none"},
    },
    "mean_squared_error": {
        "mean": {"sample_weight": Counts((3, 4, 5)), "reduction": "sum"},
    },
    "mean_squared_logarithmic_error": {
        "mean": {"sample_weight": Counts((3, 4, 5)), "reduction": "none"},
    },
    "huber": {
        "both-sides": {"delta": 0.01, "reduction": "sum"},
        "mean": {"sample_weight": Counts((3, 4, 5))},
    },
    "smooth_l1": {
        "both-sides": {"beta": 0.5, "reduction": "sum"},
        "mean": {"sample_weight": Counts((3, 4, 5))},
    },
    "log_cosh": {
        "mean": {"sample_weight": Counts((3, 4, 5)), "reduction": "none"},
    },
    "mean_absolute_percentage_error": {
        "floor": {"eps": 0.25, "reduction": "mean"},
        "mean": {"sample_weight": Counts((3, 4, 5))},
    },
    "cross_entropy": {
        "class-weight": {"weight": None, "ignore_index": 3, "label_smoothing": 0.3, "reduction": "none"},
        "probabilities": {"axis": 0},
        "mean": {"sample_weight": Counts((5,))},
    },
    "nll": {
        "class-weight": {"weight": None, "ignore_index": 3, "reduction": "none"},
        "mean": {"sample_weight": Counts((5,))},
        "square": {"axis": 0},
    },
    "binary_cross_entropy_with_logits": {
        "pos-weight": {"pos_weight": None, "label_smoothing": 0.3, "reduction": "mean"},
        "unit": {"sample_weight": Counts((5, 3))},
    },
    "binary_cross_entropy": {
        "mean": {"sample_weight": Counts((3, 4, 5)), "reduction": "none"},
    },
    "hinge": {
        "mean": {"sample_weight": Counts((3, 4, 5)), "reduction": "none"},
    },
    "squared_hinge": {
        "mean": {"sample_weight": Counts((3, 4, 5)), "reduction": "none"},
    },
    "multiclass_hinge": {
        "class-weight": {"weight": None, "ignore_index": 3, "reduction": "none"},
        "ties": {"axis": 0},
        "mean": {"sample_weight": Counts((5,))},
    },
    "poisson_nll": {
        "rates": {"log_input": True, "reduction": "sum"},
        "mean": {"sample_weight": Counts((3, 4, 5))},
    },
    "gaussian_nll": {
        "floor": {"eps": 1e-06, "full": True, "reduction": "mean"},
        "mean": {"sample_weight": Counts((3, 4, 5))},
    },
    "kl_divergence": {
        "axis": {"axis": -1, "reduction": "none"},
        "mean": {"sample_weight": Counts((5,))},
    },
    "cosine_similarity": {
        "floor": {"axis": 0, "eps": 1e-08, "reduction": "mean"},
        "mean": {"sample_weight": Counts((5,))},
    },
    "triplet_margin": {
        "margin": {"margin": 0.0, "axis": 0, "reduction": "mean"},
        "mean": {"sample_weight": Counts((5,))},
    },
    "info_nce": {
        "temperature": {"temperature": 0.5, "symmetric": True, "reduction": "mean"},
        "mean": {"sample_weight": Counts((5,))},
    },
    "focal": {
        "tails": {"gamma": 5.0, "alpha": 0.3, "reduction": "mean"},
        "mean": {"sample_weight": Counts((5, 3))},
    },
    "dice": {
        "images": {"axis": None, "eps": 1e-07, "reduction": "mean"},
        "mean": {"sample_weight": Counts((5,))},
    },
    "ctc": {
        "lengths": {"input_lengths": None, "target_lengths": None, "reduction": "mean"},
        "strided": {"blank": 2, "sample_weight": Counts((2,))},
        "impossible-special": {"zero_infinity": True},
    },
}
#: options that are not tried, and why
EXCUSED: dict[str, dict[str, str]] = {}
