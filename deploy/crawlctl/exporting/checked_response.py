"""Reads the response of an export, and detects a response that is no export or is not complete."""

import zlib
from collections.abc import Iterator

import urllib3
from urllib3.exceptions import HTTPError

from crawlctl.failures import CommandFailed
from crawlctl.rest import answer_reading

PIECE_BYTES = 256 * 1024
TYPES = {
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "graphml": "application/graphml+xml",
    "gexf": "application/gexf+xml",
}
_WITH_GZIP_HEADER = 31  # the value of `wbits` for the gzip format


class NotComplete(HTTPError):
    """The response ended, but its content is not complete."""


def check_type(response: urllib3.BaseHTTPResponse, file_format: str, url: str) -> None:
    """Raise CommandFailed if the response has another type, such as the login page of a proxy."""
    found = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if found != TYPES[file_format]:
        raise CommandFailed(
            f"The answer has the type {found or 'unknown'} and is no export: is {url} the address "
            "of an admin-api?"
        )
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("gzip", "identity"):
        raise CommandFailed(f"The answer has the unknown encoding {encoding}.")


def contents(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Yield the content in pieces of at most PIECE_BYTES.

    Raises NotComplete if the end of the content may be missing:

    - The response has neither chunks nor a length. A proxy can remove both from an interrupted
      response.
    - The content is in the gzip format, and the end of this format is missing.

    Raises HTTPError if the connection breaks.
    """
    if not answer_reading.is_framed(response):
        raise NotComplete("a proxy removed the mark of the end of the response")
    pieces = response.stream(PIECE_BYTES, decode_content=False)
    if response.headers.get("Content-Encoding", "").strip().lower() != "gzip":
        yield from pieces
        return
    unpacker = zlib.decompressobj(_WITH_GZIP_HEADER)
    for piece in pieces:
        rest = piece
        while rest and not unpacker.eof:
            try:
                found = unpacker.decompress(rest, PIECE_BYTES)
            except zlib.error as error:
                raise NotComplete(f"the compressed content is damaged: {error}") from None
            rest = unpacker.unconsumed_tail
            if found:
                yield found
    if not unpacker.eof:
        raise NotComplete("the end of the compressed content is missing")
