"""What a program does with a backend, as Python text: straight-line code that needs nothing of the suite.

The program runs once, on a backend that is known to be sound, with arrays that note down what is done to them.
Closures, helpers and loops are gone from the text; what is left are calls of operations and of the array namespace.
"""

from __future__ import annotations

import ast
import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import optree

from nnspec import Backend

__all__ = ["Recording", "UnscriptableError", "recorded"]

#: how the backend is called in the text
BACKEND = "B"
#: longest line that is made by putting expressions into one another
_WIDTH = 100
_BINARY: dict[str, ast.operator] = {
    "add": ast.Add(),
    "sub": ast.Sub(),
    "mul": ast.Mult(),
    "truediv": ast.Div(),
    "floordiv": ast.FloorDiv(),
    "mod": ast.Mod(),
    "pow": ast.Pow(),
    "matmul": ast.MatMult(),
    "and": ast.BitAnd(),
    "or": ast.BitOr(),
    "xor": ast.BitXor(),
    "lshift": ast.LShift(),
    "rshift": ast.RShift(),
}
_COMPARED: dict[str, ast.cmpop] = {
    "lt": ast.Lt(),
    "le": ast.LtE(),
    "gt": ast.Gt(),
    "ge": ast.GtE(),
    "eq": ast.Eq(),
    "ne": ast.NotEq(),
}
_UNARY: dict[str, ast.unaryop] = {"neg": ast.USub(), "pos": ast.UAdd(), "invert": ast.Invert()}


class UnscriptableError(Exception):
    """The program does what no script repeats."""


class Recorded:
    """An array that notes down what is done to it."""

    __array_ufunc__ = None  # NumPy leaves the arithmetic to it

    def __init__(self, recorder: _Recorder, value: Any, node: ast.expr) -> None:
        self._recorder, self._value, self._node = recorder, value, node

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self._value.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def dtype(self) -> Any:
        return _Quoted(self._value.dtype, _attribute(self._node, "dtype"))

    @property
    def device(self) -> Any:
        return _Quoted(getattr(self._value, "device", None), _attribute(self._node, "device"))

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        node = ast.Subscript(self._node, self._recorder.node(key, index=True), ast.Load())
        return self._recorder.noted(node, lambda: self._value[_plain(key)])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self._value, name)
        node = _attribute(self._node, name)
        if callable(found):
            return functools.partial(self._recorder.call, found, node)
        return self._recorder.noted(node, lambda: found)

    def __bool__(self) -> bool:
        raise UnscriptableError("what it does depends on the values of its arrays")

    __float__ = __int__ = __index__ = __array__ = __bool__
    __hash__ = object.__hash__


def _arithmetic(name: str, swapped: bool = False) -> Callable[..., Any]:
    def method(self: Recorded, other: Any) -> Any:
        mine, theirs = self._node, self._recorder.node(other)
        pair = (theirs, mine) if swapped else (mine, theirs)
        values = (_plain(other), self._value) if swapped else (self._value, _plain(other))
        if name in _COMPARED:
            node: ast.expr = ast.Compare(pair[0], [_COMPARED[name]], [pair[1]])
        else:
            node = ast.BinOp(pair[0], _BINARY[name], pair[1])
        return self._recorder.noted(node, lambda: _operator(name)(*values))

    return method


def _operator(name: str) -> Callable[..., Any]:
    import operator

    return getattr(operator, f"{name}_" if name in ("and", "or") else name)  # type: ignore[no-any-return]


def _negation(name: str) -> Callable[[Recorded], Any]:
    def method(self: Recorded) -> Any:
        return self._recorder.noted(ast.UnaryOp(_UNARY[name], self._node), lambda: _operator(name)(self._value))

    return method


for _each in (*_BINARY, *_COMPARED):
    setattr(Recorded, f"__{_each}__", _arithmetic(_each))
for _each in _BINARY:
    setattr(Recorded, f"__r{_each}__", _arithmetic(_each, swapped=True))
for _each in _UNARY:
    setattr(Recorded, f"__{_each}__", _negation(_each))


