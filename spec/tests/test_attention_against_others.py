"""Attention by its definition: against loops over every number, torch in float64, and torch's own multi-head layer."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import array_api_compat.torch
import array_api_strict
import numpy as np
import pytest
import torch

from nnspec import tape
from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec.ops.activations import Activations
from nnspec.ops.attention import Attention, _from_output
from nnspec.ops.dropout import Dropout
from nnspec.ops.linear import Linear

INF, NAN = math.inf, math.nan


class Definitions(Activations, Linear, Dropout, Attention):
    """The definitions of these families on the arrays of one namespace, and nothing else."""

    def __init__(self, xp: Any, stop_gradient: Callable[[Any], Any] = lambda x: x) -> None:
        self.xp = xp
        self._stop = stop_gradient

    def is_floating(self, x: Any) -> bool:
        return hasattr(x, "dtype") and x.dtype in (self.xp.float32, self.xp.float64)

    def is_integer(self, x: Any) -> bool:
        return hasattr(x, "dtype") and x.dtype == self.xp.int32

    def is_concrete(self, x: Any) -> bool:
        return True

    def to_numpy(self, x: Any) -> Any:
        return np.asarray(x)

    def stop_gradient(self, x: Any) -> Any:
        return self._stop(x)


B: Any = Definitions(array_api_compat.torch, lambda x: x.detach())
N: Any = Definitions(tape.namespace, tape.raw)


def draw(*shape: int, seed: int = 0, scale: float = 1.5) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(shape, generator=generator, dtype=torch.float64)).requires_grad_()


def mask_of(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < 0.6


def heads(heads: int = 4, kv_heads: int = 2, queries: int = 3, keys: int = 5, value_dim: int = 2) -> list[torch.Tensor]:
    return [draw(2, heads, queries, 3), draw(2, kv_heads, keys, 3, seed=1), draw(2, kv_heads, keys, value_dim, seed=2)]


def agree(ours: torch.Tensor, theirs: torch.Tensor, *leaves: torch.Tensor) -> None:
    """Equal values and equal gradients under one random cotangent, to some roundoffs of float64."""
    assert ours.shape == theirs.shape
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    cotangent = draw(*theirs.shape, seed=99).detach()
    got = torch.autograd.grad(ours, leaves, cotangent)
    wanted = torch.autograd.grad(theirs, leaves, cotangent, retain_graph=True)
    for mine, other in zip(got, wanted, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-12)


# -- a loop over every number ------------------------------------------------------------------------------


def by_loops(
    query: Any, key: Any, value: Any, *, mask: Any = None, bias: Any = None, causal: bool = False, scale: float
) -> Any:
    """One weighted mean after the other, in Python floats; mask and bias have four axes."""
    batch, heads, queries, dim = query.shape
    kv_heads, keys = key.shape[1:3]
    y = np.zeros((batch, heads, queries, value.shape[-1]))

    def entry(x: Any, *at: int) -> Any:
        return x[tuple(i if n > 1 else 0 for i, n in zip(at, x.shape, strict=True))]

    for b, h, i in itertools.product(range(batch), range(heads), range(queries)):
        shared = h * kv_heads // heads
        scores = {}
        for j in range(keys):
            if (causal and j > i) or (mask is not None and not entry(mask, b, h, i, j)):
                continue
            products = (float(query[b, h, i, d]) * float(key[b, shared, j, d]) for d in range(dim))
            scores[j] = scale * math.fsum(products) + (0.0 if bias is None else float(entry(bias, b, h, i, j)))
        top = max(scores.values(), default=0.0)
        terms = {j: math.exp(s - top) for j, s in scores.items() if s > -INF}
        for j, term in terms.items():
            y[b, h, i] += term / math.fsum(terms.values()) * np.asarray(value[b, shared, j], float)
    return y


OPTIONS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "causal": {"causal": True},
    "mask": {"mask": (2, 4, 3, 5)},
    "mask-of-samples": {"mask": (2, 1, 1, 5)},
    "mask-of-heads": {"mask": (1, 4, 3, 1)},
    "bias": {"bias": (2, 4, 3, 5)},
    "bias-of-heads": {"bias": (1, 4, 1, 5)},
    "mask-causal": {"mask": (1, 1, 3, 5), "causal": True},
    "everything": {"mask": (2, 1, 3, 5), "bias": (1, 4, 3, 5), "causal": True, "scale": -0.7},
}


def made(options: dict[str, Any]) -> dict[str, Any]:
    found = dict(options)
    if "mask" in options:
        found["mask"] = mask_of(*options["mask"])
    if "bias" in options:
        found["bias"] = draw(*options["bias"], seed=5)
    return found


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_every_number(options: dict[str, Any], kv_heads: int) -> None:
    arrays = heads(kv_heads=kv_heads)
    given = made(options)
    ours = B.scaled_dot_product_attention(*arrays, **given)
    told = {n: x.detach().numpy() if isinstance(x, torch.Tensor) else x for n, x in given.items()}
    theirs = by_loops(*(x.detach().numpy() for x in arrays), **{"scale": 1 / math.sqrt(3), **told})
    np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=1e-13, atol=1e-13)


# -- torch ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize(("kv_heads", "queries", "value_dim"), [(2, 3, 2), (4, 3, 3)])
def test_values_and_derivatives_of_torch(options: dict[str, Any], kv_heads: int, queries: int, value_dim: int) -> None:
    arrays = heads(kv_heads=kv_heads, queries=queries, value_dim=value_dim)
    given = made(options)
    mask, bias = given.get("mask"), given.get("bias")
    ours = B.scaled_dot_product_attention(*arrays, **given)
    allowed = torch.ones(3, 5, dtype=torch.bool) if mask is None else mask
    if given.get("causal"):
        allowed = allowed & torch.ones(3, 5, dtype=torch.bool).tril()
    attn_mask = allowed if bias is None else torch.where(allowed, bias, -INF)
    theirs = torch.nn.functional.scaled_dot_product_attention(
        *arrays, attn_mask=attn_mask, scale=given.get("scale"), enable_gqa=True
    )
    agree(ours, theirs, *arrays, *([] if bias is None else [bias]))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("dropping", [False, True])
def test_the_derivative_from_the_output_is_that_of_the_definition(options: dict[str, Any], dropping: bool) -> None:
    arrays = heads()
    given = made(options)
    bias = given.pop("bias", None)
    if dropping:
        given |= {"rate": 0.3, "dropout_mask": mask_of(2, 4, 3, 5, seed=8)}
    leaves = [*arrays, *([] if bias is None else [bias])]
    y = B.scaled_dot_product_attention(*arrays, bias, **given)
    g = draw(*y.shape, seed=3).detach()
    wanted = torch.autograd.grad(y, leaves, g)
    with torch.no_grad():
        got = _from_output(B, g, y, *arrays, bias, **given)
    for mine, other in zip(got, wanted, strict=False):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-12)


def params_of(layer: torch.nn.MultiheadAttention) -> dict[str, torch.Tensor]:
    """Those of torch's layer, which has one array for three weights unless the features differ."""
    names = ("query", "key", "value")
    if layer.in_proj_weight is None:
        weights = [layer.q_proj_weight, layer.k_proj_weight, layer.v_proj_weight]
    else:
        weights = list(layer.in_proj_weight.chunk(3))
    params = {f"{n}_weight": w for n, w in zip(names, weights, strict=True)}
    params |= {f"{n}_bias": b for n, b in zip(names, layer.in_proj_bias.chunk(3), strict=True)}
    return params | {"output_weight": layer.out_proj.weight, "output_bias": layer.out_proj.bias}


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("key_features", "value_features", "keys"), [(6, 6, 3), (5, 4, 5)])
def test_the_layer_of_torch(padded: bool, causal: bool, key_features: int, value_features: int, keys: int) -> None:
    layer = torch.nn.MultiheadAttention(6, 3, kdim=key_features, vdim=value_features, batch_first=True).double()
    torch.nn.init.normal_(layer.in_proj_bias, generator=torch.Generator().manual_seed(1))
    query = draw(2, 3, 6)
    key, value = draw(2, keys, key_features, seed=1), draw(2, keys, value_features, seed=2)
    present = torch.arange(keys) < torch.tensor([[keys], [keys - 1]])
    ours = B.multi_head_attention(
        query, key, value, params_of(layer), num_heads=3, causal=causal, mask=present[:, None, None] if padded else None
    )
    theirs, _ = layer(
        query,
        key,
        value,
        key_padding_mask=~present if padded else None,
        attn_mask=~torch.ones(3, keys, dtype=torch.bool).tril() if causal else None,
        need_weights=False,
    )
    agree(ours, theirs, query, key, value, *layer.parameters())


