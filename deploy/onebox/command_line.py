"""The command line of ./run demo: options, exit codes and error messages."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from crawljobs.domain import plain_text, subreddit
from crawljobs.errors import InvalidSubredditName
from onebox import demo
from onebox.demo_errors import OneboxError
from onebox.processes import services
from onebox.stop_request import StopAskedError, StopRequest

MESSAGE_MAX = 4_000  # limit of an error message in characters
DEFAULT_DATA = services.ROOT / ".onebox"


def _subreddits(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    named = [part.strip() for part in (value or "").split(",") if part.strip()]
    if value is not None and not named:
        raise click.BadParameter("expected names separated by commas")
    try:
        checked = [subreddit.checked_name(name) for name in named]
    except InvalidSubredditName as error:
        raise click.BadParameter(str(error)) from None
    return tuple({name.lower(): name for name in checked}.values())


class GivenPath(click.Path):
    """A path option that refuses an empty text.

    An unset shell variable gives an empty text. Click would read an empty text as the current
    folder.
    """

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        text = str(value)
        if not text.strip():
            self.fail("expected a path, got an empty one", param, ctx)
        if not text.isprintable():
            self.fail(f"expected a path of printable characters, got {text[:100]!r}", param, ctx)
        return super().convert(value, param, ctx)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--once", is_flag=True, help="Crawl once, print a table and JSON, exit.")
@click.option(
    "--minutes",
    type=click.FloatRange(0, 10_080, min_open=True),
    metavar="N",
    help="Stop after N minutes, with the exit code 1 if --once has not finished.",
)
@click.option("--workers", type=click.IntRange(1, 32), metavar="N", default=2, help="Default 2.")
@click.option("--schedulers", type=click.IntRange(0, 8), metavar="N", default=1, help="Default 1.")
@click.option(
    "--data",
    type=GivenPath(),
    default=DEFAULT_DATA,
    help="Folder of database, token and logs. Default .onebox. Two demos need two folders.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="P",
    help="Port of the API. Default 8000, or the next free port. 0: any free port.",
)
@click.option("--subreddits", callback=_subreddits, metavar="A,B,C", help="Crawl these subreddits.")
@click.option(
    "--ready-file",
    type=GivenPath(),
    help="JSON file of addresses, token and process ids, written when all processes work.",
)
def command(**options: object) -> None:
    """Run the whole system on this machine and crawl a few subreddits.

    It crawls a simulated Reddit, or the real Reddit when REDDIT_CLIENT_ID and REDDIT_CLIENT_SECRET
    (or REDDIT_CLIENT_SECRET_FILE) are set. It uses an embedded Postgres, or the database that
    DATABASE_URL names. Ctrl-C stops it and keeps the data.
    """
    request = demo.Request(**options)  # type: ignore[arg-type]
    stop = StopRequest()
    try:
        sys.exit(demo.run(request, stop))
    except StopAskedError:
        sys.exit(stop.exit_code)
    except OneboxError as error:
        if stop.is_asked:
            sys.exit(stop.exit_code)
        click.echo(plain_text.lines(str(error), limit=MESSAGE_MAX), err=True)
        sys.exit(1)
    except BrokenPipeError:  # the reader of standard output has exited
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:  # an error of the system, such as a full disk
        message = f"{error.filename or 'The demo'}: {error.strerror or error}"
        click.echo(plain_text.lines(message, limit=MESSAGE_MAX), err=True)
        sys.exit(1)
