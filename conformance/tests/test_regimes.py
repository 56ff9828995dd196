"""Regimes: complete, valid, cheap to list, and they catch what hand-written cases miss."""

from __future__ import annotations

import dataclasses
import importlib
import json
import time

import numpy as np
import pytest

from nnspec import Backend
from nnspec.plugins import get_backend
from nnspec_conformance.case import Case
from nnspec_conformance.catalogue import all_cases, select
from nnspec_conformance.context import Context
from nnspec_conformance.judge import Subject, judge
from nnspec_conformance.layouts import LAYOUTS, placed, relaid
from nnspec_conformance.regimes import FROZEN, GENERATORS, Change, apply, coverage, derived_cases
from nnspec_conformance.regimes._corpus import bases
from nnspec_conformance.regimes._freeze import found
from nnspec_conformance.regimes._validity import rejection
from nnspec_conformance.session import BAD

DERIVED = derived_cases()
#: a few operations of every kind, others with other remainders
SAMPLE = list(Backend.operations())[3::23]


def failures(backend: Backend, cases: list[Case]) -> list[str]:
    """Ids of the cases that a backend fails."""
    subject = Subject("given", backend)
    dtypes = [(case, case.dtypes[0]) for case in cases]
    return [
        case.id
        for case, dtype in dtypes
        for check in judge(subject, Context(backend, case, dtype), profiles=backend.profiles, level="full")
        if check.verdict in BAD
    ]


def faulty(name: str) -> Backend:
    made: Backend = getattr(importlib.import_module("regime_faults"), name)()
    return made


# -- the list ----------------------------------------------------------------------------------------------


def test_every_operation_has_every_regime_that_makes_sense() -> None:
    table = coverage()
    assert set(table) == {(operation, regime) for operation in Backend.operations() for regime in GENERATORS}
    assert all(words for _, words in table.values())
    written = {case.id for case in all_cases()}
    assert {words for how, words in table.values() if how == "by hand"} <= written


def test_regimes_say_what_they_are() -> None:
    for name, regime in GENERATORS.items():
        assert regime.name == name
        assert regime.sentence.endswith(".")
        assert regime.otherwise


def test_derived_cases_are_of_level_full_and_hardly_ever_traced() -> None:
    ids = [case.id for case in select(level="full")]
    assert len(set(ids)) == len(ids)
    assert {case.id for case in DERIVED} <= set(ids)
    assert not {case.id for case in DERIVED} & {case.id for case in select(level="quick")}
    assert sum(not case.plain_only for case in DERIVED) <= len(Backend.operations()) / 4
    written = {case.id: case for case in all_cases()}
    for case in DERIVED:
        assert case.derivation is not None
        assert case.derivation.base is written[case.derivation.base.id]
        assert case.requires == case.derivation.base.requires
        assert case.id.startswith(f"{case.derivation.base.id}~")


def test_no_frozen_case_has_lost_its_base() -> None:
    """Else: python -m nnspec_conformance.regimes OPERATION."""
    assert {row["id"] for row in json.loads(FROZEN.read_text())["derived"]} == {case.id for case in DERIVED}


def test_listing_them_is_cheap() -> None:
    started = time.process_time()
    derived_cases.__wrapped__()
    assert time.process_time() - started < 2


@pytest.mark.parametrize("operation", SAMPLE)
def test_frozen_is_what_the_generators_derive(operation: str) -> None:
    """After a change of cases or generators: python -m nnspec_conformance.regimes OPERATION."""
    ids = {case.id for case in DERIVED if case.operation == operation}
    fresh = {row["id"] for row in found(operation).derived}
    # what takes long on a busy machine is left out, and another derived in its place
    assert len(ids ^ fresh) <= len(ids) / 4


@pytest.mark.parametrize("case", DERIVED[::31], ids=lambda case: case.id)
def test_derived_cases_are_valid(case: Case) -> None:
    assert rejection(case) in ("", "it takes too long", "its reference takes too long")


