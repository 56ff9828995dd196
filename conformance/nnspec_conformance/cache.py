"""A cache on disk: what is expensive to compute and follows from its key alone, shared by runs and their workers.

Nothing in it is trusted: an entry that was cut short, changed, or made under another key counts as absent, and a file
that is no cache any more is made anew. NNSPEC_CACHE names another folder for it, or is "off".
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import sqlite3
import zlib
from pathlib import Path

import ml_dtypes
import numpy as np
import platformdirs
import scipy

import nnspec

__all__ = ["VARIABLE", "Cache", "compiled_folder", "folder", "opened"]

#: the environment variable that names the folder
VARIABLE = "NNSPEC_CACHE"
#: bytes the file may hold before its oldest entries go
_BOUND = 1 << 30
_TABLE = "CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, digest BLOB, payload BLOB) STRICT"


def folder() -> Path | None:
    """Where the cache is; None where it is switched off."""
    given = os.environ.get(VARIABLE, "")
    if given == "off":
        return None
    return Path(given) if given else Path(platformdirs.user_cache_dir("nnspec"))


@functools.cache
def opened() -> Cache | None:
    """This process's cache; None where it is switched off or cannot be written."""
    where = folder()
    if where is None:
        return None
    try:
        where.mkdir(parents=True, exist_ok=True)
        return Cache(where / "references.sqlite")
    except (OSError, sqlite3.Error):
        return None


def compiled_folder(backend: str) -> Path | None:
    """Where a backend keeps what it compiled, the oldest files deleted if there is too much; None if switched off."""
    where = folder()
    if where is None:
        return None
    found = where / "compiled" / backend.replace(":", ".")
    files = sorted((f for f in found.rglob("*") if f.is_file()), key=lambda f: f.stat().st_mtime)
    excess = sum(f.stat().st_size for f in files) - _BOUND
    for file in files if excess > 0 else ():
        excess -= file.stat().st_size
        file.unlink(missing_ok=True)
        if excess < -_BOUND // 2:
            break
    return found


class Cache:
    """Bytes by key, in one SQLite file.

    Args:
        path: of the file, made where there is none.
        bound: how many bytes it may hold.
    """

    def __init__(self, path: Path, bound: int = _BOUND) -> None:
        self._path = path
        try:
            self._connection = self._connected()
        except sqlite3.DatabaseError:  # another file, or a broken one
            path.unlink()
            self._connection = self._connected()
        self._shrink(bound)

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")  # a loss is noticed, and costs a computation
        connection.execute(_TABLE)
        return connection

    def _shrink(self, bound: int) -> None:
        """Delete the oldest half while it is too large."""
        while self.size > bound:
            (count,) = self._connection.execute("SELECT count(*) FROM entries").fetchone()
            oldest = "SELECT rowid FROM entries ORDER BY rowid LIMIT ?"
            self._connection.execute(f"DELETE FROM entries WHERE rowid IN ({oldest})", (count // 2 + 1,))
            self._connection.execute("VACUUM")

    @property
    def size(self) -> int:
        """Bytes of its entries."""
        (total,) = self._connection.execute("SELECT total(length(payload)) FROM entries").fetchone()
        return int(total)

    def get(self, key: str) -> bytes | None:
        """What was put there under this key, whole and unchanged; else None."""
        try:
            row = self._connection.execute(
                "SELECT digest, payload FROM entries WHERE key = ?", (_full(key),)
            ).fetchone()
            if row is None or row[0] != _seal(key, row[1]):
                return None
            return zlib.decompress(row[1])
        except (sqlite3.Error, zlib.error):
            return None

    def put(self, key: str, payload: bytes) -> None:
        """Keep bytes; where that fails they are computed again next time."""
        packed = zlib.compress(payload, 1)
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute(
                "INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", (_full(key), _seal(key, packed), packed)
            )


def _full(key: str) -> str:
    return f"{_circumstances()}/{key}"


def _seal(key: str, packed: bytes) -> bytes:
    return hashlib.sha256(_full(key).encode() + b"\n" + packed).digest()


@functools.cache
def _circumstances() -> str:
    """Hash of all else that a reference depends on: the texts of the specification and the suite, and the platform."""
    state = hashlib.sha256()
    for root in (Path(nnspec.__file__).parent, Path(__file__).parent):
        for file in sorted(f for f in root.rglob("*") if f.suffix in (".py", ".json")):
            state.update(f"{file.relative_to(root)}\n".encode() + file.read_bytes())
    wide = np.finfo(np.longdouble)
    versions = (np.__version__, scipy.__version__, ml_dtypes.__version__, platform.python_version())
    state.update(repr((platform.system(), platform.machine(), wide.nmant, wide.maxexp, versions)).encode())
    return state.hexdigest()[:24]
