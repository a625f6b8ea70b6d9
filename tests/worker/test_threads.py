from __future__ import annotations

import contextvars
import threading

from tenure.worker.threads import Threads

WHO: contextvars.ContextVar[str] = contextvars.ContextVar("WHO", default="nobody")


def test_calls_run_side_by_side_up_to_the_limit_and_the_rest_waits() -> None:
    threads, gate, done = Threads(2), threading.Event(), threading.Semaphore(0)
    together = threading.Barrier(2)

    def wait() -> None:
        together.wait(5)
        gate.wait(5)
        done.release()

    threads.start(wait)
    threads.start(wait)
    threads.start(done.release)
    assert not done.acquire(timeout=0.05)
    gate.set()
    assert all(done.acquire(timeout=5) for _ in range(3))
    threads.close()


def test_a_thread_is_used_again_and_is_a_daemon() -> None:
    threads, names, done = Threads(8), list[str](), threading.Semaphore(0)

    def note() -> None:
        names.append(threading.current_thread().name)
        assert threading.current_thread().daemon
        done.release()

    for _ in range(20):
        threads.start(note)
        assert done.acquire(timeout=5)
    assert len(set(names)) <= 2
    threads.close()


def test_every_call_starts_with_no_context_variables() -> None:
    threads, seen, done = Threads(1), list[str](), threading.Semaphore(0)

    def note() -> None:
        seen.append(WHO.get())
        WHO.set("former")
        done.release()

    WHO.set("caller")
    for _ in range(2):
        threads.start(note)
        assert done.acquire(timeout=5)
    assert seen == ["nobody", "nobody"]
    threads.close()


def test_closing_ends_idle_threads() -> None:
    threads, found, done = Threads(1), list[threading.Thread](), threading.Event()

    def note() -> None:
        found.append(threading.current_thread())
        done.set()

    threads.start(note)
    assert done.wait(5)
    threads.close()
    found[0].join(5)
    assert not found[0].is_alive()
