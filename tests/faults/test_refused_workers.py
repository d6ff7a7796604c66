"""F28: Reddit refuses the workers' client id. Only one worker at a time sends a probe."""

import json
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from crawler_worker.reddit.pacing import probe
from crawljobs.domain.budget_state import REMEDIES
from crawljobs.domain.job import FREED_WITHIN_SECONDS, JobStatus
from crawljobs.domain.request_budget import PausedReason
from support import probes, scripted_reddit, scripted_server
from support.crew import PRODUCTION, Crew
from support.scripted_reddit import HTML, QUICK, ScriptedReddit, always, comment, listing, post
from support.scripted_server import Exchange
from support.service_process import ServiceProcess
from support.waiting import wait_until
from support.watched_queue import WatchedQueue

WORKERS, JOBS = 3, 9
LONG = {"LEASE_SECONDS": "30", "WORKER_CONCURRENCY": "3", "PROBE_BIND": "127.0.0.1:0"}


class Reddit:
    """A simulated Reddit. Every community has one post, and a blocked client gets only 403."""

    def __init__(self) -> None:
        self.is_blocked = False
        self.probes = self.pages = 0
        self.probing = self.most_probing = 0
        self.may_answer = threading.Event()  # until this is set, a reply to a probe waits
        self.may_answer.set()
        self._lock = threading.Lock()

    def __call__(self, it: Exchange) -> None:
        path = it.path.partition("?")[0]
        if path.startswith("/api/v1/access_token"):
            it.send(200, b'{"access_token": "t", "expires_in": 86400}')
        elif path == probe.REQUEST.path and "t5_6" in it.path:
            self._answer_probe(it)
        else:
            with self._lock:
                self.pages += 1
            self._answer(it, _page(path))

    def _answer_probe(self, it: Exchange) -> None:
        with self._lock:
            self.probes += 1
            self.probing += 1
            self.most_probing = max(self.most_probing, self.probing)
        self.may_answer.wait(30)
        with self._lock:
            self.probing -= 1
        self._answer(it, listing())

    def _answer(self, it: Exchange, body: Any) -> None:
        if self.is_blocked:
            it.send(403, HTML, content_type="text/html", **QUICK)
        else:
            content = json.dumps(body).encode()
            it.send(200, content, content_type="application/json", **QUICK)


def _page(path: str) -> dict[str, Any]:
    _, kind, name, *rest = [*path.split("/"), ""]
    if kind == "r" and rest[0] == "about":
        return {"kind": "t5", "data": {"display_name": name, "subreddit_type": "public"}}
    if kind == "r" and rest[0] == "new":
        return listing(post(name.replace("_", ""), subreddit=name, author="[deleted]"))
    return listing()


@pytest.fixture
def reddit() -> Reddit:
    return Reddit()


@pytest.fixture
def url(reddit: Reddit) -> Iterator[str]:
    with scripted_server.serve(reddit) as url:
        yield url
        reddit.may_answer.set()


def waiting(queue: WatchedQueue) -> list[tuple[str, int]]:
    """Return the wait reason and the number of charged attempts of each waiting job."""
    rows = queue.rows("SELECT wait_reason, retries FROM crawl_jobs WHERE status = 'waiting'")
    return [(row.wait_reason, row.retries) for row in rows]


def wait_until_all_wait(queue: WatchedQueue, crew: Crew, count: int) -> None:
    wait_until(lambda: len(waiting(queue)) == count, timeout=30, describe=crew.log)
    assert waiting(queue) == [("outage", 0)] * count


def paused(queue: WatchedQueue) -> Any:
    (row,) = queue.rows(
        "SELECT paused_reason, outages_in_a_row AS failed, outage_until > now() AS is_open "
        "FROM reddit_budgets"
    )
    return row


