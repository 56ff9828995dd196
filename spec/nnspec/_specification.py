"""`nnspec spec` and `nnspec trace`: the specification on a terminal, and as JSON."""

from __future__ import annotations

import difflib
import inspect
import json
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import nnspec  # Backend is taken from it when a command needs the definitions
from nnspec.errors import ArgumentError
from nnspec.operation import Operation

if TYPE_CHECKING:
    from nnspec.trace import Trace, Verdicts

__all__ = ["JSON", "echo_json", "signature", "spec", "trace"]

#: the option of a command that can also write JSON
JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON.")


def _width() -> int | None:
    """Columns of the terminal; None in a pipe, where lines stay whole."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def echo_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


class _Bare(str):
    """An annotation that prints without quotes."""

    def __repr__(self) -> str:
        return str(self)


def signature(op: Operation) -> str:
    """The call as a user types it: without `self`."""
    parameters = [p.replace(annotation=_Bare(p.annotation)) for p in list(op.signature.parameters.values())[1:]]
    returns = _Bare(op.signature.return_annotation)
    return op.name + str(op.signature.replace(parameters=parameters, return_annotation=returns))


def _operation_record(op: Operation) -> dict[str, Any]:
    return {
        "operation": op.name,
        "family": op.family,
        "since": op.since,
        "signature": signature(op),
        "requirements": op.requirements,
    }


def _find(name: str) -> Operation:
    operations = nnspec.Backend.operations()
    if name in operations:
        return operations[name]
    close = difflib.get_close_matches(name.lower(), operations, n=5, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else "'nnspec spec' lists them"
    raise ArgumentError(f"operation: no operation is named {name!r}; {hint}")


# -- nnspec spec ---------------------------------------------------------------------------------------


def _overview() -> str:
    families: dict[str, list[tuple[str, str]]] = {}
    for op in nnspec.Backend.operations().values():
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


#: what stands out on a terminal, as expression -> style
_STYLES = {
    r"(?m)\A.*?\(": "bold",
    r"(?m)^\w+:$": "bold",
    r"`[^`]+`": "cyan",
    r"\[[A-Z][A-Z0-9_]*-\d+\]": "bold green",
    r"(?m)^ +(>>>|\.\.\.) .*$": "blue",
    r"(?m)^family .*$": "dim",
}


def _print_page(op: Operation) -> None:
    """The page in colours on a terminal; in a pipe the same words, unbroken."""
    from rich.console import Console
    from rich.text import Text

    width = _width()
    title = _fitted(signature(op), width)
    text = _fitted(inspect.getdoc(op.definition) or "", width)
    page = Text(f"{title}\nfamily {op.family}, since specification {op.since}\n\n{text}")
    for expression, style in _STYLES.items():
        page.highlight_regex(expression, style)
    Console().print(page, soft_wrap=True)


@click.command()
@click.argument("operation", required=False)
@JSON
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
        found = nnspec.Backend.operations().values() if operation is None else [_find(operation)]
        echo_json([_operation_record(op) for op in found])
    elif operation is None:
        click.echo(_overview())
    else:
        _print_page(_find(operation))


# -- nnspec trace --------------------------------------------------------------------------------------


def _told(verdicts: Verdicts) -> str:
    """`12 pass, 1 fail (3 of an older text)`."""
    counts = ", ".join(f"{n} {verdict}" for verdict, n in verdicts.counts.items()) or "not judged"
    return counts + (f" ({verdicts.outdated} of an older text)" if verdicts.outdated else "")


def _traced(traced: Trace, operation: str) -> Iterator[str]:
    for name, sentence in nnspec.Backend.operations()[operation].requirements.items():
        yield f"[{name}] {sentence}"
        yield from (f"    {backend}: {_told(verdicts)}" for backend, verdicts in traced.of(name).items())
        yield f"    {', '.join(traced.tested_by[name]) or 'no case tests it'}"


def _outline(traced: Trace) -> Iterator[str]:
    tested = len(traced.tested_by) - len(traced.untested)
    yield f"{tested} of {len(traced.tested_by)} requirements are tested by {len(traced.cases)} cases"
    for run in traced.runs:
        yield f"{run.path}: level {run.level}, {run.started}, {', '.join(run.versions)}"
    for name in traced.untested:
        yield f"no case tests {name}"
    for name in traced.unfounded:
        yield f"{name} is evidence for no requirement"
    bad = [(name, backend, v) for name in traced.tested_by for backend, v in traced.of(name).items()]
    for name, backend, verdicts in bad:
        if set(verdicts.counts) - {"pass", "waived"}:
            yield f"{name} on {backend}: {_told(verdicts)}"


@click.command()
@click.argument("operation", required=False)
@click.option(
    "--results",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="F.jsonl",
    help="Take verdicts from this file of nnspec conform; may be repeated, the later run counts.",
)
@JSON
def trace(operation: str | None, results: tuple[Path, ...], as_json: bool) -> None:
    """Tie requirements to the cases that test them.

    From requirement to cases to their last verdicts, and back: of one OPERATION, or in outline of all. Exit code 1
    if a requirement has no case or a case no requirement.

    \b
    Example:
        nnspec trace gelu
        nnspec trace gelu --results results.jsonl
        nnspec trace --json
    """
    from nnspec.trace import trace as tied

    name = None if operation is None else _find(operation).name
    traced = tied(results)
    record = traced.record(name)
    if as_json:
        echo_json(record)
    else:
        click.echo("\n".join(_outline(traced) if name is None else _traced(traced, name)))
    raise SystemExit(1 if any(record["orphans"].values()) else 0)
