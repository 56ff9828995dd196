"""float16 and bfloat16 in the trunk: what the rounding model makes of them, and what cases are tried in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import nnspec
from nnspec._low_precision import DIGITS, LOW, is_floating_dtype, limits, working_dtype
from nnspec.reference import Ensemble, Model, analyse, margin
from nnspec.reference.ensemble import ONCE, Low, Wide, as_low, as_wide, settled
from nnspec.reference.oracle import Reference
from nnspec.tape import raw

F32 = 2.0**-24
X = np.random.default_rng(3).standard_normal((5, 7)) + 0.3


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with np.errstate(all="ignore"):
        yield


def roundoff(dtype: str) -> float:
    return float(2.0 ** -DIGITS[dtype])


@pytest.fixture(params=LOW)
def dtype(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# -- names ---------------------------------------------------------------------------------------------------------


def test_dtypes() -> None:
    assert [working_dtype(d) for d in ("float16", "bfloat16", "float32", "float64")] == ["float32"] * 3 + ["float64"]
    assert all(float(limits(d).eps) / 2 == roundoff(d) for d in LOW)
    assert all(is_floating_dtype(np.dtype(d)) for d in ("float16", "float64", ml_dtypes.bfloat16))
    assert not any(is_floating_dtype(np.dtype(d)) for d in ("int32", "bool", "V2"))


def test_every_operation_says_what_becomes_of_its_results() -> None:
    for op in nnspec.Backend.operations().values():
        assert op.low in ("round", "wide", "master")
        assert set(op.wide_arguments) <= set(op.signature.parameters)
        takes_parameters = op.name.endswith(("_init", "_update")) and "params" in op.signature.parameters
        around = op.name.startswith(("lookahead", "ema"))
        assert (op.low == "master") == (takes_parameters and not around), op.name


# -- Low, Wide, settled ----------------------------------------------------------------------------------------------


def test_inputs_are_exact_in_the_first_half_and_intermediates_round_as_float32(dtype: str) -> None:
    m = Model(dtype)
    m.compute_in("float32")
    x = m.input(X)
    assert not np.any(x.deviations[: m.half])
    rms = np.sqrt(np.mean(x.deviations[m.half : -1] ** 2))
    assert 0.5 * F32 < rms / np.sqrt(np.mean(X**2)) < 2 * F32
    product = m.exact(X) * m.exact(X)
    assert not isinstance(product, Low)
    spread = product.spread(exact_inputs=True) / (X * X)
    assert np.all(spread < 3 * F32)
    assert np.all(spread > 0.3 * F32)


def test_a_stored_result_rounds_where_it_is_used(dtype: str) -> None:
    m = Model(dtype)
    m.compute_in("float32")
    stored = as_low(m.exact(X) * m.exact(X))
    assert isinstance(stored, Low)
    assert np.all(stored.spread() / X**2 < 3 * F32)  # the last rounding belongs to the unit, not to the deviations
    used = settled(stored)
    assert not isinstance(used, Low)
    relative = used.spread() / X**2
    assert np.all((relative > 0.5 * roundoff(dtype)) & (relative < 2 * roundoff(dtype)))
    assert used is settled(stored)  # once, whoever asks


def test_a_stored_result_that_is_known_exactly_has_nothing_to_round(dtype: str) -> None:
    m = Model(dtype)
    assert not np.any(settled(as_low(m.exact(X))).deviations)
    assert settled(X) is X
    wide = as_wide(m.exact(X))
    assert settled(wide) is wide
    assert as_low(X) is X
    assert as_wide(X) is X


def test_layout_keeps_the_kind_and_arithmetic_settles(dtype: str) -> None:
    m = Model(dtype)
    m.compute_in("float32")
    for kind, make in ((Low, as_low), (Wide, as_wide)):
        stored = make(m.exact(X) * m.exact(X))
        for moved in (stored.reshape(35), stored.transpose((1, 0)), stored[0], np.flip(stored, 0)):
            assert type(moved) is kind
        assert type(stored + stored) is kind
    inside = m.exact(X) * m.exact(X)
    assert type(inside) is Ensemble
    assert type(as_wide(inside) + inside) is Ensemble
    assert type(as_low(inside) + as_wide(inside)) is Low


def test_between_operations_everything_is_stored(dtype: str) -> None:
    m = Model(dtype)
    assert m.stores
    assert isinstance(m.exact(X) + m.exact(X), Low)
    m.compute_in("float32")
    assert not m.stores
    assert type(m.exact(X) + m.exact(X)) is Ensemble


def test_a_float32_model_knows_nothing_of_it() -> None:
    m = Model("float32")
    assert not m.is_low
    assert not m.stores
    assert type(m.input(X) + m.input(X)) is Ensemble
    assert m.last == m.roundoff


# -- units -----------------------------------------------------------------------------------------------------------


def sigmoid(backend: Any, x: Any) -> Any:
    return backend.sigmoid(x)


def test_a_result_has_room_for_two_roundings_and_no_more(dtype: str) -> None:
    x = X.astype(dtype)
    (expected,) = analyse(sigmoid, {"x": x}, dtype=dtype).values
    np.testing.assert_allclose(
        expected.unit.astype(float),  # type: ignore[union-attr]
        roundoff(dtype) / ONCE * expected.value.astype(float),
        rtol=0.02,
    )
    for roundings, fits in ((1, True), (2, True), (2.2, False), (3, False)):
        off = (expected.value * (1 + roundings * roundoff(dtype))).astype(np.float64)
        assert (margin(off, expected, dtype).margin <= 8) == fits
    assert margin(expected.value.astype(dtype), expected, dtype).margin <= 4


def test_an_operation_of_operations_has_the_unit_of_one_rounding(dtype: str) -> None:
    """Two calls have room for what the first result loses; nested ones have not."""
    x = {"x": X.astype(dtype)}
    (nested,) = analyse(lambda b, x: b.mish(x), x, dtype=dtype).values
    (called,) = analyse(lambda b, x: b.sigmoid(b.tanh(x)), x, dtype=dtype).values
    last = roundoff(dtype) / ONCE
    assert np.all(nested.unit < 1.05 * last * abs(nested.value))  # type: ignore[operator]
    assert np.mean(called.unit / (last * abs(called.value))) > 1.3  # type: ignore[operator]


def test_results_that_stay_in_float32_have_its_unit(dtype: str) -> None:
    scores = {"x": X.astype(dtype), "w": np.ones(5, dtype)}
    (expected,) = analyse(lambda b, x, w: b.mean(x[:, 0], w), scores, dtype=dtype).values
    assert expected.dtype == "float32"
    assert expected.unit is not None
    assert float(expected.unit) < 100 * F32 * max(1.0, abs(float(expected.value)))
    (rounded,) = analyse(sigmoid, {"x": X.astype(dtype)}, dtype=dtype).values
    assert rounded.dtype is None


def test_the_floor_of_float16_is_its_smallest_subnormal() -> None:
    assert Model("float16").floor == 2.0**-24
    assert Model("bfloat16").floor == float(limits("bfloat16").smallest_normal)


def test_the_reference_widens_and_rounds_as_an_operation_does(dtype: str) -> None:
    m = Model(dtype)
    reference = Reference(m)
    y = raw(reference.gelu(m.input(X)))
    assert isinstance(y, Low)
    state = reference.adam_init({"w": m.input(X)})
    assert isinstance(raw(state["master"]["w"]), Wide)
    params, state = reference.adam_update({"w": m.input(X)}, {"w": m.input(X)}, state)
    assert isinstance(raw(params["w"]), Low)
    assert {type(raw(state[entry]["w"])) for entry in ("exp_avg", "exp_avg_sq", "master")} == {Wide}
    assert reference.dtype == dtype


def test_a_step_goes_on_from_the_copy_and_not_from_the_rounded_parameter(dtype: str) -> None:
    """The unit of the master after many steps is that of float32."""
    g = np.full((20, 3), 0.7, dtype)

    def program(backend: Any, w: Any, g: Any) -> Any:
        params, state = {"w": w}, backend.sgd_init({"w": w})
        for t in range(20):
            params, state = backend.sgd_update(params, {"w": g[t, ...]}, state, lr=1e-3)
        return params["w"], state["master"]["w"]

    low, master = analyse(program, {"w": np.ones(3, dtype), "g": g}, dtype=dtype).values
    np.testing.assert_array_equal(low.value, master.value)
    assert np.all(master.unit < 10 * F32)  # type: ignore[operator]
    assert np.all(low.unit > 0.9 * roundoff(dtype) / ONCE)  # type: ignore[operator]
    assert (low.dtype, master.dtype) == (None, "float32")


# -- cases -----------------------------------------------------------------------------------------------------------


def test_which_cases_are_tried() -> None:
    from nnspec_conformance.case import Case, normal, only_calls, values

    def case(**options: Any) -> Case:
        given: dict[str, Any] = {"operation": "relu", "name": "c", "requires": ("RELU-1",), **options}
        return Case(**given)

    plain = case(inputs={"x": normal(3)})
    assert plain.is_tried_in("bfloat16")
    assert set(plain.checks_in("bfloat16")) == {"values", "shapes", "gradients", "compiled"}
    assert not case(inputs={"x": normal(3)}, dtypes=("float32",)).is_tried_in("bfloat16")
    assert case(inputs={"x": normal(3)}, dtypes=LOW).is_tried_in("float16")
    assert not case(inputs={"x": normal(3)}, dtypes=("float16",)).is_tried_in("bfloat16")
    assert not case(inputs={"x": values([1e5])}).is_tried_in("float16")
    assert case(inputs={"x": values([1e5])}).is_tried_in("bfloat16")
    assert not case(inputs={"x": values([1e-9])}).is_tried_in("float16")
    assert not case(inputs={"x": normal(3)}, program=lambda b, x: b.relu(2 * x)).is_tried_in("bfloat16")
    assert case(inputs={"x": normal(3)}, program=only_calls(lambda b, x: b.relu(x))).is_tried_in("bfloat16")
    assert not case(inputs={"x": normal(3)}, checks=("errors",)).is_tried_in("bfloat16")


def test_every_optimizer_is_run_for_300_steps() -> None:
    from nnspec_conformance.catalogue import select

    long = {c.operation for c in select(level="full") if c.name == "trajectory-long"}
    updates = {n for n, op in nnspec.Backend.operations().items() if op.low == "master" and n.endswith("_update")}
    assert updates <= long
