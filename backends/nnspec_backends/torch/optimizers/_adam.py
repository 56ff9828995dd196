"""Adam and AdamW on torch's fused kernels."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch.optim.adam import adam

from nnspec.ops.optimizers import _checks as checks
from nnspec.ops.optimizers._adam import Adam
from nnspec_backends.torch.optimizers._native import SINGLE, Columns, native, steps_before

__all__ = ["TorchAdam", "adam_step", "is_average"]


def adam_step(c: Columns, o: SimpleNamespace) -> None:
    options = {
        "amsgrad": "max_exp_avg_sq" in c,
        "beta1": o.beta1,
        "beta2": o.beta2,
        "lr": o.lr,
        "weight_decay": 2 * getattr(o, "l2", 0.0),
        "eps": o.eps,
        "maximize": False,
    }
    columns = c["params"], c["grads"], c["exp_avg"], c["exp_avg_sq"]
    if options["amsgrad"]:  # whose fused maximum loses NaN
        adam(*columns, c["max_exp_avg_sq"], steps_before(o, c["params"]), fused=False, **options)
    else:
        # what adam(fused=True) comes to, but for a counter of each parameter: it takes longer to count them
        # than to update a small model
        step = (o.step.to(c["params"][0].device) + 1).to(torch.float32)
        torch._fused_adam_(*columns, [], [step] * len(c["params"]), **options)


def is_average(o: SimpleNamespace) -> bool:
    """Whether torch's interpolation starts from the moment: otherwise an infinite gradient makes it NaN."""
    return bool(o.beta1 > 0.5)


class TorchAdam(Adam):
    """Fused. The kernels form 1 - beta^t in float64 by the power: good for float32 parameters only."""

    adam_update = native(Adam.adam_update, adam_step, entries=lambda o: checks.ADAM, dtypes=SINGLE, accepts=is_average)
    adamw_update = native(
        Adam.adamw_update, adam_step, entries=lambda o: checks.ADAM, dtypes=SINGLE, accepts=is_average
    )
