"""Connectionist temporal classification: the likelihood of labels that are not aligned with frames."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from nnspec import _validate as check
from nnspec.errors import ArgumentError, ShapeError
from nnspec.operation import Array, Family, operation
from nnspec.ops.losses._checks import reducible, sample_weights
from nnspec.ops.losses._shared import counted, elementwise

__all__ = ["Alignments", "Ctc", "counted_frames", "counted_labels", "ctc_reduced", "label_states"]


# -- checks ------------------------------------------------------------------------------------------------


def _lengths(self: Family, name: str, lengths: Array | None, batch: int, most: int) -> None:
    if lengths is not None:
        check.integer(self, name, lengths)
        check.shape(name, lengths, (batch,), "(one a sequence)")
        check.values_within(self, name, lengths, 0, most, what="lengths")


def _labels(self: Family, target: Array, lengths: Array | None, weight: Array | None, classes: int, blank: int) -> None:
    """The labels that count are classes other than blank, judged where all that decides it can be looked at."""
    if not all(x is None or self.is_concrete(x) for x in (target, lengths, weight)):
        return
    host = self.to_numpy(target)
    rows = range(host.shape[0]) if weight is None else [i for i, w in enumerate(self.to_numpy(weight)) if w != 0]
    ends = [host.shape[1]] * host.shape[0] if lengths is None else self.to_numpy(lengths).tolist()
    for i in rows:
        labels = host[i, : ends[i]]
        check.host_values_within("target", labels, 0, classes - 1, what="class indices")
        if (labels == blank).any():
            raise ArgumentError(f"target: expected labels other than blank, got {blank}")


def _ctc(
    self: Family,
    logits: Array,
    target: Array,
    *,
    input_lengths: Array | None = None,
    target_lengths: Array | None = None,
    blank: int = 0,
    zero_infinity: bool = False,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    check.floating(self, "logits", logits)
    check.shape("logits", logits, ("batch", "frames", "classes"))
    batch, frames, classes = logits.shape
    if classes == 0:
        raise ShapeError(f"logits: expected at least one class, got shape {tuple(logits.shape)}")
    check.integer(self, "target", target)
    check.shape("target", target, (batch, "labels"), "(a row of labels a sequence)")
    check.count("blank", blank)
    if blank >= classes:
        raise ArgumentError(f"blank: expected one of {classes} classes, got {blank}")
    check.flag("zero_infinity", zero_infinity)
    _lengths(self, "input_lengths", input_lengths, batch, frames)
    _lengths(self, "target_lengths", target_lengths, batch, target.shape[1])
    sample_weights(self, sample_weight, "logits", logits, (batch,))
    _labels(self, target, target_lengths, sample_weight, classes, blank)
    reducible(reduction, (batch,))


# -- the parts of the definition ---------------------------------------------------------------------------


def _positions(self: Family, count: int, like: Array) -> Array:
    return self.xp.arange(count, dtype=self.xp.int32, **self.placement(like))


def _column(self: Family, lengths: Array) -> Array:
    return self.xp.reshape(self.xp.astype(lengths, self.xp.int32), (-1, 1))


def counted_frames(self: Family, logits: Array, lengths: Array | None, weight: Array | None) -> Array:
    """`logits` with 0 in place of frames past a sequence's end and of sequences of weight 0."""
    xp = self.xp
    if weight is not None:
        logits = counted(self, logits, xp.reshape(weight, (-1, 1, 1)))
    if lengths is None:
        return logits
    past = _positions(self, logits.shape[1], logits) >= _column(self, lengths)
    return xp.where(xp.expand_dims(past, axis=2), 0.0, logits)


def counted_labels(self: Family, target: Array, lengths: Array | None, weight: Array | None, blank: int) -> Array:
    """`target` as int32, with blank in place of what is no label: padding, and sequences of weight 0."""
    xp = self.xp
    labels = xp.astype(target, xp.int32)
    if weight is not None:
        labels = xp.where(xp.reshape(weight == 0, (-1, 1)), blank, labels)
    if lengths is None:
        return labels
    return xp.where(_positions(self, target.shape[1], target) >= _column(self, lengths), blank, labels)


