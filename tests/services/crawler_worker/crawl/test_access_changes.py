"""The stored access of a crawled subreddit changes after three equal checks in a row."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawler_worker.reddit import crawl_failures
from crawljobs.db.database import Database
from crawljobs.domain import completion, retry
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.content import crawl_history, stored_subreddits, subreddit_access
from crawljobs.repository.operations import audit_log
from crawljobs.repository.queue import job_completion
from crawljobs.repository.schedules import schedule_reads
from support import jobs, scripted_reddit
from support import schedule_rows as rows
from support.crawls import Crawler
from support.matrices import each_once
from support.scripted_reddit import HTML, ScriptedReddit, always

HOUR = timedelta(hours=1)
ABOUT = "/r/python/about"
REQUIRED = (ABOUT, "/r/python/new")  # the paths that each crawl requests
BANNED = always(404, {"reason": "banned", "message": "Not Found", "error": 404})
NOT_FOUND = always(404, {"message": "Not Found", "error": 404})
PRIVATE = always(403, {"reason": "private", "message": "Forbidden", "error": 403})


@pytest.fixture
def reddit() -> ScriptedReddit:
    return ScriptedReddit()


@pytest.fixture
def crawler(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url)


def row(crawler: Crawler) -> Any:
    (found,) = crawler.rows("SELECT * FROM subreddits WHERE name = 'python'")
    return found


def is_enabled(crawler: Crawler, schedule_id: int) -> bool:
    with crawler.database.begin() as conn:
        found = schedule_reads.get_schedule(conn, schedule_id=schedule_id)
    assert found is not None
    return found.enabled


def schedule(crawler: Crawler) -> int:
    with crawler.database.begin() as conn:
        return int(rows.make(conn, "crawl python", subreddit="python", now=jobs.T0).id)


def later(crawler: Crawler, hours: float) -> None:
    """Change the database as if the last counted check were this many hours old."""
    crawler.rows(
        "UPDATE subreddits SET access_unconfirmed_at = now() - make_interval(hours => :hours) "
        "RETURNING id",
        hours=hours,
    )


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(BANNED, "banned"), (NOT_FOUND, "not_found"), (PRIVATE, "private")],
)
def test_the_third_equal_look_changes_the_access_of_what_was_crawled(
    crawler: Crawler, reddit: ScriptedReddit, answer: Any, outcome: str
) -> None:
    schedule_id = schedule(crawler)
    assert crawler.crawl("python") == "crawled"
    reddit.answers[ABOUT] = answer
    for looks in (1, 2):
        assert crawler.crawl("python") == outcome
        found = row(crawler)
        assert (found.access, found.access_unconfirmed) == ("public", outcome)
        assert found.access_unconfirmed_looks == looks
        assert found.next_crawl_at - found.access_unconfirmed_at == 8 * HOUR
        # A check less than 8 hours after the last one does not count.
        later(crawler, 7)
        assert crawler.crawl("python") == outcome
        assert row(crawler).access_unconfirmed_looks == looks
        assert is_enabled(crawler, schedule_id)
        later(crawler, 8)
    assert crawler.crawl("python") == outcome
    found = row(crawler)
    assert (found.access, found.access_unconfirmed, found.access_unconfirmed_looks) == (
        (outcome, None, 0)
    )
    assert found.next_crawl_at is not None
    assert is_enabled(crawler, schedule_id) == (outcome == "private")
    # The subreddit becomes available again.
    del reddit.answers[ABOUT]
    assert crawler.crawl("python") == "crawled"
    assert row(crawler).access == "public"
    assert is_enabled(crawler, schedule_id)
    with crawler.database.begin() as conn:
        actions = [entry.action for entry in audit_log.list_entries(conn).entries]
    assert actions == ([] if outcome == "private" else ["enable", "disable"])


# Replies in Reddit's format, each sent once, although the subreddit is open.
ONE_WRONG_REPLY = {
    "banned": (404, {"reason": "banned", "message": "Not Found", "error": 404}),
    "not found": (404, {"message": "Not Found", "error": 404}),
    "gone": (410, {"message": "Gone", "error": 410}),
    "legal": (451, {"message": "Unavailable", "error": 451}),
    "private": (403, {"reason": "private", "message": "Forbidden", "error": 403}),
    "gated": (403, {"reason": "gated", "message": "Forbidden", "error": 403}),
}


def once(reddit: ScriptedReddit, path: str, status: int, body: Any) -> None:
    """Send this reply to the first request of the path, and the good reply to later requests."""

    def answer(_query: str) -> tuple[int, Any]:
        del reddit.answers[path]
        return status, body

    reddit.answers[path] = answer


@pytest.mark.parametrize(("path", "reply"), each_once(REQUIRED, ONE_WRONG_REPLY))
def test_one_wrong_reply_makes_no_community_unavailable(
    crawler: Crawler, reddit: ScriptedReddit, path: str, reply: str
) -> None:
    """One wrong reply changes nothing even before the first crawl, when one check is enough."""
    schedule_id = schedule(crawler)
    for _ in range(2):
        once(reddit, path, *ONE_WRONG_REPLY[reply])
        assert crawler.crawl("python") == "crawled"
        found = row(crawler)
        assert (found.access, found.access_unconfirmed) == ("public", None)
        assert is_enabled(crawler, schedule_id)


def in_turn(reddit: ScriptedReddit, path: str, *answers: Any) -> None:
    """Send these replies to requests of the path, one after the other, and then the good reply."""
    remaining = list(answers)

    def answer(query: Any) -> tuple[int, Any]:
        answer_now = remaining.pop(0)
        if not remaining:
            del reddit.answers[path]
        return answer_now(query)  # type: ignore[no-any-return]

    reddit.answers[path] = answer


GATED = always(403, {"reason": "gated", "message": "Forbidden", "error": 403})


@pytest.mark.parametrize("path", [ABOUT, "/r/python/new"])
@pytest.mark.parametrize(
    ("replies", "outcome", "requests"),
    [
        ((BANNED, GATED), "crawled", 3),
        ((BANNED, GATED, GATED), "gated", 3),
        ((BANNED, GATED, BANNED), "banned", 3),
        ((NOT_FOUND, PRIVATE, PRIVATE), "private", 3),
    ],
)
def test_a_third_reply_decides_when_two_denials_contradict_each_other(
    crawler: Crawler,
    reddit: ScriptedReddit,
    path: str,
    replies: tuple[Any, ...],
    outcome: str,
    requests: int,
) -> None:
    in_turn(reddit, path, *replies)
    assert crawler.crawl("python") == outcome
    assert row(crawler).access == ("public" if outcome == "crawled" else outcome)
    assert reddit.count(path) == requests


@pytest.mark.parametrize("path", [ABOUT, "/r/python/new"])
def test_three_denials_that_contradict_each_other_change_nothing(
    crawler: Crawler, reddit: ScriptedReddit, path: str
) -> None:
    schedule_id = schedule(crawler)
    in_turn(reddit, path, BANNED, GATED, NOT_FOUND)
    with pytest.raises(crawl_failures.NothingClear, match="banned, gated, not_found"):
        crawler.crawl("python")
    found = row(crawler)
    assert (found.access, found.access_unconfirmed) == ("unknown", None)
    assert is_enabled(crawler, schedule_id)


def test_what_is_known_to_be_unavailable_is_asked_for_once(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers[ABOUT] = PRIVATE
    asked = []
    for _ in range(3):
        assert crawler.crawl("python") == "private"
        asked.append(reddit.count(ABOUT))
    assert asked == [2, 3, 4]


def test_another_outcome_starts_the_looks_again(crawler: Crawler, reddit: ScriptedReddit) -> None:
    crawler.crawl("python")
    for answer, looks in ((NOT_FOUND, 1), (NOT_FOUND, 2), (BANNED, 1), (NOT_FOUND, 1)):
        reddit.answers[ABOUT] = answer
        crawler.crawl("python")
        assert row(crawler).access_unconfirmed_looks == looks
        later(crawler, 9)
    assert row(crawler).access == "public"


def test_an_open_look_forgets_what_was_not_confirmed(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    crawler.crawl("python")
    reddit.answers[ABOUT] = NOT_FOUND
    crawler.crawl("python")
    del reddit.answers[ABOUT]
    crawler.crawl("python")
    assert (row(crawler).access_unconfirmed, row(crawler).access_unconfirmed_looks) == (None, 0)


def test_what_was_never_crawled_is_believed_at_once(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    schedule_id = schedule(crawler)
    reddit.answers[ABOUT] = NOT_FOUND
    assert crawler.crawl("python") == "not_found"
    assert (row(crawler).access, row(crawler).access_unconfirmed) == ("not_found", None)
    assert not is_enabled(crawler, schedule_id)


def test_a_schedule_that_somebody_disabled_stays_disabled(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    schedule_id = schedule(crawler)
    crawler.rows("UPDATE scheduled_jobs SET enabled = false, next_run_at = NULL RETURNING id")
    reddit.answers[ABOUT] = NOT_FOUND
    crawler.crawl("python")
    del reddit.answers[ABOUT]
    crawler.crawl("python")
    assert not is_enabled(crawler, schedule_id)


@pytest.mark.parametrize(("is_crawled", "follow_ups"), [(True, 1), (False, 0)])
def test_a_rerun_is_made_after_an_outcome_that_is_not_confirmed(
    crawler: Crawler, reddit: ScriptedReddit, is_crawled: bool, follow_ups: int
) -> None:
    if is_crawled:
        crawler.crawl("python")
    reddit.answers[ABOUT] = BANNED
    crawler.enqueue("python")
    claim = crawler.claim()
    crawler.enqueue("python")
    outcome = crawler.run(claim)
    with crawler.database.begin() as conn:
        job_completion.complete_claim(conn, completion.completed(claim, outcome))
    live = "SELECT count(*) FROM crawl_jobs WHERE status IN ('queued', 'waiting')"
    assert crawler.value(live) == follow_ups


def test_a_clock_that_was_set_back_counts_from_now(database: Database) -> None:
    with database.begin() as conn:
        ids = stored_subreddits.ensure(conn, names=["club"], discovered_from=None, depth=0)
        marks = crawl_history.Marks()
        crawl_history.finish_crawl(conn, subreddit_id=ids["club"], marks=marks, now=jobs.T0)
        for now in (jobs.T0 + 24 * HOUR, jobs.T0, jobs.T0 + 8 * HOUR):
            assert not subreddit_access.record_access(
                conn, subreddit_id=ids["club"], access=AccessState.BANNED, now=now
            )
        query = "SELECT access_unconfirmed_looks AS looks, next_crawl_at FROM subreddits"
        found = conn.execute(text(query)).one()
    assert (found.looks, found.next_crawl_at) == (2, jobs.T0 + 16 * HOUR)


UNCLEAR_OR_FAILED = (
    *((403, HTML), (404, HTML), (403, {"error": "insufficient_scope"}), (200, HTML)),
    *((403, b""), (500, {"message": "Internal Server Error", "error": 500}), (502, b"")),
    *((408, b""), (204, b""), (200, b""), (200, b'{"kind": "Li'), (520, HTML)),
    *((400, {"message": "Bad Request", "error": 400}), (422, {"message": "No", "error": 422})),
)


@pytest.mark.parametrize(("path", "reply"), each_once(REQUIRED, UNCLEAR_OR_FAILED))
def test_a_required_page_that_is_unclear_or_fails_defers_the_job_and_changes_no_access(
    crawler: Crawler, reddit: ScriptedReddit, path: str, reply: tuple[int, Any]
) -> None:
    status, body = reply
    crawler.crawl("python")
    reddit.answers[path] = always(status, body)
    crawler.enqueue("python")
    with pytest.raises(crawl_failures.NothingClear) as caught:
        crawler.run(crawler.claim())
    assert caught.value.resume_in == 60
    assert (row(crawler).access, row(crawler).access_unconfirmed) == ("public", None)


@pytest.mark.parametrize("path", [ABOUT, "/r/python/new"])
def test_a_request_that_is_refused_for_a_community_never_crawled_fails_the_job(
    crawler: Crawler, reddit: ScriptedReddit, path: str
) -> None:
    """Reddit refuses a name that it does not accept as a subreddit's, for example."""
    reddit.answers[path] = always(400, {"message": "Bad Request", "error": 400})
    job_id = crawler.enqueue("python")
    with pytest.raises(crawl_failures.BadRequest, match="refuses the request"):
        crawler.run(crawler.claim())
    assert reddit.count(path) == 2
    assert crawler.checkpoint(job_id)["requests"] == len(reddit.asked) - reddit.count("/api/v1")


