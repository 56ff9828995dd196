"""What belongs to the whole process and no operation may leave changed: compared after every case, and put back."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import locale
import os
import random
import signal
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnspec import Backend

__all__ = ["ProcessState"]


@dataclass(frozen=True)
class _Setting:
    """One thing that the process has once."""

    #: something cheap that differs where it was changed
    read: Callable[[], Any]
    #: takes what `keep` returned
    restore: Callable[[Any], object]
    #: everything that is needed to put it back; None where that is what was read
    keep: Callable[[], Any] | None = None
    #: words for what was read
    told: Callable[[Any], str] = repr


# -- the settings --------------------------------------------------------------------------------------------


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return "(deleted)"


def _environment() -> dict[Any, Any]:
    """As bytes where the platform has them so: decoding every entry would cost more than all else here."""
    entries: Any = getattr(os.environ, "_data", os.environ)
    return dict(entries)


def _set_environment(wanted: dict[Any, Any]) -> None:
    entries: Any = getattr(os.environ, "_data", None)
    there, texts = os.environ, wanted
    if entries is not None and wanted and isinstance(next(iter(wanted)), bytes):
        texts = {os.fsdecode(k): os.fsdecode(v) for k, v in wanted.items()}
    for name in [name for name in there if name not in texts]:
        del there[name]
    there.update({name: value for name, value in texts.items() if there.get(name) != value})


def _set_filters(filters: tuple[Any, ...]) -> None:
    warnings.filters[:] = filters  # type: ignore[index]
    with warnings.catch_warnings():  # leaving it makes Python forget which warnings it has seen
        pass


#: SIGALRM belongs to pytest-timeout
_SIGNALS = (signal.SIGINT,)


def _handlers() -> tuple[Any, ...]:
    return tuple(map(signal.getsignal, _SIGNALS))


def _set_handlers(handlers: tuple[Any, ...]) -> None:
    for number, handler in zip(_SIGNALS, handlers, strict=True):
        if handler is not None:  # not Python's: it cannot be named
            signal.signal(number, handler)


_TINY, _HALF, _ONE, _SMALL = sys.float_info.min, 0.5, 1.0, 1e-30


def _arithmetic() -> tuple[bool, str]:
    """Whether subnormal numbers are kept, and how is rounded: what a library built for speed may change for all."""
    up, down = _ONE + _SMALL > _ONE, -_ONE - _SMALL < -_ONE
    toward_zero = _ONE - _SMALL < _ONE and not down
    return _TINY * _HALF > 0, "up" if up else "down" if down else "toward zero" if toward_zero else "to nearest"


def _set_arithmetic(_: Any) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).fesetenv(ctypes.c_void_p(-1))  # FE_DFL_ENV of glibc and musl


def _told_arithmetic(value: tuple[bool, str]) -> str:
    return f"subnormal numbers {'kept' if value[0] else 'flushed to 0'}, rounding {value[1]}"


def _drawn() -> tuple[Any, ...]:
    """Where Python's generator is: drawing moves its position, 624 draws or a seed change all words."""
    _, words, gauss = random.getstate()
    return words[-1], words[0], words[1], gauss


def _set_collector(kept: tuple[bool, tuple[int, int, int]]) -> None:
    (gc.enable if kept[0] else gc.disable)()
    gc.set_threshold(*kept[1])


#: NumPy's types leave some of its functions out
_LEGACY: Any = np.random


def _numpy_generator() -> tuple[int, Any]:
    """The bit generator behind np.random, and its words as they are in memory."""
    generator = _LEGACY.get_bit_generator()
    if not isinstance(generator, np.random.MT19937):
        return id(generator), repr(generator.state)
    return id(generator), ctypes.string_at(generator.ctypes.state_address, 4 * 625)


def _keep_numpy_generator() -> tuple[Any, Any]:
    return _LEGACY.get_bit_generator(), _LEGACY.get_state(legacy=False)


def _set_numpy_generator(kept: tuple[Any, Any]) -> None:
    _LEGACY.set_bit_generator(kept[0])
    _LEGACY.set_state(kept[1])


