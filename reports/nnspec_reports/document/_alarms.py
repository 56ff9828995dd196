"""The figure of the two limits: how far true backends are from the reference, over many seeds."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from nnspec_reports.document._plots import COLOURS, svg

__all__ = ["margins"]

#: written by benchmarks/false_alarms.py
_PUBLISHED = Path(__file__).parents[2] / "published" / "margins.json"
_KINDS = ("values", "gradients")


def margins() -> tuple[str, str]:
    """The share of checks whose margin is above so many units, of every backend, and the limit."""
    found = json.loads(_PUBLISHED.read_text(encoding="utf-8"))
    backends = list(dict.fromkeys(run["backend"] for run in found["runs"]))

    def draw(axes: Axes) -> None:
        for number, backend in enumerate(backends):
            for kind, style in zip(_KINDS, ("-", ":"), strict=True):
                units, shares = _above(found["runs"], backend, kind)
                axes.plot(
                    units, shares, style, color=COLOURS[number], linewidth=1.6, label=f"{backend}, {kind}", marker="."
                )
        axes.axvline(max(found["limits"].values()), color=COLOURS[3], linestyle="--", linewidth=1.6, label="the limit")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xlabel("margin (units)")
        axes.set_ylabel("share of checks above it")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: f"{value:g}")
            axis.set_minor_formatter(lambda value, _: "")

    return svg("margins", "margins of true backends over many seeds", draw, (6.2, 3.4)), _caption(found, backends)


def _above(runs: list[dict[str, Any]], backend: str, kind: str) -> tuple[list[float], list[float]]:
    """Powers of two, and the share of a backend's checks with a larger margin, down to one check."""
    octaves: Counter[int] = Counter()
    for run in runs:
        if run["backend"] == backend:
            octaves.update({int(k): n for k, n in run["margins"][kind]["octaves"].items()})
    total = sum(octaves.values())
    powers = range(-6, max(octaves, default=0))
    return [2.0**k for k in powers], [sum(n for o, n in octaves.items() if o > k) / total for k in powers]


def _caption(found: dict[str, Any], backends: list[str]) -> str:
    number = Counter(run["backend"] for run in found["runs"])
    seeds = ", ".join(f"{number[b]} seed{'' if number[b] == 1 else 's'} of {b}" for b in backends)
    worst = " and ".join(f"{found['worst'][kind]:.1f} of {kind}" for kind in _KINDS)
    return (
        f"{found['checks']:,} checks of level {found['level']} over {seeds}: {found['alarms']} failed. The largest "
        f"margins are {worst}, below the limits of {found['limits']['values']:g} and {found['limits']['gradients']:g}."
    )
