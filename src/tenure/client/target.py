"""Which coordinator a client speaks to when the caller does not say."""

from __future__ import annotations

import os
from pathlib import Path

from tenure.settings import load


def target(url: str | None, token: str | None) -> tuple[str, str | None]:
    """The URL and the token: as given, or both from the settings of this process.

    A token from the settings never goes to a URL that was given by hand. Raises
    ConfigurationError.
    """
    if url is not None:
        return url, token
    settings = load(environ=os.environ, directory=Path.cwd()).settings
    return settings.coordinator_url, settings.token if token is None else token
