"""One object of each kind for operations to be about, made over HTTP when it is asked for."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

PASSWORD = "correct horse battery"
DAY = {"from": "2026-10-01T00:00:00Z", "to": "2026-10-02T00:00:00Z", "preview": True}
YEARLY = {"cron": "0 0 1 1 *", "job": {"type": "echo"}}
_numbers = itertools.count(1)


@dataclass
class Ask:
    """What makes an operation succeed, beside its path: a body, a query, a token of its own."""

    body: Any = None
    query: dict[str, Any] = field(default_factory=dict)
    token: str | None = None
    path: dict[str, str] = field(default_factory=dict)


class Objects:
    """`http` speaks for an administrator."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def made(self, path: str, body: Any = None) -> dict[str, Any]:
        answer = self._http.post(path, json=body)
        assert answer.status_code in (200, 201, 202), (path, answer.text)
        found: dict[str, Any] = answer.json()
        return found

    def path(self, name: str) -> str:
        """The value of a parameter of a path: of something that is there."""
        makers: dict[str, Callable[[], str]] = {
            "job_id": self.job, "fence": lambda: "1", "worker_id": lambda: self.worker()[0],
            "key": lambda: "k", "name": lambda: _name("q"), "operation_id": self.operation,
            "workflow_id": self.workflow, "schedule_id": lambda: self.made_id("schedules", YEARLY),
            "fingerprint": self.fingerprint, "channel": self.channel, "rule": self.rule,
            "delivery_id": self.delivery,
            "who": self.user, "token_id": lambda: self.made_id("tokens", {"name": "t"}),
        }  # fmt: skip
        return makers[name]()

    def made_id(self, what: str, body: Any) -> str:
        return str(self.made(f"/api/{what}", body)["id"])

    def job(self, **changes: Any) -> str:
        """A pending job of a queue of its own."""
        return self.made_id("jobs", {"type": "echo", "queue": _name("q")} | changes)

    def paused(self) -> str:
        job_id = self.job()
        self.made(f"/api/jobs/{job_id}/pause", {})
        return job_id

    def worker(self, queue: str = "default") -> tuple[str, str]:
        """Its id and its token."""
        body = {"name": "w", "queues": [queue], "types": [{"name": "echo"}]}
        made = self.made("/api/workers/register", body)
        return made["worker_id"], made["session_token"]

    def running(self) -> tuple[str, str, str]:
        """A running job under fence 1, its worker and that one's token."""
        queue = _name("q")
        job_id = self.job(queue=queue, max_attempts=1)
        worker_id, token = self.worker(queue)
        asked = {"worker_id": worker_id, "queues": [queue], "types": ["echo"], "slots": 1}
        answer = self._http.post("/api/jobs/acquire", json=asked, headers=_bearer(token))
        assert [one["job_id"] for one in answer.json()["leases"]] == [job_id], answer.text
        return job_id, worker_id, token

    def failed(self) -> str:
        """A failed job with one run and a line in its log."""
        job_id, worker_id, token = self.running()
        own = {"worker_id": worker_id, "fence": 1}
        line = {"at": "2026-01-31T08:30:00Z", "text": "it begins"}
        error = {"type": "Oops", "message": "it broke"}
        for path, more in (
            ("logs", {"lines": [line]}),
            ("complete", {"outcome": "failed", "error": error}),
        ):
            answer = self._http.post(
                f"/api/jobs/{job_id}/{path}", json=own | more, headers=_bearer(token)
            )
            assert answer.status_code == 200, answer.text
        return job_id

    def fingerprint(self) -> str:
        self.failed()
        letters = self._http.get("/api/dead-letters").json()["items"]
        return str(letters[0]["fingerprint"])

    def operation(self) -> str:
        return self.made_id("operations", {"action": "cancel", "filter": "queue:nowhere"})

    def waiting_operation(self) -> str:
        """One that goes on until its first job has run, which nobody takes."""
        job_id = self.failed()
        filter_ = f"queue:{self._http.get(f'/api/jobs/{job_id}').json()['queue']}"
        return self.made_id("operations", {"action": "retry", "filter": filter_, "canary": True})

    def paused_schedule(self) -> str:
        schedule_id = self.made_id("schedules", YEARLY)
        self.made(f"/api/schedules/{schedule_id}/pause", {})
        return schedule_id

    def workflow(self, **changes: Any) -> str:
        jobs = [{"key": "a", "type": "echo", "queue": _name("q")} | changes]
        return self.made_id("workflows", {"jobs": jobs})

    def cancelled_workflow(self) -> str:
        workflow_id = self.workflow()
        self.made(f"/api/workflows/{workflow_id}/cancel", {})
        return workflow_id

    def channel(self, kind: str = "email") -> str:
        to = {"to": ["ann@example.org"]} if kind == "email" else {"url": "http://127.0.0.1:9/x"}
        return str(self.made(f"{_TOLD}/channels", {"name": _name("c"), "kind": kind} | to)["id"])

    def delivery(self) -> str:
        return str(self.made(f"{_TOLD}/channels/{self.channel()}/test")["id"])

    def rule(self) -> str:
        body = {"name": _name("r"), "event": "worker.lost", "channels": [self.channel()]}
        return str(self.made(f"{_TOLD}/rules", body)["id"])

    def user(self) -> str:
        body = {"name": _name("u"), "password": PASSWORD, "role": "user"}
        return self.made_id("users", body)

    def login(self) -> dict[str, Any]:
        """Tokens of a new user."""
        name = _name("u")
        self.made("/api/users", {"name": name, "password": PASSWORD, "role": "user"})
        return self.made("/api/auth/login", {"name": name, "password": PASSWORD})


