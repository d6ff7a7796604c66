"""`crawlctl audit`: the log of changes."""

import codecs
import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import click
from urllib3.exceptions import HTTPError

from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.list_options import Filter, filter_options, list_options, query_of
from crawlctl.new_files import in_the_way
from crawlctl.nouns.system import AUDIT_ENTRY
from crawlctl.output.visible_text import visible_lines
from crawlctl.rest.pages import PAGE_ITEMS
from crawlctl.session import Session
from crawlctl.shared_options import Noun
from crawlctl.standard_verbs import add_list
from crawlctl.waiting import poller

PATH = "/api/admin/audit-log"
_FILTERS = (
    Filter("actor", "The name of a token."),
    Filter("action", "The change, such as retry."),
    Filter("resource_type", "The kind of the object."),
    Filter("resource_id", "The id of the object."),
    Filter("request_id", "The id of a request."),
    Filter("token_id", "The public part of a token."),
    Filter("since", "The earliest time, such as 2h.", "time"),
    Filter("until", "Before this time.", "time"),
)
CHUNK_BYTES = 64 * 1024
LAST_LINE_BYTES = 4_096


@click.group(cls=Noun)
def audit() -> None:
    """Read the log of changes."""


add_list(audit, AUDIT_ENTRY, PATH, "Show changes, the newest first.", _FILTERS)


@audit.command()
@list_options(_FILTERS)
@click.pass_obj
def tail(session: Session, /, limit: int, show_all: bool, **filters: Any) -> None:
    """Show the newest changes, the oldest of them first, and each further change until Ctrl-C."""
    query = {**query_of(_FILTERS, filters), "limit": min(limit, PAGE_ITEMS)}

    def entries() -> Iterator[Any]:
        newest = 0
        for body in poller(session, float("inf")).changes(PATH, query):
            for entry in reversed(body["items"]):
                if entry["id"] > newest:
                    newest = entry["id"]
                    yield entry

    session.writer.items(AUDIT_ENTRY, entries(), live=True)


@audit.command("export")
@click.option(
    "--format", "kind", type=click.Choice(["jsonl", "csv"]), default="jsonl", help="Format."
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A new file.")
@click.option("--limit", type=click.IntRange(min=1), help="The most entries; at most 100,000.")
@filter_options(_FILTERS)
@click.pass_obj
def export_entries(
    session: Session, /, kind: str, out: Path | None, limit: int | None, **filters: Any
) -> ExitCode:
    """Write changes into a file, and check that the export is complete."""
    query = {**query_of(_FILTERS, filters), "format": kind}
    if limit is not None:
        query["limit"] = limit
    response = session.client.stream(f"{PATH}/export", query)
    with response:
        if out is None:
            last = _copy(response, _Shown() if sys.stdout.isatty() else sys.stdout.buffer)
        else:
            try:
                with out.open("xb") as file:
                    last = _copy(response, file)
            except FileExistsError:
                raise in_the_way(out) from None
    end = _end_of(last)
    if end == "complete":
        return ExitCode.DONE
    if end == "truncated":
        session.say("There are older entries: export them with --until.")
        return ExitCode.DONE if limit is not None else ExitCode.PARTLY
    raise CommandFailed("The export is not complete: the connection broke.", ExitCode.UNREACHABLE)


class _Shown:
    """Writes an export to a terminal.

    Shows the characters that could control the terminal as escapes.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, piece: bytes) -> None:
        sys.stdout.write(visible_lines(self._decoder.decode(piece)))


def _copy(response: Any, out: BinaryIO | _Shown) -> bytes:
    """Copy the body, and return its last bytes.

    If the connection breaks, the function raises no error. Then the bytes do not hold the last line
    of an export, so the caller detects the error.
    """
    last = b""
    with contextlib.suppress(HTTPError):
        for chunk in response.stream(CHUNK_BYTES):
            out.write(chunk)
            last = (last + chunk)[-LAST_LINE_BYTES:]
    return last


def _end_of(last: bytes) -> str:
    line = last.rstrip(b"\n").rpartition(b"\n")[2].decode(errors="replace")
    if line.startswith("#end,"):
        return line.split(",")[1]
    try:
        return str(json.loads(line)["end"])
    except (ValueError, KeyError, TypeError):
        return ""
