"""Read the progress of the crawls from the admin-api."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crawljobs.domain import plain_text
from onebox.api_client import ApiClient

CRAWLED = "crawled"  # the outcome of a crawl of an accessible subreddit
FINAL = ("succeeded", "failed", "cancelled")
LISTED = 100  # one API request lists at most this number of jobs: the newest jobs
TEXT_MAX = 120  # limit of a displayed text in characters
USER = "user"  # the source of jobs that users request
UNTIL_RESUMED = 9999  # a job with this year in `waiting_until` waits until an operator acts
SOURCE_ORDER = ("schedule", "stale", "discovery")


@dataclass(frozen=True)
class JobView:
    """The fields of a job that the demo displays."""

    id: int
    subreddit: str
    status: str
    wait_reason: str
    phase: str
    page: int
    posts: int
    comments: int
    authors: int
    requests: int
    total: int
    waiting_until: str
    gap: bool
    worker: str
    error: str
    retry_count: int
    outcome: str
    source: str

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def state(self) -> str:
        """The status, and in parentheses why the job waits or why its subreddit cannot be read."""
        if self.wait_reason:
            return f"{self.status} ({self.wait_reason})"
        return f"{self.status} ({self.outcome})" if self.is_barred else self.status

    @property
    def is_barred(self) -> bool:
        """Whether the job succeeded without a crawl, because its subreddit cannot be read."""
        return self.status == "succeeded" and self.outcome not in ("", CRAWLED)

    @property
    def requests_of_total(self) -> str:
        """The number of requests, such as `12`.

        For a live job, the expected total follows if it is larger: `12/40`.
        """
        is_open = self.total > self.requests and not self.is_final
        return f"{self.requests}/{self.total}" if is_open else str(self.requests)

    @property
    def note(self) -> str:
        """Return the text of the column `note`.

        - A waiting, failed or cancelled job: its latest error. A waiting job also shows the end of
          its wait.
        - Any other job: a gap in the listings.
        - Without a gap: the number of the attempt of a queued or crawling job, from the second
          attempt on.
        """
        if self.status == "waiting":
            return ": ".join(part for part in (until(self.waiting_until), self.error) if part)
        if self.status in ("failed", "cancelled"):
            return self.error
        if self.gap:
            return "Reddit no longer shows some new items"
        if self.retry_count and not self.is_final:
            return f"attempt {self.retry_count + 1}"
        return ""


@dataclass(frozen=True)
class Snapshot:
    """The jobs that the demo displays at one moment."""

    asked: list[JobView]  # jobs that the demo requested at its start
    own: list[JobView]  # users' other jobs: the live jobs, and the jobs newer than those in `asked`
    others: list[JobView]  # live jobs that no user requested, such as jobs of schedules

    @property
    def is_finished(self) -> bool:
        return all(job.is_final for job in self.asked)

    @property
    def is_idle(self) -> bool:
        return self.is_finished and not self.others and all(job.is_final for job in self.own)

    def by_state(self) -> dict[str, int]:
        return dict(sorted(Counter(job.status for job in self.asked).items()))


def poll(api: ApiClient, asked: list[int]) -> Snapshot:
    """Return the state of the displayed jobs. `asked` has the ids of the jobs of this demo.

    Raises ApiUnavailableError.
    """
    listed = api.get(f"/api/admin/jobs?limit={LISTED}").get("items") or []
    if len(listed) == LISTED:  # a full list may lack users' jobs, so also list only users' jobs
        listed += api.get(f"/api/admin/jobs?source={USER}&limit={LISTED}").get("items") or []
    found = {view.id: view for view in map(job_view, listed)}
    for job_id in asked:
        if job_id not in found:
            found[job_id] = job_view(api.get(f"/api/admin/jobs/{job_id}"))
    since = max(asked, default=0)
    rest = [view for view in found.values() if view.id not in asked]
    own = [view for view in rest if view.source == USER and (view.id > since or not view.is_final)]
    others = [view for view in rest if view.source != USER and not view.is_final]
    return Snapshot([found[job_id] for job_id in asked], own, sorted(others, key=_rank))


def _rank(job: JobView) -> tuple[bool, int]:
    known = job.source in SOURCE_ORDER
    return job.status != "crawling", SOURCE_ORDER.index(job.source) if known else -1


def until(moment: str) -> str:
    """Return a text such as "until 14:05:00" for a time from the API, in local time.

    The text has the date if the time is not today. A time from the year UNTIL_RESUMED on means that
    a pause ends only when an operator resumes it, so the text says this. For an invalid time, the
    text is empty.
    """
    try:
        local = datetime.fromisoformat(moment).astimezone()
    except (ValueError, OverflowError):
        return ""
    if local.year >= UNTIL_RESUMED:
        return "until an operator resumes it"
    today = local.date() == datetime.now().astimezone().date()
    return f"until {local:%H:%M:%S}" if today else f"until {local:%Y-%m-%d %H:%M}"


def job_view(raw: dict[str, Any]) -> JobView:
    done = raw.get("progress") or {}
    return JobView(
        id=int(raw["id"]),
        subreddit=_text(raw.get("subreddit")),
        status=_text(raw.get("status")),
        wait_reason=_text(raw.get("wait_reason")),
        phase=_text(done.get("phase")),
        page=_count(done.get("page")),
        posts=_count(done.get("posts")),
        comments=_count(done.get("comments")),
        authors=_count(done.get("authors")),
        requests=_count(done.get("requests")),
        total=_count(done.get("total")),
        waiting_until=_text(done.get("waiting_until")),
        gap=done.get("gap") is True,
        worker=_text(raw.get("claimed_by")),
        error=_text(raw.get("error_message")),
        retry_count=_count(raw.get("retry_count")),
        outcome=_text(raw.get("outcome")),
        source=_text(raw.get("source")),
    )


def _text(value: object) -> str:
    return plain_text.one_line(str(value or ""), limit=TEXT_MAX)


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
