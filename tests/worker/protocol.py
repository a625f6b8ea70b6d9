"""A coordinator by script: a real HTTP server that answers the lease protocol as a test says."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tenure.client.leasing import AsyncLeasing, Introduction, Leasing
from tenure.client.transport import AsyncTransport, Transport
from tenure.worker.membership import Membership

Answer = Callable[[Any], tuple[int, Any]]
"""Takes the decoded body; gives status and the value to answer with."""

TERMS = {"lease_seconds": 3.0, "heartbeat_seconds": 1.0, "poll_seconds": 0.3}


def problem(status: int, code: str, detail: str = "no") -> tuple[int, Any]:
    """An answer that is an error."""
    return status, {
        "type": "", "title": "", "status": status, "detail": detail, "code": code, "errors": [],
    }  # fmt: skip


class Protocol:
    """`answers` go by the last word of the path; `asked` keeps bodies by the same word.

    Without an answer set: registration works, polls bring nothing, everything is accepted.
    """

    def __init__(self) -> None:
        self.url = ""
        self.asked: defaultdict[str, list[Any]] = defaultdict(list)
        self.answers: dict[str, Answer] = {}
        self.registrations = 0
        self.workers: list[str] = []

    def handle(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        word = "goodbye" if method == "DELETE" else path.rpartition("/")[2]
        self.asked[word].append(body)
        answer = self.answers.get(word)
        return answer(body) if answer is not None else self._usual(word, body)

    def _usual(self, word: str, body: Any) -> tuple[int, Any]:
        if word == "register":
            self.registrations += 1
            self.workers.append(f"worker-{self.registrations}")
            return 201, {"worker_id": self.workers[-1], "session_token": "secret", **TERMS}
        if word == "acquire":
            return 200, {"leases": [], "waited_seconds": 0.0}
        if word == "complete":
            return 200, {
                "results": [
                    {"job_id": item["job_id"], "fence": item["fence"], "status": "accepted"}
                    for item in body["reports"]
                ]
            }
        return 200, {}

    def introduction(self) -> Introduction:
        return Introduction("test", "host", 1, "0", ("default",), {"work": None}, 4, {})

    async def joined(self) -> tuple[AsyncLeasing, Membership]:
        """A registered worker's calls."""
        leasing = AsyncLeasing(AsyncTransport(self.url))
        membership = Membership(leasing, self.introduction())
        await membership.join()
        return leasing, membership

    def blocking(self) -> Leasing:
        return Leasing(Transport(self.url))


@contextmanager
def protocol() -> Iterator[Protocol]:
    made = Protocol()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, value = made.handle(self.command, self.path, json.loads(raw or b"null"))
            content = json.dumps(value).encode()
            with suppress(BrokenPipeError, ConnectionResetError):  # the worker has left
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        do_POST = do_DELETE = answer

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
