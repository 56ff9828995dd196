"""Units, margins and the reference's check of itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnspec.reference import Expected, SuiteError, analyse, crosscheck, margin

RNG = np.random.default_rng(11)
X = RNG.standard_normal((5, 9))


def softplus(backend: Any, x: Any) -> Any:
    return backend.softplus(x)


class TestAnalysis:
    def test_value_is_the_definition_at_extended_precision(self) -> None:
        analysis = analyse(lambda backend, x: backend.xp.exp(x), {"x": X}, dtype="float64")
        np.testing.assert_array_equal(analysis.values[0].value, np.exp(X.astype(np.longdouble)))

    def test_same_seed_same_units(self) -> None:
        first, second = (analyse(softplus, {"x": X}, dtype="float64", differentiate=["x"], seed=4) for _ in "ab")
        np.testing.assert_array_equal(first.values[0].unit, second.values[0].unit)
        np.testing.assert_array_equal(first.gradients["x"].unit, second.gradients["x"].unit)

    def test_gradients_of_pytrees_sum_over_their_leaves(self) -> None:
        def program(backend: Any, x: Any) -> Any:
            return {"twice": 2.0 * x, "count": np.arange(3)}

        analysis = analyse(program, {"x": X}, dtype="float64", differentiate=["x"])
        assert [c is None for c in analysis.cotangents] == [True, False]
        np.testing.assert_array_equal(analysis.gradients["x"].value, 2 * analysis.cotangents[1].astype(np.longdouble))

    def test_gradient_from_the_saved_output_is_admitted(self) -> None:
        """1 - tanh^2 is off by a unit of 1 in the tail, and every native kernel computes just that."""
        x = np.array([20.0, 0.5])
        analysis = analyse(lambda backend, x: backend.tanh(x), {"x": x}, dtype="float64", differentiate=["x"])
        unit = analysis.gradients["x"].unit
        assert unit is not None
        assert 1e-17 < unit[0] < 1e-14

    def test_an_operation_that_states_none_is_not_excused(self) -> None:
        x = np.array([20.0])
        analysis = analyse(lambda backend, x: backend.xp.tanh(x), {"x": x}, dtype="float64", differentiate=["x"])
        unit = analysis.gradients["x"].unit
        assert unit is not None
        assert unit[0] < 1e-30

    def test_a_subnormal_input_may_count_as_zero(self) -> None:
        x = np.array([1e-310, 1.0])
        analysis = analyse(lambda backend, x: 1e300 * x, {"x": x}, dtype="float64")
        assert analysis.flushed is not None
        assert analysis.flushed.values[0].value[0] == 0
        assert analysis.values[0].value[0] > 0
        assert analyse(softplus, {"x": X}, dtype="float64").flushed is None


class TestMargin:
    expected = Expected(
        value=np.array([1.0, 2.0, np.inf, np.nan], np.longdouble),
        unit=np.full(4, 0.5, np.longdouble),
        unit_exact_inputs=np.full(4, 0.25, np.longdouble),
        escaped=np.array([False, True, False, False]),
    )

    def test_counts_units_of_the_worst_element(self) -> None:
        found = margin(np.array([1.0, 3.5, np.inf, np.nan]), self.expected, "float64")
        assert (found.margin, found.margin_exact_inputs, found.index) == (3.0, 6.0, (1,))
        assert "[1]" in str(found)
        assert "3 units" in str(found)

    @pytest.mark.parametrize(
        "got",
        [[np.nan, 2, np.inf, np.nan], [1, 2, -np.inf, np.nan], [1, 2, np.inf, 0.0], [1, 2, 3.0, np.nan]],
    )
    def test_a_wrong_special_value_is_infinitely_wrong(self, got: list[float]) -> None:
        assert margin(np.array(got, float), self.expected, "float64").margin == np.inf

    def test_an_escaped_element_excuses_what_is_not_finite_and_nothing_else(self) -> None:
        assert margin(np.array([1.0, np.inf, np.inf, np.nan]), self.expected, "float64").margin == 0
        assert margin(np.array([1.0, 9.0, np.inf, np.nan]), self.expected, "float64").margin == 14

    def test_a_reference_beyond_the_range_is_expected_as_infinity(self) -> None:
        beyond = Expected(
            np.array([1e39], np.longdouble),
            np.array([1e30], np.longdouble),
            np.array([1e30], np.longdouble),
            None,
        )
        assert margin(np.array([np.inf], np.float32), beyond, "float32").margin == 0
        assert margin(np.array([3e38], np.float32), beyond, "float32").margin > 8

    def test_exact_is_equality_of_the_rounded_reference(self) -> None:
        third = Expected(np.array([1 / np.longdouble(3)]), np.ones(1, np.longdouble), np.ones(1, np.longdouble), None)
        assert margin(np.array([1 / 3], np.float32), third, "float32", exact=True).margin == 0
        assert margin(np.nextafter(np.array([1 / 3], np.float32), 1), third, "float32", exact=True).margin == np.inf

    def test_integers_are_compared_exactly(self) -> None:
        whole = Expected(np.array([3, 4]))
        assert margin(np.array([3, 4]), whole, "float32").margin == 0
        assert margin(np.array([3, 5]), whole, "float32").margin == np.inf

    def test_an_empty_array_has_no_margin(self) -> None:
        assert margin(np.zeros((0, 3)), Expected(np.zeros((0, 3))), "float32").margin == 0


class TestCrosscheck:
    def test_accepts_a_right_derivative(self) -> None:
        analysis = analyse(softplus, {"x": X}, dtype="float64", differentiate=["x"], seed=1)
        crosscheck(softplus, {"x": X}, analysis, seed=1)

    def test_refuses_a_wrong_one(self) -> None:
        analysis = analyse(softplus, {"x": X}, dtype="float64", differentiate=["x"], seed=1)
        other = analyse(lambda backend, x: backend.softplus(x) * 1.0001, {"x": X}, dtype="float64")
        assert other.values
        with pytest.raises(SuiteError, match="with respect to x"):
            crosscheck(lambda backend, x: backend.softplus(x) * 1.0001, {"x": X}, analysis, seed=1)

    def test_steps_over_a_kink_do_not_alarm(self) -> None:
        x = np.linspace(-1, 1, 2001)[:-1] + 1e-9
        program = lambda backend, x: backend.relu(x)  # noqa: E731
        analysis = analyse(program, {"x": x}, dtype="float64", differentiate=["x"], seed=2)
        crosscheck(program, {"x": x}, analysis, seed=2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mean", [0.0, 1000.0])
def test_one_pass_variance_fails_and_two_pass_conforms(dtype: str, mean: float) -> None:
    """The textbook trap: E[x^2] - E[x]^2 at a large mean; two passes in any precision stay within the limit."""
    x = (RNG.standard_normal((9, 129)) + mean).astype(dtype)

    def variance(backend: Any, x: Any) -> Any:
        d = x - backend.xp.sum(x, axis=-1, keepdims=True) / x.shape[-1]
        return backend.xp.sum(d * d, axis=-1) / x.shape[-1]

    expected = analyse(variance, {"x": x}, dtype=dtype).values[0]
    two_pass = np.mean((x - x.mean(-1, keepdims=True)) ** 2, axis=-1)
    one_pass = np.mean(x * x, axis=-1) - np.mean(x, axis=-1) ** 2
    assert margin(two_pass, expected, dtype).margin < 8
    assert (margin(one_pass, expected, dtype).margin > 8) == (mean > 0)