class _Quoted:
    """A dtype or the like: known here, but told by the expression it came from, since backends differ in it."""

    def __init__(self, value: Any, node: ast.expr) -> None:
        self.value, self.node = value, node

    def __eq__(self, other: object) -> bool:
        return bool(self.value == _plain(other))

    def __hash__(self) -> int:
        return hash(self.value)

    def __str__(self) -> str:
        return str(self.value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.value, name)


class _Placement(dict[str, Any]):
    """What `placement` returned: passed on as it is."""


class _Spread:
    """The one entry of a placement."""

    def __init__(self, node: ast.expr) -> None:
        self.node = node


def _plain(x: Any) -> Any:
    """What is recorded, without the recording."""

    def of(leaf: Any) -> Any:
        return leaf._value if isinstance(leaf, Recorded) else leaf.value if isinstance(leaf, _Quoted) else leaf

    if isinstance(x, slice):
        return slice(of(x.start), of(x.stop), of(x.step))
    if isinstance(x, tuple) and type(x) is tuple:
        return tuple(_plain(part) for part in x)
    return optree.tree_map(of, x, none_is_leaf=True)


def _attribute(node: ast.expr, *names: str) -> ast.expr:
    return functools.reduce(lambda inner, name: ast.Attribute(inner, name, ast.Load()), names, node)


def _name(text: str) -> ast.expr:
    return ast.Name(text, ast.Load())


