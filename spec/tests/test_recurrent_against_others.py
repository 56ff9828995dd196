"""Recurrent networks by their definitions, against torch's modules and against the laws they obey."""

from __future__ import annotations

from typing import Any

import numpy as np
import optree
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import nnspec
from nnspec import Backend

BATCH, TIME, FEATURES = 4, 6, 3
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
MODULES: dict[str, Any] = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
OPERATIONS = tuple(GATES)
DEFINED: Any = nnspec.get_backend("torch", dtype="float64")
leaves_of: Any = optree.tree_leaves
LENGTHS = torch.tensor([4, 6, 1, 3])


def defined(operation: str, *args: Any, **options: Any) -> Any:
    """By the definition, not by torch's kernels."""
    return Backend.operations()[operation].definition(DEFINED, *args, **options)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)


def module(operation: str, hidden: int, layers: int, both: bool, **options: Any) -> Any:
    torch.manual_seed(3)
    made = MODULES[operation](FEATURES, hidden, layers, batch_first=True, bidirectional=both, **options).double()
    for name, parameter in made.named_parameters():
        torch.nn.init.normal_(parameter, std=0.5)
        if operation != "gru" and name.startswith("bias_hh"):
            torch.nn.init.zeros_(parameter)
    return made


def weights_of(theirs: Any, operation: str, layers: int, both: bool) -> list[Any]:
    """The module's own parameters, named as here."""

    def one(suffix: str) -> dict[str, torch.Tensor]:
        found = {
            "weight": getattr(theirs, f"weight_ih_{suffix}"),
            "recurrent_weight": getattr(theirs, f"weight_hh_{suffix}"),
            "bias": getattr(theirs, f"bias_ih_{suffix}"),
        }
        return found | ({"recurrent_bias": getattr(theirs, f"bias_hh_{suffix}")} if operation == "gru" else {})

    return [
        {"forward": one(f"l{i}"), "backward": one(f"l{i}_reverse")} if both else one(f"l{i}") for i in range(layers)
    ]


def states_of(stacked: tuple[torch.Tensor, ...], layers: int, both: bool) -> list[Any]:
    """torch's states, `(layers * directions, batch, hidden)`, as a list of layers."""

    def one(number: int) -> dict[str, torch.Tensor]:
        return dict(zip(("hidden", "cell"), (state[number] for state in stacked), strict=False))

    return [{"forward": one(2 * i), "backward": one(2 * i + 1)} if both else one(i) for i in range(layers)]


