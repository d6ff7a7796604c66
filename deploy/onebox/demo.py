"""./run demo: the whole system on one machine, crawling before your eyes."""

import json
import os
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from crawljobs.domain import subreddit
from crawljobs.environment import Environment
from crawljobs.errors import InvalidSubredditName, SettingsError
from onebox import data_folder, services, system
from onebox.api_client import ApiRefusedError, ApiUnavailableError
from onebox.data_folder import DataFolder
from onebox.errors import OneboxError
from onebox.progress import Snapshot, poll
from onebox.stop_request import StopAskedError, StopRequest
from onebox.system import Plan, System

DEFAULT_DATA = services.ROOT / ".onebox"
SANDBOX_SUBREDDITS = ("Pottery", "GlazeRecipes", "TelescopeMakers", "LunarAtlas", "BirdingNotes")
REAL_SUBREDDITS = ("Pottery", "telescopes", "birding")
PRIORITY = 60  # what a person asks for
SCHEDULE = {"cron_expression": "*/5 * * * *", "timezone": "UTC"}
NEW_ITEMS_PER_MINUTE = 6  # so that watching on and crawling again show something new
SHOW_SECONDS = 0.2
SHOW_IDLE_SECONDS = 1.0


@dataclass(frozen=True)
class Request:
    """The command line."""

    once: bool
    workers: int
    schedulers: int
    data: Path
    port: int
    subreddits: tuple[str, ...]
    ready_file: Path | None


def _subreddits(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    named = [part.strip() for part in (value or "").split(",") if part.strip()]
    if value is not None and not named:
        raise click.BadParameter("expected names separated by commas")
    try:
        checked = [subreddit.checked_name(name) for name in named]
    except InvalidSubredditName as error:
        raise click.BadParameter(str(error)) from None
    return tuple({name.lower(): name for name in checked}.values())


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--once", is_flag=True, help="Crawl, print a table and a line of JSON, and end.")
@click.option("--workers", type=click.IntRange(1, 32), default=2, show_default=True)
@click.option("--schedulers", type=click.IntRange(0, 8), default=1, show_default=True)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=DEFAULT_DATA,
    help="The folder that survives: database, token, logs.  [default: .onebox]",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Of the admin-api; 0 is any free one.",
)
@click.option("--subreddits", callback=_subreddits, metavar="A,B,C", help="What to crawl.")
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path),
    help="Gets addresses, token and process ids as JSON once all are at work.",
)
def command(**options: object) -> None:
    """Run the whole system on this machine and crawl a few subreddits.

    It crawls a made-up Reddit; with REDDIT_CLIENT_ID and REDDIT_CLIENT_SECRET set, the real one.
    The database is an embedded Postgres, or the one that DATABASE_URL names.
    """
    request = Request(**options)  # type: ignore[arg-type]
    stop = StopRequest()
    try:
        sys.exit(_run(request, stop))
    except StopAskedError:
        sys.exit(stop.exit_code)
    except OneboxError as error:
        if stop.is_asked:
            sys.exit(stop.exit_code)
        click.echo(str(error), err=True)
        sys.exit(1)
    except BrokenPipeError:  # whoever read what we print has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:  # such as a disk that fills up
        click.echo(f"{error.filename or 'The demo'}: {error.strerror or error}", err=True)
        sys.exit(1)


def _run(request: Request, stop: StopRequest) -> int:
    began = time.monotonic()
    real = services.wants_real_reddit(os.environ)
    if real and (warning := services.reddit_warning(os.environ)):
        click.echo(warning, err=True)
    with ExitStack() as stack:
        listener = stack.enter_context(system.listen(request.port))
        folder = stack.enter_context(data_folder.opened(request.data))
        if request.ready_file is not None:
            _forget(request.ready_file)
            stack.callback(_forget, request.ready_file)
        token, token_place = _token(folder)
        plan = Plan(
            workers=request.workers,
            schedulers=request.schedulers,
            token=token,
            real_reddit=real,
            discovers=not request.once,
            new_items_per_minute=0 if request.once else NEW_ITEMS_PER_MINUTE,
        )
        running = System(folder, plan, listener, stop)
        stack.callback(running.stop)
        running.start()
        names = request.subreddits or (REAL_SUBREDDITS if real else SANDBOX_SUBREDDITS)
        asked = _enqueue(running, names)
        _say_where(running, folder, token_place)
        return _watch(running, request, stop, asked, began)


