"""The figures that explain the rounding model, from the reference and NumPy in float32 when the site is built."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

import nnspec
from nnspec.reference import Ensemble, Model, Reference, analyse
from nnspec_reports.document._alarms import margins
from nnspec_reports.document._plots import COLOURS, svg

__all__ = ["FIGURES"]

_LIMIT = 8.0


def _relative(axes: Axes, label: str) -> None:
    axes.set_xscale("log")
    axes.set_xlabel("x")
    axes.set_ylabel(label)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")


def deviations() -> tuple[str, str]:
    """What rounding could have made of x - tanh(x), relative to it."""
    x = np.geomspace(0.02, 5.0, 40).astype(np.float32)
    with np.errstate(all="ignore"):
        result: Ensemble = Reference(model := Model("float32")).tanhshrink(model.input(x))
    value = np.asarray(result.value, np.float64)
    members = result.deviations[:-1] / value
    (expected,) = analyse(lambda backend, x: backend.tanhshrink(x), {"x": x}, dtype="float32").values
    assert expected.unit is not None
    unit = np.asarray(expected.unit / expected.value, np.float64)

    def draw(axes: Axes) -> None:
        for number, (half, label) in enumerate([(members[:16], "exact inputs"), (members[16:], "inputs off by one")]):
            axes.plot(
                np.broadcast_to(x, half.shape).ravel(),
                half.ravel(),
                ".",
                color=COLOURS[number],
                markersize=3,
                label=label,
            )
        axes.plot(x, unit, color=COLOURS[2], linewidth=1.6, label="the unit, both signs")
        axes.plot(x, -unit, color=COLOURS[2], linewidth=1.6)
        _relative(axes, "deviation / value")
        axes.set_yscale("symlog", linthresh=1e-7)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")

    caption = (
        "The 32 deviations of x - tanh(x) in float32, divided by the value. Where x is small the two terms cancel: "
        "the deviations, and with them the unit, grow relative to what is left."
    )
    return svg("deviations", "deviations of x - tanh(x)", draw, (6.2, 3.4)), caption


def _margins(got: Any, operation: str, x: Any, **options: Any) -> Any:
    (expected,) = analyse(
        lambda backend, x: getattr(backend, operation)(x, **options), {"x": x}, dtype="float32"
    ).values
    return np.asarray(abs(got.astype(np.longdouble) - expected.value) / expected.unit, np.float64)


def verdicts() -> tuple[str, str]:
    """The margins of a true GELU, and of one with a constant wrong in its third digit."""
    backend = nnspec.get_backend("numpy")
    x = np.geomspace(0.01, 6.0, 300).astype(np.float32)
    sound = _margins(backend.to_numpy(backend.gelu(x, approximate="tanh")), "gelu", x, approximate="tanh")
    wrong = 0.5 * x * (1 + np.tanh(np.float32(np.sqrt(2 / np.pi)) * (x + np.float32(0.0447) * x**3)))
    faulty = _margins(wrong, "gelu", x, approximate="tanh")

    def draw(axes: Axes) -> None:
        axes.plot(x, np.maximum(faulty, 1e-2), color=COLOURS[1], linewidth=1.4, label="0.0447 for 0.044715")
        axes.plot(x, np.maximum(sound, 1e-2), color=COLOURS[0], linewidth=1.4, label="NumPy's")
        axes.axhline(_LIMIT, color=COLOURS[2], linestyle="--", linewidth=1.6, label="the limit, 8")
        _relative(axes, "margin (units)")
        axes.set_yscale("log")
        axes.set_ylim(1e-2, 1e3)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")

    moved = float(np.max(abs(wrong / backend.to_numpy(backend.gelu(x, approximate="tanh")) - 1)))
    caption = (
        f'Margins of gelu with approximate="tanh" in float32. NumPy\'s stay below {sound.max():.1f} units; with the '
        f"constant 0.0447 the margin reaches {faulty.max():.0f}."
        f" No result is moved by more than {moved:.0e} of itself."
    )
    return svg("verdicts", "margins of a sound and of a faulty gelu", draw, (6.2, 3.4)), caption


def widths() -> tuple[str, str]:
    """The unit of a sum against what a bound on its magnitude would allow."""
    sizes = np.unique(np.geomspace(4, 4096, 14).astype(int))
    generator = np.random.Generator(np.random.Philox(7))
    units, bounds, errors = [], [], []
    for size in sizes:
        x = generator.standard_normal(size).astype(np.float32)
        (expected,) = analyse(lambda backend, x: backend.xp.sum(x), {"x": x}, dtype="float32").values
        assert expected.unit is not None
        units.append(float(expected.unit))
        bounds.append(size * 2.0**-24 * float(np.sum(abs(x))))
        sequential = np.cumsum(x)[-1]  # from the left, one after the other
        errors.append(max(abs(float(sequential - expected.value)), 1e-9))

    def draw(axes: Axes) -> None:
        axes.plot(sizes, bounds, color=COLOURS[1], linestyle="--", linewidth=1.6, label="worst-case bound")
        axes.plot(sizes, units, color=COLOURS[2], linewidth=1.8, label="the unit")
        axes.plot(sizes, errors, "o", color=COLOURS[0], markersize=4, label="error of a sequential sum")
        _relative(axes, "absolute error")
        axes.set_xlabel("terms")
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")

    caption = (
        "A sum of normal numbers in float32. The classical bound, terms times roundoff times the sum of magnitudes, "
        "soon allows a thousand times what rounding does, enough to hide a dropped term; the unit stays beside it."
    )
    return svg("widths", "the unit of a sum and the worst-case bound", draw, (6.2, 3.4)), caption


FIGURES = {"deviations": deviations, "verdicts": verdicts, "widths": widths, "margins": margins}
