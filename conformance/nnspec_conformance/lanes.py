"""Lanes: pytest sessions side by side, each over some backends, dtypes and cases, and the records they leave.

A backend that traces gets a lane for float64, since JAX has one switch for it in a process. All others are together,
since they have references in common. What takes long is shared by several lanes, which take the portions of the cases
by turns. A lane is one process. Where that dies, or has to be killed, the cases that it had taken are run by
pytest-xdist, whose workers may die one by one: which case it was is told then.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from nnspec.plugins import PROFILES, BackendDescription, backend_class, list_backends
from nnspec.results import Record
from nnspec_conformance import cache
from nnspec_conformance.portions import Claims, portions
from nnspec_conformance.session import DTYPES, Item, Session
from nnspec_conformance.vectors._shipped import VARIABLE
from nnspec_conformance.watch import ALONE, Watch, default_memory

__all__ = ["Request", "described", "run_lanes", "threads_of"]

_HERE = Path(__file__).parent
_RECORD: TypeAdapter[Any] = TypeAdapter(Record)
#: dtypes that a backend that traces takes in processes of their own
_SEPARATE: tuple[tuple[str, ...], ...] = (("float64",), tuple(dtype for dtype in DTYPES if dtype != "float64"))
#: beyond the workers, where nobody said how many: cores are shared out better among some more processes than there are
_MORE = 2
#: workers for what a lane left: pytest-xdist gives up where the only one dies
_LEFT_TO = 2
#: how much nicer than the longest lane the others are: alone at the end it would hold up the run
_PATIENT = 5


@dataclass(frozen=True)
class Request:
    """The command line of `nnspec conform`."""

    backends: tuple[str, ...] = ()
    device: str | None = None
    profiles: tuple[str, ...] = ()
    level: str = "quick"
    only: str | None = None
    workers: int | None = None
    timeout: int = 120
    seed: int = 0
    results: Path | None = None
    report: Path | None = None
    #: "operation=module:function", as typed
    overrides: tuple[str, ...] = ()
    #: whether references and compiled programs of earlier runs are used, and kept for later ones
    cache: bool = True
    #: MiB by which a case may make its worker grow; None is the machine's share
    memory: float | None = None
    #: a folder of vectors, for references that this platform's longdouble is too narrow for
    vectors: Path | None = None
    #: whether a sample of what the backends do not claim is tried in place of what they do
    probe: bool = False
    #: seconds to draw cases live; None is to run those of the suite
    explore: int | None = None


@dataclass
class _Lane:
    """One pytest session: which items it runs, and where it leaves its records."""

    backends: list[str]
    dtypes: tuple[str, ...]
    #: whether they compile, and so share nothing with others
    traced: bool
    #: what it has taken of the cases, where it shares them with other lanes
    claims: Claims | None
    #: how long it takes, roughly, in cases of a backend that does not trace
    cost: int
    results: Path
    #: how many items it has to finish, as far as is known
    expected: int = 0
    #: of pytest-xdist; 0 where there are none
    workers: int = 0
    process: subprocess.Popen[bytes] | None = None
    watch: Watch | None = None
    #: the size of the file of finished items when they were counted, and their number
    _counted: tuple[int, int] = (0, 0)
    #: how many items were finished when that number last changed, and when that was
    _seen: tuple[int, float] = (0, 0.0)
    #: why it was killed
    killed: str = ""
    #: whether its one process is known to have left nothing
    settled: bool = False

    @property
    def log(self) -> Path:
        return self.results.with_suffix(".log")

    @property
    def finished(self) -> int:
        done = self.results.with_suffix(".done")
        size = done.stat().st_size if done.exists() else 0
        if size != self._counted[0]:
            self._counted = size, done.read_bytes().count(b"\n")
        return self._counted[1]

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def look(self, patience: float) -> None:
        """Kill it where nothing has been finished for so many seconds: a single case is watched from within."""
        count, since = self._seen
        if not self.running:
            return
        if self.finished != count or not since:
            self._seen = (self.finished, time.monotonic())
        elif time.monotonic() - since > patience:
            self.killed = f"finished nothing for {patience:.0f} s and was killed"
            self.kill()

    @property
    def ended_alone(self) -> bool:
        """Whether its one process is gone."""
        return self.process is not None and not self.workers and not self.running

    def divide(self) -> None:
        """Leave what is left to workers."""
        self.ended()
        self.workers, self.killed, self._seen = _LEFT_TO, "", (0, 0.0)
        # as it is now: whoever takes the place of a worker has to find the same cases
        self.results.with_suffix(".left").write_bytes(self.results.with_suffix(".done").read_bytes())

    def ended(self) -> None:
        """Nothing is left to look after."""
        if self.watch is not None:
            self.watch.pytest_unconfigure()
            self.watch = None

    def kill(self) -> None:
        """With all of its workers, which cannot be relied upon to notice."""
        if self.process is not None and self.running:
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL) if hasattr(os, "killpg") else self.process.kill()
            self.process.wait()
        self.ended()

    def complaint(self) -> str | None:
        """Why its records cannot be trusted; None if pytest ran to its end and every item has its records."""
        assert self.process is not None
        name = f"{', '.join(self.backends)} ({', '.join(self.dtypes)})"
        if self.killed:
            return f"the run of {name} {self.killed}"
        if self.process.returncode not in (0, 1):
            tail = " | ".join(self.log.read_text(errors="replace").strip().splitlines()[-3:])
            return f"the run of {name} ended with pytest's exit code {self.process.returncode}: {tail}"
        if self.finished != self.expected:
            return f"the run of {name} finished {self.finished} of {self.expected} cases"
        return None

    def records(self) -> Iterator[Any]:
        for line in self.results.read_text(encoding="utf-8").splitlines():
            yield _RECORD.validate_json(line)


def run_lanes(
    request: Request, session: Session, folder: Path, *, meanwhile: Callable[[], list[str]] = list
) -> tuple[list[Any], list[str]]:
    """Records of all lanes, and what went wrong with the runs themselves.

    Args:
        request: what was asked for.
        session: its items, which are looked up while the lanes start where it is clear what lanes there are.
        folder: where the lanes leave their records.
        meanwhile: called while the lanes run; where it complains, there are no records.
    """
    traced = described(request, session)
    early = traced is not None
    if traced is None:
        traced = {name: backend_class(name).traced for name in session.scope}
    lanes = _lanes(session, traced, _workers(request), folder, early=early)
    waiting = sorted(lanes, key=lambda lane: lane.cost, reverse=True)
    most = _workers(request) + (_MORE if request.workers is None else 0)
    longest, asked = max((lane.cost for lane in lanes), default=0), False
    with _progress() as advance, _ended(lanes):
        while waiting or any(lane.running for lane in lanes):
            if waiting and sum(lane.running for lane in lanes) < most:
                lane = waiting.pop(0)
                _start(request, lane, foremost=lane.cost == longest)
                continue
            if not asked:
                asked = True
                if complaints := meanwhile():
                    return [], complaints
            time.sleep(0.1)
            for lane in lanes:
                lane.look(_patience(request))
            for lane in _lost(session, lanes):
                lane.divide()
                _start(request, lane, foremost=True)
            advance(sum(lane.finished for lane in lanes), len(session.items))
    for lane in lanes:
        lane.expected = len(_items_of(session, lane))
    complaints = [c for lane in lanes if (c := lane.complaint())]
    return [record for lane in lanes for record in lane.records()], complaints


def _lost(session: Session, lanes: Sequence[_Lane]) -> list[_Lane]:
    """The lanes whose one process is gone with cases left to run; the last of those that share has what none took."""
    ended = [lane for lane in lanes if lane.ended_alone and not lane.settled]
    at_work = {lane.claims.folder for lane in lanes if lane.claims is not None and lane.running and not lane.workers}
    for lane in ended:
        if lane.claims is not None and lane.claims.folder not in at_work:
            for portion in portions(_chosen(session, lane.backends, lane.dtypes)):
                lane.claims.take(portion)
        lane.expected = len(_items_of(session, lane))
        lane.settled = lane.finished >= lane.expected
    return [lane for lane in ended if not lane.settled]


def _patience(request: Request) -> float:
    """Seconds without a finished case after which it is not a case that hangs: two in a row may take their time."""
    return 2 * (request.timeout + 5) + 60


@contextlib.contextmanager
def _ended(lanes: Sequence[_Lane]) -> Iterator[None]:
    """No lane outlives the run: they are sessions of their own, so that they can be killed with their workers."""
    try:
        yield
    finally:
        for lane in lanes:
            lane.kill()


def _cost(name: str) -> int:
    """How long a case takes, roughly: compiling is what costs, or finding what was compiled before."""
    if not backend_class(name).traced:
        return 1
    compiled = cache.compiled_folder(name)
    return 4 if compiled is not None and compiled.is_dir() and any(compiled.iterdir()) else 9


def described(request: Request, session: Session) -> dict[str, bool] | None:
    """Whether each backend traces, where their registrations say so and everything is judged; else None.

    What lanes there are is known then, and they need not wait until frameworks are imported here.
    """
    if request.backends or session.narrowed or request.profiles or request.probe:
        return None
    found = {info.name: info.entry.description for info in list_backends() if info.name in session.given}
    known = {name: said for name, said in found.items() if said is not None}
    if any(name not in known or not _offers_all(known[name]) for name in session.given):
        return None
    return {name: said.traced for name, said in known.items()}


def _offers_all(said: BackendDescription) -> bool:
    return said.profiles.issuperset(PROFILES) and set(said.dtypes).issuperset(DTYPES)


def _lanes(session: Session, traced: Mapping[str, bool], workers: int, folder: Path, *, early: bool) -> list[_Lane]:
    """All lanes; `early` before anything is known of their items."""
    plain = [name for name, traces in traced.items() if not traces]
    wanted: list[tuple[list[str], tuple[str, ...]]] = [(plain, DTYPES)] if plain else []
    wanted += [([name], dtypes) for name, traces in traced.items() if traces for dtypes in _SEPARATE]
    kind, found = "probe" if session.probe else "lane", list[_Lane]()
    for backends, dtypes in wanted:
        traces = traced[backends[0]]
        # another process of a framework that compiles takes seconds before it does anything: worth it in a long run
        number = workers if not traces or (session.level == "full" and dtypes != _SEPARATE[0]) else 1
        if early:
            # where there is as much to do as in a whole run, that of a backend that traces takes longest
            cost = 0 if dtypes == _SEPARATE[0] else 1 + traces
        else:
            items = _chosen(session, backends, dtypes)
            number, cost = min(number, len(portions(items))), len(items) * _cost(backends[0])
        shared = folder / f"{kind}s{len(found)}"
        for _ in range(number):
            results = folder / f"{kind}{len(found)}.jsonl"
            results.touch()
            results.with_suffix(".done").touch()
            claims = Claims.made(shared, results.stem) if number > 1 else None
            found.append(_Lane(backends, dtypes, traces, claims, cost, results))
    return found


def _chosen(session: Session, backends: Sequence[str], dtypes: Sequence[str]) -> list[Item]:
    return [item for item in session.items if item.given in backends and item.dtype in dtypes]


def _items_of(session: Session, lane: _Lane) -> list[Item]:
    """What a lane has to run, as far as it is known by now."""
    items = _chosen(session, lane.backends, lane.dtypes)
    if lane.claims is None:
        return items
    return [item for name, portion in portions(items).items() if lane.claims.has(name) for item in portion]


def threads_of(request: Request) -> int:
    """How many threads a worker's libraries may use: the cores shared out, unless the user says otherwise."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdigit() else max(1, (os.cpu_count() or 1) // _workers(request))


