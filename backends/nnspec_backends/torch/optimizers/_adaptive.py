"""Adagrad and Adadelta on torch's kernels.

Rprop runs by its definition: torch's kernel multiplies the gradient by the one before to see whether their signs
agree, and the product of two tiny gradients is 0.
"""

from __future__ import annotations

from types import SimpleNamespace

from torch.optim.adadelta import adadelta
from torch.optim.adagrad import adagrad

from nnspec.ops.optimizers import _adaptive_checks as checks
from nnspec.ops.optimizers._adaptive import Adaptive
from nnspec_backends.torch.optimizers._native import BOTH, Columns, native, unused_steps

__all__ = ["TorchAdaptive"]


def _adagrad(c: Columns, o: SimpleNamespace) -> None:
    fused = all(p.is_cpu for p in c["params"])
    adagrad(
        c["params"],
        c["grads"],
        c["square_sum"],
        unused_steps(c),
        fused=fused,
        foreach=not fused,
        lr=o.lr,
        weight_decay=2 * o.l2,
        lr_decay=0.0,
        eps=o.eps,
        maximize=False,
    )


def _adadelta(c: Columns, o: SimpleNamespace) -> None:
    adadelta(
        c["params"],
        c["grads"],
        c["square_avg"],
        c["square_step_avg"],
        unused_steps(c),
        foreach=True,
        lr=o.lr,
        rho=o.rho,
        eps=o.eps,
        weight_decay=2 * o.l2,
        maximize=False,
    )


class TorchAdaptive(Adaptive):
    """Adagrad fused on the host; else over all parameters at once."""

    adagrad_update = native(Adaptive.adagrad_update, _adagrad, entries=lambda o: checks.ADAGRAD, dtypes=BOTH)
    adadelta_update = native(Adaptive.adadelta_update, _adadelta, entries=lambda o: checks.ADADELTA, dtypes=BOTH)
