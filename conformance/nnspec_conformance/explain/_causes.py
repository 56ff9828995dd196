"""Likely causes, by rule: each a small function that says what the wrong result is, or None.

A rule never guesses: what it says predicts every entry of the result within the limit of the rounding model, or is
plainly to be seen, such as which entries are wrong. The first that speaks is believed.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec._low_precision import is_floating_dtype, limits
from nnspec_conformance.explain._evidence import Evidence
from nnspec_conformance.explain._places import only_there

__all__ = ["RULES", "UNKNOWN", "cause_of"]

#: what is said where no rule speaks
UNKNOWN = "not known"
#: seconds after which no further rule is tried, and entries above which none is
_SECONDS, _MOST = 2.0, 200_000

Array = NDArray[Any]
Rule = Callable[[Evidence], str | None]
RULES: list[Rule] = []


def cause_of(evidence: Evidence) -> str:
    """The first rule's sentence that explains a wrong result."""
    if evidence.got.size > _MOST:
        return UNKNOWN
    until = time.monotonic() + _SECONDS
    same = evidence.got.shape == evidence.expected.value.shape
    with np.errstate(all="ignore"):
        for rule in RULES if same else (_other_shape,):
            said = rule(evidence)
            if said is not None or time.monotonic() > until:
                return said or UNKNOWN
    return UNKNOWN


def _rule(function: Rule) -> Rule:
    RULES.append(function)
    return function


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")


# -- not a number ----------------------------------------------------------------------------------------------


@_rule
def _not_finite(e: Evidence) -> str | None:
    """NaN or infinity where a finite number is expected."""
    if not e.is_floating:
        return None
    bad = ~np.isfinite(e.result) & np.isfinite(e.value)
    if not np.any(bad):
        return None
    count = int(np.isnan(e.result[bad]).sum())
    kind = "NaN" if count == bad.sum() else "NaN or infinite" if count else "infinite"
    for name, x in e.inputs.items():
        if x.dtype.kind == "b" and (slots := _slots(bad, x)) is not None:
            return f"{kind} {slots.format(name)}"
    hidden = [n for n, x in e.inputs.items() if is_floating_dtype(x.dtype) and not np.all(np.isfinite(x))]
    if hidden:
        return f"{kind} where a finite number is expected: {_few(hidden)} is not finite, which must not show there"
    rest = "other entries are wrong, too" if np.any(e.wrong & ~bad) else "nothing else is wrong"
    return (
        f"{kind} in {int(bad.sum())} of {bad.size} entries although every input is finite: an intermediate result "
        f"leaves the range of the dtype or is undefined (0/0, inf - inf, 0 * inf); {rest}"
    )


def _slots(bad: NDArray[np.bool_], mask: Array) -> str | None:
    """Whether the bad entries are those of a mask, those of its opposite, or the rows that it leaves nothing of."""
    columns = mask.reshape((*mask.shape, *(1,) * max(0, bad.ndim - mask.ndim)))
    if _is_pattern(bad, mask) or _is_pattern(bad, columns):
        return "in the slots that {} masks"
    if mask.ndim > 1 and _is_pattern(bad, ~np.any(mask, axis=-1, keepdims=True)):
        return "in the rows that {} leaves nothing of"
    return None


def _is_pattern(bad: NDArray[np.bool_], mask: Array) -> bool:
    try:
        spread = np.broadcast_to(mask, bad.shape)
    except ValueError:
        return False
    return bool(np.any(spread)) and (np.array_equal(bad, spread) or np.array_equal(bad, ~spread))


# -- the whole of it -------------------------------------------------------------------------------------------


@_rule
def _all_zero(e: Evidence) -> str | None:
    if e.result.size and not np.any(e.result) and np.any(e.value[e.wrong] != 0):
        return f"{e.called} is 0 everywhere"
    return None


@_rule
def _unchanged_input(e: Evidence) -> str | None:
    if np.unique(e.result).size < 2:
        return None
    for name, x in e.inputs.items():
        same = x.shape == e.got.shape and x.dtype.kind != "b"
        if same and np.array_equal(e.result, x.astype(np.longdouble), equal_nan=True):
            return f"{e.called} is the input {name}, unchanged"
    return None


@_rule
def _another(e: Evidence) -> str | None:
    """The gradient of another input, or another output."""
    for name, value in e.others.items():
        if value.shape == e.got.shape and value.dtype.kind == e.expected.value.dtype.kind and np.unique(value).size > 1:
            other = value.astype(np.longdouble)
            if e.explained_by(other, np.maximum(e.unit, e.roundoff * abs(other))):
                return f"it is the {name}" if name else "it is the other result"
    return None


