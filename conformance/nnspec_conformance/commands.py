"""The commands of this room. Light; pytest and pydantic are imported when one runs."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import click

from nnspec.errors import MissingExtraError

__all__ = ["COMMANDS"]


def _mib(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """An amount of memory as typed, in MiB."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([MG]iB)", value)
    if match is None or float(match[1]) == 0:
        raise click.BadParameter(f"expected an amount such as 500MiB or 4GiB, got {value!r}", ctx, param)
    return float(match[1]) * (1024 if match[2] == "GiB" else 1)


# -- options of more than one command ---------------------------------------------------------------------

_device = click.option(
    "--device", default=None, metavar="D", help="cpu, cuda, cuda:1, tpu or mps (default: the backend's own)."
)
_workers = click.option(
    "-n",
    "--workers",
    type=click.IntRange(min=1),
    default=None,
    help="Worker processes (default: one a core).",
)
_results = click.option(
    "--results",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Write the records here (JSON lines).",
)
_report = click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Write a report here (.html, .md or .json).",
)


@click.command(
    epilog="Example: nnspec conform torch --only 'gelu/*' --results results.jsonl --report report.html",
    short_help="Prove that backends do what the specification says.",
)
@click.argument("backends", nargs=-1, metavar="[BACKEND]...")
@_device
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
@_workers
@click.option(
    "--timeout",
    type=click.IntRange(min=1),
    default=120,
    show_default=True,
    help="Seconds after which one case counts as hung.",
)
@click.option(
    "--memory",
    callback=_mib,
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
@_results
@_report
@click.option(
    "--explore",
    type=click.IntRange(min=1),
    default=None,
    metavar="SECONDS",
    help="Draw new cases for so long instead of running those of the suite, and shrink what fails; another --seed "
    "draws others.",
)
@click.option(
    "--vectors",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=None,
    metavar="DIR",
    help="Take references from these vectors where longdouble is too narrow to compute them (float64 on macOS arm64 "
    "and on Windows).",
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
@_workers
@_results
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


@click.command(
    epilog="Example: nnspec bench numpy torch --only mid --results bench.jsonl",
    short_help="Measure backends against what people write by hand.",
)
@click.argument("backends", nargs=-1, metavar="[BACKEND]...")
@_device
@click.option(
    "--only",
    default=None,
    metavar="PATTERN",
    help="A shell pattern of models (tiny, mid, mid+, large, CNN), or of operations and families.",
)
@click.option(
    "--what",
    multiple=True,
    type=click.Choice(["steps", "operations", "growth", "memory"]),
    help="What to measure; may be repeated. Default: steps, training steps of whole models.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=2),
    default=30,
    show_default=True,
    help="How often contestants take turns; the bounds ask for 30.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=None,
    help="Of every contestant (default: 2, or the cores there are).",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="For one answer of a contestant; one that takes longer is not measured.",
)
@_results
@_report
@click.option(
    "--gate",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="BEFORE",
    help="Fail where a ratio is worse than in these results of an earlier run, beyond noise.",
)
def bench(**request: Any) -> None:
    """Measure BACKENDs (default: every available one) in paired, interleaved rounds.

    Training steps are compared with loops written by hand in the same framework, after their losses are found equal.
    Speed fails nothing by itself. Exit code 0: measured; 1: slower than the run given to --gate; 2: the run is
    invalid (one of BACKENDs, or what it is compared with, could not be measured), or the command was.
    """
    _require("bench", "nnspec_benchmarks")
    from nnspec_conformance.bench._run import BenchRequest
    from nnspec_conformance.bench._run import bench as run

    raise SystemExit(run(BenchRequest(**request)))


@click.group(short_help="Golden vectors: judge an implementation in any language.")
def vectors() -> None:
    """Cases with their inputs, references and units in files, so that an implementation in any language can be judged.

    \b
    Example:
        nnspec vectors export vectors
        python examples/run_vectors.py vectors outputs --backend torch
        nnspec vectors check vectors outputs
    """


@vectors.command("export", epilog="Example: nnspec vectors export vectors --only gelu --dtype float32")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--level", type=click.Choice(["quick", "full"]), default="quick", show_default=True, help="How many cases."
)
@click.option("--only", default=None, metavar="PATTERN", help="An operation, a family, or a shell pattern of case ids.")
@click.option(
    "--dtype", "dtypes", multiple=True, metavar="T", help="Only this dtype; may be repeated. Default: every one."
)
@click.option(
    "--compact",
    is_flag=True,
    help="Smaller: in float64, float16 and bfloat16 only the cases that `nnspec conform` tries at that level, units "
    "rounded up to float32, and no units for inputs known exactly.",
)
def vectors_export(**request: Any) -> None:
    """Write vectors to DIR: manifest.json, its JSON Schema, and one safetensors file a family and dtype.

    The same command writes the same bytes again.
    """
    _require("vectors export")
    from nnspec_conformance.vectors._export import ExportRequest, export

    for line in export(ExportRequest(**request)):
        click.echo(line)


@vectors.command("check", epilog="Example: nnspec vectors check vectors outputs --results results.jsonl")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.argument("outputs", metavar="OUTPUTS", type=click.Path(path_type=Path, file_okay=False))
@click.option("--partial", is_flag=True, help="What is missing among the outputs is undecided, not a failure.")
@click.option("--name", default=None, help="What results call the implementation (default: the name of OUTPUTS).")
@click.option(
    "--results",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Write the records here (JSON lines), for nnspec report.",
)
def vectors_check(**request: Any) -> None:
    """Judge what an implementation wrote to OUTPUTS by the vectors in DIR.

    OUTPUTS holds safetensors files with tensors named CASE/DTYPE/value/0 and CASE/DTYPE/gradient/x, and errors.json
    with the errors that calls raised. Exit code 0: conformant; 1: not; 2: DIR or OUTPUTS is damaged, or the command is
    wrong.
    """
    _require("vectors check")
    from nnspec_conformance.vectors._check import CheckRequest, check

    raise SystemExit(check(CheckRequest(**request)))


@click.command(
    epilog="Example: nnspec repro results.jsonl gelu/tanh-unit > repro.py && python repro.py",
    short_help="Print a stand-alone script that repeats a failure.",
)
@click.argument("results", metavar="RESULTS", type=click.Path(path_type=Path))
@click.argument("case", metavar="CASE")
@click.option("--backend", default=None, metavar="B", help="Which, where several failed.")
@click.option("--dtype", default=None, metavar="T", help="Which dtype (default: the first that failed).")
@click.option("--check", default=None, metavar="C", help="Which check (default: the first that failed).")
@click.option(
    "--shrink",
    type=click.FloatRange(min=0),
    default=20.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to look for a smaller case that fails alike; 0: not at all.",
)
def repro(**request: Any) -> None:
    """Print a script that repeats the failure of CASE in RESULTS, a file of `nnspec conform --results`.

    It imports only NumPy and the backend, holds the inputs and what is expected as literals, and is shrunk to the
    smallest case found that fails alike. The script's exit code is 1 while the defect lives and 0 when it is gone.
    """
    _require("repro")
    from nnspec_conformance.explain._repro import ReproRequest
    from nnspec_conformance.explain._repro import repro as run

    text, notes = run(ReproRequest(**request))
    for note in notes:
        click.echo(f"nnspec: {note}", err=True)
    click.echo(text, nl=False)


COMMANDS = [bench, conform, mutants, repro, vectors]
