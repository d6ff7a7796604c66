"""A command line for each verb of crawlctl, and the objects that these commands need."""

import json
from collections.abc import Mapping
from pathlib import Path

from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from support import crawled, groups, jobs
from support.crawlctl import Ctl

S = JobStatus
# For each verb: its arguments. {names} are ids of `make_world`; {n} is another text in each run.
# A verb whose second run needs another object names it with {n}: the world has three of each.
READS = {
    "whoami": "",
    "version": "",
    "jobs list": "--status failed",
    "jobs get": "{failed}",
    "jobs explain": "{queued}",
    "jobs wait": "{succeeded}",
    "jobs watch": "{succeeded}",
    "groups list": "",
    "groups get": "{group}",
    "groups steps": "{group}",
    "groups explain": "{group} sub_a",
    "groups wait": "{finished_group}",
    "operations list": "",
    "operations get": "{operation}",
    "operations wait": "{operation}",
    "schedules list": "",
    "schedules get": "{schedule}",
    "schedules preview": "@daily --tz Europe/Vienna",
    "schedules runs": "{schedule}",
    "subreddits list": "",
    "subreddits get": "sub_failed",
    "subreddits stale": "",
    "subreddits gaps": "sub_failed",
    "authors get": "u/ada",
    "map": "",
    "queue pauses": "",
    "budget": "",
    "workers": "",
    "webhooks list": "",
    "webhooks get": "{webhook}",
    "webhooks deliveries": "{webhook}",
    "webhooks delivery": "{delivery}",
    "webhooks verify": "--secret-file {secret_file} --headers {headers} --body {body} --any-age",
    "audit list": "--limit 3",
    "tokens list": "",
}
WRITES = {
    "jobs enqueue": "new_{n}",
    "jobs retry": "{failed} {cancelled} --dry-run",
    "jobs cancel": "{queued} --dry-run",
    "jobs boost": "{queued} --by 1",
    "jobs wake": "{waiting} --dry-run",
    "jobs give-up": "{queued} --dry-run",
    "groups create": "--file {steps} --name g{n}",
    "groups add": "{open_group} --file {steps_n}",
    "groups clone": "{group}",
    "groups seal": "{open_group} --dry-run",
    "groups pause": "{group}",
    "groups resume": "{group}",
    "groups cancel": "{group} --dry-run",
    "groups retry-failed": "{group} --dry-run",
    "groups boost": "{group} --by 2",
    "groups proceed": "{held_group} sub_b --dry-run",
    "groups skip": "{held_group} sub_b --dry-run",
    "schedules create": "--name s{n} --subreddit python --cron @daily",
    "schedules edit": "{schedule} --priority 33",
    "schedules disable": "{schedule}",
    "schedules enable": "{schedule}",
    "schedules run": "{schedule}",
    "schedules import": "{lines} --update",
    "subreddits crawl": "sub_failed",
    "subreddits set": "sub_failed --crawl-gap 2h",
    "subreddits erase": "r/sub_failed --dry-run",
    "queue pause": "--subreddit new_{n} --reason tests",
    "queue resume": "--subreddit new_{n}",
    "webhooks create": "https://93.184.215.14/{n} --event job.failed",
    "webhooks test": "{webhook}",
    "webhooks rotate": "{webhook}",
    "webhooks disable": "{webhook}",
    "webhooks enable": "{webhook}",
    "webhooks replay": "{webhook} --since 1d",
    "webhooks send-now": "{delivery}",
    "tokens create": "robot-{n} --scope read",
    "tokens revoke": "{token_n}",
}
# These have tests of their own: no table, an object that must be in another state, or no end.
OWN_TESTS = {
    *(
        "export",
        "status",
        "doctor",
        "login",
        "logout",
        "completion",
        "api",
        "audit export",
        "audit tail",
        "schedules export",
    ),
    *("groups graph", "groups delete", "authors erase"),
    *("schedules delete", "webhooks delete"),
}
OPERATION = (
    "INSERT INTO operations (kind, resource_type, resource_id, state, created_by, total, done, "
    "finished_at) VALUES ('cancel', 'job_group', %s, 'succeeded', 't', 2000, 2000, now()) "
    "RETURNING id"
)


def make_world(ctl: Ctl, database: Database, folder: Path) -> Mapping[str, str]:
    """Create an object of each kind. Return the names for the command lines above."""
    with database.begin() as conn:
        states = [S.SUCCEEDED, S.FAILED, S.CANCELLED, S.QUEUED, S.WAITING]
        world = {str(state): str(jobs.in_status(conn, state, f"sub_{state}")) for state in states}
        crawled.store(conn, crawled.post())
        held = groups.step("sub_b", int(world["failed"]), subreddit="held", fails="hold")
        world["held_group"] = str(groups.group(conn, held))
        groups.resolve(conn, now=None)
    steps = [{"subreddit": "sub_a"}, {"subreddit": "sub_b", "after": ["sub_a"]}]
    files = {
        "steps": {"steps": steps},
        "lines": {"name": "imported", "subreddit": "python", "cron_expression": "@weekly"},
        "headers": "webhook-id: m\nwebhook-timestamp: 1767323045\nwebhook-signature: v1,"
        "e+BL8rMyHTQ+prL7tPhjhD0vB35wOQbIuCSHubDZJfo=\n",
        "body": "{}",
        "secret_file": "whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0\n",
    }
    for name, content in files.items():
        path = folder / f"{name}.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        world[name] = str(path)
    for n in range(3):
        (folder / f"steps{n}.json").write_text(json.dumps([f"added_{n}"]))
    created = {
        "group": ("groups", "create", "--file", world["steps"]),
        "open_group": ("groups", "create", "--file", world["steps"], "--open"),
        "schedule": (
            "schedules",
            "create",
            "--name",
            "s",
            "--subreddit",
            "p_y",
            "--cron",
            "@daily",
        ),
        "webhook": ("webhooks", "create", "https://93.184.215.14/x", "--event", "job.failed"),
    }
    for name, arguments in created.items():
        world[name] = str(ctl.ok(*arguments, "-o", "json").json["id"])
    for n in range(3):
        token = ctl.ok("tokens", "create", f"t{n}", "--scope", "read", "-o", "json").json
        world[f"token{n}"] = token["id"]
    with database.begin() as conn:
        world["operation"] = str(conn.exec_driver_sql(OPERATION, (world["group"],)).scalar_one())
    ping = ctl.ok("webhooks", "test", world["webhook"], "-o", "json").json
    world["delivery"] = str(ping["delivery_id"])
    (folder / "empty.json").write_text("[]")
    empty = ctl.ok("groups", "create", "--file", folder / "empty.json", "-o", "json").json
    world["finished_group"] = str(empty["id"])
    return world


def arguments_of(
    verb: str, template: str, world: Mapping[str, str], n: int, folder: Path
) -> list[str]:
    """Return the command line of a verb for the run `n`."""
    given = {**world, "n": str(n), "steps_n": str(folder / f"steps{n}.json")}
    given["token_n"] = world[f"token{n}"]
    return [*verb.split(), *template.format(**given).split()]
