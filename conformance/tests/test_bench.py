"""`nnspec bench`: contestants that train alike, true ratios, a gate that shuts. Nothing here depends on speed."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import nnspec
from nnspec.cli import main
from nnspec.errors import ArgumentError
from nnspec.results import Bench, read_results
from nnspec_benchmarks.models import MODELS, setup
from nnspec_benchmarks.nnspec_models import NnspecTrainer
from nnspec_benchmarks.numpy_models import NumpyTrainer
from nnspec_conformance.bench import _load, _run, _steps, _targets, _worker
from nnspec_conformance.bench._curves import allowed, curves_differ
from nnspec_conformance.bench._gate import regressions
from nnspec_conformance.bench._growth import exponent
from nnspec_conformance.bench._inputs import WORK, arrays_of
from nnspec_conformance.bench._journal import Journal
from nnspec_conformance.bench._measured import Measured, one_line
from nnspec_conformance.bench._processes import Processes, Remote, SkippedError
from nnspec_conformance.bench._steps import measure_steps, records_of
from nnspec_conformance.bench._tables import bounds_told, steps_table
from nnspec_conformance.bench._targets import MODELS as COLUMNS
from nnspec_conformance.bench._targets import TARGETS, is_met, targets_of
from nnspec_conformance.bench._timing import Rounds, paired_rounds, ratio_of

# -- contestants -------------------------------------------------------------------------------------------------


def losses(trainer: Any, count: int = 10) -> list[float]:
    found = []
    for _ in range(count):
        trainer.step()
        found.append(trainer.loss())
    trainer.wait()
    return found


def by_hand(name: str) -> Callable[[Any], Any]:
    if importlib.util.find_spec({"jax": "optax"}.get(name, name)) is None:
        pytest.skip(f"{name} is not installed")
    module = importlib.import_module(f"nnspec_benchmarks.{name}_models")
    trainer: Callable[[Any], Any] = getattr(module, f"{name.capitalize()}Trainer")
    return trainer


@pytest.mark.parametrize("name", ["torch", "jax", "autograd"])
@pytest.mark.parametrize("model", ["tiny", "mid+"])
def test_hand_written_contestants_train_as_numpy_by_hand_does(name: str, model: str) -> None:
    given = setup(MODELS[model].without_dropout())
    curves = {"numpy": losses(NumpyTrainer(given)), name: losses(by_hand(name)(given))}
    assert curves_differ(curves) == {}
    assert len(set(curves["numpy"])) == 10  # they do train


def test_hand_written_convolutions_agree() -> None:
    given = setup(MODELS["CNN"])
    curves = {"numpy": losses(NumpyTrainer(given), 3), "torch": losses(by_hand("torch")(given), 3)}
    assert curves_differ(curves) == {}


@pytest.mark.parametrize(
    ("backend", "model"), [("numpy", "tiny"), ("numpy", "mid+"), ("torch", "tiny"), ("torch", "mid+"), ("jax", "tiny")]
)
def test_ours_trains_as_what_is_written_by_hand(backend: str, model: str) -> None:
    given = setup(MODELS[model].without_dropout())
    ours = NnspecTrainer(given, nnspec.get_backend(backend))
    assert curves_differ({"by hand": losses(NumpyTrainer(given)), "ours": losses(ours)}) == {}


@pytest.mark.parametrize("model", ["mid+", "CNN"])
def test_ours_trains_with_dropout_and_convolutions(model: str) -> None:
    given = setup(MODELS[model])
    curve = losses(NnspecTrainer(given, nnspec.get_backend("numpy")), 3)
    assert np.isfinite(curve).all()
    differ = curves_differ({"by hand": losses(NumpyTrainer(given), 3), "ours": curve})
    assert bool(differ) == (model == "mid+")  # whose masks are everyone's own


def test_a_contestant_that_trains_otherwise_is_named() -> None:
    given = setup(MODELS["tiny"])
    right, wrong = losses(NumpyTrainer(given)), NumpyTrainer(given)
    wrong.adam.beta1 = np.asarray(0.8, np.float32)
    bounds = allowed(right, [losses(NumpyTrainer(setup(MODELS["tiny"], moved=1)))])
    found = curves_differ({"a": right, "b": list(right), "c": losses(wrong)}, bounds)
    assert set(found) == {"c"}
    assert "step" in found["c"]


def test_losses_may_lie_as_far_apart_as_rounding_carries_them() -> None:
    given, calm = setup(MODELS["tiny"]), [1.0] * 4
    bounds = allowed(calm, [[1.0, 1.001, 1.0, 1.0], [1.0, 1.0, float("nan"), 1.0]])
    assert bounds == pytest.approx([1e-3, 8e-3, 8e-3, 8e-3])  # what came together once does not go away
    assert curves_differ({"a": calm, "b": calm, "c": [1.0, 1.007, 0.993, 1.007]}, bounds) == {}
    assert "step 0" in curves_differ({"a": calm, "b": calm, "c": [1.002, 1.0, 1.0, 1.0]}, bounds)["c"]
    assert "step 2" in curves_differ({"a": calm, "b": calm, "c": [1.0, 1.0, 1.01, 1.0]}, bounds)["c"]
    curves = [losses(NumpyTrainer(setup(given.model, moved=way))) for way in range(3)]
    assert max(allowed(curves[0], curves[1:])) == 1e-3  # of a small model rounding makes no difference


def test_weights_are_moved_by_one_rounding_unit() -> None:
    model = MODELS["tiny"]
    drawn, moved, otherwise = (setup(model, moved=way).weights for way in (0, 1, 2))
    for name, x in drawn.items():
        units = (moved[name].view(np.int32) - x.view(np.int32)).tolist()
        assert moved[name].dtype == np.float32
        assert set(np.ravel(units)) == ({0} if name.endswith("bias") else {-1, 1})
    assert any((moved[name] != otherwise[name]).any() for name in drawn)


def test_a_loss_that_is_not_finite_is_no_loss() -> None:
    assert set(curves_differ({"a": [1.0, 2.0], "b": [1.0, float("nan")]})) == {"b"}
    assert set(curves_differ({"a": [float("nan")]})) == {"a"}


def test_all_start_from_the_same_weights_and_see_the_same_batches() -> None:
    first, second = setup(MODELS["tiny"]), setup(MODELS["tiny"])
    assert all((first.weights[k] == second.weights[k]).all() for k in first.weights)
    for (x, y), (again, labels) in zip(first.batches, second.batches, strict=True):
        assert (x == again).all()
        assert (y == labels).all()


# -- rounds ------------------------------------------------------------------------------------------------------


class Clockwork:
    """Takes exactly so long a step, times what the machine is slowed down by in this round."""

    def __init__(self, seconds: float, machine: Callable[[], float] = lambda: 1.0) -> None:
        self.seconds, self.machine = seconds, machine
        self.blocks: list[int] = []

    def block(self, steps: int) -> float:
        self.blocks.append(steps)
        return self.seconds * steps * self.machine()


class Calm:
    """Sees nobody else at work, or in the rounds given."""

    def __init__(self, disturbed: Sequence[int] = ()) -> None:
        self.disturbed, self.round = disturbed, -1

    def start(self) -> None:
        self.round += 1

    def excess(self) -> float:
        return 1.0 + self.round if self.round in self.disturbed else 0.0


def test_the_ratio_is_that_of_the_contestants_whatever_the_machine_does() -> None:
    calm = Calm()

    def slow() -> float:
        return 1.0 + 25.0 * (calm.round % 3 == 0)

    found = paired_rounds({"ours": Clockwork(0.003, slow), "theirs": Clockwork(0.002, slow)}, 30, watch=calm)
    assert found.ratio("ours", "theirs").value == pytest.approx(1.5)
    assert found.ratio("ours", "theirs").half_width == pytest.approx(0.0)
    assert found.count == 30


def test_a_block_takes_long_enough() -> None:
    quick, slow = Clockwork(1e-5), Clockwork(1.0)
    paired_rounds({"quick": quick, "slow": slow}, 3, watch=Calm(), least=0.005)
    assert all(steps * 1e-5 >= 0.005 for steps in quick.blocks[-3:])
    assert slow.blocks[-3:] == [1, 1, 1]


def test_who_begins_goes_round() -> None:
    order: list[str] = []

    class Named(Clockwork):
        def __init__(self, name: str) -> None:
            super().__init__(1.0)
            self.name = name

        def block(self, steps: int) -> float:
            order.append(self.name)
            return super().block(steps)

    paired_rounds({name: Named(name) for name in "abc"}, 3, watch=Calm())
    assert "".join(order[3:]) == "abcbcacab"


def test_a_disturbed_round_is_repeated_and_counted() -> None:
    found = paired_rounds({"a": Clockwork(0.01)}, 5, watch=Calm(disturbed=(1, 3)))
    assert (found.count, found.disturbed, found.kept) == (5, 2, 0)


def test_the_least_disturbed_are_kept_where_nothing_else_is_to_be_had() -> None:
    calm = Calm(disturbed=range(100))
    found = paired_rounds({"a": Clockwork(0.01, lambda: 1.0 + max(0, calm.round))}, 5, watch=calm)
    assert (found.count, found.disturbed, found.kept) == (5, 15, 5)
    assert max(found.seconds["a"]) == pytest.approx(0.05)


def test_foreign_load_is_what_the_processors_do_beside_us(monkeypatch: pytest.MonkeyPatch) -> None:
    busy, ours = iter([100.0, 104.0, 104.0]), iter([10.0, 13.0, 13.0])
    monkeypatch.setattr(_load, "_busy", lambda: next(busy))
    monkeypatch.setattr(_load.Load, "_ours", lambda self: next(ours))
    load = _load.Load()
    assert load.foreign() == pytest.approx(1.0)
    assert load.excess() > 0


def test_noise_is_the_interval_of_the_baseline_against_itself() -> None:
    seconds = {
        "torch": [1.0] * 30,
        "torch by hand": [2.0] * 30,
        "torch by hand again": [2.0 + 0.01 * i for i in range(30)],
    }
    (row,) = [t for t in TARGETS if t.contestant == "torch"]
    found = Rounds(seconds, disturbed=1, kept=0)
    (record,) = records_of(found, [row], "tiny", devices={"torch": "cpu"}, threads=2)
    ratios = sorted(s / 2.0 for s in seconds["torch by hand again"])
    assert record.noise == pytest.approx((ratios[20] - ratios[9]) / 2)
    assert (record.ratio, record.bound, record.met) == (pytest.approx(0.5), 0.65, True)
    on_gpu = records_of(found, [row], "tiny", devices={"torch": "cuda:0"}, threads=2)
    assert on_gpu[0].bound is None


def test_the_interval_of_a_median_holds_it_in_95_of_100_runs() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        ratio = ratio_of((1.3 * rng.lognormal(0.0, 0.1, 30)).tolist(), [1.0] * 30)
        held += ratio.low <= 1.3 <= ratio.high
    assert 0.93 <= held / 400 <= 0.985


def test_every_row_has_a_bound_for_every_model() -> None:
    assert all(set(row.bounds or {}) == set(COLUMNS) for row in TARGETS)
    assert set(COLUMNS) == set(MODELS)


def test_a_bound_is_met_within_the_noise_unless_that_would_excuse_anything() -> None:
    assert is_met(1.06, 1.05, 0.02) is True
    assert is_met(1.08, 1.05, 0.02) is False
    assert is_met(1.15, 1.05, 5.2) is None
    assert is_met(7.0, 1.05, 5.2) is False
    assert bounds_told([bench_record(1.15, bound=1.05, met=None)]) == ["0 of 1 bounds met, 1 undecided for noise"]
    assert steps_table([bench_record(1.15, bound=1.05, met=None)]).row_count == 2


def test_a_backend_that_is_none_of_ours_is_bound_by_nothing() -> None:
    assert [(row.against, row.bounds) for row in targets_of({"mine:Backend": "mine"})] == [("numpy by hand", None)]
    named = targets_of({"mine:Mine": "numpy"})
    assert [row.backend for row in named if row.ours] == ["mine:Mine", "mine:Mine"]


# -- the processes -----------------------------------------------------------------------------------------------


def test_a_contestant_in_a_process_of_its_own_trains_and_is_timed() -> None:
    with Processes(threads=1) as processes:
        where = "nnspec_conformance.bench._steps:make_trainer"
        remote = Remote(processes["numpy"], "a", where, contestant="numpy by hand", model="tiny")
        here = losses(NumpyTrainer(setup(MODELS["tiny"])), 3)
        assert remote.call("losses", count=3) == pytest.approx(here, rel=1e-5)
        assert remote.block(2) > 0
        with pytest.raises(SkippedError, match=r"convolution|nnspec\[bench\]"):
            Remote(processes["numpy"], "b", where, contestant="autograd", model="CNN")


def test_a_block_waits_before_it_begins_and_before_it_ends() -> None:
    seen: list[str] = []

    class Trainer:
        def step(self) -> None:
            seen.append("s")

        def wait(self) -> None:
            seen.append("w")

    _worker.block(Trainer(), 3)
    before, timed = "".join(seen)[:-4], "".join(seen)[-4:]
    assert timed == "sssw"
    assert before == "sw" * (len(before) // 2) != ""  # a step that is only asked for takes no time


# -- contestants that fail ---------------------------------------------------------------------------------------

#: two of ours, each over a loop of its own framework, and another library
ROWS = [
    _targets.Target("a", "a", bounds={"tiny": 2.0, "mid": 2.0}, process="a"),
    _targets.Target("b", "b", bounds={"tiny": 2.0, "mid": 2.0}, process="b"),
    _targets.Target("other", "a", process="other", ours=False),
]


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Measured]:
    """Measures `ROWS` with contestants that fail as told, each round of which takes a given time."""
    monkeypatch.setattr(_steps, "_HERE", "fake_contestants:make")
    monkeypatch.setattr(_steps, "paired_rounds", one_block)
    monkeypatch.setattr(_targets, "TARGETS", ())
    paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))

    def run(fakes: Mapping[str, str], *models: str, patience: float = 60.0) -> Measured:
        monkeypatch.setenv("FAKES", json.dumps(fakes))
        measured = Measured()
        with Processes(1, patience) as processes:
            measure_steps(processes, ROWS, devices={}, models=models or ("tiny",), rounds=2, measured=measured)
        return measured

    return run


def one_block(contestants: Mapping[str, Remote], rounds: int, **_: Any) -> Rounds:
    assert all(contestant.block(1) > 0 for contestant in contestants.values())
    return Rounds({name: [1.0] * rounds for name in contestants}, disturbed=0, kept=0)


def compared(measured: Measured) -> set[str]:
    return {f"{r.case}: {r.backend} / {r.against}" for r in measured.records}


ALL = {"tiny: a / a by hand", "tiny: b / b by hand", "tiny: other / a by hand"}


def test_contestants_that_do_not_fail_are_measured(faked: Callable[..., Measured]) -> None:
    measured = faked({})
    assert compared(measured) == ALL
    assert measured.notes == []


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("block dies", "the process of a ended with exit code 3"),
        ("block hangs", "no answer for 5 s"),
        ("losses raises", "RuntimeError: backend='inductor' raised: NotImplementedError: Cannot access storage"),
    ],
)
def test_one_that_fails_is_said_and_the_others_are_measured(
    faked: Callable[..., Measured], how: str, words: str
) -> None:
    measured = faked({"a": how}, patience=5.0 if "hangs" in how else 60.0)
    assert compared(measured) == ALL - {"tiny: a / a by hand"}
    (note,) = measured.notes
    assert (note.level, note.message) == ("suite-error", f"tiny: a not measured: {words}")


def test_without_a_loop_by_hand_nothing_is_compared_with_it(faked: Callable[..., Measured]) -> None:
    measured = faked({"a by hand": "block dies"})
    assert compared(measured) == {"tiny: b / b by hand"}
    assert [note.level for note in measured.notes] == ["suite-error"]


@pytest.mark.parametrize("how", ["losses differs", "block dies"])
def test_what_is_reported_only_leaves_the_run_valid(faked: Callable[..., Measured], how: str) -> None:
    measured = faked({"other": how})
    assert compared(measured) == ALL - {"tiny: other / a by hand"}
    (note,) = measured.notes
    assert note.level == "warning"
    assert note.message.startswith("tiny: other not measured (it is reported, and bound by nothing): ")


def test_one_of_ours_that_trains_otherwise_makes_it_invalid(faked: Callable[..., Measured]) -> None:
    measured = faked({"b": "losses differs"}, "tiny", "mid")
    assert compared(measured) == {f"{model}: {c} / a by hand" for model in ("tiny", "mid") for c in ("a", "other")}
    assert [note.level for note in measured.notes] == ["suite-error", "suite-error"]
    assert "b not measured: its losses are off those of a by hand by 5.0e-02" in measured.notes[0].message


def test_a_message_is_one_line_without_advice() -> None:
    text = "Unsupported: a branch\n  Hint: set TORCH_LOGS=+dynamo\n  on data\n\nfrom user code:\n  line 3"
    assert one_line(text) == "Unsupported: a branch on data"
    assert one_line("\n\n") == ""
    assert len(one_line("word " * 100)) == 300


# -- records as they come ----------------------------------------------------------------------------------------


def test_a_results_file_can_be_read_after_every_record(tmp_path: Path) -> None:
    path, now = tmp_path / "b.jsonl", iter([0.0, 8.0, 123456.7, 9.0])
    header, _ = _file()
    with Journal(path, header, 0.0, lambda: next(now)) as journal:
        for count, ratio in enumerate((1.0, 2.0), 1):
            journal.add(bench_record(ratio))
            found = read_results(path)
            assert [r.ratio for r in found.benches] == [1.0, 2.0][:count]
            assert not found.footer.complete
        journal.complete()
    found = read_results(path)
    assert (found.footer.complete, found.footer.seconds, len(found.benches)) == (True, 9.0, 2)


def test_an_interrupted_run_leaves_what_it_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nnspec_command: Any
) -> None:
    monkeypatch.setattr(_targets, "TARGETS", [t for t in TARGETS if t.against == "numpy by hand"])
    monkeypatch.setattr(_targets, "REPORTED", {})
    path, measured = tmp_path / "b.jsonl", []

    def once(contestants: Mapping[str, Remote], rounds: int, **more: Any) -> Rounds:
        measured.extend(read_results(path).benches)
        if measured:
            raise KeyboardInterrupt
        return one_block(contestants, rounds, **more)

    monkeypatch.setattr(_steps, "paired_rounds", once)
    done = command("numpy", "--only", "mid*", "--rounds", 2, "--threads", 1, "--results", path)
    assert done.exit_code == 2, done.output
    assert "suite-error: interrupted: what is not here was not measured" in done.stdout
    found = read_results(path)
    assert [r.case for r in found.benches] == ["mid"]
    assert not found.footer.complete
    report = nnspec_command("report", path, "-o", tmp_path / "r.md")
    assert report.returncode == 0, report.stderr
    assert "numpy by hand" in (tmp_path / "r.md").read_text()


@pytest.mark.parametrize(("fakes", "code"), [({"other": "losses differs"}, 0), ({"b": "block dies"}, 2)])
def test_the_exit_code_tells_whether_something_bound_is_missing(
    faked: Callable[..., Measured], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fakes: dict[str, str], code: int
) -> None:
    monkeypatch.setattr(_run, "targets_of", lambda _: ROWS)
    monkeypatch.setenv("FAKES", json.dumps(fakes))
    path = tmp_path / "b.jsonl"
    done = command("numpy", "--only", "tiny", "--rounds", 2, "--threads", 1, "--timeout", 60, "--results", path)
    assert done.exit_code == code, done.output
    assert f"tiny: {next(iter(fakes))} not measured" in done.stdout
    found = read_results(path)
    assert len(found.benches) == 2
    assert found.footer.complete


# -- the gate ----------------------------------------------------------------------------------------------------


def bench_record(ratio: float, noise: float = 0.01, **changes: Any) -> Bench:
    fields: dict[str, Any] = {
        "what": "steps",
        "backend": "numpy",
        "device": "cpu",
        "case": "tiny",
        "against": "numpy by hand",
        "quantity": "seconds",
        "value": ratio,
        "ratio": ratio,
        "low": ratio - noise,
        "high": ratio + noise,
        "noise": noise,
    }
    return Bench(**{**fields, **changes})


def test_the_gate_shuts_on_a_regression_and_on_nothing_else() -> None:
    before = [bench_record(1.0), bench_record(1.0, case="mid")]
    assert regressions(before, before) == []
    assert regressions(before, [bench_record(1.03), bench_record(0.5, case="mid")]) == []
    (line,) = regressions(before, [bench_record(1.2), bench_record(1.0, case="mid")])
    assert line.startswith("steps tiny: numpy over numpy by hand was 1.000 and is 1.200")
    noisy = bench_record(1.2, noise=0.3)
    assert regressions(before, [noisy]) == []


def test_the_gate_asks_for_something_in_common() -> None:
    with pytest.raises(ArgumentError, match="nothing that was measured"):
        regressions([bench_record(1.0)], [bench_record(1.0, device="cuda:0")])


def test_growth_is_the_exponent_of_the_sizes() -> None:
    assert exponent([0.5, 1, 2, 4], [0.25, 1, 4, 16]) == pytest.approx(2.0)


# -- operations --------------------------------------------------------------------------------------------------


def test_what_is_measured_are_operations_with_their_own_arguments() -> None:
    table = nnspec.Backend.operations()
    assert set(WORK) <= set(table)
    for name, work in WORK.items():
        parameters = set(table[name].signature.parameters)
        assert set(work.arrays) | set(work.options) <= parameters, name
        assert set(work.wrt) <= set(work.arrays), name


@pytest.mark.parametrize("name", sorted(WORK))
def test_every_operation_measured_accepts_its_arguments(name: str) -> None:
    from nnspec_conformance.bench._calls import make_ours

    scale = 1 / 64
    arrays_of(WORK[name], scale)
    for backward in (False, True) if WORK[name].wrt else (False,):
        call = make_ours(name, "numpy", None, backward, scale)
        call.step()
        call.wait()
        assert call.result is not None


# -- the command -------------------------------------------------------------------------------------------------


def command(*arguments: object) -> Any:
    return CliRunner().invoke(main, ["bench", *map(str, arguments)])


def test_the_command_measures_writes_and_gates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # one process and two contestants are enough, and what they take is given, so that nothing depends on the machine
    monkeypatch.setattr(_targets, "TARGETS", [t for t in TARGETS if t.against == "numpy by hand"])
    monkeypatch.setattr(_targets, "REPORTED", {})
    taken = {"numpy": 1.1e-5}

    def given(contestants: Mapping[str, Remote], rounds: int, **_: Any) -> Rounds:
        assert all(contestant.block(1) > 0 for contestant in contestants.values())
        return Rounds({name: [taken.get(name, 1e-5)] * rounds for name in contestants}, disturbed=0, kept=0)

    monkeypatch.setattr(_steps, "paired_rounds", given)
    path = tmp_path / "bench.jsonl"
    asked = ("numpy", "--only", "tiny", "--rounds", 2, "--threads", 1)
    done = command(*asked, "--results", path)
    assert done.exit_code == 0, done.output
    assert "numpy / numpy by hand" in done.stdout
    assert "2 rounds: the bounds ask for 30" in done.stdout
    assert "1 of 1 bounds met" in done.stdout
    (ours,) = read_results(path).benches
    assert (ours.ratio, ours.bound, ours.met, ours.threads) == (pytest.approx(1.1), 1.20, True, 1)
    taken["numpy"] = 1.3e-5
    slower = command(*asked, "--gate", path)
    assert slower.exit_code == 1, slower.output
    assert "slower: steps tiny: numpy over numpy by hand was 1.100 and is 1.300" in slower.stdout
    assert "tiny: numpy / numpy by hand 1.300, at most 1.20 and noise 0.000" in slower.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("numpy", "--only", "huge"), "only: 'huge' matches no model"),
        (("numpy", "--what", "operations", "--only", "nothing"), "only: 'nothing' matches nothing"),
        (("numpy", "numpy"), "backend: named twice"),
        (("nopy",), "no backend is named 'nopy'"),
        (("numpy", "--device", "cuda"), "device: the numpy backend has cpu"),
        (("numpy", "--gate", "absent.jsonl"), "absent.jsonl: no such file"),
        (("numpy", "--results", "absent/x.jsonl"), "results: absent is no directory"),
        (("numpy", "--report", "x.pdf"), "report: expected a name ending in"),
        (("numpy", "--rounds", "1"), "--rounds"),
        (("numpy", "--what", "colour"), "--what"),
    ],
)
def test_bad_input_is_one_line_and_code_2(
    arguments: Sequence[str], words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    done = command(*arguments)
    assert done.exit_code == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith(("nnspec:", "Error:"))]) == 1


def test_a_results_file_without_measurements_is_no_baseline(tmp_path: Path) -> None:
    from nnspec_conformance.bench._gate import baseline_of
    from nnspec_conformance.ending import write_records

    path = tmp_path / "none.jsonl"
    write_records(path, [*_file()])
    with pytest.raises(ArgumentError, match="holds no measured ratio"):
        baseline_of(path)


def _file() -> Sequence[Any]:
    from nnspec.results import Footer
    from nnspec_conformance.lanes import Request
    from nnspec_conformance.runner import header_of

    return header_of(Request(), [], 0.0), Footer(counts={}, conclusions={}, seconds=0.0)


def test_nothing_of_the_contestants_is_imported_before_it_is_asked_for() -> None:
    import subprocess

    code = "import sys, nnspec, nnspec_conformance.commands; print('nnspec_benchmarks' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
