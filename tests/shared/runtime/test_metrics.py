"""The names and labels of the metrics."""

import re
import tomllib
from pathlib import Path

import prometheus_client
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from crawljobs import errors, version
from crawljobs.db.database import Database
from crawljobs.runtime import metrics
from crawljobs.runtime.probes import exposition

ROOT = Path(__file__).parents[3]
OTHERS = re.compile(r"python_|process_")  # metrics of the client library itself


def families() -> list[prometheus_client.Metric]:
    found = [one for one in prometheus_client.REGISTRY.collect() if not OTHERS.match(one.name)]
    assert len(found) >= 18
    return found


def test_names_follow_the_conventions() -> None:
    for family in families():
        assert re.fullmatch(r"(crawl|http)_[a-z_]+", family.name)
        assert family.documentation.endswith(".")
        if family.type == "histogram":
            assert family.name.endswith("_seconds")
        shown = {sample.name for sample in family.samples}
        if family.type == "counter":
            assert shown <= {f"{family.name}_total", f"{family.name}_created"}


def test_what_can_happen_is_zero_before_it_happens() -> None:
    counted = {
        (sample.name, *sample.labels.values()) for one in families() for sample in one.samples
    }
    assert ("crawl_jobs_enqueued_total", "schedule", "merged") in counted
    assert ("crawl_job_attempts_total", "fenced") in counted
    assert ("crawl_schedule_ticks_total", "missed") in counted


@pytest.mark.parametrize(("value", "label"), [("40", "40"), ("<script>", "other"), ("", "other")])
def test_a_label_from_outside_makes_no_new_series(value: str, label: str) -> None:
    assert metrics.bounded(value, metrics.SQLSTATE_CLASSES) == label


def test_an_exposition_holds_no_series_of_creation_times() -> None:
    answer = exposition.page()()
    assert answer.content_type.startswith("text/plain")
    assert re.search(rb"^crawl_job_retries_total \d", answer.body, re.MULTILINE)
    assert b"_created" not in answer.body


def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == version.VERSION


def errors_counted(kind: str) -> float:
    return metrics.db_errors.labels(kind)._value.get()


def test_errors_of_the_database_are_counted_by_class(database: Database) -> None:
    before = errors_counted("22"), errors_counted("none")
    with pytest.raises(DBAPIError), database.begin() as conn:
        conn.execute(text("SELECT 1 / 0"))
    with pytest.raises(errors.DatabaseUnavailable):
        Database("postgresql://127.0.0.1:1/none").run(lambda conn: None)
    assert (errors_counted("22"), errors_counted("none")) == (before[0] + 1, before[1] + 1)
