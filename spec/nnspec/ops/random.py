"""Random numbers: one cipher, Threefry-2x32 with 20 rounds, and two readings of it, equal everywhere.

Words are int32 arrays in two's complement, since no wider or unsigned integer is common to all namespaces.
The block E(k0, k1; x0, x1) turns a key of two words and a counter of two words into two words. The stream
reading (`random_bits`, `random_uniform`, `split`, `fold_in`) is JAX's; the mask reading (`dropout_mask`)
takes four 16-bit lanes out of every block.
"""

from __future__ import annotations

import math

import numpy as np

from nnspec import _validate as check
from nnspec._low_precision import DIGITS, LOW
from nnspec._threefry import PARITY, ROTATIONS, WORD
from nnspec.errors import ArgumentError
from nnspec.operation import Array, Family, operation

__all__ = ["Random"]

_LOW_HALF = 0xFFFF
#: elements an int32 counter can number in every namespace
_MOST = (1 << 31) - 1


def _signed(word: int) -> int:
    """The int32 with the bits of the unsigned 32-bit `word`."""
    return word - (1 << 32) if word >> 31 else word


def _threefry(self: Family, key: Array, counter_high: Array, counter_low: Array) -> None:
    check.key(self, "key", key)
    check.int32(self, "counter_high", counter_high)
    check.int32(self, "counter_low", counter_low)
    check.shape("counter_high", counter_high, tuple(counter_low.shape), "(that of counter_low)")


def _seed(self: Family, seed: int) -> None:
    _natural("seed", seed, 64)


def _split(self: Family, key: Array, num: int = 2) -> None:
    check.key(self, "key", key)
    check.count("num", num, low=1)


def _fold_in(self: Family, key: Array, data: int | Array) -> None:
    check.key(self, "key", key)
    if hasattr(data, "shape"):
        check.integer(self, "data", data)
        check.shape("data", data, ())
        check.values_within(self, "data", data, 0, WORD)
    else:
        _natural("data", data, 32)


def _bits(self: Family, key: Array, shape: tuple[int, ...]) -> None:
    check.key(self, "key", key)
    check.sizes("shape", shape)
    if math.prod(shape) > _MOST:
        raise ArgumentError(f"shape: expected fewer than 2**31 elements, got {shape!r}; split the key and draw parts")


def _uniform(self: Family, key: Array, shape: tuple[int, ...], *, dtype: str | None = None) -> None:
    _bits(self, key, shape)
    if dtype is not None:
        check.choice("dtype", dtype, ("float32", "float64", *LOW))


def _mask(self: Family, key: Array, shape: tuple[int, ...], *, rate: float, site: int = 0) -> None:
    _bits(self, key, shape)
    check.number("rate", rate, low=0, high=1)
    _natural("site", site, 32)


