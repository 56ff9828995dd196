"""A comparison as text for the terminal, as Markdown and as one HTML page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

import nnspec
from nnspec_reports._diff import Change, Comparison
from nnspec_reports._evidence import joined
from nnspec_reports._output import markdown, plain, renderer_of, template, write

__all__ = ["print_comparison", "renderer", "write_comparison"]

#: how many changes of a kind the terminal lists
_SHOWN = 10
#: and how many a page
_LISTED = 1000


def renderer(output: Path, inputs: Sequence[Path]) -> Callable[[Comparison], str]:
    """What renders a comparison to a file.

    Raises:
        ArgumentError: the suffix is unknown, or the file cannot be the output.
    """
    return renderer_of(_RENDERERS, output, inputs)


def write_comparison(comparison: Comparison, output: Path, render: Callable[[Comparison], str]) -> None:
    """Write the page.

    Raises:
        ArgumentError: it cannot be written.
    """
    write(output, render(comparison))


# -- words -----------------------------------------------------------------------------------------------------


def name_of(change: Change) -> str:
    """Which check it is."""
    c = change.check
    return f"{c.case} {c.check} on {change.backend} ({c.dtype})"


def turn_of(change: Change) -> str:
    """What it was and what it is."""
    old, new = change.old, change.new
    if old is None or new is None:
        return f"{'new, ' if old is None else ''}{change.check.verdict}"
    words = [] if old.verdict == new.verdict else [f"{old.verdict} → {new.verdict}"]
    if old.margin != new.margin and None not in (old.margin, new.margin):
        words.append(f"margin {plain(old.margin)} → {plain(new.margin)}")
    return ", ".join(words)


def ratio_of(change: Change) -> str:
    """How many times larger or smaller a margin is."""
    ratio = change.ratio
    if ratio == 0 or math.isinf(ratio):
        return "to infinity" if ratio else "from infinity"
    return f"{ratio:.3g} times" if ratio > 1 else f"1/{1 / ratio:.3g}"


def causes_of(change: Change) -> str:
    """What it is attributed to."""
    return " or ".join(map(str, change.causes))


def attributed(changes: Sequence[Change]) -> str:
    """How many changes are attributed to what."""
    counts = Counter(change.kinds for change in changes)
    return joined([f"{number:,} to {kinds}" for kinds, number in counts.most_common()])


def by_operation(changes: Sequence[Change]) -> list[tuple[str, str, int, str]]:
    """Backend, operation, how many, and what they are attributed to."""
    counts = Counter((c.backend, c.check.operation, causes_of(c)) for c in changes)
    return [(backend, operation, number, why) for (backend, operation, why), number in counts.items()]


# -- the terminal ------------------------------------------------------------------------------------------------


def print_comparison(comparison: Comparison) -> None:
    """What changed and why, at most ten of a kind."""
    console = Console(soft_wrap=True, highlight=False)
    if not console.is_terminal:
        console = Console(soft_wrap=True, highlight=False, width=200)
    _print_table(
        console,
        ("what differs", "", comparison.old.path, comparison.new.path),
        [(d.kind, d.name, d.old, d.new) for d in comparison.differences] or [("nothing that is recorded", "", "", "")],
    )
    changed = [c for c in comparison.conclusions if c.old != c.new]
    if changed:
        _print_table(
            console, ("backend", "profile", "was", "is"), [(c.backend, c.profile, c.old, c.new) for c in changed]
        )
    for title, changes in _sections(comparison):
        if changes:
            _print_section(console, title, changes)
    for words, backends in (("only in", comparison.backends_added), ("no more in", comparison.backends_removed)):
        for backend, number in backends.items():
            console.print(f"{backend} is {words} {comparison.new.path}: {number:,} checks", markup=False)
    console.print(comparison.headline, markup=False, style="bold red" if comparison.worse else "bold")


def _sections(comparison: Comparison) -> list[tuple[str, list[Change]]]:
    return [
        ("added", comparison.added),
        ("removed", comparison.removed),
        ("margins smaller by 2x or more", comparison.smaller),
        ("margins larger by 2x or more", comparison.larger),
        ("other verdicts", comparison.verdicts),
        ("fixed", comparison.fixed),
        ("new failures", comparison.failures),
    ]


def _print_section(console: Console, title: str, changes: Sequence[Change]) -> None:
    console.print(f"{title}: {len(changes):,} ({attributed(changes)})", markup=False, style="bold")
    if title in ("added", "removed"):
        rows = by_operation(changes)
        for backend, operation, number, why in rows[:_SHOWN]:
            console.print(f"  {operation} on {backend}: {number:,} [{why}]", markup=False)
        _print_rest(console, len(rows), "operations")
        return
    for change in changes[:_SHOWN]:
        console.print(f"  {name_of(change)}: {turn_of(change)} [{causes_of(change)}]", markup=False)
        if title == "new failures":
            console.print(f"    {change.check.message}\n    {change.check.repro}", markup=False)
    _print_rest(console, len(changes), "checks")


def _print_rest(console: Console, number: int, what: str) -> None:
    if number > _SHOWN:
        console.print(f"  ... and {number - _SHOWN:,} more {what}; -o OUT.html lists them", markup=False)


def _print_table(console: Console, titles: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)


# -- pages ---------------------------------------------------------------------------------------------------------


def _page(name: str) -> Callable[[Comparison], str]:
    def render(comparison: Comparison) -> str:
        page = template(name)
        page.globals.update(
            turn_of=turn_of,
            ratio_of=ratio_of,
            causes_of=causes_of,
            attributed=attributed,
            by_operation=by_operation,
            listed=_LISTED,
        )
        return page.render(c=comparison, made_by=f"nnspec {nnspec.__version__}")

    return render


def _markdown(comparison: Comparison) -> str:
    return markdown(_page("diff.md.j2")(comparison))


_RENDERERS: dict[str, Callable[[Comparison], str]] = {
    ".html": _page("diff.html.j2"),
    ".htm": _page("diff.html.j2"),
    ".md": _markdown,
}
