"""Figures as SVG text that can stand inside a page beside others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib import style

__all__ = ["drawing", "inlined"]


@contextmanager
def drawing(key: str) -> Iterator[None]:
    """Draw within: equal text for equal data, whatever the reader's own matplotlibrc says.

    Args:
        key: tells the figure from others; ids in the text derive from it.
    """
    settings: dict[Any, Any] = {
        "svg.hashsalt": f"nnspec-{key}",
        "svg.fonttype": "none",  # text stays text: it can be found, copied and read aloud
        "font.family": "sans-serif",
        "font.size": 10,
        "path.simplify_threshold": 0.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "text.parse_math": False,
        "axes.unicode_minus": False,
    }
    with style.context("default"), mpl.rc_context(settings):
        yield


def inlined(text: str, key: str, title: str) -> str:
    """Without the XML prologue, and with ids that are unique in a page of several figures."""
    svg = text[text.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{key}-', svg)
    svg = re.sub(r'(href="|url\()#', rf"\1#{key}-", svg)
    label = title.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