# -- what torch does otherwise -------------------------------------------------------------------------------


def test_a_query_with_nothing_to_attend_to_gives_zero_and_no_derivative() -> None:
    arrays = heads()
    mask = torch.tensor([[True] * 5, [False] * 5, [True] * 5])
    with torch.no_grad():
        arrays[0][:, :, 1] = NAN
    y = B.scaled_dot_product_attention(*arrays, mask=mask)
    grads = torch.autograd.grad(y, arrays, torch.ones_like(y))
    assert (y[:, :, 1] == 0).all()
    assert (grads[0][:, :, 1] == 0).all()
    others = [x[:, :, [0, 2]] if i == 0 else x for i, x in enumerate(arrays)]
    rest = B.scaled_dot_product_attention(*others)
    torch.testing.assert_close(y[:, :, [0, 2]], rest, rtol=1e-13, atol=1e-13)
    for got, wanted in zip(grads[1:], torch.autograd.grad(rest, arrays[1:], torch.ones_like(rest)), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("junk", [NAN, INF, -INF, 1e300])
def test_padding_never_matters(junk: float) -> None:
    params = {
        "query_weight": draw(4, 6, seed=3),
        "key_weight": draw(2, 6, seed=4),
        "value_weight": draw(2, 6, seed=5),
        "output_weight": draw(5, 4, seed=6),
    }
    leaves = list(params.values())
    x = draw(2, 4, 6).detach()
    present = torch.tensor([True, True, True, False])
    options: dict[str, Any] = {"num_heads": 2, "num_kv_heads": 1, "mask": present[None, :] & present[:, None]}
    found = []
    for last in (0.25, junk):
        filled = x.clone()
        filled[:, 3] = last
        filled.requires_grad_()
        y = B.multi_head_attention(filled, filled, filled, params, **options)
        gx, *rest = torch.autograd.grad(y, [filled, *leaves], torch.ones_like(y))
        assert (gx[:, 3] == 0).all()
        assert (y[:, 3] == 0).all()
        found.append([y, gx, *rest])
    for got, wanted in zip(*found, strict=True):
        assert torch.equal(got, wanted)


def test_a_weight_is_dropped_without_touching_the_others() -> None:
    query, key, _ = heads(kv_heads=4)
    identity = torch.eye(5, dtype=torch.float64).expand(2, 4, 5, 5)
    kept = mask_of(2, 4, 3, 5)
    weights = B.scaled_dot_product_attention(query, key, identity)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, 3, dtype=torch.float64))
    dropped = B.scaled_dot_product_attention(query, key, identity, rate=0.2, dropout_mask=kept)
    torch.testing.assert_close(dropped, torch.where(kept, weights / 0.8, 0.0))