# -- times a number, plus a number -----------------------------------------------------------------------------

_NAMED: tuple[tuple[float, str], ...] = (
    (2.0, "2"),
    (0.5, "1/2"),
    (3.0, "3"),
    (4.0, "4"),
    (0.25, "1/4"),
    (math.sqrt(2), "sqrt(2)"),
    (math.sqrt(0.5), "1/sqrt(2)"),
    (1 / math.log(2), "1/log(2): logarithms to base 2 in place of e"),
    (math.log(2), "log(2): logarithms to base e in place of 2"),
    (1 / math.log(10), "1/log(10): logarithms to base 10 in place of e"),
    (math.pi, "pi"),
    (2 * math.pi, "2 pi"),
    (-2.0, "-2"),
    (-0.5, "-1/2"),
)


@_rule
def _sign_flipped(e: Evidence) -> str | None:
    if e.explained_by(-e.value, e.unit):
        return "the sign is flipped: every entry is the negative of the expected"
    if np.any(e.value < 0) and np.any(e.value > 0) and e.explained_by(abs(e.value), e.unit):
        return "the sign is lost: every entry is the absolute value of the expected"
    return None


@_rule
def _constant_factor(e: Evidence) -> str | None:
    """A factor that has a name explains even one entry; any other has to explain three that differ."""
    found = _factor(e)
    if found is None:
        return None
    factor, precision = found
    fitting = [name for c, name in _factors(e) if abs(c / factor - 1) <= precision and _is_times(e, c)]
    if fitting and len(fitting) <= 3:
        return f"every entry is the expected one times {', or '.join(fitting)}"
    enough = np.unique(e.value[abs(e.value) > e.limit * e.unit]).size >= 3
    digits = max(2, min(6, round(-math.log10(max(precision, 1e-15)))))
    return f"every entry is the expected one times {factor:.{digits}g}" if enough and _is_times(e, factor) else None


def _factor(e: Evidence) -> tuple[float, float] | None:
    """Result over expected at the entry that tells it best, and how well it does."""
    usable = np.isfinite(e.value) & np.isfinite(e.result) & (e.value != 0) & (e.result != 0)
    if not e.is_floating or not np.any(usable):
        return None
    blur = np.where(usable, e.unit / abs(np.where(usable, e.value, 1)), np.inf)
    at = np.unravel_index(int(np.argmin(blur)), blur.shape)
    factor, precision = float(e.result[at] / e.value[at]), 2 * e.limit * float(blur[at])
    return None if precision > 0.05 or abs(factor - 1) <= 2 * precision else (factor, precision)


def _is_times(e: Evidence, factor: float) -> bool:
    return e.explained_by(factor * e.value, max(1.0, abs(factor)) * e.unit)


def _factors(e: Evidence) -> Iterator[tuple[float, str]]:
    yield from _NAMED
    for name, total in _weights(e):
        yield total, f"the sum of {name}: a sum in place of a weighted mean"
        yield 1 / total, f"one over the sum of {name}: a weighted mean in place of a sum"
    for n, what in _counts(e).items():
        told = f"n = {n}, {what}"
        yield float(n), f"n for {told}: a sum in place of a mean"
        yield 1 / n, f"1/n for {told}: a mean in place of a sum"
        yield n / (n - 1), f"n/(n-1) for {told}: a variance divided by n - 1 in place of n"
        yield (n - 1) / n, f"(n-1)/n for {told}: a variance divided by n in place of n - 1"
        yield math.sqrt(n), f"sqrt(n) for {told}"
        yield 1 / math.sqrt(n), f"1/sqrt(n) for {told}"
        yield math.sqrt(n / (n - 1)), f"sqrt(n/(n-1)) for {told}: divided by the wrong variance, that over n"
        yield math.sqrt((n - 1) / n), f"sqrt((n-1)/n) for {told}: divided by the wrong variance, that over n - 1"


def _weights(e: Evidence) -> Iterator[tuple[str, float]]:
    """Sums of inputs that are weights."""
    for name, x in e.inputs.items():
        if "weight" in name and is_floating_dtype(x.dtype):
            total = float(np.sum(x.astype(np.longdouble)))
            if math.isfinite(total) and total not in (0.0, 1.0):
                yield name, total


