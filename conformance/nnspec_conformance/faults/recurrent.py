"""Planted faults of the family recurrent: those of the cells, and those of the network around them, of all three."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import optree

from nnspec_conformance.faults._fault import Planted
from nnspec_conformance.faults._wrongs import coarse

__all__ = ["FAULTS"]

_LSTM = "nnspec.ops.recurrent._cells:LSTM.step"
_GRU = "nnspec.ops.recurrent._cells:GRU.step"

_STACKED = "nnspec.ops.recurrent._stack:Stack._stacked"
_UNROLLED = "nnspec.ops.recurrent._stack:Stack._unrolled"
_BOTH = "nnspec.ops.recurrent._stack:both_ways"

FAULTS = Planted()


def _by_layer(params: Any, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Any:
    """The weights of every layer and direction changed."""
    return [
        {way: change(own) for way, own in layer.items()} if "forward" in layer else change(layer) for layer in params
    ]


# -- the cells -------------------------------------------------------------------------------------------------

FAULTS.edit("RNN-2", "ignored option", "always-tanh", "cell = RNN[nonlinearity]", 'cell = RNN["tanh"]')


@FAULTS.fault("RNN-1", "wrong order")
def recurrent_weight_transposed(
    backend: Any, sound: Any, x: Any, params: Any, state: Any = None, **options: Any
) -> Any:
    """The state is multiplied by the recurrent weight from the other side."""

    def turned(own: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**own, "recurrent_weight": backend.xp.permute_dims(own["recurrent_weight"], (1, 0))}

    return sound(x, _by_layer(params, turned), state, **options)


@FAULTS.fault("RNN-1", "wrong value")
def bias_added_twice(backend: Any, sound: Any, x: Any, params: Any, state: Any = None, **options: Any) -> Any:
    """The one bias stands for two, and is added twice."""
    return sound(x, _by_layer(params, lambda own: {**own, "bias": own["bias"] + own["bias"]}), state, **options)


FAULTS.edit(
    "LSTM-1", "wrong order", "gates-of-onnx", "for number in (0, 1, 3))", "for number in (0, 2, 1))", within=_LSTM
)
FAULTS.edit(
    "LSTM-1",
    "wrong constant",
    "one-added-to-the-forget-gate",
    'cell = f * state["cell"]',
    'cell = backend.sigmoid(_gate(rows, 1, hidden) + 1.0) * state["cell"]',
    within=_LSTM,
)
FAULTS.edit("LSTM-1", "missing term", "no-tanh-of-the-cell", "o * backend.tanh(cell)", "o * cell", within=_LSTM)
FAULTS.edit(
    "LSTM-2", "wrong value", "input-gate-coupled", "+ i * backend.tanh", "+ (1.0 - f) * backend.tanh", within=_LSTM
)
FAULTS.edit(
    "LSTM-2",
    "wrong gradient",
    "none-along-the-cell",
    'f * state["cell"]',
    'f * backend.stop_gradient(state["cell"])',
    within=_LSTM,
)
FAULTS.edit(
    "LSTM-2", "special value", "cell-clipped", 'f * state["cell"]', 'f * backend.hard_tanh(state["cell"])', within=_LSTM
)

FAULTS.edit("GRU-1", "wrong order", "gates-of-keras", "for n in (0, 1))", "for n in (1, 0))", within=_GRU)
FAULTS.edit(
    "GRU-2",
    "wrong order",
    "reset-before-the-product",
    "r * _gate(recurrent, 2, hidden)",
    '_gate(backend.linear(r * before, weights["recurrent_weight"], weights["recurrent_bias"]), 2, hidden)',
    within=_GRU,
)
FAULTS.edit(
    "GRU-2",
    "wrong order",
    "bias-not-reset",
    "r * _gate(recurrent, 2, hidden)",
    'r * (_gate(recurrent, 2, hidden) - weights["recurrent_bias"][2 * hidden :])'
    ' + weights["recurrent_bias"][2 * hidden :]',
    within=_GRU,
)
FAULTS.edit(
    "GRU-3",
    "swapped argument",
    "update-gate",
    "(1.0 - z) * new + z * before",
    "z * new + (1.0 - z) * before",
    within=_GRU,
)
FAULTS.edit(
    "GRU-1",
    "missing term",
    "no-recurrent-bias",
    'weights["recurrent_weight"], weights["recurrent_bias"])',
    'weights["recurrent_weight"])',
    within=_GRU,
)

# -- layers ----------------------------------------------------------------------------------------------------


@FAULTS.fault("LSTM-3", "wrong value")
def first_layer_read_backwards(backend: Any, sound: Any, x: Any, params: Any, state: Any = None, **options: Any) -> Any:
    """Layers after the first read the features in reversed order: both directions swapped."""

    def flipped(own: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**own, "weight": backend.xp.flip(own["weight"], axis=1)}

    return sound(x, [*params[:1], *_by_layer(params[1:], flipped)], state, **options)


@FAULTS.fault("GRU-4", "lost state")
def layers_start_from_the_one_below(
    backend: Any, sound: Any, x: Any, params: Any, state: Any = None, **options: Any
) -> Any:
    """Every layer starts from the state of the first."""
    if state is not None:
        first = [leaf.shape for leaf in optree.tree_leaves(state[0])]
        state = [state[0] if [leaf.shape for leaf in optree.tree_leaves(s)] == first else s for s in state]
    return sound(x, params, state, **options)


# -- directions ------------------------------------------------------------------------------------------------

FAULTS.edit("RNN-4", "ignored option", "backward-reads-forward", 'way == "backward")', "False)", within=_BOTH)
FAULTS.edit(
    "LSTM-4",
    "wrong order",
    "backward-outputs-first",
    "backend.xp.concat([outputs for outputs, _ in done], axis=-1)",
    "backend.xp.concat([outputs for outputs, _ in reversed(done)], axis=-1)",
    within=_BOTH,
)
FAULTS.edit(
    "GRU-5",
    "wrong order",
    "backward-outputs-reversed",
    "return xp.stack(outputs, axis=1), dict(state)",
    "return xp.stack(outputs[::-1] if backward and present is None else outputs, axis=1), dict(state)",
    within=_UNROLLED,
)


@FAULTS.fault("RNN-4", "lost state")
def end_of_the_last_step(backend: Any, sound: Any, x: Any, params: Any, state: Any = None, **options: Any) -> Any:
    """The end of the backward direction is what stands at the last step: its first output, not its last."""
    y, ends = sound(x, params, state, **options)
    if "backward" in ends[-1] and options.get("lengths") is None and x.shape[1]:
        hidden = ends[-1]["backward"]["hidden"].shape[1]
        ends = [*ends[:-1], {**ends[-1], "backward": {**ends[-1]["backward"], "hidden": y[:, -1, hidden:]}}]
    return y, ends


# -- state -----------------------------------------------------------------------------------------------------

FAULTS.edit(
    "RNN-5",
    "lost state",
    "always-from-zeros",
    "if state is None else state[number]",
    "if number or state is None else state[number]",
    within=_STACKED,
)
FAULTS.edit(
    "GRU-6",
    "wrong gradient",
    "state-constant",
    "else state[number]",
    "else {name: own if isinstance(own, dict) else self.stop_gradient(own) for name, own in state[number].items()}",
    within=_STACKED,
)
FAULTS.edit(
    "RNN-5",
    "wrong gradient",
    "truncated-in-time",
    "state = after",
    "state = {name: self.stop_gradient(own) for name, own in after.items()}",
    within=_UNROLLED,
)


@FAULTS.fault("LSTM-5", "lost state")
def cell_from_zeros(backend: Any, sound: Any, x: Any, params: Any, state: Any = None, **options: Any) -> Any:
    """Of the state that is given only the hidden part is read."""
    if state is not None:
        state = _by_layer(state, lambda own: {**own, "cell": backend.xp.zeros_like(own["cell"])})
    return sound(x, params, state, **options)


@FAULTS.fault("GRU-6", "stale cache")
def state_kept_between_calls(backend: Any, sound: Any, x: Any, params: Any, state: Any = None, **options: Any) -> Any:
    """A stateful network: without a state it goes on from the end of the call before, of the same sizes."""
    shapes = (x.shape[0], *(leaf.shape for leaf in optree.tree_leaves(params)))
    kept = vars(backend).setdefault("_kept_state", {})
    y, ends = sound(x, params, kept.get(shapes) if state is None else state, **options)
    kept[shapes] = optree.tree_map(backend.stop_gradient, ends)
    return y, ends


@FAULTS.fault("LSTM-5", "in-place write")
def state_overwritten(backend: Any, sound: Any, x: Any, params: Any, state: Any = None, **options: Any) -> Any:
    """The end is written over the state that was given."""
    y, ends = sound(x, params, state, **options)
    if state is not None:
        for given, end in zip(optree.tree_leaves(state), optree.tree_leaves(ends), strict=True):
            backend.stop_gradient(given)[...] = backend.stop_gradient(end)
    return y, ends


# -- lengths ---------------------------------------------------------------------------------------------------

FAULTS.edit(
    "RNN-6",
    "lost state",
    "state-of-the-last-step",
    "after = {name: xp.where(here, after[name], state[name]) for name in cell.states}",
    "pass",
    within=_UNROLLED,
)
FAULTS.edit(
    "LSTM-6",
    "leaked mask",
    "outputs-repeated",
    'xp.where(here, after["hidden"], 0.0)',
    'xp.where(here, after["hidden"], state["hidden"])',
    within=_UNROLLED,
)
FAULTS.edit(
    "GRU-7",
    "ignored option",
    "lengths-of-the-backward-direction",
    "if present is not None:",
    "if present is not None and not backward:",
    within=_UNROLLED,
)
FAULTS.edit(
    "LSTM-6",
    "wrong constant",
    "one-step-at-least",
    "present = steps < xp.expand_dims(lengths, axis=-1)",
    "present = (steps < xp.expand_dims(lengths, axis=-1)) | (steps == 0)",
    within=_STACKED,
)
FAULTS.edit(
    "RNN-6", "wrong constant", "one-step-more", "present = steps < xp", "present = steps <= xp", within=_STACKED
)
FAULTS.edit(
    "RNN-7",
    "leaked mask",
    "zero-times-what-is-beyond",
    "xp.where(xp.expand_dims(present, axis=-1), x, 0.0)",
    "x * xp.astype(xp.expand_dims(present, axis=-1), x.dtype)",
    within=_STACKED,
)
FAULTS.edit(
    "LSTM-7",
    "leaked mask",
    "not-cleared",
    "x = xp.where(xp.expand_dims(present, axis=-1), x, 0.0)",
    "pass",
    within=_STACKED,
)
FAULTS.edit(
    "GRU-8",
    "leaked mask",
    "not-cleared",
    "x = xp.where(xp.expand_dims(present, axis=-1), x, 0.0)",
    "pass",
    within=_STACKED,
)

# -- dropout between layers ------------------------------------------------------------------------------------

FAULTS.edit("RNN-8", "wrong bits", "next-site", "site=site + number - 1)", "site=site + number)", within=_STACKED)
FAULTS.edit(
    "LSTM-8",
    "wrong value",
    "input-dropped-too",
    "if number > 0 and training and rate > 0:",
    "if training and rate > 0 and (number > 0 or masks is None and len(params) > 1):",
    within=_STACKED,
)
FAULTS.edit("GRU-9", "ignored option", "site-of-the-layer", "site=site + number - 1)", "site=site)", within=_STACKED)
FAULTS.edit(
    "RNN-9",
    "ignored option",
    "training",
    "if number > 0 and training and rate > 0:",
    "if number > 0 and rate > 0 and (key is not None or masks is not None):",
    within=_STACKED,
)
FAULTS.edit(
    "LSTM-9",
    "ignored option",
    "training",
    "if number > 0 and training and rate > 0:",
    "if number > 0 and rate > 0 and (key is not None or masks is not None):",
    within=_STACKED,
)
FAULTS.edit(
    "GRU-10",
    "ignored option",
    "training",
    "if number > 0 and training and rate > 0:",
    "if number > 0 and rate > 0 and (key is not None or masks is not None):",
    within=_STACKED,
)


@FAULTS.fault("LSTM-8", "wrong value")
def last_layer_dropped_too(backend: Any, sound: Any, x: Any, params: Any, state: Any = None, **options: Any) -> Any:
    """Outputs of the last layer are dropped as well."""
    y, ends = sound(x, params, state, **options)
    key, rate = options.get("key"), options.get("rate", 0.0)
    if key is not None and options.get("training", True) and rate > 0 and len(params) > 1:
        y = backend.dropout(y, rate=rate, key=key, site=options.get("site", 0) + len(params) - 1)
    return y, ends


# -- the batch and its numbers ---------------------------------------------------------------------------------


def _reversed_batch(backend: Any, sound: Any, x: Any, params: Any, state: Any = None, **options: Any) -> Any:
    """States of the batch are taken in reversed order, as after sorting by length."""
    if state is not None and x.shape[0]:
        state = optree.tree_map(lambda own: backend.xp.flip(own, axis=0), state)
    return sound(x, params, state, **options)


@FAULTS.fault("GRU-11", "wrong order")
def rows_meet(backend: Any, sound: Any, x: Any, params: Any, state: Any = None, **options: Any) -> Any:
    """Something of one sequence reaches the others: NaN of one becomes that of all."""
    if options.get("lengths") is None and x.shape[0]:
        x = x + 0.0 * backend.xp.sum(x, axis=0, keepdims=True)
    return sound(x, params, state, **options)


@FAULTS.fault("LSTM-10", "wrong order")
def sorted_by_length(backend: Any, sound: Any, x: Any, params: Any, state: Any = None, **options: Any) -> Any:
    """Sequences are sorted by length, and their results not sorted back."""
    lengths = options.get("lengths")
    y, ends = sound(x, params, state, **options)
    if lengths is None:
        return y, ends
    order = np.argsort(-np.asarray(lengths), kind="stable").astype(np.int32)
    return backend.xp.take(y, order, axis=0), ends


def _in_tf32(backend: Any, sound: Any, x: Any, params: Any, state: Any = None, **options: Any) -> Any:
    """Products are those of tensor cores."""
    return sound(coarse(x), optree.tree_map(coarse, params), state, **options)


FAULTS.fault("RNN-11", "precision loss")(_in_tf32)
FAULTS.fault("LSTM-11", "precision loss")(_in_tf32)
FAULTS.fault("GRU-12", "precision loss")(_in_tf32)
FAULTS.fault("RNN-10", "wrong order")(_reversed_batch)
