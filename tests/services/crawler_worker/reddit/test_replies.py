"""What a reply means by its status and headers."""

import pytest

from crawler_worker.reddit import failures, replies


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504, 520, 599])
def test_trouble_on_the_way_is_worth_another_try(status: int) -> None:
    assert isinstance(replies.failure(status, {}, b""), failures.UpstreamTrouble)


@pytest.mark.parametrize("status", [400, 402, 405, 409, 418, 422, 426, 499])
def test_a_request_that_reddit_does_not_understand_is_not_asked_again(status: int) -> None:
    assert isinstance(replies.failure(status, {}, b""), failures.BadRequest)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("3600", 3600.0),
        ("3601", 3600.0),
        ("1e300", 3600.0),
        ("0", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("9" * 400, None),  # infinite as a float
        ("soon", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("", None),
        (None, None),
    ],
)
def test_a_429_says_how_long_to_wait_and_at_most_an_hour_is_believed(
    header: str | None, seconds: float | None
) -> None:
    headers = {} if header is None else {"retry-after": header}
    failure = replies.failure(429, headers, b"")
    assert isinstance(failure, failures.Throttled)
    assert failure.retry_after == seconds
