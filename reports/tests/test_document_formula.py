"""The formulas of the docstrings as MathML."""

from __future__ import annotations

import doctest
import re
import xml.etree.ElementTree as ET

import pytest

from nnspec import Backend
from nnspec.docstring import docstring
from nnspec_reports.document import _formula
from nnspec_reports.document._formula import FormulaError, is_code, mathml
from nnspec_reports.document._prose import display, inline, names_of, says_more

OPERATIONS = Backend.operations()


def flat(text: str, **options: object) -> str:
    """The MathML with tags reduced to brackets: what is inside what, and in which order."""
    text = re.sub(r"<mspace[^>]*></mspace>", "~", mathml(text, **options))  # type: ignore[arg-type]
    text = re.sub(r"<(/?)m(?:i|n|o|row|ath)\b[^>]*>|<wbr/>", "", text)
    return re.sub(r"<(/?)m(\w+)[^>]*>", lambda found: "}" if found[1] else f"{found[2]}{{", text)


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("x^2", "sup{x2}"),
        ("m^ / v^", "over{m^}/over{v^}"),
        ("2^-23", "sup{2−23}"),
        ("t^-1/2", "sup{t−1/2}"),
        ("sin^2(x)", "sup{sin2}(x)"),
        ("alpha' x", "sup{α′}~x"),
        ("w_ij", "sub{wij}"),
        ("y_(c, t)", "sub{yc,t}"),
        ("mu_{t+1}", "sub{μt+1}"),
        ("beta1 x", "sub{β1}~x"),
        ("l2 x", "l2~x"),
        ("softmax_j(x)", "sub{softmaxj}(x)"),
        ("fan_in / 2", "fan_in/2"),
        ("x W^T", "x~sup{WT}"),
        ("f(x)_i", "sub{f(x)i}"),
        ("sum_j exp(x_j)", "under{∑j}~exp(sub{xj})"),
        ("-log sum_a p_a", "−log~under{∑a}~sub{pa}"),
        ("sqrt(x + 1)", "sqrt{x+1}"),
        ("sqrt 2", "sqrt{2}"),
        ("floor(x)", "⌊x⌋"),
        ("|x - y|", "|x−y|"),
        ("sum |w|", "∑~|w|"),
        ("||v||", "‖v‖"),
        ("x <= 0", "x≤0"),
        ("i != j", "i≠j"),
        ("[0, 1)", "[0,1)"),
        ("q_i . k_j", "sub{qi}·sub{kj}"),
        ("sum over i != j of x", "under{∑i≠j}~x"),
    ],
)
def test_in_a_line(text: str, drawn: str) -> None:
    assert flat(text) == drawn


def test_fractions_are_stacked_on_a_line_of_their_own() -> None:
    assert flat("(a + b) / (2 c)", display=True) == "frac{a+b2~c}"
    assert flat("a b / c d", display=True) == "frac{a~bc}~d"  # from the left, as it is written


def test_a_parameter_is_one_name() -> None:
    assert flat("log_prob_y", names={"log_prob"}) == "sub{log_proby}"
    assert flat("min_value x", names={"min_value"}) == "min_value~x"


def test_a_long_formula_can_be_broken_outside_of_parentheses() -> None:
    pieces = mathml("y = (a + b) x + c").split("<wbr/>")
    assert len(pieces) == 3
    assert all(piece.startswith("<math>") and piece.endswith("</math>") for piece in pieces)
    assert "<wbr/>" not in mathml("y = a + b", display=True)


@pytest.mark.parametrize("text", ["x +", "(x", "|x", "x)", "a §", "sum over i x"])
def test_what_is_no_formula_is_an_error(text: str) -> None:
    with pytest.raises(FormulaError, match=re.escape(repr(text))):
        mathml(text)


@pytest.mark.parametrize("text", ["axis", 'approximate="tanh"', "x1 = rotl(x1, R) ^ x0", "e >> 1", 'state["step"]'])
def test_code_is_no_formula(text: str) -> None:
    assert is_code(text)


@pytest.mark.parametrize("text", ["x", "w_ij", "x^2", "alpha (exp(x) - 1)", "y = x"])
def test_formulas_are_no_code(text: str) -> None:
    assert not is_code(text)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_formula_of_the_specification_is_drawn(name: str) -> None:
    """None is an error, all are well-formed, and no operation with an equation goes without."""
    op = OPERATIONS[name]
    parts, names = docstring(op), names_of(op)
    shown = display(parts, names)
    for text in (*shown, inline(f"{parts.summary} {parts.text}", names)):
        ET.fromstring(f"<p>{text}</p>")
    equations = [s for s in re.findall(r"`([^`]+)`", parts.summary) if " = " in s and not is_code(s, names)]
    assert bool(shown) >= bool(equations)


def test_alternatives_become_a_brace() -> None:
    (shown,) = display(docstring(OPERATIONS["elu"]), names_of(OPERATIONS["elu"]))
    assert shown.count("<mtr>") == 2
    assert ">{<" in shown


def test_what_the_formula_says_is_not_said_twice() -> None:
    assert not says_more(docstring(OPERATIONS["elu"]))
    assert says_more(docstring(OPERATIONS["softmax"]))


def test_the_example_of_the_module() -> None:
    assert doctest.testmod(_formula) == (0, 1)
