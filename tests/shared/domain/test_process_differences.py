"""The clocks and settings of processes are compared, whatever their heartbeats contain."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crawljobs import settings
from crawljobs.domain import process_differences
from crawljobs.domain.process_differences import SettingDifference
from crawljobs.runtime import comparable_settings
from support.admin_api import TOKEN

SEEN_AT = datetime(2031, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("clock", "difference"),
    [
        ("2031-05-04T12:00:03+00:00", 3.0),
        ("2031-05-04T14:00:00+02:00", 0.0),
        ("2031-05-04T11:59:58.5Z", -1.5),
        ("2031-05-04T12:00:00", None),  # a time without a zone
        ("now", None),
        (None, None),
        (7, None),
        ({}, None),
    ],
)
def test_a_clock_is_compared_with_the_database(clock: Any, difference: float | None) -> None:
    assert process_differences.clock_difference({"clock": clock}, SEEN_AT) == difference
    assert process_differences.clock_difference({}, SEEN_AT) is None


def test_settings_are_compared_within_a_service() -> None:
    def details(**values: Any) -> dict[str, Any]:
        return {"settings": values}

    found = process_differences.differing_settings(
        [
            ("crawler-worker", "a", details(lease_seconds=30.0, retries=3, only_here=1)),
            ("crawler-worker", "b", details(lease_seconds=60.0, retries=3)),
            ("crawler-worker", "c", details(lease_seconds=30.0)),
            ("crawler-worker", "older", {}),
            ("crawler-worker", "odd", {"settings": [1]}),
            ("scheduler", "s", details(lease_seconds=5)),
        ]
    )
    assert found == [
        SettingDifference("crawler-worker", "lease_seconds", {"30.0": ["a", "c"], "60.0": ["b"]})
    ]


@dataclass(frozen=True)
class Inner:
    step: int = 10
    after: timedelta = timedelta(minutes=1)


@dataclass(frozen=True)
class Settings:
    threads: int = 4  # may differ between processes
    name: str = "x"
    limit: float | None = None
    secret: str = field(default="hidden", repr=False)
    inner: Inner = Inner()
    networks: tuple[str, ...] = ("10.0.0.0/8",)


def test_comparable_settings_are_plain_and_have_no_secret() -> None:
    assert comparable_settings.values(Settings()) == {
        "name": "x",
        "limit": None,
        "inner.step": 10,
        "inner.after": 60.0,
    }


def test_the_heartbeats_of_the_services_have_no_secret() -> None:
    variables = {"ADMIN_API_TOKEN": TOKEN}
    found = comparable_settings.values(
        settings.read_queue_settings({}),
        settings.read_crawl_settings({}),
        settings.read_scheduler_settings({}),
        settings.read_admin_api_settings(variables),
    )
    assert (found["lease_seconds"], found["retry.base_seconds"]) == (30.0, 60.0)
    assert TOKEN not in str(found)
    assert "worker_concurrency" not in found
