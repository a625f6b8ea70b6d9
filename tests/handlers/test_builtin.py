from __future__ import annotations

from pathlib import Path

import pytest

from tenure.domain.errors import ConfigurationError
from tenure.handlers.builtin import build_registry
from tenure.handlers.http import http
from tenure.settings import Settings


def _names(**settings: object) -> set[str]:
    return {item.name for item in build_registry(Settings(**settings))}  # type: ignore[arg-type]


def test_scripts_are_offered_only_when_allowed() -> None:
    assert {"echo", "sample", "http"} <= _names()
    assert not {"python", "shell"} & _names()
    assert {"python", "shell"} <= _names(allow_scripts=True)


def test_nothing_without_plugins() -> None:
    assert len(build_registry(Settings(), plugins=False)) == 0
    scripts = build_registry(Settings(allow_scripts=True), plugins=False)
    assert {item.name for item in scripts} == {"python", "shell"}


def test_the_http_handler_has_the_allow_list_of_the_settings() -> None:
    found = build_registry(Settings(http_allow=("10.0.0.0/8",))).get("http")
    assert found is not None
    assert found.function is not http


def test_a_target_wins_over_what_is_built_in(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from tenure import handler\n@handler('echo')\ndef mine(payload): return 'mine'\n"
    )
    found = build_registry(Settings(), [str(file)]).get("echo")
    assert found is not None
    assert found.function(None) == "mine"
    assert found.isolation == "thread"


def test_a_wrong_target_is_an_error() -> None:
    with pytest.raises(ConfigurationError):
        build_registry(Settings(), ["no.such.module"])
