from __future__ import annotations

import re
import shlex
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tenure import __version__
from tenure.api.app import ROUTES
from tenure.cli.exits import Exit
from tenure.cli.main import run
from tenure.domain.explain import Cause
from tenure.domain.lifecycle import ALIASES, TERMINAL, Event, JobState
from tenure.settings import Settings, load
from tenure.values import parse_span
from tests.docs import lifecycle
from tests.docs.markdown import PAGES, ROOT, blocks, links, rows

DOCS = ROOT / "docs"


def test_the_diagram_is_current() -> None:
    _, shown, _ = lifecycle.split(lifecycle.PAGE.read_text("utf-8"))
    assert shown == lifecycle.block(), "run: python -m tests.docs.lifecycle"


def test_the_page_of_promises_names_every_state_and_its_other_words() -> None:
    states = {row[0].strip("`"): row for row in rows(DOCS / "semantics.md") if len(row) == 3}
    assert set(JobState) <= set(states)
    order = [name for name in states if name in set(JobState)]
    assert set(order[-5:]) == TERMINAL
    for word, state in ALIASES.items():
        assert word.replace("_", "-") in states[state][2]


def _plain(value: Any) -> str:
    if isinstance(value, timedelta):
        return str(value.total_seconds())
    if isinstance(value, tuple):
        return ",".join(value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _defaults(model: BaseModel, above: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            found |= _defaults(value, f"{above}{name}.")
        else:
            found[above + name] = _plain(value)
    return found


def _documented() -> dict[str, str]:
    return {
        row[0].strip("`"): row[1].strip("`")
        for row in rows(DOCS / "settings.md")[0:]
        if row[0] != "name"
    }


def test_every_setting_is_on_its_page_and_nothing_else() -> None:
    assert set(_documented()) == set(_defaults(Settings()))


def test_the_defaults_on_the_page_are_the_defaults(tmp_path: Path) -> None:
    given = {name: value for name, value in _documented().items() if value}
    environ = {f"TENURE_{n.upper().replace('.', '__')}": v for n, v in given.items()}
    assert load(environ=environ, directory=tmp_path).settings == Settings()
    unset = {name for name, value in _defaults(Settings()).items() if value == ""}
    assert set(_documented()) - set(given) == unset


def test_the_example_file_is_valid(tmp_path: Path) -> None:
    (example,) = blocks(DOCS / "settings.md", "toml")
    (tmp_path / "tenure.toml").write_text(example.text, "utf-8")
    settings = load(environ={}, directory=tmp_path).settings
    assert settings.lease == parse_span("1m")
    assert settings.retention.failed == parse_span("90d")


KIND = re.compile(":(?:str|int|path)}")
PARAMETER = re.compile("{(?:job_|worker_|token_|operation_|schedule_|workflow_)?")


def _served() -> set[str]:
    return {
        f"{method} {KIND.sub('}', PARAMETER.sub('{', path))}"
        for route in ROUTES
        for path in route.paths
        for method in route.http_methods
        if method != "OPTIONS"
    }


def test_every_call_is_on_the_page_of_the_protocol_and_nothing_else() -> None:
    first = [row[0] for row in rows(DOCS / "protocol.md")]
    documented = {cell.strip("`") for cell in first if re.match(r"`[A-Z]+ /", cell)}
    assert documented == {call.replace("HEAD ", "GET ") for call in _served()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    here = [link.partition("#")[0] for link in links(page) if not link.startswith("http")]
    assert [link for link in here if link and not (page.parent / link).exists()] == []


def test_every_page_is_in_the_index() -> None:
    index = DOCS / "README.md"
    shown = {(DOCS / link.partition("#")[0]).resolve() for link in links(index)}
    pages = {page for page in DOCS.rglob("*.md") if page.parent.name != "adr"} - {index}
    assert sorted(str(page.relative_to(DOCS)) for page in pages - shown) == []


def test_every_event_is_on_the_page_of_a_jobs_life() -> None:
    told = ",".join(row[0] for row in rows(DOCS / "lifecycle.md")[1:]).replace("`", "")
    assert sorted(word.strip() for word in told.split(",")) == sorted(Event)


def test_every_cause_is_on_its_page() -> None:
    told = [row[0].strip("`") for row in rows(DOCS / "howto" / "why-is-my-job-waiting.md")[1:]]
    assert sorted(told) == sorted(Cause)


def test_every_decision_is_in_the_index() -> None:
    pages = sorted(path.name for path in (DOCS / "adr").glob("0*.md"))
    assert [link for link in links(DOCS / "adr" / "README.md") if link[0] == "0"] == pages
    titles = [f"# {name[:4]}: " for name in pages]
    for name, title in zip(pages, titles, strict=True):
        assert (DOCS / "adr" / name).read_text("utf-8").startswith(title)


def test_the_glossary_is_in_order_and_has_each_word_once() -> None:
    words = [row[0] for row in rows(DOCS / "glossary.md")[1:]]
    assert words == sorted(set(words))


def test_one_version_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == __version__
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert "## [Unreleased]" in changes or f"## [{__version__}]" in changes


def test_make_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    phony = set(re.findall(r"^\.PHONY: (.*)$", text, re.M)[0].split())
    told = set(re.findall(r"^([a-z]+):.*## ", text, re.M))
    assert phony - told == {"env", "postgres", "node", "browser", "promtool"}


def test_exit_codes_are_those_of_the_code() -> None:
    told = {row[0] for row in rows(DOCS / "cli.md") if row[0].isdigit()}
    assert told == {str(int(code)) for code in Exit}


def test_every_command_is_on_its_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    commands = re.findall(r"^  ([a-z]+)  ", capsys.readouterr().out.partition("Commands:")[2], re.M)
    told = [row[0] for row in rows(DOCS / "cli.md")]
    assert {f"`tenure {command}`" for command in commands} == {c for c in told if "tenure" in c}


GROUPS = {
    "jobs", "dlq", "workflows", "operations", "schedules", "queues", "workers", "config", "users",
    "tokens", "notify",
}  # fmt: skip


@pytest.mark.parametrize("group", sorted(GROUPS))
def test_every_command_of_a_group_is_on_its_page(
    group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([group, "--help"]) == 0
    commands = re.findall(r"^  ([a-z]+)  ", capsys.readouterr().out.partition("Commands:")[2], re.M)
    (told,) = [row[1] for row in rows(DOCS / "cli.md") if row[0] == f"`tenure {group}`"]
    assert re.findall("`([a-z]+)`", told) == commands


TYPED = re.compile(r"(?:^|`)tenure ([a-z]+)((?: [^`\n#]*)?)", re.M)


def _typed() -> list[tuple[str, str]]:
    """Every command line in the documents: the page, and what follows `tenure`."""
    return sorted(
        {
            (str(page.relative_to(ROOT)), command + rest.rstrip())
            for page in PAGES
            for command, rest in TYPED.findall(page.read_text("utf-8"))
        }
    )


def test_there_are_command_lines() -> None:
    assert len(_typed()) > 10


@pytest.mark.parametrize(("page", "line"), _typed(), ids=lambda value: value)
def test_every_command_and_option_exists(
    page: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(line)
    command = words[:2] if words[0] in GROUPS else words[:1]
    assert run([*command, "--help"]) == 0, page
    told = capsys.readouterr().out
    for option in re.findall(r"(?<!\S)--?[a-z][a-z-]*", line):
        assert re.search(rf"(?<!\S){option}\b", told), option
