"""Functions for the commands of several nouns: send changes, delete objects, read files."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.nouns.operation import OPERATION
from crawlctl.output.columns import Noun
from crawlctl.session import Session

FILE_CHARACTERS = 8 * 2**20  # the API refuses longer files: it accepts bodies of 4 MiB


def path_of(*parts: object) -> str:
    """Return the first part and the quoted other parts, joined by slashes.

    A slash in a quoted part does not begin a new part. Raises CommandFailed for an empty part, and
    for `.` and `..`: an HTTP client would remove them, and send the request to another path.
    """
    first, *rest = map(str, parts)
    for part in rest:
        if part.strip() in ("", ".", ".."):
            raise CommandFailed(f"{part!r} names no object.", ExitCode.USAGE)
    return "/".join([first, *(quote(part, safe="") for part in rest)])


def change(
    session: Session,
    noun: Noun,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    method: str = "POST",
    etag: str | None = None,
) -> ExitCode:
    """Send a change, and write the answer. If the answer has no body, write `Done.`."""
    headers = {"If-Match": etag} if etag else {}
    reply = session.client.call(method, path, body=body, headers=headers)
    if reply.body is None:
        session.say("Done.")
    else:
        session.writer.item(noun, reply.body)
    return ExitCode.DONE


def delete(session: Session, path: str, name: str) -> ExitCode:
    """Delete an object, and write a message. A large object is deleted later, by an operation.

    If the request is repeated and finds nothing, an earlier try has deleted the object.
    """
    reply = session.client.call("DELETE", path, gone_is_done=True)
    if reply.status == 202:
        session.writer.item(OPERATION, reply.body)
    else:
        session.say(f"Deleted {name}.")
    return ExitCode.DONE


def json_of(file: Any) -> Any:
    """Return the JSON value in an open file. Raises CommandFailed if the file has no JSON."""
    text = file.read(FILE_CHARACTERS + 1)
    if len(text) > FILE_CHARACTERS:
        raise CommandFailed(
            f"The file has more than {FILE_CHARACTERS:,} characters.", ExitCode.USAGE
        )
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CommandFailed(f"The file is not valid JSON: {error}", ExitCode.USAGE) from None


def given(**options: Any) -> dict[str, Any]:
    """Return the options that have a value."""
    return {name: value for name, value in options.items() if value is not None}
