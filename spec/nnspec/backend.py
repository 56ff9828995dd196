"""`Backend`: what a backend owes, and what it gets for it."""

from __future__ import annotations

import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import optree

from nnspec._low_precision import apply, working_dtype
from nnspec._validate import _described
from nnspec.errors import ArgumentError, DTypeError, ShapeError, UnsupportedOperationError
from nnspec.operation import Array, Operation, catalogue
from nnspec.ops.activations import Activations
from nnspec.ops.attention import Attention
from nnspec.ops.convolution import Convolution
from nnspec.ops.dropout import Dropout
from nnspec.ops.embedding import Embedding
from nnspec.ops.initializers import Initializers
from nnspec.ops.linear import Linear
from nnspec.ops.losses import Losses
from nnspec.ops.metrics import Metrics
from nnspec.ops.normalization import Normalization
from nnspec.ops.optimizers import Optimizers
from nnspec.ops.pooling import Pooling
from nnspec.ops.random import Random
from nnspec.ops.recurrent import Recurrent
from nnspec.ops.regularizers import Regularizers
from nnspec.ops.schedules import Schedules
from nnspec.ops.shape import Shape
from nnspec.plugins import PROFILES

__all__ = ["PROFILES", "Backend"]

Flat = list[Array]


@functools.cache
def _operations() -> Mapping[str, Operation]:
    return catalogue(Backend)


