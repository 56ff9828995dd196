"""AdaMax, NAdam and RAdam over all parameters at once, AMSGrad fused, on torch's kernels.

The kernels form 1 - beta^t, and RAdam's rho_t, in float64 by the power: good for float32 parameters only. For that the
first three look at the counter on the host. Their form for devices, `capturable`, computes it in float32 and loses it
to cancellation: where the counter is on a device the definitions run.
"""

from __future__ import annotations

from types import SimpleNamespace

from torch.optim.adamax import adamax
from torch.optim.nadam import nadam
from torch.optim.radam import radam

from nnspec.ops.optimizers import _adam_variants_checks as checks
from nnspec.ops.optimizers._adam_variants import AdamVariants
from nnspec_backends.torch.optimizers._adam import adam_step, is_average
from nnspec_backends.torch.optimizers._native import SINGLE, Columns, native, steps_before

__all__ = ["TorchAdamVariants"]


def _adamax(c: Columns, o: SimpleNamespace) -> None:
    adamax(
        c["params"],
        c["grads"],
        c["exp_avg"],
        c["exp_inf"],
        steps_before(o, c["params"]),
        foreach=True,
        eps=o.eps,
        beta1=o.beta1,
        beta2=o.beta2,
        lr=o.lr,
        weight_decay=2 * o.l2,
    )


def _nadam(c: Columns, o: SimpleNamespace) -> None:
    products = list(o.mu_product.expand(len(c["params"])).clone().unbind())  # the kernel has one for each parameter
    nadam(
        c["params"],
        c["grads"],
        c["exp_avg"],
        c["exp_avg_sq"],
        products,
        steps_before(o, c["params"]),
        foreach=True,
        beta1=o.beta1,
        beta2=o.beta2,
        lr=o.lr,
        weight_decay=2 * o.l2,
        momentum_decay=o.momentum_decay,
        eps=o.eps,
    )
    o.mu_product.copy_(products[0])


def _radam(c: Columns, o: SimpleNamespace) -> None:
    radam(
        c["params"],
        c["grads"],
        c["exp_avg"],
        c["exp_avg_sq"],
        steps_before(o, c["params"]),
        foreach=True,
        beta1=o.beta1,
        beta2=o.beta2,
        lr=o.lr,
        weight_decay=2 * o.l2,
        eps=o.eps,
    )


class TorchAdamVariants(AdamVariants):
    """AdaMax, NAdam, RAdam, AMSGrad."""

    adamax_update = native(
        AdamVariants.adamax_update,
        _adamax,
        entries=lambda o: checks.ADAMAX,
        dtypes=SINGLE,
        accepts=is_average,
        reads_step=True,
    )
    nadam_update = native(
        AdamVariants.nadam_update,
        _nadam,
        entries=lambda o: checks.NADAM,
        dtypes=SINGLE,
        accepts=is_average,
        reads_step=True,
    )
    radam_update = native(
        AdamVariants.radam_update,
        _radam,
        entries=lambda o: checks.RADAM,
        dtypes=SINGLE,
        accepts=is_average,
        reads_step=True,
    )
    amsgrad_update = native(
        AdamVariants.amsgrad_update, adam_step, entries=lambda o: checks.AMSGRAD, dtypes=SINGLE, accepts=is_average
    )
