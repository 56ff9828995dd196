"""float16 and bfloat16: an operation widens its arguments to float32, and rounds its results once (DESIGN 3).

Parameters of an optimizer are rounded too, so their state keeps a float32 copy, "master", that the steps add up in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import optree

from nnspec.errors import ArgumentError

if TYPE_CHECKING:
    from nnspec.operation import Family, Operation

__all__ = [
    "DIGITS",
    "LOW",
    "MASTER",
    "WIDE",
    "apply",
    "is_floating_dtype",
    "limits",
    "resting",
    "stored",
    "working_dtype",
]

#: the floating dtypes that are widened
LOW = ("float16", "bfloat16")
#: and the binary digits of each
DIGITS = {"float16": 11, "bfloat16": 8}
#: what they are widened to
WIDE = "float32"
#: entry of an optimizer's state: the parameters in float32
MASTER = "master"


def limits(dtype: Any) -> Any:
    """`finfo` of any floating dtype, bfloat16 included."""
    return ml_dtypes.finfo(dtype)  # type: ignore[no-untyped-call]


def is_floating_dtype(dtype: np.dtype[Any]) -> bool:
    """Whether it is floating, those of ml_dtypes (bfloat16) included, which NumPy itself calls void."""
    return dtype.kind == "f" or (dtype.kind == "V" and "float" in dtype.name)


def working_dtype(dtype: str) -> str:
    """The dtype that results of `dtype` are computed in."""
    return WIDE if dtype in LOW else dtype


def apply(
    backend: Family,
    op: Operation,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    low: Any,
) -> Any:
    """`function(backend, *args, **kwargs)` in float32, its results rounded to the low dtype `low`."""
    if op.low == "master":
        return _stepped(backend, op, function, args, kwargs)
    given, options = _widened(backend, (args, kwargs))
    if "state" in op.signature.parameters:  # which is float32, and compared with what is not
        op.check(backend, *given, **options)
    else:
        op.check(backend, *args, **kwargs)
    results = _inside(backend, function, given, options)
    if op.low == "wide":
        return _kept(backend, results)
    if not op.wide_results:
        return _rounded(backend, results, low)
    return tuple(
        _kept(backend, x) if i in op.wide_results else _rounded(backend, x, low) for i, x in enumerate(results)
    )


def _inside(backend: Family, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    with backend.in_float32():
        return function(backend, *args, **kwargs)


def _widened(backend: Family, tree: Any) -> Any:
    return optree.tree_map(lambda x: backend.widened(x) if backend.is_low(x) else x, tree)


def _rounded(backend: Family, tree: Any, low: Any) -> Any:
    return optree.tree_map(lambda x: backend.rounded(x, low) if backend.is_wide(x) else x, tree)


def _kept(backend: Family, tree: Any) -> Any:
    return optree.tree_map(lambda x: backend.kept_wide(x) if backend.is_wide(x) else x, tree)


# -- optimizers ----------------------------------------------------------------------------------------------


def resting(params: Any, state: Any) -> tuple[Any, Any]:
    """The parameters that a state steps on, and the state without them."""
    if not isinstance(state, dict) or MASTER not in state:
        return params, state
    return state[MASTER], {name: moment for name, moment in state.items() if name != MASTER}


def stored(backend: Family, wide: Any, params: Any) -> Any:
    """New parameters, each in the dtype of the old one."""
    return optree.tree_map(lambda x, p: backend.rounded(x, p.dtype) if backend.is_low(p) else x, wide, params)


def _stepped(
    backend: Family, op: Operation, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """A state made, or a step taken, on the float32 copy of the parameters."""
    bound = op.signature.bind(backend, *args, **kwargs)
    given = dict(list(bound.arguments.items())[1:])
    params = given["params"]
    if "state" not in given:
        wide = _widened(backend, params)
        state = _checked(backend, op, function, {**given, "params": wide})
        return _kept(backend, {**state, MASTER: _apart(backend, wide, params)})
    state = given["state"]
    given = _widened(backend, {name: x for name, x in given.items() if name not in ("params", "state")})
    if not isinstance(state, dict) or MASTER not in state:
        raise ArgumentError(
            f"state: expected the entry {MASTER}, as _init makes it for parameters of {' or '.join(LOW)}; "
            "make the state from the parameters in the dtype they are trained in"
        )
    master, rest = resting(params, state)
    given |= {"params": _resumed(backend, master, params), "state": rest}
    new, moments = _checked(backend, op, function, given)
    return stored(backend, new, params), _kept(backend, {**moments, MASTER: _apart(backend, new, params)})


def _checked(backend: Family, op: Operation, function: Callable[..., Any], given: dict[str, Any]) -> Any:
    op.check(backend, **given)
    return _inside(backend, function, (), given)


def _resumed(backend: Family, master: Any, params: Any) -> Any:
    """The float32 copy; where a parameter was changed from outside (by a constraint, say), that value."""
    leaves, spec = optree.tree_flatten(params)
    kept, kept_spec = optree.tree_flatten(master)
    if kept_spec != spec:
        raise ArgumentError(f"state[{MASTER!r}]: expected the structure of params, {spec}, got {kept_spec}")
    pairs = zip(kept, leaves, strict=True)
    return optree.tree_unflatten(spec, [backend.resumed(m, p) if backend.is_low(p) else p for m, p in pairs])


def _apart(backend: Family, wide: Any, params: Any) -> Any:
    """The copies of parameters that are float32 anyway in buffers of their own, for both may be donated."""
    return optree.tree_map(lambda x, p: x if backend.is_low(p) else backend.copied(x), wide, params)
