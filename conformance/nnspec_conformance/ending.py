"""How a run ends, whatever it judged: its footer, its exit code, its results file. Imports no reference."""

from __future__ import annotations

import contextlib
import json
import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nnspec.backend import PROFILES
from nnspec.results import Check, Footer, conclusion

__all__ = ["cpu", "exit_code", "footer_of", "write_records"]


def cpu() -> str:
    """The processor's name."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def footer_of(scope: Mapping[str, Iterable[str]], checks: Sequence[Check], invalid: bool, seconds: float) -> Footer:
    """What the checks of a run add up to; `scope` has the profiles judged of each backend."""
    counts = Counter(str(check.verdict) for check in checks)
    conclusions: dict[str, dict[str, str]] = {}
    for name, profiles in scope.items():
        by_profile = {
            p: [c.verdict for c in checks if c.backend == name and c.profile == p] for p in PROFILES if p in profiles
        }
        conclusions[name] = {
            p: "invalid" if invalid else conclusion(verdicts) for p, verdicts in by_profile.items() if verdicts
        }
    return Footer(counts=dict(counts), conclusions=conclusions, seconds=round(seconds, 1))


def exit_code(footer: Footer) -> int:
    """0 conformant or partial, 1 not, 2 invalid."""
    found = {c for profiles in footer.conclusions.values() for c in profiles.values()}
    if not found or "invalid" in found or not all(footer.conclusions.values()):
        return 2
    return 1 if "not conformant" in found else 0


def write_records(path: Path, records: Iterable[Any]) -> None:
    """A results file: one JSON object a line."""
    path.write_text(
        "".join(json.dumps(r.model_dump(mode="json"), ensure_ascii=False) + "\n" for r in records),
        encoding="utf-8",
    )
