"""`./run demo` runs the whole system on one machine and shows its crawls."""

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from crawljobs.domain import plain_text
from crawljobs.errors import SettingsError
from crawljobs.settings.environment import Environment
from onebox import dashboard_token, listener, preflight, ready_file, reddit_source, watch
from onebox.api_client import ApiRefusedError
from onebox.crawl_progress import job_view
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
# Number of posts that the sandbox adds a minute, so that later crawls find new items.
NEW_ITEMS_PER_MINUTE = 6
LINE_MAX = 4_000  # limit of a printed line in characters


@dataclass(frozen=True)
class Request:
    """The options of the command line."""

    once: bool
    workers: int
    schedulers: int
    data: Path
    port: int | None  # None: port 8000, or the next free port
    subreddits: tuple[str, ...]
    ready_file: Path | None
    minutes: float | None  # None: the demo runs without a limit


def run(request: Request, stop: StopRequest) -> int:
    began = time.monotonic()
    source = _checked_source()
    with ExitStack() as stack:
        listening = stack.enter_context(listener.listen(request.port))
        folder = stack.enter_context(data_folder.opened(request.data))
        _say_port(request.port, listening.getsockname()[1])
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
        running.start(click.echo)
        dashboard = dashboard_token.create(running.api)
        stack.callback(dashboard_token.revoke, running.api, dashboard, stop)
        running.database.read_overview()  # stores the totals before this run; summary.py needs them
        names = request.subreddits or _default_subreddits(source)
        asked = _enqueue(running, names)
        if source == reddit_source.SANDBOX:
            _create_schedule(running, names[0])
        options = watch.Options(
            request.once, request.ready_file, folder.path, minutes=request.minutes
        )
        _say_where(running, folder, token_place, source, dashboard.address(running.api_url))
        return watch.watch(running, stop, asked, began, options)


def _checked_source() -> str:
    """Check every setting, and print a warning for each unused setting.

    Returns the source of the demo's data: `sandbox`, or the address of Reddit's API.
    """
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
    """Enqueue a crawl of each subreddit.

    Returns a dict that maps the id of each job to the number of requests to Reddit that its crawl
    has sent. The number is above 0 if an earlier run of the demo has begun the crawl.
    """
    jobs: dict[int, int] = {}
    for name in names:
        body = {"subreddit": name, "priority": PRIORITY}
        job = job_view(running.api.post("/api/admin/jobs", body)["job"])
        jobs[job.id] = job.requests
    return jobs


def _create_schedule(running: System, name: str) -> None:
    """Create a schedule for a subreddit of the sandbox.

    For the real Reddit, the demo creates no schedule. There only the user creates schedules.
    """
    schedule = {"name": f"demo: {name} every five minutes", "subreddit": name, **SCHEDULE}
    try:
        running.api.post("/api/admin/scheduled-jobs", schedule)
    except ApiRefusedError as error:
        # The status 409 is no error: an earlier run of the demo has created the schedule.
        if error.status != 409:
            raise


def _say_port(wanted: int | None, chosen: int) -> None:
    """Print the port if it is not the usual port, which the documentation names."""
    if wanted is None and chosen != listener.USUAL_PORT:
        click.echo(
            f"Another process uses port {listener.USUAL_PORT}, so the API of this demo listens on "
            f"port {chosen}. To choose a port, use --port."
        )


def _say_where(
    running: System, folder: DataFolder, token_place: str, source: str, dashboard: str
) -> None:
    database = running.database
    lines = {
        "Dashboard": dashboard,
        "API": f"{running.api_url}, described at {running.api_url}/docs",
        "Token": token_place,
        "Database": database.shown(),
        "Reddit": " at ".join(filter(None, (reddit_source.shown(source), running.sandbox_url))),
        "Logs": folder.logs,
        "Metrics": f"each process has a port: grep probes.listening {folder.logs}/*.log",
    }
    if database.postgres is not None:
        lines["Database"] = f"{database.shown()}, with its password in {folder.database_url}"
        if database.postgres.data.parent != folder.path:
            lines["Files"] = f"{database.postgres.data} (Postgres cannot enter {folder.path})"
    for name, text in lines.items():
        click.echo(f"{name:<10}{plain_text.one_line(str(text), limit=LINE_MAX)}")
    click.echo("Ctrl-C stops all processes; the crawled data stays.\n")
