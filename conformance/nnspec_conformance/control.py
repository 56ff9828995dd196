"""The negative control: before anything is judged, every kind of check has to fail what is wrong on purpose.

A check that passes a liar would pass anything, so that no verdict of the run would mean anything: the run is invalid.
"""

from __future__ import annotations

import functools
import random
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnspec import Backend, backend_class
from nnspec.backend import PROFILES
from nnspec.errors import DTypeError
from nnspec.results import Check
from nnspec_conformance.case import Case, constant, error_case, normal
from nnspec_conformance.checks import CHECKS
from nnspec_conformance.context import Context
from nnspec_conformance.judge import Subject, judge

__all__ = ["failed_control"]

#: how wrong: far more than rounding, far less than anybody would see
_OFF = 1.001

Method = Callable[..., Any]


@dataclass(frozen=True)
class _Lie:
    """What is wrong, in which members of NumPy's backend, and the case that tells."""

    check: str
    told: str
    case: Case
    members: Mapping[str, Method]

    def passes(self) -> str | None:
        """What the check said if it let the liar pass."""
        liar = backend_class("numpy")()
        for name, member in self.members.items():  # of the instance: a class would be validated, and takes longer
            setattr(liar, name, types.MethodType(member, liar))
        context = Context(liar, self.case, "float32")
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            records = list(judge(Subject.of("liar", context.backend), context, profiles=frozenset(PROFILES)))
        said = [r for r in records if isinstance(r, Check) and r.check == self.check]
        if any(r.verdict in ("fail", "error") for r in said):
            return None
        return said[0].verdict if said else "nothing"


def failed_control() -> list[str]:
    """What the checks did not notice, in words; empty where the run may begin."""
    found = []
    for lie in _lies():
        verdict = lie.passes()
        if verdict is not None:
            found.append(f"negative control: check {lie.check!r} says {verdict!r} of a backend {lie.told}")
    untried = [check for check in CHECKS if check not in {lie.check for lie in _lies()}]
    return found + [f"negative control: no backend lies to check {check!r}" for check in untried]


# -- the liars -----------------------------------------------------------------------------------------------


def _truth(name: str) -> Method:
    method: Method = getattr(backend_class("numpy"), name)
    return method


def _wrong_values(self: Backend, x: Any) -> Any:
    return _truth("sigmoid")(self, x) * _OFF


def _wrong_shape(self: Backend, x: Any) -> Any:
    return self.xp.reshape(_truth("sigmoid")(self, x), (1, *x.shape))


def _wrong_dtype(self: Backend, x: Any) -> Any:
    return self.xp.astype(_truth("sigmoid")(self, x), self.xp.float64)


def _anything(self: Backend, x: Any) -> Any:
    return x


def _writes_into(self: Backend, x: Any) -> Any:
    if isinstance(x, np.ndarray):
        x[...] = 0.5
    return _truth("sigmoid")(self, x)


def _writes_beyond(self: Backend, x: Any) -> Any:
    if isinstance(x, np.ndarray) and isinstance(x.base, np.ndarray):
        x.base.reshape(-1)[-1] = 0.5
    return _truth("sigmoid")(self, x)


def _draws(self: Backend, x: Any) -> Any:
    random.random()
    return _truth("sigmoid")(self, x)


def _never_the_same(self: Backend, x: Any) -> Any:
    self.__dict__["calls"] = self.__dict__.get("calls", 0) + 1
    return _truth("sigmoid")(self, x) * (1.0 + 1e-5 * self.__dict__["calls"])


def _deaf(self: Backend, x: Any, *, negative_slope: float = 0.01) -> Any:
    return _truth("leaky_relu")(self, x)


def _wrong_bits(self: Backend, key: Any, shape: tuple[int, ...]) -> Any:
    return _truth("random_bits")(self, key, shape) ^ 1


def _wrong_weights(self: Backend, *args: Any, **kwargs: Any) -> Any:
    return _truth("init_xavier_uniform")(self, *args, **kwargs) * _OFF


def _narrower(self: Backend, *args: Any, **kwargs: Any) -> Any:
    return _truth("init_uniform")(self, *args, **kwargs) * 0.9


