"""`crawlctl status`: the whole system on one screen."""

from typing import Any

import click

from crawlctl.failures import ExitCode
from crawlctl.live import WATCH, show
from crawlctl.nouns.overview import OVERVIEW
from crawlctl.session import Session
from crawlctl.shared_options import Verb

PATH = "/api/admin/overview"
BAD_LEVELS = frozenset({"warning", "critical"})


@click.command(cls=Verb)
@WATCH
@click.option("--check", is_flag=True, help="Exit with 9 at a warning or a critical condition.")
@click.pass_obj
def status(session: Session, is_watched: bool, check: bool) -> ExitCode:
    """Show the whole system on one screen.

    A notice, such as a pause, is no reason for the exit code 9.
    """
    level = ""

    def write(body: Any) -> None:
        nonlocal level
        level = str(body["level"])
        session.writer.item(OVERVIEW, body)

    show(session, PATH, {}, write, is_watched=is_watched)
    return ExitCode.ENDED_BADLY if check and level in BAD_LEVELS else ExitCode.DONE