def label_states(self: Family, labels: Array, blank: int) -> tuple[Array, Array]:
    """The classes of the states blank, label 1, blank, label 2, ..., blank, and which can be entered past a blank."""
    xp = self.xp
    batch, count = labels.shape
    blanks = xp.full((batch, count + 2, 1), blank, dtype=xp.int32, **self.placement(labels))
    pairs = xp.concat([blanks[:, :count, :], xp.expand_dims(labels, axis=2)], axis=2)
    states = xp.concat([xp.reshape(pairs, (batch, 2 * count)), blanks[:, 0, :]], axis=1)
    two_before = xp.concat([blanks[:, :2, 0], states], axis=1)[:, : 2 * count + 1]
    return states, (states != blank) & (states != two_before)


def _log_sum_exp(self: Family, x: Array, axis: int) -> Array:
    """log sum exp along `axis`; -inf where all is -inf, and no derivative there."""
    xp = self.xp
    top = xp.max(self.stop_gradient(x), axis=axis, keepdims=True)
    none = top == -math.inf
    top = xp.where(none, 0.0, top)
    total = xp.sum(xp.exp(x - top), axis=axis, keepdims=True)
    return xp.squeeze(xp.where(none, -math.inf, top + xp.log(xp.where(none, 1.0, total))), axis=axis)


class Alignments:
    """All ways to align labels with frames, as walks over the states of `label_states`.

    Args:
        backend: whose arrays these are; the others are arguments of `ctc`.
    """

    def __init__(
        self,
        backend: Any,
        logits: Array,
        target: Array,
        input_lengths: Array | None,
        target_lengths: Array | None,
        blank: int,
        weight: Array | None,
    ) -> None:
        xp = backend.xp
        self._backend = backend
        log_prob = backend.log_softmax(counted_frames(backend, logits, input_lengths, weight), axis=-1)
        labels = counted_labels(backend, target, target_lengths, weight, blank)
        batch, frames, classes = log_prob.shape
        count = labels.shape[1]
        place = backend.placement(log_prob)
        self._states = 2 * count + 1
        states, self._skips = label_states(backend, labels, blank)
        place_of = states + xp.reshape(_positions(backend, batch, log_prob), (-1, 1)) * classes
        rows = xp.reshape(xp.permute_dims(log_prob, (1, 0, 2)), (frames, batch * classes))
        taken = xp.take(rows, xp.reshape(place_of, (batch * self._states,)), axis=1)
        #: `(frames, batch, states)`: the log-probability of a state's class in a frame
        self.scores = xp.reshape(taken, (frames, batch, self._states))
        self._wall = xp.full((batch, 2), -math.inf, dtype=log_prob.dtype, **place)
        self._ends = None if input_lengths is None else _column(backend, input_lengths)
        last = 2 * count if target_lengths is None else 2 * _column(backend, target_lengths)
        position = _positions(backend, self._states, log_prob)
        self._final = xp.broadcast_to((position == last) | (position == last - 1), (batch, self._states))
        #: before any frame: as if in the first blank
        self.start = xp.where(
            xp.broadcast_to(position == 0, (batch, self._states)), xp.zeros_like(self._wall[:, :1]), -math.inf
        )

    def step(self, alpha: Array, t: Any, scores: Array) -> Array:
        """From the log-probability of being in each state after `t` frames to that after one more."""
        xp = self._backend.xp
        padded = xp.concat([self._wall, alpha], axis=1)
        skipped = xp.where(self._skips, padded[:, : self._states], -math.inf)
        entered = xp.stack([alpha, padded[:, 1 : self._states + 1], skipped], axis=0)
        after = scores + _log_sum_exp(self._backend, entered, 0)
        return after if self._ends is None else xp.where(t < self._ends, after, alpha)

    def log_likelihood(self, alpha: Array) -> Array:
        """Of all walks that end in the last label or the blank after it, `(batch,)`."""
        return _log_sum_exp(self._backend, self._backend.xp.where(self._final, alpha, -math.inf), 1)


def ctc_reduced(self: Family, loss: Array, zero_infinity: bool, weight: Array | None, reduction: str) -> Array:
    """The reduction of losses that are infinite where there is no alignment."""
    if zero_infinity:
        loss = self.xp.where(loss == math.inf, 0.0, loss)
    return elementwise(self, counted(self, loss, weight), weight, reduction)