def _wrong_gradients(self: Backend, function: Any, leaves: Any) -> Any:
    outputs, pull = _truth("flat_vjp")(self, function, leaves)
    return outputs, lambda cotangents: [g * _OFF for g in pull(cotangents)]


def _wrong_when_compiled(self: Backend, function: Any, *, donate: Any = (), fuse: bool = False) -> Any:
    return lambda *args: function(*args) * _OFF


def _twice(backend: Backend, x: Any) -> Any:
    return backend.sigmoid(x) - backend.sigmoid(x)


def _steps(backend: Backend, x: Any) -> Any:
    for _ in range(3):
        x = x - 0.1 * backend.sigmoid(x)
    return x


def _slopes(backend: Backend, x: Any) -> Any:
    return backend.leaky_relu(x, negative_slope=0.1), backend.leaky_relu(x, negative_slope=0.3)


def _integers(backend: Backend, x: Any) -> Any:
    return backend.relu(x)


def _statistics(backend: Backend, dtype: str, seed: int) -> str | None:
    drawn = backend.to_numpy(backend.init_uniform(backend.key(seed), (4096,), low=-1.0, high=1.0))
    return None if np.max(np.abs(drawn)) > 0.95 else "no value beyond 0.95"


def _case(check: str, operation: str = "sigmoid", **more: Any) -> Case:
    inputs = {"inputs": {"x": normal(5)}} | more
    return Case(operation=operation, name="control", requires=(), checks=(check,), family="activations", **inputs)


@functools.cache
def _lies() -> tuple[_Lie, ...]:
    return tuple(_all())


def _all() -> Iterator[_Lie]:
    wrong = {"sigmoid": _wrong_values}
    yield _Lie("values", "with wrong values", _case("values"), wrong)
    yield _Lie("trajectory", "with wrong values", _case("trajectory", program=_steps), wrong)
    bits = _case("bits", "random_bits", inputs={"key": constant([1, 2], "int32")}, options={"shape": (7,)})
    yield _Lie("bits", "with a wrong bit", bits, {"random_bits": _wrong_bits})
    yield _Lie("shapes", "with a wrong shape", _case("shapes"), {"sigmoid": _wrong_shape})
    yield _Lie("shapes", "with a wrong dtype", _case("shapes"), {"sigmoid": _wrong_dtype})
    yield _Lie("gradients", "with wrong gradients", _case("gradients"), {"flat_vjp": _wrong_gradients})
    yield _Lie("gradients", "with wrong values", _case("gradients"), wrong)
    yield _Lie("compiled", "that is wrong when compiled", _case("compiled"), {"compile": _wrong_when_compiled})
    yield _Lie("purity", "that changes its input", _case("purity"), {"sigmoid": _writes_into})
    yield _Lie("purity", "that writes beyond its input", _case("purity"), {"sigmoid": _writes_beyond})
    yield _Lie("purity", "that draws from a global generator", _case("purity"), {"sigmoid": _draws})
    yield _Lie("repeat", "that is never the same", _case("repeat"), {"sigmoid": _never_the_same})
    yield _Lie("law", "that is never the same", _case("law", program=_twice), {"sigmoid": _never_the_same})
    option = _case("law", "leaky_relu", program=_slopes, options={"law": "option"})
    yield _Lie("law", "that ignores an option", option, {"leaky_relu": _deaf})
    yield _Lie(
        "gradient-law", "that is never the same", _case("gradient-law", program=_twice), {"sigmoid": _never_the_same}
    )
    bad = error_case("relu", "control", (), _integers, DTypeError, "x", inputs={"x": constant([1, 2], "int32")})
    yield _Lie("errors", "that accepts anything", bad, {"relu": _anything})
    drawn = _case("statistics", "init_uniform", inputs={}, judge=_statistics)
    yield _Lie("statistics", "with a wrong distribution", drawn, {"init_uniform": _narrower})
    whole = _case("training", "linear", inputs={}, options={"seeds": (1,)})
    yield _Lie("training", "with wrong weights", whole, {"init_xavier_uniform": _wrong_weights})
