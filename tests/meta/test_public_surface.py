from __future__ import annotations

import subprocess
import sys

import pytest

import tenure

SERVER_ONLY = ["sqlalchemy", "litestar", "alembic", "aiosqlite", "uvicorn"]


def _modules_after(statement: str) -> set[str]:
    script = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_names_are_sorted_and_each_stands_once() -> None:
    assert tenure.__all__ == sorted(set(tenure.__all__))
    assert dir(tenure) == tenure.__all__


@pytest.mark.parametrize("name", tenure.__all__)
def test_every_name_is_there_and_says_what_it_is(name: str) -> None:
    value = getattr(tenure, name)
    if isinstance(value, type) and not issubclass(value, Exception):
        assert value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Worker_"):
        _ = tenure.Worker_


def test_importing_the_package_costs_nothing() -> None:
    loaded = _modules_after("import tenure")
    assert not loaded & {"httpx", "pydantic", "msgspec", "asyncio", *SERVER_ONLY}


def test_what_users_import_brings_no_server() -> None:
    loaded = _modules_after("from tenure import *; import tenure.handlers")
    assert "httpcore" in loaded
    assert not loaded & set(SERVER_ONLY)
    assert not {name for name in loaded if name.startswith(("tenure.store", "tenure.api"))}
