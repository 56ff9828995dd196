"""`nnspec repro`: from a results file and a case to the script."""

from __future__ import annotations

import contextlib
import difflib
import io
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnspec import Backend
from nnspec.errors import ArgumentError
from nnspec.plugins import backend_class
from nnspec.results import Check, Results, read_results
from nnspec_conformance.case import Case
from nnspec_conformance.catalogue import select
from nnspec_conformance.checks import CHECKS
from nnspec_conformance.explain._recording import UnscriptableError
from nnspec_conformance.explain._script import script
from nnspec_conformance.explain._shrink import shrunk
from nnspec_conformance.explain._trial import Candidate, Trials, Tried
from nnspec_conformance.overrides import load_overrides, overriding
from nnspec_conformance.session import DTYPES

__all__ = ["ReproRequest", "repro"]

_FAILED = ("fail", "error", "unsupported")
#: words of the messages of checks that did not end by themselves
_FATAL = ("worker process died", "Timeout", "hung", "was killed", "ended for")


@dataclass(frozen=True)
class ReproRequest:
    """The command line of `nnspec repro`."""

    results: Path
    case: str
    backend: str | None = None
    dtype: str | None = None
    check: str | None = None
    #: seconds for shrinking
    shrink: float = 20.0


def repro(request: ReproRequest) -> tuple[str, list[str]]:
    """The script of a failure, and what the user should know besides.

    Raises:
        NnspecError: the request is wrong, or no script can be made.
    """
    results = read_results(request.results)
    record = _chosen(results, request)
    case = _case(record)
    overrides = load_overrides([f"{op}={o.function}" for op, o in results.header.overrides.items()])
    backend = overriding(backend_class(record.backend), overrides)
    notes = _notes(results, record, case)
    candidate = Candidate.of(case, record.dtype, results.header.seed)
    trials = Trials(backend, record.device, record.check)
    try:
        if any(word in record.message for word in _FATAL):
            notes.append("The process died or hung at this call, so that it was not tried here and is not shrunk.")
            return script(_untried(trials, candidate), record, overrides, notes), notes
        tried = trials.start(candidate, _sound(case))
        if not tried.failed:
            notes.append("It passes where this script was made, and is not shrunk.")
            return script(tried, record, overrides, notes), notes
        return _smallest(tried, trials, record, overrides, notes, request), notes
    except UnscriptableError as error:
        raise ArgumentError(
            f"case: {record.case} cannot be turned into a script: {error}; repeat it with: {record.repro}"
        ) from error


# -- which record ----------------------------------------------------------------------------------------------


