"""The script: text that imports NumPy and the backend, and repeats one failure by itself."""

from __future__ import annotations

import inspect
import json
import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec import Backend
from nnspec._low_precision import limits as limits_of
from nnspec.plugins import get_backend
from nnspec.reference import Analysis, Expected
from nnspec.results import Check
from nnspec_conformance import limits
from nnspec_conformance.context import Context
from nnspec_conformance.explain._checks import MARGIN, main_of
from nnspec_conformance.explain._literals import array_text, pair_of
from nnspec_conformance.explain._recording import recorded
from nnspec_conformance.explain._trial import Tried
from nnspec_conformance.layouts import LAYOUTS, _turned
from nnspec_conformance.overrides import Override

__all__ = ["script"]


def script(tried: Tried, record: Check, overrides: Mapping[str, Override], notes: list[str]) -> str:
    """The text.

    Args:
        tried: what to repeat.
        record: of the failure.
        overrides: functions in place of the backend's own operations.
        notes: more lines for its head.

    Raises:
        UnscriptableError: the program cannot be written down.
    """
    context, check = tried.context, record.check
    case = context.case
    program = recorded(case.run, context.numpy_inputs, _sound(context.dtype), fails=case.expect is not None)
    parts = [
        _head(tried, record, notes),
        "import sys\n\nimport numpy as np",
        _backend(record, context, overrides),
        _inputs(context),
        program.text(),
    ]
    if check != "errors":
        parts += [_expected(context, check), MARGIN]
    parts.append(main_of(context, check))
    parts.append('if __name__ == "__main__":\n    sys.exit(main())')
    return "\n\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _sound(dtype: str) -> Backend:
    return get_backend("numpy", dtype=dtype)


# -- head ------------------------------------------------------------------------------------------------------


def _head(tried: Tried, record: Check, notes: list[str]) -> str:
    operation = Backend.operations().get(record.operation)
    told = [
        f"{record.verdict.upper()}: {record.case}, check {record.check}, {tried.context.dtype}, on {record.backend}.",
        "",
        tried.outcome.message if tried.failed else record.message,
    ]
    told += [f"Likely cause: {record.cause}"] if record.cause else []
    for name in record.requirements:
        told.append(f"[{name}] {operation.requirements.get(name, '') if operation else ''}")
    told += [*notes, "", "Made by nnspec repro. Exit code 1 while the defect lives, 0 when it is gone."]
    lines = [line for text in told for line in (textwrap.wrap(_safe(text), 116) or [""])]
    return '"""' + "\n".join(lines) + '\n"""'


def _safe(text: str) -> str:
    """Fit for a docstring."""
    return text.replace("\\", "/").replace('"""', "'''").encode("ascii", "replace").decode()


# -- backend ---------------------------------------------------------------------------------------------------


def _backend(record: Check, context: Context, overrides: Mapping[str, Override]) -> str:
    made = f'device="{context.backend.device}", dtype="{context.dtype}"'
    if ":" in record.backend:
        module, _, path = record.backend.partition(":")
        imports, make = f"from {module} import {path.partition('.')[0]}", f"{path}({made})"
    else:
        imports, make = "import nnspec", f'nnspec.get_backend("{record.backend}", {made})'
    error = context.case.expect
    lines = [imports] + (["import nnspec.errors"] if error is not None else [])
    body = "\n".join(f"    {line}" for line in [*lines, f"B = {make}"])
    text = f"try:\n{body}\nexcept Exception as error:\n"
    text += '    print(f"the backend is not to be had: {error}")\n    sys.exit(2)'
    for override in overrides.values():
        text += "\n\n" + _overridden(override, made)
    return text


def _overridden(override: Override, made: str) -> str:
    """The backend with the function in place of its own operation."""
    op, plan = override.operation, override.plan
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in op.signature.parameters.values()]
    module, _, function = override.target.partition(":")
    given = ", ".join([*plan.by_position, *(f"{n}={n}" for n in plan.by_name)])
    low = f'\n    native_low = type(B).native_low | {{"{op.name}"}}\n' if override.takes_low else ""
    return (
        f"from {module} import {function.partition('.')[0]}  # noqa: E402\n\n\n"
        f"class Overridden(type(B)):{low}\n"
        f"    def {op.name}{inspect.Signature(plain)}:\n        return {function}({given})\n\n\n"
        f"B = Overridden({made})"
    )


# -- inputs ----------------------------------------------------------------------------------------------------