def test_three_workers_pause_probe_one_at_a_time_and_all_resume(
    queue: WatchedQueue, crew: Crew, reddit: Reddit, url: str
) -> None:
    crew.sandbox_url, reddit.is_blocked = url, True
    workers = [crew.started(PRODUCTION, **LONG) for _ in range(WORKERS)]
    jobs = queue.enqueue(*(f"club_{number}" for number in range(JOBS)))
    wait_until_all_wait(queue, crew, JOBS)
    assert paused(queue) == ("client_refused", 0, True)
    pages = reddit.pages
    for pauses in (1, 2):
        before = reddit.probes
        reddit.may_answer.clear()
        end_pause(queue)
        # One worker sends a probe. The others see that the pause is still in force.
        wait_until(lambda: reddit.probing == 1, timeout=20, describe=crew.log)
        wait_until(lambda: len(waiting(queue)) == JOBS - 1, timeout=20, describe=crew.log)
        assert [job.status for job in queue.claimed()] == [JobStatus.CRAWLING]
        reddit.may_answer.set()
        wait_until_all_wait(queue, crew, JOBS)
        assert (reddit.probes - before, paused(queue).failed) == (1, pauses)
    assert (reddit.most_probing, reddit.pages) == (1, pages)
    queue.check()
    # Reddit accepts the client again. One more probe succeeds, and all workers continue.
    reddit.may_answer.clear()
    end_pause(queue)
    wait_until(lambda: len(waiting(queue)) == JOBS - 1, timeout=20, describe=crew.log)
    reddit.is_blocked = False
    reddit.may_answer.set()
    # A job that was deferred just after Reddit accepted the client is freed within 65 s.
    wait_until(lambda: not queue.live(), timeout=FREED_WITHIN_SECONDS + 15, describe=crew.log)
    queue.check_ended()
    assert (reddit.most_probing, paused(queue)) == (1, (None, 0, None))
    assert queue.value("SELECT count(*) FROM posts") == JOBS
    assert {outcome for job_id in jobs for outcome in queue.outcomes(job_id)} == {
        "deferred",
        "succeeded",
    }
    told = [line for worker in workers for line in worker.logged("reddit.refused")]
    assert [line["reason"] for line in told] == ["client_refused"]
    assert (told[0]["level"], told[0]["remedy"]) == ("error", REMEDIES[PausedReason.CLIENT_REFUSED])
    again = [line for worker in workers for line in worker.logged("reddit.accepted_again")]
    assert len(again) == 1


def end_pause(queue: WatchedQueue) -> None:
    """Set the end of the pause, and of all waits, to now."""
    assert queue.rows("UPDATE reddit_budgets SET outage_until = clock_timestamp() RETURNING 1")
    queue.rows(
        "UPDATE crawl_jobs SET visible_at = clock_timestamp() WHERE status = 'waiting' RETURNING id"
    )


def begin_to_stop(worker: ServiceProcess) -> None:
    """Send SIGTERM, and wait until the worker has begun to stop."""
    ready = probes.address(worker)
    worker.signal(signal.SIGTERM)
    wait_until(lambda: probes.status(ready, "/readyz") != 200, timeout=10, describe=worker.told)


def blocked(queue: WatchedQueue, crew: Crew, reddit: Reddit, url: str) -> ServiceProcess:
    """Start a worker that Reddit refuses. Return it when all its jobs wait for the pause's end."""
    crew.sandbox_url, reddit.is_blocked = url, True
    worker = crew.started(PRODUCTION, **LONG)
    queue.enqueue(*(f"club_{number}" for number in range(3)))
    wait_until_all_wait(queue, crew, 3)
    return worker


def finish(queue: WatchedQueue, crew: Crew, reddit: Reddit) -> None:
    """Let Reddit accept the client, and start a new worker that finishes all jobs."""
    reddit.is_blocked = False
    reddit.may_answer.set()
    end_pause(queue)
    crew.started(PRODUCTION, **LONG)
    queue.wait_until_ended(describe=crew.log)
    queue.check_ended()


