"""Alerts, their tests and the dashboards use only metrics that running services really export.

Each service logs in with its own role. So the test also shows that the rights of the scheduler
suffice for its gauges.
"""

from collections.abc import Iterator

import httpx
import pytest
import yaml

from crawljobs.db.administration import grants
from support import admin_api, crew, exposition, probes, reddit_sandbox, roles, service_process
from support.databases import Databases
from support.exposition import Exposed
from support.monitoring_files import MONITORING, alerts, expressions
from support.waiting import wait_until

DEADLINE_SECONDS = 30  # on an overloaded machine
PROBES = {"PROBE_BIND": "127.0.0.1:0"}
JOBS = "/api/admin/jobs"


@pytest.fixture(scope="module")
def exposed(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Exposed]]:
    """Return the metrics of the three services after a crawl."""
    folder = tmp_path_factory.mktemp("exposition")
    with (
        roles.made(databases) as own,
        reddit_sandbox.serve("--rate-limit", 10_000_000) as sandbox,
    ):
        workers = crew.Crew(folder, own.url_as(grants.CRAWLER_WORKER), sandbox_url=sandbox.url)
        scheduler = service_process.start(
            "scheduler",
            name="scheduler-1",
            log=folder / "scheduler.log",
            variables={"DATABASE_URL": own.url_as(grants.SCHEDULER), **PROBES},
        )
        api = admin_api.start_gunicorn(
            folder, own.url_as(grants.ADMIN_API), ADMIN_API_WORKERS="1", **PROBES
        )
        try:
            worker = workers.started(crew.PRODUCTION, **PROBES)
            with api.client() as client:
                crawl(client)
            (port,) = {
                one["port"] for one in api.log_lines() if one["action"] == "probes.listening"
            }
            addresses = [f"http://127.0.0.1:{port}", *map(probes.address, (worker, scheduler))]
            # The last crawl and the walk through the stored items have no numbers before they ran.
            late = ("crawl_last_success_timestamp_seconds", "crawl_content_checkable_share")
            wait_until(
                lambda: all(name in probes.text(addresses[-1]) for name in late),
                timeout=DEADLINE_SECONDS,
                describe="a scrape after the success and the first step of the walk",
            )
            yield exposition.exposed(map(probes.text, addresses))
        finally:
            workers.close()
            scheduler.kill()
            api.stop()


def crawl(client: httpx.Client) -> None:
    job = client.post(JOBS, json={"subreddit": "tiny_one"}).json()["job"]
    wait_until(
        lambda: client.get(f"{JOBS}/{job['id']}").json()["status"] == "succeeded",
        timeout=DEADLINE_SECONDS,
        describe="the crawl",
    )


def differences(expression: str, exposed: dict[str, Exposed]) -> list[str]:
    """Return one line for each metric, label or value of the expression that no service exports."""
    found = []
    known: set[str] = set()
    for selector in exposition.selectors(expression):
        if selector.name not in exposed:
            found.append(f"no service exports {selector.name}")
            continue
        labels = exposed[selector.name].labels
        known |= labels.keys()
        for label, words in selector.values.items():
            if label in exposition.OF_THE_TARGET:
                continue
            if label not in labels:
                found.append(f"{selector.name} has no label {label}")
            elif label != "code" and (unknown := words - labels[label]):
                found.append(f"{label} of {selector.name} is never {sorted(unknown)}")
    found += [f"no metric has the label {one}" for one in exposition.grouped_by(expression) - known]
    return found


def test_alerts_and_dashboards_select_series_that_exist(exposed: dict[str, Exposed]) -> None:
    assert {one: differences(one, exposed) for one in expressions()} == {
        one: [] for one in expressions()
    }


def test_a_wrong_name_label_or_value_is_found(exposed: dict[str, Exposed]) -> None:
    for wrong, said in (
        ("max(crawl_queue_dept) > 1", "no service exports crawl_queue_dept"),
        ('crawl_jobs{status="queued"}', "crawl_jobs has no label status"),
        ('crawl_jobs{state=~"queued|done"}', "state of crawl_jobs is never ['done']"),
        ("max by (state) (crawl_queue_depth)", "no metric has the label state"),
    ):
        assert differences(wrong, exposed) == [said]


def test_series_of_the_alert_tests_have_the_labels_of_the_services(
    exposed: dict[str, Exposed],
) -> None:
    tests = yaml.safe_load((MONITORING / "alerts_test.yaml").read_text())["tests"]
    series = {one["series"] for test in tests for one in test["input_series"]}
    assert len(series) > 50
    for one in sorted(series):
        assert differences(one, exposed) == []
        (selector,) = exposition.selectors(one)
        labels = exposed[selector.name].labels
        assert selector.values.keys() - exposition.OF_THE_TARGET == labels.keys(), one


def test_counters_of_rare_events_exist_before_the_first_event(exposed: dict[str, Exposed]) -> None:
    """Otherwise `increase()` does not see the first events."""
    counters = {
        selector.name: selector.values
        for alert in alerts()
        if "increase(" in alert["expr"]
        for selector in exposition.selectors(alert["expr"])
        if selector.name.endswith("_total")
    }
    assert counters.keys() >= {"crawl_jobs_finished_total", "crawl_reddit_requests_total"}
    for name in counters:
        for label, values in exposed[name].labels.items():
            assert len(values) > 1 or label == "code", f"{name} has no series for {label}"
    assert "429" in exposed["crawl_reddit_requests_total"].labels["code"]
    assert "invalid_token" in exposed["crawl_api_auth_failures_total"].labels["reason"]
    assert {"cancel", "revoke"} <= exposed["crawl_audit_rows_total"].labels["action"]
    assert "not_found" in exposed["crawl_api_refusals_total"].labels["code"]


def test_the_largest_tables_are_exported_with_the_role_of_the_scheduler(
    exposed: dict[str, Exposed],
) -> None:
    assert len(exposed["crawl_db_table_bytes"].labels["table"]) == 10
