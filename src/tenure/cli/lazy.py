"""Command groups whose modules are imported only when one of their commands is called."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from tenure.cli.exits import Exit, abandon_stdout, code_of, talk, tell
from tenure.domain.errors import TenureError
from tenure.telemetry.text import one_line

if TYPE_CHECKING:
    from typer.core import MarkupMode

PLAIN: MarkupMode = None
"""Help and usage errors as plain text: nothing to import, and the same in a terminal and a log."""


def make_app(**options: Any) -> typer.Typer:
    """A Typer app with the manners of this command line."""
    manners: dict[str, Any] = {
        "rich_markup_mode": PLAIN,
        "pretty_exceptions_enable": False,
        "no_args_is_help": True,
        "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 100},
    }
    return typer.Typer(**(manners | options))


class LazyGroup(TyperGroup):
    """A group that knows its commands by name, help and `module:attribute`.

    The attribute is a Typer app or a plain function. Every error of a command ends here, as one
    line on stderr and an exit code.
    """

    targets: Mapping[str, tuple[str, str]] = {}
    """Command name to (`module:attribute`, help)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name, (_, text) in self.targets.items():
            self.add_command(TyperCommand(name, help=text, rich_markup_mode=PLAIN))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As TyperGroup, with the placeholder replaced by the real command."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name in self.targets:
            command = _load(name, self.targets[name][0])
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:
        """As TyperGroup. Raises typer.Exit for every error of a command."""
        try:
            return super().invoke(ctx)
        except TenureError as error:
            tell(error)
            code = code_of(error)
        except KeyboardInterrupt:
            talk("interrupted")
            code = Exit.INTERRUPTED
        except BrokenPipeError:
            abandon_stdout()
            code = Exit.OK
        except (typer.Exit, typer.Abort, typer.TyperException):
            raise
        except Exception as error:
            _confess(error)
            code = Exit.ERROR
        raise typer.Exit(code)


def _confess(error: Exception) -> None:
    """A fault of ours, in one line; with its traceback for those who ask for it."""
    if os.environ.get("TENURE_LOG_LEVEL", "").lower() in ("debug", "trace"):
        talk("".join(traceback.format_exception(error)).rstrip())
    text = traceback.format_exception_only(error)[-1].splitlines()[0]
    talk(f"error: {one_line(text)} (TENURE_LOG_LEVEL=debug shows where)")


def _load(name: str, target: str) -> Any:
    module, _, attribute = target.partition(":")
    command: typer.Typer | Callable[..., None] = getattr(import_module(module), attribute)
    if not isinstance(command, typer.Typer):
        app = make_app(add_completion=False)
        app.command(name, no_args_is_help=False)(command)
        command = app
    loaded = typer.main.get_command(command)
    loaded.name = name
    return loaded
