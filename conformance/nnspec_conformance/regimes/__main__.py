"""`python -m nnspec_conformance.regimes [OPERATION ...]`: find anew what the generators derive, and freeze it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from nnspec import Backend
from nnspec_conformance.regimes import FROZEN
from nnspec_conformance.regimes._freeze import Search, found


def main(operations: Sequence[str]) -> None:
    """Replace what is frozen of some operations, by default of all."""
    frozen = json.loads(FROZEN.read_text(encoding="utf-8")) if operations and FROZEN.exists() else {}
    rows = {row["id"]: row for row in frozen.get("derived", []) if row["id"].partition("/")[0] not in operations}
    kept = {kind: frozen.get(kind, {}) for kind in ("by hand", "makes no sense")}
    for operation, search in _searched(operations or tuple(Backend.operations())):
        print(operation, file=sys.stderr)
        rows |= {row["id"]: row for row in search.derived}
        kept["by hand"][operation], kept["makes no sense"][operation] = search.by_hand, search.senseless
        for finding in search.findings:
            print(f"  {finding}", file=sys.stderr)
    write(rows, kept)


def write(rows: dict[str, dict[str, Any]], kept: dict[str, Any]) -> None:
    """The file, a line a case."""
    order = {name: place for place, name in enumerate(Backend.operations())}
    derived = sorted(rows.values(), key=lambda row: (order[row["id"].partition("/")[0]], row["change"]["base"]))
    lines = ",\n".join(json.dumps(row) for row in derived)
    rest = "".join(f',\n"{kind}": {json.dumps(table, indent=0, sort_keys=True)}' for kind, table in kept.items())
    FROZEN.write_text(f'{{"derived": [\n{lines}\n]{rest}}}\n', encoding="utf-8")


def _searched(operations: Sequence[str]) -> Iterator[tuple[str, Search]]:
    """By as many processes as there are cores."""
    with ProcessPoolExecutor() as pool:
        yield from zip(operations, pool.map(found, operations), strict=True)


if __name__ == "__main__":
    main(sys.argv[1:])
