"""Gradient descent and RMSprop on torch's kernels."""

from __future__ import annotations

from types import SimpleNamespace

from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

from nnspec.ops.optimizers import _checks as checks
from nnspec.ops.optimizers._descent import Descent
from nnspec_backends.torch.optimizers._native import BOTH, Columns, native, unused_steps

__all__ = ["TorchDescent"]


def _sgd(c: Columns, o: SimpleNamespace) -> None:
    sgd(
        c["params"],
        c["grads"],
        list(c["momentum"]) if o.momentum > 0 else [None] * len(c["params"]),
        fused=True,
        weight_decay=2 * o.l2,
        momentum=o.momentum,
        lr=o.lr,
        dampening=0.0,
        nesterov=o.nesterov,
        maximize=False,
    )


def _rmsprop(c: Columns, o: SimpleNamespace) -> None:
    rmsprop(
        c["params"],
        c["grads"],
        c["square_avg"],
        [],
        c["momentum"] if o.momentum > 0 else [],
        unused_steps(c),
        foreach=True,
        lr=o.lr,
        alpha=o.alpha,
        eps=o.eps,
        weight_decay=2 * o.l2,
        momentum=o.momentum,
        centered=False,
    )


class TorchDescent(Descent):
    """Gradient descent fused, RMSprop over all parameters at once."""

    sgd_update = native(Descent.sgd_update, _sgd, entries=lambda o: checks.sgd_entries(o.momentum), dtypes=BOTH)
    rmsprop_update = native(
        Descent.rmsprop_update,
        _rmsprop,
        entries=lambda o: checks.rmsprop_entries(o.momentum, o.centered),
        dtypes=BOTH,
        accepts=lambda o: not o.centered,  # the kernel takes the root of a variance rounded below 0
    )
