"""Native losses: cross-entropy in few passes, and recursions whose backward pass is written out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnspec import _validate as check
from nnspec.operation import Array
from nnspec.ops.losses import Losses
from nnspec.ops.losses._ctc import counted_frames, counted_labels, ctc_reduced, label_states
from nnspec.tape import kernel
from nnspec_backends.numpy._plan import Traced

__all__ = ["NumpyLosses"]


def _powers(parts: list[Any]) -> tuple[Any, list[Any]]:
    """The largest of `parts`, 0 where all are -inf, and exp of each less that."""
    top = np.maximum.reduce(parts)
    top[top == -np.inf] = 0.0
    return top, [np.exp(part - top) for part in parts]


def _log_sum(parts: list[Any]) -> Any:
    top, powers = _powers(parts)
    return top + np.log(sum(powers))


def _shares(parts: list[Any]) -> list[Any]:
    """How much of the sum of their exponentials each of `parts` is; 0 where all are -inf."""
    _, powers = _powers(parts)
    total = sum(powers)
    total[total == 0] = 1.0
    return [power / total for power in powers]


def _entered(alpha: Any, skips: Any) -> list[Any]:
    """What may lead to a state, of `alpha` behind two columns of -inf: itself, the one before, the label before."""
    return [alpha[..., 2:], alpha[..., 1:-1], np.where(skips, alpha[..., :-2], -np.inf)]


def _forward(log_prob: Any, *, states: Any, skips: Any, ends: Any, counts: Any) -> tuple[Any, Any]:
    """The log-likelihoods, `(batch,)`; frames come first in what is saved."""
    batch, frames, _ = log_prob.shape
    size = states.shape[1]
    scores = np.take_along_axis(log_prob, states[:, None, :], axis=2).transpose(1, 0, 2)
    alphas = np.full((frames + 1, batch, size + 2), -np.inf, log_prob.dtype)
    alphas[0, :, 2] = 0.0
    live = (np.arange(frames)[:, None] < ends)[:, :, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        for t in range(frames):
            after = _log_sum(_entered(alphas[t], skips)) + scores[t]
            alphas[t + 1, :, 2:] = np.where(live[t], after, alphas[t, :, 2:])
        position, last = np.arange(size), 2 * counts[:, None]
        final = np.where((position == last) | (position == last - 1), alphas[-1, :, 2:], -np.inf)
        total = _log_sum(list(final.T))
    return total, (log_prob.shape, states, skips, live, alphas, final)


def _backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    shape, states, skips, live, alphas, final = saved
    with np.errstate(invalid="ignore"):
        stay, step, skip = _shares(_entered(alphas[:-1], skips))
        flow = g[:, None] * np.stack(_shares(list(final.T)), axis=1)
    through = np.empty_like(stay)
    for t in reversed(range(shape[1])):
        through[t] = np.where(live[t], flow, 0.0)
        flow = np.where(live[t], through[t] * stay[t], flow)
        flow[:, :-1] += (through[t] * step[t])[:, 1:]
        flow[:, :-2] += (through[t] * skip[t])[:, 2:]
    grad = np.zeros(shape, g.dtype)
    rows = np.arange(shape[0])
    for s in range(states.shape[1]):  # a state has one class a sequence: no index occurs twice
        grad[rows, :, states[:, s]] += through[:, :, s].T
    return [grad]


_log_likelihood = kernel(_forward, _backward)

# -- cross-entropy of one class a sample -----------------------------------------------------------------------


def _labels_within(target: Any, hits: Any, classes: int) -> None:
    if np.count_nonzero(hits) != target.size:
        check.host_values_within("target", target, 0, classes - 1, what="class indices")


def _entropy_forward(x: Any, *, target: Any, axis: int, reduction: str) -> tuple[Any, Any]:
    classes = x.shape[axis]
    along = tuple(-1 if i == axis else 1 for i in range(x.ndim))
    samples = target.shape
    counted = target.dtype if np.iinfo(target.dtype).max >= classes else np.int64
    hits = np.equal(
        target.reshape(*samples[:axis], 1, *samples[axis:]), np.arange(classes, dtype=counted).reshape(along)
    )
    if isinstance(hits, Traced):
        hits.recorder.check(_labels_within, target, hits, classes)
    z = x - np.maximum.reduce(x, axis=axis, keepdims=True)
    powers = np.exp(z)
    total = np.add.reduce(powers, axis=axis, keepdims=True)
    loss = np.log(total).reshape(samples) - np.add.reduce(z, axis=axis, where=hits)
    if reduction != "none":
        loss = np.add.reduce(loss, axis=None)
    count = math.prod(samples) if reduction == "mean" else 1
    return loss / count if count != 1 else loss, (powers, total, hits, count)


def _entropy_backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    powers, total, hits, count = saved
    if g.ndim:
        g = g.reshape(total.shape)
    elif count != 1:
        g = g / count
    rest = powers / total
    rest -= hits
    rest *= g
    return [rest]


_entropy = kernel(_entropy_forward, _entropy_backward)


class NumpyLosses(Losses):
    """Few passes, and for CTC one over the frames each way, where the tape would record every step."""

    def cross_entropy(
        self,
        logits: Array,
        target: Array,
        *,
        weight: Array | None = None,
        axis: int = -1,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Array:
        weighed = weight is not None or sample_weight is not None or ignore_index is not None
        if weighed or label_smoothing > 0 or not self.is_integer(target):
            return super().cross_entropy(
                logits,
                target,
                weight=weight,
                axis=axis,
                ignore_index=ignore_index,
                label_smoothing=label_smoothing,
                sample_weight=sample_weight,
                reduction=reduction,
            )
        return _entropy(logits, target=target, axis=axis % logits.ndim, reduction=reduction)

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
        log_prob = self.log_softmax(counted_frames(self, logits, input_lengths, sample_weight), axis=-1)
        states, skips = label_states(self, counted_labels(self, target, target_lengths, sample_weight, blank), blank)
        batch, frames, _ = logits.shape
        ends = np.full(batch, frames) if input_lengths is None else input_lengths.astype(np.int64)
        counts = np.full(batch, target.shape[1]) if target_lengths is None else target_lengths.astype(np.int64)
        total = _log_likelihood(log_prob, states=states, skips=skips, ends=ends, counts=counts)
        return ctc_reduced(self, -total, zero_infinity, sample_weight, reduction)
