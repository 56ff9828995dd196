"""The JAX backend beyond what all backends share: 64-bit types, jit and donation, transforms, native bits."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import optree
import pytest

import nnspec

jax = pytest.importorskip("jax")
jnp = jax.numpy

HERE = Path(__file__).parent
B = nnspec.get_backend("jax")


def python(code: str, **environment: str) -> str:
    """The output of `code` in a process of its own, where warnings are errors."""
    found = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


# -- 64-bit types ----------------------------------------------------------------------------------------


def test_natives_agree_with_their_definitions_in_float64_too() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-k", "jax", "-p", "no:cacheprovider"]
    found = subprocess.run(
        [*command, str(HERE / "test_backends_alike.py")],
        env={**os.environ, "JAX_ENABLE_X64": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout[-4000:]


def test_float32_leaves_the_configuration_alone() -> None:
    code = """
import jax, numpy as np, nnspec
before = dict(jax.config.values)
B = nnspec.get_backend("jax", dtype="float32")
x = B.asarray(np.arange(6, dtype=np.int64).reshape(2, 3) + 0.5)
B.value_and_grad(lambda w: B.cross_entropy(B.linear(x, w), B.asarray(np.array([0, 1]))))(B.asarray(np.ones((2, 3))))
B.random_uniform(B.key(2**63), (3,))
assert dict(jax.config.values) == before
print(x.dtype, B.asarray(np.array([1], np.int64)).dtype)
"""
    assert python(code) == "float32 int32"


@pytest.mark.parametrize("how", ["nnspec.get_backend('jax', dtype='float64')", "B.asarray([1.0], dtype='float64')"])
def test_asking_for_float64_switches_it_on_and_says_so_once(how: str) -> None:
    code = f"""
import warnings, jax, nnspec
from nnspec_backends.jax import X64Warning
B = nnspec.get_backend("jax")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    {how}
    {how}
assert [w.category for w in caught] == [X64Warning], caught
assert "this process" in str(caught[0].message)
D = nnspec.get_backend("jax", dtype="float64")
print(jax.config.jax_enable_x64, D.asarray([1.0]).dtype, D.asarray([2**40])[0], B.asarray([1.0]).dtype)
"""
    assert python(code) == f"True float64 {2**40} float32"


def test_it_says_nothing_where_64_bit_types_are_on_already() -> None:
    code = "import nnspec; print(nnspec.get_backend('jax', dtype='float64').asarray(1.0).dtype)"
    assert python(code, JAX_ENABLE_X64="1") == "float64"


def test_integers_that_do_not_fit_are_an_error_and_never_wrapped() -> None:
    code = """
import nnspec
try:
    nnspec.get_backend("jax").asarray([2**40])
except nnspec.ArgumentError as error:
    print(error)
"""
    assert "32 bits" in python(code, JAX_ENABLE_X64="0")


def test_log1p_is_accurate_in_float64() -> None:
    code = """
