"""Optimizers as pure functions: `*_init` makes a state, `*_update` takes everything one step on.

Parameters, gradients and every moment are pytrees of one structure, with the same shapes and dtypes leaf by
leaf (only Adafactor's factors have shapes of their own). A state is a dictionary: "step", an int32 array of
rank 0 that counts the updates made, and one pytree a moment, zero at first where `*_init` does not say
otherwise; NAdam's has "mu_product" of rank 0 besides. A moment that the
hyper-parameters do not call for has no entry, so that the structure of a state never changes; `*_update`
takes the hyper-parameters that `*_init` took.

In all of them: `lr` is a number or a floating array of rank 0 (a schedule's value in compiled code); `l2` is
coupled, it adds `2 l2 p`, the derivative of `l2_penalty`, to the gradient before any moment sees it;
`weight_decay` is decoupled, it takes `lr weight_decay p` off the parameter, p being its value before the
step. Clip gradients before the update.

Lookahead, averages of parameters, accumulation of gradients and loss scaling go around any of them.
"""

from __future__ import annotations

from nnspec.ops.optimizers._adam import Adam
from nnspec.ops.optimizers._adam_variants import AdamVariants
from nnspec.ops.optimizers._adaptive import Adaptive
from nnspec.ops.optimizers._clipping import Clipping
from nnspec.ops.optimizers._descent import Descent
from nnspec.ops.optimizers._loss_scaling import LossScaling
from nnspec.ops.optimizers._matrix import Matrix
from nnspec.ops.optimizers._normed import Normed
from nnspec.ops.optimizers._wrappers import Wrappers

__all__ = ["Optimizers"]


class Optimizers(Descent, Adam, Adaptive, AdamVariants, Normed, Matrix, Clipping, Wrappers, LossScaling):
    """Optimizer steps and gradient clipping, without side effects."""
