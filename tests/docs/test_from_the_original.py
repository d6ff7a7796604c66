"""docs/from-the-original.md names each part of the original, and each of its values is true.

The behaviour of the API and the examples are in test_original_api.py.
"""

import hashlib
import importlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from crawljobs import errors, settings
from crawljobs.db import tables
from crawljobs.domain import cron, retry
from crawljobs.domain.aging import aged_priority
from crawljobs.domain.job import JobSource, priority_ceiling
from crawljobs.repository.queue import job_claim
from support import original_summary
from support.formulas import evaluate
from support.original_summary import PARTS, PageRow

ROOT = Path(__file__).parents[2]
TEXT = original_summary.PAGE.read_text()
QUEUE = settings.read_queue_settings({})
REVISITS = settings.read_revisit_settings({})
SECONDS = {
    "POLL_SECONDS": QUEUE.poll_seconds,
    "REQUEUE_SECONDS": QUEUE.requeue_seconds,
    "AGING_EVERY_MIN": QUEUE.aging_every.total_seconds(),
    "STALE_CHECK_HOURS": REVISITS.stale_check_every.total_seconds(),
    "SCHEDULER_TICK_SECONDS": settings.read_scheduler_settings({}).tick_seconds,
    "STALE_DAYS": REVISITS.stale_after.total_seconds(),
    "RESET_CRAWLING_AFTER_MIN": QUEUE.reset_crawling_after.total_seconds(),
}
UNITS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
METRICS = set(
    re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/reference/metrics.md").read_text(), re.MULTILINE)
)
ENDPOINTS = set(re.findall(r"`([A-Z]+ /[^`]+)`", (ROOT / "docs/reference/api.md").read_text()))
SETTINGS = set(
    re.findall(
        r"^\| `([A-Z_]+)` \|", (ROOT / "docs/reference/settings.md").read_text(), re.MULTILINE
    )
)

