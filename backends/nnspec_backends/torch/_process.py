"""PyTorch's settings for the whole process: read to see that no operation leaves one changed, and put back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

__all__ = ["process_state", "restore_process_state"]


def _generator_state() -> bytes:
    return torch.default_generator.get_state().numpy().tobytes()


def _set_generator_state(state: bytes) -> None:
    torch.default_generator.set_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))


def _deterministic() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _attribute(owner: Any, name: str) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    return lambda: getattr(owner, name), lambda value: setattr(owner, name, value)


_CUDNN: Any = torch.backends.cudnn
_MKLDNN: Any = torch.backends.mkldnn
#: how each is read, and how it is set
_SETTINGS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "gradient mode": (torch.is_grad_enabled, torch.set_grad_enabled),
    "threads": (torch.get_num_threads, torch.set_num_threads),
    "deterministic algorithms": (_deterministic, lambda s: torch.use_deterministic_algorithms(s[0], warn_only=s[1])),
    # the newer of two ways to say it: where the user has said either, reading the older one raises
    "precision of matmul": _attribute(torch.backends.cuda.matmul, "fp32_precision"),
    "precision of convolution": _attribute(_CUDNN.conv, "fp32_precision"),
    "precision of recurrent layers": _attribute(_CUDNN.rnn, "fp32_precision"),
    "precision of matmul on the CPU": _attribute(_MKLDNN.matmul, "fp32_precision"),
    "cuDNN enabled": _attribute(_CUDNN, "enabled"),
    "cuDNN benchmark": _attribute(_CUDNN, "benchmark"),
    "cuDNN deterministic": _attribute(_CUDNN, "deterministic"),
    "anomaly detection": (torch.is_anomaly_enabled, torch.set_anomaly_enabled),
    "autocast on the CPU": (
        lambda: torch.is_autocast_enabled("cpu"),
        lambda on: torch.set_autocast_enabled("cpu", on),
    ),
    "autocast on CUDA": (
        lambda: torch.is_autocast_enabled("cuda"),
        lambda on: torch.set_autocast_enabled("cuda", on),
    ),
    "state of the random generator": (_generator_state, _set_generator_state),
}


def process_state() -> dict[str, Any]:
    """Every setting by name."""
    return {name: read() for name, (read, _) in _SETTINGS.items()}


def restore_process_state(state: Mapping[str, Any]) -> None:
    """Set those given."""
    for name, value in state.items():
        _SETTINGS[name][1](value)
