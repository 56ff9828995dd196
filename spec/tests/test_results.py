from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from nnspec.errors import ResultsError
from nnspec.results import (
    SCHEMA_VERSION,
    BackendHeader,
    Check,
    Curve,
    Footer,
    Header,
    Note,
    conclusion,
    read_results,
)

HEADER = Header(
    nnspec_version="0.1.0",
    spec_version="1.0",
    spec_digest="d",
    suite_version="1.0",
    backends=[BackendHeader(name="numpy", device="cpu")],
    level="quick",
    limits={"values": 8.0},
    platform="p",
    python="3.11",
    cpu="c",
    threads=1,
    seed=0,
    command="nnspec conform",
    started="2025-01-01T00:00:00Z",
)
CHECK = Check(
    backend="numpy",
    device="cpu",
    family="activations",
    operation="relu",
    case="relu/plain",
    check="values",
    dtype="float32",
    profile="inference",
    level="quick",
    verdict="pass",
    margin=0.5,
)
FOOTER = Footer(counts={"pass": 1}, conclusions={"numpy": {"inference": "conformant"}}, seconds=1.0)
CURVE = Curve(
    backend="numpy",
    device="cpu",
    case="c",
    quantity="loss",
    seed=0,
    dtype="float32",
    x_label="step",
    x=[0.0],
    y=[1.0],
)


def lines(*records: Any) -> list[str]:
    return [record if isinstance(record, str) else record.model_dump_json() for record in records]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.jsonl"


def write(path: Path, written: Sequence[str], *, end: str = "\n") -> Path:
    path.write_bytes("".join(line + end for line in written).encode())
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ResultsError) as caught:
        read_results(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_a_complete_file_reads_back_equal(path: Path) -> None:
    note = Note(level="info", message="a note")
    found = read_results(write(path, lines(HEADER, CHECK, CURVE, note, FOOTER)))
    assert (found.header, found.checks, found.curves, found.notes, found.footer) == (
        HEADER,
        [CHECK],
        [CURVE],
        [note],
        FOOTER,
    )
    assert found.path == str(path)


@pytest.mark.parametrize("margin", [0.0, 1e-300, 1e36, math.inf, math.nan])
def test_every_margin_survives_as_strict_json(path: Path, margin: float) -> None:
    check = CHECK.model_copy(update={"margin": margin, "margin_exact_inputs": margin, "unit": margin})
    curve = CURVE.model_copy(update={"y": [margin]})
    written = lines(HEADER, check, curve, FOOTER)
    for line in written:  # NaN and Infinity, which json would accept, are no JSON
        json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} written"))
    found = read_results(write(path, written))
    (back,) = found.checks
    for value in (back.margin, back.margin_exact_inputs, back.unit, found.curves[0].y[0]):
        assert value == margin or (math.isnan(margin) and value is not None and math.isnan(value))


def test_infinity_and_nan_are_written_as_the_strings_of_the_format() -> None:
    fields = json.loads(CHECK.model_copy(update={"margin": math.inf, "unit": math.nan}).model_dump_json())
    assert (fields["margin"], fields["unit"]) == ("inf", "nan")


@pytest.mark.parametrize("text", ["line one\nline two", "a\u2028b\u2029c\x85d\x0ce", '"quoted" \\ ∂'])
def test_a_message_may_hold_any_text(path: Path, text: str) -> None:
    check = CHECK.model_copy(update={"message": text})
    assert read_results(write(path, lines(HEADER, check, FOOTER))).checks[0].message == text


def test_blank_lines_and_windows_line_ends_are_no_matter(path: Path) -> None:
    assert read_results(write(path, lines(HEADER, CHECK, "", FOOTER, ""), end="\r\n")).checks == [CHECK]


def test_missing_file(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "absent.jsonl")


def test_directory(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path)


def test_not_text(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00\x01")
    assert "cannot be read" in refusal(path)


@pytest.mark.parametrize("text", ["", "\n  \n"])
def test_empty(path: Path, text: str) -> None:
    path.write_text(text)
    assert "empty" in refusal(path)


def test_cut_short_between_records(path: Path) -> None:
    assert "cut short" in refusal(write(path, lines(HEADER, CHECK)))


def test_cut_short_within_a_record(path: Path) -> None:
    assert "line 3" in refusal(write(path, [*lines(HEADER, CHECK), FOOTER.model_dump_json()[:20]]))


@pytest.mark.parametrize("version", ["2.0", "0.9", 2])
def test_other_schema_version(path: Path, version: str | int) -> None:
    first = json.dumps(json.loads(HEADER.model_dump_json()) | {"schema_version": version, "new_field": 1})
    message = refusal(write(path, [first, *lines(CHECK, FOOTER)]))
    assert f"schema version {version}" in message
    assert f"reads {SCHEMA_VERSION}" in message


def test_later_minor_version_is_read(path: Path) -> None:
    header = HEADER.model_copy(update={"schema_version": "1.7"})
    assert read_results(write(path, lines(header, CHECK, FOOTER))).header.schema_version == "1.7"


@pytest.mark.parametrize("first", ["garbage", "[1, 2]", "3", "{}", '{"kind": "check"}', '{"a": '])
def test_first_line_that_is_no_header(path: Path, first: str) -> None:
    assert "line 1" in refusal(write(path, [first, *lines(CHECK, FOOTER)]))


@pytest.mark.parametrize(
    "garbage",
    [
        "garbage",
        "null",
        "[]",
        "{}",
        '{"kind": "surprise"}',
        '{"kind": "note", "level": "info"}',
        CHECK.model_dump_json().replace('"pass"', '"passed"'),
        CHECK.model_dump_json().replace('"margin":0.5', '"margin":"large"'),
        CHECK.model_dump_json().replace('"margin":0.5', '"margin":[0.5]'),
        CHECK.model_dump_json().replace('"margin":0.5', '"margin":true'),
        CHECK.model_dump_json().replace('"margin":0.5', '"margins":0.5'),
        CURVE.model_dump_json().replace('"y":[1.0]', '"y":[null]'),
        CURVE.model_dump_json().replace('"y":[1.0]', '"y":[1.0,2.0]'),
    ],
)
def test_a_line_that_is_no_record_is_named(path: Path, garbage: str) -> None:
    assert "line 2 is no record" in refusal(write(path, [HEADER.model_dump_json(), garbage, *lines(CHECK, FOOTER)]))


@pytest.mark.parametrize("counts", [{"pass": 2}, {}, {"fail": 1}, {"pass": 1, "fail": 1}])
def test_footer_that_counts_otherwise(path: Path, counts: dict[str, int]) -> None:
    footer = FOOTER.model_copy(update={"counts": counts})
    assert "records are missing" in refusal(write(path, lines(HEADER, CHECK, footer)))


def test_a_count_of_zero_is_no_mismatch(path: Path) -> None:
    footer = FOOTER.model_copy(update={"counts": {"pass": 1, "fail": 0}})
    assert read_results(write(path, lines(HEADER, CHECK, footer))).footer == footer


def test_two_files_in_one_are_refused(path: Path) -> None:
    assert "more than one header" in refusal(
        write(path, lines(HEADER, CHECK, FOOTER, HEADER, FOOTER.model_copy(update={"counts": {"pass": 1}})))
    )


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "invalid"),
        (["pass"], "conformant"),
        (["waived"], "conformant"),
        (["pass", "undecided", "waived"], "conformant (partial)"),
        *[(["pass", "undecided", bad], "not conformant") for bad in ("fail", "error", "unsupported", "blocked")],
    ],
)
def test_conclusion(verdicts: list[str], expected: str) -> None:
    assert conclusion(verdicts) == expected