def _workers(request: Request) -> int:
    return request.workers or os.cpu_count() or 1


def _start(request: Request, lane: _Lane, *, foremost: bool) -> None:
    """pytest on the suite's own settings, whatever the user's folder configures; the foremost waits for no other."""
    pytest = [sys.executable, "-m", "pytest", str(_HERE / "test_conformance.py"), "-q", "--tb=short"]
    pytest += ["-c", str(_HERE / "pytest.ini"), "--rootdir", str(_HERE)]
    plugins = ["pytest_timeout", "nnspec_conformance.plugin"]
    # those that are left out collect garbage five times at the end
    plugins += ["xdist"] if lane.workers else ["no:unraisableexception", "no:threadexception"]
    pytest += [part for plugin in plugins for part in ("-p", plugin)]
    if lane.workers:
        pytest += ["-n", str(lane.workers), "--dist=load", "--max-worker-restart=1000"]
    pytest += [f"--timeout={request.timeout}", "--timeout-method=signal"]
    memory = request.memory or default_memory(_workers(request))
    with lane.log.open("wb") as output:
        lane.process = subprocess.Popen(
            pytest + _options(request, lane, memory),
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(request, lane),
            start_new_session=True,
        )
    if not foremost and hasattr(os, "setpriority"):
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, lane.process.pid, _PATIENT)
    if not lane.workers:
        lane.watch = Watch(str(lane.results), timeout=request.timeout, memory=memory)
        lane.watch.add(ALONE)


