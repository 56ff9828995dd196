"""Rules name what they can prove of a wrong result, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from nnspec.reference import Expected
from nnspec_conformance.explain import UNKNOWN, Evidence, cause_of

_GENERATOR = np.random.Generator(np.random.Philox(7))
X = _GENERATOR.standard_normal((6, 17)).astype(np.float32)
Y = X.astype(np.longdouble) ** 3 + 0.3
SQUARE = Y[:6, :6]


def evidence(got, value=Y, unit=None, **more) -> Evidence:
    rounding = np.finfo(np.float32).eps / 2
    unit = rounding * abs(value) + rounding * 0.1 if unit is None else unit
    known = {"dtype": "float32", "limit": 8.0, "inputs": {"x": X}, "name": "", **more}
    return Evidence(got=np.asarray(got).astype(np.float32), expected=Expected(value, unit, unit), **known)


def _row_off(y):
    return np.concatenate([y[:4], y[4:5] + 1, y[5:]])


MASK = np.arange(17) < 11
WRONG = {
    "zero": (0 * Y, "is 0 everywhere"),
    "double": (2 * Y, "times 2"),
    "half": (Y / 2, "times 1/2"),
    "unbiased": (Y * 17 / 16, "times n/(n-1) for n = 17, axis 1 of x"),
    "mean for sum": (Y / 102, "times 1/n for n = 102, axes 0, 1 of x: a mean in place of a sum"),
    "some factor": (Y * 1.2345, "times 1.2345"),
    "base 2": (Y / np.log(2.0), "logarithms to base 2"),
    "sign": (-Y, "sign is flipped"),
    "absolute": (abs(Y), "sign is lost"),
    "offset": (Y + 0.75, "plus 0.75"),
    "shifted": (np.roll(Y, 1, axis=1), "shifted by one along axis 1: entry i is what is expected at i - 1"),
    "shifted up": (np.roll(Y, -1, axis=0), "shifted by one along axis 0: entry i is what is expected at i + 1"),
    "reversed": (Y[:, ::-1], "axis 1 is reversed"),
    "order": (Y.T.reshape(Y.shape), "axes 0 and 1 are swapped, and read in that order"),
    "permuted": (np.sort(Y, axis=None).reshape(Y.shape), "the numbers expected, in another order"),
    "unchanged": (X, "is the input x, unchanged"),
    "truncated": (np.trunc(Y), "truncated to integers: every entry is the expected one rounded toward 0"),
    "float16": (Y.astype(np.float16), "rounded to float16"),
    "coarse": (Y * (1 + 2.0**-8 * _GENERATOR.uniform(-1, 1, Y.shape)), "of the size of the roundoff of"),
    "row": (_row_off(Y), "one row is wrong: index 4 of axis 0"),
    "end": (np.where(np.arange(17) < 13, Y, 0), "the end is wrong: axis 1 from index 13, and is 0"),
    "region": (np.where(X > 1, Y + 1, Y), "wrong exactly where x >= "),
    "nan": (np.where(np.arange(17) == 3, np.nan, Y), "NaN in 6 of 102 entries although every input is finite"),
    "noise": (Y + _GENERATOR.standard_normal(Y.shape), UNKNOWN),
    "smooth": (Y * (1 + 1e-4 * np.tanh(X)), UNKNOWN),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_rule_names_what_it_can_prove(name: str) -> None:
    got, words = WRONG[name]
    assert words in cause_of(evidence(got))


def test_transposed() -> None:
    assert "transposed: axes 0 and 1 are swapped" in cause_of(evidence(SQUARE.T, SQUARE))


def test_results_that_are_too_small_are_flushed() -> None:
    tiny = np.logspace(-30, 0, 16).astype(np.float32).astype(np.longdouble)
    flushed = np.where(tiny < 1e-10, 0, tiny)
    assert "small results are flushed to 0" in cause_of(evidence(flushed, tiny, tiny * 6e-8, inputs={}))
    subnormal = np.where(np.arange(16) < 8, tiny, 1e-40)
    gone = np.where(np.arange(16) < 8, tiny, 0)
    assert "subnormal numbers are flushed" in cause_of(evidence(gone, subnormal, subnormal * 6e-8, inputs={}))


def test_the_gradient_of_another_input() -> None:
    other = np.flip(Y) + 1
    found = cause_of(evidence(other, name="gradient of x", others={"gradient of y": other}))
    assert found == "it is the gradient of y"


def test_slots_that_a_mask_leaves_out() -> None:
    found = cause_of(evidence(np.where(MASK, Y, np.nan), inputs={"x": X, "mask": MASK}))
    assert found == "NaN in the slots that mask masks"
    hidden = X.copy()
    hidden[0, 0] = np.inf
    found = cause_of(evidence(np.where(np.isinf(hidden), np.nan, Y), inputs={"x": hidden}))
    assert "x is not finite, which must not show there" in found


def test_another_shape() -> None:
    assert cause_of(evidence(Y[..., None])) == "there are axes of length 1 too many"
    assert "axes 0 and 1 are swapped" in cause_of(evidence(Y.T))
    assert cause_of(evidence(Y.reshape(17, 2, 3))) == "the right numbers in the wrong shape"
    assert cause_of(evidence(Y[:, :-1])) == "axis 1 is shorter by 1"


def test_what_would_be_expected_of_another_option() -> None:
    def other() -> Expected:
        return Expected(Y**2, abs(Y) ** 2 * 1e-7 + 1e-9)

    assert cause_of(evidence(Y**2, hypotheses=(("the option is ignored", other),))) == "the option is ignored"


def test_one_number_is_no_proof_of_a_factor() -> None:
    scalar = np.longdouble(3.7).reshape(())
    found = cause_of(evidence(scalar * 1.2345, scalar, scalar * 6e-8, inputs={}))
    assert found == UNKNOWN
