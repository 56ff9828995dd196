"""Golden vectors: what is written can be repeated and judged by itself, and judges as the suite does."""

from __future__ import annotations

import functools
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from nnspec import get_backend
from nnspec.errors import VectorsError
from nnspec.margins import margin
from nnspec.results import Check, read_results
from nnspec_backends.numpy import NumpyBackend
from nnspec_conformance import references
from nnspec_conformance.catalogue import select
from nnspec_conformance.session import Item, Session
from nnspec_conformance.vectors import _shipped
from nnspec_conformance.vectors._check import CheckRequest, check
from nnspec_conformance.vectors._export import ExportRequest, export
from nnspec_conformance.vectors._manifest import SCHEMA, Manifest, schema
from nnspec_conformance.vectors._store import Vectors

RUNNER = Path(__file__).parents[2] / "examples" / "run_vectors.py"
#: exact, with subnormal inputs; with a rounding; trees and several calls; integers; bits
PATTERNS = ("relu", "softmax", "sgd_update", "max_pool", "random_bits")

Export = Callable[..., Path]
Run = Callable[..., Path]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """The folder of the vectors of some cases, made once."""

    @functools.cache
    def made(only: str = "softmax", *, compact: bool = False) -> Path:
        folder = tmp_path_factory.mktemp("vectors")
        export(ExportRequest(folder, only=only, compact=compact))
        return folder

    return made


