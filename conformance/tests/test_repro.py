"""Failures name their cause, and their scripts repeat them: while the fault lives, and no longer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from nnspec.backend import PROFILES
from nnspec.cli import main
from nnspec.plugins import backend_class
from nnspec.results import Check, Footer
from nnspec_conformance.catalogue import select
from nnspec_conformance.context import Context
from nnspec_conformance.explain._repro import ReproRequest, repro
from nnspec_conformance.judge import Subject, judge
from nnspec_conformance.lanes import Request
from nnspec_conformance.report import complaint
from nnspec_conformance.runner import header_of

HERE = Path(__file__).parent
FAULTY = "explained_faults:Faulty"
#: case, check, and words of the cause
PLANTED = (
    ("tanh/unit", "values", "is 0 everywhere"),
    ("silu/unit", "values", "axes 0 and 1 are swapped"),
    ("mean_absolute_error/mean", "gradients", "a sum in place of a mean"),
    ("layer_norm/eps", "values", "as if the option eps=0.1 were ignored"),
    ("softsign/unit", "compiled", "shifted by one along axis 1"),
    ("sigmoid/unit", "gradients", "the sign is flipped"),
    ("mish/unit", "values", "one row is wrong: index 6 (the last) of axis 0"),
    ("softmax/large-mean", "values", "leaves the range of the dtype or is undefined"),
    ("kl_divergence/axis", "gradients", "it is the gradient of p"),
    ("scaled_dot_product_attention/bias-repeated", "values", "in the rows that mask leaves nothing of"),
    ("squareplus/wide", "values", "not known"),
    ("gelu/unit", "purity", ""),
    ("sgd_update/first", "values", "is the input w, unchanged"),
    ("linear/error-integer-x", "errors", ""),
)


def judged(given: str, case: str) -> list[Check]:
    backend = backend_class(given)()
    found = next(c for c in select(level="full") if c.id == case)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context = Context(backend, found, "float32")
        return list(judge(Subject.of(given, backend), context, profiles=frozenset(PROFILES), level="full"))


def written(path: Path, checks: Sequence[Check], *given: str) -> Path:
    counts: dict[str, int] = {}
    for check in checks:
        counts[check.verdict] = counts.get(check.verdict, 0) + 1
    records = [header_of(Request(), given, 0.0), *checks, Footer(counts=counts, conclusions={}, seconds=0.0)]
    path.write_text("".join(json.dumps(r.model_dump(mode="json")) + "\n" for r in records), encoding="utf-8")
    return path


def started(script: Path, **more: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1", **more}
    return subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment)


@pytest.mark.parametrize(("case", "check", "words"), PLANTED, ids=[f"{case}-{check}" for case, check, _ in PLANTED])
def test_a_script_repeats_a_fault_until_it_is_gone(tmp_path: Path, case: str, check: str, words: str) -> None:
    given = FAULTY if check != "errors" else "explained_faults:Careless"
    checks = judged(given, case)
    (record,) = (c for c in checks if c.check == check and c.verdict == "fail")
    assert words in record.cause
    told = complaint(record)
    assert record.inputs
    assert record.inputs in told
    assert record.cause in told
    results = written(tmp_path / "results.jsonl", checks, given)
    text, _ = repro(ReproRequest(results, case, check=check, shrink=3.0))
    assert "nnspec_conformance" not in text
    script = tmp_path / "repro.py"
    script.write_text(text, encoding="utf-8")
    broken, sound = started(script), started(script, NNSPEC_TEST_SOUND="1")
    printed, _ = broken.communicate(timeout=100)
    assert broken.returncode == 1, printed
    assert "expected" in printed
    assert "got" in printed
    printed, _ = sound.communicate(timeout=100)
    assert sound.returncode == 0, printed


def test_what_is_not_needed_is_shrunk_away(tmp_path: Path) -> None:
    case = "mean_absolute_error/mean"
    results = written(tmp_path / "results.jsonl", judged(FAULTY, case), FAULTY)
    whole, _ = repro(ReproRequest(results, case, shrink=0.0))
    text, notes = repro(ReproRequest(results, case, shrink=5.0))
    assert any("Shrunk from" in note for note in notes)
    assert len(text) < len(whole) - 500
    done = CliRunner().invoke(main, ["repro", str(results), case, "--shrink", "0"])
    assert (done.exit_code, done.stdout) == (0, whole)


def refused(*arguments: object) -> str:
    done = CliRunner().invoke(main, ["repro", *map(str, arguments)])
    assert done.exit_code == 2
    assert len(done.output.strip().splitlines()) == 1, done.output
    return done.output


def test_bad_requests_are_refused_in_one_line(tmp_path: Path) -> None:
    faulty, sound = judged(FAULTY, "tanh/unit"), judged("numpy", "tanh/unit")
    results = written(tmp_path / "results.jsonl", [*faulty, *sound, *judged("numpy", "relu/unit")], FAULTY, "numpy")
    assert "no such file" in refused(tmp_path / "absent.jsonl", "tanh/unit")
    assert "holds no record of 'tanh/units'; did you mean tanh/unit?" in refused(results, "tanh/units")
    assert "nothing of relu/unit failed: its checks are pass" in refused(results, "relu/unit")
    assert "no record of tanh/unit is of 'float64'; there are float32" in refused(
        results, "tanh/unit", "--dtype", "float64"
    )
    twin = [c.model_copy(update={"backend": "other"}) for c in faulty]
    twice = written(tmp_path / "twice.jsonl", [*faulty, *twin], FAULTY)
    assert "failed on explained_faults:Faulty and other; choose with --backend" in refused(twice, "tanh/unit")
    assert "no backend is named 'other'" in refused(twice, "tanh/unit", "--backend", "other")
    waived = [c.model_copy(update={"verdict": "waived", "waiver": "upstream: known (link)"}) for c in faulty]
    assert "values is waived, a recorded deviation (upstream: known (link))" in refused(
        written(tmp_path / "waived.jsonl", waived, FAULTY), "tanh/unit"
    )
    drawn = [c.model_copy(update={"check": "statistics", "verdict": "fail"}) for c in faulty]
    assert "cannot be turned into a script" in refused(
        written(tmp_path / "drawn.jsonl", drawn, FAULTY), "tanh/unit", "--check", "statistics"
    )


def test_a_case_that_has_changed_since_is_said(tmp_path: Path) -> None:
    old = [c.model_copy(update={"case_digest": "0" * 16}) for c in judged(FAULTY, "tanh/unit")]
    _, notes = repro(ReproRequest(written(tmp_path / "old.jsonl", old, FAULTY), "tanh/unit", shrink=0.0))
    assert any("is not what it was when the results were made" in note for note in notes)


def test_every_kind_of_program_can_be_written_down() -> None:
    """A sample of the suite's programs as text, run on NumPy's backend: the same bits."""
    import numpy as np
    import optree

    from nnspec_conformance.explain._recording import recorded

    chosen = [c for c in select(level="full") if c.judge is None and "training" not in c.checks][::97]
    for case in chosen:
        backend = backend_class("numpy")(dtype=case.dtypes[0])
        arrays = case.arrays(case.dtypes[0])
        namespace = {"B": backend, "np": np}
        exec(recorded(case.run, arrays, backend, fails=case.expect is not None).text(), namespace)
        given = {n: backend.asarray(x, dtype=str(x.dtype)) for n, x in arrays.items()}
        with np.errstate(all="ignore"):
            if case.expect is not None:
                with pytest.raises(case.expect.error):
                    namespace["program"](**given)
                continue
            written_down, leaves = namespace["program"](**given), optree.tree_leaves(case.run(backend, **given))
        for a, b in zip(written_down, leaves, strict=True):
            assert np.array_equal(backend.to_numpy(a), backend.to_numpy(b), equal_nan=True), case.id
