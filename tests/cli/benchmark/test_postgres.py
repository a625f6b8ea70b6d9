from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tenure.cli.benchmark import postgres

pytestmark = pytest.mark.anyio


async def test_a_temporary_postgres_comes_with_fsync_and_leaves_nothing(
    postgres_server: object,
) -> None:
    def show(setting: str) -> str:
        command = [
            str(server.programs / "psql"),
            "-XAtc",
            f"SHOW {setting}",
            server.url("postgres"),
        ]
        return subprocess.check_output(command, text=True).strip()

    async with postgres.temporary() as server:
        data = show("data_directory")
        assert show("fsync") == "on"
        assert Path(data).exists()
        assert show("server_version").startswith(server.version)
    assert not Path(data).parent.exists()
    assert server.password not in repr(server)