_TOLD = "/api/notifications"


def _name(prefix: str) -> str:
    return f"{prefix}{next(_numbers)}"


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def succeeding(o: Objects, operation: str) -> Ask:
    """What makes an operation (method and path) succeed. Without an entry: nothing but objects."""
    method, path = operation.split(" ")
    for asks in (_work, _people, _rest):
        found = asks(o, operation)
        if found is not None:
            return found
    if path.startswith("/api/jobs/{job_id}") and method == "GET":
        # A finished one: who asks to wait for the end is answered at once.
        return Ask(path={"job_id": o.failed()})
    return Ask(body=None if method in ("GET", "DELETE") else {})


def _work(o: Objects, operation: str) -> Ask | None:
    """Of workers, who come with a token of their own."""
    match operation:
        case "POST /api/workers/register":
            return Ask({"name": "w"})
        case "POST /api/jobs/acquire":
            worker_id, token = o.worker()
            lanes = {"queues": ["default"], "types": ["echo"], "slots": 1}
            return Ask({"worker_id": worker_id, "wait_seconds": 0} | lanes, token=token)
        case "DELETE /api/workers/{worker_id}":
            worker_id, token = o.worker()
            return Ask(token=token, path={"worker_id": worker_id})
    ending = operation.removeprefix("POST /api/")
    if ending not in _HELD:
        return None
    job_id, worker_id, token = o.running()
    lease = {"job_id": job_id, "fence": 1}
    line = {"at": "2026-01-31T08:30:00Z", "text": "it begins"}
    own, path = {"worker_id": worker_id}, {"job_id": job_id, "worker_id": worker_id}
    bodies: dict[str, Any] = {
        "jobs/release": own | {"leases": [lease]},
        "jobs/complete": own | {"reports": [lease | {"outcome": "completed"}]},
        "jobs/{job_id}/complete": own | {"fence": 1, "outcome": "completed"},
        "jobs/{job_id}/logs": own | {"fence": 1, "lines": [line]},
        "workers/{worker_id}/heartbeat": {"leases": [lease]},
    }
    return Ask(bodies[ending], token=token, path=path)


