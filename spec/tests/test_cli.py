"""The command line: what it prints, and that every mistake is one line."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pluggy
import pytest
from click.testing import CliRunner, Result

from nnspec import (
    SPEC_VERSION,
    ArgumentError,
    Backend,
    BackendDescription,
    BackendEntry,
    MissingExtraError,
    __version__,
    _specification,
    cli,
)

Registry = Callable[..., pluggy.PluginManager]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, arguments, prog_name="nnspec")


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = f'"{sys.executable}" -W default -c "from nnspec.cli import main; main(prog_name=\'nnspec\')"'
    return subprocess.run(
        command.replace("nnspec", program, 1),
        shell=True,
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=120,
    )


def commands(*given: click.Command) -> dict[str, Callable[[], Sequence[click.Command]]]:
    return {"nnspec_commands": lambda: given}


def crash() -> Sequence[click.Command]:
    raise RuntimeError("boom")


def command(name: str, error: Exception | None = None) -> click.Command:
    def body() -> None:
        if error is not None:
            raise error
        click.echo(f"{name} ran")

    return click.command(name)(body)


# -- the group -----------------------------------------------------------------------------------------


def test_version() -> None:
    assert run("--version").output == f"nnspec {__version__} (specification {SPEC_VERSION})\n"


def test_plugins_commands_are_loaded(registry: Registry) -> None:
    registry(commands(command("conform"), command("bench")), commands(command("report")))
    assert run("report").output == "report ran\n"
    listed = run("--help").output
    assert [name for name in ("backends", "bench", "conform", "report", "spec") if f"\n  {name}" in listed] == [
        "backends",
        "bench",
        "conform",
        "report",
        "spec",
    ]


@pytest.mark.parametrize(
    "error",
    [
        ArgumentError("axis: expected an integer,\n  got 'x'"),
        MissingExtraError("conform needs pytest; run: pip install 'nnspec[conformance]'"),
    ],
    ids=lambda e: type(e).__name__,
)
def test_errors_are_one_line_on_stderr(registry: Registry, error: Exception) -> None:
    registry(commands(command("conform", error)))
    result = run("conform")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == f"nnspec: {' '.join(str(error).split())}\n"


def test_other_errors_are_not_hidden(registry: Registry) -> None:
    registry(commands(command("conform", ZeroDivisionError("a bug"))))
    assert isinstance(run("conform").exception, ZeroDivisionError)


def test_a_plugin_whose_commands_fail_is_left_out(registry: Registry) -> None:
    registry(commands(command("report")), {"nnspec_commands": crash})
    result = run("report")
    assert result.exit_code == 0
    assert result.stdout == "report ran\n"
    (line,) = result.stderr.splitlines()
    assert line.startswith("nnspec: warning: ")
    assert "boom" in line


def test_a_command_cannot_be_replaced(registry: Registry) -> None:
    registry(commands(command("spec"), command("report")), commands(command("report")))
    result = run("--help")
    assert result.stderr.count("nnspec: warning: ") == 2
    assert run("spec", "--help").output.startswith("Usage: nnspec spec [OPTIONS] [OPERATION]")


def test_usage_errors_keep_clicks_words(registry: Registry) -> None:
    registry()
    result = run("conforn")
    assert result.exit_code == 2
    assert "No such command 'conforn'" in result.stderr
    assert run("spec", "--jsn").exit_code == 2


def test_a_plugin_that_cannot_be_imported_is_a_warning(tmp_path: Path) -> None:
    """With a distribution as pip leaves it, in a process of its own."""
    info = tmp_path / "absent-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: absent\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[nnspec]\nbroken = package_that_is_absent.hooks\n")
    result = shell("nnspec spec relu --json", PYTHONPATH=str(tmp_path))
    assert result.returncode == 0
    result = shell("nnspec --help", PYTHONPATH=str(tmp_path))
    assert result.returncode == 0
    about_it = [line for line in result.stderr.splitlines() if "package_that_is_absent" in line]
    assert len(about_it) == 1
    assert about_it[0].startswith("nnspec: warning: nnspec plugin broken")
    assert "Traceback" not in result.stderr
    assert "\n  spec " in result.stdout


def test_a_mistyped_hook_disables_its_plugin_alone(registry: Registry) -> None:
    with pytest.warns(UserWarning, match="unknown hook 'nnspec_comands'"):
        registry({"nnspec_comands": lambda: []})
    assert run("backends").exit_code == 0


@pytest.mark.skipif(os.name == "nt", reason="pipes of a POSIX shell")
@pytest.mark.parametrize("what", ["spec", "spec --json", "backends"])
def test_a_closed_pipe_is_silent(what: str) -> None:
    result = shell(f"nnspec {what} | true", PYTHONWARNINGS="ignore")
    assert "Broken" not in result.stderr
    assert "Traceback" not in result.stderr


def test_every_command_has_help_with_an_example() -> None:
    ctx = click.Context(cli.main, info_name="nnspec")
    names = cli.main.list_commands(ctx)
    assert {"backends", "spec"} <= set(names)
    for name in names:
        text = run(name, "--help").output
        assert "Example" in text, name
        assert f"nnspec {name}" in text.partition("Example")[2], name


# -- nnspec spec ---------------------------------------------------------------------------------------


def test_overview_lists_every_operation_once() -> None:
    lines = run("spec").output.splitlines()
    families = [line.removesuffix(":") for line in lines if line and not line.startswith(" ")]
    names = [line.split()[0] for line in lines if line.startswith("  ")]
    operations = Backend.operations()
    assert names == list(operations)
    assert families == list(dict.fromkeys(op.family for op in operations.values()))
    (relu,) = (line for line in lines if line.startswith("  relu "))
    assert relu.endswith(operations["relu"].summary)


def test_page_of_an_operation() -> None:
    output = run("spec", "prelu").output
    assert output.startswith("prelu(x: Array, weight: Array, *, axis: int = 1) -> Array\n")
    assert "family activations, since specification 1.0" in output
    for requirement in Backend.operations()["prelu"].requirements:
        assert f"[{requirement}]" in output
    assert "\x1b" not in output


def test_page_fits_a_narrow_terminal_and_loses_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run("spec", "softplus").output
    monkeypatch.setattr(_specification, "_width", lambda: 50)
    narrow = run("spec", "softplus").output
    assert narrow.split() == whole.split()
    prose, _, example = narrow.partition("Example:")
    assert max(map(len, prose.splitlines())) <= 50
    assert example == whole.partition("Example:")[2]
    assert "    [SOFTPLUS-1] Finite for every finite x, and\n        accurate" in prose


def test_json_of_the_whole_specification() -> None:
    entries = json.loads(run("spec", "--json").output)
    assert [e["operation"] for e in entries] == list(Backend.operations())
    assert all(
        set(e) == {"operation", "family", "since", "signature", "requirements"} and e["requirements"] for e in entries
    )


def test_json_of_one_operation() -> None:
    (entry,) = json.loads(run("spec", "relu", "--json").output)
    assert entry == {
        "operation": "relu",
        "family": "activations",
        "since": "1.0",
        "signature": "relu(x: Array) -> Array",
        "requirements": {
            "RELU-1": "relu(x) is x for x > 0 and 0 for x <= 0.",
            "RELU-2": "The derivative at 0 is 0.",
            "RELU-3": "NaN propagates.",
        },
    }


@pytest.mark.parametrize("option", [[], ["--json"]])
@pytest.mark.parametrize(("name", "hint"), [("GeLuu", "gelu"), ("qqqqqqqq", "'nnspec spec' lists them")])
def test_unknown_operation(name: str, hint: str, option: list[str]) -> None:
    result = run("spec", name, *option)
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"nnspec: operation: no operation is named {name!r}")
    assert hint in line


# -- nnspec backends -----------------------------------------------------------------------------------

BACKENDS = {
    "working": BackendEntry("fake_backends:Working"),
    "absent": BackendEntry("absent.backend:Absent", ("package_that_is_absent",), 'pip install "nnspec[absent]"'),
    "broken": BackendEntry("fake_backends:NoSuchClass"),
}


@pytest.mark.usefixtures("fake_backends")
def test_backends_as_json(registry: Registry) -> None:
    registry({"nnspec_backends": lambda: BACKENDS})
    absent, broken, working = json.loads(run("backends", "--json").output)
    assert working == {
        "name": "working",
        "unavailable": None,
        "versions": {"framework": "1.2.3"},
        "devices": ["cpu", "cuda:0"],
        "all_devices": True,
        "dtypes": ["float32", "float64"],
        "profiles": ["inference", "double"],
    }
    assert absent["unavailable"] == 'package_that_is_absent not installed; run: pip install "nnspec[absent]"'
    assert "NoSuchClass" in broken["unavailable"]


@pytest.mark.usefixtures("fake_backends")
def test_backends_as_text(registry: Registry) -> None:
    registry({"nnspec_backends": lambda: BACKENDS})
    result = run("backends")
    assert result.exit_code == 0
    assert result.stdout.isascii()
    for word in ("working", "framework 1.2.3", "cuda:0", "float64", "inference, double"):
        assert word in result.stdout
    assert (
        "absent is unavailable: package_that_is_absent not installed; "
        'run: pip install "nnspec[absent]"' in result.stdout.splitlines()
    )


SAID = BackendDescription(("pluggy",), ("float32", "float64"), frozenset({"double", "inference"}))


def described(**changes: Any) -> dict[str, Callable[[], dict[str, BackendEntry]]]:
    """The working backend with a description, and one whose module is found to be absent only when imported."""
    said = replace(SAID, **changes)
    return {
        "nnspec_backends": lambda: {
            "working": BackendEntry("fake_backends:Working", description=said),
            "late": BackendEntry("package_that_is_absent.backend:Late", (), "pip install late", said),
        }
    }


def test_a_described_backend_is_listed_without_being_imported(registry: Registry) -> None:
    registry(described())  # the module of neither is there
    late, working = json.loads(run("backends", "--json").output)
    assert late == working | {"name": "late"}
    assert working == {
        "name": "working",
        "unavailable": None,
        "versions": {"pluggy": importlib.metadata.version("pluggy")},
        "devices": ["cpu"],
        "all_devices": False,
        "dtypes": ["float32", "float64"],
        "profiles": ["inference", "double"],
    }
    lines = run("backends").stdout.splitlines()
    assert lines[-1] == "? other devices are known once imported: nnspec backends late working"
    assert [line.split()[0] for line in lines if " ? " in line] == ["?", "?"]


def test_nothing_is_unknown_of_a_backend_that_has_no_other_devices(registry: Registry) -> None:
    registry(described(all_devices=True))
    assert "?" not in run("backends").stdout


@pytest.mark.usefixtures("fake_backends")
def test_named_backends_are_imported(registry: Registry) -> None:
    registry(described())
    working, late = json.loads(run("backends", "working", "late", "--json").output)
    assert working["versions"] == {"framework": "1.2.3"}
    assert (working["devices"], working["all_devices"]) == (["cpu", "cuda:0"], True)
    assert late["unavailable"] == "No module named 'package_that_is_absent'; run: pip install late"
    (by_path,) = json.loads(run("backends", "fake_backends:Working", "--json").output)
    assert by_path == working | {"name": "fake_backends:Working"}


@pytest.mark.usefixtures("fake_backends")
def test_a_backend_is_imported_where_a_distribution_it_needs_is_not_on_record(registry: Registry) -> None:
    registry(described(distributions=("pluggy", "distribution-that-is-absent")))
    late, working = json.loads(run("backends", "--json").output)
    assert working["versions"] == {"framework": "1.2.3"}
    assert "No module named" in late["unavailable"]


@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("fake_backends")
@pytest.mark.parametrize("changes", [{"dtypes": ("float32",)}, {"profiles": frozenset({"double"})}])
def test_a_description_that_is_not_that_of_the_class_is_said(registry: Registry, changes: dict[str, Any]) -> None:
    registry(described())
    assert run("backends", "working").stderr == ""
    registry(described(**changes))
    result = run("backends", "working")
    assert result.stderr.splitlines() == [
        "nnspec: warning: backend 'working' is not what its registration says: dtypes or profiles differ"
    ]
    assert "float64" in result.stdout


@pytest.mark.parametrize("name", ["numpi", "package_that_is_absent:Backend"])
def test_an_unknown_backend_is_one_line(registry: Registry, name: str) -> None:
    registry(described())
    result = run("backends", "working", name)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("nnspec: backend: ")
    assert name in line


def test_text_of_the_real_backends_fits_80_columns() -> None:
    result = shell("nnspec backends", COLUMNS="80")
    assert result.returncode == 0
    table = [line.rstrip() for line in result.stdout.splitlines() if "is unavailable" not in line]
    assert max(map(len, table)) <= 80
    assert any(line.startswith("numpy ") and "inference, training" in line for line in table)
