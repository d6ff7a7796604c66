"""A crawl in its thread: its stop signal, its log lines, and the end of its claim."""

import threading
import time
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from crawler_worker.claims import crawl_trace
from crawler_worker.claims.claim_runner import ClaimRunner, Crawl
from crawler_worker.claims.completion_writer import CompletionWriter
from crawler_worker.claims.held_claim import HeldClaim
from crawler_worker.claims.lease_keeper import LeaseKeeper
from crawler_worker.reddit import crawl_failures
from crawljobs import errors
from crawljobs.domain.completion import Completion
from crawljobs.domain.retry import RetryPolicy
from crawljobs.domain.transitions import Transition
from support.claims import CLAIM

CLAIMED = {
    "event": "job.claimed",
    "log_level": "info",
    "job_id": 1,
    "subreddit": "python",
    "priority": 50,
    "retry_count": 0,
}


class Writer:
    """Stands for the completion writer: it keeps what is submitted."""

    def __init__(self) -> None:
        self.submitted: list[tuple[HeldClaim, Completion, Any]] = []

    def submit(self, held: HeldClaim, done: Completion, on_result: Any) -> None:
        self.submitted.append((held, done, on_result))

    def end(self, *, is_written: bool) -> Completion:
        ((_, done, on_result),) = self.submitted
        on_result(done, is_written)
        return done


class Runner:
    """A claim runner for one claim, with its real keeper, and what it did."""

    def __init__(self, crawl: Crawl, monkeypatch: pytest.MonkeyPatch) -> None:
        self.writer, self.stopping = Writer(), threading.Event()
        self.keeper = LeaseKeeper(
            "postgresql://127.0.0.1:1/none", worker="w", lease_seconds=60, on_work=lambda: None
        )
        self.held = self.keeper.hold(CLAIM, requested_at=time.monotonic())
        self.outcomes: list[str] = []
        monkeypatch.setattr(crawl_trace, "finish", lambda _, outcome: self.outcomes.append(outcome))
        self.runner = ClaimRunner(
            crawl,
            writer=cast(CompletionWriter, self.writer),
            keeper=self.keeper,
            retry=RetryPolicy(base_seconds=60, max_hours=24, jitter=0.0),
            stopping=self.stopping,
        )

    def run(self) -> list[Any]:
        with capture_logs() as told:
            self.runner.run(self.held)
        return told


def fails_with(error: BaseException) -> Crawl:
    def crawl(_: HeldClaim) -> str:
        raise error

    return crawl


@pytest.mark.parametrize("is_written", [True, False])
def test_a_crawl_keeps_its_claim_until_its_completion_has_a_result(
    monkeypatch: pytest.MonkeyPatch, *, is_written: bool
) -> None:
    one = Runner(lambda held: "crawled", monkeypatch)
    assert one.run() == [CLAIMED]
    assert one.keeper.all_held() == [one.held]
    assert one.outcomes == []
    with capture_logs() as told:
        done = one.writer.end(is_written=is_written)
    assert (done.verb, done.outcome) == (Transition.COMPLETE, "crawled")
    assert [line["event"] for line in told] == ["job.completed"] * is_written
    assert one.keeper.all_held() == []
    assert one.outcomes == ["succeeded" if is_written else "lost"]


@pytest.mark.parametrize("is_written", [True, False])
def test_a_released_claim_is_held_until_the_release_has_a_result(
    monkeypatch: pytest.MonkeyPatch, *, is_written: bool
) -> None:
    one = Runner(lambda held: "crawled", monkeypatch)
    one.runner.release(one.held)
    assert one.keeper.all_held() == [one.held]
    with capture_logs() as told:
        done = one.writer.end(is_written=is_written)
    assert done.verb is Transition.RELEASE
    assert [line["event"] for line in told] == ["job.released"] * is_written
    assert one.keeper.all_held() == []


def test_a_crawl_that_lost_its_claim_completes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Runner(fails_with(errors.ClaimLost("gone")), monkeypatch)
    lost = {"event": "claim.lost", "log_level": "warning", "job_id": 1}
    assert one.run() == [CLAIMED, lost]
    assert one.held.is_lost()
    assert one.writer.submitted == []
    assert one.keeper.all_held() == []
    assert one.outcomes == ["lost"]


@pytest.mark.parametrize(
    ("error", "is_logged", "verb"),
    [
        (ZeroDivisionError("a bug"), True, Transition.SCHEDULE_RETRY),
        (crawl_failures.UpstreamTrouble("503"), False, Transition.SCHEDULE_RETRY),
        (crawl_failures.BadRequest("400"), False, Transition.FAIL),
        (crawl_failures.Interrupted("stop"), False, Transition.RELEASE),
    ],
)
def test_only_a_bug_is_logged_with_its_traceback(
    monkeypatch: pytest.MonkeyPatch, error: Exception, verb: Transition, *, is_logged: bool
) -> None:
    one = Runner(fails_with(error), monkeypatch)
    lines = one.run()[1:]
    assert [(line["event"], line["log_level"], line["job_id"]) for line in lines] == [
        ("job.crashed", "error", 1)
    ] * is_logged
    assert one.writer.submitted[0][1].verb is verb


def test_a_crawl_that_starts_during_a_stop_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def crawl(held: HeldClaim) -> str:
        seen.append(held.is_set())
        return "crawled"

    Runner(crawl, monkeypatch).run()
    stopped = Runner(crawl, monkeypatch)
    stopped.stopping.set()
    stopped.run()
    assert seen == [False, True]


def test_an_exit_of_the_thread_ends_the_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Runner(fails_with(SystemExit()), monkeypatch)
    with pytest.raises(SystemExit):
        one.run()
    assert one.keeper.all_held() == []
    assert one.outcomes == ["lost"]
