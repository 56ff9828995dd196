"""Checkpoints: to the bit, from any backend to any, and clear words for what is no checkpoint or another one."""

from __future__ import annotations

import collections
import functools
import json
import math
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import optree
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import nnspec
from nnspec import checkpoint, optim
from nnspec.errors import ArgumentError, CheckpointError, DTypeError, ShapeError
from nnspec.reference import analyse, margin
from nnspec_conformance.limits import VALUES

NAMES = ("numpy", "torch", "jax")
BACKENDS: dict[str, Any] = {name: nnspec.get_backend(name) for name in NAMES}
B = BACKENDS["numpy"]


class Pair(NamedTuple):
    first: Any
    second: Any


def bits(backend: Any, tree: Any) -> list[Any]:
    """Type, dtype, shape and bytes of every leaf."""
    found = []
    for leaf in optree.tree_leaves(tree, none_is_leaf=True):
        if hasattr(leaf, "dtype"):
            host = backend.to_numpy(leaf)
            found.append((host.dtype.name, host.shape, host.tobytes()))
        else:
            found.append((type(leaf), repr(leaf)))
    return found


def arrays(*, double: bool) -> dict[str, Any]:
    wide = np.array([math.nan, -math.inf, -0.0, 5e-324, 1 / 3], "float64")
    return {
        "special": np.array([math.nan, -math.inf, math.inf, -0.0, 0.0, 1e-45, 3.4e38], "float32"),
        "payload": np.array([0x7FC12345, 0xFFC00001], "uint32").view("float32"),
        "step": np.array(7, "int32"),
        "mask": np.array([[True, False], [False, True]]),
        "rank 0": np.array(-2.5, "float32"),
        "empty": np.zeros((0, 3), "float32"),
        "small": np.array([-128, 127], "int8"),
        "every half": np.arange(1 << 16, dtype="uint16").view("float16"),
        "every bfloat16": np.arange(1 << 16, dtype="uint16").view("bfloat16"),
        **({"double": wide, "long": np.array([2**62, -1])} if double else {}),
    }


@pytest.mark.parametrize("target", NAMES)
@pytest.mark.parametrize("source", NAMES)
def test_arrays_come_back_to_the_bit(source: str, target: str, tmp_path: Path) -> None:
    hosts = arrays(double="jax" not in (source, target))
    tree = {name: BACKENDS[source].asarray(host, dtype=host.dtype.name) for name, host in hosts.items()}
    file = tmp_path / "a.safetensors"
    checkpoint.save(BACKENDS[source], file, tree)
    read = checkpoint.load(BACKENDS[target], file)
    assert bits(BACKENDS[target], read) == bits(B, hosts)
    assert {type(leaf) for leaf in read.values()} == {type(BACKENDS[target].asarray(1.0))}
    assert bits(BACKENDS[target], checkpoint.load(BACKENDS[target], file, like=tree)) == bits(B, hosts)


