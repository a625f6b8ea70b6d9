from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.meta.source import ROOT


def test_arrows_point_down() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout
