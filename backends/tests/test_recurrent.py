"""Native recurrent networks beyond the suite: transforms, compilation, and what falls back to the definition."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import optree
import pytest

import nnspec
from nnspec import Backend

torch = pytest.importorskip("torch")

OPERATIONS = {"rnn": (1, ("hidden",)), "lstm": (4, ("hidden", "cell")), "gru": (3, ("hidden",))}
B: Any = nnspec.get_backend("torch", dtype="float64")


def params(operation: str, features: int = 3, hidden: int = 4) -> list[Any]:
    rows = OPERATIONS[operation][0] * hidden
    generator = torch.Generator().manual_seed(1)

    def array(*shape: int) -> Any:
        return torch.randn(shape, generator=generator, dtype=torch.float64) / 2

    def one(width: int) -> dict[str, Any]:
        made = {"weight": array(rows, width), "recurrent_weight": array(rows, hidden), "bias": array(rows)}
        return made | ({"recurrent_bias": array(rows)} if operation == "gru" else {})

    return [{way: one(width) for way in ("forward", "backward")} for width in (features, 2 * hidden)]


def drawn(*shape: int) -> Any:
    return torch.randn(shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def close(ours: Any, theirs: Any) -> None:
    pairs = zip(optree.tree_leaves(ours), optree.tree_leaves(theirs), strict=True)
    assert all(torch.allclose(a, b, rtol=1e-11, atol=1e-12) for a, b in pairs)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("lengths", [None, [3, 5, 1], [3, 0, 5]], ids=["equal", "unequal", "one-empty"])
def test_torch_transforms_agree_with_plain_calls(operation: str, lengths: list[int] | None) -> None:
    layers, x = params(operation), drawn(3, 5, 3)
    given = None if lengths is None else torch.tensor(lengths)

    def loss(layers: Any, x: Any) -> Any:
        outputs, ends = getattr(B, operation)(x, layers, lengths=given)
        return (outputs**2).sum() + sum((end**3).sum() for end in optree.tree_leaves(ends))

    _, plain = B.value_and_grad(loss, argnums=(0, 1))(layers, x)
    close(torch.func.grad(loss, argnums=(0, 1))(layers, x), plain)
    rows = torch.func.vmap(lambda row: getattr(B, operation)(row[None], layers)[0][0])(x)
    close(rows, getattr(B, operation)(x, layers)[0])


def test_torch_traces_it_as_one_graph() -> None:
    layers, x, lengths = params("lstm")[:1], drawn(2, 2, 3), torch.tensor([2, 1])
    compiled = torch.compile(lambda x, layers, n: B.lstm(x, layers, lengths=n), fullgraph=True, backend="eager")
    close(compiled(x, layers, lengths), B.lstm(x, layers, lengths=lengths))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_torch_differentiates_twice(operation: str) -> None:
    layers = params(operation)

    def slope(x: Any) -> Any:
        _, gradient = B.value_and_grad(lambda x: (getattr(B, operation)(x, layers)[0] ** 2).sum())(x)
        return (gradient**2).sum()

    x, step = drawn(1, 3, 3), 1e-6
    _, gradient = B.value_and_grad(slope)(x)
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    numeric = (slope(x + step * direction) - slope(x - step * direction)) / (2 * step)
    assert float((gradient * direction).sum()) == pytest.approx(float(numeric), rel=1e-6)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_torch_leaves_inputs_and_settings_alone(operation: str) -> None:
    layers, x = params(operation), drawn(3, 5, 3)
    before = [leaf.clone() for leaf in optree.tree_leaves((layers, x))]
    settings = [getattr(torch.backends.cudnn, part).fp32_precision for part in ("conv", "rnn")]
    getattr(B, operation)(x, layers, lengths=torch.tensor([5, 2, 1], dtype=torch.int32))
    close(optree.tree_leaves((layers, x)), before)
    assert settings == [getattr(torch.backends.cudnn, part).fp32_precision for part in ("conv", "rnn")]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("operation", OPERATIONS)
def test_cuda_agrees_with_the_cpu_without_a_warning(operation: str) -> None:
    layers, x = params(operation), drawn(3, 5, 3)
    cuda: Any = nnspec.get_backend("torch", device="cuda", dtype="float64")
    on_device = optree.tree_map(lambda leaf: leaf.cuda(), (x, layers))
    for lengths in (None, torch.tensor([5, 2, 1])):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            there = None if lengths is None else lengths.cuda()
            ours = getattr(cuda, operation)(*on_device, lengths=there)
        close(optree.tree_map(lambda leaf: leaf.cpu(), ours), getattr(B, operation)(x, layers, lengths=lengths))


@pytest.mark.parametrize(("name", "operation"), [("jax", "lstm"), *itertools.product(("numpy", "torch"), OPERATIONS)])
def test_long_sequences_agree_with_the_definition(name: str, operation: str) -> None:
    pytest.importorskip(name)
    backend = nnspec.get_backend(name)
    arrays = (drawn(3, 60, 3).numpy(), optree.tree_map(lambda leaf: leaf.numpy(), params(operation)))
    x, layers = optree.tree_map(backend.asarray, arrays)
    lengths = backend.asarray(np.array([60, 17, 33], np.int32))
    ours = getattr(backend, operation)(x, layers, lengths=lengths)
    wanted = Backend.operations()[operation].definition(
        B, *optree.tree_map(torch.asarray, arrays), lengths=torch.tensor([60, 17, 33])
    )
    for got, expected in zip(optree.tree_leaves(ours), optree.tree_leaves(wanted), strict=True):
        np.testing.assert_allclose(backend.to_numpy(got), expected.numpy(), rtol=2e-4, atol=2e-5)