import numpy as np, nnspec
B = nnspec.get_backend("jax", dtype="float64")
powers = 10.0 ** np.linspace(-300, 300, 601)
x = np.concatenate([np.linspace(-0.999, 3, 20001), powers, -powers[:300]])
exact = np.log1p(x.astype(np.longdouble))
value, pull = B.vjp(B.xp.log1p, B.asarray(x))
error = np.abs((B.to_numpy(value) - exact) / exact)
slope = np.abs(B.to_numpy(pull(B.asarray(np.ones_like(x)))[0]) * (1 + x.astype(np.longdouble)) - 1)
print(float(error.max() / 2**-53) < 6, float(slope.max() / 2**-53) < 4)
"""
    if np.finfo(np.longdouble).eps > 1e-18:
        pytest.skip("longdouble is no wider than float64")
    assert python(code, JAX_ENABLE_X64="1") == "True True"


# -- compile ---------------------------------------------------------------------------------------------


def leaves(tree: Any) -> list[Any]:
    return optree.tree_leaves(tree)


def step(params: Any, state: Any, x: Any) -> Any:
    def loss(p: Any) -> Any:
        return B.mean_squared_error(B.linear(x, p["w"], p["b"]), x)

    value, grads = B.value_and_grad(loss)(params)
    return *B.adam_update(params, grads, state), value


def test_a_compiled_step_with_donation_equals_the_eager_one() -> None:
    numbers = np.random.default_rng(0).normal(size=(5, 3))
    x = B.asarray(numbers)
    params = {"w": B.asarray(numbers[:3]), "b": B.asarray(numbers[4])}
    eager: Any = [params, B.adam_init(params)]
    donated: Any = optree.tree_map(jnp.copy, eager)
    compiled = B.compile(step, donate=(0, 1), fuse=True)
    for _ in range(3):
        *eager, value = step(eager[0], eager[1], x)
        dead = donated
        *donated, got = compiled(*donated, x)
        for a, b in zip(leaves([donated, got]), leaves([eager, value]), strict=True):
            np.testing.assert_allclose(B.to_numpy(a), B.to_numpy(b), rtol=1e-5, atol=1e-7)
        assert all(leaf.is_deleted() for leaf in leaves(dead))
    assert B.to_numpy(x).tolist() == numbers.astype(B.dtype).tolist()


def test_numpy_memory_is_never_donated() -> None:
    host = np.zeros(1 << 16, np.float32)
    increment = B.compile(lambda v: v + 1.0, donate=(0,))
    for _ in range(3):
        assert B.to_numpy(increment(B.asarray(host))).max() == 1.0
        assert host.max() == 0.0


def test_values_being_traced_are_not_looked_at() -> None:
    seen: list[bool] = []

    def look(x: Any) -> Any:
        seen.append(B.is_concrete(x))
        return jnp.sum(x)

    x = jnp.ones((2, 2))
    look(x)
    jax.jit(look)(x)
    jax.vmap(look)(x)
    jax.grad(look)(x)
    assert seen == [True, False, False, False]


# -- transforms ------------------------------------------------------------------------------------------

WEIGHT, ROW = np.random.default_rng(1).normal(size=(3, 4)), np.random.default_rng(2).normal(size=4)
TRANSFORMED: dict[str, Any] = {
    "relu": B.relu,
    "linear": lambda x: B.linear(x, B.asarray(WEIGHT), B.asarray(ROW[:3])),
    "layer_norm": lambda x: B.layer_norm(x, B.asarray(ROW), B.asarray(ROW)),
    "cross_entropy": lambda x: B.cross_entropy(x, B.asarray([1, 3]), ignore_index=3),
    "conv": lambda x: B.conv(x[None], B.asarray(WEIGHT[:, :2, None])),
    "dropout": lambda x: B.dropout(x, key=B.key(5)),
}


@pytest.mark.parametrize("operation", TRANSFORMED)
def test_vmap_grad_and_jit_go_through(operation: str) -> None:
    function = TRANSFORMED[operation]
    x = B.asarray(np.random.default_rng(3).normal(size=(3, 2, 4)))
    each = np.stack([B.to_numpy(function(row)) for row in x])
    np.testing.assert_allclose(B.to_numpy(jax.vmap(function)(x)), each, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(B.to_numpy(jax.jit(jax.vmap(function))(x)), each, rtol=1e-5, atol=1e-6)

    def summed(value: Any) -> Any:
        return jnp.sum(function(value) * 1.5)

    _, gradient = B.value_and_grad(summed)(x[0])
    np.testing.assert_allclose(jax.jit(jax.grad(summed))(x[0]), gradient, rtol=1e-5, atol=1e-6)


# -- bits ------------------------------------------------------------------------------------------------


def test_streams_are_those_of_jax_random() -> None:
    for seed in (0, 7, 2**40 + 3):
        key = B.key(seed)
        words = B.to_numpy(key).view(np.uint32)
        theirs = jax.random.wrap_key_data(jnp.asarray(words), impl="threefry2x32")
        bits = jax.random.bits(theirs, (5, 3), np.uint32)
        np.testing.assert_array_equal(B.to_numpy(B.random_bits(key, (5, 3))).view(np.uint32), bits)
        uniform = jax.random.uniform(theirs, (7,), np.float32)
        np.testing.assert_array_equal(B.to_numpy(B.random_uniform(key, (7,), dtype="float32")), uniform)
        split = jax.random.key_data(jax.random.split(theirs, 4))
        np.testing.assert_array_equal(B.to_numpy(B.split(key, 4)).view(np.uint32), split)
        folded = jax.random.key_data(jax.random.fold_in(theirs, 9))
        np.testing.assert_array_equal(B.to_numpy(B.fold_in(key, 9)).view(np.uint32), folded)


def test_streams_do_not_depend_on_the_layout_that_jax_is_configured_for() -> None:
    code = "import nnspec; B = nnspec.get_backend('jax'); print(B.random_bits(B.key(3), (4,)).tolist())"
    assert python(code, JAX_THREEFRY_PARTITIONABLE="0") == python(code, JAX_THREEFRY_PARTITIONABLE="1")


# -- namespace and devices -------------------------------------------------------------------------------


def test_products_ask_for_full_precision() -> None:
    x, w = jnp.ones((2, 3)), jnp.ones((2, 3))
    image, kernel = jnp.ones((1, 3, 4)), jnp.ones((2, 3, 2))
    for function, arguments in (
        (B.linear, (x, w)),
        (B.conv, (image, kernel)),
        (B.xp.matmul, (x, w.T)),
        (lambda a, b: B.vjp(B.linear, a, b)[1](jnp.ones((2, 2))), (x, w)),
        (lambda a, b: B.vjp(B.conv, a, b)[1](jnp.ones((1, 2, 3))), (image, kernel)),
    ):
        text = jax.jit(function).lower(*arguments).as_text()
        products = [line for line in text.splitlines() if "dot_general" in line or "convolution" in line]
        assert products
        assert all("HIGHEST" in line for line in products), products


def test_the_namespace_is_that_of_jax_otherwise() -> None:
    assert B.xp.sum is jnp.sum
    with pytest.raises(AttributeError, match="no_such_function"):
        B.xp.no_such_function  # noqa: B018


def test_synchronize_waits_for_what_was_issued() -> None:
    y = B.compile(lambda v: jnp.linalg.matrix_power(v, 9))(jnp.ones((300, 300)) / 300)
    dead = jnp.ones(3)
    B.compile(lambda v: v + 1.0, donate=(0,))(dead)
    B.synchronize()
    assert y.is_ready()


def test_devices_are_those_of_jax() -> None:
    assert B.device == B.devices()[0]
    assert "cpu" in B.devices()
    on_cpu = nnspec.get_backend("jax", device="cpu")
    assert {d.platform for d in on_cpu.asarray([1.0]).devices()} == {"cpu"}


def test_asarray_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for data in (np.array([1]), np.array([1.0]), np.array([1], np.uint8), [True], 3, 2.5):
            B.asarray(data)
