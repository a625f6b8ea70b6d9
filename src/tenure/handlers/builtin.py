"""Which handlers a worker offers: its targets, the built-in ones as set, and the plugins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from loguru import logger

from tenure.handlers.echo import echo
from tenure.handlers.http import http_handler
from tenure.handlers.sample import sample
from tenure.handlers.script import python_handler
from tenure.handlers.shell import shell
from tenure.settings import Settings
from tenure.worker.registry import Registry, marks_of
from tenure.worker.targets import load_plugins, load_targets


def build_registry(
    settings: Settings, targets: Sequence[str] = (), *, plugins: bool = True
) -> Registry:
    """The handlers of `targets`, then `python` and `shell` if `settings` allow scripts, then with
    `plugins` the built-in ones and those of installed packages; the first to take a type has it.

    A plugin that cannot be loaded is named in the log. Raises ConfigurationError for a target.
    """
    registry = Registry()
    load_targets(registry, targets)
    if settings.allow_scripts:
        _add(registry, [python_handler(settings.script_python), shell])
    if plugins:
        _add(registry, [echo, sample, http_handler(settings.http_allow)])
        for name, why in load_plugins(registry).items():
            logger.bind(plugin=name, error=why).warning("A handler plugin cannot be loaded")
    return registry


def _add(registry: Registry, functions: Iterable[Callable[..., Any]]) -> None:
    for function in functions:
        if all(registry.get(mark.name) is None for mark in marks_of(function)):
            registry.add(function, source="built in")
