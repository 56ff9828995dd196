"""What the script does with the program, one text a check: the suite's own judgement, in NumPy alone."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import numpy as np
import optree

from nnspec_conformance import limits
from nnspec_conformance.checks.laws import shown
from nnspec_conformance.context import Context
from nnspec_conformance.explain._literals import array_text
from nnspec_conformance.explain._recording import UnscriptableError

__all__ = ["MARGIN", "main_of"]

MARGIN = '''
def margins(got, *, expected, dtype, unit, rest=0.0, escaped=False):
    """By how many units of rounding every entry is off."""
    with np.errstate(all="ignore"):
        if unit is None:
            same = (got == expected) | ((got != got) & (expected != expected))
            return np.where(same, 0.0, np.inf)
        got, rounded = got.astype("float64"), expected.astype(dtype).astype("float64")
        same = (got == expected) & (rest == 0) | np.isnan(got) & np.isnan(expected)
        same |= (got == rounded) & ~np.isfinite(rounded) | escaped & ~np.isfinite(got) & np.isfinite(expected)
        off = np.where(same, 0.0, abs((got - expected) - rest) / unit)
        return np.where(np.isnan(off), np.inf, off)


def is_wrong(name, got, rows):
    """Judge one array by the better of what may be expected of it, and say how it is."""
    found = []
    for row in rows:
        if got.shape != row["expected"].shape:
            print(f"{name}: shape {got.shape}, expected {row['expected'].shape}")
            return True
        off = margins(got, **row)
        worst = np.unravel_index(np.argmax(off), off.shape) if off.size else ()
        found.append((off[worst] if off.size else 0.0, worst, row))
    margin, worst, row = min(found, key=lambda one: one[0])
    if got.size:
        where = [int(i) for i in worst]
        unit = "exact" if row["unit"] is None else f"{margin:.3g} units of {row['unit'][worst]:.3g}, limit {LIMIT:g}"
        print(f"{name}{where}: expected {row['expected'][worst]}, got {got[worst]} ({unit})")
    return not margin <= LIMIT


def all_wrong(name, got, *alternatives):
    """Judge several arrays; whether any is wrong."""
    if len(got) != len(alternatives[0]):
        print(f"{len(got)} arrays, expected {len(alternatives[0])}")
        return True
    return any([is_wrong(f"{name} {i}", B.to_numpy(x), [rows[i] for rows in alternatives]) for i, x in enumerate(got)])
'''


def main_of(context: Context, check: str) -> str:
    """The function `main`, which returns the exit code, and what it needs."""
    if check not in _MAINS:
        raise UnscriptableError(f"check {check!r} judges more than a call")
    return str(_MAINS[check](context)).strip("\n")


def _alternatives(context: Context, name: str) -> str:
    return (
        name
        if context.analysis.flushed is None
        else f"{name}, {'FLUSHED_GRADIENTS' if name == 'GRADIENTS' else 'FLUSHED'}"
    )


def _ending(wrong: str) -> str:
    return f"""
    wrong = {wrong}
    print("WRONG" if wrong else "right")
    return int(wrong)
"""


def _run(context: Context) -> str:
    """How the suite gets its values from a program."""
    if not context.traces and not (context.backend.traced and "law" in context.case.options):
        return "def run():\n    return program(**inputs())"
    return "def run():\n    return B.compile(lambda arrays: program(**arrays))(inputs())"


def _values(context: Context) -> str:
    wrong = f'all_wrong("output", run(), {_alternatives(context, "VALUES")})'
    return f"{_run(context)}\n\n\ndef main():{_ending(wrong)}"


def _bits(context: Context) -> str:
    return f'{_run(context)}\n\n\ndef main():{_ending("""all_wrong("output", run(), VALUES)""")}'


def _shapes(context: Context) -> str:
    return f"""
{_run(context)}