def test_attention_of_one_head_is_that_of_the_projections() -> None:
    """Heads in the order of their rows: with weights that are 0 but for a head, the others do not matter."""
    x = draw(1, 4, 6)
    names = ("query_weight", "key_weight", "value_weight")
    params = {n: draw(4, 6, seed=i) for i, n in enumerate(names)} | {"output_weight": draw(4, 4, seed=7)}
    whole = B.multi_head_attention(x, x, x, params, num_heads=2)
    parts = []
    for h in (0, 1):
        rows = slice(2 * h, 2 * h + 2)
        head = {n: params[n][rows] for n in names} | {"output_weight": params["output_weight"][:, rows]}
        parts.append(B.multi_head_attention(x, x, x, head, num_heads=1))
    torch.testing.assert_close(whole, parts[0] + parts[1], rtol=1e-13, atol=1e-13)


# -- other namespaces ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_the_strict_namespace_and_the_tape_agree(options: dict[str, Any]) -> None:
    arrays = [x.detach().numpy() for x in heads()]
    given = {n: x.detach().numpy() if isinstance(x, torch.Tensor) else x for n, x in made(options).items()}
    strict: Any = Definitions(array_api_strict)
    wrapped = {n: array_api_strict.asarray(x) if isinstance(x, np.ndarray) else x for n, x in given.items()}
    ours = strict.scaled_dot_product_attention(*map(array_api_strict.asarray, arrays), **wrapped)
    np.testing.assert_allclose(
        np.asarray(ours), N.scaled_dot_product_attention(*arrays, **given), rtol=1e-13, atol=1e-13
    )


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"mask": np.ones((2, 3, 5), bool)}, ShapeError, "mask: expected shape"),
        ({"mask": np.ones((3, 5))}, DTypeError, "mask: expected a boolean array"),
        ({"bias": np.ones((3, 5), np.float32)}, DTypeError, "bias: expected the dtype of query"),
        ({"key": np.ones((2, 3, 5, 3)), "value": np.ones((2, 3, 5, 3))}, ShapeError, "divides 4"),
        ({"key": np.ones((2, 0, 5, 3)), "value": np.ones((2, 0, 5, 3))}, ShapeError, "divides 4"),
        ({"scale": NAN}, ArgumentError, "scale: expected a finite number"),
        ({"rate": 0.5}, ArgumentError, "dropout_key, dropout_mask: expected one of the two"),
    ],
)
def test_bad_calls(changed: dict[str, Any], error: type[NnspecError], words: str) -> None:
    names = ("query", "key", "value")
    given = {n: x.detach().numpy() for n, x in zip(names, heads(), strict=True)} | changed
    with pytest.raises(error, match=words):
        N.scaled_dot_product_attention(**given)
