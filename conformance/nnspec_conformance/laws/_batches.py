"""Laws of rows, batches, leaves of trees and time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optree

from nnspec_conformance.laws._call import Call, Pair, counts, cut, pick, size, zeros
from nnspec_conformance.laws._law import Law

__all__ = [
    "CARRIED_ON",
    "FUTURE",
    "FUTURE_GRADIENT",
    "GRADIENTS_ACCUMULATE",
    "LEAF_ALONE",
    "PARTS_ADD_UP",
    "PREFIX",
    "ROW_ALONE",
    "ROW_GRADIENT",
    "SPLIT",
    "SUM_OF_LEAVES",
]

Axes = Mapping[str, int]


def _rows(call: Call, rows: Axes, start: int, stop: int) -> Call:
    """The call with some of its rows."""
    return call.but(**{n: cut(x, rows[n], start, stop) for n, x in call.given(rows).items()})


def _number(call: Call, rows: Axes) -> int:
    name, tree = next(iter(call.given(rows).items()))
    return size(tree, rows[name])


def _row_alone(call: Call, rows: Axes, result: int = 0, part: int | None = None) -> list[Pair]:
    whole, number = pick(call(), part), _number(call, rows)
    return [
        (cut(whole, result, i, i + 1), pick(_rows(call, rows, i, i + 1)(), part))
        for i in sorted({0, number // 2, number - 1})
    ]


ROW_ALONE = Law(
    "row-alone",
    "`f(x)[i] = f(x[i:i+1])`: a row of a batch has the result that it has alone.",
    "`rows` names what is given by row with its axis, `result` is the result's axis.",
    _row_alone,
)


def _row_gradient(
    call: Call, rows: Axes, of: tuple[str, ...], result: int = 0, part: int | None = None, row: int = -1
) -> list[Pair]:
    number = _number(call, rows)
    row %= number
    whole = call.gradients(of, lambda y: cut(pick(y, part), result, row, row + 1))
    alone = _rows(call, rows, row, row + 1).gradients(of, lambda y: pick(y, part))
    found: list[Pair] = []
    for name in of:
        ends = ((0, row), (row + 1, number))
        others = [cut(whole[name], rows[name], *end) for end in ends if end[0] < end[1]]
        found.append((cut(whole[name], rows[name], row, row + 1), alone[name]))
        found += [(x, zeros(call.backend, x)) for x in others]
    return found


ROW_GRADIENT = Law(
    "row-gradient",
    "The gradient of a row's result is that of the row alone, and 0 for every other row.",
    "As row-alone; `of` are the inputs to differentiate, all given by row; `row` is the row, the last if not given.",
    _row_gradient,
    check="gradient-law",
)


def _split(call: Call, rows: Axes, weights: str | None = "sample_weight") -> list[Pair]:
    """Of losses: sums add up, and means weighted by what they are means of."""
    number = _number(call, rows)
    middle = number // 2
    total = call.but(reduction="sum")
    first, second = _rows(total, rows, 0, middle), _rows(total, rows, middle, number)
    found: list[Pair] = [(total(), first() + second())]
    if weights is not None:
        shape = call(reduction="none", **{weights: None}).shape
        weight = counts(call.backend, shape, low=1)
        mean = call.but(reduction="mean", **{weights: weight})
        by_row = {**rows, weights: 0}
        parts = [(_rows(mean, by_row, *ends)(), cut(weight, 0, *ends)) for ends in ((0, middle), (middle, number))]
        summed = [m * call.xp.sum(w) for m, w in parts]
        found.append((mean() * call.xp.sum(weight), summed[0] + summed[1]))
    return found


SPLIT = Law(
    "split",
    "The sum over a batch is that of its parts; so is the weighted mean times the sum of the weights.",
    "A loss; `rows` names what is given by row with its axis, `weights` the weights of samples.",
    _split,
)


def _parts_add_up(call: Call, rows: Axes, counted: bool = True, weights: str | None = None) -> list[Pair]:
    """Of metrics: counts add up, and shares times what they are shares of."""
    number = _number(call, rows)
    middle = number // 2
    ends = ((0, number), (0, middle), (middle, number))
    results = [_rows(call, rows, *end)() for end in ends]
    if not counted:
        if weights is None:
            sizes: list[Any] = [float(stop - start) for start, stop in ends]
        else:
            sizes = [call.xp.sum(cut(call[weights], rows[weights], *end)) for end in ends]
        results = [share * n for share, n in zip(results, sizes, strict=True)]
    return [(results[0], results[1] + results[2])]


PARTS_ADD_UP = Law(
    "parts-add-up",
    "A metric of a batch is that of its parts: counts add up, and so do shares times what they are shares of.",
    "A metric; `rows` as above, `counted` where it counts; `weights` where the shares are of a sum of weights.",
    _parts_add_up,
)


def _accumulate(call: Call, rows: Axes, of: tuple[str, ...], result: int = 0, part: int | None = None) -> list[Pair]:
    number = _number(call, rows)
    middle = number // 2
    y = pick(call(), part)
    leaves = list(y) if isinstance(y, (list, tuple)) else [y]
    weights = [counts(call.backend, leaf.shape, i) for i, leaf in enumerate(leaves)]
    whole = call.gradients(of, lambda z: pick(z, part), weights)
    halves = [
        _rows(call, rows, *ends).gradients(of, lambda z: pick(z, part), [cut(w, result, *ends) for w in weights])
        for ends in ((0, middle), (middle, number))
    ]
    return [(whole[n], _added(halves[0][n], halves[1][n])) for n in of]


def _added(left: Any, right: Any) -> Any:
    return optree.tree_map(lambda a, b: a + b, left, right)


GRADIENTS_ACCUMULATE = Law(
    "gradients-accumulate",
    "The gradient of parameters over a batch is the sum of those over its parts.",
    "`rows` names what is given by row with its axis, `of` the parameters that all rows share.",
    _accumulate,
    check="gradient-law",
)


# -- time ----------------------------------------------------------------------------------------------------


def _future(call: Call, over: Axes, result: int, part: int | None = None) -> list[Pair]:
    number = _number(call, over)
    now = (number + 1) // 2
    changed = {}
    for name, x in call.given(over).items():
        later = 3.0 * cut(x, over[name], now, number) + 2.0
        changed[name] = call.xp.concat([cut(x, over[name], 0, now), later], axis=over[name])
    return [(cut(pick(call(), part), result, 0, now), cut(pick(call(**changed), part), result, 0, now))]


FUTURE = Law(
    "future",
    "What comes later changes no earlier result.",
    "`over` names the inputs with their axis of time, `result` is the result's; a causal option is set.",
    _future,
)


def _future_gradient(call: Call, over: Axes, result: int, part: int | None = None) -> list[Pair]:
    number = _number(call, over)
    now = (number + 1) // 2
    of = tuple(call.given(over))
    gradients = call.gradients(of, lambda y: cut(pick(y, part), result, 0, now))
    later = [cut(gradients[name], over[name], now, number) for name in of]
    return [(g, zeros(call.backend, g)) for g in later]


FUTURE_GRADIENT = Law(
    "future-gradient",
    "An earlier result has no gradient with respect to what comes later.",
    "As future.",
    _future_gradient,
    check="gradient-law",
)


def _carried_on(call: Call, over: Axes, state: str, outputs: int = 1) -> list[Pair]:
    number = _number(call, over)
    middle = number // 2
    y, end = call()
    first, between = _rows(call, over, 0, middle)()
    second, last = _rows(call, over, middle, number)(**{state: between})
    return [((y, end), (call.xp.concat([first, second], axis=outputs), last))]


CARRIED_ON = Law(
    "carried-on",
    "A sequence in two parts, the second from the state that the first ends with, has the result of the whole.",
    "`over` names what has an axis of time, `state` is the argument of the state; one direction.",
    _carried_on,
)


def _prefix(call: Call, fewer: Mapping[str, Any], axis: int | None = None) -> list[Pair]:
    whole, less = call(), call(**fewer)
    if axis is None:
        whole, less = call.xp.reshape(whole, (-1,)), call.xp.reshape(less, (-1,))
    return [(cut(whole, axis or 0, 0, int(less.shape[axis or 0])), less)]


PREFIX = Law(
    "prefix",
    "Fewer are the first of more.",
    "`fewer` are the options for less; along `axis`, or where it is None in C order.",
    _prefix,
)

# -- trees ---------------------------------------------------------------------------------------------------


def _only(tree: Any, leaf: str) -> Any:
    """A tree with one of the leaves of params, wherever it mirrors them."""
    if isinstance(tree, Mapping):
        return {leaf: tree[leaf]} if leaf in tree else {key: _only(value, leaf) for key, value in tree.items()}
    if isinstance(tree, tuple):
        return tuple(_only(value, leaf) for value in tree)
    return tree


def _leaf_alone(call: Call, of: tuple[str, ...], leaf: str = "w") -> list[Pair]:
    alone = call(**{name: _only(value, leaf) for name, value in call.given(dict.fromkeys(of)).items()})
    return [(_only(call(), leaf), alone)]


LEAF_ALONE = Law(
    "leaf-alone",
    "A leaf of the parameters has the result that it has alone.",
    "`of` names the trees, `leaf` is the leaf.",
    _leaf_alone,
)


def _sum_of_leaves(call: Call, of: str) -> list[Pair]:
    leaves = optree.tree_leaves(call[of])
    total = call(**{of: [leaves[0]]})
    for x in leaves[1:]:
        total = total + call(**{of: [x]})
    return [(call(), total)]


SUM_OF_LEAVES = Law(
    "sum-of-leaves",
    "The penalty of a tree is the sum of those of its leaves.",
    "`of` names the tree; there is no mask.",
    _sum_of_leaves,
)
