"""How far the crawls have come, asked of the admin-api."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from onebox.api_client import ApiClient

FINAL = ("succeeded", "failed", "cancelled")
LISTED = 100  # newest jobs asked for at once
TEXT_MAX = 120  # characters of a text that came from elsewhere


@dataclass(frozen=True)
class JobView:
    """One job as it is shown."""

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
    eta: str
    gap: bool
    worker: str
    error: str
    source: str

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def state(self) -> str:
        return f"{self.status} ({self.wait_reason})" if self.wait_reason else self.status

    @property
    def requests_of_total(self) -> str:
        """As `12/40`; the total is a forecast, and none once it is over."""
        is_open = self.total > self.requests and not self.is_final
        return f"{self.requests}/{self.total}" if is_open else str(self.requests)

    @property
    def trouble(self) -> str:
        if self.gap:
            return "more was new than Reddit shows"
        return self.error if self.status != "succeeded" else ""


@dataclass(frozen=True)
class Snapshot:
    """`asked` are the jobs the demo enqueued, in their order; `others` were found or scheduled."""

    asked: list[JobView]
    others: list[JobView]

    @property
    def is_finished(self) -> bool:
        return all(job.is_final for job in self.asked)

    @property
    def is_idle(self) -> bool:
        return self.is_finished and not self.others

    def by_state(self) -> dict[str, int]:
        return dict(sorted(Counter(job.status for job in self.asked).items()))


def poll(api: ApiClient, asked: list[int]) -> Snapshot:
    """Raises ApiUnavailableError."""
    listed = api.get(f"/api/admin/jobs?limit={LISTED}").get("items") or []
    found = {view.id: view for view in map(job_view, listed)}
    for job_id in asked:
        if job_id not in found:
            found[job_id] = job_view(api.get(f"/api/admin/jobs/{job_id}"))
    others = [view for view in found.values() if view.id not in asked and not view.is_final]
    return Snapshot([found[job_id] for job_id in asked], others)


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
        eta=_text(done.get("eta")),
        gap=done.get("gap") is True,
        worker=_text(raw.get("claimed_by")),
        error=_text(raw.get("error_message")),
        source=_text(raw.get("source")),
    )


def _text(value: object) -> str:
    """Without what could steer a terminal."""
    return "".join(filter(str.isprintable, str(value or "")))[:TEXT_MAX]


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
