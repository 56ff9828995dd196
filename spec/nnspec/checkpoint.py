"""Checkpoints: a pytree of arrays and Python values in one file, written by any backend and read by any other.

The file is a safetensors file. Every array is in it under its path, keys and positions joined by "/", as in
"params/dense/weight"; a "~" of a key is written "~0", a "/" "~1". Its metadata have one entry, "nnspec.checkpoint",
JSON: `{"format": 1, "nnspec": version, "tree": node}`. A node is `{"dict": [[key, node], ...]}`,
`{"list": [node, ...]}`, `{"tuple": [node, ...]}`, `{"custom": type, "children": [[entry, node], ...]}`,
`{"array": path}`, `{"value": None, bool, int or str}` or `{"float": text}`, Python's text of the number.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optree
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialized

import nnspec
from nnspec._low_precision import LOW
from nnspec.backend import Backend
from nnspec.errors import ArgumentError, CheckpointError, DTypeError, ShapeError

__all__ = ["load", "save"]

_ENTRY, _FORMAT = "nnspec.checkpoint", 1
_ROOT = "/"
_KINDS: dict[Any, str] = {dict: "dict", list: "list", tuple: "tuple"}
_INTEGERS = [f"{sign}int{n}" for sign in ("", "u") for n in (8, 16, 32, 64)]
_DTYPES = frozenset({"bool", "float32", "float64", *LOW, *_INTEGERS})
Node = dict[str, Any]


def save(backend: Backend, path: str | os.PathLike[str], tree: Any) -> None:
    """Write a pytree to a file, which is replaced as a whole or, where anything fails, left as it was.

    Args:
        backend: whose arrays they are, NumPy arrays aside.
        path: of the file; by custom it ends in ".safetensors". Its directory must exist.
        tree: a pytree, such as `{"params": params, "state": state, "epoch": 3}`, of arrays (floating,
            integers, bool) and of Python's None, bools, numbers and strings. Keys of dictionaries are strings
            or integers. An array that occurs twice is written twice.

    Raises:
        ArgumentError: a leaf or a key is something else.
        OSError: the file could not be written.

    Example:
        >>> import pathlib, tempfile
        >>> from nnspec import checkpoint
        >>> file = pathlib.Path(tempfile.mkdtemp(), "run.safetensors")
        >>> params = {"w": B.asarray([1.0, 2.0])}
        >>> checkpoint.save(B, file, {"params": params, "state": B.adam_init(params), "epoch": 3})
        >>> read = checkpoint.load(B, file)
        >>> B.to_numpy(read["params"]["w"]).tolist(), sorted(read["state"]), read["epoch"]
        ([1.0, 2.0], ['exp_avg', 'exp_avg_sq', 'step'], 3)
    """
    leaves, spec = optree.tree_flatten(tree, none_is_leaf=True)
    arrays: dict[str, Any] = {}
    described: list[Node] = []
    for name, leaf in zip(_names("tree", spec), leaves, strict=True):
        if _is_array(leaf):
            arrays[name] = _host(backend, name, leaf)
            described.append({"array": name})
        else:
            described.append(_value(name, leaf))
    about = {"format": _FORMAT, "nnspec": nnspec.__version__, "tree": _described(spec, iter(described))}
    _replace(Path(path), serialized(arrays, metadata={_ENTRY: json.dumps(about, allow_nan=False)}))


def load(backend: Backend, path: str | os.PathLike[str], *, like: Any = None) -> Any:
    """Read a pytree that `save` wrote, by whichever backend.

    Args:
        backend: whose arrays to make, on its device, of the dtypes in the file. JAX turns its 64-bit types on for
            float64, and without them has int32 for int64.
        path: of the file.
        like: None, or a pytree that the file has to match: the same paths, and arrays of the same shapes and
            dtypes, such as `{"params": params, "state": optimizer.init(params), "epoch": 0}`. The result has its
            structure. A pytree with named tuples or classes of one's own is read this way only.

    Returns:
        The pytree; dictionaries, lists and tuples as they were, other nodes as in `like`.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: it is no checkpoint, is damaged or of a later format, or its paths are not those of
            `like`.
        ShapeError: an array has not the shape of that in `like`.
        DTypeError: an array has not the dtype of that in `like`, or the backend does not have its dtype.
    """
    file = Path(path)
    about, arrays = _read(file)
    nodes = dict(_leaves(file, about, _ROOT))
    wanted = {node["array"] for node in nodes.values() if "array" in node}
    if wanted != set(arrays):
        raise CheckpointError(f"{file}: damaged: {_difference(wanted, set(arrays), 'its tree')}")
    if like is None:
        return _built(backend, file, about, arrays)
    leaves, spec = optree.tree_flatten(like, none_is_leaf=True)
    names = _names("like", spec)
    if set(names) != set(nodes):
        raise CheckpointError(f"{file}: {_difference(set(names), set(nodes), 'like')}")
    found = []
    for name, leaf in zip(names, leaves, strict=True):
        _require_like(file, name, leaf, nodes[name], arrays)
        found.append(_built(backend, file, nodes[name], arrays))
    return optree.tree_unflatten(spec, found)


# -- writing -----------------------------------------------------------------------------------------------


def _names(what: str, spec: optree.PyTreeSpec) -> list[str]:
    """The path of every leaf as one text."""
    names = []
    for path in optree.treespec_paths(spec):
        for key in path:
            if type(key) not in (str, int):
                raise ArgumentError(f"{what}: expected keys that are strings or integers, got {key!r}")
        names.append("/".join(map(_escaped, path)) if path else _ROOT)
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise ArgumentError(
            f"{what}: expected one leaf of each name, got two of {twice[0]!r}: keys 1 and '1' are alike"
        )
    return names


def _escaped(key: str | int) -> str:
    """A key as a part of a path."""
    return str(key).replace("~", "~0").replace("/", "~1")


def _is_array(leaf: Any) -> bool:
    return hasattr(leaf, "shape") and hasattr(leaf, "dtype")


def _host(backend: Backend, name: str, leaf: Any) -> Any:
    host = leaf if isinstance(leaf, (np.ndarray, np.generic)) else backend.to_numpy(leaf)
    if host.dtype.name not in _DTYPES:
        raise ArgumentError(
            f"tree[{name!r}]: expected an array of bools, integers or floating numbers, got {host.dtype}"
        )
    return np.array(host, order="C")  # what is written has to be contiguous


def _value(name: str, leaf: Any) -> Node:
    if leaf is None or type(leaf) in (bool, int, str):
        return {"value": leaf}
    if type(leaf) is float:
        return {"float": repr(leaf)}
    raise ArgumentError(
        f"tree[{name!r}]: expected an array, a number, a bool, a string or None, got {type(leaf).__name__}"
    )


def _described(spec: optree.PyTreeSpec, leaves: Iterator[Node]) -> Node:
    if spec.is_leaf():
        return next(leaves)
    children = [_described(child, leaves) for child in spec.children()]
    kind = _KINDS.get(spec.type)
    if kind == "dict":
        return {"dict": [list(pair) for pair in zip(spec.entries(), children, strict=True)]}
    if kind is not None:
        return {kind: children}
    pairs = zip(spec.entries(), children, strict=True)
    return {"custom": getattr(spec.type, "__qualname__", str(spec.type)), "children": [list(pair) for pair in pairs]}


def _replace(path: Path, content: bytes) -> None:
    """Write beside the file, to the disk, and put it in place in one step."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


