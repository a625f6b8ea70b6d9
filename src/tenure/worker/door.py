"""The way from a running handler to its coordinator, opened when first used."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from tenure.client.blocking import Client
    from tenure.client.call import Call

Result = TypeVar("Result")


class Door:
    """One client for all handlers of a process. `run` is for any thread and blocks it.

    `token` is the one of the worker's session, set anew when it registers again.
    """

    def __init__(self, url: str, token: str | None = None, ca_file: str | None = None) -> None:
        self.url = url
        self.token = token
        self.ca_file = ca_file
        self._lock = threading.Lock()
        self._client: Client | None = None

    def run(self, call: Call[Result]) -> Result:
        """Carry out a call. Raises the TenureError that the coordinator named, or Unreachable."""
        from tenure.client.blocking import Client

        with self._lock:
            if self._client is None:
                self._client = Client(self.url, ca_file=self.ca_file)
            client = self._client
        if self.token is None:
            return client.run(call)
        headers = {**(call.headers or {}), "Authorization": f"Bearer {self.token}"}
        return client.run(replace(call, headers=headers))

    def close(self) -> None:
        """Close what was opened. Legal twice."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()
