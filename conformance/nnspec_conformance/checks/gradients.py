"""Gradients: the vector-Jacobian product with random cotangents against the reference's."""

from __future__ import annotations

from nnspec_conformance import limits
from nnspec_conformance.checks import values
from nnspec_conformance.context import Context, Outcome, worst_margin

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """Every gradient of every differentiated input; and the values computed on the way."""
    analysis = context.analysis
    outputs, gradients = context.pulled
    got = []
    for name, wanted in analysis.gradients.items():
        array = context.backend.to_numpy(gradients[name])
        if array.shape != wanted.value.shape:
            return Outcome("fail", f"gradient of {name}: shape {array.shape}, expected {wanted.value.shape}")
        if array.dtype != context.numpy_inputs[name].dtype:
            dtype = context.numpy_inputs[name].dtype
            return Outcome("fail", f"gradient of {name}: dtype {array.dtype}, expected {dtype}")
        got.append((f"gradient of {name}", array))
    flushed = [analysis.flushed.gradients[n] for n in analysis.gradients] if analysis.flushed else None
    where, worst = worst_margin(
        got,
        list(analysis.gradients.values()),
        flushed,
        context.dtype,
        exact=context.exact and context.case.sharp,
    )
    if worst is not None and not worst.margin <= limits.GRADIENTS:
        evidence = context.evidence(where, got, list(analysis.gradients.values()), limits.GRADIENTS)
        return Outcome("fail", f"{where}: {worst}", worst, evidence)
    if len(outputs) == len(analysis.values):
        on_the_way = values.judge(context, outputs)
        if on_the_way.verdict != "pass":
            message = f"value while differentiating: {on_the_way.message}"
            return Outcome("fail", message, on_the_way.margin, on_the_way.evidence)
    return Outcome("pass", margin=worst)
