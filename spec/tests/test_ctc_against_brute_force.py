"""CTC by its definition against the sum over all sequences of classes, and against torch where that is defined."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from nnspec import errors
from nnspec.reference import Reference

Array = np.ndarray[Any, Any]
B: Any = Reference()
INF, NAN = math.inf, math.nan


def drawn(*shape: int, seed: int = 0, scale: float = 1.5) -> Array:
    return (scale * np.random.default_rng(seed).normal(size=shape)).astype(np.longdouble)


def collapsed(path: Sequence[int], blank: int) -> list[int]:
    """Equal neighbours merged, then blanks removed."""
    return [c for c, _ in itertools.groupby(path) if c != blank]


def brute_force(logits: Array, labels: Sequence[int], blank: int) -> Any:
    """Minus the logarithm of the summed probability of every path, `classes ** frames` of them."""
    frames, classes = logits.shape
    e = np.exp(logits - np.max(logits, axis=1, keepdims=True))
    p = e / np.sum(e, axis=1, keepdims=True)
    total = np.longdouble(0)
    for path in itertools.product(range(classes), repeat=frames):
        if collapsed(path, blank) == list(labels):
            total += np.prod(p[np.arange(frames), list(path)])
    return -np.log(total) if total else np.longdouble(np.inf)


def slopes(logits: Array, labels: Sequence[int], blank: int) -> Array:
    """Central differences of `brute_force`, extrapolated once."""
    found = np.zeros_like(logits)
    for where in np.ndindex(*logits.shape):

        def at(h: float, where: tuple[int, ...] = where) -> Any:
            moved = logits.copy()
            moved[where] += np.longdouble(h)
            return brute_force(moved, labels, blank)

        coarse, fine = ((at(h) - at(-h)) / (2 * np.longdouble(h)) for h in (2e-3, 1e-3))
        found[where] = (4 * fine - coarse) / 3
    return found


def value_and_gradient(logits: Array, target: Array, **options: Any) -> tuple[Array, Array]:
    """Losses one a sequence, and the gradient of their sum."""
    outputs, pull = B.vjp(lambda x: B.ctc(x, target, reduction="none", **options), logits)
    return B.to_numpy(outputs), B.to_numpy(pull(np.ones_like(outputs))[0])


SMALL = [
    pytest.param(4, [1, 2], 0, id="two-labels"),
    pytest.param(4, [1, 1], 0, id="repeated"),
    pytest.param(3, [2, 2], 0, id="repeated-just-so"),
    pytest.param(5, [1, 1, 2], 0, id="repeated-and-another"),
    pytest.param(5, [0, 2, 0], 1, id="there-and-back"),
    pytest.param(4, [0, 1], 2, id="blank-last"),
    pytest.param(3, [], 0, id="empty-target"),
    pytest.param(1, [2], 0, id="one-frame"),
    pytest.param(1, [], 1, id="one-frame-empty-target"),
    pytest.param(3, [1, 2, 1], 0, id="no-room-for-a-blank"),
]


@pytest.mark.parametrize(("frames", "labels", "blank"), SMALL)
def test_value_and_gradient_are_those_of_the_sum_over_paths(frames: int, labels: list[int], blank: int) -> None:
    logits = drawn(frames, 3, seed=frames)
    loss, gradient = value_and_gradient(logits[None], np.asarray([labels], np.int32), blank=blank)
    np.testing.assert_allclose(loss[0], brute_force(logits, labels, blank), rtol=1e-16)
    np.testing.assert_allclose(gradient[0], slopes(logits, labels, blank), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    ("frames", "labels"), [(1, [1, 2]), (2, [1, 1]), (3, [1, 1, 2]), (4, [2, 2, 2]), (0, [1])], ids=str
)
@pytest.mark.parametrize("zero_infinity", [False, True])
def test_what_cannot_be_aligned_is_infinite_or_zero_and_has_gradient_0(
    frames: int, labels: list[int], zero_infinity: bool
) -> None:
    logits = drawn(frames, 3)
    assert brute_force(logits, labels, 0) == INF
    loss, gradient = value_and_gradient(logits[None], np.asarray([labels]), zero_infinity=zero_infinity)
    assert loss[0] == (0 if zero_infinity else INF)
    np.testing.assert_array_equal(gradient, 0)


def test_no_frame_for_no_label_has_loss_0() -> None:
    loss, _ = value_and_gradient(drawn(1, 0, 3), np.zeros((1, 0), np.int32))
    assert loss[0] == 0


def test_sequences_of_different_lengths_are_each_as_if_alone() -> None:
    logits = drawn(4, 5, 3)
    target = np.array([[1, 2], [2, 2], [1, -9], [77, 0]], np.int64)
    frames, labels = np.array([5, 4, 2, 3], np.int32), np.array([2, 2, 1, 0], np.uint8)
    behind = logits.copy()
    for i, end in enumerate(frames):
        behind[i, end:] = [NAN, INF, -INF]
    loss, gradient = value_and_gradient(behind, target, input_lengths=frames, target_lengths=labels)
    for i, (end, count) in enumerate(zip(frames, labels, strict=True)):
        wanted = target[i, :count].tolist()
        np.testing.assert_allclose(loss[i], brute_force(logits[i, :end], wanted, 0), rtol=1e-16)
        np.testing.assert_allclose(gradient[i, :end], slopes(logits[i, :end], wanted, 0), rtol=1e-9, atol=1e-10)
        np.testing.assert_array_equal(gradient[i, end:], 0)


def test_a_logit_of_minus_infinity_removes_its_class() -> None:
    logits = drawn(1, 4, 3)
    logits[0, 1, 0] = logits[0, 2, 2] = -INF
    loss, gradient = value_and_gradient(logits, np.array([[1, 2]]))
    np.testing.assert_allclose(loss[0], brute_force(logits[0], [1, 2], 0), rtol=1e-16)
    assert gradient[0, 1, 0] == gradient[0, 2, 2] == 0
    assert np.isfinite(gradient).all()
    logits[0, :, 2] = -INF
    loss, gradient = value_and_gradient(logits, np.array([[1, 2]]))
    assert loss[0] == INF
    np.testing.assert_array_equal(gradient, 0)


def test_the_gradient_sums_to_0_over_the_classes_of_each_frame() -> None:
    _, gradient = value_and_gradient(drawn(2, 6, 4), np.array([[1, 2, 2], [3, 1, 2]]))
    np.testing.assert_allclose(gradient.sum(axis=2), 0, atol=1e-18)
    assert (abs(gradient) > 1e-6).any(axis=(1, 2)).all()


@pytest.mark.parametrize("blank", [0, 4])
def test_long_sequences_are_those_of_torch(blank: int) -> None:
    logits = drawn(3, 60, 5, scale=3.0)
    target = np.random.default_rng(1).integers(1, 4, (3, 20))
    frames, labels = np.array([60, 45, 50]), np.array([20, 7, 0])
    loss, gradient = value_and_gradient(logits, target, input_lengths=frames, target_lengths=labels, blank=blank)
    x = torch.tensor(logits.astype(np.float64), requires_grad=True)
    theirs = torch.nn.functional.ctc_loss(
        torch.log_softmax(x, -1).transpose(0, 1),
        torch.tensor(target),
        torch.tensor(frames),
        torch.tensor(labels),
        blank=blank,
        reduction="none",
    )
    np.testing.assert_allclose(loss, theirs.detach().numpy(), rtol=1e-13)
    (wanted,) = torch.autograd.grad(theirs.sum(), x)
    np.testing.assert_allclose(gradient, wanted.numpy(), rtol=1e-9, atol=1e-12)


def test_reductions_weigh_sequences_and_know_nothing_of_target_lengths() -> None:
    logits, target, labels = drawn(3, 4, 3), np.array([[1, 2], [1, 0], [9, 9]]), np.array([2, 1, 0])
    options: dict[str, Any] = {"target_lengths": labels}
    each = [brute_force(logits[i], target[i, :n].tolist(), 0) for i, n in enumerate(labels)]
    np.testing.assert_allclose(float(B.ctc(logits, target, **options)), float(np.mean(each)))
    np.testing.assert_allclose(float(B.ctc(logits, target, reduction="sum", **options)), float(np.sum(each)))
    weight = np.array([0.5, 0.0, 2.0], np.longdouble)
    wanted = (0.5 * each[0] + 2 * each[2]) / 2.5
    np.testing.assert_allclose(float(B.ctc(logits, target, sample_weight=weight, **options)), float(wanted))
    assert float(B.ctc(logits, target, sample_weight=0 * weight, **options)) == 0


def test_an_absent_sequence_reaches_nothing_whatever_it_is() -> None:
    logits, target = drawn(3, 4, 3), np.array([[1, 2], [-4, 8], [2, 2]])
    logits[1] = NAN
    frames, weight = np.array([4, 1, 4]), np.array([1.0, 0.0, 3.0], np.longdouble)
    loss, pull = B.vjp(lambda x: B.ctc(x, target, input_lengths=frames, sample_weight=weight), logits)
    each = brute_force(logits[0], [1, 2], 0), brute_force(logits[2], [2, 2], 0)
    np.testing.assert_allclose(float(B.to_numpy(loss)), float((each[0] + 3 * each[1]) / 4))
    gradient = B.to_numpy(pull(np.ones_like(loss))[0])
    np.testing.assert_array_equal(gradient[1], 0)
    assert np.isfinite(gradient).all()


def test_padding_may_be_anything_but_a_label_may_not() -> None:
    logits = drawn(1, 4, 3)
    with pytest.raises(errors.ArgumentError, match=r"target: expected class indices in \[0, 2\], got 3"):
        B.ctc(logits, np.array([[1, 3]]))
    with pytest.raises(errors.ArgumentError, match="target: expected labels other than blank, got 1"):
        B.ctc(logits, np.array([[2, 1]]), blank=1)
    assert np.isfinite(float(B.ctc(logits, np.array([[1, 3]]), target_lengths=np.array([1]))))
