"""The pytest plugin: `pytest --pyargs nnspec_conformance --nnspec-backend=NAME`.

Loaded into every pytest run of an environment that has nnspec, so nothing heavy is imported until it is asked for.
"""

from __future__ import annotations

import argparse
import gc
import math
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from nnspec_conformance.session import Session

pytest.register_assert_rewrite("nnspec_conformance.checks")

#: where the session is kept on pytest's config
SESSION: pytest.StashKey[Session] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("nnspec", "nnspec conformance")
    group.addoption(
        "--nnspec-backend",
        action="append",
        default=[],
        metavar="NAME",
        help="backend under test: a registered name or package.module:Class; may be repeated",
    )
    group.addoption("--nnspec-device", default=None, metavar="D", help="device, such as cpu or cuda:0")
    group.addoption(
        "--nnspec-profile",
        action="append",
        default=[],
        metavar="P",
        help="judge this profile; may be repeated (default: every profile the backend claims)",
    )
    group.addoption(
        "--nnspec-level", default="quick", choices=("quick", "full"), help="how many cases (default: quick)"
    )
    group.addoption(
        "--nnspec-only",
        default=None,
        metavar="PATTERN",
        help="an operation, a family, or a pattern of case ids",
    )
    group.addoption(
        "--nnspec-override",
        action="append",
        default=[],
        metavar="OP=MODULE:FUNCTION",
        help="judge this function in place of the backend's own operation; may be repeated",
    )
    group.addoption("--nnspec-dtype", action="append", default=[], metavar="T", help="only this dtype; may be repeated")
    group.addoption("--nnspec-seed", default=0, type=int, help="0 for the released inputs (default)")
    group.addoption("--nnspec-checked", action="store_true", help=argparse.SUPPRESS)  # `nnspec conform` looked before
    group.addoption("--nnspec-probe", action="store_true", help=argparse.SUPPRESS)
    group.addoption("--nnspec-claims", default=None, metavar="F", help=argparse.SUPPRESS)  # shares with others
    group.addoption("--nnspec-alone", action="store_true", help=argparse.SUPPRESS)  # looked after from outside
    group.addoption("--nnspec-left", action="store_true", help=argparse.SUPPRESS)  # what that process left
    group.addoption("--nnspec-memory", default=None, type=float, metavar="MIB", help=argparse.SUPPRESS)
    group.addoption("--nnspec-results", default=None, metavar="F.jsonl", help="append the records to this file")


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("nnspec_backend"):
        return
    from nnspec.errors import NnspecError
    from nnspec_conformance.session import Recorder, Session

    try:
        session = Session.from_config(config)
        if _collects(config) or not config.getoption("nnspec_checked"):
            session.by_id  # noqa: B018 - what was asked for is looked up now, so that a mistake is one line
    except NnspecError as error:
        raise pytest.UsageError(f"nnspec: {error}") from error
    # after a process died every case has to stand for itself
    session.bundle = not (config.getoption("nnspec_left") or _is_replacement(config))
    config.stash[SESSION] = session
    results = config.getoption("nnspec_results")
    if _is_worker(config) or config.getoption("nnspec_alone"):
        gc.freeze()  # what is imported stays; looking through it again and again takes a tenth of a run
        if results is not None:
            _tell(session, results, _worker_id(config))
        if _is_worker(config):
            return
    watch = None
    if results is not None and not _collects(config):
        from nnspec_conformance.watch import Watch

        bound = config.getoption("nnspec_memory")
        watch = Watch(results, timeout=config.getoption("timeout", None) or math.inf, memory=bound)
        config.pluginmanager.register(watch, "nnspec-watch")
    config.pluginmanager.register(Recorder(session, results, watch), "nnspec-recorder")


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _worker_id(config: pytest.Config) -> str | None:
    """None in a process that is nobody's worker."""
    return str(getattr(config, "workerinput")["workerid"]) if _is_worker(config) else None  # noqa: B009 - pytest-xdist puts it there


def _tell(session: Session, results: str, worker: str | None) -> None:
    """Let whoever looks after this process know what it does."""
    from nnspec_conformance.watch import ALONE, Beat

    session.beat = Beat(results, worker or ALONE)
    if worker is not None:
        from nnspec_conformance.given_up import GivenUp

        session.given_up = GivenUp(results)


def _is_replacement(config: pytest.Config) -> bool:
    """Whether a worker took the place of one that died."""
    given = getattr(config, "workerinput", None)
    return given is not None and int(given["workerid"].removeprefix("gw")) >= given["workercount"]


def _collects(config: pytest.Config) -> bool:
    """Whether tests run in this process, so that it needs the backends: not in the controller of pytest-xdist."""
    return _is_worker(config) or config.getoption("dist", "no") == "no"


def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: Any) -> list[pytest.Item] | None:
    if name != "test_conforms" or getattr(obj, "__module__", "") != "nnspec_conformance.test_conformance":
        return None
    session = collector.config.stash.get(SESSION, None)
    if session is None:
        raise pytest.UsageError("nnspec: name the backend under test with --nnspec-backend=NAME")
    from nnspec_conformance.items import ConformanceItem

    return ConformanceItem.all_of(collector, name, obj, session)


def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """Of the suite's own items; any other goes pytest's way."""
    if SESSION not in item.config.stash:
        return None
    from nnspec_conformance.items import ConformanceItem

    if not isinstance(item, ConformanceItem):
        return None
    item.run_alone()
    return True
