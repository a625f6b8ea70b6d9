"""How the dashboard gets into the package, and what becomes of a package without it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.meta.source import ROOT

PARTS = ("src", "ui", "pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore")


def hatchling(where: Path, target: str, out: Path, **environ: str) -> tuple[Path, str]:
    """The built archive and what was said."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(out)],
        cwd=where,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=True,
    )
    (built,) = out.iterdir()
    return built, done.stdout + done.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The sources as a fresh clone has them."""
    root = tmp_path / "checkout"
    for part in PARTS:
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns("static", "node_modules", "__pycache__")
            shutil.copytree(ROOT / part, root / part, ignore=ignored)
        else:
            shutil.copy(ROOT / part, root / part)
    return root


def _static(wheel: Path) -> list[str]:
    return [name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("tenure/static")]


def test_a_missing_registry_costs_the_dashboard_and_not_the_install(
    checkout: Path, tmp_path: Path
) -> None:
    wheel, said = hatchling(
        checkout, "wheel", tmp_path / "out",
        npm_config_registry="http://127.0.0.1:9/", npm_config_cache=str(tmp_path / "empty"),
        npm_config_fetch_retry_mintimeout="10", npm_config_fetch_retry_maxtimeout="10",
    )  # fmt: skip
    assert _static(wheel) == []
    assert "the dashboard was not built" in said


def test_it_is_left_out_when_asked(checkout: Path, tmp_path: Path) -> None:
    wheel, said = hatchling(checkout, "wheel", tmp_path / "out", TENURE_SKIP_UI="1")
    assert _static(wheel) == []
    assert "dashboard" not in said


@pytest.mark.usefixtures("built_dashboard")
def test_a_source_archive_brings_it_built_and_needs_no_node(tmp_path: Path) -> None:
    archive, _ = hatchling(ROOT, "sdist", tmp_path / "out")
    with tarfile.open(archive) as opened:
        names = opened.getnames()
        # Python before 3.11.4 knows no filters, and later ones want one.
        opened.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        opened.extractall(tmp_path)
    (unpacked,) = tmp_path.glob("tenure-*")
    assert not any("node_modules" in name for name in names)
    assert (unpacked / "ui" / "package-lock.json").is_file()
    wheel, said = hatchling(unpacked, "wheel", tmp_path / "wheel", PATH=os.devnull)
    assert "tenure/static/index.html" in _static(wheel)
    assert "dashboard" not in said
    assert not (unpacked / "ui" / "node_modules").exists()


@pytest.mark.usefixtures("built_dashboard")
def test_everybodys_licence_is_in_it() -> None:
    text = (ROOT / "src" / "tenure" / "static" / "licences.txt").read_text("utf-8")
    for name in ("preact", "uplot", "virtua", "wouter-preact", "@dagrejs/dagre", "swagger-ui-dist"):
        assert f"{name} " in text