class Backend(
    Activations,
    Linear,
    Convolution,
    Pooling,
    Normalization,
    Dropout,
    Embedding,
    Attention,
    Recurrent,
    Losses,
    Initializers,
    Regularizers,
    Optimizers,
    Schedules,
    Metrics,
    Random,
    Shape,
    ABC,
):
    """Every operation of the specification on one kind of array.

    A backend owes the abstract members below and an Array API namespace `xp`; every operation then works by
    its definition. It overrides those it can do faster or more accurately, with exactly the same signature,
    and is judged by `nnspec conform`. Arrays of dtype None are `dtype` (float32 unless asked otherwise).

    Args:
        device: "cpu", "cuda", "cuda:1", "tpu", "mps", or None for the backend's default.
        dtype: the floating dtype that `asarray` gives to Python numbers and NumPy data; None is float32.
    """

    #: the name users pick the backend by
    name: ClassVar[str]
    #: floating dtypes it computes in
    dtypes: ClassVar[tuple[str, ...]] = ("float32", "float64")
    #: what it claims; the suite proves each claim and reports what works unclaimed
    profiles: ClassVar[frozenset[str]] = frozenset({"inference", "training", "reproducible", "double"})
    #: whether `compile` traces and compiles a function as a whole, as jax.jit does
    traced: ClassVar[bool] = False
    #: recorded deviations, beside the backend (see nnspec.deviations); None where there are none
    deviations_file: ClassVar[Path | None] = None

    def __init__(self, *, device: str | None = None, dtype: str | None = None) -> None:
        self.device = self.resolve_device(device)
        self.dtype = "float32" if dtype is None else dtype
        if self.dtype not in self.dtypes:
            raise DTypeError(f"dtype: the {self.name} backend offers {', '.join(self.dtypes)}, got {dtype!r}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(device={self.device!r}, dtype={self.dtype!r})"

    # -- what a backend owes ---------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def devices(cls) -> tuple[str, ...]:
        """The devices usable here and now, the default first."""

    @classmethod
    def versions(cls) -> dict[str, str]:
        """Names and versions of the packages its results depend on."""
        return {}

    @classmethod
    def cache_environment(cls, folder: Path) -> dict[str, str]:
        """Environment variables by which a process keeps in `folder` what it compiled, and finds it there."""
        return {}

    @abstractmethod
    def resolve_device(self, device: str | None) -> str:
        """The canonical name of `device`, or DeviceUnavailableError with the names there are."""

    @abstractmethod
    def asarray(self, x: Any, *, dtype: str | None = None) -> Array:
        """`x` (Python numbers, NumPy data or an array of this backend) as an array on `device`.

        Floating data become `self.dtype`, integers and booleans keep their kind; an explicit `dtype` wins.
        NumPy data are copied.
        """

    @abstractmethod
    def to_numpy(self, x: Array) -> Any:
        """A NumPy copy of `x`, on the host, free of any recording of derivatives."""

    @abstractmethod
    def is_floating(self, x: Array) -> bool: ...

    @abstractmethod
    def is_integer(self, x: Array) -> bool: ...

    @abstractmethod
    def is_concrete(self, x: Array) -> bool: ...

    @abstractmethod
    def erf(self, x: Array) -> Array: ...

    @abstractmethod
    def stop_gradient(self, x: Array) -> Array: ...

    def flat_vjp(self, function: Callable[[Flat], Flat], leaves: Flat) -> tuple[Flat, Callable[[Flat], Flat]]:
        """Outputs of `function` at `leaves`, and the map from cotangents of the outputs to those of the leaves.

        This is the one thing a backend has to bring for training; `vjp` and `value_and_grad` are built on it.
        """
        raise UnsupportedOperationError(f"the {self.name} backend has no gradient transform")

    def compile(
        self, function: Callable[..., Any], *, donate: Sequence[int] = (), fuse: bool = False
    ) -> Callable[..., Any]:
        """A function with the same results that may be faster.

        Args:
            function: of pytrees of arrays; its Python control flow must not depend on array values.
            donate: positions of arguments whose buffers may be reused for the results; a donated value is
                dead afterwards and must share no buffer with another argument.
            fuse: hand the whole function to the framework's compiler where that is optional (torch.compile:
                seconds at the first call); where compiling is always whole (jax.jit) it changes nothing.
        """
        _check_donate(donate)
        return function

    @property
    def judged_compiled(self) -> bool:
        """Whether the suite compiles what it takes derivatives of: what is traced is used in no other way."""
        return self.traced

    def synchronize(self) -> None:
        """Return when all work issued so far is done."""
        return

    def process_state(self) -> dict[str, Any]:
        """Settings of its framework that hold for the whole process, by name: no operation may leave one changed.

        Values are compared with ==, and this is called after every case of the suite: it has to be cheap.
        """
        return {}

    def restore_process_state(self, state: Mapping[str, Any]) -> None:
        """Set what `process_state` returned earlier; `state` holds the entries that have changed since."""
        return

    # -- what a backend gets for free ------------------------------------------------------------------

    def in_low_precision(
        self, op: Operation, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], low: Any
    ) -> Any:
        return apply(self, op, function, args, kwargs, low)

    @property
    def working_dtype(self) -> str:
        return working_dtype(self.dtype)

    @classmethod
    def implementation(cls, operation: str) -> str:
        """ "native" if the backend overrides the operation, "derived" if it runs by its definition."""
        op = cls.operations()[operation]
        function = inspect.unwrap(getattr(cls, operation))
        return "derived" if function is op.definition else "native"

    @classmethod
    def operations(cls) -> Mapping[str, Operation]:
        """Every operation by name."""
        return _operations()

    def vjp(self, function: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], Any]]:
        """Outputs of `function(*primals)` and its vector-Jacobian product.

        Args:
            function: of pytrees of floating arrays, returning one.
            *primals: its arguments.

        Returns:
            The outputs, and a function from their cotangents (same structure) to a tuple, one cotangent a primal.

        Raises:
            DTypeError: a leaf of `primals` is not floating.
            UnsupportedOperationError: the backend has no gradient transform.
        """
        leaves, tree = _flatten(primals)
        self._require_floating(leaves, tree)
        structure: list[optree.PyTreeSpec] = []

        def flat(values: Flat) -> Flat:
            outputs, out_tree = _flatten(function(*optree.tree_unflatten(tree, values)))
            structure.append(out_tree)
            return outputs

        outputs, pull = self.flat_vjp(flat, leaves)

        def pullback(cotangents: Any) -> Any:
            given, given_tree = _flatten(cotangents)
            if given_tree != structure[-1]:
                raise ArgumentError(f"cotangents: expected the structure {structure[-1]}, got {given_tree}")
            return optree.tree_unflatten(tree, pull(given))

        return optree.tree_unflatten(structure[-1], outputs), pullback

    def value_and_grad(
        self, function: Callable[..., Any], *, argnums: int | tuple[int, ...] = 0, has_aux: bool = False
    ) -> Callable[..., Any]:
        """A function that returns the value of `function` and its gradient.

        Args:
            function: returns a scalar of rank 0, or with `has_aux` a pair of that and any pytree.
            argnums: which positional arguments (pytrees of floating arrays) to differentiate.
            has_aux: whether `function` returns auxiliary results beside the scalar.

        Returns:
            A function of the same arguments returning `(value, gradient)`, or `((value, aux), gradient)`; the
            gradient is a tuple where `argnums` is one. Unused leaves have gradient 0.

        Raises:
            ArgumentError: `argnums` names no argument.
            DTypeError: a differentiated leaf is not floating.
            ShapeError: the value is no scalar.

        Example:
            >>> f = B.value_and_grad(lambda p: B.xp.sum(p["w"] * p["w"]))
            >>> value, gradient = f({"w": B.asarray([1.0, -2.0])})
            >>> float(value), B.to_numpy(gradient["w"]).tolist()
            (5.0, [2.0, -4.0])
        """
        numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)

        def call(*args: Any, **kwargs: Any) -> Any:
            if not all(0 <= i < len(args) for i in numbers) or len(set(numbers)) != len(numbers):
                raise ArgumentError(
                    f"argnums: expected distinct positions among {len(args)} arguments, got {argnums!r}"
                )
            leaves, tree = _flatten(tuple(args[i] for i in numbers))
            self._require_floating(leaves, tree)

            def flat(values: Flat) -> tuple[Array, Any]:
                full = list(args)
                for i, tree_of_values in zip(numbers, optree.tree_unflatten(tree, values), strict=True):
                    full[i] = tree_of_values
                result = function(*full, **kwargs)
                value, aux = result if has_aux else (result, None)
                self._require_scalar(value)
                return value, aux

            value, aux, grads = self.flat_value_and_grad(flat, leaves)
            gradient = optree.tree_unflatten(tree, grads)
            return ((value, aux) if has_aux else value), (gradient[0] if isinstance(argnums, int) else gradient)

        return call

    def flat_value_and_grad(
        self, function: Callable[[Flat], tuple[Array, Any]], leaves: Flat
    ) -> tuple[Array, Any, Flat]:
        """Value, auxiliary results and gradients of a function of a flat list; override where one pass is faster."""
        kept: list[Any] = []

        def only_value(values: Flat) -> Flat:
            value, aux = function(values)
            kept.append(optree.tree_map(lambda x: self.stop_gradient(x) if self.is_floating(x) else x, aux))
            return [value]

        (value,), pull = self.flat_vjp(only_value, leaves)
        return value, kept[-1], pull([self.xp.ones_like(value)])

    def _require_floating(self, leaves: Flat, tree: optree.PyTreeSpec) -> None:
        for path, leaf in zip(optree.treespec_paths(tree), leaves, strict=True):
            if not self.is_floating(leaf):
                where = "".join(f"[{key!r}]" for key in path)
                raise DTypeError(f"argument{where}: expected a floating array to differentiate, got {_described(leaf)}")

    def _require_scalar(self, value: Any) -> None:
        if not self.is_floating(value):
            raise DTypeError(f"value: expected a floating scalar to differentiate, got {_described(value)}")
        if tuple(value.shape) != ():
            raise ShapeError(f"value: expected a scalar of shape (), got {tuple(value.shape)}; sum or average it")


def _flatten(tree: Any) -> tuple[Flat, optree.PyTreeSpec]:
    leaves, spec = optree.tree_flatten(tree)
    return leaves, spec


def _check_donate(donate: Sequence[int]) -> None:
    if not all(isinstance(i, int) and i >= 0 for i in donate):
        raise ArgumentError(f"donate: expected positions of arguments, got {donate!r}")
