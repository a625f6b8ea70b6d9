"""Which coordinator a client speaks to when the caller does not say."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from tenure.settings import load

Token = str | Callable[[], str]
"""A bearer token, or what gives the one of the moment, without waiting."""


def credentials_file(environ: Mapping[str, str]) -> Path:
    """Where logins are kept: in the user's configuration directory."""
    home = environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
    return Path(home) / "tenure" / "credentials.json"


def target(
    url: str | None, token: Token | None, ca_file: str | None
) -> tuple[str, Token | None, str | None]:
    """The URL, the token and the file of trusted authorities: as given, or all from the settings
    of this process.

    A token from the settings never goes to a URL that was given by hand. Raises
    ConfigurationError.
    """
    if url is not None:
        return url, token, ca_file
    settings = load(environ=os.environ, directory=Path.cwd()).settings
    shown = settings.token if token is None else token
    return settings.coordinator_url, shown, ca_file or settings.tls_ca
