"""Laws of what is ignored: it may as well be left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import optree

from nnspec_conformance.laws._call import Call, Pair, counts, cut, size, zeros
from nnspec_conformance.laws._law import Law

__all__ = [
    "DROPPED_ENTRY",
    "IGNORED_LABEL",
    "IGNORED_STEPS",
    "MASKED_KEY",
    "MASKED_LEAF",
    "PADDING_ROW",
    "UNDECAYED_LEAF",
    "WEIGHTLESS_ROW",
    "WEIGHTLESS_ROW_GRADIENT",
]


def _without_first(backend: Any, shape: Any) -> Any:
    """Weights that are 0 along the first row."""
    shown = counts(backend, shape, low=1)
    return backend.xp.concat([zeros(backend, cut(shown, 0, 0, 1)), cut(shown, 0, 1, int(shape[0]))], axis=0)


def _weightless(call: Call, rows: Mapping[str, int]) -> tuple[Call, Call]:
    """With a first row of weight 0, and without that row."""
    weight = _without_first(call.backend, call(reduction="none", sample_weight=None).shape)
    kept = {n: cut(x, rows[n], 1, size(x, rows[n])) for n, x in call.given(rows).items()}
    rest = cut(weight, 0, 1, size(weight, 0))
    return call.but(sample_weight=weight), call.but(**kept, sample_weight=rest)


def _weightless_row(call: Call, rows: Mapping[str, int]) -> list[Pair]:
    whole, kept = _weightless(call, rows)
    return [(whole(reduction=how), kept(reduction=how)) for how in ("mean", "sum")]


WEIGHTLESS_ROW = Law(
    "weightless-row",
    "A sample of weight 0 may as well be left out.",
    "A loss with `sample_weight`; `rows` names what is given by sample with its axis.",
    _weightless_row,
)


def _weightless_row_gradient(call: Call, rows: Mapping[str, int], of: tuple[str, ...]) -> list[Pair]:
    whole, kept = (c.but(reduction="mean").gradients(of) for c in _weightless(call, rows))
    found: list[Pair] = []
    for name in of:
        first = cut(whole[name], rows[name], 0, 1)
        rest = cut(whole[name], rows[name], 1, size(whole[name], rows[name]))
        found += [(first, zeros(call.backend, first)), (rest, kept[name])]
    return found


WEIGHTLESS_ROW_GRADIENT = Law(
    "weightless-row-gradient",
    "A sample of weight 0 has gradient 0, and leaves those of the others as they are without it.",
    "As weightless-row; `of` are the inputs to differentiate.",
    _weightless_row_gradient,
    check="gradient-law",
)


def _ignored_label(call: Call, rows: Mapping[str, int], of: str, label: int = -100) -> list[Pair]:
    """With the first sample's label the ignored one, and without that sample."""
    target = call["target"]
    first = 0 * cut(target, 0, 0, 1) + label
    marked = call.xp.concat([first, cut(target, 0, 1, size(target, 0))], axis=0)
    whole = call.but(target=marked, ignore_index=label)
    kept = call.but(ignore_index=label, **{n: cut(call[n], rows[n], 1, size(call[n], rows[n])) for n in rows})
    gradient, rest = whole.gradients([of])[of], kept.gradients([of])[of]
    ignored = cut(gradient, rows[of], 0, 1)
    return [
        (whole(), kept()),
        (ignored, zeros(call.backend, ignored)),
        (cut(gradient, rows[of], 1, size(gradient, rows[of])), rest),
    ]


IGNORED_LABEL = Law(
    "ignored-label",
    "A sample with the label that is ignored may as well be left out, and has gradient 0.",
    "A loss with `ignore_index`; `rows` names what is given by sample with its axis, `of` the input to differentiate.",
    _ignored_label,
    check="gradient-law",
)


def _padding_row(call: Call, row: int = 2) -> list[Pair]:
    plain, padded = (call.but(padding_index=p).gradients(["weight"])["weight"] for p in (None, row))
    here, number = cut(padded, 0, row, row + 1), size(padded, 0)
    return [
        (here, zeros(call.backend, here)),
        (cut(padded, 0, 0, row), cut(plain, 0, 0, row)),
        (cut(padded, 0, row + 1, number), cut(plain, 0, row + 1, number)),
    ]


