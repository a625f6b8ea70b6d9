from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import httpx
import psutil
import pytest

from tests.docs.markdown import ROOT

pytestmark = pytest.mark.chaos
LONGEST_SECONDS = 60


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Temporary files of the demo go where the test can see what is left of them."""
    return os.environ | {"TMPDIR": str(tmp_path), "COLUMNS": "80"}


def _left(tmp_path: Path) -> tuple[list[Path], list[int]]:
    """Files and processes of the demo that are still there."""
    processes = [
        process.pid
        for process in psutil.process_iter(["cmdline", "cwd"])
        if str(tmp_path) in (process.info["cwd"] or "")
    ]
    return list(tmp_path.glob("tenure-demo-*")), processes


def test_every_job_ends_as_it_should(tmp_path: Path, environment: dict[str, str]) -> None:
    began = time.monotonic()
    done = subprocess.run(
        ["./demo.sh"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < LONGEST_SECONDS
    assert re.search(r"kill -9 \d+: worker \w+ is gone, and held [1-9]\d* jobs", done.stdout)
    assert re.search(r"small +one batch +1000 +1000 completed", done.stdout)
    assert re.search(r"doomed .* 1 failed +3 +0", done.stdout)
    assert "Every job ended as it should" in done.stdout
    assert _left(tmp_path) == ([], [])


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path, environment: dict[str, str]) -> None:
    with subprocess.Popen(
        ["./demo.sh"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if b"jobs submitted" in line:
                break
        assert _left(tmp_path)[1]
        demo.send_signal(signal.SIGINT)
        _, complaint = demo.communicate(timeout=30)
    assert demo.returncode == 130
    assert complaint.strip() == b"interrupted"
    assert _left(tmp_path) == ([], [])


def test_keep_leaves_it_running(tmp_path: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["./demo.sh", "--keep"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        urls = re.findall(r"http://127\.0\.0\.1:\d+/\S+", done.stdout)
        assert len(urls) == 4
        assert {httpx.get(url).status_code for url in urls} == {200}
        workers = httpx.get(next(url for url in urls if url.endswith("workers"))).json()
        assert [w["state"] for w in workers["items"]].count("online") == 2
    finally:
        stop = re.search(r"Stop it: +(kill [\d ]+; rm -r \S+)", done.stdout)
        assert stop is not None
        assert str(tmp_path) in stop[1]
        pids = [int(word) for word in stop[1].split(";")[0].split()[1:]]
        subprocess.run(["bash", "-c", stop[1].split(";")[0]], check=True)
        psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], 15)
    subprocess.run(["bash", "-c", stop[1].split(";")[1]], check=True)
    assert _left(tmp_path) == ([], [])
