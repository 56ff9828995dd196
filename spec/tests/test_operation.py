"""The decorator and the validation of overrides."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, ClassVar

import pytest

from nnspec import Backend, Family, Operation, operation
from nnspec.errors import DTypeError
from nnspec.operation import catalogue
from nnspec_backends.numpy import NumpyBackend


class RefusedError(Exception):
    pass


def _check(self: Family, x: float, *, factor: float = 2.0) -> None:
    Toy.checked.append(x)
    if x < 0:
        raise RefusedError(f"x: {x}")


def _check_bare(self: Family, x: float) -> None: ...


class Toy(Family):
    checked: ClassVar[list[float]] = []

    @operation(since="1.2", check=_check, exact=True)
    def scale(self, x: float, *, factor: float = 2.0) -> float:
        """Multiply: `factor * x`.

        Requires:
            [SCALE-1] One line.
            [SCALE-2] A sentence that
                goes on, over [0, 1], and
              ends here.

            [SCALE-10] After a blank line.

        Source:
            [1] a paper, 1998. See [SCALE-3] for no requirement.
        """
        return factor * x

    @operation(since="1.0", check=_check_bare)
    def negate(self, x: float) -> float:
        """[NEGATE-1] The sign changes."""
        return -x


class Array:
    """As much of an array as decides whether calls are alike."""

    def __init__(self, *shape: int, dtype: str = "float32", value: float = 1.0) -> None:
        self.shape, self.dtype, self.value = shape, dtype, value


class SpecialArray(Array): ...


def _check_rows(self: Family, x: Array, count: Any = 1, *, axis: Any = 0, low: float = 0.0, names: Any = None) -> None:
    Toy.checked.append(x.value)
    axes = axis if isinstance(axis, tuple) else (axis,)
    if not self.is_floating(x) or any(type(a) is not int for a in (count, *axes)):
        raise RefusedError("x or axis")
    if low != 0.0 and self.is_concrete(x) and x.value < low:
        raise RefusedError("value")


class Remembering(Family):
    """A backend whose calls are validated once a kind."""

    array_types = frozenset({Array})
    tracing: ClassVar[bool] = False

    @operation(since="1.0", check=_check_rows)
    def rows(self, x: Array, count: Any = 1, *, axis: Any = 0, low: float = 0.0, names: Any = None) -> float:
        """[ROWS-1] Its value."""
        return x.value

    def is_floating(self, x: Any) -> bool:
        return bool(x.dtype == "float32")

    def is_concrete(self, x: Any) -> bool:
        return True

    @staticmethod
    def is_tracing() -> bool:
        return Remembering.tracing


@pytest.fixture(autouse=True)
def _forget_calls() -> None:
    Toy.checked.clear()


SCALE: Operation = catalogue(Toy)["scale"]


def test_requirements_are_read_from_the_docstring() -> None:
    assert SCALE.requirements == {
        "SCALE-1": "One line.",
        "SCALE-2": "A sentence that goes on, over [0, 1], and ends here.",
        "SCALE-10": "After a blank line.",
    }


def test_what_an_operation_knows() -> None:
    assert (SCALE.name, SCALE.since, SCALE.exact) == ("scale", "1.2", True)
    assert SCALE.family == __name__.rpartition(".")[2]
    assert SCALE.summary == "Multiply: `factor * x`."
    assert list(SCALE.signature.parameters) == ["self", "x", "factor"]
    assert list(catalogue(Toy)) == ["scale", "negate"]
    assert not catalogue(Toy)["negate"].exact


@pytest.mark.parametrize("module", ["pooling", "nnspec.ops.pooling", "pooling._windows", "x.pooling._max._native"])
def test_a_private_module_belongs_to_the_family_of_its_package(module: str) -> None:
    def halve(self: Family, x: float) -> float:
        """[HALVE-1] Half."""
        return x / 2

    halve.__module__ = module
    made: Any = operation(since="1.0", check=_check_bare)(halve)
    assert made.__operation__.family == "pooling"


def test_digest_is_that_of_the_text() -> None:
    operations = Backend.operations()
    assert operations["relu"].digest == operations["gelu"].digest  # of two modules of one package
    assert operations["relu"].digest != operations["linear"].digest
    assert len(operations["relu"].digest) == 16


def test_the_wrapper_keeps_name_and_text() -> None:
    assert Toy.scale.__name__ == "scale"
    assert Toy.scale.__doc__ is not None
    assert "SCALE-1" in Toy.scale.__doc__


def test_without_a_requirement() -> None:
    def bare(self: Family, x: float) -> float:
        """No requirement; [lower-1] is none, nor is [A1]."""
        return x

    with pytest.raises(TypeError, match="bare: the docstring names no requirement"):
        operation(since="1.0", check=_check_bare)(bare)


def _other_name(self: Family, y: float) -> None: ...
def _other_default(self: Family, x: float = 0.0) -> None: ...
def _more(self: Family, x: float, *, eps: float = 0.0) -> None: ...
def _keyword_only(self: Family, *, x: float) -> None: ...


@pytest.mark.parametrize("check", [_other_name, _other_default, _more, _keyword_only])
def test_check_with_another_signature(check: Any) -> None:
    def halve(self: Family, x: float) -> float:
        """[HALVE-1] Half."""
        return x / 2

    with pytest.raises(TypeError, match="halve: its check has another signature"):
        operation(since="1.0", check=check)(halve)


def test_arguments_are_checked_before_the_definition_runs() -> None:
    assert Toy().scale(3.0) == 6.0
    assert Toy.checked == [3.0]
    with pytest.raises(RefusedError):
        Toy().scale(-1.0)


def test_python_itself_rejects_other_arguments() -> None:
    toy: Any = Toy()
    for args, kwargs in [((), {}), ((1.0, 2.0), {}), ((1.0,), {"scale": 2.0})]:
        with pytest.raises(TypeError, match="argument"):
            toy.scale(*args, **kwargs)


class Native(Toy):
    def scale(self, x: float, *, factor: float = 2.0) -> float:
        return x + x if factor == 2.0 else super().scale(x, factor=factor)


def test_an_override_is_checked_too() -> None:
    assert Native().scale(4.0) == 8.0
    assert Toy.checked == [4.0]
    with pytest.raises(RefusedError):
        Native().scale(-1.0)


def test_an_override_can_call_super() -> None:
    assert Native().scale(4.0, factor=0.5) == 2.0
    assert Toy.checked == [4.0, 4.0]


def test_an_override_of_an_override_is_checked_once_a_call() -> None:
    class Faster(Native):
        def scale(self, x: float, *, factor: float = 2.0) -> float:
            return 10 * factor * x

    assert Faster().scale(1.0) == 20.0
    assert Toy.checked == [1.0]


def test_overrides_in_families_of_their_own_combine() -> None:
    """As backends are made of one mixin a family, with super() along the MRO."""

    class Loud(Toy):
        def scale(self, x: float, *, factor: float = 2.0) -> float:
            return 100 + super().scale(x, factor=factor)

        def negate(self, x: float) -> float:
            return 0.0 - x

    class First(Loud, Native): ...

    class Second(Native, Loud): ...

    assert First().scale(1.0) == 102.0
    assert Second().scale(1.0) == 2.0
    assert Second().scale(1.0, factor=3.0) == 103.0
    assert First().negate(2.0) == Second().negate(2.0) == -2.0
    with pytest.raises(RefusedError):
        Second().scale(-1.0)
    assert set(catalogue(First)) == {"scale", "negate"}
    assert catalogue(First)["scale"] is SCALE


def _other_parameter(self: Any, y: float, *, factor: float = 2.0) -> None: ...
def _default_changed(self: Any, x: float, *, factor: float = 3.0) -> None: ...
def _default_dropped(self: Any, x: float, *, factor: float) -> None: ...
def _now_positional(self: Any, x: float, factor: float = 2.0) -> None: ...
def _now_keyword_only(self: Any, *, x: float, factor: float = 2.0) -> None: ...
def _dropped(self: Any, x: float) -> None: ...
def _added(self: Any, x: float, *, factor: float = 2.0, fast: bool = True) -> None: ...
def _anything(self: Any, *args: Any, **kwargs: Any) -> None: ...


@pytest.mark.parametrize(
    "override",
    [
        _other_parameter,
        _default_changed,
        _default_dropped,
        _now_positional,
        _now_keyword_only,
        _dropped,
        _added,
        _anything,
    ],
)
@pytest.mark.parametrize("base", [Toy, Native])
def test_an_override_with_another_signature_is_refused(base: type[Toy], override: Any) -> None:
    with pytest.raises(TypeError, match=r"Wrong\.scale\(self.*must have the operation's signature \(self, x"):
        type("Wrong", (base,), {"scale": override})


def test_an_override_that_is_no_function_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Wrong\.scale must be a function"):
        type("Wrong", (Toy,), {"scale": 3})


def test_native_and_derived_are_told_apart(fake_backends: ModuleType) -> None:
    def relu(self: Any, x: Any) -> Any:
        return x

    native = type("NativeRelu", (fake_backends.Working,), {"relu": relu})()
    assert native.implementation("relu") == "native"
    assert native.implementation("gelu") == "derived"
    assert fake_backends.Working().implementation("relu") == "derived"


def test_a_mixin_that_is_no_family_is_validated_too() -> None:
    class Plain:
        def relu(self, x: Any) -> Any:
            return x

    class Mixed(Plain, NumpyBackend):
        pass

    with pytest.raises(DTypeError, match="x: expected a floating array"):
        Mixed().relu([1.0])

    class WrongPlain:
        def relu(self, y: Any) -> Any:
            return y

    with pytest.raises(TypeError, match="must have the operation's signature"):
        type("WronglyMixed", (WrongPlain, NumpyBackend), {})


# -- calls that are like an earlier one ----------------------------------------------------------------


def checks_of(*calls: tuple[tuple[Any, ...], dict[str, Any]]) -> int:
    """How many of these calls of one backend are validated."""
    backend = Remembering()
    for args, kwargs in calls:
        assert backend.rows(*args, **kwargs) == args[0].value
    return len(Toy.checked)


@pytest.mark.parametrize("options", [{}, {"axis": 1}, {"axis": (0, 1)}, {"names": "a"}], ids=repr)
def test_a_call_like_a_valid_one_is_not_validated_again(options: dict[str, Any]) -> None:
    first, second = Array(2, 3), Array(2, 3, value=7.0)
    assert checks_of(((first,), options), ((second,), options), ((second,), dict(options))) == 1


@pytest.mark.parametrize(
    "other",
    [
        ((Array(3, 2),), {"axis": 1}),
        ((Array(2, 3),), {"axis": 0}),
        ((Array(2, 3),), {}),
        ((SpecialArray(2, 3),), {"axis": 1}),
        ((Array(2, 3),), {"axis": 1, "names": ["a list"]}),
        ((Array(2, 3),), {"axis": (1,)}),
    ],
    ids=["shape", "option", "default", "type", "no plain value", "tuple"],
)
def test_a_call_that_may_differ_is_validated(other: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    usual = ((Array(2, 3),), {"axis": 1})
    assert checks_of(usual, other, usual) == 2


@pytest.mark.parametrize(
    ("valid", "refused"),
    [(1, True), (1, 1.0), ((1, 0), (True, 0)), ((1, 0), (1.0, 0)), (0, False), (0, "0"), (0, None)],
)
def test_equal_values_of_another_type_are_not_alike(valid: Any, refused: Any) -> None:
    backend = Remembering()
    for _ in range(2):
        backend.rows(Array(2), axis=valid)
        with pytest.raises(RefusedError):
            backend.rows(Array(2), axis=refused)
        if not isinstance(valid, tuple):
            backend.rows(Array(2), valid)
            with pytest.raises(RefusedError):
                backend.rows(Array(2), refused)


def test_an_invalid_call_is_refused_every_time() -> None:
    backend = Remembering()
    for _ in range(3):
        with pytest.raises(RefusedError):
            backend.rows(Array(2, dtype="int64"))
    backend.rows(Array(2))


def test_what_depends_on_values_is_looked_at_in_every_call() -> None:
    backend = Remembering()
    for _ in range(3):
        backend.rows(Array(2, value=3.0), low=2.0)
    assert len(Toy.checked) == 3
    with pytest.raises(RefusedError, match="value"):
        backend.rows(Array(2, value=1.0), low=2.0)


def test_what_is_known_belongs_to_one_backend() -> None:
    for _ in range(2):
        Remembering().rows(Array(2))
    assert len(Toy.checked) == 2


def test_nothing_is_remembered_while_a_compiler_records(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Remembering()
    backend.rows(Array(2))
    monkeypatch.setattr(Remembering, "tracing", True)
    backend.rows(Array(2))
    backend.rows(Array(3))
    assert len(Toy.checked) == 3
    assert len(backend.decided_calls) == 1


def test_changing_sizes_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[operation.__module__], "_REMEMBERED", 5)
    backend = Remembering()
    for size in range(40):
        backend.rows(Array(size))
        assert 1 <= len(backend.decided_calls) <= 5
