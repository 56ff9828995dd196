"""`nnspec vectors check`: judges outputs by vectors, with the suite's limits and no reference."""

from __future__ import annotations

import datetime
import functools
import json
import platform
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

import nnspec
from nnspec import errors as classes
from nnspec._low_precision import is_floating_dtype
from nnspec.backend import PROFILES
from nnspec.errors import ArgumentError, VectorsError
from nnspec.margins import Analysis, Expected, Margin, worst_margin
from nnspec.results import BackendHeader, Check, Header, Note, Verdict
from nnspec_conformance.ending import cpu, exit_code, footer_of, write_records
from nnspec_conformance.explain import UNKNOWN, Evidence, cause_of
from nnspec_conformance.report import print_summary
from nnspec_conformance.vectors._manifest import CaseEntry, Entry, ErrorEntry
from nnspec_conformance.vectors._store import Vectors, tensors_of

__all__ = ["CheckRequest", "check"]

#: file of the errors that calls raised, beside the tensors
ERRORS = "errors.json"
#: name of a tensor: case and dtype, what it is, which
_NAME = re.compile(r"(.+)/(value|gradient)/([^/]+)")
#: checks in the order they are judged
_ORDER = ("values", "bits", "trajectory", "shapes", "gradients")


@dataclass(frozen=True)
class CheckRequest:
    """The command line of `nnspec vectors check`."""

    folder: Path
    outputs: Path
    #: whether what is missing among the outputs is no failure
    partial: bool = False
    #: what the results call the implementation; None is the name of the folder of outputs
    name: str | None = None
    results: Path | None = None


@dataclass
class _Given:
    """What an implementation made of one case in one dtype."""

    values: dict[int, NDArray[Any]] = field(default_factory=dict)
    gradients: dict[str, NDArray[Any]] = field(default_factory=dict)
    #: {"error": class, "message": text}
    error: Mapping[str, str] | None = None


@dataclass(frozen=True)
class _Found:
    verdict: Verdict
    message: str = ""
    margin: Margin | None = None
    #: what probably makes an array wrong
    cause: str = ""
    #: whether there was nothing to judge
    missing: bool = False


def check(request: CheckRequest) -> int:
    """Judge outputs; returns the exit code. 0 conformant or partial, 1 not, 2 invalid.

    Raises:
        VectorsError: the vectors or the outputs are damaged, or something else.
        ArgumentError: there is no folder for the results.
    """
    started = time.time()
    if request.results is not None and not request.results.parent.is_dir():
        raise ArgumentError(f"results: {request.results.parent} is no directory")
    vectors = Vectors(request.folder)
    given = _given(request.outputs, vectors)
    judge = _Judge(vectors, request)
    checks = [
        record
        for case in vectors.manifest.cases
        for dtype, entry in case.dtypes.items()
        if entry.calls is not None
        for record in judge.records(case, dtype, entry, given.get(f"{case.id}/{dtype}", _Given()))
    ]
    profiles = [p for p in PROFILES if any(c.profile == p for c in checks)]
    footer = footer_of({judge.name: profiles}, checks, False, time.time() - started)
    notes = _notes(checks)
    if request.results is not None:
        header = _header(vectors, judge.name, profiles, started)
        write_records(request.results, [header, *checks, *notes, footer])
    print_summary(footer, checks, notes)
    return exit_code(footer)


# -- what an implementation wrote ------------------------------------------------------------------------------


def _given(folder: Path, vectors: Vectors) -> dict[str, _Given]:
    if not folder.is_dir():
        raise VectorsError(f"{folder}: no such folder; expected one of safetensors files")
    files = sorted(folder.glob("*.safetensors"))
    if not files and not (folder / ERRORS).is_file():
        raise VectorsError(f"{folder}: holds no safetensors file, and no {ERRORS}")
    known = {f"{case.id}/{dtype}": entry for case in vectors.manifest.cases for dtype, entry in case.dtypes.items()}
    found: dict[str, _Given] = {}
    seen: dict[str, Path] = {}
    for file in files:
        for name, array in tensors_of(file).items():
            if name in seen:
                raise VectorsError(f"{file}: {name!r} is in {seen[name].name} too")
            seen[name] = file
            _take(file, name, array, known, found)
    for key, error in _errors(folder / ERRORS).items():
        if key not in known:
            raise VectorsError(f"{folder / ERRORS}: {key!r} is no case of the vectors in one of its dtypes")
        found.setdefault(key, _Given()).error = error
    return found


