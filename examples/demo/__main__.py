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
from pathlib import Path
from typing import Any, NoReturn

from examples.demo import mix
from examples.demo.cluster import Cluster, NotStarted
from examples.demo.screen import Screen, summary
from tenure import Client, TenureError

VICTIM, SURVIVOR = "south", "north"
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
            for name in (SURVIVOR, VICTIM):
                cluster.start_worker(name, client)
                screen.say(f"worker {name}, {cluster.slots} slots")
            kinds = mix.submit(client)
            screen.say(f"{sum(len(kind.ids) for kind in kinds):,} jobs submitted")
            orphaned = _watch(cluster, client, screen, kinds)
            wrong = list(mix.complaints(client, kinds, orphaned))
            if keep:
                cluster.start_worker(VICTIM, client)
    screen.console.print(summary(kinds))
    for text in wrong:
        screen.console.print(f"[red]wrong:[/] {text}")
    moved = f"{len(orphaned)} jobs of the killed worker finished on the other one"
    screen.console.print(f"Every job ended as it should; {moved}." if not wrong else "FAILED")
    if keep:
        _tell_what_runs(cluster, screen)
    return not wrong


def _watch(
    cluster: Cluster, client: Client, screen: Screen, kinds: list[mix.Kind]
) -> dict[str, str]:
    """Show progress until all have ended, killing a worker on the way; the jobs it held."""
    names = {worker.id: worker.name for worker in client.workers()}
    orphaned: dict[str, str] = {}
    until = time.monotonic() + LONGEST_SECONDS
    while not mix.all_ended(kinds) and time.monotonic() < until:
        next_look = time.monotonic() + 0.25
        long = mix.look(client, kinds)
        screen.show(kinds, long, names)
        fractions = [job.progress.fraction or 0.0 for job in long if job.progress]
        if VICTIM in cluster.processes and sum(fractions) / len(long) >= KILL_AT:
            orphaned = _kill(cluster, client, screen, kinds, names)
        mix.sleep_until(next_look)
    return orphaned


def _kill(
    cluster: Cluster, client: Client, screen: Screen, kinds: list[mix.Kind], names: dict[str, str]
) -> dict[str, str]:
    pid = cluster.kill(VICTIM)
    victim = next(id_ for id_, name in names.items() if name == VICTIM)
    jobs = [client.get(id_) for kind in kinds[1:] for id_ in kind.ids]
    held = {job.id: victim for job in jobs if job.status == "running" and job.worker_id == victim}
    screen.say(
        f"[bold]kill -9 {pid}[/]: worker {VICTIM} is gone, and held {len(held)} jobs;"
        f" their leases end within {cluster.lease}"
    )
    return held


def _tell_what_runs(cluster: Cluster, screen: Screen) -> None:
    pids = " ".join(str(process.pid) for process in reversed(cluster.processes.values()))
    screen.console.print(
        f"\nStill running, as asked:\n"
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
