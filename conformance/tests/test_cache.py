"""The cache of references: the same bits back, and nothing of it trusted that is not whole and its own."""

from __future__ import annotations

import dataclasses
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnspec.reference import Analysis
from nnspec_conformance import cache, references
from nnspec_conformance.cache import VARIABLE, Cache
from nnspec_conformance.case import Case
from nnspec_conformance.catalogue import select
from nnspec_conformance.session import DTYPES


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache for this test alone; the path of its file."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    cache.opened.cache_clear()
    references.analysis.cache_clear()
    yield tmp_path / "references.sqlite"
    cache.opened.cache_clear()
    references.analysis.cache_clear()


def the_case(pattern: str = "softmax/unit") -> Case:
    return select(only=pattern)[0]


def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the cases whose reference is computed from now on."""
    seen: list[str] = []
    compute = references._analyse

    def noted(case: Case, dtype: str, seed: int) -> Analysis:
        seen.append(case.id)
        return compute(case, dtype, seed)

    monkeypatch.setattr(references, "_analyse", noted)
    return seen


def analysed(case: Case, dtype: str = "float32") -> Analysis:
    references.analysis.cache_clear()  # as another process
    return references.analysis(case, dtype, 0)


def alike(a: Any, b: Any) -> bool:
    """The same types, structure and bits."""
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if dataclasses.is_dataclass(a):
        return type(a) is type(b) and all(alike(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, dict):
        return list(a) == list(b) and all(alike(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(alike, a, b))
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "pattern", ["softmax/unit", "relu/subnormal", "layer_norm/empty", "cross_entropy/*", "adam_update/*", "max_pool/*"]
)
def test_a_kept_reference_is_the_computed_one(store: Path, monkeypatch, pattern: str, dtype: str) -> None:
    for case in select(only=pattern)[:3]:
        if case.expect is not None or not case.is_tried_in(dtype):
            continue
        first = analysed(case, dtype)
        monkeypatch.setattr(references, "_analyse", None)
        again = analysed(case, dtype)
        monkeypatch.undo()
        monkeypatch.setenv(VARIABLE, str(store.parent))
        assert again is not first
        assert alike(first, again)


def test_another_dtype_seed_or_case_is_another_entry(store: Path, monkeypatch) -> None:
    seen = computed(monkeypatch)
    case, other = the_case(), the_case("softmax/wide")
    for what in ((case, "float32", 0), (case, "float64", 0), (case, "float32", 1), (other, "float32", 0)):
        references.analysis(*what)
    assert len(seen) == 4


def test_a_changed_text_of_the_specification_makes_all_entries_foreign(store: Path, monkeypatch) -> None:
    seen = computed(monkeypatch)
    analysed(the_case())
    monkeypatch.setattr(cache, "_circumstances", lambda: "another text")
    analysed(the_case())
    assert len(seen) == 2


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE entries SET payload = substr(payload, 1, 40)",
        "UPDATE entries SET payload = zeroblob(length(payload))",
        "UPDATE entries SET digest = zeroblob(32)",
    ],
)
def test_a_damaged_entry_is_computed_again(store: Path, monkeypatch, damage: str) -> None:
    seen = computed(monkeypatch)
    sound = analysed(the_case())
    with sqlite3.connect(store) as connection:
        assert connection.execute(damage).rowcount == 1
    assert alike(analysed(the_case()), sound)
    assert len(seen) == 2
    analysed(the_case())  # and is whole again
    assert len(seen) == 2


def test_an_entry_moved_to_another_key_is_not_believed(store: Path) -> None:
    kept = Cache(store)
    kept.put("a", b"of a")
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE entries SET key = replace(key, '/a', '/b')")
    assert kept.get("b") is None


def test_a_file_that_is_no_cache_is_replaced(store: Path) -> None:
    store.write_bytes(b"something else" * 1000)
    kept = Cache(store)
    kept.put("key", b"value")
    assert kept.get("key") == b"value"


def test_a_folder_that_cannot_be_made_is_no_obstacle(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "cache"))
    cache.opened.cache_clear()
    assert cache.opened() is None
    assert references.kept("key", lambda: 3) == 3
    cache.opened.cache_clear()


#: what a process does that has the cache's file and its own number as arguments
_FILL = """
import sys
from pathlib import Path
from nnspec_conformance.cache import Cache
kept, worker = Cache(Path(sys.argv[1])), sys.argv[2]
for i in range(50):
    kept.put(f"shared {i}", f"value {i}".encode())
    kept.put(f"own {worker} {i}", f"{worker} {i}".encode())
    assert kept.get(f"shared {i}") == f"value {i}".encode()
"""


def test_several_processes_write_at_once(store: Path) -> None:
    workers = [subprocess.Popen([sys.executable, "-c", _FILL, store, str(n)]) for n in range(3)]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    kept = Cache(store)
    assert all(kept.get(f"own {n} {i}") == f"{n} {i}".encode() for n in range(3) for i in range(50))


def test_its_size_is_bounded_and_the_newest_stay(store: Path) -> None:
    noise = np.random.default_rng(0)
    kept = Cache(store)
    for i in range(40):
        kept.put(str(i), noise.bytes(1000))
    full = kept.size
    smaller = Cache(store, bound=full // 3)
    assert smaller.size <= full // 3
    assert smaller.get("39") is not None
    assert smaller.get("0") is None


def test_compiled_programs_are_bounded_too(store: Path, monkeypatch) -> None:
    found = cache.compiled_folder("jax")
    assert found is not None
    found.mkdir(parents=True)
    for i in range(4):
        (found / str(i)).write_bytes(bytes(100))
    monkeypatch.setattr(cache, "_BOUND", 250)
    cache.compiled_folder("jax")
    assert sum(f.stat().st_size for f in found.iterdir()) <= 250


def test_no_cache_leaves_nothing_behind_and_says_the_same(nnspec_command, store: Path, tmp_path: Path) -> None:
    verdicts = []
    for options in ((), (), ("--no-cache",)):
        results = tmp_path / "results.jsonl"
        if "--no-cache" in options:
            store.unlink()
        done = nnspec_command("conform", "numpy", "--only", "softmax", "--results", results, *options)
        assert done.returncode == 0, done.stdout + done.stderr
        assert store.exists() == (not options)
        verdicts.append(_without_times(results))
    assert verdicts[0] == verdicts[1] == verdicts[2]


def _without_times(results: Path) -> list[Any]:
    from nnspec.results import read_results

    return sorted(repr(check.model_dump(exclude={"seconds"})) for check in read_results(results).checks)
