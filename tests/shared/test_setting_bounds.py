"""Each numeric setting has its documented default, and accepts only values within its bounds."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crawljobs import errors, settings

GUIDE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
DOCUMENTED = dict(re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \|", GUIDE.read_text(), re.MULTILINE))
REQUIRED = {"ADMIN_API_TOKEN": "q8Zr4vT1xW7yB2nM5kJ9hG3fD6sA0pLc"}
# The default, the minimum and the maximum: three integers if the setting is a whole number.
NUMBERS: dict[str, tuple[Callable[..., Any], float, float, float]] = {
    "ADMIN_API_WORKERS": (settings.read_admin_api_settings, 2, 1, 64),
    "ADMIN_API_THREADS": (settings.read_admin_api_settings, 8, 1, 256),
    "ADMIN_API_REQUESTS_PER_SECOND": (settings.read_admin_api_settings, 100, 0, 100_000),
    "ADMIN_API_KEPT_ANSWERS_MIB": (settings.read_admin_api_settings, 256, 0, 1_048_576),
    "ADMIN_API_EXPORTS_AT_ONCE": (settings.read_admin_api_settings, 2, 0, 256),
    "EXPORT_STREAMS": (settings.read_export_settings, 2, 1, 64),
    "WALK_WHOLE_EVERY": (settings.read_crawl_settings, 30.0, 0, 3650),
    "SCORE_HISTORY_DAYS": (settings.read_crawl_settings, 0, 0, 36_500),
    "SUBREDDIT_COUNT_DAYS": (settings.read_queue_settings, 365, 0, 36_500),
    "PART_RETRY_MINUTES": (settings.read_crawl_settings, 60.0, 0.01, 10_080),
    "MAX_POSTS_PER_SUB": (settings.read_crawl_settings, 1000, 1, 1000),
    "MAX_COMMENTS_PER_POST": (settings.read_crawl_settings, 500, 0, 10_000),
    "MAX_COMMENT_DEPTH": (settings.read_crawl_settings, 10, 1, 100),
    "MAX_REQUESTS_PER_JOB": (settings.read_crawl_settings, 200, 3, 100_000),
    "MIN_REQUEST_GAP_SECONDS": (settings.read_crawl_settings, 0.0, 0, 3600),
    "USER_SUB_FETCH_LIMIT": (settings.read_crawl_settings, 30, 0, 1000),
    "USER_SUB_ENQUEUE_MAX": (settings.read_crawl_settings, 10, 0, 1000),
    "DISCOVERY_MAX_DEPTH": (settings.read_crawl_settings, 2, 0, 100),
    "DISCOVERY_MAX_LIVE_JOBS": (settings.read_crawl_settings, 200, 0, 1_000_000),
    "DISCOVERY_MAX_REQUESTS": (settings.read_crawl_settings, 2000, 0, 10_000_000),
    "REVISIT_ITEMS": (settings.read_crawl_settings, 50, 1, 700),
    "MAX_RETRIES": (settings.read_max_retries, 3, 0, 100),
    "LEASE_SECONDS": (settings.read_queue_settings, 30.0, 1, 3600),
    "RESCUE_SECONDS": (settings.read_queue_settings, 5.0, 0.1, 600),
    "RESET_CRAWLING_AFTER_MIN": (settings.read_queue_settings, 15, 1, 1440),
    "AGING_EVERY_MIN": (settings.read_queue_settings, 5, 1, 1440),
    "WORKER_CONCURRENCY": (settings.read_queue_settings, 8, 1, 200),
    "POLL_SECONDS": (settings.read_queue_settings, 5.0, 0.05, 300),
    "MAP_CORE_SHARE": (settings.read_queue_settings, 0.02, 0, 1),
    "REQUEUE_SECONDS": (settings.read_queue_settings, 2.0, 0.1, 60),
    "MAINTENANCE_MINUTES": (settings.read_queue_settings, 5, 1, 1440),
    "RETENTION_DAYS": (settings.read_queue_settings, 30, 1, 36_500),
    "LEDGER_RETENTION_DAYS": (settings.read_queue_settings, 90, 1, 36_500),
    "CONTENT_RETENTION_DAYS": (settings.read_retention_settings, 0, 0, 36_500),
    "WEBHOOK_RETENTION_DAYS": (settings.read_queue_settings, 30, 1, 36_500),
    "DRAIN_SECONDS": (settings.read_queue_settings, 25.0, 0.1, 3600),
    "AGING_AFTER_MIN": (settings.read_queue_settings, 60, 1, 10_080),
    "AGING_STEP": (settings.read_queue_settings, 10, 1, 100),
    "RETRY_BASE_SECONDS": (settings.read_queue_settings, 60.0, 0.01, 86_400),
    "RETRY_MAX_HOURS": (settings.read_queue_settings, 24.0, 0.01, 720),
    "RETRY_JITTER": (settings.read_queue_settings, 0.2, 0, 0.9),
    "STALE_DAYS": (settings.read_revisit_settings, 30, 1, 36_500),
    "STALE_CHECK_HOURS": (settings.read_revisit_settings, 6.0, 0.01, 8760),
    "DELETION_CHECK_DAYS": (settings.read_deletion_check_settings, 30, 0, 3650),
    "DELETION_CHECK_SHARE": (settings.read_deletion_check_settings, 0.1, 0.001, 1),
    "SCHEDULER_TICK_SECONDS": (settings.read_scheduler_settings, 60.0, 0.1, 3600),
}
# Some settings limit each other. While the bounds of the first one are tested, the other one has
# this value.
BESIDE = {
    "LEASE_SECONDS": {"RESET_CRAWLING_AFTER_MIN": "1440"},
    "RESET_CRAWLING_AFTER_MIN": {"LEASE_SECONDS": "1"},
    "RETRY_BASE_SECONDS": {"RETRY_MAX_HOURS": "720"},
    "RETRY_MAX_HOURS": {"RETRY_BASE_SECONDS": "0.01"},
}
# Settings that are flags or choices, each with a value that is not its default.
OTHERS: dict[str, tuple[Callable[..., Any], str]] = {
    "POSTS_SORT": (settings.read_crawl_settings, "top"),
    "POSTS_TIME_FILTER": (settings.read_crawl_settings, "year"),
    "FETCH_USER_SUBREDDITS": (settings.read_crawl_settings, "false"),
    "ADAPTIVE_INTERVAL": (settings.read_crawl_settings, "true"),
    "REMOVED_TITLES": (settings.read_retention_settings, "keep"),
    "BARRED_CONTENT": (settings.read_retention_settings, "erase"),
    "REFRESH_ITEMS": (settings.read_revisit_settings, "false"),
    "ADMIN_API_BIND": (settings.read_admin_api_settings, "127.0.0.1:9"),
}


def another(name: str) -> tuple[Callable[..., Any], str]:
    """Return the function that reads the setting, and a value that is not its default."""
    if name in OTHERS:
        return OTHERS[name]
    read, default, least, most = NUMBERS[name]
    return read, repr(least if default == most else most)


@pytest.mark.parametrize("name", [*NUMBERS, *OTHERS])
def test_a_setting_has_its_documented_default_and_another_value_changes_it(name: str) -> None:
    read, other = another(name)
    given = {**REQUIRED, **BESIDE.get(name, {})}
    assert read({**given, name: DOCUMENTED[name].strip()}) == read(given)
    assert read({**given, name: other}) != read(given)
    if name in NUMBERS:
        assert float(DOCUMENTED[name]) == NUMBERS[name][1]


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_taken_at_its_bounds_and_refused_beyond(name: str) -> None:
    read, _, least, most = NUMBERS[name]
    given = {**REQUIRED, **BESIDE.get(name, {})}
    step = 1 if all(isinstance(one, int) for one in NUMBERS[name][1:]) else 0.001
    for value in (least, most):
        read({**given, name: repr(value)})
    for value in (least - step, most + step):
        with pytest.raises(errors.SettingsError, match=f"^{name}="):
            read({**given, name: repr(value)})


def test_every_number_of_the_settings_is_listed() -> None:
    source = "\n".join(path.read_text() for path in Path(settings.__file__).parent.glob("*.py"))
    found = re.findall(r'(?:whole|number)\(\s*"([A-Z_]+)"', source)
    assert set(found) == NUMBERS.keys()