def _inputs(context: Context) -> str:
    arrays = context.numpy_inputs
    text = "".join(f"{name}_host = {array_text(x)}\n" for name, x in arrays.items())
    entries = [f'"{n}": {placed_text(f"{n}_host", x, context.case.inputs[n].layout)}' for n, x in arrays.items()]
    body = "{" + ", ".join(entries) + "}"
    if len(body) > 100:
        body = "{\n" + "".join(f"        {e},\n" for e in entries) + "    }"
    return f"{text}\n\ndef inputs():\n    return {body}"


def placed_text(name: str, x: NDArray[Any], layout: str) -> str:
    """An input on the backend, in its layout."""

    def put(host: str) -> str:
        return f'B.asarray({host}, dtype="{x.dtype}")'

    if layout == "contiguous" or x.ndim < LAYOUTS[layout]:  # type: ignore[index]
        return put(name)
    if layout == "strided":
        return (
            f"{put(f'np.stack([{name}, 0 * {name}], axis=-1).reshape({(*x.shape[:-1], 2 * x.shape[-1])})')}[..., ::2]"
        )
    if layout == "reversed":
        return f"B.xp.flip({put(f'np.ascontiguousarray(np.flip({name}))')}, axis=None)"
    if layout == "broadcast":
        same = np.array_equal(x, np.broadcast_to(x[:1], x.shape), equal_nan=x.dtype.kind != "b")
        return f"B.xp.broadcast_to({put(f'{name}[:1]')}, {x.shape})" if same else put(name)
    axes = _turned(x.ndim, layout)  # type: ignore[arg-type]
    back = tuple(int(i) for i in np.argsort(axes))
    return f"B.xp.permute_dims({put(f'np.ascontiguousarray({name}.transpose({axes}))')}, {back})"


# -- what is expected ------------------------------------------------------------------------------------------


def _expected(context: Context, check: str) -> str:
    """Literals: of every array its value, the unit and what may be excused; where subnormals may count as 0, twice."""
    analysis = context.analysis
    text = f"LIMIT = {limits.GRADIENTS if check == 'gradients' else limits.VALUES}  # units of rounding\n"
    if check in ("repeat", "purity"):
        return text
    exact = context.exact if check not in ("law", "gradient-law") else False
    text += "# of every array that has to come: value, unit of rounding (None: equal to the bit), and more\n"
    text += f"VALUES = {_rows(context, analysis.values, exact or check == 'bits')}\n"
    if check == "gradients":
        sharp = context.exact and context.case.sharp
        text += f"GRADIENTS = {_named(context, analysis, sharp)}\n"
    if analysis.flushed is not None and check != "bits":
        text += "# the same where a subnormal input counts as 0, which is allowed\n"
        text += f"FLUSHED = {_rows(context, analysis.flushed.values, exact)}\n"
        if check == "gradients":
            text += f"FLUSHED_GRADIENTS = {_named(context, analysis.flushed, context.exact and context.case.sharp)}\n"
    return text


def _rows(context: Context, expected: list[Expected], exact: bool) -> str:
    return "[\n" + "".join(textwrap.indent(_row(context, e, exact), "    ") + ",\n" for e in expected) + "]"


def _named(context: Context, analysis: Analysis, exact: bool) -> str:
    rows = [f"{json.dumps(n)}: {_row(context, e, exact)}" for n, e in analysis.gradients.items()]
    return "{\n" + "".join(textwrap.indent(row, "    ") + ",\n" for row in rows) + "}"


def _row(context: Context, expected: Expected, exact: bool) -> str:
    """Keyword arguments of `margins`."""
    value = expected.value
    dtype = expected.dtype or context.dtype
    parts = {"dtype": f'"{dtype}"'}
    if value.dtype.kind != "f":
        parts = {"expected": array_text(value), "dtype": f'"{value.dtype}"', "unit": "None"}
    elif expected.unit is None or exact:
        with np.errstate(all="ignore"):
            parts = {"expected": array_text(value.astype(dtype).astype(np.float64)), **parts, "unit": "None"}
    else:
        high, rest = pair_of(value)
        with np.errstate(all="ignore"):
            strict = limits_of(dtype).eps / 2 * abs(value) + limits_of(dtype).smallest_normal
            unit = np.where(np.isfinite(expected.unit), expected.unit, strict).astype(np.float64)
        parts = {"expected": array_text(high), **parts, "unit": array_text(unit, units=True)}
        if dtype == "float64" and np.any(rest):
            parts["rest"] = array_text(rest)
        if expected.escaped is not None and np.any(expected.escaped):
            parts["escaped"] = array_text(expected.escaped)
    inner = ", ".join(f"{n}={text}" for n, text in parts.items())
    if len(inner) <= 100:
        return f"dict({inner})"
    return "dict(\n" + "".join(textwrap.indent(f"{n}={t}", "    ") + ",\n" for n, t in parts.items()) + ")"