def _token(folder: DataFolder) -> tuple[str, str]:
    """The admin-api's token, and where its user finds it."""
    try:
        given = Environment(os.environ).secret("ADMIN_API_TOKEN")
    except SettingsError as error:
        raise OneboxError(str(error)) from error
    if given is None:
        return folder.token(), str(folder.admin_token)
    return given, os.environ.get("ADMIN_API_TOKEN_FILE", "").strip() or "that in ADMIN_API_TOKEN"


def _enqueue(running: System, names: tuple[str, ...]) -> list[int]:
    """Ask for the crawls and for one that repeats; the jobs' ids."""
    jobs = [
        running.api.post("/api/admin/jobs", {"subreddit": name, "priority": PRIORITY})["job"]["id"]
        for name in names
    ]
    schedule = {"name": f"demo: {names[0]} every five minutes", "subreddit": names[0], **SCHEDULE}
    try:
        running.api.post("/api/admin/scheduled-jobs", schedule)
    except ApiRefusedError as error:
        if error.status != 409:  # it exists since an earlier start
            raise
    return jobs


def _watch(
    running: System, request: Request, stop: StopRequest, asked: list[int], began: float
) -> int:
    from onebox import display  # late: rich is imported while the processes start

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
            try:
                snapshot = poll(running.api, asked)
            except ApiUnavailableError as error:
                running.supervisor.tell(str(error))
            else:
                view.show(snapshot, running.supervisor.notes)
                if request.once and snapshot.is_finished:
                    view.close()
                    return _summarise(running, snapshot, time.monotonic() - began)
                if healthy and snapshot.is_idle:
                    pause = SHOW_IDLE_SECONDS
            stop.sleep(pause)
    finally:
        view.close()
    click.echo("Stopping ...")
    return stop.exit_code if request.once else 0


def _summarise(running: System, snapshot: Snapshot, seconds: float) -> int:
    from onebox import display

    display.print_table(snapshot.asked)
    states = snapshot.by_state()
    result = {
        "jobs": states,
        **running.database.count_rows(),
        "requests": sum(job.requests for job in snapshot.asked),
        "seconds": round(seconds, 2),
    }
    click.echo(json.dumps(result))
    return 0 if set(states) == {"succeeded"} else 1


def _say_where(running: System, folder: DataFolder, token_place: str) -> None:
    database = running.database
    lines = {
        "API": f"{running.api_url}, described at {running.api_url}/docs",
        "Token": token_place,
        "Database": database.shown(),
        "Reddit": f"a sandbox at {running.sandbox_url}" if running.sandbox_url else "the real one",
        "Logs": folder.logs,
    }
    if database.postgres is not None:
        lines["Database"] = f"{database.shown()}, with its password in {folder.database_url}"
        if database.postgres.data.parent != folder.path:
            lines["Its data"] = f"{database.postgres.data} (its user cannot reach {folder.path})"
    for name, text in lines.items():
        click.echo(f"{name:<10}{text}")
    click.echo("Ctrl-C stops everything; what was crawled stays.\n")


def _forget(ready_file: Path) -> None:
    try:
        ready_file.unlink(missing_ok=True)
        if not os.access(ready_file.absolute().parent, os.W_OK):
            raise PermissionError(13, "no right to write there")
    except OSError as error:
        raise OneboxError(f"{ready_file} cannot be written ({error.strerror}).") from error
