"""What a case does to its process is one verdict of that case, and the run comes to its end in time."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from broken_backends import Garbles

from nnspec import Backend, backend_class
from nnspec.results import Check, Results, read_results
from nnspec_backends.numpy import NumpyBackend
from nnspec_conformance import process_state
from nnspec_conformance.basics import broken_basic
from nnspec_conformance.canaries import Canaries
from nnspec_conformance.case import Case, cases, error_case, integers, normal
from nnspec_conformance.context import Context
from nnspec_conformance.given_up import GivenUp
from nnspec_conformance.judge import Subject, judge
from nnspec_conformance.layouts import LAYOUTS, Layout, placed
from nnspec_conformance.session import DTYPES
from nnspec_conformance.watch import default_memory


@pytest.fixture
def outcome(nnspec_command, tmp_path: Path):
    """Exit code, output and results of a run of broken backends."""

    def run(*backends: str, only: str, options: tuple[str, ...] = ()) -> tuple[int, str, Results]:
        path = tmp_path / "results.jsonl"
        named = [b if b == "numpy" else f"broken_backends:{b}" for b in backends]
        done = nnspec_command("conform", *named, "--only", only, "--results", path, *options)
        return done.returncode, done.stdout + done.stderr, read_results(path)

    return run


def judged(backend: Backend, case: Case, dtype: str = "float32") -> dict[str, Check]:
    context = Context(backend, case, dtype)
    records = judge(Subject.of("it", backend), context, profiles=frozenset(["inference", "training", "reproducible"]))
    return {r.check: r for r in records if isinstance(r, Check)}


def lying(**members: Any) -> Backend:
    return type("Lying", (NumpyBackend,), members)()


(SIGMOID,) = cases("sigmoid", {"it": {"inputs": {"x": normal(5)}}}, requires=("SIGMOID-1",), family="activations")


# -- what no exception stops ---------------------------------------------------------------------------------


def test_each_case_that_misbehaves_is_one_verdict(outcome) -> None:
    """A null pointer, os._exit(0), a hang in C, one that swallows exceptions, and too much memory."""
    code, text, results = outcome("Misbehaves", only="h*/unit", options=("--timeout", "8", "--memory", "100MiB"))
    assert code == 1
    assert results.footer.complete
    assert not results.notes
    told = {c.case: c.message for c in results.checks if c.verdict == "error"}
    assert told.keys() == {f"{n}/unit" for n in ("hard_tanh", "hard_sigmoid", "hard_swish", "heaviside", "hardshrink")}
    assert told["hard_tanh/unit"] == "the worker process died: SIGSEGV (Segmentation fault)"
    assert told["hard_sigmoid/unit"] == "the worker process died: it ended itself with exit code 0"
    for hung in ("hard_swish/unit", "heaviside/unit"):
        assert told[hung] == "Timeout (>8.0s): the call could not be interrupted, its process was killed"
    assert "beyond the bound of 100 MiB (--memory)" in told["hardshrink/unit"]
    others = [c for c in results.checks if c.dtype != "float32"]
    assert {c.case for c in others} == told.keys()
    assert {c.verdict for c in others} == {"pass"}
    assert "blocked by values: " in text


def test_what_keeps_dying_is_given_up(tmp_path: Path) -> None:
    def item(operation: str, dtype: str = "float32", given: str = "mine") -> Any:
        return SimpleNamespace(given=given, case=SimpleNamespace(operation=operation), dtype=dtype)

    writes, reads = (GivenUp(str(tmp_path / "results.jsonl")) for _ in range(2))
    for _ in range(2):
        writes.lost(item("relu"), "it hung", making=False)
    assert reads.why(item("relu")) is None
    writes.lost(item("relu"), "it hung", making=False)
    assert reads.why(item("relu")) == "given up after 3 cases of relu that hung or died"
    assert reads.why(item("relu", "float64")) is None
    writes.lost(item("tanh", "float64"), "SIGSEGV", making=True)
    assert reads.why(item("gelu", "float64")) == "the backend cannot be made: SIGSEGV"
    assert reads.why(item("gelu")) is None
    for i in range(24):
        writes.lost(item(f"operation{i}"), "it died", making=False)
    assert reads.why(item("softmax")) == "given up after 24 cases that hung or died"
    assert reads.why(item("softmax", given="yours")) is None


def test_every_worker_has_a_bound_by_default() -> None:
    if sys.platform == "linux":
        bound = default_memory(2)
        assert bound is not None
        assert 500 < bound < 1 << 24
        assert default_memory(1) >= bound


@pytest.mark.parametrize("size", ["4", "4GB", "0MiB", "-1GiB", "much"])
def test_a_bound_of_memory_needs_its_unit(nnspec_command, size: str) -> None:
    done = nnspec_command("conform", "numpy", "--memory", size)
    assert done.returncode == 2
    assert "expected an amount such as 500MiB or 4GiB" in done.stderr


def supervise(body: str, patience: float = 60) -> subprocess.CompletedProcess[str]:
    lines = [
        "import os, time",
        "from nnspec.errors import NnspecError",
        "from nnspec_conformance.supervise import making, over, supervised",
        "try:",
        f"    supervised({patience})",
        "except NnspecError as error:",
        "    print(error)",
        "    raise SystemExit(2)",
        body,
    ]
    command = [sys.executable, "-c", "\n".join(lines)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ("over(1); raise SystemExit(1)", 1, ""),
        ("over(0); os.abort()", 0, ""),  # a framework that dies when Python ends takes no verdict with it
        ("raise SystemExit(2)", 2, ""),
        ("raise SystemExit(0)", 2, "the run ended before its end, with exit code 0"),
        ("with making('x'): os._exit(0)", 2, "backend: 'x' ended the process with exit code 0 when it was imported or"),
        ("with making('x'): os.abort()", 2, "backend: 'x' ended the process with SIGABRT when it was imported or made"),
        ("with making('x'): time.sleep(99)", 2, "backend: 'x' took longer than 1 s to be imported and made"),
    ],
)
def test_a_backend_that_ends_the_run_does_not_pass(body: str, code: int, words: str) -> None:
    done = supervise(body, 1 if "sleep" in body else 60)
    assert done.returncode == code, done.stderr
    assert words in done.stdout


def test_a_backend_that_cannot_be_made_is_said_in_a_line(nnspec_command) -> None:
    for backend, words in (
        ("EndsWhenMade", "ended the process with exit code 0 when it was imported or made"),
        ("RaisesWhenMade", "cannot be made: RuntimeError: no such library"),
    ):
        done = nnspec_command("conform", f"broken_backends:{backend}", "--only", "relu")
        assert done.returncode == 2
        assert words in done.stderr
        assert done.stderr.count("\n") == 1


def test_one_that_dies_in_a_dtype_only_loses_that(outcome) -> None:
    code, _, results = outcome("DiesInFloat64", "numpy", only="relu/*i*")
    assert code == 1
    mine = [c for c in results.checks if c.backend != "numpy"]
    assert {c.verdict for c in mine if c.dtype != "float64"} == {"pass"}
    lost = [c for c in mine if c.dtype == "float64"]
    assert {c.verdict for c in lost} == {"error", "blocked"}
    assert len({c.case for c in lost if c.verdict == "error"}) <= 2  # one a worker, until the controller has told all
    assert {c.verdict for c in results.checks if c.backend == "numpy"} == {"pass"}


# -- what belongs to the whole process -----------------------------------------------------------------------


def _warn_of_nothing() -> None:
    warnings.simplefilter("ignore", ResourceWarning)


@pytest.mark.parametrize(
    ("corrupt", "words"),
    [
        (lambda: np.set_printoptions(precision=3), "NumPy's print options: precision changed from 8 to 3"),
        (lambda: np.random.rand(), "the state of np.random changed"),
        (lambda: random.random(), "the state of Python's random changed"),
        (_warn_of_nothing, "the warning filters changed"),
        (lambda: os.chdir("/"), "the current folder changed"),
        (lambda: os.environ.update(OMP_NUM_THREADS="64"), "os.environ: OMP_NUM_THREADS changed from"),
        (lambda: sys.setrecursionlimit(4321), "the recursion limit changed from"),
    ],
)
def test_a_changed_process_is_a_failure_of_that_case(corrupt: Any, words: str) -> None:
    def sigmoid(self: Backend, x: Any) -> Any:
        corrupt()
        return NumpyBackend.sigmoid(self, x)

    found = judged(lying(sigmoid=sigmoid), SIGMOID)
    assert {c for c, record in found.items() if record.verdict != "pass"} == {"purity"}
    assert found["purity"].message.startswith("the process was left changed: ")
    assert words in found["purity"].message
    assert {r.verdict for r in judged(NumpyBackend(), SIGMOID).values()} == {"pass"}  # the next is not blamed


def test_a_case_without_that_check_is_no_excuse() -> None:
    case = error_case("relu", "it", (), lambda b, x: b.relu(x), TypeError, "x", inputs={"x": integers(3, high=5)})

    def is_floating(self: Backend, x: Any) -> bool:
        random.random()
        return NumpyBackend.is_floating(self, x)

    found = judged(lying(is_floating=is_floating), case)
    assert {name: record.verdict for name, record in found.items()} == {"errors": "pass", "purity": "fail"}


def test_the_state_of_frameworks_is_known_to_their_backends() -> None:
    torch = pytest.importorskip("torch")
    jax = pytest.importorskip("jax")

    def torch_sigmoid(self: Backend, x: Any) -> Any:
        torch.set_default_dtype(torch.float64)
        torch.rand(1)
        return backend_class("torch").sigmoid(self, x)

    def jax_sigmoid(self: Backend, x: Any) -> Any:
        jax.config.update("jax_default_matmul_precision", "float32")
        return backend_class("jax").sigmoid(self, x)

    for name, sigmoid, words in (
        ("torch", torch_sigmoid, "torch: default dtype changed from torch.float32 to torch.float64; torch: state of"),
        ("jax", jax_sigmoid, "jax: jax_default_matmul_precision changed from None to 'float32'"),
    ):
        sound = backend_class(name)
        found = judged(type("Lying", (sound,), {"sigmoid": sigmoid})(), SIGMOID)
        assert words in found["purity"].message
        assert {r.verdict for r in judged(sound(), SIGMOID).values()} == {"pass"}


def test_looking_at_the_process_is_cheap() -> None:
    """It happens after every case; the bound is ten times what it takes on an idle machine."""
    import time

    state, backend = process_state.ProcessState(), NumpyBackend()
    started = time.process_time()
    for _ in range(200):
        state.begin(backend)
        assert state.changes(backend) == []
    assert (time.process_time() - started) / 200 < 1e-3


# -- canaries ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "words"),
    [(0, "x: written to 16 entries before its first"), (-1, "x: written to 16 entries after its last")],
)
def test_what_is_written_around_an_input_is_said(at: int, words: str) -> None:
    def sigmoid(self: Backend, x: Any) -> Any:
        if isinstance(x, np.ndarray):
            x.base.reshape(-1)[at] = 1
        return NumpyBackend.sigmoid(self, x)

    assert judged(lying(sigmoid=sigmoid), SIGMOID)["purity"].message == words


def test_a_gap_of_a_strided_input_is_watched() -> None:
    def sigmoid(self: Backend, x: Any) -> Any:
        if isinstance(x, np.ndarray):
            np.lib.stride_tricks.as_strided(x, (9,), (4,))[1] = 3
        return NumpyBackend.sigmoid(self, x)

    (case,) = cases("sigmoid", {"it": {"inputs": {"x": normal(5).laid_out("strided")}}}, requires=("SIGMOID-1",))
    assert judged(lying(sigmoid=sigmoid), case)["purity"].message == "x: changed by the call"


def test_a_changed_cotangent_is_said() -> None:
    def flat_vjp(self: Backend, function: Any, leaves: Any) -> Any:
        outputs, pull = NumpyBackend.flat_vjp(self, function, leaves)

        def pulled(cotangents: Any) -> Any:
            found = pull(cotangents)
            cotangents[0][...] = 0
            return found

        return outputs, pulled

    assert judged(lying(flat_vjp=flat_vjp), SIGMOID)["purity"].message == "cotangent 0: changed by the call"


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("layout", ["contiguous", *LAYOUTS])
@pytest.mark.parametrize("dtype", [*DTYPES, "int32", "bool"])
def test_canaries_change_no_value_no_layout_and_no_alignment(backend: str, layout: Layout, dtype: str) -> None:
    if backend == "torch":
        pytest.importorskip("torch")
    made = backend_class(backend)()
    for shape in ((), (0, 3), (5,), (2, 3), (1, 3, 4)):
        x = (np.arange(int(np.prod(shape))) % 2).reshape(shape).astype(np.float32).astype(_numpy(dtype))
        canaries = Canaries(made)
        watched = placed(made, x, layout, lambda contiguous: canaries.put("x", contiguous))  # noqa: B023 - used at once
        plain = placed(made, x, layout, lambda contiguous: made.asarray(contiguous, dtype=str(contiguous.dtype)))
        assert tuple(watched.shape) == shape
        assert made.to_numpy(watched).tobytes() == x.tobytes()
        if x.size > 1:
            assert _strides(watched) == _strides(plain)
        assert canaries.complaint() is None


def _numpy(dtype: str) -> Any:
    import ml_dtypes

    return ml_dtypes.bfloat16 if dtype == "bfloat16" else np.dtype(dtype)


def _strides(x: Any) -> Any:
    return x.strides if isinstance(x, np.ndarray) else x.stride()


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_an_input_lies_as_well_aligned_as_its_buffer(backend: str) -> None:
    if backend == "torch":
        pytest.importorskip("torch")
    for dtype in ("float64", "float32", "float16", "int32", "bool"):
        canaries = Canaries(backend_class(backend)())
        watched = canaries.put("x", np.zeros(33, dtype))
        buffer = canaries._buffers[0].array
        addresses = [x.ctypes.data if isinstance(x, np.ndarray) else x.data_ptr() for x in (watched, buffer)]
        assert addresses[0] - addresses[1] == 64


# -- basics --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_the_basics_of_true_backends_hold(name: str, dtype: str) -> None:
    if name != "numpy":
        pytest.importorskip(name)
    assert broken_basic(backend_class(name)(dtype=dtype)) is None


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"to_numpy": lambda self, x: np.array(x).astype(np.float64)}, "asarray: float32 of shape (13,) came back as"),
        ({"to_numpy": lambda self, x: np.asarray(x).tolist()}, "asarray: to_numpy returned list"),
        ({"to_numpy": lambda self, x: np.asarray(x)}, "to_numpy: the array changes with what to_numpy returned"),
        ({"is_integer": lambda self, x: True}, "is_floating: of an array of float32 it is True and is_integer is True"),
        ({"asarray": lambda self, x, *, dtype=None: 1 / 0}, "asarray: raised ZeroDivisionError"),
        (
            {"asarray": lambda self, x, *, dtype=None: NumpyBackend.asarray(self, np.atleast_1d(x), dtype=dtype)},
            "asarray: float32 of shape () became an array of shape (1,)",
        ),
        (
            {"asarray": lambda self, x, *, dtype=None: np.asarray(x, dtype or self.dtype)},
            "asarray: [True] became",
        ),
    ],
)
def test_a_broken_basic_is_said(members: dict[str, Any], words: str) -> None:
    assert broken_basic(lying(**members)).startswith(words)


def test_data_that_are_not_copied_are_said() -> None:
    def asarray(self: Backend, x: Any, *, dtype: str | None = None) -> Any:
        kept = isinstance(x, np.ndarray) and str(x.dtype) == dtype
        return x if kept else NumpyBackend.asarray(self, x, dtype=dtype)

    assert broken_basic(lying(asarray=asarray)) == ("to_numpy: the array changes with the NumPy data it was made from")


def test_where_a_basic_is_broken_it_is_one_failure_and_the_rest_is_blocked(outcome) -> None:
    told = broken_basic(Garbles())
    assert told == "asarray: float32 of shape (13,) came back with other bits: -0.0 became 0.0"
    code, text, results = outcome("Garbles", only="relu/*", options=("-n", "2"))
    assert code == 1
    mine = [c for c in results.checks if c.dtype == "float32"]
    (failure,) = [c for c in mine if c.verdict == "fail"]
    assert (failure.case, failure.check, failure.message) == ("asarray/basics", "basics", told)
    assert {c.verdict for c in mine if c is not failure} == {"blocked"}
    assert {c.message for c in mine} == {told}
    assert results.footer.conclusions["broken_backends:Garbles"]["inference"] == "not conformant"
    assert f"blocked by {told}" in text
    assert "BLOCKED" not in text


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found by their environment in /proc")
def test_a_run_that_is_terminated_leaves_no_process_behind(tmp_path: Path) -> None:
    mark = f"NNSPEC_TEST_MARK={tmp_path.name}-{os.getpid()}"
    name, _, value = mark.partition("=")
    command = [sys.executable, "-m", "nnspec", "conform", "numpy", "--only", "losses", "-n", "1"]
    run = subprocess.Popen(command, env={**os.environ, name: value}, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    patience = time.monotonic() + 100
    while len(_marked(mark)) < 3 and time.monotonic() < patience:  # the run, its child, a lane
        time.sleep(0.1)
    run.terminate()
    _, said = run.communicate(timeout=60)
    assert run.returncode == 2
    assert "the run ended before its end" in said
    patience = time.monotonic() + 20
    while _marked(mark) and time.monotonic() < patience:
        time.sleep(0.1)
    assert _marked(mark) == []


def _marked(mark: str) -> list[str]:
    """Processes that were started with a variable."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(folder.name)
    return found
