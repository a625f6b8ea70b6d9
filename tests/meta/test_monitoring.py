"""The files for Prometheus and Grafana: valid, and about metrics that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tenure.coordinator.exposition import expose
from tenure.coordinator.insight import Snapshot
from tenure.coordinator.metrics import Metrics
from tests.docs.markdown import blocks
from tests.meta.source import ROOT

PROMETHEUS = ROOT / "deploy/prometheus"
DASHBOARD: dict[str, Any] = json.loads(
    (ROOT / "deploy/grafana/dashboards/tenure.json").read_text("utf-8")
)
ALERTS: dict[str, Any] = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text("utf-8"))
VARIABLES = {"$__rate_interval": "5m", "$queue": ".*"}


def _promtool(*arguments: str | Path) -> None:
    program = shutil.which("promtool")
    assert program is not None, "run deploy/bootstrap.sh promtool"
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _exposed() -> set[str]:
    """The name of every sample that a coordinator can show."""
    metrics = Metrics()
    for series in (metrics.start_delay, metrics.store, metrics.duty):
        series.of("x").observe(1)
    metrics.duration.of("default", "echo", "completed").observe(1)
    text = expose(metrics, Snapshot(0), up=True, store="sqlite", now=0)
    families = text_string_to_metric_families(text.decode())
    return {sample.name for family in families for sample in family.samples}


def _queries() -> Iterator[tuple[str, str]]:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        found = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"])
        assert found is not None
        yield variable["name"], f"count by ({found[2]}) ({found[1]})"


def _alerts() -> Iterator[tuple[str, str]]:
    for group in ALERTS["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


def _questions() -> Iterator[tuple[str, str]]:
    """The examples on the page."""
    (block,) = blocks(ROOT / "docs/howto/monitoring.md", "promql")
    for line in block.text.splitlines():
        if line and not line.startswith("#"):
            yield line, line


@pytest.mark.parametrize(("title", "query"), [*_queries(), *_alerts(), *_questions()])
def test_a_query_is_about_metrics_that_exist(title: str, query: str) -> None:
    asked = set(re.findall(r"\b(?:tenure_\w+|up)\b", query))
    assert asked
    assert asked <= _exposed() | {"up"}


def test_every_query_of_the_dashboard_and_the_page_parses(tmp_path: Path) -> None:
    rules = []
    for place, (_, query) in enumerate([*_queries(), *_questions()]):
        for name, value in VARIABLES.items():
            query = query.replace(name, value)
        rules.append({"record": f"query_{place}", "expr": query})
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), "utf-8")
    _promtool("check", "rules", file)


def test_every_kind_of_metric_is_on_the_dashboard() -> None:
    shown = " ".join(query for _, query in _queries())
    bases = {re.sub(r"_(bucket|sum|count|total)$", "", name) for name in _exposed()}
    assert {base for base in bases if base not in shown} == set()


def test_panels_have_places_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_the_alerts_fire_when_they_should_and_only_then() -> None:
    _promtool("test", "rules", PROMETHEUS / "alerts.test.yml")


def test_every_alert_is_tested_both_ways_and_has_its_place_in_the_docs() -> None:
    tests = yaml.safe_load((PROMETHEUS / "alerts.test.yml").read_text("utf-8"))["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    names = {name for name, _ in _alerts()}
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == names
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == names
    page = (ROOT / "docs/howto/alerting.md").read_text("utf-8")
    assert {name for name in names if name not in page} == set()


def test_prometheus_takes_its_configuration() -> None:
    # Only the syntax: the token is made by who installs it, the rules are tested above.
    _promtool("check", "config", "--syntax-only", PROMETHEUS / "prometheus.yml")


def test_every_metric_is_explained() -> None:
    page = (ROOT / "docs/howto/monitoring.md").read_text("utf-8")
    bases = {re.sub(r"_(bucket|sum|count)$", "", name) for name in _exposed()}
    assert {name for name in bases if name not in page} == set()
