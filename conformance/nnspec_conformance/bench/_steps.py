"""Training steps of whole models, against loops written by hand in the same framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from nnspec.errors import ArgumentError
from nnspec.results import Bench
from nnspec_conformance.bench._curves import MOVED, STEPS, allowed, curves_differ
from nnspec_conformance.bench._load import Load
from nnspec_conformance.bench._measured import Measured
from nnspec_conformance.bench._processes import BenchError, Processes, Remote, SkippedError
from nnspec_conformance.bench._targets import MODELS, WHOLE, Target, by_hand, is_met
from nnspec_conformance.bench._timing import Rounds, paired_rounds

__all__ = ["chosen_models", "make_trainer", "measure_steps", "records_of"]

_HERE = "nnspec_conformance.bench._steps:make_trainer"
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


def make_trainer(
    contestant: str, model: str, device: str | None = None, dropout: bool = True, moved: int = 0, **ours: Any
) -> _Curved:
    """A contestant by its name.

    Args:
        contestant: its name.
        model: to train.
        device: where.
        dropout: whether the model has the dropout it has.
        moved: which of the ways to move its weights by a rounding unit; 0: not at all.
        ours: of one of ours the backend's name, and whether to compile it whole.
    """
    from nnspec_benchmarks.models import MODELS as TABLE
    from nnspec_benchmarks.models import setup

    chosen = TABLE[model] if dropout else TABLE[model].without_dropout()
    given = setup(chosen, device, moved)
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


@dataclass(frozen=True)
class _Entry:
    """A contestant before it is made."""

    name: str
    #: the framework whose process it runs in
    process: str
    device: str | None
    #: of ours: the backend's name, and whether it is compiled whole
    ours: dict[str, Any] = field(default_factory=dict)
    #: whether it is another library, which is bound by nothing: without it the run is as valid as with it
    reported: bool = False

    def made(self, processes: Processes, model: str, *, name: str = "", **more: Any) -> Remote:
        """It, under its own name or another."""
        options = {"contestant": self.name, "model": model, "device": self.device, **more, **self.ours}
        try:
            return Remote(processes[self.process], name or self.name, _HERE, **options)
        except BenchError as error:
            raise BenchError(str(error), self.name) from error

    def losses(self, processes: Processes, model: str, **more: Any) -> list[float]:
        """Those of its first steps, without dropout: everyone draws masks of their own."""
        probe = self.made(processes, model, dropout=False, **more)
        found: list[float] = probe.call("losses", count=STEPS)
        probe.drop()
        return found

    def missed(self, measured: Measured, model: str, why: object) -> None:
        """Say that it was not measured."""
        if isinstance(why, SkippedError):
            measured.note("info", f"{model}: {self.name} not measured: {why}")
        elif self.reported:
            measured.note("warning", f"{model}: {self.name} not measured (it is reported, and bound by nothing): {why}")
        else:
            measured.note("suite-error", f"{model}: {self.name} not measured: {why}")


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
    measured: Measured,
    done: Callable[[], None] = lambda: None,
) -> None:
    """Every row of the table, model by model.

    Args:
        processes: where contestants run.
        rows: what is compared with what.
        devices: of each backend's and its framework's process; others use the host.
        models: to train.
        rounds: of each model.
        measured: where records go.
        done: called after every model.
    """
    entries = _entries(rows, devices)
    for model in models:
        fit = _that_train_alike(processes, entries, model, measured)
        while here := _rows_of(fit, rows):
            try:
                measured.record(_timed(processes, fit, here, model, devices=devices, rounds=rounds))
                break
            except (BenchError, SkippedError) as error:  # the others once more, without the one that it happened to
                (lost,) = [entry for entry in fit if entry.name == error.contestant.removesuffix(_AGAIN)]
                lost.missed(measured, model, error)
                fit = [entry for entry in fit if entry is not lost]
        done()


def _rows_of(entries: Sequence[_Entry], rows: Sequence[Target]) -> list[Target]:
    """The rows whose contestants are all there."""
    names = {entry.name for entry in entries}
    return [row for row in rows if {row.contestant, row.against} <= names]


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
    contestants: dict[str, Remote] = {}
    try:
        for entry in entries:
            if entry.name in in_rows:
                for name in (entry.name, entry.name + _AGAIN) if entry.name in baselines else (entry.name,):
                    contestants[name] = entry.made(processes, model, name=name)
        found = paired_rounds(contestants, rounds, watch=Load(processes.pids))
    finally:
        for contestant in contestants.values():
            contestant.drop()
    return records_of(found, rows, model, devices=devices, threads=processes.threads)


def _entries(rows: Sequence[Target], devices: Mapping[str, str]) -> list[_Entry]:
    """Every contestant of these rows once, those written by hand first."""
    entries = {row.against: _Entry(row.against, row.framework, devices.get(row.framework)) for row in rows}
    for row in rows:
        ours = {"backend": row.backend, "fuse": row.variant == WHOLE} if row.ours else {}
        entries[row.contestant] = _Entry(
            row.contestant, row.process, devices.get(row.process), ours, reported=not row.ours
        )
    return list(entries.values())


def _that_train_alike(processes: Processes, entries: Sequence[_Entry], model: str, measured: Measured) -> list[_Entry]:
    """The contestants whose losses are those of the others."""
    curves: dict[str, list[float]] = {}
    for entry in entries:
        try:
            curves[entry.name] = entry.losses(processes, model)
        except (BenchError, SkippedError) as error:
            entry.missed(measured, model, error)
    if len(curves) < 2:
        return []
    different = curves_differ(curves, _bounds(processes, model, measured))
    for entry in entries:
        if entry.name in different:
            entry.missed(measured, model, different[entry.name])
    return [entry for entry in entries if entry.name in curves and entry.name not in different]


def _bounds(processes: Processes, model: str, measured: Measured) -> list[float] | None:
    """How far losses may lie apart at each step, by the plainest code there is; None where that cannot be run."""
    plain = _Entry(by_hand("numpy"), "numpy", None)
    try:
        moved = [plain.losses(processes, model, moved=way) for way in range(1 + MOVED)]
    except BenchError as error:
        measured.note("suite-error", f"{model}: not known how far losses may lie apart: {error}")
        return None
    return allowed(moved[0], moved[1:])


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
