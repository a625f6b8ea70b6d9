"""Finding handlers: `pkg.mod`, `pkg.mod:attr`, `path/file.py`, installed entry points."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from tenure.domain.errors import ConfigurationError
from tenure.worker.registry import Registry, marks_of

GROUP = "tenure.handlers"


def load_targets(registry: Registry, targets: Sequence[str]) -> None:
    """Add the handlers of every target. The working directory is importable, as with `python -m`.

    Raises ConfigurationError that names the target, also when importing it fails.
    """
    here = str(Path.cwd())
    if targets and here not in sys.path:
        sys.path.insert(0, here)
    for target in targets:
        _load(registry, target)


def load_plugins(registry: Registry) -> dict[str, str]:
    """Add the installed entry points whose types no explicit target has taken.

    Returns entry point name to what went wrong, for those that could not be loaded: one broken
    plugin does not keep a worker from starting.
    """
    failed: dict[str, str] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name):
        try:
            thing = entry.load()
            marks = marks_of(thing)
            if not marks:
                raise ConfigurationError(f"{entry.value} is not decorated with @handler")
            if all(registry.get(mark.name) is None for mark in marks):
                registry.add(thing, source=f"entry point {entry.name}")
        except Exception as error:  # a plugin may raise anything when it is imported
            failed[entry.name] = f"{type(error).__name__}: {error}"
    return failed


def load_file(path: Path) -> ModuleType:
    """The module of one file, imported once per process under a name made from its path.

    Raises whatever the file raises. Its directory becomes importable for its neighbours.
    """
    path = path.resolve()
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:8]
    name = f"tenure_file_{path.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{path} is not a Python file")
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs: pydantic and dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def watched_files(targets: Sequence[str]) -> list[Path]:
    """The files whose change should restart a worker: those of the targets' modules."""
    found = []
    for target in targets:
        if _is_path(target):
            found.append(Path(target).resolve())
            continue
        spec = importlib.util.find_spec(target.partition(":")[0])
        if spec is not None and spec.origin not in (None, "built-in", "frozen"):
            found.append(Path(str(spec.origin)))
    return found


def _load(registry: Registry, target: str) -> None:
    file = Path(target).resolve() if _is_path(target) else None
    module_name, _, attribute = target.partition(":")
    try:
        if file is not None:
            if not file.is_file():
                raise ConfigurationError(f"target {target}: there is no such file")
            module = load_file(file)
        else:
            module = importlib.import_module(module_name)
    except ConfigurationError:
        raise
    except Exception as error:
        raise ConfigurationError(f"target {target}: {type(error).__name__}: {error}") from error
    if file is None and attribute:
        _add_attribute(registry, module, attribute, target)
    elif not registry.scan(module, file=file, source=target):
        raise ConfigurationError(f"target {target}: no function there is decorated with @handler")


def _add_attribute(registry: Registry, module: ModuleType, attribute: str, target: str) -> None:
    thing = getattr(module, attribute, None)
    if thing is None:
        raise ConfigurationError(f"target {target}: the module has no {attribute}")
    registry.add(thing, source=target)


def _is_path(target: str) -> bool:
    return target.endswith(".py") or "/" in target
