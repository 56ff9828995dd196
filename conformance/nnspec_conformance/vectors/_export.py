"""`nnspec vectors export`: computes what cases expect, and writes it."""

from __future__ import annotations

import functools
import hashlib
import json
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nnspec
from nnspec import Backend, get_backend
from nnspec.errors import ArgumentError
from nnspec_conformance.case import Case
from nnspec_conformance.catalogue import SUITE_VERSION, select, spec_digest
from nnspec_conformance.checks import profile_of
from nnspec_conformance.context import Context
from nnspec_conformance.limits import LIMITS
from nnspec_conformance.references import is_wide_enough
from nnspec_conformance.session import DTYPES
from nnspec_conformance.thinning import is_tried
from nnspec_conformance.vacuous import meant, vacuous
from nnspec_conformance.vectors._calls import calls_of
from nnspec_conformance.vectors._manifest import (
    SCHEMA,
    CaseEntry,
    Entry,
    ErrorEntry,
    FlushedEntry,
    Manifest,
)
from nnspec_conformance.vectors._tensors import Files, Tensors

__all__ = ["ExportRequest", "export"]

#: checks that results alone can be judged by
_CHECKS = ("values", "bits", "trajectory", "shapes", "gradients", "errors")


@dataclass(frozen=True)
class ExportRequest:
    """The command line of `nnspec vectors export`."""

    folder: Path
    level: str = "quick"
    only: str | None = None
    dtypes: tuple[str, ...] = ()
    #: smaller: what level quick tries a plain backend on, without second units, and what is left in float32
    compact: bool = False


def export(request: ExportRequest) -> list[str]:
    """Write a folder of vectors; what was there under the same names is replaced. Returns what there is to say.

    Raises:
        ArgumentError: the pattern matches no case, a dtype is unknown, or this machine's longdouble is too narrow.
    """
    dtypes = _dtypes(request)
    request.folder.mkdir(parents=True, exist_ok=True)
    for old in (*request.folder.glob("*.safetensors"), *request.folder.glob("manifest.json")):
        old.unlink()
    exporter = _Exporter(request, dtypes)
    cases = [entry for case in select(only=request.only, level=request.level) if (entry := exporter.entry(case))]
    files = {}
    for name, content in exporter.files.contents().items():
        (request.folder / name).write_bytes(content)
        files[name] = hashlib.sha256(content).hexdigest()
    manifest = Manifest(
        nnspec_version=nnspec.__version__,
        spec_version=nnspec.SPEC_VERSION,
        spec_digest=spec_digest(),
        suite_version=SUITE_VERSION,
        level=request.level,
        only=request.only,
        compact=request.compact,
        limits=LIMITS,
        dtypes=list(dtypes),
        requirements=_sentences(cases),
        left_out=dict(sorted(exporter.left_out.items())),
        files=files,
        cases=cases,
    )
    told = manifest.model_dump(mode="json", exclude_defaults=True) | {"schema_version": manifest.schema_version}
    text = json.dumps(told, ensure_ascii=False, sort_keys=True, allow_nan=False, separators=(",", ":"))
    (request.folder / "manifest.json").write_text(text + "\n", encoding="utf-8")
    (request.folder / SCHEMA.name).write_bytes(SCHEMA.read_bytes())
    return _told(manifest, request.folder)


def _dtypes(request: ExportRequest) -> tuple[str, ...]:
    for dtype in request.dtypes:
        if dtype not in DTYPES:
            raise ArgumentError(f"dtype: expected one of {', '.join(DTYPES)}, got {dtype!r}")
    dtypes = tuple(dtype for dtype in DTYPES if dtype in request.dtypes or not request.dtypes)
    for dtype in dtypes:
        if not is_wide_enough(dtype):
            raise ArgumentError(f"dtype: longdouble is no wider than {dtype} on this platform; export elsewhere")
    return dtypes


def _sentences(cases: Iterable[CaseEntry]) -> dict[str, str]:
    wanted = {name for case in cases for name in case.requirements}
    every = {n: text for op in Backend.operations().values() for n, text in op.requirements.items()}
    return {name: every.get(name, "") for name in sorted(wanted)}