def test_a_page_that_stays_unclear_for_a_day_fails_the_job(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers[ABOUT] = always(403, HTML)
    job_id = crawler.enqueue("python")
    claim = crawler.claim()
    waited = 0.0
    for _ in range(retry.UNCLEAR_DEFERRALS_MAX):
        with pytest.raises(crawl_failures.NothingClear) as caught:
            crawler.run(claim)
        waited += caught.value.resume_in
        claim = claim._replace(checkpoint=crawler.checkpoint(job_id))
    assert 24 <= waited / 3600 <= 25
    with pytest.raises(crawl_failures.BadRequest, match="for a day"):
        crawler.run(claim)


NEW = "/r/python/new"


@pytest.mark.parametrize(
    ("answer", "outcome"), [(BANNED, "banned"), (NOT_FOUND, "not_found"), (PRIVATE, "private")]
)
def test_posts_that_are_denied_count_whatever_the_description_says(
    crawler: Crawler, reddit: ScriptedReddit, answer: Any, outcome: str
) -> None:
    schedule_id = schedule(crawler)
    crawler.crawl("python")
    reddit.answers[NEW] = answer
    for looks in (1, 2):
        assert crawler.crawl("python") == outcome
        found = row(crawler)
        assert (found.access, found.access_unconfirmed_looks) == ("public", looks)
        later(crawler, 9)
    assert crawler.crawl("python") == outcome
    assert (row(crawler).access, row(crawler).access_unconfirmed) == (outcome, None)
    # Reddit shows the description in further checks. The access stays as it is.
    for _ in range(2):
        assert crawler.crawl("python") == outcome
        found = row(crawler)
        assert (found.access, found.access_unconfirmed) == (outcome, None)
        assert found.next_crawl_at is not None
        assert is_enabled(crawler, schedule_id) == (outcome == "private")
    del reddit.answers[NEW]
    assert crawler.crawl("python") == "crawled"
    assert row(crawler).access == "public"
    assert is_enabled(crawler, schedule_id)


@pytest.mark.parametrize(
    ("paths", "looks"), [((ABOUT, NEW, ABOUT), 3), ((NEW, ABOUT, NEW), 3), ((NEW, NEW, None), 0)]
)
def test_looks_count_whichever_required_page_is_denied(
    crawler: Crawler, reddit: ScriptedReddit, paths: tuple[str | None, ...], looks: int
) -> None:
    crawler.crawl("python")
    for path in paths:
        reddit.answers = {} if path is None else {path: BANNED}
        crawler.crawl("python")
        later(crawler, 9)
    found = row(crawler)
    assert found.access == ("banned" if looks else "public")
    assert (found.access_unconfirmed, found.access_unconfirmed_looks) == (None, 0)


def test_a_community_never_crawled_is_not_open_by_its_description(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers[NEW] = always(403, HTML)
    crawler.enqueue("python")
    claim = crawler.claim()
    with pytest.raises(crawl_failures.NothingClear):
        crawler.run(claim)
    assert row(crawler).access == "unknown"
    reddit.answers[NEW] = PRIVATE
    assert crawler.run(claim) == "private"
    assert row(crawler).access == "private"


@pytest.mark.parametrize("kind", ["private", "employees_only", None])
@pytest.mark.parametrize("is_crawled", [True, False])
def test_a_description_in_other_words_closes_no_community_that_shows_its_posts(
    crawler: Crawler, reddit: ScriptedReddit, kind: Any, is_crawled: bool
) -> None:
    if is_crawled:
        crawler.crawl("python")
    data = {"display_name": "python", "subreddit_type": kind, "name": "t5_1"}
    reddit.answers[ABOUT] = always(200, {"kind": "t5", "data": data})
    for _ in range(2):
        assert crawler.crawl("python") == "crawled"
        found = row(crawler)
        assert found.access in ("public", "restricted")
        assert found.access_unconfirmed is None
    # One denial of the posts does not close the subreddit either. Three checks decide.
    reddit.answers[NEW] = PRIVATE
    assert crawler.crawl("python") == "private"
    assert (row(crawler).access in ("public", "restricted"), row(crawler).access_unconfirmed) == (
        True,
        "private",
    )


def test_a_crawl_that_goes_on_at_its_posts_records_that_they_are_shown(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    """The second run continues a checkpoint of an earlier release, which has no description."""
    stop = threading.Event()

    def stopping(_query: Any) -> tuple[int, Any]:
        stop.set()
        data = {"display_name": "python", "subreddit_type": "restricted", "name": "t5_1"}
        return 200, {"kind": "t5", "data": data}

    reddit.answers[ABOUT] = stopping
    job_id = crawler.enqueue("python")
    claim = crawler.claim()
    with pytest.raises(crawl_failures.Interrupted):
        crawler.run(claim, stop=stop)
    assert row(crawler).access == "unknown"
    saved = crawler.checkpoint(job_id)
    assert saved["phase"] == "posts"
    assert crawler.run(claim._replace(checkpoint=saved)) == "crawled"
    assert row(crawler).access == "restricted"
    del saved["described_as"]
    assert crawler.run(claim._replace(checkpoint=saved)) == "crawled"
    assert row(crawler).access == "restricted"