def test_values_and_containers_come_back(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    tree = {
        "none": None,
        "bool": True,
        "int": 10**30,
        "floats": [0.1, -0.0, math.inf, 5e-324],
        "text": "a/b ~ \u03b2 \n",
        "tuple": (1, (), [], {}),
        "a/b": {"~1": 1, "": {"": 2}},
        1: {"x": 3},
    }
    checkpoint.save(B, file, tree)
    read = checkpoint.load(B, file)
    assert read == tree
    assert [type(read[key]) for key in tree] == [type(tree[key]) for key in tree]
    assert math.copysign(1, read["floats"][1]) == -1
    checkpoint.save(B, file, math.nan)
    assert math.isnan(checkpoint.load(B, file))
    checkpoint.save(B, file, B.asarray([1.0]))
    assert checkpoint.load(B, file).tolist() == [1.0]


def test_layouts_do_not_matter(tmp_path: Path) -> None:
    grid = np.arange(12.0, dtype="float32").reshape(3, 4)
    tree = [grid.T, grid[::2, ::-1], np.broadcast_to(np.float32(2.0), (2, 2)), np.float32(3.0), grid.astype(">f4")]
    checkpoint.save(B, tmp_path / "a", tree)
    for got, wanted in zip(checkpoint.load(B, tmp_path / "a"), tree, strict=True):
        np.testing.assert_array_equal(got, wanted)
        assert got.dtype == np.float32


def test_named_tuples_and_subclasses_are_read_with_like(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    tree = {"pair": Pair(B.asarray([1.0]), 2), "ordered": collections.OrderedDict(b=1, a=2)}
    checkpoint.save(B, file, tree)
    with pytest.raises(CheckpointError, match=r"holds a \w+, which is read with like= only"):
        checkpoint.load(B, file)
    read = checkpoint.load(B, file, like={"pair": Pair(B.asarray([0.0]), 0), "ordered": tree["ordered"]})
    assert isinstance(read["pair"], Pair)
    assert isinstance(read["ordered"], collections.OrderedDict)
    assert float(read["pair"].first[0]) == 1.0
    assert read["pair"].second == 2


def test_other_tools_read_the_arrays_by_their_paths(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    checkpoint.save(B, file, {"params": {"layers": [{"w": B.asarray([[1.0]])}]}, "epoch": 3})
    with safe_open(file, framework="np") as content:
        assert list(content.keys()) == ["params/layers/0/w"]
        about = json.loads(content.metadata()["nnspec.checkpoint"])
    assert about["format"] == 1
    assert about["tree"]["dict"][0] == ["epoch", {"value": 3}]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.safetensors"
    checkpoint.save(B, file, 1)
    mode = stat.S_IMODE(file.stat().st_mode)
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    assert mode == stat.S_IMODE(plain.stat().st_mode), "another mode than files have by the umask"

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            checkpoint.save(B, file, 2)
    with pytest.raises(ArgumentError):
        checkpoint.save(B, file, object())
    assert checkpoint.load(B, file) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.safetensors", "plain"]


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({"a": [object()]}, r"tree\['a/0'\]: expected an array, a number, a bool, a string or None, got object"),
        ({"a": 1j}, "got complex"),
        ({"a": np.array([1j])}, r"tree\['a'\]: expected an array of bools, integers or floating numbers, got complex"),
        ({"a": np.array(["x"])}, "expected an array of bools"),
        ({(1, 2): 3}, r"tree: expected keys that are strings or integers, got \(1, 2\)"),
        ({1: 3, "1": 4}, "got two of '1'"),
    ],
)
def test_what_cannot_be_written(tree: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=words):
        checkpoint.save(B, tmp_path / "a", tree)
    assert not list(tmp_path.iterdir())


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        checkpoint.save(B, tmp_path / "no" / "a", 1)
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        checkpoint.load(B, tmp_path / "a")


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    good = tmp_path / "good"
    checkpoint.save(B, good, {"w": B.asarray([1.0] * 9)})
    whole = good.read_bytes()
    bad = tmp_path / "bad"
    for content in (b"", b"not at all", b"PK\x03\x04" * 50, whole[:-3], whole[:20]):
        bad.write_bytes(content)
        with pytest.raises(CheckpointError, match="no safetensors file, or cut short"):
            checkpoint.load(B, bad)
    save_file({"w": np.ones(2)}, bad)
    with pytest.raises(CheckpointError, match="no checkpoint of nnspec"):
        checkpoint.load(B, bad)


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ("{", "damaged: its description"),
        ("[]", "damaged: its description"),
        ('{"tree": {"list": []}}', "damaged: its description"),
        ('{"format": 2, "tree": 3}', "of format 2, and this is nnspec .*, which reads 1"),
        ('{"format": 1, "tree": {"dict": [["w", {"array": "v"}]]}}', "damaged: it lacks, of its tree, 'v'; it holds"),
        ('{"format": 1, "tree": {"array": 3}}', "no node of a tree"),
        ('{"format": 1, "tree": 3}', "no node of a tree"),
    ],
)
def test_a_damaged_description(about: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "a"
    save_file({"w": np.ones(2)}, file, metadata={"nnspec.checkpoint": about})
    with pytest.raises(CheckpointError, match=words):
        checkpoint.load(B, file)


@pytest.mark.parametrize(
    ("like", "error", "words"),
    [
        ({"w": np.zeros((2, 1), "float32"), "n": 0}, ShapeError, r"'w' has shape \(2,\), and in like \(2, 1\)"),
        ({"w": np.zeros(2, "float64"), "n": 0}, DTypeError, "'w' is float32, and in like float64"),
        ({"w": np.zeros(2, "float32")}, CheckpointError, "it holds, beyond like, 'n'"),
        (
            {"w": np.zeros(2, "float32"), "n": 0, "m": [1] * 7},
            CheckpointError,
            "it lacks, of like, 'm/0', 'm/1', 'm/2', 'm/3', 'm/4' and 2 more",
        ),
        ({"w": 1, "n": 0}, CheckpointError, "'w' is an array, and in like 1"),
        ({"w": np.zeros(2), "n": np.zeros(2)}, CheckpointError, "'n' is the value 3, and in like an array"),
    ],
)
def test_another_tree_than_like(like: Any, error: type[Exception], words: str, tmp_path: Path) -> None:
    file = tmp_path / "a"
    checkpoint.save(B, file, {"w": B.asarray([1.0, 2.0]), "n": 3})
    with pytest.raises(error, match=words):
        checkpoint.load(B, file, like=like)


def test_like_may_be_arrays_of_another_backend(tmp_path: Path) -> None:
    params = {"w": BACKENDS["torch"].asarray([1.0, 2.0])}
    checkpoint.save(BACKENDS["torch"], tmp_path / "a", params)
    read = checkpoint.load(B, tmp_path / "a", like=params)
    assert isinstance(read["w"], np.ndarray)


def test_a_dtype_that_the_backend_does_not_have(tmp_path: Path) -> None:
    checkpoint.save(B, tmp_path / "a", np.array([1], "uint32"))
    assert checkpoint.load(B, tmp_path / "a").dtype == np.uint32
    with pytest.raises(DTypeError, match="the torch backend offers"):
        checkpoint.load(BACKENDS["torch"], tmp_path / "a")


# -- the state of optimizers -------------------------------------------------------------------------------

STEPS, STOP = 6, 3
OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda b: optim.SGD(b, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "rmsprop": lambda b: optim.RMSprop(
        b, lr=optim.CosineSchedule(b, lr=0.1, total_steps=9), momentum=0.9, centered=True
    ),
    "adagrad": lambda b: optim.Adagrad(b, lr=0.1, l2=0.1),
    "adadelta": lambda b: optim.Adadelta(b),
    "rprop": lambda b: optim.Rprop(b),
    "adam": lambda b: optim.Adam(b, lr=optim.WarmupSchedule(b, lr=0.1, warmup_steps=5)),
    "adamw": lambda b: optim.AdamW(b, lr=0.1, weight_decay=0.1, decay_mask=optim.no_bias_or_norm),
    "amsgrad": lambda b: optim.AMSGrad(b, lr=0.1),
    "adamax": lambda b: optim.Adamax(b, lr=0.1),
    "nadam": lambda b: optim.NAdam(b, lr=0.1),
    "radam": lambda b: optim.RAdam(b, lr=0.1),
    "lion": lambda b: optim.Lion(b, lr=0.1),
    "lamb": lambda b: optim.Lamb(b, lr=0.1),
    "adafactor": lambda b: optim.Adafactor(b, beta1=0.9),
    "muon": lambda b: optim.Muon(b, adamw=optim.AdamW(b, lr=0.1)),
    "lookahead": lambda b: optim.Lookahead(optim.Adam(b, lr=0.1), sync_period=2),
}


def inputs() -> dict[str, Any]:
    generator = np.random.default_rng(3)
    shapes = {"w": (3, 2), "b": (4,), "gw": (STEPS, 3, 2), "gb": (STEPS, 4)}
    return {name: generator.normal(size=shape).astype("float32") for name, shape in shapes.items()}


def steps(optimizer: Any, run: Any, gw: Any, gb: Any, start: int, stop: int) -> Any:
    params, state = run["params"], run["state"]
    for t in range(start, stop):
        params, state = optimizer.update(params, {"w": gw[t, ...], "b": gb[t, ...]}, state)
    return {"params": params, "state": state}


def begun(optimizer: Any, w: Any, b: Any) -> Any:
    params = {"w": w, "b": b}
    return {"params": params, "state": optimizer.init(params)}


@functools.cache
def expected(name: str) -> Any:
    def program(backend: Any, w: Any, b: Any, gw: Any, gb: Any) -> Any:
        optimizer = OPTIMIZERS[name](backend)
        return steps(optimizer, begun(optimizer, w, b), gw, gb, 0, STEPS)

    return analyse(program, inputs(), dtype="float32").values


@pytest.mark.parametrize("source", NAMES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_run_goes_on_from_a_checkpoint_as_if_it_had_not_stopped(name: str, source: str, tmp_path: Path) -> None:
    file = tmp_path / "run.safetensors"
    backend, optimizer = BACKENDS[source], OPTIMIZERS[name](BACKENDS[source])
    w, b, gw, gb = (backend.asarray(x) for x in inputs().values())
    half = steps(optimizer, begun(optimizer, w, b), gw, gb, 0, STOP)
    checkpoint.save(backend, file, half)
    read = checkpoint.load(backend, file, like=begun(optimizer, w, b))
    assert bits(backend, read) == bits(backend, half)
    whole = steps(optimizer, half, gw, gb, STOP, STEPS)
    assert bits(backend, steps(optimizer, read, gw, gb, STOP, STEPS)) == bits(backend, whole)

    target = BACKENDS[NAMES[NAMES.index(source) - 1]]
    optimizer, (gw, gb) = OPTIMIZERS[name](target), (target.asarray(x) for x in list(inputs().values())[2:])
    moved = steps(optimizer, checkpoint.load(target, file), gw, gb, STOP, STEPS)
    for got, wanted in zip(optree.tree_leaves(moved), expected(name), strict=True):
        assert margin(target.to_numpy(got), wanted, "float32").margin <= VALUES


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("source", NAMES)
def test_a_run_in_low_precision_goes_on_to_the_bit(source: str, dtype: str, tmp_path: Path) -> None:
    """Parameters of 2 bytes, and a state with their copy of 4."""
    file, name = tmp_path / "run.safetensors", "adam"
    backend = nnspec.get_backend(source, dtype=dtype)
    optimizer = OPTIMIZERS[name](backend)
    w, b, gw, gb = (backend.asarray(x) for x in inputs().values())
    half = steps(optimizer, begun(optimizer, w, b), gw, gb, 0, STOP)
    checkpoint.save(backend, file, half)
    read = checkpoint.load(backend, file, like=begun(optimizer, w, b))
    assert bits(backend, read) == bits(backend, half)
    assert {name for name, *_ in bits(backend, read)} == {dtype, "float32", "int32"}
    whole = steps(optimizer, half, gw, gb, STOP, STEPS)
    assert bits(backend, steps(optimizer, read, gw, gb, STOP, STEPS)) == bits(backend, whole)
    with pytest.raises(DTypeError, match=rf"'params/b' is {dtype}, and in like float32"):
        checkpoint.load(backend, file, like=optree.tree_map(lambda x: backend.asarray(x, dtype="float32"), read))


def test_what_goes_around_an_optimizer_is_kept_too(tmp_path: Path) -> None:
    params = {"w": B.asarray([1.0, 2.0])}
    ema, accumulator = optim.EMA(B, decay=0.5), optim.GradientAccumulator(B)
    kept = {
        "ema": ema.update(ema.init(params), {"w": B.asarray([3.0, 4.0])}),
        "gradients": accumulator.update(accumulator.init(params), params, count=3),
        "plateau": optim.ReduceOnPlateau(B, lr=0.1)(1.0)[1],
    }
    checkpoint.save(B, tmp_path / "a", kept)
    assert bits(B, checkpoint.load(B, tmp_path / "a")) == bits(B, kept)