def main():
    got = run()
    wrong = len(got) != len(VALUES)
    for i, (x, row) in enumerate(zip(got, VALUES)):
        host, shape, dtype = B.to_numpy(x), row["expected"].shape, np.dtype(row["dtype"])
        print(f"output {{i}}: expected {{dtype}} {{shape}}, got {{host.dtype}} {{host.shape}}, says {{tuple(x.shape)}}")
        floating = row["expected"].dtype.kind == "f"
        wrong |= tuple(x.shape) != shape or host.shape != shape
        wrong |= host.dtype != dtype if floating else host.dtype.kind != dtype.kind
    print("WRONG" if wrong else "right")
    return int(wrong)
"""


def _compiled(context: Context) -> str:
    if context.traces:  # then the plain call is what the other checks do not make
        wrong = f'all_wrong("output", program(**inputs()), {_alternatives(context, "VALUES")})'
        return f"def main():{_ending(wrong)}"
    judged = _alternatives(context, "VALUES")
    donated = ""
    if context.case.family == "optimizers":
        donated = f"""
    used_up = B.compile(lambda arrays: program(**arrays), donate=(0,))(inputs())
    wrong |= all_wrong("with donated inputs, output", used_up, {judged})"""
    return f"""
def main():
    run, given = B.compile(lambda arrays: program(**arrays)), inputs()
    first, again = run(given), run(given)
    wrong = all_wrong("compiled, output", first, {judged})
    for i, (a, b) in enumerate(zip(first, again)):
        x, y = B.to_numpy(a), B.to_numpy(b)
        if not np.array_equal(x, y, equal_nan=x.dtype.kind not in "biu"):
            print(f"output {{i}}: {{x}} at the first call, {{y}} at the second")
            wrong = True{donated}
    print("WRONG" if wrong else "right")
    return int(wrong)
"""


def _repeat(context: Context) -> str:
    return f"""
{_run(context)}


def main():
    given = inputs()
    wrong = False
    calls = [[B.to_numpy(x) for x in call()] for call in [lambda: program(**given)] * 2]
    for i, (x, y) in enumerate(zip(*calls)):
        if x.tobytes() != y.tobytes() and not np.array_equal(x, y, equal_nan=x.dtype.kind not in "biu"):
            print(f"output {{i}}: expected the same at every call, got {{x}} at the first and {{y}} at the second")
            wrong = True
    print("WRONG" if wrong else "right")
    return int(wrong)
"""


def _cotangents(context: Context) -> str:
    from nnspec_conformance.explain._script import placed_text

    given = [c for c in context.analysis.cotangents if c is not None]
    text = "".join(f"cotangent_{i}_host = {array_text(c)}\n" for i, c in enumerate(given))
    placed = [placed_text(f"cotangent_{i}_host", c, context.case.cotangent_layout) for i, c in enumerate(given)]
    return f"{text}\n\ndef cotangents():\n    return [{', '.join(placed)}]"


def _pulled(context: Context) -> str:
    """`differentiate(moving, constants, weights)`, as the suite does it."""
    floating = [i for i, c in enumerate(context.analysis.cotangents) if c is not None]
    every = len(floating) == len(context.analysis.cotangents)
    leaves = "found" if every else f"[found[i] for i in {floating}]"
    compiled = "\n\n\ndifferentiate = B.compile(differentiate)" if context.backend.judged_compiled else ""
    return f"""
{_cotangents(context)}


def differentiate(moving, constants, weights):
    def floating(variables):
        found = program(**constants, **variables)
        return {leaves}

    outputs, pull = B.vjp(floating, moving)
    return outputs, pull(weights)[0]{compiled}
"""


def _gradients(context: Context) -> str:
    names = context.case.differentiated
    every = all(c is not None for c in context.analysis.cotangents)
    judged = ", ".join(
        "GRADIENTS[n]" if i == 0 else "FLUSHED_GRADIENTS[n]" for i in range(1 + (context.analysis.flushed is not None))
    )
    values = f'\n    wrong |= all_wrong("output", outputs, {_alternatives(context, "VALUES")})' if every else ""
    return f"""
{_pulled(context)}


