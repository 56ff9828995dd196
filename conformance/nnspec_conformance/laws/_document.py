"""The page that lists the laws, made from the declarations."""

from __future__ import annotations

from collections.abc import Iterator

from nnspec_conformance.catalogue import FAMILIES
from nnspec_conformance.laws import LAWS, WITHOUT, declared, excused, tried

__all__ = ["page"]

_HEAD = """\
# Laws

A law is a statement about an operation that needs no oracle: two ways to the same numbers agree. At `--level full`
the suite computes the difference of both ways on the backend itself. Its reference is 0, and what rounding is granted
comes from the rounding model, so a law has no tolerance. Each is declared for the operations that it holds for, with
one of their cases as base, whose inputs and options it is tried on; the case of a law is called
`operation/law-NAME`, and `nnspec conform numpy --only '*/law-*' --level full` tries all of them. A backend that
traces is tried on a sample, and on all where `--only` asks for them. Laws that take derivatives are the check
`gradient-law`, the others the check `law`.

<!-- made by: python -m nnspec_conformance.laws > spec/docs/laws.md -->

"""

_CHECKS = """\
Three laws hold for every operation and are checks of every case: no call changes its inputs (`purity`), a second call
returns the same bits (`repeat`), and the compiled function returns what the eager one does (`compiled`).

"""

_OPTIONS = """\
## Every option changes the result

For every option of every operation there is a case and another value for which the reference's two results differ by
more than 64 units of rounding, or in their shapes. The backend's two results have to differ there, too: an option that
is ignored fails. These options are not tried:

| Operation | Option | Reason |
|---|---|---|
"""


def page() -> str:
    """The page, in Markdown."""
    return _HEAD + "".join(_laws()) + _CHECKS + _OPTIONS + "".join(_excuses()) + "\n" + "".join(_families())


def _laws() -> Iterator[str]:
    operations = {op: laws for family in FAMILIES for op, laws in declared(family).items()}
    yield "| Law | | Operations |\n|---|---|---|\n"
    for law in LAWS:
        count = sum(any(one.law is law for one in laws) for laws in operations.values())
        yield f"| `{law.name}` | {law.sentence} | {count} |\n"
    yield "\n"


def _excuses() -> Iterator[str]:
    for family in FAMILIES:
        for operation, options in excused(family).items():
            for option, reason in options.items():
                yield f"| [{operation}](operations/{operation}.md) | `{option}` | {reason} |\n"


def _families() -> Iterator[str]:
    yield "## Which laws hold\n\n"
    for family in FAMILIES:
        if not declared(family):
            continue
        yield f"### {family.capitalize()}\n\n| Operation | Laws | Options tried |\n|---|---|---|\n"
        options = tried(family)
        for operation in dict.fromkeys((*declared(family), *options)):
            laws = ", ".join(dict.fromkeys(f"`{one.law.name}`" for one in declared(family).get(operation, ())))
            names = ", ".join(f"`{one.option}`" for one in options.get(operation, ()))
            yield f"| [{operation}](operations/{operation}.md) | {laws} | {names} |\n"
        yield "\n"
    yield "No law but that of options holds for these operations:\n\n"
    for operation, reason in WITHOUT.items():
        yield f"* [{operation}](operations/{operation}.md): {reason}.\n"
