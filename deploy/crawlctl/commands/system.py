"""`crawlctl workers` and `crawlctl budget`: the processes, and the requests left at Reddit."""

from typing import Any

import click

from crawlctl.list_options import Filter, list_options, query_of, write_list
from crawlctl.live import WATCH, show
from crawlctl.nouns.system import BUDGET, WORKER
from crawlctl.session import Session
from crawlctl.shared_options import Verb

_FILTERS = (Filter("role", "admin-api, crawler-worker or scheduler."),)


@click.command(cls=Verb)
@list_options(_FILTERS)
@WATCH
@click.pass_obj
def workers(
    session: Session, /, limit: int, show_all: bool, is_watched: bool, **filters: Any
) -> None:
    """Show the processes of all services and their crawls."""
    path, query = "/api/admin/workers", query_of(_FILTERS, filters)
    if not is_watched:
        write_list(session, WORKER, path, query, limit=limit, show_all=show_all)
        return
    show(
        session,
        path,
        {**query, "limit": min(limit, 500)},
        lambda body: session.writer.items(WORKER, body["items"]),
        is_watched=True,
    )


@click.command(cls=Verb)
@WATCH
@click.pass_obj
def budget(session: Session, is_watched: bool) -> None:
    """Show the requests that are left at Reddit, and pauses."""

    def write(body: Any) -> None:
        session.writer.items(BUDGET, body["clients"])
        waiting = body["waiting_jobs"]
        more = "at least " if waiting["at_least"] else ""
        session.say(
            f"{body['workers_alive']} workers; {more}{waiting['rate_limit']} jobs wait for the "
            f"limit, {more}{waiting['outage']} for the end of an outage."
        )

    show(session, "/api/admin/budget", {}, write, is_watched=is_watched)
