"""The demo: real jobs through a coordinator and two workers, one of which is killed.

Exits 0 only if every job ended as it should.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

from examples.demo import mix
from examples.demo.cluster import Cluster, NotStarted
from examples.demo.screen import Screen, summary
from tenure import Client, TenureError
from tenure.wire.jobs import Job

WORKERS = ("north", "south")
LONGEST_SECONDS = 50.0
KILL_AT = 0.35
"""How far the long jobs are when a worker is killed."""


def main() -> int:
    """Run the demo and clean up after it; the exit code."""
    parser = argparse.ArgumentParser(prog="demo.sh", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave it running and print the URLs")
    keep: bool = parser.parse_args().keep
    signal.signal(signal.SIGTERM, _interrupted)
    directory = Path(tempfile.mkdtemp(prefix="tenure-demo-"))
    cluster = Cluster(directory)
    left_running = False
    try:
        good = _demo(cluster, keep=keep)
        left_running = keep
    except NotStarted as error:
        print(error, file=sys.stderr)
        return 1
    except TenureError as error:
        print(f"error: {error.detail}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    else:
        return 0 if good else 1
    finally:
        if not left_running:
            cluster.stop()
            shutil.rmtree(directory, ignore_errors=True)


def _interrupted(*_: Any) -> NoReturn:
    raise KeyboardInterrupt


def _demo(cluster: Cluster, *, keep: bool) -> bool:
    with Screen() as screen:
        cluster.start_coordinator()
        screen.say(f"coordinator on {cluster.url}, database in {cluster.directory}")
        with Client(cluster.url) as client:
            for name in WORKERS:
                cluster.start_worker(name, client)
                screen.say(f"worker {name}, {cluster.slots} slots")
            show = Show(cluster, client, screen, mix.submit(client))
            wrong = show.run()
            if keep and show.victim is not None:
                cluster.start_worker(show.names[show.victim], client)
    show.conclude(wrong)
    if keep:
        _tell_what_runs(cluster, screen)
    return not wrong


class Show:
    """What happens between the submit and the summary."""

    def __init__(
        self, cluster: Cluster, client: Client, screen: Screen, kinds: list[mix.Kind]
    ) -> None:
        self._cluster = cluster
        self._client = client
        self._screen = screen
        self._kinds = kinds
        self._orphaned: set[str] = set()
        self.names = {worker.id: worker.name for worker in client.workers()}
        self.victim: str | None = None

    def run(self) -> list[str]:
        """Show progress until all have ended, killing a worker on the way; what went wrong."""
        self._screen.say(f"{sum(len(kind.ids) for kind in self._kinds):,} jobs submitted")
        until = time.monotonic() + LONGEST_SECONDS
        while not mix.all_ended(self._kinds) and time.monotonic() < until:
            next_look = time.monotonic() + 0.25
            long = mix.look(self._client, self._kinds)
            self._screen.show(self._kinds, long, self.names)
            far = [job.progress.fraction or 0.0 for job in long if job.progress]
            if self.victim is None and sum(far) / len(long) >= KILL_AT:
                self._kill(long)
            mix.sleep_until(next_look)
        return list(mix.complaints(self._client, self._kinds, self.victim, self._orphaned))

    def _kill(self, long: list[Job]) -> None:
        """Kill the worker that runs most of the long jobs."""
        busy = Counter(job.worker_id for job in long if job.worker_id in self.names)
        (self.victim, _), *_ = busy.most_common(1)
        name = self.names[str(self.victim)]
        pid = self._cluster.kill(name)
        time.sleep(0.2)  # what it had sent before is settled by now
        self._orphaned = mix.held_by(self._client, str(self.victim))
        self._screen.say(
            f"[bold]kill -9 {pid}[/]: worker {name} is gone, and held {len(self._orphaned)} jobs;"
            f" their leases end within {self._cluster.lease}"
        )

    def conclude(self, wrong: list[str]) -> None:
        """The summary."""
        console = self._screen.console
        console.print(summary(self._kinds))
        for text in wrong:
            console.print(f"[red]wrong:[/] {text}", soft_wrap=True)
        moved = f"{len(self._orphaned)} jobs of the killed worker finished on the other one"
        console.print(f"Every job ended as it should; {moved}." if not wrong else "FAILED")


def _tell_what_runs(cluster: Cluster, screen: Screen) -> None:
    pids = " ".join(str(process.pid) for process in reversed(cluster.processes.values()))
    screen.console.print(
        f"\nStill running, as asked:\n"
        f"  dashboard  {cluster.url}\n"
        f"  jobs       {cluster.url}/api/jobs\n"
        f"  numbers    {cluster.url}/api/stats\n"
        f"  workers    {cluster.url}/api/workers\n"
        f"  API        {cluster.url}/api/openapi.json\n"
        f"  logs       {cluster.directory}/*.log\n"
        f"  submit     .venv/bin/tenure submit echo hello=world --wait --url {cluster.url}\n"
        f"Stop it:     kill {pids}; rm -r {cluster.directory}",
        soft_wrap=True,
    )


if __name__ == "__main__":
    sys.exit(main())
