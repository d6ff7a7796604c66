"""The rules of webhooks: delays, dead endpoints, secrets and bodies."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest

from crawljobs.domain import webhook_body, webhook_retry, webhook_secret
from crawljobs.domain.webhook import AttemptResult

NOW = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)


def middle(low: float, high: float) -> float:
    return (low + high) / 2


def delay(attempts: int, **answer: object) -> timedelta | None:
    values = {"result": AttemptResult.HTTP_ERROR, "uniform": middle, **answer}
    return webhook_retry.delay_before_retry(attempts, **values)  # type: ignore[arg-type]


def test_ten_attempts_take_75_hours() -> None:
    delays = [delay(attempts) for attempts in range(1, 11)]
    assert delays[0] == timedelta(seconds=5)
    assert delays[-1] is None
    hours = sum((each for each in delays if each), timedelta()).total_seconds() / 3600
    assert 75 < hours < 77


@pytest.mark.parametrize("edge", [min, max])
def test_jitter_changes_a_delay_by_at_most_a_fifth(edge: object) -> None:
    found = delay(3, uniform=lambda low, high: edge(low, high))  # type: ignore[operator]
    share = 0.8 if edge is min else 1.2
    assert found == timedelta(minutes=30) * share


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"status_code": 429}, 60),
        ({"status_code": 502}, 60),
        ({"status_code": 504}, 60),
        ({"status_code": 500}, 5),
        ({"result": AttemptResult.TIMEOUT}, 60),
        ({"result": AttemptResult.DNS_FAILED}, 5),
        ({"status_code": 500, "retry_after": timedelta(seconds=8)}, 8),
        ({"status_code": 500, "retry_after": timedelta(seconds=1)}, 5),
        ({"status_code": 500, "retry_after": timedelta(days=30)}, 10),
        ({"status_code": 429, "retry_after": timedelta(days=30)}, 120),
        ({"status_code": 429, "retry_after": timedelta(0)}, 60),
    ],
)
def test_a_busy_receiver_gets_time_and_cannot_ask_for_much_more(
    answer: dict[str, object], expected: int
) -> None:
    assert delay(1, **answer) == timedelta(seconds=expected)


@pytest.mark.parametrize(
    ("success_days", "first_hours", "last_hours", "dead"),
    [
        (None, 12, 0, True),  # never a success since the creation, 6 days ago
        (5, 12, 0, True),
        (4, 90, 0, False),
        (5, 11, 0, False),
        (9, None, None, False),
    ],
)
def test_an_endpoint_is_dead_after_5_days_without_success(
    success_days: int | None, first_hours: int | None, last_hours: int | None, dead: bool
) -> None:
    def before(length: int | None, unit: timedelta) -> datetime | None:
        return None if length is None else NOW - length * unit

    assert dead is webhook_retry.is_dead(
        now=NOW,
        created_at=NOW - timedelta(days=6),
        last_success_at=before(success_days, timedelta(days=1)),
        first_failure_at=before(first_hours, timedelta(hours=1)),
        last_failure_at=before(last_hours, timedelta(hours=1)),
    )


def test_each_endpoint_and_version_has_a_secret_of_its_own() -> None:
    master = b"m" * webhook_secret.MASTER_KEY_MIN
    keys = {
        webhook_secret.signing_key(key, endpoint_id=endpoint_id, version=version)
        for key in (master, master + b"m")
        for endpoint_id in (1, 2, 11)
        for version in (1, 2, 11)
    }
    assert len(keys) == 18
    key = webhook_secret.signing_key(master, endpoint_id=7, version=2)
    expected = b"crawljobs webhook endpoint 7 secret 2"
    assert key == hmac.new(master, expected, hashlib.sha256).digest()
    shown = webhook_secret.shown_secret(key)
    assert base64.b64decode(shown.removeprefix("whsec_"), validate=True) == key
    with pytest.raises(ValueError, match="32 bytes"):
        webhook_secret.signing_key(b"short", endpoint_id=1, version=1)


def test_a_body_has_its_version_and_links() -> None:
    body = webhook_body.render(
        kind="job.failed",
        created_at=NOW,
        data={"job_id": 7, "group_id": None, "subreddit": "caf\u00e9\u2028"},
        version=12,
        public_url="https://crawl.example",
    )
    assert body.isascii()
    assert json.loads(body) == {
        "type": "job.failed",
        "timestamp": "2026-03-01T12:00:00.000005Z",
        "data": {
            "job_id": 7,
            "group_id": None,
            "subreddit": "caf\u00e9\u2028",
            "version": 12,
            "links": {
                "job": "https://crawl.example/api/admin/jobs/7",
                "subreddit": "https://crawl.example/api/admin/subreddits/caf%C3%A9%E2%80%A8",
            },
        },
    }


def test_a_body_that_is_too_large_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 20480"):
        webhook_body.render(
            kind="test.ping",
            created_at=NOW,
            data={"text": "x" * webhook_body.BODY_MAX},
            version=1,
            public_url=None,
        )
