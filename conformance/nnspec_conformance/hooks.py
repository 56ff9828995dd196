"""The entry point: contributes the commands of this room. Light; pytest and pydantic are imported when one runs."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from nnspec.errors import MissingExtraError
from nnspec.plugins import CaseRecord, hookimpl

__all__ = ["nnspec_cases", "nnspec_commands"]


class _Memory(click.ParamType):
    """An amount of memory, in MiB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([MG]iB)", str(value))
        if match is None or float(match[1]) == 0:
            self.fail(f"expected an amount such as 500MiB or 4GiB, got {value!r}", param, ctx)
        return float(match[1]) * (1024 if match[2] == "GiB" else 1)


@click.command(
    epilog="Example: nnspec conform torch --only 'gelu/*' --results results.jsonl --report report.html",
    short_help="Prove that backends do what the specification says.",
)
@click.argument("backends", nargs=-1, metavar="[BACKEND]...")
@click.option("--device", default=None, metavar="D", help="cpu, cuda, cuda:1, tpu or mps (default: the backend's own).")
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    metavar="P",
    help="Judge this profile only; may be repeated. Default: every claimed one.",
)
@click.option(
    "--level",
    type=click.Choice(["quick", "full"]),
    default="quick",
    show_default=True,
    help="How many cases.",
)
@click.option("--only", default=None, metavar="PATTERN", help="An operation, a family, or a shell pattern of case ids.")
@click.option(
    "--override",
    "overrides",
    multiple=True,
    metavar="OP=MODULE:FUNCTION",
    help="Judge this function in place of the backend's own operation; may be repeated. Without --only, only the "
    "operations overridden.",
)
@click.option(
    "-n",
    "--workers",
    type=click.IntRange(min=1),
    default=None,
    help="Worker processes (default: one a core).",
)
@click.option(
    "--timeout",
    type=click.IntRange(min=1),
    default=120,
    show_default=True,
    help="Seconds after which one case counts as hung.",
)
@click.option(
    "--memory",
    type=_Memory(),
    default=None,
    metavar="SIZE",
    help="How much a case may make its process grow, such as 500MiB or 4GiB (default: the machine's, shared out).",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="0 for the released inputs; others draw every case afresh.",
)
@click.option(
    "--results",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Write the records here (JSON lines).",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Write a report here (.html, .md or .json).",
)
@click.option(
    "--explore",
    type=click.IntRange(min=1),
    default=None,
    metavar="SECONDS",
    help="Draw new cases for so long instead of running those of the suite, and shrink what fails. Another --seed draws "
    "others.",
)
@click.option(
    "--cache/--no-cache",
    default=True,
    help="Whether to use references and compiled programs of earlier runs, and keep them. Default: yes.",
)
def conform(**request: Any) -> None:
    """Judge BACKENDs (default: every available one) against the specification.

    A BACKEND is a registered name (see `nnspec backends`) or a class as package.module:Class. Exit code 0: conformant
    in every profile judged; 1: not; 2: the run is invalid, or the command was.
    """
    _require("conform", *(["hypothesis"] if request["explore"] else []))
    from nnspec_conformance.lanes import Request
    from nnspec_conformance.runner import conform as run
    from nnspec_conformance.supervise import supervised

    supervised(request["timeout"] + 10)
    raise SystemExit(run(Request(**request)))


def _require(command: str, *more: str) -> None:
    modules = ("pytest", "xdist", "pytest_timeout", "pydantic", "sklearn", *more)
    absent = [m for m in modules if not importlib.util.find_spec(m)]
    if absent:
        raise MissingExtraError(f'{command} needs {", ".join(absent)}; run: pip install "nnspec[conformance]"')


@click.command(
    epilog="Example: nnspec mutants --only softmax",
    short_help="Prove that the suite catches what is wrong, by faults planted in a sound backend.",
)
@click.option("--only", default=None, metavar="PATTERN", help="An operation, a family, or a shell pattern of faults.")
@click.option(
    "-n",
    "--workers",
    type=click.IntRange(min=1),
    default=None,
    help="Worker processes (default: one a core).",
)
@click.option(
    "--results",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Write the records here (JSON lines).",
)
@click.option(
    "--source",
    multiple=True,
    metavar="BACKEND",
    help="Change this backend's own source in place of planted faults; may be repeated.",
)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="With --source: how many changes a backend to try.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of that sample.")
def mutants(**request: Any) -> None:
    """Run the suite against faulty backends and print which it catches.

    Every planted fault is NumPy's backend with one operation wrong, and names the requirement that has to catch it.
    With --source the faults are changes of one expression in what a backend's native operations run, against level
    quick. Exit code 0: all are caught; 1: one is not, a defect of the suite; 2: the run is invalid, or the command was.
    """
    _require("mutants")
    from nnspec_conformance.faults._matrix import MutantsRequest
    from nnspec_conformance.faults._matrix import mutants as run

    raise SystemExit(run(MutantsRequest(**request)))


@hookimpl
def nnspec_commands() -> Sequence[click.Command]:
    """The commands of this room."""
    return [conform, mutants]


@hookimpl
def nnspec_cases() -> Sequence[CaseRecord]:
    """Every case of the suite."""
    from nnspec_conformance.catalogue import all_cases

    return [
        CaseRecord(case.id, case.family, case.operation, case.requires, case.checks, case.dtypes, case.level)
        for case in all_cases()
    ]