_HELD = {
    "jobs/release", "jobs/complete", "jobs/{job_id}/complete", "jobs/{job_id}/logs",
    "workers/{worker_id}/heartbeat",
}  # fmt: skip


def _people(o: Objects, operation: str) -> Ask | None:
    ending = operation.removeprefix("POST /api/")
    match ending:
        case "auth/register" | "auth/signup" | "users":
            return Ask({"name": _name("u"), "password": PASSWORD})
        case "auth/login":
            name = _name("u")
            o.made("/api/users", {"name": name, "password": PASSWORD})
            return Ask({"name": name, "password": PASSWORD})
        case "auth/refresh" | "auth/logout":
            return Ask({"refresh_token": o.login()["refresh_token"]})
        case "auth/password":
            changed = {"current_password": PASSWORD, "new_password": f"{PASSWORD} staple"}
            return Ask(changed, token=o.login()["token"])
        case "users/{who}/password":
            return Ask({"password": PASSWORD})
        case "PATCH /api/users/{who}":
            return Ask({"role": "viewer"})
        case "tokens":
            return Ask({"name": "t"})
    return None


def _rest(o: Objects, operation: str) -> Ask | None:
    step = {"key": "a", "type": "echo"}
    plain: dict[str, Any] = {
        "POST /api/jobs": {"type": "echo"},
        "POST /api/jobs/batch": [{"type": "echo"}],
        "PUT /api/jobs/{job_id}": {"name": "n"},
        "PATCH /api/jobs/{job_id}": {"name": "n"},
        "PUT /api/limits/{key}": {"max_running": 2},
        "PUT /api/queues/{name}": {"max_running": 2},
        "PATCH /api/queues/{name}": {"max_running": 2},
        "POST /api/operations": {"action": "cancel", "filter": "queue:nowhere"},
        "POST /api/workflows": {"jobs": [step, step | {"key": "b", "depends_on": ["a"]}]},
        "POST /api/schedules": YEARLY,
        "PUT /api/schedules/{schedule_id}": {"cron": "0 0 1 2 *"},
        "PATCH /api/schedules/{schedule_id}": {"cron": "0 0 1 2 *"},
        "POST /api/schedules/{schedule_id}/backfill": DAY,
        "PATCH /api/notifications/channels/{channel}": {"disabled": True},
        "PATCH /api/notifications/rules/{rule}": {"threshold": 2},
    }
    if operation in plain:
        return Ask(plain[operation])
    match operation.split("/"):
        case ["POST ", "api", "jobs", "{job_id}", "retry"]:
            return Ask(path={"job_id": o.failed()})
        case [_, "api", "jobs", "{job_id}", "resume"]:
            return Ask({}, path={"job_id": o.paused()})
        case [_, "api", "operations", "{operation_id}", "abort"]:
            return Ask({}, path={"operation_id": o.waiting_operation()})
        case [_, "api", "workflows", "{workflow_id}", "retry"]:
            return Ask({}, path={"workflow_id": o.cancelled_workflow()})
        case ["GET ", "api", "workflows", "{workflow_id}"]:
            return Ask(path={"workflow_id": o.cancelled_workflow()})
        case [_, "api", "schedules", "{schedule_id}", "resume"]:
            return Ask({}, path={"schedule_id": o.paused_schedule()})
        case [_, "api", "schedules", "preview"]:
            return Ask(query={"cron": "0 0 1 1 *"})
        case [_, "api", "notifications", "channels", "{channel}", "rotate"]:
            return Ask(path={"channel": o.channel("webhook")})
        case ["POST ", "api", "notifications", "channels"]:
            return Ask({"name": _name("c"), "kind": "email", "to": ["ann@example.org"]})
        case ["POST ", "api", "notifications", "rules"]:
            rule = {"name": _name("r"), "event": "job.failed", "channels": [o.channel()]}
            return Ask(rule)
    return None
