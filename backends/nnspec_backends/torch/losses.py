"""Native losses, for the arguments of which PyTorch's kernels agree with the definitions."""

from __future__ import annotations

import torch
from torch.nn import functional

from nnspec.operation import Array
from nnspec.ops.losses import Losses
from nnspec.ops.losses._ctc import Alignments, counted_frames, counted_labels, ctc_reduced
from nnspec_backends.torch._modes import under_transform

__all__ = ["TorchLosses"]

# No class has this index, and PyTorch's kernels skip it. It stands for every sample that does not count.
_SKIPPED = -100


def _all_of(lengths: Array | None, batch: int, whole: int, like: Array) -> Array:
    """The lengths given, or as many whole ones as there are sequences."""
    return torch.full((batch,), whole, dtype=torch.int64, device=like.device) if lengths is None else lengths


class _Rows:
    """Samples as rows of a matrix, classes in columns; those that do not count are marked and emptied."""

    def __init__(self, x: Array, target: Array, weight: Array | None, axis: int, ignore_index: int | None) -> None:
        self.shape = target.shape
        self.rows = x.movedim(axis, -1).reshape(-1, x.shape[axis])
        self.labels = target.reshape(-1).to(torch.int64)
        self.weight = weight
        #: the weight of each row in the mean, None where all weigh 1
        self.divisor: Array | None = None
        if weight is None and ignore_index is None:
            return
        if ignore_index is None:
            counted = torch.ones_like(self.labels, dtype=torch.bool)
        else:
            counted = self.labels != ignore_index
        weights = counted.to(x.dtype)
        if weight is not None:
            weights = torch.where(counted, weight[torch.where(counted, self.labels, 0)], weights)
            counted = weights != 0
        self.divisor = weights.sum()
        self.labels = torch.where(counted, self.labels, _SKIPPED)
        # the backward of log_softmax would otherwise multiply a NaN of an absent sample by 0
        self.rows = torch.where(counted[:, None], self.rows, 0.0)

    def reduced(self, loss: Array, reduction: str) -> Array:
        """What `reduction` asks for, of the loss that `kernel_reduction` gave."""
        if reduction == "none":
            return loss.reshape(self.shape)
        if reduction == "sum" or self.divisor is None:
            return loss
        empty = self.divisor == 0
        return torch.where(empty, 0.0, loss / torch.where(empty, 1.0, self.divisor))

    def kernel_reduction(self, reduction: str) -> str:
        """PyTorch's own mean is NaN where no sample counts."""
        return "sum" if reduction == "mean" and self.divisor is not None else reduction


def _constant(*weights: Array | None) -> bool:
    """PyTorch's kernels have no derivative with respect to weights; the definitions have one."""
    return not any(weight is not None and weight.requires_grad for weight in weights)


