"""Adam and AdamW on torch's fused kernels."""

from __future__ import annotations

from types import SimpleNamespace

from torch.optim.adam import adam

from nnspec.ops.optimizers import _checks as checks
from nnspec.ops.optimizers._adam import Adam
from nnspec_backends.torch.optimizers._native import SINGLE, Columns, native, steps_before

__all__ = ["TorchAdam", "adam_step", "is_average"]


def adam_step(c: Columns, o: SimpleNamespace) -> None:
    adam(
        c["params"],
        c["grads"],
        c["exp_avg"],
        c["exp_avg_sq"],
        c.get("max_exp_avg_sq", []),  # AMSGrad's
        steps_before(o, c["params"]),
        fused="max_exp_avg_sq" not in c,  # whose maximum loses NaN
        amsgrad="max_exp_avg_sq" in c,
        beta1=o.beta1,
        beta2=o.beta2,
        lr=o.lr,
        weight_decay=2 * getattr(o, "l2", 0.0),
        eps=o.eps,
        maximize=False,
    )


def is_average(o: SimpleNamespace) -> bool:
    """Whether torch's interpolation starts from the moment: otherwise an infinite gradient makes it NaN."""
    return bool(o.beta1 > 0.5)


class TorchAdam(Adam):
    """Fused. The kernels form 1 - beta^t in float64 by the power: good for float32 parameters only."""

    adam_update = native(Adam.adam_update, adam_step, entries=lambda o: checks.ADAM, dtypes=SINGLE, accepts=is_average)
    adamw_update = native(
        Adam.adamw_update, adam_step, entries=lambda o: checks.ADAM, dtypes=SINGLE, accepts=is_average
    )
