"""Under-claims: profiles that a backend does not claim although a sample of their checks passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.backend import PROFILES
from nnspec.plugins import backend_class
from nnspec.results import Check, Note
from nnspec_conformance.lanes import run_lanes
from nnspec_conformance.session import Session

if TYPE_CHECKING:
    from nnspec_conformance.lanes import Request

__all__ = ["under_claims"]


def under_claims(request: Request, session: Session, folder: Path) -> list[Note]:
    """A note for every such profile; the sample is of the cases that the run is about.

    Where a profile was asked for by name, that is what the run is about. The checks run in processes of their own and
    are no verdicts: nothing was claimed.
    """
    given = tuple(name for name in session.given if not backend_class(name).profiles.issuperset(PROFILES))
    if request.profiles or request.overrides or not given:
        return []
    asked = replace(request, backends=given, level="quick", probe=True)
    sample = Session(given, device=request.device, only=request.only, probe=True)
    if not sample.items:
        return []
    checks = [r for r in run_lanes(asked, sample, folder)[0] if isinstance(r, Check)]
    return [
        note
        for name in given
        for profile in PROFILES
        if profile not in backend_class(name).profiles and (note := _note(name, profile, checks))
    ]


def _note(given: str, profile: str, checks: Sequence[Check]) -> Note | None:
    found = [c.verdict for c in checks if c.backend == given and c.profile == profile]
    if "pass" not in found or not {*found} <= {"pass", "waived", "undecided"}:
        return None
    told = f"{given} does not claim profile {profile!r}, though all {len(found)} checks of a sample of it passed"
    return Note(level="warning", message=f"{told}; what is not claimed is not proven", backend=given)
