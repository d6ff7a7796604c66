"""`./run demo` runs the whole system on one machine and shows its crawls."""

import json
import os
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from crawljobs.domain import plain_text
from crawljobs.errors import SettingsError
from crawljobs.settings.environment import Environment
from onebox import listener, preflight, ready_file, reddit_source
from onebox.api_client import ApiRefusedError
from onebox.crawl_progress import Snapshot, job_view
from onebox.demo_errors import OneboxError
from onebox.plan import Plan
from onebox.postgres import data_folder
from onebox.postgres.data_folder import DataFolder
from onebox.stop_request import StopRequest
from onebox.system import System

SANDBOX_SUBREDDITS = ("Pottery", "GlazeRecipes", "TelescopeMakers", "LunarAtlas", "BirdingNotes")
REAL_SUBREDDITS = ("Pottery", "telescopes", "birding")
PRIORITY = 60  # the usual priority of a user's request
SCHEDULE = {"cron_expression": "*/5 * * * *", "timezone": "UTC"}
NEW_ITEMS_PER_MINUTE = 6  # the sandbox adds posts, so that later crawls find new items
SHOW_SECONDS = 0.2
LINE_MAX = 4_000  # limit of a printed line in characters
SHOW_IDLE_SECONDS = 1.0


@dataclass(frozen=True)
class Request:
    """The options of the command line."""

    once: bool
    workers: int
    schedulers: int
    data: Path
    port: int
    subreddits: tuple[str, ...]
    ready_file: Path | None


def run(request: Request, stop: StopRequest) -> int:
    began = time.monotonic()
    source = _checked_source()
    with ExitStack() as stack:
        listening = stack.enter_context(listener.listen(request.port))
        folder = stack.enter_context(data_folder.opened(request.data))
        reddit_source.refuse_mixing(folder, source)
        if request.ready_file is not None:
            ready_file.forget(request.ready_file)
            stack.callback(ready_file.forget, request.ready_file)
        token, token_place = _token(folder)
        plan = Plan(
            workers=request.workers,
            schedulers=request.schedulers,
            token=token,
            source=source,
            discovers=not request.once,
            new_items_per_minute=0 if request.once else NEW_ITEMS_PER_MINUTE,
        )
        running = System(folder, plan, listening, stop)
        stack.callback(running.stop)
        running.start()
        names = request.subreddits or _default_subreddits(source)
        asked = _enqueue(running, names)
        _say_where(running, folder, token_place, source)
        return _watch(running, request, stop, asked, began)


def _checked_source() -> str:
    """Check every setting, print a warning for each unused setting, and return the data source."""
    try:
        source = reddit_source.wanted(os.environ)
        preflight.refuse_wrong_settings(os.environ, source)
    except SettingsError as error:
        raise OneboxError(str(error)) from error
    for sentence in preflight.unused(os.environ, source):
        click.echo(sentence, err=True)
    if warning := reddit_source.warning(source, os.environ):
        click.echo(warning, err=True)
    return source


def _default_subreddits(source: str) -> tuple[str, ...]:
    return SANDBOX_SUBREDDITS if source == reddit_source.SANDBOX else REAL_SUBREDDITS


def _token(folder: DataFolder) -> tuple[str, str]:
    """Return the admin-api's token, and a text that says where the user finds the token."""
    try:
        given = Environment(os.environ).secret("ADMIN_API_TOKEN")
    except SettingsError as error:
        raise OneboxError(str(error)) from error
    if given is None:
        token = folder.token()
        return token, f"{folder.admin_token}; for curl: -H @{folder.admin_header}"
    folder.admin_header.unlink(missing_ok=True)  # the file has the token of an earlier run
    return given, os.environ.get("ADMIN_API_TOKEN_FILE", "").strip() or "that in ADMIN_API_TOKEN"


def _enqueue(running: System, names: tuple[str, ...]) -> dict[int, int]:
    """Enqueue the crawls and create a schedule. Return each job's id and its requests until now."""
    jobs: dict[int, int] = {}
    for name in names:
        body = {"subreddit": name, "priority": PRIORITY}
        job = job_view(running.api.post("/api/admin/jobs", body)["job"])
        jobs[job.id] = job.requests
    schedule = {"name": f"demo: {names[0]} every five minutes", "subreddit": names[0], **SCHEDULE}
    try:
        running.api.post("/api/admin/scheduled-jobs", schedule)
    except ApiRefusedError as error:
        if error.status != 409:  # an earlier run of the demo has created the schedule
            raise
    return jobs


def _watch(
    running: System, request: Request, stop: StopRequest, asked: dict[int, int], began: float
) -> int:
    from onebox import display  # imported late, so that `rich` loads while the processes start

    healthy = False
    view = display.opened()
    try:
        while not stop.is_asked:
            if not healthy:
                changed = healthy = running.becomes_healthy()
            else:
                changed = running.keep_up()
            if changed and request.ready_file is not None:
                running.write_ready_file(request.ready_file)
            pause = SHOW_SECONDS
            if snapshot := running.poll(list(asked)):
                view.show(snapshot, running.notes())
                if request.once and snapshot.is_finished:
                    view.close()
                    return _summarise(running, snapshot, asked, time.monotonic() - began)
                if healthy and snapshot.is_idle:
                    pause = SHOW_IDLE_SECONDS
            stop.sleep(pause)
    finally:
        view.close()
    click.echo("Stopping ...")
    return stop.exit_code if request.once else 0


def _summarise(running: System, snapshot: Snapshot, asked: dict[int, int], seconds: float) -> int:
    from onebox import display

    states = snapshot.by_state()
    requests = sum(max(0, job.requests - asked[job.id]) for job in snapshot.asked)
    stored = running.database.count_rows()
    display.print_table(snapshot.asked)
    held = ", ".join(f"{name} {count}" for name, count in stored.items())
    click.echo(f"This run: {requests} requests in {seconds:.1f} s. The table shows its crawls.")
    click.echo(f"The database now holds, of all runs: {held}.")
    result = {"jobs": states, **stored, "requests": requests, "seconds": round(seconds, 2)}
    click.echo(json.dumps(result))
    return 0 if set(states) == {"succeeded"} else 1


def _say_where(running: System, folder: DataFolder, token_place: str, source: str) -> None:
    database = running.database
    lines = {
        "API": f"{running.api_url}, described at {running.api_url}/docs",
        "Token": token_place,
        "Database": database.shown(),
        "Reddit": " at ".join(filter(None, (reddit_source.shown(source), running.sandbox_url))),
        "Logs": folder.logs,
        "Metrics": f"on a port for each process; grep probes.listening {folder.logs}/*.log",
    }
    if database.postgres is not None:
        lines["Database"] = f"{database.shown()}, with its password in {folder.database_url}"
        if database.postgres.data.parent != folder.path:
            lines["Its data"] = f"{database.postgres.data} (its user cannot reach {folder.path})"
    for name, text in lines.items():
        click.echo(f"{name:<10}{plain_text.one_line(str(text), limit=LINE_MAX)}")
    click.echo("Ctrl-C stops all processes; the crawled data stays.\n")
