"""Training curves as SVG text that can stand inside an HTML page."""

from __future__ import annotations

import hashlib
import io
import math
import textwrap
from collections.abc import Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullFormatter

from nnspec_reports._models import CurveGroup, CurveLine
from nnspec_reports._svg import drawing, inlined

__all__ = ["curve_svg"]

# Okabe and Ito's colours, told apart under every common colour blindness
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_STYLES: tuple[Literal["-", "--", ":", "-."], ...] = ("-", "--", ":", "-.")
_LOG_FROM = 300.0  # ratio of largest to smallest value


def curve_svg(group: CurveGroup) -> str | None:
    """One line a backend and seed, or None where no line has two points; equal text for equal data."""
    if all(line.points < 2 for line in group.lines):
        return None
    key = hashlib.sha256(repr((group.case, group.quantity, group.x_label)).encode()).hexdigest()[:8]
    with drawing(key):
        figure = Figure(figsize=(5.2, 3.4), layout="constrained")
        _draw(figure.add_subplot(), group)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return inlined(text.getvalue(), key, f"{group.quantity} over {group.x_label}, {group.case}")


def _draw(axes: Axes, group: CurveGroup) -> None:
    names = list(dict.fromkeys(_name(line) for line in group.lines))
    for line in group.lines:
        _draw_line(axes, line, names.index(_name(line)), group.seeds.index(line.seed), len(names))
    axes.set_xlabel(group.x_label)
    axes.set_ylabel(textwrap.fill(group.quantity, 36))
    if all(x.is_integer() for line in group.lines for x in line.x):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    values = [y for line in group.lines for y in line.y if math.isfinite(y)]
    if values and min(values) > 0 and max(values) / min(values) > _LOG_FROM:
        axes.set_yscale("log")
        # plain numbers: powers of ten are mathtext, which is off lest a name with $ be read as such
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    _legend(axes, names, group.seeds)


def _name(line: CurveLine) -> str:
    return f"{line.subject}, {line.dtype}"


def _draw_line(axes: Axes, line: CurveLine, name: int, seed: int, names: int) -> None:
    # lines of backends that agree lie on one another: earlier ones are wider, and markers take turns
    every = max(1, line.points // 8)
    axes.plot(
        line.x,
        [y if math.isfinite(y) else math.nan for y in line.y],
        color=_COLOURS[name % len(_COLOURS)],
        linestyle=_STYLES[seed % len(_STYLES)],
        linewidth=1.0 + 0.9 * (names - 1 - name),
        marker=_MARKERS[name % len(_MARKERS)],
        markersize=4,
        markevery=(every * name // names, every),
    )


def _legend(axes: Axes, names: Sequence[str], seeds: Sequence[int]) -> None:
    keys = [
        Line2D([], [], color=_COLOURS[i % len(_COLOURS)], marker=_MARKERS[i % len(_MARKERS)], label=name)
        for i, name in enumerate(names)
    ]
    if len(seeds) > 1:
        keys += [
            Line2D([], [], color="#555555", linestyle=_STYLES[i % len(_STYLES)], label=f"seed {seed}")
            for i, seed in enumerate(seeds)
        ]
    axes.legend(handles=keys, fontsize=8.5, loc="best", framealpha=0.85)
