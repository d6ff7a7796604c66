"""The conditions that need attention: alike in the alerts, the documents and the code."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from crawljobs.domain import attention
from crawljobs.domain.attention import AttentionFacts, Condition
from crawljobs.domain.attention_system import SYSTEM, SystemFacts
from crawljobs.domain.attention_table import ALERTS_ALONE, CONDITIONS
from support.monitoring_files import alerts

ALERTS = {alert["alert"]: alert for alert in alerts()}
PAGE = Path(__file__).parents[3] / "docs" / "operations" / "attention.md"
# For each code: facts for which the condition holds, and facts at its limit.
HOLDS: dict[str, tuple[dict[str, float], dict[str, float]]] = {
    "no_workers": ({"workers_alive": 0}, {"workers_alive": 1}),
    "no_schedulers": ({"schedulers_alive": 0}, {"schedulers_alive": 1}),
    "reddit_refused": ({"reddit_refused": True}, {}),
    "nothing_succeeds": ({"without_success_seconds": 3_601}, {"without_success_seconds": 3_600}),
    "schedule_late": ({"schedule_lag_seconds": 121}, {"schedule_lag_seconds": 120}),
    "schedule_missed": ({"missed_ticks": 1}, {}),
    "reddit_paused": ({"reddit_paused": True}, {}),
    "reddit_throttled": ({"recently_throttled": 1}, {}),
    "worker_lost": ({"workers_lost": 1}, {}),
    "leases_expired": ({"expired_leases": 1}, {}),
    "jobs_wait_without_cause": ({"waiting_without_cause": 1}, {}),
    "queue_old": ({"oldest_queued_seconds": 3_601}, {"oldest_queued_seconds": 3_600}),
    "queue_deep": ({"queued_jobs": 1_001}, {"queued_jobs": 1_000}),
    "failure_rate": (
        {"recent_failed": 3, "recent_succeeded": 26},
        {"recent_failed": 3, "recent_succeeded": 27},
    ),
    "runs_too_long": ({"longest_crawl_seconds": 3_601}, {"longest_crawl_seconds": 3_600}),
    "schedules_broken": ({"broken_schedules": 1}, {}),
    "steps_held": ({"held_steps": 1}, {}),
    "group_pending": (
        {"oldest_pending_step_seconds": 86_401},
        {"oldest_pending_step_seconds": 86_400},
    ),
    "operations_failed": ({"failed_operations": 1}, {}),
    "webhooks_late": (
        {"oldest_undelivered_seconds": 3_601},
        {"oldest_undelivered_seconds": 3_600},
    ),
    "webhook_disabled": ({"disabled_endpoints": 1}, {}),
    "long_transaction": ({"oldest_transaction_seconds": 601}, {"oldest_transaction_seconds": 600}),
    "dead_rows": (
        {"dead_row_share": 0.51, "dead_rows": 10_000},
        {"dead_row_share": 0.5, "dead_rows": 10_000},
    ),
    "budget_overpromised": ({"promised_share": 1.01}, {"promised_share": 1.0}),
    "content_unchecked": ({"unchecked_intervals": 2.01}, {"unchecked_intervals": 2}),
    "queue_paused": ({"is_paused": True}, {}),
    "queue_slow": ({"oldest_queued_seconds": 601}, {"oldest_queued_seconds": 600}),
    "new_gaps": ({"subreddits_with_gaps": 1}, {}),
    "versions_differ": ({"versions": 2}, {"versions": 1}),
}


# The same for the conditions that only the check of the system has.
SYSTEM_HOLDS: dict[str, tuple[dict[str, float], dict[str, float]]] = {
    "schema_unknown": ({"is_schema_unknown": True}, {}),
    "database_read_only": ({"is_read_only": True}, {}),
    "connections_short": ({"connections_share": 0.81}, {"connections_share": 0.8}),
    "autovacuum_off": ({"is_autovacuum_off": True}, {}),
    "clock_differs": ({"clock_difference_seconds": 5.1}, {"clock_difference_seconds": 5}),
    "settings_differ": ({"differing_settings": 1}, {}),
}


def found(**facts: float) -> list[str]:
    return [each.code for each in attention.find(CONDITIONS, replace(AttentionFacts(), **facts))]


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.code)
def test_a_condition_holds_beyond_its_limit_alone(condition: Condition) -> None:
    beyond, at = HOLDS[condition.code]
    assert found(**beyond) == [condition.code]
    assert condition.code not in found(**at)
    (shown,) = attention.find(CONDITIONS, replace(AttentionFacts(), **beyond))
    assert shown.sentence.endswith(".")
    assert "{" not in shown.sentence
    assert shown.remedy.endswith(".")
    assert shown.link.startswith("/api/admin/")


@pytest.mark.parametrize("condition", SYSTEM, ids=lambda condition: condition.code)
def test_a_check_of_the_system_fails_beyond_its_limit_alone(condition: Condition) -> None:
    beyond, at = (replace(SystemFacts(), **facts) for facts in SYSTEM_HOLDS[condition.code])
    failed = [each for each in attention.checks(SYSTEM, beyond) if not each.ok]
    assert [each.code for each in failed] == [condition.code]
    assert failed[0].sentence is not None
    assert failed[0].sentence.endswith(".")
    assert all(each.ok for each in attention.checks(SYSTEM, at))
    assert not {each.code for each in SYSTEM} & {each.code for each in CONDITIONS}


def test_a_check_shows_its_number_and_its_limit_also_while_it_is_ok() -> None:
    facts = AttentionFacts(queued_jobs=12)
    (check,) = [each for each in attention.checks(CONDITIONS, facts) if each.code == "queue_deep"]
    assert (check.ok, check.value, check.limit, check.holds_at) == (True, 12, 1_000, "above")
    assert check.sentence is None


def test_a_sound_system_needs_no_attention() -> None:
    assert found() == []
    assert len(HOLDS) == len(CONDITIONS) == len({each.code for each in CONDITIONS})
    # Two failed jobs are no rate.
    assert found(recent_failed=2) == []
    # Autovacuum leaves the dead rows of a small table in place.
    assert found(dead_row_share=0.9, dead_rows=9_999) == []


def test_the_most_severe_condition_is_first_and_a_cause_is_before_its_effect() -> None:
    facts = {
        "is_paused": True,
        "workers_alive": 0,
        "oldest_queued_seconds": 7_200,
        "queued_jobs": 5_000,
        "broken_schedules": 1,
    }
    assert found(**facts) == [
        "no_workers",
        "queue_old",
        "queue_deep",
        "schedules_broken",
        "queue_paused",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 minutes"),
        (119, "1 minute"),
        (120, "2 minutes"),
        (7_199, "119 minutes"),
        (7_200, "2 hours"),
        (172_799, "47 hours"),
        (172_800, "2 days"),
        (86_400 * 1_000, "1,000 days"),
    ],
)
def test_a_duration_changes_at_most_once_a_minute(seconds: float, text: str) -> None:
    assert attention.duration(seconds) == text


def test_numbers_are_words_in_the_sentence() -> None:
    def sentence(**facts: float) -> str:
        (only,) = attention.find(CONDITIONS, replace(AttentionFacts(), **facts))
        return only.sentence

    assert sentence(queued_jobs=1_234) == "1,234 jobs wait for a worker."
    assert sentence(queued_jobs=10_000) == "At least 10,000 jobs wait for a worker."
    assert sentence(held_steps=1) == "A step of a group waits for the decision of an operator."
    assert sentence(held_steps=2).startswith("2 steps of groups wait")
    assert sentence(recent_failed=50, recent_succeeded=50).startswith("50 % of the newest")


def test_each_alert_is_a_condition_or_has_a_reason() -> None:
    covered = {each.alert for each in CONDITIONS if each.alert}
    assert covered | set(ALERTS_ALONE) == set(ALERTS)
    assert not covered & set(ALERTS_ALONE)


@pytest.mark.parametrize(
    "condition",
    [each for each in CONDITIONS if each.alert],
    ids=lambda condition: condition.code,
)
def test_a_condition_has_the_severity_and_the_limit_of_its_alert(condition: Condition) -> None:
    assert condition.alert is not None
    alert = ALERTS[condition.alert]
    assert alert["labels"]["severity"] == condition.severity
    if condition.metric is None:  # the alert uses a counter or a time of a process
        return
    expression = " ".join(alert["expr"].split())
    assert condition.metric in expression
    compared = "==" if condition.is_equal else ">"
    assert re.search(rf"{compared} {condition.limit:g}(?![\d.])", expression), expression


def test_the_alerts_without_a_gauge_agree_too() -> None:
    """These conditions have a number of the database where the alert counts events."""
    by_code = {each.code: each for each in CONDITIONS}
    assert ALERTS["CrawlNothingSucceeds"]["for"] == "1h"
    assert by_code["nothing_succeeds"].limit == 3_600
    failing = " ".join(ALERTS["CrawlFailureRateHigh"]["expr"].split())
    assert f">= {attention.FAILED_MIN})" in failing
    assert {each.code for each in CONDITIONS if each.alert and not each.metric} == {
        "no_schedulers",
        "nothing_succeeds",
        "reddit_throttled",
    }


def test_the_page_lists_the_conditions_and_the_alerts_without_one() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+?) \| (.+?) \|$", PAGE.read_text(), re.MULTILINE)
    table = [*CONDITIONS, *SYSTEM]
    assert [code for code, *_ in rows] == [each.code for each in table]
    for (_, severity, text, alert), each in zip(rows, table, strict=True):
        assert severity == each.severity
        assert text.startswith(each.sentence.replace("{value}", "N"))
        assert re.sub(r"\[(\w+)\].*", r"\1", alert) == (each.alert or "none")
    for name, reason in ALERTS_ALONE.items():
        assert f"| {name} | {reason} |" in PAGE.read_text()