class _Recorder:
    """Collects statements; also what the program is given for a backend."""

    #: questions whose answer is the program's own business
    _ASKED = ("is_floating", "is_integer", "is_concrete", "is_low", "is_wide", "operations", "implementation")

    def __init__(self, backend: Backend, taken: Sequence[str]) -> None:
        self._real = backend
        self.statements: list[ast.stmt] = []
        self._numbers = itertools.count(1)
        self._taken = {*taken, BACKEND, "np", "nnspec", "sys"}
        #: trees that calls returned, by structure and leaves: told by their name
        self._known: dict[Any, ast.expr] = {}
        self._alive: list[Any] = []

    def fresh(self, letter: str = "t") -> str:
        return next(n for i in self._numbers if (n := f"{letter}{i}") not in self._taken)

    # -- what the program sees -----------------------------------------------------------------------------

    @property
    def xp(self) -> Any:
        return _Namespace(self, self._real.xp)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name in self._ASKED or not callable(found):
            return (lambda *a, **k: found(*_plain(a), **_plain(k))) if callable(found) else found
        return functools.partial(self.call, found, _attribute(_name(BACKEND), name))

    def placement(self, x: Any) -> Any:
        """In the text the backend's own; here, where there is one device, nothing."""
        call = ast.Call(_attribute(_name(BACKEND), "placement"), [self.node(x)], [])
        return _Placement(device=_Spread(call))

    def compile(self, function: Callable[..., Any], **_: Any) -> Callable[..., Any]:
        """Inlined."""
        return function

    def vjp(self, function: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], Any]]:
        """A function of its own in the text."""
        parameters = [self.fresh("p") for _ in primals]
        outer, self.statements = self.statements, []
        name = self.fresh("f")

        def inner(*values: Any) -> Any:
            given = [self.wrapped(v, _name(p)) for v, p in zip(values, parameters, strict=True)]
            result = function(*given)
            self.statements.append(ast.Return(self.node(result)))
            return _plain(result)

        try:
            outputs, pull = self._real.vjp(inner, *_plain(primals))
            body = self.statements
        finally:
            self.statements = outer
        self.statements.append(_function(name, parameters, body))
        results, back = self.fresh(), self.fresh("pull")
        call = ast.Call(_attribute(_name(BACKEND), "vjp"), [_name(name), *map(self.node, primals)], [])
        targets = ast.Tuple([ast.Name(n, ast.Store()) for n in (results, back)], ast.Store())
        self.statements.append(ast.Assign([targets], call))

        def pulled(cotangents: Any) -> Any:
            return self.call(pull, _name(back), cotangents)

        return self.wrapped(outputs, _name(results)), pulled

    # -- statements ----------------------------------------------------------------------------------------

    def call(self, function: Callable[..., Any], node: ast.expr, *args: Any, **kwargs: Any) -> Any:
        if any(callable(a) and not isinstance(a, Recorded) for a in (*args, *kwargs.values())):
            raise UnscriptableError("it hands functions to operations")
        keywords = [
            ast.keyword(None, value.node) if isinstance(value, _Spread) else ast.keyword(name, self.node(value))
            for name, value in kwargs.items()
        ]
        given = {name: value for name, value in kwargs.items() if not isinstance(value, _Spread)}
        call = ast.Call(node, [self.node(a) for a in args], keywords)
        return self.noted(call, lambda: function(*map(_plain, args), **{n: _plain(v) for n, v in given.items()}))

    def noted(self, node: ast.expr, compute: Callable[[], Any]) -> Any:
        """The result of a step, under a name."""
        name = self.fresh()
        self.statements.append(ast.Assign([ast.Name(name, ast.Store())], node))
        with np.errstate(all="ignore"):
            return self.wrapped(compute(), _name(name))

    def wrapped(self, result: Any, node: ast.expr) -> Any:
        """A tree of arrays with the recording put around each."""

        def of(path: tuple[Any, ...], leaf: Any) -> Any:
            place = functools.reduce(lambda inner, key: ast.Subscript(inner, ast.Constant(key), ast.Load()), path, node)
            return Recorded(self, leaf, place) if hasattr(leaf, "shape") and hasattr(leaf, "dtype") else leaf

        made = optree.tree_map_with_path(of, result)
        self._alive.append(made)  # so that no identity is used twice
        self._remember(made, node)
        return made

    def _remember(self, tree: Any, node: ast.expr) -> None:
        if not isinstance(tree, (dict, list, tuple)) or not tree:
            return
        self._known.setdefault(_identity(tree), node)
        for key, part in tree.items() if isinstance(tree, dict) else enumerate(tree):
            self._remember(part, ast.Subscript(node, ast.Constant(key), ast.Load()))

    # -- expressions ---------------------------------------------------------------------------------------

    def node(self, x: Any, *, index: bool = False) -> ast.expr:
        """A value as an expression."""
        if isinstance(x, Recorded):
            return x._node
        if isinstance(x, _Quoted):
            return x.node
        if isinstance(x, slice) and index:
            return ast.Slice(*(None if part is None else self.node(part) for part in (x.start, x.stop, x.step)))
        if isinstance(x, dict) and (known := self._known.get(_identity(x))) is not None:
            return known
        if isinstance(x, dict):
            return ast.Dict([self.node(k) for k in x], [self.node(v) for v in x.values()])
        if isinstance(x, (tuple, list)) and type(x) in (tuple, list):
            known = self._known.get(_identity(x)) if x and not index else None
            parts = [self.node(part, index=index) for part in x]
            return known or (ast.Tuple(parts, ast.Load()) if isinstance(x, tuple) else ast.List(parts, ast.Load()))
        return _literal(x)


def _identity(tree: Any) -> Any:
    leaves, structure = optree.tree_flatten(tree, none_is_leaf=True)
    if not any(isinstance(leaf, Recorded) for leaf in leaves):
        return None
    return tuple(map(id, leaves)), structure


def _literal(x: Any) -> ast.expr:
    if isinstance(x, np.ndarray):
        array = ast.Call(_attribute(_name("np"), "array"), [_literal_tree(x.tolist())], [])
        array.keywords = [ast.keyword("dtype", ast.Constant(str(x.dtype)))]
        return array
    if isinstance(x, np.dtype):
        return ast.Constant(str(x))
    if isinstance(x, np.generic):
        return ast.Call(_attribute(_name("np"), str(x.dtype)), [_literal(x.item())], [])
    if isinstance(x, float) and not math.isfinite(x):
        text = "np.nan" if math.isnan(x) else "np.inf" if x > 0 else "-np.inf"
        return ast.parse(text, mode="eval").body
    if x is None or x is Ellipsis or isinstance(x, (bool, int, float, str)):
        return ast.Constant(x)
    raise UnscriptableError(f"it uses {type(x).__name__} {x!r:.60}")


