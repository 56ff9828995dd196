"""Peak memory of training and of inference, and how it grows with the batch and with the depth of a model.

Every size has a process of its own, since what a process once held it may keep.
"""

from __future__ import annotations

import contextlib
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from nnspec.errors import ArgumentError
from nnspec.results import Bench
from nnspec_conformance.bench._growth import exponent
from nnspec_conformance.bench._measured import Measured
from nnspec_conformance.bench._processes import Process, Processes

__all__ = ["chosen_stacks", "measure_memory", "peak_of"]

_PEAK = "nnspec_conformance.bench._memory:peak_of"
_WIDTH, _BATCH, _DEPTH = 256, 8192, 8
#: what grows -> the sizes (batch, depth)
_SIZES: Mapping[str, Sequence[tuple[int, int]]] = {
    "batch": [(_BATCH * n // 4, _DEPTH) for n in (1, 2, 4, 8)],
    "depth": [(_BATCH, _DEPTH * n // 4) for n in (1, 2, 4, 8)],
}
#: exponents: what is kept for the backward pass grows with both, and inference keeps nothing of a layer it has left
_BOUNDS = {
    ("batch", "training"): 1.15,
    ("depth", "training"): 1.15,
    ("batch", "inference"): 1.15,
    ("depth", "inference"): 0.35,
}


def chosen_stacks(only: str | None) -> list[str]:
    """What grows, by a pattern: batch, depth.

    Raises:
        ArgumentError: it is neither.
    """
    found = [name for name in _SIZES if only is None or fnmatchcase(name, only)]
    if not found:
        raise ArgumentError(f"only: {only!r} is neither batch nor depth, which memory is measured over")
    return found


def peak_of(backend: str, device: str, batch: int, depth: int, training: bool) -> float:
    """Bytes that a training step, or a forward pass, of a stack of layers takes beyond its parameters."""
    import nnspec

    B = nnspec.get_backend(backend, device=device)
    rng = np.random.default_rng(0)
    scale = (2.0 / _WIDTH) ** 0.5
    params = [B.asarray(scale * rng.standard_normal((_WIDTH, _WIDTH))) for _ in range(depth)]
    x = B.asarray(rng.standard_normal((batch, _WIDTH), dtype=np.float32))

    def forward(params: Any, x: Any) -> Any:
        for weight in params:
            x = B.relu(B.linear(x, weight))
        return B.xp.sum(x * x)

    run = B.compile(B.value_and_grad(forward) if training else forward)
    small = x[:8]  # libraries have done what they do once
    B.to_numpy(B.compile(forward)(params, small))
    if training:
        B.value_and_grad(forward)(params, small)
    if B.name == "torch" and B.device.startswith("cuda"):
        return _on_cuda(lambda: run(params, x))
    _reset_peak()
    before = _peak()
    result = run(params, x)
    B.to_numpy(result[0] if training else result)
    B.synchronize()
    return max(1.0, _peak() - before)


def _on_cuda(run: Callable[[], Any]) -> float:
    import torch

    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    run()
    torch.cuda.synchronize()
    return float(torch.cuda.max_memory_allocated() - before)


def _reset_peak() -> None:
    """Where the system offers it; elsewhere the peak so far is what counts from."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> float:
    """The most memory that this process has held, in bytes."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit


def measure_memory(
    processes: Processes,
    backends: Mapping[str, str],
    *,
    devices: Mapping[str, str],
    stacks: Sequence[str],
    rounds: int,
    measured: Measured,
    done: Callable[[], None] = lambda: None,
) -> None:
    """The exponents of both peaks over what grows, and the ratio of the peaks at the largest size.

    A peak is no matter of chance as a time is: each is measured once, whatever `rounds` says.
    """
    for given, framework in backends.items():
        for stack in stacks:
            with measured.attempting(f"memory of {given} over {stack}"):
                measured.record(_measured(processes, given, framework, devices[framework], stack))
            done()


def _measured(processes: Processes, given: str, framework: str, device: str, stack: str) -> list[Bench]:
    common: dict[str, Any] = {"what": "memory", "backend": given, "device": device, "threads": processes.threads}
    peaks: dict[str, list[float]] = {"inference": [], "training": []}
    for batch, depth in _SIZES[stack]:
        for mode, series in peaks.items():
            options = {
                "backend": given,
                "device": device,
                "batch": batch,
                "depth": depth,
                "training": mode == "training",
            }
            process = Process(framework, processes.threads, processes.patience)
            try:
                series.append(float(process.ask("run", function=_PEAK, options=options)))
            finally:
                process.close()
    grown = [batch if stack == "batch" else depth for batch, depth in _SIZES[stack]]
    records = []
    for mode, series in peaks.items():
        fitted, bound = exponent(grown, series), _BOUNDS[stack, mode]
        text = f"bytes at {', '.join(map(str, grown))}: {', '.join(f'{v:.3g}' for v in series)}"
        records.append(
            Bench(
                **common,
                case=f"{stack}/{mode}",
                quantity="exponent",
                value=fitted,
                bound=bound,
                met=fitted <= bound,
                message=text,
            )
        )
    inference, training = peaks["inference"][-1], peaks["training"][-1]
    records.append(
        Bench(
            **common,
            case=f"{stack}/training over inference",
            quantity="bytes",
            against="inference",
            value=training,
            reference=inference,
            ratio=training / inference,
        )
    )
    return records