class TorchLosses(Losses):
    """Kernels without a one-hot matrix or intermediate differences."""

    def mean_absolute_error(
        self, prediction: Array, target: Array, *, sample_weight: Array | None = None, reduction: str = "mean"
    ) -> Array:
        if sample_weight is None:
            return functional.l1_loss(prediction, target, reduction=reduction)
        return super().mean_absolute_error(prediction, target, sample_weight=sample_weight, reduction=reduction)

    def mean_squared_error(
        self, prediction: Array, target: Array, *, sample_weight: Array | None = None, reduction: str = "mean"
    ) -> Array:
        if sample_weight is None:
            return functional.mse_loss(prediction, target, reduction=reduction)
        return super().mean_squared_error(prediction, target, sample_weight=sample_weight, reduction=reduction)

    def huber(
        self,
        prediction: Array,
        target: Array,
        *,
        delta: float = 1.0,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Array:
        if sample_weight is None:
            return functional.huber_loss(prediction, target, delta=delta, reduction=reduction)
        return super().huber(prediction, target, delta=delta, sample_weight=sample_weight, reduction=reduction)

    def smooth_l1(
        self,
        prediction: Array,
        target: Array,
        *,
        beta: float = 1.0,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Array:
        if sample_weight is None:
            return functional.smooth_l1_loss(prediction, target, beta=beta, reduction=reduction)
        return super().smooth_l1(prediction, target, beta=beta, sample_weight=sample_weight, reduction=reduction)

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
        # with smoothing a sample of class weight 0 still has the other classes' terms
        simple = label_smoothing == 0 or (label_smoothing < 1 and weight is None)
        if not (simple and sample_weight is None and self.is_integer(target) and _constant(weight)):
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
        samples = _Rows(logits, target, weight, axis, ignore_index)
        loss = functional.cross_entropy(
            samples.rows,
            samples.labels,
            weight=weight,
            ignore_index=_SKIPPED,
            reduction=samples.kernel_reduction(reduction),
            label_smoothing=label_smoothing,
        )
        return samples.reduced(loss, reduction)

    def nll(
        self,
        log_prob: Array,
        target: Array,
        *,
        weight: Array | None = None,
        axis: int = -1,
        ignore_index: int | None = None,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Array:
        if sample_weight is not None or not _constant(weight):
            return super().nll(
                log_prob,
                target,
                weight=weight,
                axis=axis,
                ignore_index=ignore_index,
                sample_weight=sample_weight,
                reduction=reduction,
            )
        samples = _Rows(log_prob, target, weight, axis, ignore_index)
        loss = functional.nll_loss(
            samples.rows,
            samples.labels,
            weight=weight,
            ignore_index=_SKIPPED,
            reduction=samples.kernel_reduction(reduction),
        )
        return samples.reduced(loss, reduction)

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
        given = (logits, target, input_lengths, target_lengths, blank, sample_weight)
        # the kernel refuses an empty array, and hands lengths to the host
        if logits.dtype == torch.float32 and 0 not in logits.shape and not under_transform():
            loss = self._ctc_by_kernel(*given)
        else:
            loss = self._ctc_by_steps(*given)
        return ctc_reduced(self, loss, zero_infinity, sample_weight, reduction)

    def _ctc_by_kernel(
        self,
        logits: Array,
        target: Array,
        input_lengths: Array | None,
        target_lengths: Array | None,
        blank: int,
        weight: Array | None,
    ) -> Array:
        """PyTorch's kernel in float64: its derivative is off by as many roundoffs as the logarithms are large.

        Not functional.ctc_loss, which has NaN for a gradient where there is no alignment, or 0 for a loss.
        """
        batch, frames, _ = logits.shape
        labels = target.shape[1]
        if input_lengths is not None or target_lengths is not None:  # the kernel takes both as arrays or neither
            input_lengths = _all_of(input_lengths, batch, frames, logits)
            target_lengths = _all_of(target_lengths, batch, labels, logits)
        log_prob = torch.log_softmax(counted_frames(self, logits, input_lengths, weight), -1).double()
        # the kernel's derivative is NaN at probabilities of 0, where it is 0
        log_prob = torch.where(log_prob == -torch.inf, -torch.inf, log_prob)
        loss, _ = torch.ops.aten._ctc_loss(
            log_prob.transpose(0, 1),
            counted_labels(self, target, target_lengths, weight, blank),
            [frames] * batch if input_lengths is None else input_lengths,
            [labels] * batch if target_lengths is None else target_lengths,
            blank,
            zero_infinity=True,
        )
        return loss.to(logits.dtype)

    def _ctc_by_steps(
        self,
        logits: Array,
        target: Array,
        input_lengths: Array | None,
        target_lengths: Array | None,
        blank: int,
        weight: Array | None,
    ) -> Array:
        """The definition's steps; the derivative of indexing by a frame would fill an array of all frames each time."""
        alignments = Alignments(self, logits, target, input_lengths, target_lengths, blank, weight)
        alpha = alignments.start
        for t, scores in enumerate(alignments.scores.unbind(0)):
            alpha = alignments.step(alpha, t, scores)
        return -alignments.log_likelihood(alpha)
