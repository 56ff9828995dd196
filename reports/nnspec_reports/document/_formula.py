"""The plain formulas of the docstrings as MathML, which browsers draw without a script or a font of ours.

The notation is the one that the docstrings are written in: `x_i` and `y_(c, t)` are subscripts, `^` a power, `v^` a
hat, a space a product, `a / b` a fraction, `sum_i`, `prod_t` and `max_j` take what follows them, `f(x)` is a call and
`x[t]` an entry.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from html import escape

__all__ = ["FormulaError", "is_code", "mathml", "spans"]


class FormulaError(ValueError):
    """The text is no formula of this notation."""


@dataclass(frozen=True)
class _Token:
    kind: str  # "number", "name", "sign" or "end"
    text: str
    #: whether white space stands before it
    apart: bool


#: where a formula in a line may be broken, before the relations and sums outside of all parentheses
_BREAK = "\0"
#: characters from which a formula may not fit the line of a phone, even broken
_LONG = 36
_TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?(?:e-?\d+)?)"
    r"|(?P<name>[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*)"
    r"|(?P<sign>\|\||<=|>=|!=|\+=|\.\.\.|//|[-+*/^_()\[\]{}|,;:.=<>'])"
)
_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "eps": "ε", "eta": "η", "theta": "θ", "lambda": "λ",
    "lambd": "λ", "mu": "μ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "Phi": "Φ", "inf": "∞",
}  # fmt: skip
#: options whose number is part of the name
_WORDS = {"l1", "l2"}
_LARGE = {"sum": "∑", "prod": "∏"}
#: read without parentheses, they apply to the product that follows
_PREFIX = {*_LARGE, "max", "min", "mean", "log", "sqrt"}
_RELATIONS = {"=": "=", "<=": "≤", ">=": "≥", "!=": "≠", "<": "&lt;", ">": "&gt;", "+=": "+="}
_CLOSING = {"(": ")]", "[": "])", "{": "}", "|": "|", "||": "||"}
#: what no formula holds: quotes, shifts, keyword arguments, the words of a cipher
_CODE = re.compile(r"[\"%&]|>>| \^ |\w=\w|0x|\b(mod|rotl|None|True|False)\b|^\w+\.\w+")
_WORD = re.compile(r"[A-Za-z]\w+")


def is_code(text: str, names: Collection[str] = ()) -> bool:
    """Whether text in backticks is a name or a call to be shown as typed, and no formula."""
    if _CODE.search(text) or text in names:
        return len(text) > 1
    return _WORD.fullmatch(text) is not None and not _is_subscripted(text, names)


def _is_subscripted(name: str, names: Collection[str]) -> bool:
    return _split(name, names)[1] != ""


def _split(name: str, names: Collection[str]) -> tuple[str, str]:
    """A name and its subscript: `log_prob_y` is `log_prob` with y where that is a name of the operation."""
    if name in names:
        return name, ""
    parts = name.split("_")
    for cut in range(len(parts) - 1, 0, -1):
        base, subscript = "_".join(parts[:cut]), "_".join(parts[cut:])
        if base in names or (cut == 1 and (len(base) <= 2 or base in _GREEK or base in _PREFIX or len(subscript) == 1)):
            return base, subscript
    return name, ""


def mathml(text: str, *, names: Collection[str] = (), display: bool = False) -> str:
    """The formula as `math` elements.

    Args:
        text: in the notation of the docstrings.
        names: words that are one name though they hold an underscore: the parameters of the operation.
        display: on a line of its own: fractions are stacked, and limits stand below sums. Otherwise it is several
            elements, between which a line may be broken.

    Raises:
        FormulaError: the text is no formula.

    Example:
        >>> mathml("x^2 / 2")
        '<math><msup><mi>x</mi><mrow><mn>2</mn></mrow></msup><mo>/</mo><mn>2</mn></math>'
    """
    text = " ".join(text.split())
    body = _Parser(text, names, stacked=display).whole()
    if display:
        return f'<math display="block" alttext="{escape(text)}">{body.replace(_BREAK, "")}</math>'
    pieces = "<wbr/>".join(f"<math>{piece}</math>" for piece in body.split(_BREAK))
    return f'<span class="long">{pieces}</span>' if len(text) > _LONG else pieces


@dataclass(frozen=True)
class _Piece:
    """Some MathML, and the same without the parentheses around it where they only group."""

    text: str
    inner: str = ""
    #: a single element, as scripts need it
    single: bool = False

    @property
    def one(self) -> str:
        return self.text if self.single else _row(self.text)

    @property
    def bare(self) -> str:
        return _row(self.inner) if self.inner else self.one


def _row(text: str) -> str:
    return f"<mrow>{text}</mrow>"


def _mo(sign: str) -> str:
    return f"<mo>{sign}</mo>"


def _identifier(name: str) -> str:
    """A letter in italics with its number as a subscript, a Greek letter by name, a word upright."""
    if name in _WORDS:
        return f"<mi>{name}</mi>"
    found = re.fullmatch(r"([A-Za-z]+?)(\d*)", name)
    letters, digits = (found[1], found[2]) if found else (name, "")
    if letters in _GREEK or len(letters) == 1:
        upright = ' mathvariant="normal"' if letters in ("Phi", "inf") else ""
        letter = f"<mi{upright}>{_GREEK.get(letters, letters)}</mi>"
        return f"<msub>{letter}<mn>{digits}</mn></msub>" if digits else letter
    return f"<mi>{name}</mi>"


def _subscript(text: str) -> str:
    """`ij` is two indices, `total` one word."""
    if text.isdigit():
        return f"<mn>{text}</mn>"
    if len(text) <= 2 and text not in _GREEK:
        return _row("".join(f"<mn>{c}</mn>" if c.isdigit() else f"<mi>{c}</mi>" for c in text))
    return _identifier(text)


class _Parser:
    def __init__(self, text: str, names: Collection[str], *, stacked: bool) -> None:
        self.text = text
        self.names = names
        self.stacked = stacked
        self.tokens = self._scan(text)
        self.at = 0
        self.depth = 0
        self.bars: list[str] = []

    def _scan(self, text: str) -> list[_Token]:
        tokens = []
        at = 0
        while at < len(text):
            apart = text[at] == " "
            at += apart
            found = _TOKEN.match(text, at)
            if found is None:
                raise FormulaError(f"{text!r}: cannot read {text[at:]!r}")
            tokens.append(_Token(found.lastgroup or "", found[0], apart))
            at = found.end()
        return [*tokens, _Token("end", "", True)]

    # -- tokens ----------------------------------------------------------------------------------------

    @property
    def next(self) -> _Token:
        return self.tokens[self.at]

    def take(self) -> _Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def accept(self, *signs: str) -> str:
        if self.next.kind == "sign" and self.next.text in signs:
            return self.take().text
        return ""

    def adjacent(self, sign: str) -> bool:
        return self.next.text == sign and not self.next.apart

    def whole(self) -> str:
        text = self.listed()
        if self.next.kind != "end":
            raise FormulaError(f"{self.text!r}: cannot read on at {self.next.text!r}")
        return text

    # -- from the loosest to the tightest --------------------------------------------------------------

    def listed(self) -> str:
        """Relations between commas and semicolons."""
        parts = [self.related()]
        while sign := self.accept(",", ";", ":"):
            parts.append(_mo(sign) + self.related())
        return "".join(parts)

    def related(self) -> str:
        text = self.added()
        while sign := self.accept(*_RELATIONS):
            text += self.between(_RELATIONS[sign]) + self.added()
        return text

    def between(self, sign: str) -> str:
        """A relation or a sum's sign, before which a line may be broken outside of all parentheses."""
        return _mo(sign) if self.depth else f'{_BREAK}<mo form="infix">{sign}</mo>'

    def added(self) -> str:
        text = ""
        if sign := self.accept("-", "+"):
            text = f'<mo form="prefix">{_minus(sign)}</mo>'
        text += self.multiplied().text
        while sign := self.accept("-", "+"):
            text += self.between(_minus(sign)) + self.multiplied().text
        return text

    def multiplied(self) -> _Piece:
        """Products and fractions, from the left."""
        piece = self.juxtaposed()
        while sign := self.accept("*", "/", ".", "//"):
            if sign == "/":
                piece = self.divided(piece, self.prefixed_or_factor())
            else:
                dot = {"*": "·", ".": "·", "//": "//"}[sign]
                piece = _Piece(piece.text + _mo(dot) + self.prefixed_or_factor().text)
            if self.starts_factor():
                piece = _Piece(piece.text + _between(True) + self.juxtaposed().text)
        return piece

    def divided(self, above: _Piece, below: _Piece) -> _Piece:
        if self.stacked:
            return _Piece(f"<mfrac>{above.bare}{below.bare}</mfrac>", single=True)
        return _Piece(above.text + _mo("/") + below.text)

    def juxtaposed(self) -> _Piece:
        piece = self.prefixed_or_factor()
        while self.starts_factor():
            words = self.next.kind == "name" or piece.text.endswith("</mi>")
            following = self.prefixed_or_factor()
            piece = _Piece(piece.text + _between(words) + following.text)
        return piece

    def starts_factor(self) -> bool:
        token = self.next
        if token.kind in ("number", "name"):
            return token.text not in ("of", "over")
        if token.text in ("|", "||"):
            return token.text not in self.bars
        return token.text in ("(", "[", "...")

    def prefixed_or_factor(self) -> _Piece:
        token = self.next
        if token.kind != "name":
            return self.factor()
        base, index = _split(token.text, self.names)
        following = self.tokens[self.at + 1]
        called = following.text in ("(", "^", "_", "[") and not following.apart
        applies = following.kind in ("number", "name") or following.text in ("(", "|", "||", "[")
        if base not in _PREFIX or token.text in self.names or (called and not index) or not applies:
            return self.factor()
        self.take()
        if base == "sqrt":
            return _Piece(f"<msqrt>{self.factor().bare}</msqrt>", single=True)
        head = _mo(_LARGE[base]) if base in _LARGE else f"<mi>{base}</mi>"
        under = _subscript(index) if index else self.range_over()
        if under:
            tag = "munder" if self.stacked or base in _LARGE else "msub"
            head = f"<{tag}>{head}{under}</{tag}>"
        return _Piece(head + _between(base not in _LARGE) + self.juxtaposed().text)

    def range_over(self) -> str:
        """`sum over i != j of ...` has its range below the sign."""
        if self.next.text != "over":
            return ""
        self.take()
        self.depth += 1
        text = self.related()
        self.depth -= 1
        if self.take().text != "of":
            raise FormulaError(f"{self.text!r}: 'over' without 'of'")
        return _row(text)

    def factor(self) -> _Piece:
        piece = self.atom()
        while not self.next.apart:
            if self.accept("'"):
                piece = _Piece(f"<msup>{piece.one}{_mo('′')}</msup>", single=True)
            elif self.accept("^"):
                piece = self.raised(piece)
            elif self.adjacent("_"):
                self.take()
                piece = _Piece(f"<msub>{piece.one}{self.script()}</msub>", single=True)
            elif self.next.text in ("(", "["):
                piece = _Piece(piece.text + self.enclosed().text)
            else:
                break
        return piece

    def raised(self, base: _Piece) -> _Piece:
        if self.next.apart or self.next.kind == "end" or self.next.text in (")", ",", "]"):
            return _Piece(f"<mover>{base.one}{_mo('^')}</mover>", single=True)
        return _Piece(f"<msup>{base.one}{self.script()}</msup>", single=True)

    def script(self) -> str:
        """An exponent or a subscript: a group without its parentheses, a name, or a number such as -1/2."""
        if self.next.text in ("(", "{"):
            stacked, self.stacked = self.stacked, False
            piece = self.enclosed()
            self.stacked = stacked
            return _row(piece.inner)
        text = _mo("−") if self.accept("-") else ""
        token = self.next
        text += self.atom().text
        if len(token.text) > 1 and token.kind == "name" and self.adjacent("("):
            text += self.enclosed().text
        if token.kind == "number" and self.adjacent("/"):
            self.take()
            text += _mo("/") + self.atom().text
        return _row(text)

    def atom(self) -> _Piece:
        token = self.next
        if token.kind == "number":
            self.take()
            return _Piece(f"<mn>{token.text}</mn>", single=True)
        if token.kind == "name":
            return self.name(self.take().text)
        if self.accept("..."):
            return _Piece(_mo("…"), single=True)
        if token.text in _CLOSING:
            return self.enclosed()
        raise FormulaError(f"{self.text!r}: a term is missing before {token.text!r}")

    def name(self, text: str) -> _Piece:
        base, index = _split(text, self.names)
        if base == "sqrt" and self.adjacent("("):
            return _Piece(f"<msqrt>{self.enclosed().bare}</msqrt>", single=True)
        if base in ("floor", "ceil") and self.adjacent("("):
            left, right = ("⌊", "⌋") if base == "floor" else ("⌈", "⌉")
            return _Piece(_row(_mo(left) + self.enclosed().inner + _mo(right)), single=True)
        drawn = _identifier(base)
        return _Piece(f"<msub>{drawn}{_subscript(index)}</msub>" if index else drawn, single=True)

    def enclosed(self) -> _Piece:
        opening = self.take().text
        bar = opening in ("|", "||")
        self.depth += 1
        inner = self.barred(opening) if bar else self.listed()
        self.depth -= 1
        closing = self.take()
        if closing.text not in _CLOSING[opening] or not closing.text:
            raise FormulaError(f"{self.text!r}: {opening!r} is not closed")
        if bar:
            sign = "‖" if opening == "||" else "|"
            left, right = (f'<mo fence="true" form="{form}">{sign}</mo>' for form in ("prefix", "postfix"))
            return _Piece(_row(left + inner + right), single=True)
        tall = "<mfrac" in inner or "<munder" in inner
        left, right = (_mo(s) if tall else f'<mo stretchy="false">{s}</mo>' for s in (opening, closing.text))
        return _Piece(_row(left + inner + right), inner=inner, single=True)

    def barred(self, bar: str) -> str:
        self.bars.append(bar)
        try:
            return self.added()
        finally:
            self.bars.pop()


def _minus(sign: str) -> str:
    return "−" if sign == "-" else sign


def _between(words: bool) -> str:
    """A product without a sign; words stand apart."""
    return '<mspace width="0.22em"></mspace>' if words else '<mspace width="0.08em"></mspace>'


_SPAN = re.compile(r"`([^`]+)`")


def spans(text: str, replace: Callable[[str], str]) -> str:
    """The text with everything in backticks replaced."""
    return _SPAN.sub(lambda found: replace(" ".join(found[1].split())), text)
