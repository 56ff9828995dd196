"""The font of the formulas: STIX Two Math (SIL Open Font License), cut down to what formulas use.

Browsers draw roots, braces and tall parentheses only with a font that has a table for mathematics, and not every system
has one. It comes with the package ziamath, of which nothing else is used.
"""

from __future__ import annotations

import importlib.resources
import io

from fontTools import subset

__all__ = ["math_font"]

_SIGNS = "−·×÷±≤≥≠∑∏√∞…′‖⌊⌋⌈⌉ℎ∂∈⋅⁢⁡"
_BLOCKS = (
    range(0x20, 0x7F),
    range(0x391, 0x3CA),  # Greek
    range(0x1D434, 0x1D468),  # the italics that letters of formulas become
    range(0x1D6E2, 0x1D71C),
)


def math_font() -> bytes:
    """The font as WOFF; equal bytes from equal packages."""
    file = importlib.resources.files("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf"
    options = subset.Options(flavor="woff", hinting=False, drop_tables=["DSIG"], layout_features=["ssty", "dtls"])
    options.recalc_timestamp = False
    with importlib.resources.as_file(file) as path:
        font = subset.load_font(str(path), options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes={ord(sign) for sign in _SIGNS}.union(*_BLOCKS))
    cutter.subset(font)
    written = io.BytesIO()
    subset.save_font(font, written, options)
    return written.getvalue()
