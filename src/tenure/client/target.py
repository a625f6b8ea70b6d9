"""Which coordinator a client speaks to when the caller does not say."""

from __future__ import annotations

import os
from pathlib import Path

from tenure.settings import load


def target(
    url: str | None, token: str | None, ca_file: str | None
) -> tuple[str, str | None, str | None]:
    """The URL, the token and the file of trusted authorities: as given, or all from the settings
    of this process.

    A token from the settings never goes to a URL that was given by hand. Raises
    ConfigurationError.
    """
    if url is not None:
        return url, token, ca_file
    settings = load(environ=os.environ, directory=Path.cwd()).settings
    token = settings.token if token is None else token
    return settings.coordinator_url, token, ca_file or settings.tls_ca
