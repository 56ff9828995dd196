"""Whether something has become slower than it was in an earlier run, beyond noise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nnspec.errors import ArgumentError
from nnspec.results import Bench, read_results

__all__ = ["BETWEEN_RUNS", "baseline_of", "regressions"]

#: by how much a ratio may differ between two runs of the same code, beside the noise that each run sees in itself:
#: where arrays come to lie in memory is drawn once a process
BETWEEN_RUNS = 0.03


def baseline_of(path: Path) -> list[Bench]:
    """The measurements of an earlier run.

    Raises:
        ResultsError: no complete results file.
        ArgumentError: it holds no measurement.
    """
    benches = [bench for bench in read_results(path).benches if bench.ratio is not None]
    if not benches:
        raise ArgumentError(f"gate: {path} holds no measured ratio; expected results of nnspec bench")
    return benches


def regressions(before: Sequence[Bench], now: Sequence[Bench]) -> list[str]:
    """What has become worse, in a line each.

    A ratio has become worse where it is greater by more than the noise of both runs and what runs differ by anyway,
    and where the 95 % intervals of both are apart.

    Raises:
        ArgumentError: the runs have nothing in common.
    """
    old = {_key(bench): bench for bench in before}
    pairs = [(old[_key(bench)], bench) for bench in now if _key(bench) in old and bench.ratio is not None]
    if not pairs:
        raise ArgumentError("gate: nothing that was measured in this run is in that file")
    return [_told(was, is_) for was, is_ in pairs if _worse(was, is_)]


def _key(bench: Bench) -> tuple[str, ...]:
    return (bench.what, bench.case, bench.backend, bench.device, bench.variant, bench.against, bench.quantity)


def _worse(was: Bench, is_: Bench) -> bool:
    assert was.ratio is not None
    assert is_.ratio is not None
    if is_.ratio - was.ratio <= _noise(was, is_):
        return False
    return is_.low is None or was.high is None or is_.low > was.high


def _noise(was: Bench, is_: Bench) -> float:
    assert was.ratio is not None
    return (was.noise or 0.0) + (is_.noise or 0.0) + BETWEEN_RUNS * abs(was.ratio)


def _told(was: Bench, is_: Bench) -> str:
    name = " ".join(filter(None, [is_.backend, is_.variant]))
    over = f" over {is_.against}" if is_.against else ""
    return (
        f"{is_.what} {is_.case}: {name}{over} was {was.ratio:.3f} and is {is_.ratio:.3f}, "
        f"where {_noise(was, is_):.3f} is noise"
    )