INDEXES = {index.name for table in tables.metadata.tables.values() for index in table.indexes}
ALERTS: dict[str, str] = {
    rule["alert"]: rule["expr"]
    for group in yaml.safe_load((ROOT / "deploy/monitoring/alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
    if "alert" in rule
}


def part(section: str, page: str = TEXT) -> dict[str, PageRow]:
    return {row.subject: row for row in original_summary.rows(section, page)}


@pytest.mark.parametrize("section", PARTS)
def test_the_page_has_a_row_for_each_part_of_the_original(section: str) -> None:
    found = [(row.subject, row.original) for row in original_summary.rows(section, TEXT)]
    assert found == list(PARTS[section].items())


@pytest.mark.parametrize("section", PARTS)
def test_each_difference_has_a_reason(section: str) -> None:
    for row in original_summary.rows(section, TEXT):
        assert row.same in ("yes", "no"), row
        assert (row.reason == "") is (row.same == "yes"), row
        if row.original == row.here and section != "Endpoints":
            assert row.same == "yes", row


def test_every_section_of_the_page_is_checked() -> None:
    assert original_summary.sections(TEXT) == [*PARTS, "Examples"]


def test_the_examples_are_those_of_the_original() -> None:
    found = [
        hashlib.sha256(example.encode()).hexdigest()[:16]
        for example in original_summary.examples(TEXT)
    ]
    assert found == list(original_summary.EXAMPLES.values())


def column_fault(row: PageRow) -> str | None:
    """Return the fault of a row in the section Columns, or None."""
    for name in row.names:
        table, _, column = name.partition(".")
        if column not in getattr(tables.metadata.tables.get(table), "columns", ()):
            return f"there is no column {name}"
        if (default := re.search(r"default (\w+)", row.here)) and (
            str(tables.metadata.tables[table].columns[column].server_default.arg) != default[1]  # type: ignore[union-attr]
        ):
            return f"{name} has another default than {default[1]}"
    former = re.match(r"`(\w+)`", row.original)
    if former and former[1] not in [name.partition(".")[2] for name in row.names]:
        return f"no column is named {former[1]}"
    return None


def retry_seconds(n: int, r: float) -> float:
    delay = retry.retry_delay(
        n, policy=QUEUE.retry, uniform=lambda low, high: low + (high - low) * r
    )
    return delay.total_seconds()


def after_wait(p: int, w: int) -> int:
    queued = datetime(2031, 5, 4, tzinfo=UTC)
    return aged_priority(
        base=p,
        ceiling=priority_ceiling(JobSource.USER),
        queued_at=queued,
        now=queued + timedelta(minutes=w),
        policy=QUEUE.aging,
    )


# The code for each formula, and the values of its names. test_original_api.py checks the boost.
CODE: dict[str, tuple[Callable[..., float], list[dict[str, float]]]] = {
    "delay before a retry, without jitter and limit": (
        lambda n: retry_seconds(n, 0.5),
        [{"n": n} for n in range(11)],
    ),
    "longest delay": (lambda: retry_seconds(60, 1), [{}]),
    "jitter as a factor of the delay": (
        lambda r: retry_seconds(0, r) / 60,
        [{"r": r / 8} for r in range(9)],
    ),
    "delay with jitter and limit": (
        retry_seconds,
        [{"n": n, "r": r / 8} for n in range(30) for r in range(9)],
    ),
    "priority after a wait": (
        after_wait,
        [{"p": p, "w": w} for p in (0, 5, 50, 99, 100) for w in (0, 59, 60, 61, 64, 66, 80, 300)],
    ),
    "highest priority of background jobs": (lambda: priority_ceiling(JobSource.DISCOVERY), [{}]),
    "priority after a boost": (
        lambda p, b: min(100, p + b),
        [{"p": p, "b": b} for p in (0, 50, 100) for b in (1, 50, 100)],
    ),
}


def formula_fault(row: PageRow) -> str | None:
    code, grid = CODE[row.subject]
    (here,) = row.names
    ours = [evaluate(here, names) for names in grid]
    if ours != pytest.approx([code(**names) for names in grid]):
        return f"the code has another value than {here}"
    former = [evaluate(row.original.strip("`"), names) for names in grid]
    if (ours == pytest.approx(former)) is not (row.same == "yes"):
        return "the column `same` is wrong"
    return None


def seconds_of(text: str) -> float:
    number, unit = re.fullmatch(r"(?:`\w+` )?(\d+) (\w+)", text).groups()  # type: ignore[union-attr]
    return float(number) * UNITS[unit]


def time_fault(row: PageRow) -> str | None:
    (name,) = row.names
    if name == "ADMIN_API_TOKEN":
        with pytest.raises(errors.SettingsError, match=name):
            settings.read_admin_api_settings({})
        wanted = "yes" if row.original.endswith("required") else "no"
        is_true = row.here.endswith("required") and row.same == wanted
        return None if is_true else "the setting is required"
    if seconds_of(row.here) != SECONDS[name]:
        return f"the default of {name} is {SECONDS[name]} s"
    if (seconds_of(row.here) == seconds_of(row.original)) is not (row.same == "yes"):
        return "the column `same` is wrong"
    return None


def cron_fault(row: PageRow) -> str | None:
    (expression,) = row.names
    try:
        cron.parse(expression, "UTC")
    except errors.InvalidCron as error:
        return str(error)
    return None


def function_fault(row: PageRow) -> str | None:
    (name,) = row.names
    module, _, function = name.rpartition(".")
    try:
        found = importlib.import_module(module)
        if not hasattr(found, function):
            importlib.import_module(name)
    except ImportError as error:
        return str(error)
    return None


def metric_fault(row: PageRow) -> str | None:
    unknown = set(row.names) - METRICS
    return f"unknown metrics: {unknown}" if unknown or not row.names else None


def alert_fault(row: PageRow) -> str | None:
    (name,) = row.names
    limit = row.here.rpartition(" ")[2]
    if name not in ALERTS:
        return f"there is no alert {name}"
    if not re.search(rf"> {re.escape(limit)}(?![\d.])", ALERTS[name]):
        return f"the alert {name} has another limit than {limit}"
    numbers = {"more than 10 %": "0.1", "more than 1 hour": "3600", "any": "0"}
    former = numbers.get(row.original, row.original.rpartition(" ")[2])
    return None if former == limit else "the original has another limit"


def panel_fault(row: PageRow) -> str | None:
    titles = {
        panel["title"]
        for path in (ROOT / "deploy/monitoring/dashboards").glob("*.json")
        for panel in json.loads(path.read_text())["panels"]
    }
    return None if row.here.strip('"') in titles else f"no panel has the title {row.here}"


def other_fault(row: PageRow) -> str | None:
    for name in row.names:
        table, _, column = name.partition(".")
        known = (
            name in SETTINGS
            or name in ENDPOINTS
            or (ROOT / name).exists()
            or f"{name} =" in (ROOT / "pyproject.toml").read_text()
            or name in " ".join(str(job_claim._CLAIM.clause).split())
            or name in tables.metadata.tables
            or name in INDEXES
            or name in ALERTS
            or column in getattr(tables.metadata.tables.get(table), "columns", ())
        )
        if not known:
            return f"unknown: {name}"
    figure = re.fullmatch(r"\[measured\]\((\S+)\): (\S+)(?: ms| jobs)?", row.here)
    if figure and figure[2] not in (ROOT / "docs" / figure[1]).read_text():
        return f"{figure[1]} does not contain {figure[2]}"
    return None if row.names or figure or row.here == "not built" else "nothing to check"


FAULTS: dict[str, Callable[[PageRow], str | None]] = {
    "Columns": column_fault,
    "Formulas": formula_fault,
    "Timers": time_fault,
    "Settings": time_fault,
    "Cron expressions": cron_fault,
    "Functions": function_fault,
    "Metrics": metric_fault,
    "Alerts": alert_fault,
    "Dashboards": panel_fault,
    "Other parts": other_fault,
}


@pytest.mark.parametrize("section", FAULTS)
def test_each_row_agrees_with_the_code(section: str) -> None:
    found = {row.subject: FAULTS[section](row) for row in original_summary.rows(section, TEXT)}
    assert {subject: fault for subject, fault in found.items() if fault} == {}


def test_each_section_has_a_check() -> None:
    assert {*FAULTS, "Endpoints", "Coming from the original API"} == set(PARTS)


@pytest.mark.parametrize(
    ("section", "subject", "old", "new"),
    [
        ("Columns", "time of the next retry", "next_retry_at", "next_try_at"),
        ("Columns", "limit of failed attempts", "default 3", "default 4"),
        ("Formulas", "longest delay", "24", "23"),
        ("Formulas", "jitter as a factor of the delay", "0.4", "0.2"),
        ("Formulas", "priority after a wait", "// 5", "// 6"),
        ("Formulas", "highest priority of background jobs", "40", "41"),
        ("Timers", "requeue of due retries", "2 s", "3 s"),
        ("Settings", "days until a subreddit is stale", "30 d", "31 d"),
        ("Settings", "token of the admin endpoints", "required", "optional"),
        ("Cron expressions", "five fields", "MON-FRI", "MON-FRY"),
        ("Functions", "claim", "claim_jobs", "claim_job"),
        ("Metrics", "rate of failed jobs", "finished", "ended"),
        ("Alerts", "deep queue", "1000", "100"),
        ("Alerts", "failed jobs", "RateHigh", "RateLow"),
        ("Dashboards", "patterns of retries", "Retries", "Repeats"),
        ("Other parts", "graceful shutdown", "DRAIN", "DRAIN_ALL"),
        ("Other parts", "depth of the queue", "10,000,000", "11,000,000"),
        ("Other parts", "order of claims", "DESC", "ASC"),
    ],
)
def test_a_wrong_row_is_found(section: str, subject: str, old: str, new: str) -> None:
    row = part(section)[subject]
    wrong = PageRow(row.subject, row.original, row.here.replace(old, new), row.same, row.reason)
    assert wrong != row
    assert FAULTS[section](wrong) is not None


def with_other_same(row: PageRow) -> PageRow:
    other, reason = ("no", "a reason") if row.same == "yes" else ("yes", "")
    return PageRow(row.subject, row.original, row.here, other, reason)


def test_the_page_names_the_sections_whose_column_same_is_computed() -> None:
    computed = {
        section
        for section, fault in FAULTS.items()
        if all(fault(with_other_same(row)) for row in original_summary.rows(section, TEXT))
    }
    (named,) = re.findall(r"compute the column \*same\* in (.*?)\.", " ".join(TEXT.split()))
    assert set(re.findall(r"\*(\w+)\*", named)) == computed