def _natural(name: str, value: object, bits: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << bits:
        raise ArgumentError(f"{name}: expected an integer in [0, 2**{bits}), got {value!r}")


class Random(Family):
    """Keys and what is drawn from them. A key is an int32 array of shape (2,)."""

    #: floating dtype of results where none is asked for
    dtype: str

    @operation(since="1.0", check=_threefry, exact=True)
    def threefry(self, key: Array, counter_high: Array, counter_low: Array) -> tuple[Array, Array]:
        """Threefry-2x32-20: the block `E(key; counter_high, counter_low)` of every counter.

        All modulo 2^32: `ks = (k0, k1, k0 ^ k1 ^ 0x1BD11BDA)`; `x0 += k0`, `x1 += k1`; twenty rounds of
        `x0 += x1; x1 = rotl(x1, R) ^ x0` with R repeating 13, 15, 26, 6, 17, 29, 16, 24; after the j-th four
        of them `x0 += ks[j % 3]`, `x1 += ks[(j + 1) % 3] + j`.

        Args:
            key: `(2,)`, int32.
            counter_high: `(...)`, int32, the first counter word x0.
            counter_low: `(...)`, int32, the second counter word x1, of the same shape.

        Returns:
            The two words of every block, int32, each of the shape of the counters.

        Raises:
            DTypeError: an argument is no int32 array of this backend.
            ShapeError: `key` is not `(2,)`, or the counters differ in shape.

        Requires:
            [THREEFRY-1] The published known answers of Random123 for threefry2x32 with 20 rounds, to the bit.

        Source:
            Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", 2011.

        Example:
            >>> zero = B.asarray(np.zeros(1, np.int32), dtype="int32")
            >>> o0, o1 = B.threefry(B.key(0), zero, zero)
            >>> [hex(int(B.to_numpy(word)[0]) % 2**32) for word in (o0, o1)]
            ['0x6b200159', '0x99ba4efe']
        """
        xp = self.xp
        shape = tuple(counter_low.shape)
        count = math.prod(shape)
        k0, k1 = key[0:1], key[1:2]  # of rank 1: NumPy warns when scalars wrap
        schedule = (k0, k1, k0 ^ k1 ^ PARITY)
        x0 = xp.reshape(counter_high, (count,)) + k0
        x1 = xp.reshape(counter_low, (count,)) + k1
        for group in range(5):
            for r in ROTATIONS[group % 2]:
                x0 = x0 + x1
                # the right shift of a signed word drags its sign along; the mask removes it
                x1 = ((x1 << r) | ((x1 >> (32 - r)) & ((1 << r) - 1))) ^ x0
            x0 = x0 + schedule[(group + 1) % 3]
            x1 = x1 + schedule[(group + 2) % 3] + (group + 1)
        return xp.reshape(x0, shape), xp.reshape(x1, shape)

    @operation(since="1.0", check=_seed, exact=True)
    def key(self, seed: int) -> Array:
        """The key of a seed: `(seed >> 32, seed mod 2^32)`.

        Args:
            seed: an integer in [0, 2^64).

        Returns:
            `(2,)`, int32.

        Raises:
            ArgumentError: `seed` is not such an integer.

        Requires:
            [KEY-1] The high 32 bits of the seed come first, the low 32 bits second, each in two's complement.

        Differs:
            JAX without x64 drops the high 32 bits of a seed.

        Source:
            The layout of `jax.random.key` with x64.

        Example:
            >>> B.to_numpy(B.key(2**32 + 7)).tolist()
            [1, 7]
        """
        words = np.array([seed >> 32, seed & WORD], np.uint32)
        return self.asarray(words.view(np.int32), dtype="int32")

    @operation(since="1.0", check=_split, exact=True)
    def split(self, key: Array, num: int = 2) -> Array:
        """New keys from one: `split(key, num)_i = E(key; 0, i)`.

        Args:
            key: `(2,)`, int32.
            num: how many, >= 1.

        Returns:
            `(num, 2)`, int32, a key a row.

        Raises:
            DTypeError: `key` is no int32 array.
            ShapeError: `key` is not `(2,)`.
            ArgumentError: `num` is no integer >= 1.

        Requires:
            [SPLIT-1] Row i is both words of the block with counter i, whatever num is.

        Source:
            The layout of `jax.random.split` (jax_threefry_partitionable, the default).

        Example:
            >>> a, b = B.split(B.key(1))
            >>> B.to_numpy(a).tolist() == B.to_numpy(b).tolist()
            False
        """
        low = self.xp.arange(num, dtype=self.xp.int32, **self.placement(key))
        return self.xp.stack(self.threefry(key, self.xp.zeros_like(low), low), axis=-1)

    @operation(since="1.0", check=_fold_in, exact=True)
    def fold_in(self, key: Array, data: int | Array) -> Array:
        """A new key from a key and a number, such as a step counter: `E(key; 0, data)`.

        Args:
            key: `(2,)`, int32.
            data: an integer in [0, 2^32), or an integer array of rank 0 with such a value.

        Returns:
            `(2,)`, int32.

        Raises:
            DTypeError: `key` is no int32 array, or `data` is an array of another kind than integer.
            ShapeError: `key` is not `(2,)`, or `data` is an array of rank > 0.
            ArgumentError: `data` is out of range (for an array: where looking costs nothing).

        Requires:
            [FOLD_IN-1] Both words of the block with counter data.
            [FOLD_IN-2] The same key for an integer and for an array of rank 0 with its value, of any integer
                width.

        Source:
            The layout of `jax.random.fold_in`.

        Example:
            >>> B.to_numpy(B.fold_in(B.key(0), 0)).tolist() == B.to_numpy(B.split(B.key(0), 1)[0, :]).tolist()
            True
        """
        xp = self.xp
        zero = xp.zeros_like(key[0:1])
        low = xp.reshape(xp.astype(data, xp.int32), (1,)) if hasattr(data, "shape") else zero + _signed(data)
        return xp.concat(self.threefry(key, zero, low), axis=0)

    @operation(since="1.0", check=_bits, exact=True)
    def random_bits(self, key: Array, shape: tuple[int, ...]) -> Array:
        """Random 32-bit words: word i is `o0 ^ o1` of `E(key; i >> 32, i mod 2^32)`, i the C-order index.

        Args:
            key: `(2,)`, int32.
            shape: of the result, fewer than 2^31 elements.

        Returns:
            An int32 array of that shape.

        Raises:
            DTypeError: `key` is no int32 array.
            ShapeError: `key` is not `(2,)`.
            ArgumentError: `shape` is no tuple of sizes, or too large.

        Requires:
            [RANDOM_BITS-1] Word i is the exclusive or of both words of the block with counter i.
            [RANDOM_BITS-2] Words depend on the key and the C-order index alone: a larger shape begins with
                the same.

        Source:
            The layout of `jax.random.bits` (jax_threefry_partitionable, the default).

        Example:
            >>> B.to_numpy(B.random_bits(B.key(0), (2,))).tolist()[0] == 0x6B200159 ^ 0x99BA4EFE - 2**32
            True
        """
        first, second = self._stream(key, math.prod(shape))
        return self.xp.reshape(first ^ second, tuple(shape))

    @operation(since="1.0", check=_uniform, exact=True)
    def random_uniform(self, key: Array, shape: tuple[int, ...], *, dtype: str | None = None) -> Array:
        """Uniform numbers in [0, 1): `(word >> 9) 2^-23`, in float64 `(word64 >> 12) 2^-52`.

        `word` is that of `random_bits`; `word64` is `o0 2^32 + o1` of the same block.

        Args:
            key: `(2,)`, int32.
            shape: of the result, fewer than 2^31 elements.
            dtype: "float32", "float64", "float16" or "bfloat16"; None is the backend's.

        Returns:
            An array of that shape and dtype.

        Raises:
            DTypeError: `key` is no int32 array.
            ShapeError: `key` is not `(2,)`.
            ArgumentError: `shape` is no tuple of sizes, or too large; `dtype` is another.

        Requires:
            [RANDOM_UNIFORM-1] In float32 a multiple of 2^-23 made of the upper 23 bits of word i.
            [RANDOM_UNIFORM-2] In float64 a multiple of 2^-52 made of the upper 52 bits of o0 and o1 together.
            [RANDOM_UNIFORM-3] 0 <= u < 1.
            [RANDOM_UNIFORM-4] In float16 a multiple of 2^-11, in bfloat16 of 2^-8, made of the upper bits of o0 ^
                o1: what is not representable is cut off, not rounded up to 1.

        Source:
            The layout of `jax.random.uniform`.

        Example:
            >>> u = B.to_numpy(B.random_uniform(B.key(3), (1000,)))
            >>> bool(u.min() >= 0 and u.max() < 1), round(float(u.mean()), 1)
            (True, 0.5)
        """
        xp = self.xp
        first, second = self._stream(key, math.prod(shape))
        chosen = self.dtype if dtype is None else dtype
        if chosen in DIGITS:
            digits = DIGITS[chosen]
            low = xp.astype(((first ^ second) >> (32 - digits)) & ((1 << digits) - 1), xp.float32) * 2.0**-digits
            return self.asarray(xp.reshape(low, tuple(shape)), dtype=chosen)
        if chosen == "float64":
            upper = xp.astype(first, xp.float64)
            upper = xp.where(first < 0, upper + 2.0**32, upper)
            u = upper * 2.0**-32 + xp.astype((second >> 12) & 0xFFFFF, xp.float64) * 2.0**-52
        else:
            u = xp.astype(((first ^ second) >> 9) & 0x7FFFFF, xp.float32) * 2.0**-23
        return xp.reshape(u, tuple(shape))

    @operation(since="1.0", check=_mask, exact=True)
    def dropout_mask(self, key: Array, shape: tuple[int, ...], *, rate: float, site: int = 0) -> Array:
        """A mask that is True with probability `1 - rate`.

        Element e has lane e of its site: 16 bits of word `e >> 1`, the low half first, the words being o0 and
        o1 of `E(key; site, 0)`, `E(key; site, 1)`, and so on. It is True where `lane < round((1 - rate)
        65536)`, rounding half to even.

        Args:
            key: `(2,)`, int32; for training, `fold_in(run key, step)`.
            shape: of the result, fewer than 2^31 elements.
            rate: probability of False, in [0, 1]; resolved to 1/65536.
            site: number of the layer, in [0, 2^32): one key serves all layers of a step.

        Returns:
            A boolean array of that shape.

        Raises:
            DTypeError: `key` is no int32 array.
            ShapeError: `key` is not `(2,)`.
            ArgumentError: `shape` is no tuple of sizes, or too large; `rate` or `site` is out of range.

        Requires:
            [DROPOUT_MASK-1] Element e is lane e, in C order, compared with round((1 - rate) 65536).
            [DROPOUT_MASK-2] A rate of 0 keeps all, a rate of 1 none.
            [DROPOUT_MASK-3] Elements depend on key, site and index alone: a larger shape begins with the
                same.

        Differs:
            No framework draws so; each has its own generator and layout, none of them portable.

        Source:
            This specification.

        Example:
            >>> keep = B.to_numpy(B.dropout_mask(B.key(5), (10000,), rate=0.2))
            >>> round(float(keep.mean()), 2)
            0.8
        """
        xp = self.xp
        count = math.prod(shape)
        block = xp.arange(-(-count // 4), dtype=xp.int32, **self.placement(key))
        words = xp.stack(self.threefry(key, xp.zeros_like(block) + _signed(site), block), axis=-1)
        lanes = xp.stack((words & _LOW_HALF, (words >> 16) & _LOW_HALF), axis=-1)
        lanes = xp.reshape(lanes, (4 * block.shape[0],))[:count]
        return xp.reshape(lanes < round((1.0 - rate) * 65536), tuple(shape))

    def _stream(self, key: Array, count: int) -> tuple[Array, Array]:
        """Both words of the blocks with the counters 0 .. count - 1."""
        low = self.xp.arange(count, dtype=self.xp.int32, **self.placement(key))
        return self.threefry(key, self.xp.zeros_like(low), low)
