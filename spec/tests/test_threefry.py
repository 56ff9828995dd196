"""The generator: against Random123's known answers, against JAX, and over every kind of array to the bit."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import array_api_compat.torch
import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnspec import _threefry, tape
from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec.ops.random import Random

WORD = 0xFFFFFFFF
KEYS = [(0, 0), (0, 7), (0x13198A2E, 0x03707344), (0xDEADBEEF, 0xFFFFFFFF)]
#: counter, key and block of threefry2x32 with 20 rounds, from Random123's kat_vectors
KNOWN = [
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((WORD, WORD), (WORD, WORD), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


class Definitions(Random):
    """The definitions of the family on the arrays of one namespace, and nothing else."""

    def __init__(self, xp: Any, dtype: str = "float32") -> None:
        self.xp = xp
        self.dtype = dtype

    def asarray(self, x: Any, *, dtype: str | None = None) -> Any:
        return self.xp.asarray(np.asarray(x), dtype=None if dtype is None else getattr(self.xp, dtype))

    def to_numpy(self, x: Any) -> Any:
        return np.asarray(x)

    def is_integer(self, x: Any) -> bool:
        return hasattr(x, "dtype") and x.dtype in (self.xp.int32, self.xp.int64, self.xp.uint32)

    def is_concrete(self, x: Any) -> bool:
        return not isinstance(x, jax.core.Tracer)


NAMESPACES = {
    "numpy": np,
    "tape": tape.namespace,
    "torch": array_api_compat.torch,
    "strict": array_api_strict,
    "jax": jnp,
}


@pytest.fixture(params=NAMESPACES, name="definitions")
def _definitions(request: pytest.FixtureRequest) -> Definitions:
    return Definitions(NAMESPACES[request.param])


def signed(words: Any) -> Any:
    return np.asarray(words, np.uint32).view(np.int32)


def unsigned(words: Any) -> list[Any]:
    host = np.asarray(words)
    assert host.dtype == np.int32
    found: list[Any] = host.view(np.uint32).tolist()
    return found


def block(key: tuple[int, int], high: int, low: int) -> tuple[int, int]:
    """One block in Python integers, straight from the text of the paper."""
    schedule = (*key, key[0] ^ key[1] ^ 0x1BD11BDA)
    x0, x1 = (high + schedule[0]) & WORD, (low + schedule[1]) & WORD
    for r in range(20):
        turn = (13, 15, 26, 6, 17, 29, 16, 24)[r % 8]
        x0 = (x0 + x1) & WORD
        x1 = ((x1 << turn | x1 >> (32 - turn)) & WORD) ^ x0
        if r % 4 == 3:
            j = r // 4 + 1
            x0 = (x0 + schedule[j % 3]) & WORD
            x1 = (x1 + schedule[(j + 1) % 3] + j) & WORD
    return x0, x1


# -- known answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_known_answers_in_python(counter: tuple[int, int], key: tuple[int, int], answer: tuple[int, int]) -> None:
    assert block(key, *counter) == answer


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_known_answers_on_the_host(counter: tuple[int, int], key: tuple[int, int], answer: tuple[int, int]) -> None:
    high, low = (np.array([word], np.uint32) for word in counter)
    found = _threefry.block(np.array(key, np.uint32), high, low)
    assert tuple(int(word[0]) for word in found) == answer


@pytest.mark.parametrize("shape", [(), (1,), (2, 3)])
@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_known_answers_by_definition(
    definitions: Definitions,
    counter: tuple[int, int],
    key: tuple[int, int],
    answer: tuple[int, int],
    shape: tuple[int, ...],
) -> None:
    high, low = (definitions.asarray(signed(np.full(shape, word))) for word in counter)
    for word, wanted in zip(definitions.threefry(definitions.asarray(signed(key)), high, low), answer, strict=True):
        assert tuple(word.shape) == shape
        assert unsigned(word) == np.full(shape, wanted).tolist()


# -- the stream, as JAX lays it out -------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("count", [0, 1, 20_000])
def test_host_draws_what_jax_draws(key: tuple[int, int], count: int) -> None:
    words = np.array(key, np.uint32)
    theirs = jax.random.wrap_key_data(jnp.asarray(words))
    np.testing.assert_array_equal(_threefry.bits32(words, count), jax.random.bits(theirs, (count,)))
    np.testing.assert_array_equal(_threefry.uniform(words, (count,), "float32"), jax.random.uniform(theirs, (count,)))
    with jax.enable_x64(True):
        ours64 = _threefry.uniform(words, (count,), "float64")
        assert ours64.dtype == np.float64
        np.testing.assert_array_equal(_threefry.bits64(words, count), jax.random.bits(theirs, (count,), "uint64"))
        np.testing.assert_array_equal(ours64, jax.random.uniform(theirs, (count,), "float64"))


@pytest.mark.parametrize("key", KEYS)
def test_host_derives_the_keys_jax_derives(key: tuple[int, int]) -> None:
    words = np.array(key, np.uint32)
    theirs = jax.random.wrap_key_data(jnp.asarray(words))
    for num in (1, 2, 7):
        wanted = jax.random.key_data(jax.random.split(theirs, num))
        np.testing.assert_array_equal(_threefry.split(words, num), wanted)
    for data in (0, 1, 2**31, WORD):
        wanted = jax.random.key_data(jax.random.fold_in(theirs, np.uint32(data)))
        np.testing.assert_array_equal(_threefry.fold_in(words, data), wanted)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 5), (2, 2100)])
@pytest.mark.parametrize("key", KEYS)
def test_definitions_draw_what_the_host_draws(
    definitions: Definitions, key: tuple[int, int], shape: tuple[int, ...]
) -> None:
    words, count = signed(key), math.prod(shape)
    ours = definitions.asarray(words)
    bits = definitions.random_bits(ours, shape)
    assert tuple(bits.shape) == shape
    assert unsigned(bits) == _threefry.bits32(words, count).reshape(shape).tolist()
    uniform = np.asarray(definitions.random_uniform(ours, shape))
    assert uniform.dtype == np.float32
    np.testing.assert_array_equal(uniform, _threefry.uniform(words, shape, "float32"))


@pytest.mark.parametrize("key", KEYS)
def test_definitions_draw_float64_as_the_host_does(definitions: Definitions, key: tuple[int, int]) -> None:
    with jax.enable_x64(True):
        uniform = np.asarray(definitions.random_uniform(definitions.asarray(signed(key)), (7, 300), dtype="float64"))
    assert uniform.dtype == np.float64
    np.testing.assert_array_equal(uniform, _threefry.uniform(signed(key), (7, 300), "float64"))


def test_uniform_defaults_to_the_dtype_of_the_backend() -> None:
    definitions = Definitions(np, "float64")
    drawn = definitions.random_uniform(definitions.key(1), (3,))
    np.testing.assert_array_equal(drawn, definitions.random_uniform(definitions.key(1), (3,), dtype="float64"))


# -- keys --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 7, 2**31, 2**32 - 1, 2**32, 0xFEDCBA9876543210, 2**64 - 1])
def test_key_is_both_words_of_the_seed(definitions: Definitions, seed: int) -> None:
    assert unsigned(definitions.key(seed)) == [seed >> 32, seed & WORD]


@pytest.mark.parametrize("key", KEYS)
def test_derived_keys(definitions: Definitions, key: tuple[int, int]) -> None:
    ours = definitions.asarray(signed(key))
    for num in (1, 2, 7):
        assert unsigned(definitions.split(ours, num)) == _threefry.split(signed(key), num).tolist()
    for data in (0, 1, 2**31, WORD):
        assert unsigned(definitions.fold_in(ours, data)) == _threefry.fold_in(signed(key), data).tolist()


@pytest.mark.parametrize("width", ["int32", "int64"])
def test_fold_in_takes_a_step_counter(definitions: Definitions, width: str) -> None:
    key = definitions.key(11)
    with jax.enable_x64(width == "int64"):
        step = definitions.asarray(np.array(41), dtype=width)
        assert str(step.dtype).endswith(width)
        assert unsigned(definitions.fold_in(key, step)) == unsigned(definitions.fold_in(key, 41))


def test_fold_in_takes_a_traced_step_counter() -> None:
    definitions = Definitions(jnp)
    key = definitions.key(11)
    traced = jax.jit(lambda k, step: definitions.fold_in(k, step))(key, jnp.asarray(41, jnp.int32))
    assert unsigned(traced) == unsigned(definitions.fold_in(key, 41))


# -- masks -------------------------------------------------------------------------------------------------


def masked(key: tuple[int, int], count: int, rate: float, site: int) -> list[bool]:
    """The mask reading, an element at a time."""
    kept = []
    for e in range(count):
        word = block(key, site, e // 4)[e // 2 % 2]
        lane = word >> 16 if e % 2 else word & 0xFFFF
        kept.append(lane < round((1 - rate) * 65536))
    return kept


@pytest.mark.parametrize("shape", [(), (0,), (3,), (4,), (5,), (3, 17)])
@pytest.mark.parametrize(("rate", "site"), [(0.5, 0), (0.2, 3), (0.9, 2**31 + 5), (0.0, 1), (1.0, 1)])
def test_mask_reading(definitions: Definitions, shape: tuple[int, ...], rate: float, site: int) -> None:
    key = (0xDEADBEEF, 0x01234567)
    mask = definitions.dropout_mask(definitions.asarray(signed(key)), shape, rate=rate, site=site)
    host = np.asarray(mask)
    assert host.dtype == np.bool
    assert host.shape == shape
    assert host.reshape(-1).tolist() == masked(key, math.prod(shape), rate, site)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_masks_keep_the_share_they_should(rate: float) -> None:
    definitions = Definitions(np)
    keep = [np.asarray(definitions.dropout_mask(definitions.key(s), (40, 1000), rate=rate)) for s in range(5)]
    # five standard deviations of a binomial share of 200,000
    assert abs(np.mean(keep) - (1 - rate)) < 5 * math.sqrt(rate * (1 - rate) / 200_000)
    # neighbours share blocks and words: their agreement shows lanes that are not independent
    agreement = np.mean(np.stack(keep)[:, :, 1:] == np.stack(keep)[:, :, :-1])
    assert abs(agreement - (rate**2 + (1 - rate) ** 2)) < 0.01


# -- bad input ---------------------------------------------------------------------------------------------

_KEY = np.zeros(2, np.int32)
_BAD: list[tuple[type[NnspecError], str, Callable[[Definitions], Any]]] = [
    (ArgumentError, "seed: .* got -1", lambda d: d.key(-1)),
    (ArgumentError, "seed", lambda d: d.key(2**64)),
    (ArgumentError, "seed: .* got 1.0", lambda d: d.key(1.0)),  # type: ignore[arg-type]
    (ArgumentError, "seed: .* got True", lambda d: d.key(True)),
    (ShapeError, r"key: .*\(2,\).*got \(3,\)", lambda d: d.split(np.zeros(3, np.int32))),
    (DTypeError, "key: .*int64", lambda d: d.split(np.zeros(2, np.int64))),
    (DTypeError, "key: .*list", lambda d: d.split([0, 1])),
    (ArgumentError, "num: .* got 0", lambda d: d.split(_KEY, 0)),
    (ArgumentError, "data: .* got -1", lambda d: d.fold_in(_KEY, -1)),
    (ArgumentError, "data: .* got -1", lambda d: d.fold_in(_KEY, np.array(-1))),
    (ShapeError, "data", lambda d: d.fold_in(_KEY, np.array([1]))),
    (DTypeError, "data", lambda d: d.fold_in(_KEY, np.array(1.0))),
    (ArgumentError, r"shape: .* got \(-1,\)", lambda d: d.random_bits(_KEY, (-1,))),
    (ArgumentError, "shape: .* got 3", lambda d: d.random_bits(_KEY, 3)),  # type: ignore[arg-type]
    (ArgumentError, r"shape: .*2\*\*31", lambda d: d.random_bits(_KEY, (1 << 16, 1 << 16))),
    (ArgumentError, "dtype: .* got 'int8'", lambda d: d.random_uniform(_KEY, (3,), dtype="int8")),
    (ArgumentError, "rate: .* got 1.5", lambda d: d.dropout_mask(_KEY, (3,), rate=1.5)),
    (ArgumentError, "rate: .* got nan", lambda d: d.dropout_mask(_KEY, (3,), rate=math.nan)),
    (ArgumentError, "site: .* got -1", lambda d: d.dropout_mask(_KEY, (3,), rate=0.5, site=-1)),
    (ShapeError, "counter_high", lambda d: d.threefry(_KEY, _KEY, _KEY[:1])),
    (DTypeError, "counter_low", lambda d: d.threefry(_KEY, _KEY, np.zeros(2, np.int64))),
]


@pytest.mark.parametrize(("error", "words", "call"), _BAD)
def test_bad_input(error: type[NnspecError], words: str, call: Callable[[Definitions], Any]) -> None:
    with pytest.raises(error, match=words):
        call(Definitions(np))
