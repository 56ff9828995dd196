"""The commands of the core: `nnspec backends` and `nnspec spec`."""

from __future__ import annotations

import difflib
import inspect
import json
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import Any

import click

from nnspec.backend import PROFILES, Backend
from nnspec.errors import ArgumentError
from nnspec.operation import Operation
from nnspec.plugins import BackendInfo, backend_class, list_backends

__all__ = ["COMMANDS"]

_JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON.")


def _width() -> int | None:
    """Columns of the terminal; None in a pipe, where lines stay whole."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _echo_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


# -- nnspec backends -----------------------------------------------------------------------------------


def _backend_record(info: BackendInfo) -> dict[str, Any]:
    record: dict[str, Any] = {
        "name": info.name,
        "unavailable": info.unavailable,
        "versions": {},
        "devices": [],
        "dtypes": [],
        "profiles": [],
    }
    if info.unavailable is not None:
        return record
    try:
        cls = backend_class(info.name)
        devices = list(cls.devices())
    except Exception as error:  # a broken framework must not hide the other backends
        why = str(error).removeprefix(f"backend: {info.name!r} is unavailable: ") or repr(error)
        return record | {"unavailable": " ".join(why.split())}
    profiles = [p for p in PROFILES if p in cls.profiles]
    return record | {
        "versions": cls.versions(),
        "devices": devices,
        "dtypes": list(cls.dtypes),
        "profiles": profiles,
    }


def _print_backends(records: Iterable[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)
    table.add_column("backend", style="bold", no_wrap=True)
    for title in ("versions", "devices", "dtypes"):
        table.add_column(title, no_wrap=True)
    table.add_column("claimed profiles")
    unavailable = []
    for record in records:
        if record["unavailable"] is not None:
            unavailable.append(f"{record['name']} is unavailable: {record['unavailable']}")
            continue
        versions = (f"{package} {version}" for package, version in record["versions"].items())
        cells = ("\n".join(lines) for lines in (versions, record["devices"], record["dtypes"]))
        table.add_row(record["name"], *cells, ", ".join(record["profiles"]))
    if table.row_count:
        console.print(table)
    for line in unavailable:
        click.echo(line)  # whole, so that the pip command can be copied


@click.command()
@_JSON
def backends(as_json: bool) -> None:
    """List the backends there are.

    With versions, devices, dtypes and claimed profiles; for an unavailable one, why, and the command that
    brings it.

    \b
    Example:
        nnspec backends --json
    """
    records = [_backend_record(info) for info in list_backends()]
    if as_json:
        _echo_json(records)
    else:
        _print_backends(records)


# -- nnspec spec ---------------------------------------------------------------------------------------


class _Bare(str):
    """An annotation that prints without quotes."""

    def __repr__(self) -> str:
        return str(self)


def _signature(op: Operation) -> str:
    """The call as a user types it: without `self`."""
    parameters = [p.replace(annotation=_Bare(p.annotation)) for p in list(op.signature.parameters.values())[1:]]
    returns = _Bare(op.signature.return_annotation)
    return op.name + str(op.signature.replace(parameters=parameters, return_annotation=returns))


def _operation_record(op: Operation) -> dict[str, Any]:
    return {
        "operation": op.name,
        "family": op.family,
        "since": op.since,
        "signature": _signature(op),
        "requirements": op.requirements,
    }


def _find(name: str) -> Operation:
    operations = Backend.operations()
    if name in operations:
        return operations[name]
    close = difflib.get_close_matches(name.lower(), operations, n=5, cutoff=0.5)
    hint = f"close to it: {', '.join(close)}" if close else "'nnspec spec' lists them"
    raise ArgumentError(f"operation: no operation is named {name!r}; {hint}")


def _overview() -> str:
    families: dict[str, list[tuple[str, str]]] = {}
    for op in Backend.operations().values():
        families.setdefault(op.family, []).append((op.name, op.summary))
    width = _width()
    page = click.HelpFormatter(width=width or sys.maxsize)
    for family, rows in families.items():
        with page.section(family):
            page.write_dl(rows, col_max=30 if width else sys.maxsize)
    return page.getvalue().strip("\n")


_TITLE = re.compile(r"\w+:")
#: what begins a line of its own: a requirement, an argument or error, an item of a list
_ENTRY = re.compile(r"\s*(\[[A-Z]|\*{0,2}\w[\w, *]*: |[-*|] )")


def _paragraphs(text: str) -> list[str]:
    """The docstring's lines, continuations joined to the line that they continue; examples as they are."""
    lines: list[str] = []
    section = ""
    for line in text.splitlines():
        section = line if _TITLE.fullmatch(line) else section
        begins = line == section or _ENTRY.match(line) or section.startswith("Example")
        if lines and lines[-1].strip() and lines[-1] != section and line.strip() and not begins:
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
    return lines


def _fitted(text: str, width: int | None) -> str:
    if width is None or all(len(line) <= width for line in text.splitlines()):
        return text
    lines: list[str] = []
    for line in _paragraphs(text):
        hang = " " * (len(line) - len(line.lstrip()) + (4 if _ENTRY.match(line) else 0))
        fits = len(line) <= width or line.lstrip().startswith(">>>")
        lines += [line] if fits else textwrap.wrap(line, width, subsequent_indent=hang)
    return "\n".join(lines)


def _styled(text: str) -> str:
    """Titles and requirement ids in bold; click drops the styles in a pipe."""
    text = re.sub(r"(?m)^\w+:$", lambda found: click.style(found[0], bold=True), text)
    return re.sub(r"\[[A-Z][A-Z0-9_]*-\d+\]", lambda found: click.style(found[0], bold=True), text)


def _page(op: Operation) -> str:
    width = _width()
    title = _fitted(_signature(op), width)
    text = _fitted(inspect.getdoc(op.definition) or "", width)
    origin = f"family {op.family}, since specification {op.since}"
    return f"{click.style(title, bold=True)}\n{origin}\n\n{_styled(text)}"


@click.command()
@click.argument("operation", required=False)
@_JSON
def spec(operation: str | None, as_json: bool) -> None:
    """Print the specification.

    The operations by family, or all that is required of one OPERATION.

    \b
    Example:
        nnspec spec
        nnspec spec gelu
        nnspec spec --json
    """
    if as_json:
        found = Backend.operations().values() if operation is None else [_find(operation)]
        _echo_json([_operation_record(op) for op in found])
    else:
        click.echo(_overview() if operation is None else _page(_find(operation)))


COMMANDS: dict[str, click.Command] = {"backends": backends, "spec": spec}