_FILTERS = "the warning filters"
_SETTINGS: Mapping[str, _Setting] = {
    "NumPy's error handling": _Setting(np.geterr, lambda kept: np.seterr(**kept)),
    "NumPy's error callback": _Setting(np.geterrcall, np.seterrcall),
    "NumPy's print options": _Setting(np.get_printoptions, lambda kept: np.set_printoptions(**kept)),
    "NumPy's buffer size": _Setting(np.getbufsize, np.setbufsize),
    "floating-point arithmetic": _Setting(_arithmetic, _set_arithmetic, told=_told_arithmetic),
    _FILTERS: _Setting(lambda: tuple(warnings.filters), _set_filters),
    "the current folder": _Setting(_folder, os.chdir),
    "os.environ": _Setting(_environment, _set_environment),
    "the recursion limit": _Setting(sys.getrecursionlimit, sys.setrecursionlimit),
    "the locale": _Setting(lambda: locale.setlocale(locale.LC_ALL), lambda kept: locale.setlocale(locale.LC_ALL, kept)),
    "the garbage collector": _Setting(
        lambda: (gc.isenabled(), gc.get_threshold()),
        _set_collector,
    ),
}
#: they take longer to read, so that what happens to them between two cases is not looked for
_SLOW: Mapping[str, _Setting] = {
    "the signal handlers": _Setting(_handlers, _set_handlers),
    "the state of Python's random": _Setting(_drawn, random.setstate, random.getstate),
    "the state of np.random": _Setting(_numpy_generator, _set_numpy_generator, _keep_numpy_generator),
}


# -- what changed --------------------------------------------------------------------------------------------


class ProcessState:
    """The state before the case that runs; what the suite itself does between two cases is no case's."""

    def __init__(self) -> None:
        self._modules = 0
        self._before: dict[str, Any] = {}
        self._slow: dict[str, tuple[Any, Any]] = {}
        self._framework: Mapping[str, Any] = {}

    def begin(self, backend: Backend) -> None:
        """A case of the backend begins."""
        self._modules = len(sys.modules)
        self._before = {name: setting.read() for name, setting in _SETTINGS.items()}
        for name, setting in _SLOW.items():
            now = setting.read()
            if name not in self._slow or self._slow[name][0] != now:  # what happens between two cases is nobody's fault
                self._slow[name] = (now, setting.keep and setting.keep())
        self._framework = backend.process_state()

    def forget(self) -> None:
        """What is rarely read is read anew: something beside the suite runs between two cases."""
        self._slow = {}

    def changes(self, backend: Backend) -> list[str]:
        """What the case has left changed, in words; it is as it was afterwards."""
        found = []
        for name, setting in _SETTINGS.items():
            before, now = self._before[name], setting.read()
            if now != before:
                _restore(setting.restore, before)
                if not (name == _FILTERS and len(sys.modules) != self._modules):  # modules add some when imported
                    found.append(_told(name, before, now, setting.told))
        changed = [name for name, setting in _SLOW.items() if setting.read() != self._slow[name][0]]
        for name in changed:
            found.append(f"{name} changed")
            before, kept = self._slow[name]
            _restore(_SLOW[name].restore, before if kept is None else kept)
        if changed:
            self._slow = {}
        return found + self._of_framework(backend)

    def _of_framework(self, backend: Backend) -> list[str]:
        now = backend.process_state()
        if now == self._framework:
            return []
        changed = {name: value for name, value in self._framework.items() if now.get(name) != value}
        _restore(backend.restore_process_state, changed)
        return [_told(f"{backend.name}: {n}", before, now.get(n), repr) for n, before in changed.items()]


def _restore(restore: Callable[[Any], object], value: Any) -> None:
    """Where it cannot be put back, the next case finds it changed already and is not blamed."""
    with contextlib.suppress(Exception):
        restore(value)


def _told(name: str, before: Any, now: Any, told: Callable[[Any], str]) -> str:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        entries = sorted((k for k in {*before, *now} if before.get(k) != now.get(k)), key=str)
        key = entries[0]
        inner = os.fsdecode(key) if isinstance(key, bytes) else str(key)
        return f"{name}: {inner} changed from {_short(before.get(key))} to {_short(now.get(key))}"
    words = [told(before), told(now)]
    if max(map(len, words)) > 80:
        return f"{name} changed"
    return f"{name} changed from {words[0]} to {words[1]}"


def _short(value: Any) -> str:
    text = "unset" if value is None else repr(os.fsdecode(value) if isinstance(value, bytes) else value)
    return text if len(text) <= 60 else f"{text[:57]}..."
