from __future__ import annotations

import pytest

from tenure.cli.main import run


def test_reloading_needs_something_to_watch(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["worker", "--reload"]) == 1
    assert "--reload needs a target" in capsys.readouterr().err


def test_a_worker_without_handlers_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["worker", "--no-plugins"]) == 1
    assert "at least one handler" in capsys.readouterr().err


def test_a_wrong_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["worker", "--slots", "0"]) == 2
    assert "--slots" in capsys.readouterr().err


def test_a_target_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["worker", "no_such_file.py"]) == 1
    assert "no_such_file.py: there is no such file" in capsys.readouterr().err
