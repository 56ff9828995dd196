"""What `manifest.json` says: one record a case, and in it one a dtype, with the names of its tensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "SCHEMA",
    "SCHEMA_VERSION",
    "Call",
    "CaseEntry",
    "Entry",
    "ErrorEntry",
    "ExpectedEntry",
    "FlushedEntry",
    "Manifest",
    "schema",
]

SCHEMA_VERSION = "1.0"
#: the JSON Schema of `Manifest`, as it is written beside the manifest
SCHEMA = Path(__file__).with_name("schema.json")

_NODE = (
    "null, a boolean, a number or a string stands for itself; a number that JSON has none for is "
    '{"float": "inf", "-inf" or "nan"}; arrays are {"input": name}, {"constant": position} or {"result": [position of '
    'the call, then keys and positions inside of its result]}; what holds others is {"tuple": [...]}, {"list": [...]} '
    'or {"dict": {...}}'
)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Call(_Model):
    """One call of an operation, with every argument."""

    operation: str
    arguments: dict[str, Any] = Field(description=f"By name: {_NODE}.")


class ExpectedEntry(_Model):
    """One expected array: names of tensors, and how they are judged."""

    value: str = Field(description="float64, or the exact array where `exact`, or integers or booleans.")
    remainder: str | None = Field(None, description="What `value` lacks of the reference; to be added to it.")
    unit: str | None = Field(None, description="The size of one rounding, element by element.")
    unit_exact_inputs: str | None = Field(None, description="The same where the inputs are known exactly.")
    escaped: str | None = Field(None, description="Where a result that is not finite is excused.")
    exact: bool = Field(False, description="Whether the result has to equal `value` to the bit, NaN equal to NaN.")
    dtype: str | None = Field(None, description="Of the result, where it is floating and not of the dtype under test.")
    moves: bool = Field(True, description="Whether any rounding moves any of it.")


class FlushedEntry(_Model):
    """What is expected where subnormal inputs count as 0: the better of two margins decides."""

    values: list[ExpectedEntry]
    gradients: dict[str, ExpectedEntry] = {}


class ErrorEntry(_Model):
    """The error that the last call has to raise."""

    error: str
    words: list[str] = Field(description="What its message has to contain.")


class Entry(_Model):
    """A case in one dtype."""

    file: str | None = Field(None, description="Where its tensors are; null where it has none.")
    digest: str = Field(description="Hash of everything that defines the case.")
    checks: dict[str, str] = Field(description="Check -> the profile it is evidence for.")
    calls: list[Call] | None = Field(None, description="To be made in this order; null where it is a Python program.")
    inputs: dict[str, str] = Field({}, description="Name -> tensor.")
    constants: list[str] = Field([], description="Tensors that calls are made with besides the inputs.")
    outputs: list[Any] = Field([], description='One {"result": [...]} a value.')
    cotangents: list[str | None] = Field([], description="One tensor a value; null where that is not floating.")
    values: list[ExpectedEntry] = []
    gradients: dict[str, ExpectedEntry] = Field({}, description="Input -> what is expected for the cotangents.")
    flushed: FlushedEntry | None = None
    error: ErrorEntry | None = None
    vacuous: dict[str, str] = Field({}, description="Checks that prove nothing where they pass, and why.")


class CaseEntry(_Model):
    """A case."""

    id: str
    family: str
    operation: str
    level: str
    requirements: list[str]
    definition_digest: str
    differentiate: list[str] = []
    dtypes: dict[str, Entry]


class Manifest(_Model):
    """Everything but the arrays."""

    schema_version: str = SCHEMA_VERSION
    nnspec_version: str
    spec_version: str
    spec_digest: str
    suite_version: str
    level: str
    only: str | None = None
    compact: bool = False
    limits: dict[str, float] = Field(description="Check -> how many units a result may be from what is expected.")
    dtypes: list[str]
    requirements: dict[str, str] = Field(description="Id -> sentence.")
    left_out: dict[str, int] = Field({}, description="Why -> how many cases.")
    files: dict[str, str] = Field(description="Name -> SHA-256.")
    cases: list[CaseEntry]


def schema() -> str:
    """The text of `schema.json`."""
    return json.dumps(Manifest.model_json_schema(), indent=1, sort_keys=True) + "\n"