def _options(request: Request, lane: _Lane, memory: float | None) -> list[str]:
    options = [f"--nnspec-backend={name}" for name in lane.backends]
    options += [f"--nnspec-dtype={dtype}" for dtype in lane.dtypes]
    options += [f"--nnspec-profile={profile}" for profile in request.profiles]
    options += [f"--nnspec-level={request.level}", f"--nnspec-seed={request.seed}"]
    options += [f"--nnspec-device={request.device}"] if request.device else []
    options += [f"--nnspec-only={request.only}"] if request.only else []
    options += [f"--nnspec-override={override}" for override in request.overrides]
    options += [f"--nnspec-claims={lane.claims.signature}"] if lane.claims is not None else []
    options += ["--nnspec-left"] if lane.workers else ["--nnspec-alone"]
    options += ["--nnspec-probe"] if request.probe else []
    options += [f"--nnspec-memory={memory}"] if memory is not None else []
    return [*options, "--nnspec-checked", f"--nnspec-results={lane.results}"]


def _environment(request: Request, lane: _Lane) -> dict[str, str]:
    """The user's, with the cores shared out, no plugin but ours, and where to keep what is computed or compiled."""
    threads = str(threads_of(request))
    environment = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    if request.cache and lane.traced:
        for name in lane.backends:
            compiled = cache.compiled_folder(name)
            environment |= {} if compiled is None else backend_class(name).cache_environment(compiled)
    environment |= os.environ
    if request.vectors is not None:
        environment[VARIABLE] = str(request.vectors.resolve())
    environment.pop("PYTEST_ADDOPTS", None)
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")]))
    return environment


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, silence in a pipe; told how many of how many items are done."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("judging", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
