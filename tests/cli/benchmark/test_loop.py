from __future__ import annotations

import signal
import subprocess
import sys

import pytest


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_runs_the_cleanup(sign: signal.Signals) -> None:
    script = (
        "import asyncio, os\n"
        "from tenure.cli.benchmark.loop import run\n"
        "async def main():\n"
        "    try:\n"
        f"        os.kill(os.getpid(), {int(sign)})\n"
        "        await asyncio.sleep(60)\n"
        "    finally:\n"
        "        print('cleaned', flush=True)\n"
        "try:\n"
        "    run(main())\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=30, check=True
    )
    assert done.stdout.split() == [b"cleaned", b"interrupted"]