def _literal_tree(x: Any) -> ast.expr:
    return ast.List([_literal_tree(part) for part in x], ast.Load()) if isinstance(x, list) else _literal(x)


class _Namespace:
    """The array namespace."""

    def __init__(self, recorder: _Recorder, xp: Any) -> None:
        self._recorder, self._xp = recorder, xp

    def __getattr__(self, name: str) -> Any:
        found, node = getattr(self._xp, name), _attribute(_name(BACKEND), "xp", name)
        if callable(found) and not isinstance(found, (type, np.dtype)):
            return functools.partial(self._recorder.call, found, node)
        return _Quoted(found, node)


class Recording:
    """The text of a program."""

    def __init__(self, parameters: Sequence[str], statements: list[ast.stmt]) -> None:
        self._parameters, self._statements = list(parameters), statements

    def text(self) -> str:
        """A function `program` of the inputs, returning a list of the leaves."""
        body = _inlined(self._statements)
        return ast.unparse(ast.fix_missing_locations(_function("program", self._parameters, body)))


def recorded(run: Callable[..., Any], arrays: Mapping[str, Any], backend: Backend, *, fails: bool = False) -> Recording:
    """Run a program of a backend and arrays, and write down what it does.

    Args:
        run: the program.
        arrays: NumPy arrays by name.
        backend: a sound one.
        fails: whether it has to raise, and ends there.

    Raises:
        UnscriptableError: it cannot be written down.
    """
    recorder = _Recorder(backend, tuple(arrays))
    given = {name: recorder.wrapped(backend.asarray(x, dtype=str(x.dtype)), _name(name)) for name, x in arrays.items()}
    try:
        with np.errstate(all="ignore"):
            result = run(recorder, **given)
    except UnscriptableError:
        raise
    except Exception as error:
        if not fails:
            raise UnscriptableError(f"it raises {type(error).__name__} on {backend.name}") from error
        return Recording(tuple(arrays), recorder.statements)
    leaves = optree.tree_leaves(result)
    recorder.statements.append(ast.Return(ast.List([recorder.node(leaf) for leaf in leaves], ast.Load())))
    return Recording(tuple(arrays), recorder.statements)


def _function(name: str, parameters: Sequence[str], body: list[ast.stmt]) -> ast.FunctionDef:
    arguments = ast.arguments([], [ast.arg(p) for p in parameters], None, [], [], None, [])
    function = ast.FunctionDef(name, arguments, body or [ast.Pass()], [], None)
    function.type_params = []  # type: ignore[attr-defined]
    return function


# -- shorter ---------------------------------------------------------------------------------------------------


def _inlined(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Names that are used once put where they are used, as long as lines stay short."""
    body = [*statements]
    i = 0
    while i < len(body) - 1:
        step, following = body[i], body[i + 1]
        name = _assigned(step)
        if name is not None and not isinstance(following, ast.FunctionDef):
            rest = ast.Module(body[i + 1 :], [])
            if _uses(rest, name) == 1 == _uses(following, name):
                assert isinstance(step, ast.Assign)
                joined = _Put(name, step.value).visit(_copied(following))
                if len(ast.unparse(ast.fix_missing_locations(joined))) <= _WIDTH:
                    body[i : i + 2] = [joined]
                    i = max(0, i - 1)
                    continue
        i += 1
    for step in body:
        if isinstance(step, ast.FunctionDef):
            step.body = _inlined(step.body)
    return body


def _assigned(step: ast.stmt) -> str | None:
    if isinstance(step, ast.Assign) and isinstance(step.targets[0], ast.Name):
        return step.targets[0].id
    return None


def _uses(tree: ast.AST, name: str) -> int:
    return sum(isinstance(n, ast.Name) and n.id == name for n in ast.walk(tree))


def _copied(step: ast.stmt) -> ast.stmt:
    import copy

    return copy.deepcopy(step)


class _Put(ast.NodeTransformer):
    def __init__(self, name: str, value: ast.expr) -> None:
        self._name, self._value = name, value

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._value if node.id == self._name else node
