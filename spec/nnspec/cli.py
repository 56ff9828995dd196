"""The `nnspec` command: loads the commands of the core and of plugins, and turns errors into one line."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import click

from nnspec import SPEC_VERSION, __version__
from nnspec._commands import COMMANDS
from nnspec.errors import NnspecError
from nnspec.plugins import plugin_manager

__all__ = ["main"]


class _Failure(click.ClickException):
    """One line on stderr, and exit code 2 as for bad usage."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"nnspec: {self.message}", file=file, err=file is None)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _warn(text: str) -> None:
    click.echo(f"nnspec: warning: {' '.join(text.split())}", err=True)


@contextmanager
def _errors_in_one_line() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_args, **_kwargs: _warn(str(message))
        try:
            yield
        except NnspecError as error:
            raise _Failure(_one_line(error)) from error


def _contributed() -> dict[str, click.Command]:
    """The plugins' commands; a plugin whose hook fails is reported and left out."""
    commands: dict[str, click.Command] = {}
    manager = plugin_manager()
    for implementation in manager.hook.nnspec_commands.get_hookimpls():
        try:
            offered: Sequence[click.Command] = implementation.function()  # type: ignore[assignment]
        except Exception as error:
            _warn(f"the commands of plugin {implementation.plugin_name} cannot be loaded: {error!r}")
            continue
        for command in offered:
            name = command.name or ""
            if name in COMMANDS or name in commands:
                _warn(f"plugin {implementation.plugin_name} offers the command {name!r} again; it is not used")
            else:
                commands[name] = command
    return commands


class _Commands(click.Group):
    """The core's commands at once, the plugins' when the first of them, or the list, is asked for."""

    def _plugins(self, ctx: click.Context) -> dict[str, click.Command]:
        key = "nnspec.commands"
        if key not in ctx.meta:
            ctx.meta[key] = _contributed()
        found: dict[str, click.Command] = ctx.meta[key]
        return found

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self._plugins(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or self._plugins(ctx).get(cmd_name)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _errors_in_one_line():  # --help lists the plugins' commands while the context is made
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with _errors_in_one_line():
            return super().invoke(ctx)


@click.group(name="nnspec", cls=_Commands, commands=COMMANDS)
@click.version_option(__version__, message=f"nnspec {__version__} (specification {SPEC_VERSION})")
def main() -> None:
    """An executable specification of neural-network building blocks, and what proves that backends meet it.

    \b
    Example:
        nnspec backends
        nnspec spec layer_norm
    """
    if "" not in sys.path:  # so that a backend beside the user is found as module:Class, as with python -m
        sys.path.insert(0, "")
