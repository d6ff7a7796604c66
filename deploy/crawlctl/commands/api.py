"""`crawlctl api`: sends any request to the API, for routes that no other command uses."""

import json
from collections.abc import Mapping
from typing import Any

import click

from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.output.columns import Column, Noun
from crawlctl.output.visible_text import visible_json, visible_lines
from crawlctl.parameters import PAIR
from crawlctl.requests import json_of
from crawlctl.rest.pages import read_items
from crawlctl.session import Session
from crawlctl.shared_options import Verb

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@click.command(cls=Verb)
@click.argument("method", type=click.Choice(METHODS, case_sensitive=False))
@click.argument("path")
@click.option(
    "-f",
    "--field",
    "pairs",
    type=PAIR,
    multiple=True,
    help="A value: of the query in a GET, else of the body; JSON, or text.",
)
@click.option("--input", "file", type=click.File(), help="JSON for the body; - is stdin.")
@click.option("--header", "headers", type=PAIR, multiple=True, help="A header, such as If-Match=*.")
@click.option("--paginate", is_flag=True, help="Read all pages of a list; write its items.")
@click.pass_obj
def api(
    session: Session,
    method: str,
    path: str,
    pairs: tuple[tuple[str, str], ...],
    file: Any,
    headers: tuple[tuple[str, str], ...],
    paginate: bool,
) -> None:
    """Send any request of the API.

    Example: crawlctl api GET /api/admin/jobs -f limit=2
    """
    if not path.startswith("/") or "//" in path:
        raise CommandFailed(f"{path!r} is no path: expected /api/...", ExitCode.USAGE)
    if any(name.lower() == "authorization" for name, _ in headers):
        raise CommandFailed(
            "A token is no option, because other users can read the command line: see login.",
            ExitCode.USAGE,
        )
    if method == "GET":
        query = _query(pairs)
        if paginate:
            items = read_items(session.client, path, query, limit=None)
            session.writer.items(_noun(session, items), items)
            return
        reply = session.client.call("GET", path, query=query, headers=dict(headers), any_type=True)
    else:
        body = {name: _value(text) for name, text in pairs}
        whole = json_of(file) if file is not None else (body or None)
        if file is not None and body:
            raise CommandFailed("Give --input or -f, not both.", ExitCode.USAGE)
        reply = session.client.call(method, path, body=whole, headers=dict(headers), any_type=True)
    if isinstance(reply.body, str):
        click.echo(visible_lines(reply.body.rstrip("\n")))
    elif reply.body is not None:
        click.echo(visible_json(json.dumps(reply.body, ensure_ascii=False, indent=2)))


def _noun(session: Session, items: Any) -> Noun:
    if session.chosen_format not in ("json", "jsonl", "name"):
        raise CommandFailed(
            "api knows no columns: use -o json, jsonl or name with --paginate.", ExitCode.USAGE
        )
    return Noun("item", (Column("id"),))


def _query(pairs: tuple[tuple[str, str], ...]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, text in pairs:
        found.setdefault(name, []).append(text)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
