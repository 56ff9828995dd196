"""Synthetic results files, built from the record models and written as conformance writes them."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nnspec.results import BackendHeader, Check, Curve, Footer, Header, Mutant, Note, conclusion

Writer = Callable[..., Path]


def header(**changes: Any) -> Header:
    fields: dict[str, Any] = {
        "nnspec_version": "0.1.0",
        "spec_version": "1.0",
        "spec_digest": "5f2d9c0a7b1e4433",
        "suite_version": "1.0",
        "backends": [backend_header("numpy"), backend_header("torch")],
        "level": "quick",
        "limits": {"values": 8.0, "gradients": 8.0},
        "platform": "Linux-6.1 x86_64",
        "python": "3.11.9",
        "cpu": "Example CPU",
        "threads": 2,
        "seed": 0,
        "command": "nnspec conform numpy torch --results results.jsonl",
        "started": "2025-11-20T13:00:00Z",
    }
    return Header(**{**fields, **changes})


def backend_header(name: str, **changes: Any) -> BackendHeader:
    fields: dict[str, Any] = {
        "name": name,
        "device": "cpu",
        "versions": {name: "2.0"},
        "profiles": ["inference", "training"],
        "implementations": {"gelu": "native", "relu": "derived"},
    }
    return BackendHeader(**{**fields, **changes})


def check(**changes: Any) -> Check:
    fields: dict[str, Any] = {
        "backend": "numpy",
        "device": "cpu",
        "family": "activations",
        "operation": "gelu",
        "case": "gelu/plain",
        "check": "values",
        "dtype": "float32",
        "profile": "inference",
        "level": "quick",
        "requirements": ["GELU-1"],
        "verdict": "pass",
        "margin": 1.5,
        "implementation": "native",
    }
    return Check(**{**fields, **changes})


def curve(**changes: Any) -> Curve:
    fields: dict[str, Any] = {
        "backend": "numpy",
        "device": "cpu",
        "case": "training/digits",
        "quantity": "loss",
        "seed": 0,
        "dtype": "float32",
        "x_label": "step",
        "x": [0.0, 1.0, 2.0],
        "y": [2.3, 1.1, 0.25],
    }
    return Curve(**{**fields, **changes})


def concluded(head: Header, checks: Sequence[Check]) -> dict[str, dict[str, str]]:
    return {
        backend.name: {
            profile: conclusion([c.verdict for c in checks if (c.backend, c.profile) == (backend.name, profile)])
            for profile in backend.profiles
        }
        for backend in head.backends
    }


def both_profiles(*backends: str, **changes: Any) -> list[Check]:
    """One check a backend and profile, so that every claimed profile has evidence."""
    return [check(backend=b, profile=p, **changes) for b in backends for p in ("inference", "training")]


@pytest.fixture
def make() -> ModuleType:
    """The builders of this file; test modules cannot import them under --import-mode=importlib."""
    return sys.modules[__name__]


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """Write one results file and return its path; the footer follows from the checks unless given."""

    def write_results(
        checks: Sequence[Check],
        *,
        name: str = "results.jsonl",
        head: Header | None = None,
        curves: Sequence[Curve] = (),
        mutants: Sequence[Mutant] = (),
        notes: Sequence[Note] = (),
        footer: Footer | None = None,
    ) -> Path:
        head = head or header()
        counts: dict[str, int] = dict(Counter(c.verdict for c in checks))
        footer = footer or Footer(counts=counts, conclusions=concluded(head, checks), seconds=83.4)
        path = tmp_path / name
        path.write_text("".join(f"{r.model_dump_json()}\n" for r in [head, *checks, *curves, *mutants, *notes, footer]))
        return path

    return write_results


def many_checks(number: int, backends: Sequence[str] = ("numpy", "torch", "jax")) -> list[Check]:
    """A run of about the size and shape of a real one: all pass, margins spread over five decades."""
    families = {
        "activations": ("relu", "gelu", "silu", "softplus", "softmax"),
        "convolution": ("conv",),
        "losses": ("cross_entropy", "mean_squared_error"),
        "optimizers": ("adam_update", "sgd_update"),
    }
    kinds = (("values", "inference"), ("gradients", "training"), ("shapes", "inference"))
    cells = [
        (family, operation, backend, kind, profile, dtype)
        for family, operations in families.items()
        for operation in operations
        for backend in backends
        for kind, profile in kinds
        for dtype in ("float32", "float64")
    ]
    made = []
    for i in range(number):
        family, operation, backend, kind, profile, dtype = cells[i % len(cells)]
        turn = i // len(cells)
        margin = None if kind == "shapes" else 4.0 * abs(math.sin(i + 1.0)) ** (1 + len(operation) % 5)
        made.append(
            check(
                family=family,
                operation=operation,
                case=f"{operation}/case-{turn}",
                backend=backend,
                check=kind,
                profile=profile,
                dtype=dtype,
                margin=margin,
                requirements=[f"{operation.upper()}-1"],
                repro=f"nnspec conform {backend} --only {operation}/case-{turn}",
            )
        )
    return made
