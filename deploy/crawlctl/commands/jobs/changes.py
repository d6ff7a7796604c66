"""`crawlctl jobs retry | cancel | boost | wake | give-up`: changes by ids or by a filter."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from crawlctl.changing.bulk_selection import Consent, Selection, confirm, describe, parsed, select
from crawlctl.changing.chunks import change_in_chunks, is_done
from crawlctl.commands.jobs.bulk_requests import PATH, Body, send_bulk
from crawlctl.failures import CommandFailed, ExitCode, code_of_status
from crawlctl.nouns.job import CHANGED, JOB
from crawlctl.parameters import PAIR, ids
from crawlctl.requests import given
from crawlctl.session import Session
from crawlctl.shared_options import Verb

Command = Callable[..., Any]
_OPTIONS = (
    click.argument("job_ids", nargs=-1, metavar="ID..."),
    click.option(
        "--filter",
        "pairs",
        type=PAIR,
        multiple=True,
        help="Change the jobs of a filter of `list`, such as status=failed; repeatable.",
    ),
    click.option(
        "--all", "is_all", is_flag=True, help="Change all jobs that the change applies to."
    ),
    click.option("--dry-run", is_flag=True, help="Show the result for each job, change nothing."),
    click.option("--yes", is_flag=True, help="Do not ask. Without a terminal, also --expect."),
    click.option(
        "--expect", "expected", type=click.IntRange(min=0), help="Refuse another number of jobs."
    ),
    click.option("--reason", help="The reason, which the audit log keeps."),
)


def change_options(command: Command) -> Command:
    """Add the options that choose the jobs of a change."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def change(
    session: Session,
    verb: str,
    body: Body,
    job_ids: tuple[str, ...],
    pairs: tuple[tuple[str, str], ...],
    is_all: bool,
    dry_run: bool,
    yes: bool,
    expected: int | None,
    reason: str | None,
) -> ExitCode:
    """Change jobs.

    For one id, write the changed job. For several ids or a filter, write the result for each job.
    """
    name = verb.replace("_", "-")
    whole = {**body, **given(reason=reason)}
    if pairs or is_all:
        if job_ids:
            raise CommandFailed("Give ids or a filter, not both.", ExitCode.USAGE)
        chosen = _of_filter(session, verb, whole, pairs)
        describe(session, name, chosen)
        if not dry_run:
            confirm(len(chosen.ids), Consent(yes, expected))
        numbers = chosen.ids
        if not numbers:
            session.say("There is nothing to change.")
    else:
        numbers = ids(job_ids)
        if not numbers:
            raise CommandFailed(
                "Name jobs by their ids, by - for ids on stdin, or by --filter.", ExitCode.USAGE
            )
        if len(numbers) == 1 and not dry_run:
            session.writer.item(JOB, _changed_job(session, verb, whole, numbers[0]))
            return ExitCode.DONE
    if dry_run:
        session.say("Dry run: nothing is changed.")

    def send(chunk: Sequence[int]) -> Sequence[Body]:
        return send_bulk(session.client, verb, whole, chunk, dry_run=dry_run)

    return change_in_chunks(session, CHANGED, numbers, send, done=name)


def _changed_job(session: Session, verb: str, body: Body, job_id: int) -> Any:
    """Change one job, and return the job.

    In the API, only the route that changes many jobs accepts a reason. So a change with a reason
    uses this route.
    """
    path = f"{PATH}/{job_id}"
    if "reason" not in body:
        return session.client.call("POST", f"{path}/{verb}", body=body or None).body
    (result,) = send_bulk(session.client, verb, body, [job_id], dry_run=False)
    if not is_done(result):
        raise CommandFailed(str(result["detail"]), code_of_status(result["status"]))
    return session.client.get(path).body


def _of_filter(
    session: Session, verb: str, body: Body, pairs: tuple[tuple[str, str], ...]
) -> Selection:
    def try_change(chunk: Sequence[int]) -> Sequence[Body]:
        return send_bulk(session.client, verb, body, chunk, dry_run=True)

    return select(session, parsed(pairs), try_change)


def _verb(name: str, text: str) -> click.Command:
    @click.command(name.replace("_", "-"), cls=Verb, help=text)
    @change_options
    @click.pass_obj
    def run(session: Session, /, **options: Any) -> ExitCode:
        return change(session, name, {}, **options)

    return run


@click.command(cls=Verb)
@change_options
@click.option("--by", "points", type=click.IntRange(1, 100), required=True, help="Points to add.")
@click.pass_obj
def boost(session: Session, /, points: int, **options: Any) -> ExitCode:
    """Raise the priority of live jobs, up to 100."""
    return change(session, "boost", {"boost": points}, **options)


CHANGES = (
    _verb("retry", "Queue finished jobs again."),
    _verb("cancel", "Cancel live jobs."),
    boost,
    _verb("wake", "Queue waiting jobs now."),
    _verb("give_up", "End live jobs as failed."),
)
