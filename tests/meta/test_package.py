from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.meta.source import PACKAGE, ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it would be published."""
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    (built,) = target.glob("*.whl")
    return built


def test_it_holds_the_whole_package_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    source = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file()
        and not any(part[0] in "._" for part in path.parent.relative_to(ROOT).parts)
    }
    assert {name for name in names if ".dist-info/" not in name} == source
    assert {"tenure/py.typed", "tenure/store/migrations/env.py"} <= source
    assert {"tenure/static/index.html", "tenure/static/swagger.html"} <= source
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_it_brings_its_database_up_to_date_by_itself(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    url = f"sqlite:///{tmp_path / 'new.db'}"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TENURE_")}
    program = [sys.executable, "-c", "import tenure.__main__ as m; print(m.__file__); m.main()"]

    def tenure(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*program, *arguments, "--database-url", url],
            cwd=tmp_path,
            env=clean | {"PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
            check=False,
        )

    assert tenure("migrate", "--check").returncode == 1
    done = tenure("migrate")
    assert done.returncode == 0, done.stderr
    assert str(installed) in done.stdout
    assert tenure("migrate", "--check").returncode == 0


def test_handlers_and_the_command_are_announced(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = [one for one in archive.namelist() if one.endswith("entry_points.txt")]
    announced = archive.read(name).decode()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f"tenure = {project['scripts']['tenure']}" in announced
    for kind, target in project["entry-points"]["tenure.handlers"].items():
        assert f"{kind} = {target}" in announced
        assert (PACKAGE.parent / f"{target.split(':')[0].replace('.', '/')}.py").exists()
