"""`tenure verify`: the store and the audit, checked."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from tenure.cli.exits import Exit, talk
from tenure.cli.output import Printer
from tenure.cli.session import EnvFile, Form
from tenure.cli.start import load_settings

_HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})")


def verify(
    head: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE:DIGEST",
            help="An end of the audit that was noted: it must still be part of it.",
        ),
    ] = None,
    database_url: Annotated[
        str | None, typer.Option(metavar="URL", help="The database, as for the coordinator.")
    ] = None,
    env_file: EnvFile = None,
    output: Form = None,
) -> None:
    """Check what must hold of the store, and that no line of the audit was removed or changed.

    Reads only, also while a coordinator runs. Exit code 1 when something is wrong.
    """
    settings = load_settings({"database_url": database_url}, env_file)
    from tenure.domain.audit import Head
    from tenure.domain.errors import ConfigurationError
    from tenure.store import verifying
    from tenure.store.migrate import check
    from tenure.store.visiting import visit

    noted = None
    if head is not None:
        match = _HEAD.fullmatch(head)
        if match is None:
            raise typer.BadParameter(
                "must be PLACE:DIGEST, as the audit shows it", param_hint="--head"
            )
        noted = Head(int(match[1]), match[2])
    if not check(settings.database_url):
        raise ConfigurationError("the database is out of date: run `tenure migrate`")
    found = visit(settings.database_url, lambda unit: list(verifying.verify(unit, noted)))
    rows = [
        {"check": one.what, "holds": not one.faults, "faults": list(one.faults)} for one in found
    ]
    columns = {
        "check": lambda row: row["check"],
        "holds": lambda row: "yes" if row["holds"] else "NO",
        "faults": lambda row: "; ".join(row["faults"]),
    }
    Printer(output).rows(rows, columns)
    wrong = sum(len(one.faults) for one in found)
    if wrong:
        talk(f"{wrong} faults")
        raise typer.Exit(Exit.ERROR)