def _counts(e: Evidence) -> dict[int, str]:
    """Numbers of entries along axes of the inputs, each with the first place it has."""
    found: dict[int, str] = {}
    for name, x in e.inputs.items():
        for count in range(1, x.ndim + 1 if x.ndim <= 5 else 2):
            for axes in itertools.combinations(range(x.ndim), count):
                n = math.prod(x.shape[a] for a in axes)
                if n > 2:
                    told = "axis" if count == 1 else "axes"
                    found.setdefault(n, f"{told} {', '.join(map(str, axes))} of {name}")
    return found


@_rule
def _constant_offset(e: Evidence) -> str | None:
    usable = np.isfinite(e.value) & np.isfinite(e.result)
    if not e.is_floating or np.unique(e.value[usable]).size < 3:
        return None
    at = np.unravel_index(int(np.argmin(np.where(usable, e.unit, np.inf))), e.unit.shape)
    offset = e.result[at] - e.value[at]
    candidate = e.value + offset
    unit = e.unit + e.unit[at] + e.roundoff * abs(candidate)
    if not np.all(e.apart(candidate, unit)[usable]) or not e.explained_by(candidate, unit):
        return None
    return f"every entry is the expected one plus {float(offset):.3g}"


# -- in another order ------------------------------------------------------------------------------------------


@_rule
def _swapped_axes(e: Evidence) -> str | None:
    if not 2 <= e.value.ndim <= 4:
        return None
    for axes in itertools.permutations(range(e.value.ndim)):
        moved, unit = e.value.transpose(axes), e.unit.transpose(axes)
        if axes == tuple(range(e.value.ndim)):
            continue
        if e.explained_by(moved, unit):
            return _said_of(axes, e.value.ndim)
        if moved.shape != e.value.shape and e.explained_by(moved.reshape(e.value.shape), unit.reshape(e.value.shape)):
            return f"{_said_of(axes, e.value.ndim)}, and read in that order into the shape expected"
    return None


def _said_of(axes: tuple[int, ...], ndim: int) -> str:
    moved = [i for i, a in enumerate(axes) if i != a]
    if len(moved) == 2:
        last = "transposed: " if moved == [ndim - 2, ndim - 1] else ""
        return f"{last}axes {moved[0]} and {moved[1]} are swapped"
    return f"the axes are in the order {axes}"


@_rule
def _reversed(e: Evidence) -> str | None:
    for axis in range(e.value.ndim):
        if e.value.shape[axis] > 1 and e.explained_by(np.flip(e.value, axis), np.flip(e.unit, axis)):
            return f"axis {axis} is reversed"
    return None


@_rule
def _shifted(e: Evidence) -> str | None:
    """By one along an axis; what enters at the edge may be anything."""
    for axis, by in itertools.product(range(e.value.ndim), (1, -1)):
        if e.value.shape[axis] < 3:
            continue
        inner = [slice(None)] * e.value.ndim
        inner[axis] = slice(1, None) if by == 1 else slice(None, -1)
        part = tuple(inner)
        moved, unit = np.roll(e.value, by, axis), np.roll(e.unit, by, axis)
        if np.all(e.close(moved, unit)[part]) and np.count_nonzero(e.apart(moved, unit)[part]) >= 2:
            return f"shifted by one along axis {axis}: entry i is what is expected at i {'-' if by == 1 else '+'} 1"
    return None


@_rule
def _reordered(e: Evidence) -> str | None:
    """The same numbers at other places."""
    if e.value.size < 3 or np.unique(e.value).size < 3 or not np.all(np.isfinite(e.value)):
        return None
    order, mine = np.argsort(e.value, axis=None), np.argsort(e.result, axis=None)
    off = abs(e.result.ravel()[mine] - e.value.ravel()[order]) <= e.limit * e.unit.ravel()[order]
    return "the numbers expected, in another order" if np.all(off) else None


# -- another case ----------------------------------------------------------------------------------------------


@_rule
def _hypothesis(e: Evidence) -> str | None:
    """What would be expected if an option or an input were not what it is."""
    until = time.monotonic() + _SECONDS / 2
    for words, compute in e.hypotheses:
        if time.monotonic() > until:
            return None
        try:
            other = compute()
        except Exception:  # the change makes no case
            continue
        if other.value.shape == e.value.shape and e.explained_by(other.value.astype(np.longdouble), e.unit_of(other)):
            return words
    return None


# -- rounding --------------------------------------------------------------------------------------------------


