"""What every client command shares: where the coordinator is, how to print, how long to try."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.output import Output, Printer
from tenure.domain.ids import is_id

if TYPE_CHECKING:
    from tenure.client.blocking import Client
    from tenure.client.credentials import Credentials
    from tenure.settings import Settings
    from tenure.wire.access import LoggedIn

Url = Annotated[
    str | None, typer.Option("--url", help="Address of the coordinator.", metavar="URL")
]
EnvFile = Annotated[
    Path | None, typer.Option("--env-file", help="Read TENURE_* settings from this file too.")
]
Form = Annotated[Output | None, typer.Option("--output", "-o", help="Form of the output.")]

BRISK_SECONDS = 1.0
"""How long a command at a terminal tries to reach the coordinator."""
PATIENT_SECONDS = 600.0
"""How long a command that waits for a job bears with an absent coordinator."""


class Session:
    """One client command. Nothing is imported or opened before it is needed."""

    def __init__(self, url: str | None, env_file: Path | None, output: Output | None) -> None:
        self._url = url
        self._env_file = env_file
        self.printer = Printer(output)
        self._opened: list[Client] = []

    @cached_property
    def settings(self) -> Settings:
        """Raises ConfigurationError."""
        from tenure.settings import load

        flags = {"coordinator_url": self._url}
        return load(
            flags, environ=os.environ, env_file=self._env_file, directory=Path.cwd()
        ).settings

    @cached_property
    def credentials(self) -> Credentials:
        """The logins of this user."""
        from tenure.client.credentials import Credentials
        from tenure.client.target import credentials_file

        return Credentials(credentials_file(os.environ))

    @cached_property
    def client(self) -> Client:
        """Gives up after a second without an answer."""
        return self._connect(BRISK_SECONDS, self._token())

    @cached_property
    def patient(self) -> Client:
        """For waiting: bears with a coordinator that restarts."""
        return self._connect(PATIENT_SECONDS, self._token())

    def as_holder_of(self, token: str | None) -> Client:
        """Calls with this token, whatever is set or kept."""
        return self._connect(BRISK_SECONDS, token)

    def renew(self, told: LoggedIn) -> None:
        """Keep the tokens that replace those of the login that is kept."""
        from tenure.client.credentials import Kept

        url = self.settings.coordinator_url
        kept = self.credentials.get(url)
        if self.settings.token is None and kept is not None:
            self.credentials.keep(url, Kept.of(told, kept.name))

    def _token(self) -> str | Callable[[], str] | None:
        """As set, else of the login that is kept for this coordinator."""
        from tenure.client.target import credentials_file

        settings = self.settings
        if settings.token is not None or not credentials_file(os.environ).exists():
            return settings.token
        from tenure.client.credentials import KeptToken

        url = settings.coordinator_url
        kept = self.credentials.get(url)
        return None if kept is None else KeptToken(self.credentials, url, kept, settings.tls_ca)

    def _connect(self, seconds: float, token: str | Callable[[], str] | None) -> Client:
        from tenure.client.blocking import Client
        from tenure.client.retrying import Patience

        settings = self.settings
        client = Client(
            settings.coordinator_url,
            token=token,
            patience=Patience(retry_for=seconds),
            ca_file=settings.tls_ca,
        )
        self._opened.append(client)
        return client

    def job_id(self, text: str) -> str:
        """A whole id from an unambiguous start of one. Raises JobNotFound."""
        text = text.lower()
        return text if is_id(text) else self.client.get(text).id

    def close(self) -> None:
        """Close what was opened."""
        for client in self._opened:
            client.close()


_COMMON = tuple(
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
    for name, kind in (("url", Url), ("env_file", EnvFile), ("output", Form))
)


def client_command(
    app: typer.Typer, name: str | None = None, **options: Any
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function whose first argument is the Session; Typer sees the others, and the
    options `--url`, `--env-file` and `--output` that every client command has."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

        def command(
            *, url: str | None, env_file: Path | None, output: Output | None, **arguments: Any
        ) -> None:
            session = Session(url, env_file, output)
            try:
                function(session, **arguments)
            finally:
                session.close()

        parameters = [*(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own), *_COMMON]
        command.__name__ = function.__name__
        command.__doc__ = function.__doc__
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        vars(command)["__signature__"] = inspect.Signature(parameters)
        app.command(name, **options)(command)
        return function

    return register
