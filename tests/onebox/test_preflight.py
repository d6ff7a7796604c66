"""The demo checks all settings before it starts anything."""

import os

import pytest

from crawljobs.errors import SettingsError
from onebox import preflight
from onebox.reddit_source import REAL, SANDBOX


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOG_LEVEL", "loud"),
        ("WORKER_CONCURRENCY", "x"),
        ("MAX_POSTS_PER_SUB", "0"),
        ("STALE_DAYS", "-1"),
        ("MAX_RETRIES", "x"),
        ("SCHEDULER_TICK_SECONDS", "x"),
        ("ADMIN_API_THREADS", "x"),
        ("ADMIN_API_TOKEN", "short"),
        ("REDDIT_USER_AGENT", "caf\u00e9"),
    ],
)
def test_a_setting_that_any_process_would_refuse_is_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", {})
    preflight.refuse_wrong_settings({}, SANDBOX)
    monkeypatch.setattr(os, "environ", {name: value})
    with pytest.raises(SettingsError, match=name):
        preflight.refuse_wrong_settings(os.environ, SANDBOX)


def test_settings_that_do_not_count_are_told() -> None:
    given = {"REDDIT_API_URL": "ftp://x", "DATABASE_DIRECT_URL": "x", "PROBE_BIND": " "}
    why = "without REDDIT_CLIENT_ID and REDDIT_CLIENT_SECRET the sandbox is crawled"
    assert preflight.unused(given, SANDBOX) == [
        f"REDDIT_API_URL is ignored: {why}.",
        "DATABASE_DIRECT_URL is ignored: without DATABASE_URL the embedded Postgres is used.",
    ]
    assert preflight.unused({**given, "DATABASE_URL": "x"}, REAL) == []


def test_a_misspelt_setting_is_reported_with_the_nearest_name() -> None:
    assert preflight.unused({"MAX_RETRIE": "5", "PATH": "/bin"}, REAL) == [
        "MAX_RETRIE is ignored: it is no setting. Did you mean MAX_RETRIES?"
    ]
