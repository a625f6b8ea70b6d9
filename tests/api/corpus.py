"""What the hostile tests send."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

NOBODY = "0193474a-0000-7000-8000-00000000ffff"

PUBLIC: dict[tuple[str, str], Any] = {
    ("POST", "/api/jobs"): {
        "type": "echo", "name": "n", "queue": "q", "payload": {"a": ["b"]}, "tags": ["t"],
        "idempotency_key": "k", "on_lost": "retry", "run_at": "2026-01-01T00:00:00Z",
        "priority": "High", "retry_policy": {"strategy": "fixed"}, "retry_until": "x",
        "expires_at": "x", "scheduled_at": "x", "script_content": "x", "cron": "x",
    },
    ("POST", "/api/jobs/batch"): [{"type": "echo", "name": "n", "payload": "x", "tags": ["t"]}],
    ("PUT", "/api/jobs/{job}"): {"name": "n", "payload": "x", "tags": ["t"], "queue": "q"},
    ("PATCH", "/api/jobs/{job}"): {"name": "n", "type": "x", "retry_policy": "fixed"},
    ("POST", "/api/jobs/{job}/cancel"): {"reason": "r"},
    ("POST", "/api/jobs/{job}/retry"): {"reason": "r"},
    ("POST", "/api/jobs/{job}/pause"): {"reason": "r"},
    ("POST", "/api/jobs/{job}/resume"): {"reason": "r"},
    ("PATCH", "/api/jobs/{job}/pause"): {"reason": "r"},
    ("PATCH", "/api/jobs/{job}/resume"): {"reason": "r"},
    ("POST", "/api/operations"): {
        "action": "cancel", "filter": "type:nothing", "reason": "r", "queue": "q",
    },
    ("POST", "/api/workers/register"): {
        "name": "w", "hostname": "h", "version": "1", "queues": ["q"], "labels": {"k": "v"},
        "types": [{"name": "t", "schema": {"title": "x"}}],
    },
}  # fmt: skip
WORKERS: dict[tuple[str, str], Any] = {
    ("POST", "/api/jobs/acquire"): {
        "worker_id": "{worker}", "queues": ["q"], "types": ["echo"], "slots": 0,
    },
    ("POST", "/api/workers/{worker}/heartbeat"): {
        "leases": [{"job_id": "{job}", "fence": 1, "progress": {"message": "m"},
                    "checkpoint": "c"}],
    },
    ("POST", "/api/jobs/{job}/complete"): {
        "worker_id": "{worker}", "fence": 1, "outcome": "failed", "result": "r",
        "error": {"type": "T", "message": "m", "traceback": "t"}, "checkpoint": "c",
    },
    ("POST", "/api/jobs/complete"): {
        "worker_id": "{worker}",
        "reports": [{"job_id": "{job}", "fence": 1, "outcome": "failed",
                     "error": {"message": "m"}}],
    },
    ("POST", "/api/jobs/release"): {
        "worker_id": "{worker}", "leases": [{"job_id": "{job}", "fence": 1, "started": True}],
    },
    ("POST", "/api/jobs/{job}/logs"): {
        "worker_id": "{worker}", "fence": 1,
        "lines": [{"at": "2026-01-01T00:00:00Z", "level": "info", "text": "t"}],
    },
}  # fmt: skip
ROUTES = PUBLIC | WORKERS
UNSTORABLE = [r"a\u0000", r"\ud800", r"x\uDFFFy", r"\udc00\ud800"]
MARK = "\x01mark"


def marked_texts(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """(pointer, the value with a mark in the place of its text) for every text inside."""
    if isinstance(value, str):
        yield pointer, MARK
        return
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(items):
        if not isinstance(item, str | dict | list):
            continue
        for inner, changed in marked_texts(item, f"{pointer}/{key}"):
            copy = value.copy()
            copy[key] = changed
            yield inner, copy


HUGE = ["2" * 19, "-" + "9" * 20, "1" + "0" * 400, "1" + "0" * 5000, "1e400", "-1e400", "1e308"]


IDS = [
    "x", "0", NOBODY.upper(), "0193474A-0000-7000-8000-00000000FFFF", "-" * 36, "%00", "%00" * 36,
    "..", "%2e%2e", "%ff", "%ED%A0%80", "x" * 10_240, NOBODY + "0", NOBODY[:-1] + "g", "*", "%25",
    "_" * 8, "________-____-____-____-____________", "%E2%80%AE", "'%20OR%201=1--", NOBODY,
]  # fmt: skip
BY_ID = [
    ("GET", "/api/jobs/{id}"), ("GET", "/api/jobs/{id}/runs"), ("GET", "/api/jobs/{id}/runs/1"),
    ("GET", "/api/jobs/{id}/logs"), ("GET", "/api/jobs/{id}/events"),
    ("GET", "/api/job-status/{id}"), ("DELETE", "/api/jobs/{id}"), ("GET", "/api/workers/{id}"),
    ("GET", "/api/users/{id}"), ("DELETE", "/api/users/{id}"), ("DELETE", "/api/tokens/{id}"),
    ("GET", "/api/operations/{id}"), ("POST", "/api/operations/{id}/abort"),
    ("POST", "/api/workers/{id}/drain"), ("POST", "/api/jobs/{id}/cancel"),
    ("POST", "/api/jobs/{id}/retry"), ("POST", "/api/jobs/{id}/pause"),
    ("POST", "/api/jobs/{id}/resume"), ("PATCH", "/api/jobs/{id}"), ("PUT", "/api/jobs/{id}"),
    ("POST", "/api/jobs/{id}/complete"), ("POST", "/api/jobs/{id}/logs"),
    ("POST", "/api/workers/{id}/heartbeat"),
]  # fmt: skip
BODIES = {
    "/complete": {"worker_id": NOBODY, "fence": 1, "outcome": "completed"},
    "/logs": {"worker_id": NOBODY, "fence": 1, "lines": [{"at": "x", "text": "x"}]},
    "/heartbeat": {"leases": []},
}


def deep_bodies(depth: int) -> list[bytes]:
    return [
        b"[" * depth, b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth,
        b'[{"a":' * depth, b'{"payload":' + b"[" * depth + b"]" * depth + b"}",
        b'{"type":"echo","payload":' + b"[" * depth + b"]" * depth + b"}",
        b'[{"type":"echo","tags":' + b"[" * depth + b"]" * depth + b"}]",
        b'{"x":"\\u0000","a":' + b"[" * depth + b"]" * depth + b"}",
    ]  # fmt: skip
