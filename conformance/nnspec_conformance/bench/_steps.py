"""Training steps of whole models, against loops written by hand in the same framework."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from nnspec.errors import ArgumentError
from nnspec.results import Bench, Note
from nnspec_conformance.bench._load import Load
from nnspec_conformance.bench._processes import BenchError, Processes, Remote, SkippedError
from nnspec_conformance.bench._targets import MODELS, WHOLE, Target, by_hand, is_met
from nnspec_conformance.bench._timing import Rounds, paired_rounds

__all__ = ["Measured", "chosen_models", "curves_differ", "make_trainer", "measure_steps", "records_of"]

_HERE = "nnspec_conformance.bench._steps:make_trainer"
#: relative distance of two losses of float32 at which curves are not those of the same training
TOLERANCE = 1e-3
#: steps that are compared
_CURVE = 10
#: appended to the name of a baseline that is entered a second time
_AGAIN = " again"


# -- in the process of a framework ---------------------------------------------------------------------------------


class _Curved:
    """A trainer, and its losses over some steps."""

    def __init__(self, trainer: Any) -> None:
        self.trainer = trainer
        self.step, self.wait = trainer.step, trainer.wait
        self.on_cuda = getattr(trainer, "on_cuda", False)

    def losses(self, count: int) -> list[float]:
        found = []
        for _ in range(count):
            self.trainer.step()
            found.append(self.trainer.loss())
        return found


def make_trainer(contestant: str, model: str, device: str | None = None, dropout: bool = True, **ours: Any) -> _Curved:
    """A contestant by its name; of ours, `ours` has the backend's name and whether to compile it whole."""
    from nnspec_benchmarks.models import MODELS as TABLE
    from nnspec_benchmarks.models import setup

    chosen = TABLE[model] if dropout else TABLE[model].without_dropout()
    given = setup(chosen, device)
    if ours:
        import nnspec
        from nnspec_benchmarks.nnspec_models import NnspecTrainer

        return _Curved(NnspecTrainer(given, nnspec.get_backend(ours["backend"], device=device), fuse=ours["fuse"]))
    return _Curved(_by_hand(contestant)(given))


def _by_hand(contestant: str) -> Callable[[Any], Any]:
    if contestant == by_hand("torch"):
        from nnspec_benchmarks.torch_models import TorchTrainer

        return TorchTrainer
    if contestant == by_hand("jax"):
        from nnspec_benchmarks.jax_models import JaxTrainer

        return JaxTrainer
    if contestant == by_hand("numpy"):
        from nnspec_benchmarks.numpy_models import NumpyTrainer

        return NumpyTrainer
    if contestant == "autograd":
        from nnspec_benchmarks.autograd_models import AutogradTrainer

        return AutogradTrainer
    from nnspec_benchmarks.keras_models import KerasTrainer

    return KerasTrainer


# -- outside -------------------------------------------------------------------------------------------------------


@dataclass
class Measured:
    """What a run found, and what there is to say about it."""

    records: list[Bench] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def note(self, level: Literal["info", "warning", "suite-error"], message: str) -> None:
        """Say something."""
        self.notes.append(Note(level=level, message=message))

    @contextlib.contextmanager
    def attempting(self, what: str) -> Iterator[None]:
        """What cannot be measured is said, and the run goes on."""
        try:
            yield
        except SkippedError as skipped:
            self.note("info", f"{what} not measured: {skipped}")
        except BenchError as error:
            self.note("warning", f"{what} not measured: {error}")

    def add(self, more: Measured) -> None:
        """All of it."""
        self.records += more.records
        self.notes += more.notes


@dataclass(frozen=True)
class _Entry:
    """A contestant before it is made."""

    name: str
    #: the framework whose process it runs in
    process: str
    device: str | None
    #: of ours: the backend's name, and whether it is compiled whole
    ours: dict[str, Any] = field(default_factory=dict)

    def made(self, processes: Processes, model: str, *, name: str = "", dropout: bool = True) -> Remote:
        """It, under its own name or another."""
        options = {"contestant": self.name, "model": model, "device": self.device, "dropout": dropout, **self.ours}
        return Remote(processes[self.process], name or self.name, _HERE, **options)


def chosen_models(only: str | None) -> list[str]:
    """The models that a pattern names.

    Raises:
        ArgumentError: there are none.
    """
    found = [m for m in MODELS if only is None or fnmatchcase(m.lower(), only.lower())]
    if not found:
        raise ArgumentError(f"only: {only!r} matches no model; there are {', '.join(MODELS)}")
    return found


def measure_steps(
    processes: Processes,
    rows: Sequence[Target],
    *,
    devices: Mapping[str, str],
    models: Sequence[str],
    rounds: int,
    done: Callable[[], None] = lambda: None,
) -> Measured:
    """Every row of the table, model by model.

    Args:
        processes: where contestants run.
        rows: what is compared with what.
        devices: of each backend's and its framework's process; others use the host.
        models: to train.
        rounds: of each model.
        done: called after every model.
    """
    measured = Measured()
    entries = _entries(rows, devices)
    for model in models:
        fit = _that_train_alike(processes, entries, model, measured)
        names = {entry.name for entry in fit}
        here = [row for row in rows if {row.contestant, row.against} <= names]
        if here:
            measured.records += _timed(processes, fit, here, model, devices=devices, rounds=rounds)
        done()
    return measured