def runner() -> ModuleType:
    """The example, as a module."""
    spec = importlib.util.spec_from_file_location("run_vectors", RUNNER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def outputs_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The folder of what a backend, or a class of one, makes of vectors."""

    def run(folder: Path, backend: str | type) -> Path:
        outputs = tmp_path / "outputs"
        module = runner()
        if isinstance(backend, type):
            monkeypatch.setattr(module, "nnspec", _Only(backend))
        monkeypatch.setattr(sys, "argv", ["run_vectors", str(folder), str(outputs), "--backend", str(backend)])
        module.main()
        return outputs

    return run


class _Only:
    """A stand-in for nnspec that has one backend."""

    from nnspec import DTypeError

    def __init__(self, backend: type) -> None:
        self._backend = backend

    def get_backend(self, _: str, *, dtype: str) -> Any:
        return self._backend(dtype=dtype)


def judged(folder: Path, outputs: Path, **more: Any) -> tuple[int, list[Check]]:
    """Exit code and checks."""
    results = outputs.parent / "results.jsonl"
    code = check(CheckRequest(folder, outputs, results=results, **more))
    return code, read_results(results).checks


# -- export ----------------------------------------------------------------------------------------------------


def test_the_schema_is_that_of_the_manifest(exported: Export) -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema(), "python -m nnspec_conformance.vectors writes it"
    assert (exported() / "schema.json").read_bytes() == SCHEMA.read_bytes()
    Manifest.model_validate_json((exported() / "manifest.json").read_text(encoding="utf-8"))


def test_the_same_export_writes_the_same_bytes(exported: Export, tmp_path: Path) -> None:
    first = exported("sgd_update")
    export(ExportRequest(tmp_path, only="sgd_update"))
    files = sorted(file.name for file in first.iterdir())
    assert files == sorted(file.name for file in tmp_path.iterdir())
    assert all((first / name).read_bytes() == (tmp_path / name).read_bytes() for name in files)


def test_another_export_leaves_nothing_of_the_one_before(tmp_path: Path) -> None:
    export(ExportRequest(tmp_path, only="relu/unit"))
    export(ExportRequest(tmp_path, only="softmax/unit", dtypes=("float32",)))
    assert sorted(f.name for f in tmp_path.glob("*.safetensors")) == ["activations-float32.safetensors"]
    assert Vectors(tmp_path).manifest.files.keys() == {"activations-float32.safetensors"}


def test_a_case_is_told_whole(exported: Export) -> None:
    vectors = Vectors(exported())
    case = vectors.cases["softmax/unit"]
    entry = case.dtypes["float64"]
    assert case.requirements[0] in vectors.manifest.requirements
    assert case.differentiate == ["x"]
    assert entry.calls is not None
    assert entry.calls[0].model_dump() == {"operation": "softmax", "arguments": {"x": {"input": "x"}, "axis": -1}}
    assert entry.outputs == [{"result": [0]}]
    original = next(c for c in select(only="softmax/unit"))
    np.testing.assert_array_equal(vectors.inputs(entry)["x"], original.arrays("float64")["x"])
    assert entry.digest == original.digest("float64")


def test_an_error_is_data(exported: Export) -> None:
    entry = Vectors(exported("relu")).cases["relu/error-no-array"].dtypes["float32"]
    assert entry.error is not None
    assert entry.error.error == "DTypeError"
    assert entry.calls is not None
    assert entry.calls[0].arguments["x"] == {"list": [1.0, 2.0]}


def test_what_computes_between_calls_is_left_out_and_counted(tmp_path: Path) -> None:
    told = export(ExportRequest(tmp_path, only="layer_norm"))
    vectors = Vectors(tmp_path)
    programs = [
        case for case in vectors.manifest.cases if case.dtypes.get("float64") and not case.dtypes["float64"].calls
    ]
    assert [case.id for case in programs if case.dtypes.keys() == {"float64"}]
    count = vectors.manifest.left_out["in float32 that compute besides calling operations"]
    assert count >= len(programs) > 0
    assert f"left out: {count} in float32 that compute besides calling operations" in told


# -- what is kept is what was computed -------------------------------------------------------------------------


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("only", PATTERNS)
def test_vectors_judge_as_the_reference_does(exported: Export, only: str, compact: bool) -> None:
    vectors = Vectors(exported(only, compact=compact))
    cases = {case.id: case for case in select(only=only)}
    count = 0
    for told in vectors.manifest.cases:
        for dtype, entry in told.dtypes.items():
            if entry.error is not None:
                continue
            kept, computed = vectors.analysis(entry), references.analysis(cases[told.id], dtype, 0)
            assert list(kept.gradients) == sorted(computed.gradients)
            pairs = [*zip(kept.values, computed.values, strict=True)]
            pairs += [(e, computed.gradients[name]) for name, e in kept.gradients.items()]
            for ours, theirs in pairs:
                assert ours.value.shape == theirs.value.shape
                count += _alike(ours, theirs, dtype, compact=compact)
    assert count


def _alike(ours: Any, theirs: Any, dtype: str, *, compact: bool) -> int:
    """Results near and far have the same margins; how many were compared."""
    dtype = theirs.dtype or dtype
    if theirs.unit is None:
        np.testing.assert_array_equal(ours.value, theirs.value)
        return 1
    exact = ours.unit is None
    with np.errstate(all="ignore"):
        rounded = np.asarray(theirs.value).astype(dtype)
        moved = (theirs.value + 3 * np.where(np.isfinite(theirs.unit), theirs.unit, 0)).astype(dtype)
    for got in (rounded, moved, np.zeros_like(rounded), np.full_like(rounded, np.nan)):
        here, there = margin(got, ours, dtype, exact=exact), margin(got, theirs, dtype, exact=exact)
        assert here.margin == pytest.approx(there.margin, rel=1e-6, abs=1e-6)
        if not compact:
            assert here.margin_exact_inputs == pytest.approx(there.margin_exact_inputs, rel=1e-6, abs=1e-6)
    return 1


def test_float64_has_two_parts(exported: Export) -> None:
    vectors = Vectors(exported())
    kept = vectors.analysis(vectors.cases["softmax/unit"].dtypes["float64"]).values[0]
    wide = references.analysis(select(only="softmax/unit")[0], "float64", 0).values[0].value
    assert kept.remainder is not None
    np.testing.assert_array_equal(kept.value.astype(np.longdouble) + kept.remainder, wide)
    assert np.any(kept.value != wide)


# -- check -----------------------------------------------------------------------------------------------------


def test_torch_conforms_where_no_reference_is_imported(exported: Export, tmp_path: Path) -> None:
    folder = exported("softmax")
    outputs = tmp_path / "outputs"
    script = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')\n"
    script += "assert not [m for m in sys.modules if m.startswith(('nnspec.reference', 'nnspec_conformance.vectors'))]"
    _python(script, RUNNER, folder, outputs, "--backend", "torch")
    script = (
        "import sys\nfrom nnspec.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as stop:\n    code = stop.code\n"
        "assert not [m for m in sys.modules if m.startswith('nnspec.reference')], 'the reference is imported'\n"
        "assert 'torch' not in sys.modules\nassert code == 0, code"
    )
    results = tmp_path / "results.jsonl"
    _python(script, "vectors", "check", folder, outputs, "--name", "torch", "--results", results)
    found = read_results(results)
    assert {c.verdict for c in found.checks} == {"pass"}
    assert {c.check for c in found.checks} == {"values", "shapes", "gradients", "errors"}
    assert {c.dtype for c in found.checks} == {"float32", "float64", "float16", "bfloat16"}
    assert found.footer.conclusions["torch"]["training"] == "conformant"


def _python(script: str, *arguments: object) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("only", PATTERNS)
def test_a_sound_backend_conforms(exported: Export, outputs_of: Run, only: str) -> None:
    folder = exported(only, compact=True)
    code, checks = judged(folder, outputs_of(folder, "numpy"))
    assert code == 0
    assert {c.verdict for c in checks} == {"pass"}


class Shifted(NumpyBackend):
    def softmax(self, x, *, axis=-1):
        return super().softmax(x, axis=axis) * (1 + 1e-5)


class WrongAxis(NumpyBackend):
    def softmax(self, x, *, axis=-1):
        return super().softmax(x, axis=0)


class FlatGradient(NumpyBackend):
    def softmax(self, x, *, axis=-1):
        y = super().softmax(x, axis=axis)
        return y + self.stop_gradient(y) - y


class Trusts(NumpyBackend):
    def is_floating(self, x):
        return True


class Rescales(NumpyBackend):
    def sgd_update(
        self,
        params,
        grads,
        state,
        *,
        lr=0.01,
        momentum=0.0,
        nesterov=False,
        l2=0.0,
        weight_decay=0.0,
        decay_mask=None,
    ):
        options = {"momentum": momentum, "nesterov": nesterov, "l2": l2, "weight_decay": weight_decay}
        return super().sgd_update(params, grads, state, lr=lr * 1.001, decay_mask=decay_mask, **options)


FAULTY: dict[str, tuple[type, str, set[str]]] = {
    "shifted": (Shifted, "softmax", {"values", "gradients"}),
    "wrong axis": (WrongAxis, "softmax", {"values"}),
    "flat gradient": (FlatGradient, "softmax", {"gradients"}),
    "unchecked": (Trusts, "relu", {"errors"}),
    "another rate": (Rescales, "sgd_update", {"values"}),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_backend_does_not(exported: Export, outputs_of: Run, name: str, capsys: Any) -> None:
    backend, only, wrong = FAULTY[name]
    folder = exported(only)
    code, checks = judged(folder, outputs_of(folder, backend))
    assert code == 1
    assert wrong <= {c.check for c in checks if c.verdict in ("fail", "error")}
    printed = capsys.readouterr().out
    failed = next(c for c in checks if c.verdict == "fail")
    assert f"FAIL {failed.case}" in printed
    assert f"[{failed.requirements[0]}] " in printed


def test_a_call_that_raises_is_an_error_and_what_follows_is_blocked(exported: Export, outputs_of: Run) -> None:
    class Refuses(NumpyBackend):
        def softmax(self, x, *, axis=-1):
            raise RuntimeError("out of order")

    folder = exported()
    code, checks = judged(folder, outputs_of(folder, Refuses))
    assert code == 1
    found = {c.check: c for c in checks if c.case == "softmax/unit" and c.dtype == "float32"}
    assert {name: c.verdict for name, c in found.items()} == {
        "values": "error",
        "shapes": "blocked",
        "gradients": "blocked",
    }
    assert found["values"].message == "RuntimeError: out of order"


def test_what_is_missing_fails_unless_only_a_part_is_asked_for(exported: Export, tmp_path: Path) -> None:
    folder = exported()
    outputs = tmp_path / "some"
    outputs.mkdir()
    x = Vectors(folder).inputs(Vectors(folder).cases["softmax/unit"].dtypes["float32"])["x"]
    y = get_backend("numpy").softmax(x)
    save_file({"softmax/unit/float32/value/0": np.asarray(y)}, outputs / "mine.safetensors")
    code, checks = judged(folder, outputs)
    assert code == 1
    assert {c.message for c in checks if c.check == "gradients"} == {"the gradient of x is not among the outputs"}
    code, checks = judged(folder, outputs, partial=True)
    assert code == 0
    assert {(c.case, c.check, c.dtype) for c in checks if c.verdict == "pass"} == {
        ("softmax/unit", "values", "float32"),
        ("softmax/unit", "shapes", "float32"),
    }
    assert {c.verdict for c in checks} == {"pass", "undecided"}


def _of_another_shape(x: Any) -> dict[str, Any]:
    return {"softmax/unit/float32/value/0": x[:, :3]}


def _of_another_dtype(x: Any) -> dict[str, Any]:
    return {"softmax/unit/float32/value/0": x.astype(np.float64)}


def _one_too_many(x: Any) -> dict[str, Any]:
    return {"softmax/unit/float32/value/0": x, "softmax/unit/float32/value/1": x}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_of_another_shape, "result: shape (7, 3), expected (7, 33)"),
        (_of_another_dtype, "result: dtype float64, expected float32"),
        (_one_too_many, "returned 2 arrays, expected 1"),
    ],
)
def test_arrays_have_to_be_as_they_are_expected(exported: Export, tmp_path: Path, change: Any, words: str) -> None:
    folder = exported()
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    x = Vectors(folder).inputs(Vectors(folder).cases["softmax/unit"].dtypes["float32"])["x"]
    y = np.asarray(get_backend("numpy").softmax(x))
    save_file({n: np.array(a, order="C") for n, a in change(y).items()}, outputs / "mine.safetensors")
    code, checks = judged(folder, outputs, partial=True)
    assert code == 1
    assert words in {c.message for c in checks if c.verdict == "fail"}


# -- bad input -------------------------------------------------------------------------------------------------


def _no_vectors(folder: Path, outputs: Path) -> str:
    (folder / "manifest.json").unlink()
    return "cannot be read; expected a folder that nnspec vectors export wrote"


def _cut_manifest(folder: Path, outputs: Path) -> str:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text[: len(text) // 2])
    return "no JSON, or cut short"


def _another_version(folder: Path, outputs: Path) -> str:
    told = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**told, "schema_version": "2.0"}))
    return "schema version 2.0"


def _another_field(folder: Path, outputs: Path) -> str:
    told = json.loads((folder / "manifest.json").read_text())
    told["cases"][0]["colour"] = "red"
    (folder / "manifest.json").write_text(json.dumps(told))
    return "no manifest of vectors (cases.0.colour"


def _changed_file(folder: Path, outputs: Path) -> str:
    file = folder / "activations-float32.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\x07")
    return "its digest is not the one that the manifest gives"


def _missing_file(folder: Path, outputs: Path) -> str:
    (folder / "activations-float32.safetensors").unlink()
    return "missing, though the manifest lists it"


def _no_outputs(folder: Path, outputs: Path) -> str:
    (outputs / "mine.safetensors").unlink()
    return "holds no safetensors file"


def _cut_outputs(folder: Path, outputs: Path) -> str:
    file = outputs / "mine.safetensors"
    file.write_bytes(file.read_bytes()[:50])
    return "no safetensors file, or cut short"


def _misspelt(folder: Path, outputs: Path) -> str:
    save_file({"softmax/unlt/float32/value/0": np.zeros(3)}, outputs / "mine.safetensors")
    return "'softmax/unlt/float32' is no case of the vectors"


def _of_nothing(folder: Path, outputs: Path) -> str:
    save_file({"softmax/unit/float32/gradient/y": np.zeros(3)}, outputs / "mine.safetensors")
    return "the case asks for no gradient of 'y'"


def _without_kind(folder: Path, outputs: Path) -> str:
    save_file({"y": np.zeros(3)}, outputs / "mine.safetensors")
    return "expected a name as CASE/DTYPE/value/0"


def _twice(folder: Path, outputs: Path) -> str:
    (outputs / "other.safetensors").write_bytes((outputs / "mine.safetensors").read_bytes())
    return "is in mine.safetensors too"


def _bad_errors(folder: Path, outputs: Path) -> str:
    (outputs / "errors.json").write_text('{"softmax/error-no-array/float32": "DTypeError"}')
    return 'expected an object of "CASE/DTYPE"'


BROKEN = (
    _no_vectors,
    _cut_manifest,
    _another_version,
    _another_field,
    _changed_file,
    _missing_file,
    _no_outputs,
    _cut_outputs,
    _misspelt,
    _of_nothing,
    _without_kind,
    _twice,
    _bad_errors,
)


@pytest.mark.parametrize("breaking", BROKEN, ids=lambda f: f.__name__.strip("_"))
def test_bad_input_is_said_in_one_line(breaking: Callable[[Path, Path], str], tmp_path: Path) -> None:
    folder, outputs = tmp_path / "vectors", tmp_path / "outputs"
    export(ExportRequest(folder, only="softmax/*", dtypes=("float32",)))
    outputs.mkdir()
    save_file({"softmax/unit/float32/value/0": np.zeros((7, 33), np.float32)}, outputs / "mine.safetensors")
    words = breaking(folder, outputs)
    with pytest.raises(VectorsError) as raised:
        check(CheckRequest(folder, outputs))
    assert words in str(raised.value)


def test_the_commands(nnspec_command: Any, tmp_path: Path) -> None:
    done = nnspec_command("vectors", "export", tmp_path / "v", "--only", "softmax/unit", "--dtype", "float32")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 cases, 1 with their dtypes, 0 of them errors")
    done = nnspec_command("vectors", "export", tmp_path / "v", "--only", "softmax/unit", "--dtype", "float8")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "dtype: expected one of float32" in done.stderr
    done = nnspec_command("vectors", "check", tmp_path / "v", tmp_path / "none")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "no such folder; expected one of safetensors files" in done.stderr


# -- a narrow longdouble ---------------------------------------------------------------------------------------


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path | None], None]]:
    """As on a machine whose longdouble is float64, once it is called with a folder of vectors or None."""

    def forget() -> None:
        for cached in (references.analysis, _shipped.shipped, _shipped._opened):
            cached.cache_clear()

    def become(vectors: Path | None) -> None:
        monkeypatch.setattr(references, "is_wide_enough", lambda dtype: dtype != "float64")
        monkeypatch.setattr(references, "_analyse", None)  # nothing is computed
        monkeypatch.delenv(_shipped.VARIABLE, raising=False)
        if vectors is not None:
            monkeypatch.setenv(_shipped.VARIABLE, str(vectors))
        forget()

    yield become
    forget()


def run_case(pattern: str, backend: str = "numpy", seed: int = 0) -> list[Check]:
    session = Session([backend], only=pattern, dtypes=("float64",), seed=seed)
    (case,) = select(only=pattern)
    return session.run(Item(backend, case, "float64"), [])


def verdicts(checks: list[Check]) -> dict[str, str]:
    return {c.check: c.verdict for c in checks}


Become = Callable[[Path | None], None]


def test_without_vectors_a_narrow_longdouble_decides_nothing(narrow: Become) -> None:
    narrow(None)
    found = run_case("softmax/unit")
    assert {c.verdict for c in found} == {"undecided"}
    assert "longdouble is no wider than float64 on this platform, and no vectors are given" in found[0].message


def test_with_vectors_it_decides(narrow: Become, exported: Export) -> None:
    narrow(exported())
    found = verdicts(run_case("softmax/unit"))
    assert found.keys() == {"values", "shapes", "gradients", "compiled", "repeat", "purity"}
    assert set(found.values()) == {"pass"}


def test_and_finds_what_is_wrong_in_the_last_digits(
    narrow: Become, exported: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow(exported())
    plain = NumpyBackend.softmax
    monkeypatch.setattr(NumpyBackend, "softmax", lambda self, x, *, axis=-1: plain(self, x, axis=axis) * (1 + 1e-13))
    found = {c.check: c for c in run_case("softmax/unit")}
    assert found["values"].verdict == "fail"
    assert found["values"].margin > 8


def test_a_program_has_its_reference_there_too(narrow: Become, tmp_path: Path) -> None:
    assert export(ExportRequest(tmp_path, only="linear/turned", dtypes=("float32",)))[0].startswith("0 cases")
    export(ExportRequest(tmp_path, only="linear/turned"))
    narrow(tmp_path)
    assert set(verdicts(run_case("linear/turned")).values()) == {"pass"}


def _another_case(told: dict[str, Any]) -> None:
    told["id"] = "softmax/another"


def _another_digest(told: dict[str, Any]) -> None:
    told["dtypes"]["float64"]["digest"] = "0" * 16


def _another_definition(told: dict[str, Any]) -> None:
    told["definition_digest"] = "0" * 16


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_another_case, "the vectors do not have the case"),
        (_another_digest, "the vectors have other inputs or options of the case"),
        (_another_definition, "the vectors were made from another text of the definition"),
    ],
)
def test_vectors_of_something_else_decide_nothing(
    narrow: Become, exported: Export, tmp_path: Path, change: Any, words: str
) -> None:
    told = json.loads((exported() / "manifest.json").read_text(encoding="utf-8"))
    change(next(case for case in told["cases"] if case["id"] == "softmax/unit"))
    (tmp_path / "manifest.json").write_text(json.dumps(told), encoding="utf-8")
    narrow(tmp_path)
    found = run_case("softmax/unit")
    assert {c.verdict for c in found} == {"undecided"}
    assert words in found[0].message


def test_inputs_drawn_afresh_are_not_in_vectors(narrow: Become, exported: Export) -> None:
    narrow(exported())
    assert "released inputs only" in run_case("softmax/unit", seed=3)[0].message


def test_the_command_hands_vectors_to_its_workers(nnspec_command: Any, exported: Export, tmp_path: Path) -> None:
    given = ("conform", "narrow_longdouble:Narrow", "--only", "softmax/unit", "-n", 1, "--profile", "double")
    done = nnspec_command(*given, "--vectors", exported())
    assert done.returncode == 0, done.stdout
    assert "partial" not in done.stdout
    assert "undecided" not in done.stdout
    (tmp_path / "empty").mkdir()
    done = nnspec_command(*given, "--vectors", tmp_path / "empty")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "expected a folder that nnspec vectors export wrote" in done.stderr
