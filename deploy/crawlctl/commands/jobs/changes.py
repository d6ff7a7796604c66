"""`crawlctl jobs retry | cancel | boost | wake | give-up`: changes of jobs by their ids."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from crawlctl.chunks import change_in_chunks
from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.nouns.job import CHANGED, JOB
from crawlctl.parameters import ids
from crawlctl.rest.client import Client
from crawlctl.rest.problem import Refused
from crawlctl.session import Session
from crawlctl.shared_options import Verb

PATH = "/api/admin/jobs"
Body = Mapping[str, Any]


def _in_bulk(method: str, path: str) -> Callable[[Client, Body], Sequence[Body]]:
    def send(client: Client, body: Body) -> Sequence[Body]:
        items: Sequence[Body] = client.call(method, f"{PATH}/bulk/{path}", body=body).body["items"]
        return items

    return send


def _wake_each(client: Client, body: Body) -> Sequence[Body]:
    """Wake each job by a request of its own, because the API has no bulk change for it."""
    return [_woken(client, job_id, dry_run=body["dry_run"]) for job_id in body["job_ids"]]


def _woken(client: Client, job_id: int, *, dry_run: bool) -> Body:
    item = {"id": job_id, "status": 200, "code": "ok", "detail": "", "other_job_id": None}
    try:
        if not dry_run:
            client.call("POST", f"{PATH}/{job_id}/wake")
        elif client.get(f"{PATH}/{job_id}").body["status"] != "waiting":
            return {**item, "status": 409, "code": "illegal_transition"}
    except Refused as refused:
        if refused.code is ExitCode.NO_ACCESS:
            raise
        detail = str(refused.problem.get("detail") or "")
        return {**item, "status": refused.status, "code": refused.problem_code, "detail": detail}
    return item


SENDERS = {
    "retry": _in_bulk("POST", "retry"),
    "cancel": _in_bulk("POST", "cancel"),
    "boost": _in_bulk("POST", "boost"),
    "give_up": _in_bulk("PUT", "status"),
    "wake": _wake_each,
}
BODIES: Mapping[str, Body] = {"give_up": {"status": "failed"}}


def change(
    session: Session, verb: str, given: tuple[str, ...], body: Body, *, dry_run: bool
) -> ExitCode:
    """Change the jobs with these ids. One job is answered as a job, several with their results."""
    job_ids = ids(given)
    if not job_ids:
        raise CommandFailed(
            "Name at least one job by its id, or - for ids on stdin.", ExitCode.USAGE
        )
    if len(job_ids) == 1 and not dry_run:
        reply = session.client.call("POST", f"{PATH}/{job_ids[0]}/{verb}", body=body or None)
        session.writer.item(JOB, reply.body)
        return ExitCode.DONE

    def send(chunk: Sequence[int]) -> Sequence[Body]:
        whole = {**body, **BODIES.get(verb, {}), "job_ids": list(chunk), "dry_run": dry_run}
        return SENDERS[verb](session.client, whole)

    if dry_run:
        session.say("Dry run: nothing is changed.")
    return change_in_chunks(session, CHANGED, job_ids, send, done=verb.replace("_", "-"))


def _verb(name: str, text: str) -> click.Command:
    @click.command(name.replace("_", "-"), cls=Verb, help=text)
    @click.argument("job_ids", nargs=-1, metavar="ID...")
    @click.option("--dry-run", is_flag=True, help="Show the result for each job, change nothing.")
    @click.pass_obj
    def run(session: Session, job_ids: tuple[str, ...], dry_run: bool) -> ExitCode:
        return change(session, name, job_ids, {}, dry_run=dry_run)

    return run


@click.command(cls=Verb)
@click.argument("job_ids", nargs=-1, metavar="ID...")
@click.option("--by", "points", type=click.IntRange(1, 100), required=True, help="Points to add.")
@click.option("--dry-run", is_flag=True, help="Show the result for each job, change nothing.")
@click.pass_obj
def boost(session: Session, job_ids: tuple[str, ...], points: int, dry_run: bool) -> ExitCode:
    """Raise the priority of live jobs, up to 100."""
    return change(session, "boost", job_ids, {"boost": points}, dry_run=dry_run)


CHANGES = (
    _verb("retry", "Queue finished jobs again."),
    _verb("cancel", "Cancel live jobs."),
    boost,
    _verb("wake", "Queue waiting jobs now."),
    _verb("give_up", "End live jobs as failed."),
)
