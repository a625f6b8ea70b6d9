"""Whose jobs are whose, and how many: on the command line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tenure.settings import Quotas
from tests.cli.test_jobs import NOBODY, made
from tests.cli.typed import Done, Typed
from tests.worker.running import Running

MOST = 2


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Typed]]:
    """Two users and a viewer of a coordinator with room for few jobs each."""
    directory = tmp_path_factory.mktemp("owned")
    running = Running(directory)
    running.ask_everybody(directory)
    quotas = Quotas(unfinished_jobs=MOST)
    running.settings = running.settings.model_copy(update={"quotas": quotas})
    running.start()
    roles = {"ann": "user", "ben": "user", "vic": "viewer"}
    tokens = {name: running.add_user(name, role) for name, role in roles.items()}
    yield {name: Typed(running.url, TENURE_TOKEN=token) for name, token in tokens.items()}
    running.stop()


def refused(done: Done, code: int) -> str:
    """The one line of a refusal."""
    assert (done.code, done.out) == (code, "")
    (line,) = done.err.splitlines()
    assert line.startswith("error: ")
    return line


def test_a_user_sees_and_touches_their_own(people: dict[str, Typed]) -> None:
    ann, ben, vic = people["ann"], people["ben"], people["vic"]
    mine, other = made(ann, "owned"), made(ben, "owned")
    assert [line[0] for line in ann("jobs", "ls").lines] == [mine]
    assert {line[0] for line in vic("jobs", "ls").lines} == {mine, other}
    nobody = refused(ann("jobs", "get", NOBODY), 5)
    for words in (["get"], ["cancel"], ["why"], ["logs"], ["watch"]):
        # to the letter what is said of a job that never was
        assert refused(ann("jobs", *words, other), 5) == nobody.replace(NOBODY, other)
    assert ben("jobs", "get", other).json["status"] == "pending"
    assert ann("jobs", "cancel", mine).code == ben("jobs", "cancel", other).code == 0


def test_a_viewer_is_told_what_is_missing(people: dict[str, Typed]) -> None:
    assert "submit" in refused(people["vic"]("submit", "owned"), 7)
    assert "administer" in refused(people["vic"]("users", "ls"), 7)


def test_a_quota_is_told_with_its_bound(people: dict[str, Typed]) -> None:
    ben = people["ben"]
    for _ in range(MOST):
        last = made(ben, "owned")
    told = refused(ben("submit", "owned"), 1)
    assert f"quota unfinished_jobs: at most {MOST}, {MOST} are there" in told
    assert ben("jobs", "cancel", last).code == 0
    assert ben("submit", "owned").code == 0
