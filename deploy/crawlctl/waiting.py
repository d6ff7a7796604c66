"""Waits for jobs and groups until they are in a final state."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import click

from crawlctl.failures import CommandFailed, ExitCode, worst
from crawlctl.parameters import DURATION
from crawlctl.rest.polling import FIRST_SECONDS, Poller
from crawlctl.session import Session

JOB_PATH, GROUP_PATH = "/api/admin/jobs", "/api/admin/groups"
FINAL = frozenset({"succeeded", "failed", "cancelled"})
IDS_AT_ONCE = 100  # limit of the ids in one request for the list of jobs
DEFAULT_SECONDS = 3_600.0
Object = Mapping[str, Any]
Command = TypeVar("Command", bound=Callable[..., Any])


def timeout_option(text: str) -> Callable[[Command], Command]:
    """Return a decorator that adds --timeout. The value is in seconds, and the default one hour."""
    return click.option(
        "--timeout", type=DURATION, default=DEFAULT_SECONDS, show_default="1h", help=text
    )


def poller(session: Session, seconds: float) -> Poller:
    """Return a poller that gives up after `seconds`."""
    return Poller(
        session.client,
        time.monotonic() + seconds,
        report=session.say,
        first_seconds=session.poll_seconds or FIRST_SECONDS,
    )


def final_jobs(
    session: Session,
    job_ids: Iterable[int],
    polling: Poller,
    *,
    reruns: frozenset[int] = frozenset(),
) -> Iterator[Object]:
    """Yield each job in its final state.

    `reruns` contains some of the `job_ids`. If a job with one of these ids has a follow-up job,
    wait for the follow-up job too, and yield the follow-up job instead.
    """
    waited_for = list(dict.fromkeys(job_ids))
    while waited_for:
        chunk = waited_for[:IDS_AT_ONCE]
        ended = _ended(session, chunk, polling)
        for job in ended:
            after = job["follow_up_job_id"] if job["id"] in reruns else None
            place = waited_for.index(job["id"])
            waited_for[place : place + 1] = [] if after is None or after in waited_for else [after]
            if after is None:
                yield job
            else:
                session.say(f"Job {job['id']} has ended; its follow-up job is {after}.")


def _ended(session: Session, job_ids: Sequence[int], polling: Poller) -> list[Object]:
    """Wait until at least one of the jobs is in a final state. Return the jobs in a final state.

    One request reads all jobs as a list. While the list does not change, the server answers 304
    without a body. Raises Refused if a job does not exist.
    """
    for body in polling.changes(JOB_PATH, {"ids": job_ids}):
        found = {job["id"]: job for job in body["items"]}
        for job_id in job_ids:
            if job_id not in found:
                session.client.get(f"{JOB_PATH}/{job_id}")
        if ended := [job for job in found.values() if job["status"] in FINAL]:
            return sorted(ended, key=lambda job: job_ids.index(job["id"]))
    raise AssertionError("changes() has no end")


def code_of_jobs(jobs: Iterable[Object]) -> ExitCode:
    """Return ENDED_BADLY if a job has not succeeded."""
    return worst(
        [ExitCode.DONE if job["status"] == "succeeded" else ExitCode.ENDED_BADLY for job in jobs]
    )


def final_group(polling: Poller, group_id: int) -> tuple[Object, ExitCode]:
    """Return the finished group, and ENDED_BADLY unless all its steps succeeded.

    Raises CommandFailed if the group is not sealed, because an unsealed group cannot finish.
    """

    def is_over(group: Any) -> bool:
        if group["sealed_at"] is None:
            raise CommandFailed(
                f"Group {group_id} accepts further steps, so it does not finish: seal it first.",
                ExitCode.REFUSED,
            )
        return group["finished_at"] is not None

    group: Object = polling.until(f"{GROUP_PATH}/{group_id}", is_over)
    return group, ExitCode.DONE if group["outcome"] == "succeeded" else ExitCode.ENDED_BADLY
