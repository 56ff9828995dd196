"""The decorator and the validation of overrides."""

from __future__ import annotations

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