def main():
    given = inputs()
    moving = {{n: given.pop(n) for n in {json.dumps(list(names))}}}
    outputs, gradients = differentiate(moving, given, cotangents())
    wrong = False
    for n in moving:
        got = B.to_numpy(gradients[n])
        if got.dtype != B.to_numpy(moving[n]).dtype:
            print(f"gradient of {{n}}: {{got.dtype}}, expected {{B.to_numpy(moving[n]).dtype}}")
            wrong = True
        wrong |= is_wrong(f"gradient of {{n}}", got, [{judged}]){values}
    print("WRONG" if wrong else "right")
    return int(wrong)
"""


def _purity(context: Context) -> str:
    names = list(context.case.differentiated)
    backward = ""
    if names:
        backward = f"""
    moving = {{n: given[n] for n in {json.dumps(names)}}}
    constants = {{n: x for n, x in given.items() if n not in moving}}
    weights = cotangents()
    given |= {{f"cotangent {{i}}": x for i, x in enumerate(weights)}}
    before |= {{n: B.to_numpy(x) for n, x in given.items() if n not in before}}
    differentiate(moving, constants, weights)"""
    return f"""
{_pulled(context) if names else ""}


def main():
    given = inputs()
    before = {{n: B.to_numpy(x) for n, x in given.items()}}
    program(**given){backward}
    wrong = False
    for n, x in given.items():
        after = B.to_numpy(x)
        if after.tobytes() != before[n].tobytes():
            print(f"{{n}}: expected unchanged {{before[n].ravel()[:8]}}, got {{after.ravel()[:8]}}")
            wrong = True
    print("WRONG" if wrong else "right")
    return int(wrong)
"""


def _law(context: Context) -> str:
    if context.case.options.get("law") != "option":
        return _values(context)
    return _option(context)


def _option(context: Context) -> str:
    """Both results have to be apart where the reference's are, clearly."""
    before, after = (optree.tree_leaves(tree) for tree in context.outputs)
    expected = context.analysis.values
    first, second = expected[: len(before)], expected[len(before) :]
    rows: list[Any] = []
    for leaf, index in shown(first, second) or []:
        a, b = first[leaf].unit, second[leaf].unit
        unit = 0.0 if a is None or b is None else float(limits.VALUES * (a[index] + b[index]))
        rows.append((leaf, index, float(np.float64(unit))))
    if not rows or len(after) != len(before):
        raise UnscriptableError("the results of the two options differ in their shapes")
    return f"""
# array, entry, and the distance that rounding could account for
APART = {rows}

{_run(context)}


def main():
    got = [B.to_numpy(x) for x in run()]
    wrong = False
    for leaf, index, least in APART:
        a, b = float(got[leaf][index]), float(got[leaf + {len(before)}][index])
        print(f"output {{leaf}}{{list(index)}}: {{a}} and {{b}} with either option, expected {{least:.3g}} apart")
        wrong |= not (abs(a - b) > least or np.isfinite(a) != np.isfinite(b))
    print("WRONG" if wrong else "right")
    return int(wrong)
"""


def _errors(context: Context) -> str:
    expect = context.case.expect
    assert expect is not None
    words = ", ".join(map(json.dumps, expect.words))
    return textwrap.dedent(f"""
        def main():
            try:
                program(**inputs())
            except nnspec.errors.{expect.error.__name__} as error:
                missing = [word for word in [{words}] if word not in str(error)]
                print(f"got {{type(error).__name__}}: {{error}}" + (f"; expected in it {{missing}}" if missing else ""))
                return int(bool(missing))
            except Exception as error:
                print(f"expected {expect.error.__name__}, got {{type(error).__name__}}: {{error}}")
                return 1
            print("expected {expect.error.__name__}, got no error")
            return 1
    """)


_MAINS = {
    "values": _values,
    "trajectory": _values,
    "bits": _bits,
    "shapes": _shapes,
    "compiled": _compiled,
    "gradients": _gradients,
    "repeat": _repeat,
    "purity": _purity,
    "law": _law,
    "gradient-law": _law,
    "errors": _errors,
}
