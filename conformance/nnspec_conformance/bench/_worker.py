"""A process that runs contestants and answers over its pipes, one JSON object a line.

Each framework has a process of its own: their thread pools, and the variables that they read when they are imported,
do not meet. Messages: make, block, call, drop; see `_processes`.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
import warnings
from itertools import repeat
from typing import Any, TextIO

__all__ = ["block", "main"]

#: seconds of steps before those that count, for caches, and for threads of others that still wait actively
_BEFORE = 0.003
_made: dict[str, Any] = {}


def main() -> None:
    """Answer until the pipe is closed."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a framework prints is no answer
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        _answer(answers, json.loads(line))


def _answer(answers: TextIO, message: dict[str, Any]) -> None:
    from nnspec.errors import BackendUnavailableError, UnsupportedOperationError

    try:
        answer = {"value": _HANDLERS[message.pop("do")](**message)}
    except ModuleNotFoundError as error:
        answer = {"skip": f'{error.name} is not installed; run: pip install "nnspec[bench]"'}
    except (NotImplementedError, UnsupportedOperationError, BackendUnavailableError) as error:
        answer = {"skip": f"{error}" or type(error).__name__}
    except Exception as error:
        traceback.print_exc()
        answer = {"error": f"{type(error).__name__}: {error}"}
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _settle(threads: int, framework: str) -> None:
    """What has to be said to a framework, beside the variables of the environment."""
    if framework in ("torch", "keras on torch"):
        import torch

        torch.set_num_threads(threads)


def _make(name: str, maker: str, options: dict[str, Any]) -> None:
    """What `maker`, "module:function", makes of the options is known by this name from now on."""
    _made[name] = _run(maker, options)


def _call(name: str, method: str, options: dict[str, Any]) -> Any:
    return getattr(_made[name], method)(**options)


def _drop(name: str) -> None:
    _made.pop(name, None)


def block(trainer: Any, steps: int) -> float:
    """Seconds of so many steps, from rest to rest."""
    begun = time.perf_counter()
    while True:
        trainer.step()
        trainer.wait()  # a step that is only asked for takes no time: hundreds of slow ones would be waited for
        if time.perf_counter() - begun >= _BEFORE:
            break
    if getattr(trainer, "on_cuda", False):
        return _by_events(trainer, steps)
    step = trainer.step
    begun = time.perf_counter()
    for _ in repeat(None, steps):
        step()
    trainer.wait()
    return time.perf_counter() - begun


def _by_events(trainer: Any, steps: int) -> float:
    """By the clock of the device, in the stream that the steps are in."""
    import torch

    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    begin.record()
    for _ in repeat(None, steps):
        trainer.step()
    end.record()
    end.synchronize()
    return float(begin.elapsed_time(end)) / 1e3


def _run(function: str, options: dict[str, Any]) -> Any:
    """What a function returns, "module:function"."""
    module, _, name = function.partition(":")
    return getattr(importlib.import_module(module), name)(**options)


_HANDLERS: dict[str, Any] = {
    "settle": _settle,
    "make": _make,
    "block": lambda name, steps: block(_made[name], steps),
    "call": _call,
    "drop": _drop,
    "run": _run,
}

if __name__ == "__main__":
    main()
