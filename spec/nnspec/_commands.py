"""The commands of the core: `nnspec backends`, `nnspec spec` and `nnspec trace`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import click

from nnspec._specification import JSON, echo_json, spec, trace
from nnspec.errors import BackendNotFoundError
from nnspec.plugins import PROFILES, BackendDescription, BackendInfo, backend_class, list_backends

__all__ = ["COMMANDS"]

# -- nnspec backends -----------------------------------------------------------------------------------

#: stands for devices that there may be
_UNKNOWN = "?"


def _unavailable(name: str, why: str) -> dict[str, Any]:
    nothing: dict[str, Any] = {"versions": {}, "devices": [], "all_devices": True, "dtypes": [], "profiles": []}
    return {"name": name, "unavailable": " ".join(why.split()), **nothing}


def _available(
    name: str,
    versions: dict[str, str],
    devices: Sequence[str],
    all_devices: bool,
    said: BackendDescription | Any,
) -> dict[str, Any]:
    return {
        "name": name,
        "unavailable": None,
        "versions": versions,
        "devices": list(devices),
        "all_devices": all_devices,
        "dtypes": list(said.dtypes),
        "profiles": [p for p in PROFILES if p in said.profiles],
    }


def _imported(name: str, description: BackendDescription | None = None) -> dict[str, Any]:
    """What the class of a backend says, whose framework is imported for it."""
    try:
        cls = backend_class(name)
        devices = cls.devices()
    except BackendNotFoundError:
        raise
    except Exception as error:  # a broken framework must not hide the other backends
        return _unavailable(name, str(error).removeprefix(f"backend: {name!r} is unavailable: ") or repr(error))
    if description is not None and (description.dtypes, description.profiles) != (cls.dtypes, cls.profiles):
        warnings.warn(f"backend {name!r} is not what its registration says: dtypes or profiles differ", stacklevel=2)
    return _available(name, cls.versions(), devices, True, cls)


def _listed(info: BackendInfo) -> dict[str, Any]:
    """What is known of a backend without importing it, as far as its plugin says."""
    if info.unavailable is not None:
        return _unavailable(info.name, info.unavailable)
    said = info.entry.description
    versions = None if said is None else said.versions()
    if said is None or versions is None:
        return _imported(info.name)
    return _available(info.name, versions, said.devices, said.all_devices, said)


def _records(names: Sequence[str]) -> list[dict[str, Any]]:
    known = {info.name: info for info in list_backends()}
    if not names:
        return [_listed(info) for info in known.values()]
    return [_imported(name, known[name].entry.description if name in known else None) for name in names]


def _print_backends(records: Sequence[dict[str, Any]]) -> None:
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
        devices = record["devices"] + [_UNKNOWN] * (not record["all_devices"])
        cells = ("\n".join(lines) for lines in (versions, devices, record["dtypes"]))
        table.add_row(record["name"], *cells, ", ".join(record["profiles"]))
    if table.row_count:
        console.print(table)
    for line in unavailable:
        click.echo(line)  # whole, so that the pip command can be copied
    partly = " ".join(record["name"] for record in records if not record["all_devices"])
    if partly:
        click.echo(f"{_UNKNOWN} other devices are known once imported: nnspec backends {partly}")


@click.command()
@click.argument("names", nargs=-1, metavar="[BACKEND]...")
@JSON
def backends(names: tuple[str, ...], as_json: bool) -> None:
    """List the backends there are.

    With versions, devices, dtypes and claimed profiles; for an unavailable one, why, and the command that
    brings it. No framework is imported for it: this is what is installed, and what each backend's plugin says of
    it. BACKENDs that are named, or given as package.module:Class, are imported, and what they themselves say is
    printed, all of their devices included.

    \b
    Example:
        nnspec backends --json
        nnspec backends torch
    """
    records = _records(names)
    if as_json:
        echo_json(records)
    else:
        _print_backends(records)


COMMANDS: dict[str, click.Command] = {"backends": backends, "spec": spec, "trace": trace}
