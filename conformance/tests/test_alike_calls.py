"""A call that is like a valid one is not validated again: so no values may have decided about the first."""

from __future__ import annotations

from typing import Any

import numpy as np
import optree
import pytest

import nnspec
from nnspec_conformance.bench._inputs import WORK, arrays_of

#: operations whose checks look at labels, probabilities, indices, weights or dtypes asked for
LOOKING = {
    *("binary_cross_entropy", "confusion_matrix", "cross_entropy", "embedding", "focal", "hinge", "nll", "one_hot"),
    *("poisson_nll", "roc_auc", "squared_hinge"),
}


def hostile(x: Any) -> Any:
    """As `x`, with values that no check accepts that looks at them."""
    if x.dtype.kind == "f":
        return np.full_like(x, -np.inf)
    return np.full_like(x, np.iinfo(x.dtype).min) if x.dtype.kind == "i" else ~x


def called(backend: nnspec.Backend, name: str, arguments: dict[str, Any]) -> bool:
    """Whether a valid call decides about those like it."""
    backend.decided_calls.clear()
    getattr(backend, name)(**arguments, **WORK[name].options)
    return any(decided for likeness, decided in backend.decided_calls.items() if likeness[0] == name)  # type: ignore[index]


@pytest.mark.parametrize("name", WORK)
def test_no_values_decide_about_the_calls_to_come(name: str) -> None:
    B = nnspec.get_backend("numpy")
    arguments = arrays_of(WORK[name], 1 / 256)
    if name.endswith("_update"):
        arguments["state"] = getattr(B, name.removesuffix("update") + "init")(arguments["params"])
    decided = called(B, name, arguments)
    assert not (decided and name in LOOKING)
    if decided:
        others = optree.tree_map(hostile, arguments)
        B.operations()[name].check(B, **others, **WORK[name].options)


@pytest.mark.parametrize("name", sorted(LOOKING))
def test_values_are_looked_at_in_every_call(name: str) -> None:
    B = nnspec.get_backend("numpy")
    arguments = arrays_of(WORK[name], 1 / 256)
    for _ in range(2):
        getattr(B, name)(**arguments, **WORK[name].options)
    with pytest.raises(nnspec.NnspecError):
        getattr(B, name)(**optree.tree_map(hostile, arguments), **WORK[name].options)