def test_sigterm_during_a_refusal_leaves_the_jobs_as_they_wait(
    queue: WatchedQueue, crew: Crew, reddit: Reddit, url: str
) -> None:
    worker = blocked(queue, crew, reddit, url)
    code, seconds = worker.terminate()
    assert (code, seconds < 5) == (0, True), crew.log()
    assert waiting(queue) == [("outage", 0)] * 3
    queue.check()
    finish(queue, crew, reddit)


@pytest.mark.deep
@pytest.mark.parametrize("answers", [True, False])
def test_sigterm_during_the_probe_releases_its_job_without_an_attempt(
    queue: WatchedQueue, crew: Crew, reddit: Reddit, url: str, answers: bool
) -> None:
    """In one case the probe gets a reply while the worker stops, in the other case it gets none."""
    worker = blocked(queue, crew, reddit, url)
    reddit.may_answer.clear()
    end_pause(queue)
    wait_until(lambda: reddit.probing == 1, timeout=20, describe=crew.log)
    wait_until(lambda: len(waiting(queue)) == 2, timeout=20, describe=crew.log)
    (job,) = queue.claimed()
    begin_to_stop(worker)
    if answers:
        reddit.may_answer.set()
    assert worker.wait() == 0, crew.log()
    assert queue.claimed() == []
    # A refused probe prolongs the pause, so its job waits. Without a reply, the job is queued.
    assert queue.outcomes(job.id)[-1] == ("deferred" if answers else "released")
    assert queue.job(job.id).retries == 0
    queue.check()
    finish(queue, crew, reddit)


def test_sigterm_keeps_the_parts_that_a_crawl_gave_up(queue: WatchedQueue, crew: Crew) -> None:
    reddit = ScriptedReddit(
        [post("9999", num_comments=300), post("9998", num_comments=2)],
        [comment("c1", "9998")],
    )
    refused = always(400, {"message": "Bad Request", "error": 400})
    reddit.answers["/comments/9999"] = refused
    reached, go_on, never = threading.Event(), threading.Event(), threading.Event()

    def held(_query: dict[str, str]) -> tuple[int, Any]:
        reached.set()
        go_on.wait(30)
        return 200, [listing(), listing(comment("c1", "9998"), comment("c2", "9998"))]

    def silent(_query: dict[str, str]) -> tuple[int, Any]:
        """Delay the reply to a request that a stopping crawl must not send."""
        never.wait(30)
        return 200, listing()

    reddit.answers["/comments/9998"] = held
    reddit.answers["/user/"] = silent
    with scripted_reddit.serve(reddit) as url:
        crew.sandbox_url = url
        (job_id,) = queue.enqueue("python")
        worker = crew.started(PRODUCTION, **LONG)
        wait_until(reached.is_set, timeout=20, describe=crew.log)
        begin_to_stop(worker)
        go_on.set()
        assert worker.wait() == 0, crew.log()
        assert (queue.job(job_id).status, queue.outcomes(job_id)) == (
            (JobStatus.QUEUED, ["released"])
        )
        parts = "SELECT kind, item, failures FROM missing_parts"
        assert queue.rows(parts) == [("tree", "9999", 1)]
        kept = queue.job(job_id).checkpoint or {}
        assert (kept["given_up"], kept["missing"][0]["item"]) == (1, "9999")
        never.set()
        asked = reddit.count("/comments/9999")
        crew.started(PRODUCTION, **LONG)
        queue.wait_until_ended(describe=crew.log)
        queue.check_ended()
        # The crawl continues after the given-up part and does not request it a second time.
        assert reddit.count("/comments/9999") == asked
        assert queue.rows(parts) == [("tree", "9999", 1)]
        assert queue.job(job_id).incomplete
        stored = queue.rows("SELECT id FROM comments ORDER BY id")
        assert [row.id for row in stored] == ["c1", "c2"]