def agree(ours: Any, theirs: Any, inputs: list[torch.Tensor]) -> None:
    """Equal values and equal gradients under one random cotangent, to some roundoffs of float64."""
    ours, theirs = leaves_of(ours), leaves_of(theirs)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    cotangents = [drawn(*b.shape, seed=50 + i).detach() for i, b in enumerate(theirs)]
    pulled = [torch.autograd.grad(list(y), inputs, cotangents, retain_graph=True) for y in (ours, theirs)]
    for got, wanted in zip(*pulled, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("packed", [False, True], ids=["equal", "packed"])
@pytest.mark.parametrize("both", [False, True], ids=["one-way", "both-ways"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(
    ("operation", "options"),
    [("rnn", {}), ("rnn", {"nonlinearity": "relu"}), ("lstm", {}), ("gru", {})],
    ids=["rnn", "rnn-relu", "lstm", "gru"],
)
def test_values_and_gradients_are_those_of_the_module(
    operation: str, options: dict[str, str], layers: int, both: bool, packed: bool
) -> None:
    hidden = 5
    theirs = module(operation, hidden, layers, both, **options)
    params = weights_of(theirs, operation, layers, both)
    x = drawn(BATCH, TIME, FEATURES)
    count = 2 if operation == "lstm" else 1
    start = tuple(drawn(layers * (1 + both), BATCH, hidden, seed=9 + i) for i in range(count))
    given = start if count == 2 else start[0]
    if packed:
        outputs, end = theirs(pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False), given)
        outputs, _ = pad_packed_sequence(outputs, batch_first=True, total_length=TIME)
    else:
        outputs, end = theirs(x, given)
    ends = states_of(end if count == 2 else (end,), layers, both)
    ours = defined(operation, x, params, states_of(start, layers, both), lengths=LENGTHS if packed else None, **options)
    agree(ours, (outputs, ends), [x, *start, *leaves_of(params)])


def test_two_biases_of_torch_add_up_to_the_one_here() -> None:
    theirs: Any = torch.nn.LSTM(FEATURES, 4, batch_first=True).double()
    (layer,) = weights_of(theirs, "lstm", 1, False)
    x = drawn(BATCH, TIME, FEATURES)
    outputs, _ = defined("lstm", x, [{**layer, "bias": theirs.bias_ih_l0 + theirs.bias_hh_l0}])
    torch.testing.assert_close(outputs, theirs(x)[0], rtol=1e-12, atol=1e-12)


def network(operation: str, hidden: int, layers: int = 1, both: bool = False) -> list[Any]:
    return weights_of(module(operation, hidden, layers, both), operation, layers, both)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_both_ways_are_one_run_and_one_reversed_run(operation: str) -> None:
    (layer,) = network(operation, 4, both=True)
    x = drawn(BATCH, TIME, FEATURES)
    forward, end = defined(operation, x, [layer["forward"]])
    backward, end_of_backward = defined(operation, torch.flip(x, (1,)), [layer["backward"]])
    expected = (
        torch.cat([forward, torch.flip(backward, (1,))], -1),
        [{"forward": end[0], "backward": end_of_backward[0]}],
    )
    agree(defined(operation, x, [layer]), expected, [x, *leaves_of(layer)])


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("at", [0, 1, 4, TIME])
def test_a_run_split_in_time_is_the_whole_run(operation: str, at: int) -> None:
    params = network(operation, 4, layers=2)
    x = drawn(BATCH, TIME, FEATURES)
    first, state = defined(operation, x[:, :at], params)
    second, end = defined(operation, x[:, at:], params, state)
    agree((torch.cat([first, second], 1), end), defined(operation, x, params), [x, *leaves_of(params)])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_shorter_sequence_is_the_run_of_its_own_steps(operation: str) -> None:
    params = network(operation, 4, layers=2, both=True)
    x = drawn(BATCH, TIME, FEATURES)
    spoilt = x.detach().clone()
    for row, length in enumerate(LENGTHS):
        spoilt[row, length:] = float("nan")
    spoilt.requires_grad_()
    outputs, ends = defined(operation, spoilt, params, lengths=LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        alone, end = defined(operation, x[row : row + 1, :length], params)
        torch.testing.assert_close(outputs[row, :length], alone[0], rtol=1e-13, atol=1e-13)
        assert not outputs[row, length:].any()
        for got, wanted in zip(leaves_of(ends), leaves_of(end), strict=True):
            torch.testing.assert_close(got[row], wanted[0], rtol=1e-13, atol=1e-13)
    total = outputs.sum() + sum(leaf.sum() for leaf in leaves_of(ends))
    grads = torch.autograd.grad(total, [spoilt, *leaves_of(params)])
    assert all(bool(torch.isfinite(grad).all()) for grad in grads)
    assert all(not grads[0][row, length:].any() for row, length in enumerate(LENGTHS.tolist()))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_sequence_without_steps_ends_with_the_state_it_starts_from(operation: str) -> None:
    (layer,) = network(operation, 4, both=True)
    names = ("hidden", "cell") if operation == "lstm" else ("hidden",)
    start = [{way: {name: drawn(2, 4, seed=len(way + name)) for name in names} for way in ("forward", "backward")}]
    outputs, ends = defined(operation, drawn(2, 3, FEATURES), [layer], start, lengths=torch.tensor([0, 2]))
    assert not outputs[0].any()
    for got, wanted in zip(leaves_of(ends), leaves_of(start), strict=True):
        assert torch.equal(got[0], wanted[0])
        assert not torch.equal(got[1], wanted[1])


def test_shut_gates_carry_the_cell() -> None:
    (layer,) = network("lstm", 4)
    bias = torch.tensor([-800.0, 800.0, 0.3, 0.5], dtype=torch.float64).repeat_interleave(4)
    start = {"hidden": drawn(BATCH, 4, seed=1), "cell": drawn(BATCH, 4, seed=2)}
    _, (end,) = defined("lstm", drawn(BATCH, 40, FEATURES), [{**layer, "bias": bias}], [start])
    assert torch.equal(end["cell"], start["cell"])
    (grad,) = torch.autograd.grad(end["cell"].sum(), start["cell"])
    assert torch.equal(grad, torch.ones_like(grad))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_dropout_stands_between_the_layers_only(operation: str) -> None:
    params = network(operation, 4, layers=3)
    x = drawn(BATCH, TIME, FEATURES)
    key = DEFINED.key(5)
    dropped, _ = defined(operation, x, params, rate=0.4, key=key, site=7)
    expected = x
    for number, layer in enumerate(params):
        if number:
            expected = DEFINED.dropout(expected, rate=0.4, key=key, site=7 + number - 1)
        expected, _ = defined(operation, expected, [layer])
    agree(dropped, expected, [x, *leaves_of(params)])
    masks = [DEFINED.dropout_mask(key, (BATCH, TIME, 4), rate=0.4, site=7 + number) for number in range(2)]
    agree(defined(operation, x, params, rate=0.4, masks=masks)[0], dropped, [x, *leaves_of(params)])
    kept, _ = defined(operation, x, params, rate=0.4, masks=masks, training=False)
    agree(kept, defined(operation, x, params)[0], [x, *leaves_of(params)])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_brute_force(operation: str) -> None:
    """The formulas, a number at a time."""
    (layer,) = network(operation, 2)
    w = {name: array.detach().numpy() for name, array in layer.items()}
    x = drawn(1, 3, FEATURES).detach()

    def sigmoid(a: float) -> float:
        return float(1 / (1 + np.exp(-a)))

    h, c = [0.0, 0.0], [0.0, 0.0]
    for step in x[0].numpy():
        a = [sum(w["weight"][row] * step) + w["bias"][row] for row in range(2 * GATES[operation])]
        u = [sum(w["recurrent_weight"][row] * h) for row in range(2 * GATES[operation])]
        if operation == "gru":
            u = [u[row] + w["recurrent_bias"][row] for row in range(6)]
            r, z = ([sigmoid(a[k + j] + u[k + j]) for j in range(2)] for k in (0, 2))
            n = [np.tanh(a[4 + j] + r[j] * u[4 + j]) for j in range(2)]
            h = [(1 - z[j]) * n[j] + z[j] * h[j] for j in range(2)]
        elif operation == "lstm":
            i, f, o = ([sigmoid(a[k + j] + u[k + j]) for j in range(2)] for k in (0, 2, 6))
            c = [f[j] * c[j] + i[j] * np.tanh(a[4 + j] + u[4 + j]) for j in range(2)]
            h = [o[j] * np.tanh(c[j]) for j in range(2)]
        else:
            h = [np.tanh(a[j] + u[j]) for j in range(2)]
    outputs, _ = defined(operation, x, [layer])
    np.testing.assert_allclose(outputs[0, -1].detach().numpy(), h, rtol=1e-13)
