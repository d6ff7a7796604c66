"""`crawlctl jobs enqueue`: crawls of named subreddits, now or after other crawls."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import click

from crawlctl.changing.chunks import change_in_chunks, is_done
from crawlctl.failures import CommandFailed, ExitCode, worst
from crawlctl.nouns.group import GROUP
from crawlctl.nouns.job import ENQUEUED, IMPORTED, JOB
from crawlctl.parameters import AFTER_NOW, words
from crawlctl.session import Session
from crawlctl.shared_options import Verb
from crawlctl.waiting import (
    GROUP_PATH,
    JOB_PATH,
    code_of_jobs,
    final_group,
    final_jobs,
    poller,
    timeout_option,
)

RERUN = "rerun_requested"


@click.command(cls=Verb)
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--file", type=click.File(), help="A file with a name on each line; - is stdin.")
@click.option("--priority", type=click.IntRange(0, 100), help="60 without this option.")
@click.option("--max-retries", type=click.IntRange(0), help="Attempts after the first one.")
@click.option("--at", "visible_at", type=AFTER_NOW, help="The earliest start, such as 2h.")
@click.option("--after", multiple=True, metavar="JOB|group:ID", help="Start when this has ended.")
@click.option("--group", "group_id", type=click.IntRange(min=1), help="Add steps to this group.")
@click.option(
    "--wait",
    is_flag=True,
    help="Wait until the crawls have ended. The exit code is 9 if one has not succeeded.",
)
@timeout_option("How long --wait waits; then the exit code is 8.")
@click.pass_obj
def enqueue(
    session: Session,
    /,
    names: tuple[str, ...],
    file: Any,
    after: tuple[str, ...],
    group_id: int | None,
    wait: bool,
    timeout: float,
    **options: Any,
) -> ExitCode:
    """Enqueue the crawls of subreddits. - reads the names from standard input."""
    found = words(names)
    if file is not None:
        lines = (line.split() for line in file)
        found = list(dict.fromkeys([*found, *(line[0] for line in lines if line)]))
    if not found:
        raise CommandFailed("Name at least one subreddit.", ExitCode.USAGE)
    body = {name: value for name, value in options.items() if value is not None}
    if after or group_id is not None:
        steps = [{"subreddit": name, "after": _upstreams(after), **body} for name in found]
        return _as_steps(session, steps, group_id, timeout if wait else None)
    if len(found) == 1:
        answer = session.client.call("POST", JOB_PATH, body={"subreddit": found[0], **body}).body
        if not wait:
            session.writer.item(ENQUEUED, answer)
            return ExitCode.DONE
        session.say(f"Job {answer['job']['id']}: {answer['result']}")
        return _await(session, [answer["job"]["id"]], {answer["result"]}, timeout)
    return _many(session, found, body, timeout if wait else None)


def _many(
    session: Session, names: list[str], body: Mapping[str, Any], seconds: float | None
) -> ExitCode:
    answers: list[Mapping[str, Any]] = []

    def send(chunk: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        sent = {"subreddits": list(chunk), **body}
        items: list[Mapping[str, Any]]
        items = session.client.call("POST", f"{JOB_PATH}/bulk", body=sent).body["items"]
        answers.extend(items if seconds is not None else [])
        return items

    code = change_in_chunks(session, IMPORTED, names, send, done="enqueue")
    if seconds is None:
        return code
    done = [answer for answer in answers if is_done(answer) and answer["job_id"] is not None]
    reruns = frozenset(answer["job_id"] for answer in done if answer["code"] == RERUN)
    found = [
        {"status": job["status"]}
        for job in final_jobs(
            session, [answer["job_id"] for answer in done], poller(session, seconds), reruns=reruns
        )
    ]
    return worst([code, code_of_jobs(found)])


def _await(session: Session, job_ids: list[int], results: set[str], seconds: float) -> ExitCode:
    reruns = frozenset(job_ids if RERUN in results else ())
    jobs = [*final_jobs(session, job_ids, poller(session, seconds), reruns=reruns)]
    for job in jobs:
        session.writer.item(JOB, job)
    return code_of_jobs(jobs)


def _as_steps(
    session: Session, steps: list[dict[str, Any]], group_id: int | None, seconds: float | None
) -> ExitCode:
    path = GROUP_PATH if group_id is None else f"{GROUP_PATH}/{group_id}/steps"
    group = session.client.call("POST", path, body={"steps": steps}).body
    if seconds is None:
        session.writer.item(GROUP, group)
        return ExitCode.DONE
    session.say(f"Group {group['id']} has {group['steps']:,} steps.")
    finished, code = final_group(poller(session, seconds), group["id"])
    session.writer.item(GROUP, finished)
    return code


def _upstreams(after: tuple[str, ...]) -> list[Mapping[str, int]]:
    found: list[Mapping[str, int]] = []
    for one in after:
        match = re.fullmatch(r"(group:|job:)?([1-9]\d{0,18})", one, re.ASCII)
        if match is None:
            raise CommandFailed(
                f"--after {one!r}: expected the id of a job, or group:ID.", ExitCode.USAGE
            )
        found.append({"group" if match[1] == "group:" else "job": int(match[2])})
    return found
