"""Native losses: recursions as loops of the compiler."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from nnspec.operation import Array
from nnspec.ops.losses import Losses
from nnspec.ops.losses._ctc import Alignments, ctc_reduced

__all__ = ["JaxLosses"]


class JaxLosses(Losses):
    """The definition's steps, compiled once for all frames."""

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
        alignments = Alignments(self, logits, target, input_lengths, target_lengths, blank, sample_weight)

        def frame(alpha: Array, given: tuple[Array, Array]) -> tuple[Array, None]:
            return alignments.step(alpha, *given), None

        times = jnp.arange(logits.shape[1], dtype=jnp.int32)
        alpha, _ = jax.lax.scan(frame, alignments.start, (times, alignments.scores))
        return ctc_reduced(self, -alignments.log_likelihood(alpha), zero_infinity, sample_weight, reduction)
