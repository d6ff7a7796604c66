"""Erases stored content: a dry run, the question, then the change itself."""

import sys
from collections.abc import Mapping
from typing import Any

import click

from crawlctl.changing.operation_waits import operation_options, write_change
from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.nouns.content import ERASURE
from crawlctl.requests import path_of
from crawlctl.session import Session

_DRY_RUN = {"dry_run": "true"}


def add_erase(
    group: click.Group, kind: click.ParamType[str], path: str, text: str, *below: str
) -> None:
    """Add the verb `erase`. Its argument is a name of the type `kind`.

    The API erases the content at `path`/NAME, followed by the parts `below`.
    """

    @group.command("erase", help=text)
    @click.argument("name", type=kind)
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @operation_options
    @click.pass_obj
    def run(session: Session, /, name: str, **options: Any) -> ExitCode:
        return _erase(session, path_of(path, name, *below), name, **options)


def _erase(
    session: Session, path: str, name: str, *, yes: bool, dry_run: bool, wait: bool, timeout: float
) -> ExitCode:
    """Erase the content at a path of the API.

    `name` is the name of the author or subreddit. To confirm the erasure, the person types this
    name. Raises CommandFailed if the person types another text, and Refused if the server refuses
    the request.
    """
    if not (dry_run or yes):
        found = session.client.call("DELETE", path, query=_DRY_RUN).body
        session.complain(f"erase {name} at {session.client.url}: {_counts(found)}")
        _confirm(name)
    query = _DRY_RUN if dry_run else None
    reply = session.client.call("DELETE", path, query=query)
    if dry_run:
        session.say("Dry run: nothing is changed.")
    return write_change(session, ERASURE, reply, wait=wait, timeout=timeout)


def _counts(found: Mapping[str, Any]) -> str:
    more = "at least " if found["more"] else ""
    counts = [f"{found[name]:,} {name}" for name in ("posts", "comments", "crossposts", "edges")]
    return more + ", ".join(counts)


def _confirm(name: str) -> None:
    if not sys.stdin.isatty():
        raise CommandFailed(
            "Without a terminal an erasure needs --yes. Nothing was changed.", ExitCode.REFUSED
        )
    sys.stderr.write(f"An erasure cannot be undone. Type the name to erase it ({name}): ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() != name.lower():
        raise CommandFailed("Another name was typed. Nothing was changed.", ExitCode.REFUSED)
