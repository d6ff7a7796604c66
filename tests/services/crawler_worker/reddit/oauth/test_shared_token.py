"""The stored token is used or not, and failed renewals pause all workers, by exact rules."""

from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.oauth.shared_token import Lifetime, SharedToken
from crawljobs.domain.request_budget import Pause, PausedReason


class Stored:
    """A database whose statements return these values in turn."""

    def __init__(self, *values: Any) -> None:
        self._values = list(values)
        self.left = self._values

    def run(self, _work: object) -> Any:
        return self._values.pop(0)

    run_statement = run


def shared(*values: Any) -> SharedToken:
    database: Any = Stored(*values)
    return SharedToken(database, client_id="tests")


def row(**changes: Any) -> Any:
    """A stored token that is valid for ten minutes, and no pause."""
    stored = {"token": "t", "lives": 600, "ask_again_in": 0, "throttled": False}
    return SimpleNamespace(**{**stored, **changes})


@pytest.mark.parametrize(
    ("stored", "refused", "found"),
    [
        (row(), None, ("t", 600)),
        (row(), "other", ("t", 600)),
        (row(), "t", None),
        (row(token=None), None, None),
        (row(lives=60.5), None, ("t", 60.5)),
        (row(lives=60), None, None),  # it would end during a request
        # A token that is valid is used while no worker may request another one.
        (row(ask_again_in=9), None, ("t", 600)),
        (row(ask_again_in=9, throttled=True), None, ("t", 600)),
    ],
)
def test_a_stored_token_is_used_while_it_is_valid(
    stored: Any, refused: str | None, found: Lifetime | None
) -> None:
    assert shared(stored).read(refused=refused) == found


@pytest.mark.parametrize("seconds", [0.5, 30])
def test_no_worker_requests_a_token_during_a_pause(seconds: float) -> None:
    with pytest.raises(crawl_failures.Throttled) as throttled:
        shared(row(token=None, ask_again_in=seconds, throttled=True)).read(refused=None)
    assert throttled.value.resume_in == seconds
    with pytest.raises(crawl_failures.Outage, match="token endpoint is in trouble") as outage:
        shared(row(token=None, ask_again_in=seconds), None).read(refused=None)
    assert outage.value.resume_in == seconds
    pause = Pause(PausedReason.CREDENTIALS_REFUSED, "401", 99)
    with pytest.raises(crawl_failures.CredentialsRefused, match="401"):
        shared(row(token=None, ask_again_in=seconds), pause).read(refused=None)


@pytest.mark.parametrize(
    ("error", "reason", "is_new", "events"),
    [
        (
            crawl_failures.UpstreamTrouble("503"),
            PausedReason.OUTAGE,
            True,
            [("reddit.paused", "warning")],
        ),
        (crawl_failures.UpstreamTrouble("503"), PausedReason.OUTAGE, False, []),
        (
            crawl_failures.ClientRefused("403"),
            PausedReason.CLIENT_REFUSED,
            True,
            [("reddit.refused", "error")],
        ),
        (crawl_failures.ClientRefused("403"), PausedReason.CLIENT_REFUSED, False, []),
        (
            crawl_failures.CredentialsRefused("401", resume_in=1),
            PausedReason.CREDENTIALS_REFUSED,
            True,
            [("reddit.refused", "error")],
        ),
    ],
)
def test_the_worker_that_begins_a_pause_logs_it(
    error: Exception, reason: PausedReason, *, is_new: bool, events: list[tuple[str, str]]
) -> None:
    def fail() -> Lifetime:
        raise error

    token = shared(True, Pause(reason, "why", 45.0, is_new=is_new))
    with capture_logs() as logged, pytest.raises(crawl_failures.Outage, match="why") as caught:
        token.renew(fail, refused=None)
    assert caught.value.resume_in == 45.0
    assert [(line["event"], line["log_level"]) for line in logged] == events
    assert all((line["reason"], line["seconds"]) == (reason, 45.0) for line in logged)


def test_a_token_is_renewed_by_the_worker_that_has_the_turn() -> None:
    assert shared(False).renew(lambda: ("t", 9.0), refused=None) is None
    database: Any = Stored(True, None)
    token = SharedToken(database, client_id="tests")
    assert token.renew(lambda: ("t", 9.0), refused=None) == ("t", 9.0)
    assert database.left == []  # it is stored too