def _chosen(results: Results, request: ReproRequest) -> Check:
    mine = [c for c in results.checks if c.case == request.case]
    if not mine:
        near = difflib.get_close_matches(request.case, {c.case for c in results.checks}, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise ArgumentError(f"case: {request.results} holds no record of {request.case!r}{hint}")
    for option in ("backend", "dtype", "check"):
        wanted = getattr(request, option)
        there = sorted({getattr(c, option) for c in mine})
        if wanted is not None:
            mine = [c for c in mine if getattr(c, option) == wanted]
            if not mine:
                raise ArgumentError(
                    f"{option}: no record of {request.case} is of {wanted!r}; there are {', '.join(there)}"
                )
    failed = [c for c in mine if c.verdict in _FAILED and c.waiver is None]
    if not failed:
        raise ArgumentError(f"case: nothing of {request.case} failed{_otherwise(mine)}")
    backends = sorted({c.backend for c in failed})
    if len(backends) > 1:
        raise ArgumentError(f"backend: {request.case} failed on {' and '.join(backends)}; choose with --backend")
    return min(failed, key=_order)


def _order(check: Check) -> tuple[int, int]:
    """What the others build on comes first."""
    checks = [*CHECKS]
    dtypes: Sequence[str] = DTYPES
    return (
        checks.index(check.check) if check.check in checks else len(checks),
        dtypes.index(check.dtype) if check.dtype in dtypes else len(dtypes),
    )


def _otherwise(checks: Sequence[Check]) -> str:
    waived = next((c for c in checks if c.waiver is not None), None)
    if waived is not None:
        return f": {waived.check} is waived, a recorded deviation ({waived.waiver})"
    blocked = next((c for c in checks if c.verdict == "blocked"), None)
    if blocked is not None:
        return f": {blocked.check} is blocked by {blocked.message}"
    return f": its checks are {', '.join(sorted({c.verdict for c in checks}))}"


def _case(record: Check) -> Case:
    if record.check in ("statistics", "training") or record.check not in CHECKS:
        raise ArgumentError(
            f"check: {record.check} of {record.case} judges more than a call, so that it cannot be turned into a "
            f"script; repeat it with: {record.repro}"
        )
    if record.check == "purity" and record.message.startswith("the process was left changed"):
        raise ArgumentError(f"check: what {record.case} leaves changed is the process; repeat it with: {record.repro}")
    found = next((c for c in select(level="full") if c.id == record.case), None)
    if found is None:
        raise ArgumentError(
            f"case: the suite installed here has no case {record.case!r}; repeat it with: {record.repro}"
        )
    return found


def _notes(results: Results, record: Check, case: Case) -> list[str]:
    if record.case_digest in ("", case.digest(record.dtype, results.header.seed)):
        return []
    return [
        f"The case is not what it was when the results were made (digest {record.case_digest}): this script repeats "
        "that of the suite installed here."
    ]


def _sound(case: Case) -> type[Backend]:
    """NumPy's backend with the operation by its definition."""
    numpy, op = backend_class("numpy"), Backend.operations()[case.operation]
    return type("Sound", (numpy,), {op.name: op.definition})


def _untried(trials: Trials, candidate: Candidate) -> Tried:
    from nnspec_conformance.context import Outcome
    from nnspec_conformance.explain._trial import _Context

    context = _Context(trials.backend(candidate.dtype), candidate.made, candidate.dtype, candidate.seed)
    return Tried(candidate, context, Outcome("pass"))


# -- the smallest script that fails ------------------------------------------------------------------------------


def _smallest(
    tried: Tried, trials: Trials, record: Check, overrides: Any, notes: list[str], request: ReproRequest
) -> str:
    """Of the shrunk case, or of the whole case where that script does not fail."""
    small = tried
    if tried.context.case.expect is None and request.shrink > 0:
        offers = trials.offers if request.dtype is None else lambda _: False  # what was asked for stays
        small = shrunk(tried, trials.fails_alike, time.monotonic() + request.shrink, offers)
    for candidate in dict.fromkeys((small, tried)):
        told = [*notes, *_shrinking(tried, candidate)]
        text = script(candidate, record, overrides, told)
        code, printed = executed(text)
        if code == 1:
            notes[:] = told
            return text
    raise UnscriptableError(f"by itself the call does not fail ({printed.strip().splitlines()[-1:] or code})")


def _shrinking(whole: Tried, part: Tried) -> Iterator[str]:
    if part is whole:
        return
    before, after = (sum(x.size for x in t.candidate.arrays.values()) for t in (whole, part))
    fewer = f"from {before} to {after} entries of inputs" if after < before else "to fewer options or rounder numbers"
    other = part.candidate.dtype != whole.candidate.dtype
    yield f"Shrunk {fewer}{f', from {whole.candidate.dtype}' if other else ''}."


def executed(text: str) -> tuple[Any, str]:
    """Exit code and output of a script, run in this process."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(text, "repro.py", "exec"), {"__name__": "__main__"})
        except SystemExit as end:
            return end.code, printed.getvalue()
        except Exception as error:
            return 1, f"{printed.getvalue()}{type(error).__name__}: {error}"
    return 0, printed.getvalue()
