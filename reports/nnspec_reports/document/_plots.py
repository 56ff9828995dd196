"""Curves of operations: activations with their derivative, schedules over the steps, what initializers draw."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import nnspec
from nnspec.backend import Backend
from nnspec.operation import Operation
from nnspec_reports._svg import drawing, inlined

__all__ = ["COLOURS", "operation_figure", "svg"]

#: colours that the page chooses, for light, dark and paper; drawn with stand-ins that occur nowhere else
_INK, _GRID = "#010203", "#010204"
#: Okabe and Ito's blue, vermilion, green and purple, told apart under every common colour blindness
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
_OF_THE_PAGE = {_INK: "currentColor", _GRID: "var(--grid)"} | {
    colour: f"var(--line-{number})" for number, colour in enumerate(COLOURS, start=1)
}

Floats = NDArray[np.float64]


def svg(key: str, title: str, draw: Callable[[Axes], None], size: tuple[float, float] = (5.4, 3.0)) -> str:
    """A figure as inline SVG in the colours of the page."""
    with drawing(key), mpl.rc_context({"path.simplify_threshold": 0.05}):
        figure = Figure(figsize=size)  # with margins of fixed size: fitting them takes longer than drawing
        width, height = size
        figure.subplots_adjust(left=0.75 / width, right=1 - 0.1 / width, bottom=0.5 / height, top=1 - 0.1 / height)
        figure.patch.set_visible(False)
        axes = figure.add_subplot()
        axes.patch.set_visible(False)
        axes.grid(True, color=_GRID, linewidth=0.7)
        axes.set_axisbelow(True)
        axes.tick_params(colors=_INK)
        for side in axes.spines.values():
            side.set_color(_INK)
        draw(axes)
        for label in (axes.xaxis.label, axes.yaxis.label):
            label.set_color(_INK)
        if len(axes.get_legend_handles_labels()[0]) > 1:
            axes.legend(labelcolor=_INK, framealpha=0.0, fontsize=9)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None}, transparent=True)
    drawn = inlined(text.getvalue(), key, title)
    for stand_in, colour in _OF_THE_PAGE.items():
        drawn = drawn.replace(stand_in, colour)
    return drawn


def operation_figure(op: Operation) -> tuple[str, str] | None:
    """The figure of an operation and its caption; None where there is nothing to draw."""
    makers = {"activations": _activation, "schedules": _schedule, "initializers": _distribution}
    maker = makers.get(op.family)
    return None if maker is None else maker(op, nnspec.get_backend("numpy", dtype="float64"))


def _needed(op: Operation) -> set[str]:
    """Names of the arguments without a default."""
    return {p.name for p in list(op.signature.parameters.values())[1:] if p.default is p.empty}


# -- activations ---------------------------------------------------------------------------------------

#: values of the arguments that have no default
_OPTIONS: dict[str, dict[str, Any]] = {
    "threshold": {"threshold": 0.5, "value": -1.0},
    "maxout": {"num_pieces": 2},
}
#: what is drawn of operations that mix entries: the row made of x, the entry of the result, and the caption
_ROWS: dict[str, tuple[Callable[[Any], list[Any]], str]] = {
    "glu": (lambda x: [x * 0 + 1, x], "of a = 1 over the gate b = x"),
    "swiglu": (lambda x: [x, x * 0 + 1], "over a = x, with b = 1"),
    "geglu": (lambda x: [x, x * 0 + 1], "over a = x, with b = 1"),
    "softmax": (lambda x: [x, x * 0, x * 0 + 1], "the first entry of the row (x, 0, 1)"),
    "log_softmax": (lambda x: [x, x * 0, x * 0 + 1], "the first entry of the row (x, 0, 1)"),
    "maxout": (lambda x: [x, -0.5 * x], "of the pair (x, -x / 2)"),
}


def _activation(op: Operation, backend: Backend) -> tuple[str, str] | None:
    x = np.linspace(-5.0, 5.0, 401)  # holds 0 and every kink, which is drawn as the jump it is
    options = _OPTIONS.get(op.name, {})
    if _needed(op) - {"x", *options} and op.name != "prelu":
        return None
    call = getattr(backend, op.name)
    row, told = _ROWS.get(op.name, (None, ""))

    def function(array: Any) -> Any:
        if row is not None:
            return call(backend.xp.stack(row(array), axis=1), **options)[:, 0]
        if op.name == "prelu":
            return call(array[:, None], backend.asarray([0.25]))[:, 0]
        return call(array, **options)

    y = backend.to_numpy(function(backend.asarray(x)))
    if y.shape != x.shape:
        return None
    _, slope = backend.value_and_grad(lambda a: backend.xp.sum(function(a)))(backend.asarray(x))

    def draw(axes: Axes) -> None:
        _broken(axes, x, y, label="f(x)", color=COLOURS[0])
        _broken(axes, x, backend.to_numpy(slope), label="f'(x)", color=COLOURS[1], linestyle="--")
        axes.set_xlabel("x")

    values = ", ".join(f"{name} = {value}" for name, value in options.items() if name != "num_pieces")
    weight = "weight = 0.25" if op.name == "prelu" else values
    caption = "The function and its derivative" + "".join(f", {part}" for part in (told, weight) if part) + "."
    return svg(op.name, f"{op.name} and its derivative", draw), caption


def _broken(axes: Axes, x: Floats, y: Floats, **style: Any) -> None:
    """A line that is interrupted where the function jumps."""
    steps = np.abs(np.diff(y))
    jumps = np.flatnonzero(steps > max(0.2, 20 * float(np.median(steps))))
    axes.plot(np.insert(x, jumps + 1, np.nan), np.insert(y, jumps + 1, np.nan), linewidth=1.8, **style)


# -- schedules -----------------------------------------------------------------------------------------

_STEPS = 100
#: values of the arguments of schedules, by name, so that a new schedule is drawn too
_OF_SCHEDULES: dict[str, Any] = {
    "lr": 1.0,
    "max_lr": 1.0,
    "total_steps": _STEPS,
    "step_size": 25,
    "milestones": (30, 60, 80),
    "warmup_steps": 20,
    "gamma": 0.5,
}
#: further curves: what is changed, and by what
_VARIANTS: dict[str, dict[str, Any]] = {
    "polynomial_schedule": {"power": 2.0},
    "cosine_schedule": {"total_steps": 14, "restart_factor": 2},
    "one_cycle_schedule": {"anneal": "linear"},
    "exponential_schedule": {"gamma": 0.9},
    "warmup_schedule": {"one_based": True, "start_lr": 0.5},
}


def _schedule(op: Operation, backend: Backend) -> tuple[str, str] | None:
    if "step" not in op.signature.parameters:
        return _plateau(op, backend) if op.name == "reduce_on_plateau" else None
    needed = {name: value for name, value in _OF_SCHEDULES.items() if name in _needed(op)}
    if op.name == "exponential_schedule":
        needed["gamma"] = 0.97
    if _needed(op) - {"step", *needed}:
        return None
    varied = _VARIANTS.get(op.name, {})
    curves = [needed, needed | varied][: 2 if varied else 1]
    steps = np.arange(_STEPS + 11)

    def draw(axes: Axes) -> None:
        for number, options in enumerate(curves):
            rate = backend.to_numpy(getattr(backend, op.name)(backend.asarray(steps, dtype="int32"), **options))
            shown = {name: options.get(name, op.signature.parameters[name].default) for name in varied}
            style: dict[str, Any] = {"color": COLOURS[number], "linestyle": ("-", "--")[number], "linewidth": 1.8}
            axes.plot(steps, np.broadcast_to(rate, steps.shape), label=_listed(shown), **style)
        axes.set_xlabel("step")
        axes.set_ylabel("rate")
        axes.set_ylim(bottom=0)

    fixed = {name: value for name, value in needed.items() if name not in varied}
    return svg(op.name, f"{op.name} over the steps", draw), f"With {_listed(fixed)}."


def _listed(options: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in options.items())


def _plateau(op: Operation, backend: Backend) -> tuple[str, str]:
    epochs = np.arange(40)
    losses = np.maximum(np.exp(-epochs / 6.0), 0.2)
    state, rates = None, []
    for loss in losses:
        rate, state = backend.reduce_on_plateau(float(loss), state, lr=1.0, factor=0.5, patience=5)
        rates.append(float(rate))

    def draw(axes: Axes) -> None:
        axes.plot(epochs, losses, color=COLOURS[1], linestyle="--", label="loss", linewidth=1.8)
        axes.step(epochs, rates, where="post", color=COLOURS[0], label="rate", linewidth=1.8)
        axes.set_xlabel("epoch")
        axes.set_ylim(bottom=0)

    return svg(op.name, f"{op.name} over the epochs", draw), "With lr = 1, factor = 0.5, patience = 5."


# -- initializers --------------------------------------------------------------------------------------

_SHAPE = (200, 300)
_SMALL = (64, 96)  # where every draw is a product of reflections


def _distribution(op: Operation, backend: Backend) -> tuple[str, str] | None:
    if "key" not in op.signature.parameters or _needed(op) > {"key", "shape"}:
        return None
    shape = _SMALL if op.name == "init_orthogonal" else _SHAPE
    values = backend.to_numpy(getattr(backend, op.name)(backend.key(0), shape)).ravel()
    zero = float(np.mean(values == 0))
    drawn = values[values != 0] if zero > 0.01 else values

    def draw(axes: Axes) -> None:
        density, edges = np.histogram(drawn, bins=_bins(drawn), density=True)
        axes.stairs(density, edges, fill=True, color=COLOURS[0], alpha=0.35)
        axes.stairs(density, edges, color=COLOURS[0], linewidth=1.4)
        axes.set_xlabel("weight")
        axes.set_ylabel("density")

    rest = f" {zero:.1%} of the entries are 0 and not drawn." if zero > 0.01 else ""
    caption = (
        f"The entries of a weight of shape {shape}, key 0: mean {values.mean():.4f}, std {values.std():.4f}.{rest}"
    )
    return svg(op.name, f"what {op.name} draws", draw), caption


def _bins(values: Floats) -> Sequence[float]:
    return [float(edge) for edge in np.linspace(values.min(), values.max(), 49)]