# -- reading -----------------------------------------------------------------------------------------------


def _read(file: Path) -> tuple[Node, dict[str, Any]]:
    """The node of the tree, and the arrays by name."""
    if not file.is_file():
        raise FileNotFoundError(f"{file}: there is no such file")
    try:
        with safe_open(file, framework="np") as content:
            metadata = content.metadata() or {}
            arrays = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise CheckpointError(f"{file}: no safetensors file, or cut short ({error})") from error
    if _ENTRY not in metadata:
        raise CheckpointError(
            f"{file}: a safetensors file, but no checkpoint of nnspec: it does not say what tree it is"
        )
    try:
        about = json.loads(metadata[_ENTRY])
        written, tree = about["format"], about["tree"]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{file}: damaged: its description cannot be read ({error!r})") from error
    if written != _FORMAT:
        raise CheckpointError(
            f"{file}: of format {written!r}, and this is nnspec {nnspec.__version__}, which reads {_FORMAT}"
        )
    return tree, arrays


def _children(file: Path, node: Node) -> list[tuple[str | int, Node]] | None:
    """The entries of a node, or None for a leaf."""
    match node:
        case {"dict": pairs} | {"custom": _, "children": pairs}:
            return [(key, child) for key, child in pairs]
        case {"list": children} | {"tuple": children}:
            return list(enumerate(children))
        case {"array": str()} | {"value": None | bool() | int() | str()} | {"float": str()}:
            return None
        case _:
            raise CheckpointError(f"{file}: damaged: {node!r:.80} is no node of a tree")


def _leaves(file: Path, node: Node, name: str) -> Iterator[tuple[str, Node]]:
    """Every leaf by its path."""
    children = _children(file, node)
    if children is None:
        yield name, node
        return
    for key, child in children:
        yield from _leaves(file, child, _escaped(key) if name == _ROOT else f"{name}/{_escaped(key)}")


def _built(backend: Backend, file: Path, node: Node, arrays: dict[str, Any]) -> Any:
    match node:
        case {"array": name}:
            host = arrays[name]
            return backend.asarray(host, dtype=host.dtype.name)
        case {"value": value}:
            return value
        case {"float": text}:
            return float(text)
        case {"custom": kind}:
            raise CheckpointError(f"{file}: holds a {kind}, which is read with like= only")
    children = [(key, _built(backend, file, child, arrays)) for key, child in _children(file, node) or ()]
    if "dict" in node:
        return dict(children)
    values = [child for _, child in children]
    return values if "list" in node else tuple(values)


def _require_like(file: Path, name: str, leaf: Any, node: Node, arrays: dict[str, Any]) -> None:
    is_array = _is_array(leaf)
    if is_array != ("array" in node):
        there = "an array" if "array" in node else f"the value {node.get('value', node.get('float'))!r}"
        raise CheckpointError(f"{file}: {name!r} is {there}, and in like {'an array' if is_array else repr(leaf)}")
    if not is_array:
        return
    found, dtype = arrays[node["array"]], str(leaf.dtype).removeprefix("torch.")
    if found.shape != tuple(leaf.shape):
        raise ShapeError(f"{file}: {name!r} has shape {found.shape}, and in like {tuple(leaf.shape)}")
    if found.dtype.name != dtype:
        raise DTypeError(f"{file}: {name!r} is {found.dtype.name}, and in like {dtype}")


def _difference(wanted: set[str], found: set[str], by: str) -> str:
    """What is missing and what is too much."""
    parts = []
    for what, names in ((f"it lacks, of {by}, ", wanted - found), (f"it holds, beyond {by}, ", found - wanted)):
        if names:
            first = sorted(names)[:5]
            more = f" and {len(names) - len(first)} more" if len(names) > len(first) else ""
            parts.append(what + ", ".join(map(repr, first)) + more)
    return "; ".join(parts)
