"""How the results are shown."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from rich.console import Console
from rich.table import Table

from tenure.cli.benchmark import machine
from tenure.cli.benchmark.figures import FIGURES, Results, shown
from tenure.cli.benchmark.runner import Options

_PACKAGES = ("tenure", "litestar", "uvicorn", "uvloop", "sqlalchemy", "aiosqlite", "asyncpg")


def as_json(options: Options, results: Results) -> dict[str, Any]:
    """One object: the figures by name (null where not measured), and what explains them."""
    figures = {figure.name: results.figures.get(figure.name) for figure in FIGURES}
    return figures | {
        "machine": machine.describe(),
        "versions": versions(results),
        "settings": {
            "store": options.store,
            "database_url": _without_password(options.database_url),
            "url": options.url,
            "authenticated": options.authenticated,
            "measurements": list(options.groups),
            "repeat": options.counts.repeat,
        },
        "counts": options.counts.as_dict(),
        "extras": results.extras,
        "samples": results.samples,
        "notes": results.notes,
    }


def versions(results: Results) -> dict[str, str]:
    """Python, the packages that matter for speed, and the store."""
    found = {"python": f"{platform.python_implementation()} {platform.python_version()}"}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found | results.versions


def _without_password(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.password is None:
        return url
    where = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{where}"))


def print_table(console: Console, options: Options, results: Results) -> None:
    """The figures with their targets, then the machine and the counts in a few lines."""
    table = Table("figure", box=None, header_style="bold", pad_edge=False)
    table.add_column("measured", justify="right")
    table.add_column("target", justify="right")
    table.add_column("unit")
    for figure in FIGURES:
        value = results.figures.get(figure.name)
        if value is None:
            continue
        reached = figure.reached(value, options.store)
        target = figure.target(options.store)
        table.add_row(
            figure.name,
            shown(value),
            "" if target is None else f"{'>=' if figure.at_least else '<='} {shown(target)}",
            figure.unit,
            style="yellow" if reached is False else None,
        )
    console.print(table)
    about = machine.describe()
    console.print(
        f"\n{about['processor']}, {about['cores']} cores, {about['memory_mb']} MiB, "
        f"{about['system']}\n" + ", ".join(f"{k} {v}" for k, v in versions(results).items()),
        highlight=False,
    )
    counts = ", ".join(f"{k} {shown(v)}" for k, v in options.counts.as_dict().items())
    console.print(f"store {options.store}; {counts}", highlight=False)
    for note in results.notes:
        console.print(f"note: {note}", highlight=False)
