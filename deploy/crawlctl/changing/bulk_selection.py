"""The jobs of a change with --filter: find the jobs, try the change, and ask for confirmation."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crawlctl.changing.chunks import CHUNK, is_done
from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.job_filters import JOB_FILTERS
from crawlctl.output.progress_line import ProgressLine
from crawlctl.output.visible_text import visible
from crawlctl.parameters import BEFORE_NOW, IDS_MAX
from crawlctl.rest.pages import read_items
from crawlctl.session import Session

PATH = "/api/admin/jobs"
SAMPLES = 5
_BY_NAME = {each.name: each for each in JOB_FILTERS}
Try = Callable[[Sequence[int]], Sequence[Mapping[str, Any]]]


@dataclass
class Selection:
    """The result of the dry run of a change.

    - `ids`: the ids of the jobs that the change would affect.
    - `samples`: some of these jobs, which are shown to the person.
    - `unchanged`: the number of jobs that match the filter and that the change would not affect.
    """

    ids: list[int] = field(default_factory=list)
    samples: list[Mapping[str, Any]] = field(default_factory=list)
    unchanged: int = 0


@dataclass(frozen=True)
class Consent:
    """The options with which a script confirms a change, so that no person must answer.

    `yes` is --yes. `expected` is the number of jobs in --expect, or None without this option.
    """

    yes: bool
    expected: int | None


def parsed(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the API query for the values of --filter. Raises CommandFailed for a wrong value."""
    query: dict[str, Any] = {}
    for name, text in pairs:
        known = _BY_NAME.get(name.replace("-", "_"))
        if known is None:
            names = ", ".join(_BY_NAME)
            raise CommandFailed(f"--filter {name}: unknown; known are {names}", ExitCode.USAGE)
        if not text:
            raise CommandFailed(f"--filter {name}: the value is empty", ExitCode.USAGE)
        if known.many:
            query.setdefault(known.name, []).extend(text.split(","))
        elif known.name in query:
            raise CommandFailed(f"--filter {name}: given twice", ExitCode.USAGE)
        else:
            query[known.name] = _checked(name, known.kind, text)
    return query


def _checked(name: str, kind: str, text: str) -> str:
    if kind == "number" and not (text.isascii() and text.isdecimal()):
        raise CommandFailed(f"--filter {name}: expected a number, not {text!r}", ExitCode.USAGE)
    if kind == "flag" and text not in ("true", "false"):
        raise CommandFailed(f"--filter {name}: expected true or false", ExitCode.USAGE)
    return BEFORE_NOW.convert(text, None, None) if kind == "time" else text


def select(session: Session, query: Mapping[str, Any], try_change: Try) -> Selection:
    """Return the jobs that match the query and that the change would affect.

    To find these jobs, the function makes a dry run of the change.
    """
    selection, chunk = Selection(), list[Mapping[str, Any]]()
    progress = ProgressLine(session)
    for job in read_items(session.client, PATH, query, limit=None):
        chunk.append(job)
        if len(chunk) == CHUNK:
            _try(selection, chunk, try_change)
            chunk.clear()
            if progress.is_due():
                progress.show(f"dry run: {len(selection.ids):,} jobs so far")
        if len(selection.ids) > IDS_MAX:
            raise CommandFailed(f"More than {IDS_MAX:,} jobs match.", ExitCode.REFUSED)
    if chunk:
        _try(selection, chunk, try_change)
    progress.clear()
    return selection


def _try(selection: Selection, jobs: Sequence[Mapping[str, Any]], try_change: Try) -> None:
    by_id = {job["id"]: job for job in jobs}
    for answer in try_change(list(by_id)):
        if not is_done(answer):
            selection.unchanged += 1
            continue
        selection.ids.append(answer["id"])
        if len(selection.samples) < SAMPLES:
            selection.samples.append(by_id[answer["id"]])


def describe(session: Session, verb: str, selection: Selection) -> None:
    """Write the server, the number of jobs and some jobs of the change to standard error."""
    count = len(selection.ids)
    session.complain(f"{verb} {_jobs(count)} at {session.client.url}")
    for job in selection.samples:
        reason = f" ({job['error_message'][:60]})" if job.get("error_message") else ""
        text = f"  {job['id']}  r/{job['subreddit']}  {job['status']}{reason}"
        session.complain(visible(text))
    if count > len(selection.samples):
        session.complain(f"  ... and {count - len(selection.samples):,} more")
    if selection.unchanged:
        session.complain(f"  {selection.unchanged:,} other matches cannot be changed: left out")


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count:,} jobs"


def confirm(count: int, consent: Consent) -> None:
    """Raise CommandFailed unless the person or the options confirm the number of jobs.

    A count of 0 needs no confirmation.
    """
    if consent.expected is not None and consent.expected != count:
        raise CommandFailed(
            f"The filter selects {_jobs(count)}, not {consent.expected:,}. Nothing was changed.",
            ExitCode.REFUSED,
        )
    if count == 0 or (consent.yes and (consent.expected is not None or sys.stdin.isatty())):
        return
    if not sys.stdin.isatty():
        raise CommandFailed(
            f"Without a terminal a change by filter needs --yes --expect {count}. "
            "Nothing was changed.",
            ExitCode.REFUSED,
        )
    sys.stderr.write(f"Type the number of jobs to change them ({count}): ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().replace(",", "") != str(count):
        raise CommandFailed("Another number was typed. Nothing was changed.", ExitCode.REFUSED)
