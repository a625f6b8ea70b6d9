from __future__ import annotations

from tests.meta.source import PACKAGE, TESTS

NOT_MIRRORS = {"meta", "docs", "cluster", "chaos", "ui"}
"""Folders whose tests are about more than one module."""
ABOUT_SEVERAL = {
    "store/lifecycle_pairs.py",
    "store/model.py",
    "store/queue_rates.py",
    "api/hostile.py",
    "api/telling.py",
    "api/scheduled_workflows.py",
    "api/access.py",
    "api/filters.py",
    "api/impersonation.py",
    "api/uniqueness.py",
    "api/ownership.py",
    "api/quotas.py",
    "api/access_matrix.py",
    "api/scripts.py",
    "api/secrets.py",
    "cli/secrets.py",
    "cli/ownership.py",
    "client/ownership.py",
}
"""Test files that walk a whole layer."""


def _mirrored() -> list[str]:
    found = []
    for path in sorted(TESTS.rglob("test_*.py")):
        parts = path.relative_to(TESTS).parts
        if parts[0] not in NOT_MIRRORS:
            found.append("/".join((*parts[:-1], parts[-1].removeprefix("test_"))))
    return found


def _source_of(name: str) -> bool:
    return (PACKAGE / name).exists() or (PACKAGE / name.removesuffix(".py")).is_dir()


def test_every_test_file_has_its_module() -> None:
    orphans = [name for name in _mirrored() if name not in ABOUT_SEVERAL and not _source_of(name)]
    assert orphans == []


def test_the_mirror_is_not_empty() -> None:
    assert {"domain/lifecycle.py", "wire/base.py"} <= set(_mirrored())
