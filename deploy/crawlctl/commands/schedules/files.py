"""`crawlctl schedules export` and `import`: write schedules as JSON lines, and read them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.nouns.schedule import IMPORTED_SCHEDULE
from crawlctl.output.writer import compact
from crawlctl.rest.pages import read_items
from crawlctl.rest.problem import Refused
from crawlctl.session import Session
from crawlctl.shared_options import Verb

PATH = "/api/admin/scheduled-jobs"
FIELDS = (
    *("name", "description", "subreddit", "steps", "cron_expression", "timezone", "priority"),
    *("max_retries", "misfire_policy", "misfire_deadline_seconds", "spread_seconds", "enabled"),
)
SCHEDULES_MAX = 10_000


@click.command("export", cls=Verb)
@click.pass_obj
def export_schedules(session: Session) -> None:
    """Write all schedules, one JSON object on each line, as `import` reads them."""
    client = session.client
    for listed in read_items(client, PATH, {}, limit=None):
        # The list of schedules leaves out the steps.
        schedule = client.get(f"{PATH}/{listed['id']}").body if listed["step_count"] else listed
        session.writer.text(compact(_body(schedule)))


@click.command("import", cls=Verb)
@click.argument("file", type=click.File())
@click.option("--update", is_flag=True, help="Change schedules whose name exists.")
@click.option("--dry-run", is_flag=True, help="Show which schedules would be made or changed.")
@click.pass_obj
def import_schedules(session: Session, file: Any, update: bool, dry_run: bool) -> ExitCode:
    """Create the schedules of a file; - is standard input.

    If a schedule with the same name exists, the command leaves it unchanged, or changes it with
    --update. So you can repeat an import.
    """
    wanted = [*_read(file)]
    existing = {
        each["name"].casefold(): each["id"]
        for each in read_items(session.client, PATH, {}, limit=None)
    }
    failed = False

    def results() -> Iterator[Mapping[str, Any]]:
        nonlocal failed
        for body in wanted:
            known = existing.get(str(body.get("name", "")).casefold())
            item = _import_one(session, body, known, update=update, dry_run=dry_run)
            failed = failed or item["status"] >= 400
            yield item

    session.writer.items(IMPORTED_SCHEDULE, results())
    return ExitCode.PARTLY if failed else ExitCode.DONE


def _import_one(
    session: Session, body: Mapping[str, Any], known: int | None, *, update: bool, dry_run: bool
) -> dict[str, Any]:
    item = {"name": body.get("name"), "result": "created", "id": known, "status": 200, "detail": ""}
    if known is not None:
        item["result"] = "updated" if update else "exists"
    if dry_run or item["result"] == "exists":
        return item
    try:
        if known is None:
            item["id"] = session.client.call("POST", PATH, body=body).body["id"]
        else:
            path, match = f"{PATH}/{known}", {"If-Match": "*"}
            session.client.call("PUT", path, body=body, headers=match)
    except Refused as refused:
        if refused.code is ExitCode.NO_ACCESS:
            raise
        item |= {"result": "refused", "status": refused.status, "detail": str(refused)}
    return item


def _read(file: Any) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file, 1):
        if number > SCHEDULES_MAX:
            raise CommandFailed(f"The file has more than {SCHEDULES_MAX:,} lines.", ExitCode.USAGE)
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise CommandFailed(f"Line {number} is no JSON object.", ExitCode.USAGE)
        yield _body(found)


def _body(schedule: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that a request accepts, without the fields that have no value."""
    return {name: schedule[name] for name in FIELDS if schedule.get(name) not in (None, [])}
