"""The catalogue of planted faults: what is in it, and that what the suite misses is reported."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from nnspec import Backend
from nnspec.ops.attention import Attention
from nnspec.ops.recurrent import LSTM
from nnspec_backends.numpy import NumpyBackend
from nnspec_conformance.catalogue import select
from nnspec_conformance.context import Context
from nnspec_conformance.faults import KINDS, Fault, Planted, _matrix, _trial, all_faults, choose
from nnspec_conformance.faults._matrix import MutantsRequest, mutants
from nnspec_conformance.faults._trial import tried
from nnspec_conformance.judge import Subject, judge

#: some of every family, without the operations whose cases take longest
_SAMPLE = [f for f in all_faults()[3::12] if f.family not in ("attention", "optimizers")]


# -- what is in it ---------------------------------------------------------------------------------------------


def test_there_are_at_least_250_with_ids_of_their_own() -> None:
    ids = [fault.id for fault in all_faults()]
    assert len(ids) >= 250
    assert len(ids) == len(set(ids))


def test_every_operation_has_one() -> None:
    assert {fault.operation for fault in all_faults()} == set(Backend.operations())


def test_every_kind_is_planted() -> None:
    assert {fault.kind for fault in all_faults()} == set(KINDS)


def test_a_fault_says_what_is_wrong() -> None:
    assert [fault.id for fault in all_faults() if not fault.text] == []


@pytest.mark.parametrize("fault", _SAMPLE, ids=lambda fault: fault.id)
def test_is_caught_by_the_requirement_named(fault: Fault) -> None:
    (record,) = tried(fault.operation, [fault])
    assert record.verdict == "killed", f"{record.requirement}; caught by {record.caught_by}: {record.message}"


@pytest.mark.parametrize("operation", sorted({f.operation for f in _SAMPLE}))
def test_the_sound_backend_passes(operation: str) -> None:
    profiles = frozenset({"inference", "training", "reproducible", "double"})
    for case in select(only=operation):
        for dtype in case.dtypes:
            subject = Subject.of("sound", NumpyBackend(dtype=dtype))
            for record in judge(subject, Context(subject.backend, case, dtype), profiles=profiles):
                assert record.verdict not in ("fail", "error"), f"{record.case} {record.check}: {record.message}"


# -- planting --------------------------------------------------------------------------------------------------


def planted(fault: Fault) -> Backend:
    return fault.planted()(dtype="float64")


@pytest.mark.parametrize(("old", "times"), [("x < 0", 0), (", ", 2)])
def test_edit_refuses_text_that_does_not_occur_once(old: str, times: int) -> None:
    faults = Planted()
    faults.edit("RELU-1", "wrong kink", "nowhere", old, "x")
    with pytest.raises(ValueError, match=rf"relu: '{old}' occurs {times} times in it, expected once"):
        faults[0].planted()


def test_edit_does_not_look_at_the_docstring() -> None:
    faults = Planted()
    faults.edit("SOFTSIGN-1", "wrong value", "documented", "Requires:", "Demands:")
    with pytest.raises(ValueError, match="occurs 0 times"):
        faults[0].planted()


def test_unknown_kinds_and_requirements_are_refused() -> None:
    faults = Planted()
    with pytest.raises(ValueError, match=r"kind: expected one of wrong constant, .*, got 'bad luck'"):
        faults.edit("RELU-1", "bad luck", "unlucky", "x", "y")
    with pytest.raises(ValueError, match="requirement: relu has no RELU-99"):
        faults.fault("RELU-99", "wrong kink")(lambda backend, sound, x: x)
    assert not faults


def test_a_helper_is_wrong_only_while_the_operation_runs() -> None:
    faults = Planted()
    where = "nnspec.ops.activations._gates:_halves"
    faults.edit("GLU-1", "wrong order", "halves", "half, None", "1, None", within=where)
    backend, sound = planted(faults[0]), NumpyBackend(dtype="float64")
    x = np.array([[1.0, 2.0, 3.0, 4.0]])
    before = sound.glu(x)
    with pytest.raises(ValueError, match="broadcast"):
        backend.glu(x)
    assert np.array_equal(sound.glu(x), before)


def test_a_method_and_a_cell_are_wrong_only_while_the_operation_runs() -> None:
    faults = Planted()
    where = "nnspec.ops.attention:Attention._scores"
    faults.edit("SCALED_DOT_PRODUCT_ATTENTION-1", "missing term", "scale", "* factor", "* 1.0", within=where)
    faults.edit("LSTM-1", "missing term", "o", "o * ", "", within="nnspec.ops.recurrent._cells:LSTM.step")
    scores, step = Attention._scores, LSTM.step
    heads = np.random.default_rng(0).normal(size=(1, 1, 2, 4))
    wrong = planted(faults[0]).scaled_dot_product_attention(heads, heads, heads)
    assert not np.allclose(wrong, NumpyBackend(dtype="float64").scaled_dot_product_attention(heads, heads, heads))
    own = {"weight": np.ones((4, 1)), "recurrent_weight": np.ones((4, 1)), "bias": np.zeros(4)}
    outputs, _ = planted(faults[1]).lstm(np.ones((1, 1, 1)), [own])
    assert outputs[0, 0, 0] == pytest.approx(np.tanh(np.tanh(1) / (1 + np.exp(-1))))
    assert (Attention._scores, LSTM.step) == (scores, step)


def test_checks_are_made_with_the_wrong_helper_too() -> None:
    (fault,) = choose("max_pool/window-in-the-padding")
    x = np.ones((1, 1, 2))
    with pytest.raises(Exception, match="every window"):
        NumpyBackend(dtype="float64").max_pool(x, kernel_size=2, padding=3)
    planted(fault).max_pool(x, kernel_size=2, padding=3)


# -- what is reported ------------------------------------------------------------------------------------------


class _Here:
    """A pool of this process alone, so that what a test puts in place of the catalogue is seen."""

    #: of Python's generator, from which rich draws when it prints: that would be blamed on the first case
    state: tuple[Any, ...]

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __enter__(self) -> _Here:
        return self

    def __exit__(self, *_: object) -> None: ...

    def submit(self, function: Any, *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        random.setstate(self.state)
        try:
            future.set_result(function(*args))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Planted]:
    """An empty one in place of the true one."""
    before = random.getstate()
    faults = Planted()
    monkeypatch.setattr(_matrix, "choose", lambda only: list(faults))
    monkeypatch.setattr(_Here, "state", before, raising=False)
    monkeypatch.setattr(_matrix, "ProcessPoolExecutor", _Here)
    yield faults
    random.setstate(before)


def test_a_fault_that_nothing_catches_is_a_survivor(catalogue: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    catalogue.edit("RELU6-1", "wrong value", "none-at-all", "x <= 0", "0 >= x")
    catalogue.edit("RELU6-2", "wrong kink", "open-at-six", "x >= 6", "x > 6")
    assert mutants(MutantsRequest()) == 1
    said = capsys.readouterr().out
    assert "SURVIVED relu6/none-at-all (wrong value): x <= 0 -> 0 >= x" in said
    assert "RELU6-1 was to catch it, and no check of relu6 fails" in said
    assert "1 of 2 planted faults killed" in said


def test_a_fault_that_another_requirement_catches_is_misattributed(
    catalogue: Planted, capsys: pytest.CaptureFixture[str]
) -> None:
    catalogue.edit("RELU6-3", "wrong kink", "open-at-six", "x >= 6", "x > 6")
    assert mutants(MutantsRequest()) == 1
    said = capsys.readouterr().out
    assert "MISATTRIBUTED relu6/open-at-six (wrong kink): x >= 6 -> x > 6" in said
    assert "RELU6-3 was to catch it; caught by RELU6-2" in said


def test_all_killed_is_a_success(catalogue: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    catalogue.edit("RELU6-2", "wrong kink", "open-at-six", "x >= 6", "x > 6")
    assert mutants(MutantsRequest()) == 0
    assert "1 of 1 planted faults killed" in capsys.readouterr().out


def test_a_control_that_fails_makes_the_run_invalid(
    catalogue: Planted, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unsound(NumpyBackend):
        def relu6(self, x: Any) -> Any:
            return super().relu6(x) + 1.0

    monkeypatch.setattr(_trial, "backend_class", lambda name: Unsound)
    catalogue.edit("RELU6-2", "wrong kink", "open-at-six", "x >= 6", "x > 6")
    assert mutants(MutantsRequest()) == 2
    said = capsys.readouterr().out
    assert "suite-error: relu6: SuiteError: relu6/" in said
    assert "fails without a fault" in said