class Ctc(Family):
    """Connectionist temporal classification."""

    log_softmax: Callable[..., Array]

    @operation(since="1.0", check=_ctc)
    def ctc(
        self,
        logits: Array,
        target: Array,
        *,
        input_lengths: Array | None = None,
        target_lengths: Array | None = None,
        blank: int = 0,
        zero_infinity: bool = False,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Array:
        """Connectionist temporal classification: `l = -log sum_a prod_t p_t(a_t)`, p the softmax of `logits`.

        The sum is over the alignments a: one class a frame, such that merging equal neighbours and then
        removing blanks leaves the labels. With the states z = (blank, y_1, blank, ..., y_S, blank) it is
        computed in logarithms, frame by frame:
        `alpha_t(s) = p_t(z_s) (alpha_(t-1)(s) + alpha_(t-1)(s-1) + alpha_(t-1)(s-2))`, the last term only
        where z_s is a label that differs from z_(s-2), and `l = -log(alpha_T(2S) + alpha_T(2S-1))`.

        Args:
            logits: `(batch, frames, classes)`, floating.
            target: `(batch, labels)`, integers of any width: class indices other than `blank`.
            input_lengths: `(batch,)`, integers: the frames T of each sequence, or None for all.
            target_lengths: `(batch,)`, integers: the labels S of each sequence, or None for all.
            blank: the class that stands for no label.
            zero_infinity: whether the loss of a sequence without alignment is 0 and not inf.
            sample_weight: `(batch,)`, of the dtype of `logits`, values >= 0, or None for 1 everywhere.
            reduction: "mean" (over sequences), "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape `(batch,)`.

        Raises:
            DTypeError: `logits` or a weight is not floating, `target` or a length not integer.
            ShapeError: a shape is not as above, or there is no class.
            ArgumentError: `blank` is no class; `zero_infinity` is no flag; another `reduction`; "mean" of no
                sequence; and, where looking costs nothing, a length outside [0, frames] or [0, labels], a
                label that is no class or blank, or a negative weight.

        Requires:
            [CTC-1] The sum over all alignments: between equal labels there has to be a blank, between others
                there may be one, and an empty target is aligned with blanks alone.
            [CTC-2] The gradient is that with respect to logits: softmax minus the expected share of each
                class in each frame.
            [CTC-3] `blank` may be any class.
            [CTC-4] Frames past a sequence's input length and labels past its target length reach neither
                value nor gradient, whatever they are.
            [CTC-5] Where there is no alignment (fewer frames than labels and blanks between equal ones, or
                every one has probability 0) the loss is inf, with `zero_infinity` 0; the gradient is 0.
            [CTC-6] Computed in logarithms: finite for finite logits however far apart and however long the
                sequence. A logit of -inf removes its class from the frame.
            [CTC-7] The mean is over sequences and not divided by target lengths, with weights sum(w l) /
                sum(w), 0 where sum(w) is 0; a sequence of weight 0 reaches neither value nor gradient.

        Differs:
            torch has frames first, takes log-probabilities (with a gradient that is right only behind
            log_softmax), divides by the target length in its mean, and gives NaN gradients where there is no
            alignment; optax takes paddings in place of lengths and gives about 1e5 where there is none; in
            TensorFlow's blank is the last class by default.

        Source:
            Graves, Fernandez, Gomez and Schmidhuber, "Connectionist Temporal Classification", 2006, sec. 4.1.

        Example:
            >>> uniform = B.asarray([[[0.0, 0.0], [0.0, 0.0]]])  # aligned as (1, 1), (0, 1) and (1, 0)
            >>> round(float(B.xp.exp(-B.ctc(uniform, B.asarray([[1]])))), 6)
            0.75
        """
        alignments = Alignments(self, logits, target, input_lengths, target_lengths, blank, sample_weight)
        alpha = alignments.start
        for t in range(logits.shape[1]):
            alpha = alignments.step(alpha, t, alignments.scores[t, :, :])
        return ctc_reduced(self, -alignments.log_likelihood(alpha), zero_infinity, sample_weight, reduction)
