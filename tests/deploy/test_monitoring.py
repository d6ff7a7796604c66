"""Alerts and dashboards use existing metrics, and alerts fire when they should."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
import yaml

from crawljobs.runtime import metrics  # noqa: F401 - the import registers the metrics
from support import alert_rules, gauge_names, images, needs
from support.monitoring_files import MONITORING, alerts, dashboards, expressions

ROOT = images.ROOT
DEADLINE_SECONDS = 180  # promtool computes each alert for every minute of a day
WORDS = re.compile(r"\b((?:crawl|http)_[a-z_]+)\b")
PARTS = ("_bucket", "_count", "_sum")


def in_code() -> set[str]:
    """Return the metric names of a scrape: counters, histograms and the collectors' gauges."""
    found = set()
    for family in prometheus_client.REGISTRY.collect():
        if family.name.startswith(("crawl_", "http_")):
            if family.type == "histogram":
                found |= {f"{family.name}{part}" for part in PARTS}
            else:
                found.add(f"{family.name}_total")
    return found | gauge_names.all_gauges()


def test_the_rules_of_kubernetes_are_made_from_the_alerts(pytestconfig: pytest.Config) -> None:
    made = alert_rules.rules(alert_rules.ALERTS.read_text())
    if pytestconfig.option.write_rules:
        alert_rules.RULES.write_text(made)
    assert alert_rules.RULES.read_text() == made, f"run {alert_rules.COMMAND}"
    assert (
        yaml.safe_load(made)["spec"]["groups"]
        == yaml.safe_load(alert_rules.ALERTS.read_text())["groups"]
    )


def test_every_metric_of_an_alert_or_a_dashboard_exists_in_code() -> None:
    assert len(expressions()) > 40
    for expression in expressions():
        named = set(WORDS.findall(re.sub(r'"[^"]*"', "", expression)))
        assert named <= in_code(), expression
        assert named, expression


def test_every_metric_is_on_a_dashboard() -> None:
    shown = set(WORDS.findall(json.dumps(dashboards())))
    wanted = {re.sub(r"_(bucket|count|sum)$", "", name) for name in in_code()}
    assert wanted - {re.sub(r"_(bucket|count|sum)$", "", name) for name in shown} == set()


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_waits_tells_and_has_a_section_in_the_runbook(alert: dict[str, Any]) -> None:
    assert re.fullmatch(r"Crawl[A-Za-z]+", alert["alert"])
    assert re.fullmatch(r"\d+[mh]", alert["for"])
    assert alert["labels"]["severity"] in ("warning", "critical")
    assert alert["annotations"]["summary"].endswith(".")
    base, _, target = alert["annotations"]["runbook_url"].partition(" }}")
    assert base == "{{ $externalLabels.crawljobs_docs"
    page, _, anchor = target.partition("#")
    assert anchor == alert["alert"].lower()
    assert f"### {alert['alert']}\n" in (ROOT / page).read_text()


def test_gauges_that_every_scheduler_shows_are_never_summed() -> None:
    text = (MONITORING / "alerts.yaml").read_text() + json.dumps(dashboards())
    for gauge in gauge_names.database_gauges():
        assert not re.search(rf"(sum|avg|count)\s*(by \([^)]*\) )?\({gauge}\b", text), gauge


def test_dashboards_have_ids_and_no_address_of_a_machine() -> None:
    boards = dashboards()
    assert len(boards) >= 3
    assert len({board["uid"] for board in boards.values()}) == len(boards)
    for name, board in boards.items():
        assert f"{board['uid']}.json" == name
        assert "://" not in json.dumps(board)
        for panel in board["panels"]:
            assert panel["datasource"]["uid"] == "${source}"
            assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24


def promtool(*arguments: object, cwd: Path) -> None:
    checked = subprocess.run(
        [needs.checker("promtool"), *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_promtool_accepts_the_rules_and_what_scrapes(tmp_path: Path) -> None:
    promtool("check", "rules", MONITORING / "alerts.yaml", cwd=MONITORING)
    configuration = (MONITORING / "prometheus.yaml").read_text()
    here = configuration.replace("/etc/prometheus/alerts.yaml", str(MONITORING / "alerts.yaml"))
    (tmp_path / "prometheus.yaml").write_text(here)
    promtool("check", "config", tmp_path / "prometheus.yaml", cwd=tmp_path)


def test_alerts_fire_when_they_should_and_not_before() -> None:
    tests = MONITORING / "alerts_test.yaml"
    tried = set(re.findall(r'alertname="(\w+)"', tests.read_text()))
    assert tried == {alert["alert"] for alert in alerts()}
    promtool("test", "rules", tests, cwd=MONITORING)