@_rule
def _flushed(e: Evidence) -> str | None:
    """Zero where something small is expected, and right where it is larger."""
    if not e.is_floating or not np.any(e.wrong) or np.any(e.result[e.wrong] != 0):
        return None
    lost = float(np.max(abs(e.value[e.wrong])))
    kept = abs(e.value[~e.wrong & (e.result != 0)])
    if lost < float(limits(e.dtype).smallest_normal):
        return "subnormal numbers are flushed to 0"
    if lost < 1e-3 and kept.size and lost < float(np.min(kept)):
        return f"small results are flushed to 0: all up to {lost:.3g} in size, none from {float(np.min(kept)):.3g}"
    return None


@_rule
def _truncated(e: Evidence) -> str | None:
    """Whole numbers where others are expected."""
    if not e.is_floating or np.any(e.result != np.trunc(e.result)) or np.all(e.value == np.trunc(e.value)):
        return None
    ways = (("toward 0", np.trunc), ("down", np.floor), ("up", np.ceil), ("to nearest", np.rint))
    for words, way in ways:
        if np.array_equal(e.result, way(e.value)) and np.any(e.wrong):
            return f"truncated to integers: every entry is the expected one rounded {words}"
    return None


_LOWER = (
    ("float32", 24, "float32"),
    ("float16", 11, "float16 or TF32"),
    ("bfloat16", 8, "bfloat16"),
)


@_rule
def _lower_precision(e: Evidence) -> str | None:
    """Errors of both signs, most of them, of the size that fewer digits make."""
    if not e.is_floating or not np.all(np.isfinite(e.result) & np.isfinite(e.value)):
        return None
    telling = (e.value != 0) & (e.unit < 1e-3 * abs(e.value))
    if np.count_nonzero(telling) < 4:
        return None
    value, result = e.value[telling], e.result[telling]
    for name, digits, _ in _LOWER:
        if 2.0**-digits > 4 * e.roundoff and not np.any(e.result.astype(name).astype(np.longdouble) != e.result):
            once = abs(result - value) <= 2.0**-digits * abs(value) + e.limit * e.unit[telling]
            if np.all(once) and np.unique(abs(result)).size >= 4:
                return f"rounded to {name}: every entry has no more than its {digits} binary digits"
    errors = (result - value) / e.unit[telling] * np.sign(value)  # whatever it was multiplied by at the end
    if float(np.quantile(abs(errors), 0.2)) <= e.limit:
        return None
    orders = [value, abs(value), *(x[telling] for x in e.inputs.values() if x.shape == e.value.shape)]
    if not all(_is_irregular(errors[np.argsort(order, kind="stable")]) for order in orders):
        return None
    size = math.sqrt(float(np.mean(errors**2)))
    for _, digits, told in _LOWER:
        if 0.1 <= size / (2.0**-digits / e.roundoff) <= 2:
            return f"the errors are of the size of the roundoff of {told}: computed with {digits} binary digits or so"
    return None


def _is_irregular(errors: Array) -> bool:
    """Whether signs change as often as those of rounding do: a wrong formula is off in one direction for long."""
    changes = np.count_nonzero(np.diff(np.sign(errors)))
    return errors.size >= 16 and bool(abs(changes / (errors.size - 1) - 0.5) < 2 / np.sqrt(errors.size))


RULES.append(only_there)


# -- another shape ---------------------------------------------------------------------------------------------


def _other_shape(e: Evidence) -> str | None:
    got, wanted = e.got.shape, e.expected.value.shape
    if tuple(n for n in got if n != 1) == tuple(n for n in wanted if n != 1):
        return "axes of length 1 are missing" if len(got) < len(wanted) else "there are axes of length 1 too many"
    if len(got) == len(wanted) and sorted(got) == sorted(wanted):
        for axes in itertools.permutations(range(len(wanted))):
            if tuple(wanted[a] for a in axes) == got:
                right = np.all(e.close(e.value.transpose(axes), e.unit.transpose(axes)))
                return f"{_said_of(axes, len(wanted))}{'' if right else ', and the values are wrong too'}"
    if math.prod(got) == math.prod(wanted):
        right = np.all(abs(e.result.ravel() - e.value.ravel()) <= e.limit * e.unit.ravel())
        return "the right numbers in the wrong shape" if right else None
    if len(got) == len(wanted):
        parts = [
            f"axis {i} is {'shorter' if a < b else 'longer'} by {abs(a - b)}"
            for i, (a, b) in enumerate(zip(got, wanted, strict=True))
            if a != b
        ]
        return " and ".join(parts)
    return None