PADDING_ROW = Law(
    "padding-row",
    "The row for padding has gradient 0, and the others have that without padding.",
    "An operation with `padding_index`.",
    _padding_row,
    check="gradient-law",
)


def _masked_key(call: Call, keys: Mapping[str, int], queries: tuple[str, int], hidden: int = 1) -> list[Pair]:
    def without(x: Any, axis: int) -> Any:
        parts = [cut(x, axis, 0, hidden), cut(x, axis, hidden + 1, size(x, axis))]
        return call.xp.concat(parts, axis=axis)

    name, axis = next(iter(keys.items()))
    shown = np.ones((size(call[queries[0]], queries[1]), size(call[name], axis)), bool)
    shown[:, hidden] = False
    mask = call.backend.asarray(shown, dtype="bool")
    return [(call(mask=mask), call(**{n: without(x, keys[n]) for n, x in call.given(keys).items()}))]


MASKED_KEY = Law(
    "masked-key",
    "A key that every query has masked may as well be left out.",
    "`keys` names what is given by key with its axis, `queries` is the query and its axis.",
    _masked_key,
)


def _ignored_steps(
    call: Call, over: Mapping[str, int], lengths: str, rows: str, outputs: int | None = None
) -> list[Pair]:
    """Lengths of one step less than there are, and no such step; with an axis of outputs, those beyond are 0."""
    name, axis = next(iter(over.items()))
    number, batch = size(call[name], axis), size(call[rows], 0)
    shorter = call.backend.asarray(np.full((batch,), number - 1, np.int32), dtype="int32")
    whole = call(**{lengths: shorter})
    kept = call(**{n: cut(x, over[n], 0, number - 1) for n, x in call.given(over).items()})
    if outputs is None:
        return [(whole, kept)]
    beyond = cut(whole[0], outputs, number - 1, number)
    return [
        ((cut(whole[0], outputs, 0, number - 1), whole[1]), (kept[0], kept[1])),
        (beyond, zeros(call.backend, beyond)),
    ]


IGNORED_STEPS = Law(
    "ignored-steps",
    "Steps beyond a sequence's length may as well be left out; their outputs are 0.",
    "`over` names what has an axis of time, `lengths` is the argument of the lengths, `rows` has a row a sequence.",
    _ignored_steps,
)


def _dropped_entry(call: Call) -> list[Pair]:
    x, mask = call["x"], call["mask"]
    shown = call.xp.reshape(mask, (*mask.shape, *[1] * (len(x.shape) - len(mask.shape))))
    other = call.xp.where(shown, x, 3.0 * x + 2.0)
    gradient = call.gradients(["x"])["x"]
    hidden = call.xp.where(shown, zeros(call.backend, gradient), gradient)
    return [(call(), call(x=other)), (hidden, zeros(call.backend, hidden))]


DROPPED_ENTRY = Law(
    "dropped-entry",
    "What is dropped changes nothing, and has gradient 0.",
    "`x` and `mask` are given.",
    _dropped_entry,
    check="gradient-law",
)


def _masked_leaf(call: Call, of: str) -> list[Pair]:
    """The first leaf is penalized, the others are not."""
    leaves, tree = optree.tree_flatten(call[of])
    mask = optree.tree_unflatten(tree, [i == 0 for i in range(len(leaves))])
    return [(call(mask=mask), call(**{of: [leaves[0]]}, mask=None))]


MASKED_LEAF = Law(
    "masked-leaf",
    "A leaf that the mask takes out may as well be left out.",
    "A penalty with `mask`; `of` names the tree.",
    _masked_leaf,
)


def _undecayed_leaf(call: Call, leaf: str = "b") -> list[Pair]:
    """Of the result, the leaf that does not decay."""
    mask = {name: name != leaf for name in call["params"]}
    masked, plain = call(decay_mask=mask), call(decay_mask=None, weight_decay=0.0)
    decayed = call(decay_mask=None)
    found: list[Pair] = [(masked[0][leaf], plain[0][leaf])]
    return found + [(masked[0][name], decayed[0][name]) for name in mask if name != leaf]


UNDECAYED_LEAF = Law(
    "undecayed-leaf",
    "A leaf that the mask takes out of the decay is updated as without decay, the others as without a mask.",
    "An optimizer with `decay_mask`, its decay above 0.",
    _undecayed_leaf,
)