def _timed(
    processes: Processes,
    entries: Sequence[_Entry],
    rows: Sequence[Target],
    model: str,
    *,
    devices: Mapping[str, str],
    rounds: int,
) -> list[Bench]:
    """The rows of one model; what others are compared with is entered twice."""
    baselines = {row.against for row in rows}
    in_rows = baselines | {row.contestant for row in rows}
    contestants = {
        name: entry.made(processes, model, name=name)
        for entry in entries
        if entry.name in in_rows
        for name in ((entry.name, entry.name + _AGAIN) if entry.name in baselines else (entry.name,))
    }
    found = paired_rounds(contestants, rounds, watch=Load(processes.pids))
    for contestant in contestants.values():
        contestant.drop()
    return records_of(found, rows, model, devices=devices, threads=processes.threads)


def _entries(rows: Sequence[Target], devices: Mapping[str, str]) -> list[_Entry]:
    """Every contestant of these rows once, those written by hand first."""
    entries = {row.against: _Entry(row.against, row.framework, devices.get(row.framework)) for row in rows}
    for row in rows:
        ours = {"backend": row.backend, "fuse": row.variant == WHOLE} if row.ours else {}
        entries[row.contestant] = _Entry(row.contestant, row.process, devices.get(row.process), ours)
    return list(entries.values())


def _that_train_alike(processes: Processes, entries: Sequence[_Entry], model: str, measured: Measured) -> list[_Entry]:
    """The contestants whose losses are those of the others, without dropout: everyone draws masks of their own."""
    curves: dict[str, list[float]] = {}
    for entry in entries:
        try:
            probe = entry.made(processes, model, dropout=False)
            curves[entry.name] = probe.call("losses", count=_CURVE)
            probe.drop()
        except SkippedError as skipped:
            measured.note("info", f"{model}: {entry.name} not measured: {skipped}")
        except BenchError as error:
            measured.note("suite-error", f"{model}: {error}")
    different = curves_differ(curves)
    for name, why in different.items():
        measured.note("suite-error", f"{model}: {name} not measured: {why}")
    return [entry for entry in entries if entry.name in curves and entry.name not in different]


def curves_differ(curves: Mapping[str, Sequence[float]]) -> dict[str, str]:
    """Which contestants do not train as the others do, and why: no time of theirs means anything.

    The curve that most others agree with is taken for right.
    """
    if not curves:
        return {}
    agree = {name: sum(_distance(c, other) <= TOLERANCE for other in curves.values()) for name, c in curves.items()}
    right = max(agree, key=lambda name: agree[name])
    found = {}
    for name, curve in curves.items():
        distance = _distance(curve, curves[right])
        if not distance <= TOLERANCE:
            found[name] = f"its losses are off those of {right} by {distance:.1e}: {_first(curve, curves[right])}"
    return found


def _distance(curve: Sequence[float], other: Sequence[float]) -> float:
    """The largest relative distance of two losses; infinite where one is not finite."""
    return max(
        abs(a - b) / max(abs(b), 1e-9) if math.isfinite(a) and math.isfinite(b) else math.inf
        for a, b in zip(curve, other, strict=True)
    )


def _first(curve: Sequence[float], other: Sequence[float]) -> str:
    pairs = enumerate(zip(curve, other, strict=True))
    step, a, b = next((i, a, b) for i, (a, b) in pairs if not _distance([a], [b]) <= TOLERANCE)
    return f"step {step}, {a:.7g} and {b:.7g}"


def records_of(
    found: Rounds, rows: Sequence[Target], model: str, *, devices: Mapping[str, str], threads: int
) -> list[Bench]:
    """One a row: how long ours takes over what it is compared with."""
    names = [name for name in found.seconds if name + _AGAIN in found.seconds]
    noise = {name: found.ratio(name + _AGAIN, name).half_width for name in names}
    records = []
    for row in rows:
        ratio = found.ratio(row.contestant, row.against)
        device = devices.get(row.process, "cpu")
        bound = (row.bounds or {}).get(model) if device == "cpu" else None
        met = None if bound is None else is_met(ratio.value, bound, noise[row.against])
        records.append(
            Bench(
                what="steps",
                backend=row.backend,
                device=device,
                case=model,
                variant=row.variant,
                against=row.against,
                quantity="seconds",
                value=found.median(row.contestant),
                reference=found.median(row.against),
                ratio=ratio.value,
                low=ratio.low,
                high=ratio.high,
                noise=noise[row.against],
                bound=bound,
                met=met,
                rounds=found.count,
                disturbed=found.disturbed,
                kept=found.kept,
                threads=threads,
            )
        )
    return records
