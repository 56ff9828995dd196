"""Misbehaving backends: they raise, hang, die, lie about a shape, change their inputs, forget their results."""

from __future__ import annotations

import contextlib
import ctypes
import os
import time
from pathlib import Path

import numpy as np

from nnspec.errors import UnsupportedOperationError
from nnspec_backends.numpy import NumpyBackend


class Raises(NumpyBackend):
    def relu(self, x):
        raise RuntimeError("out of order")


class Hangs(NumpyBackend):
    def relu(self, x):
        if x.ndim == 0:
            time.sleep(600)
        return super().relu(x)


class Dies(NumpyBackend):
    def relu(self, x):
        if x.ndim == 0:
            os._exit(3)
        return super().relu(x)


class LiesAboutAShape(NumpyBackend):
    def to_numpy(self, x):
        return super().to_numpy(x)

    def relu(self, x):
        y = super().relu(x)
        return y[..., None] if y.ndim == 0 else y


class ReturnsFloat64(NumpyBackend):
    def relu(self, x):
        return super().relu(x) * np.float64(1) if not hasattr(x, "parents") else super().relu(x)


class ChangesItsInput(NumpyBackend):
    def relu(self, x):
        if isinstance(x, np.ndarray) and x.flags.writeable and x.size:
            x[x < 0] = 0
        return super().relu(x)


class IsNeverTheSame(NumpyBackend):
    calls = 0

    def relu(self, x):
        IsNeverTheSame.calls += 1
        return super().relu(x) * (1 + (IsNeverTheSame.calls % 3) * float(np.finfo(np.float32).eps))


class DoesNotOffer(NumpyBackend):
    def relu(self, x):
        raise UnsupportedOperationError("no relu here")


class ForgetsToCheck(NumpyBackend):
    """Circumvents the validation of the trunk."""


ForgetsToCheck.relu = lambda self, x: np.maximum(x, 0)  # what is in the class's own body is validated


class Infers(NumpyBackend):
    """Claims no training, and has none."""

    profiles = frozenset({"inference", "double", "reproducible"})

    def flat_vjp(self, function, leaves):
        raise UnsupportedOperationError("no gradients here")


class WithKnownDeviation(NumpyBackend):
    """Wrong, and says so in deviations.toml."""

    deviations_file = Path(__file__).with_name("known.toml")

    def relu(self, x):
        return super().relu(x) * 1.001


class WithStaleDeviation(NumpyBackend):
    """Says that it is wrong, and is not."""

    deviations_file = Path(__file__).with_name("known.toml")


class ClaimsDoubleWithoutIt(NumpyBackend):
    """Has float32 only, and forgot to take "double" out of its profiles."""

    dtypes = ("float32",)


class SingleOnly(NumpyBackend):
    """Has float32 only, and says so."""

    dtypes = ("float32",)
    profiles = frozenset({"inference", "training", "reproducible"})


class Misbehaves(NumpyBackend):
    """Each operation in a way of its own, in float32."""

    def hard_tanh(self, x, *, min_value=-1.0, max_value=1.0):
        if self.dtype == "float32":
            ctypes.string_at(0)  # reads from a null pointer
        return super().hard_tanh(x, min_value=min_value, max_value=max_value)

    def hard_sigmoid(self, x):
        if self.dtype == "float32":
            os._exit(0)
        return super().hard_sigmoid(x)

    def hard_swish(self, x):
        if self.dtype == "float32":
            _hang_in_c()
        return super().hard_swish(x)

    def heaviside(self, x):
        if self.dtype == "float32":
            _refuse_to_stop()
        return super().heaviside(x)

    def hardshrink(self, x, *, lambd=0.5):
        if self.dtype == "float32":
            _grow()
        return super().hardshrink(x, lambd=lambd)


def _hang_in_c():
    """With the interpreter's lock, so that no other thread and no signal handler runs."""
    mutex = ctypes.create_string_buffer(64)
    ctypes.PyDLL(None).pthread_mutex_lock(mutex)
    ctypes.PyDLL(None).pthread_mutex_lock(mutex)


def _grow():
    kept = []
    while True:
        kept.append(np.ones(1 << 20))


def _refuse_to_stop():
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(600)


class Garbles(NumpyBackend):
    """A basic is broken: what goes in comes out otherwise."""

    def asarray(self, x, *, dtype=None):
        made = super().asarray(x, dtype=dtype)
        return np.where(made == 0, 0, made).astype(made.dtype) if made.dtype.kind == "f" else made  # -0.0 becomes 0.0


class HangsWhenMade(NumpyBackend):
    def __init__(self, *, device=None, dtype=None):
        time.sleep(600)


class EndsWhenMade(NumpyBackend):
    def __init__(self, *, device=None, dtype=None):
        os._exit(0)


class RaisesWhenMade(NumpyBackend):
    def __init__(self, *, device=None, dtype=None):
        raise RuntimeError("no such library")


class DiesInFloat64(NumpyBackend):
    """When it is made, so that no case of that dtype can be tried."""

    def __init__(self, *, device=None, dtype=None):
        if dtype == "float64":
            os._exit(5)
        super().__init__(device=device, dtype=dtype)


class ClaimsTooLittle(NumpyBackend):
    profiles = frozenset({"inference", "reproducible", "double"})


class NotImplementedThough(NumpyBackend):
    """Its file says that operations are missing; relu is, sigmoid is not."""

    deviations_file = Path(__file__).with_name("missing.toml")

    def relu(self, x):
        raise UnsupportedOperationError("no relu here")