def _take(file: Path, name: str, array: NDArray[Any], known: Mapping[str, Entry], found: dict[str, _Given]) -> None:
    match = _NAME.fullmatch(name)
    if match is None:
        raise VectorsError(f"{file}: {name!r}: expected a name as CASE/DTYPE/value/0 or CASE/DTYPE/gradient/x")
    key, kind, which = match.groups()
    if key not in known:
        raise VectorsError(f"{file}: {name!r}: {key!r} is no case of the vectors in one of its dtypes")
    of_case = found.setdefault(key, _Given())
    if kind == "gradient":
        if which not in known[key].gradients:
            raise VectorsError(f"{file}: {name!r}: the case asks for no gradient of {which!r}")
        of_case.gradients[which] = array
    elif which.isdecimal() and str(int(which)) == which:
        of_case.values[int(which)] = array
    else:
        raise VectorsError(f"{file}: {name!r}: expected the position of the value, got {which!r}")


def _errors(path: Path) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise VectorsError(f"{path}: no JSON ({error})") from None
    if not isinstance(found, dict) or not all(_is_error(error) for error in found.values()):
        raise VectorsError(f'{path}: expected an object of "CASE/DTYPE": {{"error": class, "message": text}}')
    return found


def _is_error(error: Any) -> bool:
    return isinstance(error, dict) and all(isinstance(error.get(name), str) for name in ("error", "message"))


# -- judging ---------------------------------------------------------------------------------------------------


class _Judge:
    """Verdicts on outputs."""

    def __init__(self, vectors: Vectors, request: CheckRequest) -> None:
        self._vectors = vectors
        self._partial = request.partial
        self._limits = vectors.manifest.limits
        self.name = request.name or request.outputs.resolve().name
        self._repro = shlex.join(["nnspec", "vectors", "check", str(request.folder), str(request.outputs)])

    def records(self, case: CaseEntry, dtype: str, entry: Entry, given: _Given) -> Iterator[Check]:
        """Of every check of a case in one dtype."""
        for name, found in self._found(dtype, entry, given):
            if found.verdict == "pass" and name in entry.vacuous:
                found = _Found("undecided", f"vacuous: {entry.vacuous[name]}", found.margin)
            yield Check(
                backend=self.name,
                device="unknown",
                family=case.family,
                operation=case.operation,
                case=case.id,
                check=name,
                dtype=dtype,
                profile=entry.checks[name],
                level=case.level,
                requirements=case.requirements,
                verdict=found.verdict,
                margin=None if found.margin is None else found.margin.margin,
                margin_exact_inputs=None if found.margin is None else found.margin.margin_exact_inputs,
                unit=None if found.margin is None else found.margin.unit,
                case_digest=entry.digest,
                definition_digest=case.definition_digest,
                message=found.message,
                cause=found.cause,
                repro=self._repro,
            )

    def _found(self, dtype: str, entry: Entry, given: _Given) -> Iterator[tuple[str, _Found]]:
        if entry.error is not None:
            yield "errors", self._raised(entry.error, given)
            return
        analysis = self._vectors.analysis(entry)
        raised = ""
        for name in (name for name in _ORDER if name in entry.checks):
            judge = self._gradients if name == "gradients" else functools.partial(self._values, name)
            found = judge(dtype, entry, analysis, given)
            if found.missing and raised:
                found = _Found("blocked", raised)
            elif found.missing and given.error is not None:
                told = f"{given.error['error']}: {given.error['message']}"[:2000]
                raised = f"{name}: the call raised {told}"[:200]
                found = _Found("unsupported" if given.error["error"] == "UnsupportedOperationError" else "error", told)
            yield name, found

    def _missing(self, what: str) -> _Found:
        verdict: Verdict = "undecided" if self._partial else "fail"
        return _Found(verdict, f"{what} is not among the outputs", missing=True)

    def _raised(self, wanted: ErrorEntry, given: _Given) -> _Found:
        if given.error is None:
            if given.values:
                return _Found("fail", f"raised nothing, expected {wanted.error}")
            return self._missing("the error")
        name, message = given.error["error"], given.error["message"]
        if not _is_a(name, wanted.error):
            return _Found("fail", f"raised {name} ({message}), expected {wanted.error}")
        missing = [word for word in wanted.words if word not in message]
        if missing:
            return _Found("fail", f"{name} without {missing[0]!r} in its message: {message}")
        return _Found("pass")

    def _values(self, name: str, dtype: str, entry: Entry, analysis: Analysis, given: _Given) -> _Found:
        expected = analysis.values
        for i in range(len(expected)):
            if i not in given.values:
                return self._missing(f"value {i}")
        if len(given.values) > len(expected):
            return _Found("fail", f"returned {len(given.values)} arrays, expected {len(expected)}")
        got = [(f"output {i}" if len(expected) > 1 else "", given.values[i]) for i in range(len(expected))]
        for (label, array), wanted in zip(got, expected, strict=True):
            if array.shape != wanted.value.shape:
                return _Found("fail", f"{label or 'result'}: shape {array.shape}, expected {wanted.value.shape}")
            floating = is_floating_dtype(wanted.value.dtype)
            asked = (wanted.dtype or dtype) if floating else wanted.value.dtype.name
            alike = array.dtype.name == asked if floating else array.dtype.kind == wanted.value.dtype.kind
            if name == "shapes" and not alike:
                like = asked if floating else f"one like {asked}"
                return _Found("fail", f"{label or 'result'}: dtype {array.dtype}, expected {like}")
        if name == "shapes":
            return _Found("pass")
        exact = all(e.exact for e in entry.values)
        flushed = analysis.flushed.values if analysis.flushed else None
        where, worst = worst_margin(got, expected, flushed, dtype, exact=exact)
        evidence = functools.partial(self._evidence, where, got, expected, dtype, entry, "values")
        return _verdict(where, worst, self._limits["values"], evidence)

    def _gradients(self, dtype: str, entry: Entry, analysis: Analysis, given: _Given) -> _Found:
        got = []
        inputs = self._vectors.inputs(entry)
        for name, wanted in analysis.gradients.items():
            if name not in given.gradients:
                return self._missing(f"the gradient of {name}")
            array = given.gradients[name]
            if array.shape != wanted.value.shape:
                return _Found("fail", f"gradient of {name}: shape {array.shape}, expected {wanted.value.shape}")
            if array.dtype != inputs[name].dtype:
                return _Found("fail", f"gradient of {name}: dtype {array.dtype}, expected {inputs[name].dtype}")
            got.append((f"gradient of {name}", array))
        flushed = [analysis.flushed.gradients[n] for n in analysis.gradients] if analysis.flushed else None
        expected = [*analysis.gradients.values()]
        where, worst = worst_margin(got, expected, flushed, dtype, exact=False)
        evidence = functools.partial(self._evidence, where, got, expected, dtype, entry, "gradients")
        return _verdict(where, worst, self._limits["gradients"], evidence)

    def _evidence(
        self,
        where: str,
        got: list[tuple[str, NDArray[Any]]],
        expected: list[Expected],
        dtype: str,
        entry: Entry,
        check: str,
    ) -> Evidence:
        """Of the array that is wrong."""
        wanted = {name: e for (name, _), e in zip(got, expected, strict=True)}
        limit, inputs = self._limits[check], self._vectors.inputs(entry)
        return Evidence.of(where, got, wanted, dtype=dtype, limit=limit, inputs=inputs)


