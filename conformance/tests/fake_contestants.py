"""Contestants that do what the environment says of them, for tests of `nnspec bench`: `FAKES` has a JSON object."""

from __future__ import annotations

import json
import os
import time
from typing import Any

#: what PyTorch raises where it cannot compile
LONG = """backend='inductor' raised:
NotImplementedError: Cannot access storage

Set TORCHDYNAMO_VERBOSE=1 for the internal stack trace (please do this especially if you're reporting a bug to PyTorch).
"""


class Fake:
    """Trains, or dies, hangs, or fails: in its first losses ("losses") or when it is timed ("block")."""

    def __init__(self, name: str, moved: int) -> None:
        self.when, _, self.how = json.loads(os.environ["FAKES"]).get(name, "").partition(" ")
        self.moved = moved

    def step(self) -> None:
        self._do("block")

    def wait(self) -> None:
        """Nothing is left to do."""

    def losses(self, count: int) -> list[float]:
        self._do("losses")
        off = 0.1 if self.how == "differs" else 1e-7 * self.moved
        return [2.0 + off] * count

    def _do(self, when: str) -> None:
        if when != self.when:
            return
        if self.how == "dies":
            os._exit(3)
        if self.how == "hangs":
            time.sleep(60.0)
        if self.how == "raises":
            raise RuntimeError(LONG)


def make(contestant: str, model: str, moved: int = 0, **_: Any) -> Fake:
    return Fake(contestant, moved)