def test_an_invalid_change_is_told() -> None:
    base = next(case for case in all_cases() if case.id == "linear/unit")
    told = rejection(apply(Change(base=base.id, values={"x": "scale@1e39"}), base, "unit~broken"))
    assert told
    base = next(case for case in all_cases() if case.id == "layer_norm/eps")
    assert "eps" in rejection(apply(Change(base=base.id, options={"eps": -1.0}), base, "eps~broken"))


# -- what they are made of ---------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_a_layout_changes_no_value(name: str, layout: str) -> None:
    backend = get_backend(name)
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    x = np.broadcast_to(x[:1], x.shape) if layout == "broadcast" else x
    for array in (placed(backend, x, layout, backend.asarray), relaid(backend, backend.asarray(x), layout)):
        np.testing.assert_array_equal(backend.to_numpy(array), x)


def test_layouts_are_what_they_say() -> None:
    backend = get_backend("numpy")
    x = np.ones((2, 3, 4), np.float32)
    strides = {layout: placed(backend, x, layout, backend.asarray).strides for layout in LAYOUTS}
    assert strides == {
        "transposed": (48, 4, 12),
        "strided": (96, 32, 8),
        "reversed": (-48, -16, -4),
        "broadcast": (0, 16, 4),
        "channels-last": (48, 4, 12),
    }
    for layout in ("transposed", "strided", "reversed", "channels-last"):
        assert relaid(backend, backend.asarray(x), layout).strides[-1] != 4


def test_a_new_layout_shares_the_reference() -> None:
    case = next(case for case in DERIVED if case.id.endswith("~reversed") and case.differentiated)
    assert case.derivation is not None
    base = case.derivation.base
    one, other = (Context(get_backend("numpy"), c, "float32") for c in (case, base))
    assert one.analysis is other.analysis
    assert case.digest("float32") != base.digest("float32")


def test_a_change_survives_json() -> None:
    change = Change(base="conv/x", sizes={3: 17}, options={"padding": ((0, 1), 2)}, differentiate=(), summed=True)
    assert Change.from_json(change.to_json()) == change
    assert "dtype" not in change.to_json()


def test_a_longer_axis_is_longer_everywhere() -> None:
    base = next(case for case in all_cases() if case.id == "linear/unit")
    terms = base.arrays("float32")["weight"].shape[1]
    arrays = apply(Change(base=base.id, sizes={terms: 33}), base, "unit~longer").arrays("float32")
    assert arrays["weight"].shape[1] == arrays["x"].shape[-1] == 33
    assert len(np.unique(arrays["weight"])) == arrays["weight"].size


# -- what they catch ---------------------------------------------------------------------------------------

CAUGHT = {
    "TanhBlindToReversedCotangents": ("tanh", "cotangent-reversed"),
    "TanhshrinkWrongForSeventeen": ("tanhshrink", "size-17"),
    "LinearBlindToBroadcastWeights": ("linear", "broadcast"),
    "DropPathLeaksWhatItDrops": ("drop_path", "special-masked"),
    "ConvWrongForGroupsAndStride": ("conv", ""),
    "LayerNormForgetsEps": ("layer_norm", "called-again"),
    "PreluWrongWhereOnlyTheSlopeNeedsAGradient": ("prelu", "subset"),
}


def trials(operation: str, regime: str) -> list[Case]:
    """What the generator of a regime makes of the first bases of an operation."""
    made = [case for base in bases(operation)[:4] for case in GENERATORS[regime].generate(base)]
    return [case for case in made[:6] if not rejection(case)]


@pytest.mark.parametrize("name", [name for name, (_, regime) in CAUGHT.items() if regime])
def test_a_generator_derives_what_catches(name: str) -> None:
    operation, regime = CAUGHT[name]
    cases = trials(operation, regime)
    assert cases
    assert failures(faulty(name), cases)
    assert not failures(get_backend("numpy"), cases)


@pytest.mark.parametrize("name", ["TanhBlindToReversedCotangents", "LinearBlindToBroadcastWeights"])
def test_hand_written_cases_miss_it(name: str) -> None:
    operation, _ = CAUGHT[name]
    written = [dataclasses.replace(c, dtypes=("float32",)) for c in bases(operation) if "float32" in c.dtypes]
    assert not failures(faulty(name), written)