def _told(manifest: Manifest, folder: Path) -> list[str]:
    entries = [entry for case in manifest.cases for entry in case.dtypes.values()]
    size = sum(file.stat().st_size for file in (*map(folder.joinpath, manifest.files), folder / "manifest.json"))
    programs = sum(entry.calls is None for entry in entries)
    lines = [
        f"{len(manifest.cases)} cases, {len(entries)} with their dtypes, {sum(e.error is not None for e in entries)} "
        f"of them errors; {size / 1e6:.1f} MB in {folder}"
    ]
    if programs:
        lines.append(f"{programs} are Python programs: references for the suite itself")
    return lines + [f"left out: {count} {reason}" for reason, count in manifest.left_out.items()]


class _Exporter:
    """Makes the entries of the manifest, and collects their tensors."""

    def __init__(self, request: ExportRequest, dtypes: tuple[str, ...]) -> None:
        self._request = request
        self._dtypes = dtypes
        self.files = Files()
        self.left_out: Counter[str] = Counter()

    def entry(self, case: Case) -> CaseEntry | None:
        """A case with its tensors; None where it is left out."""
        if reason := _no_data(case):
            self.left_out[reason] += 1
            return None
        dtypes = {dtype: found for dtype in self._tried(case) if (found := self._in(case, dtype)) is not None}
        if not dtypes:
            return None
        return CaseEntry(
            id=case.id,
            family=case.family,
            operation=case.operation,
            level=case.level,
            requirements=list(case.requires),
            definition_digest=Backend.operations()[case.operation].digest,
            differentiate=list(case.differentiated),
            dtypes=dtypes,
        )

    def _tried(self, case: Case) -> list[str]:
        """The dtypes a case is exported in."""
        dtypes = [dtype for dtype in self._dtypes if case.is_tried_in(dtype)]
        if not self._request.compact or self._request.only is not None:
            return dtypes
        tried = functools.partial(is_tried, case, level=self._request.level, asked=False)
        return [dtype for dtype in dtypes if tried(dtype, traced=False) or tried(dtype, traced=True)]

    def _in(self, case: Case, dtype: str) -> Entry | None:
        """A case in one dtype; of a program only the reference, in the dtype that not every machine can judge."""
        backend = _backend(dtype)
        checks = {c: profile_of(c, case.family, dtype) for c in case.checks_in(dtype) if c in _CHECKS}
        calls = calls_of(case, backend, dtype) if checks else None
        if calls is None and (case.expect is not None or dtype != "float64"):
            self.left_out[f"in {dtype} that compute besides calling operations"] += 1
            return None
        context = Context(backend, case, dtype)
        tensors = Tensors(self.files, case.family, case.id, dtype, compact=self._request.compact)
        told: dict[str, Any] = {"digest": case.digest(dtype), "checks": checks}
        if calls is not None:
            told |= {"inputs": tensors.named("input", context.numpy_inputs), **tensors.called(calls)}
        if case.expect is None:
            told |= _expected(context, tensors, checks)
        else:
            told["error"] = ErrorEntry(error=case.expect.error.__name__, words=list(case.expect.words))
        return Entry(file=tensors.file, **told)


def _expected(context: Context, tensors: Tensors, checks: Iterable[str]) -> dict[str, Any]:
    """What is expected of a case, as fields of its entry."""
    analysis, sharp = context.analysis, context.case.sharp
    exact: dict[str, Any] = {"exact": context.exact or "bits" in checks, "exact_gradients": context.exact and sharp}
    values, gradients = tensors.expected(analysis, **exact)
    told: dict[str, Any] = {"values": values, "gradients": gradients, "vacuous": _vacuous(context, checks)}
    if gradients:
        given = enumerate(analysis.cotangents)
        told["cotangents"] = [None if c is None else tensors.put(f"cotangent/{i}", c) for i, c in given]
    if analysis.flushed is not None:
        values, gradients = tensors.expected(analysis.flushed, **exact, under="flushed/")
        told["flushed"] = FlushedEntry(values=values, gradients=gradients)
    return told


def _no_data(case: Case) -> str | None:
    """Why no result alone says anything about a case."""
    if case.judge is not None:
        return "of statistics"
    if case.family == "training":
        return "of whole training runs"
    if case.source is not case:
        return "that have the values of another in another memory layout, or differentiate less"
    return None


@functools.cache
def _backend(dtype: str) -> Backend:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return get_backend("numpy", dtype=dtype)


def _vacuous(context: Context, checks: Iterable[str]) -> dict[str, str]:
    if meant(context.case, context.dtype) is not None:
        return {}
    return {check: why for check in checks if (why := vacuous(context, check)) is not None}
