"""The commands of the core: `nnspec backends`, `nnspec spec` and `nnspec trace`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from nnspec._specification import JSON, echo_json, spec, trace
from nnspec.backend import PROFILES
from nnspec.plugins import BackendInfo, backend_class, list_backends

__all__ = ["COMMANDS"]

# -- nnspec backends -----------------------------------------------------------------------------------


def _backend_record(info: BackendInfo) -> dict[str, Any]:
    record: dict[str, Any] = {
        "name": info.name,
        "unavailable": info.unavailable,
        "versions": {},
        "devices": [],
        "dtypes": [],
        "profiles": [],
    }
    if info.unavailable is not None:
        return record
    try:
        cls = backend_class(info.name)
        devices = list(cls.devices())
    except Exception as error:  # a broken framework must not hide the other backends
        why = str(error).removeprefix(f"backend: {info.name!r} is unavailable: ") or repr(error)
        return record | {"unavailable": " ".join(why.split())}
    profiles = [p for p in PROFILES if p in cls.profiles]
    return record | {
        "versions": cls.versions(),
        "devices": devices,
        "dtypes": list(cls.dtypes),
        "profiles": profiles,
    }


def _print_backends(records: Iterable[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)
    table.add_column("backend", style="bold", no_wrap=True)
    for title in ("versions", "devices", "dtypes"):
        table.add_column(title, no_wrap=True)
    table.add_column("claimed profiles")
    unavailable = []
    for record in records:
        if record["unavailable"] is not None:
            unavailable.append(f"{record['name']} is unavailable: {record['unavailable']}")
            continue
        versions = (f"{package} {version}" for package, version in record["versions"].items())
        cells = ("\n".join(lines) for lines in (versions, record["devices"], record["dtypes"]))
        table.add_row(record["name"], *cells, ", ".join(record["profiles"]))
    if table.row_count:
        console.print(table)
    for line in unavailable:
        click.echo(line)  # whole, so that the pip command can be copied


@click.command()
@JSON
def backends(as_json: bool) -> None:
    """List the backends there are.

    With versions, devices, dtypes and claimed profiles; for an unavailable one, why, and the command that
    brings it.

    \b
    Example:
        nnspec backends --json
    """
    records = [_backend_record(info) for info in list_backends()]
    if as_json:
        echo_json(records)
    else:
        _print_backends(records)


COMMANDS: dict[str, click.Command] = {"backends": backends, "spec": spec, "trace": trace}
