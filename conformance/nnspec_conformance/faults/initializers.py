"""Planted faults of the family initializers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnspec_conformance.faults._fault import Planted

__all__ = ["FAULTS"]

FAULTS = Planted()

_FAN = "nnspec.ops.initializers._fans:_fan"
_DRAWING = "nnspec.ops.initializers._drawing"
_FAN_OUT = "max(1, shape[0] // groups * field)"

# -- constants -------------------------------------------------------------------------------------------------

FAULTS.edit("INIT_ZEROS-1", "wrong shape or dtype", "dtype-of-the-backend", "0.0, dtype", "0.0, None")
FAULTS.edit("INIT_ONES-1", "wrong shape or dtype", "axes-reversed", "self._full(shape,", "self._full(shape[::-1],")


@FAULTS.fault("INIT_CONSTANT-1", "precision loss")
def value_through_float32(backend: Any, sound: Any, shape: Any, *, value: float, dtype: str | None = None) -> Any:
    """The value is rounded to float32 whatever the dtype asked for."""
    return sound(shape, value=float(np.float32(value)), dtype=dtype)


# -- distributions ---------------------------------------------------------------------------------------------

FAULTS.edit(
    "INIT_UNIFORM-1",
    "wrong bits",
    "symmetric-as-any-other",
    "if low == -high:",
    "if False:",
    within=f"{_DRAWING}:_between",
)
FAULTS.edit(
    "INIT_UNIFORM-2",
    "special value",
    "rounded-onto-the-upper-bound",
    "float(last) > high or (below and float(last) == high)",
    "float(last) > high",
    within=f"{_DRAWING}:_rounded",
)
FAULTS.edit(
    "INIT_UNIFORM-2",
    "precision loss",
    "rounded-onto-the-bound-in-bfloat16",
    "if wanted in LOW",
    "if False",
    within=f"{_DRAWING}:Drawing._bounded",
)
FAULTS.edit(
    "INIT_UNIFORM-3", "ignored option", "symmetric-about-zero", "shape, low, high, dtype", "shape, -high, high, dtype"
)
FAULTS.edit(
    "INIT_NORMAL-1",
    "precision loss",
    "inverted-in-float32",
    "2 * u.astype(np.float64) - 1 + _step(u)",
    "(2 * u.astype(np.float32) - 1 + np.float32(_step(u)))",
    within=f"{_DRAWING}:gaussian",
)
FAULTS.edit(
    "INIT_NORMAL-2",
    "special value",
    "infinite-at-the-end",
    "- 1 + _step(u)",
    "- 1",
    within=f"{_DRAWING}:gaussian",
)
FAULTS.edit(
    "INIT_NORMAL-3",
    "wrong distribution",
    "truncated",
    "self._normal(key, shape, mean, std, dtype)",
    "self._truncated(key, shape, mean, std, (-2.0, 2.0), dtype)",
)


@FAULTS.fault("INIT_NORMAL-1", "wrong bits")
def box_and_muller(
    backend: Any, sound: Any, key: Any, shape: Any, *, mean: float = 0.0, std: float = 0.05, dtype: str | None = None
) -> Any:
    """Another way to normal numbers from the same stream."""
    u = backend.to_numpy(backend.random_uniform(key, (2 * math.prod(shape),), dtype="float64")).reshape(2, -1)
    drawn = np.sqrt(-2 * np.log1p(-u[0])) * np.cos(2 * np.pi * u[1])
    return backend.asarray((mean + std * drawn).reshape(shape), dtype=dtype or backend.dtype)


FAULTS.edit(
    "INIT_TRUNCATED_NORMAL-1",
    "wrong value",
    "absolute-bounds",
    "(low, high), dtype",
    "((low - mean) / std, (high - mean) / std), dtype",
)
FAULTS.edit(
    "INIT_TRUNCATED_NORMAL-2",
    "special value",
    "rounded-beyond-a-bound",
    "_rounded(mean + std * _truncated_gaussian(u, *bounds), low, high, str(u.dtype), below=False)",
    "(mean + std * _truncated_gaussian(u, *bounds)).astype(u.dtype)",
    within=f"{_DRAWING}:Drawing._truncated",
)
FAULTS.edit(
    "INIT_TRUNCATED_NORMAL-1",
    "precision loss",
    "both-tails-from-the-left",
    "np.where(left < right, ndtri(left), -ndtri(right))",
    "ndtri(left)",
    within=f"{_DRAWING}:_truncated_gaussian",
)
FAULTS.edit(
    "INIT_TRUNCATED_NORMAL-3",
    "wrong constant",
    "corrected-for-truncation",
    "shape, mean, std, (low, high)",
    "shape, mean, std / 0.8796256610342398, (low, high)",
)
FAULTS.edit(
    "INIT_TRUNCATED_NORMAL-3",
    "wrong distribution",
    "clipped",
    "np.clip(np.where(left < right, ndtri(left), -ndtri(right)), low, high)",
    "np.clip(ndtri(u), low, high)",
    within=f"{_DRAWING}:_truncated_gaussian",
)

# -- variances from fans ---------------------------------------------------------------------------------------

FAULTS.edit("INIT_XAVIER_UNIFORM-2", "wrong constant", "six-over-the-mean", "3 * scale", "6 * scale")
FAULTS.edit(
    "INIT_XAVIER_UNIFORM-3",
    "rare option",
    "groups-left-out-of-fan-out",
    _FAN_OUT,
    "max(1, shape[0] * field)",
    within=_FAN,
)
FAULTS.edit(
    "INIT_XAVIER_UNIFORM-3",
    "wrong axis",
    "fans-of-the-last-two-axes",
    f"max(1, shape[1] * field), {_FAN_OUT}",
    "max(1, math.prod(shape[:-1]) // groups), max(1, math.prod(shape[:-2]) * shape[-1])",
    within=_FAN,
)
FAULTS.edit(
    "INIT_XAVIER_NORMAL-2",
    "wrong distribution",
    "truncated",
    'self._normal(key, shape, 0.0, math.sqrt(scale / _fan(shape, groups, "fan_avg")), dtype)',
    'self._truncated(\n    key, shape, 0.0, math.sqrt(scale / _fan(shape, groups, "fan_avg")), (-2.0, 2.0), dtype)',
)
FAULTS.edit("INIT_XAVIER_NORMAL-2", "missing term", "fan-in-alone", '"fan_avg"', '"fan_in"')
FAULTS.edit("INIT_XAVIER_NORMAL-1", "wrong bits", "key-negated", "self._normal(key,", "self._normal(-key,")
FAULTS.edit("INIT_HE_UNIFORM-2", "missing term", "deviation-for-the-bound", "3 * scale", "scale")
FAULTS.edit(
    "INIT_HE_UNIFORM-2",
    "rare option",
    "groups-divide-fan-in",
    '_fan(shape, groups, "fan_in")',
    '_fan(shape, groups, "fan_in") * groups',
)
FAULTS.edit("INIT_HE_NORMAL-2", "swapped argument", "fan-out", '"fan_in"', '"fan_out"')
FAULTS.edit("INIT_HE_NORMAL-3", "wrong constant", "scale-one", "math.sqrt(scale /", "math.sqrt(0.5 * scale /")
FAULTS.edit("INIT_LECUN_UNIFORM-2", "wrong constant", "as-a-linear-layer-of-torch", "3 * scale", "scale")
FAULTS.edit(
    "INIT_LECUN_NORMAL-2",
    "missing term",
    "field-left-out",
    "max(1, shape[1] * field), ",
    "max(1, shape[1]), ",
    within=_FAN,
)
FAULTS.edit("INIT_LECUN_NORMAL-3", "wrong constant", "scale-of-he", "math.sqrt(scale /", "math.sqrt(2 * scale /")
FAULTS.edit("INIT_VARIANCE_SCALING-2", "missing term", "truncation-uncorrected", " / _TRUNCATED", "")
FAULTS.edit(
    "INIT_VARIANCE_SCALING-3",
    "ignored option",
    "always-normal",
    'if distribution == "normal":',
    'if distribution != "uniform":',
)
FAULTS.edit(
    "INIT_VARIANCE_SCALING-4", "ignored option", "groups-forgotten", "_fan(shape, groups, mode)", "_fan(shape, 1, mode)"
)
FAULTS.edit("INIT_VARIANCE_SCALING-1", "ignored option", "fan-in-for-fan-out", "groups, mode)", 'groups, "fan_in")')

# -- matrices --------------------------------------------------------------------------------------------------

_Q = "q = reflected(self.to_numpy(key), max(out, rest), min(out, rest))"


@FAULTS.fault("INIT_ORTHOGONAL-1", "wrong bits")
def of_lapack(backend: Any, sound: Any, key: Any, shape: Any, *, gain: float = 1.0, dtype: str | None = None) -> Any:
    """The factor that LAPACK computes, with the signs made unique."""
    out, rest = shape[0], math.prod(shape[1:])
    long, short = max(out, rest), min(out, rest)
    normals = backend.to_numpy(backend.init_normal(key, (short, long), std=1.0, dtype="float64")).T
    q, r = np.linalg.qr(normals)
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return backend.asarray(gain * (q if out >= rest else q.T).reshape(shape), dtype=dtype or backend.dtype)


FAULTS.edit("INIT_ORTHOGONAL-2", "ignored option", "gain-one", "self._handed(gain * (", "self._handed((")
FAULTS.edit(
    "INIT_ORTHOGONAL-2",
    "wrong axis",
    "all-axes-but-the-last",
    "out, rest = shape[0], math.prod(shape[1:])",
    "out, rest = math.prod(shape[:-1]), shape[-1]",
)
FAULTS.edit(
    "INIT_ORTHOGONAL-2",
    "precision loss",
    "computed-in-float32",
    _Q,
    "q = reflected(self.to_numpy(key), max(out, rest), min(out, rest)).astype(np.float32)",
)
FAULTS.edit(
    "INIT_ORTHOGONAL-3",
    "wrong distribution",
    "signs-of-the-reflections-kept",
    "return v, v / (length * abs(v[0])), -sign",
    "return v, v / (length * abs(v[0])), 1.0",
    within=f"{_DRAWING}:_reflection",
)
FAULTS.edit("INIT_IDENTITY-1", "ignored option", "gain-one", "== 1, gain, 0.0", "== 1, 1.0, 0.0")
FAULTS.edit(
    "INIT_IDENTITY-2",
    "wrong axis",
    "last-inputs-passed",
    "np.eye(shape[0], shape[1])",
    "np.eye(shape[0], shape[1], max(shape[1] - shape[0], 0))",
)
FAULTS.edit("INIT_DIRAC-1", "rare option", "first-group-alone", "of_groups[:, passed", "of_groups[:1, passed")
FAULTS.edit("INIT_DIRAC-1", "wrong value", "centre-of-even-fields-before", "axis_size // 2", "(axis_size - 1) // 2")
FAULTS.edit("INIT_DIRAC-2", "wrong value", "corner-of-the-field", "axis_size // 2", "0")
FAULTS.edit(
    "INIT_SPARSE-1",
    "wrong bits",
    "one-key-for-both",
    "places, values = _threefry.split(self.to_numpy(key))",
    "places = values = self.to_numpy(key)",
)
FAULTS.edit(
    "INIT_SPARSE-2",
    "wrong axis",
    "outgoing-weights",
    "words = _threefry.bits64(places, out * rest).reshape(out, rest)",
    "out, rest = rest, out\n"
    "    count = min(nonzeros, rest)\n"
    "    words = _threefry.bits64(places, out * rest).reshape(out, rest)",
)
FAULTS.edit(
    "INIT_SPARSE-3",
    "wrong distribution",
    "same-places-for-every-unit",
    "_threefry.bits64(places, out * rest).reshape(out, rest)",
    "np.broadcast_to(_threefry.bits64(places, rest), (out, rest))",
)
FAULTS.edit("INIT_SPARSE-4", "ignored option", "deviation-one", "gaussian(u, 0.0, std)", "gaussian(u, 0.0, 1.0)")
FAULTS.edit(
    "INIT_SPARSE-4",
    "wrong distribution",
    "uniform-values",
    "gaussian(u, 0.0, std)",
    "std * math.sqrt(3) * (2 * u - 1)",
)