def _verdict(where: str, worst: Margin | None, limit: float, evidence: Callable[[], Evidence]) -> _Found:
    if worst is None or worst.margin <= limit:
        return _Found("pass", margin=worst)
    try:
        cause = cause_of(evidence())
    except Exception:  # the verdict stands, whatever is wrong with what explains it
        cause = UNKNOWN
    return _Found("fail", f"{where + ': ' if where else ''}{worst}", worst, cause)


def _is_a(name: str, wanted: str) -> bool:
    """Whether the error class of one name is that of another, or one of its kind."""
    found, asked = getattr(classes, name, None), getattr(classes, wanted, None)
    return name == wanted or (isinstance(found, type) and isinstance(asked, type) and issubclass(found, asked))


# -- the results file ------------------------------------------------------------------------------------------


def _notes(checks: list[Check]) -> list[Note]:
    missing = sum(c.verdict == "undecided" and c.message.endswith("not among the outputs") for c in checks)
    return [Note(level="info", message=f"{missing} checks are undecided: their outputs are missing")] if missing else []


def _header(vectors: Vectors, name: str, profiles: list[str], started: float) -> Header:
    told = vectors.manifest
    return Header(
        nnspec_version=nnspec.__version__,
        spec_version=told.spec_version,
        spec_digest=told.spec_digest,
        suite_version=told.suite_version,
        backends=[BackendHeader(name=name, device="unknown", profiles=profiles)],
        level=told.level,
        only=told.only,
        limits=dict(told.limits),
        platform=platform.platform(),
        python=platform.python_version(),
        cpu=cpu(),
        threads=1,
        seed=0,
        command=shlex.join(["nnspec", *sys.argv[1:]]),
        started=datetime.datetime.fromtimestamp(started, datetime.UTC).isoformat(timespec="seconds"),
    )
