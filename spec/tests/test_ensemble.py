"""The rounding model: each rule of DESIGN 4 by what it must let through and what it must not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from nnspec.reference import Ensemble, Model
from nnspec.reference import ensemble as rules

RNG = np.random.default_rng(3)
F32 = float(np.finfo(np.float32).eps) / 2


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """As in an analysis: what is not finite is part of the model."""
    with np.errstate(all="ignore"):
        yield


def model(dtype: str = "float32", **options: Any) -> Model:
    return Model(dtype, **options)


def spread(x: Ensemble) -> Any:
    return x.spread()


X = RNG.standard_normal((5, 7)) + 0.3
POSITIVE = abs(X) + 0.5
PRIMITIVES: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "matmul": lambda a, b: np.matmul(a, b.transpose((1, 0))),
    "sum": lambda a, b: np.add.reduce(a, axis=1),
    "sqrt": lambda a, b: np.sqrt(b),
    "exp": lambda a, b: np.exp(a),
    "expm1": lambda a, b: np.expm1(a),
    "log": lambda a, b: np.log(b),
    "log1p": lambda a, b: np.log1p(b),
    "tanh": lambda a, b: np.tanh(a),
    "sin": lambda a, b: np.sin(a),
    "cos": lambda a, b: np.cos(a),
    "add_bias": lambda a, b: rules.add_bias(a, b, 9),
}
MOVES = {"negative", "sign", "maximum"}  # of the table below: those that do not round


@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_arithmetic_primitive_adds_its_own_rounding(name: str) -> None:
    m = model()
    out = PRIMITIVES[name](m.exact(X), m.exact(POSITIVE))
    assert np.all(spread(out) > 0.05 * F32 * abs(out.value.astype(float)))


def test_no_ufunc_is_missing_from_the_test_above() -> None:
    known = {f.__name__ for f in rules._UFUNCS}
    compared = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"}
    tested = set(PRIMITIVES) | MOVES | compared | {"isnan", "isinf", "isfinite"}
    assert known <= tested


@pytest.mark.parametrize(
    "act",
    [
        np.median,
        np.arctan,
        np.asarray,
        lambda x: np.cumsum(x, axis=0),
        lambda x: np.multiply.reduce(x),
        float,
    ],
)
def test_an_operation_without_a_rule_is_a_type_error(act: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        act(model().exact(X))


def test_a_comparison_may_not_leave_where() -> None:
    m = model()
    with pytest.raises(TypeError, match="outside of where"):
        np.asarray(m.exact(X) > 0)


def test_inputs_are_exact_in_the_first_half_and_off_by_one_roundoff_in_the_second() -> None:
    m = model()
    x = m.input(X)
    assert not np.any(x.deviations[: m.half])
    off = rules.root_mean_square(x.deviations[m.half : -1]) / (F32 * abs(X))
    assert 0.5 < np.median(off) < 1.5


def test_exact_zero_stays_exact() -> None:
    m = model()
    zero = m.exact(np.zeros(3))
    assert not np.any(spread(zero * m.exact(np.ones(3))))
    assert not np.any(spread(m.exact(np.full(3, 1e-300)) - m.exact(np.full(3, 1e-300))))
    assert not np.any(spread(np.sqrt(zero)))


def test_underflow_is_allowed_for_products_and_not_for_sums() -> None:
    m = model()
    small = m.exact(np.full(3, 1e-36))
    tiny = float(np.finfo(np.float32).smallest_normal)
    assert np.all(spread(small * small) > 0.3 * tiny)
    assert np.all(spread(small + small) < 1e-3 * tiny)


def test_a_python_number_is_rounded_unless_the_dtype_holds_it() -> None:
    m = model()
    ones = m.exact(np.ones(1000))
    assert m.constant_error(0.25) == 0.0
    assert 0 < m.constant_error(0.1) <= F32 * 0.1
    common = (ones * 0.1).deviations[:-1].mean(axis=1)  # the constant is off by the same amount everywhere
    assert 0.3 < np.sqrt(np.mean(common**2)) / m.constant_error(0.1) < 3
    assert model("float64").constant_error(0.1) == 0.0


class TestDecisions:
    def test_exact_inputs_at_a_kink_are_sharp(self) -> None:
        m = model()
        x = m.input(np.array([1.0, 1.0 - F32, 1.0 + 2 * F32]))
        condition = 1.0 - x <= 0
        assert not np.any(condition.uncertain)

    def test_a_cancelling_sum_at_a_kink_is_uncertain(self) -> None:
        m = model()
        a = RNG.standard_normal((4, 33)).astype(np.float32)
        x = m.input(a)
        total = np.add.reduce(x, axis=1) - m.exact(a.astype(np.longdouble).sum(axis=1))
        condition = total <= 0
        assert np.all(condition.uncertain)
        chosen = np.where(condition, 0.0, m.exact(np.full(4, 5.0)))
        assert np.all(rules.root_mean_square(chosen.deviations[: m.half]) > 1)
        assert not np.any(chosen.deviations[m.half : -1])

    def test_conditions_combine(self) -> None:
        m = model()
        x = m.input(np.array([-1.0, 0.0, 1.0]))
        both = (x > -0.5) & ~(x > 0.5) | (x < -2)
        np.testing.assert_array_equal(both.outcome, [False, True, False])
        assert isinstance(np.array([True, True, False]) & both, rules.Condition)


class TestSums:
    @pytest.mark.parametrize("n", [33, 4099])
    @pytest.mark.parametrize("mean", [0.0, 1.0])
    def test_real_sums_in_any_order_stay_within_the_limit(self, n: int, mean: float) -> None:
        x = (RNG.standard_normal((20, n)) + mean).astype(np.float32)
        out = np.add.reduce(model().exact(x), axis=1)
        unit = np.hypot(spread(out), F32 * abs(out.value.astype(float)))
        for order in (np.arange(n), np.arange(n)[::-1], RNG.permutation(n)):
            sequential = np.cumsum(x[:, order], axis=1, dtype=np.float32)[:, -1]
            assert np.max(abs(sequential.astype(np.longdouble) - out.value) / unit) < 8

    def test_a_dropped_term_shows(self) -> None:
        x = abs(RNG.standard_normal((20, 4099))).astype(np.float32) + 0.5
        out = np.add.reduce(model().exact(x), axis=1)
        unit = np.hypot(spread(out), F32 * abs(out.value.astype(float)))
        dropped = x[:, :-1].sum(axis=1, dtype=np.float64)
        assert np.median(abs(dropped - out.value) / unit) > 8

    def test_products_of_matrices(self) -> None:
        a, b = (RNG.standard_normal(s).astype(np.float32) for s in ((9, 129), (129, 7)))
        out = _product(a, b)
        unit = np.hypot(spread(out), F32 * abs(out.value.astype(float)))
        assert np.max(abs(a @ b - out.value) / unit) < 8
        truncated = _tf32(a).astype(float) @ _tf32(b).astype(float)
        assert np.max(abs(truncated - out.value) / unit) > 100

    def test_scales_that_underflow_when_squared(self) -> None:
        x = np.full((3, 9), 1e-30, np.float32)
        out = np.add.reduce(model().exact(x), axis=1)
        assert np.all(spread(out) > 0.3 * F32 * 9e-30)
        product = _product(np.full((2, 9), 1e-18), np.full((9, 2), 1e-18))
        assert np.all(np.isfinite(spread(product)))


class TestIndices:
    def test_a_choice_of_rows_is_exact_and_keeps_their_deviations(self) -> None:
        x = model().input(X)
        rows = np.array([4, 0, 4])
        taken: Any = np.take(x, rows, 0)  # type: ignore[arg-type]
        np.testing.assert_array_equal(taken.value, X[rows])
        np.testing.assert_array_equal(taken.deviations, x.deviations[:, rows])
        columns: Any = np.take(x, np.array([6, 1]), 1)
        np.testing.assert_array_equal(columns.deviations, x.deviations[:, :, [6, 1]])

    def test_adding_up_by_index_rounds_where_an_index_repeats_and_only_there(self) -> None:
        m = model()
        g = RNG.standard_normal((6, 7)).astype(np.float32).astype(float)  # whose sums float64 holds
        out = m.exact(g).scatter((4, 7), np.array([1, 3, 1, 0, 1, 1]), 0)
        np.testing.assert_array_equal(out.value, [g[3], g[0] + g[2] + g[4] + g[5], np.zeros(7), g[1]])
        assert not np.any(spread(out)[[0, 2, 3]])
        assert np.all(spread(out)[1] > 0.1 * F32 * abs(out.value[1].astype(float)))

    def test_deviations_add_up_as_values_do(self) -> None:
        x = model().input(X)
        out = x.scatter((5, 9), np.array([8, 0, 8, 1, 2, 3, 4]), 1)
        np.testing.assert_array_equal(out.deviations[:, :, [0, 1]], x.deviations[:, :, [1, 3]])
        together = x.deviations[:-1, :, 0] + x.deviations[:-1, :, 2]
        assert np.max(abs(out.deviations[:-1, :, 8] - together)) < 8 * F32 * np.max(abs(X))

    def test_real_sums_stay_within_the_limit_and_a_dropped_use_shows(self) -> None:
        rows = RNG.integers(0, 3, 4099)
        g = (abs(RNG.standard_normal((4099, 5))) + 0.5).astype(np.float32)
        out = model().exact(g).scatter((3, 5), rows, 0)
        unit = np.hypot(spread(out), F32 * abs(out.value.astype(float)))
        got = np.zeros((3, 5), np.float32)
        np.add.at(got, rows, g)
        assert np.max(abs(got - out.value) / unit) < 8
        dropped = np.zeros((3, 5))
        np.add.at(dropped, rows[1:], g[1:])
        assert np.min((abs(dropped - out.value) / unit)[rows[0]]) > 8


def _product(a: Any, b: Any) -> Ensemble:
    m = model()
    return np.matmul(m.exact(a), m.exact(b))  # type: ignore[no-any-return, call-overload]


def _tf32(a: Any) -> Any:
    return ((a.view(np.uint32) + 0x1000) & 0xFFFFE000).view(np.float32)


class TestRange:
    def test_an_intermediate_beyond_the_range_marks_what_depends_on_it(self) -> None:
        m = model()
        x = m.exact(np.array([200.0, 1.0]))
        out = np.log(np.exp(x))
        np.testing.assert_array_equal(out.escaped, [True, False])
        np.testing.assert_allclose(out.value.astype(float), [200.0, 1.0])
        total = np.add.reduce(np.exp(x), axis=0, keepdims=True)
        assert np.all(total.escaped)

    def test_a_true_infinity_is_no_excuse(self) -> None:
        with np.errstate(divide="ignore"):
            out = np.log(model().exact(np.array([0.0])))
        assert out.value[0] == -np.inf
        assert not np.any(out.escaped)

    def test_where_leaves_an_escaped_branch_behind(self) -> None:
        m = model()
        x = m.exact(np.array([200.0, 1.0]))
        chosen = np.where(x > 100.0, 0.0, np.exp(x))
        assert not np.any(chosen.escaped)


def test_correlated_errors_are_kept_where_independent_variances_lose_them() -> None:
    """The error of a mean is shared by all that it is taken from; 100 steps of descent show a wrong one."""
    m = model()
    x = m.exact(RNG.standard_normal((3, 100)) + 1000)
    centred = x - np.add.reduce(x, axis=1, keepdims=True) / 100.0
    total = np.add.reduce(centred, axis=1)
    independent = np.sqrt(np.sum(spread(centred) ** 2, axis=1))
    assert np.all(spread(total) > 4 * independent)

    start = RNG.standard_normal(50).astype(np.float32)
    path = m.exact(start)
    for _ in range(100):
        path = path - 0.1 * (path + path * path * path)
    unit = np.hypot(spread(path), F32 * abs(path.value.astype(float)))
    right, wrong = start.copy(), start.copy()
    for step in range(100):
        right = right - np.float32(0.1) * (right + right * right * right)
        rate = np.float32(0.1001 if step == 50 else 0.1)
        wrong = wrong - rate * (wrong + wrong * wrong * wrong)
    assert np.max(abs(right - path.value) / unit) < 8
    assert np.max(abs(wrong - path.value) / unit) > 8


def test_the_model_is_deterministic() -> None:
    runs = [np.exp(model(seed=5).input(X)).deviations for _ in range(2)]
    np.testing.assert_array_equal(*runs)
    assert np.any(runs[0] != np.exp(model(seed=6).input(X)).deviations)
