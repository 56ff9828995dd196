"""Functions of several signatures for `--override`; they return what they are given."""

from __future__ import annotations

import inspect
from types import SimpleNamespace

from nnspec import Backend, Operation


def by_position(input, w, b, axis, eps):
    return input, w, b, axis, eps


def by_name(x, *, weight=None, bias=None, axis=-1, eps=1e-5):
    return x, weight, bias, axis, eps


def in_another_order(x, eps, bias, weight, axis):
    return x, weight, bias, axis, eps


def with_stars(*arrays, **options):
    return arrays, options


def without_affine(x, eps):
    return x, eps


def _function(op: Operation):
    parameters = list(op.signature.parameters.values())[1:]

    def function(*args, **kwargs):
        bound = inspect.Signature(parameters).bind(*args, **kwargs)
        return list(bound.arguments.values())

    function.__signature__ = inspect.Signature(parameters)
    return function


#: one of every operation's own signature
functions = SimpleNamespace(**{op.name: _function(op) for op in Backend.operations().values()})
